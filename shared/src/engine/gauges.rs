//! What stands, as the sweep counts it: it reads every row anyway, and the tick tells each minute what it has found.

use crate::{
    ledger::{Row, State},
    ports::Seen,
};
use jiff::Timestamp;

/// The fact that says how much stands.
pub(super) const STANDING: &str = "standing";

/// The fact that says when a round of the sweep last ended.
pub(super) const SWEPT: &str = "swept";

/// The fact that says when a tick first found rules to sweep by.
pub(super) const TO_SWEEP: &str = "to-sweep";

/// The fact that says when a report of who has what was last finished.
pub(super) const AUDITED: &str = "audited";

/// The fact that says when a tick first found rules, and so something to report.
pub(super) const TO_AUDIT: &str = "to-audit";

/// How much stands that needs a person, or time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Gauges {
    /// Keys that AWS has refused for good.
    pub(super) blocked: usize,
    /// What was told to be withheld, or held.
    pub(super) withheld: usize,
    /// Keys of which it can't be said whose they are.
    pub(super) uncertain: usize,
}

impl Gauges {
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>, withheld: usize) -> Self {
        let mut gauges = Self { withheld, ..Self::default() };
        for row in rows {
            match row.state {
                State::Blocked { .. } => gauges.blocked += 1,
                State::Uncertain { .. } => gauges.uncertain += 1,
                State::Granting(_) | State::Ours | State::Closing(_) | State::Closed | State::Dormant => {}
            }
        }
        gauges
    }

    /// As a fact to remember.
    pub(super) fn to_fact(self, at: Timestamp) -> Seen {
        let value = serde_json::to_value(self).unwrap_or_default();
        Seen { id: STANDING.to_owned(), value, at }
    }

    /// As the facts say; `None` before the first sweep.
    pub(super) fn of_facts(facts: &[Seen]) -> Option<Self> {
        let fact = facts.iter().find(|fact| fact.id == STANDING)?;
        serde_json::from_value(fact.value.clone()).ok()
    }
}
