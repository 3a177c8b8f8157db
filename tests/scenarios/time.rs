//! Rules that hold for a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::ports::Clock as _;
use simulator::{Latency, Settings};

use super::{
    model::{group, in_ou, rules},
    service::{Service, Start},
};

fn after(service: &Service, minutes: i64) -> Timestamp {
    let now = service.clock.now().as_second() / 60 * 60;
    Timestamp::from_second(now).unwrap() + SignedDuration::from_mins(minutes)
}

#[tokio::test(start_paused = true)]
async fn a_rule_s_time_begins_and_ends() {
    let service = Service::new();
    let (from, until) = (after(&service, 60), after(&service, 120));
    let sandbox = || in_ou("Sandbox");
    service
        .publish(&rules([
            group("visit", "Support").gets("ReadOnlyAccess").in_accounts(sandbox()).from(from).until(until),
            group("stay", "Developers").gets("ReadOnlyAccess").in_accounts(sandbox()),
        ]))
        .await;
    let visit = service.key("play", "ReadOnlyAccess", "Support");
    for (wait, expected) in [(0, false), (50, false), (15, true), (30, true), (30, false), (60, false)] {
        service.pass(Duration::from_mins(wait)).await;
        service.sweep_and_settle().await;
        assert_eq!(service.exists(&visit), expected, "after {wait} minutes more");
    }
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_second_rule_wants_stays_when_the_first_one_ends() {
    let service = Service::new();
    let until = after(&service, 60);
    let gets = |id: &str| group(id, "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    service.publish(&rules([gets("visit").until(until), gets("stay")])).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_hours(2)).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Support")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_waits_is_not_sent_after_its_rule_has_ended() {
    let world =
        Settings { assignment_latency: Latency::Constant(Duration::from_secs(30)), ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    let until = after(&service, 2);
    service
        .publish(&rules([group("visit", "Support")
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Sandbox"))
            .until(until)]))
        .await;
    service.hint("play").await;
    service.drain_inbox().await;
    let key = service.key("play", "ReadOnlyAccess", "Support");
    assert_eq!(service.state(&key).await, "pending");
    service.pass(Duration::from_mins(3)).await;
    service.settle().await;
    assert!(!service.exists(&key));
    assert_eq!(service.world().request_log().count(), 0);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn with_the_minute_s_tick_alone_a_rule_begins_and_ends_on_time() {
    let service = Service::new();
    let (from, until) = (after(&service, 60), after(&service, 120));
    service
        .publish(&rules([group("visit", "Support")
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Sandbox"))
            .from(from)
            .until(until)]))
        .await;
    let visit = service.key("play", "ReadOnlyAccess", "Support");
    let mut there = Vec::new();
    for _ in 0..180 {
        tick::handle(service.ports.tick()).await.unwrap();
        service.settle().await;
        if service.exists(&visit) {
            there.push(service.clock.now());
        }
        service.pass(Duration::from_mins(1)).await;
    }
    let minutes = |from: Timestamp, to: Timestamp| to.duration_since(from).as_mins();
    let (Some(first), Some(last)) = (there.first(), there.last()) else { panic!("it never began") };
    assert!((0..3).contains(&minutes(from, *first)), "it began {} minutes late", minutes(from, *first));
    assert!((-2..3).contains(&minutes(until, *last)), "it ended {} minutes late", minutes(until, *last));
    service.converged(&[]).await;
}
