//! Reading rows.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use super::error::{unreadable, unusable};
use crate::{
    domain::{AccountId, AssignmentKey},
    ledger::Row,
    ports::{LedgerError, Page, PortError},
};

/// How many rows a page of all rows has.
pub(super) const PAGE: usize = 200;

/// All rows of an account, by key: the columns' binary order is the order of [`AssignmentKey`].
pub(super) fn of_account(connection: &Connection, account: &AccountId) -> Result<Vec<Row>, LedgerError> {
    list(
        connection,
        "SELECT version, content FROM row WHERE account = ?1 ORDER BY permission_set, principal",
        [account.as_str()],
    )
}

/// One row.
pub(super) fn one(connection: &Connection, key: &AssignmentKey) -> Result<Option<Row>, LedgerError> {
    let found = connection
        .prepare_cached(
            "SELECT version, content FROM row WHERE account = ?1 AND permission_set = ?2 AND principal = ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(
                    params![key.account.as_str(), key.permission_set.as_str(), key.principal.to_string()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
        })
        .map_err(unusable)?;
    found.map(|(version, content): (i64, String)| parse(version, &content)).transpose()
}

/// A page of all rows, by key. It goes on behind a key, so what is written between two pages neither hides nor repeats a row.
pub(super) fn page(connection: &Connection, after: Option<&str>) -> Result<Page<Row>, LedgerError> {
    let (account, permission_set, principal) = match after {
        None => ("", "", ""),
        Some(token) => parts(token)
            .ok_or_else(|| PortError::Refused("this is no place in the ledger to go on from".to_owned()))?,
    };
    let items = list(
        connection,
        "SELECT version, content FROM row WHERE (account, permission_set, principal) > (?1, ?2, ?3)
         ORDER BY account, permission_set, principal LIMIT ?4",
        params![account, permission_set, principal, count(PAGE)],
    )?;
    let next = if items.len() < PAGE { None } else { items.last().map(|row| token(&row.key)) };
    Ok(Page { items, next })
}

/// Rows with work in them, in the order in which it is to be done.
pub(super) fn with_work(connection: &Connection, limit: usize) -> Result<Vec<Row>, LedgerError> {
    list(
        connection,
        "SELECT version, content FROM row WHERE work IS NOT NULL
         ORDER BY work LIMIT ?1",
        [count(limit)],
    )
}

pub(super) fn with_work_decided_since(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<Row>, LedgerError> {
    let [revokes, grants] = Row::work_decided_since(since);
    list(
        connection,
        "SELECT version, content FROM row WHERE work BETWEEN ?1 AND ?2 OR work BETWEEN ?3 AND ?4
         ORDER BY work LIMIT ?5",
        params![revokes.0, revokes.1, grants.0, grants.1, count(limit)],
    )
}

fn list(connection: &Connection, query: &str, params: impl Params) -> Result<Vec<Row>, LedgerError> {
    let mut statement = connection.prepare_cached(query).map_err(unusable)?;
    let found = statement
        .query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect::<Result<Vec<(i64, String)>, _>>)
        .map_err(unusable)?;
    found.into_iter().map(|(version, content)| parse(version, &content)).collect()
}

/// INVARIANT: a row that can't be read is an error, never a missing row: a missing row would look like "not ours".
fn parse(version: i64, content: &str) -> Result<Row, LedgerError> {
    let mut row: Row = serde_json::from_str(content).map_err(|error| unreadable("a row", error))?;
    row.version = u64::try_from(version).map_err(|error| unreadable("a row's version", error))?;
    Ok(row)
}

/// A number of rows as SQLite takes it.
fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// None of a key's parts holds a space.
fn token(key: &AssignmentKey) -> String {
    format!("{} {} {}", key.account, key.permission_set, key.principal)
}

fn parts(token: &str) -> Option<(&str, &str, &str)> {
    let (account, rest) = token.split_once(' ')?;
    let (permission_set, principal) = rest.split_once(' ')?;
    Some((account, permission_set, principal))
}
