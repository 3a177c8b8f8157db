//! From what the world has seen to figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use shared::domain::{AssignmentKey, Operation};
use simulator::{Latency, World};

use crate::{
    calls::{Call, Refused},
    work::Operations,
};

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;

/// Requests a second that AWS takes.
pub(crate) const RATE: f64 = 20.0;

/// The calls that one assignment needs at least: the call itself, and its share of a list that tells of fifteen at a time.
const CALLS: f64 = 1.07;

/// What was done from one moment on.
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
    /// What we did from a moment on.
    pub(crate) fn of(calls: &[Call], since: Timestamp) -> Self {
        let mut sent = Self { accepted: 0, calls: 0, throttles: 0, conflicts: 0, seconds: 0.0 };
        for call in calls.iter().filter(|call| call.ours && call.at >= since) {
            sent.calls += 1;
            match call.refused {
                Some(Refused::Throttled) => sent.throttles += 1,
                Some(Refused::InConflict) => sent.conflicts += 1,
                None if call.is_accepted() => {
                    sent.accepted += 1;
                    sent.seconds = seconds(since, call.at);
                }
                Some(Refused::Otherwise) | None => {}
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

/// Operations a second that can be done at most with so many under way that take so long.
pub(crate) fn most_a_second(window: usize, latency: Latency) -> f64 {
    most_at(RATE, window, latency)
}

/// The same with so many requests a second.
pub(crate) fn most_at(rate: f64, window: usize, latency: Latency) -> f64 {
    (number(window) / mean(latency)).min(rate / CALLS)
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

/// How many of our calls were made for a key while an earlier request for it had not ended.
pub(crate) fn overlapping(world: &World, calls: &[Call]) -> usize {
    let ends: BTreeMap<String, Timestamp> = world
        .request_log()
        .map(|record| {
            let end = record.settled.as_ref().map_or(Timestamp::MAX, |(at, _)| *at);
            (record.id.to_string(), end)
        })
        .collect();
    let mut busy: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut overlapping = 0;
    for call in calls.iter().filter(|call| call.ours) {
        let Some(key) = call.writes.as_deref() else { continue };
        if busy.get(key).is_some_and(|end| *end > call.at) {
            overlapping += 1;
        }
        if let Some(end) = ends.get(&call.id) {
            busy.insert(key, *end);
        }
    }
    overlapping
}

/// Our accepted requests a second, on average from a moment on.
pub(crate) fn pace(calls: &[Call], from: Timestamp, during: Duration) -> f64 {
    let to = from + during;
    let within = |call: &&Call| call.ours && call.is_accepted() && call.at >= from && call.at < to;
    number(calls.iter().filter(within).count()) / during.as_secs_f64()
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
        assert!((most_at(10.0, 15, latency) - 9.346).abs() < 0.001);
    }

    #[test]
    fn what_was_sent_is_counted_from_the_beginning_and_only_ours() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let call = |second: i64, key: Option<&str>, refused: Option<Refused>| Call {
            at: at(second),
            ours: true,
            writes: key.map(str::to_owned),
            refused,
            id: String::new(),
        };
        let calls = [
            call(-1, Some("a"), None),
            call(0, Some("b"), None),
            call(3, Some("c"), Some(Refused::Throttled)),
            call(4, Some("c"), None),
            Call { ours: false, ..call(5, Some("d"), None) },
            call(6, None, None),
            call(7, Some("e"), Some(Refused::InConflict)),
        ];
        let sent = Sent::of(&calls, at(0));
        assert_eq!(sent, Sent { accepted: 2, calls: 5, throttles: 1, conflicts: 1, seconds: 4.0 });
        assert!((sent.calls_per_operation() - 2.5).abs() < 1e-9);
        assert!((pace(&calls, at(0), Duration::from_secs(4)) - 0.25).abs() < 1e-9);
    }
}
