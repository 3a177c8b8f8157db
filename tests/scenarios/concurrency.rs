//! Several things at once: events, decisions, engines, sweeps.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::SignedDuration;
use shared::{
    domain::Operation,
    engine::{AccountHint, Parked, RunEnd, SweepEnd},
    ledger::{BudgetKey, Cause},
    ports::{Clock as _, LedgerReader as _, Queue as _, Received},
};
use simulator::{Caller, CallerKind, Fault, FaultRule, InProcess, Latency, Settings};

use super::{
    fleet::{calm, fleet},
    fuse::{Fuse, When, fused},
    model::{Rules, group, in_ou, rules, tagged},
    records::sqs_event,
    service::{SMALL, Service, Start, USHER},
};

fn document() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("tag", "Support").gets("PowerUserAccess").in_accounts(tagged("Environment", "Development")),
        group("prod", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
    ])
}

fn started(world: Settings) -> Service {
    Service::start(Start { world, organization: SMALL, ..Start::default() })
}

/// A record as the inbox gives it out.
fn record(service: &Service, account: &str, name: &str) -> Received {
    let account = service.account(account);
    let hint = AccountHint::new(account, Cause::new("event", name), service.clock.now());
    raw(name, Some(hint.account.as_str()), &serde_json::to_string(&hint).unwrap())
}

fn raw(name: &str, group: Option<&str>, body: &str) -> Received {
    Received {
        id: name.to_owned(),
        receipt: name.to_owned(),
        group: group.map(str::to_owned),
        body: body.to_owned(),
        receives: 1,
        sent_at: None,
    }
}

