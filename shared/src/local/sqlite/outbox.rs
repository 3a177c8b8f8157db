//! Outcomes that are to be told: entries among what is remembered, of a kind of their own, in the order of their times.

use rusqlite::{Connection, Transaction, params};

use super::error::{unreadable, unusable};
use crate::{
    outcome::Outcome,
    ports::{LedgerError, PortError},
};

/// Keeps outcomes until they are told.
pub(super) fn keep(transaction: &Transaction<'_>, outcomes: &[Outcome]) -> Result<(), LedgerError> {
    for outcome in outcomes {
        let content = serde_json::to_string(outcome)
            .map_err(|error| PortError::Refused(format!("an outcome is no JSON: {error}")))?;
        transaction
            .prepare_cached(
                "INSERT INTO seen (kind, id, value, at) VALUES ('outcome', ?1, ?2, '') ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| statement.execute(params![outcome.place(), content]))
            .map_err(unusable)?;
    }
    Ok(())
}

/// The oldest of them.
pub(super) fn untold(connection: &Connection, limit: usize) -> Result<Vec<Outcome>, LedgerError> {
    let found = connection
        .prepare_cached("SELECT value FROM seen WHERE kind = 'outcome' ORDER BY id LIMIT ?1")
        .and_then(|mut statement| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement.query_map([limit], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        })
        .map_err(unusable)?;
    found
        .iter()
        .map(|content| serde_json::from_str(content).map_err(|error| unreadable("an outcome", error)))
        .collect()
}

/// Forgets what was told.
pub(super) fn told(transaction: &Transaction<'_>, outcomes: &[Outcome]) -> Result<(), LedgerError> {
    for outcome in outcomes {
        transaction
            .prepare_cached("DELETE FROM seen WHERE kind = 'outcome' AND id = ?1")
            .and_then(|mut statement| statement.execute([outcome.place()]))
            .map_err(unusable)?;
    }
    Ok(())
}
