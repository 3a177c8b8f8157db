//! What the demo tells as it goes: one line for each thing that happens.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use on_account_event::Outcome;
use shared::{
    domain::{AssignmentKey, Operation},
    ledger::{Row, State},
};

use super::cast::Cast;
use crate::{Failure, Paint, Screen, local_runtime::News, screen::line};

/// An event, to be found again by what it has caused.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) name: String,
    pub(super) at: Timestamp,
}

/// How the rows of the ledger have changed, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) decided: usize,
    pub(super) accepted: usize,
    pub(super) ended: usize,
    pub(super) failed: usize,
}

/// The timeline.
pub(super) struct Timeline {
    started: Timestamp,
    /// Events by their id.
    pub(super) events: BTreeMap<String, Heard>,
    /// The request that was last told for each key.
    told: BTreeMap<AssignmentKey, String>,
    /// Intents since the last look at an account.
    decided: usize,
}

impl Timeline {
    pub(super) fn begin(started: Timestamp) -> Self {
        Self { started, events: BTreeMap::new(), told: BTreeMap::new(), decided: 0 }
    }

    /// One line with its time.
    pub(super) fn tell(
        &self,
        at: Timestamp,
        (who, paint): (&str, Paint),
        text: &str,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let style = screen.out_style;
        let seconds = at.duration_since(self.started).as_secs_f64();
        writeln!(
            screen.out,
            "  {}  {}  {text}",
            style.paint(Paint::Faint, format!("{seconds:5.1} s")),
            style.paint(paint, format!("{who:<9}")),
        )
        .and_then(|()| screen.out.flush())
        .map_err(Failure::Output)
    }

    /// Counts news about assignments rather than telling each.
    pub(super) fn count(&mut self, news: &News, tally: &mut Tally) {
        let News::Written { row, .. } = news else { return };
        match stage(row) {
            Stage::Decided => tally.decided += 1,
            Stage::Accepted(request) => {
                if self.is_new(row, &request) {
                    tally.accepted += 1;
                }
            }
            Stage::Granted | Stage::Revoked => tally.ended += usize::from(self.has_ended(row)),
            Stage::Failed(_) => tally.failed += 1,
            Stage::Other => {}
        }
    }

    /// Tells news one by one.
    pub(super) fn news(&mut self, news: &News, cast: &Cast, screen: &mut Screen<'_>) -> Result<(), Failure> {
        match news {
            News::Event { at, name, id, outcome } => {
                self.events.insert(id.clone(), Heard { name: name.clone(), at: *at });
                let (led, paint) = match outcome {
                    Outcome::Hinted(1) => ("look at this account again".to_owned(), Paint::Accent),
                    Outcome::Hinted(accounts) => {
                        (format!("look at {accounts} accounts again"), Paint::Accent)
                    }
                    Outcome::Ignored(why) => (format!("ignored: {}", line(why)), Paint::Faint),
                    Outcome::Parked(why) => (format!("parked: {}", line(why)), Paint::Bad),
                };
                let text = format!("{name} → {}", screen.out_style.paint(paint, led));
                self.tell(*at, ("event", Paint::Accent), &text, screen)
            }
            News::Looked { at, .. } => {
                if std::mem::take(&mut self.decided) > 0 {
                    return Ok(());
                }
                let text = "nothing to do: no rule gives anything more here yet";
                self.tell(*at, ("decided", Paint::Heading), text, screen)
            }
            News::Written { at, row } => self.written(*at, row, cast, screen),
        }
    }

    fn written(
        &mut self,
        at: Timestamp,
        row: &Row,
        cast: &Cast,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let what = cast.assignment(&row.key);
        let operation = row.work().map(|(operation, _)| operation);
        let verb = if operation == Some(Operation::Revoke) { "revoke" } else { "grant" };
        let stage = stage(row);
        if matches!(stage, Stage::Granted | Stage::Revoked) && !self.has_ended(row) {
            return Ok(());
        }
        match stage {
            Stage::Decided => {
                self.decided += 1;
                let rules: Vec<&str> = row.wanted_by.keys().map(shared::domain::RuleId::as_str).collect();
                let by = screen.out_style.paint(Paint::Faint, format!("by rule {}", rules.join(", ")));
                self.tell(at, ("decided", Paint::Heading), &format!("{verb} {what}  {by}"), screen)
            }
            Stage::Accepted(request) => {
                if !self.is_new(row, &request) {
                    return Ok(());
                }
                let short: String = request.chars().take(8).collect();
                let text = format!(
                    "{what}  {}",
                    screen.out_style.paint(Paint::Faint, format!("request {short}…, in progress"))
                );
                self.tell(at, ("accepted", Paint::Warning), &text, screen)
            }
            Stage::Granted => {
                self.tell(at, ("granted", Paint::Good), &format!("{what}  ✓ provisioned"), screen)
            }
            Stage::Revoked => self.tell(at, ("revoked", Paint::Good), &format!("{what}  ✓ gone"), screen),
            Stage::Failed(why) => {
                self.tell(at, ("failed", Paint::Bad), &format!("{what}: {}", line(&why)), screen)
            }
            Stage::Other => Ok(()),
        }
    }

    /// Whether a request that was told has ended with this: a row is also written to bring it up to date.
    fn has_ended(&mut self, row: &Row) -> bool {
        self.told.remove(&row.key).is_some()
    }

    fn is_new(&mut self, row: &Row, request: &str) -> bool {
        self.told.insert(row.key.clone(), request.to_owned()).is_none_or(|before| before != request)
    }
}

/// What a row that has just been written tells.
enum Stage {
    Decided,
    Accepted(String),
    Granted,
    Revoked,
    Failed(String),
    Other,
}

fn stage(row: &Row) -> Stage {
    match &row.state {
        State::Granting(intent) | State::Closing(intent) => match &intent.claim {
            None if row.trouble.is_none() => Stage::Decided,
            None => Stage::Other,
            Some(claim) => {
                claim.request.as_ref().map_or(Stage::Other, |request| Stage::Accepted(request.to_string()))
            }
        },
        State::Ours => Stage::Granted,
        State::Closed => Stage::Revoked,
        State::Blocked { reason, .. } | State::Uncertain { reason } => Stage::Failed(reason.clone()),
        State::Dormant => Stage::Other,
    }
}

/// A length of time for people.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
