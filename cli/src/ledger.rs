//! The ledger that a command works with: an SQLite file with the folder of rules beside it, or the table of the deployed functions.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use shared::{
    local::{FileWitness, OutcomeFile, SqliteLedger},
    ports::{Ledger, Witness},
    settings::Settings,
};

use crate::{
    Failure, Machine,
    args::{ConnectionArgs, LedgerAt},
    connect,
};

/// Opens the ledger to read it. Where there is no file there is nothing to read, and none is made.
pub(crate) async fn to_read(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Arc<dyn Ledger>, Failure> {
    match at {
        LedgerAt::File(path) if !exists(path) => {
            let empty = SqliteLedger::in_memory().map_err(|source| failed(path, source))?;
            Ok(Arc::new(empty))
        }
        LedgerAt::File(_) | LedgerAt::Table(_) => to_use(at, connection, machine).await,
    }
}

/// Opens the ledger for a command that makes no sense without one.
pub(crate) async fn to_use(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Arc<dyn Ledger>, Failure> {
    match at {
        LedgerAt::File(path) if !exists(path) => Err(Failure::NoLedger { path: path.display().to_string() }),
        LedgerAt::File(path) => Ok(Arc::new(open(path)?)),
        LedgerAt::Table(table) => Ok(Arc::new(connect::connection(connection, machine).await.ledger(table))),
    }
}

/// Opens the ledger to write it, and makes the file and its folder if there is none.
pub(crate) async fn to_write(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Arc<dyn Ledger>, Failure> {
    if let LedgerAt::File(path) = at {
        return Ok(Arc::new(file(path)?));
    }
    to_use(at, connection, machine).await
}

/// Opens the ledger in a file to write it, and makes the file and its folder if there is none.
pub(crate) fn file(path: &Path) -> Result<SqliteLedger, Failure> {
    let folder = folder(path);
    fs::create_dir_all(&folder)
        .map_err(|source| Failure::LedgerFolder { path: folder.display().to_string(), source })?;
    open(path)
}

/// Where outcomes go. A file that can't be written is told before anything is done.
pub(crate) fn outcomes(path: Option<&Path>) -> Result<OutcomeFile, Failure> {
    let Some(path) = path else { return Ok(OutcomeFile::none()) };
    let failed = |source| Failure::OutcomeFile { path: path.display().to_string(), source };
    let is_new = !exists(path);
    fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    if is_new {
        // It is made when there is something to tell.
        fs::remove_file(path).map_err(failed)?;
    }
    Ok(OutcomeFile::at(path))
}

/// Held by the one process that plays the functions over a ledger; whoever dies lets it go.
#[derive(Debug)]
pub(crate) struct Alone {
    _held: Option<fs::File>,
}

/// Keeps others that play the functions from this ledger: two simulations have a world each, and take what the other has done for somebody
/// else's; of two services one does all the work twice, but for the engine's.
pub(crate) fn alone(path: &Path) -> Result<Alone, Failure> {
    // By whichever name it is reached.
    let mut beside = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    beside.push(".running");
    let Ok(file) = fs::OpenOptions::new().create(true).append(true).open(&beside) else {
        // Whether the ledger can be written is told by whoever opens it.
        return Ok(Alone { _held: None });
    };
    match file.try_lock() {
        Ok(()) => Ok(Alone { _held: Some(file) }),
        Err(fs::TryLockError::WouldBlock) => Err(Failure::LedgerInUse { path: path.display().to_string() }),
        // Not every file system has locks.
        Err(fs::TryLockError::Error(_)) => Ok(Alone { _held: None }),
    }
}

/// The folder that the file is in: the rules that were in force are kept there too.
pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// What is kept beside a ledger, and is named after it: another ledger beside it has one of its own.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

/// What tells of a ledger in a file.
pub(crate) fn witness_beside(path: &Path) -> FileWitness {
    FileWitness::new(&beside(path, "epoch"))
}

/// What tells of a ledger: beside its file, or in the bucket of the deployed functions.
pub(crate) async fn witness(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Arc<dyn Witness>, Failure> {
    Ok(match at {
        LedgerAt::File(path) => Arc::new(witness_beside(path)),
        LedgerAt::Table(_) => {
            let rules = Settings::from_env().rules()?;
            Arc::new(connect::connection(connection, machine).await.witness(&rules.bucket, &rules.prefix))
        }
    })
}

/// Whether something has this name. What can't be looked at counts as there: opening it tells why.
fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

fn open(path: &Path) -> Result<SqliteLedger, Failure> {
    SqliteLedger::open(path).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: shared::local::OpenError) -> Failure {
    Failure::OpenLedger { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(path: &Path) -> Result<Arc<dyn Ledger>, Failure> {
        to_read(&LedgerAt::File(path.to_owned()), &ConnectionArgs::default(), &Machine::this()).await
    }

    async fn write(path: &Path) -> Result<Arc<dyn Ledger>, Failure> {
        to_write(&LedgerAt::File(path.to_owned()), &ConnectionArgs::default(), &Machine::this()).await
    }

    #[tokio::test]
    async fn reading_a_ledger_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/ledger.db");
        assert!(read(&path).await.is_ok());
        assert!(!folder.path().join("a").exists());
        assert!(write(&path).await.is_ok());
        assert!(path.exists());
    }

    #[test]
    fn a_file_of_outcomes_is_tried_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcomes.jsonl");
        assert!(outcomes(Some(&path)).is_ok() && !path.exists());
        fs::write(&path, "{}\n").unwrap();
        assert!(outcomes(Some(&path)).is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
        for bad in [folder.path().join("nowhere/outcomes.jsonl"), folder.path().to_owned()] {
            assert!(matches!(outcomes(Some(&bad)), Err(Failure::OutcomeFile { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_ledger_is_run_or_simulated_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.db"), folder.path().join("other.db"));
        let held = alone(&one).unwrap();
        assert!(matches!(alone(&one), Err(Failure::LedgerInUse { .. })));
        assert!(alone(&other).is_ok());
        drop(held);
        assert!(alone(&one).is_ok());
    }

    #[tokio::test]
    async fn what_needs_a_ledger_is_told_that_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = LedgerAt::File(folder.path().join("ledger.db"));
        let used = to_use(&at, &ConnectionArgs::default(), &Machine::this()).await;
        assert!(matches!(used, Err(Failure::NoLedger { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_no_ledger_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "notes ".repeat(200)).unwrap();
        assert!(matches!(read(&path).await, Err(Failure::OpenLedger { .. })));
        assert!(matches!(write(&path).await, Err(Failure::OpenLedger { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes ".repeat(200));
    }
}
