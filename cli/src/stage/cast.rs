//! Names from the simulated world itself.

use std::sync::{Arc, Mutex, PoisonError};

use shared::domain::{AccountId, PermissionSetArn, Principal};
use simulator::World;

use crate::{screen::line, telling::Cast};

/// Who is who in the simulated world.
pub(crate) struct WorldCast {
    world: Arc<Mutex<World>>,
}

impl WorldCast {
    pub(crate) fn of(world: &Arc<Mutex<World>>) -> Self {
        Self { world: Arc::clone(world) }
    }
}

impl Cast for WorldCast {
    fn account(&self, id: &AccountId) -> String {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.account_name(id).map_or_else(|| id.to_string(), line)
    }

    fn permission_set(&self, arn: &PermissionSetArn) -> String {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.permission_set_name(arn).map_or_else(|| arn.to_string(), line)
    }

    fn group(&self, principal: &Principal) -> Option<String> {
        let Principal::Group(id) = principal else { return None };
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.group_name(id).map(str::to_owned)
    }
}
