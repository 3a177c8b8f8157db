//! The promises of [`Ledger`].

use std::{collections::BTreeSet, future::ready, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::{
    aws::{DynamoDbLedger, create_table},
    domain::{AccountId, AssignmentKey, Mode, Operation, RulesVersion},
    ledger::{BudgetKey, Cause, Charge, Claim, Fence, Intent, Row, State, WRITES_AT_ONCE},
    local::SqliteLedger,
    ports::{Guard, Ledger, LedgerError, RowWrite, RulesInForce, Seen, SeenKind},
};

use crate::lambda::moto::Moto;

/// A ledger under test, and what has to live as long as it does.
struct Opened {
    ledger: Box<dyn Ledger>,
    _kept: Kept,
}

/// Held for its end.
#[expect(dead_code, reason = "what is kept does its work by being dropped")]
enum Kept {
    Nothing,
    Folder(tempfile::TempDir),
    Server(Box<Moto>),
}

/// Runs every promise over one adapter: `ledger_contract!(name, expression)`, see the module above.
macro_rules! ledger_contract {
    ($adapter:ident, $open:expr) => {
        ledger_contract! { @each $adapter, $open,
            rows_come_back_as_written_in_every_state
            the_version_counts_the_writes
            a_row_that_nobody_wrote_is_not_there
            the_rows_of_an_account_are_its_own_by_key
            a_row_made_twice_is_in_conflict_and_nothing_of_the_call_is_written
            a_stale_row_is_in_conflict_and_nothing_of_the_call_is_written
            a_row_that_was_never_there_cannot_be_updated
            of_many_concurrent_writers_of_one_row_exactly_one_wins
            ninety_rows_are_written_at_once
            ninety_rows_with_one_conflict_are_not_written
            a_write_under_other_rules_is_refused_and_nothing_is_written
            a_write_under_rules_is_refused_while_there_are_none
            a_write_under_an_old_fence_is_refused_and_nothing_is_written
            a_write_under_a_lease_given_back_is_refused
            a_write_of_no_rows_still_checks_its_guard
            budgets_are_charged_exactly_and_several_at_once
            a_budget_over_its_limit_is_refused_and_nothing_is_written_or_charged
            a_first_charge_over_the_limit_is_refused
            a_write_that_fails_charges_nothing
            the_limit_is_the_charges_own
            only_one_holds_the_lease
            an_expired_lease_goes_to_the_next_with_a_higher_fence
            a_renewed_lease_lasts_longer
            a_lease_that_passed_to_another_cannot_be_renewed
            a_lease_given_back_lets_the_next_in_with_a_higher_fence
            giving_back_a_lost_lease_is_harmless
            work_is_revokes_first_then_the_oldest_decision
            work_stops_at_the_limit
            rows_without_work_are_not_in_it_and_claimed_ones_are
            work_follows_the_row
            all_rows_come_by_pages_exactly_once
            only_closed_rows_at_that_version_are_forgotten
            a_forgotten_row_can_be_made_again
            rules_come_into_force_only_after_the_ones_expected
            what_is_remembered_comes_back_by_id_and_can_be_replaced
            kinds_are_remembered_apart
            what_is_unlearned_is_gone_and_the_rest_stays
        }
    };
    (@each $adapter:ident, $open:expr, $($promise:ident)*) => {
        mod $adapter {
            use super::*;

            $(
                #[tokio::test]
                async fn $promise() {
                    if let Some(opened) = $open.await {
                        super::$promise(opened.ledger.as_ref()).await;
                    }
                }
            )*
        }
    };
}

fn in_memory() -> Opened {
    Opened { ledger: Box::new(SqliteLedger::in_memory().unwrap()), _kept: Kept::Nothing }
}

fn in_a_file() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    Opened { ledger: Box::new(ledger), _kept: Kept::Folder(folder) }
}

