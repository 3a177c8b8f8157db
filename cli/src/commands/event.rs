//! `usher event`: what events lead to, by the very readers that the functions use. Nothing is asked of AWS.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::Value;
use shared::events::{self, Envelope, Reading};

use crate::{
    Ending, Failure, Screen,
    args::EventArgs,
    event_file::{self, Found, What},
    render,
    report::{self, EventOutcome, EventReport, EventSummary, EventTold},
};

/// A file of events is no longer than this, in bytes: a log file of CloudTrail has at most 50 MB.
const LONGEST: u64 = 64 * 1024 * 1024;
/// A name from an event is told up to here, in characters.
const NAME: usize = 80;

/// Reads the file and tells of each event in it.
pub(crate) fn run(arguments: &EventArgs, screen: &mut Screen<'_>) -> Result<Ending, Failure> {
    let text = text(&arguments.file, screen)?;
    let events: Vec<EventTold> = event_file::read(&text).into_iter().map(told).collect();
    let report = EventReport { format: report::FORMAT, summary: summary(&events), events };
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = render::event_text::events(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(if report.summary.unreadable == 0 { Ending::Good } else { Ending::Bad })
}

fn text(file: &PathBuf, screen: &mut Screen<'_>) -> Result<String, Failure> {
    let path = file.display().to_string();
    let failed = |source| Failure::EventFile { path: path.clone(), source };
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        if let Some(input) = screen.input.as_mut() {
            input.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        }
    } else {
        let file = File::open(file).map_err(failed)?;
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(Failure::EventsTooLong { path, most: LONGEST });
    }
    String::from_utf8(bytes)
        .map_err(|error| Failure::EventsNotText { path, at: error.utf8_error().valid_up_to() })
}

fn told(Found { place, what }: Found) -> EventTold {
    let (source, name, outcome) = match what {
        What::Event(envelope) => {
            let name = envelope.detail.get("eventName").and_then(Value::as_str);
            let name = short(name.unwrap_or(&envelope.detail_type));
            (Some(short(&envelope.source)), Some(name), outcome(&envelope))
        }
        What::Hint(hint) => {
            let cause = hint.cause.as_str().to_owned();
            (None, None, EventOutcome::Account { account: hint.account, cause })
        }
        What::Poll(poll) => {
            let request = poll.request.to_string();
            (None, None, EventOutcome::Request { operation: poll.operation, request })
        }
        What::Wake => (None, None, EventOutcome::Wake),
        What::Unreadable(why) => (None, None, EventOutcome::Unreadable { why }),
    };
    EventTold { place, source, name, outcome }
}

fn outcome(envelope: &Envelope) -> EventOutcome {
    match events::read_any(envelope) {
        Ok(Reading::Hint { hint, event, caller_role: _ }) => EventOutcome::Hint { hint, event },
        Ok(Reading::Ignored(why)) => EventOutcome::Ignored { why: why.to_string() },
        Err(error) => EventOutcome::Unreadable { why: shared::causes::joined(&error) },
    }
}

fn short(text: &str) -> String {
    text.chars().take(NAME).collect()
}

fn summary(events: &[EventTold]) -> EventSummary {
    let mut summary = EventSummary::default();
    for event in events {
        match event.outcome {
            EventOutcome::Hint { .. } => summary.hints += 1,
            EventOutcome::Ignored { .. } => summary.ignored += 1,
            EventOutcome::Account { .. } | EventOutcome::Request { .. } | EventOutcome::Wake => {
                summary.messages += 1;
            }
            EventOutcome::Unreadable { .. } => summary.unreadable += 1,
        }
    }
    summary
}
