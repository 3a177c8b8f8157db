//! What people make by hand stays theirs.

use std::time::Duration;

use simulator::{Fault, FaultRule, Latency, Settings};

use super::{
    model::{Rules, Where, group, in_ou, rules},
    service::{Service, Start},
};

fn developers() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ])
}

/// The same without the first rule.
fn without() -> Rules {
    rules([group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"))])
}

/// The rules go, and two sweeps later nothing of the person's is gone. The checker watches that; this makes it happen.
async fn rules_go(service: &Service) {
    service.publish(&without()).await;
    service.sweep_and_settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_made_before_is_left_alone_with_and_without_a_rule_for_it() {
    let service = Service::new();
    let wanted = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let unwanted = service.key("play", "PowerUserAccess", "Support");
    service.grant_by_hand(&wanted).await;
    service.grant_by_hand(&unwanted).await;
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&wanted).await, "none");
    assert_eq!(service.withheld().await.get(&wanted).map(String::as_str), Some("foreign"));
    service.converged(&[]).await;
    rules_go(&service).await;
    assert!(service.exists(&wanted) && service.exists(&unwanted));
}

/// What can't be listed is not nothing: what is there would be made again, and so be taken for ours.
#[tokio::test(start_paused = true)]
async fn what_a_person_made_is_not_made_again_where_it_cannot_be_listed() {
    let service = Service::new();
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.grant_by_hand(&key).await;
    service.world().faults.add(FaultRule {
        operation: "ListAccountAssignments".to_owned(),
        service: None,
        fault: Fault::InternalError,
        calls: None,
        account: None,
    });
    service.publish(&developers()).await;
    service.hint("one-dev").await;
    service.settle_for(Duration::from_mins(12)).await;
    assert_eq!(service.state(&key).await, "none");
    service.world().faults.clear("ListAccountAssignments");
    service.converged(&[]).await;
    rules_go(&service).await;
    assert!(service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_makes_before_a_late_engine_sends_stays_theirs() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    assert_eq!(service.state(&key).await, "pending");
    service.pass(Duration::from_secs(10)).await;
    service.grant_by_hand(&key).await;
    service.pass(Duration::from_secs(6)).await;
    let given_up: usize = service.run_engine().await.iter().map(|run| run.given_up).sum();
    assert_eq!(given_up, 1);
    assert_eq!(service.state(&key).await, "closed");
    assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", "Developers")));
    service.converged(&[]).await;
    rules_go(&service).await;
    assert!(service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_makes_within_the_seconds_before_the_call_counts_as_ours() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.grant_by_hand(&key).await;
    service.run_engine().await;
    assert_eq!(service.state(&key).await, "ours");
    // ADR 0003 says so; the scenario shows that it is these seconds and no more.
    service.checker().taken_over.insert(key.clone());
    rules_go(&service).await;
    assert!(!service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_makes_after_our_revoke_stays_theirs_when_it_is_wanted_again() {
    for list_lag in [Duration::ZERO, Duration::from_secs(30)] {
        let world = Settings { list_lag, ..Settings::default() };
        let service = Service::start(Start { world, ..Start::default() });
        service.publish(&developers()).await;
        service.sweep_and_settle().await;
        let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
        service.publish(&without()).await;
        service.sweep_and_settle().await;
        assert!(!service.exists(&key));
        service.grant_by_hand(&key).await;
        // What a list can't show yet nobody can respect: ADR 0003.
        service.pass(list_lag).await;
        service.publish(&developers()).await;
        service.sweep_and_settle().await;
        service.converged(&[]).await;
        assert_eq!(service.state(&key).await, "closed");
        rules_go(&service).await;
        assert!(service.exists(&key));
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_makes_it_while_our_grant_waits_for_the_list_keeps_it() {
    let service = Service::start(Start {
        world: Settings { list_lag: Duration::from_secs(30), ..Settings::default() },
        ..Start::default()
    });
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.pass(Duration::from_mins(1)).await;
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.move_to("one-dev", "Workloads/Development").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    service.run_engine().await;
    assert_eq!(service.state(&key).await, "pending", "the list shows it still: it waits for the lag to pass");
    service.pass(Duration::from_mins(2)).await;
    service.grant_by_hand(&key).await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&[]).await;
    rules_go(&service).await;
    assert!(service.exists(&key));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_takes_away_while_we_do_is_gone_and_no_trouble() {
    let world =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(20)), ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    service.move_to("one-dev", "Sandbox").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(5)).await;
        assert_eq!(service.state(&key).await, "closing");
        service.person(|world, now, _| world.revoke_by_hand(now, &key)).await;
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "closed");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_made_again_under_its_name_is_another_group() {
    let service = Service::new();
    let document = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(Where::Named("play".into())),
    ]);
    service.publish(&document).await;
    service.sweep_and_settle().await;
    let old = service.key("one-dev", "ReadOnlyAccess", "Developers");
    let shared::domain::Principal::Group(id) = old.principal.clone() else { panic!("not a group") };
    service.person(|world, now, who| world.rename_group(now, who, &id, "Former developers")).await.unwrap();
    service.sweep_and_settle().await;
    assert!(!service.exists(&old), "the group lives on under another name, which no rule gives anything");
    service.converged(&[]).await;
}