async fn in_dynamodb() -> Option<Opened> {
    let moto = Moto::start().await;
    create_table(&moto.dynamodb(), "usher-ledger").await.unwrap();
    let ledger = DynamoDbLedger::new(moto.dynamodb(), "usher-ledger");
    Some(Opened { ledger: Box::new(ledger), _kept: Kept::Server(Box::new(moto)) })
}

ledger_contract!(sqlite_in_memory, ready(Some(in_memory())));
ledger_contract!(sqlite_file, ready(Some(in_a_file())));
ledger_contract!(moto_dynamodb, in_dynamodb());

// What the promises are told with.

const TTL: Duration = Duration::from_mins(2);

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn account(number: usize) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

fn key(account_number: usize, principal: usize) -> AssignmentKey {
    AssignmentKey {
        account: account(account_number),
        permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
            .parse()
            .unwrap(),
        principal: format!("group:9067642ac1-f10fac16-ab5b-45c3-86c1-{principal:012}").parse().unwrap(),
    }
}

fn rules(digit: char) -> RulesVersion {
    digit.to_string().repeat(64).parse().unwrap()
}

fn intent(decided_at: Timestamp) -> Intent {
    Intent { decided_at, not_before: None, fingerprint: "f1".to_owned(), claim: None }
}

fn claimed(decided_at: Timestamp) -> Intent {
    let request = Some("f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap());
    Intent {
        not_before: Some(at(77)),
        claim: Some(Claim { fence: Fence(3), at: at(78), request }),
        ..intent(decided_at)
    }
}

fn row(key: AssignmentKey, state: State) -> Row {
    Row {
        key,
        version: 0,
        state,
        wanted_by: [
            ("developers".parse().unwrap(), Mode::Sync),
            ("team.tag".parse().unwrap(), Mode::CreateOnly),
        ]
        .into(),
        rules: Some(rules('a')),
        cause: Cause::new("event", "6f1c"),
        attempts: 2,
        changed_at: "2026-11-02T09:00:00.123456789Z".parse().unwrap(),
        missing_since: None,
        departed_since: None,
        maybe_sent: false,
        closed_at: None,
        last_request: None,
        look_again: false,
        trouble: None,
    }
}

fn ours(principal: usize) -> Row {
    row(key(1, principal), State::Ours)
}

fn pending(principal: usize, decided_at: Timestamp) -> Row {
    row(key(1, principal), State::Granting(intent(decided_at)))
}

fn closing(principal: usize, decided_at: Timestamp) -> Row {
    row(key(1, principal), State::Closing(intent(decided_at)))
}

async fn write_under(ledger: &dyn Ledger, rows: &[Row], guard: &Guard) -> Result<(), LedgerError> {
    let writes: Vec<RowWrite> = rows.iter().map(|row| RowWrite { row: row.clone() }).collect();
    ledger.write(&writes, guard).await
}

async fn write(ledger: &dyn Ledger, rows: &[Row]) -> Result<(), LedgerError> {
    write_under(ledger, rows, &Guard::default()).await
}

async fn stored(ledger: &dyn Ledger, row: &Row) -> Row {
    ledger.row(&row.key).await.unwrap().unwrap()
}

async fn all(ledger: &dyn Ledger) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ledger.rows(after.as_deref()).await.unwrap();
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

fn changed(row: &Row) -> Result<(), LedgerError> {
    Err(LedgerError::RowChanged(Box::new(row.key.clone())))
}

fn budget(name: &str) -> BudgetKey {
    BudgetKey::of_cause(Operation::Revoke, &Cause::new("sweep", name), &rules('a'))
}

fn charge(budget: &BudgetKey, amount: u32, limit: u32) -> Guard {
    Guard { charges: vec![Charge { budget: budget.clone(), amount, limit }], ..Guard::default() }
}

fn in_force(digit: char, rules_count: usize) -> RulesInForce {
    RulesInForce { version: rules(digit), since: at(5), rules: rules_count }
}

fn under_rules(digit: char) -> Guard {
    Guard { rules: Some(rules(digit)), ..Guard::default() }
}

fn under_lease(fence: Fence) -> Guard {
    Guard { lease: Some(fence), ..Guard::default() }
}

fn seen(id: &str, value: serde_json::Value, seconds: i64) -> Seen {
    Seen { id: id.to_owned(), value, at: at(seconds) }
}

// Rows.

async fn rows_come_back_as_written_in_every_state(ledger: &dyn Ledger) {
    let states = [
        State::Granting(intent(at(1))),
        State::Granting(claimed(at(2))),
        State::Ours,
        State::Closing(intent(at(3))),
        State::Closing(claimed(at(4))),
        State::Closed,
        State::Uncertain {
            reason: "the engine died while it was sending “this”\nand said nothing".to_owned(),
        },
        State::Blocked {
            operation: Operation::Revoke,
            reason: "404 … was not found".to_owned(),
            fingerprint: "f2".to_owned(),
            retry_at: at(86_400),
        },
        State::Dormant,
    ];
    let mut rows: Vec<Row> =
        states.into_iter().enumerate().map(|(number, state)| row(key(1, number), state)).collect();
    rows.push(Row {
        wanted_by: [].into(),
        rules: None,
        attempts: u32::MAX,
        missing_since: Some(at(9)),
        departed_since: None,
        maybe_sent: false,
        closed_at: Some(at(7)),
        look_again: true,
        trouble: Some("throttled: Rate exceeded".to_owned()),
        ..ours(20)
    });
    let mut user = ours(21);
    user.key.principal = "user:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
    rows.push(user);

    write(ledger, &rows).await.unwrap();

    for row in &rows {
        assert_eq!(stored(ledger, row).await, Row { version: 1, ..row.clone() });
    }
    let written: Vec<Row> = rows.into_iter().map(|row| Row { version: 1, ..row }).collect();
    assert_eq!(ledger.rows_of(&account(1)).await.unwrap(), written);
}

async fn the_version_counts_the_writes(ledger: &dyn Ledger) {
    write(ledger, &[ours(1)]).await.unwrap();
    for version in 1..5 {
        let row = stored(ledger, &ours(1)).await;
        assert_eq!(row.version, version);
        write(ledger, &[row]).await.unwrap();
    }
}

async fn a_row_that_nobody_wrote_is_not_there(ledger: &dyn Ledger) {
    assert_eq!(ledger.row(&key(1, 1)).await, Ok(None));
    assert_eq!(ledger.rows_of(&account(1)).await, Ok(Vec::new()));
    assert_eq!(all(ledger).await, []);
    assert_eq!(ledger.work(10).await, Ok(Vec::new()));
}

async fn the_rows_of_an_account_are_its_own_by_key(ledger: &dyn Ledger) {
    let mut keys: Vec<AssignmentKey> = [9, 3, 12, 1].into_iter().map(|principal| key(2, principal)).collect();
    let mut user = key(2, 5);
    user.principal = "user:00000000-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
    let mut other_set = key(2, 5);
    other_set.permission_set =
        "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000".parse().unwrap();
    keys.extend([user, other_set]);
    let mut rows: Vec<Row> = keys.iter().map(|key| row(key.clone(), State::Closed)).collect();
    rows.extend([row(key(1, 7), State::Ours), row(key(3, 7), State::Ours)]);
    write(ledger, &rows).await.unwrap();

    let found: Vec<AssignmentKey> =
        ledger.rows_of(&account(2)).await.unwrap().into_iter().map(|row| row.key).collect();

    keys.sort();
    assert_eq!(found, keys);
}

async fn a_row_made_twice_is_in_conflict_and_nothing_of_the_call_is_written(ledger: &dyn Ledger) {
    write(ledger, &[ours(2)]).await.unwrap();

    let again = [ours(1), row(key(1, 2), State::Dormant), ours(3)];

    assert_eq!(write(ledger, &again).await, changed(&ours(2)));
    assert_eq!(all(ledger).await, [Row { version: 1, ..ours(2) }]);
}

async fn a_stale_row_is_in_conflict_and_nothing_of_the_call_is_written(ledger: &dyn Ledger) {
    write(ledger, &[ours(1), ours(2)]).await.unwrap();
    let (first, stale) = (stored(ledger, &ours(1)).await, stored(ledger, &ours(2)).await);
    write(ledger, std::slice::from_ref(&stale)).await.unwrap();

    let update = |row: &Row| Row { state: State::Dormant, ..row.clone() };

    assert_eq!(write(ledger, &[update(&first), update(&stale), ours(3)]).await, changed(&stale));
    assert_eq!(stored(ledger, &first).await, first);
    assert_eq!(stored(ledger, &stale).await, Row { version: 2, ..stale });
    assert_eq!(ledger.row(&ours(3).key).await, Ok(None));
}

async fn a_row_that_was_never_there_cannot_be_updated(ledger: &dyn Ledger) {
    let update = Row { version: 4, ..ours(1) };
    assert_eq!(write(ledger, std::slice::from_ref(&update)).await, changed(&update));
    assert_eq!(ledger.row(&update.key).await, Ok(None));
}

async fn of_many_concurrent_writers_of_one_row_exactly_one_wins(ledger: &dyn Ledger) {
    write(ledger, &[ours(1)]).await.unwrap();
    let read = stored(ledger, &ours(1)).await;
    let attempt = |number: u32| {
        let row = Row { attempts: number, ..read.clone() };
        async move { (number, write(ledger, &[row]).await) }
    };

    let (one, two, three, four) = tokio::join!(attempt(1), attempt(2), attempt(3), attempt(4));

    let outcomes = [one, two, three, four];
    let winners: Vec<u32> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(number, _)| *number).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(stored(ledger, &read).await, Row { version: 2, attempts: winners[0], ..read });
}

