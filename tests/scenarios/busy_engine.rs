//! The engine with much to do at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::{
    domain::Operation,
    engine::{EngineSettings, RunEnd},
    ports::{Clock as _, Message, Queue as _},
};
use simulator::{Fault, FaultRule, Latency, SecondRoleUpdate, Settings};

use super::{
    crashes::run,
    failures::by_request,
    fleet::{calm, fleet},
    fuse::{Fuse, When, fused},
    model::{Rules, Where, group, rules, tagged},
    records::sqs_event,
    service::{Service, Start},
};

pub(super) fn everywhere(sets: usize) -> Rules {
    let all = (0..sets).fold(group("all", "Developers"), |rule, n| rule.gets(&format!("Set{n}")));
    rules([all.in_accounts(tagged("Kind", "unit"))])
}

/// So many accounts with intents for so many permission sets each.
pub(super) async fn with_intents(
    accounts: usize,
    sets: usize,
    world: Settings,
    engine: EngineSettings,
) -> Service {
    let organization = fleet(accounts, sets);
    let service = Service::start(Start { organization: &organization, world, engine });
    service.publish(&everywhere(sets)).await;
    for n in 0..accounts {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.drain_inbox().await;
    service
}

pub(super) fn takes(seconds: u64, world: Settings) -> Settings {
    Settings { assignment_latency: Latency::Constant(Duration::from_secs(seconds)), ..world }
}

#[tokio::test(start_paused = true)]
async fn no_call_waits_for_another_s_answer() {
    let engine = EngineSettings { look_age: Duration::from_hours(1), ..EngineSettings::default() };
    let service = with_intents(10, 1, takes(20, calm()), engine).await;
    service.run_engine().await;
    let accepted: Vec<Timestamp> = service.world().request_log().map(|request| request.accepted_at).collect();
    let (first, last) = (accepted.iter().min().unwrap(), accepted.iter().max().unwrap());
    assert_eq!(accepted.len(), 10);
    assert_eq!(first, last, "the burst and the window allow all at once");
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_take_equally_long_are_followed_by_others_the_moment_they_end() {
    let engine = EngineSettings { look_age: Duration::from_hours(1), rate: 20, ..EngineSettings::default() };
    let service = with_intents(40, 3, takes(5, calm()), engine).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 120);
    {
        let world = service.world();
        let accepted: Vec<Timestamp> = world.request_log().map(|request| request.accepted_at).collect();
        // 40 of the last ones, a full window at a time: four rounds of five seconds, and next to nothing between them.
        let time = accepted[109].duration_since(accepted[69]);
        assert!(time < SignedDuration::from_millis(20_200), "{time}");
        assert_eq!(world.counters().most_outstanding, 10);
        let calls = world.log().iter().filter(|entry| entry.operation.ends_with("CreationStatus")).count();
        assert!(calls < 60, "{calls} looks for 120 operations");
    }
    service.converged(&[]).await;
}

/// AWS allows more than the engine is to use, so that whatever goes beyond is seen and not refused.
#[tokio::test(start_paused = true)]
async fn when_aws_slows_down_from_one_moment_to_the_next_hardly_more_than_the_window_is_under_way() {
    let mut world = takes(2, calm());
    world.quotas.outstanding = 20;
    let service = with_intents(60, 3, world, EngineSettings::default()).await;
    let (_, ()) = tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_millis(19_900)).await;
        assert_eq!(service.world().counters().most_outstanding, 10, "places are presumed free by now");
        let mut world = service.world();
        assert!(world.request_log().count() > 60, "places are presumed free by now");
        world.settings.assignment_latency = Latency::Constant(Duration::from_secs(20));
        drop(world);
    });
    service.settle().await;
    let most = service.world().counters().most_outstanding;
    assert!(most <= 13, "{most} were under way at once");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_revoke_is_sent_into_the_next_free_place_however_many_grants_wait() {
    let organization = fleet(60, 3);
    let start = Start { organization: &organization, world: takes(5, calm()), ..Start::default() };
    let service = Service::start(start);
    let old = group("old", "Support").gets("Set0").in_accounts(Where::Named("unit-00".into()));
    service.publish(&rules([old])).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    service.publish(&everywhere(3)).await;
    for n in 1..60 {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.drain_inbox().await;
    let (_, decided) = tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(20)).await;
        service.hint("unit-00").await;
        service.drain_inbox().await;
        service.clock.now()
    });
    service.settle().await;
    {
        let world = service.world();
        let at = world.request_log().position(|request| request.operation == Operation::Revoke).unwrap();
        let waited = world.request_log().nth(at).unwrap().accepted_at.duration_since(decided);
        assert!(waited < SignedDuration::from_secs(7), "{waited}");
        assert!(world.request_log().count() - at > 50, "grants were waiting");
    }
    service.converged(&[]).await;
}

