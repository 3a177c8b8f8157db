//! The Lambda functions in one process: the same handlers, given the same JSON that Lambda gives them.
//!
//! It is what stands between the queues and the handlers in AWS: event source mappings, batches, schedules, failures delivered again. It
//! decides nothing. What happens is told as [`News`]. What goes wrong is told too, and tried again later each time: only who asks ends it.

mod audit;
mod bus;
mod events;
mod feeding;
mod ground;
mod halt;
mod in_hand;
mod news;
mod outcomes;
mod pauses;
mod publishing;
mod retries;
mod schedules;
mod sqs;
mod steps;
mod uploads;
mod watched;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use futures::FutureExt as _;
use serde_json::Value;
use shared::{
    engine::{CenterInbox, DeadLetters, Inbox, Planner, Rulebook, RulesOnHand},
    events::{Family, is_of_upload},
    ports::{Clock, LedgerReader as _, Queue, RulesStore, Witness},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{Failure, ledger};
pub(crate) use bus::EventBus;
pub(crate) use ground::{FedQueues, Ground, Manner, Reach, UploadPlace};
use halt::Halt;
pub(crate) use in_hand::InHand;
pub use news::News;
use news::Teller;
use outcomes::TellingBus;
use pauses::Pauses;
pub(crate) use steps::{Step, Steps};
use watched::WatchedLedger;

/// How long a message is kept from others while it is worked on: longer than any run takes.
const HIDDEN: Duration = Duration::from_mins(20);
/// How long one run of the engine may last, as Lambda's time limit would have it.
const RUN: jiff::SignedDuration = jiff::SignedDuration::from_secs(90);
/// The pause between two ticks.
const TICK: Duration = Duration::from_mins(1);
/// What is added where an event is put aside.
const LAST_TRY: &str = "; it was the last try: `usher dead-letters` shows the event, and the next sweep finds what it would have told";

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
    reach: Reach,
    ledger: WatchedLedger,
    store: Arc<dyn RulesStore>,
    rulebook: Rulebook,
    witness: Arc<dyn Witness>,
    queues: FedQueues,
    parked: Arc<dyn Queue>,
    retries: Option<Arc<dyn Queue>>,
    outcomes: TellingBus,
    uploads: Option<UploadPlace>,
    clock: Arc<dyn Clock>,
    manner: Manner,
    teller: Teller,
    invocations: AtomicU64,
    halt: Halt,
    /// Whether the last tick has found the ledger frozen.
    was_frozen: AtomicBool,
}

impl std::fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalRuntime").finish_non_exhaustive()
    }
}

impl LocalRuntime {
    /// The functions on this ground, and where their news arrive.
    pub(crate) fn new(
        reach: Reach,
        ground: Ground,
        clock: Arc<dyn Clock>,
        manner: Manner,
    ) -> (Self, UnboundedReceiver<News>) {
        let (sender, news) = unbounded_channel();
        let teller = Teller::new(sender, Arc::clone(&clock));
        let Ground { ledger, rules, witness, queues, parked, retries, outcomes, uploads } = ground;
        let runtime = Self {
            reach,
            ledger: WatchedLedger::new(ledger, teller.clone()),
            rulebook: Rulebook::of_store(Arc::clone(&rules)),
            store: rules,
            witness,
            queues,
            parked,
            retries,
            outcomes: TellingBus::new(outcomes, teller.clone()),
            uploads,
            clock,
            manner,
            teller,
            invocations: AtomicU64::new(0),
            halt: Halt::default(),
            was_frozen: AtomicBool::new(false),
        };
        (runtime, news)
    }

    /// The ledger; what is written to it is told as news.
    pub fn ledger(&self) -> &dyn shared::ports::Ledger {
        &self.ledger
    }

