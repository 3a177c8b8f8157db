//! The ledger as a bench needs it: SQLite in memory, as slow as it is told to be, that says how long a lease lasts.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use shared::{
    clock::TokioClock,
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::{BudgetKey, Campaign, Lease, Orders, Round, Row},
    local::SqliteLedger,
    outcome::Outcome,
    ports::{
        Clock as _, Guard, Ledger, LedgerError, LedgerReader, Page, RowWrite, RulesInForce, Seen, SeenKind,
    },
};

use crate::trouble::Trouble;

/// A ledger somewhere else.
#[derive(Debug)]
pub(crate) struct RemoteLedger {
    pub(crate) here: SqliteLedger,
    pub(crate) clock: TokioClock,
    /// How long each call takes.
    pub(crate) takes: Duration,
    /// Until when the lease lasts that was taken or renewed last.
    pub(crate) leased_until: Mutex<Option<Timestamp>>,
    /// How often rows were written or forgotten.
    pub(crate) writes: AtomicUsize,
}

impl RemoteLedger {
    /// An empty one.
    pub(crate) fn new(clock: TokioClock, takes: Duration) -> Result<Self, Trouble> {
        let here = SqliteLedger::in_memory().map_err(Trouble::while_doing("opening the ledger"))?;
        Ok(Self { here, clock, takes, leased_until: Mutex::new(None), writes: AtomicUsize::new(0) })
    }

    /// There and back. What is done is done in the middle.
    async fn at<T>(&self, call: impl Future<Output = T>) -> T {
        self.travel().await;
        let answer = call.await;
        self.travel().await;
        answer
    }

    async fn travel(&self) {
        if !self.takes.is_zero() {
            self.clock.sleep(self.takes / 2).await;
        }
    }

    fn note(&self, until: Option<Timestamp>) {
        *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// When the lease ends that an engine left behind; `None` if it was given back.
    pub(crate) fn left_behind(&self) -> Option<Timestamp> {
        *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl LedgerReader for RemoteLedger {
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
        self.at(self.here.rows_of(account)).await
    }

    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
        self.at(self.here.row(key)).await
    }

    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
        self.at(self.here.rows(after)).await
    }

    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.at(self.here.work(limit)).await
    }

    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.at(self.here.work_decided_since(since, limit)).await
    }

    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError> {
        self.at(self.here.rules_in_force()).await
    }

    async fn orders(&self) -> Result<Orders, LedgerError> {
        self.at(self.here.orders()).await
    }

    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError> {
        self.at(self.here.spent(budget)).await
    }

    async fn round(&self) -> Result<Option<Round>, LedgerError> {
        self.at(self.here.round()).await
    }

    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
        self.at(self.here.recall(kind)).await
    }

    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        self.at(self.here.campaigns()).await
    }

    async fn campaign(&self, set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError> {
        self.at(self.here.campaign(set)).await
    }

    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError> {
        self.at(self.here.recall_one(kind, id)).await
    }

    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError> {
        self.at(self.here.recall_below(kind, beginning)).await
    }

    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
        self.at(self.here.untold(limit)).await
    }
}

#[async_trait::async_trait]
impl Ledger for RemoteLedger {
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.at(self.here.write(rows, guard)).await
    }

    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.at(self.here.forget(rows)).await
    }

    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError> {
        self.at(self.here.bring_into_force(expected, rules)).await
    }

    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError> {
        self.at(self.here.give_orders(orders)).await
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.at(async {
            let lease = self.here.acquire_lease(holder, now, ttl).await?;
            if let Some(lease) = &lease {
                self.note(Some(lease.expires_at));
            }
            Ok(lease)
        })
        .await
    }

    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError> {
        self.at(async {
            let lease = self.here.renew_lease(lease, now, ttl).await?;
            self.note(Some(lease.expires_at));
            Ok(lease)
        })
        .await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.at(async {
            self.here.release_lease(lease).await?;
            self.note(None);
            Ok(())
        })
        .await
    }

    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError> {
        self.at(self.here.keep_round(round)).await
    }

    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError> {
        self.at(self.here.keep_campaign(campaign, guard)).await
    }

    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        self.at(self.here.end_campaign(campaign)).await
    }

    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.at(self.here.remember(kind, seen)).await
    }

    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.at(self.here.remember_first(kind, seen)).await
    }

    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError> {
        self.at(self.here.unlearn(kind, ids)).await
    }

    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.at(self.here.tell(outcomes)).await
    }

    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.at(self.here.told(outcomes)).await
    }
}
