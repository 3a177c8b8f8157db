//! When to look at what is under way. Pure.
//!
//! A look is one call that tells about all requests of an operation, so it is worth the more the more of them have ended; and each of them
//! that has ended unseen leaves a place empty. As long as the durations are unknown, looks come at growing ages. Where all take
//! equally long, they first narrow that duration down, and then come when the first is due. Where they are spread, a look comes when as
//! many have probably ended as make it worth its call.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::latency::{Bounds, Latency, Shape};
use crate::engine::signed;

/// The first look at requests of which nothing is known.
const FIRST: Duration = Duration::from_millis(500);

/// The next ones come so much later, or three hundredths later if that is more: what is learned from them is learned once, and until then
/// each place waits for it.
const GROWS_BY: Duration = Duration::from_millis(250);

/// No look is later than this after the one before, or after the first request.
const LATEST: SignedDuration = SignedDuration::from_secs(10);

/// Nor sooner.
const SOONEST: SignedDuration = SignedDuration::from_millis(50);

/// A request that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// When it was sent.
    pub(super) since: Timestamp,
    /// When the last look was sent that found it under way.
    pub(super) looked: Option<Timestamp>,
}

impl Open {
    pub(super) fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.since)).unwrap_or_default()
    }

    /// The age at which it was last seen under way.
    pub(super) fn seen_at(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| self.age(looked))
    }
}

/// When the next look is worth its call; `None` if nothing is under way. `last` is when the look before was sent, and `worth` is how many
/// must probably have ended.
pub(super) fn due(
    open: &[Open],
    latency: &Latency,
    worth: f64,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let oldest = open.iter().min_by_key(|open| open.since)?;
    let latest = last.map_or(oldest.since, |last| last.max(oldest.since)) + LATEST;
    let at = match latency.shape() {
        Shape::Unknown => {
            let seen = oldest.seen_at();
            oldest.since + signed(FIRST.max(seen + GROWS_BY.max(seen * 3 / 100)))
        }
        Shape::Constant(bounds) => {
            open.iter().map(|open| due_among_equals(open, bounds)).min().unwrap_or(latest)
        }
        Shape::Spread => spread(open, latency, worth, latest, now),
    };
    let soonest = last.map_or(now, |last| last + SOONEST);
    Some(at.min(latest).max(soonest))
}

/// When one request is worth a look where all take equally long.
pub(super) fn due_among_equals(open: &Open, bounds: Bounds) -> Timestamp {
    let seen = open.seen_at();
    let age = if seen >= bounds.within {
        // Others of its account have held it up, or it is asked about by itself.
        seen * 5 / 4
    } else if bounds.are_close() || seen >= bounds.middle() {
        // What is narrowed down enough, or seen in the middle already, is looked at when it must have ended.
        bounds.within
    } else {
        bounds.middle()
    };
    open.since + signed(age)
}

/// The first moment at which so many have probably ended, to within a few milliseconds.
fn spread(open: &[Open], latency: &Latency, worth: f64, latest: Timestamp, now: Timestamp) -> Timestamp {
    let ended = |at: Timestamp| -> f64 {
        open.iter().map(|open| latency.likely_ended(open.seen_at(), open.age(at))).sum()
    };
    let (mut low, mut high) = (now, latest);
    if high <= low || ended(low) >= worth {
        return low;
    }
    while high.duration_since(low) > SignedDuration::from_millis(4) {
        let middle = low + high.duration_since(low) / 2;
        if ended(middle) >= worth { high = middle } else { low = middle }
    }
    high
}

/// How many must probably have ended for a look at one operation's requests to be worth a call, where this operation's share of all
/// that is under way is `share`, and there are others. The wait is the least, for as many looks in all, if the looks at each are as
/// many as the root of its share.
pub(super) fn worth(share: f64) -> f64 {
    /// Looks for each request that ends: with its own call, and a closer look at a few, 1.7 where there are only grants or
    /// only revokes, and 2.5 where there are both.
    const ALONE: f64 = 0.67;
    const BOTH: f64 = 1.25;
    if share >= 1.0 {
        return ALONE.recip();
    }
    let share = share.clamp(0.02, 0.98);
    share.sqrt() * (share.sqrt() + (1.0 - share).sqrt()) / BOTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn open(since: i64, looked: Option<i64>) -> Open {
        Open { since: at(since), looked: looked.map(at) }
    }

    #[test]
    fn with_nothing_under_way_there_is_no_look() {
        assert_eq!(due(&[], &Latency::default(), 1.0, None, at(0)), None);
    }

    #[test]
    fn of_the_unknown_looks_come_at_growing_ages_and_never_later_than_the_bound() {
        let latency = Latency::default();
        let next = |looked: Option<i64>| {
            let last = looked.map(at);
            due(&[open(0, looked), open(400, looked)], &latency, 1.0, last, at(0)).unwrap()
        };
        assert_eq!(next(None), at(500));
        assert_eq!(next(Some(500)), at(750));
        assert_eq!(next(Some(8_000)), at(8_250));
        assert_eq!(next(Some(80_000)), at(82_400));
        assert_eq!(next(Some(800_000)), at(810_000));
    }

    #[test]
    fn an_equal_duration_is_halved_by_each_look_until_it_is_close_and_then_awaited() {
        let mut latency = Latency::default();
        latency.ended(ms(800), ms(1_000));
        let next =
            |latency: &Latency, looked| due(&[open(0, looked)], latency, 1.0, looked.map(at), at(0)).unwrap();
        assert_eq!(next(&latency, None), at(900));
        assert_eq!(next(&latency, Some(900)), at(1_000));
        assert_eq!(next(&latency, Some(1_000)), at(1_250), "something holds it up");
        latency.ended(ms(900), ms(904));
        assert_eq!(next(&latency, None), at(904));
    }

    #[test]
    fn of_a_spread_a_look_comes_when_enough_have_probably_ended() {
        let mut latency = Latency::default();
        latency.ended(ms(9), ms(9));
        for n in 0..64 {
            latency.ended(ms(1_000 + n * 50), ms(1_000 + n * 50));
        }
        let ten: Vec<Open> = (0..10).map(|_| open(0, None)).collect();
        let one = due(&ten, &latency, 1.0, None, at(0)).unwrap();
        let three = due(&ten, &latency, 3.0, None, at(0)).unwrap();
        let alone = due(&ten[..1], &latency, 1.0, None, at(0)).unwrap();
        assert!(at(1_250) < one && one < at(1_400), "{one}");
        assert!(at(1_900) < three && three < at(2_000), "{three}");
        assert_eq!(alone, at(10_000), "never later than the bound");
    }

    #[test]
    fn the_rarer_operation_is_looked_at_less_often_but_not_as_much_less_as_it_is_rarer() {
        assert!((worth(1.0) - 1.0 / 0.67).abs() < 1e-9);
        let (grants, revokes) = (worth(0.8), worth(0.2));
        assert!((grants / revokes - 2.0).abs() < 1e-9);
        // Looks for each request that ends, over both.
        let looks = 0.8 / grants + 0.2 / revokes;
        assert!((looks - 1.25).abs() < 1e-9, "{looks}");
    }
}
