//! What people and budgets hold back, and what only looks like a deletion by hand.

use super::*;
use crate::ledger::{Approval, HeldBy, Hold, Order, OverBudget};

fn order() -> Order {
    Order { by: "Alba".into(), at: at(1), reason: String::new() }
}

fn paused() -> Orders {
    Orders { pause: Some(order()), ..Orders::default() }
}

fn holding(scope: &str) -> Orders {
    Orders::default().with_hold(scope.parse().unwrap(), order()).unwrap()
}

fn held(row: Row) -> Row {
    let by = HeldBy::Person("Alba".into());
    Row { hold: Some(Hold { by, at: at(1), reason: String::new() }), ..row }
}

pub(crate) fn latched(row: Row) -> Row {
    let budget = BudgetKey::of_day(Operation::Revoke, at(1));
    Row { over_budget: Some(OverBudget { since: at(1), budget }), ..row }
}

pub(crate) fn approved(row: Row, operation: Operation, expires_at: Timestamp) -> Row {
    let id = "0123456789abcdef".parse().unwrap();
    let by = "Alba".into();
    Row { approval: Some(Approval { id, operation, rules: rules(), by, at: at(1), expires_at }), ..row }
}

fn missing(row: Row) -> Case {
    Case { row: Some(Row { missing_since: Some(at(50)), ..row }), wanted: sync(), ..case() }
}

fn pending() -> Row {
    row(State::Granting(intent(at(59), false)))
}

fn closing() -> Row {
    row(State::Closing(intent(at(59), false)))
}

#[test]
fn while_all_is_paused_nothing_new_is_intended_and_nothing_under_way_is_touched() {
    let case = || Case { orders: paused(), ..case() };
    assert_eq!(Case { wanted: sync(), ..case() }.says(), "withheld:paused");
    assert_eq!(Case { row: Some(row(State::Ours)), listed: true, ..case() }.says(), "withheld:paused");
    // Intents wait as they are, and are not confirmed.
    let old = row(State::Granting(intent(at(40), false)));
    assert_eq!(Case { row: Some(old), wanted: sync(), ..case() }.says(), "withheld:paused");
    assert_eq!(Case { row: Some(closing()), listed: true, ..case() }.says(), "withheld:paused");
    let sending = row(State::Granting(intent(at(59), true)));
    assert_eq!(Case { row: Some(sending.clone()), wanted: sync(), ..case() }.says(), "nothing");
    assert_eq!(Case { row: Some(sending), ..case() }.says(), "record:sending", "it is looked at again");
    // What only the ledger learns goes on.
    assert_eq!(Case { row: Some(pending()), ..case() }.says(), "record:closed");
    assert_eq!(Case { row: Some(closing()), wanted: sync(), listed: true, ..case() }.says(), "record:ours");
}

#[test]
fn under_a_hold_nothing_is_intended_and_what_was_intended_is_put_back() {
    let scopes = [format!("account:{ACCOUNT}"), format!("group:{GROUP}")];
    for orders in scopes.map(|scope| holding(&scope)) {
        let case = || Case { orders: orders.clone(), ..case() };
        assert_eq!(Case { wanted: sync(), ..case() }.says(), "withheld:held");
        assert_eq!(Case { row: Some(row(State::Ours)), listed: true, ..case() }.says(), "withheld:held");
        assert_eq!(
            Case { row: Some(pending()), wanted: sync(), ..case() }.says(),
            "record:closed withheld:held"
        );
        assert_eq!(Case { row: Some(closing()), listed: true, ..case() }.says(), "record:ours withheld:held");
        let doubtful = Row { maybe_sent: true, ..pending() };
        let doubtful = Case { row: Some(doubtful), wanted: sync(), ..case() };
        assert_eq!(doubtful.says(), "record:uncertain withheld:held");
        let sending = row(State::Granting(intent(at(59), true)));
        assert_eq!(Case { row: Some(sending), wanted: sync(), ..case() }.says(), "nothing");
        assert_eq!(
            Case { row: Some(row(State::Ours)), wanted: sync(), listed: true, ..case() }.says(),
            "nothing"
        );
        assert_eq!(Case { wanted: sync(), listed: true, ..case() }.says(), "withheld:foreign");
    }
    let others = holding("account:999900001111");
    assert_eq!(Case { wanted: sync(), orders: others, ..case() }.says(), "grant");
}

