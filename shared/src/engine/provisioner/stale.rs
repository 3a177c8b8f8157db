//! Which accounts are sent back to be decided again, of those with rows that can't be sent as they are. Pure.
//!
//! Whoever decides does one account after the other, and events come the same way: so only a few are asked for at a time, those whose
//! turn is next, and always with the same id for the same decision, so that the queue drops what it has had.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{AccountId, Operation},
    ledger::{Cause, Row},
};

/// What has been stale for so long has been decided again to no avail, or waits for others: it makes way for what has just become so.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// How long the same of these are asked for, before others have their turn. For as long a queue drops what it has had.
const TURN: SignedDuration = SignedDuration::from_mins(5);

/// An account to be decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentBack {
    pub(super) account: AccountId,
    pub(super) cause: Cause,
    /// Of its first decision that is stale.
    pub(super) decided_at: Timestamp,
}

/// The accounts of stale rows: with each, what is first of it, and its latest decision.
#[derive(Debug, Default)]
pub(super) struct Stale<'r>(BTreeMap<&'r AccountId, Of<'r>>);

#[derive(Debug, Clone, Copy)]
struct Of<'r> {
    is_grant: bool,
    decided_at: Timestamp,
    cause: &'r Cause,
    latest: Timestamp,
}

impl Of<'_> {
    fn is_late(self, intent_age: SignedDuration, now: Timestamp) -> bool {
        self.latest + intent_age + LATE < now
    }
}

impl<'r> Stale<'r> {
    pub(super) fn add(&mut self, row: &'r Row, operation: Operation, decided_at: Timestamp) {
        let is_grant = operation == Operation::Grant;
        let new = Of { is_grant, decided_at, cause: &row.cause, latest: decided_at };
        let known = self.0.entry(&row.key.account).or_insert(new);
        let latest = known.latest.max(decided_at);
        if (is_grant, decided_at) < (known.is_grant, known.decided_at) {
            *known = new;
        }
        known.latest = latest;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are some, and all are late.
    pub(super) fn are_late(&self, intent_age: SignedDuration, now: Timestamp) -> bool {
        !self.0.is_empty() && self.0.values().all(|of| of.is_late(intent_age, now))
    }

    /// So many of them: those with revokes first, then the oldest decision. Those that are late have their turns in what places are
    /// left, and in half of them, again those with revokes first.
    pub(super) fn next(&self, most: usize, intent_age: SignedDuration, now: Timestamp) -> Vec<SentBack> {
        let turn = now.as_second() / TURN.as_secs();
        // However many are late, and whatever becomes of the others: who has a turn in these minutes keeps it.
        let lot = |account: &AccountId| {
            let mut hasher = DefaultHasher::new();
            (account, turn).hash(&mut hasher);
            hasher.finish()
        };
        let (mut late, mut new): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(_, of)| of.is_late(intent_age, now));
        new.sort_unstable_by_key(|(account, of)| (of.is_grant, of.decided_at, **account));
        late.sort_by_cached_key(|(account, _)| lot(account));
        // Both get half of the places, and what the other leaves.
        let of_late = most.saturating_sub(new.len()).max(most / 2).min(late.len());
        // So do revokes among those that are late, and what is left is drawn by lot.
        let mut left = of_late.div_ceil(2);
        let (first, others): (Vec<_>, Vec<_>) = late.into_iter().partition(|(_, of)| {
            let is_first = !of.is_grant && left > 0;
            left -= usize::from(is_first);
            is_first
        });
        new.into_iter()
            .take(most - of_late)
            .chain(first.into_iter().chain(others).take(of_late))
            .map(|(account, of)| SentBack {
                account: (*account).clone(),
                cause: of.cause.clone(),
                decided_at: of.decided_at,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::choose::tests::{at, row},
        *,
    };

    const AGE: SignedDuration = SignedDuration::from_mins(15);

    fn next(rows: &[Row], most: usize, now: i64) -> String {
        let mut stale = Stale::default();
        for row in rows {
            let (operation, intent) = row.work().unwrap();
            stale.add(row, operation, intent.decided_at);
        }
        stale.next(most, AGE, at(now)).iter().map(|back| &back.account.as_str()[..1]).collect()
    }

    #[test]
    fn few_accounts_are_sent_back_at_a_time_and_each_once_those_with_revokes_first() {
        let mut rows: Vec<Row> = (1..=9).map(|n| row(Operation::Grant, n, 1, i64::from(n))).collect();
        rows.push(row(Operation::Grant, 5, 2, -1));
        rows.push(row(Operation::Revoke, 8, 2, 99));
        assert_eq!(next(&rows, 4, 900), "8512");
        assert_eq!(next(&rows[..2], 4, 900), "12");
        assert_eq!(next(&rows, 0, 900), "");
    }

    #[test]
    fn those_that_nobody_decides_again_keep_no_others_back() {
        let old = (1..=6).map(|n| row(Operation::Grant, n, 1, i64::from(n)));
        let new = (7..=9).map(|n| row(Operation::Grant, n, 1, 1_000 + i64::from(n)));
        let rows: Vec<Row> = old.chain(new).collect();
        let now = 2_000 - 2_000 % 300;
        let turns: Vec<String> = (0..20).map(|turn| next(&rows, 4, now + turn * 300)).collect();
        assert!(turns[..2].iter().all(|turn| turn.starts_with("78") && turn.len() == 4), "{turns:?}");
        let late: std::collections::BTreeSet<char> =
            turns.iter().flat_map(|turn| turn.chars()).filter(|n| ('1'..='6').contains(n)).collect();
        assert_eq!(late.len(), 6, "{turns:?}");
    }

    #[test]
    fn revokes_go_first_among_the_late_too_and_who_has_a_turn_keeps_it_whoever_else_is_done() {
        let mut rows: Vec<Row> = (1..=8).map(|n| row(Operation::Grant, n, 1, i64::from(n))).collect();
        rows.push(row(Operation::Revoke, 9, 1, 9));
        let now = 9_000;
        let before = next(&rows, 4, now);
        assert!(before.starts_with('9'), "{before}");
        let others =
            |rows: &[Row]| next(rows, 4, now + 299).chars().collect::<std::collections::BTreeSet<_>>();
        let done = rows.iter().position(|row| !before.contains(&row.key.account.as_str()[..1])).unwrap();
        rows.remove(done);
        assert_eq!(others(&rows), before.chars().collect());
    }

    #[test]
    fn an_account_is_late_only_if_all_that_is_stale_in_it_is() {
        let mut rows: Vec<Row> = (1..=6).map(|n| row(Operation::Grant, n, 1, 0)).collect();
        rows.push(row(Operation::Grant, 3, 2, 1_900));
        let now = 3_000;
        assert!((0..9).all(|turn| next(&rows, 1, now + turn * 10).starts_with('3')));
    }
}
