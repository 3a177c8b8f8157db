//! Accounts change: tags, OUs, names, and several of these at once.

use std::time::Duration;

use serde_json::json;
use shared::domain::Operation;
use simulator::{Latency, Settings, wire::organizations as org, wire::sso_admin as sso};

use super::{
    model::{Rules, group, in_ou, rules, tagged},
    service::{Service, Start},
};

fn by_environment() -> Rules {
    rules([
        group("dev", "Developers").gets("PowerUserAccess").in_accounts(tagged("Environment", "Development")),
        group("prod", "Developers").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        group("sandbox", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ])
}

/// A service with these rules carried out.
async fn settled(rules: &Rules, world: Settings) -> Service {
    let service = Service::start(Start { world, ..Start::default() });
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

fn slow() -> Settings {
    Settings { assignment_latency: Latency::Constant(Duration::from_secs(30)), ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_changes_takes_what_the_old_value_gave_and_then_gives_what_the_new_one_does() {
    let service = settled(&by_environment(), Settings::default()).await;
    let before = service.world().request_log().count();
    service.tag("one-dev", "Environment", "Production").await;
    service.settle().await;
    assert!(service.exists(&service.key("one-dev", "DeployAccess", "Developers")));
    assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Developers")));
    let operations: Vec<_> =
        service.world().request_log().skip(before).map(|request| request.operation).collect();
    assert_eq!(operations, [Operation::Revoke, Operation::Grant]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_taken_away_gives_nothing_any_more() {
    let service = settled(&by_environment(), Settings::default()).await;
    let id = service.account("one-dev").to_string();
    let input = org::UntagResource { resource_id: id, tag_keys: vec!["Environment".into()] };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moves_out_and_back_while_its_grant_is_under_way_has_it_in_the_end() {
    let service = settled(&by_environment(), slow()).await;
    let key = service.key("one-prod", "ReadOnlyAccess", "Support");
    service.move_to("one-prod", "Sandbox").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    tokio::join!(service.run_engine(), async {
        for ou in ["Workloads/Production", "Sandbox"] {
            service.pass(Duration::from_secs(7)).await;
            assert_eq!(service.state(&key).await, "sending");
            service.move_to("one-prod", ou).await;
            service.deliver_events().await;
            service.drain_inbox().await;
        }
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moves_out_while_its_grant_is_under_way_loses_it_when_that_has_ended() {
    let service = settled(&by_environment(), slow()).await;
    let key = service.key("one-prod", "ReadOnlyAccess", "Support");
    service.move_to("one-prod", "Sandbox").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(7)).await;
        service.move_to("one-prod", "Workloads/Production").await;
        service.deliver_events().await;
        service.drain_inbox().await;
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moves_back_while_its_revoke_is_under_way_gets_it_again() {
    for lag in [0, 30] {
        let world = Settings { list_lag: Duration::from_secs(lag), ..slow() };
        let service = settled(&by_environment(), world).await;
        let key = service.key("play", "ReadOnlyAccess", "Support");
        assert_eq!(service.state(&key).await, "ours");
        service.move_to("play", "Workloads/Production").await;
        service.deliver_events().await;
        service.drain_inbox().await;
        tokio::join!(service.run_engine(), async {
            service.pass(Duration::from_secs(7)).await;
            assert_eq!(service.state(&key).await, "closing");
            service.move_to("play", "Sandbox").await;
            service.deliver_events().await;
            service.drain_inbox().await;
        });
        service.settle().await;
        assert_eq!(service.state(&key).await, "ours", "lists lag by {lag} s");
        service.converged(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_events_about_one_account_lead_to_the_same_in_either_order_once_or_twice() {
    let mut ends = Vec::new();
    for (turned, twice) in [(false, false), (true, false), (true, true)] {
        let service = settled(&by_environment(), Settings::default()).await;
        service.tag("play", "Environment", "Production").await;
        service.move_to("play", "Workloads/Production").await;
        let mut events = service.take_events();
        if turned {
            events.reverse();
        }
        if twice {
            events.extend(events.clone());
        }
        service.deliver(events).await;
        service.settle().await;
        ends.push(service.assignments());
        service.converged(&[]).await;
    }
    assert!(ends[0].contains(&"play DeployAccess Developers".to_owned()));
    assert!(ends.iter().all(|end| *end == ends[0]));
}

#[tokio::test(start_paused = true)]
async fn what_lost_events_should_have_told_the_next_sweep_finds() {
    let service = settled(&by_environment(), Settings::default()).await;
    service.tag("one-dev", "Environment", "Production").await;
    service.move_to("one-prod", "Sandbox").await;
    service.take_events();
    service.settle().await;
    assert!(service.exists(&service.key("one-dev", "PowerUserAccess", "Developers")));
    service.sweep_and_settle().await;
    assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Developers")));
    assert!(service.exists(&service.key("one-prod", "ReadOnlyAccess", "Support")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_ou_that_is_renamed_is_seen_when_its_name_is_asked_for_again() {
    let service = settled(&by_environment(), Settings::default()).await;
    let ou = service.world().ou_at("Sandbox").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Playground")).await.unwrap();
    service.settle().await;
    service.pass(Duration::from_mins(15)).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&service.key("play", "ReadOnlyAccess", "Support")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_that_gets_another_tag_is_seen_when_its_tags_are_asked_for_again() {
    let document = rules([group("tagged", "Developers")
        .gets_tagged("Environment", "Development")
        .in_accounts(in_ou("Workloads"))]);
    let service = settled(&document, Settings::default()).await;
    let set = service.world().permission_set_named("DeployAccess").unwrap();
    let tags = serde_json::from_value(json!([{ "Key": "Environment", "Value": "Development" }])).unwrap();
    let input = sso::TagResource { resource_arn: set.to_string(), tags, ..sso::TagResource::default() };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.pass(Duration::from_mins(15)).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&service.key("two-dev", "DeployAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_look_at_one_account_writes_in_that_account_only() {
    let service = settled(&by_environment(), Settings::default()).await;
    for account in ["one-dev", "two-dev", "play"] {
        service.tag(account, "Environment", "Production").await;
    }
    service.take_events();
    service.checker().scope = Some(service.account("two-dev"));
    service.hint("two-dev").await;
    service.settle().await;
    assert!(service.exists(&service.key("two-dev", "DeployAccess", "Developers")));
    assert!(!service.exists(&service.key("one-dev", "DeployAccess", "Developers")));
    service.checker().scope = None;
    service.converged(&[]).await;
}
