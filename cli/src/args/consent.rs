//! What people can consent to on the command line.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;
use shared::domain::{AccountId, PermissionSetArn, PlanHash};

use super::{LedgerArgs, OutputArgs, duration};
use crate::keys::{HoldTarget, KeyText};

/// Who consents, and why.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "On record")]
pub struct ByArgs {
    /// Who you are; your login name if you don't say
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "")]
    pub by: String,
    /// Why, in your words
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

#[derive(Debug, Clone, Args)]
pub struct WithheldArgs {
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Look at this account only
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
#[group(id = "approved", required = true, multiple = false, args = ["plan", "keys"])]
pub struct ApproveArgs {
    /// What is approved one by one: ACCOUNT/PERMISSION-SET/PRINCIPAL
    #[arg(value_name = "KEY")]
    pub keys: Vec<KeyText>,
    /// Everything that the budgets hold back of exactly this plan
    #[arg(long, value_name = "HASH")]
    pub plan: Option<PlanHash>,
    /// The rule files of the plan, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Plan this account only, as the plan did whose hash it is
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// How long it may be made use of
    #[arg(long = "for", value_name = "TIME", default_value = "24h", value_parser = lasting)]
    pub lasts: SignedDuration,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Clone, Args)]
pub struct ApprovalsArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Of `pause` and `resume`.
#[derive(Debug, Clone, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

/// Of `hold` and `release`.
#[derive(Debug, Clone, Args)]
pub struct HoldArgs {
    /// An account's id, a principal (group:NAME, user:NAME, or with an id), or a KEY (ACCOUNT/PERMISSION-SET/PRINCIPAL)
    #[arg(value_name = "TARGET")]
    pub target: HoldTarget,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Clone, Args)]
pub struct AdoptArgs {
    /// What Usher takes over: ACCOUNT/PERMISSION-SET/PRINCIPAL
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<KeyText>,
    /// Even if no rule wants it: it is revoked next
    #[arg(long)]
    pub even_unwanted: bool,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Clone, Args)]
pub struct DisownArgs {
    /// What Usher gives up: ACCOUNT/PERMISSION-SET/PRINCIPAL
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<KeyText>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Clone, Args)]
pub struct ConfirmArgs {
    /// The permission set's name
    pub name: String,
    /// Only if it is this one that bears the name now
    #[arg(value_name = "ARN")]
    pub permission_set: Option<PermissionSetArn>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

fn lasting(text: &str) -> Result<SignedDuration, String> {
    let time = duration(text)?;
    SignedDuration::try_from(time).map_err(|_| "it is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::{Cli, Command};

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|parsed| parsed.command)
    }

    #[test]
    fn a_plan_or_keys_are_approved_and_not_both_nor_neither() {
        let (hash, key) = ("ab".repeat(32), "111122223333/ReadOnlyAccess/group:Auditors");
        assert!(parse(&format!("usher approve --plan {hash} --rules rules")).is_ok());
        let Ok(Command::Approve(keys)) = parse(&format!("usher approve {key} {key} --for 1h")) else {
            panic!("not approve")
        };
        assert_eq!((keys.keys.len(), keys.lasts.as_hours()), (2, 1));
        assert!(parse("usher approve").is_err());
        assert!(parse(&format!("usher approve {key} --plan {hash}")).is_err());
        assert!(parse(&format!("usher approve --plan {}", &hash[..12])).is_err());
    }

    #[test]
    fn what_is_put_on_hold_is_an_account_a_principal_or_a_key() {
        for target in ["111122223333", "group:Auditors", "111122223333/ReadOnlyAccess/user:a@example.com"] {
            assert!(parse(&format!("usher hold {target} --by alba")).is_ok(), "{target}");
        }
        for target in ["Auditors", "1111", "111122223333/ReadOnlyAccess"] {
            assert!(parse(&format!("usher release {target}")).is_err(), "{target}");
        }
    }
}
