//! What is read is old, what was decided is old, or the rules are.

use std::time::Duration;

use shared::domain::Operation;
use simulator::{Latency, Settings};

use super::{
    model::{Reach, Rules, group, in_ou, rules, tagged},
    service::{Service, Start, USHER},
};

fn lagging(seconds: u64) -> Service {
    let world = Settings { list_lag: Duration::from_secs(seconds), ..Settings::default() };
    Service::start(Start { world, ..Start::default() })
}

fn developers() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("prod", "Developers").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

fn support() -> Rules {
    rules([
        group("dev", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("prod", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

fn sent(service: &Service, operation: Operation) -> usize {
    let world = service.world();
    world.request_log().filter(|r| *r.by.name == *USHER && r.operation == operation).count()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_makes_nothing_be_sent_twice() {
    let service = lagging(30);
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    for _ in 0..5 {
        for account in ["one-dev", "two-dev", "one-prod"] {
            service.hint(account).await;
        }
        service.settle().await;
        service.sweep_and_settle().await;
        service.pass(Duration::from_secs(7)).await;
    }
    assert_eq!((sent(&service, Operation::Grant), sent(&service, Operation::Revoke)), (3, 0));
    service.publish(&support()).await;
    for _ in 0..5 {
        service.sweep_and_settle().await;
        service.pass(Duration::from_secs(7)).await;
    }
    assert_eq!((sent(&service, Operation::Grant), sent(&service, Operation::Revoke)), (6, 3));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_quickly_ends_as_the_last_rules_want_it_however_lists_lag() {
    for lag in [0, 5, 30, 240] {
        let service = lagging(lag);
        for turn in 0..6 {
            let document = if turn % 2 == 0 { developers() } else { support() };
            service.publish(&document).await;
            service.sweep_and_settle().await;
            service.pass(Duration::from_secs(20)).await;
        }
        service.converged(&[]).await;
        let rows = service.rows().await;
        assert_eq!(rows.iter().filter(|row| row.state.label() == "ours").count(), 3, "lists lag by {lag} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_the_list_does_not_show_yet_keeps_what_it_was_given() {
    let service = lagging(200);
    service.publish(&developers()).await;
    service.pass(Duration::from_mins(5)).await;
    let input = simulator::wire::organizations::CreateAccount {
        email: "aws+fresh@example.com".into(),
        account_name: "fresh".into(),
        ..Default::default()
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    service.move_to("fresh", "Workloads/Development").await;
    service.settle().await;
    let key = service.key("fresh", "ReadOnlyAccess", "Developers");
    assert!(service.exists(&key));
    service.sweep_and_settle().await;
    service.sweep_and_settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn intents_of_rules_that_are_no_longer_in_force_are_not_sent_but_decided_again() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    assert_eq!(service.rows().await.len(), 3);
    service.publish(&support()).await;
    service.settle().await;
    let granted: Vec<_> =
        service.world().request_log().map(|request| request.key.principal.clone()).collect();
    let support = service.key("one-dev", "ReadOnlyAccess", "Support").principal;
    assert!(granted.iter().all(|principal| *principal == support), "nothing of the old rules");
    assert_eq!(granted.len(), 3, "the accounts went back and were decided by the new rules");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stops_being_wanted_in_the_middle_sends_no_more_of_the_old_rules() {
    let world =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(40)), ..Settings::default() };
    let engine = shared::engine::EngineSettings { window: 1, ..Default::default() };
    let service = Service::start(Start { world, engine, ..Start::default() });
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(10)).await;
        service.publish(&support()).await;
    });
    service.settle().await;
    service.sweep_and_settle().await;
    let old = service.key("one-dev", "ReadOnlyAccess", "Developers").principal;
    let old_grants =
        |r: &&simulator::RequestRecord| r.operation == Operation::Grant && r.key.principal == old;
    assert_eq!(service.world().request_log().filter(old_grants).count(), 1);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_has_waited_too_long_is_decided_again_before_it_is_sent() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    // Nobody tells: the event is lost.
    service.move_to("one-dev", "Sandbox").await;
    service.take_events();
    service.pass(Duration::from_mins(16)).await;
    service.settle().await;
    assert!(!service.exists(&service.key("one-dev", "ReadOnlyAccess", "Developers")));
    assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn revokes_that_have_waited_too_long_are_decided_again_too() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    service.move_to("one-dev", "Sandbox").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    service.move_to("one-dev", "Workloads/Development").await;
    service.take_events();
    service.pass(Duration::from_mins(16)).await;
    service.settle().await;
    assert_eq!(sent(&service, Operation::Revoke), 0);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn rules_that_only_observe_write_nothing_and_those_that_only_create_take_nothing_away() {
    let service = Service::new();
    let mut observed = developers();
    observed.reach = Reach::Observe;
    service.publish(&observed).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    service.converged(&["observed"]).await;

    service.publish(&developers()).await;
    service.sweep_and_settle().await;
    let mut created = support();
    created.reach = Reach::CreateOnly;
    service.publish(&created).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 6);
    service.converged(&["create_only"]).await;
    service.publish(&support()).await;
    service.converged(&[]).await;
    assert_eq!(service.assignments().len(), 3);
}

/// The rules change their mode while a grant is under way: the last ones that wanted it decide whether it may be taken away.
#[tokio::test(start_paused = true)]
async fn who_wanted_a_grant_last_is_known_though_it_was_under_way() {
    let slow = Latency::Constant(Duration::from_secs(30));
    let world = Settings { assignment_latency: slow, ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    let kept = || group("kept", "Auditors").gets("DeployAccess").in_accounts(in_ou("Sandbox"));
    let given = || group("given", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    service.publish(&rules([kept(), given()])).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(7)).await;
        assert_eq!(service.state(&key).await, "sending");
        service.publish(&rules([kept(), given().reaching(Reach::CreateOnly)])).await;
        service.sweep().await.unwrap();
        service.drain_inbox().await;
    });
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.publish(&rules([kept()])).await;
    service.converged(&["create_only"]).await;
    assert!(service.exists(&key));
}
