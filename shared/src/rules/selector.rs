//! Selectors: which accounts, permission sets and principals a rule is about.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    name_template::NameTemplate,
    text_selector::{TagValueSelector, TextSelector},
};
use crate::domain::{
    Account, AccountId, GroupId, OrganizationalUnit, OuId, PermissionSet, PermissionSetArn, Tags, UserId,
};

/// Which accounts.
///
/// The management account is given access by its id only. A selection that gives doesn't see it through `everywhere`, an OU, a
/// tag or a name; a selection that takes away (`except`, and all of a `never`) sees it like any other account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSelector {
    /// All accounts of the organization.
    Everywhere,
    /// Those in one of these OUs or anywhere below.
    InOu(Vec<OuRef>),
    /// Those whose parent is one of these OUs.
    DirectlyInOu(Vec<OuRef>),
    /// Those that have all these tags.
    Tagged(TagSelector),
    /// Those whose name one of these selects.
    Named(Vec<TextSelector>),
    /// These.
    Id(BTreeSet<AccountId>),
    /// Those that every part selects.
    AllOf(Vec<AccountSelector>),
    /// Those that some part selects.
    AnyOf(Vec<AccountSelector>),
    /// Those that `of` selects, less those that one of `except` does.
    Except { of: Box<AccountSelector>, except: Vec<AccountSelector> },
}

/// What a selection is for: it decides whether the management account is seen by other things than its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Give,
    TakeAway,
}

impl Purpose {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Give => Self::TakeAway,
            Self::TakeAway => Self::Give,
        }
    }
}

impl AccountSelector {
    /// Whether a rule with this selector gives access to the account.
    pub fn gives(&self, account: &Account) -> bool {
        self.holds(account, Purpose::Give)
    }

    /// Whether a `never` with this selector takes access to the account away.
    pub fn takes_away(&self, account: &Account) -> bool {
        self.holds(account, Purpose::TakeAway)
    }

    /// Whether a wave with this selector is the account's. A wave gives nothing, so it sees the management account like any other.
    pub fn selects(&self, account: &Account) -> bool {
        self.holds(account, Purpose::TakeAway)
    }

    /// Whether every account that it can select is listed in it by id.
    pub fn lists_ids(&self) -> bool {
        match self {
            Self::Id(_) => true,
            Self::Everywhere | Self::InOu(_) | Self::DirectlyInOu(_) | Self::Tagged(_) | Self::Named(_) => {
                false
            }
            Self::AllOf(parts) => parts.iter().any(Self::lists_ids),
            Self::AnyOf(parts) => parts.iter().all(Self::lists_ids),
            Self::Except { of, except: _ } => of.lists_ids(),
        }
    }

    /// Whether every account that it can select has a tag with this key.
    pub fn requires_tag(&self, key: &str) -> bool {
        match self {
            Self::Tagged(tags) => tags.requires(key),
            Self::Everywhere | Self::InOu(_) | Self::DirectlyInOu(_) | Self::Named(_) | Self::Id(_) => false,
            Self::AllOf(parts) => parts.iter().any(|part| part.requires_tag(key)),
            Self::AnyOf(parts) => parts.iter().all(|part| part.requires_tag(key)),
            Self::Except { of, except: _ } => of.requires_tag(key),
        }
    }

    /// Whether it depends on an account's tags.
    pub(super) fn looks_at_tags(&self) -> bool {
        match self {
            Self::Tagged(_) => true,
            Self::Everywhere | Self::InOu(_) | Self::DirectlyInOu(_) | Self::Named(_) | Self::Id(_) => false,
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().any(Self::looks_at_tags),
            Self::Except { of, except } => of.looks_at_tags() || except.iter().any(Self::looks_at_tags),
        }
    }

    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        match self {
            Self::InOu(ous) | Self::DirectlyInOu(ous) => ous.iter().any(|ou| match ou {
                OuRef::Path(_) => true,
                OuRef::Id(_) => false,
            }),
            Self::Everywhere | Self::Tagged(_) | Self::Named(_) | Self::Id(_) => false,
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().any(Self::looks_at_ou_names),
            Self::Except { of, except } => {
                of.looks_at_ou_names() || except.iter().any(Self::looks_at_ou_names)
            }
        }
    }

    pub(super) fn holds(&self, account: &Account, purpose: Purpose) -> bool {
        let seen = !account.is_management || purpose == Purpose::TakeAway;
        match self {
            Self::Everywhere => seen,
            Self::InOu(ous) => {
                let units = account.path.units();
                seen && (1..=units.len()).any(|depth| ous.iter().any(|ou| ou.is(units.get(..depth))))
            }
            Self::DirectlyInOu(ous) => seen && ous.iter().any(|ou| ou.is(Some(account.path.units()))),
            Self::Tagged(tags) => seen && tags.matches(&account.tags),
            Self::Named(names) => seen && names.iter().any(|name| name.selects(&account.name)),
            Self::Id(ids) => ids.contains(&account.id),
            Self::AllOf(parts) => parts.iter().all(|part| part.holds(account, purpose)),
            Self::AnyOf(parts) => parts.iter().any(|part| part.holds(account, purpose)),
            Self::Except { of, except } => {
                of.holds(account, purpose)
                    && !except.iter().any(|part| part.holds(account, purpose.opposite()))
            }
        }
    }
}