    /// What the functions plan with: it reads only.
    pub fn planner(&self) -> Planner<'_> {
        let reader = self.reach.aws.reader(&self.ledger, &self.rulebook, self.clock.as_ref());
        Planner { reader, settings: self.manner.engine }
    }

    /// The rules in force, read as the functions read them.
    pub(crate) async fn rules_in_force(&self) -> Result<RulesOnHand, Failure> {
        self.rulebook.in_force(&self.ledger).await.map_err(Failure::Read)
    }

    /// Whether Usher's EventBridge rules let an event through to one of its functions.
    pub fn is_for_us(event: &Value) -> bool {
        // There is no forwarder here, so that of self-tests only those that need none go anywhere.
        let direct = Some(shared::domain::Route::Direct);
        family(event).is_some()
            || shared::payloads::envelope(event)
                .is_ok_and(|event| shared::events::self_test_route(&event) == direct)
    }

    /// Gives an event to the function that reads it.
    pub async fn deliver(&self, event: Value) -> Result<(), Failure> {
        if let Some(place) = self.uploads.as_ref().filter(|_| is_upload(&event)) {
            return Box::pin(self.upload(event, place)).await;
        }
        let inbox = self.hints_go_in();
        let center = CenterInbox {
            inbox,
            directory: self.reach.aws.directory.as_ref(),
            access: self.reach.aws.access.as_ref(),
            rulebook: &self.rulebook,
            own_roles: &self.manner.own_roles,
            facts_age: self.manner.engine.facts_age,
        };
        let (told, parked) = (event.clone(), self.parked.as_ref());
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
            organization: self.reach.aws.organization.as_ref(),
            ledger: &self.ledger,
            queue: self.queues.inbox.as_ref(),
            clock: self.clock.as_ref(),
        }
    }

    /// Where messages go that failed on their last try.
    fn dead_letters(&self) -> DeadLetters<'_> {
        let receives = self.manner.receives;
        DeadLetters { queue: self.parked.as_ref(), clock: self.clock.as_ref(), receives }
    }

    /// Tells what went wrong around the functions.
    pub(crate) fn trouble(&self, what: &'static str, error: String) {
        tracing::error!(error, "{what}: {error}");
        self.teller.trouble(what, error);
    }

    /// Runs the functions that queues feed whenever there is something for them, those that a minute starts, and what is to be tried again.
    /// Outcomes are told sooner than `tick` would. It goes on until it is asked to end, and then until each has finished what it has in hand.
    pub async fn run(&self) {
        let (reconcile, provision) = (self.run_reconcile().boxed_local(), self.run_provision().boxed_local());
        let (polls, ticks) = (self.run_poll_provisioning().boxed_local(), self.run_tick().boxed_local());
        let reprovision = self.run_reprovision().boxed_local();
        let beside = futures::future::join(self.run_retries(), self.tell_outcomes()).boxed_local();
        let queues = futures::future::join3(reconcile, provision, polls);
        let schedules = futures::future::join3(ticks, reprovision, beside);
        futures::future::join(queues, schedules).await;
    }

    /// Asks everything that runs to end.
    pub(crate) fn halt(&self) {
        self.halt.ask();
    }

    /// Gives back what something that was broken off still holds: the engine's lease, and messages of queues that others read too. Nobody has to wait
    /// until their time has passed.
    pub(crate) async fn let_go(&self, events: Option<&InHand>) {
        if let Err(error) = self.ledger.let_go().await {
            let what = "giving the engine's lease back, which ends by itself";
            self.trouble(what, shared::causes::joined(&error));
        }
        for queue in self.queues.of_others().chain(events) {
            if let Err(error) = queue.let_go().await {
                let what = "giving messages back, which come again by themselves";
                self.trouble(what, shared::causes::joined(&error));
            }
        }
    }

    /// Does this again and again until it is asked to end. What goes wrong is told, and tried again later each time.
    async fn go_on(&self, what: &'static str, once: impl AsyncFn() -> Result<(), String>) {
        let mut pauses = Pauses::default();
        while !self.halt.is_asked() {
            match once().await {
                Ok(()) => pauses = Pauses::default(),
                Err(error) => {
                    self.trouble(what, error);
                    self.rest(pauses.after_another()).await;
                }
            }
        }
    }

    /// Waits for so long, unless it is asked to end; tells whether it is to go on.
    async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.halt.asked() => {}
            () = self.clock.sleep(pause) => {}
        }
        !self.halt.is_asked()
    }

    /// Whether there is no work left, and no message in a queue of this process.
    pub async fn is_quiet(&self) -> Result<bool, Failure> {
        Ok(self.queues.are_empty()
            && self.ledger.work(1).await?.is_empty()
            && self.ledger.campaigns().await?.iter().all(|campaign| campaign.sent.is_empty()))
    }
}

/// What an event is about, if it is of any concern.
fn family(event: &Value) -> Option<Family> {
    shared::payloads::envelope(event).ok().and_then(|envelope| Family::of(&envelope))
}

/// Whether an event tells of an object that was uploaded.
fn is_upload(event: &Value) -> bool {
    shared::payloads::envelope(event).is_ok_and(|envelope| is_of_upload(&envelope))
}