/// Decides about these records, past the queue's own order; tells which are to come again.
async fn decide(service: &Service, records: &[Received]) -> Vec<String> {
    let event = serde_json::from_value(sqs_event(records)).unwrap();
    let answer =
        reconcile::handle(event, service.ports.reconciler(), service.ports.dead_letters(), service.soon())
            .await;
    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

async fn spent_today(service: &Service, operation: Operation) -> usize {
    let budget = BudgetKey::of_day(operation, service.clock.now());
    usize::try_from(service.ledger.spent(&budget).await.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_looks_at_one_account_at_once_write_and_charge_each_intent_once() {
    for offset in (0..800).step_by(50) {
        let service = started(calm());
        service.publish(&document()).await;
        let (first, second) = ([record(&service, "one-dev", "a")], [record(&service, "one-dev", "b")]);
        let (first, second) = tokio::join!(decide(&service, &first), async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            decide(&service, &second).await
        });
        assert!(first.is_empty() && second.is_empty(), "{offset} ms: {first:?} {second:?}");
        service.check().await;
        assert_eq!(service.rows().await.len(), 2, "{offset} ms");
        assert_eq!(spent_today(&service, Operation::Grant).await, 2, "{offset} ms");
        service.settle().await;
        assert_eq!(service.world().request_log().count(), 2, "{offset} ms");
        if offset % 200 == 0 {
            service.converged(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_looks_at_once_with_a_change_between_them_end_as_the_account_is_now() {
    for offset in (0..800).step_by(50) {
        for to in ["Workloads/Production", "Workloads/Development"] {
            let service = started(calm());
            service.publish(&document()).await;
            service.sweep_and_settle().await;
            if to == "Workloads/Development" {
                service.move_to("two-dev", "Sandbox").await;
                service.settle().await;
            }
            let first = [record(&service, "two-dev", "a")];
            tokio::join!(decide(&service, &first), async {
                tokio::time::sleep(Duration::from_millis(offset)).await;
                service.move_to("two-dev", to).await;
                service.tag("two-dev", "Environment", "Production").await;
                let second = [record(&service, "two-dev", "b")];
                decide(&service, &second).await
            });
            service.settle().await;
            service.converged(&[]).await;
            let key = service.key("two-dev", "ReadOnlyAccess", "Developers");
            assert_eq!(service.exists(&key), to == "Workloads/Development", "{offset} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_events_of_one_account_are_decided_in_their_group_whichever_comes_first() {
    let mut ends = BTreeSet::new();
    for order in [["move", "tag"], ["tag", "move"]] {
        let service = started(Settings::default());
        service.publish(&document()).await;
        service.sweep_and_settle().await;
        for event in order {
            match event {
                "move" => service.move_to("play", "Workloads/Development").await,
                _ => service.tag("play", "Environment", "Production").await,
            }
        }
        let mut first = service.take_events();
        let second = first.split_off(1);
        // Both are read at the same time, by two instances of the function.
        tokio::join!(service.deliver(second), service.deliver(first));
        let one = service.inbox.receive(1, Duration::from_mins(3)).await.unwrap();
        assert_eq!(one.len(), 1);
        let other = service.inbox.receive(1, Duration::from_mins(3)).await.unwrap();
        assert!(other.is_empty(), "the group is busy");
        assert!(decide(&service, &one).await.is_empty());
        service.inbox.acknowledge(&one[0].receipt).await.unwrap();
        service.settle().await;
        service.converged(&[]).await;
        ends.insert(service.assignments());
    }
    assert_eq!(ends.len(), 1);
    let end = ends.pop_first().unwrap();
    assert!(end.contains(&"play ReadOnlyAccess Developers".to_owned()));
    assert!(end.contains(&"play DeployAccess Support".to_owned()));
}

/// A wake, as if it came from nowhere.
fn wake() -> serde_json::Value {
    sqs_event(&[raw("wake", None, "{}")])
}

async fn with_intents(world: Settings) -> Service {
    let service = started(world);
    service.publish(&document()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service
}

#[tokio::test(start_paused = true)]
async fn of_two_engines_one_gets_the_lease_and_nothing_is_sent_twice() {
    for offset in (0..5_000).step_by(250) {
        let service = with_intents(calm()).await;
        let wake = wake();
        let (first, second) = tokio::join!(service.run_with(&service.ports, &wake), async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            service.run_with(&service.ports, &wake).await
        });
        let (first, second) = (first.unwrap(), second.unwrap());
        service.check().await;
        let ends = [first.end, second.end];
        assert!(ends.contains(&RunEnd::Done), "{offset} ms: {ends:?}");
        if offset <= 1_000 {
            assert!(ends.contains(&RunEnd::HeldElsewhere), "{offset} ms: {ends:?}");
        }
        assert_eq!(first.granted + second.granted, 5, "{offset} ms");
        assert_eq!(service.world().request_log().count(), 5, "{offset} ms");
        service.settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_just_as_the_engine_ends_is_still_sent() {
    for offset in (0..6_000).step_by(200) {
        let service = with_intents(calm()).await;
        let hint = [record(&service, "play", "late")];
        let wake = wake();
        let (run, ()) = tokio::join!(service.run_with(&service.ports, &wake), async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            service.tag("play", "Environment", "Production").await;
            assert!(decide(&service, &hint).await.is_empty());
            service.run_engine().await;
        });
        run.unwrap();
        service.settle().await;
        let key = service.key("play", "DeployAccess", "Support");
        assert_eq!(service.state(&key).await, "ours", "{offset} ms");
    }
}

/// The lease runs out while an engine is held up by whatever it does; another takes over, and the first comes back.
#[tokio::test(start_paused = true)]
async fn an_engine_whose_lease_expires_in_the_middle_does_nothing_more() {
    let fuse = Fuse::new(When::Never);
    let service = with_intents(calm()).await;
    service.run_with(&fused(&service.ports, &fuse), &wake()).await.unwrap();
    let steps = fuse.count();
    assert!(steps > 30, "only {steps} steps");
    for n in 0..steps {
        for held_up in [94, 96, 150] {
            let service = with_intents(calm()).await;
            let fuse = Fuse::new(When::StallAfter(n, Duration::from_secs(held_up)));
            let ports = fused(&service.ports, &fuse);
            let wake = wake();
            let (first, second) = tokio::join!(service.run_with(&ports, &wake), async {
                tokio::time::sleep(Duration::from_secs(95)).await;
                service.run_with(&service.ports, &wake).await
            });
            let context = format!("held up after {n} of {steps} for {held_up} s");
            let (first, second) = (first.unwrap(), second.unwrap());
            service.check().await;
            // The first four steps, the instance, whose the ledger is, its epoch and the orders, come before the lease is asked for.
            assert!(first.end != RunEnd::HeldElsewhere || n < 4, "{context}");
            assert!(first.granted + second.granted <= 5, "{context}: {first:?} {second:?}");
            service.settle().await;
            let rows = service.rows().await;
            assert!(rows.iter().all(|row| row.state.label() == "ours"), "{context}: {rows:?}");
            assert_eq!(service.assignments().len(), 5, "{context}");
            if n % 10 == 0 {
                service.converged(&[]).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_runs_while_events_are_worked_on_gets_in_nobody_s_way() {
    for offset in (0..4_000).step_by(200) {
        let service = started(calm());
        service.publish(&document()).await;
        service.sweep_and_settle().await;
        service.pass(Duration::from_mins(6)).await;
        let (swept, ()) = tokio::join!(service.sweep(), async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            service.move_to("one-dev", "Sandbox").await;
            service.tag("two-dev", "Environment", "Production").await;
            service.move_to("play", "Workloads/Development").await;
            service.deliver_events().await;
            service.drain_inbox().await;
            service.run_engine().await;
        });
        swept.unwrap();
        service.settle().await;
        assert_eq!(
            service.assignments(),
            [
                "one-dev PowerUserAccess Support",
                "one-prod DeployAccess Support",
                "play ReadOnlyAccess Developers",
                "two-dev DeployAccess Support",
                "two-dev ReadOnlyAccess Developers",
            ],
            "{offset} ms"
        );
        if offset % 1_000 == 0 {
            service.converged(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_sweeps_at_once_one_does_the_work_and_the_other_leaves_it_alone() {
    let service = started(calm());
    service.publish(&document()).await;
    let (first, second) = tokio::join!(service.sweep(), service.sweep());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.run, second.run), (SweepEnd::RoundEnded, SweepEnd::UnderWay));
    assert_eq!(second.differing, 0);
    service.settle().await;
    assert_eq!(service.world().request_log().count(), 5);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn ten_accounts_at_once_fill_the_window_and_no_more_and_share_it() {
    let organization = fleet(12, 3);
    let world = Settings { assignment_latency: Latency::Constant(Duration::from_secs(20)), ..calm() };
    let service = Service::start(Start { organization: &organization, world, ..Start::default() });
    let document = rules([group("all", "Developers")
        .gets("Set0")
        .gets("Set1")
        .gets("Set2")
        .in_accounts(tagged("Kind", "unit"))]);
    service.publish(&document).await;
    for n in 0..10 {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.drain_inbox().await;
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(10)).await;
        assert_eq!(service.world().outstanding(), 10, "the window is full");
        let world = service.world();
        let accounts: BTreeSet<_> = world.request_log().map(|request| request.key.account.clone()).collect();
        assert_eq!(accounts.len(), 10, "every account has its first");
    });
    service.settle().await;
    assert_eq!(service.assignments().len(), 30);
    let second: BTreeSet<_> =
        service.world().request_log().skip(10).take(10).map(|request| request.key.account.clone()).collect();
    assert_eq!(second.len(), 10, "and its second, before any has its third");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_meets_another_one_is_made_again_and_nothing_is_read_for_it() {
    let looked = async |when| {
        let service = started(calm());
        service.publish(&document()).await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let event = serde_json::from_value(sqs_event(&[record(&service, "one-dev", "a")])).unwrap();
        let answer = reconcile::handle(event, ports.reconciler(), ports.dead_letters(), service.soon()).await;
        assert!(answer.batch_item_failures.is_empty(), "{when:?}");
        assert_eq!((service.rows().await.len(), spent_today(&service, Operation::Grant).await), (2, 2));
        (fuse.count(), service.world().log().len())
    };
    let (steps, calls) = looked(When::Never).await;
    let mut again = 0;
    for n in 0..steps {
        let (with, called) = looked(When::Conflicts(n)).await;
        assert_eq!(called, calls, "at {n} of {steps}");
        again += with - steps;
    }
    assert!(again > 0, "no write met another one");
}

/// SSO Admin answers a call in two seconds.
fn slow(service: &mut Service) {
    let management = service.world().management_account().clone();
    let face = InProcess {
        world: Arc::clone(&service.world),
        clock: service.clock.clone(),
        caller: Caller::new(USHER, management, CallerKind::Management),
        round_trip: Duration::from_secs(2),
        paces: None,
    };
    service.ports.access = Arc::new(face);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_has_no_time_for_comes_again_and_what_is_done_does_not() {
    let began = |service: &mut Service| {
        slow(service);
        service.clock.now()
    };
    let mut service = started(calm());
    service.publish(&document()).await;
    let start = began(&mut service);
    assert_eq!(decide(&service, &[record(&service, "one-dev", "alone")]).await, [""; 0]);
    let alone = service.clock.now().duration_since(start);
    assert!(alone > SignedDuration::from_secs(5), "{alone}");

    let mut service = started(calm());
    service.publish(&document()).await;
    let until = began(&mut service) + alone + SignedDuration::from_secs(1);
    let batch = [
        record(&service, "one-dev", "done"),
        record(&service, "two-dev", "broken off"),
        record(&service, "two-dev", "after it"),
        record(&service, "one-prod", "not begun"),
    ];
    let event = serde_json::from_value(sqs_event(&batch)).unwrap();
    let answer =
        reconcile::handle(event, service.ports.reconciler(), service.ports.dead_letters(), until).await;
    assert!(service.clock.now() <= until + SignedDuration::from_millis(1), "answered in time");
    let failed: Vec<_> =
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["broken off", "after it", "not begun"]);
    let accounts: BTreeSet<_> = service.rows().await.into_iter().map(|row| row.key.account).collect();
    assert_eq!(accounts, BTreeSet::from([service.account("one-dev")]));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_holds_up_nothing_but_its_own_group() {
    let service = started(calm());
    service.publish(&document()).await;
    let account = Some(service.account("two-dev"));
    let fault = FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault: Fault::InternalError,
        calls: Some(1),
        account,
    };
    service.world().faults.add(fault);
    let group = service.account("one-prod").to_string();
    let batch = [
        record(&service, "one-dev", "good"),
        raw("unreadable", Some(&group), "{ this is no hint"),
        record(&service, "two-dev", "fails"),
        record(&service, "one-prod", "after the unreadable one"),
        record(&service, "two-dev", "after the failed one"),
        record(&service, "play", "last"),
    ];
    assert_eq!(decide(&service, &batch).await, ["fails", "after the failed one"]);
    let rows = service.rows().await;
    let accounts: BTreeSet<_> = rows.iter().map(|row| row.key.account.clone()).collect();
    assert_eq!(accounts, BTreeSet::from([service.account("one-dev"), service.account("one-prod")]));

    let parked = service.parked.receive(10, Duration::from_mins(1)).await.unwrap();
    assert_eq!(parked.len(), 1);
    let parked: Parked = serde_json::from_str(&parked[0].body).unwrap();
    assert_eq!((parked.by.as_str(), parked.payload.as_str()), ("reconcile", "{ this is no hint"));
    assert!(parked.reason.contains("not a hint"), "{}", parked.reason);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_that_cannot_be_parked_comes_again() {
    let service = started(calm());
    service.publish(&document()).await;
    let mut ports = service.ports.clone();
    ports.parked = std::sync::Arc::new(Refusing);
    let batch = [raw("unreadable", None, "?"), record(&service, "one-dev", "good")];
    let event = serde_json::from_value(sqs_event(&batch)).unwrap();
    let answer = reconcile::handle(event, ports.reconciler(), ports.dead_letters(), service.soon()).await;
    let failed: Vec<_> = answer.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
    assert_eq!(failed, ["unreadable"]);
    assert_eq!(service.rows().await.len(), 2, "its neighbour was decided");
}

/// A queue that can't be reached.
struct Refusing;

#[async_trait::async_trait]
impl shared::ports::Queue for Refusing {
    async fn send(&self, _: &[shared::ports::Message]) -> Result<(), shared::ports::PortError> {
        Err(shared::ports::PortError::Failed("the connection was lost".to_owned()))
    }
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Received>, shared::ports::PortError> {
        Ok(Vec::new())
    }
    async fn acknowledge(&self, _: &str) -> Result<(), shared::ports::PortError> {
        Ok(())
    }
    async fn release(&self, _: &str, _: Duration) -> Result<(), shared::ports::PortError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn records_of_one_account_that_come_after_a_failure_are_decided_in_order_later() {
    let service = started(Settings::default());
    service.publish(&document()).await;
    let fault = FaultRule {
        operation: "DescribeAccount".to_owned(),
        service: None,
        fault: Fault::InternalError,
        calls: Some(2),
        account: Some(service.account("two-dev")),
    };
    service.world().faults.add(fault);
    for _ in 0..3 {
        service.hint("two-dev").await;
        service.pass(Duration::from_millis(1)).await;
    }
    assert_eq!(service.drain_inbox().await, 3);
    assert_eq!(service.inbox.depth().in_flight, 3, "none is lost");
    service.settle().await;
    assert!(service.exists(&service.key("two-dev", "ReadOnlyAccess", "Developers")));
    assert_eq!(service.parked.depth().waiting, 0, "nothing was parked");
    service.converged(&[]).await;
}
