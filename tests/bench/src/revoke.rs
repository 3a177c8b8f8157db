//! A revoke behind a long queue of grants: how long it waits from its intent to its call.

use std::time::Duration;

use jiff::Timestamp;
use shared::{
    domain::{AssignmentKey, Operation},
    ports::Clock as _,
};
use simulator::{Latency, RequestRecord, World};

use crate::{
    Extent,
    engine::{Stage, settings},
    figures::{number, seconds},
    row::{Aim, Row},
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Mix, Organization},
    writes::{Lists, Variant},
};

/// How many revokes are intended, one after the other.
const REVOKES: usize = 20;

/// The first comes so late, and the others so far apart; no multiple of anything else.
const APART: Duration = Duration::from_millis(17_310);

/// By then an engine that is at work ought to have noticed an intent.
const NOTICED: Duration = Duration::from_secs(1);

/// Where the revokes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In accounts of their own, so that no role that is just being updated is in their way.
    Apart,
    /// Among the grants: AWS may be updating a role of the account.
    Among,
}

/// Several latencies, both windows, and revokes in the grants' accounts.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let (seconds, grants): (&[u64], usize) = match extent {
        Extent::Full => (&[2, 5, 15, 60], 10_000),
        Extent::Quick => (&[5], 2_000),
    };
    let measurement = |seconds: u64, window: usize, place: Where| -> Measurement {
        let latency = Duration::from_secs(seconds);
        Box::new(move || virtually(behind(grants, latency, window, place)))
    };
    let mut measurements: Vec<Measurement> =
        seconds.iter().map(|seconds| measurement(*seconds, 10, Where::Apart)).collect();
    measurements.push(measurement(5, 10, Where::Among));
    if extent == Extent::Full {
        measurements.extend(seconds.iter().map(|seconds| measurement(*seconds, 15, Where::Apart)));
    }
    side_by_side(measurements)
}

async fn behind(grants: usize, latency: Duration, window: usize, place: Where) -> Result<Row, Trouble> {
    let variant = Variant {
        mix: Mix::Grants,
        latency: Latency::Constant(latency),
        window,
        lists: Lists::NewestFirst,
        operations: grants,
        accounts: 400,
    };
    let mut organization = Organization::with(variant.accounts, variant.world())?;
    let (first, others) = organization.accounts.split_at(REVOKES);
    let (first, others) = (first.to_vec(), others.to_vec());
    let keys = match place {
        Where::Apart => organization.keys(&first, REVOKES),
        Where::Among => organization.keys(&others, grants + REVOKES).split_off(grants),
    };
    let by = organization.caller("usher");
    for key in &keys {
        organization.world.grant_by_hand(Timestamp::MIN, &by, key);
    }
    let operations = organization.operations(&others, variant.operations, variant.mix);
    let stage = Stage::new(organization, settings(variant.window), Duration::ZERO).await?;
    stage.intend(&operations).await?;

    let mut intended: Vec<(AssignmentKey, Timestamp)> = Vec::new();
    let revokes = async {
        for key in keys {
            stage.clock.sleep(APART).await;
            stage.intend(&vec![(Operation::Revoke, key.clone())]).await?;
            intended.push((key, stage.clock.now()));
        }
        // The last one has its time too.
        stage.clock.sleep(latency * 3 + Duration::from_mins(1)).await;
        Ok::<(), Trouble>(())
    };
    tokio::select! {
        // Else Tokio draws lots, and no two runs are alike.
        biased;
        ran = stage.run_to_the_end(variant.patience()) => drop(ran?),
        done = revokes => done?,
    }

    let world = stage.world();
    let mut over = Vec::new();
    let mut longest = 0.0_f64;
    for (key, intended_at) in intended {
        let free_at = place_free_at(&world, variant.window, intended_at);
        let revoke =
            world.request_log().find(|record| record.key == key && record.operation == Operation::Revoke);
        let sent = |since| revoke.map_or(f64::INFINITY, |record| seconds(since, record.accepted_at));
        longest = longest.max(sent(intended_at));
        over.push(sent(free_at).max(0.0));
    }
    over.sort_by(f64::total_cmp);
    let among = if place == Where::Among { "/in the grants' accounts" } else { "" };
    Ok(Row::new(format!("revoke/L={}/window={window}{among}", latency.as_secs()))
        .figure("revokes", number(over.len()))
        .figure("longest wait (s)", longest)
        .aimed(
            "longest after a place was free (s)",
            over.last().copied().unwrap_or(f64::INFINITY),
            Aim::AtMost(NOTICED.as_secs_f64()),
        )
        .figure("half of them within (s)", over.get(over.len() / 2).copied().unwrap_or(f64::INFINITY)))
}

/// When there was a place in the window for what was intended at a time: then, or when the next request ended. A place that was taken
/// again before the intent had to be noticed is no place for it.
fn place_free_at(world: &World, window: usize, intended_at: Timestamp) -> Timestamp {
    let noticed = intended_at + NOTICED;
    let ended = |record: &RequestRecord| record.settled.as_ref().map(|(at, _)| *at);
    let taken = world
        .request_log()
        .filter(|record| record.accepted_at <= noticed && ended(record).is_none_or(|end| end > noticed));
    if taken.count() < window {
        return intended_at;
    }
    world.request_log().filter_map(ended).filter(|end| *end > noticed).min().unwrap_or(intended_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revoke_behind_the_grants_is_sent_and_its_wait_is_told() {
        let row = virtually(behind(1_000, Duration::from_secs(5), 10, Where::Among)).unwrap();
        assert_eq!(row.get("revokes"), Some(number(REVOKES)));
        let longest = row.get("longest wait (s)").unwrap();
        let after = row.get("longest after a place was free (s)").unwrap();
        let half = row.get("half of them within (s)").unwrap();
        assert!(0.0 < half && half <= after && after <= longest && longest.is_finite(), "{row:?}");
    }
}
