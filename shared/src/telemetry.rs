//! How a process logs, and counts.
//!
//! What is counted is told by fields of the log's own events, and goes to `CloudWatch` as lines of its embedded metric format: what Lambda
//! writes to its log anyway needs no call and no permission.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::{Map, Value, json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::{
    metrics::{FUNCTION, Metric, NAMESPACE, TARGET},
    settings::{LogFormat, LogLevel, LogSettings, Settings},
};

/// Libraries that print requests, answers or events at the finer levels, names of people among them: they are never more
/// talkative than `info`. Each is the beginning of the targets it stands for.
const DISCREET: [&str; 6] = ["aws_", "h2", "hyper", "lambda_runtime", "rustls", "tower"];

/// Begins to log as the environment says: JSON lines to the standard output in Lambda, lines for people to the standard error
/// elsewhere. Call it once, first in `main`; later calls change nothing.
pub fn init() {
    let settings = Settings::from_env();
    let (log, troubles) = settings.log();
    let function = settings.function_name();
    // An error means that somebody logs already.
    let _ = match log.format {
        LogFormat::Json => as_json(log.level, function, io::stdout).try_init(),
        LogFormat::Compact => {
            let lines = tracing_subscriber::fmt::layer()
                .compact()
                .with_writer(io::stderr)
                .with_ansi(io::stderr().is_terminal())
                .with_filter(filter(log.level));
            let counting = counting(log, function, io::stdout);
            tracing_subscriber::registry().with(lines).with(counting).try_init()
        }
    };
    for trouble in troubles {
        tracing::warn!("{trouble}");
    }
}

/// Logs as in Lambda: events as JSON, one a line, and metrics as lines beside them, under this function's name or, without one, under those of
/// the packages.
pub fn as_json<W>(level: LogLevel, function: Option<String>, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Clone + Send + Sync + 'static,
{
    // The filter says what is logged. It needs no patterns, and the library that reads those is a tenth of a function's size.
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer.clone())
        .with_filter(filter(level));
    let log = LogSettings { level, format: LogFormat::Json, in_lambda: function.is_some() };
    tracing_subscriber::registry().with(lines).with(counting(log, function, writer))
}

/// Lambda's log is where metrics are read from, in whatever form the other lines are; whoever reads JSON elsewhere may count too.
/// However little is logged, all is counted, but where nothing is to be logged at all.
fn counting<S, W>(log: LogSettings, function: Option<String>, writer: W) -> Option<impl Layer<S>>
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    let LogSettings { level, format, in_lambda } = log;
    let counts = level != LogLevel::Off && (in_lambda || format == LogFormat::Json);
    let only_metrics = Targets::new().with_target(TARGET, LevelFilter::INFO);
    counts.then(|| Counting { function, writer }.with_filter(only_metrics))
}

/// The level for everybody, and a bound for the indiscreet. Metrics have lines of their own.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let bound = level.min(LevelFilter::INFO);
    Targets::new()
        .with_default(level)
        .with_targets(DISCREET.map(|target| (target, bound)))
        .with_target(TARGET, LevelFilter::OFF)
}

/// Prints a line of `CloudWatch`'s embedded metric format for every event that tells a metric.
struct Counting<W> {
    /// What Lambda calls the function.
    function: Option<String>,
    writer: W,
}

impl<S, W> Layer<S> for Counting<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        let Some(line) = told.line(self.function.as_deref()) else { return };
        // A line that can't be written is one that nobody counts. One write: another's line is not to be in the middle of it.
        let _ = self.writer.make_writer().write_all(format!("{line}\n").as_bytes());
    }
}

/// A metric as an event tells it.
#[derive(Debug, Clone, Default)]
struct Told {
    metric: Option<Metric>,
    function: Option<String>,
    at_ms: Option<i64>,
    value: Option<u64>,
    part: Option<String>,
}

impl Told {
    /// The line for it: by function, and by function and part where it has parts.
    fn line(&self, in_lambda: Option<&str>) -> Option<Value> {
        let Self { metric, function, at_ms, value, part } = self;
        let (metric, package, at, value) =
            ((*metric)?.description(), function.as_ref()?, (*at_ms)?, (*value)?);
        let timestamp = jiff::Timestamp::from_millisecond(at).ok()?;
        let function = in_lambda.unwrap_or(package);
        let mut dimensions = vec![vec![FUNCTION]];
        let mut line = Map::new();
        if let (Some(split_by), Some(part)) = (metric.split_by, part.as_ref().filter(|part| !part.is_empty()))
        {
            dimensions.push(vec![FUNCTION, split_by]);
            line.insert(split_by.to_owned(), part.as_str().into());
        }
        let about = json!({
            "Timestamp": at,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": dimensions,
                "Metrics": [{ "Name": metric.name, "Unit": metric.unit }],
            }],
        });
        line.insert("_aws".to_owned(), about);
        line.insert(metric.name.to_owned(), value.into());
        line.insert(FUNCTION.to_owned(), function.into());
        line.insert("timestamp".to_owned(), timestamp.to_string().into());
        line.insert("level".to_owned(), "INFO".into());
        line.insert("message".to_owned(), format!("{package}: {} {value}", metric.name).into());
        Some(line.into())
    }
}

