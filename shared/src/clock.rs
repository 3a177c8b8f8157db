//! The clocks: the machine's own, Tokio's, which tests can stop and turn, and one that goes faster than both.

use std::{
    num::NonZeroU32,
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::ports::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is given")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// How long a run may last whose end is not told, or not told right.
const UNTOLD: SignedDuration = SignedDuration::from_mins(1);

/// When a run has to be done that begins now and is ended from outside at `end`, with `reserve` left for what comes last.
///
/// An end that is past before the run begins is none: what plays Lambda may tell it wrong (that of cargo-lambda 1.9 is ten minutes into
/// 1970), and a machine's clock may have jumped. Whoever believed it would never do anything. A minute is taken then.
pub fn deadline(now: Timestamp, end: SystemTime, reserve: SignedDuration) -> Timestamp {
    let told = Timestamp::try_from(end).ok().filter(|end| *end > now);
    told.and_then(|end| end.checked_sub(reserve).ok())
        .or_else(|| now.checked_add(UNTOLD).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A clock that began at a time of one's choice and goes as Tokio's does: under `tokio::time::pause` it is virtual, the same in
/// every run, and jumps over every wait.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    origin: Timestamp,
    started: Instant,
}

impl TokioClock {
    /// A clock that shows `origin` now.
    pub fn starting_at(origin: Timestamp) -> Self {
        Self { origin, started: Instant::now() }
    }
}

#[async_trait::async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        later(self.origin, self.started.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that began at a time of one's choice and goes a whole number of times as fast as Tokio's: what takes a minute by it takes
/// a second at a speed of 60. A simulated world and those who act in it share one, so that they agree on how late it is.
///
/// Only what asks this clock is hurried. The network, the disk and the AWS SDK's own time-outs and pauses keep to real time.
#[derive(Debug, Clone, Copy)]
pub struct ScaledClock {
    origin: Timestamp,
    started: Instant,
    speed: NonZeroU32,
}

impl ScaledClock {
    /// A clock that shows `origin` now, and goes `speed` seconds in a real one.
    pub fn starting_at(origin: Timestamp, speed: NonZeroU32) -> Self {
        Self { origin, started: Instant::now(), speed }
    }
}

#[async_trait::async_trait]
impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        later(self.origin, self.started.elapsed().saturating_mul(self.speed.get()))
    }

    async fn sleep(&self, duration: Duration) {
        // The division rounds down, and whoever wakes must find that the whole time has passed.
        let least = if duration.is_zero() { Duration::ZERO } else { Duration::from_nanos(1) };
        tokio::time::sleep((duration / self.speed.get()).saturating_add(least)).await;
    }
}

/// The time this much after `time`; the end of time where there is none so late.
pub(crate) fn later(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_before_it_is_ended_and_an_end_that_is_past_is_none() {
        let now: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        let reserve = SignedDuration::from_secs(20);
        let in_a_quarter = SystemTime::from(now) + Duration::from_mins(15);
        assert_eq!(deadline(now, in_a_quarter, reserve), "2026-12-01T12:14:40Z".parse().unwrap());
        let in_a_second = SystemTime::from(now) + Duration::from_secs(1);
        assert!(deadline(now, in_a_second, reserve) < now, "what is too short leaves no time");
        for wrong in [SystemTime::UNIX_EPOCH + Duration::from_mins(10), now.into(), SystemTime::UNIX_EPOCH] {
            assert_eq!(deadline(now, wrong, reserve), "2026-12-01T12:01:00Z".parse().unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn under_paused_time_the_clock_goes_exactly_as_far_as_was_slept() {
        let origin: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let clock = TokioClock::starting_at(origin);
        assert_eq!(clock.now(), origin);

        clock.sleep(Duration::from_hours(3)).await;

        assert_eq!(clock.now(), "2026-11-02T12:00:00Z".parse().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_at_sixty_times_the_speed_lets_an_hour_pass_in_a_minute() {
        let origin: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let clock = ScaledClock::starting_at(origin, NonZeroU32::new(60).unwrap());
        let (real, before) = (Instant::now(), clock.now());
        assert_eq!(before, origin);

        clock.sleep(Duration::from_hours(1)).await;

        assert_eq!(real.elapsed().as_secs(), 60);
        let passed = Duration::try_from(clock.now().duration_since(before)).unwrap();
        assert!(passed >= Duration::from_hours(1) && passed < Duration::from_secs(3601), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_wakes_finds_that_the_whole_time_has_passed_at_any_speed() {
        for speed in [1, 3, 7, 60, 99] {
            let clock = ScaledClock::starting_at(Timestamp::UNIX_EPOCH, NonZeroU32::new(speed).unwrap());
            for nanos in [0, 1, 7, 1_000_003, 999_999_999] {
                let (before, duration) = (clock.now(), Duration::from_nanos(nanos));
                clock.sleep(duration).await;
                assert!(clock.now() >= later(before, duration), "{nanos} ns at {speed}");
            }
        }
    }

    #[test]
    fn there_is_nothing_later_than_the_end_of_time() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
    }
}
