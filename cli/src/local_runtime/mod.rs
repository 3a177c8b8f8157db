//! The Lambda functions on one machine: queues in process, and the same handlers, given the same JSON that Lambda gives them.
//!
//! It is what stands between the queues and the handlers in AWS: event source mappings, batches, failures delivered again. It
//! decides nothing. What happens is told as [`News`].

mod audit;
mod bus;
mod news;
mod outcomes;
mod publishing;
mod retries;
mod sqs;
mod steps;
mod watched;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use serde_json::Value;
use shared::{
    engine::{
        Announcer, CenterInbox, DeadLetters, DeclaredSets, EngineSettings, Inbox, Planner, Poller,
        Provisioner, Reconciler, ReprovisionSettings, Reprovisioner, Rulebook, SetKeeper, Sweep, SweepEnd,
        SweepSettings, SweepSummary, Tick,
    },
    events::Family,
    local::{FileWitness, FolderQueue, LocalQueue, OutcomeFile, SqliteLedger},
    ports::{Clock, LedgerReader as _, Queue, Received, RulesStore},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{Failure, connect::Aws, ledger};
pub(crate) use bus::EventBus;
pub use news::News;
use news::Teller;
use outcomes::TellingBus;
pub(crate) use steps::{Step, Steps};
use watched::WatchedLedger;

/// How many records a function is given at once.
const BATCH: usize = 10;
/// How long a message is kept from others while it is worked on: longer than any run takes.
const HIDDEN: Duration = Duration::from_mins(10);
/// When a message that failed is delivered again.
const AGAIN: Duration = Duration::from_secs(1);
/// The pause between two looks at an empty queue.
const IDLE: Duration = Duration::from_millis(20);
/// How long one run of the engine may last, as Lambda's time limit would have it.
const RUN: jiff::SignedDuration = jiff::SignedDuration::from_secs(90);

/// How long `reconcile` may be at one batch: the longest that Lambda lets a function run.
const DECIDING: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// The pause between two ticks.
const TICK: Duration = Duration::from_mins(1);
/// The pause between two looks for outcomes to tell.
const TOLD: Duration = Duration::from_secs(1);
/// Received so often, a message is put aside.
const DELIVERIES: u32 = 5;

/// The folder beside a ledger where its dead letters are kept. Another ledger beside it has one of its own.
pub(crate) fn dead_letters(ledger: &Path) -> PathBuf {
    ledger::beside(ledger, "dead-letters")
}

/// The folder beside a ledger where letters are left that are to be tried again.
pub(crate) fn retries(ledger: &Path) -> PathBuf {
    ledger::beside(ledger, "dead-letters-to-retry")
}

/// The functions with all that they need.
pub struct LocalRuntime {
    /// What is read to decide.
    aws: Aws,
    /// The engine's way to AWS: it keeps to a pace of its own.
    engine: Aws,
    ledger: WatchedLedger,
    store: Arc<dyn RulesStore>,
    rulebook: Rulebook,
    clock: Arc<dyn Clock>,
    settings: EngineSettings,
    inbox: LocalQueue,
    wake: LocalQueue,
    polls: LocalQueue,
    /// What failed for good. It outlives the process: `usher dead-letters` looks at it from another one.
    parked: FolderQueue,
    /// What `usher dead-letters retry` has given back.
    retries: FolderQueue,
    /// What tells of the ledger.
    witness: FileWitness,
    /// Where outcomes are told.
    outcomes: TellingBus,
    teller: Teller,
    invocations: AtomicU64,
}

/// The two ways in which the functions reach AWS.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) aws: Aws,
    pub(crate) engine: Aws,
}

impl std::fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalRuntime").finish_non_exhaustive()
    }
}