impl Visit for Told {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "value" {
            self.value = Some(value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "at_ms" {
            self.at_ms = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "metric" => self.metric = Metric::named(value),
            "function" => self.function = Some(value.to_owned()),
            "part" => self.part = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn in_lambda_it_counts_in_whatever_form_it_logs() {
        let counts = |level, in_lambda, format| {
            let log = LogSettings { level, format, in_lambda };
            counting::<tracing_subscriber::Registry, _>(log, None, io::stdout).is_some()
        };
        assert!(
            counts(LogLevel::Info, true, LogFormat::Compact) && counts(LogLevel::Info, true, LogFormat::Json)
        );
        assert!(
            !counts(LogLevel::Info, false, LogFormat::Compact),
            "a person's screen is no place for metrics"
        );
        assert!(
            counts(LogLevel::Error, true, LogFormat::Json) && !counts(LogLevel::Off, true, LogFormat::Json)
        );
    }

    /// What is printed, in memory.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is printed meanwhile.
    fn printed(level: LogLevel, function: Option<&str>, meanwhile: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = as_json(level, function.map(str::to_owned), move || writer.clone());
        tracing::subscriber::with_default(subscriber, meanwhile);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn logged(level: LogLevel) -> String {
        printed(level, None, || {
            tracing::debug!(target: "aws_smithy_runtime::client", "a request with a name");
            tracing::trace!(target: "hyper::client", "an answer with a name");
            tracing::info!(target: "aws_config::profile", "a profile");
            tracing::debug!(target: "shared::engine", "a step");
            tracing::info!(target: "shared::engine", "an outcome");
        })
    }

    #[test]
    fn what_libraries_print_of_requests_and_answers_is_in_no_log_however_fine() {
        for level in [LogLevel::Debug, LogLevel::Trace] {
            let text = logged(level);
            assert!(!text.contains("with a name"), "{text}");
            assert!(
                text.contains("a profile") && text.contains("a step") && text.contains("an outcome"),
                "{text}"
            );
        }
    }

    fn told(level: LogLevel, function: Option<&str>) -> Vec<Value> {
        let at = jiff::Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let text = printed(level, function, || {
            Metric::DeadLetters.tell("reconcile", at, 1);
            Metric::Throttled.tell_part("provision", at, 2, "rate");
        });
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_metric_is_a_line_of_its_own_by_its_function_and_by_its_parts() {
        let [letters, throttled] = told(LogLevel::Info, None).try_into().unwrap();
        assert_eq!(letters["_aws"]["Timestamp"], 1_800_000_000_123_i64);
        let of = |line: &Value| line["_aws"]["CloudWatchMetrics"][0].clone();
        assert_eq!(
            of(&letters),
            json!({
                "Namespace": "Usher",
                "Dimensions": [["Function"]],
                "Metrics": [{ "Name": "DeadLetters", "Unit": "Count" }],
            })
        );
        assert_eq!((&letters["DeadLetters"], &letters["Function"]), (&json!(1), &json!("reconcile")));
        assert_eq!(of(&throttled)["Dimensions"], json!([["Function"], ["Function", "Kind"]]));
        assert_eq!((&throttled["Throttled"], &throttled["Kind"]), (&json!(2), &json!("rate")));
    }

    #[test]
    fn in_lambda_the_function_has_its_own_name_so_that_two_services_are_told_apart() {
        let [letters, _] = told(LogLevel::Info, Some("usher-reconcile")).try_into().unwrap();
        assert_eq!(letters["Function"], "usher-reconcile");
    }

    #[test]
    fn however_little_is_logged_all_is_counted() {
        assert_eq!(told(LogLevel::Error, None).len(), 2);
        assert_eq!(told(LogLevel::Off, None).len(), 0);
    }

    #[test]
    fn at_info_steps_are_left_out_and_outcomes_told() {
        let text = logged(LogLevel::Info);
        assert!(text.contains("an outcome") && !text.contains("a step"), "{text}");
        assert_eq!(logged(LogLevel::Off), "");
    }
}
