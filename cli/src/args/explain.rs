//! What can be asked to be explained.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{LedgerArgs, WhatIf};

#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A user or a group: its name, its id, or user:NAME or group:NAME
    #[arg(value_name = "PRINCIPAL", value_parser = NonEmptyStringValueParser::new())]
    pub principal: String,
    /// An account: its id or its name
    #[arg(value_name = "ACCOUNT", value_parser = NonEmptyStringValueParser::new())]
    pub account: String,
    /// A permission set: its name, its own id (ps-…) or its ARN; all that there is to say of if you don't say
    #[arg(value_name = "PERMISSION-SET", value_parser = NonEmptyStringValueParser::new())]
    pub permission_set: Option<String>,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Suppose this first, as `usher plan --what-if` does; may be given several times
    #[arg(long, value_name = "CHANGE")]
    pub what_if: Vec<WhatIf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}
