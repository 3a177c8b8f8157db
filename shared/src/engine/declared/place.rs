//! How far the round over all declared permission sets has come, and which of them have failed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::LOOKED_AT_EVERY;
use crate::{domain::RulesVersion, engine::signed};

/// The fact that keeps it.
pub(in crate::engine) const PLACE: &str = "declared-permission-sets";

/// After so long a set is tried again that has failed; each time it fails again, after twice as long.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// The longest that it is left alone.
const AT_THE_LATEST: SignedDuration = SignedDuration::from_hours(1);

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Place {
    pub(in crate::engine) rules: RulesVersion,
    pub(super) began: Timestamp,
    /// The last one that is done with.
    pub(super) after: Option<String>,
    pub(super) over: bool,
    /// When all had been gone through under these rules for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) settled: Option<Timestamp>,
    /// Those that have failed since they were last done with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::engine) failed: BTreeMap<String, Failing>,
}

/// One that has failed so often in a row, and is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Failing {
    tries: u32,
    again: Timestamp,
}

impl Place {
    pub(super) fn begin(rules: RulesVersion, now: Timestamp) -> Self {
        Self { rules, began: now, after: None, over: false, settled: None, failed: BTreeMap::new() }
    }

    /// The place that a run begins at; `None` if nothing is due.
    pub(super) fn due(self, now: Timestamp) -> Option<Self> {
        if !self.over {
            return Some(self);
        }
        if self.began + signed(LOOKED_AT_EVERY) <= now {
            return Some(Self { began: now, after: None, over: false, ..self });
        }
        // Those that have failed, and no others.
        self.failed.values().any(|failing| failing.again <= now).then_some(self)
    }

    /// Whether a set is to be left alone for now.
    pub(super) fn leaves_alone(&self, name: &str, now: Timestamp) -> bool {
        self.failed.get(name).is_some_and(|failing| failing.again > now)
    }

    /// Whether a set is tried, which is done with in this round unless it has failed.
    pub(super) fn tries(&self, name: &str, now: Timestamp) -> bool {
        let failing = self.failed.get(name);
        if self.over {
            failing.is_some_and(|failing| failing.again <= now)
        } else {
            !self.leaves_alone(name, now)
        }
    }

    /// A set has failed: it is tried again later.
    pub(super) fn has_failed(&mut self, name: &str, now: Timestamp) {
        let tries = self.failed.get(name).map_or(1, |failing| failing.tries.saturating_add(1));
        let wait = (1..tries).fold(TRIED_AGAIN, |wait, _| (wait * 2).min(AT_THE_LATEST));
        self.failed.insert(name.to_owned(), Failing { tries, again: now + wait });
    }

    pub(super) fn is_done_with(&mut self, name: &str) {
        self.failed.remove(name);
    }

    /// All have been gone through.
    pub(super) fn is_over(&mut self, now: Timestamp) {
        self.over = true;
        self.settled.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        "2026-11-02T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn one_that_goes_on_failing_is_tried_ever_more_rarely_and_alone() {
        let mut place = Place::begin("1".repeat(64).parse().unwrap(), at(0));
        place.has_failed("A", at(0));
        place.is_over(at(0));
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..8 {
            let again = place.failed["A"].again;
            assert!(!place.tries("A", again - SignedDuration::from_secs(1)) && place.tries("A", again));
            assert!(!place.tries("B", again), "it has not failed");
            waits.push(again.duration_since(now).as_mins());
            (now, place.began) = (again, again);
            assert_eq!(place.clone().due(now), Some(place.clone()));
            place.has_failed("A", now);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        // Not even the round over all of them tries it sooner, and it says still when the first one was over.
        let round = place.clone().due(now + signed(LOOKED_AT_EVERY)).unwrap();
        assert!(!round.over && round.leaves_alone("A", round.began) && round.settled == Some(at(0)));

        place.is_done_with("A");
        assert_eq!(place.due(now), None);
    }
}
