//! How evenly calls travel. Pure.

use std::{collections::VecDeque, time::Duration};

/// How many of the latest calls are kept.
const KEPT: usize = 32;

/// The timers' own grain.
const GRAIN: Duration = Duration::from_millis(2);

/// The round trips of the latest calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Trips(VecDeque<Duration>);

impl Trips {
    pub(super) fn took(&mut self, trip: Duration) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(trip);
    }

    /// How much sooner than another a call may arrive although it was sent at the same time.
    pub(super) fn unevenness(&self) -> Duration {
        let (shortest, longest) = (self.0.iter().min(), self.0.iter().max());
        GRAIN + longest.copied().unwrap_or_default().saturating_sub(shortest.copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unevenness_is_what_lies_between_the_quickest_and_the_slowest_of_late() {
        let mut trips = Trips::default();
        assert_eq!(trips.unevenness(), GRAIN);
        for ms in [100, 130, 90] {
            trips.took(Duration::from_millis(ms));
        }
        assert_eq!(trips.unevenness(), GRAIN + Duration::from_millis(40));
        for _ in 0..KEPT {
            trips.took(Duration::from_millis(100));
        }
        assert_eq!(trips.unevenness(), GRAIN);
    }
}
