//! What a team may give: which permission sets in which accounts, whatever its rules say.

use std::{collections::BTreeSet, fmt};

use super::{
    finding::Finding,
    rule_set::{Team, WrittenAt},
    selector::{AccountSelector, PermissionSetSelector},
    text_selector::TagValueSelector,
};
use crate::domain::{Account, PermissionSet, PermissionSetArn, Tags};

/// How far a team may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TeamScope {
    /// Nothing is said, as in documents in which no team has a scope: its files may give anything anywhere.
    #[default]
    Unsaid,
    /// The same, in so many words.
    Unlimited,
    /// What it gives lies in at least one of these.
    Within(Vec<Scope>),
}

impl Team {
    /// What its rules must stay within; `None` where it may give anything anywhere.
    pub fn limits(&self) -> Option<&[Scope]> {
        match &self.scope {
            TeamScope::Within(scopes) => Some(scopes),
            TeamScope::Unsaid | TeamScope::Unlimited => None,
        }
    }
}

/// These permission sets in these accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub permission_sets: ScopeSets,
    pub accounts: AccountSelector,
    /// What IAM alone can ask: Usher doesn't know who wrote a rule, so they narrow the delegated policy only.
    pub principal_matches: Vec<PrincipalMatch>,
    pub written_at: WrittenAt,
}

/// The permission sets of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeSets {
    /// All but those that are protected.
    Any,
    /// Those that one of these selects; a protected one only by its name or its ARN.
    These(Vec<PermissionSetSelector>),
}

/// A tag of the permission set must have the value of an attribute of whoever is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalMatch {
    pub permission_set_tag: String,
    /// The key of the principal's tag: an attribute for access control.
    pub principal_tag: String,
    /// The value of the permission set's tag that fits everybody who has the attribute.
    pub wildcard: Option<String>,
}

/// A permission set as a scope sees it. One that is only declared has no ARN yet.
#[derive(Debug, Clone, Copy)]
pub struct ScopedSet<'a> {
    pub name: &'a str,
    pub arn: Option<&'a PermissionSetArn>,
    pub tags: &'a Tags,
}

impl<'a> From<&'a PermissionSet> for ScopedSet<'a> {
    fn from(PermissionSet { arn, name, tags }: &'a PermissionSet) -> Self {
        Self { name, arn: Some(arn), tags }
    }
}

impl Scope {
    /// Whether giving this permission set in this account lies in it.
    ///
    /// The management account is in no scope but by its id, as in rules.
    pub fn takes_in(&self, account: &Account, set: ScopedSet<'_>, protected: &BTreeSet<String>) -> bool {
        self.accounts.gives(account) && self.permission_sets.take_in(set, protected)
    }

    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        self.accounts.looks_at_ou_names()
    }

    /// Whether it depends on permission sets' tags.
    pub fn looks_at_set_tags(&self) -> bool {
        match &self.permission_sets {
            ScopeSets::Any => false,
            ScopeSets::These(all) => {
                all.iter().any(|selector| matches!(selector, PermissionSetSelector::Tagged(_)))
            }
        }
    }

    /// Why it takes this in, or doesn't: one part for where, and one for what where that is asked.
    pub fn why(
        &self,
        account: &Account,
        set: Option<ScopedSet<'_>>,
        protected: &BTreeSet<String>,
    ) -> Finding {
        let mut parts = vec![self.accounts.why_gives(account)];
        parts.extend(set.map(|set| self.permission_sets.why(set, protected)));
        Finding::all_of(parts)
    }
}

impl ScopeSets {
    /// Whether the permission set is among them.
    pub fn take_in(&self, set: ScopedSet<'_>, protected: &BTreeSet<String>) -> bool {
        let is_protected = protected.contains(set.name);
        match self {
            Self::Any => !is_protected,
            Self::These(all) => all.iter().any(|selector| match selector {
                PermissionSetSelector::Name(name) => name.as_plain() == Some(set.name),
                PermissionSetSelector::Arn(arn) => set.arn == Some(arn),
                PermissionSetSelector::Tagged(tags) => !is_protected && tags.matches(set.tags),
            }),
        }
    }

    /// Whether it has some permission set by its ARN.
    pub fn pins_one(&self) -> bool {
        match self {
            Self::Any => false,
            Self::These(all) => all.iter().any(|it| matches!(it, PermissionSetSelector::Arn(_))),
        }
    }

    fn why(&self, set: ScopedSet<'_>, protected: &BTreeSet<String>) -> Finding {
        let holds = self.take_in(set, protected);
        if !holds && protected.contains(set.name) {
            let found = "it is protected, and only a scope that names it has it".to_owned();
            return Finding::leaf(false, "permission_sets", self.to_string(), found);
        }
        let of_tags = |tags: &super::TagSelector| tags.why(set.tags, "the permission set");
        match self {
            Self::These(all) => match all.as_slice() {
                [PermissionSetSelector::Tagged(tags)] => of_tags(tags),
                _ => {
                    Finding::leaf(holds, "permission_sets", self.to_string(), format!("it is `{}`", set.name))
                }
            },
            Self::Any => {
                Finding::leaf(holds, "permission_sets", self.to_string(), format!("it is `{}`", set.name))
            }
        }
    }
}

/// How many of a list are written.
const LISTED: usize = 6;

fn listed<T: fmt::Display>(all: impl IntoIterator<Item = T>, between: &str) -> String {
    let mut all: Vec<String> = all.into_iter().map(|it| it.to_string()).collect();
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let told = all.join(between);
    if more == 0 { told } else { format!("{told}{between}{more} more") }
}

/// `any permission set`, or `ReadOnlyAccess or tagged Environment: Development or All`
impl fmt::Display for ScopeSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any permission set"),
            Self::These(all) => f.write_str(&listed(all, " or ")),
        }
    }
}

/// As people say it: the bare name, the ARN, or the tags.
impl fmt::Display for PermissionSetSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
            Self::Tagged(tags) => tags.fmt(f),
        }
    }
}

/// `tagged Environment: Development or All, OU: Test`
impl fmt::Display for super::TagSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = |values: &[TagValueSelector]| listed(values, " or ");
        let tags: Vec<String> = self.0.iter().map(|(key, all)| format!("{key}: {}", values(all))).collect();
        write!(f, "tagged {}", tags.join(", "))
    }
}

/// As people say it: `in_ou Workloads/Development and tagged Environment: Test`
impl fmt::Display for AccountSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |parts: &[Self], between: &str| match parts {
            [only] => only.to_string(),
            several => format!("({})", listed(several, between)),
        };
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::InOu(ous) => write!(f, "in_ou {}", listed(ous, " or ")),
            Self::DirectlyInOu(ous) => write!(f, "directly_in_ou {}", listed(ous, " or ")),
            Self::Tagged(tags) => tags.fmt(f),
            Self::Named(names) => write!(f, "named {}", listed(names, " or ")),
            Self::Id(ids) => write!(f, "id {}", listed(ids, " or ")),
            Self::AllOf(parts) => f.write_str(&bracketed(parts, " and ")),
            Self::AnyOf(parts) => f.write_str(&bracketed(parts, " or ")),
            Self::Except { of, except } => write!(f, "{of} except {}", bracketed(except, " or ")),
        }
    }
}

/// `ReadOnlyAccess, everywhere`
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.permission_sets, self.accounts)
    }
}
