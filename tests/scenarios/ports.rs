//! Everything that the four functions are given, as a bundle that a scenario can exchange piece by piece.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use serde_json::Value;
use shared::{
    domain::{AssignmentKey, PermissionSetArn, ProvisioningTarget, RulesVersion},
    engine::{
        AuditSettings, Auditor, CenterInbox, DeadLetters, DeclaredSets, EngineSettings, HearError, Heard,
        Inbox, Incoming, Planner, Poller, Provisioner, Reader, Reconciler, ReprovisionSettings,
        Reprovisioner, Rulebook, SetKeeper, Steps, Sweep, SweepSettings, Tick,
    },
    events::Family,
    local::MemoryWitness,
    local::SqliteLedger,
    outcome::Outcome,
    ports::{
        AccessReader, AccessWriter, Clock, Directory, Ledger, LedgerReader as _, OrganizationReader,
        OutcomeBus, PermissionSetReader, PermissionSetWriter, PortError, Provisioning, Queue, Request,
        RulesStore, Told, Upload, UploadContent, Uploads, Witness,
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
    pub(super) sets: Arc<dyn PermissionSetReader>,
    pub(super) set_writer: Arc<dyn PermissionSetWriter>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) inbox: Arc<dyn Queue>,
    pub(super) wake: Arc<dyn Queue>,
    pub(super) polls: Arc<dyn Queue>,
    pub(super) parked: Arc<dyn Queue>,
    pub(super) beside: Beside,
    pub(super) outcomes: Arc<Outcomes>,
    /// The same as the functions see it, with what is kept beside the ledger.
    pub(super) stores: Stores,
    pub(super) rulebook: Arc<Rulebook>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) own_roles: Arc<[String]>,
    pub(super) settings: EngineSettings,
    pub(super) sweep: SweepSettings,
}

/// What a few functions are given besides.
#[derive(Clone)]
pub(super) struct Beside {
    /// How often a message is received before it is put aside: endlessly, but where that is the subject.
    pub(super) receives: u32,
    pub(super) store: Arc<MemoryRules>,
    pub(super) uploads: Arc<MemoryUploads>,
    /// How far audits are.
    pub(super) steps: Arc<Steps>,
    /// What tells of the ledger.
    pub(super) witness: Arc<MemoryWitness>,
}

/// What the functions keep or tell outside of the ledger and the queues.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) bus: Arc<dyn OutcomeBus>,
    pub(super) rules: Arc<dyn RulesStore>,
    pub(super) uploads: Arc<dyn Uploads>,
    pub(super) witness: Arc<dyn Witness>,
}

impl Stores {
    pub(super) fn of(beside: &Beside, outcomes: &Arc<Outcomes>) -> Self {
        Self {
            bus: outcomes.clone(),
            rules: beside.store.clone(),
            uploads: beside.uploads.clone(),
            witness: beside.witness.clone(),
        }
    }
}

impl Beside {
    pub(super) fn of(store: &Arc<MemoryRules>) -> Self {
        Self {
            receives: u32::MAX,
            store: Arc::clone(store),
            uploads: Arc::default(),
            steps: Arc::default(),
            witness: Arc::default(),
        }
    }
}

impl Ports {
    /// As a function has them that has just begun: it knows no rules yet.
    pub(super) fn cold(self) -> Self {
        Self { rulebook: Arc::new(Rulebook::of_store(Arc::clone(&self.stores.rules))), ..self }
    }

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

    pub(super) fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters { queue: &*self.parked, clock: &*self.clock, receives: self.beside.receives }
    }

    pub(super) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            uploads: &*self.stores.uploads,
            store: &*self.stores.rules,
            reader: self.planner().reader,
            access: &self.access,
            sets: &*self.sets,
            ledger: &*self.ledger,
            inbox: &*self.inbox,
            settings: self.settings,
        }
    }

    /// Gives a batch of the inbox to the function that decides.
    pub(super) async fn decide(&self, event: SqsEvent, until: Timestamp) -> SqsBatchResponse {
        reconcile::handle(event, self.reconciler(), self.dead_letters(), until).await
    }

    /// Gives a batch of requests that take long to the function that looks after them.
    pub(super) async fn poll(&self, event: SqsEvent) -> SqsBatchResponse {
        poll_provisioning::handle(event, self.poller(), self.dead_letters()).await
    }

    /// Gives an event to the function that reads it.
    pub(super) async fn hear(&self, event: Value, parked: &dyn Queue) -> Result<Heard, HearError> {
        let family = shared::payloads::envelope(&event).ok().and_then(|envelope| Family::of(&envelope));
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
            witness: &*self.stores.witness,
            clock: &*self.clock,
            settings: self.settings,
            called_off: None,
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
            outcomes: &*self.stores.bus,
            witness: &*self.stores.witness,
            clock: &*self.clock,
            settings: self.settings,
        }
    }

    pub(super) fn reprovisioner(&self) -> Reprovisioner<'_> {
        Reprovisioner {
            reader: self.planner().reader,
            in_charge: &*self.access,
            writer: &*self.writer,
            ledger: &*self.ledger,
            polls: &*self.polls,
            wake: &*self.wake,
            settings: self.settings,
            schedule: ReprovisionSettings::default(),
            only: None,
        }
    }

    pub(super) fn keeper(&self) -> SetKeeper<'_> {
        SetKeeper {
            declared: DeclaredSets {
                reader: self.planner().reader,
                sets: &*self.sets,
                settings: self.settings,
            },
            in_charge: &*self.sets,
            lists_in_charge: &*self.access,
            writer: &*self.set_writer,
            ledger: &*self.ledger,
            wake: &*self.wake,
            witness: &*self.stores.witness,
        }
    }

    pub(super) fn auditor<'a>(&'a self, auditing: &'a AuditSettings) -> Auditor<'a> {
        Auditor {
            reader: self.planner().reader,
            sets: &*self.sets,
            settings: self.settings,
            auditing,
            steps: &self.beside.steps,
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

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        let campaign = self.ledger.campaign(set).await.unwrap();
        let claimed = campaign.is_some_and(|campaign| {
            campaign.sent.iter().any(|sent| sent.target == *target && sent.request.is_none())
        });
        assert!(claimed, "{target:?} of {set} is sent without a claim");
        self.writer.provision(set, target).await
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

/// Uploads in memory: what is there now, and when it was made.
#[derive(Default)]
pub(super) struct MemoryUploads(pub(super) Mutex<BTreeMap<String, (Timestamp, Vec<u8>)>>);

impl MemoryUploads {
    /// The text of an object, if it is there.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap().get(key).map(|(_, content)| String::from_utf8(content.clone()).unwrap())
    }
}

#[async_trait::async_trait]
impl Uploads for MemoryUploads {
    async fn fetch(&self, key: &str, most: usize) -> Result<Upload, PortError> {
        let missing = || PortError::NotFound(format!("there is no `{key}`"));
        let (made_at, content) = self.0.lock().unwrap().get(key).cloned().ok_or_else(missing)?;
        let content = if content.len() > most {
            UploadContent::TooLong { bytes: content.len().try_into().unwrap() }
        } else {
            UploadContent::Whole(content)
        };
        Ok(Upload { made_at, content })
    }

    async fn leave(&self, key: &str, text: &str) -> Result<(), PortError> {
        if key.len() > 1024 {
            return Err(PortError::Refused("KeyTooLongError".to_owned()));
        }
        // An answer's time is of no concern.
        self.0.lock().unwrap().insert(key.to_owned(), (Timestamp::UNIX_EPOCH, text.as_bytes().to_vec()));
        Ok(())
    }
}
