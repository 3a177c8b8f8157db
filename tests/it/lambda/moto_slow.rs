//! Requests that take longer than the engine has patience, and the minute's tick.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    engine::Poll,
    ledger::{Claim, Row, State},
    ports::LedgerReader as _,
};
use simulator::Fault;

use super::service::{Delivery, Lambda, RULES, Service};

/// An engine that hands over after a few seconds: long before a slow request has ended, and as a rule after all others have. On a
/// busy machine it may hand over more than the slow ones.
async fn impatient(service: &Service) -> Lambda {
    let mut envs = service.envs();
    envs.insert("USHER_PATIENCE", "8s".to_owned());
    service.function_with("provision", envs).await
}

/// What this engine has handed over in its run.
pub(super) async fn handed_over(service: &Service, engine: &Lambda) -> Vec<(Row, Claim)> {
    let ran = engine.api.invoke(json!({ "Records": [] }).to_string()).await.unwrap();
    assert_eq!(ran["end"], "done", "{ran}");
    let rows = service.rows().await.into_iter().filter(|row| row.state != State::Ours);
    let rows: Vec<_> = rows.map(|row| (row.clone(), row.claim().expect("it was sent").clone())).collect();
    assert_eq!(ran["granted"].as_u64(), Some(18 - rows.len() as u64), "{ran}");
    assert!(rows.iter().all(|(_, claim)| claim.polled.is_some()), "{rows:?}");
    rows
}

/// The message that looks after a request. The engine's own is held back for half a minute; this one is the same without the delay.
pub(super) fn poll(row: &Row, claim: &Claim) -> String {
    let (operation, _) = row.work().unwrap();
    let (request, since) = (claim.request.clone().unwrap(), claim.polled.unwrap());
    serde_json::to_string(&Poll { key: row.key.clone(), operation, request, since }).unwrap()
}

/// The rules are decided, and nobody has been woken for it.
pub(super) async fn decided(service: &Service) {
    service.publish(RULES).await;
    let (sweep, reconcile) = (service.function("sweep").await, service.function("reconcile").await);
    sweep.api.invoke("{}").await.unwrap();
    while let Some(delivery) = service.deliver(&service.inbox, &reconcile).await {
        assert_eq!(delivery.failed, [""; 0], "{}", reconcile.function.log().tail());
    }
    service.forget(&service.wake).await;
}

fn scheduled() -> String {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "111122223333", "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1", "resources": [], "detail": {},
    })
    .to_string()
}

#[tokio::test]
async fn a_tick_finds_work_whose_wake_was_lost_and_is_silent_when_there_is_none() {
    let service = Service::start(Service::quick()).await;
    let tick = service.function("tick").await;
    let nothing = json!({ "woken": false, "turns": 0, "hinted": 0, "told": 0, "frozen": false });
    assert_eq!(tick.api.invoke(scheduled()).await.unwrap(), nothing, "no rules are in force");

    decided(&service).await;
    let woken = tick.api.invoke(scheduled()).await.unwrap();
    assert_eq!((&woken["woken"], &woken["turns"], &woken["hinted"]), (&json!(true), &json!(0), &json!(0)));
    let provision = service.function("provision").await;
    while let Some(delivery) = service.deliver(&service.wake, &provision).await {
        delivery.answer.unwrap();
    }
    assert_eq!(service.truth().0.len(), 18);
    let told = tick.api.invoke(scheduled()).await.unwrap();
    assert_eq!((&told["woken"], &told["told"]), (&json!(false), &json!(18)), "what has come of it");
    assert_eq!(tick.api.invoke(scheduled()).await.unwrap(), nothing);
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn a_request_that_outlives_the_engine_s_patience_is_ended_by_the_function_that_looks_after_it() {
    let service = Service::start(Service::quick()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Slow(Duration::from_secs(40)), 1);
    decided(&service).await;
    let engine = impatient(&service).await;
    let handed = handed_over(&service, &engine).await;
    super::service::until("all but the slow one have ended", || service.world().outstanding() == 1).await;
    let slow = service.world().request_log().find(|request| request.settled.is_none()).unwrap().key.clone();
    let (row, claim) = handed.iter().find(|(row, _)| row.key == slow).expect("it was handed over");

    let poller = service.function("poll-provisioning").await;
    let look = async || {
        for (row, claim) in &handed {
            service.send_to(&service.polls, &poll(row, claim)).await;
        }
        service.send_to(&service.polls, "not JSON").await;
        let mut deliveries: Vec<Delivery> = Vec::new();
        while let Some(delivery) = service.deliver(&service.polls, &poller).await {
            assert_eq!(delivery.failed, [""; 0], "{}", poller.function.log().tail());
            deliveries.push(delivery);
        }
        assert!(!deliveries.is_empty());
    };
    look().await;
    assert_eq!(service.ledger.row(&row.key).await.unwrap().unwrap().claim(), Some(claim), "still under way");
    let engines_and_next = handed.len() + 1;
    assert_eq!(
        service.delayed(&service.polls).await,
        engines_and_next,
        "the engine's messages, and the next look"
    );
    let parked: Vec<Value> = service.parked().await;
    assert!(parked.iter().all(|parked| parked["by"] == "poll-provisioning"), "{parked:?}");
    assert_eq!(parked.len(), 1);

    super::service::until("the request has ended", || service.world().outstanding() == 0).await;
    look().await;
    let row = service.ledger.row(&row.key).await.unwrap().unwrap();
    assert_eq!((&row.state, &row.last_request), (&State::Ours, &claim.request));
    // A slot is free, and the engine is told.
    let woken = service.deliver(&service.wake, &engine).await.expect("a wake");
    assert_eq!(woken.answer.unwrap()["end"], "done");
    assert_eq!(service.truth().0.len(), 18);
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn a_look_that_fails_is_delivered_again_and_harms_no_other() {
    let service = Service::start(Service::quick()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 2);
    decided(&service).await;
    let engine = impatient(&service).await;
    let handed = handed_over(&service, &engine).await;
    super::service::until("all but the two have ended", || service.world().outstanding() == 2).await;
    let hang: Vec<_> = service
        .world()
        .request_log()
        .filter(|request| request.settled.is_none())
        .map(|it| it.key.clone())
        .collect();
    let hanging: Vec<_> = handed.iter().filter(|(row, _)| hang.contains(&row.key)).collect();
    assert_eq!(hanging.len(), 2, "{handed:?}");

    let poller = service.function("poll-provisioning").await;
    for (row, claim) in hanging {
        service.send_to(&service.polls, &poll(row, claim)).await;
    }
    service.world().fail_next("DescribeAccountAssignmentCreationStatus", Fault::AccessDenied, 1);
    let mut failed = 0;
    while let Some(delivery) = service.deliver(&service.polls, &poller).await {
        failed += delivery.failed.len();
    }
    assert_eq!(failed, 1);
    // Each is looked at again later: the engine's messages, and two of these.
    assert_eq!(service.delayed(&service.polls).await, handed.len() + 2);
    service.assert_the_logs_are_discreet_json();
}
