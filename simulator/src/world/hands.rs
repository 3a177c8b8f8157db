//! What a person would do, and what builds a world: changes that take effect at once, outside the protocol.

use jiff::Timestamp;
use shared::domain::{
    AccountId, AccountState, AssignmentKey, GroupId, OuId, ParentId, PermissionSetArn, Tags, UserId,
};

use super::{
    Made, World, accounts::Facts, departures::Outsider, directory::spelling, permission_sets,
    timeline::Timeline, units::Unit,
};
use crate::{
    ApiError, Caller,
    wire::{identity_store as store, organizations as org},
};

/// A permission set that a description makes.
#[derive(Debug)]
pub(crate) struct NewPermissionSet {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) session_duration: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) managed_policies: std::collections::BTreeSet<String>,
}

/// An account that a description makes.
#[derive(Debug)]
pub(crate) struct NewAccount {
    pub(crate) id: AccountId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) state: AccountState,
    pub(crate) parent: ParentId,
    pub(crate) tags: Tags,
}

impl World {
    /// A person makes an assignment in the console: it is there at once, with no request and no log entry.
    pub fn grant_by_hand(&mut self, now: Timestamp, by: &Caller, key: &AssignmentKey) {
        self.advance(now);
        self.put_assignment(self.now, by, key);
    }

    pub(crate) fn put_assignment(&mut self, at: Timestamp, by: &Caller, key: &AssignmentKey) {
        let version = self.permission_sets.get(&key.permission_set).map_or(0, |set| set.version);
        self.assignments.set(at, key, Some(Made { by: by.clone(), at, request: None }));
        self.assignments.provision(at, &key.account, &key.permission_set, version, false);
    }

    /// A person takes an assignment away: it is gone at once.
    pub fn revoke_by_hand(&mut self, now: Timestamp, key: &AssignmentKey) {
        self.advance(now);
        if self.assignments.get(key).is_some() {
            self.assignments.set(self.now, key, None);
        }
    }

    /// AWS, or its support, puts an account into another state, such as suspended.
    pub fn set_account_state(&mut self, now: Timestamp, account: &AccountId, state: AccountState) {
        self.advance(now);
        self.organization.change(self.now, account, |facts| facts.state = state);
        if state == AccountState::Closed {
            self.will_be_cleaned(account.clone());
        }
    }

    /// An account leaves the organization: Organizations knows it no more, and Identity Center refuses it. Its lists forget it
    /// at once, whatever their lag. No event tells of it.
    pub fn depart(&mut self, now: Timestamp, account: &AccountId) {
        self.advance(now);
        if *account != self.organization.management {
            self.let_go(account);
        }
    }

    /// There is an AWS account outside of the organization, which can be invited.
    pub fn put_outside(&mut self, account: AccountId, name: &str, email: &str) {
        let outsider = Outsider { name: name.to_owned(), email: email.to_owned() };
        self.organization.outside.insert(account, outsider);
    }

    /// An account gets what it needs to leave the organization: contact and payment details, a support plan.
    pub fn can_stand_alone(&mut self, now: Timestamp, account: &AccountId) {
        self.advance(now);
        self.organization.change(self.now, account, |facts| facts.can_stand_alone = true);
    }

    /// A person renames an OU, by the API.
    pub fn rename_ou(&mut self, now: Timestamp, by: &Caller, ou: &OuId, name: &str) -> Result<(), ApiError> {
        let input = org::UpdateOrganizationalUnit {
            organizational_unit_id: ou.to_string(),
            name: Some(name.to_owned()),
        };
        self.call(now, by, input).map(drop)
    }

    /// A person moves an account, from wherever it is.
    pub fn move_account(
        &mut self,
        now: Timestamp,
        by: &Caller,
        account: &AccountId,
        to: &ParentId,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let from =
            self.organization.account(account).map(|facts| facts.parent.to_string()).unwrap_or_default();
        let input = org::MoveAccount {
            account_id: account.to_string(),
            source_parent_id: from,
            destination_parent_id: to.to_string(),
        };
        self.call(now, by, input).map(drop)
    }

    /// A person deletes a group, by the API.
    pub fn delete_group(&mut self, now: Timestamp, by: &Caller, group: &GroupId) -> Result<(), ApiError> {
        let input = store::DeleteGroup {
            identity_store_id: self.identity_store(),
            group_id: group.to_string(),
            revision: None,
        };
        self.call(now, by, input).map(drop)
    }

    /// A person renames a group, by the API.
    pub fn rename_group(
        &mut self,
        now: Timestamp,
        by: &Caller,
        group: &GroupId,
        name: &str,
    ) -> Result<(), ApiError> {
        let operation = store::AttributeOperation {
            attribute_path: "displayName".to_owned(),
            attribute_value: Some(name.into()),
        };
        let input = store::UpdateGroup {
            identity_store_id: self.identity_store(),
            group_id: group.to_string(),
            operations: vec![operation],
            revision: None,
        };
        self.call(now, by, input).map(drop)
    }

