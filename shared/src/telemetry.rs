//! How a process logs, and counts.
//!
//! What is counted is told by fields of the log's own events, and goes to `CloudWatch` as lines of its embedded metric format: what Lambda
//! writes to its log anyway needs no call and no permission.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::{Value, json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::settings::{LogFormat, LogLevel, LogSettings, Settings};

/// Libraries that print requests, answers or events at the finer levels, names of people among them: they are never more
/// talkative than `info`. Each is the beginning of the targets it stands for.
const DISCREET: [&str; 6] = ["aws_", "h2", "hyper", "lambda_runtime", "rustls", "tower"];

/// Begins to log as the environment says: JSON lines to the standard output in Lambda, lines for people to the standard error
/// elsewhere. Call it once, first in `main`; later calls change nothing.
pub fn init() {
    let (settings, troubles) = Settings::from_env().log();
    let LogSettings { level, format, in_lambda: _ } = settings;
    // The filter says what is logged. It needs no patterns, and the library that reads those is a tenth of a function's size.
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE);
    // An error means that somebody logs already.
    let _ = match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false).finish();
            lines.with(counting(settings)).with(filter(level)).try_init()
        }
        LogFormat::Compact => {
            let lines = lines.compact().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
            lines.finish().with(counting(settings)).with(filter(level)).try_init()
        }
    };
    for trouble in troubles {
        tracing::warn!("{trouble}");
    }
}

/// Lambda's log is where metrics are read from, in whatever form the other lines are; whoever reads JSON elsewhere may count too.
fn counting(LogSettings { level: _, format, in_lambda }: LogSettings) -> Option<Counting> {
    (in_lambda || format == LogFormat::Json).then_some(Counting)
}

/// The level for everybody, and a bound for the indiscreet.
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
    Targets::new().with_default(level).with_targets(DISCREET.map(|target| (target, bound)))
}

/// Prints a line of `CloudWatch`'s embedded metric format for every event that counts something.
struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut counted = Counted::default();
        event.record(&mut counted);
        let Some(line) = counted.line() else { return };
        // A line that can't be written is one that nobody counts.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

/// What an event counts.
#[derive(Debug, Default)]
struct Counted {
    dead_letters: Option<u64>,
    by: Option<String>,
    at_ms: Option<i64>,
}

impl Counted {
    /// The metric `DeadLetters` of the namespace `Usher`, by function.
    fn line(&self) -> Option<Value> {
        let Self { dead_letters, by, at_ms } = self;
        let (number, function, at) = ((*dead_letters)?, by.as_ref()?, (*at_ms)?);
        let timestamp = jiff::Timestamp::from_millisecond(at).ok()?;
        Some(json!({
            "_aws": {
                "Timestamp": at,
                "CloudWatchMetrics": [{
                    "Namespace": "Usher",
                    "Dimensions": [["Function"]],
                    "Metrics": [{ "Name": "DeadLetters", "Unit": "Count" }],
                }],
            },
            "DeadLetters": number,
            "Function": function,
            "timestamp": timestamp.to_string(),
            "level": "INFO",
            "message": format!("counted: {number} dead letter of {function}"),
        }))
    }
}

impl Visit for Counted {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "dead_letters" {
            self.dead_letters = Some(value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "at_ms" {
            self.at_ms = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "by" {
            self.by = Some(value.to_owned());
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
        let counts =
            |in_lambda, format| counting(LogSettings { level: LogLevel::Info, format, in_lambda }).is_some();
        assert!(counts(true, LogFormat::Compact) && counts(true, LogFormat::Json));
        assert!(!counts(false, LogFormat::Compact), "a person's screen is no place for metrics");
    }

    /// What a filter lets through, by target.
    fn logged(level: LogLevel) -> String {
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
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .without_time()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish()
            .with(filter(level));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "aws_smithy_runtime::client", "a request with a name");
            tracing::trace!(target: "hyper::client", "an answer with a name");
            tracing::info!(target: "aws_config::profile", "a profile");
            tracing::debug!(target: "shared::engine", "a step");
            tracing::info!(target: "shared::engine", "an outcome");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
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

    #[test]
    fn a_dead_letter_is_counted_by_its_function() {
        let counted = Counted {
            dead_letters: Some(1),
            by: Some("reconcile".to_owned()),
            at_ms: Some(1_800_000_000_123),
        };
        let line = counted.line().unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 1_800_000_000_123_i64);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Usher");
        let metric = line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].as_str().unwrap();
        assert_eq!(
            (metric, &line[metric], &line["Function"]),
            ("DeadLetters", &json!(1), &json!("reconcile"))
        );
        assert_eq!(Counted { by: None, ..counted }.line(), None);
        assert_eq!(Counted::default().line(), None);
    }

    #[test]
    fn at_info_steps_are_left_out_and_outcomes_told() {
        let text = logged(LogLevel::Info);
        assert!(text.contains("an outcome") && !text.contains("a step"), "{text}");
        assert_eq!(logged(LogLevel::Off), "");
    }
}
