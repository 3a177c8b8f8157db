//! Requests that outlive the engine's patience: messages look after them, and they cost a slot and nothing else.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::Operation,
    engine::{EngineSettings, Poll, PollEnd, Polled, Provisioner, RunEnd, Wake},
    ports::{Clock as _, Queue as _},
};
use simulator::{Fault, FaultRule, Latency, Settings};

use super::{
    dead_letters::letters,
    fuse::{Fuse, When, fused},
    model::{Rules, Where, group, in_ou, rules},
    records::sqs_event,
    service::{Service, Start},
};

const HOUR: Duration = Duration::from_hours(1);

fn developers() -> Rules {
    rules([group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

/// The rules are in force and decided, and the first request takes this long.
async fn with_a_slow_request(takes: Fault, world: Settings) -> Service {
    let service = Service::start(Start { world, ..Start::default() });
    service.world().fail_next("CreateAccountAssignment", takes, 1);
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service
}

/// The engine has run out of patience with the slow request, and all else is done.
async fn handed_over(takes: Fault) -> Service {
    let service = with_a_slow_request(takes, Settings::default()).await;
    for _ in 0..30 {
        service.run_engine().await;
        if service.polls.depth().delayed > 0 {
            return service;
        }
        service.pass(Duration::from_secs(20)).await;
    }
    panic!("nothing was handed over");
}

async fn labels(service: &Service) -> Vec<&'static str> {
    let mut labels: Vec<_> = service.rows().await.iter().map(|row| row.state.label()).collect();
    labels.sort_unstable();
    labels
}

/// Time goes by, and only the requests that were handed over are looked at; tells how many wakes were sent meanwhile.
async fn only_polls_for(service: &Service, time: Duration) -> usize {
    let end = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < end {
        service.pass(Duration::from_secs(30)).await;
        service.poll_requests().await;
    }
    service.wake.depth().waiting + service.wake.depth().delayed
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_an_hour_costs_one_slot_and_no_run_of_the_engine() {
    let service = handed_over(Fault::Slow(HOUR)).await;
    assert_eq!(labels(&service).await, ["ours", "sending"]);
    assert_eq!(service.wake.depth().waiting + service.wake.depth().delayed, 0, "the engine is to be woken");
    let calls = service.world().counters().calls.values().sum::<u64>();

    assert_eq!(only_polls_for(&service, Duration::from_mins(50)).await, 0);
    assert_eq!(labels(&service).await, ["ours", "sending"]);
    // Looks with growing delays, and nothing else.
    let looks = service.world().counters().calls.values().sum::<u64>() - calls;
    assert!((5..30).contains(&looks), "{looks} calls");

    // Its end is told to the engine: a slot is free.
    assert!(only_polls_for(&service, Duration::from_mins(20)).await > 0);
    assert_eq!(labels(&service).await, ["ours", "ours"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_called_off_asks_for_nothing_more_and_gives_the_lease_to_the_next() {
    let service = with_a_slow_request(Fault::Slow(Duration::from_mins(2)), Settings::default()).await;
    let called_off = AtomicBool::new(false);
    let engine = Provisioner { called_off: Some(&called_off), ..service.ports.provisioner() };
    let (clock, wake) = (engine.clock, Wake::first());
    let began = clock.now();
    let run = engine.run("one", &wake, Timestamp::MAX);
    let call_off = async {
        clock.sleep(Duration::from_secs(20)).await;
        called_off.store(true, Ordering::Relaxed);
    };
    let (summary, ()) = tokio::join!(run, call_off);
    assert_eq!(summary.unwrap().end, RunEnd::HandedOver);
    // Its own time would have been 90 s, and the request takes longer still.
    assert!(clock.now().duration_since(began) < SignedDuration::from_secs(30));
    assert_eq!(labels(&service).await, ["ours", "sending"]);
    let lease = engine.ledger.acquire_lease("another", clock.now(), Duration::from_secs(1)).await;
    engine.ledger.release_lease(&lease.unwrap().unwrap()).await.unwrap();

    // Called off from the beginning, a run looks at its instance and at nothing else.
    let calls = || {
        let counters = service.world().counters().calls.clone();
        counters.iter().filter(|(name, _)| !name.contains("Instance")).map(|(_, calls)| calls).sum::<u64>()
    };
    let before = calls();
    assert_eq!(engine.run("two", &wake, Timestamp::MAX).await.unwrap().end, RunEnd::HandedOver);
    assert_eq!(calls(), before);
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn others_go_on_in_the_slots_that_are_left_and_never_in_more() {
    let mut world = Settings::default();
    world.quotas.outstanding = 2;
    let engine = EngineSettings { window: 2, ..EngineSettings::default() };
    let service = Service::start(Start { world, engine, ..Start::default() });
    service.world().fail_next("CreateAccountAssignment", Fault::Slow(HOUR), 1);
    service.checker().throttles_expected = false;
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.settle_for(Duration::from_mins(8)).await;
    assert_eq!(labels(&service).await, ["ours", "sending"]);
    service
        .publish(&rules([
            group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
            group("b", "Support").gets("PowerUserAccess").in_accounts(in_ou("Workloads")),
            group("c", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        ]))
        .await;
    service.sweep().await.unwrap();
    service.settle_for(Duration::from_mins(8)).await;
    let labels = labels(&service).await;
    assert_eq!(labels.iter().filter(|label| **label == "sending").count(), 1, "{labels:?}");
    // AWS updates one role of an account at a time: the two others of that account wait, and take no place.
    assert_eq!(labels.iter().filter(|label| **label == "pending").count(), 2, "{labels:?}");
    assert_eq!(labels.iter().filter(|label| **label == "ours").count(), 5, "{labels:?}");
    assert!(service.world().counters().most_outstanding <= 2);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_revoke_in_an_account_with_a_stuck_request_takes_the_next_free_place() {
    let service = Service::new();
    let place = || Where::Named("one-dev".into());
    let old = || group("old", "Support").gets("PowerUserAccess").in_accounts(place());
    let new = || group("new", "Developers").gets("ReadOnlyAccess").in_accounts(place());
    service.publish(&rules([old()])).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 1);
    service.publish(&rules([old(), new()])).await;
    service.sweep().await.unwrap();
    service.settle_for(Duration::from_mins(8)).await;
    assert_eq!(labels(&service).await, ["ours", "sending"]);

    service.publish(&rules([new()])).await;
    service.hint("one-dev").await;
    service.drain_inbox().await;
    let decided = service.clock.now();
    service.run_engine().await;
    {
        let world = service.world();
        let revoke = world.request_log().find(|request| request.operation == Operation::Revoke).unwrap();
        let waited = revoke.accepted_at.duration_since(decided);
        assert!(waited < SignedDuration::from_secs(1), "{waited}");
    }
    assert!(!service.exists(&service.key("one-dev", "PowerUserAccess", "Support")));
}

/// What waits behind a request that takes long is due, so each tick wakes the engine: that run is all that comes of it.
#[tokio::test(start_paused = true)]
async fn a_tick_beside_a_request_of_six_hours_starts_one_run_and_these_wake_no_others() {
    let service = handed_over(Fault::Slow(6 * HOUR)).await;
    let slow = service.rows().await.into_iter().find(|row| row.state.label() == "sending").unwrap();
    let account = service.world().account_name(&slow.key.account).unwrap().to_owned();
    let both = group("b", "Support").gets("PowerUserAccess").in_accounts(Where::Named(account));
    service
        .publish(&rules([
            group("a", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
            both,
        ]))
        .await;
    service.sweep().await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let mut in_an_hour = 0;
        for _ in 0..60 {
            tick::handle(service.ports.tick()).await.unwrap();
            service.drain_inbox().await;
            in_an_hour += service.run_engine().await.len();
            service.poll_requests().await;
            service.pass(Duration::from_mins(1)).await;
        }
        runs.push(in_an_hour);
    }
    assert_eq!(labels(&service).await, ["ours", "pending", "sending"]);
    assert!(runs.iter().all(|runs| (60..65).contains(runs)), "{runs:?} in each hour");
}

#[tokio::test(start_paused = true)]
async fn with_the_whole_window_stuck_the_engine_looks_rarely_and_goes_on_when_a_slot_is_free() {
    let engine = EngineSettings { window: 1, ..EngineSettings::default() };
    let service = Service::start(Start { engine, ..Start::default() });
    service.world().fail_next("CreateAccountAssignment", Fault::Slow(HOUR), 1);
    service.publish(&developers()).await;
    service.sweep().await.unwrap();
    service.settle_for(Duration::from_mins(10)).await;
    assert_eq!(labels(&service).await, ["pending", "sending"]);
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_after_long_is_told_as_the_engine_tells_it() {
    let reason = "Received a 404 status error: Not supported policy Custom".to_owned();
    for (fault, label) in
        [(Fault::FailLater(reason), "blocked"), (Fault::internal_exception_later(), "pending")]
    {
        let long = Latency::Constant(Duration::from_mins(20));
        let world = Settings { assignment_latency: long, ..Settings::default() };
        let service = with_a_slow_request(fault, world).await;
        for _ in 0..30 {
            service.run_engine().await;
            service.pass(Duration::from_secs(20)).await;
        }
        assert_eq!(labels(&service).await, ["sending", "sending"]);
        only_polls_for(&service, Duration::from_mins(15)).await;
        let mut expected = vec![label, "ours"];
        expected.sort_unstable();
        assert_eq!(labels(&service).await, expected);
        let failed = service.rows().await.into_iter().find(|row| row.state.label() == label).unwrap();
        assert!(failed.trouble.is_some() && failed.last_request.is_some(), "{failed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_lost_is_sent_again_after_an_hour() {
    let service = handed_over(Fault::Slow(Duration::from_mins(30))).await;
    service.pass(Duration::from_mins(20)).await;
    let lost = service.polls.receive(10, HOUR).await.unwrap();
    assert_eq!(lost.len(), 1);
    service.polls.acknowledge(&lost[0].receipt).await.unwrap();

    // For an hour the engine believes that somebody looks after it.
    service.pass(Duration::from_mins(20)).await;
    service.sweep_and_settle().await;
    assert_eq!(labels(&service).await, ["ours", "sending"]);
    service.pass(Duration::from_mins(30)).await;
    service.sweep_and_settle().await;
    assert_eq!(labels(&service).await, ["ours", "ours"]);
    // The one that was lost turns up after all: it has nothing to say.
    for lost in lost {
        let message = Poll::from_body(&lost.body).unwrap();
        message.send(&*service.polls, service.clock.now(), Duration::ZERO).await.unwrap();
    }
    let before = service.rows().await;
    service.poll_requests().await;
    assert_eq!(service.rows().await, before);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_twice_or_is_of_another_time_changes_nothing() {
    let service = handed_over(Fault::Slow(Duration::from_mins(30))).await;
    service.pass(Duration::from_mins(1)).await;
    let received = service.polls.receive(10, Duration::from_secs(1)).await.unwrap();
    let poll = Poll::from_body(&received[0].body).unwrap();
    service.pass(Duration::from_mins(40)).await;
    let before = service.rows().await;
    let other = Poll { since: poll.since - jiff::SignedDuration::from_hours(2), ..poll.clone() };
    other.send(&*service.polls, service.clock.now(), Duration::ZERO).await.unwrap();
    let overtaken = service.ports.poller().look(&other).await.unwrap();
    assert_eq!(overtaken, Polled::Done(PollEnd::Overtaken));
    assert_eq!(service.rows().await, before);

    let poller = service.ports.poller();
    let (first, second) = tokio::join!(poller.look(&poll), poller.look(&poll));
    let mut ends = [format!("{:?}", first.unwrap()), format!("{:?}", second.unwrap())];
    ends.sort();

    assert!(ends.contains(&"Done(Granted)".to_owned()), "{ends:?}");
    assert_eq!(labels(&service).await, ["ours", "ours"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_poller_and_an_engine_at_the_same_time_end_a_request_once() {
    let service = handed_over(Fault::Slow(Duration::from_mins(30))).await;
    service.pass(Duration::from_mins(64)).await;
    // By now the message counts as lost, so both have something to do with the request.
    let received = service.polls.receive(10, HOUR).await.unwrap();
    let event = serde_json::from_value(sqs_event(&received)).unwrap();
    let woken = serde_json::json!({ "Records": [] });
    let (answer, run) = tokio::join!(
        poll_provisioning::handle(event, service.ports.poller(), service.ports.dead_letters()),
        service.run_with(&service.ports, &woken),
    );
    assert!(answer.batch_item_failures.is_empty());
    run.unwrap();
    service.check().await;
    service.settle().await;
    assert_eq!(labels(&service).await, ["ours", "ours"]);
    assert_eq!(service.world().request_log().count(), 2);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_aws_forgets_goes_back_to_the_engine_which_asks_for_the_assignment() {
    let mut world = Settings::default();
    world.assumptions.status_retention = Some(Duration::from_secs(1));
    let service = with_a_slow_request(Fault::Slow(Duration::from_mins(30)), world).await;
    service.settle().await;
    assert_eq!(labels(&service).await, ["ours", "ours"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_changed_meanwhile_is_looked_at_when_its_request_has_ended() {
    let service = handed_over(Fault::Slow(Duration::from_mins(30))).await;
    for account in ["one-dev", "two-dev"] {
        service.move_to(account, "Sandbox").await;
    }
    service.deliver_events().await;
    service.drain_inbox().await;
    service.settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_poller_may_die_before_or_after_anything_that_it_does() {
    let poll = async |service: &Service, when: When| {
        // The account is to be looked at again, so that there is more that may get lost.
        service.move_to("one-dev", "Sandbox").await;
        service.move_to("two-dev", "Sandbox").await;
        service.deliver_events().await;
        service.drain_inbox().await;
        service.pass(Duration::from_mins(40)).await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let received = service.polls.receive(10, Duration::from_mins(2)).await.unwrap();
        let event = serde_json::from_value(sqs_event(&received)).unwrap();
        tokio::select! {
            answer = poll_provisioning::handle(event, ports.poller(), ports.dead_letters()) => {
                assert!(answer.batch_item_failures.is_empty());
                for received in received {
                    service.polls.acknowledge(&received.receipt).await.unwrap();
                }
            }
            () = fuse.blown() => {}
        }
        service.check().await;
        fuse.count()
    };
    let slow = || Fault::Slow(Duration::from_mins(30));
    let steps = poll(&handed_over(slow()).await, When::Never).await;
    assert!(steps >= 6, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = handed_over(slow()).await;
            poll(&service, when).await;
            service.settle().await;
            assert_eq!(service.assignments(), [""; 0], "{when:?} of {steps}");
            assert!(service.rows().await.iter().all(|row| row.state.label() == "closed"), "{when:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_may_die_before_or_after_anything_that_it_does_to_hand_over() {
    let run = async |service: &Service, when: When| {
        service.pass(Duration::from_mins(6)).await;
        let fuse = Fuse::new(when);
        let ports = fused(&service.ports, &fuse);
        let event = serde_json::json!({ "Records": [] });
        tokio::select! {
            run = service.run_with(&ports, &event) => drop(run.unwrap()),
            () = fuse.blown() => {}
        }
        service.check().await;
        fuse.count()
    };
    // Sent, and its engine is gone.
    let sent = async || {
        let service = with_a_slow_request(Fault::Slow(Duration::from_mins(30)), Settings::default()).await;
        let fuse = Fuse::new(When::After(40));
        let ports = fused(&service.ports, &fuse);
        let received = service.wake.receive(10, Duration::from_mins(2)).await.unwrap();
        let event = sqs_event(&received);
        tokio::select! {
            run = service.run_with(&ports, &event) => drop(run),
            () = fuse.blown() => {}
        }
        service
    };
    let steps = run(&sent().await, When::Never).await;
    assert!(steps > 8, "only {steps} steps");
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            let service = sent().await;
            run(&service, when).await;
            service.settle().await;
            assert_eq!(labels(&service).await, ["ours", "ours"], "{when:?} of {steps}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_asked_about_is_put_aside_on_the_last_try_and_the_engine_takes_it_up() {
    let mut service = handed_over(Fault::Slow(Duration::from_mins(30))).await;
    service.ports.beside.receives = 3;
    let foreign = service.polls.receive(10, Duration::from_secs(1)).await.unwrap();
    assert!(foreign.is_empty(), "the first look is to come");
    service.world().faults.add(FaultRule {
        operation: "DescribeAccountAssignmentCreationStatus".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });
    only_polls_for(&service, Duration::from_mins(20)).await;
    let [letter] = letters(&service).await.try_into().unwrap();
    assert_eq!((letter.function.as_deref(), letter.tries), (Some("poll-provisioning"), Some(3)));
    assert!(letter.cause.contains("cannot ask about the request"), "{}", letter.cause);
    assert!(letter.about.starts_with("request ") && letter.about.contains("grant"), "{}", letter.about);

    // After an hour the engine counts the message as lost.
    service.world().faults.clear_all();
    service.pass(HOUR).await;
    service.converged(&[]).await;
    assert_eq!(labels(&service).await, ["ours", "ours"]);
}
