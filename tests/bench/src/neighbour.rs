//! A noisy neighbour: somebody else takes half of the rate and five places of the window, without a word, and leaves again.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use shared::{domain::AssignmentKey, ports::Clock as _};
use simulator::{Caller, Latency, wire::sso_admin as wire};

use crate::{
    Extent,
    engine::{Stage, settings},
    figures::{self, Sent, number},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Mix, Organization},
    writes::{Lists, Variant},
};

/// When it comes, when it goes, and when the measurement ends.
const COMES: Duration = Duration::from_mins(2);
const GOES: Duration = Duration::from_mins(7);
const ENDS: Duration = Duration::from_mins(10);

/// It makes a request so often, whatever the answers.
const EVERY: Duration = Duration::from_millis(100);

/// So it makes so many a second.
const ITS_RATE: f64 = 10.0;

/// It has so many assignment requests under way, as soon as it gets the places.
const PLACES: usize = 5;

/// Accounts in which only the neighbour assigns.
const ITS_ACCOUNTS: usize = 40;

/// How long a pace is averaged over at least. It is twice as long as a request takes, if that is more: requests that end together
/// come at least twice.
const AVERAGED: Duration = Duration::from_secs(10);

/// A pace that is reached is kept for so long, at least.
const A_WHILE: Duration = Duration::from_mins(1);

/// How finely the beginning of a pace is looked for.
const STEP: Duration = Duration::from_millis(500);

/// Somebody else, in an open loop: it tries nothing again.
struct Neighbour<'a> {
    stage: &'a Stage,
    caller: Caller,
    keys: VecDeque<AssignmentKey>,
    /// When each of its requests ends.
    ends: Vec<Timestamp>,
    latency: Duration,
    seen: Seen,
}

/// What it got: to be held against what it is said to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    calls: usize,
    refused: usize,
    /// The places that it had at each of its calls, added up.
    places: usize,
}

impl Neighbour<'_> {
    async fn stay(&mut self, until: Timestamp) {
        while self.stage.clock.now() < until {
            self.call();
            self.stage.clock.sleep(EVERY).await;
        }
    }

    /// One request: an assignment where it has places left, else a look.
    fn call(&mut self) {
        let now = self.stage.clock.now();
        self.ends.retain(|end| *end > now);
        let mut world = self.stage.world();
        let Some(instance_arn) = world.instances_mut().first().map(|instance| instance.arn.to_string())
        else {
            return;
        };
        match self.keys.front() {
            Some(key) if self.ends.len() < PLACES => {
                let input = wire::CreateAccountAssignment {
                    instance_arn,
                    target_id: key.account.to_string(),
                    target_type: "AWS_ACCOUNT".to_owned(),
                    permission_set_arn: key.permission_set.to_string(),
                    principal_type: "GROUP".to_owned(),
                    principal_id: key.principal.id().to_owned(),
                };
                if world.call(now, &self.caller, input).is_ok() {
                    self.ends.push(now + self.latency);
                    self.keys.pop_front();
                } else {
                    self.seen.refused += 1;
                }
            }
            Some(_) | None => {
                // Only the request counts, and not what it answers.
                let answer = world.call(now, &self.caller, wire::ListInstances::default());
                self.seen.refused += usize::from(answer.is_err());
            }
        }
        self.seen.calls += 1;
        self.seen.places += self.ends.len();
    }
}

/// Two latencies and both windows; and one row in which the requests are scarce, and not the places.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let mut measurements: Vec<Measurement> = Vec::new();
    for (window, seconds) in [(10, 2), (10, 5), (15, 1), (15, 2), (15, 5)] {
        if extent == Extent::Full || (window, seconds) == (10, 5) {
            measurements.push(Box::new(move || virtually(beside(window, Duration::from_secs(seconds)))));
        }
    }
    side_by_side(measurements)
}

