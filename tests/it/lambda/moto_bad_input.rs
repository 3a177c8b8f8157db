//! What no function should ever be given, given to it.

use serde_json::{Value, json};
use simulator::{Fault, FaultRule};

use super::{
    runtime_api::FunctionError,
    service::{Lambda, RULES, Service},
};

const LARGE: usize = 900 * 1024;

fn tagged(account: &str) -> Value {
    json!({
        "version": "0", "id": "e3aa8c7a-0000-4000-8000-000000000001", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.organizations", "account": "111122223333", "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1", "resources": [],
        "detail": {
            "eventSource": "organizations.amazonaws.com", "eventName": "TagResource",
            "eventID": "e3aa8c7a-0000-4000-8000-000000000002", "requestParameters": { "resourceId": account },
        },
    })
}

/// The function still answers.
async fn assert_well(function: &Lambda) {
    let outcome = function.api.invoke(tagged("200032323232").to_string()).await;
    assert_eq!(outcome, Ok(json!({ "hinted": 1 })));
}

#[tokio::test]
async fn an_event_that_is_not_json_is_an_error_and_the_next_one_is_served() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-account-event").await;
    for garbage in ["", "{", "not JSON: alba.abelson@example.com", "\u{0}\u{1}"] {
        let outcome = function.api.invoke(garbage).await;
        assert!(matches!(outcome, Err(FunctionError::Reported { .. })), "{garbage}: {outcome:?}");
        assert_well(&function).await;
    }
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn json_of_an_unknown_shape_is_parked_once_and_done_with() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-account-event").await;
    let shapes = [
        json!(null),
        json!("alba.abelson@example.com"),
        json!([1, 2, 3]),
        json!({ "detail-type": "x", "source": ["Alba Abelson"], "detail": {} }),
        json!({ "Records": [{ "body": "{}" }] }),
    ];
    for shape in &shapes {
        let answer = function.api.invoke(shape.to_string()).await.unwrap();
        assert!(answer["parked"].is_string(), "{shape}: {answer}");
    }
    let parked = service.parked().await;
    assert_eq!(parked.len(), shapes.len());
    for shape in shapes {
        // The order of members may be another: it means nothing.
        let payload =
            |parked: &Value| serde_json::from_str::<Value>(parked["payload"].as_str().unwrap()).unwrap();
        let mut same = parked.iter().filter(|parked| payload(parked) == shape);
        assert_eq!(same.next().map(|parked| &parked["by"]), Some(&json!("on-account-event")), "{shape}");
    }
    assert_well(&function).await;
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn a_huge_event_that_cannot_be_read_is_parked_cut_short() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-account-event").await;
    let huge = [
        json!("\"".repeat(LARGE / 2)),
        json!({ "detail-type": "x".repeat(LARGE), "source": 1, "detail": {} }),
        json!({ "detail-type": "y", "source": "z", "time": "t".repeat(LARGE), "detail": {} }),
        json!({ "detail-type": "AWS API Call via CloudTrail", "source": "aws.organizations",
                "detail": { "eventName": "MoveAccount", "requestParameters": { "accountId": "1".repeat(LARGE) } } }),
    ];
    for event in &huge {
        let answer = function.api.invoke(event.to_string()).await.unwrap();
        assert!(answer["parked"].is_string());
    }
    assert_eq!(service.parked().await.len(), huge.len());
    let longest = service.lines().iter().map(|(_, line)| line.len()).max();
    assert!(longest < Some(4096), "{longest:?} bytes in a log line");
    assert_well(&function).await;
}

#[tokio::test]
async fn a_huge_event_that_can_be_read_is_read() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-account-event").await;
    let mut event = tagged("200032323232");
    event["detail"]["requestParameters"]["tags"] = json!("x".repeat(LARGE));
    assert_eq!(function.api.invoke(event.to_string()).await, Ok(json!({ "hinted": 1 })));
    assert_eq!(service.parked().await, [json!(null); 0]);
}

#[tokio::test]
async fn a_foreign_body_between_good_ones_is_parked_and_its_neighbours_are_decided() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let reconcile = service.function("reconcile").await;
    let [one, other] =
        ["sandbox-payments", "sandbox-data"].map(|name| service.world().account_named(name).unwrap());
    service.hint(&one, "one").await;
    let foreign = [
        "\"alba.abelson@example.com\"",
        "not a hint of Alba Abelson",
        r#"{"account": "Alba Abelson", "cause": "x", "at": "now"}"#,
    ];
    for (number, body) in foreign.iter().enumerate() {
        service.send("foreign", &number.to_string(), body).await;
    }
    service.hint(&other, "other").await;

    while let Some(delivery) = service.deliver(&service.inbox, &reconcile).await {
        assert_eq!(delivery.failed, [""; 0], "{}", reconcile.function.log().tail());
        delivery.answer.unwrap();
    }

    let parked = service.parked().await;
    let mut payloads: Vec<&str> = parked.iter().map(|parked| parked["payload"].as_str().unwrap()).collect();
    payloads.sort_unstable();
    let mut expected = foreign;
    expected.sort_unstable();
    assert_eq!(payloads, expected);
    let rows = service.rows().await;
    for account in [&one, &other] {
        assert_eq!(rows.iter().filter(|row| row.key.account == *account).count(), 2, "{account}");
    }
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn an_account_that_cannot_be_read_fails_only_its_own_group() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let reconcile = service.function("reconcile").await;
    let [bad, good, fine] = ["sandbox-payments", "sandbox-data", "log-archive"]
        .map(|name| service.world().account_named(name).unwrap());
    service.world().faults.add(FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: Some(bad.clone()),
    });
    for (account, cause) in [(&good, "1"), (&bad, "2"), (&bad, "3"), (&fine, "4")] {
        service.hint(account, cause).await;
    }

    // One batch with all of them, in the order in which they were sent.
    let delivery = service.deliver(&service.inbox, &reconcile).await.unwrap();
    assert_eq!(delivery.bodies.len(), 4);
    let of_bad: Vec<_> = delivery.bodies.iter().filter(|body| body.contains(bad.as_str())).cloned().collect();
    assert_eq!(delivery.failed, of_bad, "{}", reconcile.function.log().tail());
    assert_eq!(delivery.failed.len(), 2);
    let rows = service.rows().await;
    let accounts: Vec<_> = rows.iter().map(|row| row.key.account.clone()).collect();
    assert!(accounts.contains(&good) && accounts.contains(&fine) && !accounts.contains(&bad), "{accounts:?}");
    let said = reconcile.function.log().lines();
    let errors = said.iter().filter(|line| line.contains("\"ERROR\"") && line.contains(bad.as_str()));
    assert_eq!(errors.count(), 1, "{said:?}");

    // As soon as it can be read, the same messages do.
    service.world().faults.clear_all();
    while let Some(delivery) = service.deliver(&service.inbox, &reconcile).await {
        assert_eq!(delivery.failed, [""; 0]);
    }
    assert!(service.rows().await.iter().any(|row| row.key.account == bad));
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn whatever_wakes_the_engine_it_looks() {
    let service = Service::start(Service::quick()).await;
    let provision = service.function("provision").await;
    for wake in
        [json!({ "Records": [{ "body": "anything" }] }), json!({ "source": "aws.events" }), json!(null)]
    {
        let answer = provision.api.invoke(wake.to_string()).await;
        assert_eq!(answer.map(|answer| answer["end"].clone()), Ok(json!("done")), "{wake}");
    }
}
