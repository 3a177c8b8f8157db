//! How fast the engine may call: a token bucket whose rate gives way when AWS says "Rate exceeded". Pure.
//!
//! Additive increase, multiplicative decrease, with a memory: after a refusal the rate comes back quickly to somewhat below where
//! it was refused, and beyond that so slowly that trying costs about one refusal in some hundred calls.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::engine::signed;

/// What is left of the rate after a refusal.
const CUT: f64 = 0.75;

/// Up to this part of the rate at which it was refused it comes back quickly.
const SURE: f64 = 0.85;

/// How much of itself the rate gains with each answered call while it is sure.
const QUICK: f64 = 0.05;

/// How much of the most that is allowed it gains with each answered call beyond that.
const SLOW: f64 = 0.001;

/// The rate never falls below this many calls a second.
const LEAST: f64 = 0.5;

/// Refusals this close together have one cause: the calls were under way already.
const ONE_EVENT: SignedDuration = SignedDuration::from_millis(400);

/// The bucket.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Calls a second, at most and now.
    most: f64,
    rate: f64,
    burst: u32,
    /// When the bucket will be full again, if nothing more is taken from it.
    full_at: Timestamp,
    /// The rate at which AWS last refused.
    refused_at: Option<f64>,
    last_cut: Option<Timestamp>,
}

impl Pace {
    /// A full bucket.
    pub(super) fn new(rate: u32, burst: u32, now: Timestamp) -> Self {
        let rate = f64::from(rate.max(1));
        Self { most: rate, rate, burst: burst.max(1), full_at: now, refused_at: None, last_cut: None }
    }

    /// The rate and the rate at which AWS refused, in thousandths of a call a second, if it ever did; for the next run.
    pub(super) fn learned(&self) -> Option<(u32, u32)> {
        // Both lie between `LEAST` and the most, which is a whole number of calls.
        let thousandths = |rate: f64| u32::try_from(Duration::from_secs_f64(rate).as_millis()).ok();
        thousandths(self.rate).zip(self.refused_at.and_then(thousandths))
    }

    /// What an earlier run has learned.
    pub(super) fn restore(&mut self, learned: Option<(u32, u32)>) {
        if let Some((rate, refused_at)) = learned {
            self.rate = (f64::from(rate) / 1_000.0).clamp(LEAST, self.most);
            self.refused_at = Some(f64::from(refused_at) / 1_000.0);
        }
    }

    /// When the bucket will be full again, for the next run: what has been called by now counts there too.
    pub(super) fn full_at(&self) -> Timestamp {
        self.full_at
    }

    /// What an earlier run has taken from the bucket.
    pub(super) fn spent(&mut self, full_at: Timestamp, now: Timestamp) {
        // No clock that was ahead makes it wait longer than for an empty bucket.
        self.full_at = full_at.clamp(now, now + signed(self.token() * self.burst));
    }

    fn token(&self) -> Duration {
        Duration::from_secs_f64(self.rate.max(LEAST).recip())
    }

    /// The earliest time at which a call may be made.
    pub(super) fn ready_at(&self, now: Timestamp) -> Timestamp {
        let after = self.full_at.max(now) + signed(self.token());
        (after - signed(self.token() * self.burst)).max(now)
    }

    /// Takes a call's turn, and tells when it is.
    pub(super) fn take(&mut self, now: Timestamp) -> Timestamp {
        let turn = self.ready_at(now);
        self.full_at = self.full_at.max(turn) + signed(self.token());
        turn
    }

    /// AWS has answered a call.
    pub(super) fn answered(&mut self) {
        let gain = match self.refused_at {
            Some(at) if self.rate >= at * SURE => self.most * SLOW,
            Some(_) => self.rate * QUICK,
            None => return,
        };
        self.rate = (self.rate + gain).min(self.most);
    }

