//! One holding of the lease: a loop that starts whatever is due, and takes in whatever has ended.
//!
//! Every call and every write of a row's fate is a task of its own, and no task waits for another's answer. The session itself waits
//! for nothing but the next task that ends, or the next moment at which something is due. What is due is decided by pure
//! modules: [`super::choose`], [`super::pace`], [`super::window`], [`super::latency`], [`super::looks`] and [`super::watch`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{
    future::{BoxFuture, Either, select},
    stream::{FuturesUnordered, StreamExt as _},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Provisioner, RunError, RunSummary,
    ending::{End, Ended},
    flight::{Flight, Stage},
    follow::Described,
    hand::Hand,
    hand_over::HandedOver,
    learning::REMEMBERED_EVERY,
    pace::Pace,
    reading::{self, Reading},
    roles::Roles,
    send::Sent,
    settle::Settled,
    shown::Shown,
    trips::Trips,
    watch::{DISTRUSTED_FOR, Watch},
    window::Window,
};
use crate::{
    domain::{AccountId, AssignmentKey, Operation, RequestId, RulesVersion},
    engine::{Learned, signed},
    ledger::{Lease, Orders, Row},
    ports::{LedgerError, RequestListing},
    provisioning::next_look,
};

/// When a session ends.
pub(super) enum Pause {
    /// There is no work in the ledger.
    Nothing,
    /// There is; it can be gone on with at this time.
    Until(Timestamp),
    /// There is, and when it can be gone on with isn't known: once it has been decided again, or a request that takes long has ended.
    Others,
    /// There may be, and Usher is paused. Whoever lets it go on sees to it that somebody looks.
    Ordered,
}

/// What has ended.
pub(super) enum Done {
    Renewed(Result<(), RunError>),
    Hinted,
    Remembered,
    /// The rows of an account have been read for what they tell of its roles.
    Roles(Vec<Row>),
    Read(Reading),
    Sent {
        key: AssignmentKey,
        sent: Sent,
    },
    Looked {
        operation: Operation,
        listing: RequestListing,
        at: Timestamp,
        shown: Option<Shown>,
    },
    Described {
        key: AssignmentKey,
        operation: Operation,
        request: RequestId,
        at: Timestamp,
        described: Described,
    },
    Settled(Vec<(AssignmentKey, Settled)>),
    SettledUnknown {
        key: AssignmentKey,
        settled: Settled,
    },
    Ended {
        row: Row,
        ended: Ended,
    },
    Taken {
        key: AssignmentKey,
        row: Option<Row>,
    },
    HandedOver {
        key: AssignmentKey,
        came_of_it: HandedOver,
    },
}

/// What the engine knows while it holds the lease.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that AWS has shown, or not")]
pub(super) struct Session<'a> {
    pub(super) hand: Hand<'a>,
    pub(super) summary: &'a mut RunSummary,
    tasks: FuturesUnordered<BoxFuture<'a, Result<Done, RunError>>>,
    /// Why the run is to break off, once what is under way has been answered.
    trouble: Option<RunError>,
    /// When it has to end.
    until: Timestamp,
    /// When something is due next.
    wake_at: Timestamp,
    /// When what was learned is written down next.
    pub(super) remember_at: Timestamp,
    /// The lease is not renewed before this time: the ledger has just refused.
    renew_at: Timestamp,
    /// Rows that the engine is at work on.
    pub(super) flights: BTreeMap<AssignmentKey, Flight>,
    /// Rows that wait, as far as they have been read.
    pub(super) backlog: BTreeMap<AssignmentKey, Row>,
    /// What is known of the ledger.
    pub(super) reading: reading::State,
    pub(super) rules: Option<RulesVersion>,
    pub(super) orders: Option<Arc<Orders>>,
    /// The queue for what takes long can't be used: this session looks after it itself.
    pub(super) polls_failed: bool,
    /// Decisions that have been sent back to be made again, by the orders of that time, and until when the engine stays up for them.
    pub(super) hinted: BTreeSet<(AccountId, Timestamp, u64)>,
    pub(super) decided_by: Timestamp,
    pub(super) window: Window,
    pub(super) grants: Watch,
    pub(super) revokes: Watch,
    pub(super) trips: Trips,
    pub(super) roles: Roles,
    /// The accounts of which the ledger's rows have told about roles.
    pub(super) roles_read: BTreeSet<AccountId>,
    /// AWS has refused a second role update in an account, which is believed until then.
    pub(super) strict_until: Option<Timestamp>,
    /// AWS has taken one.
    pub(super) takes_second: bool,
    /// AWS has refused a request because the window is full: what it has to say to the others of that moment is awaited.
    pub(super) refused: bool,
    /// Nothing is sent before this time: the window is full without any request of ours.
    pub(super) hold_until: Timestamp,
    pub(super) held: u32,
    /// When the next of those that are backing off may be sent, and whether all others wait to be decided again.
    pub(super) earliest: Option<Timestamp>,
    pub(super) waiting_for_others: bool,
}

