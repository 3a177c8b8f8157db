//! What a write of rows depends on, as the steps of its transaction.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    item::{self, BUDGET_EXPIRES, BUDGET_SPENT, Place, number, text},
    transaction::{Condition, Step},
};
use crate::{
    domain::RulesVersion,
    ledger::{BudgetKey, Charge, Fence, Row},
    outcome::Outcome,
    ports::{LedgerError, PortError, RowWrite},
};

/// How long a budget is kept after it was last charged. The longest-lived is a cause's: an event is delivered again for days.
const BUDGETS_ARE_KEPT: Duration = Duration::from_hours(35 * 24);

pub(super) fn lease(table: &str, fence: Fence) -> Result<Step, PortError> {
    let held = "lease_fence = :fence AND attribute_exists(lease_holder)";
    let condition = Condition::new(held, [(":fence", number(fence.0))]);
    Step::check(table, Place::lease(), &condition, LedgerError::LeaseLost)
}

pub(super) fn rules(table: &str, version: &RulesVersion) -> Result<Step, PortError> {
    let condition = Condition::new("rules_version = :version", [(":version", text(version.as_str()))]);
    Step::check(table, Place::rules(), &condition, LedgerError::RulesChanged)
}

pub(super) fn orders(table: &str, version: u64) -> Result<Step, PortError> {
    Step::check(table, Place::orders(), &of_orders(version), LedgerError::OrdersChanged)
}

/// The orders that stand are of this version; before the first there is no item.
pub(super) fn of_orders(version: u64) -> Condition {
    match version {
        0 => Condition::new("attribute_not_exists(pk)", []),
        read => Condition::new("orders_version = :read", [(":read", number(read))]),
    }
}

pub(super) fn row(table: &str, row: &Row) -> Result<Step, PortError> {
    let condition = match row.version {
        0 => Condition::new("attribute_not_exists(pk)", []),
        read => Condition::new("row_version = :read", [(":read", number(read))]),
    };
    let item = item::from_row(row, row.version + 1)?;
    Step::put(table, item, &condition, LedgerError::RowChanged(Box::new(row.key.clone())))
}

/// An outcome, to be told. The same one may be there already: then it is written again.
pub(super) fn outcome(table: &str, outcome: &Outcome) -> Result<Step, PortError> {
    Step::put_always(table, item::from_outcome(outcome)?)
}

/// The charges, a step for each budget: a transaction may touch an item only once.
pub(super) fn charges(table: &str, charges: &[Charge], rows: &[RowWrite]) -> Result<Vec<Step>, LedgerError> {
    struct Sum {
        amount: u64,
        /// The most that may have been spent before.
        room: i64,
    }
    let mut sums = BTreeMap::new();
    for Charge { budget, amount, limit } in charges {
        let sum = sums.entry(budget).or_insert(Sum { amount: 0, room: i64::MAX });
        sum.amount += u64::from(*amount);
        sum.room = sum.room.min(i64::from(*limit) - i64::try_from(sum.amount).unwrap_or(i64::MAX));
    }
    // A write knows the time only by what it writes.
    let now = rows.iter().flat_map(|write| {
        let decided_at = write.row.work().map(|(_, intent)| intent.decided_at);
        decided_at.into_iter().chain([write.row.changed_at])
    });
    let expires = now.max().and_then(|now| now.checked_add(BUDGETS_ARE_KEPT).ok()).map(Timestamp::as_second);
    let step = |(budget, Sum { amount, room }): (&BudgetKey, Sum)| {
        let broken = LedgerError::BudgetSpent(budget.clone());
        if room < 0 {
            return Err(broken);
        }
        let mut condition = Condition::new(
            "attribute_not_exists(budget_spent) OR budget_spent <= :room",
            [(":room", number(room)), (":amount", number(amount))],
        );
        let mut change = format!("ADD {BUDGET_SPENT} :amount");
        if let Some(expires) = expires {
            condition = condition.with(":expires", number(expires));
            change = format!("{change} SET {BUDGET_EXPIRES} = :expires");
        }
        Ok(Step::update(table, Place::budget(budget), &change, &condition, broken)?)
    };
    sums.into_iter().map(step).collect()
}
