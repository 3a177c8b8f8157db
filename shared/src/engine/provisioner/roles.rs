//! Where permission sets have their roles, as far as a session knows: from what it has done, and from what it has read. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{AccountId, AssignmentKey, Operation, PermissionSetArn, Principal},
    ledger::{Row, State},
};

/// For each account the permission sets that have their role there, each with those who are known to have it, and to keep it.
#[derive(Debug, Clone, Default)]
pub(super) struct Roles(BTreeMap<AccountId, BTreeMap<PermissionSetArn, BTreeSet<Principal>>>);

impl Roles {
    /// Whether a request may make a role in its account, or delete one. The revoke of the last assignment of a permission set deletes its
    /// role; which one is the last is known only where another is known to stay.
    pub(super) fn may_change(&self, key: &AssignmentKey, operation: Operation) -> bool {
        let who = self.0.get(&key.account).and_then(|sets| sets.get(&key.permission_set));
        match operation {
            Operation::Grant => who.is_none(),
            Operation::Revoke => !who.is_some_and(|who| who.iter().any(|other| *other != key.principal)),
        }
    }

    fn of(&mut self, account: &AccountId, set: &PermissionSetArn) -> &mut BTreeSet<Principal> {
        self.0.entry(account.clone()).or_default().entry(set.clone()).or_default()
    }

    /// AWS has provisioned it.
    pub(super) fn granted(&mut self, key: &AssignmentKey) {
        self.of(&key.account, &key.permission_set).insert(key.principal.clone());
    }

    /// It is to be revoked: it keeps no role any more.
    pub(super) fn leaves(&mut self, key: &AssignmentKey) {
        if let Some(who) = self.0.get_mut(&key.account).and_then(|sets| sets.get_mut(&key.permission_set)) {
            who.remove(&key.principal);
        }
    }

    /// It is gone. It may have been the last one, unless another is known.
    pub(super) fn revoked(&mut self, key: &AssignmentKey) {
        self.leaves(key);
        if let Some(sets) = self.0.get_mut(&key.account) {
            sets.retain(|set, who| *set != key.permission_set || !who.is_empty());
        }
    }

    /// The rows of an account: what is ours is there.
    pub(super) fn read(&mut self, rows: &[Row]) {
        for row in rows.iter().filter(|row| matches!(row.state, State::Ours)) {
            self.granted(&row.key);
        }
    }

    /// AWS has said that somebody has this permission set there.
    pub(super) fn seen(&mut self, account: &AccountId, set: &PermissionSetArn) {
        self.of(account, set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(set: u8, group: u8) -> AssignmentKey {
        AssignmentKey {
            account: "111111111111".parse().unwrap(),
            permission_set: format!(
                "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcde{set}"
            )
            .parse()
            .unwrap(),
            principal: format!("group:f10fac16-ab5b-45c3-86c1-01234567890{group}").parse().unwrap(),
        }
    }

    #[test]
    fn a_first_grant_makes_a_role_and_a_revoke_may_delete_it_unless_another_is_known_to_stay() {
        let mut roles = Roles::default();
        let may = |roles: &Roles, set, group, operation| roles.may_change(&key(set, group), operation);
        assert!(may(&roles, 1, 1, Operation::Grant) && may(&roles, 1, 1, Operation::Revoke));
        roles.granted(&key(1, 1));
        assert!(!may(&roles, 1, 2, Operation::Grant) && may(&roles, 2, 2, Operation::Grant));
        assert!(may(&roles, 1, 1, Operation::Revoke), "it may be the only one");
        assert!(!may(&roles, 1, 2, Operation::Revoke), "the first one stays");
        roles.leaves(&key(1, 1));
        assert!(may(&roles, 1, 2, Operation::Revoke));
        assert!(!may(&roles, 1, 2, Operation::Grant), "the role is still there");
        roles.revoked(&key(1, 1));
        assert!(may(&roles, 1, 2, Operation::Grant));
    }

    #[test]
    fn what_one_keeps_outlives_the_revoke_of_another_and_a_look_says_nothing_of_who_stays() {
        let mut roles = Roles::default();
        roles.granted(&key(1, 1));
        roles.granted(&key(1, 2));
        roles.revoked(&key(1, 1));
        assert!(!roles.may_change(&key(1, 3), Operation::Grant));
        assert!(!roles.may_change(&key(1, 3), Operation::Revoke));
        roles.seen(&key(2, 1).account, &key(2, 1).permission_set);
        assert!(!roles.may_change(&key(2, 1), Operation::Grant));
        assert!(roles.may_change(&key(2, 1), Operation::Revoke));
    }
}