async fn ninety_rows_are_written_at_once(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..WRITES_AT_ONCE).map(ours).collect();
    ledger.bring_into_force(None, &in_force('a', 3)).await.unwrap();
    let lease = ledger.acquire_lease("engine", at(0), TTL).await.unwrap().unwrap();
    let mut guard = charge(&budget("one"), 90, 90);
    guard.charges.extend(charge(&budget("two"), 90, 100).charges);
    guard.rules = Some(rules('a'));
    guard.lease = Some(lease.fence);

    write_under(ledger, &rows, &guard).await.unwrap();

    assert_eq!(ledger.rows_of(&account(1)).await.unwrap().len(), 90);
    assert_eq!(ledger.spent(&budget("two")).await, Ok(90));
}

async fn ninety_rows_with_one_conflict_are_not_written(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..WRITES_AT_ONCE).map(ours).collect();
    write(ledger, &[ours(89)]).await.unwrap();
    assert_eq!(write(ledger, &rows).await, changed(&ours(89)));
    assert_eq!(all(ledger).await.len(), 1);
}

// Guards.

async fn a_write_under_other_rules_is_refused_and_nothing_is_written(ledger: &dyn Ledger) {
    ledger.bring_into_force(None, &in_force('a', 3)).await.unwrap();
    write_under(ledger, &[ours(1)], &under_rules('a')).await.unwrap();
    ledger.bring_into_force(Some(&rules('a')), &in_force('b', 3)).await.unwrap();

    let outcome = write_under(ledger, &[ours(2)], &under_rules('a')).await;

    assert_eq!(outcome, Err(LedgerError::RulesChanged));
    assert_eq!(all(ledger).await.len(), 1);
}

