//! Writing rows, under their guard, and the budgets that a write charges.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    error::{too_large, unreadable, unusable},
    lease, orders, outbox, rules,
};
use crate::{
    domain::AssignmentKey,
    ledger::{BudgetKey, Charge, Row, State, WRITES_AT_ONCE},
    ports::{Guard, LedgerError, PortError, RowWrite},
};

/// How many budgets one write may charge: what is left of the 100 items of a DynamoDB transaction beside the rows, the
/// rules, the orders and the lease, so that both ledgers take the same writes.
const CHARGES_AT_ONCE: usize = 7;

/// Refuses what the ledger in AWS would refuse too: too much at once, or one thing twice.
pub(super) fn check_size(rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError> {
    let items = RowWrite::items(rows);
    if items > WRITES_AT_ONCE || guard.charges.len() > CHARGES_AT_ONCE {
        return Err(PortError::Refused(format!(
            "{items} rows and outcomes, and {} charges in one write; at most {WRITES_AT_ONCE} and {CHARGES_AT_ONCE} are possible",
            guard.charges.len()
        ))
        .into());
    }
    let mut keys = BTreeSet::new();
    if let Some(twice) = rows.iter().find(|write| !keys.insert(&write.row.key)) {
        return Err(PortError::Refused(format!("the row of `{}` twice in one write", twice.row.key)).into());
    }
    let mut budgets = BTreeSet::new();
    if let Some(twice) = guard.charges.iter().find(|charge| !budgets.insert(&charge.budget)) {
        return Err(PortError::Refused(format!("the budget `{}` twice in one write", twice.budget)).into());
    }
    Ok(())
}

/// Checks the guard and writes the rows. Of several reasons against it the widest is told: lease, orders, rules, rows, budgets.
pub(super) fn write(
    transaction: &Transaction<'_>,
    rows: &[RowWrite],
    guard: &Guard,
) -> Result<(), LedgerError> {
    let Guard { rules, lease, orders, charges } = guard;
    if let Some(fence) = lease
        && !lease::is_in_force(transaction, *fence)?
    {
        return Err(LedgerError::LeaseLost);
    }
    if let Some(version) = orders
        && !orders::are_of(transaction, *version)?
    {
        return Err(LedgerError::OrdersChanged);
    }
    if let Some(version) = rules
        && rules::version_in_force(transaction)?.as_deref() != Some(version.as_str())
    {
        return Err(LedgerError::RulesChanged);
    }
    for write in rows {
        put(transaction, &write.row)?;
        outbox::keep(transaction, write.outcome.as_slice())?;
    }
    for charge in charges {
        take(transaction, charge)?;
    }
    Ok(())
}

/// Stores a row with its next version, if it still has the version it was read with.
fn put(transaction: &Transaction<'_>, row: &Row) -> Result<(), LedgerError> {
    let version = i64::try_from(row.version)
        .ok()
        .and_then(|read| read.checked_add(1))
        .ok_or_else(|| too_large("a row's version"))?;
    if stored_version(transaction, &row.key)?.unwrap_or(0) != version - 1 {
        return Err(LedgerError::RowChanged(Box::new(row.key.clone())));
    }
    let content = serde_json::to_string(row)
        .map_err(|error| PortError::Refused(format!("the row of `{}` is no JSON: {error}", row.key)))?;
    transaction
        .prepare_cached(
            "INSERT INTO row (account, permission_set, principal, version, state, work, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET version = excluded.version, state = excluded.state, work = excluded.work,
                 content = excluded.content",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                row.key.account.as_str(),
                row.key.permission_set.as_str(),
                row.key.principal.to_string(),
                version,
                row.state.label(),
                row.work_order(),
                content,
            ])
        })
        .map_err(unusable)?;
    Ok(())
}

fn stored_version(transaction: &Transaction<'_>, key: &AssignmentKey) -> Result<Option<i64>, LedgerError> {
    transaction
        .prepare_cached(
            "SELECT version FROM row WHERE account = ?1 AND permission_set = ?2 AND principal = ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(
                    params![key.account.as_str(), key.permission_set.as_str(), key.principal.to_string()],
                    |row| row.get(0),
                )
                .optional()
        })
        .map_err(unusable)
}

/// Charges a budget, if it has room.
fn take(transaction: &Transaction<'_>, charge: &Charge) -> Result<(), LedgerError> {
    let Charge { budget, amount, limit } = charge;
    let total = spent(transaction, budget)?
        .checked_add(*amount)
        .filter(|total| total <= limit)
        .ok_or_else(|| LedgerError::BudgetSpent(budget.clone()))?;
    transaction
        .prepare_cached(
            "INSERT INTO budget (name, spent) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET spent = excluded.spent",
        )
        .and_then(|mut statement| statement.execute(params![budget.as_str(), total]))
        .map_err(unusable)?;
    Ok(())
}

/// What a budget has been charged.
pub(super) fn spent(connection: &Connection, budget: &BudgetKey) -> Result<u32, LedgerError> {
    let spent: Option<i64> = connection
        .prepare_cached("SELECT spent FROM budget WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([budget.as_str()], |row| row.get(0)).optional())
        .map_err(unusable)?;
    u32::try_from(spent.unwrap_or(0)).map_err(|error| unreadable("a budget", error))
}

/// Deletes those of the rows that are closed and still as they were read.
pub(super) fn forget(transaction: &Transaction<'_>, rows: &[Row]) -> Result<(), LedgerError> {
    for row in rows {
        // A version that no column can hold was never stored.
        let Ok(version) = i64::try_from(row.version) else { continue };
        let key = &row.key;
        transaction
            .prepare_cached(
                "DELETE FROM row WHERE account = ?1 AND permission_set = ?2 AND principal = ?3
                 AND version = ?4 AND state = ?5",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    key.account.as_str(),
                    key.permission_set.as_str(),
                    key.principal.to_string(),
                    version,
                    State::Closed.label(),
                ])
            })
            .map_err(unusable)?;
    }
    Ok(())
}
