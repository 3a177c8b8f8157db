//! Everything that the four functions are given, as a bundle that a scenario can exchange piece by piece.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use shared::{
    domain::{AssignmentKey, RulesVersion},
    engine::{
        CenterInbox, EngineSettings, HearError, Heard, Inbox, Planner, Poller, Provisioner, Reader,
        Reconciler, Rulebook, Sweep, SweepSettings, Tick,
    },
    events::Family,
    local::SqliteLedger,
    outcome::Outcome,
    ports::{
        AccessReader, AccessWriter, Clock, Directory, Ledger, LedgerReader as _, OrganizationReader,
        OutcomeBus, PortError, Queue, Request, RulesStore, Told,
    },
    rules::Bundle,
};
use simulator::InProcess;

/// The ports, and what else is shared by all functions.
#[derive(Clone)]
pub(super) struct Ports {
    pub(super) organization: Arc<dyn OrganizationReader>,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) access: Arc<dyn AccessReader>,
    pub(super) writer: Arc<dyn AccessWriter>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) inbox: Arc<dyn Queue>,
    pub(super) wake: Arc<dyn Queue>,
    pub(super) polls: Arc<dyn Queue>,
    pub(super) parked: Arc<dyn Queue>,
    pub(super) outcomes: Arc<Outcomes>,
    pub(super) rulebook: Arc<Rulebook>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) own_roles: Arc<[String]>,
    pub(super) settings: EngineSettings,
    pub(super) sweep: SweepSettings,
}

impl Ports {
    pub(super) fn inbox(&self) -> Inbox<'_> {
        Inbox {
            organization: &*self.organization,
            ledger: &*self.ledger,
            queue: &*self.inbox,
            clock: &*self.clock,
        }
    }

    pub(super) fn center(&self) -> CenterInbox<'_> {
        CenterInbox {
            inbox: self.inbox(),
            directory: &*self.directory,
            access: &*self.access,
            rulebook: &self.rulebook,
            own_roles: &self.own_roles,
            facts_age: self.settings.facts_age,
        }
    }

    /// Gives an event to the function that reads it.
    pub(super) async fn hear(&self, event: Value, parked: &dyn Queue) -> Result<Heard, HearError> {
        let family = shared::aws::envelope(&event).ok().and_then(|envelope| Family::of(&envelope));
        match family {
            Some(Family::Directory) => on_group_event::handle(event, self.center(), parked).await,
            Some(Family::PermissionSets) => {
                on_permission_set_event::handle(event, self.center(), parked).await
            }
            Some(Family::Accounts) | None => on_account_event::handle(event, self.inbox(), parked).await,
        }
    }

    pub(super) fn planner(&self) -> Planner<'_> {
        let reader = Reader {
            organization: &*self.organization,
            directory: &*self.directory,
            access: &*self.access,
            ledger: &*self.ledger,
            rulebook: &self.rulebook,
            clock: &*self.clock,
        };
        Planner { reader, settings: self.settings }
    }

    pub(super) fn reconciler(&self) -> Reconciler<'_> {
        Reconciler { planner: self.planner(), ledger: &*self.ledger, wake: &*self.wake }
    }

    pub(super) fn provisioner(&self) -> Provisioner<'_> {
        Provisioner {
            access: &*self.access,
            writer: &*self.writer,
            ledger: &*self.ledger,
            inbox: &*self.inbox,
            wake: &*self.wake,
            polls: Some(&*self.polls),
            clock: &*self.clock,
            settings: self.settings,
        }
    }

    pub(super) fn poller(&self) -> Poller<'_> {
        Poller {
            access: &*self.access,
            ledger: &*self.ledger,
            inbox: &*self.inbox,
            wake: &*self.wake,
            polls: &*self.polls,
            clock: &*self.clock,
        }
    }

    pub(super) fn tick(&self) -> Tick<'_> {
        Tick {
            organization: &*self.organization,
            ledger: &*self.ledger,
            rulebook: &self.rulebook,
            inbox: &*self.inbox,
            wake: &*self.wake,
            outcomes: &*self.outcomes,
            clock: &*self.clock,
            settings: self.settings,
        }
    }

    pub(super) fn sweep(&self) -> Sweep<'_> {
        Sweep {
            planner: self.planner(),
            ledger: &*self.ledger,
            inbox: &*self.inbox,
            wake: &*self.wake,
            settings: self.sweep,
        }
    }
}

/// The writer, watched: at the moment of each call the key's row must hold a claim.
pub(super) struct Watched {
    pub(super) writer: InProcess,
    pub(super) ledger: Arc<SqliteLedger>,
    pub(super) unclaimed: Arc<Mutex<Vec<AssignmentKey>>>,
}

impl Watched {
    async fn watch(&self, key: &AssignmentKey) {
        let row = self.ledger.row(key).await.unwrap();
        if row.is_none_or(|row| row.claim().is_none()) {
            self.unclaimed.lock().unwrap().push(key.clone());
        }
    }
}

#[async_trait::async_trait]
impl AccessWriter for Watched {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.watch(key).await;
        self.writer.grant(key).await
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.watch(key).await;
        self.writer.revoke(key).await
    }
}

/// What was told, in its order.
#[derive(Default)]
pub(super) struct Outcomes(pub(super) Mutex<Vec<Outcome>>);

#[async_trait::async_trait]
impl OutcomeBus for Outcomes {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        self.0.lock().unwrap().extend_from_slice(outcomes);
        Ok(vec![Told::Taken; outcomes.len()])
    }
}

/// Rules in memory, from which a scenario can take bundles away.
#[derive(Default)]
pub(super) struct MemoryRules(pub(super) Mutex<BTreeMap<RulesVersion, Bundle>>);

#[async_trait::async_trait]
impl RulesStore for MemoryRules {
    async fn bundle(&self, version: &RulesVersion) -> Result<Bundle, PortError> {
        let missing = || PortError::NotFound(format!("the rules {} are missing", version.short()));
        self.0.lock().unwrap().get(version).cloned().ok_or_else(missing)
    }

    async fn keep(&self, bundle: &Bundle) -> Result<(), PortError> {
        self.0.lock().unwrap().insert(bundle.version(), bundle.clone());
        Ok(())
    }
}
