//! What is looked at before a deployment and after it.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use shared::domain::AccountId;

use super::{LedgerAt, duration, ledger::ledger_at};

/// What can be done about a deployment.
#[derive(Debug, Clone, Subcommand)]
pub enum DeployCommand {
    /// Look whether the service can be deployed here; --deployed, whether it works
    #[command(
        after_help = "Before, it makes reading calls only. With --deployed or --stack it also puts an event of its own on a default bus, which\n\
        the deployed service answers with one record in its ledger: each hop's time is told. It grants and revokes nothing.\n\
        --deployed reads the settings from the environment: paste the stack's output ToolSettings into the shell first.\n\n\
        Exit codes:\n  \
        0  everything is there, or only warnings\n  \
        1  something is missing, or a self-test did not come through\n\n\
        Examples:\n  \
        usher deploy check --organization-id o-exampleorg1 --rules-bucket example-usher-rules --reports-bucket example-usher-reports\n  \
        usher deploy check --existing table --table usher-ledger-restored\n  \
        usher deploy check --deployed\n  \
        usher deploy check --deployed --forwarder-profile management --forwarder-region us-east-1\n  \
        usher deploy check --stack usher --json | jq .self_tests"
    )]
    Check(DeployCheckArgs),
}

#[derive(Debug, Clone, Args)]
pub struct DeployCheckArgs {
    /// The service is deployed: look whether it works
    #[arg(long, conflicts_with_all = ["organization_id", "management_account_id", "rules_bucket", "reports_bucket", "table", "existing"])]
    pub deployed: bool,
    /// The same for the stack of this name, whose outputs say where everything is
    #[arg(long, value_name = "NAME", conflicts_with_all = ["organization_id", "management_account_id", "rules_bucket", "reports_bucket", "table", "existing"])]
    pub stack: Option<String>,
    #[command(flatten)]
    pub before: BeforeArgs,
    #[command(flatten)]
    pub after: AfterArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// What the template will be given: each as its parameter there.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Before it is deployed")]
pub struct BeforeArgs {
    /// `OrganizationId`
    #[arg(long, value_name = "ID")]
    pub organization_id: Option<String>,
    /// `ManagementAccountId`
    #[arg(long, value_name = "ID")]
    pub management_account_id: Option<AccountId>,
    /// `RulesBucketName`
    #[arg(long, value_name = "NAME", value_parser = bucket)]
    pub rules_bucket: Option<String>,
    /// `ReportsBucketName`
    #[arg(long, value_name = "NAME", value_parser = bucket)]
    pub reports_bucket: Option<String>,
    /// `LedgerTableName`
    #[arg(long, value_name = "NAME", value_parser = table, default_value = "usher-ledger")]
    pub table: String,
    /// What is there already and will be used: `LedgerTableIs`, `RulesBucketIs` or `ReportsBucketIs` is `existing`
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub existing: Vec<Kept>,
    /// The rule files to begin with, or the folder that they are in
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["deployed", "stack"])]
    pub rules: Vec<PathBuf>,
}

/// Where the service keeps something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kept {
    Table,
    RulesBucket,
    ReportsBucket,
}

/// How what is deployed is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Once it is deployed")]
pub struct AfterArgs {
    /// The record of what is Usher's own, if it is not the table that the settings name
    #[arg(id = "at", long = "ledger", value_name = "PATH|dynamodb:TABLE", value_parser = ledger_at, requires = "deployed")]
    pub ledger: Option<LedgerAt>,
    /// The profile of the management account, to test the way by the forwarder too
    #[arg(long, value_name = "NAME")]
    pub forwarder_profile: Option<String>,
    /// The Region of the forwarder's stack, to test the way by the forwarder too
    #[arg(long, value_name = "REGION")]
    pub forwarder_region: Option<String>,
    /// `Name` of forwarder.yaml
    #[arg(long, value_name = "NAME", default_value = "usher-forwarder")]
    pub forwarder_name: String,
    /// How long to wait for a self-test
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub wait: Duration,
}

/// As the template's `AllowedPattern` has it.
fn bucket(text: &str) -> Result<String, String> {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_name = (3..=63).contains(&text.len())
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("the template takes 3 to 63 small letters, digits and hyphens".to_owned())
    }
}

fn table(text: &str) -> Result<String, String> {
    let is_name = (3..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a table's name has 3 to 255 letters, digits, `_`, `.` or `-`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_template_takes() {
        for good in ["abc", "example-usher-rules", "0-9"] {
            assert_eq!(bucket(good).as_deref(), Ok(good));
        }
        for bad in ["", "ab", "Abc", "-abc", "abc-", "a.b.c", "a_b"] {
            assert!(bucket(bad).is_err(), "{bad}");
        }
        assert!(table("usher-ledger").is_ok() && table("a/b/c").is_err());
    }
}
