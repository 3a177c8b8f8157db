//! Keys as people read them.

use shared::domain::{AssignmentKey, Principal};
use simulator::World;

/// A key by names.
pub(super) fn readable(world: &World, key: &AssignmentKey) -> String {
    let account = world.account_name(&key.account).unwrap_or("?");
    let set = world.permission_set_name(&key.permission_set).unwrap_or("?");
    let principal = match &key.principal {
        Principal::Group(group) => world.group_name(group).unwrap_or("?"),
        Principal::User(user) => user.as_str(),
    };
    format!("{account} {set} {principal}")
}
