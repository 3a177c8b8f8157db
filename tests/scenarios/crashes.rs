//! Whatever is in the middle of whatever it does when it dies: the next one sets it right.

use std::time::Duration;

use shared::ports::Queue as _;
use simulator::{Latency, Settings};

use super::{
    fuse::{Fuse, When, fused},
    model::{Rules, group, in_ou, rules, tagged},
    records::sqs_event,
    service::{Service, Start},
};

fn before() -> Rules {
    rules([
        group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("b", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

/// Two revokes, and three grants.
fn after() -> Rules {
    rules([
        group("c", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        group("b", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

/// The old rules are carried out, and the new ones are in force.
async fn ready(world: Settings) -> Service {
    let service = Service::start(Start { world, ..Start::default() });
    service.publish(&before()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&after()).await;
    service.sweep().await.unwrap();
    service
}

/// The same with the intents of the new rules in the ledger.
async fn with_intents(world: Settings) -> Service {
    let service = ready(world).await;
    service.drain_inbox().await;
    service
}

/// Runs the engine until it is done or the fuse has blown; tells how many things it did.
pub(super) async fn run(service: &Service, when: When) -> usize {
    let fuse = Fuse::new(when);
    let ports = fused(&service.ports, &fuse);
    // The wake is hidden while the run lasts, as Lambda hides it; if the run dies, it comes again.
    let received = service.wake.receive(10, Duration::from_mins(2)).await.unwrap();
    assert!(!received.is_empty());
    let event = sqs_event(&received);
    tokio::select! {
        run = service.run_with(&ports, &event) => {
            run.unwrap();
            for received in received {
                service.wake.acknowledge(&received.receipt).await.unwrap();
            }
        }
        () = fuse.blown() => {}
    }
    service.check().await;
    fuse.count()
}

/// What must be so in the end, and that nothing was given up on the way.
async fn all_is_set_right(service: &Service, context: &str) {
    service.settle().await;
    let labels: Vec<_> = service.rows().await.iter().map(|row| row.state.label()).collect();
    assert!(labels.iter().all(|label| ["ours", "closed"].contains(label)), "{context}: {labels:?}");
    assert_eq!(
        service.assignments(),
        [
            "one-dev ReadOnlyAccess Auditors",
            "one-prod DeployAccess Support",
            "one-prod ReadOnlyAccess Auditors",
            "two-dev ReadOnlyAccess Auditors",
        ],
        "{context}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_may_die_before_or_after_anything_that_it_does() {
    let steps = run(&with_intents(Settings::default()).await, When::Never).await;
    assert!(steps > 30, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = with_intents(Settings::default()).await;
            run(&service, when).await;
            all_is_set_right(&service, &format!("{when:?} of {steps}")).await;
            if n % 8 == 0 {
                service.converged(&[]).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_dies_where_aws_takes_long_and_lists_lag_does_no_harm() {
    let world = || Settings {
        assignment_latency: Latency::Constant(Duration::from_secs(25)),
        list_lag: Duration::from_secs(30),
        assumptions: simulator::Assumptions {
            status_lag: Duration::from_secs(30),
            status_order: simulator::StatusOrder::Unordered,
            ..simulator::Assumptions::default()
        },
        ..Settings::default()
    };
    let steps = run(&with_intents(world()).await, When::Never).await;
    for n in (0..steps).step_by(7) {
        for when in [When::Before(n), When::After(n)] {
            let service = with_intents(world()).await;
            run(&service, when).await;
            all_is_set_right(&service, &format!("{when:?} of {steps}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_engine_after_the_one_that_died_may_die_too() {
    let steps = run(&with_intents(Settings::default()).await, When::Never).await;
    for (first, second) in (0..steps).step_by(7).flat_map(|n| [(n, n / 2), (n, n), (n, n + 5)]) {
        let service = with_intents(Settings::default()).await;
        run(&service, When::After(first)).await;
        service.pass(Duration::from_mins(3)).await;
        run(&service, When::After(second)).await;
        all_is_set_right(&service, &format!("after {first}, then after {second} of {steps}")).await;
    }
}

/// The function that decides dies: its record comes again, and is decided again.
#[tokio::test(start_paused = true)]
async fn a_reconcile_may_die_before_or_after_anything_that_it_does() {
    let decide = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let received = service.inbox.receive(10, Duration::from_mins(3)).await.unwrap();
        assert_eq!(received.len(), 3);
        let event = serde_json::from_value(sqs_event(&received)).unwrap();
        tokio::select! {
            answer = reconcile::handle(event, ports.reconciler(), ports.dead_letters(), service.soon()) => {
                assert!(answer.batch_item_failures.is_empty());
                for received in received {
                    service.inbox.acknowledge(&received.receipt).await.unwrap();
                }
            }
            () = fuse.blown() => {}
        }
        service.check().await;
        fuse.count()
    };
    let steps = decide(&ready(Settings::default()).await, When::Never).await;
    assert!(steps > 20, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = ready(Settings::default()).await;
            decide(&service, when).await;
            all_is_set_right(&service, &format!("{when:?} of {steps}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_may_die_before_or_after_anything_that_it_does() {
    let begin = async || {
        let service = Service::new();
        service.publish(&before()).await;
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
        service.publish(&after()).await;
        service
    };
    let sweep = async |service: &Service, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        tokio::select! {
            swept = sweep::handle(ports.sweep()) => drop(swept.unwrap()),
            () = fuse.blown() => {}
        }
        fuse.count()
    };
    let steps = sweep(&begin().await, When::Never).await;
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = begin().await;
            sweep(&service, when).await;
            service.settle().await;
            // Whoever died may still be at it, for all that the next one knows.
            service.pass(service.ports.sweep.hold).await;
            service.sweep_and_settle().await;
            all_is_set_right(&service, &format!("{when:?} of {steps}")).await;
        }
    }
}
