//! The minute's tick: what lost its wake, and rules that begin and end.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use shared::{
    engine::{AccountHint, EngineSettings, Rulebook, RulesOnHand, TickSummary},
    ports::{Clock as _, Ledger as _, LedgerReader as _, Queue as _},
    rules::{Index, Rule},
};
use simulator::Fault;

use super::{
    fuse::{Fuse, When, fused},
    model::{Rules, group, in_ou, rules, tagged},
    ports::Ports,
    service::{Service, Start},
};

fn developers() -> Rules {
    rules([group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

async fn tick(service: &Service) -> TickSummary {
    let summary = tick::handle(service.ports.tick()).await.unwrap();
    service.check().await;
    summary
}

/// Wakes that came are lost.
async fn lose_the_wakes(service: &Service) {
    for lost in service.wake.receive(10, Duration::from_secs(1)).await.unwrap() {
        service.wake.acknowledge(&lost.receipt).await.unwrap();
    }
    assert_eq!(service.wake.depth().waiting + service.wake.depth().delayed, 0);
}

/// The same ports with rules in which the times have been set.
fn with_times(service: &Service, rules: &Rules, set: impl Fn(&mut Rule)) -> Ports {
    let bundle = rules.bundle();
    let mut set_of_rules = shared::rules::read(&bundle).unwrap();
    set_of_rules.rules.iter_mut().for_each(set);
    let rules = RulesOnHand { version: bundle.version(), index: Arc::new(Index::compile(set_of_rules)) };
    Ports { rulebook: Arc::new(Rulebook::fixed(rules)), ..service.ports.clone() }
}

/// Takes the hints out of the inbox: the accounts, and the causes.
async fn hints(service: &Service) -> (Vec<String>, BTreeSet<String>) {
    let (mut accounts, mut causes) = (Vec::new(), BTreeSet::new());
    loop {
        let received = service.inbox.receive(10, Duration::from_mins(1)).await.unwrap();
        if received.is_empty() {
            accounts.sort();
            return (accounts, causes);
        }
        for message in received {
            let hint = AccountHint::from_body(&message.body).unwrap();
            accounts.push(service.world().account_name(&hint.account).unwrap().to_owned());
            causes.insert(hint.cause.as_str().to_owned());
            service.inbox.acknowledge(&message.receipt).await.unwrap();
        }
    }
}

fn soon(service: &Service) -> Timestamp {
    service.clock.now() + SignedDuration::from_mins(10)
}

#[tokio::test(start_paused = true)]
async fn work_that_lost_its_wake_waits_a_minute_at_most() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    lose_the_wakes(&service).await;
    assert!(tick(&service).await.woken);
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);
    assert!(!tick(&service).await.woken, "there is nothing left to do");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_engine_is_followed_by_another_as_soon_as_its_lease_has_run_out() {
    let service = Service::new();
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    lose_the_wakes(&service).await;
    service
        .ledger
        .acquire_lease("dead", service.clock.now(), Duration::from_secs(90))
        .await
        .unwrap()
        .unwrap();
    for _ in 0..3 {
        assert_eq!(service.assignments(), [""; 0]);
        assert!(tick(&service).await.woken);
        service.run_engine().await;
        // Turned away by the lease, it left nothing behind that would come again by itself.
        assert_eq!(service.wake.depth().delayed, 0);
        service.pass(Duration::from_secs(31)).await;
    }
    tick(&service).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_time_or_is_looked_after_wakes_nobody() {
    let service = Service::new();
    service.world().fail_next("CreateAccountAssignment", Fault::Slow(Duration::from_mins(50)), 1);
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    for _ in 0..30 {
        service.run_engine().await;
        service.pass(Duration::from_secs(20)).await;
    }
    assert_eq!(service.polls.depth().delayed + service.polls.depth().waiting, 1);
    for _ in 0..30 {
        assert!(!tick(&service).await.woken);
        service.poll_requests().await;
        service.pass(Duration::from_mins(1)).await;
    }
    // Lost, the request is handed over again, within an hour and a minute.
    for lost in service.polls.receive(10, Duration::from_secs(1)).await.unwrap() {
        service.polls.acknowledge(&lost.receipt).await.unwrap();
    }
    let mut minutes = 0;
    while !tick(&service).await.woken {
        minutes += 1;
        assert!(minutes <= 61);
        service.pass(Duration::from_mins(1)).await;
    }
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);

    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 1);
    service.move_to("play", "Workloads/Development").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    service.run_engine().await;
    lose_the_wakes(&service).await;
    let row = service.rows().await.into_iter().find(|row| row.state.label() == "pending");
    if let Some(time) = row.and_then(|row| row.work().and_then(|(_, intent)| intent.not_before)) {
        let due = time <= service.clock.now();
        assert_eq!(tick(&service).await.woken, due);
    }
}

#[tokio::test(start_paused = true)]
async fn the_accounts_that_a_rule_may_select_are_looked_at_when_it_begins_and_only_then() {
    let service = Service::new();
    let written = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("tag", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Production")),
    ]);
    service.publish(&written).await;
    let from = soon(&service);
    let begins =
        |id: &'static str| move |rule: &mut Rule| rule.from = (rule.id.as_str() == id).then_some(from);
    // The names of OUs are remembered.
    service.sweep_and_settle().await;
    hints(&service).await;

    let ports = with_times(&service, &written, begins("dev"));
    let run = async || tick::handle(ports.tick()).await.unwrap();
    assert_eq!((run().await.turns, hints(&service).await.0.len()), (0, 0));
    service.pass(Duration::from_mins(10)).await;
    assert_eq!(run().await.turns, 0, "whoever decides may have a clock that is a little behind");
    service.pass(Duration::from_secs(6)).await;
    let summary = run().await;
    assert_eq!((summary.turns, summary.hinted), (1, 2));
    let (accounts, causes) = hints(&service).await;
    assert_eq!(accounts, ["one-dev", "two-dev"]);
    assert_eq!(causes, [format!("turn:dev:{from}")].into());
    assert_eq!(run().await, TickSummary::default());

    // By its tags alone, every account may be selected but for the management account. No tags are read for that.
    let calls = service.world().counters().calls.get("ListTagsForResource").copied();
    service.pass(Duration::from_mins(30)).await;
    let later = from + SignedDuration::from_mins(20);
    let ports = with_times(&service, &written, move |rule| {
        rule.from = (rule.id.as_str() == "tag").then_some(later);
    });
    tick::handle(ports.tick()).await.unwrap();
    assert_eq!(hints(&service).await.0, ["gone", "one-dev", "one-prod", "play", "two-dev"]);
    assert_eq!(service.world().counters().calls.get("ListTagsForResource").copied(), calls);

    // Names of OUs that were remembered too long ago are not relied on.
    let again = service.clock.now() + SignedDuration::from_mins(1);
    service.world().faults.clear_all();
    service.pass(Duration::from_mins(2)).await;
    let ports = with_times(&service, &written, move |rule| {
        rule.from = (rule.id.as_str() == "dev").then_some(again);
    });
    tick::handle(ports.tick()).await.unwrap();
    // As deep as `Workloads/Development`, of whatever name.
    assert_eq!(hints(&service).await.0, ["one-dev", "one-prod", "two-dev"]);
}