#[test]
fn a_hold_on_a_key_outlives_what_becomes_of_its_row_and_is_stronger_than_approval() {
    assert_eq!(
        Case { row: Some(held(row(State::Closed))), wanted: sync(), ..case() }.says(),
        "withheld:held"
    );
    let approved = approved(latched(held(row(State::Ours))), Operation::Revoke, at(99));
    assert_eq!(Case { row: Some(approved), listed: true, ..case() }.says(), "withheld:held");
    let plan = Case { row: Some(held(closing())), listed: true, ..case() }.plan();
    assert!(plan.records[0].hold.is_some());
    let suspended = Case { row: Some(held(row(State::Ours))), state: AccountState::Suspended, ..case() };
    assert!(suspended.plan().records[0].hold.is_some());
}

#[test]
fn a_delete_that_was_over_its_budget_waits_for_an_approval_and_not_for_the_next_day() {
    let waiting = |row| Case { row: Some(row), listed: true, ..case() };
    let ours = || latched(row(State::Ours));
    assert_eq!(waiting(ours()).says(), "withheld:budget");
    let let_through = waiting(approved(ours(), Operation::Revoke, at(61)));
    assert_eq!(let_through.says(), "revoke");
    let action = &let_through.plan().actions[0];
    assert!(action.approval.is_some());
    assert_eq!((&action.row.approval, &action.row.over_budget), (&None, &None), "it is used up");
    // Of another kind, past, or under other rules: as good as none.
    assert_eq!(waiting(approved(ours(), Operation::Grant, at(61))).says(), "withheld:budget");
    assert_eq!(waiting(approved(ours(), Operation::Revoke, at(60))).says(), "withheld:budget");
    let mut other = approved(ours(), Operation::Revoke, at(61));
    other.approval.as_mut().unwrap().rules = "1".repeat(64).parse().unwrap();
    assert_eq!(waiting(other).says(), "withheld:budget");
}

#[test]
fn what_is_wanted_again_is_no_longer_over_its_budget_nor_approved() {
    let ours = approved(latched(row(State::Ours)), Operation::Revoke, at(99));
    let plan = Case { row: Some(ours.clone()), wanted: sync(), listed: true, ..case() }.plan();
    assert_eq!((&plan.records[0].over_budget, &plan.records[0].approval), (&None, &None));
    // It is wanted only until its permission set is edited, and what was approved was the plan of that.
    let awaited = Awaited::of_change(key().permission_set);
    let plan = Case { row: Some(ours.clone()), wanted: sync(), listed: true, awaited, ..case() }.plan();
    let keeps = |row: &Row| row.approval.is_some() && row.over_budget.is_some();
    assert!(plan.actions.is_empty() && plan.records.iter().all(keeps), "{plan:?}");
    // What was approved for rules to come is not theirs to take away.
    let mut to_come = ours;
    to_come.approval.as_mut().unwrap().rules = "1".repeat(64).parse().unwrap();
    let plan = Case { row: Some(to_come), wanted: sync(), listed: true, ..case() }.plan();
    assert!(plan.records[0].approval.is_some() && plan.records[0].over_budget.is_none());
}

#[test]
fn a_create_is_approved_by_a_tombstone_and_uses_it_up() {
    let approved = approved(row(State::Closed), Operation::Grant, at(61));
    let action = &Case { row: Some(approved), wanted: sync(), ..case() }.plan().actions[0];
    assert!(action.approval.is_some() && action.row.approval.is_none());
}

#[test]
fn what_somebody_deletes_by_hand_is_closed_and_held_unless_its_rule_repairs() {
    let deleted = missing(row(State::Ours));
    assert_eq!(deleted.says(), "record:closed withheld:held");
    let closed = deleted.plan().records[0].clone();
    assert_eq!(closed.hold.as_ref().unwrap().by, HeldBy::DeletedByHand);
    let again = |repair| Case { row: Some(closed.clone()), wanted: sync(), repair, ..case() };
    assert_eq!(again(false).says(), "withheld:held");
    assert_eq!(again(true).says(), "grant", "a rule that repairs now speaks for what is held already");
    assert!(again(true).plan().actions[0].row.hold.is_none());
    assert_eq!(Case { repair: true, ..missing(row(State::Ours)) }.says(), "grant");
    // Even while people hold it, that it is gone is a fact; and their hold stays theirs.
    let record = missing(held(row(State::Ours))).plan().records[0].clone();
    assert!(matches!(record.hold.unwrap().by, HeldBy::Person(_)));
    // While it may not be made again, it is ours no more: somebody else may make it.
    let waits = Case { repair: true, ..missing(held(row(State::Ours))) };
    assert_eq!(waits.says(), "record:closed withheld:held");
    let waits = Case { repair: true, orders: paused(), ..missing(row(State::Ours)) };
    assert_eq!(waits.says(), "record:closed withheld:paused");
    let paused = Case { orders: paused(), ..missing(row(State::Ours)) };
    assert_eq!(paused.says(), "record:closed withheld:held");
}

