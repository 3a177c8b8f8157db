//! What was read from AWS and is remembered.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::error::{unreadable, unusable};
use crate::ports::{LedgerError, Seen, SeenKind};

/// Remembers all of it, each in the place of what was remembered by its id, unless that is newer.
pub(super) fn remember(
    transaction: &Transaction<'_>,
    kind: SeenKind,
    seen: &[Seen],
) -> Result<(), LedgerError> {
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO seen (kind, id, value, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET value = excluded.value, at = excluded.at
             WHERE length(seen.at) <> length(excluded.at) OR seen.at <= excluded.at",
        )
        .map_err(unusable)?;
    for seen in seen {
        let (value, at) = (seen.value.to_string(), seen.stored_at());
        statement.execute(params![kind.word(), seen.id, value, at]).map_err(unusable)?;
    }
    Ok(())
}

/// Remembers what nothing is remembered of yet.
pub(super) fn remember_first(
    transaction: &Transaction<'_>,
    kind: SeenKind,
    seen: &[Seen],
) -> Result<(), LedgerError> {
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO seen (kind, id, value, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )
        .map_err(unusable)?;
    for seen in seen {
        let (value, at) = (seen.value.to_string(), seen.stored_at());
        statement.execute(params![kind.word(), seen.id, value, at]).map_err(unusable)?;
    }
    Ok(())
}

/// All of a kind, by id.
pub(super) fn recall(connection: &Connection, kind: SeenKind) -> Result<Vec<Seen>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT id, value, at FROM seen WHERE kind = ?1 ORDER BY id")
        .map_err(unusable)?;
    collect(statement.query_map([kind.word()], of_columns))
}

/// What is remembered by this id.
pub(super) fn recall_one(
    connection: &Connection,
    kind: SeenKind,
    id: &str,
) -> Result<Option<Seen>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT id, value, at FROM seen WHERE kind = ?1 AND id = ?2")
        .map_err(unusable)?;
    Ok(collect(statement.query_map([kind.word(), id], of_columns))?.pop())
}

/// All of a kind whose id begins so, by id.
pub(super) fn recall_below(
    connection: &Connection,
    kind: SeenKind,
    beginning: &str,
) -> Result<Vec<Seen>, LedgerError> {
    // Compared as text is: byte by byte. No letter of an id comes after the last of Unicode.
    let end = format!("{beginning}\u{10ffff}");
    let mut statement = connection
        .prepare_cached("SELECT id, value, at FROM seen WHERE kind = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id")
        .map_err(unusable)?;
    collect(statement.query_map([kind.word(), beginning, &end], of_columns))
}

fn of_columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, String, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn collect(
    found: rusqlite::Result<impl Iterator<Item = rusqlite::Result<(String, String, String)>>>,
) -> Result<Vec<Seen>, LedgerError> {
    let found = found.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unusable)?;
    found
        .into_iter()
        .map(|(id, value, at)| {
            let value =
                serde_json::from_str(&value).map_err(|error| unreadable("a remembered value", error))?;
            let at: Timestamp = at.parse().map_err(|error| unreadable("a remembered time", error))?;
            Ok(Seen { id, value, at })
        })
        .collect()
}

/// Forgets these ids.
pub(super) fn unlearn(
    transaction: &Transaction<'_>,
    kind: SeenKind,
    ids: &[String],
) -> Result<(), LedgerError> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM seen WHERE kind = ?1 AND id = ?2").map_err(unusable)?;
    for id in ids {
        statement.execute(params![kind.word(), id]).map_err(unusable)?;
    }
    Ok(())
}
