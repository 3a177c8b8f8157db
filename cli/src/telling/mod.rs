//! What is told while functions run: one line for each thing that happens, with its time.

mod cast;
pub(crate) mod lines;
mod outcomes;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    sync::Arc,
};

use jiff::Timestamp;
use shared::{
    domain::{AccountId, AssignmentKey, Operation, RuleId},
    engine::{Became, Heard, ReportSummary, SweepEnd, SweepSummary, Taken},
    ledger::{CampaignRecord, Row},
    plan::{Withheld, WithheldReason},
};

use crate::{
    Failure, Paint, Screen,
    local_runtime::{News, Step, Steps},
    screen::{count, line, span},
};
pub(crate) use cast::{Cast, NotedOrganization, Remembered};

/// So many events are remembered, to be named as causes.
const REMEMBERED: usize = 256;
/// How the causes of sweeps begin.
const SWEEP: &str = "sweep:";
/// How often the progress of the first sweep is told, in seconds by the simulated clock.
const PROGRESS: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

/// How much of what has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) granted: usize,
    pub(crate) revoked: usize,
    pub(crate) failed: usize,
}

/// The first sweep brings a whole organization to what the rules want: that is told in numbers.
#[derive(Debug)]
enum First {
    /// The sweep has not ended yet.
    Sweeping,
    /// What it found is being done; how far it was when that was last told, and when.
    Settling {
        withheld: usize,
        told: (usize, Timestamp),
    },
    Over,
}

/// Tells news.
pub(crate) struct Telling {
    cast: Arc<dyn Cast>,
    steps: Steps,
    /// The id, name and time of the latest events.
    events: VecDeque<(String, String, Timestamp)>,
    /// The reason that was last told for each key.
    withheld: BTreeMap<AssignmentKey, WithheldReason>,
    first: First,
    totals: Totals,
}

impl Telling {
    pub(crate) fn new(cast: Arc<dyn Cast>) -> Self {
        Self {
            cast,
            steps: Steps::default(),
            events: VecDeque::new(),
            withheld: BTreeMap::new(),
            first: First::Sweeping,
            totals: Totals::default(),
        }
    }

