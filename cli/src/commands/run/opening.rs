//! What is told once everything is found: what runs, and on what.

use std::{fmt::Write as _, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::begin::Service;
use crate::{
    Failure, Paint, Screen,
    args::{LedgerAt, RunArgs},
    rule_files,
    screen::{count, line, span},
    telling::lines::{self, Line},
};

/// Tells it.
pub(super) fn tell(
    arguments: &RunArgs,
    service: &Service,
    now: Timestamp,
    screen: &mut Screen<'_>,
) -> Result<(), Failure> {
    let Service { events_url, sweep_every, rules, .. } = service;
    let number_of_rules = rules.index.rules().len();
    if arguments.json {
        let begun = Line::Begun {
            ledger: arguments.ledger.at.to_string(),
            rules: &rules.version,
            number_of_rules,
            deployed_queues: arguments.deployed_queues,
            events_queue: events_url.as_deref(),
            sweep_every_seconds: sweep_every.as_secs(),
        };
        return lines::tell(now, &begun, screen);
    }
    let style = screen.out_style;
    let every = every(*sweep_every);
    let files: Vec<String> = arguments.rules.iter().map(|path| path.display().to_string()).collect();
    let from = if files.is_empty() { String::new() } else { format!(", from {}", rule_files::told(&files)) };
    let number = count(number_of_rules, "rule", "rules");
    let heard = match events_url {
        Some(url) => format!("from {}; a sweep every {every} finds what none has told", line(url)),
        None => format!("none; a sweep every {every} finds what has changed"),
    };
    let queues =
        if arguments.deployed_queues { "those of the deployed functions" } else { "in this process" };
    let mut text = format!("{}\n\n", style.paint(Paint::Heading, "Usher runs. Ctrl-C ends it."));
    for (what, told) in [
        ("ledger", line(&arguments.ledger.at.to_string())),
        ("rules", format!("version {}, {number}{from}", rules.version.short())),
        ("events", heard),
        ("queues", queues.to_owned()),
        ("outcomes", outcomes(arguments)),
    ] {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {what:<8}  {told}");
    }
    writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
}

fn every(pause: Duration) -> String {
    span(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX))
}

/// Where outcomes are told besides.
fn outcomes(arguments: &RunArgs) -> String {
    match (&arguments.outcomes, &arguments.ledger.at) {
        (Some(path), _) => format!("appended to {}", line(&path.display().to_string())),
        (None, LedgerAt::Table(_)) => "put on the bus of the deployed functions".to_owned(),
        (None, LedgerAt::File(_)) => "told here only; --outcomes PATH keeps them".to_owned(),
    }
}
