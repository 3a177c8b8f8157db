//! The engine is killed in the middle, and another one takes over.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    clock::SystemClock,
    engine::EngineSettings,
    ledger::State,
    ports::{Clock as _, Ledger as _, LedgerReader as _},
};
use simulator::{Fault, Latency, Settings};

use super::service::{Lambda, RULES, Service, until};

/// Requests that are still under way when the engine is killed.
fn slow() -> Settings {
    let slow = Latency::Constant(Duration::from_secs(5));
    Settings { assignment_latency: slow, ..Settings::default() }
}

/// The rules are in force, every account that they concern has been decided, and the engine has been woken: it runs as far as
/// this many accepted requests, and is killed.
async fn killed_after(service: &Service, requests: usize) {
    service.publish(RULES).await;
    let (sweep, reconcile) = (service.function("sweep").await, service.function("reconcile").await);
    sweep.api.invoke("{}").await.unwrap();
    while let Some(delivery) = service.deliver(&service.inbox, &reconcile).await {
        assert_eq!(delivery.failed, [""; 0], "{}", reconcile.function.log().tail());
    }
    let Lambda { api, function } = engine(service).await;
    let killed = async {
        until("the requests were accepted", || service.requests() >= requests).await;
        function.kill().await
    };
    let (answer, _) = tokio::join!(api.invoke(json!({ "Records": [] }).to_string()), killed);
    answer.unwrap_err();
    assert!(service.world().outstanding() > 0, "nothing was under way when it was killed");
}

async fn engine(service: &Service) -> Lambda {
    let mut envs = service.envs();
    envs.insert("USHER_SETTLE_AFTER", "5s".to_owned());
    service.function_with("provision", envs).await
}

/// Lets the lease end without waiting for it: somebody whose clock is ahead takes it when it has expired, and gives it back.
async fn the_lease_expires(service: &Service) {
    let lease = EngineSettings::default().lease;
    let later = SystemClock.now() + SignedDuration::try_from(lease).unwrap();
    let taken = service.ledger.acquire_lease("somebody", later, lease).await.unwrap();
    service.ledger.release_lease(&taken.expect("it has expired by then")).await.unwrap();
}

/// INVARIANT: no second request was sent for a key whose first one was not settled; and since none failed, none was sent twice.
fn assert_one_request_each(service: &Service) {
    let world = service.world();
    let mut requests = BTreeMap::<_, usize>::new();
    for request in world.request_log() {
        assert_eq!(&*request.by.name, "usher");
        assert!(matches!(request.settled, Some((_, Ok(())))), "{request:?}");
        *requests.entry(request.key.clone()).or_default() += 1;
    }
    assert!(requests.values().all(|count| *count == 1), "{requests:?}");
    let errors = &world.counters().errors;
    assert!(!errors.contains_key("ConflictException"), "{errors:?}");
}

async fn another_finishes(service: &Service) {
    let next = engine(service).await;
    let requests = service.requests();
    let turned_away = next.api.invoke(json!({ "Records": [] }).to_string()).await.unwrap();
    assert_eq!(turned_away["end"], "held_elsewhere");
    assert_eq!(service.requests(), requests);

    the_lease_expires(service).await;
    service.tick().await;
    while let Some(delivery) = service.deliver(&service.wake, &next).await {
        delivery.answer.unwrap();
    }

    assert_eq!(service.ledger.work(10).await.unwrap(), []);
    let rows = service.rows().await;
    assert_eq!(rows.len(), 18);
    assert!(rows.iter().all(|row| row.state == State::Ours), "{rows:?}");
    assert_eq!(service.truth().0.len(), 18);
    assert_one_request_each(service);
}

#[tokio::test]
async fn an_engine_that_is_killed_while_requests_are_under_way_is_followed_by_one_that_finishes_them() {
    let service = Service::start(slow()).await;
    killed_after(&service, 3).await;
    another_finishes(&service).await;
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn a_request_whose_answer_died_with_the_engine_is_found_again_and_not_sent_twice() {
    let service = Service::start(slow()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::LostAnswer, 1);
    // So that it can't find the request again before it is killed.
    service.world().fail_next("ListAccountAssignmentCreationStatus", Fault::AccessDenied, u32::MAX);
    killed_after(&service, 1).await;
    service.world().faults.clear_all();
    // What is in the ledger is a claim without the id of a request.
    let claims: Vec<_> = service.rows().await.iter().filter_map(|row| row.claim().cloned()).collect();
    assert!(claims.iter().any(|claim| claim.request.is_none()), "{claims:?}");
    another_finishes(&service).await;
}
