//! The clocks: the machine's own, and Tokio's, which tests can stop and turn.

use std::time::Duration;

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

    #[tokio::test(start_paused = true)]
    async fn under_paused_time_the_clock_goes_exactly_as_far_as_was_slept() {
        let origin: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let clock = TokioClock::starting_at(origin);
        assert_eq!(clock.now(), origin);

        clock.sleep(Duration::from_hours(3)).await;

        assert_eq!(clock.now(), "2026-11-02T12:00:00Z".parse().unwrap());
    }

    #[test]
    fn there_is_nothing_later_than_the_end_of_time() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
    }
}
