//! Names for people's eyes, from the simulated world itself: no call of Usher's is spent on them.

use std::sync::{Arc, Mutex, PoisonError};

use shared::domain::{AccountId, AssignmentKey, PermissionSetArn, Principal};
use simulator::World;

use crate::screen::line;

/// Who is who in the simulated world.
pub(crate) struct Cast {
    world: Arc<Mutex<World>>,
}

impl Cast {
    pub(crate) fn of(world: &Arc<Mutex<World>>) -> Self {
        Self { world: Arc::clone(world) }
    }

    /// `EC2-S3-FullAccess to group Developers`
    pub(crate) fn assignment(&self, key: &AssignmentKey) -> String {
        format!("{} to {}", self.permission_set(&key.permission_set), self.principal(&key.principal))
    }

    pub(crate) fn permission_set(&self, arn: &PermissionSetArn) -> String {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.permission_set_name(arn).map_or_else(|| arn.to_string(), line)
    }

    pub(crate) fn principal(&self, principal: &Principal) -> String {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        match principal {
            Principal::Group(id) => format!("group {}", line(world.group_name(id).unwrap_or(id.as_str()))),
            // People are told by their ids, here as in logs.
            Principal::User(id) => format!("user {id}"),
        }
    }

    pub(crate) fn account(&self, id: &AccountId) -> String {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.account_name(id).map_or_else(|| id.to_string(), line)
    }
}
