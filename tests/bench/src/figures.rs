//! From what the world has seen to figures.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{AssignmentKey, Operation};
use simulator::{Latency, LogEntry, World};

use crate::work::Operations;

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;

/// Requests a second that AWS takes, over the calls that one assignment needs at least: the call itself, and its share of a list
/// that tells of fifteen at a time.
const MOST_A_SECOND: f64 = 20.0 / 1.07;

/// What one caller did between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sent {
    /// Assignment requests that were accepted.
    pub(crate) accepted: usize,
    /// Calls of SSO Admin, refused ones too.
    pub(crate) calls: usize,
    /// Calls that were refused for their number: rate and window.
    pub(crate) throttles: usize,
    pub(crate) conflicts: usize,
    /// From the beginning to the last accepted request.
    pub(crate) seconds: f64,
}

impl Sent {
    /// What this caller did from a moment on.
    pub(crate) fn by(world: &World, caller: &str, since: Timestamp) -> Self {
        let mut sent = Self { accepted: 0, calls: 0, throttles: 0, conflicts: 0, seconds: 0.0 };
        for entry in calls_of(world, caller).filter(|entry| entry.at >= since) {
            sent.calls += 1;
            match entry.error.as_deref() {
                Some("ThrottlingException") => sent.throttles += 1,
                Some("ConflictException") => sent.conflicts += 1,
                None if is_write(entry) => {
                    sent.accepted += 1;
                    sent.seconds = seconds(since, entry.at);
                }
                Some(_) | None => {}
            }
        }
        sent
    }

    pub(crate) fn calls_per_operation(&self) -> f64 {
        number(self.calls) / number(self.accepted.max(1))
    }

    /// The share of what the window and the rate allow.
    pub(crate) fn efficiency(&self, window: usize, latency: Latency) -> f64 {
        number(self.accepted) / self.seconds.max(f64::MIN_POSITIVE) / most_a_second(window, latency)
    }
}

/// The calls of SSO Admin that one caller made.
pub(crate) fn calls_of<'a>(world: &'a World, caller: &'a str) -> impl Iterator<Item = &'a LogEntry> {
    let ours = move |entry: &&LogEntry| {
        entry.service == simulator::Service::SsoAdmin && *entry.caller.name == *caller
    };
    world.log().iter().filter(ours)
}

/// Whether a call asks for an assignment to be made or deleted.
pub(crate) fn is_write(entry: &LogEntry) -> bool {
    matches!(entry.operation, "CreateAccountAssignment" | "DeleteAccountAssignment")
}

/// Operations a second that can be done at most with so many under way that take so long.
pub(crate) fn most_a_second(window: usize, latency: Latency) -> f64 {
    (number(window) / mean(latency)).min(MOST_A_SECOND)
}

/// The mean of the distribution in seconds, and not of what was drawn from it.
pub(crate) fn mean(latency: Latency) -> f64 {
    match latency {
        Latency::Constant(duration) => duration.as_secs_f64(),
        Latency::Uniform { shortest, longest } => {
            f64::midpoint(shortest.as_secs_f64(), longest.as_secs_f64())
        }
        Latency::LogNormal { median, p99 } => {
            let sigma = (p99.as_secs_f64() / median.as_secs_f64()).ln() / Z99;
            median.as_secs_f64() * (sigma * sigma / 2.0).exp()
        }
    }
}

/// How many of these operations have not had their effect.
pub(crate) fn undone(world: &World, operations: &Operations) -> usize {
    let there: BTreeSet<AssignmentKey> = world.assignments().into_keys().collect();
    let undone = |(operation, key): &&(Operation, AssignmentKey)| match operation {
        Operation::Grant => !there.contains(key),
        Operation::Revoke => there.contains(key),
    };
    operations.iter().filter(undone).count()
}

pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Every count here is far below what a float holds exactly.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_mean_of_a_log_normal_latency_lies_above_its_median() {
        let latency = Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(20) };
        assert!((mean(latency) - 3.265).abs() < 0.001, "{}", mean(latency));
        assert!((most_a_second(10, latency) - 3.063).abs() < 0.001);
    }

    #[test]
    fn the_rate_bounds_what_the_window_would_allow() {
        let latency = Latency::Constant(Duration::from_millis(500));
        assert!((most_a_second(15, latency) - 18.692).abs() < 0.001);
        assert!((most_a_second(15, Latency::Constant(Duration::from_secs(2))) - 7.5).abs() < 1e-9);
    }
}