impl LocalRuntime {
    /// The functions over this ledger and these rules, and where their news arrive. What failed for good is kept beside the ledger's file.
    pub(crate) fn new(
        Reach { aws, engine }: Reach,
        ledger: SqliteLedger,
        rules: Arc<dyn RulesStore>,
        file: &Path,
        clock: Arc<dyn Clock>,
        settings: EngineSettings,
        outcomes: OutcomeFile,
    ) -> (Self, UnboundedReceiver<News>) {
        let (sender, news) = unbounded_channel();
        let teller = Teller::new(sender, Arc::clone(&clock));
        let [parked, retries] =
            [dead_letters(file), retries(file)].map(|folder| FolderQueue::new(&folder, Arc::clone(&clock)));
        let runtime = Self {
            aws,
            engine,
            ledger: WatchedLedger::new(ledger, teller.clone()),
            rulebook: Rulebook::of_store(Arc::clone(&rules)),
            store: rules,
            settings,
            inbox: LocalQueue::fifo(Arc::clone(&clock)),
            wake: LocalQueue::standard(Arc::clone(&clock)),
            polls: LocalQueue::standard(Arc::clone(&clock)),
            parked,
            retries,
            witness: ledger::witness_beside(file),
            outcomes: TellingBus::new(outcomes, teller.clone()),
            clock,
            teller,
            invocations: AtomicU64::new(0),
        };
        (runtime, news)
    }

    /// The ledger; what is written to it is told as news.
    pub fn ledger(&self) -> &dyn shared::ports::Ledger {
        &self.ledger
    }

