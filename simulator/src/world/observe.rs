//! The whole truth, for tests to compare with what Usher believes. Not an AWS operation: no lag, no rate, no log entry.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::domain::{
    Account, AssignmentKey, GroupId, OrganizationalUnit, OuPath, ParentId, PermissionSet, UserId,
};

use super::{Made, World};

impl World {
    /// Every account of the organization as it is now, ordered by id.
    pub fn accounts_now(&self) -> Vec<Account> {
        let organization = &self.organization;
        let account = |id: &shared::domain::AccountId| {
            let facts = organization.account(id)?;
            Some(Account {
                id: id.clone(),
                name: facts.name.clone(),
                state: facts.state,
                path: self.path_now(&facts.parent),
                tags: organization.tags_of(id.as_str()),
                is_management: *id == organization.management,
            })
        };
        organization.accounts.keys().filter_map(account).collect()
    }

    fn path_now(&self, parent: &ParentId) -> OuPath {
        let unit = |(id, unit): (&shared::domain::OuId, &super::units::Unit)| OrganizationalUnit {
            id: id.clone(),
            name: unit.name.clone(),
        };
        let mut units: Vec<_> = self.organization.way_up(parent).map(unit).collect();
        units.reverse();
        OuPath(units)
    }

    /// Every permission set as it is now, ordered by ARN.
    pub fn permission_sets_now(&self) -> Vec<PermissionSet> {
        let set = |(arn, set): (&shared::domain::PermissionSetArn, &super::permission_sets::State)| {
            PermissionSet { arn: arn.clone(), name: set.name.clone(), tags: set.tags.clone() }
        };
        self.permission_sets.iter().map(set).collect()
    }

    /// Every group that has a display name, by it.
    pub fn groups_now(&self) -> BTreeMap<String, GroupId> {
        let named =
            self.directory.groups.iter().filter_map(|(id, group)| Some((group.name.clone()?, id.clone())));
        named.collect()
    }

    /// Every user, by the user name.
    pub fn users_now(&self) -> BTreeMap<String, UserId> {
        self.directory.users.iter().map(|(id, user)| (user.user_name().to_owned(), id.clone())).collect()
    }

    /// The members of every group that has any.
    pub fn members_now(&self) -> BTreeMap<GroupId, BTreeSet<UserId>> {
        let members = self.directory.members.iter();
        members.map(|(group, users)| (group.clone(), users.keys().cloned().collect())).collect()
    }

    /// What an assignment was like from when on, oldest first; `None` where it did not exist.
    pub fn assignment_history(&self, key: &AssignmentKey) -> Vec<(Timestamp, Option<Made>)> {
        self.assignments.history(key)
    }
}
