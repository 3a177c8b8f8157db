//! The settings of a process. The only reader of the environment.
//!
//! All variables of ours begin with `USHER_`. Each is read when it is asked for, so a function needs only its own; an empty one
//! counts as not set.

mod audit;
mod one_process;
mod places;

use std::time::Duration;

use jiff::SignedDuration;

pub use self::audit::ReportsSettings;
use self::places::{bucket, event_bus, prefix, queue_url, role_arns, table};
use crate::{
    domain::{InstanceArn, RoleArn},
    engine::{EngineSettings, ReprovisionSettings, SweepSettings},
    pace::Share,
    plan::{ManagementWrites, Quotas},
};

/// A variable that is missing, or isn't what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("`{variable}` is not set: it should be {expected}, such as {example}")]
    Missing { variable: String, expected: &'static str, example: &'static str },
    #[error("`{variable}` is `{value}`: it should be {expected}, such as {example}")]
    Invalid { variable: String, value: String, expected: &'static str, example: &'static str },
    #[error(
        "`{rate}` calls a second for `{instances}` instances at a time are fewer than {LEAST_RATE} for each: make \
         `USHER_RECONCILE_RATE` larger, or `USHER_RECONCILE_CONCURRENCY` smaller"
    )]
    TooFew { rate: String, instances: u32 },
}

/// What a variable should be.
#[derive(Debug, Clone, Copy)]
struct Expected {
    what: &'static str,
    example: &'static str,
}

const TABLE: Expected = Expected { what: "the name of a DynamoDB table", example: "usher-ledger" };
const QUEUE: Expected = Expected {
    what: "the URL of an SQS queue",
    example: "https://sqs.eu-central-1.amazonaws.com/111122223333/usher-inbox.fifo",
};
const BUS: Expected =
    Expected { what: "the name or ARN of an EventBridge event bus", example: "usher-outcomes" };
const ROLES: Expected = Expected {
    what: "ARNs of IAM roles, separated by commas",
    example: "arn:aws:iam::111122223333:role/usher-provision",
};
const ROLE: Expected = Expected {
    what: "the ARN of an IAM role",
    example: "arn:aws:iam::111122223333:role/usher-management-reads",
};
const BUCKET: Expected = Expected { what: "the name of an S3 bucket", example: "example-usher-rules" };
const PREFIX: Expected =
    Expected { what: "the beginning of S3 keys, without a slash in front", example: "usher/" };
const INSTANCE: Expected = Expected {
    what: "the ARN of an Identity Center instance",
    example: "arn:aws:sso:::instance/ssoins-1234567890abcdef",
};
const WINDOW: Expected = Expected { what: "a number from 1 to 15", example: "10" };
const CALLS: Expected = Expected { what: "a number of calls from 1 to 20", example: "10" };
const PERMISSION_SETS: Expected = Expected { what: "a number from 1 to 3500", example: "500" };
const TIME: Expected = Expected { what: "a length of time of up to a day", example: "90s, 5m or 1h" };
const RATE: Expected = Expected { what: "a number of calls a second from 0.1 to 20", example: "4" };
const CONCURRENCY: Expected = Expected { what: "a number from 1 to 40", example: "2" };
const RECEIVES: Expected = Expected { what: "a number from 1 to 1000", example: "5" };
const MANAGEMENT: Expected = Expected { what: "`withhold` or `direct`", example: "withhold" };
const LEVEL: Expected =
    Expected { what: "`off`, `error`, `warn`, `info`, `debug` or `trace`", example: "info" };
const FORMAT: Expected = Expected { what: "`json` or `compact`", example: "json" };

/// Calls a second of SSO Admin. With fewer, an account with ninety permission sets takes longer than a function may run.
const LEAST_RATE: f64 = 0.1;

/// Where rule bundles are kept in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesSettings {
    /// `USHER_RULES_BUCKET`
    pub bucket: String,
    /// `USHER_RULES_PREFIX`: what their keys begin with; empty by default.
    pub prefix: String,
}