    /// Switches the permission sets of all instances on or off.
    pub fn set_permission_sets_enabled(&mut self, enabled: bool) {
        for instance in &mut self.instances {
            instance.permission_sets_enabled = enabled;
        }
    }

    /// The instances, to take away or to add to.
    pub fn instances_mut(&mut self) -> &mut Vec<super::Instance> {
        &mut self.instances
    }

    /// The organization's id.
    pub fn organization_id(&self) -> &str {
        &self.organization.id
    }

    /// The management account.
    pub fn management_account(&self) -> &AccountId {
        &self.organization.management
    }

    /// The partition that everything is in, by the first instance's ARN: `aws`, where there is none.
    pub(crate) fn partition(&self) -> &str {
        let arn = self.instances.first().map_or("", |instance| instance.arn.as_str());
        arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
    }

    /// The first instance's identity store; empty if there is no instance.
    pub fn identity_store(&self) -> String {
        self.instances.first().map(|instance| instance.identity_store.to_string()).unwrap_or_default()
    }

    /// The account with this name.
    pub fn account_named(&self, name: &str) -> Option<AccountId> {
        let named = |line: &Timeline<Facts>| line.latest().is_some_and(|facts| facts.name == name);
        self.organization.accounts.iter().find(|(_, line)| named(line)).map(|(id, _)| id.clone())
    }

    /// The OU at this path of names, such as `Workloads/Development`.
    pub fn ou_at(&self, path: &str) -> Option<OuId> {
        let mut parent = ParentId::Root(self.organization.root.clone());
        for name in path.split('/') {
            let here = |unit: &Unit| unit.parent == parent && unit.name == name;
            let (id, _) = self.organization.units.iter().find(|(_, unit)| here(unit))?;
            parent = ParentId::Ou(id.clone());
        }
        match parent {
            ParentId::Ou(id) => Some(id),
            ParentId::Root(_) => None,
        }
    }

    /// The root of the organization.
    pub fn root(&self) -> ParentId {
        ParentId::Root(self.organization.root.clone())
    }

    /// The group with this display name.
    pub fn group_named(&self, name: &str) -> Option<GroupId> {
        self.directory.group_names.get(&spelling(self, name)).cloned()
    }

    /// The user with this user name.
    pub fn user_named(&self, name: &str) -> Option<UserId> {
        self.directory.user_names.get(&spelling(self, name)).cloned()
    }

    /// The permission set with this name.
    pub fn permission_set_named(&self, name: &str) -> Option<PermissionSetArn> {
        self.permission_sets.iter().find(|(_, set)| set.name == name).map(|(arn, _)| arn.clone())
    }

    /// The name of a permission set.
    pub fn permission_set_name(&self, arn: &PermissionSetArn) -> Option<&str> {
        self.permission_sets.get(arn).map(|set| set.name.as_str())
    }

    /// The display name of a group.
    pub fn group_name(&self, group: &GroupId) -> Option<&str> {
        self.directory.groups.get(group).and_then(|group| group.name.as_deref())
    }

    /// The name of an account.
    pub fn account_name(&self, account: &AccountId) -> Option<&str> {
        self.organization.account(account).map(|facts| facts.name.as_str())
    }

    pub(crate) fn put_unit(&mut self, id: OuId, name: &str, parent: ParentId, tags: Tags) {
        self.organization.set_tags(Timestamp::MIN, id.as_str(), tags);
        self.organization.units.insert(id, Unit { name: name.to_owned(), parent });
    }

    pub(crate) fn put_account(&mut self, since: Timestamp, account: NewAccount) {
        let NewAccount { id, name, email, state, parent, tags } = account;
        let facts = Facts {
            name,
            email,
            state,
            parent,
            joined_at: since,
            joined_method: "CREATED",
            can_stand_alone: true,
        };
        self.organization.set_tags(Timestamp::MIN, id.as_str(), tags);
        let mut line = Timeline::default();
        line.set(Timestamp::MIN, facts);
        self.organization.accounts.insert(id, line);
    }

    pub(crate) fn put_permission_set(
        &mut self,
        since: Timestamp,
        arn: PermissionSetArn,
        set: NewPermissionSet,
    ) {
        let NewPermissionSet { name, description, session_duration, tags, managed_policies } = set;
        let state = permission_sets::State {
            name,
            description,
            session_duration: session_duration.or_else(|| Some("PT1H".to_owned())),
            created_at: since,
            tags,
            managed_policies,
            version: 1,
            ..permission_sets::State::default()
        };
        self.permission_sets.insert(arn, state);
    }
}
