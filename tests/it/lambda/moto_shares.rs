//! Each function keeps to its share of AWS's rates, by what the simulator has seen of the built functions.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulator::{Fault, PlannedFault, Service as Api};

use super::{
    moto_slow::{decided, handed_over, poll},
    service::{Lambda, RULES, Service},
};

/// The calls in any window of this length are counted. A share says how many a second; the machine may be late with one and early with the next.
const WINDOW: SignedDuration = SignedDuration::from_secs(3);

/// When the functions called a service, since that entry of the log.
fn calls(service: &Service, since: usize, api: Api) -> Vec<Timestamp> {
    let world = service.world();
    world.log().iter().skip(since).filter(|entry| entry.service == api).map(|entry| entry.at).collect()
}

/// The most calls in any window.
fn most_in_a_window(calls: &[Timestamp]) -> usize {
    let within = |from: Timestamp| calls.iter().filter(|at| **at >= from && **at < from + WINDOW).count();
    calls.iter().map(|from| within(*from)).max().unwrap_or(0)
}

/// The environment of a function that keeps to the shares that hold where nothing is said.
fn by_default(service: &Service) -> BTreeMap<&'static str, String> {
    let mut envs = service.envs();
    envs.retain(|variable, _| !variable.ends_with("_RATE") && !variable.ends_with("_CONCURRENCY"));
    envs
}

async fn sweep(lambda: &Lambda) -> Value {
    lambda.api.invoke("{}").await.unwrap()
}

#[tokio::test]
async fn a_sweep_keeps_to_three_calls_a_second_of_sso_admin() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let lambda = service.function_with("sweep", by_default(&service)).await;
    let since = service.world().log().len();
    let swept = sweep(&lambda).await;
    assert_eq!(swept["run"], "round_ended", "{swept}");
    let calls = calls(&service, since, Api::SsoAdmin);
    assert!(calls.len() > 12, "too few to tell: {}", calls.len());
    let most = most_in_a_window(&calls);
    assert!(most <= 3 * 3 + 1, "{most} calls in {WINDOW}");
    assert!(service.world().counters().throttles.is_empty());
}

#[tokio::test]
async fn two_instances_of_reconcile_keep_to_four_calls_a_second_together() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let instances = [
        service.function_with("reconcile", by_default(&service)).await,
        service.function_with("reconcile", by_default(&service)).await,
    ];
    let accounts: Vec<_> = service.world().accounts_now().into_iter().map(|account| account.id).collect();
    for account in accounts.iter().take(12) {
        service.hint(account, "load").await;
    }
    let since = service.world().log().len();
    let drain = async |lambda: &Lambda| {
        while let Some(delivery) = service.deliver(&service.inbox, lambda).await {
            assert_eq!(delivery.failed, [""; 0], "{}", lambda.function.log().tail());
        }
    };
    let [one, other] = &instances;
    tokio::join!(drain(one), drain(other));
    let calls = calls(&service, since, Api::SsoAdmin);
    assert!(calls.len() > 20, "too few to tell: {}", calls.len());
    let most = most_in_a_window(&calls);
    assert!(most <= 4 * 3 + 2, "{most} calls in {WINDOW}");
    assert!(service.world().counters().throttles.is_empty());
}