impl RulesSettings {
    /// What the names of uploaded rules begin with.
    pub fn incoming(&self) -> String {
        format!("{}incoming/", self.prefix)
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Compact,
    /// One JSON object a line, as log services read it.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// `USHER_LOG`
    pub level: LogLevel,
    /// `USHER_LOG_FORMAT`; JSON in Lambda if nothing else is said.
    pub format: LogFormat,
    /// Whether Lambda says that it runs there.
    pub in_lambda: bool,
}

/// Gives a variable's value, if it is set.
type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Reads settings, each when it is asked for.
pub struct Settings {
    read: Box<Read>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings of this process.
    pub fn from_env() -> Self {
        // A value that isn't Unicode is read with its odd parts replaced, so that an error can show it.
        Self::reading(|variable| std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Settings that are read by this function, from a variable's whole name.
    pub fn reading(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read) }
    }

    /// How decisions are made and carried out; each setting has a default.
    ///
    /// | variable | what it sets |
    /// | --- | --- |
    /// | `USHER_WINDOW` | [`EngineSettings::window`] |
    /// | `USHER_ENGINE_RATE` | [`EngineSettings::rate`] |
    /// | `USHER_ENGINE_BURST` | [`EngineSettings::burst`] |
    /// | `USHER_LAG` | [`EngineSettings::lag`] |
    /// | `USHER_FACTS_AGE` | [`EngineSettings::facts_age`] |
    /// | `USHER_INTENT_AGE` | [`EngineSettings::intent_age`] |
    /// | `USHER_LOOK_AGE` | [`EngineSettings::look_age`] |
    /// | `USHER_SETTLE_AFTER` | [`EngineSettings::settle_after`] |
    /// | `USHER_PATIENCE` | [`EngineSettings::patience`] |
    /// | `USHER_RUN_FOR` | [`EngineSettings::run_for`] |
    /// | `USHER_LEASE` | [`EngineSettings::lease`]; a minute at least, since it must outlive any single call |
    /// | `USHER_ORPHAN_GRACE` | [`EngineSettings::orphan_grace`] |
    /// | `USHER_MANAGEMENT_ACCOUNT` | [`EngineSettings::management`]: `withhold` or `direct` |
    /// | `USHER_PERMISSION_SETS_PER_ACCOUNT` | [`Quotas::permission_sets`] |
    pub fn engine(&self) -> Result<EngineSettings, SettingsError> {
        let default = EngineSettings::default();
        let zero = Duration::ZERO;
        let second = Duration::from_secs(1);
        Ok(EngineSettings {
            window: self.optional("USHER_WINDOW", WINDOW, window)?.unwrap_or(default.window),
            rate: self.optional("USHER_ENGINE_RATE", CALLS, calls)?.unwrap_or(default.rate),
            burst: self.optional("USHER_ENGINE_BURST", CALLS, calls)?.unwrap_or(default.burst),
            lag: self.time("USHER_LAG", zero)?.unwrap_or(default.lag),
            facts_age: self.time("USHER_FACTS_AGE", zero)?.unwrap_or(default.facts_age),
            facts_since: default.facts_since,
            intent_age: self.time("USHER_INTENT_AGE", second)?.unwrap_or(default.intent_age),
            look_age: self.time("USHER_LOOK_AGE", zero)?.unwrap_or(default.look_age),
            settle_after: self.time("USHER_SETTLE_AFTER", second)?.unwrap_or(default.settle_after),
            patience: self.time("USHER_PATIENCE", second)?.unwrap_or(default.patience),
            run_for: self.time("USHER_RUN_FOR", second)?.unwrap_or(default.run_for),
            lease: self.time("USHER_LEASE", Duration::from_mins(1))?.unwrap_or(default.lease),
            orphan_grace: self.time("USHER_ORPHAN_GRACE", zero)?.unwrap_or(default.orphan_grace),
            management: self
                .optional("USHER_MANAGEMENT_ACCOUNT", MANAGEMENT, management_account)?
                .unwrap_or(default.management),
            quotas: Quotas {
                permission_sets: self
                    .optional("USHER_PERMISSION_SETS_PER_ACCOUNT", PERMISSION_SETS, permission_sets)?
                    .unwrap_or(default.quotas.permission_sets),
                ..default.quotas
            },
            ..default
        })
    }

