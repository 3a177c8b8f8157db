//! What can be asked for on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, builder::FalseyValueParser};
use jiff::SignedDuration;
use shared::domain::{AccountId, InstanceArn};

/// Usher gives people access to AWS accounts through IAM Identity Center, by rule.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "usher",
    version,
    propagate_version = true,
    after_help = "Begin here:\n  \
        usher demo                             watch it work, on this machine alone\n  \
        usher rules check rules.yaml           look for mistakes in your rules\n  \
        usher plan --rules rules.yaml          see what they would change in AWS; changes nothing\n  \
        usher apply --rules rules.yaml         change it"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Write without colours
    #[arg(long, help = "Write without colours; the variable NO_COLOR says the same", global = true, env = "NO_COLOR", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub no_color: bool,
    /// Log to the standard error
    #[arg(
        short,
        long,
        global = true,
        help = "Log to the standard error what the engine does; USHER_LOG says how much"
    )]
    pub verbose: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Work on rule files
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Show what the rules would change in AWS, and change nothing
    #[command(after_help = "Exit codes:\n  \
        0  nothing to do\n  \
        1  an error, or an account that could not be read\n  \
        2  something to do\n\n\
        Examples:\n  \
        usher plan --rules rules.yaml\n  \
        usher plan --rules rules.yaml --account 111122223333\n  \
        usher plan --rules rules.yaml --json | jq .summary")]
    Plan(PlanArgs),
    /// Bring the rules into force and carry the plan out
    #[command(after_help = "Exit codes:\n  \
        0  all done, or nothing to do\n  \
        1  an error, or something failed, is blocked or is left\n\n\
        Examples:\n  \
        usher apply --rules rules.yaml\n  \
        usher apply --rules rules.yaml --account 111122223333\n  \
        usher apply --rules rules.yaml --yes --json > report.json")]
    Apply(ApplyArgs),
    /// Watch an account get its access, against a simulated AWS on this machine
    #[command(
        after_help = "It needs no AWS account, no credentials and no network, and takes under half a minute.\n\n\
        Examples:\n  \
        usher demo\n  \
        usher demo --speed 3\n  \
        usher demo --keep ./usher-demo"
    )]
    Demo(DemoArgs),
}

#[derive(Debug, Clone, Subcommand)]
pub enum RulesCommand {
    /// Look for mistakes in rule files, all of them at once
    #[command(after_help = "Exit codes:\n  \
        0  no mistakes\n  \
        1  mistakes, or a file that can't be read\n\n\
        Examples:\n  \
        usher rules check rules.yaml\n  \
        usher rules check rules.yaml --json")]
    Check(RulesCheckArgs),
    /// Print the JSON Schema of rule files, with which editors complete and explain them
    #[command(after_help = "Example:\n  usher rules schema > usher-rules.schema.json")]
    Schema,
}

#[derive(Debug, Clone, Args)]
pub struct RulesCheckArgs {
    /// The rule files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// Don't ask; needed where nobody can answer
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Stop waiting for AWS after this long; a later run takes up what is left
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub timeout: Duration,
}

/// What is planned, and on whose record.
#[derive(Debug, Clone, Args)]
pub struct WhatArgs {
    /// The rule files
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Look at this account only
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// The record of what is Usher's own
    #[arg(long, value_name = "PATH", default_value = ".usher/ledger.db")]
    pub ledger: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Keep the ledger and the rules of the demo in this folder, which must be empty or missing
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// How many times faster than usual the simulated AWS answers
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub speed: u32,
}

/// How AWS is reached. What isn't said comes from where every AWS tool looks for it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection to AWS")]
pub struct ConnectionArgs {
    /// Use this endpoint for all services instead of AWS's own
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint)]
    pub endpoint_url: Option<String>,
    /// The primary Region of the Identity Center instance
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile that credentials and Region are read from
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The Identity Center instance, where there are several
    #[arg(long, global = true, value_name = "ARN", env = "USHER_INSTANCE_ARN")]
    pub instance_arn: Option<InstanceArn>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it like 90s, 15m or 1h".to_owned();
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.to_owned()),
        Some(_) | None => Err("write it like https://host or http://127.0.0.1:4566".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn connection_options_may_stand_before_or_after_the_command() {
        for line in
            ["usher --region eu-west-1 plan --rules a.yaml", "usher plan --rules a.yaml --region eu-west-1"]
        {
            let parsed = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(parsed.connection.region.as_deref(), Some("eu-west-1"));
        }
    }

    #[test]
    fn a_timeout_is_a_length_of_time() {
        let parse = |time: &str| Cli::try_parse_from(["usher", "apply", "--rules", "a", "--timeout", time]);
        let Command::Apply(apply) = parse("90s").unwrap().command else { panic!("not apply") };
        assert_eq!(apply.timeout, Duration::from_secs(90));
        for wrong in ["soon", "0s", "-5m"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_account_or_no_endpoint_is_refused_at_once() {
        let account = Cli::try_parse_from(["usher", "plan", "--rules", "a", "--account", "12"]).unwrap_err();
        assert!(account.to_string().contains("12 digits"), "{account}");
        let endpoint =
            Cli::try_parse_from(["usher", "plan", "--rules", "a", "--endpoint-url", "localhost:80"]);
        assert!(endpoint.unwrap_err().to_string().contains("http://127.0.0.1"));
    }

    #[test]
    fn rules_must_be_given() {
        assert!(Cli::try_parse_from(["usher", "plan"]).is_err());
        assert!(Cli::try_parse_from(["usher", "rules", "check"]).is_err());
    }
}
