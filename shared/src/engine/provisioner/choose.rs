//! Which waiting rows are sent next. Pure.

use std::collections::{BTreeMap, btree_map};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{AccountId, AssignmentKey, Operation, RulesVersion},
    ledger::Row,
};

/// What bounds the choice.
pub(super) struct Limits<'a> {
    /// How many more requests the window takes.
    pub(super) room: usize,
    pub(super) rules: Option<&'a RulesVersion>,
    pub(super) intent_age: SignedDuration,
    pub(super) now: Timestamp,
}

/// The choice.
pub(super) struct Choice {
    /// To be sent now, in this order.
    pub(super) ready: Vec<Row>,
    /// Too old, or decided by rules that are no longer in force: to be decided again.
    pub(super) stale: Vec<Row>,
    /// When the next of those that are backing off may be sent.
    pub(super) earliest: Option<Timestamp>,
    /// Whether all that could be sent is waiting to be decided again.
    pub(super) waiting_for_others: bool,
}

/// Revokes go before grants. Then the work is spread over accounts, since AWS updates one role of an account at a time: the
/// account with the least under way comes first, and within an account the oldest decision.
pub(super) fn choose(
    waiting: &[Row],
    outstanding: &BTreeMap<AssignmentKey, Row>,
    limits: &Limits<'_>,
) -> Choice {
    let Limits { room, rules, intent_age, now } = *limits;
    let mut choice =
        Choice { ready: Vec::new(), stale: Vec::new(), earliest: None, waiting_for_others: false };
    let mut load: BTreeMap<&AccountId, usize> = BTreeMap::new();
    for key in outstanding.keys() {
        *load.entry(&key.account).or_default() += 1;
    }

    let mut candidates = Vec::new();
    for row in waiting {
        let Some((operation, intent)) = row.work() else { continue };
        if let Some(time) = intent.not_before.filter(|time| *time > now) {
            choice.earliest = Some(choice.earliest.map_or(time, |earliest| earliest.min(time)));
        } else if row.rules.as_ref() != rules || intent.decided_at + intent_age <= now {
            choice.stale.push(row.clone());
        } else {
            candidates.push((operation == Operation::Grant, intent.decided_at, row));
        }
    }
    choice.waiting_for_others = candidates.is_empty() && !choice.stale.is_empty();
    candidates.sort_by(|a, b| (a.0, a.1, &a.2.key).cmp(&(b.0, b.1, &b.2.key)));

    let mut turns = Vec::with_capacity(candidates.len());
    for (is_grant, decided_at, row) in candidates {
        let turn = match load.entry(&row.key.account) {
            btree_map::Entry::Vacant(entry) => *entry.insert(1) - 1,
            btree_map::Entry::Occupied(mut entry) => {
                *entry.get_mut() += 1;
                *entry.get() - 1
            }
        };
        turns.push((is_grant, turn, decided_at, row));
    }
    turns.sort_by(|a, b| (a.0, a.1, a.2, &a.3.key).cmp(&(b.0, b.1, b.2, &b.3.key)));
    choice.ready = turns.into_iter().take(room).map(|(.., row)| row.clone()).collect();
    choice
}
