//! The engine in front of a simulated AWS, under virtual time: runs that hand over to one another until the work is done.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    clock::TokioClock,
    engine::{EngineSettings, Provisioner, RunEnd, RunError, RunSummary, Wake},
    ledger::WRITES_AT_ONCE,
    local::{LocalQueue, MemoryWitness},
    ports::{Clock as _, Guard, Ledger as _, Queue as _, RowWrite, RulesInForce},
};
use simulator::{InProcess, World};

use crate::{
    calls::Call,
    ledger::RemoteLedger,
    trouble::Trouble,
    work::{self, Operations, Organization},
};

/// The name of Usher's role in the world's log.
const USHER: &str = "usher";

/// How long a call to AWS takes, there and back.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

/// From a wake that is sent to the run that it begins: SQS, and Lambda's start.
const WAKE_TRAVELS: Duration = Duration::from_millis(200);

/// How often the world's log is taken in, and its events, which nobody reads here, are thrown away.
const TIDIED_EVERY: Duration = Duration::from_mins(1);

/// The engine, and all that it works with.
pub(crate) struct Stage {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) clock: TokioClock,
    pub(crate) ledger: RemoteLedger,
    pub(crate) face: InProcess,
    pub(crate) settings: EngineSettings,
    /// What the engine sends back to be decided again.
    pub(crate) inbox: LocalQueue,
    wake: LocalQueue,
    witness: MemoryWitness,
    runs: AtomicU32,
    calls: Mutex<Vec<Call>>,
}

/// The engine's settings in a bench: the whole of AWS's rate is its own, and decisions don't grow old. Whoever decides keeps them
/// fresh; what that costs is measured by the rows that say so.
pub(crate) fn settings(window: usize) -> EngineSettings {
    EngineSettings {
        window,
        rate: 20,
        intent_age: Duration::from_hours(10_000),
        look_age: Duration::from_hours(10_000),
        ..EngineSettings::default()
    }
}

impl Stage {
    /// The engine in front of this organization, with no work yet.
    pub(crate) async fn new(
        organization: Organization,
        settings: EngineSettings,
        ledger_takes: Duration,
    ) -> Result<Self, Trouble> {
        let origin: Timestamp =
            "2026-11-02T09:00:00Z".parse().map_err(Trouble::while_doing("setting the clock"))?;
        let clock = TokioClock::starting_at(origin);
        let caller = organization.caller(USHER);
        let world = Arc::new(Mutex::new(organization.world));
        let mut face = InProcess::new(Arc::clone(&world), Arc::new(clock), caller);
        face.round_trip = ROUND_TRIP;
        let ledger = RemoteLedger::new(clock, ledger_takes)?;
        let rules = RulesInForce { version: work::rules()?, since: origin, rules: 1, provenance: None };
        ledger
            .here
            .bring_into_force(None, &rules)
            .await
            .map_err(Trouble::while_doing("bringing rules into force"))?;
        Ok(Self {
            world,
            clock,
            ledger,
            face,
            settings,
            inbox: LocalQueue::fifo(Arc::new(clock)),
            wake: LocalQueue::standard(Arc::new(clock)),
            witness: MemoryWitness::default(),
            runs: AtomicU32::new(0),
            calls: Mutex::default(),
        })
    }

    /// The world as it is now.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world
    }

    /// Every call of SSO Admin since the beginning.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.tidy();
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in the world's log, which would be large in the end.
    fn tidy(&self) {
        let mut world = self.world();
        drop(world.take_events(self.clock.now()));
        let calls = world.take_log();
        drop(world);
        let calls = calls.iter().filter_map(|entry| Call::of(entry, USHER));
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).extend(calls);
    }

    /// Tidies up as long as something runs.
    pub(crate) async fn tidily<T>(&self, running: impl Future<Output = T>) -> T {
        let tidy = async {
            loop {
                self.clock.sleep(TIDIED_EVERY).await;
                self.tidy();
            }
        };
        tokio::pin!(running);
        tokio::pin!(tidy);
        tokio::select! {
            // Else Tokio draws lots, and no two runs are alike.
            biased;
            done = &mut running => done,
            never = &mut tidy => never,
        }
    }

    /// Writes the intents of these operations, decided now. It takes no time.
    pub(crate) async fn intend(&self, operations: &Operations) -> Result<(), Trouble> {
        let rows = work::rows(operations, self.clock.now())?;
        let writes: Vec<RowWrite> = rows.into_iter().map(RowWrite::of).collect();
        for some in writes.chunks(WRITES_AT_ONCE) {
            self.ledger
                .here
                .write(some, &Guard::default())
                .await
                .map_err(Trouble::while_doing("writing the intents"))?;
        }
        Ok(())
    }

    /// One run of the engine.
    pub(crate) async fn run(&self, wake: &Wake, until: Timestamp) -> Result<RunSummary, RunError> {
        let holder = format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed));
        let engine = Provisioner {
            access: &self.face,
            writer: &self.face,
            ledger: &self.ledger,
            inbox: &self.inbox,
            wake: &self.wake,
            polls: None,
            witness: &self.witness,
            clock: &self.clock,
            settings: self.settings,
            called_off: None,
        };
        Box::pin(engine.run(&holder, wake, until)).await
    }

    /// Runs that hand over to one another until nothing is left to do, or `most` has passed; tells how many there were.
    pub(crate) async fn run_to_the_end(&self, most: Duration) -> Result<u32, Trouble> {
        let end = self.clock.now() + most;
        let mut wake = Wake::first();
        let mut runs = 0;
        loop {
            let summary = self
                .tidily(self.run(&wake, end))
                .await
                .map_err(Trouble::while_doing("running the engine"))?;
            runs += 1;
            if summary.end == RunEnd::Done || self.clock.now() >= end {
                return Ok(runs);
            }
            wake = self.next_wake(end).await?;
            self.clock.sleep(WAKE_TRAVELS).await;
        }
    }

    /// The wake that a run has left for the next one. Without one, the tick of every minute wakes it.
    async fn next_wake(&self, end: Timestamp) -> Result<Wake, Trouble> {
        let tick = self.clock.now() + Duration::from_mins(1);
        loop {
            let received = self
                .wake
                .receive(1, Duration::from_mins(3))
                .await
                .map_err(Trouble::while_doing("receiving a wake"))?;
            if let Some(received) = received.first() {
                self.wake
                    .acknowledge(&received.receipt)
                    .await
                    .map_err(Trouble::while_doing("acknowledging a wake"))?;
                return Ok(Wake::from_body(&received.body));
            }
            let now = self.clock.now();
            if now >= tick || now >= end {
                return Ok(Wake::first());
            }
            let next = self.wake.next_visible_at().map_or(tick, |at| at.min(tick));
            self.sleep_until(next + SignedDuration::from_millis(1)).await;
        }
    }

    /// Nothing happens until then.
    pub(crate) async fn sleep_until(&self, time: Timestamp) {
        let wait = Duration::try_from(time.duration_since(self.clock.now())).unwrap_or_default();
        self.clock.sleep(wait).await;
    }
}
