//! Drift: what was ours and is gone by another's hand, as a plan has noticed it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Drift, Happened, Response};
use crate::{
    domain::{AssignmentKey, Mode, Operation},
    ledger::{Row, State},
    plan::Plan,
};

/// The keys of an account that were ours and are gone without us, and what the plan does about each. `rows` is what the plan
/// was made of.
pub fn drift(rows: &[Row], plan: &Plan) -> BTreeMap<AssignmentKey, Response> {
    let made_again: BTreeSet<&AssignmentKey> = plan
        .actions
        .iter()
        .filter(|action| action.operation == Operation::Grant)
        .map(|action| &action.key)
        .collect();
    let closed: BTreeMap<&AssignmentKey, &Row> = plan
        .records
        .iter()
        .filter(|row| row.state == State::Closed && row.departed_since.is_none())
        .map(|row| (&row.key, row))
        .collect();
    rows.iter()
        .filter(|row| was_there(row))
        .filter_map(|row| {
            let response = match closed.get(&row.key) {
                Some(closed) => of_closed(closed),
                None if made_again.contains(&row.key) => Response::Repaired,
                None => return None,
            };
            Some((row.key.clone(), response))
        })
        .collect()
}

/// Whether its absence is another's doing: neither asleep, nor perhaps taken away by ourselves.
fn was_there(row: &Row) -> bool {
    let is_at_rest = match &row.state {
        State::Ours | State::Blocked { operation: Operation::Revoke, .. } => true,
        State::Closing(intent) => intent.claim.is_none(),
        State::Granting(_)
        | State::Closed
        | State::Uncertain { .. }
        | State::Blocked { operation: Operation::Grant, .. }
        | State::Dormant => false,
    };
    is_at_rest && !row.maybe_sent && row.departed_since.is_none()
}

fn of_closed(closed: &Row) -> Response {
    let is_held = closed.hold.is_some();
    let only_observed = closed.wanted_by.values().all(|mode| *mode == Mode::Observe);
    match (is_held, only_observed) {
        (true, true) => Response::Reported,
        (true, false) => Response::Held,
        (false, _) => Response::Left,
    }
}

/// What is told of it.
pub fn missing(key: &AssignmentKey, response: Response) -> Happened {
    Happened::DriftFound { assignment: key.clone(), drift: Drift::Missing, response }
}
