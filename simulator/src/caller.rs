//! Who makes a call: the log tells Usher's calls from a person's by it.

use std::sync::Arc;

use shared::domain::AccountId;

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Caller {
    /// The role's name, such as `usher`. Not a person's name.
    pub name: Arc<str>,
    /// The account that the role is in.
    pub account: AccountId,
    /// What AWS lets it do.
    pub kind: CallerKind,
}

impl Caller {
    /// A caller of this name, account and standing.
    pub fn new(name: &str, account: AccountId, kind: CallerKind) -> Self {
        Self { name: name.into(), account, kind }
    }
}