#[tokio::test(start_paused = true)]
async fn the_accounts_where_a_rule_has_given_access_are_looked_at_when_it_ends() {
    let service = Service::new();
    let written = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("all", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ]);
    service.publish(&written).await;
    service.sweep_and_settle().await;
    let until = soon(&service);
    let ports = with_times(&service, &written, move |rule| {
        rule.until = (rule.id.as_str() == "dev").then_some(until);
    });
    tick::handle(ports.tick()).await.unwrap();
    service.pass(Duration::from_mins(11)).await;
    let listed = service.world().counters().calls.get("ListAccounts").copied();
    tick::handle(ports.tick()).await.unwrap();
    assert_eq!(hints(&service).await.0, ["one-dev", "two-dev"]);
    assert_eq!(service.world().counters().calls.get("ListAccounts").copied(), listed, "the rows tell it");
}

#[tokio::test(start_paused = true)]
async fn the_first_tick_looks_a_day_back_and_a_tick_after_a_long_pause_misses_nothing() {
    for (hours, turns) in [(-23, 1), (-25, 0)] {
        let service = Service::new();
        let written = developers();
        service.publish(&written).await;
        let from = service.clock.now() + SignedDuration::from_hours(hours);
        let ports = with_times(&service, &written, move |rule| rule.from = Some(from));
        assert_eq!(tick::handle(ports.tick()).await.unwrap().turns, turns);
    }
    let service = Service::new();
    let written = developers();
    service.publish(&written).await;
    let from = soon(&service);
    let ports = with_times(&service, &written, move |rule| rule.from = Some(from));
    tick::handle(ports.tick()).await.unwrap();
    service.pass(Duration::from_hours(80)).await;
    assert_eq!(tick::handle(ports.tick()).await.unwrap().turns, 1);
}

#[tokio::test(start_paused = true)]
async fn without_rules_or_while_they_cannot_be_fetched_work_still_goes_on() {
    let service = Service::new();
    assert_eq!(tick(&service).await, TickSummary::default());
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    lose_the_wakes(&service).await;
    service.store.0.lock().unwrap().clear();
    let ports =
        Ports { rulebook: Arc::new(Rulebook::of_store(service.store.clone())), ..service.ports.clone() };
    tick::handle(ports.tick()).await.unwrap_err();
    assert_eq!(service.wake.depth().waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn a_tick_may_die_before_or_after_anything_that_it_does() {
    let begin = async || {
        let service = Service::start(Start { engine: EngineSettings::default(), ..Start::default() });
        let written = developers();
        service.publish(&written).await;
        service.sweep_and_settle().await;
        let from = soon(&service);
        let ports = with_times(&service, &written, move |rule| rule.from = Some(from));
        tick::handle(ports.tick()).await.unwrap();
        service.pass(Duration::from_mins(12)).await;
        (service, ports)
    };
    let run = async |ports: &Ports, when: When| {
        let fuse = Fuse::new(when);
        let ports = fused(ports, &fuse);
        tokio::select! {
            ticked = tick::handle(ports.tick()) => drop(ticked.unwrap()),
            () = fuse.blown() => {}
        }
        fuse.count()
    };
    let (_, ports) = begin().await;
    let steps = run(&ports, When::Never).await;
    assert!(steps >= 4, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let (service, ports) = begin().await;
            run(&ports, when).await;
            service.pass(Duration::from_mins(1)).await;
            tick::handle(ports.tick()).await.unwrap();
            let hinted: BTreeSet<_> = hints(&service).await.0.into_iter().collect();
            assert_eq!(hinted, ["one-dev".to_owned(), "two-dev".to_owned()].into(), "{when:?} of {steps}");
            assert_eq!(service.ledger.rules_in_force().await.unwrap().unwrap().rules, 1);
        }
    }
}
