//! How the engine waits for what takes its time: it neither asks all the while nor sleeps past the end, and a window that is full is no
//! reason to do anything else more slowly.

use jiff::SignedDuration;
use shared::{
    engine::EngineSettings,
    ports::{LedgerReader as _, SeenKind},
};
use simulator::{Fault, Settings};

use super::{
    busy_engine::{takes, with_intents},
    fleet::calm,
    model::{Rules, Where, group, rules},
};

fn any_deletes(mut rules: Rules) -> Rules {
    rules.max_deletes = 100;
    rules
}

#[tokio::test(start_paused = true)]
async fn revokes_that_take_fifteen_seconds_are_followed_with_a_few_calls_for_each() {
    let service = with_intents(50, 1, takes(15, calm()), EngineSettings::default()).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 50);
    let nowhere = group("all", "Developers").gets("Set0").in_accounts(Where::Named("nobody".into()));
    service.publish(&any_deletes(rules([nowhere]))).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    let about_revokes = {
        let world = service.world();
        world.log().iter().filter(|call| call.operation.contains("AssignmentDeletionStatus")).count()
    };
    assert!(about_revokes < 150, "{about_revokes} questions about 50 revokes");
    service.converged(&[]).await;
}

/// Six windows full, one after the other: whatever a request takes, the next one follows soon after its end.
#[tokio::test(start_paused = true)]
async fn requests_that_take_a_second_longer_cost_a_second_each_and_no_more() {
    for seconds in 13..=18 {
        let service = with_intents(60, 1, takes(seconds, calm()), EngineSettings::default()).await;
        service.settle().await;
        let took = {
            let world = service.world();
            let sent: Vec<_> = world.request_log().map(|request| request.accepted_at).collect();
            assert_eq!(sent.len(), 60);
            sent.last().unwrap().duration_since(*sent.first().unwrap())
        };
        let at_best = SignedDuration::from_secs(i64::try_from(seconds).unwrap() * 5);
        assert!(took < at_best + at_best / 8, "{took} for five rounds of {seconds} s");
        service.converged(&[]).await;
    }
}

/// Others have the window: that says nothing of how fast AWS may be called.
#[tokio::test(start_paused = true)]
async fn a_full_window_is_no_reason_to_call_more_slowly() {
    let service = with_intents(30, 1, Settings::default(), EngineSettings::default()).await;
    service.checker().throttles_expected = true;
    service.world().fail_next("CreateAccountAssignment", Fault::WindowFull, 20);
    service.settle().await;
    assert_eq!(service.assignments().len(), 30);
    let facts = service.ledger.recall(SeenKind::Fact).await.unwrap();
    let rates: Vec<_> = facts.iter().filter_map(|fact| fact.value.get("rate")).collect();
    assert!(rates.is_empty(), "the rate was never refused: {rates:?}");
    let refused = {
        let world = service.world();
        world.log().iter().filter(|call| call.error.as_deref() == Some("ThrottlingException")).count()
    };
    assert!(refused >= 10, "only {refused} were refused");
    service.converged(&[]).await;
}
