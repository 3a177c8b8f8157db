//! Deterministic simulation of the whole service: histories drawn from seeds, in which people act, AWS misbehaves, functions die and
//! clocks jump, in one thread under virtual time. The checker looks after every step, and at the end all must become as the rules say.
//!
//! `cargo xtask dst --seeds N` lives through N histories; `cargo xtask dst --seed N` through one that failed. The same seed gives the same
//! trace.

mod acts;
mod documents;
mod ending;
mod functions;
mod history;
mod ledgers;
mod menu;
mod shortest;
mod simulation;
mod tally;
mod troubles;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use self::{
    history::{Function, History, What},
    menu::Trouble,
    simulation::Simulation,
    tally::Tally,
};
use super::apart::alone;

/// The threads that live through histories, by the beginning of their names: what they panic with is caught and told by whoever asked.
const THREAD: &str = "histories";

/// What came of a history.
type Lived = Result<(u64, Tally), String>;

/// Lives through a history. What it broke off with is its error.
fn live(history: &History) -> Lived {
    live_aloud(history, false)
}

/// The same, and tells each step when it begins.
fn live_aloud(history: &History, aloud: bool) -> Lived {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        alone(async {
            // Tokio's timers keep to the milliseconds since they were begun, and what happens begins at one of these.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut simulation = Simulation::new(history.seed);
            simulation.aloud = aloud;
            Box::pin(simulation.live(history)).await
        })
    }));
    lived.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// A history that failed.
struct Failed {
    seed: u64,
    why: String,
}

/// Lives through so many histories from this seed on, on as many threads as there are processors.
fn live_through(from: u64, seeds: u64) -> (Tally, Vec<Failed>) {
    let (next, together) = (AtomicU64::new(from), Mutex::new((Tally::default(), Vec::new())));
    std::thread::scope(|scope| {
        for n in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let work = || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let lived = live(&History::of(seed));
                    let mut together = together.lock().unwrap();
                    match lived {
                        Ok((_, tally)) => together.0.add(&tally),
                        Err(why) => together.1.push(Failed { seed, why }),
                    }
                }
            };
            std::thread::Builder::new().name(format!("{THREAD}-{n}")).spawn_scoped(scope, work).unwrap();
        }
    });
    let (tally, mut failed) = together.into_inner().unwrap();
    failed.sort_by_key(|failed| failed.seed);
    (tally, failed)
}

/// Panics of these threads are told by [`live`], and by nobody else.
fn keep_panics_quiet() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !std::thread::current().name().is_some_and(|name| name.starts_with(THREAD)) {
            before(info);
        }
    }));
}

#[test]
fn a_history_has_at_least_200_steps_five_kinds_of_trouble_and_three_sweeps() {
    for seed in 0..200 {
        let history = History::of(seed);
        let sweeps = history.steps.iter().filter(|step| step.what == What::Run(Function::Sweep)).count();
        assert!(history.steps.len() >= 200 && history.troubles().len() >= 5 && sweeps >= 3, "{seed}");
    }
    let all: BTreeSet<Trouble> = (0..200).flat_map(|seed| History::of(seed).troubles()).collect();
    assert_eq!(all.len(), menu::MENU.len(), "each kind is chosen sometimes");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [3, 4] {
        let (first, again) = (live(&History::of(seed)).unwrap(), live(&History::of(seed)).unwrap());
        assert_eq!(first, again, "{seed}");
    }
    assert_ne!(live(&History::of(3)).unwrap().0, live(&History::of(4)).unwrap().0);
}

/// A few of those that `cargo xtask dst` lives through.
fn keep_every_promise(from: u64) {
    keep_panics_quiet();
    let (_, failed) = live_through(from, 8);
    let failed: Vec<String> =
        failed.into_iter().map(|failed| format!("seed {}: {}", failed.seed, failed.why)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_first_histories_keep_every_promise() {
    keep_every_promise(0);
}

#[test]
fn some_more_histories_keep_every_promise() {
    keep_every_promise(8);
}

#[test]
fn others_after_them_keep_every_promise() {
    keep_every_promise(16);
}

#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is a whole number")))
}

/// `cargo xtask dst` runs it.
#[test]
#[ignore = "takes as long as it is told to: `cargo xtask dst` runs it"]
#[expect(clippy::disallowed_methods, reason = "a test's own environment, and the time that it really takes")]
fn histories_by_chance() {
    keep_panics_quiet();
    if let Some(seed) = number("USHER_DST_SEED") {
        return shortest::tell(seed);
    }
    let (from, seeds) = (number("USHER_DST_FROM").unwrap_or(0), number("USHER_DST_SEEDS").unwrap_or(100));
    let began = Instant::now();
    let (tally, failed) = live_through(from, seeds);
    let took = began.elapsed();
    let mut report = tally.json();
    report["real_seconds"] = json!(took.as_secs_f64());
    report["failed"] = failed.iter().map(|failed| failed.seed).collect();
    report["not_covered"] = tally.gaps().into();
    if let Ok(path) = std::env::var("USHER_DST_JSON") {
        std::fs::write(path, serde_json::to_string_pretty(&report).unwrap()).unwrap();
    }
    println!("{}", tally.line(took));
    if let Ok(path) = std::env::var("USHER_DST_TABLE") {
        let seeds = format!("The seeds {from} to {}.", from + seeds - 1);
        let table = format!("{seeds} {}\n\n{}", tally.line(took), tally.markdown());
        std::fs::write(path, table).unwrap();
    }
    for failed in failed.iter().take(20) {
        println!("seed {}: {}", failed.seed, failed.why.lines().take(12).collect::<Vec<_>>().join("\n"));
    }
    assert!(
        failed.is_empty(),
        "{} of {seeds} histories failed: `cargo xtask dst --seed N` tells of one",
        failed.len()
    );
}
