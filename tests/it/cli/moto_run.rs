//! `usher run` with moto's queues, table, bucket and bus: events that come by a queue, and the queues of the deployed functions.

use std::{collections::BTreeMap, time::Duration};

use shared::ports::LedgerReader as _;

use super::run::{Running, refused};
use crate::lambda::service::{Named, RULES, Service, until};

/// What `usher run` is given beside what the functions are.
fn envs(service: &Service) -> BTreeMap<&'static str, String> {
    let mut envs = service.envs();
    // It is one process, and keeps to the shares that it has by default.
    envs.retain(|variable, _| !variable.ends_with("_RATE"));
    let ours = [("AWS_REGION", "us-east-1"), ("AWS_SECRET_ACCESS_KEY", "test")];
    envs.extend(ours.map(|(variable, value)| (variable, value.to_owned())));
    envs
}

/// Creates an account as a person does.
async fn create(service: &Service, name: &str) {
    let email = format!("aws+{name}@example.com");
    service.organizations().create_account().account_name(name).email(email).send().await.unwrap();
}

/// Whether somebody has something in the account of this name.
fn has_access(service: &Service, name: &str) -> bool {
    service.truth().0.iter().any(|(account, ..)| account == name)
}

/// Rules that give something in every account.
fn everywhere() -> String {
    RULES.replace("accounts: { in_ou: Security }", "accounts: everywhere")
}

#[tokio::test]
async fn an_event_from_a_queue_leads_to_access_without_a_sweep() {
    let service = Service::start(Service::quick()).await;
    let events = service.moto.standard_queue("events").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), everywhere()).unwrap();
    let [rules, ledger] =
        ["rules.yaml", "ledger.db"].map(|name| folder.path().join(name).display().to_string());
    let arguments =
        ["--rules", &rules, "--ledger", &ledger, "--events-queue", &events, "--sweep-every", "1h"];
    let running = Running::start(&arguments, envs(&service));
    running.log().line("everything is at rest").await;
    service.events();

    create(&service, "labs").await;
    until("the account is there", || service.world().account_named("labs").is_some()).await;
    while running.count("event     CreateAccountResult") == 0 {
        for event in service.events() {
            service.send_to(&events, &event.to_string()).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.log().line("event     CreateAccountResult: 1 account to look at again").await;
    let granted = running.log().line("granted   SecurityAudit to group SecurityAuditors in labs").await;
    assert!(granted.contains("after CreateAccountResult"), "{granted}");
    assert!(has_access(&service, "labs"));
    assert_eq!(running.count("sweep     "), 1, "{:#?}", running.log().lines());

    // What can't be read is put aside, and stands in nobody's way.
    service.send_to(&events, "no event at all").await;
    service.send_to(&events, r#"{"source": "aws.s3", "detail-type": "x", "detail": {}}"#).await;
    running.log().line("put aside").await;
    let letters = folder.path().join("ledger.db.dead-letters");
    assert_eq!(std::fs::read_dir(letters).unwrap().count(), 1);
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_refused_at_the_start() {
    let service = Service::start(Service::quick()).await;
    let events = service.moto.standard_queue("events").await.replace("events", "nowhere");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), everywhere()).unwrap();
    let [rules, ledger] =
        ["rules.yaml", "ledger.db"].map(|name| folder.path().join(name).display().to_string());
    let arguments = ["--rules", &rules, "--ledger", &ledger, "--events-queue", &events];
    let (status, said) = refused(&arguments, envs(&service)).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("there is no queue") && said.contains("nowhere"), "{said}");
    assert_eq!(service.truth().0.len(), 0, "nothing was done");
}

