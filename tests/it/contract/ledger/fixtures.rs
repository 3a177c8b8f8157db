//! What the promises are told with.

pub(super) use std::{collections::BTreeSet, time::Duration};

pub(super) use jiff::{SignedDuration, Timestamp};
pub(super) use serde_json::json;
pub(super) use shared::{
    domain::{AccountId, AssignmentKey, Mode, Operation, RulesVersion},
    ledger::{
        Approval, BudgetKey, Cause, Charge, Claim, Fence, HeldBy, Hold, Intent, Order, Orders, OverBudget,
        Row, State, WRITES_AT_ONCE,
    },
    ports::{Guard, Ledger, LedgerError, RowWrite, RulesInForce, Seen, SeenKind},
};

pub(super) const TTL: Duration = Duration::from_mins(2);

pub(super) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

pub(super) fn account(number: usize) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

pub(super) fn key(account_number: usize, principal: usize) -> AssignmentKey {
    AssignmentKey {
        account: account(account_number),
        permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
            .parse()
            .unwrap(),
        principal: format!("group:9067642ac1-f10fac16-ab5b-45c3-86c1-{principal:012}").parse().unwrap(),
    }
}

pub(super) fn rules(digit: char) -> RulesVersion {
    digit.to_string().repeat(64).parse().unwrap()
}

pub(super) fn intent(decided_at: Timestamp) -> Intent {
    Intent { decided_at, not_before: None, not_after: None, fingerprint: "f1".to_owned(), claim: None }
}

pub(super) fn claimed(decided_at: Timestamp) -> Intent {
    let request = Some("f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap());
    Intent {
        not_before: Some(at(77)),
        not_after: Some(at(7700)),
        claim: Some(Claim { fence: Fence(3), at: at(78), request, polled: None }),
        ..intent(decided_at)
    }
}

pub(crate) fn row(key: AssignmentKey, state: State) -> Row {
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
        conflicts: 3,
        changed_at: "2026-11-02T09:00:00.123456789Z".parse().unwrap(),
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
    }
}

pub(super) fn ours(principal: usize) -> Row {
    row(key(1, principal), State::Ours)
}

pub(super) fn pending(principal: usize, decided_at: Timestamp) -> Row {
    row(key(1, principal), State::Granting(intent(decided_at)))
}

pub(super) fn closing(principal: usize, decided_at: Timestamp) -> Row {
    row(key(1, principal), State::Closing(intent(decided_at)))
}

pub(super) async fn write_under(ledger: &dyn Ledger, rows: &[Row], guard: &Guard) -> Result<(), LedgerError> {
    let writes: Vec<RowWrite> = rows.iter().map(|row| RowWrite::of(row.clone())).collect();
    ledger.write(&writes, guard).await
}

pub(super) async fn write(ledger: &dyn Ledger, rows: &[Row]) -> Result<(), LedgerError> {
    write_under(ledger, rows, &Guard::default()).await
}

pub(super) async fn stored(ledger: &dyn Ledger, row: &Row) -> Row {
    ledger.row(&row.key).await.unwrap().unwrap()
}

pub(super) async fn all(ledger: &dyn Ledger) -> Vec<Row> {
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

pub(super) fn changed(row: &Row) -> Result<(), LedgerError> {
    Err(LedgerError::RowChanged(Box::new(row.key.clone())))
}

pub(super) fn budget(name: &str) -> BudgetKey {
    BudgetKey::of_cause(Operation::Revoke, &Cause::new("sweep", name), &rules('a'))
}

pub(super) fn charge(budget: &BudgetKey, amount: u32, limit: u32) -> Guard {
    Guard { charges: vec![Charge { budget: budget.clone(), amount, limit }], ..Guard::default() }
}

pub(super) fn in_force(digit: char, rules_count: usize) -> RulesInForce {
    RulesInForce { version: rules(digit), since: at(5), rules: rules_count, provenance: None }
}

pub(super) fn under_rules(digit: char) -> Guard {
    Guard { rules: Some(rules(digit)), ..Guard::default() }
}

pub(super) fn under_lease(fence: Fence) -> Guard {
    Guard { lease: Some(fence), ..Guard::default() }
}

pub(super) fn seen(id: &str, value: serde_json::Value, seconds: i64) -> Seen {
    Seen { id: id.to_owned(), value, at: at(seconds) }
}
