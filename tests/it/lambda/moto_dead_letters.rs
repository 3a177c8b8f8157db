//! What fails for good: put aside by the built functions, or moved by AWS; shown and tried again by the built tool.

use std::process::Stdio;

use serde_json::{Value, json};
use simulator::{Fault, FaultRule};
use tokio::process::Command;

use super::{
    function::built,
    service::{RULES, Service},
};

/// What the tool said, and how it ended.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Service {
    /// `usher <words> --ledger dynamodb:…`, as an operator has it.
    async fn usher(&self, words: &[&str], dead_inbox: &str) -> Ran {
        let output = Command::new(built("usher"))
            .args(words)
            .args(["--ledger", "dynamodb:usher-ledger"])
            .env_clear()
            .envs(self.envs())
            .env("USHER_DEAD_INBOX_QUEUE_URL", dead_inbox)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    async fn letters(&self, dead_inbox: &str) -> Vec<Value> {
        let ran = self.usher(&["dead-letters", "list", "--json"], dead_inbox).await;
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let listed: Value = serde_json::from_str(&ran.out).unwrap();
        listed["letters"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_poison_message_is_put_aside_with_its_cause_counted_shown_and_tried_again() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let dead_inbox = service.moto.fifo_queue("dead-inbox").await;
    let mut envs = service.envs();
    envs.insert("USHER_MAX_RECEIVES", "2".to_owned());
    let reconcile = service.function_with("reconcile", envs).await;
    let account = service.world().account_named("sandbox-data").unwrap();
    service.world().faults.add(FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: Some(account.clone()),
    });
    service.hint(&account, "poison").await;
    assert_eq!(service.deliver(&service.inbox, &reconcile).await.unwrap().failed.len(), 1);
    assert_eq!(service.deliver(&service.inbox, &reconcile).await.unwrap().failed.len(), 0);
    assert!(service.deliver(&service.inbox, &reconcile).await.is_none(), "its group is free");
    let counted = reconcile.function.log().line("\"_aws\"").await;
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!((&counted["DeadLetters"], &counted["Function"]), (&json!(1), &json!("reconcile")));
    service.assert_the_logs_are_discreet_json();

    let [letter] = service.letters(&dead_inbox).await.try_into().unwrap();
    assert_eq!((&letter["function"], &letter["tries"]), (&json!("reconcile"), &json!(2)));
    assert!(letter["cause"].as_str().unwrap().contains("cannot read account"), "{letter}");
    assert!(letter["about"].as_str().unwrap().contains(account.as_str()), "{letter}");
    let text = service.usher(&["dead-letters", "list"], &dead_inbox).await;
    assert!(text.out.contains("tried 2 times") && text.out.contains("1 dead letter."), "{}", text.out);

    // Nobody can try what is not there, and trying what still fails makes a letter of it once more.
    let unknown = service.usher(&["dead-letters", "retry", "nonsense"], &dead_inbox).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("no dead letter `nonsense`"), "{}", unknown.err);
    service.world().faults.clear_all();
    let id = letter["id"].as_str().unwrap();
    let retried = service.usher(&["dead-letters", "retry", id], &dead_inbox).await;
    assert_eq!(retried.code, Some(0), "{}{}", retried.out, retried.err);
    assert!(service.letters(&dead_inbox).await.is_empty());
    let delivery = service.deliver(&service.inbox, &reconcile).await.unwrap();
    assert_eq!((delivery.bodies.len(), delivery.failed.len()), (1, 0));
    assert_eq!(service.rows().await.iter().filter(|row| row.key.account == account).count(), 2);
}

#[tokio::test]
async fn what_aws_moved_away_by_itself_is_read_and_tried_again_too() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let dead_inbox = service.moto.fifo_queue("dead-inbox").await;
    let account = service.world().account_named("sandbox-data").unwrap();
    // What a queue's redrive leaves: the message as it was.
    let hint = json!({ "account": account, "cause": "event:e-1", "at": "2026-11-21T12:00:00Z" }).to_string();
    let message = service.moto.sqs().send_message().queue_url(&dead_inbox).message_body(&hint);
    message.message_group_id(account.as_str()).message_deduplication_id("e-1").send().await.unwrap();
    // What Lambda leaves of an event that failed for the last time.
    let event = json!({
        "version": "0", "id": "e3aa8c7a-0000-4000-8000-000000000003", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.organizations", "account": "111122223333", "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1", "resources": [],
        "detail": {
            "eventSource": "organizations.amazonaws.com", "eventName": "TagResource",
            "eventID": "e3aa8c7a-0000-4000-8000-000000000004",
            "requestParameters": { "resourceId": account },
        },
    });
    let record = json!({
        "version": "1.0", "timestamp": "2026-11-21T12:05:00.000Z",
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:111122223333:function:usher-on-account-event:$LATEST",
            "condition": "RetriesExhausted", "approximateInvokeCount": 3,
        },
        "requestPayload": event, "responseContext": { "functionError": "Unhandled" },
        "responsePayload": { "errorType": "x", "errorMessage": "cannot write to the inbox" },
    });
    service.send_to(&service.parked, &record.to_string()).await;
    service.send_to(&service.parked, "something else").await;

    let letters = service.letters(&dead_inbox).await;
    let causes: Vec<&str> = letters.iter().map(|letter| letter["cause"].as_str().unwrap()).collect();
    assert_eq!(letters.len(), 3, "{causes:?}");
    assert!(causes.contains(&"cannot write to the inbox"), "{causes:?}");
    assert!(causes.iter().any(|cause| cause.starts_with("unknown: the function died")), "{causes:?}");

    let retried = service.usher(&["dead-letters", "retry", "--all"], &dead_inbox).await;
    assert_eq!(retried.code, Some(1), "{}{}", retried.out, retried.err);
    assert!(retried.out.contains("1 accounts are looked at again"), "{}", retried.out);
    assert!(retried.out.contains("2 letters tried again, 1 failed."), "{}", retried.out);
    let left = service.letters(&dead_inbox).await;
    assert_eq!(left.len(), 1);
    assert!(left[0]["cannot_retry"].is_string(), "{left:?}");
    let reconcile = service.function("reconcile").await;
    let mut looked = 0;
    while let Some(delivery) = service.deliver(&service.inbox, &reconcile).await {
        looked += delivery.bodies.len();
        assert_eq!(delivery.failed, [""; 0]);
    }
    assert_eq!(looked, 2);
}
