//! What can be imported and exported on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use shared::domain::Mode;

use super::{ByArgs, LedgerArgs};

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct ImportArgs {
    /// Write to this file, or to a folder of files, instead of the standard output
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// The mode that the document says
    #[arg(long, value_name = "MODE", value_enum, default_value_t = ImportMode::Observe)]
    pub mode: ImportMode,
    /// A key of accounts' tags that rules may go by; may be given several times
    #[arg(long = "trust-tag", value_name = "KEY")]
    pub trusted_tags: Vec<String>,
    /// A permission set that rules give only in accounts that they list; may be given several times
    #[arg(long = "protect", value_name = "NAME")]
    pub protected: Vec<String>,
    /// Of how many accounts a rule by OU or tag must be
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub at_least: u16,
    /// Import what Control Tower makes and keeps, too
    #[arg(long)]
    pub control_tower: bool,
    /// Declare the permission sets, too, as they are
    #[arg(long)]
    pub permission_sets: bool,
    /// Bring the rules into force, and make the assignments that they want Usher's own
    #[arg(long, conflicts_with_all = ["templates"])]
    pub adopt: bool,
    /// With --adopt: go by these rules instead of new ones
    #[arg(long, num_args = 1.., value_name = "PATH", requires = "adopt", conflicts_with = "out")]
    pub rules: Vec<PathBuf>,
    /// Import a CloudFormation template instead of what there is, in JSON or YAML; may be given several times
    #[arg(long = "cloudformation", value_name = "FILE")]
    pub templates: Vec<PathBuf>,
    /// A parameter of the template; may be given several times
    #[arg(long = "parameter", value_name = "KEY=VALUE", requires = "templates", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// The account that `AWS::AccountId` of the template stands for
    #[arg(long = "account-id", value_name = "ID", requires = "templates")]
    pub account_id: Option<shared::domain::AccountId>,
    /// Look the template's ids up in Identity Center, to write names
    #[arg(long, requires = "templates")]
    pub names: bool,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long, requires = "adopt")]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByArgs,
}

/// [`Mode`], as it is said on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportMode {
    /// Plans, and writes nothing
    Observe,
    /// Grants, and never revokes
    CreateOnly,
    /// Grants and revokes
    Sync,
}

impl From<ImportMode> for Mode {
    fn from(mode: ImportMode) -> Self {
        match mode {
            ImportMode::Observe => Self::Observe,
            ImportMode::CreateOnly => Self::CreateOnly,
            ImportMode::Sync => Self::Sync,
        }
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => {
            Err("write it like InstanceARN=arn:aws:sso:::instance/ssoins-1234567890abcdef".to_owned())
        }
    }
}
