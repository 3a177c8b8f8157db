//! Which rules are in force.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::{unreadable, unusable};
use crate::ports::{LedgerError, PortError, RulesInForce};

/// The rules in force.
pub(super) fn in_force(connection: &Connection) -> Result<Option<RulesInForce>, LedgerError> {
    let content: Option<String> = connection
        .query_row("SELECT content FROM rules", [], |row| row.get(0))
        .optional()
        .map_err(unusable)?;
    content
        .map(|content| {
            serde_json::from_str(&content).map_err(|error| unreadable("the rules in force", error))
        })
        .transpose()
}

/// Only their version, as text.
pub(super) fn version_in_force(connection: &Connection) -> Result<Option<String>, LedgerError> {
    connection.query_row("SELECT version FROM rules", [], |row| row.get(0)).optional().map_err(unusable)
}

/// Puts others in their place, if they are the ones expected.
pub(super) fn bring_into_force(
    transaction: &Transaction<'_>,
    expected: Option<&RulesInForce>,
    rules: &RulesInForce,
) -> Result<(), LedgerError> {
    if in_force(transaction)?.as_ref() != expected {
        return Err(LedgerError::RulesChanged);
    }
    let content = serde_json::to_string(rules)
        .map_err(|error| PortError::Refused(format!("the rules in force are no JSON: {error}")))?;
    transaction
        .execute(
            "INSERT INTO rules (only, version, content) VALUES (1, ?1, ?2)
             ON CONFLICT DO UPDATE SET version = excluded.version, content = excluded.content",
            params![rules.version.as_str(), content],
        )
        .map_err(unusable)?;
    Ok(())
}
