//! The file's format: its tables, and how a ledger is told from any other file.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::error::OpenError;

/// SQLite's `application_id`, "USHR": what makes a database a ledger of ours.
const APPLICATION: i64 = 0x5553_4852;

/// SQLite's `user_version`: the format that this code reads and writes.
const FORMAT: i64 = 2;

/// The format before there were standing orders. It is brought up to date: an older Usher, which would not know a pause when it
/// sees one, then refuses the file.
const WITHOUT_ORDERS: i64 = 1;

/// How long a call waits for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tables. `row.content` is the row as JSON without its version. `row.work` is
/// [`crate::ledger::Row::work_order`], null in rows without work. `state` is the label that people read.
const TABLES: &str = "
    CREATE TABLE row (
        account TEXT NOT NULL,
        permission_set TEXT NOT NULL,
        principal TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT NOT NULL,
        work TEXT,
        content TEXT NOT NULL,
        PRIMARY KEY (account, permission_set, principal)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX row_work ON row (work) WHERE work IS NOT NULL;
    CREATE TABLE rules (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        version TEXT NOT NULL,
        content TEXT NOT NULL
    ) STRICT;
    CREATE TABLE lease (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        fence INTEGER NOT NULL,
        holder TEXT,
        expires_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE budget (
        name TEXT PRIMARY KEY,
        spent INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE seen (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        value TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
";

/// What came with format 2.
const ORDERS: &str = "
    CREATE TABLE orders (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        version INTEGER NOT NULL,
        content TEXT NOT NULL
    ) STRICT;
";

/// What a file turned out to be.
enum Found {
    Empty,
    WithoutOrders,
    Ledger,
}

/// Makes an empty database a ledger, and refuses what isn't one before anything in it is changed.
pub(super) fn prepare(connection: &mut Connection, path: &str) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { path: path.to_owned(), source };
    connection.busy_timeout(PATIENCE).map_err(open)?;
    if let Found::Empty | Found::WithoutOrders = look(connection, path)? {
        // Another process may be doing the same: look again once nobody else can.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(open)?;
        let missing = match look(&transaction, path)? {
            Found::Empty => [TABLES, ORDERS].concat(),
            Found::WithoutOrders => ORDERS.to_owned(),
            Found::Ledger => String::new(),
        };
        transaction.execute_batch(&missing).map_err(open)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(open)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(open)?;
        transaction.commit().map_err(open)?;
    }
    // Readers beside a writer. It is kept in the file; where another process is in it just now, that one sets it or has.
    match connection.pragma_update(None, "journal_mode", "WAL") {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
        outcome => outcome.map_err(open)?,
    }
    // INVARIANT: an intent that was written outlives a loss of power, so every commit is synced.
    connection.pragma_update(None, "synchronous", "FULL").map_err(open)?;
    Ok(())
}

fn look(connection: &Connection, path: &str) -> Result<Found, OpenError> {
    // One statement sees one moment: another process may be making the tables just now.
    let looked: Result<(i64, i64, i64), _> = connection.query_row(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    match looked {
        Ok((0, 0, 0)) => Ok(Found::Empty),
        Ok((APPLICATION, FORMAT, _)) => Ok(Found::Ledger),
        Ok((APPLICATION, WITHOUT_ORDERS, _)) => Ok(Found::WithoutOrders),
        Ok((APPLICATION, found, _)) if found > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT })
        }
        Ok(_) => Err(OpenError::NotALedger { path: path.to_owned() }),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::NotALedger { path: path.to_owned() })
        }
        Err(source) => Err(OpenError::Open { path: path.to_owned(), source }),
    }
}
