//! What a rule names or selects, and does not give for now.

use std::fmt;

use crate::{
    domain::{Account, GroupId, PermissionSetArn, RuleId, UserId},
    rules::{AccountData, NameTemplate, PermissionSetSelector, PrincipalSelector},
};

/// What names or selects something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedBy {
    Rule(RuleId),
    /// A `never`, by where it is written: `usher.yaml:12`.
    Never(String),
}

/// ``rule developers`` or ``the `never` at usher.yaml:12``
impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(id) => write!(f, "rule {id}"),
            Self::Never(at) => write!(f, "the `never` at {at}"),
        }
    }
}

/// Something that a rule names and that is proved not to exist (yet), or that it selects and may not give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    Group(String),
    GroupId(GroupId),
    /// A user's name: not for logs.
    User(String),
    UserId(UserId),
    PermissionSet(String),
    PermissionSetArn(PermissionSetArn),
    /// What the account has not got, and a name would be made from.
    AccountData(AccountData),
    /// A protected permission set that the rule selects by more than its name, or in accounts that it does not list.
    Protected(String),
}

impl Missing {
    /// What is missing where a rule's permission set is absent. A selection by tags never is: it may be of none.
    pub(super) fn permission_set(selector: &PermissionSetSelector, account: &Account) -> Option<Self> {
        match selector {
            PermissionSetSelector::Name(name) => Some(Self::named(name, account, Self::PermissionSet)),
            PermissionSetSelector::Arn(arn) => Some(Self::PermissionSetArn(arn.clone())),
            PermissionSetSelector::Tagged(_) => None,
        }
    }

    /// What is missing where a rule's principal is absent.
    pub(super) fn principal(selector: &PrincipalSelector, account: &Account) -> Self {
        match selector {
            PrincipalSelector::Group(name) | PrincipalSelector::MembersOf(name) => {
                Self::named(name, account, Self::Group)
            }
            PrincipalSelector::User(name) => Self::named(name, account, Self::User),
            PrincipalSelector::GroupId(id) | PrincipalSelector::MembersOfId(id) => Self::GroupId(id.clone()),
            PrincipalSelector::UserId(id) => Self::UserId(id.clone()),
        }
    }

    fn named(name: &NameTemplate, account: &Account, missing: fn(String) -> Self) -> Self {
        match name.name_for(account) {
            Ok(name) => missing(name.into_owned()),
            Err(data) => Self::AccountData(data),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group `{name}`"),
            Self::GroupId(id) => write!(f, "group {id}"),
            Self::User(name) => write!(f, "user `{name}`"),
            Self::UserId(id) => write!(f, "user {id}"),
            Self::PermissionSet(name) => write!(f, "permission set `{name}`"),
            Self::PermissionSetArn(arn) => write!(f, "permission set {arn}"),
            Self::AccountData(data) => write!(f, "a name made from `{data}`, which the account has not got"),
            Self::Protected(name) => write!(
                f,
                "permission set `{name}`, which is protected: only a rule that names it, in accounts that it lists by id, gives it"
            ),
        }
    }
}
