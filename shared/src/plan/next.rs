//! The rows that a decision leads to.

use std::collections::BTreeMap;

use super::key::Subject;
use crate::{
    domain::{Mode, RuleId},
    ledger::{HeldBy, Row, State},
};

impl Subject<'_> {
    /// The row of a grant that will not be sent: closed, unless an earlier attempt may have had effect.
    pub(super) fn given_up(&self, row: &Row) -> Row {
        if row.maybe_sent {
            let reason = "an earlier request for it may have had effect without AWS saying so".to_owned();
            self.become_state(row, State::Uncertain { reason, contested: false })
        } else {
            self.become_state(row, State::Closed)
        }
    }

    /// The same intent, decided again by what was read now.
    pub(super) fn refreshed(&self, row: &Row, wanted: Option<&BTreeMap<RuleId, Mode>>) -> Row {
        let mut row = row.clone();
        match &mut row.state {
            State::Granting(intent) => {
                intent.decided_at = self.read_at().max(intent.decided_at);
                intent.not_after = self.until();
            }
            State::Closing(intent) => intent.decided_at = self.read_at().max(intent.decided_at),
            State::Ours
            | State::Closed
            | State::Uncertain { .. }
            | State::Blocked { .. }
            | State::Dormant => {}
        }
        if let Some(wanted) = wanted {
            row.wanted_by = self.wanted_by(&row, wanted);
        }
        row.rules = Some(self.situation.rules.clone());
        row
    }

    /// The row of what is ours, and stays so.
    pub(super) fn ours_again(&self, row: &Row, wanted: &BTreeMap<RuleId, Mode>) -> Row {
        let mut row = self.become_state(row, State::Ours);
        row.wanted_by.clone_from(wanted);
        row.over_budget = None;
        row.orphaned_since = None;
        row
    }

    /// The row in another state, decided now.
    pub(super) fn become_state(&self, row: &Row, state: State) -> Row {
        let mut row = row.clone().into_state(state, self.situation.now);
        row.rules = Some(self.situation.rules.clone());
        row.cause = self.situation.cause.clone();
        row.look_again = false;
        row
    }

    /// The row with a new intent in it, or a new row.
    pub(super) fn with_intent(
        &self,
        row: Option<&Row>,
        state: State,
        wanted: &BTreeMap<RuleId, Mode>,
    ) -> Row {
        let now = self.situation.now;
        Row {
            key: self.key.clone(),
            version: row.map_or(0, |row| row.version),
            state,
            wanted_by: wanted.clone(),
            rules: Some(self.situation.rules.clone()),
            cause: self.situation.cause.clone(),
            attempts: 0,
            conflicts: 0,
            changed_at: now,
            missing_since: None,
            departed_since: None,
            // Whatever is granted has somebody who gets it.
            orphaned_since: None,
            maybe_sent: false,
            closed_at: row.and_then(|row| row.closed_at),
            last_request: row.and_then(|row| row.last_request.clone()),
            overheard: None,
            look_again: false,
            trouble: None,
            // Used up, or past: it was for an operation before this one.
            approval: None,
            hold: row.and_then(|row| row.hold.clone()).filter(|hold| hold.by != HeldBy::DeletedByHand),
            over_budget: None,
        }
    }
}
