//! What can be done with dead letters on the command line.

use clap::{Args, Subcommand};

use super::LedgerArgs;

#[derive(Debug, Clone, Subcommand)]
pub enum DeadLettersCommand {
    /// Show what failed for good: when, in which function, and why
    #[command(
        after_help = "With --ledger dynamodb:TABLE it reads the queues that USHER_PARKED_QUEUE_URL and USHER_DEAD_INBOX_QUEUE_URL name;\n\
        with a file, what `usher run` and `usher simulate` have put aside beside it.\n\n\
        Exit codes:\n  \
        0  listed, whether there is something or not\n  \
        1  an error\n\n\
        Examples:\n  \
        usher dead-letters list --ledger dynamodb:usher-ledger\n  \
        usher dead-letters list --json | jq '.letters[].cause'"
    )]
    List(DeadLettersListArgs),
    /// Try it again: a message goes back into its queue, an event to its function
    #[command(after_help = "Exit codes:\n  \
        0  all were tried again\n  \
        1  an error, or some could not be\n\n\
        Examples:\n  \
        usher dead-letters retry ID --ledger dynamodb:usher-ledger\n  \
        usher dead-letters retry --all")]
    Retry(DeadLettersRetryArgs),
}

#[derive(Debug, Clone, Args)]
pub struct DeadLettersListArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text, with what the functions were given
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
#[group(id = "letters", required = true, multiple = false, args = ["ids", "all"])]
pub struct DeadLettersRetryArgs {
    /// Which, by the ids that `list` shows
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}
