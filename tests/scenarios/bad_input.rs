//! What no one should have sent, and settings of AWS in which nothing can work: nothing changes, nothing is lost, and the error
//! says what to do.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shared::engine::Heard;
use shared::{
    causes::joined,
    engine::{AccountHint, Parked, Rulebook, SweepError},
    ledger::Cause,
    ports::{Clock as _, Ledger as _, Queue as _, Seen, SeenKind},
    rules::Bundle,
};

use super::{
    model::{Rules, group, in_ou, rules},
    records::sqs_event,
    service::Service,
};

fn document() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("play", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ])
}

async fn settled() -> Service {
    let service = Service::new();
    service.publish(&document()).await;
    service.sweep_and_settle().await;
    service
}

fn moved(account: &Value) -> Value {
    json!({
        "version": "0", "id": "0b3f7a52-0000-4000-8000-000000000001", "source": "aws.organizations",
        "detail-type": "AWS API Call via CloudTrail", "account": "111122223333", "region": "us-east-1",
        "time": "2026-11-02T09:00:00Z", "resources": [],
        "detail": {
            "eventSource": "organizations.amazonaws.com", "eventName": "MoveAccount",
            "eventID": "0b3f7a52-0000-4000-8000-000000000002",
            "requestParameters": { "accountId": account },
        },
    })
}

/// An envelope with this detail.
fn with_detail(detail: &Value) -> Value {
    let mut event = moved(&Value::Null);
    event["detail"] = detail.clone();
    event
}

async fn give(service: &Service, event: Value) -> Heard {
    let outcome = on_account_event::handle(event, service.ports.inbox(), &*service.parked).await.unwrap();
    service.check().await;
    outcome
}

