//! What can be asked for on the command line.

mod audit;
mod connection;
mod consent;
mod dead_letters;
mod delegation;
mod deploy;
mod doctor;
mod explain;
mod export;
mod import;
mod ledger;
mod output;
mod plan;
mod probe;
mod reprovision;
mod rules;
mod run;
mod simulate;
mod what_if;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::FalseyValueParser,
};
use jiff::SignedDuration;

pub use audit::{AuditArgs, AuditOutput, What};
pub use connection::ConnectionArgs;
pub use consent::{
    AdoptArgs, ApprovalsArgs, ApproveArgs, ByArgs, ConfirmArgs, DisownArgs, HoldArgs, PauseArgs, WithheldArgs,
};
pub use dead_letters::{DeadLettersCommand, DeadLettersListArgs, DeadLettersRetryArgs};
pub use delegation::{DelegationCommand, DelegationPolicyArgs, DelegationWhoArgs};
pub use deploy::{AfterArgs, BeforeArgs, DeployCheckArgs, DeployCommand, Kept};
pub use doctor::DoctorArgs;
pub use explain::ExplainArgs;
pub use export::{ExportArgs, TemplateForm};
pub use import::{ImportArgs, ImportMode};
pub use ledger::{
    LedgerArgs, LedgerAt, LedgerCommand, LedgerConfirmArgs, LedgerExportArgs, LedgerImportArgs,
};
pub use output::{Output, OutputArgs};
pub use plan::{ApplyArgs, PlanArgs, WhatArgs};
pub use probe::{ProbeArgs, Step};
pub use reprovision::ReprovisionArgs;
pub use rules::{
    RulesBundleArgs, RulesCheckArgs, RulesCommand, RulesPublishArgs, RulesRollbackArgs, RulesShowArgs,
    RulesVersionsArgs,
};
pub use run::RunArgs;
pub use simulate::SimulateArgs;
pub use what_if::{Place, WhatIf};

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