async fn a_write_under_rules_is_refused_while_there_are_none(ledger: &dyn Ledger) {
    let outcome = write_under(ledger, &[ours(1)], &under_rules('a')).await;
    assert_eq!(outcome, Err(LedgerError::RulesChanged));
    assert_eq!(all(ledger).await, []);
}

async fn a_write_under_an_old_fence_is_refused_and_nothing_is_written(ledger: &dyn Ledger) {
    let nobody = write_under(ledger, &[ours(1)], &under_lease(Fence(0))).await;
    assert_eq!(nobody, Err(LedgerError::LeaseLost));
    let old = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    write_under(ledger, &[ours(1)], &under_lease(old.fence)).await.unwrap();
    let new = ledger.acquire_lease("second", at(3600), TTL).await.unwrap().unwrap();

    assert_eq!(write_under(ledger, &[ours(2)], &under_lease(old.fence)).await, Err(LedgerError::LeaseLost));
    assert_eq!(all(ledger).await.len(), 1);
    assert_eq!(write_under(ledger, &[ours(2)], &under_lease(new.fence)).await, Ok(()));
}

async fn a_write_under_a_lease_given_back_is_refused(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    ledger.release_lease(&lease).await.unwrap();
    let outcome = write_under(ledger, &[ours(1)], &under_lease(lease.fence)).await;
    assert_eq!(outcome, Err(LedgerError::LeaseLost));
    assert_eq!(all(ledger).await, []);
}

