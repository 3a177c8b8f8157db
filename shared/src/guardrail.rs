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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::AssignmentKey,
        ledger::{Intent, State},
    };

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn action(operation: Operation, account: u32) -> Action {
        let key = AssignmentKey {
            account: format!("{account:012}").parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
        };
        let intent = Intent { decided_at: now(), not_before: None, fingerprint: String::new(), claim: None };
        let row = Row {
            key: key.clone(),
            version: 0,
            state: State::Granting(intent),
            wanted_by: std::collections::BTreeMap::new(),
            rules: None,
            cause: Cause::new("event", "e"),
            attempts: 0,
            changed_at: now(),
            missing_since: None,
            departed_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            look_again: false,
            trouble: None,
        };
        Action { operation, key, rules: std::collections::BTreeMap::new(), row }
    }

    fn plan(deletes: u32, creates: u32) -> Plan {
        let deletes = (0..deletes).map(|n| action(Operation::Revoke, n));
        let creates = (0..creates).map(|n| action(Operation::Grant, n));
        Plan {
            account: "111122223333".parse().unwrap(),
            actions: deletes.chain(creates).collect(),
            withheld: Vec::new(),
            records: Vec::new(),
        }
    }

    fn budgets(owned: u32) -> Budgets {
        let guardrails = Guardrails { max_deletes: 3, max_delete_percent: 10, max_creates: 5 };
        Budgets::new(guardrails, owned, &Cause::new("event", "e"), &"0".repeat(64).parse().unwrap(), now())
    }

    fn counts(approved: &ApprovedPlan) -> (usize, usize, usize) {
        let count =
            |operation| approved.actions().iter().filter(|action| action.operation == operation).count();
        (count(Operation::Revoke), count(Operation::Grant), approved.withheld().len())
    }

    #[test]
    fn over_the_budget_deletes_wait_and_creates_go_on() {
        assert_eq!(counts(&approve(plan(4, 5), &budgets(0))), (3, 5, 1));
        assert_eq!(counts(&approve(plan(0, 7), &budgets(0))), (0, 5, 2));
    }

    #[test]
    fn the_larger_of_the_fixed_number_and_the_share_of_what_is_ours_holds() {
        assert_eq!(counts(&approve(plan(9, 0), &budgets(29))).0, 3);
        assert_eq!(counts(&approve(plan(9, 0), &budgets(80))).0, 8);
    }

    #[test]
    fn the_tighter_of_the_cause_s_and_the_day_s_budget_holds_and_is_named() {
        let mut budgets = budgets(0);
        for budget in budgets.iter_mut().filter(|budget| budget.key.as_str().contains(":day:")) {
            budget.spent = 2;
        }
        let approved = approve(plan(3, 0), &budgets);
        assert_eq!(counts(&approved), (1, 0, 2));
        let WithheldReason::Budget(key) = &approved.withheld()[0].reason else {
            panic!("not withheld by a budget")
        };
        assert_eq!(key.as_str(), "revoke:day:2027-01-15");
    }

    #[test]
    fn what_is_approved_is_charged_to_the_cause_and_to_the_day() {
        let charges = budgets(0).charges(Operation::Revoke, 2);
        let names: Vec<_> =
            charges.iter().map(|charge| (charge.budget.as_str(), charge.amount, charge.limit)).collect();
        assert_eq!(names, [("revoke:cause:event:e:000000000000", 2, 3), ("revoke:day:2027-01-15", 2, 3)]);
        assert!(budgets(0).charges(Operation::Grant, 0).is_empty());
    }
}
