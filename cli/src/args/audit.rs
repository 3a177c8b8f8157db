//! `usher audit` on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::LedgerArgs;

#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Who can reach this account, and with what: its id or its name
    #[arg(long, value_name = "ACCOUNT", group = "question", value_parser = NonEmptyStringValueParser::new())]
    pub account: Option<String>,
    /// What this person can reach, and through which group: a user name or an id
    #[arg(long, value_name = "PERSON", group = "question", value_parser = NonEmptyStringValueParser::new())]
    pub person: Option<String>,
    /// What this permission set holds, where it is provisioned and who has it: its name, its own id (ps-…) or its ARN
    #[arg(long, value_name = "PERMISSION-SET", group = "question", value_parser = NonEmptyStringValueParser::new())]
    pub permission_set: Option<String>,
    /// Only assignments that are this; several are separated by commas
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',', conflicts_with = "question")]
    pub only: Vec<What>,
    /// Tell what has changed since this report, which `--output json` has written
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["question", "only"])]
    pub since: Option<PathBuf>,
    /// Ask this report, which `--output json` or the function `audit` has written; AWS and the ledger are left alone
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["rules", "thorough"])]
    pub from: Option<PathBuf>,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Ask about each permission set in each account where it is provisioned, however long that takes
    #[arg(long)]
    pub thorough: bool,
    /// How to write the result
    #[arg(long, value_name = "FORM", value_enum, default_value_t = AuditOutput::Text)]
    pub output: AuditOutput,
    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Write the result to this file: the whole of it, or nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl AuditArgs {
    /// What was asked for, in either way.
    pub fn form(&self) -> AuditOutput {
        if self.json { AuditOutput::Json } else { self.output }
    }
}

/// What an assignment may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum What {
    /// There, and Usher's.
    Ours,
    /// There, and made by others.
    Foreign,
    /// Perhaps Usher's.
    Uncertain,
    /// On its way, or wanted and withheld.
    Pending,
    /// Usher's and gone, or there and wanted by no rule any more.
    Drifted,
    /// There, and its principal has been deleted.
    Orphaned,
    /// Ends by itself.
    Expiring,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditOutput {
    /// For a terminal.
    Text,
    /// A table for spreadsheets.
    Csv,
    /// One JSON document.
    Json,
    /// For a page or a ticket.
    Markdown,
    /// One page for any browser, which asks nothing of any network.
    Html,
}
