//! On whose record a command works.

use std::{fmt, path::PathBuf};

use clap::Args;

/// On whose record a command works.
#[derive(Debug, Clone, Args)]
pub struct LedgerArgs {
    /// The record of what is Usher's own: a file, or dynamodb:TABLE for that of the deployed functions
    #[arg(
        id = "ledger",
        long = "ledger",
        value_name = "PATH|dynamodb:TABLE",
        default_value = ".usher/ledger.db",
        value_parser = ledger_at
    )]
    pub at: LedgerAt,
}

/// Where a ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerAt {
    /// An SQLite file.
    File(PathBuf),
    /// A table of DynamoDB.
    Table(String),
}

/// As it is written on the command line.
impl fmt::Display for LedgerAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Table(table) => write!(f, "{TABLE}{table}"),
        }
    }
}

/// What a ledger in DynamoDB is told by.
const TABLE: &str = "dynamodb:";

pub(super) fn ledger_at(text: &str) -> Result<LedgerAt, String> {
    let Some(table) = text.strip_prefix(TABLE) else { return Ok(LedgerAt::File(text.into())) };
    let is_name = (3..=255).contains(&table.len())
        && table.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if is_name {
        Ok(LedgerAt::Table(table.to_owned()))
    } else {
        Err("a table's name has 3 to 255 letters, digits, `_`, `.` or `-`; a file of that name is ./dynamodb:…"
            .to_owned())
    }
}
