//! `usher reprovision` on the command line.

use clap::Args;

use super::{ByArgs, LedgerArgs};
use crate::keys::SetText;

#[derive(Debug, Clone, Args)]
pub struct ReprovisionArgs {
    /// A permission set: its name, its own id (ps-…) or its ARN; all that are on the way if you don't say
    #[arg(value_name = "NAME")]
    pub name: Option<SetText>,
    /// Send it at once: neither quiet, windows, freezes nor waves hold it up
    #[arg(long, requires = "name")]
    pub now: bool,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long, conflicts_with = "now")]
    pub json: bool,
    #[command(flatten)]
    pub by: ByArgs,
}
