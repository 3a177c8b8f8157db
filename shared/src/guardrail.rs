//! Plan x budgets -> approved plan: how much may go at once, and what waits.

use crate::{
    domain::{AccountId, Operation, RulesVersion},
    ledger::{BudgetKey, Cause, Charge, Row},
    plan::{Action, Plan, Withheld, WithheldReason},
    rules::Guardrails,
};

use jiff::Timestamp;

/// A budget as it stands: what may be spent at most, and what has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub key: BudgetKey,
    pub limit: u32,
    pub spent: u32,
}

/// The budgets that bound one cause on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    deletes: [Budget; 2],
    creates: [Budget; 2],
}

impl Budgets {
    /// The budgets for a cause, all of them unspent. `owned` is how many assignments are ours: a share of them may be deleted
    /// when that is more than the fixed number.
    pub fn new(
        guardrails: Guardrails,
        owned: u32,
        cause: &Cause,
        rules: &RulesVersion,
        now: Timestamp,
    ) -> Self {
        let share = u64::from(owned) * u64::from(guardrails.max_delete_percent) / 100;
        let deletes = guardrails.max_deletes.max(u32::try_from(share).unwrap_or(u32::MAX));
        let pair = |operation, limit| {
            [
                Budget { key: BudgetKey::of_cause(operation, cause, rules), limit, spent: 0 },
                Budget { key: BudgetKey::of_day(operation, now), limit, spent: 0 },
            ]
        };
        Self {
            deletes: pair(Operation::Revoke, deletes),
            creates: pair(Operation::Grant, guardrails.max_creates),
        }
    }

    /// All of them, to be filled in with what has been spent.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Budget> {
        self.deletes.iter_mut().chain(&mut self.creates)
    }

    fn of(&self, operation: Operation) -> &[Budget; 2] {
        match operation {
            Operation::Grant => &self.creates,
            Operation::Revoke => &self.deletes,
        }
    }

    /// The budget with the least room, and the room it has.
    fn tightest(&self, operation: Operation) -> (&BudgetKey, u32) {
        let [cause, day] = self.of(operation);
        let room = |budget: &Budget| budget.limit.saturating_sub(budget.spent);
        if room(day) < room(cause) { (&day.key, room(day)) } else { (&cause.key, room(cause)) }
    }

    /// What a number of operations costs.
    pub fn charges(&self, operation: Operation, amount: u32) -> Vec<Charge> {
        let charge = |budget: &Budget| Charge { budget: budget.key.clone(), amount, limit: budget.limit };
        if amount == 0 { Vec::new() } else { self.of(operation).iter().map(charge).collect() }
    }
}

/// A plan that may be carried out. Only [`approve`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an approved plan does nothing until it is written"]
pub struct ApprovedPlan {
    account: AccountId,
    actions: Vec<Action>,
    withheld: Vec<Withheld>,
    records: Vec<Row>,
}

impl ApprovedPlan {
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What may be done now.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// What may not, and why; what the budgets hold back included.
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Rows to bring up to date without any write to AWS.
    pub fn records(&self) -> &[Row] {
        &self.records
    }
}

/// Lets through as many deletes and creates as the budgets have room for, in the plan's order; the others are withheld.
pub fn approve(plan: Plan, budgets: &Budgets) -> ApprovedPlan {
    let Plan { account, actions, mut withheld, records } = plan;
    let (delete_budget, mut deletes) = budgets.tightest(Operation::Revoke);
    let (create_budget, mut creates) = budgets.tightest(Operation::Grant);
    let mut approved = Vec::with_capacity(actions.len());
    for action in actions {
        let (budget, room) = match action.operation {
            Operation::Grant => (create_budget, &mut creates),
            Operation::Revoke => (delete_budget, &mut deletes),
        };
        if let Some(left) = room.checked_sub(1) {
            *room = left;
            approved.push(action);
        } else {
            let Action { operation, key, rules, row: _ } = action;
            withheld.push(Withheld { key, operation, reason: WithheldReason::Budget(budget.clone()), rules });
        }
    }
    withheld.sort_by(|a, b| a.key.cmp(&b.key));
    ApprovedPlan { account, actions: approved, withheld, records }
}
