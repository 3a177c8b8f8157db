//! The same as JSON: one document a line, for machines.

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AccountId, RulesVersion},
    engine::{Heard, ReportSummary, SweepSummary, Taken},
    outcome::Outcome,
};

use crate::{Failure, Screen, local_runtime::News};

/// One thing that happens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub(crate) enum Line<'a> {
    /// It runs from now on.
    Begun {
        ledger: String,
        rules: &'a RulesVersion,
        number_of_rules: usize,
        deployed_queues: bool,
        events_queue: Option<&'a str>,
        sweep_every_seconds: u64,
    },
    Event {
        name: &'a str,
        id: &'a str,
        outcome: &'a Heard,
    },
    Upload {
        id: &'a str,
        outcome: &'a Taken,
    },
    Looked {
        account: &'a AccountId,
        cause: &'a str,
        grants: usize,
        revokes: usize,
        withheld: usize,
    },
    NotLooked {
        account: &'a AccountId,
        error: &'a str,
    },
    Sweep {
        found: &'a SweepSummary,
    },
    Report {
        made: &'a ReportSummary,
    },
    /// As docs/outcomes.md has it.
    Outcome {
        outcome: &'a Outcome,
    },
    Failed {
        failed: &'a str,
        error: &'a str,
    },
    Ending,
    Ended,
}

#[derive(Serialize)]
struct At<'a> {
    at: Timestamp,
    #[serde(flatten)]
    line: &'a Line<'a>,
}

/// Writes a line.
pub(crate) fn tell(at: Timestamp, line: &Line<'_>, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let text = serde_json::to_string(&At { at, line })
        .map_err(|error| Failure::Output(std::io::Error::other(error)))?;
    writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
}

/// Writes a piece of news. How rows of the ledger go on is told by the outcomes.
pub(crate) fn news(news: &News, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let (at, line) = match news {
        News::Event { at, name, id, outcome } => (at, Line::Event { name, id, outcome }),
        News::Upload { at, id, taken } => (at, Line::Upload { id, outcome: taken }),
        News::Looked { at, account, cause, grants, revokes, withheld } => {
            let (grants, revokes, withheld) = (*grants, *revokes, withheld.len());
            (at, Line::Looked { account, cause, grants, revokes, withheld })
        }
        News::NotLooked { at, account, error } => (at, Line::NotLooked { account, error }),
        News::Swept { at, found } => (at, Line::Sweep { found }),
        News::Audited { at, made } => (at, Line::Report { made }),
        News::Trouble { at, what, error } => (at, Line::Failed { failed: what, error }),
        News::Outcome(outcome) => (&outcome.at, Line::Outcome { outcome }),
        News::Reprovisioned { .. } | News::Written { .. } => return Ok(()),
    };
    tell(*at, &line, screen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_document_with_its_time_first() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut screen = Screen::plain(&mut out, &mut err);
        let at = Timestamp::UNIX_EPOCH;
        let error = "cannot sweep: a\nb".to_owned();
        news(&News::Trouble { at, what: "the sweep", error }, &mut screen).unwrap();
        let heard = Heard::Hinted(2);
        let (name, id) = ("MoveAccount".to_owned(), "1".to_owned());
        news(&News::Event { at, name, id, outcome: heard }, &mut screen).unwrap();
        tell(at, &Line::Ended, &mut screen).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(
            lines,
            [
                r#"{"at":"1970-01-01T00:00:00Z","what":"failed","failed":"the sweep","error":"cannot sweep: a\nb"}"#,
                r#"{"at":"1970-01-01T00:00:00Z","what":"event","name":"MoveAccount","id":"1","outcome":{"hinted":2}}"#,
                r#"{"at":"1970-01-01T00:00:00Z","what":"ended"}"#,
            ]
        );
    }
}