#[test]
fn what_is_gone_makes_the_same_plan_at_the_second_look_as_at_the_first() {
    let hash = |case: &Case| hash(&rules(), None, [&case.plan()], &BTreeSet::new(), []);
    for repair in [false, true] {
        for (orders, told) in [(Orders::default(), "missing"), (paused(), "paused")] {
            let look =
                |row: Row| Case { repair, orders: orders.clone(), row: Some(row), wanted: sync(), ..case() };
            let fresh = look(Row { changed_at: at(58), ..row(State::Ours) });
            let first = look(row(State::Ours));
            let second = look(Row { missing_since: Some(at(50)), ..row(State::Ours) });
            let told = if repair { told } else { "missing" };
            assert_eq!(fresh.says(), format!("withheld:{told}"));
            assert_eq!(first.says(), format!("record:ours withheld:{told}"));
            assert_eq!([hash(&fresh), hash(&first)], [hash(&second), hash(&second)], "{repair} {told}");
        }
    }
}

#[test]
fn what_a_revoke_of_ours_may_have_taken_away_was_not_deleted_by_hand() {
    let doubtful = || Row { maybe_sent: true, ..row(State::Ours) };
    assert_eq!(missing(doubtful()).says(), "grant");
    // It is put back before its doubtful revoke has ended: the doubt stays with it.
    let put_back = Case {
        row: Some(Row { maybe_sent: true, attempts: 1, ..closing() }),
        wanted: sync(),
        listed: true,
        ..case()
    };
    assert!(put_back.plan().records[0].maybe_sent);
    // Seen once the lag has passed: the revoke had no effect.
    let seen = Case { row: Some(doubtful()), wanted: sync(), listed: true, ..case() };
    assert!(!seen.plan().records[0].maybe_sent);
    let fresh = Row { changed_at: at(58), ..doubtful() };
    assert_eq!(Case { row: Some(fresh), wanted: sync(), listed: true, ..case() }.says(), "nothing");
}

#[test]
fn what_is_gone_while_its_account_slept_was_not_deleted_by_hand() {
    assert_eq!(missing(row(State::Dormant)).says(), "grant");
    let first = Case { row: Some(row(State::Dormant)), wanted: sync(), ..case() };
    assert_eq!(first.says(), "record:dormant withheld:missing");
    // A mark from before it fell asleep again is worth nothing.
    let asleep = Case { state: AccountState::Suspended, ..missing(row(State::Dormant)) };
    assert_eq!(asleep.plan().records[0].missing_since, None);
    let marked = Case { state: AccountState::Suspended, ..missing(row(State::Ours)) };
    assert_eq!(marked.plan().records[0].missing_since, None);
}

#[test]
fn what_no_rule_wants_any_more_was_not_deleted_by_hand() {
    let gone = Row { missing_since: Some(at(50)), ..row(State::Ours) };
    assert_eq!(Case { row: Some(gone.clone()), ..case() }.says(), "revoke");
    let account: AccountId = ACCOUNT.parse().unwrap();
    let gone = Row { departed_since: Some(at(50)), ..gone };
    assert_eq!(departed(&account, &[gone], LAG, at(60)).records[0].hold, None);
}

#[test]
fn a_grant_says_until_when_it_is_wanted_and_follows_a_change_of_that() {
    let until = |until, row| Case { row, wanted: sync(), until, ..case() };
    let plan = until(Some(at(90)), None).plan();
    assert_eq!(plan.actions[0].row.work().unwrap().1.not_after, Some(at(90)));
    let pending = plan.actions[0].row.clone();
    assert_eq!(until(Some(at(90)), Some(pending.clone())).says(), "nothing");
    let longer = until(Some(at(95)), Some(pending.clone())).plan();
    assert_eq!(longer.records[0].work().unwrap().1.not_after, Some(at(95)));
    assert_eq!(until(None, Some(pending)).plan().records[0].work().unwrap().1.not_after, None);
}

#[test]
fn the_word_for_a_reason_is_the_one_in_its_json() {
    let reasons = [
        WithheldReason::Foreign,
        WithheldReason::Observed,
        WithheldReason::CreateOnly,
        WithheldReason::Never,
        WithheldReason::NeverUnresolved(String::new()),
        WithheldReason::LookupFailed(String::new()),
        WithheldReason::PermissionSetAwaited(String::new()),
        WithheldReason::Uncertain(String::new()),
        WithheldReason::Blocked(String::new()),
        WithheldReason::AccountNotActive(AccountState::Suspended),
        WithheldReason::ManagementAccount,
        WithheldReason::Orphaned,
        WithheldReason::Budget(BudgetKey::of_day(Operation::Grant, at(1))),
        WithheldReason::Held(Held::DeletedByHand),
        WithheldReason::Paused,
        WithheldReason::LedgerUnconfirmed,
        WithheldReason::NotInPlan,
        WithheldReason::Missing(IfGone::Held),
        WithheldReason::Missing(IfGone::MadeAgain),
    ];
    for reason in reasons {
        assert_eq!(serde_json::to_value(&reason).unwrap()["kind"], reason.kind());
    }
}