async fn a_write_of_no_rows_still_checks_its_guard(ledger: &dyn Ledger) {
    assert_eq!(write(ledger, &[]).await, Ok(()));
    assert_eq!(write_under(ledger, &[], &under_rules('a')).await, Err(LedgerError::RulesChanged));
    let budget = budget("one");
    assert_eq!(write_under(ledger, &[], &charge(&budget, 3, 5)).await, Ok(()));
    assert_eq!(ledger.spent(&budget).await, Ok(3));
}

// Budgets.

async fn budgets_are_charged_exactly_and_several_at_once(ledger: &dyn Ledger) {
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

async fn a_budget_over_its_limit_is_refused_and_nothing_is_written_or_charged(ledger: &dyn Ledger) {
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

async fn a_first_charge_over_the_limit_is_refused(ledger: &dyn Ledger) {
    let budget = budget("one");
    for (amount, limit) in [(5, 4), (1, 0)] {
        let outcome = write_under(ledger, &[ours(1)], &charge(&budget, amount, limit)).await;
        assert_eq!(outcome, Err(LedgerError::BudgetSpent(budget.clone())));
    }
    assert_eq!(all(ledger).await, []);
    assert_eq!(write_under(ledger, &[ours(1)], &charge(&budget, 4, 4)).await, Ok(()));
}

async fn a_write_that_fails_charges_nothing(ledger: &dyn Ledger) {
    let budget = budget("one");
    write(ledger, &[ours(1)]).await.unwrap();
    assert_eq!(write_under(ledger, &[ours(1)], &charge(&budget, 1, 10)).await, changed(&ours(1)));
    assert_eq!(ledger.spent(&budget).await, Ok(0));
}

async fn the_limit_is_the_charges_own(ledger: &dyn Ledger) {
    let budget = budget("one");
    write_under(ledger, &[ours(1)], &charge(&budget, 5, 5)).await.unwrap();
    write_under(ledger, &[ours(2)], &charge(&budget, 5, 20)).await.unwrap();
    let outcome = write_under(ledger, &[ours(3)], &charge(&budget, 1, 8)).await;
    assert_eq!(outcome, Err(LedgerError::BudgetSpent(budget.clone())));
    assert_eq!(ledger.spent(&budget).await, Ok(10));
}

// The lease.

async fn only_one_holds_the_lease(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    assert_eq!(lease.holder, "first");
    assert_eq!(lease.expires_at, at(120));
    for moment in [0, 1, 119] {
        assert_eq!(ledger.acquire_lease("second", at(moment), TTL).await, Ok(None));
        assert_eq!(ledger.acquire_lease("first", at(moment), TTL).await, Ok(None), "held is held");
    }
}

async fn an_expired_lease_goes_to_the_next_with_a_higher_fence(ledger: &dyn Ledger) {
    let mut fences = Vec::new();
    for number in 0..4 {
        let lease = ledger.acquire_lease("engine", at(number * 120), TTL).await.unwrap().unwrap();
        fences.push(lease.fence);
    }
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
}

async fn a_renewed_lease_lasts_longer(ledger: &dyn Ledger) {
    let lease = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let renewed = ledger.renew_lease(&lease, at(100), TTL).await.unwrap();
    assert_eq!(renewed.expires_at, at(220));
    assert_eq!((renewed.fence, renewed.holder.as_str()), (lease.fence, "first"));
    assert_eq!(ledger.acquire_lease("second", at(219), TTL).await, Ok(None));
    assert_eq!(write_under(ledger, &[ours(1)], &under_lease(renewed.fence)).await, Ok(()));
    assert!(ledger.acquire_lease("second", at(220), TTL).await.unwrap().is_some());
}

async fn a_lease_that_passed_to_another_cannot_be_renewed(ledger: &dyn Ledger) {
    let lost = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let held = ledger.acquire_lease("second", at(120), TTL).await.unwrap().unwrap();
    assert_eq!(ledger.renew_lease(&lost, at(121), TTL).await, Err(LedgerError::LeaseLost));
    assert_eq!(ledger.acquire_lease("third", at(239), TTL).await, Ok(None), "the holder's time is unchanged");

    ledger.release_lease(&held).await.unwrap();
    assert_eq!(ledger.renew_lease(&held, at(122), TTL).await, Err(LedgerError::LeaseLost));
}

async fn a_lease_given_back_lets_the_next_in_with_a_higher_fence(ledger: &dyn Ledger) {
    let first = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    ledger.release_lease(&first).await.unwrap();
    let second = ledger.acquire_lease("second", at(1), TTL).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
}

async fn giving_back_a_lost_lease_is_harmless(ledger: &dyn Ledger) {
    let lost = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    let held = ledger.acquire_lease("second", at(120), TTL).await.unwrap().unwrap();

    ledger.release_lease(&lost).await.unwrap();
    ledger.release_lease(&lost).await.unwrap();

    assert_eq!(ledger.acquire_lease("third", at(121), TTL).await, Ok(None));
    assert_eq!(write_under(ledger, &[ours(1)], &under_lease(held.fence)).await, Ok(()));
}

// Work.

async fn worked(ledger: &dyn Ledger, limit: usize) -> Vec<AssignmentKey> {
    ledger.work(limit).await.unwrap().into_iter().map(|row| row.key).collect()
}

async fn work_is_revokes_first_then_the_oldest_decision(ledger: &dyn Ledger) {
    let rows = [
        pending(1, at(20)),
        closing(2, at(900)),
        pending(3, at(10)),
        closing(4, at(30)),
        pending(5, at(-86_400)),
        // Whole seconds and parts of a second, which are written with more digits.
        closing(6, "2026-11-02T09:00:30.5Z".parse().unwrap()),
        closing(7, "2026-11-02T09:00:29.999Z".parse().unwrap()),
    ];
    write(ledger, &rows).await.unwrap();
    let expected: Vec<AssignmentKey> =
        [7, 4, 6, 2, 5, 3, 1].into_iter().map(|number| key(1, number)).collect();

    assert_eq!(worked(ledger, 100).await, expected);

    let work = ledger.work(1).await.unwrap();
    assert_eq!(work, [stored(ledger, &rows[6]).await], "with its version and all it says");
}

async fn work_stops_at_the_limit(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..20).map(|number| pending(number, at(i64::try_from(number).unwrap()))).collect();
    write(ledger, &rows).await.unwrap();
    assert_eq!(worked(ledger, 3).await, [key(1, 0), key(1, 1), key(1, 2)]);
    assert_eq!(worked(ledger, 20).await.len(), 20);
    assert_eq!(worked(ledger, 0).await, []);
}

async fn rows_without_work_are_not_in_it_and_claimed_ones_are(ledger: &dyn Ledger) {
    let blocked = State::Blocked {
        operation: Operation::Grant,
        reason: "no".to_owned(),
        fingerprint: "f".to_owned(),
        retry_at: at(0),
    };
    let rows = [
        ours(1),
        row(key(1, 2), State::Closed),
        row(key(1, 3), State::Uncertain { reason: "perhaps".to_owned() }),
        row(key(1, 4), blocked),
        row(key(1, 5), State::Dormant),
        row(key(1, 6), State::Granting(claimed(at(6)))),
        row(key(1, 7), State::Closing(claimed(at(7)))),
        row(key(1, 8), State::Closing(intent(at(5)))),
    ];
    write(ledger, &rows).await.unwrap();
    // What may be with AWS comes first, whatever it does: it must never be lost sight of behind a backlog.
    assert_eq!(worked(ledger, 100).await, [key(1, 6), key(1, 7), key(1, 8)]);
}

async fn work_follows_the_row(ledger: &dyn Ledger) {
    write(ledger, &[pending(1, at(1)), pending(2, at(2))]).await.unwrap();
    let made = stored(ledger, &pending(1, at(1))).await.into_state(State::Ours, at(3));
    write(ledger, &[made]).await.unwrap();
    assert_eq!(worked(ledger, 100).await, [key(1, 2)]);

    let unwanted = stored(ledger, &ours(1)).await.into_state(State::Closing(intent(at(4))), at(4));
    write(ledger, &[unwanted]).await.unwrap();
    assert_eq!(worked(ledger, 100).await, [key(1, 1), key(1, 2)]);
}

// All rows, and forgetting.

async fn all_rows_come_by_pages_exactly_once(ledger: &dyn Ledger) {
    let rows: Vec<Row> = (0..450).map(|number| row(key(number % 7, number), State::Ours)).collect();
    for rows in rows.chunks(WRITES_AT_ONCE) {
        write(ledger, rows).await.unwrap();
    }
    ledger.bring_into_force(None, &in_force('a', 1)).await.unwrap();
    ledger.acquire_lease("engine", at(0), TTL).await.unwrap();
    ledger.remember(SeenKind::Group, &[seen("Developers", json!(null), 0)]).await.unwrap();

    let found = all(ledger).await;

    assert_eq!(found.len(), rows.len());
    let keys: BTreeSet<AssignmentKey> = found.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, rows.into_iter().map(|row| row.key).collect());
}