#[tokio::test]
async fn the_queues_and_the_ledger_of_the_deployed_functions_are_read_beside_them() {
    let service = Service::start(Service::quick()).await;
    service.publish(&everywhere()).await;
    let ledger = ["--ledger", "dynamodb:usher-ledger", "--deployed-queues", "--json"];
    let running = Running::start(&ledger, envs(&service));
    // A second one shares the work: the lease and the queues bound them.
    let other = Running::start(&ledger, envs(&service));
    for running in [&running, &other] {
        running.log().line(r#""what":"begun""#).await;
    }
    let mut before = 0;
    let all = loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let all = service.truth().0.len();
        if all > 0 && all == before && service.ledger.work(1).await.unwrap().is_empty() {
            break all;
        }
        before = all;
    };
    assert_eq!(service.requests(), all, "nothing was asked for twice");

    // A hint of the deployed functions' own.
    create(&service, "labs").await;
    until("the account is there", || service.world().account_named("labs").is_some()).await;
    let account = service.world().account_named("labs").unwrap();
    service.hint(&account, "1").await;
    until("there is access to the new account", || has_access(&service, "labs")).await;

    // What came of it is on the bus.
    let mut granted = 0;
    while granted <= all {
        tokio::time::sleep(Duration::from_millis(200)).await;
        granted += service.outcomes().await.iter().filter(|told| told["outcome"] == "granted").count();
    }
    for running in [running, other] {
        let (status, lines) = running.terminated().await;
        assert_eq!(status.code(), Some(0), "{lines:#?}");
    }
}

#[tokio::test]
async fn what_a_run_that_is_broken_off_had_in_hand_is_the_deployed_functions_at_once() {
    let service = Service::start(Service::quick()).await;
    service.publish(&everywhere()).await;
    let accounts = service.world().accounts_now();
    for account in accounts.iter().take(10) {
        service.hint(&account.id, "1").await;
    }
    // Slow enough to be at these accounts for a while.
    let slow = ["USHER_RECONCILE_RATE", "USHER_SWEEP_RATE", "USHER_REST_RATE"];
    let envs = envs(&service).into_iter().chain(slow.map(|variable| (variable, "1".to_owned())));
    let ledger = ["--ledger", "dynamodb:usher-ledger", "--deployed-queues", "--json"];
    let running = Running::start(&ledger, envs);
    running.log().line(r#""what":"looked""#).await;
    assert!(service.hidden(&service.inbox).await > 0, "it is still at the others");
    running.ask_to_end().await;
    running.log().line(r#""what":"ending""#).await;
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains(r#""failed""#)), "{lines:#?}");

    for queue in [&service.inbox, &service.wake, &service.polls] {
        assert_eq!(service.hidden(queue).await, 0, "{queue}");
    }
    // Hidden is what is being worked on, or in a group that is: none of it was lost.
    let reconcile = service.function("reconcile").await;
    let delivery = service.deliver(&service.inbox, &reconcile).await.unwrap();
    assert!(!delivery.bodies.is_empty());
}

#[tokio::test]
async fn uploaded_rules_are_heard_of_by_the_queue_of_events() {
    let service = Service::start(Service::quick()).await;
    let version = service.publish(RULES).await;
    let events = service.moto.standard_queue("events").await;
    let envs = envs(&service).into_iter().chain([("USHER_EVENTS_QUEUE_URL", events.clone())]);
    let running = Running::start(&["--ledger", "dynamodb:usher-ledger"], envs);
    running.log().line("everything is at rest").await;
    let object = service.moto.s3().put_object().bucket("example-usher-rules").key("incoming/rules.yaml");
    object.body(everywhere().into_bytes().into()).send().await.unwrap();
    let event = serde_json::json!({
        "version": "0", "id": "b1d0c0de-0000-4000-8000-000000000001", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2026-11-21T12:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:s3:::example-usher-rules"],
        "detail": { "bucket": { "name": "example-usher-rules" }, "object": { "key": "incoming/rules.yaml" } },
    });
    service.send_to(&events, &event.to_string()).await;
    running.log().line("rules     uploaded: in force").await;
    let now = service.ledger.rules_in_force().await.unwrap().unwrap().version;
    assert_ne!(now, version);
    let audited = |(account, set, _): &Named| account == "payments-prod" && set == "SecurityAudit";
    until("the auditors have access", || service.truth().0.iter().any(audited)).await;
    let (status, lines) = running.terminated().await;
    assert_eq!(status.code(), Some(0), "{lines:#?}");
}
