//! What `usher plan` and `usher apply` are asked for.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use shared::domain::{AccountId, PlanHash};

use super::{LedgerArgs, OutputArgs, WhatIf, duration};

#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The rule files, or the folder that they are in; with --what-if the rules in force if you don't say
    #[arg(long, required_unless_present = "what_if", num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Look at this account only
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// Show what would change by this alone: move:ACCOUNT:OU, tag:ACCOUNT:KEY=VALUE, untag:ACCOUNT:KEY or rules:FILE
    #[arg(long, value_name = "CHANGE")]
    pub what_if: Vec<WhatIf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// Do what this plan says and nothing else; refused if the plan is another by now
    #[arg(long, value_name = "HASH")]
    pub plan: Option<PlanHash>,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Append what comes of it to this file: outcomes, one JSON document a line
    #[arg(long, value_name = "PATH")]
    pub outcomes: Option<PathBuf>,
    /// Stop waiting for AWS after this long; a later run takes up what is left
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub timeout: Duration,
}

/// What is planned, and on whose record.
#[derive(Debug, Clone, Args)]
pub struct WhatArgs {
    /// The rule files, or the folder that they are in
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Look at this account only
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}