async fn only_closed_rows_at_that_version_are_forgotten(ledger: &dyn Ledger) {
    let closed = |number| row(key(1, number), State::Closed);
    let rows = [closed(1), closed(2), ours(3), pending(4, at(4)), closed(5), row(key(1, 6), State::Dormant)];
    write(ledger, &rows).await.unwrap();
    let mut read = ledger.rows_of(&account(1)).await.unwrap();
    let reopened = read[1].clone().into_state(State::Granting(intent(at(7))), at(7));
    write(ledger, &[reopened, read[4].clone()]).await.unwrap();
    // Whatever the caller believes of them.
    for row in &mut read {
        row.state = State::Closed;
    }
    read.push(Row { version: 1, ..closed(99) });

    ledger.forget(&read).await.unwrap();

    let left: Vec<AssignmentKey> =
        ledger.rows_of(&account(1)).await.unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(left, [key(1, 2), key(1, 3), key(1, 4), key(1, 5), key(1, 6)]);
    ledger.forget(&[]).await.unwrap();
}

async fn a_forgotten_row_can_be_made_again(ledger: &dyn Ledger) {
    write(ledger, &[row(key(1, 1), State::Closed)]).await.unwrap();
    let closed = stored(ledger, &ours(1)).await;
    ledger.forget(std::slice::from_ref(&closed)).await.unwrap();

    assert_eq!(write(ledger, std::slice::from_ref(&closed)).await, changed(&closed));
    assert_eq!(write(ledger, &[ours(1)]).await, Ok(()));
    assert_eq!(stored(ledger, &ours(1)).await, Row { version: 1, ..ours(1) });
}

