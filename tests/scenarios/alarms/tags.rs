//! Trusted tags are told whenever they change and are looked at, however short they are there; and when something new comes with one.

use std::time::Duration;

use serde_json::json;
use shared::{
    outcome::{Happened, OfTag},
    ports::{Ledger as _, LedgerReader as _, Queue as _},
};
use simulator::wire::{organizations as org, sso_admin as sso};

use super::{Log, production, settled};
use crate::scenarios::{
    fuse::{Fuse, When, fused},
    identity_center::{INSTANCE, tag_set},
    model::{group, in_ou, rules},
    records::sqs_event,
    service::Service,
};

/// The trusted tags that have been told since the last time, which are then forgotten.
pub(super) async fn told(service: &Service) -> Vec<OfTag> {
    let told = service.ledger.untold(100).await.unwrap();
    service.ledger.told(&told).await.unwrap();
    let of_tags = told.into_iter().filter_map(|outcome| {
        if let Happened::TrustedTagChanged(of) = outcome.happened { Some(of) } else { None }
    });
    of_tags.collect()
}

pub(super) fn of_account(service: &Service, account: &str, key: &str) -> OfTag {
    OfTag { account: Some(service.account(account)), permission_set: None, key: key.to_owned() }
}

async fn untag(service: &Service, account: &str, key: &str) {
    let resource_id = service.account(account).to_string();
    let input = org::UntagResource { resource_id, tag_keys: vec![key.to_owned()] };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
}

async fn create(service: &Service, name: &str, environment: &str) {
    let input = org::CreateAccount {
        email: format!("aws+{name}@example.org"),
        account_name: name.to_owned(),
        tags: serde_json::from_value(json!([{ "Key": "Environment", "Value": environment }])).ok(),
        ..org::CreateAccount::default()
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_used_and_taken_off_between_two_sweeps_is_told_both_times() {
    let (service, log) = (settled(&production()).await, Log::begin());
    assert_eq!(told(&service).await, []);
    let of_play = of_account(&service, "play", "Environment");
    service.tag("play", "Environment", "Production").await;
    service.settle().await;
    assert!(service.exists(&service.key("play", "DeployAccess", "Auditors")));
    assert_eq!(told(&service).await, std::slice::from_ref(&of_play));

    service.pass(Duration::from_mins(5)).await;
    untag(&service, "play", "Environment").await;
    service.settle().await;
    assert_eq!(told(&service).await, [of_play]);
    assert_eq!(log.values("TrustedTagChanged", "reconcile"), [1, 1]);
    service.sweep_and_settle().await;
    service.hint("play").await;
    service.settle().await;
    assert_eq!(told(&service).await, [], "each change is told once");
    assert_eq!(log.values("TrustedTagChanged", "sweep"), [0; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_no_event_told_of_is_told_by_the_sweep() {
    let (service, log) = (settled(&production()).await, Log::begin());
    service.tag("play", "Environment", "Production").await;
    drop(service.take_events());
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, [of_account(&service, "play", "Environment")]);
    assert_eq!(log.values("TrustedTagChanged", "sweep"), [1]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_account_that_comes_with_a_trusted_tag_is_told_once_and_those_of_the_first_round_are_not() {
    let service = Service::new();
    create(&service, "first", "Production").await;
    service.publish(&production()).await;
    service.settle().await;
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, [], "it is where everything begins");

    create(&service, "fresh", "Production").await;
    service.settle().await;
    assert!(service.exists(&service.key("fresh", "DeployAccess", "Auditors")));
    assert_eq!(told(&service).await, [of_account(&service, "fresh", "Environment")]);
    // And where its event is lost.
    create(&service, "lost", "Production").await;
    service.pass(Duration::from_mins(5)).await;
    drop(service.take_events());
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, [of_account(&service, "lost", "Environment")]);
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, []);
    service.converged(&[]).await;
}

/// Whether a key is trusted is the rules' own: what there was before is no news.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_trusted_from_now_on_tells_nothing_of_what_was_there() {
    let service =
        settled(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
            .await;
    service.publish(&production()).await;
    service.hint("one-prod").await;
    service.settle().await;
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, []);
    service.tag("one-prod", "Environment", "Development").await;
    service.settle().await;
    assert_eq!(told(&service).await, [of_account(&service, "one-prod", "Environment")]);
}

#[tokio::test(start_paused = true)]
async fn a_permission_sets_tag_that_is_used_and_taken_off_is_told_and_that_of_a_new_one() {
    let service = settled(&rules([group("tagged", "Developers")
        .gets_tagged("Environment", "High")
        .in_accounts(in_ou("Sandbox"))]))
    .await;
    let of_set = |name: &str| OfTag {
        account: None,
        permission_set: service.world().permission_set_named(name),
        key: "Environment".to_owned(),
    };
    assert_eq!(told(&service).await, []);
    for level in ["High", "Low"] {
        tag_set(&service, "ReadOnlyAccess", "Environment", level).await;
        service.settle().await;
        let key = service.key("play", "ReadOnlyAccess", "Developers");
        assert_eq!(service.exists(&key), level == "High");
        assert_eq!(told(&service).await, [of_set("ReadOnlyAccess")], "{level}");
        service.pass(Duration::from_mins(5)).await;
    }
    let input: sso::CreatePermissionSet = serde_json::from_value(json!({
        "InstanceArn": INSTANCE, "Name": "Operators", "Tags": [{ "Key": "Environment", "Value": "High" }],
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert_eq!(told(&service).await, [of_set("Operators")]);
    service.sweep_and_settle().await;
    assert_eq!(told(&service).await, []);
}

/// The first look reads the permission set's tags for all: they are told before anybody believes them, wherever that look fails.
#[tokio::test(start_paused = true)]
async fn a_permission_sets_tag_is_told_before_anything_is_given_by_it_wherever_a_look_fails() {
    let document = || {
        rules([group("tagged", "Developers")
            .gets_tagged("Environment", "High")
            .in_accounts(in_ou("Sandbox"))])
    };
    for when in (0..).flat_map(|n| [When::Refuses(n), When::LosesAnswer(n), When::Before(n), When::After(n)])
    {
        let service = settled(&document()).await;
        tag_set(&service, "ReadOnlyAccess", "Environment", "High").await;
        service.pass(Duration::from_mins(1)).await;
        service.deliver_events().await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let received = service.inbox.receive(10, Duration::from_mins(3)).await.unwrap();
        let event = serde_json::from_value(sqs_event(&received)).unwrap();
        tokio::select! {
            answer = ports.decide(event, service.soon()) => drop(answer),
            () = fuse.blown() => {}
        }
        service.settle().await;
        assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")), "{when:?}");
        let set = service.world().permission_set_named("ReadOnlyAccess");
        let of_set = OfTag { account: None, permission_set: set, key: "Environment".to_owned() };
        // What dies in between tells it once more, under the same id.
        let mut told = told(&service).await;
        told.dedup();
        assert_eq!(told, [of_set], "{when:?}");
        if matches!(when, When::After(n) if n >= fuse.count()) {
            return;
        }
    }
}
