//! How long to wait before another try: longer each time.

use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest one.
const LONGEST: Duration = Duration::from_mins(5);

/// Pauses that double.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pauses {
    /// The pause after one more failure.
    pub(super) fn after_another(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

/// When a message that has failed so often comes again.
pub(super) fn of_message(receives: u32) -> Duration {
    (FIRST * 6_u32.pow(receives.saturating_sub(1).min(4))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_begin_anew() {
        let mut pauses = Pauses::default();
        let all: Vec<u64> = (0..11).map(|_| pauses.after_another().as_secs()).collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(Pauses::default().after_another(), FIRST);
    }

    #[test]
    fn a_message_comes_again_later_each_time() {
        let all: Vec<u64> = [1, 2, 3, 4, 5, 1000].map(|receives| of_message(receives).as_secs()).to_vec();
        assert_eq!(all, [1, 6, 36, 216, 300, 300]);
        assert_eq!(of_message(0), FIRST);
    }
}
