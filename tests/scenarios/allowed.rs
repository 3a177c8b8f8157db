//! What people have allowed and forbidden, as the checker knows it: by what they did, and not by what the product made of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{AccountId, AssignmentKey, Operation, Principal};

/// The time between the engine's claim and the end of its call: a call that was claimed before a stop may come this much later.
const CALL: SignedDuration = SignedDuration::from_millis(400);

/// What a person stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Everything,
    Account(AccountId),
    Principal(Principal),
    Key(AssignmentKey),
}

impl Stop {
    fn stops(&self, key: &AssignmentKey) -> bool {
        match self {
            Self::Everything => true,
            Self::Account(account) => key.account == *account,
            Self::Principal(principal) => key.principal == *principal,
            Self::Key(stopped) => key == stopped,
        }
    }
}

/// An approval: of which operations, and from when until when they may be decided by it.
#[derive(Debug, Clone)]
struct Approved {
    operations: BTreeSet<(AssignmentKey, Operation)>,
    from: Timestamp,
    until: Timestamp,
}

/// Whose a person says that an assignment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    Theirs,
}

/// All that people said.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    stops: Vec<(Stop, Timestamp, Option<Timestamp>)>,
    approved: Vec<Approved>,
    /// Whose it is, each time that somebody said so.
    said: BTreeMap<AssignmentKey, Vec<(Timestamp, Whose)>>,
    /// When a budget was first seen to hold back a delete.
    over_budget: BTreeMap<AssignmentKey, Timestamp>,
}

impl Allowed {
    pub(super) fn stop(&mut self, what: Stop, now: Timestamp) {
        self.stops.push((what, now, None));
    }

    pub(super) fn go_on(&mut self, what: &Stop, now: Timestamp) {
        for (_, _, end) in self.stops.iter_mut().filter(|(stop, _, end)| stop == what && end.is_none()) {
            *end = Some(now);
        }
    }

    /// Everything that was stopped may go on.
    pub(super) fn go_on_all(&mut self, now: Timestamp) {
        for (_, _, end) in self.stops.iter_mut().filter(|(_, _, end)| end.is_none()) {
            *end = Some(now);
        }
    }

    pub(super) fn approve(
        &mut self,
        operations: BTreeSet<(AssignmentKey, Operation)>,
        from: Timestamp,
        until: Timestamp,
    ) {
        self.approved.push(Approved { operations, from, until });
    }

    pub(super) fn adopt(&mut self, key: &AssignmentKey, now: Timestamp) {
        self.said.entry(key.clone()).or_default().push((now, Whose::Ours));
    }

    pub(super) fn disown(&mut self, key: &AssignmentKey, now: Timestamp) {
        self.said.entry(key.clone()).or_default().push((now, Whose::Theirs));
    }

    /// Whose it was at this time by what people had said last, and since when.
    pub(super) fn said_by(&self, key: &AssignmentKey, at: Timestamp) -> Option<(Timestamp, Whose)> {
        self.said.get(key)?.iter().rev().find(|(since, _)| *since <= at).copied()
    }

    /// Whose people have called it last.
    pub(super) fn said_last(&self, key: &AssignmentKey) -> Option<Whose> {
        self.said.get(key)?.last().map(|(_, whose)| *whose)
    }

    /// Whether a call for the key at this time came although somebody had stopped it.
    pub(super) fn was_stopped(&self, key: &AssignmentKey, at: Timestamp) -> bool {
        self.stops
            .iter()
            .any(|(stop, from, to)| stop.stops(key) && *from + CALL < at && to.is_none_or(|to| at < to))
    }

    /// Whether an approval may stand behind an operation that was sent at this time, `late` after it was decided at most.
    pub(super) fn approves(
        &self,
        key: &AssignmentKey,
        operation: Operation,
        at: Timestamp,
        late: SignedDuration,
    ) -> bool {
        self.approved.iter().any(|approved| {
            approved.operations.contains(&(key.clone(), operation))
                && approved.from <= at
                && at < approved.until + late
        })
    }

    /// A delete of this key is held back by a budget, as its row says.
    pub(super) fn held_back(&mut self, key: &AssignmentKey, now: Timestamp) {
        self.over_budget.entry(key.clone()).or_insert(now);
    }

    /// Since when a budget has held back the delete of this key. It is asked once: then it has been sent.
    pub(super) fn was_held_back(&mut self, key: &AssignmentKey) -> Option<Timestamp> {
        self.over_budget.remove(key)
    }
}