    /// The share of one instance of `reconcile`: `USHER_RECONCILE_RATE` calls a second (4) for all that run at a time, of which there
    /// are at most `USHER_RECONCILE_CONCURRENCY` (2): the `MaximumConcurrency` of the inbox's event source mapping.
    pub fn reconcile_share(&self) -> Result<Share, SettingsError> {
        let sso_admin = self.rate("USHER_RECONCILE_RATE", 4.0)?;
        let instances = self.optional("USHER_RECONCILE_CONCURRENCY", CONCURRENCY, concurrency)?.unwrap_or(2);
        let share = Share { sso_admin, identity_store: 8.0, organizations: 0.375, burst: 1 }.among(instances);
        if share.sso_admin < LEAST_RATE {
            return Err(SettingsError::TooFew { rate: sso_admin.to_string(), instances });
        }
        Ok(share)
    }

    /// The share of `sweep`, of which one runs at a time: `USHER_SWEEP_RATE` calls a second (3).
    pub fn sweep_share(&self) -> Result<Share, SettingsError> {
        let sso_admin = self.rate("USHER_SWEEP_RATE", 3.0)?;
        Ok(Share { sso_admin, identity_store: 8.0, organizations: 0.5, burst: 1 })
    }

    /// The share of one instance of `poll-provisioning`: `USHER_REST_RATE` calls a second (1) for all that run at a time, of which there
    /// are at most `USHER_REST_CONCURRENCY` (2), the `MaximumConcurrency` of the poll queue's event source mapping, and for `reprovision`.
    pub fn rest_share(&self) -> Result<Share, SettingsError> {
        let sso_admin = self.rate("USHER_REST_RATE", 1.0)?;
        let instances = self.optional("USHER_REST_CONCURRENCY", CONCURRENCY, concurrency)?.unwrap_or(2);
        // One more, for `reprovision`.
        let share = Share { sso_admin, identity_store: 2.0, organizations: 0.125, burst: 1 };
        Ok(share.among(instances.saturating_add(1)))
    }

    /// The share of `reprovision`, of which one runs at a time, for what it asks without the engine's lease: as much of the rest as an
    /// instance of `poll-provisioning`. It lists the accounts where something is outdated. It rests most of the time, so some calls may
    /// follow each other.
    pub fn reprovision_share(&self) -> Result<Share, SettingsError> {
        let Share { sso_admin, identity_store, organizations: _, burst: _ } = self.rest_share()?;
        Ok(Share { sso_admin, identity_store, organizations: 0.125, burst: 5 })
    }

    /// The engine's share of SSO Admin, for who holds its lease in its place.
    pub fn engine_share(engine: &EngineSettings) -> Share {
        Share {
            sso_admin: f64::from(engine.rate),
            identity_store: 1.0,
            organizations: 0.125,
            burst: engine.burst,
        }
    }

    /// How reprovisioning goes about it: `USHER_REPROVISION_EVERY` is [`ReprovisionSettings::every`].
    pub fn reprovision(&self) -> Result<ReprovisionSettings, SettingsError> {
        let default = ReprovisionSettings::default();
        let every = self.time("USHER_REPROVISION_EVERY", Duration::from_mins(1))?;
        Ok(ReprovisionSettings { every: every.unwrap_or(default.every), ..default })
    }

    /// The share of one instance of `on-account-event`: it lists the accounts below an OU, which `reconcile` never does.
    pub fn events_share() -> Share {
        Share { sso_admin: 1.0, identity_store: 2.0, organizations: 0.25, burst: 1 }
    }

