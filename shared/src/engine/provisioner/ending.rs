//! What the end of a request makes of its row. Pure, and the same for the engine and for whoever else reads a terminal status.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::Operation,
    engine::signed,
    ledger::{Intent, Row, State},
    outcome::{Happened, Outcome},
    ports::RequestStatus,
    provisioning::{ATTEMPTS, Failure, backoff, failure},
};

/// A key that was refused for good is tried again after a day.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A row as it is once its request has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an ending holds once it is written to the ledger"]
pub(in crate::engine) struct Ending {
    pub(in crate::engine) row: Row,
    pub(in crate::engine) ended: Ended,
}

/// How a request has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Ended {
    Granted,
    Revoked,
    /// To be sent again.
    Retried,
    /// Refused for good.
    Blocked,
}

/// How the engine's work at a row has ended, its own ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Request(Ended),
    /// Nothing has ended, and it is sent again: AWS has not taken the request, or not answered.
    Later,
    /// It cannot be said whose the key is.
    Uncertain,
    /// Somebody else had made the assignment before it was sent.
    GivenUp,
}

/// What AWS's word makes of a claimed row; `None` while the request is under way, or if nothing is.
pub(in crate::engine) fn of(row: Row, status: &RequestStatus, now: Timestamp) -> Option<Ending> {
    let (operation, _) = row.work()?;
    match (operation, status) {
        (_, RequestStatus::InProgress) => None,
        (Operation::Grant, RequestStatus::Succeeded) => Some(granted(row, now)),
        (Operation::Revoke, RequestStatus::Succeeded) => Some(revoked(row, now)),
        (_, RequestStatus::Failed(reason)) => match failure(operation, reason) {
            Failure::AlreadyGone => Some(revoked(row, now)),
            Failure::Passing if row.attempts + 1 < ATTEMPTS => {
                let wait = backoff(row.attempts);
                let row = retried_in_doubt(row, wait, reason.clone(), now);
                Some(Ending { row, ended: Ended::Retried })
            }
            Failure::Passing | Failure::Lasting => {
                blocked(row, reason.clone(), now).map(|row| Ending { row, ended: Ended::Blocked })
            }
        },
    }
}

/// What is told of a row that has ended so. Of one that is sent again: what AWS has refused, and not what it has put off.
pub(in crate::engine) fn told(row: &Row, ended: Ended, now: Timestamp) -> Option<Outcome> {
    let assignment = row.key.clone();
    let reason = row.trouble.clone().unwrap_or_default();
    let happened = match (ended, &row.state) {
        (Ended::Granted, _) => Happened::Granted { assignment },
        (Ended::Revoked, _) => Happened::Revoked { assignment, orphan: row.orphaned_since.is_some() },
        (Ended::Blocked, State::Blocked { operation, reason, .. }) => {
            Happened::Blocked { assignment, operation: *operation, reason: reason.clone() }
        }
        (Ended::Retried, State::Granting(_)) => {
            Happened::Failed { assignment, operation: Operation::Grant, reason }
        }
        (Ended::Retried, State::Closing(_)) => {
            Happened::Failed { assignment, operation: Operation::Revoke, reason }
        }
        (Ended::Blocked | Ended::Retried, _) => return None,
    };
    Some(Outcome::of_row(row, happened, now))
}

/// It is there, by our request.
pub(super) fn granted(row: Row, now: Timestamp) -> Ending {
    let row = Row {
        attempts: 0,
        conflicts: 0,
        trouble: None,
        closed_at: None,
        maybe_sent: false,
        ..with_last_request(row)
    };
    Ending { row: row.into_state(State::Ours, now), ended: Ended::Granted }
}

/// It is gone.
pub(super) fn revoked(row: Row, now: Timestamp) -> Ending {
    let row = Row {
        attempts: 0,
        conflicts: 0,
        trouble: None,
        closed_at: Some(now),
        maybe_sent: false,
        ..with_last_request(row)
    };
    Ending { row: row.into_state(State::Closed, now), ended: Ended::Revoked }
}

/// The row of a key that AWS refused for good; `None` if there was no work in it. It delays nothing else, and is tried again when its
/// inputs change, or in a day.
pub(super) fn blocked(row: Row, reason: String, now: Timestamp) -> Option<Row> {
    let (operation, intent) = row.work()?;
    let state = State::Blocked {
        operation,
        reason: reason.clone(),
        fingerprint: intent.fingerprint.clone(),
        retry_at: now + RETRY_AFTER,
    };
    Some(Row { trouble: Some(reason), ..with_last_request(row) }.into_state(state, now))
}

/// Back to waiting, to be sent again after a while. It has cost an attempt.
pub(super) fn retried(row: Row, wait: Duration, trouble: String, now: Timestamp) -> Row {
    let attempts = row.attempts.saturating_add(1);
    later(Row { attempts, ..row }, wait, trouble, now)
}

/// The same where AWS has taken nothing, because something else is under way that the request is in conflict with: it costs no attempt,
/// and the wait is the longer the more often it has met.
pub(super) fn in_conflict(row: Row, trouble: String, now: Timestamp) -> Row {
    let wait = backoff(row.conflicts);
    let conflicts = row.conflicts.saturating_add(1);
    later(Row { conflicts, ..row }, wait, trouble, now)
}

fn later(row: Row, wait: Duration, trouble: String, now: Timestamp) -> Row {
    let not_before = Some(now + signed(wait));
    put_back(row, trouble).map_intent(|intent| Intent { not_before, ..intent })
}

/// The same where the request may have had effect although AWS doesn't say so: what is found there next may be ours, and what is not
/// found there may have been taken away by us.
pub(super) fn retried_in_doubt(row: Row, wait: Duration, trouble: String, now: Timestamp) -> Row {
    retried(Row { maybe_sent: true, ..row }, wait, trouble, now)
}

/// Back to waiting as before: nothing was done and nothing is wrong with the row. It costs no attempt.
pub(super) fn put_back(row: Row, trouble: String) -> Row {
    let row = with_last_request(row).map_intent(|intent| Intent { claim: None, ..intent });
    Row { trouble: Some(trouble), overheard: None, ..row }
}

/// The request that has ended, remembered, so that it is not taken for the next one.
pub(super) fn with_last_request(row: Row) -> Row {
    let request = row.claim().and_then(|claim| claim.request.clone());
    Row { last_request: request.or(row.last_request.clone()), ..row }
}
