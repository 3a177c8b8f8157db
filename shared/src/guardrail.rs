//! Plan x budgets -> approved plan: how much may go at once, and what waits.

use std::collections::BTreeSet;

use crate::{
    domain::{AccountId, AssignmentKey, Operation, RulesVersion},
    ledger::{BudgetKey, Cause, Charge, OverBudget, Row, State},
    plan::{Action, Plan, Withheld, WithheldReason, found_again},
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
    /// Of the day: an orphan gives access to nobody, and is no cause's doing.
    orphans: Budget,
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
            orphans: Budget {
                key: BudgetKey::of_orphans(now),
                limit: guardrails.max_orphan_deletes,
                spent: 0,
            },
        }
    }

    /// All of them, to be filled in with what has been spent.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Budget> {
        self.deletes.iter_mut().chain(&mut self.creates).chain([&mut self.orphans])
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

    /// Counts what a plan has taken, so that the next account's plan sees what is left.
    pub fn spend(&mut self, approved: &ApprovedPlan) {
        for (operation, budgets) in
            [(Operation::Revoke, &mut self.deletes), (Operation::Grant, &mut self.creates)]
        {
            let amount = approved.charged(operation);
            for budget in budgets {
                budget.spent = budget.spent.saturating_add(amount);
            }
        }
        self.orphans.spent = self.orphans.spent.saturating_add(orphans(&approved.actions));
    }

    /// What these actions cost.
    pub fn charges_of(&self, actions: &[Action]) -> Vec<Charge> {
        let charges = |operation| self.charges(operation, charged(actions, operation));
        [charges(Operation::Revoke), charges(Operation::Grant), self.orphan_charges(orphans(actions))]
            .concat()
    }

    fn orphan_charges(&self, amount: u32) -> Vec<Charge> {
        let Budget { key, limit, spent: _ } = &self.orphans;
        let charge = || Charge { budget: key.clone(), amount, limit: *limit };
        (amount > 0).then(charge).into_iter().collect()
    }

    /// What a number of operations costs.
    fn charges(&self, operation: Operation, amount: u32) -> Vec<Charge> {
        let charge = |budget: &Budget| Charge { budget: budget.key.clone(), amount, limit: budget.limit };
        if amount == 0 { Vec::new() } else { self.of(operation).iter().map(charge).collect() }
    }
}

/// Operations that were seen in a plan: with a scope, nothing else is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(pub BTreeSet<(AssignmentKey, Operation)>);

/// A plan that may be carried out. Only [`approve`] and [`approve_within`] make one.
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

    /// Rows to bring up to date without any write to AWS, ordered by key.
    pub fn records(&self) -> &[Row] {
        &self.records
    }

    /// How many operations of a kind the budgets are charged for: those that no consent lets through.
    pub fn charged(&self, operation: Operation) -> u32 {
        charged(&self.actions, operation)
    }
}

/// How many of these operations the budgets are charged for. Orphans have a budget of their own.
fn charged(actions: &[Action], operation: Operation) -> u32 {
    let charged =
        |action: &&Action| action.operation == operation && action.approval.is_none() && !is_orphan(action);
    u32::try_from(actions.iter().filter(charged).count()).unwrap_or(u32::MAX)
}

/// How many orphans are cleaned up by these.
fn orphans(actions: &[Action]) -> u32 {
    let charged = |action: &&Action| is_orphan(action) && action.approval.is_none();
    u32::try_from(actions.iter().filter(charged).count()).unwrap_or(u32::MAX)
}

/// Whether it takes away what nobody has any more.
fn is_orphan(action: &Action) -> bool {
    action.operation == Operation::Revoke && action.row.orphaned_since.is_some()
}

/// Lets through what has consent, and as many other deletes and creates as the budgets have room for, in the plan's order; the
/// others are withheld. A delete that is held back so is marked in its row, and stays back until it has consent.
pub fn approve(plan: Plan, budgets: &Budgets) -> ApprovedPlan {
    bound(plan, budgets, None)
}