impl Cli {
    /// Reads a command line. What is said of colours holds for help and errors, too, which are written before all of it is read.
    pub fn of_command_line(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        let plain = words.iter().take_while(|word| *word != "--").any(|word| word == "--no-color");
        let colour = if plain { ColorChoice::Never } else { ColorChoice::Auto };
        let mut command = Self::command().color(colour);
        let matches = command.try_get_matches_from_mut(words)?;
        // The SDK panics at an endpoint that is set to nothing.
        let is_empty = |(name, value): &(OsString, OsString)| {
            value.is_empty() && name.to_str().is_some_and(|name| name.starts_with("AWS_ENDPOINT_URL"))
        };
        if let Some((name, _)) = std::env::vars_os().find(is_empty) {
            let message =
                format!("the variable {} is set to nothing: unset it, or give it a URL", name.display());
            return Err(command.error(clap::error::ErrorKind::InvalidValue, message));
        }
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Check rules, bring them into force, and go back to earlier ones
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        usher rules check rules/\n  \
        usher rules publish rules/ --ledger dynamodb:usher-ledger --reason 'the new team'\n  \
        usher rules versions\n  \
        usher rules rollback"
    )]
    Rules(RulesCommand),
    /// Show what the rules would change in AWS, and change nothing
    #[command(after_help = "Exit codes:\n  \
        0  nothing to do\n  \
        1  an error, or an account that could not be read\n  \
        2  something to do\n\n\
        Examples:\n  \
        usher plan --rules rules.yaml\n  \
        usher plan --rules rules/ --account 111122223333\n  \
        usher plan --rules rules.yaml --output json | jq .summary\n  \
        usher plan --rules rules/ --ledger dynamodb:usher-ledger --output markdown\n  \
        usher plan --what-if move:shop-dev:Workloads/Production\n  \
        usher plan --what-if tag:shop-dev:Team=search --what-if untag:shop-dev:Stage\n  \
        usher plan --what-if rules:rules/")]
    Plan(PlanArgs),
    /// Show why somebody has access to an account, or why not
    #[command(after_help = "Exit codes:\n  \
        0  told, whether there is access or not\n  \
        1  an error\n\n\
        Examples:\n  \
        usher explain alice@example.com shop-dev\n  \
        usher explain alice@example.com shop-dev PowerUserAccess\n  \
        usher explain group:Developers 111122223333 --json\n  \
        usher explain group:Developers shop-dev --what-if move:shop-dev:Workloads/Production")]
    Explain(ExplainArgs),
    /// Show who has access to what: whose it is, what has drifted, what has changed
    #[command(
        after_help = "Groups are expanded to people. It reads only. What could not be read is named, and never taken for absent.\n\n\
        Exit codes:\n  \
        0  told\n  \
        1  an error, or something that could not be read\n\n\
        Examples:\n  \
        usher audit\n  \
        usher audit --account shop-prod\n  \
        usher audit --person alice@example.com --output csv\n  \
        usher audit --permission-set PowerUserAccess\n  \
        usher audit --only foreign,drifted,orphaned\n  \
        usher audit --output json --out monday.json\n  \
        usher audit --since monday.json\n  \
        usher audit --from monday.json --person alice@example.com"
    )]
    Audit(AuditArgs),
    /// Write what there is as a rule document: existing assignments, or a CloudFormation template
    #[command(
        after_help = "The document wants exactly the assignments that there are: `usher plan` finds nothing to do. With --adopt they become\n\
        Usher's own; nothing changes in AWS by it. docs/import.md is a walk-through.\n\n\
        Exit codes:\n  \
        0  written, or adopted\n  \
        1  an error, or something of a template could not be followed\n\n\
        Examples:\n  \
        usher import --out usher.yaml\n  \
        usher import --trust-tag Environment --trust-tag Team --permission-sets --out usher.yaml\n  \
        usher import --adopt --rules usher.yaml --reason 'the first day'\n  \
        usher import --cloudformation template.json --parameter DevAccount=111122223333 --out usher.yaml"
    )]
    Import(ImportArgs),
    /// Write what the rules want as CloudFormation templates
    #[command(
        after_help = "Each template comes with a file that CloudFormation takes over existing resources by; docs/import.md tells how. What is\n\
        exported stays Usher's: to leave, `usher disown` it, or take the rules out of force.\n\n\
        Exit codes:\n  \
        0  written\n  \
        1  an error\n\n\
        Examples:\n  \
        usher export --cloudformation --out stacks\n  \
        usher export --cloudformation --form json --direct --out stacks\n  \
        usher export --cloudformation --rules rules/ --out template.yaml"
    )]
    Export(ExportArgs),
    /// Bring the rules into force and carry the plan out
    #[command(after_help = "Exit codes:\n  \
        0  all done, or nothing to do\n  \
        1  an error, or something failed, is blocked or is left\n\n\
        Examples:\n  \
        usher apply --rules rules.yaml\n  \
        usher apply --rules rules.yaml --plan HASH\n  \
        usher apply --rules rules.yaml --account 111122223333\n  \
        usher apply --rules rules.yaml --yes --json > report.json")]
    Apply(ApplyArgs),
    /// Show what the ledger holds: what is under way, blocked or uncertain, and since when
    #[command(after_help = "It reads the ledger alone; Identity Center is asked for --names only.\n\n\
        Exit codes:\n  \
        0  the ledger could be read\n  \
        1  an error\n\n\
        Examples:\n  \
        usher status\n  \
        usher status --ledger dynamodb:usher-ledger\n  \
        usher status --json | jq .counts")]
    Status(StatusArgs),
    /// Show what waits, why, and the way out
    #[command(after_help = "Exit codes:\n  \
        0  told, whether something waits or not\n  \
        1  an error, or an account that could not be read\n\n\
        Examples:\n  \
        usher withheld\n  \
        usher withheld --rules rules/ --account 111122223333\n  \
        usher withheld --output json | jq -r '.groups[].assignments[].command'")]
    Withheld(WithheldArgs),
    /// Let what the budgets hold back through, once
    #[command(
        after_help = "KEY is ACCOUNT/PERMISSION-SET/PRINCIPAL, with names or ids: 111122223333/ReadOnlyAccess/group:Auditors.\n\
        It approves exactly what it lists; a plan that is another by now is refused. Nothing is sent: the functions, or\n\
        `usher apply`, do that.\n\n\
        Exit codes:\n  \
        0  approved\n  \
        1  an error, or not approved\n\n\
        Examples:\n  \
        usher approve --plan HASH --rules rules/\n  \
        usher approve 111122223333/ReadOnlyAccess/group:Auditors --for 2h --reason 'incident 12'"
    )]
    Approve(ApproveArgs),
    /// Show who approved, paused, held, adopted or disowned what, and when
    #[command(after_help = "Examples:\n  \
        usher approvals\n  \
        usher approvals --ledger dynamodb:usher-ledger")]
    Approvals(ApprovalsArgs),
    /// Stop everything: nothing more is sent to AWS
    #[command(after_help = "Examples:\n  \
        usher pause --reason 'incident 12'\n  \
        usher pause --ledger dynamodb:usher-ledger")]
    Pause(PauseArgs),
    /// Let everything go on
    #[command(after_help = "Examples:\n  \
        usher resume --reason 'incident 12 is over'\n  \
        usher resume --ledger dynamodb:usher-ledger")]
    Resume(PauseArgs),
    /// Grant and revoke nothing for a principal, an account or one assignment
    #[command(after_help = "Examples:\n  \
        usher hold 111122223333 --reason 'migration'\n  \
        usher hold group:Contractors\n  \
        usher hold 111122223333/ReadOnlyAccess/group:Auditors")]
    Hold(HoldArgs),
    /// Let what is on hold go on
    #[command(after_help = "Examples:\n  \
        usher release group:Contractors\n  \
        usher release 111122223333/ReadOnlyAccess/group:Auditors")]
    Release(HoldArgs),
    /// Make an assignment that others made Usher's own
    #[command(
        after_help = "Usher revokes what is its own when no rule wants it any more. Nothing changes in AWS now.\n\n\
        Examples:\n  \
        usher adopt 111122223333/ReadOnlyAccess/group:Auditors"
    )]
    Adopt(AdoptArgs),
    /// Give an assignment of Usher's up: it stays, and is not Usher's any more
    #[command(after_help = "Examples:\n  \
        usher disown 111122223333/ReadOnlyAccess/group:Auditors")]
    Disown(DisownArgs),
    /// Let rules give the permission set that now bears a name which another one bore before
    #[command(after_help = "Examples:\n  \
        usher confirm ReadOnlyAccess")]
    Confirm(ConfirmArgs),
    /// Show how edited permission sets reach their accounts, or push one
    #[command(
        after_help = "Without a name it shows what is on the way and what came of those before. With one it shows which accounts have an old\n\
        version of it, and when they get the newest. --now pushes it, whatever the rules say of the time.\n\n\
        Exit codes:\n  \
        0  told; or pushed, and done as far as it was followed\n  \
        1  an error; or pushed, and some accounts have failed\n\n\
        Examples:\n  \
        usher reprovision\n  \
        usher reprovision ReadOnlyAccess\n  \
        usher reprovision ReadOnlyAccess --now --reason 'incident 12'"
    )]
    Reprovision(ReprovisionArgs),
    /// Tell what teams may give, and write it as IAM policies
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        usher delegation policy shop\n  \
        usher delegation who shop-dev"
    )]
    Delegation(DelegationCommand),
    /// Work on what failed for good: messages and events that no function could act on
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        usher dead-letters list --ledger dynamodb:usher-ledger\n  \
        usher dead-letters retry --all"
    )]
    DeadLetters(DeadLettersCommand),
    /// Work on the whole of a ledger: confirm it, write it out, put it in
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        usher ledger export --out ledger.jsonl\n  \
        usher ledger import ledger.jsonl --ledger dynamodb:usher-ledger\n  \
        usher ledger confirm --reason 'restored after incident 12'"
    )]
    Ledger(LedgerCommand),
    /// Show what events lead to, or why they are ignored
    #[command(
        after_help = "A file may hold EventBridge events, CloudTrail records (a log file, or what `aws cloudtrail lookup-events`\n\
        prints), and messages of SQS as Lambda or `aws sqs receive-message` has them; one after the other, or in a list.\n\
        Nothing is asked of AWS, and nothing is changed.\n\n\
        Exit codes:\n  \
        0  all could be read\n  \
        1  an error, or something that can't be read\n\n\
        Examples:\n  \
        usher event event.json\n  \
        usher event event.json --json | jq '.events[].hint'\n  \
        aws cloudtrail lookup-events --region us-east-1 | usher event -"
    )]
    Event(EventArgs),
    /// Look whether everything that Usher needs is there, and say what to do about what is not
    #[command(after_help = "It makes reading calls only, and changes nothing.\n\n\
        Exit codes:\n  \
        0  everything is there, or only warnings\n  \
        1  something is missing\n\n\
        Examples:\n  \
        usher doctor\n  \
        usher doctor --profile identity --region eu-central-1 --rules rules/\n  \
        usher doctor --ledger dynamodb:usher-ledger\n  \
        usher doctor --json | jq '.findings[] | select(.verdict == \"bad\")'")]
    Doctor(DoctorArgs),
    /// Measure in one sandbox account what AWS does not document, and say which settings follow
    #[command(
        after_help = "It makes assignments and takes them away again, once somebody has said yes to exactly that; docs/probe.md tells what it\n\
        measures. What it makes is in its journal first, so that --clean-up finds it whatever happens.\n\n\
        Exit codes:\n  \
        0  measured what could be measured, and everything is taken away again\n  \
        1  an error, not begun, interrupted, or something is left\n\n\
        Examples:\n  \
        usher probe sandbox --permission-set UsherProbe --principal group:UsherProbe\n  \
        usher probe sandbox --permission-set UsherProbe --principal group:UsherProbe --only provisioning-time,list-lag\n  \
        usher probe sandbox --permission-set UsherProbe --principal group:UsherProbe --out probe.env\n  \
        usher probe --clean-up"
    )]
    Probe(ProbeArgs),
    /// Look whether the service can be deployed, and whether it works once it is
    #[command(subcommand, after_help = "Example:\n  usher deploy check --deployed")]
    Deploy(DeployCommand),
    /// Print what a shell needs to complete commands and options
    #[command(after_help = "Examples:\n  \
        usher completions bash > ~/.local/share/bash-completion/completions/usher\n  \
        usher completions zsh > ~/.zfunc/_usher\n  \
        usher completions fish > ~/.config/fish/completions/usher.fish")]
    Completions(CompletionsArgs),
    /// Watch an account get its access, against a simulated AWS on this machine
    #[command(
        after_help = "It needs no AWS account, no credentials and no network, and takes under half a minute.\n\n\
        Examples:\n  \
        usher demo\n  \
        usher demo --speed 3\n  \
        usher demo --keep ./usher-demo"
    )]
    Demo(DemoArgs),
    /// Run the service in this process, without Lambda: it sweeps on a schedule, and hears events from a queue if there is one
    #[command(
        after_help = "It is the deployed functions' own code. Without a queue of events the next sweep finds what has\n\
        changed. What fails is told and tried again, and never ends it. Ctrl-C, or SIGTERM, does: what it has in\n\
        hand is finished first.\n\n\
        Exit codes:\n  \
        0  ended by Ctrl-C or SIGTERM\n  \
        1  an error at the start, or nobody reads what it prints\n\n\
        Examples:\n  \
        usher run --rules rules/\n  \
        usher run --rules rules/ --sweep-every 10m --outcomes outcomes.jsonl\n  \
        usher run --ledger dynamodb:usher-ledger --events-queue https://sqs.eu-west-1.amazonaws.com/111122223333/usher-events\n  \
        usher run --ledger dynamodb:usher-ledger --deployed-queues --json"
    )]
    Run(RunArgs),
    /// Run a simulated AWS on this machine, with Usher reacting to what happens in it
    #[command(
        after_help = "Any AWS client works in it: create an account with the AWS CLI, and watch its access appear. What to set for that is\n\
        printed first; docs/simulator.md is a walk-through. Ctrl-C ends it.\n\n\
        Exit codes:\n  \
        0  ended by Ctrl-C\n  \
        1  an error\n\n\
        Examples:\n  \
        usher simulate\n  \
        usher simulate --port 0 --organization my.yaml --rules rules/ --ledger my.db\n  \
        usher simulate --speed 60\n  \
        usher simulate --without-functions"
    )]
    Simulate(SimulateArgs),
}

