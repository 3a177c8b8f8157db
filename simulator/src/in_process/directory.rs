//! The identity store's port.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{GroupId, UserId},
    ports::{Directory, Memberships, PortError, UserNames},
};

use super::{InProcess, lock, port_error, read, unless_absent};
use crate::{ApiError, wire::identity_store as wire};

/// Only these two are proof that the group or the user is not there; a missing identity store is not.
fn absent(kind: &'static str) -> impl Fn(&ApiError) -> bool {
    move |error| {
        error.code == "ResourceNotFoundException"
            && error.extra.get("ResourceType").is_some_and(|what| what == kind)
    }
}

fn by(path: &str, value: &str) -> wire::AlternateIdentifier {
    let unique = wire::UniqueAttribute { attribute_path: path.to_owned(), attribute_value: value.into() };
    wire::AlternateIdentifier { external_id: None, unique_attribute: Some(unique) }
}

impl InProcess {
    /// The identity store of the instance, which does not change.
    fn store(&self) -> String {
        lock(&self.world).identity_store()
    }
}

#[async_trait::async_trait]
impl Directory for InProcess {
    async fn group_id(&self, name: &str) -> Result<Option<GroupId>, PortError> {
        let input = wire::GetGroupId {
            identity_store_id: self.store(),
            alternate_identifier: by("displayName", name),
        };
        let answer = unless_absent(self.call(input).await, absent("GROUP"))?;
        answer.map(|answer| read(&answer.group_id)).transpose()
    }

    async fn user_id(&self, user_name: &str) -> Result<Option<UserId>, PortError> {
        let input = wire::GetUserId {
            identity_store_id: self.store(),
            alternate_identifier: by("userName", user_name),
        };
        let answer = unless_absent(self.call(input).await, absent("USER"))?;
        answer.map(|answer| read(&answer.user_id)).transpose()
    }

    async fn group_name(&self, id: &GroupId) -> Result<Option<String>, PortError> {
        let input = wire::DescribeGroup { identity_store_id: self.store(), group_id: id.to_string() };
        let answer = unless_absent(self.call(input).await, absent("GROUP"))?;
        Ok(answer.and_then(|group| group.display_name))
    }

    async fn user_name(&self, id: &UserId) -> Result<Option<String>, PortError> {
        let input =
            wire::DescribeUser { identity_store_id: self.store(), user_id: id.to_string(), extensions: None };
        let answer = unless_absent(self.call(input).await, absent("USER"))?;
        Ok(answer.and_then(|user| user.user_name))
    }

    async fn memberships(&self, group: &GroupId) -> Result<Option<Memberships>, PortError> {
        let mut members = Memberships::new();
        let mut token = None;
        loop {
            let input = wire::ListGroupMemberships {
                identity_store_id: self.store(),
                group_id: group.to_string(),
                max_results: None,
                next_token: token,
            };
            let Some(page) = unless_absent(self.call(input).await, absent("GROUP"))? else {
                return Ok(None);
            };
            for membership in page.group_memberships {
                members.insert(read(&membership.member_id.user_id)?, Some(read(&membership.membership_id)?));
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(Some(members));
            }
        }
    }

    async fn groups_of(&self, user: &UserId) -> Result<Option<BTreeSet<GroupId>>, PortError> {
        let mut groups = BTreeSet::new();
        let mut token = None;
        loop {
            let input = wire::ListGroupMembershipsForMember {
                identity_store_id: self.store(),
                member_id: wire::MemberId { user_id: user.to_string() },
                max_results: None,
                next_token: token,
            };
            let Some(page) = unless_absent(self.call(input).await, absent("USER"))? else {
                return Ok(None);
            };
            for membership in page.group_memberships {
                groups.insert(read(&membership.group_id)?);
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(Some(groups));
            }
        }
    }

    async fn all_groups(&self) -> Result<BTreeMap<GroupId, String>, PortError> {
        let mut groups = BTreeMap::new();
        let mut token = None;
        loop {
            let input = wire::ListGroups {
                identity_store_id: self.store(),
                max_results: None,
                next_token: token,
                filters: None,
            };
            let page = self.call(input).await.map_err(port_error)?;
            for group in page.groups {
                if let Some(name) = group.display_name {
                    groups.insert(read(&group.group_id)?, name);
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    async fn people(&self) -> Result<BTreeMap<UserId, UserNames>, PortError> {
        let mut users = BTreeMap::new();
        let mut token = None;
        loop {
            let input = wire::ListUsers {
                identity_store_id: self.store(),
                extensions: None,
                max_results: None,
                next_token: token,
                filters: None,
            };
            let page = self.call(input).await.map_err(port_error)?;
            for user in page.users {
                let names = UserNames { user_name: user.user_name, display_name: user.display_name };
                users.insert(read(&user.user_id)?, names);
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(users);
            }
        }
    }
}
