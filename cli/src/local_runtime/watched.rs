//! A ledger that tells every row that is written to it: what was decided, sent, accepted and ended, in the order in which it was.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use shared::{
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::{BudgetKey, Campaign, Lease, Orders, Round, Row},
    outcome::Outcome,
    ports::{Guard, Ledger, LedgerError, LedgerReader, Page, RowWrite, RulesInForce, Seen, SeenKind},
};

use super::news::Teller;

/// A ledger, watched.
pub(super) struct WatchedLedger {
    ledger: Arc<dyn Ledger>,
    teller: Teller,
    /// The engine's lease, while a function of this process holds it.
    held: Mutex<Option<Lease>>,
}

impl WatchedLedger {
    pub(super) fn new(ledger: Arc<dyn Ledger>, teller: Teller) -> Self {
        Self { ledger, teller, held: Mutex::default() }
    }

    /// Gives the engine's lease back if a function that was broken off still holds it, so that nobody has to wait for its end.
    pub(super) async fn let_go(&self) -> Result<(), LedgerError> {
        let held = self.keep_in_mind(None);
        match held {
            Some(lease) => self.ledger.release_lease(&lease).await,
            None => Ok(()),
        }
    }

    /// Tells which lease was held before.
    fn keep_in_mind(&self, lease: Option<Lease>) -> Option<Lease> {
        std::mem::replace(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner), lease)
    }
}

#[async_trait::async_trait]
impl LedgerReader for WatchedLedger {
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
        self.ledger.rows_of(account).await
    }

    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
        self.ledger.row(key).await
    }

    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
        self.ledger.rows(after).await
    }

    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.ledger.work(limit).await
    }

    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.ledger.work_decided_since(since, limit).await
    }

    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError> {
        self.ledger.rules_in_force().await
    }

    async fn orders(&self) -> Result<Orders, LedgerError> {
        self.ledger.orders().await
    }

    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError> {
        self.ledger.spent(budget).await
    }

    async fn round(&self) -> Result<Option<Round>, LedgerError> {
        self.ledger.round().await
    }

    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
        self.ledger.recall(kind).await
    }

    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        self.ledger.campaigns().await
    }

    async fn campaign(&self, set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError> {
        self.ledger.campaign(set).await
    }

    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError> {
        self.ledger.recall_one(kind, id).await
    }

    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError> {
        self.ledger.recall_below(kind, beginning).await
    }

    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
        self.ledger.untold(limit).await
    }
}

#[async_trait::async_trait]
impl Ledger for WatchedLedger {
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        self.ledger.write(rows, guard).await?;
        for RowWrite { row, outcome: _ } in rows {
            self.teller.written(row);
        }
        Ok(())
    }

    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError> {
        self.ledger.forget(rows).await
    }

    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError> {
        self.ledger.bring_into_force(expected, rules).await
    }

    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError> {
        self.ledger.give_orders(orders).await
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        let lease = self.ledger.acquire_lease(holder, now, ttl).await?;
        if let Some(lease) = &lease {
            self.keep_in_mind(Some(lease.clone()));
        }
        Ok(lease)
    }

    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError> {
        self.ledger.renew_lease(lease, now, ttl).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.ledger.release_lease(lease).await?;
        self.keep_in_mind(None);
        Ok(())
    }

    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError> {
        self.ledger.keep_round(round).await
    }

    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError> {
        self.ledger.keep_campaign(campaign, guard).await
    }

    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        self.ledger.end_campaign(campaign).await
    }

    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.ledger.remember(kind, seen).await?;
        if kind == SeenKind::Reprovisioned {
            let records = seen.iter().filter_map(|seen| serde_json::from_value(seen.value.clone()).ok());
            records.for_each(|record| self.teller.reprovisioned(record));
        }
        Ok(())
    }

    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.ledger.remember_first(kind, seen).await
    }

    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError> {
        self.ledger.unlearn(kind, ids).await
    }

    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.ledger.tell(outcomes).await
    }

    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.ledger.told(outcomes).await
    }
}