/// How long it stays up for something that is due so soon.
const WORTH_STAYING: SignedDuration = SignedDuration::from_secs(15);

/// How long after the ledger has failed the lease is renewed again.
const RENEWED_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// How long it sleeps at most.
const LATER: SignedDuration = SignedDuration::from_mins(1);

impl<'a> Session<'a> {
    pub(super) fn begin(
        engine: &'a Provisioner<'a>,
        lease: Lease,
        summary: &'a mut RunSummary,
        learned: Option<&Learned>,
        until: Timestamp,
    ) -> Self {
        let now = engine.clock.now();
        let settings = &engine.settings;
        let learned = learned.cloned().unwrap_or_default();
        let distrusted_at = learned.distrusted_at.filter(|at| *at + DISTRUSTED_FOR > now);
        let mut pace = Pace::new(settings.rate, settings.burst, now);
        pace.restore(learned.rate);
        if let Some(full_at) = learned.full_at {
            pace.spent(full_at, now);
        }
        let mut window = Window::new(settings.window);
        window.restore(learned.left, now);
        Self {
            hand: Hand::new(engine, lease, pace, until - signed(settings.tick)),
            summary,
            tasks: FuturesUnordered::new(),
            trouble: None,
            until,
            wake_at: now,
            remember_at: now + REMEMBERED_EVERY,
            renew_at: now,
            flights: BTreeMap::new(),
            backlog: BTreeMap::new(),
            reading: reading::State::default(),
            rules: None,
            orders: None,
            polls_failed: false,
            hinted: BTreeSet::new(),
            decided_by: now,
            window,
            grants: Watch::of(learned.grants.unwrap_or_default(), distrusted_at),
            revokes: Watch::of(learned.revokes.unwrap_or_default(), distrusted_at),
            trips: Trips::default(),
            roles: Roles::default(),
            roles_read: BTreeSet::new(),
            strict_until: learned.strict_until,
            takes_second: learned.takes_second,
            refused: false,
            hold_until: now,
            held: 0,
            earliest: None,
            waiting_for_others: false,
        }
    }

    pub(super) fn lease(&self) -> Lease {
        self.hand.lease()
    }

    pub(super) fn engine(&self) -> &'a Provisioner<'a> {
        self.hand.engine
    }

    pub(super) fn watch(&self, operation: Operation) -> &Watch {
        match operation {
            Operation::Grant => &self.grants,
            Operation::Revoke => &self.revokes,
        }
    }

    pub(super) fn watch_mut(&mut self, operation: Operation) -> &mut Watch {
        match operation {
            Operation::Grant => &mut self.grants,
            Operation::Revoke => &mut self.revokes,
        }
    }

