//! Self-tests, good and bad: one record for each way, and nothing else, whoever has sent them.

use serde_json::{Value, json};
use shared::{
    domain::{Route, SelfTest, SelfTestId, SelfTestRecord},
    engine::{Heard, exported, self_test_record},
    events,
    ports::{Clock as _, LedgerReader as _, SeenKind},
};

use super::{
    model::{group, in_ou, rules},
    service::Service,
};

async fn settled() -> Service {
    let service = Service::new();
    let developers =
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"));
    service.publish(&rules([developers])).await;
    service.sweep_and_settle().await;
    service
}

fn test(service: &Service, id: u128, route: Route) -> SelfTest {
    SelfTest { id: SelfTestId::of(id), route, sent: service.clock.now() }
}

fn event(test: &SelfTest) -> Value {
    json!({
        "version": "0", "id": "0b3f7a52-0000-4000-8000-000000000001", "detail-type": events::self_test_type(test.route),
        "source": events::SELF_TEST, "account": "111122223333", "time": "2026-11-02T09:00:00Z", "region": "us-east-1", "resources": [],
        "detail": events::self_test_detail(test),
    })
}

async fn give(service: &Service, event: Value) -> Heard {
    let outcome = on_account_event::handle(event, service.ports.inbox(), &*service.parked).await.unwrap();
    service.check().await;
    outcome
}

/// All that the ledger holds but records of self-tests, and all that was asked of AWS or put into a queue.
async fn all_else(service: &Service) -> (String, usize, u64, usize) {
    let (lines, _) = exported(&*service.ledger, &*service.store, service.clock.now()).await.unwrap();
    let lines = lines.into_iter().skip(1).map(|line| serde_json::to_string(&line).unwrap());
    let waiting = [&service.inbox, &service.wake].iter().map(|queue| queue.depth().waiting).sum();
    let calls = service.world().counters().calls.values().sum();
    (lines.collect::<Vec<_>>().join("\n"), waiting, calls, service.parked.depth().waiting)
}

async fn record(service: &Service, route: Route) -> Option<SelfTestRecord> {
    self_test_record(&*service.ledger, route).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_self_test_is_written_down_with_the_times_of_its_hops_and_leads_to_nothing_else() {
    let service = settled().await;
    let before = all_else(&service).await;
    for route in Route::ALL {
        let sent = test(&service, 1, route);
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        assert_eq!(give(&service, event(&sent)).await, Heard::Noted(sent.id.clone()));
        let found = record(&service, route).await.unwrap();
        assert_eq!(found.test, sent);
        assert_eq!(found.received.duration_since(sent.sent).as_secs(), 3);
        assert!(found.written >= found.received);
    }
    assert_eq!(all_else(&service).await, before);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn forged_repeated_and_countless_self_tests_leave_two_records_and_nothing_else() {
    let service = settled().await;
    let before = all_else(&service).await;
    let first = test(&service, 1, Route::Direct);
    for _ in 0..3 {
        give(&service, event(&first)).await;
    }
    for id in 0..200 {
        tokio::time::advance(std::time::Duration::from_millis(5)).await;
        give(&service, event(&test(&service, id, Route::Direct))).await;
        give(&service, event(&test(&service, id + 1, Route::Forwarded))).await;
    }
    let kept = service.ledger.recall(SeenKind::SelfTest).await.unwrap();
    assert_eq!(kept.iter().map(|seen| seen.id.as_str()).collect::<Vec<_>>(), ["direct", "forwarded"]);
    assert_eq!(record(&service, Route::Direct).await.unwrap().test.id, SelfTestId::of(199));
    // What claims to have been sent at another time is written down as it says, by the function's own times.
    let odd = SelfTest { sent: jiff::Timestamp::MAX, ..test(&service, 9, Route::Direct) };
    give(&service, event(&odd)).await;
    let found = record(&service, Route::Direct).await.unwrap();
    assert_eq!((found.test, found.received), (odd, service.clock.now()));
    assert_eq!(all_else(&service).await, before);
    service.converged(&[]).await;
}

/// They are not parked either: whoever may put events on the bus could fill that queue, and wake somebody.
#[tokio::test(start_paused = true)]
async fn a_self_test_that_is_malformed_or_huge_or_full_of_other_things_leaves_nothing() {
    let service = settled().await;
    let before = all_else(&service).await;
    let good = event(&test(&service, 1, Route::Direct));
    let with = |place: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(place).unwrap() = value;
        event
    };
    let bad = [
        with("/detail", Value::Null),
        with("/detail", json!([])),
        with("/detail", json!("text")),
        with("/detail/id", json!(1)),
        with("/detail/id", json!("")),
        with("/detail/id", json!("0123456789ABCDEF0123456789ABCDEF")),
        with("/detail/id", json!("x".repeat(3_000_000))),
        with("/detail/id", json!("alba.abelson@example.com")),
        with("/detail/sent", json!("x".repeat(3_000_000))),
        with("/detail/sent", json!(null)),
        with("/detail-type", json!("AWS API Call via CloudTrail")),
        with("/detail-type", json!("y".repeat(1_000_000))),
    ];
    for event in bad {
        let shown: String = event.to_string().chars().take(200).collect();
        let outcome = give(&service, event).await;
        let Heard::Ignored(why) = outcome else { panic!("{shown}: {outcome:?}") };
        assert!(why.len() < 200 && !why.contains("alba"), "{shown}: {why}");
    }
    assert_eq!(service.ledger.recall(SeenKind::SelfTest).await.unwrap(), []);

    // What looks like an event of AWS inside is still none.
    let mut dressed = good.clone();
    dressed["resources"] = json!(["arn:aws:organizations::111122223333:account/o-exampleorg1/222233334444"]);
    dressed["detail"]["eventSource"] = json!("organizations.amazonaws.com");
    dressed["detail"]["eventName"] = json!("MoveAccount");
    dressed["detail"]["requestParameters"] = json!({ "accountId": "222233334444" });
    assert!(matches!(give(&service, dressed).await, Heard::Noted(_)));
    assert_eq!(all_else(&service).await, before);
    service.converged(&[]).await;
}
