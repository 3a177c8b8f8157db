//! What can be asked of what teams may give.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

use super::LedgerArgs;

#[derive(Debug, Clone, Subcommand)]
pub enum DelegationCommand {
    /// Write the IAM policy of a team's delegated administrator
    #[command(
        after_help = "The policy goes to the standard output, and what has to be known of it to the standard error. It is of today: accounts\n\
        by OU or tag are written out, since IAM can't ask for them. Nothing is changed in AWS.\n\n\
        Exit codes:\n  \
        0  written\n  \
        1  an error, or too long for a permission set\n\n\
        Examples:\n  \
        usher delegation policy shop > policy.json\n  \
        usher delegation policy shop --scope 2\n  \
        usher delegation policy shop --rules rules/ --as-permission-set"
    )]
    Policy(DelegationPolicyArgs),
    /// Show which teams may give access to an account, and what
    #[command(after_help = "Exit codes:\n  \
        0  told, whether any team may or not\n  \
        1  an error\n\n\
        Examples:\n  \
        usher delegation who shop-dev\n  \
        usher delegation who 111122223333 --permission-set ReadOnlyAccess --json")]
    Who(DelegationWhoArgs),
}

#[derive(Debug, Clone, Args)]
pub struct DelegationPolicyArgs {
    /// The team, as the root file calls it
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Only this scope of the team's, counted from 1; all of them if you don't say
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub scope: Option<u32>,
    /// Write a permission set with this policy, for `permission_sets` of the root file
    #[arg(long)]
    pub as_permission_set: bool,
    /// What the permission set is called; TEAM-delegated-admin if you don't say
    #[arg(long, value_name = "NAME", requires = "as_permission_set")]
    pub name: Option<String>,
    /// How long a session lasts
    #[arg(long, value_name = "DURATION", requires = "as_permission_set", default_value = "PT1H")]
    pub session_duration: String,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

#[derive(Debug, Clone, Args)]
pub struct DelegationWhoArgs {
    /// An account: its id or its name
    #[arg(value_name = "ACCOUNT", value_parser = NonEmptyStringValueParser::new())]
    pub account: String,
    /// Only this permission set: its name, its own id (ps-…) or its ARN
    #[arg(long, value_name = "PERMISSION-SET", value_parser = NonEmptyStringValueParser::new())]
    pub permission_set: Option<String>,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}
