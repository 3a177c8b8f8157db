//! What the demo tells as it goes: one line for each thing that happens.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use shared::engine::Heard as Outcome;
use shared::{domain::Operation, ledger::Row};

use crate::{
    Failure, Paint, Screen,
    local_runtime::{News, Step, Steps},
    screen::line,
    telling::Cast,
};

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
    steps: Steps,
    /// Intents since the last look at an account.
    decided: usize,
}

impl Timeline {
    pub(super) fn begin(started: Timestamp) -> Self {
        Self { started, events: BTreeMap::new(), steps: Steps::default(), decided: 0 }
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
        match self.steps.next(row) {
            Some(Step::Decided(_)) => tally.decided += 1,
            Some(Step::Accepted(..)) => tally.accepted += 1,
            Some(Step::Granted | Step::Revoked) => tally.ended += 1,
            Some(Step::Failed(_)) => tally.failed += 1,
            Some(Step::Again(..) | Step::GivenUp(_)) | None => {}
        }
    }

    /// Tells news one by one.
    pub(super) fn news(
        &mut self,
        news: &News,
        cast: &dyn Cast,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        match news {
            News::Event { at, name, id, outcome } => {
                self.events.insert(id.clone(), Heard { name: name.clone(), at: *at });
                let (led, paint) = match outcome {
                    // Our own requests come back.
                    Outcome::Hinted(0) => return Ok(()),
                    Outcome::Hinted(1) => ("look at this account again".to_owned(), Paint::Accent),
                    Outcome::Hinted(accounts) => {
                        (format!("look at {accounts} accounts again"), Paint::Accent)
                    }
                    Outcome::Ignored(why) => (format!("ignored: {}", line(why)), Paint::Faint),
                    Outcome::Parked(why) => (format!("parked: {}", line(why)), Paint::Bad),
                    Outcome::Noted(_) => ("written down".to_owned(), Paint::Faint),
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
            News::NotLooked { at, error, .. } => self.tell(
                *at,
                ("failed", Paint::Bad),
                &format!("a look at the account: {}", line(error)),
                screen,
            ),
            News::Trouble { at, what, error } => {
                self.tell(*at, ("failed", Paint::Bad), &format!("{what}: {}", line(error)), screen)
            }
            News::Swept { .. }
            | News::Audited { .. }
            | News::Reprovisioned { .. }
            | News::Upload { .. }
            | News::Outcome(_) => Ok(()),
        }
    }

    fn written(
        &mut self,
        at: Timestamp,
        row: &Row,
        cast: &dyn Cast,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let what = cast.assignment(&row.key);
        match self.steps.next(row) {
            Some(Step::Decided(operation)) => {
                self.decided += 1;
                let verb = if operation == Operation::Revoke { "revoke" } else { "grant" };
                let rules: Vec<&str> = row.wanted_by.keys().map(shared::domain::RuleId::as_str).collect();
                let by = screen.out_style.paint(Paint::Faint, format!("by rule {}", rules.join(", ")));
                self.tell(at, ("decided", Paint::Heading), &format!("{verb} {what}  {by}"), screen)
            }
            Some(Step::Accepted(_, request)) => {
                let short: String = request.chars().take(8).collect();
                let text = format!(
                    "{what}  {}",
                    screen.out_style.paint(Paint::Faint, format!("request {short}…, in progress"))
                );
                self.tell(at, ("accepted", Paint::Warning), &text, screen)
            }
            Some(Step::Granted) => {
                self.tell(at, ("granted", Paint::Good), &format!("{what}  ✓ provisioned"), screen)
            }
            Some(Step::Revoked) => {
                self.tell(at, ("revoked", Paint::Good), &format!("{what}  ✓ gone"), screen)
            }
            Some(Step::Failed(why)) => {
                self.tell(at, ("failed", Paint::Bad), &format!("{what}: {}", line(&why)), screen)
            }
            Some(Step::Again(..) | Step::GivenUp(_)) | None => Ok(()),
        }
    }
}

/// A length of time for people.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
