//! Events on their way, and calls that come too fast.

use std::time::Duration;

use serde_json::Value;
use simulator::{Delivery, Latency, OrganizationsLimits, Settings, wire::organizations as org};

use crate::{
    faces::both,
    support::{at, person, small, unhurried},
};

/// The event ids that arrive when ten OUs were made a second apart, and when each arrived.
fn arrivals(delivery: Delivery) -> Vec<(i64, Value)> {
    let mut world = small(Settings { delivery, ..unhurried() });
    let parent_id = world.root().to_string();
    for n in 0..10 {
        let input =
            org::CreateOrganizationalUnit { parent_id: parent_id.clone(), name: format!("{n}"), tags: None };
        world.call(at(n), &person(), input).unwrap();
    }
    let mut arrived: Vec<_> =
        world.take_events(at(9)).into_iter().map(|event| (9, event["detail"]["eventID"].clone())).collect();
    while let Some(next) = world.next_due() {
        let second = next.duration_since(at(0)).as_secs();
        arrived.extend(
            world.take_events(next).into_iter().map(|event| (second, event["detail"]["eventID"].clone())),
        );
    }
    arrived
}

#[test]
fn an_event_is_taken_when_it_has_arrived_and_time_may_jump_to_that() {
    let prompt = arrivals(Delivery::default());
    assert!(prompt.iter().all(|(second, _)| *second == 9));
    let late =
        arrivals(Delivery { delay: Latency::Constant(Duration::from_secs(100)), ..Delivery::default() });
    assert_eq!(late.iter().map(|(second, _)| *second).collect::<Vec<_>>(), (100..110).collect::<Vec<_>>());
    let ids = |arrived: &[(i64, Value)]| arrived.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&prompt), ids(&late), "the events themselves are the same, whatever their delivery");
}

#[test]
fn a_bad_delivery_loses_repeats_and_turns_round_and_is_the_same_each_time() {
    let bad = Delivery {
        delay: Latency::Uniform { shortest: Duration::ZERO, longest: Duration::from_secs(17) },
        lost: 0.3,
        repeated: 0.3,
        late: 0.3,
        late_by: Duration::from_mins(5),
    };
    let arrived = arrivals(bad);
    assert_eq!(arrived, arrivals(bad));
    let in_order: Vec<_> = arrivals(Delivery::default()).into_iter().map(|(_, id)| id).collect();
    let order: Vec<_> =
        arrived.iter().filter_map(|(_, id)| in_order.iter().position(|it| it == id)).collect();
    assert_eq!(order.len(), arrived.len(), "nothing is invented");
    assert!(!order.is_sorted(), "{order:?}");
    assert!((0..10).any(|n| !order.contains(&n)), "{order:?}");
    assert!((0..10).any(|n| order.iter().filter(|it| **it == n).count() > 1), "{order:?}");
}

#[test]
fn organizations_throttles_by_default_in_awss_words_and_can_be_told_not_to() {
    both(|aws| {
        let describe = || org::DescribeOrganization {};
        aws.ok_at(at(0), &person(), describe());
        aws.ok_at(at(0), &person(), describe());
        let error = aws.refused_at(at(0), &person(), describe());
        assert_eq!(
            (error.code, error.status, error.message.as_str()),
            (
                "TooManyRequestsException",
                400,
                "You have sent too many requests in too short a period of time. Try again later."
            )
        );
        aws.ok_at(at(1), &person(), describe());
        assert_eq!(aws.world.counters().throttles["organizations:DescribeOrganization"], 1);

        aws.world.settings.quotas.organizations = None;
        for _ in 0..50 {
            aws.ok_at(at(1), &person(), describe());
        }
        aws.world.settings.quotas.organizations = Some(OrganizationsLimits::default());
        aws.ok_at(at(2), &person(), describe());
    });
}

#[test]
fn an_event_can_be_late_for_ever() {
    let late = Delivery {
        delay: Latency::Constant(Duration::from_secs(1)),
        late: 1.0,
        late_by: Duration::MAX,
        ..Delivery::default()
    };
    let mut world = small(Settings { delivery: late, ..Settings::default() });
    let input =
        org::CreateOrganizationalUnit { parent_id: "r-ab12".to_owned(), name: "Late".to_owned(), tags: None };
    world.call(at(0), &person(), input).unwrap();
    assert!(world.take_events(at(1_000_000_000)).is_empty());
}
