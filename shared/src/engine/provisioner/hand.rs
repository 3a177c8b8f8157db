//! What every task of the engine shares: the lease, the turns to call AWS, and the writes to the ledger under the lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, select};
use jiff::Timestamp;

use super::{
    Provisioner, RunError,
    ending::{self, Ended},
    pace::Pace,
    send::Looks,
    settle::Untold,
    telling::FUNCTION,
};
use crate::{
    domain::{AccountId, PermissionSetArn, Principal, RequestId, RulesVersion},
    engine::{AccountHint, signed},
    ledger::{Cause, Fence, Lease, Row},
    metrics::Metric,
    outcome::Outcome,
    ports::{Guard, LedgerError, Page, PortError, Request, RowWrite},
};

/// How long what can wait gives way to what is to be sent: it must come to its end beside the longest backlog.
const GIVES_WAY: Duration = Duration::from_secs(1);

/// For how long a write keeps those after it waiting.
const IN_TURN: Duration = Duration::from_secs(2);

/// How often a write that meets another's is tried again: for some six seconds.
const MEETINGS: u32 = 16;

/// How long a write waits that has met another's so often: 20 ms, doubling, half a second at most. Half of it is left to chance,
/// so that two who have met don't meet again.
fn after_a_meeting(times: u32, chance: u64) -> Duration {
    let longest = (Duration::from_millis(20) * (1 << times.min(5))).min(Duration::from_millis(500));
    longest / 2 + longest / 200 * u32::try_from(chance % 101).unwrap_or(0)
}

/// The engine's hand: one for each task, all of the same session.
#[derive(Clone)]
pub(super) struct Hand<'a> {
    pub(super) engine: &'a Provisioner<'a>,
    fence: Fence,
    closes: Timestamp,
    shared: Arc<Shared>,
}

struct Shared {
    lease: Mutex<Lease>,
    pace: Mutex<Pace>,
    /// Held by who writes something that depends on the lease.
    writes: futures::lock::Mutex<()>,
    /// Requests that were described while claims were settled: what they are about doesn't change.
    described: Mutex<BTreeMap<RequestId, Request>>,
    looks: Mutex<Looks>,
    /// Something is to be sent, and waits for a turn only.
    sends_wait: AtomicBool,
}

/// How urgent a call is that reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// It takes the next turn that there is.
    Next,
    /// It takes one that nothing else needs.
    Spare,
}

/// What became of a claim.
pub(super) enum Claimed {
    Written(Box<Row>),
    /// Somebody has changed the row since it was read.
    Changed,
    /// Other rules are in force, or other orders stand.
    Overtaken,
}