#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Look up in Identity Center who and what is told of, where the ledger remembers only ids
    #[arg(long)]
    pub names: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct EventArgs {
    /// The file with the events; - for the standard input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
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

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it like 90s, 15m or 1h".to_owned();
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// The examples in a command's help, each up to where the shell's part begins.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let after = help.split_once("Example").map(|(_, after)| after.to_owned()).unwrap_or_default();
        let calls = after.lines().filter_map(|line| line.find("usher ").map(|at| line[at..].to_owned()));
        calls.map(|call| call.split(['|', '>']).next().unwrap_or_default().trim().to_owned()).collect()
    }

    /// The words of a call; what stands between single quotes is one.
    fn words(call: &str) -> Vec<&str> {
        let parts = call.split('\'').enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            })
            .collect()
    }

    #[test]
    fn every_command_has_examples_and_each_is_taken() {
        let mut commands: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
        let mut seen = 0;
        while let Some(command) = commands.pop() {
            let examples = examples(&command);
            assert!(!examples.is_empty(), "`{}` has no examples", command.get_name());
            for example in examples {
                // What is explained stands behind two spaces or more.
                let call = example.split("   ").next().unwrap_or_default();
                let call = call.replace("HASH", &"5f".repeat(32));
                if let Err(error) = Cli::try_parse_from(words(&call)) {
                    panic!("`{call}` is not taken: {error}");
                }
                seen += 1;
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 80, "{seen}");
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
    fn a_ledger_is_a_file_or_a_table() {
        let ledger = |at: &str| {
            let parsed = Cli::try_parse_from(["usher", "status", "--ledger", at])?;
            let Command::Status(StatusArgs { ledger, .. }) = parsed.command else { panic!("not status") };
            Ok::<_, clap::Error>(ledger.at)
        };
        assert_eq!(ledger("a/ledger.db").unwrap(), LedgerAt::File("a/ledger.db".into()));
        assert_eq!(ledger("./dynamodb:x").unwrap(), LedgerAt::File("./dynamodb:x".into()));
        let table = ledger("dynamodb:usher-ledger").unwrap();
        assert_eq!(
            (&table, table.to_string().as_str()),
            (&LedgerAt::Table("usher-ledger".into()), "dynamodb:usher-ledger")
        );
        for wrong in ["dynamodb:", "dynamodb:a b c", "dynamodb:ab"] {
            assert!(ledger(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn json_is_a_form_of_output_and_cannot_be_asked_for_beside_another() {
        let form = |more: &[&str]| {
            let line = ["usher", "plan", "--rules", "a"].iter().chain(more);
            let Command::Plan(plan) = Cli::try_parse_from(line)?.command else { panic!("not plan") };
            Ok::<_, clap::Error>(plan.output.form())
        };
        assert_eq!(form(&[]).unwrap(), Output::Text);
        assert_eq!(form(&["--json"]).unwrap(), Output::Json);
        assert_eq!(form(&["--output", "markdown"]).unwrap(), Output::Markdown);
        assert!(form(&["--json", "--output", "text"]).is_err());
        assert!(form(&["--output", "html"]).is_err());
    }

    #[test]
    fn rules_must_be_given() {
        assert!(Cli::try_parse_from(["usher", "plan"]).is_err());
        assert!(Cli::try_parse_from(["usher", "rules", "check"]).is_err());
    }
}
