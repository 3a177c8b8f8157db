//! Who makes a call: the log tells Usher's calls from a person's by it, and policies say what it may.

use std::{collections::BTreeMap, sync::Arc};

use shared::domain::{AccountId, Tags};

use crate::iam::{Policy, TrustPolicy};

/// Where a caller stands in the organization; it decides what AWS lets it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// A role of the organization's management account.
    Management,
    /// A role of the account that Identity Center and the reading of Organizations are delegated to.
    DelegatedAdministrator,
    /// A role of any other account.
    Member,
}

/// One caller: a role's name, its account and its standing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Caller {
    /// The role's name, such as `usher`. Not a person's name.
    pub name: Arc<str>,
    /// The account that the role is in.
    pub account: AccountId,
    /// What AWS lets it do.
    pub kind: CallerKind,
    /// The name of the session, where the role was assumed by STS; else that of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Arc<str>>,
}

impl Caller {
    /// A caller of this name, account and standing.
    pub fn new(name: &str, account: AccountId, kind: CallerKind) -> Self {
        Self { name: name.into(), account, kind, session: None }
    }

    /// What its session is called.
    pub(crate) fn session(&self) -> &str {
        self.session.as_deref().unwrap_or(&self.name)
    }
}

/// An IAM role that calls: what its policies allow, and the tags that they may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name, such as `usher`.
    pub name: Arc<str>,
    /// The account that it is in.
    pub account: AccountId,
    /// Its tags: `aws:PrincipalTag/…` in policies.
    pub tags: Tags,
    /// Its policies; `None` for a role that may do whatever its account may, as an administrator.
    pub policies: Option<Vec<Policy>>,
    /// Who may assume it; without it, nobody.
    pub trust: Option<TrustPolicy>,
}

/// The access key, or the role, is another's already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleTaken {
    /// The key signs for another role.
    #[error("the access key `{0}` is there twice")]
    Key(String),
    /// The role is there, with another key.
    #[error("the role `{name}` of account `{account}` is there twice")]
    Role {
        /// The role's name.
        name: Arc<str>,
        /// Its account.
        account: AccountId,
    },
}

/// A role's account and name.
type RoleKey = (AccountId, Arc<str>);

/// Which access key signs for which role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    by_key: BTreeMap<String, RoleKey>,
    by_name: BTreeMap<RoleKey, Role>,
    /// Whether a key that is not here is refused, and not an administrator's.
    pub(crate) unknown_keys_are_refused: bool,
}

impl Roles {
    pub(crate) fn add(&mut self, access_key: &str, role: Role) -> Result<(), RoleTaken> {
        let key = (role.account.clone(), Arc::clone(&role.name));
        if self.by_key.contains_key(access_key) {
            return Err(RoleTaken::Key(access_key.to_owned()));
        }
        if self.by_name.contains_key(&key) {
            return Err(RoleTaken::Role { name: role.name, account: role.account });
        }
        self.by_key.insert(access_key.to_owned(), key.clone());
        self.by_name.insert(key, role);
        Ok(())
    }

    /// The role that a key signs for.
    pub(crate) fn of_key(&self, access_key: &str) -> Option<&Role> {
        self.by_key.get(access_key).and_then(|key| self.by_name.get(key))
    }

    /// The role that a caller is.
    pub(crate) fn of(&self, caller: &Caller) -> Option<&Role> {
        self.by_name.get(&(caller.account.clone(), Arc::clone(&caller.name)))
    }

    /// The role of a name in an account.
    pub(crate) fn named(&self, account: &AccountId, name: &str) -> Option<&Role> {
        self.by_name.get(&(account.clone(), name.into()))
    }

    /// All of them with their keys, ordered by key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Role)> {
        self.by_key.iter().filter_map(|(access_key, key)| Some((access_key.as_str(), self.by_name.get(key)?)))
    }
}