    /// The share of `tick`: it lists the accounts when a rule begins.
    pub fn tick_share() -> Share {
        Share { sso_admin: 1.0, identity_store: 2.0, organizations: 0.125, burst: 1 }
    }

    /// The share of a command that a person runs: `USHER_COMMAND_RATE` calls a second (3: those of the rest, and the two that
    /// are left for people). Short commands don't notice it.
    pub fn command_share(&self) -> Result<Share, SettingsError> {
        let sso_admin = self.rate("USHER_COMMAND_RATE", 3.0)?;
        Ok(Share { sso_admin, identity_store: 4.0, organizations: 0.25, burst: 10 })
    }

    /// How sweeps go about it: `USHER_SWEEP_RUN_FOR` is [`SweepSettings::run_for`], which Lambda's own limit shortens, and `USHER_SWEEP_EVERY`
    /// [`SweepSettings::every`].
    pub fn sweep(&self) -> Result<SweepSettings, SettingsError> {
        let default = SweepSettings::default();
        let minute = Duration::from_mins(1);
        Ok(SweepSettings {
            run_for: self.time("USHER_SWEEP_RUN_FOR", minute)?.unwrap_or(default.run_for),
            every: self.time("USHER_SWEEP_EVERY", Duration::ZERO)?.unwrap_or(default.every),
            ..default
        })
    }

    /// `USHER_LEDGER_TABLE`: the ledger's table in DynamoDB.
    pub fn ledger_table(&self) -> Result<String, SettingsError> {
        self.required("USHER_LEDGER_TABLE", TABLE, table)
    }

    /// `USHER_INBOX_QUEUE_URL`: the FIFO queue of hints.
    pub fn inbox_queue_url(&self) -> Result<String, SettingsError> {
        self.required("USHER_INBOX_QUEUE_URL", QUEUE, queue_url)
    }

    /// `USHER_WAKE_QUEUE_URL`: the queue that wakes the engine.
    pub fn wake_queue_url(&self) -> Result<String, SettingsError> {
        self.required("USHER_WAKE_QUEUE_URL", QUEUE, queue_url)
    }

    /// `USHER_POLL_QUEUE_URL`: the queue of requests that outlive the engine's patience.
    pub fn poll_queue_url(&self) -> Result<String, SettingsError> {
        self.required("USHER_POLL_QUEUE_URL", QUEUE, queue_url)
    }

    /// `USHER_PARKED_QUEUE_URL`: the queue of what could not be read.
    pub fn parked_queue_url(&self) -> Result<String, SettingsError> {
        self.required("USHER_PARKED_QUEUE_URL", QUEUE, queue_url)
    }

    /// `USHER_DEAD_INBOX_QUEUE_URL`: the dead-letter queue of the inbox, which is FIFO as the inbox is; `None` if there is none.
    pub fn dead_inbox_queue_url(&self) -> Result<Option<String>, SettingsError> {
        self.optional("USHER_DEAD_INBOX_QUEUE_URL", QUEUE, queue_url)
    }

    /// `USHER_MAX_RECEIVES`: how often a message is received before it is put aside (5): the `maxReceiveCount` of the queues.
    pub fn max_receives(&self) -> Result<u32, SettingsError> {
        Ok(self.optional("USHER_MAX_RECEIVES", RECEIVES, receives)?.unwrap_or(5))
    }

    /// `USHER_OUTCOME_BUS`: the name or ARN of the EventBridge bus that outcomes are told on.
    pub fn outcome_bus(&self) -> Result<String, SettingsError> {
        self.required("USHER_OUTCOME_BUS", BUS, event_bus)
    }

    /// Where the rules are.
    pub fn rules(&self) -> Result<RulesSettings, SettingsError> {
        Ok(RulesSettings {
            bucket: self.required("USHER_RULES_BUCKET", BUCKET, bucket)?,
            prefix: self.optional("USHER_RULES_PREFIX", PREFIX, prefix)?.unwrap_or_default(),
        })
    }

