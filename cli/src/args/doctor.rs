//! What a doctor looks at.

use std::path::PathBuf;

use clap::Args;

use super::LedgerArgs;

#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}