    /// AWS has refused a call as too fast: the burst is used up, and the rate gives way.
    pub(super) fn refused(&mut self, now: Timestamp) {
        if self.last_cut.is_some_and(|last| last + ONE_EVENT > now) {
            return;
        }
        self.last_cut = Some(now);
        self.refused_at = Some(self.rate);
        self.rate = (self.rate * CUT).max(LEAST);
        self.full_at = self.full_at.max(now + signed(self.token() * self.burst));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    /// Milliseconds from the beginning.
    fn ms(time: Timestamp) -> i64 {
        time.as_millisecond() - 1_800_000_000_000
    }

    #[test]
    fn a_full_bucket_gives_its_burst_at_once_and_then_one_turn_after_the_other() {
        let mut pace = Pace::new(10, 3, at(0));
        let turns: Vec<i64> = (0..6).map(|_| ms(pace.take(at(0)))).collect();
        assert_eq!(turns, [0, 0, 0, 100, 200, 300]);
        assert_eq!(ms(pace.ready_at(at(350))), 400);
        assert_eq!(ms(pace.ready_at(at(9_000))), 9_000);
    }

    #[test]
    fn what_the_run_before_has_taken_is_not_taken_again() {
        let mut before = Pace::new(10, 3, at(0));
        for _ in 0..3 {
            before.take(at(0));
        }
        let mut pace = Pace::new(10, 3, at(100));
        pace.spent(before.full_at(), at(100));
        let turns: Vec<i64> = (0..3).map(|_| ms(pace.take(at(100)))).collect();
        assert_eq!(turns, [100, 200, 300]);
        let mut pace = Pace::new(10, 3, at(9_000));
        pace.spent(before.full_at(), at(9_000));
        assert_eq!(ms(pace.ready_at(at(9_000))), 9_000);
        pace.spent(at(99_000), at(9_000));
        assert_eq!(ms(pace.ready_at(at(9_000))), 9_100, "another's clock was far ahead");
    }

    #[test]
    fn a_refusal_slows_it_down_once_and_answers_bring_it_back_to_where_it_was_and_no_further() {
        let mut pace = Pace::new(20, 1, at(0));
        pace.refused(at(0));
        pace.refused(at(300));
        assert!((pace.rate - 15.0).abs() < 1e-9, "{}", pace.rate);
        pace.refused(at(600));
        assert!((pace.rate - 11.25).abs() < 1e-9);
        // Quickly to 85 % of the 15 at which it was refused, then slowly.
        for _ in 0..3 {
            pace.answered();
        }
        let sure = pace.rate;
        assert!((12.75..13.5).contains(&sure), "{sure}");
        for _ in 0..100 {
            pace.answered();
        }
        assert!((sure + 1.9..sure + 2.1).contains(&pace.rate), "{}", pace.rate);
        for _ in 0..1_000 {
            pace.answered();
        }
        assert!((pace.rate - 20.0).abs() < 1e-9);
    }

    #[test]
    fn however_often_it_is_refused_it_goes_on() {
        let mut pace = Pace::new(10, 10, at(0));
        for n in 0..100 {
            pace.refused(at(n * 1_000));
        }
        assert!((pace.rate - LEAST).abs() < 1e-9);
        assert!(ms(pace.ready_at(at(100_000))) <= 102_000);
    }

    proptest! {
        /// In no second more than the rate and the burst, whatever AWS answers.
        #[test]
        fn no_schedule_of_answers_makes_it_faster_than_it_may_be(
            steps in prop::collection::vec((0_i64..400, 0_u8..10), 1..300),
            rate in 1_u32..=20,
            burst in 1_u32..=20,
        ) {
            let mut pace = Pace::new(rate, burst, at(0));
            let (mut now, mut turns) = (0, Vec::new());
            for (wait, answer) in steps {
                now += wait;
                turns.push(ms(pace.take(at(now))));
                if answer == 0 { pace.refused(at(now)) } else { pace.answered() }
            }
            turns.sort_unstable();
            for (n, turn) in turns.iter().enumerate() {
                let within = turns.iter().skip(n).filter(|other| **other < turn + 1_000).count();
                prop_assert!(within <= usize::try_from(rate + burst).unwrap() + 1, "{within} from {turn} ms");
            }
        }
    }
}