#[test]
fn a_hash_names_what_is_done_and_withheld_and_nothing_that_changes_by_itself() {
    let of = |case: &Case| hash(&rules(), None, [&case.plan()], &BTreeSet::new(), []);
    let grant = || Case { wanted: sync(), ..case() };
    let first = of(&grant());
    assert_eq!(first, of(&Case { read_at: at(59), ..grant() }), "nor time");
    let tombstone = Row { version: 44, ..row(State::Closed) };
    assert_eq!(first, of(&Case { row: Some(tombstone), ..grant() }), "nor the row's version");

    let ours = |row| of(&Case { row: Some(row), listed: true, ..case() });
    let waiting = ours(latched(row(State::Ours)));
    assert_eq!(waiting, ours(row(State::Ours)), "nor what the budgets hold back");
    assert_eq!(waiting, ours(approved(latched(row(State::Ours)), Operation::Revoke, at(99))));

    let others = [
        waiting,
        of(&case()),
        of(&Case { listed: true, ..grant() }),
        of(&Case { orders: paused(), ..grant() }),
        hash(&"1".repeat(64).parse().unwrap(), None, [&grant().plan()], &BTreeSet::new(), []),
        hash(&rules(), Some(&ACCOUNT.parse().unwrap()), [&grant().plan()], &BTreeSet::new(), []),
        hash(&rules(), None, [&grant().plan()], &BTreeSet::new(), [&"999900001111".parse().unwrap()]),
    ];
    let all: BTreeSet<_> = others.iter().chain([&first]).map(ToString::to_string).collect();
    assert_eq!(all.len(), 8);
    // It is written down by people and in CI: it stays what it is from version to version.
    insta::assert_snapshot!(first, @"db56114ffeb92019d271bb00999f2192d27760734c5b93dd42de8893cc73dd2e");
}

#[test]
fn what_waits_to_be_deleted_and_is_gone_by_another_hand_is_ours_no_more() {
    let gone = |row: Row| Case { row: Some(row), ..case() };
    let marked = |row: Row| Row { missing_since: Some(at(50)), ..row };
    let blocked = || State::Blocked {
        operation: Operation::Revoke,
        reason: "no".into(),
        fingerprint: "other".into(),
        retry_at: at(99),
    };
    for waiting in [latched(row(State::Ours)), held(row(State::Ours))] {
        let first = gone(waiting.clone()).says();
        assert!(first.starts_with("record:ours withheld:"), "{first}");
        assert_eq!(gone(marked(waiting.clone())).says(), "record:closed");
        // Seen again in between: it never was gone.
        let seen = Case { row: Some(marked(waiting.clone())), listed: true, ..case() }.plan();
        assert_eq!((seen.records.len(), seen.records[0].missing_since), (1, None));
        let there = Case { row: Some(waiting), listed: true, ..case() }.says();
        assert!(there.starts_with("withheld:"), "{there}");
    }
    let paused = |row: Row| Case { row: Some(row), orders: paused(), ..case() };
    assert_eq!(paused(marked(row(State::Ours))).says(), "record:closed");
    assert_eq!(paused(marked(closing())).says(), "record:closed");
    assert_eq!(paused(marked(row(blocked()))).says(), "record:closed");
    let observed = Case { mode: Mode::Observe, ..gone(marked(row(State::Ours))) };
    assert_eq!(observed.says(), "record:closed");
    // In an account that is not active nothing is listed.
    let asleep = Case { state: AccountState::Suspended, ..gone(marked(latched(row(State::Ours)))) };
    assert!(!asleep.says().contains("closed"), "{}", asleep.says());
}

#[test]
fn a_hold_on_the_account_holds_what_a_rule_would_repair() {
    let by_hand = Hold { by: HeldBy::DeletedByHand, at: at(1), reason: String::new() };
    let deleted = Row { hold: Some(by_hand), ..row(State::Closed) };
    let case = |orders| Case { row: Some(deleted.clone()), wanted: sync(), repair: true, orders, ..case() };
    assert_eq!(case(Orders::default()).says(), "grant");
    assert_eq!(case(holding("account:111122223333")).says(), "withheld:held");
}
