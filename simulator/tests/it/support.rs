//! What the tests share: a clock that moves only when it is told to, callers, and a small organization.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AccountId, AssignmentKey, Principal},
    ports::Clock,
};
use simulator::{Caller, CallerKind, InProcess, Settings, World, wire::sso_admin};

/// Where every test begins.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// `seconds` after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// A clock that stands still but for sleeps, which take no real time.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(start())))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }

    pub(crate) fn forward(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += duration;
    }
}

#[async_trait::async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.forward(duration);
    }
}

pub(crate) const SMALL: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Workloads
    organizational_units:
      - name: Development
        accounts:
          - { name: one-dev, id: "222233334444", tags: { Environment: Development } }
          - { name: two-dev, id: "333344445555", tags: { Environment: Development } }
  - name: Sandbox
    accounts:
      - { name: play, id: "444455556666" }
      - { name: gone, id: "555566667777", state: SUSPENDED }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1 }
permission_sets:
  - { name: ReadOnlyAccess, tags: { Environment: All } }
  - { name: PowerUserAccess }
groups: [{ name: Developers }, { name: Support }]
users:
  - { user_name: alba@example.com, display_name: Alba Example, groups: [Developers] }
  - { user_name: bruno@example.com, display_name: Bruno Example }
"#;

pub(crate) fn small(settings: Settings) -> World {
    World::from_yaml(SMALL, settings).unwrap()
}

/// Settings under which Organizations takes as many calls as come, for tests of something else.
pub(crate) fn unhurried() -> Settings {
    let mut settings = Settings::default();
    settings.quotas.organizations = None;
    settings
}

pub(crate) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub(crate) fn usher() -> Caller {
    Caller::new("usher", account("111122223333"), CallerKind::Management)
}

pub(crate) fn person() -> Caller {
    Caller::new("console-admin", account("111122223333"), CallerKind::Management)
}

pub(crate) fn delegated() -> Caller {
    Caller::new("identity-admin", account("222233334444"), CallerKind::DelegatedAdministrator)
}

pub(crate) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
pub(crate) const STORE: &str = "d-9067642ac1";

/// The key of a group's assignment, by names.
pub(crate) fn key(world: &World, account_name: &str, set: &str, group: &str) -> AssignmentKey {
    AssignmentKey {
        account: world.account_named(account_name).unwrap(),
        permission_set: world.permission_set_named(set).unwrap(),
        principal: Principal::Group(world.group_named(group).unwrap()),
    }
}

pub(crate) fn create_input(key: &AssignmentKey) -> sso_admin::CreateAccountAssignment {
    sso_admin::CreateAccountAssignment {
        instance_arn: INSTANCE.to_owned(),
        target_id: key.account.to_string(),
        target_type: "AWS_ACCOUNT".to_owned(),
        permission_set_arn: key.permission_set.to_string(),
        principal_type: match key.principal {
            Principal::Group(_) => "GROUP",
            Principal::User(_) => "USER",
        }
        .to_owned(),
        principal_id: key.principal.id().to_owned(),
    }
}

pub(crate) fn delete_input(key: &AssignmentKey) -> sso_admin::DeleteAccountAssignment {
    let sso_admin::CreateAccountAssignment {
        instance_arn,
        target_id,
        target_type,
        permission_set_arn,
        principal_type,
        principal_id,
    } = create_input(key);
    sso_admin::DeleteAccountAssignment {
        instance_arn,
        target_id,
        target_type,
        permission_set_arn,
        principal_type,
        principal_id,
    }
}

/// The ports over a world, and the world and the clock to hold on to.
pub(crate) fn in_process(world: World) -> (InProcess, Arc<Mutex<World>>, Arc<ManualClock>) {
    let world = Arc::new(Mutex::new(world));
    let clock = ManualClock::new();
    (InProcess::new(Arc::clone(&world), Arc::clone(&clock) as Arc<dyn Clock>, usher()), world, clock)
}

pub(crate) fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}
