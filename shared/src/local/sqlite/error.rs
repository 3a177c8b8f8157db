//! What can be wrong with a ledger file, and what SQLite's errors mean to those above.

use rusqlite::ErrorCode;

use crate::ports::{LedgerError, PortError};

/// Why a file could not be opened as a ledger. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the ledger `{path}`")]
    Open { path: String, source: rusqlite::Error },
    #[error(
        "`{path}` is not a ledger of Usher: give the path of a ledger, or of a file that does not exist yet"
    )]
    NotALedger { path: String },
    #[error("the ledger `{path}` has format {found} and this Usher knows {known}: use a newer Usher")]
    Newer { path: String, found: i64, known: i64 },
}

/// An error of SQLite as our error: a transaction that did not commit is rolled back. `Failed` is left for what may strike in
/// the middle of a commit, such as a full or broken disk.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
pub(super) fn unusable(error: rusqlite::Error) -> LedgerError {
    let text = format!("the ledger's file: {error}");
    let port = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => PortError::Conflict(text),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::AuthorizationForStatementDenied,
        ) => PortError::Denied(text),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation) => {
            PortError::Refused(text)
        }
        Some(_) | None => PortError::Failed(text),
    };
    port.into()
}

/// Something in the file is not what Usher writes there: nothing is decided on it.
pub(super) fn unreadable(what: &str, error: impl std::fmt::Display) -> LedgerError {
    PortError::Refused(format!("{what} in the ledger's file cannot be read: {error}")).into()
}

/// A number that the file has no room for.
pub(super) fn too_large(what: &str) -> LedgerError {
    PortError::Refused(format!("{what} is too large for the ledger")).into()
}
