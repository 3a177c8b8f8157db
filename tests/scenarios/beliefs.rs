//! What the engine believes of AWS, where that is wrong or holds no more.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    engine::EngineSettings,
    ports::{Clock as _, Message, Queue as _},
};
use simulator::{Fault, Settings, StatusOrder};

use super::{
    busy_engine::{everywhere, takes, with_intents},
    fleet::{calm, fleet},
    service::{Service, Start},
};

async fn count(service: &Service, label: &str) -> usize {
    service.rows().await.iter().filter(|row| row.state.label() == label).count()
}

#[tokio::test(start_paused = true)]
async fn a_window_that_others_had_is_used_again_although_a_request_of_ours_hangs() {
    let organization = fleet(12, 1);
    let service = Service::start(Start { organization: &organization, world: calm(), ..Start::default() });
    service.publish(&everywhere(1)).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 1);
    service.hint("unit-00").await;
    service.settle_for(Duration::from_mins(8)).await;
    assert_eq!(count(&service, "sending").await, 1);

    service.checker().throttles_expected = true;
    service.world().settings.quotas.outstanding = 1;
    for n in 1..12 {
        service.hint(&format!("unit-{n:02}")).await;
    }
    service.settle_for(Duration::from_mins(2)).await;
    assert_eq!(service.assignments(), [""; 0], "others have the other places");
    service.world().settings.quotas.outstanding = 10;
    service.settle_for(Duration::from_mins(1)).await;
    assert_eq!(service.assignments().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn the_first_request_of_all_that_hangs_hides_the_end_of_no_other_one() {
    for lag in [Duration::ZERO, Duration::from_mins(2)] {
        let mut world = takes(2, calm());
        world.assumptions.status_lag = lag;
        world.assumptions.status_order = StatusOrder::Unordered;
        let service = with_intents(10, 1, world, EngineSettings::default()).await;
        service.world().fail_next("CreateAccountAssignment", Fault::Hang, 1);
        service.settle_for(Duration::from_mins(1)).await;
        assert_eq!((count(&service, "ours").await, count(&service, "sending").await), (9, 1), "{lag:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_of_all_that_hangs_hides_the_failure_of_no_other_one() {
    let service = with_intents(10, 1, takes(2, calm()), EngineSettings::default()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Hang, 1);
    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 9);
    service.settle_for(Duration::from_mins(1)).await;
    assert_eq!((count(&service, "ours").await, count(&service, "sending").await), (9, 1));
}

/// The lists have been right for hours since they were found to hide something.
#[tokio::test(start_paused = true)]
async fn lists_that_hid_something_hours_ago_are_believed_again_unless_they_hide_something() {
    for (hours, asked_alone) in [(0, true), (2, false)] {
        let service = with_intents(8, 6, takes(5, calm()), EngineSettings::default()).await;
        let at = service.clock.now() - SignedDuration::from_hours(hours);
        let body = json!({ "hops": 0, "learned": { "distrusted_at": at } }).to_string();
        let deduplication = "learned".to_owned();
        let wake = Message { group: "engine".to_owned(), deduplication, body, delay: Duration::ZERO };
        service.wake.send(&[wake]).await.unwrap();
        service.settle().await;
        assert_eq!(service.assignments().len(), 48);
        let world = service.world();
        let alone = world.log().iter().filter(|call| call.operation.starts_with("DescribeAccountAssignment"));
        assert_eq!(alone.count() > 40, asked_alone, "{hours} hours");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_tried_again_however_many_conflicts_came_before_it() {
    let service = with_intents(1, 1, Settings::default(), EngineSettings::default()).await;
    service.world().fail_next("CreateAccountAssignment", Fault::Conflict, 7);
    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 2);
    service.settle_for(Duration::from_mins(30)).await;
    assert_eq!(service.assignments().len(), 1);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn where_others_have_nearly_all_of_the_window_few_requests_are_refused() {
    let mut world = takes(3, calm());
    world.quotas.outstanding = 1;
    let service = with_intents(30, 1, world, EngineSettings::default()).await;
    service.checker().throttles_expected = true;
    service.settle().await;
    assert_eq!(service.assignments().len(), 30);
    let world = service.world();
    let refused = world.log().iter().filter(|call| call.error.as_deref() == Some("ThrottlingException"));
    // Those of the first moment, and hardly any after that.
    let refused = refused.count();
    assert!(refused <= 12, "{refused} of 30 were refused");
}
