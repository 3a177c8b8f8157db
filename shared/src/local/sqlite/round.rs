//! The sweep's round: one entry among what is remembered, of a kind of its own. Its place in time is the number of its version.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::{unreadable, unusable};
use crate::{
    ledger::Round,
    ports::{LedgerError, PortError},
};

/// The round as it was kept last.
pub(super) fn kept(connection: &Connection) -> Result<Option<Round>, LedgerError> {
    let found: Option<(String, String)> = connection
        .query_row("SELECT value, at FROM seen WHERE kind = 'round' AND id = 'sweep'", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(unusable)?;
    let Some((content, version)) = found else { return Ok(None) };
    let round: Round =
        serde_json::from_str(&content).map_err(|error| unreadable("the sweep's round", error))?;
    let version = version.parse().map_err(|error| unreadable("the version of the sweep's round", error))?;
    Ok(Some(Round { version, ..round }))
}

/// Puts it in the place of the one that was read; tells whether that was still the one.
pub(super) fn keep(transaction: &Transaction<'_>, round: &Round) -> Result<bool, LedgerError> {
    if kept(transaction)?.map_or(0, |kept| kept.version) != round.version {
        return Ok(false);
    }
    let content = serde_json::to_string(round)
        .map_err(|error| PortError::Refused(format!("the sweep's round is no JSON: {error}")))?;
    transaction
        .execute(
            "INSERT INTO seen (kind, id, value, at) VALUES ('round', 'sweep', ?1, ?2)
             ON CONFLICT DO UPDATE SET value = excluded.value, at = excluded.at",
            params![content, round.version.saturating_add(1).to_string()],
        )
        .map_err(unusable)?;
    Ok(true)
}
