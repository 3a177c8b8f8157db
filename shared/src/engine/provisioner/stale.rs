//! Which accounts are sent back to be decided again, of those with rows that can't be sent as they are. Pure.
//!
//! Whoever decides does one account after the other, and events come the same way: so only a few are asked for at a time, those whose
//! turn is next, and always with the same id for the same decision, so that the queue drops what it has had.

use std::collections::BTreeMap;

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

/// The accounts of stale rows.
#[derive(Debug, Default)]
pub(super) struct Stale<'r>(BTreeMap<&'r AccountId, (bool, Timestamp, &'r Cause)>);

impl<'r> Stale<'r> {
    pub(super) fn add(&mut self, row: &'r Row, operation: Operation, decided_at: Timestamp) {
        let new = (operation == Operation::Grant, decided_at, &row.cause);
        let known = self.0.entry(&row.key.account).or_insert(new);
        if (new.0, new.1) < (known.0, known.1) {
            *known = new;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many of them: those with revokes first, then the oldest decision. Those that are late have their turns in what places are
    /// left, and in half of them.
    pub(super) fn next(&self, most: usize, intent_age: SignedDuration, now: Timestamp) -> Vec<SentBack> {
        let mut all: Vec<_> = self.0.iter().map(|(account, of)| (of, *account)).collect();
        all.sort_unstable_by_key(|((is_grant, decided_at, _), account)| (*is_grant, *decided_at, *account));
        let (mut late, new): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|((_, decided_at, _), _)| *decided_at + intent_age + LATE < now);
        // Both get half of the places, and what the other leaves.
        let of_late = most.saturating_sub(new.len()).max(most / 2).min(late.len());
        let turn = usize::try_from(now.as_second() / TURN.as_secs()).unwrap_or_default();
        if !late.is_empty() {
            let first = turn.wrapping_mul(of_late.max(1)) % late.len();
            late.rotate_left(first);
        }
        new.into_iter()
            .take(most - of_late)
            .chain(late.into_iter().take(of_late))
            .map(|((_, decided_at, cause), account)| SentBack {
                account: account.clone(),
                cause: (*cause).clone(),
                decided_at: *decided_at,
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
        let turns: Vec<String> = (0..4).map(|turn| next(&rows, 4, now + turn * 300)).collect();
        assert!(turns[..2].iter().all(|turn| turn.starts_with("78") && turn.len() == 4), "{turns:?}");
        let late: std::collections::BTreeSet<char> =
            turns.iter().flat_map(|turn| turn.chars()).filter(|n| ('1'..='6').contains(n)).collect();
        assert_eq!(late.len(), 6, "{turns:?}");
    }
}
