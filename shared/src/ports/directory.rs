//! The identity store: who is behind a name.

use std::collections::{BTreeMap, BTreeSet};

use super::PortError;
use crate::domain::{GroupId, MembershipId, UserId};

/// The members of a group.
pub type Memberships = BTreeMap<UserId, Option<MembershipId>>;

/// What a user is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNames {
    pub user_name: Option<String>,
    pub display_name: Option<String>,
}

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
    /// All users who are members of a group, to the last page or not at all, each with the membership's id where AWS tells it; `None` only
    /// if the group does not exist.
    async fn memberships(&self, group: &GroupId) -> Result<Option<Memberships>, PortError>;
    /// All groups that a user is in, to the last page or not at all; `None` only if the user does not exist.
    async fn groups_of(&self, user: &UserId) -> Result<Option<BTreeSet<GroupId>>, PortError>;
    /// The display names of all groups, for people who have mistyped one.
    async fn all_groups(&self) -> Result<BTreeMap<GroupId, String>, PortError>;
    /// All users, to the last page or not at all.
    async fn people(&self) -> Result<BTreeMap<UserId, UserNames>, PortError>;
    /// The user names of all users, for people who have mistyped one.
    async fn all_users(&self) -> Result<BTreeMap<UserId, String>, PortError> {
        let people = self.people().await?.into_iter();
        Ok(people.filter_map(|(id, names)| Some((id, names.user_name?))).collect())
    }
    /// The members alone.
    async fn members(&self, group: &GroupId) -> Result<Option<BTreeSet<UserId>>, PortError> {
        Ok(self.memberships(group).await?.map(|memberships| memberships.into_keys().collect()))
    }
}
