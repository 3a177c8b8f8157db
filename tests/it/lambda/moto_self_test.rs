//! A self-test through the built function: its record is in the table, and nothing else is anywhere.

use serde_json::json;
use shared::{
    domain::{Route, SelfTest, SelfTestId},
    engine::self_test_record,
    events,
    ports::LedgerReader as _,
};

use super::service::Service;

#[tokio::test]
async fn a_self_test_is_written_into_the_table_and_leads_to_nothing_else() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-account-event").await;
    let requests = service.requests();
    for (number, route) in (1..).zip(Route::ALL) {
        let test =
            SelfTest { id: SelfTestId::of(number), route, sent: "2026-11-21T12:00:00.25Z".parse().unwrap() };
        let event = json!({
            "version": "0", "id": "e3aa8c7a-0000-4000-8000-000000000001", "detail-type": events::self_test_type(route),
            "source": events::SELF_TEST, "account": "111122223333", "time": "2026-11-21T12:00:00Z",
            "region": "us-east-1", "resources": [], "detail": events::self_test_detail(&test),
        });
        for _ in 0..2 {
            let answer = function.api.invoke(event.to_string()).await;
            assert_eq!(answer, Ok(json!({ "noted": test.id })));
        }
        let record = self_test_record(&service.ledger, route).await.unwrap().unwrap();
        assert_eq!(record.test, test);
        assert!(record.written >= record.received);
    }
    let odd = json!({ "source": events::SELF_TEST, "detail-type": "Usher Self-Test", "detail": { "id": "alba.abelson@example.com" } });
    let answer = function.api.invoke(odd.to_string()).await.unwrap();
    assert!(answer["ignored"].is_string(), "{answer}");
    assert_eq!(service.parked().await.len(), 0);
    assert_eq!(service.requests(), requests);
    assert_eq!(service.ledger.rows(None).await.unwrap().items, []);
    service.assert_the_logs_are_discreet_json();
}