/// All that call SSO Admin, all at once and as many as there may be: the engine has work, slow requests are looked after, accounts are decided,
/// and a sweep goes on.
#[tokio::test]
async fn all_functions_together_keep_to_the_sum_of_their_shares_and_aws_refuses_none() {
    let service = Service::start(Service::quick()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Slow(Duration::from_mins(5)), 3);
    decided(&service).await;
    let mut envs = by_default(&service);
    envs.insert("USHER_PATIENCE", "3s".to_owned());
    let since = service.world().log().len();
    let engine = service.function_with("provision", envs.clone()).await;
    let slow = handed_over(&service, &engine).await;
    assert!(slow.len() >= 3, "{slow:?}");
    let sweeper = service.function_with("sweep", envs.clone()).await;
    let mut pairs = Vec::new();
    for name in ["reconcile", "reconcile", "poll-provisioning", "poll-provisioning"] {
        pairs.push(service.function_with(name, envs.clone()).await);
    }
    let [one, other, first, second] = pairs.try_into().ok().unwrap();
    let more = "permission_sets: [EC2-S3-FullAccess, ReadOnlyAccess]";
    service.publish(&RULES.replace("permission_sets: [EC2-S3-FullAccess]", more)).await;
    let accounts: Vec<_> = service.world().accounts_now().into_iter().map(|account| account.id).collect();
    for account in &accounts {
        service.hint(account, "load").await;
    }

    let end = tokio::time::Instant::now() + Duration::from_secs(15);
    let goes_on = || tokio::time::Instant::now() < end;
    let delivering = async |queue: &str, lambda: &Lambda| {
        while goes_on() {
            if service.deliver(queue, lambda).await.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let looking_again = async {
        while goes_on() {
            for (row, claim) in &slow {
                service.send_to(&service.polls, &poll(row, claim)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let sweeping = async {
        while goes_on() {
            sweep(&sweeper).await;
        }
    };
    tokio::join!(
        delivering(&service.wake, &engine),
        delivering(&service.inbox, &one),
        delivering(&service.inbox, &other),
        delivering(&service.polls, &first),
        delivering(&service.polls, &second),
        looking_again,
        sweeping,
    );

    let called = calls(&service, since, Api::SsoAdmin);
    let counters = service.world().counters().clone();
    assert!(service.requests() > 18 + 4, "{}", service.requests());
    assert!(called.len() > 120, "too few to tell: {}", called.len());
    // The engine's ten, one of poll-provisioning, four of reconcile and three of the sweep; and what may come at once.
    let most = most_in_a_window(&called);
    assert!(most <= (10 + 1 + 4 + 3) * 3 + 10 + 2 + 2 + 1, "{most} calls in {WINDOW}");
    assert!(counters.throttles.is_empty(), "{:?}", counters.throttles);
}

/// AWS refuses every second list: the engine asks again when it is its turn, and not three times at once.
#[tokio::test]
async fn an_engine_whose_lists_are_throttled_keeps_to_its_share_all_the_same() {
    let service = Service::start(Service::quick()).await;
    decided(&service).await;
    let mut envs = by_default(&service);
    // Each grant is preceded by a list.
    for (variable, value) in
        [("USHER_ENGINE_RATE", "5"), ("USHER_ENGINE_BURST", "5"), ("USHER_LOOK_AGE", "0s")]
    {
        envs.insert(variable, value.to_owned());
    }
    for operation in ["ListAccountAssignments", "ListAccountAssignmentCreationStatus"] {
        service.world().faults.add(PlannedFault {
            operation: operation.to_owned(),
            service: None,
            fault: Fault::Throttle,
            calls: None,
            account: None,
            after: 0,
            probability: Some(0.5),
        });
    }
    let lambda = service.function_with("provision", envs).await;
    let since = service.world().log().len();
    service.tick().await;
    while let Some(delivery) = service.deliver(&service.wake, &lambda).await {
        delivery.answer.unwrap();
    }
    assert_eq!(service.truth().0.len(), 18);
    let world = service.world();
    // The instance is looked up once, whatever the engine does.
    let is_its = |operation: &str| !operation.ends_with("Instance") && !operation.ends_with("Instances");
    let calls: Vec<Timestamp> = world
        .log()
        .iter()
        .skip(since)
        .filter(|entry| is_its(entry.operation))
        .map(|entry| entry.at)
        .collect();
    assert!(world.counters().throttles.values().sum::<u64>() > 8, "{:?}", world.counters().throttles);
    let most = most_in_a_window(&calls);
    assert!(most <= 5 * 3 + 5 + 1, "{most} calls in {WINDOW}");
}