    /// What the functions plan with: it reads only.
    pub fn planner(&self) -> Planner<'_> {
        let reader = self.aws.reader(&self.ledger, &self.rulebook, self.clock.as_ref());
        Planner { reader, settings: self.settings }
    }

    /// Whether Usher's EventBridge rules let an event through to one of its functions.
    pub fn is_for_us(event: &Value) -> bool {
        // There is no forwarder here, so that of self-tests only those that need none go anywhere.
        let direct = Some(shared::domain::Route::Direct);
        family(event).is_some()
            || shared::aws::envelope(event)
                .is_ok_and(|event| shared::events::self_test_route(&event) == direct)
    }

    /// Gives an event to the function that reads it.
    pub async fn deliver(&self, event: Value) -> Result<(), Failure> {
        let inbox = self.hints_go_in();
        let center = CenterInbox {
            inbox,
            directory: self.aws.directory.as_ref(),
            access: self.aws.access.as_ref(),
            rulebook: &self.rulebook,
            own_roles: &[],
            facts_age: self.settings.facts_age,
        };
        let (told, parked) = (event.clone(), &self.parked);
        let outcome = match family(&event) {
            Some(Family::Directory) => on_group_event::handle(event, center, parked).await,
            Some(Family::PermissionSets) => on_permission_set_event::handle(event, center, parked).await,
            Some(Family::Accounts) | None => on_account_event::handle(event, inbox, parked).await,
        };
        self.teller.event(&told, outcome.map_err(Failure::Event)?);
        Ok(())
    }

    /// Where hints go in.
    fn hints_go_in(&self) -> Inbox<'_> {
        Inbox {
            organization: self.aws.organization.as_ref(),
            ledger: &self.ledger,
            queue: &self.inbox,
            clock: self.clock.as_ref(),
        }
    }

    /// Where messages go that failed on their last try.
    fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters { queue: &self.parked, clock: self.clock.as_ref(), receives: DELIVERIES }
    }

    /// Runs `sweep` once.
    pub async fn sweep(&self) -> Result<SweepSummary, Failure> {
        let (planner, settings) = (self.planner(), SweepSettings::default());
        let sweep = Sweep { planner, ledger: &self.ledger, inbox: &self.inbox, wake: &self.wake, settings };
        sweep::handle(sweep).await.map_err(Failure::Sweep)
    }

    /// Runs `sweep` now and then each time this much later, for as long as it is polled. What comes of it is told as news. A round
    /// that is not over is gone on with at once, and one that another run holds is asked for again in a minute.
    pub async fn sweep_every(&self, pause: Duration) {
        loop {
            let wait = match self.sweep().await {
                Ok(found) => {
                    let run = found.run;
                    self.teller.swept(found);
                    match run {
                        SweepEnd::RoundEnded | SweepEnd::TooSoon => pause,
                        SweepEnd::Unfinished => Duration::ZERO,
                        SweepEnd::UnderWay | SweepEnd::AuditsTurn => pause.min(TICK),
                    }
                }
                Err(error) => {
                    self.teller.trouble("the sweep", shared::causes::joined(&error));
                    pause
                }
            };
            self.clock.sleep(wait).await;
        }
    }

    /// Tells what went wrong around the functions.
    pub(crate) fn trouble(&self, what: &'static str, error: String) {
        self.teller.trouble(what, error);
    }

    /// Runs the functions that queues feed whenever there is something for them, `tick` once a minute, and what is to be tried again, for as
    /// long as it is polled. Outcomes are told sooner than `tick` would.
    pub async fn run(&self) -> Result<(), Failure> {
        let (reconcile, provision) = (self.run_reconcile().boxed_local(), self.run_provision().boxed_local());
        let (polls, ticks) = (self.run_poll_provisioning().boxed_local(), self.run_tick().boxed_local());
        let reprovision = self.run_reprovision().boxed_local();
        let beside = futures::future::try_join(self.run_retries(), self.tell_outcomes()).boxed_local();
        let queues = futures::future::try_join3(reconcile, provision, polls);
        let schedules = futures::future::try_join3(ticks, reprovision, beside);
        futures::future::try_join(queues, schedules).await.map(|_| ())
    }

    /// Whether there is no message and no work left.
    pub async fn is_quiet(&self) -> Result<bool, Failure> {
        let is_empty = |queue: &LocalQueue| {
            let depth = queue.depth();
            depth.waiting + depth.delayed + depth.in_flight == 0
        };
        Ok(is_empty(&self.inbox)
            && is_empty(&self.wake)
            && is_empty(&self.polls)
            && self.ledger.work(1).await?.is_empty()
            && self.ledger.campaigns().await?.iter().all(|campaign| campaign.sent.is_empty()))
    }

    async fn run_reconcile(&self) -> Result<(), Failure> {
        loop {
            let records = self.batch(&self.inbox).await?;
            let wake = &self.wake;
            let reconciler = Reconciler { planner: self.planner(), ledger: &self.ledger, wake };
            let event = sqs::event(&records)?;
            let looked = |looked: reconcile::Looked<'_>| self.teller.looked(looked);
            let until = self.clock.now().checked_add(DECIDING).unwrap_or(Timestamp::MAX);
            let dead = self.dead_letters();
            let answer = reconcile::handle_watched(event, reconciler, dead, until, looked).await;
            for record in &records {
                if answer.batch_item_failures.iter().any(|failed| failed.item_identifier == record.id) {
                    self.inbox.release(&record.receipt, AGAIN).await.map_err(Failure::Queue)?;
                } else {
                    self.inbox.acknowledge(&record.receipt).await.map_err(Failure::Queue)?;
                }
            }
        }
    }

    async fn run_provision(&self) -> Result<(), Failure> {
        loop {
            let records = self.batch(&self.wake).await?;
            let provisioner = Provisioner {
                access: self.engine.access.as_ref(),
                writer: self.engine.writer.as_ref(),
                ledger: &self.ledger,
                inbox: &self.inbox,
                wake: &self.wake,
                polls: Some(&self.polls),
                witness: &self.witness,
                clock: self.clock.as_ref(),
                settings: self.settings,
            };
            let holder =
                format!("local-{}-{}", std::process::id(), self.invocations.fetch_add(1, Ordering::Relaxed));
            let until = self.clock.now().checked_add(RUN).unwrap_or(Timestamp::MAX);
            let (event, dead) = (sqs::event(&records)?, self.dead_letters());
            let ran = provision::handle_or_park(event, provisioner, &holder, until, dead).await;
            for record in &records {
                match &ran {
                    Ok(_) => self.wake.acknowledge(&record.receipt).await,
                    Err(_) => self.wake.release(&record.receipt, AGAIN).await,
                }
                .map_err(Failure::Queue)?;
            }
            if let Err(error) = &ran {
                let error = shared::causes::joined(error);
                tracing::error!(error, "provision: {error}");
                self.teller.trouble("the engine", error);
            }
        }
    }

    async fn run_poll_provisioning(&self) -> Result<(), Failure> {
        loop {
            let records = self.batch(&self.polls).await?;
            let poller = Poller {
                access: self.engine.access.as_ref(),
                ledger: &self.ledger,
                inbox: &self.inbox,
                wake: &self.wake,
                polls: &self.polls,
                clock: self.clock.as_ref(),
            };
            let event = sqs::event(&records)?;
            let answer = poll_provisioning::handle(event, poller, self.dead_letters()).await;
            for record in &records {
                if answer.batch_item_failures.iter().any(|failed| failed.item_identifier == record.id) {
                    self.polls.release(&record.receipt, AGAIN).await.map_err(Failure::Queue)?;
                } else {
                    self.polls.acknowledge(&record.receipt).await.map_err(Failure::Queue)?;
                }
            }
        }
    }

    async fn tell_outcomes(&self) -> Result<(), Failure> {
        loop {
            self.clock.sleep(TOLD).await;
            let announcer =
                Announcer { ledger: &self.ledger, bus: &self.outcomes, clock: self.clock.as_ref() };
            if let Err(error) = announcer.run(Timestamp::MAX).await {
                self.teller.trouble("what has come of it", shared::causes::joined(&error));
                // It isn't mended within a second.
                self.clock.sleep(TICK).await;
            }
        }
    }

    async fn run_tick(&self) -> Result<(), Failure> {
        loop {
            self.clock.sleep(TICK).await;
            let tick = Tick {
                outcomes: &self.outcomes,
                organization: self.aws.organization.as_ref(),
                ledger: &self.ledger,
                rulebook: &self.rulebook,
                inbox: &self.inbox,
                wake: &self.wake,
                witness: &self.witness,
                clock: self.clock.as_ref(),
                settings: self.settings,
            };
            if let Err(error) = tick::handle(tick).await {
                let error = shared::causes::joined(&error);
                tracing::error!(error, "tick: {error}");
                self.teller.trouble("the minute's tick", error);
            }
        }
    }

    async fn run_reprovision(&self) -> Result<(), Failure> {
        loop {
            self.clock.sleep(TICK).await;
            let reprovisioner = Reprovisioner {
                reader: self.planner().reader,
                in_charge: self.engine.access.as_ref(),
                writer: self.engine.writer.as_ref(),
                ledger: &self.ledger,
                polls: &self.polls,
                wake: &self.wake,
                settings: self.settings,
                schedule: ReprovisionSettings::default(),
                only: None,
            };
            let keeper = SetKeeper {
                declared: DeclaredSets {
                    reader: self.planner().reader,
                    sets: self.aws.sets.as_ref(),
                    settings: self.settings,
                },
                in_charge: self.engine.sets.as_ref(),
                lists_in_charge: self.engine.access.as_ref(),
                writer: self.engine.set_writer.as_ref(),
                ledger: &self.ledger,
                wake: &self.wake,
                witness: &self.witness,
            };
            let run = self.invocations.fetch_add(1, Ordering::Relaxed);
            let holder = format!("local-{}-reprovision-{run}", std::process::id());
            let until = self.clock.now().checked_add(RUN).unwrap_or(Timestamp::MAX);
            if let Err(error) = reprovision::handle(keeper, reprovisioner, &holder, until).await {
                let error = shared::causes::joined(&error);
                tracing::error!(error, "reprovision: {error}");
                self.teller.trouble("reprovisioning", error);
            }
        }
    }

    /// The next batch of a queue, once there is one.
    async fn batch(&self, queue: &dyn Queue) -> Result<Vec<Received>, Failure> {
        loop {
            let records = queue.receive(BATCH, HIDDEN).await.map_err(Failure::Queue)?;
            if !records.is_empty() {
                return Ok(records);
            }
            self.clock.sleep(IDLE).await;
        }
    }
}

/// What an event is about, if it is of any concern.
fn family(event: &Value) -> Option<Family> {
    shared::aws::envelope(event).ok().and_then(|envelope| Family::of(&envelope))
}