async fn beside(window: usize, latency: Duration) -> Result<Row, Trouble> {
    let variant = Variant {
        mix: Mix::Grants,
        latency: Latency::Constant(latency),
        window,
        lists: Lists::NewestFirst,
        // More than can be done in the time.
        operations: 12_000,
        accounts: 400 + ITS_ACCOUNTS,
    };
    let mut organization = Organization::with(variant.accounts, variant.world())?;
    let (theirs, ours) = organization.accounts.split_at(ITS_ACCOUNTS);
    let (theirs, ours) = (theirs.to_vec(), ours.to_vec());
    let keys = organization.keys(&theirs, usize::MAX).into();
    let caller = organization.caller("neighbour");
    let operations = organization.operations(&ours, variant.operations, variant.mix);
    let stage = Stage::new(organization, settings(window), Duration::ZERO).await?;
    stage.intend(&operations).await?;
    let began = stage.clock.now();
    let (comes, goes, ends) = (began + COMES, began + GOES, began + ENDS);

    let mut neighbour =
        Neighbour { stage: &stage, caller, keys, ends: Vec::new(), latency, seen: Seen::default() };
    let others = async {
        stage.sleep_until(comes).await;
        neighbour.stay(goes).await;
        stage.sleep_until(ends).await;
    };
    tokio::select! {
        // Else Tokio draws lots, and no two runs are alike.
        biased;
        ran = stage.run_to_the_end(variant.patience()) => drop(ran?),
        () = others => {}
    }

    let calls = stage.calls();
    let beside: Vec<_> = calls.iter().filter(|call| call.at < goes).cloned().collect();
    let beside = Sent::of(&beside, comes);
    let all = figures::most_a_second(window, variant.latency);
    let left = figures::most_at(figures::RATE - ITS_RATE, window - PLACES, variant.latency);
    let averaged = AVERAGED.max(latency * 2);
    let pace = |from: Timestamp| figures::pace(&calls, from, averaged);
    let seen = neighbour.seen;
    let stay = GOES.saturating_sub(COMES).as_secs_f64();
    Ok(Row::new(format!("neighbour/L={}/window={window}", latency.as_secs()))
        .aimed(
            "refused beside it (%)",
            100.0 * number(beside.throttles) / number(beside.calls.max(1)),
            Aim::AtMost(1.0),
        )
        .figure("refused calls", number(beside.throttles))
        .aimed(
            "s to 90 % of what is left",
            reached(comes, goes, averaged, 0.9 * left, pace),
            Aim::AtMost(10.0),
        )
        .figure("s until it is kept", kept_from(comes, goes, averaged, 0.9 * left, pace))
        .figure("share of what is left", number(beside.accepted) / stay / left)
        .figure("s to 90 % of all when it has gone", kept_from(goes, ends, averaged, 0.9 * all, pace))
        .figure("its places", number(seen.places) / number(seen.calls.max(1)))
        .figure("its calls", number(seen.calls))
        .figure("its refused calls", number(seen.refused)))
}

/// Seconds after `from` from which on the pace stays at least this high for a while, if it does before `to`; infinite where it never does.
fn reached(
    from: Timestamp,
    to: Timestamp,
    averaged: Duration,
    least: f64,
    pace: impl Fn(Timestamp) -> f64,
) -> f64 {
    let (mut since, mut at) = (from, from);
    while at + averaged <= to {
        if pace(at) < least {
            since = at + STEP;
        } else if at >= since + A_WHILE {
            return figures::seconds(from, since);
        }
        at += STEP;
    }
    f64::INFINITY
}

/// Seconds after `from` from which on the pace stays at least this high until `to`; infinite where it doesn't.
fn kept_from(
    from: Timestamp,
    to: Timestamp,
    averaged: Duration,
    least: f64,
    pace: impl Fn(Timestamp) -> f64,
) -> f64 {
    let mut kept = f64::INFINITY;
    let mut at = to - averaged;
    while at >= from && pace(at) >= least {
        kept = figures::seconds(from, at);
        at -= STEP;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_reached_when_it_stays_for_a_minute_and_kept_when_it_stays_for_good() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let pace = |from: Timestamp| {
            let passed = figures::seconds(at(0), from);
            // Too slow once more soon after it is reached, and once later on.
            let slow = passed < 10.0 || (19.0..20.0).contains(&passed) || (150.0..151.0).contains(&passed);
            if slow { 0.5 } else { 2.0 }
        };
        let kept = |least| kept_from(at(0), at(300), AVERAGED, least, pace);
        let reached = |least| reached(at(0), at(300), AVERAGED, least, pace);
        assert!((reached(1.0) - 20.0).abs() < 1e-9);
        assert!((kept(1.0) - 151.0).abs() < 1e-9);
        assert!(kept(3.0).is_infinite() && reached(3.0).is_infinite());
        assert!(kept(0.1).abs() < 1e-9 && reached(0.1).abs() < 1e-9);
    }

    #[tokio::test(start_paused = true)]
    async fn the_neighbour_takes_ten_requests_a_second_and_keeps_five_places() {
        let variant = Variant {
            mix: Mix::Grants,
            latency: Latency::Constant(Duration::from_secs(2)),
            window: 10,
            lists: Lists::NewestFirst,
            operations: 0,
            accounts: ITS_ACCOUNTS,
        };
        let organization = Organization::with(variant.accounts, variant.world()).unwrap();
        let keys = organization.keys(&organization.accounts, usize::MAX).into();
        let caller = organization.caller("neighbour");
        let stage = Stage::new(organization, settings(10), Duration::ZERO).await.unwrap();
        let latency = Duration::from_secs(2);
        let mut neighbour =
            Neighbour { stage: &stage, caller, keys, ends: Vec::new(), latency, seen: Seen::default() };
        neighbour.stay(stage.clock.now() + Duration::from_mins(1)).await;
        let calls = stage.calls();
        assert!((590..=610).contains(&calls.len()), "{}", calls.len());
        assert!(calls.iter().all(|call| !call.ours && call.refused.is_none()));
        assert_eq!(stage.world().counters().most_outstanding, PLACES);
        let accepted = calls.iter().filter(|call| call.is_accepted()).count();
        assert!((130..=150).contains(&accepted), "{accepted}");
        let Seen { calls: made, refused, places } = neighbour.seen;
        assert_eq!((made, refused), (calls.len(), 0));
        assert!((4 * made..=PLACES * made).contains(&places), "{places} places in {made} calls");
    }
}
