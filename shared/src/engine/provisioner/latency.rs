//! How long requests take, as far as looks can tell. Pure.
//!
//! No answer of AWS's says when a request ended: a look finds it under way, a later one finds it ended. So each request gives two
//! bounds. As long as all bounds have room for one duration, requests are taken to be equally long, and that duration is known to
//! within what the bounds leave open; at the first contradiction they are taken to be spread, and their distribution is what
//! was seen lately.
//!
//! All durations are from the moment at which the request was sent to the moment at which a look was sent: the way to AWS is the
//! same for both and cancels out.

use std::{collections::VecDeque, time::Duration};

/// How many of the latest durations make the distribution.
const KEPT: usize = 64;

/// So many requests in a row must agree before anything rests on their being equally long.
const SURE: u32 = 10;

/// How closely the duration is to be known.
const CLOSE: Duration = Duration::from_millis(5);

/// After so many that have agreed, one is looked at early.
const TESTED_EVERY: u32 = 16;

/// After a contradiction, so many requests must agree before they are taken to be equally long again: at least, and at most.
const AFTER_CONTRADICTION: u32 = 24;
const AFTER_CONTRADICTIONS: u32 = 1_000;

/// What is known of the duration of requests that are equally long: more than the one, at most the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) over: Duration,
    pub(super) within: Duration,
}

impl Bounds {
    /// Whether there is nothing more to learn.
    pub(super) fn are_close(self) -> bool {
        self.within.saturating_sub(self.over) <= CLOSE.max(self.within / 250)
    }

    /// The age at which a look would tell most.
    pub(super) fn middle(self) -> Duration {
        self.over + self.within.saturating_sub(self.over) / 2
    }
}

/// How requests take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// None has ended yet.
    Unknown,
    /// All equally long.
    Constant(Bounds),
    /// Some longer than others.
    Spread,
}

/// What has been learned of one operation's requests. It travels from one run to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Latency {
    over: Duration,
    within: Option<Duration>,
    /// How many requests in a row have agreed.
    agreed: u32,
    /// How many have to.
    needed: u32,
    lately: VecDeque<Duration>,
}

impl Latency {
    /// For the next run, if there is anything.
    pub(super) fn learned(&self) -> Option<Self> {
        (*self != Self::default()).then(|| self.clone())
    }

    pub(super) fn shape(&self) -> Shape {
        match self.within {
            _ if self.lately.is_empty() => Shape::Unknown,
            Some(within) if self.agreed >= self.needed.max(1) => {
                Shape::Constant(Bounds { over: self.over, within })
            }
            Some(_) | None => Shape::Spread,
        }
    }

    /// The bounds, if they are close and many requests in a row have kept them: an age at which a request has ended, all but surely.
    pub(super) fn sure(&self) -> Option<Bounds> {
        match self.shape() {
            Shape::Constant(bounds) if bounds.are_close() && self.agreed >= SURE.max(self.needed) => {
                Some(bounds)
            }
            Shape::Constant(_) | Shape::Spread | Shape::Unknown => None,
        }
    }

    /// Whether it is time to see if the equally long have become shorter.
    pub(super) fn is_to_be_tested(&self) -> bool {
        self.agreed.is_multiple_of(TESTED_EVERY)
    }

    /// A request was still under way at one age, and had ended at the other.
    pub(super) fn ended(&mut self, over: Duration, within: Duration) {
        self.ended_with_others(over, within);
        let (low, high) = (self.over.max(over), self.within.map_or(within, |known| known.min(within)));
        if low < high {
            (self.over, self.within) = (low, Some(high));
            self.agreed = self.agreed.saturating_add(1);
        } else {
            self.contradicted();
        }
    }

    /// The same of a request that others in its account may have held up: it says nothing of how long one takes by itself.
    pub(super) fn ended_with_others(&mut self, over: Duration, within: Duration) {
        if self.lately.len() >= KEPT {
            self.lately.pop_front();
        }
        self.lately.push_back(over + within.saturating_sub(over) / 2);
    }

