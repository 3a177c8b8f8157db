//! Why a command could not do its work: what was tried, why it failed, and the way out.

mod delegation;
mod import;
mod probe;
mod unknown;

use std::{error::Error, fmt, io, time::Duration};

use miette::Diagnostic;
use shared::{
    domain::{AccountId, RulesVersion},
    engine::{
        AnnounceError, AuditError, DeclaredSetsError, EpochError, PublishError, ReadError, ReconcileError,
        ReportError, ReprovisionError, RunError, SweepError, TransferError, consent::ConsentError,
    },
    local::OpenError,
    ports::{LedgerError, PortError},
    rules::Diagnostics,
    settings::SettingsError,
};

pub use delegation::Undelegated;
pub use import::ImportFailure;
pub use probe::ProbeFailure;
pub use unknown::Unknown;

use crate::{OrganizationMistake, screen::line};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot write the result")]
    Output(#[source] io::Error),
    #[error("cannot plan or keep the permission sets that the rules declare")]
    DeclaredSets(#[source] DeclaredSetsError),
    #[error("cannot read the answer")]
    Input(#[source] io::Error),
    #[error("cannot read the rule file `{path}`")]
    RulesFile { path: String, source: io::Error },
    #[error("the rule file `{path}` is not text: byte {at} does not belong to UTF-8")]
    RulesNotText { path: String, at: usize },
    #[error("the rule file `{path}` is given twice")]
    RulesTwice { path: String },
    #[error("two rule files have the name `{name}`: `{first}` and `{second}`")]
    RulesSameName { name: String, first: String, second: String },
    #[error("there is no rule file in the folder `{path}`")]
    RulesNone { path: String },
    #[error("the folder `{path}` holds too much to be a folder of rules")]
    RulesTooMany { path: String },
    #[error("the name of the rule file `{path}` is not Unicode")]
    RulesOddName { path: String },
    #[error("the symbolic link `{path}` leads out of the folder of rules")]
    RulesLink { path: String },
    #[error(transparent)]
    Rules(Box<Diagnostics>),
    #[error("cannot use the ledger `{path}`")]
    OpenLedger { path: String, source: OpenError },
    #[error("there is no ledger `{path}`")]
    NoLedger { path: String },
    #[error("the ledger `{table}` belongs to deployed functions, which carry out their rules by themselves")]
    DeployedLedger { table: String },
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The same, told of what it is about as it was typed.
    #[error("{told}")]
    ConsentTo { told: String, error: ConsentError },
    #[error("cannot look up a name")]
    LookUp(#[source] PortError),
    #[error("a plan of one account can't tell whether the teams' rules stay within their scopes everywhere")]
    ScopesOfOneAccount,
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Undelegated(#[from] Undelegated),
    #[error("cannot read the events `{path}`")]
    EventFile { path: String, source: io::Error },
    #[error("the events `{path}` are more than {most} bytes")]
    EventsTooLong { path: String, most: u64 },
    #[error("the events `{path}` are not text: byte {at} does not belong to UTF-8")]
    EventsNotText { path: String, at: usize },
    #[error("cannot make the folder `{path}` for the ledger")]
    LedgerFolder { path: String, source: io::Error },
    #[error("cannot make the folder `{path}` for reports")]
    ReportFolder { path: String, source: io::Error },
    #[error("another `usher run` or `usher simulate` works with the ledger `{path}`")]
    LedgerInUse { path: String },
    #[error("there is no queue `{url}` in this Region")]
    NoQueue { url: String },
    #[error("cannot receive from the queue `{url}`")]
    Unheard { url: String, source: PortError },
    #[error("no rules are in force by the ledger `{ledger}`")]
    NothingInForce { ledger: String },
    #[error(
        "the ledger `{ledger}` is a file, and the queues of the deployed functions belong to another one"
    )]
    QueuesOfOthers { ledger: String },
    #[error("cannot write to the file of outcomes `{path}`")]
    OutcomeFile { path: String, source: io::Error },
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot tell whether the ledger is whole")]
    Epoch(#[source] EpochError),
    #[error("cannot copy the ledger")]
    Transfer(#[source] TransferError),
    #[error("cannot read the copy of a ledger `{path}`")]
    LedgerCopy { path: String, source: io::Error },
    #[error("an import into this ledger broke off, and it is not whole")]
    HalfImported,
    #[error("an engine is at work on this ledger, or was broken off less than 90 s ago")]
    EngineAtWork,
    #[error("a setting in the environment is wrong")]
    Settings(#[from] SettingsError),
    #[error("cannot use IAM Identity Center")]
    Instance(#[source] PortError),
    #[error("cannot plan")]
    Read(#[source] ReadError),
    #[error("cannot tell who has access to what")]
    Audit(#[source] AuditError),
    #[error("cannot read the report `{path}`")]
    ReportFile { path: String, source: io::Error },
    #[error("`{path}` cannot be used as a report: {why}")]
    NoReport { path: String, why: String },
    #[error("cannot write the file `{path}`")]
    OutFile { path: String, source: io::Error },
    #[error("the organization has no account `{0}`, and the ledger knows of none")]
    UnknownAccount(AccountId),
    #[error("the rules were not brought into force, and nothing was changed")]
    Publish(#[source] PublishError),
    #[error("the rules are in force, but not every account could be hinted")]
    HintEverywhere(#[source] shared::engine::InboxError),
    #[error("no version that was ever in force begins with `{0}`")]
    UnknownVersion(String),
    #[error("several versions begin with `{0}`")]
    ManyVersions(String),
    #[error("no other version was in force before")]
    NothingBefore,
    #[error("the rules of version `{version}` cannot be fetched")]
    FetchBundle { version: RulesVersion, source: PortError },
    #[error("there is no dead letter `{0}`")]
    NoSuchLetter(String),
    #[error("cannot use the queue of dead letters")]
    DeadLetters(#[source] PortError),
    #[error("no function reads such an event: it stays where it is")]
    UnreadEvent,
    #[error("cannot act on the rules that the event is about")]
    UploadEvent(#[source] on_rules_change::Error),
    #[error("cannot write down what is to be done")]
    Reconcile(#[source] ReconcileError),
    #[error("the engine broke off")]
    Run(#[source] RunError),
    #[error("cannot reprovision")]
    Reprovision(#[source] ReprovisionError),
    #[error("cannot sweep")]
    Sweep(#[source] SweepError),
    #[error("cannot make a report")]
    Report(#[source] ReportError),
    #[error("cannot tell what came of it; what is left is told by the next run")]
    Announce(#[source] AnnounceError),
    #[error("cannot act on an event")]
    Event(#[source] shared::engine::HearError),
    #[error("a queue cannot be used")]
    Queue(#[source] PortError),
    #[error(
        "an earlier run has left something unfinished in account `{0}`, which the engine would take up too"
    )]
    UnfinishedElsewhere(AccountId),
    #[error("there is something to do, and nobody to ask whether to do it")]
    NobodyToAsk,
    #[error("not applied: nothing was changed")]
    Declined,
    #[error("cannot read the organization `{path}`")]
    OrganizationFile { path: String, source: io::Error },
    #[error("the organization has a mistake")]
    Organization(Box<OrganizationMistake>),
    #[error("cannot listen on port {port} of this machine")]
    Port { port: u16, source: io::Error },
    #[error("the simulated AWS has ended by itself")]
    Served(#[source] io::Error),
    #[error("cannot wait for a signal to end")]
    Signal(#[source] io::Error),
    #[error("cannot make the folder of the demo")]
    DemoFolder(#[source] io::Error),
    #[error("the folder `{path}` is not empty")]
    DemoFolderInUse { path: String },
    #[error("cannot set the scene of the demo: {what}")]
    DemoScene { what: String, source: Box<dyn Error + Send + Sync> },
    #[error("the demo took longer than {}, which it never should", seconds(*limit))]
    DemoTooLong { limit: Duration },
    #[error(transparent)]
    Import(#[from] ImportFailure),
    #[error(transparent)]
    Probe(#[from] ProbeFailure),
    #[error("the demo did not end as its rules say: {0}")]
    DemoEnd(String),
}

fn seconds(time: Duration) -> String {
    format!("{} seconds", time.as_secs())
}

impl Failure {
    /// What to do about it.
    #[expect(clippy::too_many_lines, reason = "an arm for each failure")]
    fn way_out(&self) -> Option<String> {
        let text = match self {
            Self::Output(_)
            | Self::Input(_)
            | Self::Rules(_)
            | Self::Settings(_)
            | Self::Organization(_)
            | Self::Served(_)
            | Self::Signal(_) => return None,
            Self::RulesFile { .. } => {
                "give the path of a rule file, or of the folder that it is in, as seen from the current folder; docs/rules.md \
                 describes what is in it"
            }
            Self::RulesNotText { .. } => "save the file as UTF-8",
            Self::RulesTwice { .. } => "give each file once",
            Self::RulesSameName { .. } => "rename one of them, or give the folder that both are in",
            Self::RulesNone { .. } => {
                "rule files end in .yaml or .yml; what is hidden (its name begins with a dot) is passed over"
            }
            Self::RulesTooMany { .. } => "give the folder that holds the rules and little else",
            Self::RulesOddName { .. } => "rename it: its name goes into the version of the rules",
            Self::RulesLink { .. } => {
                "put the file itself into the folder: rules that come into force are all in one place"
            }
            Self::NoLedger { .. } => {
                "name it with --ledger: a file that `usher apply` has made, or dynamodb:TABLE for that of the deployed functions"
            }
            Self::DeployedLedger { .. } => {
                "bring the rules into force with `usher rules publish`, or upload them (docs/rules.md); `usher plan` works with their ledger"
            }
            Self::Consent(error) | Self::ConsentTo { told: _, error } => {
                return consented(error).map(str::to_owned).or_else(|| self.cause());
            }
            Self::ScopesOfOneAccount => {
                "bring these rules into force over all accounts first, by `usher rules publish` or `usher apply` without --account"
            }
            Self::Unknown(unknown) => return unknown.way_out(),
            Self::Undelegated(undelegated) => return Some(undelegated.way_out()),
            Self::Probe(failure) => return Some(failure.way_out()),
            Self::Import(failure) => return failure.way_out().or_else(|| self.cause()),
            Self::EventFile { .. } => "give the path of a file, or - for the standard input",
            Self::EventsTooLong { .. } => "split it up: one event after the other will do",
            Self::EventsNotText { .. } => {
                "if it is packed, unpack it first: `gunzip -c FILE | usher event -`"
            }
            Self::OpenLedger { .. } => {
                "look at whether you may write the file and the folder that it is in, which reading needs too; or give another path with --ledger. Nothing was changed"
            }
            Self::NoQueue { .. } => {
                "give the URL of a queue that is there, in the Region that `usher run` works in"
            }
            Self::Unheard { .. } => {
                "whoever it works as needs `sqs:ReceiveMessage` there, `kms:Decrypt` where the queue has a key of its own, and an endpoint that is SQS's"
            }
            Self::NothingInForce { .. } => {
                "give rules with --rules, or bring some into force with `usher rules publish`"
            }
            Self::QueuesOfOthers { .. } => {
                "name the ledger of the deployed functions with --ledger dynamodb:TABLE, or leave --deployed-queues out"
            }
            Self::LedgerInUse { .. } => "end that one first, or give another path with --ledger",
            Self::OutcomeFile { .. } => {
                "give a path that can be written with --outcomes. Nothing was read or changed"
            }
            Self::LedgerFolder { .. } => "give a path that can be written with --ledger",
            Self::ReportFolder { .. } => "give a folder that can be written to with --reports",
            Self::ReportFile { .. } => {
                "give the path of a report that `usher audit --output json --out FILE` or the function `audit` has written"
            }
            Self::NoReport { .. } => {
                "take a whole report, as `usher audit --output json --out FILE` writes it"
            }
            Self::OutFile { .. } => "give a path that can be written with --out; nothing was written",
            Self::UnknownAccount(_) => "look for a typing error, or for credentials of another organization",
            Self::UnfinishedElsewhere(_) => {
                "run `usher apply` without --account first: it finishes what is left"
            }
            Self::NobodyToAsk => "say --yes if that is what you want",
            Self::Declined => "nothing was done: the same command asks again",
            Self::OrganizationFile { .. } => {
                "give the path of a file that describes an organization in YAML, as docs/simulator.md tells; without --organization the example is taken"
            }
            Self::Port { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another program listens there, perhaps another `usher simulate`: give another one with --port, or --port 0 for one that is free"
            }
            Self::Port { .. } => "give another one with --port, or --port 0 for one that is free",
            Self::DemoFolder(_) => "give another folder with --keep, or make room for temporary files",
            Self::DemoFolderInUse { .. } => "give a folder with --keep that is empty or does not exist yet",
            Self::DemoScene { .. } | Self::DemoTooLong { .. } | Self::DemoEnd(_) => {
                "run it again with --verbose, and tell the project what it says: this is a mistake in Usher"
            }
            Self::UnknownVersion(_) => "`usher rules versions` lists them",
            Self::ManyVersions(_) => "give more of its digits: `usher rules versions` lists them",
            Self::NothingBefore => {
                "`usher rules versions` lists what there was; bring other rules into force with `usher rules publish`"
            }
            Self::FetchBundle { source: PortError::NotFound(_), .. } => {
                "bundles are kept as rules/VERSION.json, beside the ledger or in the bucket: this one was taken away. What is in force stays"
            }
            Self::NoSuchLetter(_) => {
                "`usher dead-letters list` shows their ids; another may be at it just now"
            }
            Self::UnreadEvent => "a newer `usher` may read it; else take it out of its queue",
            Self::HintEverywhere(_) => "the next tick does it, within a minute",
            Self::Publish(error) => {
                return unpublished(error).map(str::to_owned).or_else(|| self.cause());
            }
            Self::Reconcile(_) | Self::Run(_) => {
                return self
                    .cause()
                    .or_else(|| Some("run `usher apply` again: it takes up what is left".to_owned()));
            }
            Self::LedgerCopy { .. } => "give the path of a file that `usher ledger export` has written",
            Self::HalfImported => {
                "repeat `usher ledger import` with the same file: it goes on where it broke off"
            }
            Self::EngineAtWork => "`usher pause` it, or try again when it has come to rest",
            Self::Ledger(_)
            | Self::Epoch(_)
            | Self::Transfer(_)
            | Self::Instance(_)
            | Self::Read(_)
            | Self::Audit(_)
            | Self::DeclaredSets(_)
            | Self::Sweep(_)
            | Self::Report(_)
            | Self::Reprovision(_)
            | Self::Event(_)
            | Self::FetchBundle { .. }
            | Self::DeadLetters(_)
            | Self::UploadEvent(_)
            | Self::Announce(_)
            | Self::LookUp(_)
            | Self::Queue(_) => return self.cause(),
        };
        Some(text.to_owned())
    }

    /// What to do about the error of AWS at the bottom of it, if there is one.
    fn cause(&self) -> Option<String> {
        let mut next: Option<&(dyn Error + 'static)> = self.source();
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<PortError>() {
                return advice(error).map(str::to_owned);
            }
            next = error.source();
        }
        None
    }
}

impl Failure {
    /// That consent was not taken, with everything that it names by ids as it was typed: pairs of both.
    pub(crate) fn consent_to(error: ConsentError, typed: &[(String, String)]) -> Self {
        let by_ids = error.to_string();
        let told = typed.iter().fold(by_ids.clone(), |told, (ids, typed)| told.replace(ids, &line(typed)));
        if told == by_ids { Self::Consent(error) } else { Self::ConsentTo { told, error } }
    }
}

/// What to do where consent was not taken, if its own text doesn't say.
fn consented(error: &ConsentError) -> Option<&'static str> {
    match error {
        ConsentError::Nameless => Some("say who you are with --by NAME"),
        ConsentError::Ends => Some("say how long with --for, such as --for 24h"),
        ConsentError::UnknownAccount(_) => {
            Some("look for a typing error, or for credentials of another organization")
        }
        ConsentError::Unwanted(_) => Some("--even-unwanted adopts it even so"),
        ConsentError::CannotTell { .. } => Some("try again when the look-up works, or say --even-unwanted"),
        ConsentError::NotOverBudget { .. } => Some("`usher withheld` tells the way out for each reason"),
        ConsentError::NotOurs(_) => Some("`usher status` and `usher withheld` tell what the ledger knows of"),
        ConsentError::NotThere(_) => {
            Some("look for a typing error; what rules want and is not there is granted without this")
        }
        ConsentError::NoPermissionSet(_) => {
            Some("look for a typing error: names are compared letter by letter")
        }
        ConsentError::Read(_)
        | ConsentError::PermissionSets(_)
        | ConsentError::OtherPermissionSet { .. }
        | ConsentError::Ledger(_)
        | ConsentError::PlanChanged { .. }
        | ConsentError::NothingToApprove
        | ConsentError::NotWithheld(_)
        | ConsentError::TooManyKeys
        | ConsentError::Changed(_)
        | ConsentError::Partly { .. }
        | ConsentError::PartlyAdopted { .. }
        | ConsentError::NotPaused
        | ConsentError::NotFrozen
        | ConsentError::Epoch(_)
        | ConsentError::NotHeld(_)
        | ConsentError::KeyNotHeld(_)
        | ConsentError::TooManyHolds(_)
        | ConsentError::AlreadyOurs(_)
        | ConsentError::UnderWay(_)
        | ConsentError::Unsettled { .. } => None,
    }
}

/// What to do about an error of AWS, where its own text doesn't say.
fn advice(error: &PortError) -> Option<&'static str> {
    match error {
        PortError::Refused(text) if text.contains("several Identity Center instances") => {
            Some("choose one with --instance-arn ARN")
        }
        PortError::Barred(text) if text.contains("no AWS credentials") => Some(
            "sign in (`aws sso login`), or name a profile with --profile; a simulated AWS takes any keys: \
             AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        ),
        PortError::Barred(_) => {
            Some("sign in again (`aws sso login`): AWS does not take these credentials any more")
        }
        PortError::Denied(_) => Some(
            "`aws sts get-caller-identity` tells who you are; docs/cli.md lists what this command must be allowed to do",
        ),
        PortError::NotFound(_) => {
            Some("check --region and --instance-arn, and that the credentials are of the right organization")
        }
        PortError::Throttled(_) | PortError::WindowFull(_) | PortError::Conflict(_) => {
            Some("AWS or the ledger is busy: try again in a moment")
        }
        PortError::Unassumed(_) => {
            Some("check `USHER_MANAGEMENT_ROLE_ARN`, and whom that role's trust policy admits")
        }
        PortError::Failed(_) => {
            Some("check the network, --region and --endpoint-url, and run the same command again")
        }
        PortError::Refused(_) => None,
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.way_out().map(|text| Box::new(text) as Box<dyn fmt::Display>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if let Self::Rules(rules) = self {
            return rules.related();
        }
        if let Self::Import(ImportFailure::Template(problems)) = self {
            return problems.related();
        }
        if let Self::Organization(mistake) = self {
            return Some(Box::new(std::iter::once(mistake.as_ref() as &dyn Diagnostic)));
        }
        let mut next: Option<&(dyn Error + 'static)> = self.source();
        while let Some(error) = next {
            if let Some(rules) = error.downcast_ref::<Diagnostics>() {
                return rules.related();
            }
            if let Some(rules) = error.downcast_ref::<Box<Diagnostics>>() {
                return rules.related();
            }
            next = error.source();
        }
        None
    }
}

/// What to do about rules that did not come into force, where it is not AWS's matter.
fn unpublished(error: &PublishError) -> Option<&'static str> {
    match error {
        PublishError::Empty => Some("check that the files are whole"),
        PublishError::Shrunk { .. } => Some(
            "check that the files are whole; if they are meant so, `usher plan` with them ends with the command that approves exactly what they would do",
        ),
        PublishError::Ledger(LedgerError::RulesChanged) => {
            Some("others came into force meanwhile: run it again")
        }
        PublishError::BeyondScope(_) => Some(
            "`usher plan` with these rules shows what would be withheld or taken away for it; `usher explain` says what the scope asks for",
        ),
        PublishError::Ledger(_)
        | PublishError::Rules(_)
        | PublishError::Overtaken { .. }
        | PublishError::Compare(_)
        | PublishError::Keep(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_is_found_however_deep_the_error_of_aws_lies() {
        let deep = Failure::Read(ReadError::Account {
            account: "111122223333".parse().unwrap(),
            source: PortError::Throttled("Rate exceeded".into()),
        });
        assert!(deep.way_out().unwrap().contains("try again"));
        let several = Failure::Instance(PortError::Refused(
            "several Identity Center instances were found; name the one to work in: …".into(),
        ));
        assert!(several.way_out().unwrap().contains("--instance-arn"));
    }
}