    /// The same where there was a first sweep before, which has left these rows under way.
    pub(crate) fn going_on(cast: Arc<dyn Cast>, under_way: &[Row]) -> Self {
        let mut telling = Self { first: First::Over, ..Self::new(cast) };
        for row in under_way {
            // How each began was told then.
            telling.steps.next(row);
        }
        telling
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Tells one piece of news.
    pub(crate) fn news(&mut self, news: &News, screen: &mut Screen<'_>) -> Result<(), Failure> {
        match news {
            News::Event { at, name, id, outcome } => self.event(*at, name, id, outcome, screen),
            News::Looked { at, account, cause, grants, revokes, withheld } => {
                self.looked((*at, account), cause, (*grants, *revokes), withheld, screen)
            }
            News::NotLooked { at, account, error } => {
                let text = format!(
                    "a look at {}: {error}; it is looked at again, and after five times in all `usher dead-letters` shows it",
                    self.place(account)
                );
                tell(*at, ("failed", Paint::Bad), &text, screen)
            }
            News::Written { at, row } => self.written(*at, row, screen),
            News::Swept { at, found } => self.swept(*at, found, screen),
            News::Audited { at, made } => audited(*at, made, screen),
            News::Reprovisioned { at, record } => self.reprovisioned(*at, record, screen),
            News::Upload { at, id: _, taken } => uploaded(*at, taken, screen),
            News::Outcome(outcome) => outcomes::outcome(outcome, self.cast.as_ref(), screen),
            News::Trouble { at, what, error } => {
                tell(*at, ("failed", Paint::Bad), &format!("{what}: {error}"), screen)
            }
        }
    }

    fn reprovisioned(
        &self,
        at: Timestamp,
        record: &CampaignRecord,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let CampaignRecord { permission_set, updated, failed, left_out, not_begun, .. } = record;
        let left = failed.len() + left_out.len() + not_begun.len();
        let mut text = format!(
            "{}: newest version in {}",
            self.cast.permission_set(permission_set),
            count(updated.len(), "account", "accounts")
        );
        if left > 0 {
            let _ = write!(text, ", {left} left on the old one (`usher reprovision` says why)");
        }
        let paint = if failed.is_empty() && not_begun.is_empty() { Paint::Good } else { Paint::Bad };
        tell(at, ("updated", paint), &text, screen)
    }

    /// Whether what the first sweep has found is still being done.
    pub(crate) fn is_settling(&self) -> bool {
        matches!(self.first, First::Settling { .. })
    }

    /// Tells how far the first sweep's work is, and that it is over once everything is at rest.
    pub(crate) fn rest(
        &mut self,
        at: Timestamp,
        quiet: bool,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let First::Settling { withheld, told: (told, since) } = self.first else { return Ok(()) };
        let granted = self.totals.granted;
        if quiet {
            self.first = First::Over;
            let text = format!(
                "{} granted, {} revoked, {withheld} withheld (`usher withheld` says why); everything is at rest",
                count(granted, "assignment", "assignments"),
                self.totals.revoked,
            );
            return tell(at, ("ready", Paint::Good), &text, screen);
        }
        if granted > told && at.duration_since(since) >= PROGRESS {
            self.first = First::Settling { withheld, told: (granted, at) };
            let text = format!("{} granted so far", count(granted, "assignment", "assignments"));
            return tell(at, ("engine", Paint::Warning), &text, screen);
        }
        Ok(())
    }

    fn event(
        &mut self,
        at: Timestamp,
        name: &str,
        id: &str,
        outcome: &Heard,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        if self.events.len() >= REMEMBERED {
            self.events.pop_front();
        }
        self.events.push_back((id.to_owned(), name.to_owned(), at));
        let (text, paint) = match outcome {
            // Of our own requests there are too many to be told.
            Heard::Hinted(0) => return Ok(()),
            Heard::Hinted(accounts) => (
                format!("{name}: {} to look at again", count(*accounts, "account", "accounts")),
                Paint::Accent,
            ),
            Heard::Ignored(why) => (format!("{name}: ignored, {why}"), Paint::Faint),
            Heard::Parked(why) => (format!("{name}: put aside, {why}"), Paint::Bad),
            Heard::Noted(id) => (format!("{name}: {id} has come, and is written down"), Paint::Faint),
        };
        tell(at, ("event", paint), &text, screen)
    }

    fn looked(
        &mut self,
        (at, account): (Timestamp, &AccountId),
        cause: &str,
        (grants, revokes): (usize, usize),
        withheld: &[Withheld],
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        if self.is_first(cause) {
            return Ok(());
        }
        let mut parts = Vec::new();
        for (number, what) in [(grants, "to grant"), (revokes, "to revoke"), (withheld.len(), "withheld")] {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        let found = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
        let text = format!("{} ({account}): {found}", self.place(account));
        tell(at, ("looked", Paint::Heading), &text, screen)?;
        self.withheld
            .retain(|key, _| key.account != *account || withheld.iter().any(|withheld| withheld.key == *key));
        for Withheld { key, operation, reason, rules: _ } in withheld {
            if self.withheld.insert(key.clone(), reason.clone()).as_ref() == Some(reason) {
                continue;
            }
            let text = format!("{} {}: {reason}", verb(*operation), self.assignment(key));
            tell(at, ("withheld", Paint::Warning), &text, screen)?;
        }
        Ok(())
    }

    fn written(&mut self, at: Timestamp, row: &Row, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let Some(step) = self.steps.next(row) else { return Ok(()) };
        let counted = self.is_first(row.cause.as_str());
        let what = self.assignment(&row.key);
        match step {
            Step::Decided(_) | Step::Accepted(..) => Ok(()),
            Step::Again(operation, why) => {
                let text = format!("{} {what}: {why}", verb(operation));
                tell(at, ("again", Paint::Warning), &text, screen)
            }
            Step::Granted => {
                self.totals.granted += 1;
                if counted {
                    return Ok(());
                }
                let text = format!("{what}{}", self.why(row, at));
                tell(at, ("granted", Paint::Good), &text, screen)
            }
            Step::Revoked => {
                self.totals.revoked += 1;
                if counted {
                    return Ok(());
                }
                let text = format!("{what}{}", self.why(row, at));
                tell(at, ("revoked", Paint::Good), &text, screen)
            }
            Step::GivenUp(operation) => {
                let why = row.trouble.as_ref().map_or("it is not called for any more", String::as_str);
                let text = format!("{} {what}: {why}", verb(operation));
                tell(at, ("given up", Paint::Faint), &text, screen)
            }
            Step::Failed(why) => {
                self.totals.failed += 1;
                tell(at, ("failed", Paint::Bad), &format!("{what}: {why}"), screen)
            }
        }
    }

    fn swept(&mut self, at: Timestamp, found: &SweepSummary, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let SweepSummary {
            run,
            accounts,
            differing,
            unread,
            withheld,
            owned: _,
            forgotten: _,
            moved: _,
            retagged: _,
        } = found;
        let what = ("sweep", Paint::Accent);
        match run {
            SweepEnd::RoundEnded => {}
            SweepEnd::Unfinished => {
                return tell(at, what, "its time was over, and the next run goes on", screen);
            }
            SweepEnd::UnderWay => {
                return tell(at, what, "another run is at it, or was broken off; it is left alone", screen);
            }
            SweepEnd::TooSoon => return tell(at, what, "it is too soon for the next round", screen),
            SweepEnd::AuditsTurn => {
                return tell(at, what, "it is the audit's turn to read everything", screen);
            }
        }
        if matches!(self.first, First::Sweeping) {
            self.first = First::Settling { withheld: *withheld, told: (0, at) };
        }
        let differ = if *differing == 1 { "differs" } else { "differ" };
        let mut text = format!(
            "{} looked at, {differing} {differ} from the rules",
            count(*accounts, "account", "accounts")
        );
        if *withheld > 0 {
            let _ = write!(text, ", {withheld} withheld");
        }
        if *unread > 0 {
            let _ = write!(text, ", {unread} could not be read");
        }
        tell(at, what, &text, screen)
    }

    /// Whether something belongs to the first sweep, which is told in numbers.
    fn is_first(&self, cause: &str) -> bool {
        !matches!(self.first, First::Over) && cause.starts_with(SWEEP)
    }

    /// By which rule, and how long after which event.
    fn why(&self, row: &Row, at: Timestamp) -> String {
        let rules: Vec<&str> = row.wanted_by.keys().map(RuleId::as_str).collect();
        let mut text = format!("  (rule {}", rules.join(", "));
        let id = row.cause.as_str().strip_prefix("event:");
        let event = id.and_then(|id| self.events.iter().rev().find(|(event, ..)| event == id));
        if let Some((_, name, since)) = event {
            let _ = write!(text, ", {} after {name}", span(at.duration_since(*since)));
        } else if row.cause.as_str().starts_with(SWEEP) {
            text.push_str(", found by a sweep");
        }
        text.push(')');
        text
    }

    fn assignment(&self, key: &AssignmentKey) -> String {
        format!("{} in {}", self.cast.assignment(key), self.place(&key.account))
    }

    fn place(&self, account: &AccountId) -> String {
        self.cast.account(account)
    }
}

/// One line.
pub(crate) fn tell(
    at: Timestamp,
    (what, paint): (&str, Paint),
    text: &str,
    screen: &mut Screen<'_>,
) -> Result<(), Failure> {
    let style = screen.out_style;
    let time = style.paint(Paint::Faint, at.strftime("%H:%M:%S"));
    writeln!(screen.out, "{time}  {}  {}", style.paint(paint, format!("{what:<8}")), line(text))
        .and_then(|()| screen.out.flush())
        .map_err(Failure::Output)
}

fn uploaded(at: Timestamp, taken: &Taken, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let (paint, text) = match taken {
        Taken::Answered(became) => {
            let paint = match became {
                Became::InForce | Became::AlreadyInForce => Paint::Accent,
                Became::Overtaken | Became::Delayed => Paint::Warning,
                Became::Refused => Paint::Bad,
            };
            (paint, format!("uploaded: {}; why is told beside the object", became.told()))
        }
        Taken::Ignored(why) => (Paint::Faint, format!("an upload is ignored, {why}")),
        Taken::Parked(why) => (Paint::Bad, format!("the event of an upload is put aside, {why}")),
    };
    tell(at, ("rules", paint), &text, screen)
}

fn audited(at: Timestamp, made: &ReportSummary, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let (Some(report), Some(counts)) = (&made.report, &made.counts) else { return Ok(()) };
    let mut text = format!("{report}: {}", count(counts.assignments, "assignment", "assignments"));
    if counts.unread > 0 {
        let _ = write!(text, "; {} could not be read", count(counts.unread, "thing", "things"));
    }
    tell(at, ("report", Paint::Accent), &text, screen)
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Grant => "grant",
        Operation::Revoke => "revoke",
    }
}