/// What has been parked since the last look.
async fn parked(service: &Service) -> Vec<Parked> {
    let mut all = Vec::new();
    loop {
        let received = service.parked.receive(10, Duration::from_mins(1)).await.unwrap();
        if received.is_empty() {
            return all;
        }
        for received in received {
            all.push(serde_json::from_str(&received.body).unwrap());
            service.parked.acknowledge(&received.receipt).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_parked_with_its_reason_and_changes_nothing() {
    let service = settled().await;
    let before = (service.rows().await, service.world().request_log().count());
    let mut deep = json!("end");
    for _ in 0..100 {
        deep = json!({ "deeper": deep });
    }
    let quotes = "\"".repeat(3_000_000);
    let unreadable = [
        json!("{ this is not JSON"),
        Value::Null,
        json!(42),
        json!([moved(&json!("222233334444"))]),
        json!({}),
        json!({ "source": "aws.organizations" }),
        json!({ "Records": [{ "s3": { "bucket": { "name": "x" } } }] }),
        moved(&Value::Null),
        moved(&json!(222_233_334_444_u64)),
        moved(&json!("222233334444; drop table rows")),
        moved(&json!("")),
        moved(&json!("x".repeat(5_000_000))),
        with_detail(&json!({ "eventSource": "organizations.amazonaws.com", "eventName": "TagResource" })),
        with_detail(
            &json!({ "eventSource": "organizations.amazonaws.com", "eventName": "CreateAccountResult",
            "serviceEventDetails": "none", "padding": quotes }),
        ),
        with_detail(&json!({ "eventSource": "organizations.amazonaws.com", "eventName": "MoveAccount",
            "requestParameters": deep, "odd": "\u{FFFF}\u{FFFE}\u{0}" })),
    ];
    for event in unreadable {
        let shown: String = event.to_string().chars().take(200).collect();
        let outcome = give(&service, event).await;
        let Heard::Parked(reason) = outcome else { panic!("{shown}: {outcome:?}") };
        let parked = parked(&service).await;
        assert_eq!(parked.len(), 1, "{shown}");
        assert_eq!((parked[0].by.as_str(), &parked[0].reason), ("on-account-event", &reason), "{shown}");
        assert!(reason.len() < 1_000 && !parked[0].payload.is_empty(), "{shown}: {reason}");
        assert_eq!(service.inbox.depth().waiting, 0, "{shown}");
    }
    // The next one is unharmed.
    assert_eq!(give(&service, moved(&json!("222233334444"))).await, Heard::Hinted(1));
    service.settle().await;
    assert_eq!(before, (service.rows().await, service.world().request_log().count()));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_about_something_else_is_ignored_with_its_reason() {
    let service = settled().await;
    let others = [
        with_detail(&json!({ "eventName": "MoveAccount", "errorCode": "AccessDenied",
            "requestParameters": { "accountId": "222233334444" } })),
        with_detail(&json!({ "eventSource": "organizations.amazonaws.com", "eventName": "AttachPolicy",
            "padding": "x".repeat(3_000_000) })),
        json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {} }),
    ];
    for event in others {
        let shown: String = event.to_string().chars().take(200).collect();
        let outcome = give(&service, event).await;
        assert!(matches!(&outcome, Heard::Ignored(why) if why.len() < 400), "{shown}: {outcome:?}");
    }
    assert!(parked(&service).await.is_empty());
    // A call without a name can't be read at all.
    for detail in [Value::Null, json!("text"), json!({ "eventName": 7, "eventSource": [] })] {
        let outcome = give(&service, with_detail(&detail)).await;
        assert!(matches!(&outcome, Heard::Parked(why) if why.contains("has no `eventName`")), "{outcome:?}");
    }
    assert_eq!(service.inbox.depth().waiting, 0);
    service.converged(&[]).await;
}

/// Whoever can put events on the bus can make Usher look, and nothing else.
#[tokio::test(start_paused = true)]
async fn a_forged_event_costs_a_look_and_changes_nothing() {
    let service = settled().await;
    let before = (service.rows().await, service.world().request_log().count());
    for account in ["999999999999", "111122223333", "222233334444"] {
        assert_eq!(give(&service, moved(&json!(account))).await, Heard::Hinted(1));
    }
    service.settle().await;
    assert_eq!(before, (service.rows().await, service.world().request_log().count()));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_with_a_foreign_body_is_parked_and_the_next_one_is_decided() {
    let service = Service::new();
    service.publish(&document()).await;
    let account = service.account("one-dev");
    let at = service.clock.now();
    let hint = AccountHint::new(account.clone(), Cause::new("event", "good"), at);
    let bodies = [
        String::new(),
        "Message Body".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"Records":[{"eventSource":"aws:s3"}]}"#.to_owned(),
        r#"{"account":"22223333","cause":"event:x","at":"2026-11-02T09:00:00Z"}"#.to_owned(),
        r#"{"account":"222233334444","cause":"event:x","at":"yesterday"}"#.to_owned(),
        r#"{"account":"222233334444"}"#.to_owned(),
        "\"".repeat(900_000),
    ];
    let foreign = bodies.len();
    let records: Vec<_> = bodies
        .into_iter()
        .chain([serde_json::to_string(&hint).unwrap()])
        .enumerate()
        .map(|(n, body)| shared::ports::Received {
            id: format!("record-{n}"),
            receipt: format!("receipt-{n}"),
            group: Some(account.to_string()),
            body,
            receives: 1,
            sent_at: None,
        })
        .collect();
    let mut event = sqs_event(&records);
    event["Records"][0].as_object_mut().unwrap().remove("body");
    let event = serde_json::from_value(event).unwrap();
    let answer =
        reconcile::handle(event, service.ports.reconciler(), service.ports.dead_letters(), service.soon())
            .await;
    assert!(answer.batch_item_failures.is_empty(), "{:?}", answer.batch_item_failures);
    assert_eq!(parked(&service).await.len(), foreign);
    assert_eq!(service.rows().await.len(), 1);
    service.converged(&[]).await;
}

/// What all functions say while something that they need is wrong: nothing changes, and what was asked for waits.
async fn nothing_works(service: &Service, says: &str) {
    let before = (service.assignments(), service.world().request_log().count());
    let error = service.sweep().await.unwrap_err();
    assert!(matches!(error, SweepError::Read(_)), "{error:?}");
    let error = joined(&error);
    assert!(error.contains(says), "`{error}` does not say `{says}`");
    service.tag("one-dev", "Note", "changed").await;
    service.move_to("two-dev", "Sandbox").await;
    service.deliver_events().await;
    // A tag that changes is told twice: by the call, and by the tag service.
    assert_eq!(service.drain_inbox().await, 3, "{says}");
    service.settle_for(Duration::from_mins(20)).await;
    assert_eq!(before, (service.assignments(), service.world().request_log().count()));
    let inbox = service.inbox.depth();
    assert_eq!(inbox.waiting + inbox.in_flight, 3, "{says}: nothing is lost");
    assert_eq!(service.parked.depth().waiting, 0);
}

/// All is well again, and what waited is done.
async fn all_works(service: &Service) {
    service.settle().await;
    assert!(!service.exists(&service.key("two-dev", "ReadOnlyAccess", "Developers")));
    assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", "Support")));
    service.converged(&[]).await;
}

/// A new process: it has no rules in memory.
fn restarted(service: &mut Service) {
    service.ports.rulebook = Arc::new(Rulebook::of_store(service.store.clone()));
}

#[tokio::test(start_paused = true)]
async fn without_the_rules_object_nothing_is_decided_until_it_is_back() {
    let mut service = settled().await;
    restarted(&mut service);
    let bundles = std::mem::take(&mut *service.store.0.lock().unwrap());
    nothing_works(&service, "cannot fetch the rules").await;
    *service.store.0.lock().unwrap() = bundles;
    all_works(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_rules_object_that_holds_something_else_is_no_rules() {
    let texts = [
        "version: 1\nsettings: { mode: sync }\nrules: []\n",
        "rules: [",
        "",
        "version: 1\nsettings: { mode: sync }\nrules: [{ id: a, principals: [{ group: Developers }], \
         permission_sets: [PowerUserAccess], accounts: everywhere }]\n",
    ];
    for text in texts {
        let mut service = settled().await;
        restarted(&mut service);
        let bundles = service.store.0.lock().unwrap().clone();
        for bundle in service.store.0.lock().unwrap().values_mut() {
            bundle.files.insert("usher.yaml".to_owned(), text.to_owned());
        }
        nothing_works(&service, "the rules").await;
        *service.store.0.lock().unwrap() = bundles;
        all_works(&service).await;
    }
    let none = Bundle { files: std::collections::BTreeMap::new() };
    assert!(shared::rules::read(&none).is_err());
}

#[tokio::test(start_paused = true)]
async fn before_any_rules_are_published_nothing_is_decided_and_the_error_says_so() {
    let service = Service::new();
    let error = joined(&service.sweep().await.unwrap_err());
    assert!(error.contains("publish"), "{error}");
    service.move_to("play", "Workloads/Development").await;
    service.deliver_events().await;
    assert_eq!(service.drain_inbox().await, 1);
    service.publish(&document()).await;
    service.settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn without_an_instance_nothing_is_decided_until_there_is_one() {
    let service = settled().await;
    let instances = std::mem::take(service.world().instances_mut());
    nothing_works(&service, "enable IAM Identity Center").await;
    *service.world().instances_mut() = instances;
    all_works(&service).await;
}

#[tokio::test(start_paused = true)]
async fn with_several_instances_nothing_is_decided_until_one_is_named() {
    let service = settled().await;
    let instance = service.world().instances_mut()[0].clone();
    let mut second = instance.clone();
    second.arn = "arn:aws:sso:::instance/ssoins-0000000000000000".parse().unwrap();
    service.world().instances_mut().push(second);
    nothing_works(&service, "several").await;
    *service.world().instances_mut() = vec![instance];
    all_works(&service).await;
}

#[tokio::test(start_paused = true)]
async fn the_ledger_of_another_instance_is_not_used() {
    let service = settled().await;
    let belongs_to = async |arn: &str| {
        let seen = Seen { id: "instance".to_owned(), value: json!(arn), at: service.clock.now() };
        service.ledger.remember(SeenKind::Fact, &[seen]).await.unwrap();
    };
    let ours = service.world().instances_mut()[0].arn.to_string();
    belongs_to("arn:aws:sso:::instance/ssoins-0000000000000000").await;
    nothing_works(&service, "the ledger belongs to the instance").await;
    belongs_to(&ours).await;
    all_works(&service).await;
}

#[tokio::test(start_paused = true)]
async fn while_permission_sets_are_switched_off_nothing_is_decided() {
    let service = settled().await;
    service.world().set_permission_sets_enabled(false);
    nothing_works(&service, "switch").await;
    service.world().set_permission_sets_enabled(true);
    all_works(&service).await;
}

/// The engine has work, and the instance can't be used: it says so, blocks nothing, and does it all later.
#[tokio::test(start_paused = true)]
async fn what_is_decided_already_waits_while_the_instance_cannot_be_used() {
    for gone in [true, false] {
        let service = settled().await;
        service.move_to("one-dev", "Sandbox").await;
        service.deliver_events().await;
        service.drain_inbox().await;
        let instances = service.world().instances_mut().clone();
        if gone {
            service.world().instances_mut().clear();
        } else {
            service.world().set_permission_sets_enabled(false);
        }
        let requests = service.world().request_log().count();
        let run = service.run_with(&service.ports, &sqs_event(&[])).await;
        let error = joined(&run.unwrap_err());
        assert!(error.contains("switch") || error.contains("enable"), "{error}");
        service.settle_for(Duration::from_mins(10)).await;
        assert_eq!(service.world().request_log().count(), requests);
        assert!(service.rows().await.iter().all(|row| row.state.label() != "blocked"));
        *service.world().instances_mut() = instances;
        service.settle().await;
        assert!(service.exists(&service.key("one-dev", "ReadOnlyAccess", "Support")));
        service.converged(&[]).await;
    }
}