// Rules.

async fn rules_come_into_force_only_after_the_ones_expected(ledger: &dyn Ledger) {
    let (a, b) = (in_force('a', 3), in_force('b', 12));
    assert_eq!(ledger.rules_in_force().await, Ok(None));
    assert_eq!(ledger.bring_into_force(Some(&rules('a')), &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.rules_in_force().await, Ok(None));

    ledger.bring_into_force(None, &a).await.unwrap();
    assert_eq!(ledger.bring_into_force(None, &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.bring_into_force(Some(&rules('c')), &b).await, Err(LedgerError::RulesChanged));
    assert_eq!(ledger.rules_in_force().await, Ok(Some(a)));

    ledger.bring_into_force(Some(&rules('a')), &b).await.unwrap();
    assert_eq!(ledger.rules_in_force().await, Ok(Some(b)));
}

// What was seen.

async fn what_is_remembered_comes_back_by_id_and_can_be_replaced(ledger: &dyn Ledger) {
    let value = json!({ "name": "Größe “9”", "tags": { "a": [1, null, true] } });
    let many: Vec<Seen> =
        (0..60).map(|number| seen(&format!("group {number:02}/ä"), value.clone(), number)).collect();
    ledger.remember(SeenKind::Group, &[]).await.unwrap();
    let (odd, even): (Vec<Seen>, Vec<Seen>) =
        many.iter().cloned().partition(|seen| seen.at.as_second() % 2 == 1);
    ledger.remember(SeenKind::Group, &odd).await.unwrap();
    ledger.remember(SeenKind::Group, &even).await.unwrap();
    assert_eq!(ledger.recall(SeenKind::Group).await, Ok(many.clone()));

    let newer = seen("group 07/ä", json!(null), 5000);
    ledger.remember(SeenKind::Group, std::slice::from_ref(&newer)).await.unwrap();

    let mut expected = many;
    expected[7] = newer;
    assert_eq!(ledger.recall(SeenKind::Group).await, Ok(expected));
}

async fn kinds_are_remembered_apart(ledger: &dyn Ledger) {
    let kinds = [
        SeenKind::PermissionSet,
        SeenKind::Group,
        SeenKind::User,
        SeenKind::OrganizationalUnit,
        SeenKind::Fact,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        ledger.remember(kind, &[seen("same", json!(number), 0)]).await.unwrap();
    }
    for (number, kind) in kinds.into_iter().enumerate() {
        assert_eq!(ledger.recall(kind).await, Ok(vec![seen("same", json!(number), 0)]));
    }
}

async fn what_is_unlearned_is_gone_and_the_rest_stays(ledger: &dyn Ledger) {
    let all: Vec<Seen> =
        ["a", "b", "c", "d"].into_iter().map(|id| seen(id, json!("ou-ab12-cdefgh34"), 1)).collect();
    ledger.remember(SeenKind::OrganizationalUnit, &all).await.unwrap();
    ledger.remember(SeenKind::Fact, &all).await.unwrap();

    let ids = ["b", "d", "never there"].map(str::to_owned);
    ledger.unlearn(SeenKind::OrganizationalUnit, &ids).await.unwrap();
    ledger.unlearn(SeenKind::OrganizationalUnit, &[]).await.unwrap();

    let left = ledger.recall(SeenKind::OrganizationalUnit).await.unwrap();
    assert_eq!(left, [all[0].clone(), all[2].clone()]);
    assert_eq!(ledger.recall(SeenKind::Fact).await, Ok(all));
}
