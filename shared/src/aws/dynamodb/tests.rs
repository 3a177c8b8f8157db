//! Paging, and what an item looks like. What the ledger does is told by the contract tests that all ledgers share.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    operation::{query::QueryOutput, scan::ScanOutput},
    types::AttributeValue,
};
use aws_smithy_mocks::mock;

use super::{
    DynamoDbLedger, item,
    item::{Item, Place, WORK_ORDER, number, text},
};
use crate::{
    aws::testing::client,
    domain::AssignmentKey,
    ledger::{Cause, Intent, Row, State},
    ports::{LedgerError, LedgerReader as _, PortError, SeenKind},
};

fn key(account: &str) -> AssignmentKey {
    AssignmentKey {
        account: account.parse().unwrap(),
        permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
            .parse()
            .unwrap(),
        principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
    }
}

fn row(account: &str, state: State) -> Row {
    Row {
        key: key(account),
        version: 7,
        state,
        wanted_by: BTreeMap::new(),
        rules: None,
        cause: Cause::new("event", "1"),
        attempts: 0,
        conflicts: 0,
        changed_at: "2026-01-01T00:00:00Z".parse().unwrap(),
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

fn intent(decided_at: &str) -> Intent {
    Intent {
        decided_at: decided_at.parse().unwrap(),
        not_before: None,
        not_after: None,
        fingerprint: "f".into(),
        claim: None,
    }
}

fn order(row: &Row) -> String {
    match item::from_row(row, 1).unwrap().remove(WORK_ORDER) {
        Some(AttributeValue::S(order)) => order,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_accounts_rows_are_read_from_all_pages_and_consistently() {
    let first = mock!(Client::query)
        .match_requests(|request| {
            request.exclusive_start_key().is_none() && request.consistent_read() == Some(true)
        })
        .then_output(|| {
            let row = item::from_row(&row("111111111111", State::Ours), 7).unwrap();
            let next = Place::row(&key("111111111111")).into_item();
            QueryOutput::builder().items(row).set_last_evaluated_key(Some(next)).build()
        });
    let second = mock!(Client::query)
        .match_requests(|request| {
            request.exclusive_start_key() == Some(&Place::row(&key("111111111111")).into_item())
                && request.consistent_read() == Some(true)
        })
        .then_output(|| {
            let mut other = row("111111111111", State::Closed);
            other.key.principal = "user:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap();
            QueryOutput::builder().items(item::from_row(&other, 8).unwrap()).build()
        });
    let ledger = DynamoDbLedger::new(client!(aws_sdk_dynamodb, &first, &second), "ledger");

    let rows = ledger.rows_of(&"111111111111".parse().unwrap()).await.unwrap();

    assert_eq!(rows[0], row("111111111111", State::Ours));
    assert_eq!((rows.len(), rows[1].version, &rows[1].state), (2, 8, &State::Closed));
}

#[tokio::test]
async fn a_page_of_all_rows_is_never_empty_before_the_end() {
    let rule = mock!(Client::scan)
        .sequence()
        .output(|| {
            ScanOutput::builder()
                .set_items(Some(vec![]))
                .set_last_evaluated_key(Some(Place::lease().into_item()))
                .build()
        })
        .output(|| {
            let row = item::from_row(&row("111111111111", State::Ours), 7).unwrap();
            ScanOutput::builder().items(row).set_last_evaluated_key(Some(Place::rules().into_item())).build()
        })
        .output(|| ScanOutput::builder().set_items(Some(vec![])).build())
        .build();
    let ledger = DynamoDbLedger::new(client!(aws_sdk_dynamodb, &rule), "ledger");

    let page = ledger.rows(None).await.unwrap();
    assert_eq!(page.items, [row("111111111111", State::Ours)]);
    let end = ledger.rows(page.next.as_deref()).await.unwrap();
    assert_eq!((end.items.len(), end.next), (0, None));
    assert!(matches!(ledger.rows(Some("nowhere")).await, Err(LedgerError::Port(PortError::Refused(_)))));
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_not_a_missing_row() {
    let mut damaged: Item = item::from_row(&row("111111111111", State::Ours), 7).unwrap();
    damaged.insert(item::ROW_JSON.to_owned(), text("{}"));
    let rule =
        mock!(Client::query).then_output(move || QueryOutput::builder().items(damaged.clone()).build());
    let ledger = DynamoDbLedger::new(client!(aws_sdk_dynamodb, &rule), "ledger");
    let read = ledger.rows_of(&"111111111111".parse().unwrap()).await;
    assert!(matches!(read, Err(LedgerError::Port(PortError::Refused(_)))));
}

#[test]
fn revokes_come_before_grants_and_then_the_oldest() {
    let old_grant = order(&row("111111111111", State::Granting(intent("2026-01-01T00:00:00Z"))));
    let new_grant = order(&row("111111111111", State::Granting(intent("2026-01-01T00:00:00.5Z"))));
    let newer_grant = order(&row("111111111111", State::Granting(intent("2026-01-01T00:00:01Z"))));
    let revoke = order(&row("111111111111", State::Closing(intent("2026-06-01T00:00:00Z"))));
    assert!(revoke < old_grant && old_grant < new_grant && new_grant < newer_grant);
}

#[test]
fn a_row_without_work_is_not_in_the_index_and_no_row_ever_expires() {
    let item = item::from_row(&row("111111111111", State::Ours), 8).unwrap();
    let names: std::collections::BTreeSet<&str> = item.keys().map(String::as_str).collect();
    assert_eq!(names, ["pk", "sk", "row_json", "row_version", "row_state"].into());
    assert_eq!(item["row_version"], number(8));
    let working =
        item::from_row(&row("111111111111", State::Granting(intent("2026-01-01T00:00:00Z"))), 8).unwrap();
    assert!(!working.contains_key(item::BUDGET_EXPIRES));
    assert_eq!(working["work"], text("work"));
}

#[test]
fn a_name_longer_than_a_sort_key_has_its_place_too() {
    let (long, longer) = ("x".repeat(4000), "x".repeat(4001));
    let (a, b) = (Place::seen(SeenKind::Group, &long), Place::seen(SeenKind::Group, &longer));
    assert!(a.sk.len() < 1024 && a != b);
    assert_eq!(Place::seen(SeenKind::Group, "").sk, "id#");
}