/// The same, and nothing but what is in the scope.
pub fn approve_within(plan: Plan, budgets: &Budgets, scope: &Scope) -> ApprovedPlan {
    bound(plan, budgets, Some(scope))
}

fn bound(plan: Plan, budgets: &Budgets, scope: Option<&Scope>) -> ApprovedPlan {
    let Plan { account, actions, mut withheld, mut records } = plan;
    let (delete_budget, mut deletes) = budgets.tightest(Operation::Revoke);
    let (create_budget, mut creates) = budgets.tightest(Operation::Grant);
    let mut orphans_left = budgets.orphans.limit.saturating_sub(budgets.orphans.spent);
    let mut approved = Vec::with_capacity(actions.len());
    for action in actions {
        if scope.is_some_and(|Scope(seen)| !seen.contains(&(action.key.clone(), action.operation))) {
            let Action { operation, key, rules, row: _, before, approval: _ } = action;
            records.extend(before.as_ref().and_then(found_again));
            withheld.push(Withheld { key, operation, reason: WithheldReason::NotInPlan, rules });
            continue;
        }
        if action.approval.is_some() {
            approved.push(action);
            continue;
        }
        let is_orphan = is_orphan(&action);
        let (budget, room) = match action.operation {
            Operation::Grant => (create_budget, &mut creates),
            Operation::Revoke if is_orphan => (&budgets.orphans.key, &mut orphans_left),
            Operation::Revoke => (delete_budget, &mut deletes),
        };
        if let Some(left) = room.checked_sub(1) {
            *room = left;
            approved.push(action);
        } else {
            let Action { operation, key, rules, row, before, approval: _ } = action;
            let over = OverBudget { since: row.changed_at, budget: budget.clone() };
            let was_ours = before.as_ref().filter(|before| before.state == State::Ours);
            let lost = was_ours
                .filter(|_| operation == Operation::Grant)
                .map(|before| before.clone().into_state(State::Closed, row.changed_at));
            // An orphan waits for the next day, and for nobody.
            if operation == Operation::Revoke && !is_orphan {
                records.extend(before.map(|before| Row {
                    over_budget: Some(over),
                    departed_since: None,
                    ..before
                }));
            }
            // What was ours and is gone is ours no more while it waits to be made again.
            records.extend(lost);
            withheld.push(Withheld { key, operation, reason: WithheldReason::Budget(budget.clone()), rules });
        }
    }
    if let Some(Scope(seen)) = scope {
        // An intent that was not seen is not confirmed either: it grows too old to be sent.
        let unseen = |row: &mut Row| intended(row).is_some_and(|it| !seen.contains(&it));
        withheld.extend(records.extract_if(.., unseen).filter_map(|row| {
            let (key, operation) = intended(&row)?;
            Some(Withheld { key, operation, reason: WithheldReason::NotInPlan, rules: row.wanted_by })
        }));
    }
    withheld.sort_by(|a, b| a.key.cmp(&b.key));
    records.sort_by(|a, b| a.key.cmp(&b.key));
    ApprovedPlan { account, actions: approved, withheld, records }
}

/// What a row intends that nobody has claimed.
fn intended(row: &Row) -> Option<(AssignmentKey, Operation)> {
    let (operation, intent) = row.work()?;
    intent.claim.is_none().then(|| (row.key.clone(), operation))
}

