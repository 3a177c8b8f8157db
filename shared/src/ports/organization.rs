//! The organization: its accounts, OUs and tags.

use std::collections::BTreeMap;

use super::PortError;
use crate::domain::{AccountId, AccountState, OuId, ParentId, RootId, Tags};

/// An account as Organizations lists it: ids only; the names of its OUs and its tags are read apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    pub id: AccountId,
    pub name: String,
    pub state: AccountState,
    /// The root that it hangs below.
    pub root: RootId,
    /// The OUs from the root down to the account's parent, outermost first.
    pub parents: Vec<OuId>,
}

/// What does not change about an organization.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OrganizationFacts {
    /// `o-` and ten to thirty-two characters.
    pub id: String,
    pub management_account: AccountId,
}

/// Reads the organization. Every answer is whole: a listing with a failed page is an error, never a shorter listing.
#[async_trait::async_trait]
pub trait OrganizationReader: Send + Sync {
    /// The organization that the caller belongs to.
    async fn organization(&self) -> Result<OrganizationFacts, PortError>;
    /// One account; `None` only when AWS says that the organization has no such account.
    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError>;
    /// All accounts, ordered by id.
    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError>;
    /// The tags of an account, by `ListTagsForResource`; `None` only when AWS says that it doesn't exist.
    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError>;
    /// The tags of many accounts, by the tagging API's `GetResources`. A hint and no proof: accounts without tags are not in it, where it may not
    /// be asked it can be empty, and how late a change shows in it is undocumented.
    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError>;
    /// The names of the OUs directly below the root or an OU; `None` only when AWS says that it doesn't exist.
    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError>;
    /// The name of an OU; `None` only when AWS says that it doesn't exist.
    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError>;
}
