//! What events lead to, as text for a terminal.

use std::fmt::Write as _;

use serde_json::Value;
use shared::events::AnyHint;

use super::rows::{self, Row};
use crate::{
    Paint, Style,
    report::{EventOutcome, EventReport, EventTold},
    screen::{count, line},
};

/// Writes a line for each event, and one with the numbers.
pub(crate) fn events(report: &EventReport, style: Style) -> String {
    let mut text = String::new();
    let lines: Vec<Row> = report.events.iter().map(row).collect();
    rows::write(&mut text, &lines, style);
    let summary = &report.summary;
    let mut parts = vec![match summary.hints {
        1 => "1 leads to a look".to_owned(),
        more => format!("{more} lead to a look"),
    }];
    parts.push(format!("{} ignored", summary.ignored));
    if summary.messages > 0 {
        parts.push(count(summary.messages, "message of Usher's own", "messages of Usher's own"));
    }
    if summary.unreadable > 0 {
        parts.push(format!("{} can't be read", summary.unreadable));
    }
    let all = count(report.events.len(), "event", "events");
    let _ = writeln!(text, "\n{} {}.", style.paint(Paint::Heading, format!("{all}:")), parts.join(", "));
    text
}

fn row(event: &EventTold) -> Row {
    let (sign, paint, what, why) = match &event.outcome {
        EventOutcome::Hint { hint, event } => ("→", Paint::Good, look(hint), format!("event {event}")),
        EventOutcome::Ignored { why } => ("-", Paint::Faint, "ignored".to_owned(), why.clone()),
        EventOutcome::Account { account, cause } => {
            ("→", Paint::Good, format!("decide about account {account}"), format!("because of {cause}"))
        }
        EventOutcome::Request { operation, request } => {
            ("→", Paint::Good, format!("ask how a {operation} stands"), format!("request {request}"))
        }
        EventOutcome::Wake => ("→", Paint::Good, "wake the engine".to_owned(), String::new()),
        EventOutcome::Unreadable { why } => ("✗", Paint::Bad, "can't be read".to_owned(), why.clone()),
    };
    let name = event.name.as_deref().map_or_else(|| "message".to_owned(), line);
    let place = match event.place.path.as_str() {
        "" => format!("line {}", event.place.line),
        path => format!("line {}, {}", event.place.line, line(path)),
    };
    let rest = if why.is_empty() { place } else { format!("{place}: {}", line(&why)) };
    Row { sign, paint, columns: [name, line(&what)], rest }
}

/// A hint in words: its own names for what it is about, so that every kind of hint has some.
fn look(hint: &AnyHint) -> String {
    match serde_json::to_value(hint) {
        Ok(Value::String(all)) => format!("look again at {}", all.replace('_', " ")),
        Ok(Value::Object(members)) => {
            let about = members.iter().map(|(kind, which)| {
                let kind = kind.replace('_', " ");
                let ids: Vec<String> = match which {
                    Value::Array(ids) => ids.iter().map(plain).collect(),
                    Value::Object(parts) => {
                        let told = parts.iter().filter(|(_, part)| !part.is_null());
                        told.map(|(name, part)| format!("{} {}", name.replace('_', " "), plain(part)))
                            .collect()
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![plain(which)],
                };
                format!("{kind} {}", ids.join(", "))
            });
            format!("look again at {}", about.collect::<Vec<_>>().join(", "))
        }
        Ok(_) | Err(_) => "look again".to_owned(),
    }
}

/// A text without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::events::Hint;

    fn of(hint: Hint) -> AnyHint {
        AnyHint::Account(hint)
    }

    use crate::{
        event_file::Place,
        report::{EventSummary, FORMAT},
    };

    #[test]
    fn each_event_has_its_line_and_the_last_one_counts() {
        let told = |path: &str, name: Option<&str>, outcome| EventTold {
            place: Place { line: 1, path: path.to_owned() },
            source: name.map(|_| "aws.organizations".to_owned()),
            name: name.map(str::to_owned),
            outcome,
        };
        let account: shared::domain::AccountId = "200000000001".parse().unwrap();
        let report = EventReport {
            format: FORMAT,
            summary: EventSummary { hints: 4, ignored: 1, messages: 2, unreadable: 1 },
            events: vec![
                told(
                    "",
                    Some("MoveAccount"),
                    EventOutcome::Hint { hint: of(Hint::Account(account.clone())), event: "6ab5".into() },
                ),
                told(
                    "",
                    Some("TagResource"),
                    EventOutcome::Hint {
                        hint: of(Hint::Ou("ou-ab12-abcdefgh".parse().unwrap())),
                        event: "6ab6".into(),
                    },
                ),
                told(
                    "",
                    Some("Odd\u{1b}[2J"),
                    EventOutcome::Hint { hint: of(Hint::Everything), event: "6ab7".into() },
                ),
                told(
                    "",
                    Some("CreateAccount"),
                    EventOutcome::Hint {
                        hint: of(Hint::Accounts([account.clone(), "200000000002".parse().unwrap()].into())),
                        event: "6ab8".into(),
                    },
                ),
                told(
                    "Records[0].body",
                    Some("RunInstances"),
                    EventOutcome::Ignored { why: "it changes nothing".into() },
                ),
                told("Records[1].body", None, EventOutcome::Account { account, cause: "event:6ab5".into() }),
                told("Records[2].body", None, EventOutcome::Wake),
                told("Records[3].body", None, EventOutcome::Unreadable { why: "not JSON".into() }),
            ],
        };
        insta::assert_snapshot!(events(&report, Style::default()), @r"
          → MoveAccount    look again at account 200000000001                 line 1: event 6ab5
          → TagResource    look again at ou ou-ab12-abcdefgh                  line 1: event 6ab6
          → Odd [2J        look again at everything                           line 1: event 6ab7
          → CreateAccount  look again at accounts 200000000001, 200000000002  line 1: event 6ab8
          - RunInstances   ignored                                            line 1, Records[0].body: it changes nothing
          → message        decide about account 200000000001                  line 1, Records[1].body: because of event:6ab5
          → message        wake the engine                                    line 1, Records[2].body
          ✗ message        can't be read                                      line 1, Records[3].body: not JSON

        8 events: 4 lead to a look, 1 ignored, 2 messages of Usher's own, 1 can't be read.
        ");
    }
}
