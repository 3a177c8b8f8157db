//! What AWS may do to a probe: throttle it, fail, never end, or not answer.

use std::time::Duration;

use cli::{
    args::Step,
    probe::{self, Doubt},
    report::{Found, Left, Measured, ProvisioningTime},
};
use shared::ports::Clock as _;
use simulator::{Fault, Settings};

use super::Bench;

const CREATE: &str = "CreateAccountAssignment";
const DELETE: &str = "DeleteAccountAssignment";

fn bench() -> Bench {
    Bench::new(1, Settings::default())
}

/// A probe of provisioning times that meets a fault, in a world that must be as before in the end.
async fn met(operation: &str, fault: Fault, calls: u32) -> (Measured, Vec<Left>, Bench) {
    let bench = bench();
    bench.world().fail_next(operation, fault, calls);
    let (measured, left) = bench.probe(&bench.order(&[Step::ProvisioningTime], 2)).await;
    (measured, left, bench)
}

fn times(measured: &Measured) -> &ProvisioningTime {
    measured.provisioning_time.as_ref().and_then(Found::measured).unwrap()
}

fn counts(measured: &Measured) -> (usize, usize) {
    let times = times(measured);
    let count = |times: &Option<cli::report::Times>| times.as_ref().map_or(0, |times| times.count);
    (count(&times.creates), count(&times.deletes))
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_now_is_sent_again_and_measured() {
    for operation in [CREATE, DELETE] {
        for fault in [Fault::Throttle, Fault::WindowFull, Fault::Conflict] {
            let (measured, left, bench) = met(operation, fault, 2).await;
            assert_eq!(counts(&measured), (2, 2), "{measured:?}");
            assert!(times(&measured).troubles.is_empty() && left.is_empty());
            assert_eq!(bench.assignments(), self::bench().assignments());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_is_told_and_what_is_there_is_taken_away() {
    let reason = "AWS has its reasons";
    let (measured, left, bench) = met(CREATE, Fault::FailLater(reason.into()), 1).await;
    assert_eq!(counts(&measured), (1, 1), "nothing was there, so it goes on: {measured:?}");
    assert!(times(&measured).troubles[0].contains(reason));
    assert!(left.is_empty());
    assert_eq!(bench.assignments(), self::bench().assignments());

    let (measured, left, bench) = met(DELETE, Fault::FailLater(reason.into()), 1).await;
    assert_eq!(counts(&measured), (1, 0), "one is there, so nothing more is made: {measured:?}");
    assert!(times(&measured).troubles[0].contains(reason));
    assert!(left.is_empty());
    assert_eq!(bench.assignments(), self::bench().assignments());

    // One that can't be taken away is told, stays in the journal, and is taken away once AWS lets it.
    let (_, left, bench) = met(DELETE, Fault::FailLater(reason.into()), 20).await;
    assert_eq!(left.len(), 1);
    assert!(left[0].why.contains(reason), "{left:?}");
    assert!(bench.path().exists());
    bench.world().faults.clear_all();
    assert!(bench.clean_up(Doubt::Leave).await.is_empty());
    assert_eq!(bench.assignments(), self::bench().assignments());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_denied_is_told_and_nothing_is_made() {
    let (measured, left, bench) = met(CREATE, Fault::AccessDenied, 9).await;
    let Some(Found::NotMeasured { why }) = &measured.provisioning_time else { panic!("{measured:?}") };
    assert!(why.contains("AccessDenied"), "{why}");
    assert!(left.is_empty() && !bench.path().exists());
    let settings = probe::settings(&measured);
    assert!(settings.iter().all(|one| one.value.is_none()) && settings[0].because.contains("not measured"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_end_is_told_and_taken_away_when_it_does() {
    for operation in [CREATE, DELETE] {
        let (measured, left, bench) = met(operation, Fault::Slow(Duration::from_hours(1)), 1).await;
        let told = match &measured.provisioning_time {
            Some(Found::Measured(times)) => times.troubles.join("; "),
            Some(Found::NotMeasured { why }) => why.clone(),
            None => panic!("it was measured"),
        };
        assert!(told.contains("had not ended after 10 minutes"), "{told}");
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].why.contains("has not ended"), "{left:?}");
        assert!(bench.path().exists());
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert!(bench.clean_up(Doubt::Leave).await.is_empty());
        assert_eq!(bench.assignments(), self::bench().assignments());
    }
    let (_, left, bench) = met(CREATE, Fault::Hang, 1).await;
    assert_eq!(left.len(), 1);
    assert_eq!(bench.assignments(), self::bench().assignments());
    assert_eq!(bench.clean_up(Doubt::Leave).await.len(), 1, "it is told as long as it is under way");
}

#[tokio::test(start_paused = true)]
async fn calls_without_an_answer_are_settled_whether_they_were_made_or_not() {
    for operation in [CREATE, DELETE] {
        for fault in [Fault::LostAnswer, Fault::TimeOut, Fault::InternalError] {
            let (_, left, bench) = met(operation, fault, 1).await;
            assert!(left.is_empty(), "{left:?}");
            assert!(!bench.path().exists());
            assert_eq!(bench.assignments(), self::bench().assignments());
            assert_eq!(bench.world().outstanding(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_somebody_elses_stays_until_it_is_said_that_it_is_not() {
    let mut settings = Settings::default();
    settings.assumptions.status_retention = Some(Duration::from_secs(1));
    let bench = Bench::new(1, settings);
    bench.world().fail_next(CREATE, Fault::LostAnswer, 1);
    // The process is gone, and AWS has forgotten the request when somebody looks again.
    {
        let journal = bench.begin();
        let prober = bench.prober(&journal, &bench.face, &bench.face);
        let order = bench.order(&[Step::ProvisioningTime], 1);
        prober.measure(&order, &mut Measured::default()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_hours(1)).await;
    let left = bench.clean_up(Doubt::Leave).await;
    assert_eq!(left.len(), 1);
    assert!(left[0].why.contains("somebody else"), "{left:?}");
    assert!(bench.assignments().contains_key(&bench.key(0)));
    assert!(bench.clean_up(Doubt::TakeAway).await.is_empty());
    assert_eq!(bench.assignments(), self::bench().assignments());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_made_since_it_was_looked_at_is_not_touched() {
    let bench = bench();
    let (key, by) = (bench.key(0), bench.face.caller.clone());
    let order = bench.order(&[Step::ProvisioningTime], 5);
    bench.world().grant_by_hand(bench.clock.now(), &by, &key);
    let journal = bench.begin();
    let prober = bench.prober(&journal, &bench.face, &bench.face);
    let mut measured = Measured::default();
    prober.measure(&order, &mut measured).await.unwrap();
    let Some(Found::NotMeasured { why }) = &measured.provisioning_time else { panic!("{measured:?}") };
    assert!(why.contains("not by this probe"), "{why}");
    assert!(prober.clean_up(Doubt::TakeAway).await.unwrap().is_empty());
    assert!(bench.assignments().contains_key(&key), "it is nobody's but theirs");
}

#[tokio::test(start_paused = true)]
async fn what_a_service_has_decided_on_since_it_was_looked_at_is_not_touched() {
    let bench = bench();
    let (key, by) = (bench.key(0), bench.face.caller.clone());
    let order = bench.order(&[Step::ProvisioningTime, Step::ListLag], 3);
    let journal = bench.begin();
    let prober = bench.prober(&journal, &bench.face, &bench.face);
    // The intent is in the ledger before the call, and AWS's lists show nothing yet.
    bench.claimed(&key).await;
    let mut measured = Measured::default();
    prober.measure(&order, &mut measured).await.unwrap();
    let Some(Found::NotMeasured { why }) = &measured.provisioning_time else { panic!("{measured:?}") };
    assert!(why.contains("Usher's ledger has it by now (ours)"), "{why}");
    assert_eq!(bench.assignments(), self::bench().assignments(), "nothing was sent");
    bench.world().grant_by_hand(bench.clock.now(), &by, &key);
    assert!(prober.clean_up(Doubt::TakeAway).await.unwrap().is_empty());
    assert!(bench.assignments().contains_key(&key), "it is the service's");
}

#[tokio::test(start_paused = true)]
async fn what_a_service_has_made_since_the_probe_died_stays_and_the_journal_is_done_with() {
    let bench = bench();
    let key = bench.key(0);
    {
        let journal = bench.begin();
        let prober = bench.prober(&journal, &bench.face, &bench.face);
        bench.world().fail_next(DELETE, Fault::FailLater("not today".to_owned()), 100);
        prober.measure(&bench.order(&[Step::ProvisioningTime], 1), &mut Measured::default()).await.unwrap();
    }
    bench.world().faults.clear_all();
    assert!(bench.assignments().contains_key(&key), "the probe has left it");
    // Somebody takes it away, a rule wants it, and the service makes it.
    bench.claimed(&key).await;
    assert!(bench.clean_up(Doubt::Leave).await.is_empty());
    assert!(bench.assignments().contains_key(&key), "it is the service's by now");
    assert!(!bench.path().exists());
}
