//! The ledger in an SQLite file, or in memory.
//!
//! Calls are short and are made in place on the calling task: no thread is handed the work, so virtual time stays
//! deterministic. Several processes may use one file; each write is one transaction that is alone from its first check on, and
//! waits up to ten seconds for another's.

mod campaign;
mod error;
mod lease;
mod orders;
mod outbox;
mod round;
mod rows;
mod rules;
mod schema;
mod seen;
mod write;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use error::OpenError;

use self::error::unusable;
use crate::{
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::{BudgetKey, Campaign, Lease, Orders, Round, Row},
    outcome::Outcome,
    ports::{Guard, Ledger, LedgerError, LedgerReader, Page, RowWrite, RulesInForce, Seen, SeenKind},
};

/// The ledger in SQLite.
#[derive(Debug)]
pub struct SqliteLedger {
    connection: Mutex<Connection>,
}

impl SqliteLedger {
    /// Opens the ledger in this file, and makes it if there is none.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = Connection::open(path)
            .map_err(|source| OpenError::Open { path: path.display().to_string(), source })?;
        Self::of(connection, &path.display().to_string())
    }

    /// An empty ledger that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, OpenError> {
        let name = ":memory:";
        let connection = Connection::open_in_memory()
            .map_err(|source| OpenError::Open { path: name.to_owned(), source })?;
        Self::of(connection, name)
    }

    fn of(mut connection: Connection, path: &str) -> Result<Self, OpenError> {
        schema::prepare(&mut connection, path)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Reads something in one statement.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        // A panic while the lock was held dropped its transaction, and that rolled it back: the connection is sound.
        read(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks and writes something in one transaction; an error leaves everything as it was.
    fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unusable)?;
        let changed = change(&transaction)?;
        transaction.commit().map_err(unusable)?;
        Ok(changed)
    }
}

#[async_trait::async_trait]
impl LedgerReader for SqliteLedger {
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
        self.read(|connection| rows::of_account(connection, account))
    }

    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
        self.read(|connection| rows::one(connection, key))
    }

    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
        self.read(|connection| rows::page(connection, after))
    }

    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.read(|connection| rows::with_work(connection, limit))
    }

    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.read(|connection| rows::with_work_decided_since(connection, since, limit))
    }

    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError> {
        self.read(rules::in_force)
    }

    async fn orders(&self) -> Result<Orders, LedgerError> {
        self.read(orders::standing)
    }

    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError> {
        self.read(|connection| write::spent(connection, budget))
    }

    async fn round(&self) -> Result<Option<Round>, LedgerError> {
        self.read(round::kept)
    }

    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        self.read(campaign::all)
    }

    async fn campaign(&self, permission_set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError> {
        self.read(|connection| campaign::one(connection, permission_set))
    }

    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
        self.read(|connection| seen::recall(connection, kind))
    }

    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError> {
        self.read(|connection| seen::recall_one(connection, kind, id))
    }

    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError> {
        self.read(|connection| seen::recall_below(connection, kind, beginning))
    }

    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
        self.read(|connection| outbox::untold(connection, limit))
    }
}

#[async_trait::async_trait]
impl Ledger for SqliteLedger {
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
        write::check_size(rows, guard)?;
        self.change(|transaction| write::write(transaction, rows, guard))
    }

    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError> {
        self.change(|transaction| write::forget(transaction, rows))
    }

    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError> {
        self.change(|transaction| rules::bring_into_force(transaction, expected, rules))
    }

    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError> {
        self.change(|transaction| orders::give(transaction, orders))
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.change(|transaction| lease::acquire(transaction, holder, now, ttl))
    }

    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError> {
        self.change(|transaction| lease::renew(transaction, lease, now, ttl))
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.change(|transaction| lease::release(transaction, lease))
    }

    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError> {
        self.change(|transaction| round::keep(transaction, round))
    }

    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError> {
        write::check_size(&[], guard)?;
        self.change(|transaction| {
            write::write(transaction, &[], guard)?;
            campaign::keep(transaction, campaign)
        })
    }

    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        self.change(|transaction| campaign::end(transaction, campaign))
    }

    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.change(|transaction| seen::remember(transaction, kind, seen))
    }

    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError> {
        self.change(|transaction| seen::remember_first(transaction, kind, seen))
    }

    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.change(|transaction| outbox::keep(transaction, outcomes))
    }

    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError> {
        self.change(|transaction| outbox::told(transaction, outcomes))
    }

    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError> {
        self.change(|transaction| seen::unlearn(transaction, kind, ids))
    }
}

#[cfg(test)]
mod tests;