    /// A request is still under way at this age.
    pub(super) fn still_under_way(&mut self, age: Duration) {
        if self.within.is_some_and(|within| age >= within) {
            self.contradicted();
        }
    }

    /// What was believed was wrong.
    pub(super) fn contradicted(&mut self) {
        (self.over, self.within, self.agreed) = (Duration::ZERO, None, 0);
        self.needed = (self.needed * 2).clamp(AFTER_CONTRADICTION, AFTER_CONTRADICTIONS);
    }

    /// How likely a request that was under way at one age has ended by another, going by those that ended lately.
    pub(super) fn likely_ended(&self, under_way_at: Duration, by: Duration) -> f64 {
        let longer = |age: Duration| {
            let count = self.lately.iter().filter(|time| **time > age).count();
            f64::from(u32::try_from(count).unwrap_or(u32::MAX))
        };
        // Half a one longer than all: nothing is ever quite impossible.
        1.0 - (longer(by) + 0.5) / (longer(under_way_at) + 0.5)
    }

    /// The age from which something seems to be wrong with a request.
    pub(super) fn overdue(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.lately.iter().copied().collect();
        times.sort_unstable();
        let long = times.get((times.len() * 97 / 100).min(times.len().saturating_sub(1)))?;
        Some(*long * 5 / 4 + Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn equally_long_requests_are_known_as_closely_as_looks_have_told() {
        let mut latency = Latency::default();
        assert_eq!(latency.shape(), Shape::Unknown);
        latency.ended(ms(900), ms(1_100));
        latency.ended(ms(0), ms(1_050));
        latency.ended(ms(990), ms(3_000));
        let bounds = Bounds { over: ms(990), within: ms(1_050) };
        assert_eq!(latency.shape(), Shape::Constant(bounds));
        assert_eq!(bounds.middle(), ms(1_020));
        assert!(!bounds.are_close());
        assert_eq!(latency.sure(), None);
    }

    #[test]
    fn nothing_rests_on_it_before_many_have_agreed_closely() {
        let mut latency = Latency::default();
        for n in 1..=10 {
            assert_eq!(latency.sure(), None, "after {n}");
            latency.ended(ms(998), ms(1_001));
        }
        assert_eq!(latency.sure(), Some(Bounds { over: ms(998), within: ms(1_001) }));
    }

    #[test]
    fn one_contradiction_ends_it_and_it_takes_ever_more_to_believe_again() {
        let mut latency = Latency::default();
        for _ in 0..SURE {
            latency.ended(ms(998), ms(1_001));
        }
        assert!(latency.sure().is_some());
        latency.still_under_way(ms(1_000));
        assert!(latency.sure().is_some());
        latency.still_under_way(ms(1_001));
        assert_eq!((latency.sure(), latency.shape()), (None, Shape::Spread));
        let mut until_sure = || {
            let mut count = 0;
            while latency.sure().is_none() {
                latency.ended(ms(998), ms(1_001));
                count += 1;
            }
            latency.ended(ms(5_000), ms(6_000));
            count
        };
        let (first, second) = (until_sure(), until_sure());
        assert!(first >= AFTER_CONTRADICTION && second >= 2 * first, "{first}, then {second}");
    }

    #[test]
    fn what_ended_lately_says_how_likely_others_have_ended() {
        let mut latency = Latency::default();
        for time in [1_000, 2_000, 3_000, 4_000] {
            latency.ended(ms(time), ms(time));
        }
        assert_eq!(latency.shape(), Shape::Spread);
        assert!(latency.likely_ended(ms(0), ms(500)).abs() < 1e-9);
        let half = latency.likely_ended(ms(0), ms(2_000));
        assert!((0.4..0.5).contains(&half), "{half}");
        let rest = latency.likely_ended(ms(2_000), ms(4_000));
        assert!((0.7..0.9).contains(&rest), "{rest}");
        assert!(latency.likely_ended(ms(9_000), ms(90_000)).abs() < 1e-9, "nothing is known so late");
        assert_eq!(latency.overdue(), Some(ms(6_000)));
    }
}
