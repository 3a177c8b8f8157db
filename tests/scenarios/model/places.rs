//! Which accounts a rule is about, said and meant.

use std::collections::BTreeSet;

use shared::domain::Account;

use super::{quoted, tag};

/// Where a rule holds.
#[derive(Debug, Clone)]
pub(in crate::scenarios) enum Where {
    Everywhere,
    InOu(String),
    DirectlyInOu(String),
    Tagged(String, Vec<String>),
    /// With or without a tag, whatever its value.
    Has(String, bool),
    /// With a tag whose value begins so.
    TagBegins(String, String),
    Named(String),
    Id(String),
    All(Vec<Where>),
    Any(Vec<Where>),
    Except(Box<Where>, Vec<Where>),
}

impl Where {
    pub(in crate::scenarios) fn except(self, less: impl IntoIterator<Item = Where>) -> Self {
        Self::Except(Box::new(self), less.into_iter().collect())
    }

    /// Whether it selects this account. What gives access leaves the management account out unless it is named by its id.
    pub(super) fn selects(&self, account: &Account, gives: bool) -> bool {
        let path: Vec<&str> = account.path.units().iter().map(|unit| unit.name.as_str()).collect();
        let found = match self {
            Self::Id(id) => return account.id.as_str() == id,
            Self::All(all) => return all.iter().all(|each| each.selects(account, gives)),
            Self::Any(any) => return any.iter().any(|each| each.selects(account, gives)),
            Self::Except(from, less) => {
                return from.selects(account, gives) && !less.iter().any(|each| each.selects(account, false));
            }
            Self::Everywhere => true,
            Self::InOu(ou) => path.starts_with(&ou.split('/').collect::<Vec<_>>()),
            Self::DirectlyInOu(ou) => path == ou.split('/').collect::<Vec<_>>(),
            Self::Tagged(key, values) => {
                account.tags.get(key).is_some_and(|value| values.iter().any(|one| one == value))
            }
            Self::Has(key, has) => account.tags.get(key).is_some() == *has,
            Self::TagBegins(key, beginning) => {
                account.tags.get(key).is_some_and(|value| value.starts_with(beginning.as_str()))
            }
            Self::Named(name) => account.name == *name,
        };
        found && !(gives && account.is_management)
    }

    /// The keys of the tags that it looks at.
    pub(super) fn tags(&self) -> BTreeSet<&str> {
        match self {
            Self::Tagged(key, _) | Self::Has(key, _) | Self::TagBegins(key, _) => {
                BTreeSet::from([key.as_str()])
            }
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::tags).collect(),
            Self::Except(from, less) => {
                from.tags().into_iter().chain(less.iter().flat_map(Self::tags)).collect()
            }
            Self::Everywhere | Self::InOu(_) | Self::DirectlyInOu(_) | Self::Named(_) | Self::Id(_) => {
                BTreeSet::new()
            }
        }
    }

    pub(super) fn yaml(&self) -> String {
        let list = |all: &[Self]| all.iter().map(Self::yaml).collect::<Vec<_>>().join(", ");
        match self {
            Self::Everywhere => "everywhere".to_owned(),
            Self::InOu(ou) => format!("{{ in_ou: {} }}", quoted(ou)),
            Self::DirectlyInOu(ou) => format!("{{ directly_in_ou: {} }}", quoted(ou)),
            Self::Tagged(key, values) => format!("{{ tagged: {} }}", tag(key, values)),
            Self::Has(key, has) => {
                let word = if *has { "present" } else { "absent" };
                format!("{{ tagged: {{ {}: {{ {word}: true }} }} }}", quoted(key))
            }
            Self::TagBegins(key, beginning) => {
                format!("{{ tagged: {{ {}: {{ like: \"{beginning}*\" }} }} }}", quoted(key))
            }
            Self::Named(name) => format!("{{ named: {} }}", quoted(name)),
            Self::Id(id) => format!("{{ id: {} }}", quoted(id)),
            Self::All(all) => format!("{{ all_of: [{}] }}", list(all)),
            Self::Any(any) => format!("{{ any_of: [{}] }}", list(any)),
            Self::Except(from, less) => format!("{{ all_of: [{}], except: [{}] }}", from.yaml(), list(less)),
        }
    }
}

/// Shorthands for the selectors that take one text.
pub(in crate::scenarios) fn in_ou(path: &str) -> Where {
    Where::InOu(path.to_owned())
}

pub(in crate::scenarios) fn tagged(key: &str, value: &str) -> Where {
    Where::Tagged(key.to_owned(), vec![value.to_owned()])
}
