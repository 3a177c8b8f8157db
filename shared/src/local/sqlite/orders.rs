//! Standing orders: one row, replaced as a whole.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::{too_large, unreadable, unusable};
use crate::{
    ledger::Orders,
    ports::{LedgerError, PortError},
};

/// The orders that stand.
///
/// INVARIANT: orders that can't be read are an error, never no orders: whoever pressed the red button must not be ignored.
pub(super) fn standing(connection: &Connection) -> Result<Orders, LedgerError> {
    let found: Option<(i64, String)> = connection
        .query_row("SELECT version, content FROM orders", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(unusable)?;
    let Some((version, content)) = found else { return Ok(Orders::default()) };
    let mut orders: Orders =
        serde_json::from_str(&content).map_err(|error| unreadable("the orders", error))?;
    orders.version = u64::try_from(version).map_err(|error| unreadable("the orders' version", error))?;
    Ok(orders)
}

/// Whether the orders that stand are of this version.
pub(super) fn are_of(connection: &Connection, version: u64) -> Result<bool, LedgerError> {
    let found: Option<i64> = connection
        .query_row("SELECT version FROM orders", [], |row| row.get(0))
        .optional()
        .map_err(unusable)?;
    Ok(u64::try_from(found.unwrap_or(0)) == Ok(version))
}

/// Puts others in their place, if they are still the ones that were read.
pub(super) fn give(transaction: &Transaction<'_>, orders: &Orders) -> Result<(), LedgerError> {
    if !are_of(transaction, orders.version)? {
        return Err(LedgerError::OrdersChanged);
    }
    let version = i64::try_from(orders.version)
        .ok()
        .and_then(|read| read.checked_add(1))
        .ok_or_else(|| too_large("the orders' version"))?;
    let content = serde_json::to_string(orders)
        .map_err(|error| PortError::Refused(format!("the orders are no JSON: {error}")))?;
    transaction
        .execute(
            "INSERT INTO orders (only, version, content) VALUES (1, ?1, ?2)
             ON CONFLICT DO UPDATE SET version = excluded.version, content = excluded.content",
            params![version, content],
        )
        .map_err(unusable)?;
    Ok(())
}