/// Nothing that holds one of these locks can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Hand<'a> {
    /// `closes` is the time from which on no call is begun, so that the run ends as soon as those under way are answered.
    pub(super) fn new(engine: &'a Provisioner<'a>, lease: Lease, pace: Pace, closes: Timestamp) -> Self {
        let fence = lease.fence;
        let shared = Shared {
            lease: Mutex::new(lease),
            pace: Mutex::new(pace),
            writes: futures::lock::Mutex::new(()),
            described: Mutex::default(),
            looks: Mutex::default(),
            sends_wait: AtomicBool::new(false),
        };
        Self { engine, fence, closes, shared: Arc::new(shared) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// From when on no call is begun: at once, when the run is called off.
    fn closes(&self) -> Timestamp {
        let is_called_off = self.engine.called_off.is_some_and(|off| off.load(Ordering::Relaxed));
        if is_called_off { Timestamp::MIN } else { self.closes }
    }

    /// Whether the run is closing.
    pub(super) fn is_closing(&self) -> bool {
        self.now() >= self.closes()
    }

    /// Whether no other call has its turn before the run closes.
    pub(super) fn has_no_turn_left(&self, now: Timestamp) -> bool {
        self.pace().ready_at(now) >= self.closes()
    }

    pub(super) fn lease(&self) -> Lease {
        lock(&self.shared.lease).clone()
    }

    pub(super) fn fence(&self) -> Fence {
        self.fence
    }

    pub(super) fn pace(&self) -> MutexGuard<'_, Pace> {
        lock(&self.shared.pace)
    }

    pub(super) fn looks(&self) -> MutexGuard<'_, Looks> {
        lock(&self.shared.looks)
    }

    pub(super) fn described(&self, id: &RequestId) -> Option<Request> {
        lock(&self.shared.described).get(id).cloned()
    }

    pub(super) fn remember(&self, request: Request) {
        lock(&self.shared.described).insert(request.id.clone(), request);
    }

    /// One call that reads, in its turn. The engine repeats what fails itself, and turns pages itself, so that each call has its turn and
    /// AWS is heeded each time.
    pub(super) async fn ask<T>(
        &self,
        turn: Turn,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let has_turn = match turn {
            Turn::Next => self.turn().await,
            Turn::Spare => self.spare_turn().await,
        };
        if !has_turn {
            return Err(PortError::Throttled("the run of the engine ends before its turn".to_owned()));
        }
        let answer = call.await;
        self.heed(&answer);
        answer
    }

    /// Who has a permission set in an account.
    pub(super) async fn principals(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
    ) -> Result<BTreeSet<Principal>, PortError> {
        let access = self.engine.access;
        let page = |token, _| self.ask(Turn::Next, access.principals_page(account, permission_set, token));
        Ok(Page::turn_all(usize::MAX, page).await?.into_iter().collect())
    }

    /// Waits for the next turn to call AWS. Tells at once if there is none before the run closes.
    async fn turn(&self) -> bool {
        let now = self.now();
        let turn = {
            let mut pace = self.pace();
            if pace.ready_at(now) >= self.closes() {
                return false;
            }
            pace.take(now)
        };
        if let Ok(wait) = Duration::try_from(turn.duration_since(now))
            && !wait.is_zero()
        {
            self.engine.clock.sleep(wait).await;
        }
        true
    }

    /// Whether something is to be sent that waits for a turn only.
    pub(super) fn sends_wait(&self, wait: bool) {
        self.shared.sends_wait.store(wait, Ordering::Relaxed);
    }

    /// Waits for a turn that nothing else needs now: none is reserved ahead, and what is to be sent goes first, for a while.
    async fn spare_turn(&self) -> bool {
        let until = self.now() + signed(GIVES_WAY);
        loop {
            let now = self.now();
            let ready = self.pace().ready_at(now);
            let is_spare = ready <= now && !self.shared.sends_wait.load(Ordering::Relaxed);
            if is_spare || now >= until {
                return self.turn().await;
            }
            let wait = Duration::try_from(ready.duration_since(now)).unwrap_or_default();
            self.engine.clock.sleep(wait.max(Duration::from_millis(10))).await;
        }
    }

    /// Takes notice of how AWS takes the rate of calls.
    pub(super) fn heed<T>(&self, answer: &Result<T, PortError>) {
        match answer {
            Err(PortError::Throttled(_)) => {
                let now = self.now();
                self.pace().refused(now);
                Metric::Throttled.tell_part(FUNCTION, now, 1, "rate");
            }
            Err(PortError::WindowFull(_)) => {
                self.pace().answered();
                Metric::Throttled.tell_part(FUNCTION, self.now(), 1, "window");
            }
            Err(PortError::Failed(_)) => {}
            Ok(_)
            | Err(
                PortError::Conflict(_)
                | PortError::Denied(_)
                | PortError::Unassumed(_)
                | PortError::Barred(_)
                | PortError::NotFound(_)
                | PortError::Refused(_),
            ) => self.pace().answered(),
        }
    }

    /// Whether the lease lasts for longer than any call that begins now.
    pub(super) fn outlives_a_call(&self) -> bool {
        let left = self.lease().expires_at.duration_since(self.now());
        left >= signed(self.engine.settings.lease / 2)
    }

    /// Waits until the lease outlives a call that begins now. The session renews it in time; only if that takes long is there
    /// anything to wait for, and once the lease has run out there is nothing any more.
    pub(super) async fn under_the_lease(&self) -> Result<(), RunError> {
        while !self.outlives_a_call() {
            if self.lease().expires_at <= self.now() {
                return Err(LedgerError::LeaseLost.into());
            }
            self.engine.clock.sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// When the lease is to be renewed: well before calls would have to wait for it.
    pub(super) fn renewal(&self) -> Timestamp {
        self.lease().expires_at - signed(self.engine.settings.lease * 3 / 4)
    }

    pub(super) async fn renew(&self) -> Result<(), RunError> {
        let lease = self.lease();
        let renewal = self.engine.ledger.renew_lease(&lease, self.now(), self.engine.settings.lease);
        let renewed = self.in_turn(renewal).await?;
        *lock(&self.shared.lease) = renewed;
        Ok(())
    }

    fn guard(&self) -> Guard {
        Guard { lease: Some(self.fence), ..Guard::default() }
    }

    /// Writes a row that nobody has changed since it was read; `None` when somebody has.
    pub(super) async fn write(&self, row: Row) -> Result<Option<Row>, RunError> {
        self.write_and_tell(row, None).await
    }

    /// The same of a row that has ended so.
    pub(super) async fn write_and_tell(
        &self,
        row: Row,
        ended: Option<Ended>,
    ) -> Result<Option<Row>, RunError> {
        let outcome = ended.and_then(|ended| ending::told(&row, ended, self.now()));
        match self.try_write(&row, outcome, &self.guard()).await {
            Ok(()) => Ok(Some(Row { version: row.version + 1, ..row })),
            Err(LedgerError::RowChanged(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a row with a claim in it, if at that very moment the rules that it was decided by are in force and nobody has
    /// paused or held anything since the orders were read.
    pub(super) async fn write_claim(
        &self,
        row: Row,
        rules: Option<RulesVersion>,
        orders: u64,
    ) -> Result<Claimed, RunError> {
        let guard = Guard { rules, orders: Some(orders), ..self.guard() };
        match self.try_write(&row, None, &guard).await {
            Ok(()) => Ok(Claimed::Written(Box::new(Row { version: row.version + 1, ..row }))),
            Err(LedgerError::RowChanged(_)) => Ok(Claimed::Changed),
            Err(LedgerError::RulesChanged | LedgerError::OrdersChanged) => Ok(Claimed::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// A write that depends on the lease, once the one before it has ended: DynamoDB refuses what meets another's transaction on any
    /// item, even if both only look at it. One that takes long keeps nobody waiting for that long: whoever meets it tries again.
    async fn in_turn<T>(&self, write: impl Future<Output = T> + Send) -> T {
        let turn = self.shared.writes.lock().await;
        match select(pin!(write), self.engine.clock.sleep(IN_TURN)).await {
            Either::Left((done, _)) => done,
            Either::Right(((), write)) => {
                drop(turn);
                write.await
            }
        }
    }

    /// One conditional write. A ledger that is busy with another's write of the same items is asked again.
    async fn try_write(&self, row: &Row, outcome: Option<Outcome>, guard: &Guard) -> Result<(), LedgerError> {
        let rows = [RowWrite { row: row.clone(), outcome }];
        let mut meetings = 0;
        loop {
            match self.in_turn(self.engine.ledger.write(&rows, guard)).await {
                Err(LedgerError::Port(PortError::Conflict(_))) if meetings < MEETINGS => {
                    let mut chance = DefaultHasher::new();
                    (row.key.to_string(), self.now().as_nanosecond()).hash(&mut chance);
                    self.engine.clock.sleep(after_a_meeting(meetings, chance.finish())).await;
                    meetings += 1;
                }
                other => return other,
            }
        }
    }

    /// Writes what has become of a claimed row. Others may only have asked for another look meanwhile, have written down who
    /// wants it now, or have put it on hold: that is kept.
    pub(super) async fn record(&self, row: Row) -> Result<Row, RunError> {
        self.record_and_tell(row, None).await
    }

    async fn record_and_tell(&self, row: Row, ended: Option<Ended>) -> Result<Row, RunError> {
        let mut row = row;
        for _ in 0..5 {
            let outcome = ended.and_then(|ended| ending::told(&row, ended, self.now()));
            match self.try_write(&row, outcome, &self.guard()).await {
                Ok(()) => return Ok(Row { version: row.version + 1, ..row }),
                Err(LedgerError::RowChanged(_)) => {
                    let Some(current) = self.engine.ledger.row(&row.key).await? else { break };
                    row.version = current.version;
                    row.look_again |= current.look_again;
                    row.wanted_by = current.wanted_by;
                    row.hold = current.hold;
                    if row.claim().is_some() {
                        row.overheard = row.overheard.or(current.overheard);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::RowChanged(Box::new(row.key)).into())
    }

    /// The row has ended what it was claimed for: in the state it has now, it is written, and its account is looked at if that
    /// was asked for meanwhile. `ended` is what AWS has said, where there is something to tell.
    pub(super) async fn end(&self, row: Row, ended: Option<Ended>) -> Result<Row, RunError> {
        let row = self.record_and_tell(row, ended).await?;
        if !row.look_again {
            return Ok(row);
        }
        let deduplication = format!("again-{}-{}", self.now().as_microsecond(), row.key.account);
        self.hint(&row.key.account, &row.cause, deduplication).await?;
        // From here on the row is anybody's to change: whoever did has looked.
        let looked = Row { look_again: false, ..row.clone() };
        Ok(self.write(looked).await?.unwrap_or(row))
    }

    pub(super) async fn hint(
        &self,
        account: &AccountId,
        cause: &Cause,
        deduplication: String,
    ) -> Result<(), RunError> {
        let hint = AccountHint::new(account.clone(), cause.clone(), self.now());
        let message = hint.message(&deduplication).map_err(RunError::Queue)?;
        self.engine.inbox.send(&[message]).await.map_err(RunError::Queue)
    }

    /// Whether AWS lists an assignment.
    pub(super) async fn is_there(&self, row: &Row) -> Result<bool, Untold> {
        match self.principals(&row.key.account, &row.key.permission_set).await {
            Ok(principals) => Ok(principals.contains(&row.key.principal)),
            Err(PortError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_met_another_waits_for_longer_each_time_and_not_as_long_as_the_other() {
        let ms = |times, chance| after_a_meeting(times, chance).as_millis();
        assert_eq!((ms(0, 0), ms(0, 100), ms(1, 100), ms(4, 50)), (10, 20, 40, 240));
        assert_eq!((ms(5, 100), ms(40, 100)), (500, 500));
        let longest: Duration = (0..MEETINGS).map(|times| after_a_meeting(times, 100)).sum();
        assert!((5..8).contains(&longest.as_secs()), "{longest:?}");
    }
}
