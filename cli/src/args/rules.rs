//! What can be done with rules on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ByArgs, LedgerArgs};

#[derive(Debug, Clone, Subcommand)]
pub enum RulesCommand {
    /// Look for mistakes in rule files, all of them at once
    #[command(after_help = "Exit codes:\n  \
        0  no mistakes\n  \
        1  mistakes, or a file that can't be read\n\n\
        Examples:\n  \
        usher rules check rules.yaml\n  \
        usher rules check rules/ --json")]
    Check(RulesCheckArgs),
    /// Print the bundle of rule files: what is uploaded to the bucket of the deployed functions
    #[command(
        after_help = "Example:\n  usher rules bundle rules/ | aws s3 cp - s3://BUCKET/incoming/rules.json"
    )]
    Bundle(RulesBundleArgs),
    /// Check rules, show what they would change, and bring them into force
    #[command(
        after_help = "Nothing is sent to AWS by it. The deployed functions look at every account within a minute; so does a running\n\
        `usher run` or `usher simulate` of the same ledger. What is over the budgets waits for `usher approve`.\n\n\
        Exit codes:\n  \
        0  in force\n  \
        1  an error, or refused\n\n\
        Examples:\n  \
        usher rules publish rules/ --ledger dynamodb:usher-ledger\n  \
        usher rules publish rules.yaml --yes --reason 'audit of November'"
    )]
    Publish(RulesPublishArgs),
    /// Show every version that came into force, and how many assignments came from it
    #[command(after_help = "Examples:\n  \
        usher rules versions\n  \
        usher rules versions --ledger dynamodb:usher-ledger --json")]
    Versions(RulesVersionsArgs),
    /// Print the rule files of a version that was in force
    #[command(after_help = "Example:\n  usher rules show 773c44e02aa5")]
    Show(RulesShowArgs),
    /// Bring an earlier version into force again
    #[command(
        after_help = "It goes the same way as new rules: planned, shown, and refused if it has shrunk without consent.\n\
        What was gone back from is not offered again: name it to have it back.\n\n\
        Exit codes:\n  \
        0  in force\n  \
        1  an error, or refused\n\n\
        Examples:\n  \
        usher rules rollback\n  \
        usher rules rollback 773c44e02aa5 --ledger dynamodb:usher-ledger --yes"
    )]
    Rollback(RulesRollbackArgs),
    /// Print the JSON Schema of rule files, with which editors complete and explain them
    #[command(after_help = "Example:\n  usher rules schema > usher-rules.schema.json")]
    Schema,
}

#[derive(Debug, Clone, Args)]
pub struct RulesCheckArgs {
    /// The rule files, or the folder that they are in
    #[arg(required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RulesBundleArgs {
    /// The rule files, or the folder that they are in
    #[arg(required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct RulesPublishArgs {
    /// The rule files, or the folder that they are in
    #[arg(required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RulesVersionsArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RulesShowArgs {
    /// The version, or the first digits of it
    #[arg(id = "of", value_name = "VERSION")]
    pub version: String,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print the bundle as one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RulesRollbackArgs {
    /// The version, or the first digits of it; the one before that in force if you don't say
    #[arg(id = "to", value_name = "VERSION")]
    pub version: Option<String>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
}
