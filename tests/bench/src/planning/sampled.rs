//! How long something takes, in real time: criterion repeats it and makes the estimate.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, SamplingMode};
use serde::Deserialize;

use super::Trouble;

/// How often a sample is taken. Criterion takes no fewer.
const SAMPLES: usize = 10;

/// What criterion writes of a series of samples; it tells nobody but by this file.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    /// In nanoseconds.
    point_estimate: f64,
}

/// The median of what one of many takes. `sample` does so many, one after the other, and tells how long that took: what it has to prepare
/// need not count. It is given up when one fails.
pub(super) fn median(
    name: &str,
    about: Duration,
    mut sample: impl FnMut(u64) -> Result<Duration, Trouble>,
) -> Result<Duration, Trouble> {
    let folder = tempfile::tempdir()?;
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(folder.path())
        .sample_size(SAMPLES)
        .warm_up_time(about)
        .measurement_time(about * u32::try_from(SAMPLES).unwrap_or(u32::MAX));
    let mut failed = None;
    let mut group = criterion.benchmark_group("planning");
    // One that takes long is done once for each sample.
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let took = if failed.is_none() { sample(times) } else { Ok(Duration::from_secs(times)) };
            took.unwrap_or_else(|trouble| {
                failed = Some(trouble);
                wait(about);
                Duration::from_secs(times)
            })
        });
    });
    group.finish();
    match failed {
        Some(trouble) => Err(trouble),
        None => estimate(&folder.path().join("planning").join(name).join("new/estimates.json")),
    }
}

/// What is too quick, criterion does ever more often, until all of it takes long enough.
#[expect(clippy::disallowed_methods, reason = "criterion goes by real time")]
fn wait(long: Duration) {
    std::thread::sleep(long);
}

fn estimate(path: &Path) -> Result<Duration, Trouble> {
    let estimates: Estimates = serde_json::from_slice(&fs::read(path)?).map_err(std::io::Error::from)?;
    Duration::try_from_secs_f64(estimates.median.point_estimate / 1e9)
        .map_err(|error| Trouble::Sampled(std::io::Error::other(error)))
}

/// Measures how long this thread has had a core, where the system tells: others may want it too, and their share is not ours.
pub(super) struct Watch {
    on_core: Option<Duration>,
    started: Instant,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { on_core: on_core(), started: Instant::now() }
    }

    pub(super) fn elapsed(&self) -> Duration {
        let on_core = on_core().zip(self.on_core).map(|(now, then)| now.saturating_sub(then));
        on_core.unwrap_or_else(|| self.started.elapsed())
    }
}

/// How long this thread has had a core, as Linux counts it. Giving way first has it counted up to now.
fn on_core() -> Option<Duration> {
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_one_of_those_that_a_sample_does() {
        let mut samples = 0;
        let took = median("three", Duration::from_millis(1), |times| {
            samples += 1;
            wait(Duration::from_millis(1));
            let one = Duration::from_micros(if samples % 2 == 0 { 2 } else { 4 });
            Ok(one * u32::try_from(times).unwrap())
        });
        assert_eq!(took.unwrap(), Duration::from_micros(3));
    }

    #[test]
    fn what_fails_is_told_and_not_done_again() {
        let mut done = 0;
        let failed = median("failed", Duration::from_millis(1), |_| {
            done += 1;
            Err(Trouble::Count(1, 2))
        });
        assert!(matches!(failed, Err(Trouble::Count(1, 2))));
        assert_eq!(done, 1);
    }
}