/// An OU, as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OuRef {
    /// Pinned: whatever its name, wherever it hangs.
    Id(OuId),
    /// The names on the way to it from the root, outermost first. An OU with a `/` in its name can't be named so.
    Path(Vec<String>),
}

impl OuRef {
    /// Whether this is the OU at the end of the way down to it.
    fn is(&self, way: Option<&[OrganizationalUnit]>) -> bool {
        let Some(way) = way else { return false };
        match self {
            Self::Id(id) => way.last().is_some_and(|unit| unit.id == *id),
            Self::Path(names) => {
                !way.is_empty()
                    && way.len() == names.len()
                    && way.iter().zip(names).all(|(unit, name)| unit.name == *name)
            }
        }
    }
}

/// What must hold of tags: by key, the values of which any will do. A tag that is missing has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSelector(pub BTreeMap<String, Vec<TagValueSelector>>);

impl TagSelector {
    /// Whether every key has one of its values.
    pub fn matches(&self, tags: &Tags) -> bool {
        self.0.iter().all(|(key, values)| values.iter().any(|value| value.selects(tags.get(key))))
    }

    /// Whether only what has a tag with this key can match.
    fn requires(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|values| !values.iter().any(|value| value.selects(None)))
    }
}

/// Which permission sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionSetSelector {
    /// The one with this name, whichever it is.
    Name(NameTemplate),
    /// Pinned: this one, and not another that takes its name.
    Arn(PermissionSetArn),
    /// All that have these tags.
    Tagged(TagSelector),
}

impl PermissionSetSelector {
    /// The name, of what is selected by name.
    pub fn name(&self) -> Option<&NameTemplate> {
        match self {
            Self::Name(name) => Some(name),
            Self::Arn(_) | Self::Tagged(_) => None,
        }
    }

    /// Whether it selects this permission set for an account. A name that can't be made for the account selects nothing.
    pub fn selects(&self, set: &PermissionSet, account: &Account) -> bool {
        match self {
            Self::Name(name) => name.name_for(account).is_ok_and(|name| set.name == name),
            Self::Arn(arn) => set.arn == *arn,
            Self::Tagged(tags) => tags.matches(&set.tags),
        }
    }
}

/// Which principals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalSelector {
    /// The group with this display name.
    Group(NameTemplate),
    /// Pinned.
    GroupId(GroupId),
    /// The user with this user name. Names of people stay out of logs.
    User(NameTemplate),
    /// Pinned.
    UserId(UserId),
    /// Each user who is a member of the group with this display name, directly and not through the group.
    MembersOf(NameTemplate),
    /// The same of a pinned group.
    MembersOfId(GroupId),
}

impl PrincipalSelector {
    /// The name, of what is selected by name.
    pub fn name(&self) -> Option<&NameTemplate> {
        match self {
            Self::Group(name) | Self::User(name) | Self::MembersOf(name) => Some(name),
            Self::GroupId(_) | Self::UserId(_) | Self::MembersOfId(_) => None,
        }
    }
}

/// A join: what must hold between a permission set's tag and an account for the one to be given in the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The key of the permission set's tag.
    pub permission_set_tag: String,
    pub with: JoinedWith,
    /// The value of the permission set's tag that is any account's, if it has anything to be joined with.
    pub wildcard: Option<String>,
}

/// What of an account a permission set's tag is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinedWith {
    /// The value of the account's tag with this key.
    AccountTag(String),
    /// The name of the OU that the account is directly in.
    NearestOu,
    /// The name of any OU that the account is in.
    AnyOu,
}

impl JoinedWith {
    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        match self {
            Self::NearestOu | Self::AnyOu => true,
            Self::AccountTag(_) => false,
        }
    }
}

impl Join {
    /// Whether it holds. What is missing on either side is no match, the wildcard included.
    pub fn holds(&self, set: &PermissionSet, account: &Account) -> bool {
        self.holds_for(&set.tags, account)
    }

    /// The same for a permission set with these tags.
    pub fn holds_for(&self, tags: &Tags, account: &Account) -> bool {
        let Some(wanted) = tags.get(&self.permission_set_tag) else { return false };
        let is_any = self.wildcard.as_deref() == Some(wanted);
        let fits = |value: &str| is_any || value == wanted;
        match &self.with {
            JoinedWith::AccountTag(key) => account.tags.get(key).is_some_and(fits),
            JoinedWith::NearestOu => account.path.innermost().is_some_and(|unit| fits(&unit.name)),
            JoinedWith::AnyOu => account.path.units().iter().any(|unit| fits(&unit.name)),
        }
    }
}
