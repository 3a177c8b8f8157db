//! What every task of the engine shares: the lease, the turns to call AWS, and the writes to the ledger under the lease.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{Provisioner, RunError, pace::Pace, send::Looks};
use crate::{
    domain::{AccountId, RequestId, RulesVersion},
    engine::{AccountHint, signed},
    ledger::{Cause, Fence, Lease, Row},
    ports::{Guard, LedgerError, PortError, Request, RowWrite},
};

/// How long what can wait gives way to what is to be sent: it must come to its end beside the longest backlog.
const GIVES_WAY: Duration = Duration::from_secs(1);

/// The engine's hand: one for each task, all of the same session.
#[derive(Clone)]
pub(super) struct Hand<'a> {
    pub(super) engine: &'a Provisioner<'a>,
    fence: Fence,
    shared: Arc<Shared>,
}

struct Shared {
    lease: Mutex<Lease>,
    pace: Mutex<Pace>,
    /// Requests that were described while claims were settled: what they are about doesn't change.
    described: Mutex<BTreeMap<RequestId, Request>>,
    looks: Mutex<Looks>,
    /// Something is to be sent, and waits for a turn only.
    sends_wait: AtomicBool,
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
    pub(super) fn new(engine: &'a Provisioner<'a>, lease: Lease, pace: Pace) -> Self {
        let fence = lease.fence;
        let shared = Shared {
            lease: Mutex::new(lease),
            pace: Mutex::new(pace),
            described: Mutex::default(),
            looks: Mutex::default(),
            sends_wait: AtomicBool::new(false),
        };
        Self { engine, fence, shared: Arc::new(shared) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock.now()
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

    /// Waits for the next turn to call AWS.
    pub(super) async fn turn(&self) {
        let now = self.now();
        let turn = self.pace().take(now);
        if let Ok(wait) = Duration::try_from(turn.duration_since(now))
            && !wait.is_zero()
        {
            self.engine.clock.sleep(wait).await;
        }
    }

    /// Whether something is to be sent that waits for a turn only.
    pub(super) fn sends_wait(&self, wait: bool) {
        self.shared.sends_wait.store(wait, Ordering::Relaxed);
    }

    /// Waits for a turn that nothing else needs now: none is reserved ahead, and what is to be sent goes first, for a while.
    pub(super) async fn spare_turn(&self) {
        let until = self.now() + signed(GIVES_WAY);
        loop {
            let now = self.now();
            if now >= until {
                return self.turn().await;
            }
            let ready = self.pace().ready_at(now);
            if ready <= now && !self.shared.sends_wait.load(Ordering::Relaxed) {
                self.pace().take(now);
                return;
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
            }
            Err(PortError::Failed(_)) => {}
            Ok(_)
            | Err(
                PortError::WindowFull(_)
                | PortError::Conflict(_)
                | PortError::Denied(_)
                | PortError::Barred(_)
                | PortError::NotFound(_)
                | PortError::Refused(_),
            ) => self.pace().answered(),
        }
    }

    /// Whether the lease lasts for longer than any call that begins now.
    fn outlives_a_call(&self) -> bool {
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
        let renewed = self.engine.ledger.renew_lease(&lease, self.now(), self.engine.settings.lease).await?;
        *lock(&self.shared.lease) = renewed;
        Ok(())
    }

    fn guard(&self) -> Guard {
        Guard { lease: Some(self.fence), ..Guard::default() }
    }

    /// Writes a row that nobody has changed since it was read; `None` when somebody has.
    pub(super) async fn write(&self, row: Row) -> Result<Option<Row>, RunError> {
        match self.try_write(&row, &self.guard()).await {
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
        match self.try_write(&row, &guard).await {
            Ok(()) => Ok(Claimed::Written(Box::new(Row { version: row.version + 1, ..row }))),
            Err(LedgerError::RowChanged(_)) => Ok(Claimed::Changed),
            Err(LedgerError::RulesChanged | LedgerError::OrdersChanged) => Ok(Claimed::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// One conditional write. A ledger that is busy with another's write of the same items is asked again.
    async fn try_write(&self, row: &Row, guard: &Guard) -> Result<(), LedgerError> {
        let mut tries = 0;
        loop {
            match self.engine.ledger.write(&[RowWrite { row: row.clone() }], guard).await {
                Err(LedgerError::Port(PortError::Conflict(_))) if tries < 8 => {
                    tries += 1;
                    self.engine.clock.sleep(Duration::from_millis(20) * tries).await;
                }
                other => return other,
            }
        }
    }

    /// Writes what has become of a claimed row. Others may only have asked for another look meanwhile, have written down who
    /// wants it now, or have put it on hold: that is kept.
    pub(super) async fn record(&self, row: Row) -> Result<Row, RunError> {
        let mut row = row;
        for _ in 0..5 {
            match self.try_write(&row, &self.guard()).await {
                Ok(()) => return Ok(Row { version: row.version + 1, ..row }),
                Err(LedgerError::RowChanged(_)) => {
                    let Some(current) = self.engine.ledger.row(&row.key).await? else { break };
                    row.version = current.version;
                    row.look_again |= current.look_again;
                    row.wanted_by = current.wanted_by;
                    row.hold = current.hold;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::RowChanged(Box::new(row.key)).into())
    }

    /// The row has ended what it was claimed for: in the state it has now, it is written, and its account is looked at if that
    /// was asked for meanwhile.
    pub(super) async fn end(&self, row: Row) -> Result<Row, RunError> {
        let row = self.record(row).await?;
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

    /// Whether AWS lists an assignment; `None` when that could not be told this time.
    pub(super) async fn is_there(&self, row: &Row) -> Result<Option<bool>, RunError> {
        self.turn().await;
        let answer = self.engine.access.principals(&row.key.account, &row.key.permission_set).await;
        self.heed(&answer);
        match answer {
            Ok(principals) => Ok(Some(principals.contains(&row.key.principal))),
            Err(PortError::NotFound(_)) => Ok(Some(false)),
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(RunError::Access(error)),
        }
    }
}