    /// `USHER_INSTANCE_ARN`: the instance to work in, where there could be several.
    pub fn instance_arn(&self) -> Result<Option<InstanceArn>, SettingsError> {
        self.optional("USHER_INSTANCE_ARN", INSTANCE, |text| text.parse().ok())
    }

    /// `USHER_OWN_ROLES`: the ARNs of the roles that requests to assign are made with, separated by commas. Without them, no event of a request of ours settles
    /// whose an assignment is.
    pub fn own_roles(&self) -> Result<Vec<String>, SettingsError> {
        Ok(self.optional("USHER_OWN_ROLES", ROLES, role_arns)?.unwrap_or_default())
    }

    /// `USHER_MANAGEMENT_ROLE_ARN`: a role in the management account, for who runs in another one. What only the management account may do goes by it.
    pub fn management_role_arn(&self) -> Result<Option<RoleArn>, SettingsError> {
        self.optional("USHER_MANAGEMENT_ROLE_ARN", ROLE, |text| text.parse().ok())
    }

    /// What is logged, and how. What can't be read is told beside it and its default holds: nothing fails for its log.
    pub fn log(&self) -> (LogSettings, Vec<SettingsError>) {
        let in_lambda = self.function_name().is_some();
        let mut log = LogSettings {
            level: LogLevel::default(),
            format: if in_lambda { LogFormat::Json } else { LogFormat::Compact },
            in_lambda,
        };
        let mut troubles = Vec::new();
        match self.optional("USHER_LOG", LEVEL, log_level) {
            Ok(level) => log.level = level.unwrap_or(log.level),
            Err(error) => troubles.push(error),
        }
        match self.optional("USHER_LOG_FORMAT", FORMAT, log_format) {
            Ok(format) => log.format = format.unwrap_or(log.format),
            Err(error) => troubles.push(error),
        }
        (log, troubles)
    }

    /// The name of the function that this is in Lambda.
    pub fn function_name(&self) -> Option<String> {
        self.get("AWS_LAMBDA_FUNCTION_NAME")
    }

    /// One of the variables that AWS's own tools read, whole.
    pub fn of_aws(&self, variable: &str) -> Option<String> {
        self.get(variable)
    }

    fn get(&self, variable: &str) -> Option<String> {
        let value = (self.read)(variable).filter(|value| !value.is_empty());
        tracing::trace!(setting = variable, is_set = value.is_some(), "`{variable}` was asked for");
        value
    }

    fn optional<T>(
        &self,
        variable: &str,
        Expected { what, example }: Expected,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.get(variable) else { return Ok(None) };
        match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(SettingsError::Invalid {
                variable: variable.to_owned(),
                value: value.chars().take(120).collect(),
                expected: what,
                example,
            }),
        }
    }

    fn required<T>(
        &self,
        variable: &str,
        expected: Expected,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        self.optional(variable, expected, parse)?.ok_or_else(|| SettingsError::Missing {
            variable: variable.to_owned(),
            expected: expected.what,
            example: expected.example,
        })
    }

    /// Calls a second.
    fn rate(&self, variable: &str, default: f64) -> Result<f64, SettingsError> {
        let rate = |text: &str| text.parse().ok().filter(|rate| (LEAST_RATE..=20.0).contains(rate));
        Ok(self.optional(variable, RATE, rate)?.unwrap_or(default))
    }

    /// A length of time between `least` and a day.
    fn time(&self, variable: &str, least: Duration) -> Result<Option<Duration>, SettingsError> {
        self.optional(variable, TIME, |text| {
            let duration: Duration = text.parse::<SignedDuration>().ok()?.try_into().ok()?;
            (least..=Duration::from_hours(24)).contains(&duration).then_some(duration)
        })
    }
}

fn window(text: &str) -> Option<usize> {
    text.parse().ok().filter(|window| (1..=15).contains(window))
}

