//! How many calls may come at once, and how many a second after that.
//!
//! The calls that write name a permission set that there is not: AWS refuses each, and they count all the same. So they make and take
//! away nothing, and are in no journal.

use std::time::Duration;

use futures::future;
use jiff::Timestamp;
use shared::{
    domain::{AssignmentKey, PermissionSetArn},
    ports::PortError,
};

use super::{Prober, Trouble};
use crate::report::{Burst, Found, Seconds, Volley};

/// How many calls are made at the same time.
const AT_ONCE: usize = 30;
/// How many are made one after the other once the burst is used up, and how far apart.
const IN_TURN: u32 = 40;
const APART: Duration = Duration::from_millis(25);
/// All calls of this step: the volleys, the turns, and one that tries each kind.
pub(super) const MOST: usize = 2 * AT_ONCE + IN_TURN as usize + 2;
/// How long nothing is called before a volley, so that what others and the probe itself have used comes back.
const QUIET: Duration = Duration::from_secs(10);
/// Fewer than this say nothing of a rate.
const ENOUGH: usize = 3;

impl Prober<'_> {
    /// Measures it by calls about one assignment.
    pub(super) async fn burst(&self, key: &AssignmentKey) -> Result<Burst, Trouble> {
        let writes = match self.nowhere(key).await {
            Ok(nowhere) => self.writes(&nowhere).await,
            Err(why) => Found::NotMeasured { why },
        };
        self.clock.sleep(QUIET).await;
        // One alone, so that the volley finds the way open.
        let (account, set) = (&key.account, &key.permission_set);
        self.patiently(async || self.fast.principals_page(account, set, None).await).await?;
        self.clock.sleep(QUIET).await;
        let reads =
            self.volley(async || self.fast.principals_page(account, set, None).await.map(|_page| ())).await;
        let a_second = if reads.throttled > 0 { self.turns(key).await } else { None };
        Ok(Burst { writes, reads: Found::Measured(reads), a_second })
    }

    async fn writes(&self, nowhere: &AssignmentKey) -> Found<Volley> {
        self.clock.sleep(QUIET).await;
        match self.writer.revoke(nowhere).await {
            Err(PortError::NotFound(_) | PortError::Refused(_) | PortError::Denied(_)) => {}
            Ok(_) => {
                let why = "AWS accepts requests for a permission set that there is not";
                return Found::NotMeasured { why: why.to_owned() };
            }
            Err(error) => return Found::NotMeasured { why: error.to_string() },
        }
        self.clock.sleep(QUIET).await;
        let volley = self.volley(async || self.writer.revoke(nowhere).await.map(|_request| ())).await;
        Found::Measured(volley)
    }

    /// The same assignment of a permission set that there is not, which is made sure of.
    async fn nowhere(&self, key: &AssignmentKey) -> Result<AssignmentKey, String> {
        let by_chance = u64::try_from(self.now().as_nanosecond()).unwrap_or_default();
        let beside = key.permission_set.as_str().rsplit_once('/').map_or("", |(instance, _)| instance);
        let set: PermissionSetArn =
            format!("{beside}/ps-{by_chance:016x}").parse().map_err(|error| format!("{error}"))?;
        match self.access.permission_set_name(&set).await {
            Ok(None) => Ok(AssignmentKey { permission_set: set, ..key.clone() }),
            Ok(Some(_)) => Err("there is a permission set that was to be none".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Makes a call many times at once.
    async fn volley(&self, call: impl AsyncFn() -> Result<(), PortError>) -> Volley {
        let began = self.now();
        let answers = future::join_all((0..AT_ONCE).map(|_| call())).await;
        let took = Seconds(self.since(began));
        let mut volley = Volley { calls: AT_ONCE, throttled: 0, lost: 0, took, refusal: None };
        for answer in answers {
            match answer {
                Err(error @ (PortError::Throttled(_) | PortError::WindowFull(_))) => {
                    volley.throttled += 1;
                    volley.refusal.get_or_insert_with(|| error.to_string());
                }
                Err(PortError::Failed(_) | PortError::Unassumed(_) | PortError::Barred(_)) => {
                    volley.lost += 1;
                }
                // What was refused for what it asks had its turn.
                Ok(())
                | Err(
                    PortError::NotFound(_)
                    | PortError::Refused(_)
                    | PortError::Denied(_)
                    | PortError::Conflict(_),
                ) => {}
            }
        }
        volley
    }

    /// Calls in turn, faster than they come back: what is let through is the rate.
    async fn turns(&self, key: &AssignmentKey) -> Option<f64> {
        let calls = (0..IN_TURN).map(async |at| {
            self.clock.sleep(APART * at).await;
            let sent = self.now();
            let answer = self.fast.principals_page(&key.account, &key.permission_set, None).await;
            answer.is_ok().then_some(sent)
        });
        let answers = future::join_all(calls).await;
        let let_through: Vec<Timestamp> = answers.iter().flatten().copied().collect();
        rate(&let_through).filter(|_| let_through.len() < answers.len())
    }
}

/// How many a second these were.
fn rate(times: &[Timestamp]) -> Option<f64> {
    let (first, last) = (times.first()?, times.last()?);
    let span = last.duration_since(*first).as_secs_f64();
    let apart = u32::try_from(times.len().checked_sub(1)?).ok()?;
    (times.len() >= ENOUGH && span > 0.0).then(|| f64::from(apart) / span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_by_three_calls_at_least() {
        let at = |milliseconds: &[i64]| {
            let times = milliseconds.iter().map(|time| Timestamp::from_millisecond(*time).unwrap());
            rate(&times.collect::<Vec<_>>())
        };
        assert_eq!(at(&[]), None);
        assert_eq!(at(&[0, 50]), None);
        assert_eq!(at(&[0, 0, 0]), None);
        assert_eq!(at(&[50, 100, 150, 200]), Some(20.0));
    }
}
