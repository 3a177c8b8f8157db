//! A probe that is broken off anywhere, and what `--clean-up` makes of it.

use std::time::Duration;

use cli::{args::Step, probe::Doubt, report::Measured};
use simulator::{Latency, Settings};

use super::{
    Bench,
    stopping::{Stopping, Where},
};

const STEPS: [Step; 4] = [Step::ProvisioningTime, Step::ListLag, Step::StatusLists, Step::Window];

fn bench() -> Bench {
    let mut settings = Settings {
        assignment_latency: Latency::Constant(Duration::from_secs(2)),
        list_lag: Duration::from_secs(3),
        ..Settings::default()
    };
    settings.quotas.outstanding = 3;
    settings.quotas.sso_admin = None;
    settings.assumptions.status_lag = Duration::from_secs(1);
    Bench::new(6, settings)
}

/// Runs a probe that stops at a call, and cleans up after it. Gives whether it stopped at all.
async fn stopped_at(call: usize, at: Where) -> bool {
    let bench = bench();
    let (before, lists) = (bench.assignments(), bench.lists().await);
    let order = bench.order(&STEPS, 1);
    let ports = Stopping::new(bench.face.clone(), call, at);
    let stopped = {
        let journal = bench.begin();
        let prober = bench.prober(&journal, &ports, &ports);
        let mut measured = Measured::default();
        let whole = async {
            prober.measure(&order, &mut measured).await.unwrap();
            prober.clean_up(Doubt::Leave).await.unwrap()
        };
        tokio::select! {
            left = whole => {
                assert!(left.is_empty(), "{left:?}");
                false
            }
            () = ports.stopped.notified() => true,
        }
        // As when a process dies: nothing but the journal's file is left.
    };
    let left = bench.clean_up(Doubt::Leave).await;
    assert!(left.is_empty(), "stopped {at:?} call {call}: {left:?}");
    assert!(!bench.path().exists());
    assert_eq!(bench.assignments(), before, "stopped {at:?} call {call}");
    assert_eq!(bench.world().outstanding(), 0, "stopped {at:?} call {call}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.lists().await, lists, "stopped {at:?} call {call}");
    stopped
}

#[tokio::test(start_paused = true)]
async fn wherever_a_probe_is_broken_off_a_clean_up_leaves_everything_as_it_was() {
    for at in [Where::Before, Where::After] {
        let mut call = 0;
        while stopped_at(call, at).await {
            call += 1;
        }
        assert!(call > 60, "a whole probe makes more than {call} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_is_broken_off_is_taken_up_by_the_next() {
    for call in 0..40 {
        let bench = bench();
        let before = bench.assignments();
        let order = bench.order(&[Step::Window], 1);
        // Five are being made.
        let first = Stopping::new(bench.face.clone(), 20, Where::After);
        {
            let journal = bench.begin();
            let prober = bench.prober(&journal, &first, &first);
            let mut measured = Measured::default();
            tokio::select! {
                _ = prober.measure(&order, &mut measured) => panic!("it was to be broken off"),
                () = first.stopped.notified() => {}
            }
        }
        let second = Stopping::new(bench.face.clone(), call, Where::After);
        {
            let journal = cli::probe::Journal::open(&bench.path()).unwrap().unwrap();
            let prober = bench.prober(&journal, &second, &second);
            tokio::select! {
                _ = prober.clean_up(Doubt::Leave) => {}
                () = second.stopped.notified() => {}
            }
        }
        let left = bench.clean_up(Doubt::Leave).await;
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(bench.assignments(), before, "broken off after call {call}");
        assert_eq!(bench.world().outstanding(), 0);
    }
}
