//! The ledger that a command works with: an SQLite file, and the folder of rules beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use shared::local::SqliteLedger;

use crate::Failure;

/// Opens the ledger to read it. Where there is no file there is nothing to read, and none is made.
pub(crate) fn to_read(path: &Path) -> Result<SqliteLedger, Failure> {
    if exists(path) { open(path) } else { SqliteLedger::in_memory().map_err(|source| failed(path, source)) }
}

/// Opens the ledger to write it, and makes it and its folder if there is none.
pub(crate) fn to_write(path: &Path) -> Result<SqliteLedger, Failure> {
    let folder = folder(path);
    fs::create_dir_all(&folder)
        .map_err(|source| Failure::LedgerFolder { path: folder.display().to_string(), source })?;
    open(path)
}

/// The folder that the ledger is in: the rules that were in force are kept there too.
pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
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

    #[test]
    fn reading_a_ledger_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/ledger.db");
        to_read(&path).unwrap();
        assert!(!folder.path().join("a").exists());
        to_write(&path).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_file_that_is_no_ledger_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "notes ".repeat(200)).unwrap();
        assert!(matches!(to_read(&path), Err(Failure::OpenLedger { .. })));
        assert!(matches!(to_write(&path), Err(Failure::OpenLedger { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes ".repeat(200));
    }
}
