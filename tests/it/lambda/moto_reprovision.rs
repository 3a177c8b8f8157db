//! An edited permission set, from its event to the accounts that have it, by the built functions.

use std::time::Duration;

use serde_json::json;
use shared::{
    aws::S3Rules,
    clock::SystemClock,
    engine::{publish, push, records},
    ledger::{CampaignEnd, Order},
    ports::{Clock as _, LedgerReader as _},
    rules::Bundle,
};
use simulator::{Caller, CallerKind, wire::sso_admin as sso};

use super::{moto_slow::decided, service::Service};

#[tokio::test]
async fn an_edit_reaches_its_accounts_through_all_functions() {
    let service = Service::start(Service::quick()).await;
    decided(&service).await;
    let provision = service.function("provision").await;
    provision.api.invoke(json!({ "Records": [] }).to_string()).await.unwrap();
    let set = service.world().permission_set_named("EC2-S3-FullAccess").unwrap();
    service.world().take_events(SystemClock.now());

    let input = json!({
        "InstanceArn": service.world().instances_mut()[0].arn, "PermissionSetArn": set, "SessionDuration": "PT4H",
    });
    let input: sso::UpdatePermissionSet = serde_json::from_value(input).unwrap();
    let management = service.world().management_account().clone();
    let person = Caller::new("console-admin", management, CallerKind::Management);
    service.world().call(SystemClock.now(), &person, input).unwrap();
    let listener = service.function("on-permission-set-event").await;
    let mut heard = 0;
    for _ in 0..50 {
        let events = service.world().take_events(SystemClock.now());
        for event in events {
            listener.api.invoke(event.to_string()).await.unwrap();
            heard += 1;
        }
        if heard > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let campaign = service.ledger.campaign(&set).await.unwrap().unwrap();
    assert_eq!(campaign.edits.first().unwrap().name, "UpdatePermissionSet");

    let reprovision = service.function("reprovision").await;
    let waits = reprovision.api.invoke("{}").await.unwrap();
    assert_eq!((waits["open"].as_u64(), waits["sent"].as_u64()), (Some(1), Some(0)), "more edits may come");
    let order = Order { by: "alba".to_owned(), at: SystemClock.now(), reason: String::new() };
    push(&service.ledger, &SystemClock, &set, &order).await.unwrap();
    let poll = service.function("poll-provisioning").await;
    let follow = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Some(delivery) = service.deliver(&service.polls, &poll).await {
                assert_eq!(delivery.failed, [""; 0], "{}", poll.function.log().tail());
            }
        }
    };
    let ran = tokio::select! {
        ran = reprovision.api.invoke("{}") => ran.unwrap(),
        () = follow => unreachable!(),
    };
    assert_eq!(ran["ended"].as_u64(), Some(1), "{ran}; {}", reprovision.function.log().tail());
    let records = records(&service.ledger).await.unwrap();
    assert_eq!((records.len(), records[0].end), (1, CampaignEnd::Done), "{records:?}");
    assert!(!records[0].updated.is_empty());
    assert!(service.world().counters().throttles.is_empty());
    service.assert_the_logs_are_discreet_json();
}

/// What the rules declare, with a policy in a file of the bundle.
const DECLARED: &str = "
version: 1
settings: { mode: sync }
permission_sets:
  - name: Tinkerers
    session_duration: PT2H
    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
    inline_policy: { file: policies/tinkerers.json }
    tags: { Team: lab }
rules:
  - id: tinkerers
    principals: [{ group: Support }]
    permission_sets: [Tinkerers]
    accounts: { in_ou: Sandbox }
";

const POLICY: &str =
    r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } }"#;

#[tokio::test]
async fn what_a_bundle_declares_is_made_given_and_provisioned_by_the_functions() {
    let service = Service::start(Service::quick()).await;
    let files = [("usher.yaml", DECLARED), ("policies/tinkerers.json", POLICY)];
    let bundle = Bundle { files: files.map(|(name, text)| (name.to_owned(), text.to_owned())).into() };
    let store = S3Rules::new(service.moto.s3(), Service::BUCKET, "");
    publish(&bundle, &store, &service.ledger, &SystemClock).await.unwrap();
    let functions = service.functions().await;
    service.sweep(&functions).await;
    service.settle(&functions).await;
    assert!(service.truth().0.is_empty(), "there is nothing to give yet");

    let reprovision = service.function("reprovision").await;
    let mut made = 0;
    for _ in 0..10 {
        let ran = reprovision.api.invoke("{}").await.unwrap();
        made += ran["permission_sets"]["made"].as_u64().unwrap();
        if made > 0 {
            break;
        }
    }
    assert_eq!(made, 1, "{}", reprovision.function.log().tail());
    assert!(service.world().permission_set_named("Tinkerers").is_some());
    // Its own event tells that there is something to give now.
    let listener = service.function("on-permission-set-event").await;
    let mut heard = 0;
    for _ in 0..50 {
        for event in service.events() {
            listener.api.invoke(event.to_string()).await.unwrap();
            heard += 1;
        }
        if heard > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    service.settle(&functions).await;

    let (ours, _) = service.truth();
    assert!(
        !ours.is_empty() && ours.iter().all(|(_, set, who)| set == "Tinkerers" && who == "Support"),
        "{ours:?}"
    );
    let tick = service.function("tick").await;
    tick.api.invoke("{}").await.unwrap();
    let told = service.outcomes().await;
    let told_of = |what: &str| told.iter().filter(|outcome| outcome["outcome"] == what).count();
    assert_eq!((told_of("set_made"), told_of("granted")), (1, ours.len()), "{told:?}");
    // Nothing is left to do.
    let ran = reprovision.api.invoke("{}").await.unwrap();
    assert_eq!((&ran["permission_sets"]["made"], &ran["permission_sets"]["failed"]), (&json!(0), &json!(0)));
    assert!(service.world().counters().throttles.is_empty());
    service.assert_the_logs_are_discreet_json();
}
