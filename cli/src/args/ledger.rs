//! On whose record a command works.

use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};

use super::ByArgs;

/// On whose record a command works.
#[derive(Debug, Clone, Args)]
pub struct LedgerArgs {
    /// The record of what is Usher's own: a file, or dynamodb:TABLE for that of the deployed functions
    #[arg(
        id = "ledger",
        long = "ledger",
        value_name = "PATH|dynamodb:TABLE",
        default_value = USUAL,
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

impl LedgerAt {
    /// Whether it is the one that is meant if nobody says otherwise.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::File(USUAL.into())
    }
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

/// Where the ledger is if nobody says otherwise.
const USUAL: &str = ".usher/ledger.db";

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

/// What can be done with the whole of a ledger.
#[derive(Debug, Clone, Subcommand)]
pub enum LedgerCommand {
    /// Say that the ledger is whole, after it was restored, wiped or exchanged: what was frozen since goes on
    #[command(
        after_help = "Usher keeps a number in the ledger and in a second place. Where they differ, the ledger is older than it was, or another one, and\n\
        nothing is taken away by it until somebody has looked: `usher plan` shows what it would do.\n\n\
        Exit codes:\n  \
        0  confirmed, or nothing was frozen\n  \
        1  an error, or not confirmed\n\n\
        Examples:\n  \
        usher ledger confirm --ledger dynamodb:usher-ledger --reason 'restored after incident 12'"
    )]
    Confirm(LedgerConfirmArgs),
    /// Write all that the ledger holds into a file, as a backup or to go on with it elsewhere
    #[command(after_help = "The file holds names of people: keep it as you keep the ledger.\n\n\
        Exit codes:\n  \
        0  written\n  \
        1  an error\n\n\
        Examples:\n  \
        usher ledger export --out ledger.jsonl\n  \
        usher ledger export --move --out ledger.jsonl     and nothing is sent by this one any more")]
    Export(LedgerExportArgs),
    /// Put what was exported into an empty ledger
    #[command(
        after_help = "Nothing is sent by it before all is there; broken off, the same command goes on. The rules that came into force by the\n\
        other ledger come along, and are put beside this one, or into the bucket.\n\n\
        Exit codes:\n  \
        0  all is there\n  \
        1  an error\n\n\
        Examples:\n  \
        usher ledger import ledger.jsonl --ledger dynamodb:usher-ledger"
    )]
    Import(LedgerImportArgs),
}

#[derive(Debug, Clone, Args)]
pub struct LedgerConfirmArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Clone, Args)]
pub struct LedgerExportArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Write to this file, which is not there yet, instead of the screen
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Go on elsewhere: this ledger sends nothing any more
    #[arg(long = "move", requires = "out")]
    pub moves: bool,
}

#[derive(Debug, Clone, Args)]
pub struct LedgerImportArgs {
    /// What `usher ledger export` has written
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}
