//! Guards: rules, lease and budgets, checked with the rows.

use super::fixtures::*;

pub(super) async fn a_write_under_other_rules_is_refused_and_nothing_is_written(ledger: &dyn Ledger) {
    ledger.bring_into_force(None, &in_force('a', 3)).await.unwrap();
    write_under(ledger, &[ours(1)], &under_rules('a')).await.unwrap();
    ledger.bring_into_force(Some(&in_force('a', 3)), &in_force('b', 3)).await.unwrap();

    let outcome = write_under(ledger, &[ours(2)], &under_rules('a')).await;

    assert_eq!(outcome, Err(LedgerError::RulesChanged));
    assert_eq!(all(ledger).await.len(), 1);
}

pub(super) async fn a_write_under_rules_is_refused_while_there_are_none(ledger: &dyn Ledger) {
    let outcome = write_under(ledger, &[ours(1)], &under_rules('a')).await;
    assert_eq!(outcome, Err(LedgerError::RulesChanged));
    assert_eq!(all(ledger).await, []);
}

pub(super) async fn a_write_under_an_old_fence_is_refused_and_nothing_is_written(ledger: &dyn Ledger) {
    let nobody = write_under(ledger, &[ours(1)], &under_lease(Fence(0))).await;
    assert_eq!(nobody, Err(LedgerError::LeaseLost));
    let old = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    write_under(ledger, &[ours(1)], &under_lease(old.fence)).await.unwrap();
    let new = ledger.acquire_lease("second", at(3600), TTL).await.unwrap().unwrap();

    assert_eq!(write_under(ledger, &[ours(2)], &under_lease(old.fence)).await, Err(LedgerError::LeaseLost));
    assert_eq!(all(ledger).await.len(), 1);
    assert_eq!(write_under(ledger, &[ours(2)], &under_lease(new.fence)).await, Ok(()));
}

pub(super) async fn a_write_under_a_lease_given_back_is_refused(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    ledger.release_lease(&lease).await.unwrap();
    let outcome = write_under(ledger, &[ours(1)], &under_lease(lease.fence)).await;
    assert_eq!(outcome, Err(LedgerError::LeaseLost));
    assert_eq!(all(ledger).await, []);
}

pub(super) async fn a_write_of_no_rows_still_checks_its_guard(ledger: &dyn Ledger) {
    assert_eq!(write(ledger, &[]).await, Ok(()));
    assert_eq!(write_under(ledger, &[], &under_rules('a')).await, Err(LedgerError::RulesChanged));
    let budget = budget("one");
    assert_eq!(write_under(ledger, &[], &charge(&budget, 3, 5)).await, Ok(()));
    assert_eq!(ledger.spent(&budget).await, Ok(3));
}

pub(super) async fn budgets_are_charged_exactly_and_several_at_once(ledger: &dyn Ledger) {
    let (cause, day) = (budget("one"), BudgetKey::of_day(Operation::Revoke, at(0)));
    assert_eq!(ledger.spent(&cause).await, Ok(0));
    for (number, amount) in [(1, 3), (2, 4)] {
        let mut guard = charge(&cause, amount, 7);
        guard.charges.extend(charge(&day, amount, 100).charges);
        write_under(ledger, &[ours(number)], &guard).await.unwrap();
    }
    assert_eq!(ledger.spent(&cause).await, Ok(7));
    assert_eq!(ledger.spent(&day).await, Ok(7));
    assert_eq!(ledger.spent(&budget("other")).await, Ok(0));
}

pub(super) async fn a_budget_over_its_limit_is_refused_and_nothing_is_written_or_charged(
    ledger: &dyn Ledger,
) {
    let (roomy, tight) = (budget("roomy"), budget("tight"));
    write_under(ledger, &[ours(1)], &charge(&tight, 6, 7)).await.unwrap();
    let mut guard = charge(&roomy, 2, 100);
    guard.charges.extend(charge(&tight, 2, 7).charges);

    let outcome = write_under(ledger, &[ours(2)], &guard).await;

    assert_eq!(outcome, Err(LedgerError::BudgetSpent(tight.clone())));
    assert_eq!(all(ledger).await.len(), 1);
    assert_eq!(ledger.spent(&roomy).await, Ok(0));
    assert_eq!(ledger.spent(&tight).await, Ok(6));
    assert_eq!(write_under(ledger, &[ours(2)], &charge(&tight, 1, 7)).await, Ok(()));
}

pub(super) async fn a_first_charge_over_the_limit_is_refused(ledger: &dyn Ledger) {
    let budget = budget("one");
    for (amount, limit) in [(5, 4), (1, 0)] {
        let outcome = write_under(ledger, &[ours(1)], &charge(&budget, amount, limit)).await;
        assert_eq!(outcome, Err(LedgerError::BudgetSpent(budget.clone())));
    }
    assert_eq!(all(ledger).await, []);
    assert_eq!(write_under(ledger, &[ours(1)], &charge(&budget, 4, 4)).await, Ok(()));
}

pub(super) async fn a_write_that_fails_charges_nothing(ledger: &dyn Ledger) {
    let budget = budget("one");
    write(ledger, &[ours(1)]).await.unwrap();
    assert_eq!(write_under(ledger, &[ours(1)], &charge(&budget, 1, 10)).await, changed(&ours(1)));
    assert_eq!(ledger.spent(&budget).await, Ok(0));
}

pub(super) async fn the_limit_is_the_charges_own(ledger: &dyn Ledger) {
    let budget = budget("one");
    write_under(ledger, &[ours(1)], &charge(&budget, 5, 5)).await.unwrap();
    write_under(ledger, &[ours(2)], &charge(&budget, 5, 20)).await.unwrap();
    let outcome = write_under(ledger, &[ours(3)], &charge(&budget, 1, 8)).await;
    assert_eq!(outcome, Err(LedgerError::BudgetSpent(budget.clone())));
    assert_eq!(ledger.spent(&budget).await, Ok(10));
}
