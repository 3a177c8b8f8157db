//! Usher's own requests come back as events: they settle what an answer that was lost has left in doubt, and nothing else.

use std::time::Duration;

use serde_json::Value;
use shared::{
    domain::AssignmentKey,
    engine::Heard,
    ledger::{Intent, Row, State},
    ports::{Guard, Ledger as _, LedgerReader as _, RowWrite},
};
use simulator::{Assumptions, Fault, Settings};

use super::{
    failures::by_request,
    model::{group, in_ou, rules},
    service::{Service, Start},
};

/// A grant whose answer is lost, and that AWS's lists of requests don't show in time; tells the events that it has led to.
async fn uncertain() -> (Service, AssignmentKey, Vec<Value>) {
    let hidden = Assumptions { status_lag: Duration::from_mins(20), ..Assumptions::default() };
    let world = Settings { assumptions: hidden, ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    service.world().fail_next("CreateAccountAssignment", Fault::LostAnswer, 1);
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    service.run_engine().await;
    let mut events = service.take_events();
    for _ in 0..5 {
        service.pass(Duration::from_mins(1)).await;
        service.settle().await;
        events.extend(service.take_events());
    }
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    assert_eq!(service.state(&key).await, "uncertain");
    (service, key, events)
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_assignment_is_ours_once_the_event_of_our_own_request_comes() {
    let (service, key, events) = uncertain().await;
    service.deliver(events).await;
    assert_eq!(service.state(&key).await, "ours");
    // From then on it goes as all that is ours.
    service.pass(Duration::from_mins(30)).await;
    service.move_to("play", "Workloads/Production").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_of_another_role_or_of_another_request_leaves_what_is_uncertain_so() {
    let (service, key, events) = uncertain().await;
    let text = serde_json::to_string(&events).unwrap();
    let of_another = text.replace(":role/usher", ":role/somebody");
    assert_ne!(text, of_another);
    service.deliver(serde_json::from_str(&of_another).unwrap()).await;
    assert_eq!(service.state(&key).await, "uncertain");

    let request = service.world().request_log().next().unwrap().id.to_string();
    for unknown in ["00000000-0000-4000-8000-000000000000", ""] {
        let forged = text.replace(&request, unknown);
        assert_ne!(text, forged);
        service.deliver(serde_json::from_str(&forged).unwrap()).await;
        assert_eq!(service.state(&key).await, "uncertain");
    }

    // Another's request, for another key, in the name of our role.
    let other = service.key("play", "PowerUserAccess", "Support");
    service.person(|world, now, who| by_request(world, now, who, &other)).await;
    service.pass(Duration::from_mins(1)).await;
    let theirs = service.world().request_log().last().unwrap().id.to_string();
    let forged = text.replace(&request, &theirs);
    service.deliver(serde_json::from_str(&forged).unwrap()).await;
    assert_eq!(service.state(&key).await, "uncertain");
    // It is there, as the rules want it, whosever it is.
    service.converged(&[]).await;
    assert_eq!(service.state(&key).await, "uncertain");
}

/// A grant whose answer is lost, whose request no list shows, and whose event comes within seconds; perhaps after that of an attempt before.
async fn hears_of_its_own_request(after_another: bool) {
    let hidden = Assumptions { status_lag: Duration::from_mins(20), ..Assumptions::default() };
    let world = Settings { assumptions: hidden, ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    service.world().fail_next("CreateAccountAssignment", Fault::LostAnswer, 1);
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    // Events come some seconds after their calls.
    tokio::join!(service.run_engine(), async {
        service.pass(Duration::from_secs(1)).await;
        if after_another {
            let row = service.ledger.row(&key).await.unwrap().unwrap();
            assert!(row.claim().is_some_and(|claim| claim.request.is_none()), "{row:?}");
            let overheard = Some("00000000-0000-4000-8000-000000000000".parse().unwrap());
            let write = RowWrite::of(Row { overheard, ..row });
            service.ledger.write(&[write], &Guard::default()).await.unwrap();
        }
        for _ in 0..10 {
            service.pass(Duration::from_secs(5)).await;
            service.deliver_events().await;
            assert_ne!(service.state(&key).await, "uncertain");
        }
    });
    for _ in 0..10 {
        service.settle_for(Duration::from_secs(30)).await;
        assert_ne!(service.state(&key).await, "uncertain");
    }
    service.settle().await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_engine_hears_of_its_own_request_while_it_misses_the_answer() {
    hears_of_its_own_request(false).await;
}

#[tokio::test(start_paused = true)]
async fn the_engine_hears_of_its_own_request_after_that_of_an_attempt_before() {
    hears_of_its_own_request(true).await;
}

#[tokio::test(start_paused = true)]
async fn what_several_requests_may_have_made_is_settled_by_no_event() {
    let (service, key, events) = uncertain().await;
    let mut row = service.ledger.row(&key).await.unwrap().unwrap();
    let State::Uncertain { contested, .. } = &mut row.state else { panic!("{row:?}") };
    *contested = true;
    service.ledger.write(&[RowWrite::of(row)], &Guard::default()).await.unwrap();
    service.deliver(events).await;
    assert_eq!(service.state(&key).await, "uncertain");
}

#[tokio::test(start_paused = true)]
async fn what_was_uncertain_and_is_not_wanted_any_more_goes_once_it_is_known_to_be_ours() {
    let (service, key, events) = uncertain().await;
    service.move_to("play", "Workloads/Production").await;
    service.settle().await;
    assert_eq!(service.state(&key).await, "uncertain");
    assert!(service.exists(&key));
    service.pass(Duration::from_mins(6)).await;
    service.deliver(events).await;
    service.settle().await;
    assert!(!service.exists(&key), "no other event and no sweep has looked");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_waits_to_be_tried_again_is_ours_by_the_event_of_its_first_attempt() {
    let (service, key, events) = uncertain().await;
    let mut row = service.ledger.row(&key).await.unwrap().unwrap();
    row.state = State::Granting(Intent {
        decided_at: row.changed_at,
        not_before: None,
        not_after: None,
        fingerprint: String::new(),
        claim: None,
    });
    row.maybe_sent = true;
    service.ledger.write(&[RowWrite::of(row)], &Guard::default()).await.unwrap();
    service.deliver(events).await;
    assert_eq!(service.state(&key).await, "ours");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_event_that_has_settled_something_leads_to_a_look_also_when_it_comes_again() {
    let (service, key, events) = uncertain().await;
    // Whoever heard it first may have died before the look was in the inbox.
    for _ in 0..2 {
        let mut looks = 0;
        for event in events.clone() {
            if let Heard::Hinted(accounts) = service.ports.hear(event, &*service.parked).await.unwrap() {
                looks += accounts;
            }
        }
        assert_eq!(looks, 1);
        assert_eq!(service.state(&key).await, "ours");
    }
    service.settle().await;
    service.converged(&[]).await;
}
