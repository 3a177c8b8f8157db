//! Every order of six events, with repeats and omissions: all end in one state.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::Value;

use super::{
    apart::{alone, beside_each_other},
    crash_points::before,
    identity_center::tag_set,
    members::{joins, leaves},
    service::Service,
};

/// How many events there are, and how many a sequence has at most.
const EVENTS: usize = 6;

/// The old rules are carried out, and people have done six things, each of which AWS tells of once or in two ways.
async fn begin() -> (Service, Vec<Vec<Value>>) {
    let service = Service::new();
    joins(&service, "alba@example.com", "Support").await;
    service.publish(&before()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(6)).await;
    drop(service.take_events());
    let mut events = Vec::new();
    for n in 0..EVENTS {
        match n {
            0 => service.move_to("one-dev", "Workloads/Production").await,
            1 => service.tag("one-dev", "Environment", "Production").await,
            2 => service.tag("one-prod", "Environment", "None").await,
            3 => joins(&service, "bruno@example.com", "Support").await,
            4 => leaves(&service, "alba@example.com", "Support").await,
            _ => tag_set(&service, "PowerUserAccess", "Environment", "All").await,
        }
        service.pass(Duration::from_mins(1)).await;
        events.push(service.take_events());
        assert!(!events[n].is_empty(), "nothing tells of the {n}th");
    }
    (service, events)
}

/// What there is in the end: the assignments, and what the ledger calls each.
async fn state(service: &Service) -> (Vec<String>, Vec<String>) {
    let rows = service.rows().await;
    let mut ours: Vec<String> = rows
        .iter()
        .filter(|row| row.state.label() != "closed")
        .map(|row| format!("{}: {}", row.key, row.state.label()))
        .collect();
    ours.sort();
    (service.assignments(), ours)
}

/// The state that a sweep alone leads to.
fn by_sweep() -> (Vec<String>, Vec<String>) {
    alone(async {
        let (service, _) = begin().await;
        service.sweep_and_settle().await;
        state(&service).await
    })
}

/// The events of these places, in this order: what they lead to, and where none is missing, what they lead to without a sweep.
fn lead_to_the_same(places: &[usize], expected: &(Vec<String>, Vec<String>)) {
    alone(async {
        let (service, events) = Box::pin(begin()).await;
        for place in places {
            service.deliver(events[*place].clone()).await;
            service.drain_inbox().await;
        }
        service.settle_for(Duration::from_mins(15)).await;
        if (0..EVENTS).all(|event| places.contains(&event)) {
            assert_eq!(state(&service).await, *expected, "{places:?}, without a sweep");
        }
        service.pass(service.ports.settings.lag + Duration::from_secs(1)).await;
        service.sweep_and_settle().await;
        service.check_all().await;
        assert_eq!(state(&service).await, *expected, "{places:?}");
    });
}

/// The `n`-th of all sequences of at most so many events, shorter ones first; `None` behind the last.
fn sequence(mut n: usize) -> Option<Vec<usize>> {
    for length in 0..=EVENTS {
        let those = EVENTS.pow(u32::try_from(length).ok()?);
        if n < those {
            return Some(
                (0..length).map(|place| n / EVENTS.pow(u32::try_from(place).unwrap_or(0)) % EVENTS).collect(),
            );
        }
        n -= those;
    }
    None
}

#[test]
fn a_sequence_has_its_number() {
    assert_eq!(sequence(0), Some(vec![]));
    assert_eq!(sequence(1), Some(vec![0]));
    assert_eq!(sequence(7), Some(vec![0, 0]));
    assert_eq!(sequence(8), Some(vec![1, 0]));
    assert_eq!((0..).map_while(sequence).count(), 55_987);
    assert_eq!(sequence(55_986), Some(vec![5; 6]));
}

/// Some of all: the rest is for `cargo xtask exhaustive`.
#[test]
fn events_in_any_order_end_in_one_state() {
    let expected = by_sweep();
    let whole = |places: &Vec<usize>| (0..EVENTS).all(|event| places.contains(&event));
    let orders = (0..).map_while(sequence).filter(whole).step_by(31);
    let others = (0..).map_while(sequence).step_by(2_003);
    for places in orders.chain(others) {
        lead_to_the_same(&places, &expected);
    }
}

/// `cargo xtask exhaustive` runs it.
#[test]
#[ignore = "takes minutes: `cargo xtask exhaustive` runs it"]
#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn every_order_of_six_events() {
    let expected = by_sweep();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    beside_each_other(|| {
        while let Some(places) = sequence(next.fetch_add(1, Ordering::Relaxed)) {
            lead_to_the_same(&places, &expected);
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    let done = done.into_inner();
    let table = format!(
        "{done} sequences of up to {EVENTS} of {EVENTS} events, which is each order with each repeat and each omission, ended in one state; \
         each in which none was missing did without a sweep.\n"
    );
    println!("{table}");
    if let Ok(path) = std::env::var("USHER_ORDERS_TABLE") {
        std::fs::write(path, table).unwrap();
    }
}
