//! What an account may hold at most: permission sets, and groups that have one of them. Grants under way count as done.

use std::collections::BTreeSet;

use shared::domain::{AccountId, AssignmentKey, PermissionSetArn, Principal};

use super::World;
use crate::ApiError;

/// What AWS says of an account that is full of permission sets.
const FULL: &str = "You have exceeded the number of permission sets that can be provisioned in an account.";

/// Why a permission set can't be brought into an account without an assignment: it is one more than the account may have.
pub(super) fn of_provisioning(
    world: &World,
    account: &AccountId,
    permission_set: &PermissionSetArn,
) -> Option<String> {
    let is_new = world.assignments.provisioned_in(account).all(|there| there != permission_set);
    let full = || {
        let there = world.assignments.provisioned_in(account).count();
        there >= world.settings.quotas.permission_sets_per_account
    };
    (is_new && full()).then(|| FULL.to_owned())
}

/// Refuses what would exceed a quota: at once, or by the reason with which the request will end.
pub(super) fn of_account(world: &World, key: &AssignmentKey) -> Result<Option<String>, ApiError> {
    let AssignmentKey { account, permission_set, principal } = key;
    let quotas = &world.settings.quotas;
    let granted = || world.requests.grants_in(account);
    let may_be_full = || {
        let there = world.assignments.ever_in(account, permission_set);
        there + world.requests.outstanding() >= quotas.groups_per_permission_set
    };
    if matches!(principal, Principal::Group(_)) && may_be_full() && world.assignments.get(key).is_none() {
        let there = world.assignments.keys_in(account, permission_set);
        let coming = granted().filter(|other| other.permission_set == *permission_set).cloned();
        let groups: BTreeSet<_> = there
            .chain(coming)
            .map(|other| other.principal)
            .filter(|principal| matches!(principal, Principal::Group(_)))
            .collect();
        if groups.len() >= quotas.groups_per_permission_set {
            return Err(ApiError::quota(
                "You have exceeded the number of groups that can be assigned to a permission set in an account.",
            ));
        }
    }
    // Nearly always there is room, and that is cheap to see: nothing has to be told apart for it.
    let under_way = world.requests.outstanding();
    let provisioned = world.assignments.provisioned_in(account).count();
    if provisioned + under_way < quotas.permission_sets_per_account {
        return Ok(None);
    }
    let there = world.assignments.provisioned_in(account);
    let sets: BTreeSet<_> = there.chain(granted().map(|other| &other.permission_set)).collect();
    if sets.contains(permission_set) || sets.len() < quotas.permission_sets_per_account {
        return Ok(None);
    }
    if world.settings.assumptions.account_quota_is_refused_at_once {
        return Err(ApiError::quota(FULL));
    }
    Ok(Some(FULL.to_owned()))
}