fn concurrency(text: &str) -> Option<u32> {
    text.parse().ok().filter(|instances| (1..=40).contains(instances))
}

fn receives(text: &str) -> Option<u32> {
    text.parse().ok().filter(|receives| (1..=1000).contains(receives))
}

fn calls(text: &str) -> Option<u32> {
    text.parse().ok().filter(|calls| (1..=20).contains(calls))
}

fn permission_sets(text: &str) -> Option<usize> {
    text.parse().ok().filter(|sets| (1..=3500).contains(sets))
}

fn management_account(text: &str) -> Option<ManagementWrites> {
    match text {
        "withhold" => Some(ManagementWrites::Withheld),
        "direct" => Some(ManagementWrites::Direct),
        _ => None,
    }
}

fn log_level(text: &str) -> Option<LogLevel> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Some(LogLevel::Off),
        "error" => Some(LogLevel::Error),
        "warn" => Some(LogLevel::Warn),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        "trace" => Some(LogLevel::Trace),
        _ => None,
    }
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "json" => Some(LogFormat::Json),
        "compact" => Some(LogFormat::Compact),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &'static [(&'static str, &'static str)]) -> Settings {
        Settings::reading(|asked| {
            variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_any_variable_the_engine_has_its_defaults() {
        assert_eq!(settings(&[]).engine(), Ok(EngineSettings::default()));
        assert_eq!(settings(&[("USHER_LAG", "")]).engine(), Ok(EngineSettings::default()));
    }

    #[test]
    fn every_setting_of_the_engine_can_be_said() {
        let said = settings(&[
            ("USHER_WINDOW", "15"),
            ("USHER_ENGINE_RATE", "20"),
            ("USHER_ENGINE_BURST", "5"),
            ("USHER_LAG", "0s"),
            ("USHER_FACTS_AGE", "1h"),
            ("USHER_INTENT_AGE", "10m"),
            ("USHER_PATIENCE", "1h 30m"),
            ("USHER_RUN_FOR", "45 seconds"),
            ("USHER_MANAGEMENT_ACCOUNT", "direct"),
            ("USHER_PERMISSION_SETS_PER_ACCOUNT", "1200"),
        ]);
        assert_eq!(
            said.engine(),
            Ok(EngineSettings {
                window: 15,
                rate: 20,
                burst: 5,
                lag: Duration::ZERO,
                facts_age: Duration::from_hours(1),
                intent_age: Duration::from_mins(10),
                patience: Duration::from_mins(90),
                run_for: Duration::from_secs(45),
                management: ManagementWrites::Direct,
                quotas: Quotas { permission_sets: 1200, ..Quotas::default() },
                ..EngineSettings::default()
            })
        );
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_the_variables_name() {
        for (variable, value) in [
            ("USHER_WINDOW", "0"),
            ("USHER_WINDOW", "16"),
            ("USHER_WINDOW", "ten"),
            ("USHER_ENGINE_RATE", "0"),
            ("USHER_ENGINE_RATE", "21"),
            ("USHER_ENGINE_BURST", "many"),
            ("USHER_LAG", "-5m"),
            ("USHER_LAG", "5"),
            ("USHER_FACTS_AGE", "25h"),
            ("USHER_INTENT_AGE", "0s"),
            ("USHER_PATIENCE", "soon"),
            ("USHER_RUN_FOR", "1 month"),
            ("USHER_MANAGEMENT_ACCOUNT", "yes"),
            ("USHER_PERMISSION_SETS_PER_ACCOUNT", "0"),
        ] {
            let settings = Settings::reading(move |asked| (asked == variable).then(|| value.to_owned()));
            let error = settings.engine().expect_err(value).to_string();
            assert!(error.starts_with(&format!("`{variable}` is `{value}`: it should be")), "{error}");
        }
    }

    #[test]
    fn the_shares_leave_two_calls_a_second_to_people_unless_said_otherwise() {
        let shares = |said: &Settings| {
            let (reconcile, rest) = (said.reconcile_share().unwrap(), said.rest_share().unwrap());
            let reprovision = said.reprovision_share().unwrap();
            [reconcile, reconcile, said.sweep_share().unwrap(), rest, rest, reprovision]
        };
        let of_all = |part: fn(&Share) -> f64| shares(&settings(&[])).iter().map(part).sum::<f64>();
        let without_reprovision: f64 =
            shares(&settings(&[])).iter().take(5).map(|share| share.organizations).sum();
        let engine = 10.0;
        assert!(engine + of_all(|share| share.sso_admin) <= 18.0);
        assert!(of_all(|share| share.identity_store) <= 20.0);
        // It describes nothing but a few accounts, and is counted below with who lists them.
        assert!(without_reprovision <= 1.0);
        let [reconcile, _, sweep, ..] = shares(&settings(&[])).map(|share| share.organizations);
        let (events, tick) = (Settings::events_share().organizations, Settings::tick_share().organizations);
        let reprovision = settings(&[]).reprovision_share().unwrap().organizations;
        let listing = sweep + events + tick + reprovision;
        let describing = 2.0 * reconcile + sweep + tick;
        assert!(
            listing <= 1.0 && describing <= 1.0,
            "who lists accounts, and who describes the organization"
        );

        let said = settings(&[
            ("USHER_RECONCILE_RATE", "6"),
            ("USHER_RECONCILE_CONCURRENCY", "4"),
            ("USHER_SWEEP_RATE", "0.5"),
            ("USHER_REST_RATE", "3"),
            ("USHER_REST_CONCURRENCY", "5"),
            ("USHER_COMMAND_RATE", "20"),
        ]);
        let said = [said.reconcile_share(), said.sweep_share(), said.rest_share(), said.command_share()];
        let rates = said.map(|share| share.unwrap().sso_admin.to_string());
        assert_eq!(rates, ["1.5", "0.5", "0.5", "20"]);
        for (variable, value) in [
            ("USHER_RECONCILE_RATE", "0"),
            ("USHER_RECONCILE_RATE", "21"),
            ("USHER_RECONCILE_CONCURRENCY", "0"),
            ("USHER_RECONCILE_CONCURRENCY", "41"),
        ] {
            let settings = Settings::reading(move |asked| (asked == variable).then(|| value.to_owned()));
            let error = settings.reconcile_share().expect_err(value).to_string();
            assert!(error.starts_with(&format!("`{variable}` is `{value}`: it should be")), "{error}");
        }
    }

    #[test]
    fn a_share_that_leaves_an_instance_next_to_nothing_is_refused_with_the_ways_out() {
        let said = settings(&[("USHER_RECONCILE_RATE", "0.6"), ("USHER_RECONCILE_CONCURRENCY", "7")]);
        let error = said.reconcile_share().unwrap_err().to_string();
        assert_eq!(
            error,
            "`0.6` calls a second for `7` instances at a time are fewer than 0.1 for each: make `USHER_RECONCILE_RATE` larger, or \
             `USHER_RECONCILE_CONCURRENCY` smaller"
        );
        let enough = settings(&[("USHER_RECONCILE_RATE", "0.8"), ("USHER_RECONCILE_CONCURRENCY", "7")]);
        assert!(enough.reconcile_share().is_ok());
        assert!(settings(&[("USHER_RECONCILE_CONCURRENCY", "40")]).reconcile_share().is_ok());
    }

    #[test]
    fn what_is_missing_is_named_with_an_example() {
        let error = settings(&[]).wake_queue_url().unwrap_err().to_string();
        assert_eq!(
            error,
            "`USHER_WAKE_QUEUE_URL` is not set: it should be the URL of an SQS queue, such as \
             https://sqs.eu-central-1.amazonaws.com/111122223333/usher-inbox.fifo"
        );
        for missing in
            [settings(&[]).inbox_queue_url(), settings(&[]).parked_queue_url(), settings(&[]).ledger_table()]
        {
            assert!(matches!(missing, Err(SettingsError::Missing { .. })), "{missing:?}");
        }
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        let said = settings(&[("USHER_LEDGER_TABLE", "usher-ledger"), ("USHER_WINDOW", "nonsense")]);
        assert_eq!(said.ledger_table().as_deref(), Ok("usher-ledger"));
    }

    #[test]
    fn names_and_urls_are_checked() {
        let said = settings(&[
            ("USHER_LEDGER_TABLE", "my table"),
            ("USHER_INBOX_QUEUE_URL", "usher-inbox.fifo"),
            ("USHER_WAKE_QUEUE_URL", "http://127.0.0.1:5000/123456789012/wake"),
            ("USHER_RULES_BUCKET", "Rules_Bucket"),
            ("USHER_INSTANCE_ARN", "ssoins-1234567890abcdef"),
        ]);
        assert!(said.ledger_table().is_err());
        assert!(said.inbox_queue_url().is_err());
        assert!(said.wake_queue_url().is_ok());
        assert!(said.rules().is_err());
        assert!(said.instance_arn().is_err());
    }

    #[test]
    fn the_rules_prefix_and_the_instance_may_be_left_out() {
        let said = settings(&[("USHER_RULES_BUCKET", "example-usher-rules")]);
        assert_eq!(
            said.rules(),
            Ok(RulesSettings { bucket: "example-usher-rules".to_owned(), prefix: String::new() })
        );
        assert_eq!(said.instance_arn(), Ok(None));
        assert_eq!(said.management_role_arn(), Ok(None));
    }

    #[test]
    fn the_management_accounts_role_is_one_role() {
        let said = |value: &'static str| {
            let read = move |asked: &str| (asked == "USHER_MANAGEMENT_ROLE_ARN").then(|| value.to_owned());
            Settings::reading(read).management_role_arn()
        };
        let role = said("arn:aws:iam::111122223333:role/usher-management-reads").unwrap().unwrap();
        assert_eq!(role.account().as_str(), "111122223333");
        for wrong in ["usher-management-reads", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::1:role/r"] {
            let error = said(wrong).unwrap_err().to_string();
            assert!(error.starts_with("`USHER_MANAGEMENT_ROLE_ARN` is `"), "{error}");
        }
    }

    #[test]
    fn logs_are_json_in_lambda_and_for_people_elsewhere_unless_said_otherwise() {
        let format = |said: Settings| said.log().0.format;
        assert_eq!(format(settings(&[])), LogFormat::Compact);
        assert_eq!(format(settings(&[("AWS_LAMBDA_FUNCTION_NAME", "sweep")])), LogFormat::Json);
        assert_eq!(format(settings(&[("USHER_LOG_FORMAT", "json")])), LogFormat::Json);
        assert_eq!(
            format(settings(&[("AWS_LAMBDA_FUNCTION_NAME", "sweep"), ("USHER_LOG_FORMAT", "compact")])),
            LogFormat::Compact
        );
        assert_eq!(settings(&[("USHER_LOG", "DEBUG")]).log().0.level, LogLevel::Debug);
    }

    #[test]
    fn a_log_setting_that_cannot_be_read_is_told_and_stops_nothing() {
        let (log, troubles) = settings(&[
            ("AWS_LAMBDA_FUNCTION_NAME", "sweep"),
            ("USHER_LOG", "loud"),
            ("USHER_LOG_FORMAT", "xml"),
        ])
        .log();
        assert_eq!(log, LogSettings { level: LogLevel::Info, format: LogFormat::Json, in_lambda: true });
        let told: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "`USHER_LOG` is `loud`: it should be `off`, `error`, `warn`, `info`, `debug` or `trace`, such as info",
                "`USHER_LOG_FORMAT` is `xml`: it should be `json` or `compact`, such as json",
            ]
        );
    }
}