#[cfg(test)]
mod approval_tests;

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
        let intent = Intent {
            decided_at: now(),
            not_before: None,
            not_after: None,
            fingerprint: String::new(),
            claim: None,
        };
        let row = Row {
            key: key.clone(),
            version: 0,
            state: State::Granting(intent),
            wanted_by: std::collections::BTreeMap::new(),
            rules: None,
            cause: Cause::new("event", "e"),
            attempts: 0,
            conflicts: 0,
            changed_at: now(),
            missing_since: None,
            departed_since: None,
            orphaned_since: None,
            maybe_sent: false,
            closed_at: None,
            last_request: None,
            overheard: None,
            look_again: false,
            trouble: None,
            approval: None,
            hold: None,
            over_budget: None,
        };
        let before = (operation == Operation::Revoke).then(|| Row { state: State::Ours, ..row.clone() });
        Action { operation, key, rules: std::collections::BTreeMap::new(), row, before, approval: None }
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
        let guardrails =
            Guardrails { max_deletes: 3, max_delete_percent: 10, max_creates: 5, max_orphan_deletes: 2 };
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

    #[test]
    fn a_delete_that_is_held_back_is_marked_in_its_row_and_a_create_is_not() {
        let approved = approve(plan(5, 6), &budgets(0));
        let marks: Vec<_> =
            approved.records().iter().map(|row| (row.state.clone(), row.over_budget.clone())).collect();
        let budget = BudgetKey::of_cause(
            Operation::Revoke,
            &Cause::new("event", "e"),
            &"0".repeat(64).parse().unwrap(),
        );
        let mark = (State::Ours, Some(OverBudget { since: now(), budget }));
        assert_eq!(marks, [mark.clone(), mark]);
        assert_eq!(counts(&approved), (3, 5, 3));
    }

    #[test]
    fn what_has_consent_passes_any_budget_and_costs_nothing() {
        let mut plan = plan(6, 7);
        for action in plan.actions.iter_mut().step_by(2) {
            action.approval = Some("0123456789abcdef".parse().unwrap());
        }
        let mut spent = budgets(0);
        spent.spend(&approve(self::plan(3, 5), &budgets(0)));
        let approved = approve(plan.clone(), &spent);
        assert_eq!(counts(&approved), (3, 4, 6));
        assert!(approved.actions().iter().all(|action| action.approval.is_some()));
        assert_eq!((approved.charged(Operation::Revoke), approved.charged(Operation::Grant)), (0, 0));
        let roomy = approve(plan, &budgets(0));
        assert_eq!(counts(&roomy), (6, 7, 0));
        assert_eq!((roomy.charged(Operation::Revoke), roomy.charged(Operation::Grant)), (3, 3));
    }

    #[test]
    fn within_a_scope_nothing_else_is_done_nor_marked() {
        let plan = plan(6, 2);
        let seen = |n: usize| (plan.actions[n].key.clone(), plan.actions[n].operation);
        let scope = Scope([seen(0), seen(4), seen(7)].into());
        let approved = approve_within(plan.clone(), &budgets(0), &scope);
        let done: BTreeSet<_> =
            approved.actions().iter().map(|action| (action.key.clone(), action.operation)).collect();
        assert_eq!(done, scope.0);
        assert!(approved.withheld().iter().all(|it| it.reason == WithheldReason::NotInPlan));
        assert_eq!((approved.withheld().len(), approved.records().len()), (5, 0));
    }

    #[test]
    fn within_a_scope_no_intent_that_was_not_seen_is_confirmed() {
        let mut plan = plan(0, 3);
        plan.records.extend(plan.actions.drain(..).map(|action| action.row));
        plan.records[2].state = State::Closed;
        let keys: Vec<_> = plan.records.iter().map(|row| row.key.clone()).collect();
        let scope = Scope([(keys[0].clone(), Operation::Grant)].into());
        let approved = approve_within(plan.clone(), &budgets(0), &scope);
        let left: Vec<_> = approved.records().iter().map(|row| row.key.clone()).collect();
        assert_eq!(left, [keys[0].clone(), keys[2].clone()], "what only the ledger learns goes on");
        let withheld: Vec<_> = approved.withheld().iter().map(|it| (&it.key, &it.reason)).collect();
        assert_eq!(withheld, [(&keys[1], &WithheldReason::NotInPlan)]);
        assert_eq!(approve(plan, &budgets(0)).records().len(), 3);
    }
}
