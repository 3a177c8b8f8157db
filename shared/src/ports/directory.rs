//! The identity store: who is behind a name.

use std::collections::BTreeSet;

use super::PortError;
use crate::domain::{GroupId, UserId};

/// Looks up groups and users. `None` means proved absent; a look-up that could not be made is an error.
#[async_trait::async_trait]
pub trait Directory: Send + Sync {
    /// The group with exactly this display name.
    async fn group_id(&self, name: &str) -> Result<Option<GroupId>, PortError>;
    /// The user with exactly this user name.
    async fn user_id(&self, user_name: &str) -> Result<Option<UserId>, PortError>;
    /// The display name that a group has now.
    async fn group_name(&self, id: &GroupId) -> Result<Option<String>, PortError>;
    /// The user name that a user has now.
    async fn user_name(&self, id: &UserId) -> Result<Option<String>, PortError>;
    /// All users who are members of a group, to the last page or not at all; `None` only if the group does not exist.
    async fn members(&self, group: &GroupId) -> Result<Option<BTreeSet<UserId>>, PortError>;
}