    /// Something is due at this time.
    pub(super) fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = self.wake_at.min(at);
    }

    pub(super) fn start(&self, task: impl Future<Output = Result<Done, RunError>> + Send + 'a) {
        self.tasks.push(Box::pin(task));
    }

    /// Works until nothing is left, or time is up, or what is left takes long.
    pub(super) async fn work(&mut self) -> Result<Pause, RunError> {
        loop {
            let now = self.hand.now();
            self.wake_at = now + LATER;
            self.summary.outstanding = self.summary.outstanding.max(self.outstanding());
            self.keep_lease(now);
            // INVARIANT: what can't be done any more is not begun. It would fail at once, and be begun again at the same moment.
            let closing = self.trouble.is_some() || self.hand.has_no_turn_left(now);
            if !closing {
                self.start_reading(now);
                self.start_settling(now);
                self.start_closer_looks(now);
                self.start_handing_over(now);
                self.start_looks(now);
                self.start_sending(now);
                self.start_remembering(now);
                let closing = self.until - signed(self.engine().settings.tick);
                self.wake_by(closing);
            }
            if self.tasks.is_empty() {
                if let Some(trouble) = self.trouble.take() {
                    return Err(trouble);
                }
                if let Some(pause) = self.rest(now) {
                    return Ok(pause);
                }
                if closing {
                    return Ok(Pause::Until(now));
                }
            }
            if let Some(done) = self.next(now).await {
                self.take(done)?;
            }
        }
    }

    /// The next task that ends, if one does before something else is due.
    async fn next(&mut self, now: Timestamp) -> Option<Result<Done, RunError>> {
        // A clock's grain: however soon it is due, time must go on.
        let wait = Duration::try_from(self.wake_at.duration_since(now)).unwrap_or_default();
        let sleep = self.engine().clock.sleep(wait.max(Duration::from_millis(1)));
        if self.tasks.is_empty() {
            sleep.await;
            return None;
        }
        match select(self.tasks.next(), sleep).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => None,
        }
    }

    /// Renews the lease so early that no call has to wait for it.
    fn keep_lease(&mut self, now: Timestamp) {
        if self.reading.renewing {
            return;
        }
        let renewal = self.hand.renewal().max(self.renew_at);
        if renewal > now {
            self.wake_by(renewal);
            return;
        }
        self.reading.renewing = true;
        let hand = self.hand.clone();
        self.start(async move { Ok(Done::Renewed(hand.renew().await)) });
    }

    fn take(&mut self, done: Result<Done, RunError>) -> Result<(), RunError> {
        match done {
            // Nothing can be written any more: whoever has the lease now takes up what was under way.
            Err(error @ RunError::Ledger(LedgerError::LeaseLost)) => {
                // If the ledger failed before, that is why.
                return Err(self.trouble.take().unwrap_or(error));
            }
            Err(error) => self.break_off(error),
            Ok(Done::Hinted | Done::Remembered) => {}
            Ok(Done::Roles(rows)) => self.roles.read(&rows),
            Ok(Done::Renewed(Ok(()))) => self.reading.renewing = false,
            Ok(Done::Renewed(Err(error @ RunError::Ledger(LedgerError::LeaseLost)))) => return Err(error),
            Ok(Done::Renewed(Err(error))) => {
                // What is under way needs the lease to its end: it is tried again, a little later. As long as calls can be made under
                // the lease, that is all.
                (self.reading.renewing, self.renew_at) = (false, self.hand.now() + RENEWED_AGAIN);
                if !error.is_transient() || !self.hand.outlives_a_call() {
                    self.break_off(error);
                }
            }
            Ok(Done::Read(reading)) => self.take_reading(reading),
            Ok(Done::Sent { key, sent }) => self.take_sent(key, sent),
            Ok(Done::Looked { operation, listing, at, shown }) => {
                self.take_list(operation, listing, at, shown);
            }
            Ok(Done::Described { key, operation, request, at, described }) => {
                self.take_description(key, operation, &request, at, described);
            }
            Ok(Done::Settled(all)) => {
                for (key, settled) in all {
                    self.take_settled(&key, settled);
                }
            }
            Ok(Done::SettledUnknown { key, settled }) => {
                if let Some(following) = self.flights.get_mut(&key).and_then(Flight::following_mut) {
                    following.busy = false;
                }
                self.take_settled(&key, settled);
            }
            Ok(Done::Ended { row, ended }) => {
                self.land(&row.key);
                match ended {
                    Ended::Granted => self.roles.granted(&row.key),
                    Ended::Revoked => self.roles.revoked(&row.key),
                    Ended::Retried | Ended::Blocked => {}
                }
                self.tell(&row, End::Request(ended));
                if row.work().is_some() {
                    self.backlog.insert(row.key.clone(), row);
                }
            }
            Ok(Done::Taken { key, row }) => self.take_row(key, row),
            Ok(Done::HandedOver { key, came_of_it }) => self.take_handed_over(key, came_of_it),
        }
        self.settle_refusal();
        Ok(())
    }

    /// The engine is done with a row for now.
    pub(super) fn land(&mut self, key: &AssignmentKey) {
        self.flights.remove(key);
        self.reading.touched.insert(key.clone());
    }

    /// The run is to end for this reason, once what is under way has been answered.
    pub(super) fn break_off(&mut self, trouble: RunError) {
        self.trouble.get_or_insert(trouble);
    }

    /// How many places of the window are taken, as far as is known.
    fn outstanding(&self) -> usize {
        self.flights.values().filter(|flight| flight.takes_a_place()).count()
    }

    /// How many places of the window are taken, as far as is known or all but sure.
    pub(super) fn under_way(&self, now: Timestamp) -> usize {
        let taken = self.outstanding();
        let presumed = self.presumed().into_iter().filter(|from| *from <= now).count();
        // INVARIANT: however sure, what no look has told makes up for a few places only. If AWS takes longer from one moment to the next, so
        // many more than the window are under way, until the next look tells.
        taken.saturating_sub(presumed.min(self.window.presumed_at_most()))
    }

    /// Settles claims of which no request is known, each now and then; all that are due together, since they share what is asked for.
    fn start_settling(&mut self, now: Timestamp) {
        if self.flights.values().any(|flight| matches!(flight.stage, Stage::Lost { busy: true, .. })) {
            return;
        }
        let mut due = Vec::new();
        let mut next = None;
        for flight in self.flights.values_mut() {
            if let Stage::Lost { next: at, busy: busy @ false } = &mut flight.stage {
                if *at <= now {
                    *busy = true;
                    due.push(flight.row.clone());
                } else {
                    next = Some(next.map_or(*at, |next: Timestamp| next.min(*at)));
                }
            }
        }
        if let Some(next) = next {
            self.wake_by(next);
        }
        let known: Vec<RequestId> = self
            .flights
            .values()
            .filter_map(|flight| flight.row.claim().and_then(|claim| claim.request.clone()))
            .collect();
        if !due.is_empty() {
            let hand = self.hand.clone();
            self.start(async move { Ok(Done::Settled(hand.settle_all(due, &known).await?)) });
        }
    }

    fn take_settled(&mut self, key: &AssignmentKey, settled: Settled) {
        let now = self.hand.now();
        match settled {
            Settled::Ended { row, end } => {
                self.land(key);
                self.tell(&row, end);
            }
            Settled::Found { row, status } => {
                self.take_row(key.clone(), Some(*row));
                self.conclude(key, &status);
            }
            Settled::Kept(row) => {
                if let Some(flight) = self.flights.get_mut(key) {
                    flight.row = *row;
                }
                self.take_settled(key, Settled::NotYet);
            }
            Settled::NotYet => {
                let Some(flight) = self.flights.get_mut(key) else { return };
                if !matches!(flight.stage, Stage::Lost { .. }) {
                    return;
                }
                let surely = flight.row.claim().map_or(now, |claim| self.hand.listed_from(claim.at));
                let mut next = now + signed(next_look(flight.waited(now)));
                if surely > now {
                    next = next.min(surely);
                }
                flight.stage = Stage::Lost { next, busy: false };
            }
        }
    }

    /// What there is to wait for, if it is not worth staying up for.
    fn rest(&self, now: Timestamp) -> Option<Pause> {
        let outstanding: Vec<&Flight> =
            self.flights.values().filter(|flight| !matches!(flight.stage, Stage::Slow)).collect();
        let orders = self.orders.as_ref()?;
        if outstanding.is_empty() && self.reading.is_whole_and_fresh() && self.backlog.is_empty() {
            return Some(Pause::Nothing);
        }
        if outstanding.is_empty() && orders.stop_everything() {
            return Some(Pause::Ordered);
        }
        let patience = self.engine().settings.patience;
        if outstanding.iter().any(|flight| flight.waited(now) < patience)
            || self.hold_until > now
            || self.decided_by > now
            || !self.reading.is_settled()
        {
            return None;
        }
        // What backs off goes on at its time. All else is for others to tell: what was sent back comes as new work with a wake of its
        // own, a request that messages look after wakes the engine when it ends, and what nobody looks after is found by the tick.
        if let Some(earliest) = self.earliest {
            return (earliest > now + WORTH_STAYING).then_some(Pause::Until(earliest));
        }
        let window_taken = self.flights.len() >= self.engine().settings.window;
        (!outstanding.is_empty() || self.waiting_for_others || window_taken).then_some(Pause::Others)
    }
}