/// Ten answers are lost while others make requests by the hundred: each of those is asked about once, whoever wants to know.
#[tokio::test(start_paused = true)]
async fn many_lost_answers_are_settled_in_one_run_among_hundreds_of_others_requests() {
    let organization = fleet(42, 10);
    let service =
        Service::start(Start { organization: &organization, world: takes(1, calm()), ..Start::default() });
    service.publish(&everywhere(1)).await;
    for n in 0..10 {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.drain_inbox().await;
    for n in 0..300 {
        let key = service.key(&format!("unit-{:02}", 11 + n % 30), &format!("Set{}", n / 30), "Support");
        service.person(|world, now, who| by_request(world, now, who, &key)).await;
        if n % 8 == 7 {
            service.pass(Duration::from_millis(1_100)).await;
        }
    }
    service.pass(Duration::from_millis(1_100)).await;
    service.world().fail_next("CreateAccountAssignment", Fault::LostAnswer, 10);
    let received = service.wake.receive(10, Duration::from_mins(3)).await.unwrap();
    service.run_with(&service.ports, &sqs_event(&received)).await.unwrap();
    let rows = service.rows().await;
    let settled = rows.iter().filter(|row| row.state.label() == "ours").count();
    assert_eq!(settled, 10, "{rows:?}");
    let looks = service.world().log().iter().filter(|entry| entry.operation.starts_with("Describe")).count();
    assert!(looks < 400, "{looks} requests were asked about");
}

#[tokio::test(start_paused = true)]
async fn an_engine_may_die_with_many_calls_under_way() {
    let begin = || with_intents(6, 2, Settings::default(), EngineSettings::default());
    let steps = run(&begin().await, When::Never).await;
    assert!(steps > 40, "only {steps} steps");
    for n in (0..steps).step_by(5) {
        for when in [When::Before(n), When::After(n), When::Fails(n)] {
            let service = begin().await;
            if let When::Fails(_) = when {
                let ports = fused(&service.ports, &Fuse::new(when));
                let event = serde_json::json!({ "Records": [] });
                let _ = service.run_with(&ports, &event).await;
            } else {
                run(&service, when).await;
            }
            service.settle().await;
            let rows = service.rows().await;
            assert!(rows.iter().all(|row| row.state.label() == "ours"), "{when:?} of {steps}: {rows:?}");
            assert_eq!(service.assignments().len(), 12, "{when:?} of {steps}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_page_of_a_list_takes_a_turn() {
    let world = takes(3, Settings { page_size: 2, ..calm() });
    let service = with_intents(30, 1, world, EngineSettings::default()).await;
    let since = service.world().log().len();
    service.run_engine().await;
    {
        let world = service.world();
        let called: Vec<Timestamp> = world.log().iter().skip(since).map(|entry| entry.at).collect();
        let pages = world.log().iter().filter(|entry| entry.operation.ends_with("CreationStatus")).count();
        assert!(pages > 40, "{pages} pages");
        let three = SignedDuration::from_secs(3);
        let within =
            |from: &Timestamp| called.iter().filter(|at| (*from..*from + three).contains(*at)).count();
        let most = called.iter().map(within).max().unwrap();
        // Ten a second, ten at once, and the two that find the instance.
        assert!(most <= 10 * 3 + 10 + 2, "{most} calls");
    }
    service.converged(&[]).await;
}

/// In DynamoDB every write of the engine's looks at the lease, and no two may do so at a time.
#[tokio::test(start_paused = true)]
async fn writes_that_the_ledger_refuses_because_they_meet_end_no_run() {
    let hour = Duration::from_hours(1);
    let engine = EngineSettings { run_for: hour, look_age: hour, ..EngineSettings::default() };
    let service = with_intents(100, 5, takes(1, calm()), engine).await;
    let ports = fused(&service.ports, &Fuse::new(When::Meets(7)));
    let run = service.run_with(&ports, &json!({ "Records": [] })).await.unwrap();
    assert_eq!((run.end, run.granted), (RunEnd::Done, 500));
    service.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_ends_a_run_only_once_no_call_can_be_made_under_it() {
    let refused = async |first| {
        let service = with_intents(12, 1, takes(80, calm()), EngineSettings::default()).await;
        let ports = fused(&service.ports, &Fuse::new(When::RenewsNot(first)));
        let run = service.run_with(&ports, &json!({ "Records": [] })).await;
        service.check().await;
        run.map(|run| run.granted)
    };
    assert_eq!(refused(15).await.unwrap(), 10);
    refused(60).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_does_not_end_is_met_ever_more_rarely_and_holds_up_nothing_else() {
    let service = with_intents(3, 1, Settings::default(), EngineSettings::default()).await;
    let fault = FaultRule {
        operation: "CreateAccountAssignment".to_owned(),
        service: None,
        fault: Fault::Conflict,
        calls: None,
        account: Some(service.account("unit-01")),
    };
    service.world().faults.add(fault);
    service.settle_for(Duration::from_hours(1)).await;
    let rows = service.rows().await;
    let waiting: Vec<_> = rows.iter().filter(|row| row.state.label() == "pending").collect();
    assert_eq!((waiting.len(), service.assignments().len()), (1, 2));
    let reason = waiting[0].trouble.clone().unwrap_or_default();
    assert!(reason.contains("Conflict"), "{reason}");
    let tries = |entry: &&simulator::LogEntry| entry.error.as_deref() == Some("ConflictException");
    let tries = service.world().log().iter().filter(tries).count();
    assert!((12..25).contains(&tries), "{tries} in an hour");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn that_aws_takes_no_second_role_update_in_an_account_is_believed_for_a_while_only() {
    let service = with_intents(1, 4, takes(30, calm()), EngineSettings::default()).await;
    let until = service.clock.now() + SignedDuration::from_secs(45);
    let body = json!({ "hops": 0, "learned": { "strict_until": until } }).to_string();
    let deduplication = "learned".to_owned();
    let wake = Message { group: "engine".to_owned(), deduplication, body, delay: Duration::ZERO };
    service.wake.send(&[wake]).await.unwrap();
    let began = service.clock.now();
    service.run_engine().await;
    let accepted: Vec<i64> = service
        .world()
        .request_log()
        .map(|request| request.accepted_at.duration_since(began).as_secs())
        .collect();
    assert_eq!(accepted.len(), 4);
    assert!(accepted[0] < 2 && (30..35).contains(&accepted[1]), "{accepted:?}");
    assert!((45..47).contains(&accepted[2]) && (45..47).contains(&accepted[3]), "{accepted:?}");
    service.settle().await;
    service.converged(&[]).await;
}

/// Somebody's request for the same key takes minutes.
#[tokio::test(start_paused = true)]
async fn a_revoke_that_is_in_conflict_for_minutes_is_done_minutes_later_and_not_the_next_day() {
    let service = with_intents(1, 1, Settings::default(), EngineSettings::default()).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 1);
    service.tag("unit-00", "Kind", "none").await;
    let fault = FaultRule {
        operation: "DeleteAccountAssignment".to_owned(),
        service: None,
        fault: Fault::Conflict,
        calls: None,
        account: None,
    };
    service.world().faults.add(fault);
    service.settle_for(Duration::from_mins(3)).await;
    assert_eq!(service.assignments().len(), 1);
    service.world().faults.clear_all();
    service.settle_for(Duration::from_mins(7)).await;
    assert_eq!(service.assignments(), [""; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_run_has_learned_is_there_for_a_run_that_nobody_woke() {
    let organization = fleet(30, 2);
    let service =
        Service::start(Start { organization: &organization, world: takes(20, calm()), ..Start::default() });
    service.publish(&everywhere(1)).await;
    service.sweep_and_settle().await;
    let looks = || {
        let world = service.world();
        world.log().iter().filter(|entry| entry.operation.ends_with("CreationStatus")).count()
    };
    let learning = looks();
    service.pass(Duration::from_hours(1)).await;
    service.publish(&everywhere(2)).await;
    for n in 0..10 {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.drain_inbox().await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 40);
    assert!(learning > 30, "{learning} looks, to learn how long requests take");
    assert!(looks() - learning <= 6, "{} looks, although it is known", looks() - learning);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn where_aws_refuses_a_second_role_update_one_conflict_tells() {
    let mut world = takes(5, calm());
    world.assumptions.second_role_update = SecondRoleUpdate::Refused;
    let service = with_intents(2, 6, world, EngineSettings::default()).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 12);
    let is_conflict = |entry: &&simulator::LogEntry| entry.error.as_deref() == Some("ConflictException");
    let conflicts = service.world().log().iter().filter(is_conflict).count();
    assert_eq!(conflicts, 1);
    service.converged(&[]).await;
}
