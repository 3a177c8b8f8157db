//! Keeps a process to its share of the calls that AWS takes in a second.
//!
//! A share is taken call by call where calls are made, pages and repetitions included, so that nobody who reads has to count.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::ports::Clock;

/// A service of AWS whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    SsoAdmin,
    IdentityStore,
    Organizations,
    Tagging,
}

impl Api {
    /// The service and the operation of a call by its `X-Amz-Target`; `None` for any that is not counted.
    pub fn of_target(target: &str) -> Option<(Self, &str)> {
        let (service, operation) = target.split_once('.')?;
        let api = match service {
            "SWBExternalService" => Self::SsoAdmin,
            "AWSIdentityStore" => Self::IdentityStore,
            "AWSOrganizationsV20161128" => Self::Organizations,
            "ResourceGroupsTaggingAPI_20170126" => Self::Tagging,
            _ => return None,
        };
        Some((api, operation))
    }
}

/// What a process may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Calls a second of SSO Admin, all operations together. AWS takes 20 a second (Identity Center user guide, "quotas").
    pub sso_admin: f64,
    /// Calls a second of each operation of the identity store. AWS takes 20 of each (the same page).
    pub identity_store: f64,
    /// The part of the rate that is documented for each operation of Organizations (its user guide, "quotas"): more than 0, at most 1.
    pub organizations: f64,
    /// How many calls may follow each other at once after a rest; 1 spaces them evenly.
    pub burst: u32,
}

impl Share {
    /// The share of one of several instances that run at a time.
    pub fn among(self, instances: u32) -> Self {
        let instances = f64::from(instances.max(1));
        Self {
            sso_admin: self.sso_admin / instances,
            identity_store: self.identity_store / instances,
            organizations: self.organizations / instances,
            burst: self.burst,
        }
    }

    /// Calls a second of this operation, and what it is counted together with: nothing, where it has a rate of its own.
    fn rate<'a>(&self, api: Api, operation: &'a str) -> (f64, &'a str) {
        match api {
            Api::SsoAdmin => (self.sso_admin, ""),
            Api::IdentityStore => (self.identity_store, operation),
            Api::Organizations => (self.organizations * documented(operation), operation),
            Api::Tagging => (self.organizations * TAGGING, ""),
        }
    }
}

/// Calls a second of an operation of Organizations by one account.
fn documented(operation: &str) -> f64 {
    match operation {
        "DescribeAccount" => 20.0,
        "ListTagsForResource" => 10.0,
        "ListAccounts" => 8.0,
        "ListChildren" => 6.0,
        "ListAccountsForParent" | "ListOrganizationalUnitsForParent" | "ListParents" => 5.0,
        "DescribeOrganizationalUnit" => 2.0,
        _ => 1.0,
    }
}

/// Calls a second of `GetResources`. Its rate is undocumented; a sweep makes one for each hundred accounts.
const TAGGING: f64 = 5.0;

/// Gives out turns. Whoever is given one makes one call.
pub struct Paces {
    share: Share,
    clock: Arc<dyn Clock>,
    buckets: Mutex<BTreeMap<(Api, String), Bucket>>,
}

impl std::fmt::Debug for Paces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paces").field("share", &self.share).finish_non_exhaustive()
    }
}

impl Paces {
    /// Turns for this share.
    pub fn new(share: Share, clock: Arc<dyn Clock>) -> Self {
        Self { share, clock, buckets: Mutex::default() }
    }

    /// Waits until this call may be made.
    pub async fn turn(&self, api: Api, operation: &str) {
        let wait = self.reserve(api, operation);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    fn reserve(&self, api: Api, operation: &str) -> Duration {
        let (rate, together) = self.share.rate(api, operation);
        let Ok(apart) = Duration::try_from_secs_f64(rate.recip()) else { return Duration::ZERO };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((api, together.to_owned())).or_default();
        bucket.reserve(self.clock.now(), apart, self.share.burst)
    }
}

/// A token bucket, by the time at which it will be full again.
#[derive(Debug, Default)]
struct Bucket {
    full_at: Option<Timestamp>,
    /// When a token was last taken. A clock that shows less has been set back.
    taken_at: Option<Timestamp>,
}

impl Bucket {
    /// Takes a token, and tells how long it takes until it is there.
    fn reserve(&mut self, now: Timestamp, apart: Duration, burst: u32) -> Duration {
        let Ok(token) = SignedDuration::try_from(apart) else { return Duration::ZERO };
        let rest = token.saturating_mul(i32::try_from(burst.saturating_sub(1)).unwrap_or(i32::MAX));
        // However far off: where the share is small, or many wait, that may be long. By a clock that was set back, it is as far as before.
        let set_back = self.taken_at.map_or(SignedDuration::ZERO, |at| at.duration_since(now));
        let full_at = self.full_at.and_then(|at| at.checked_sub(set_back.max(SignedDuration::ZERO)).ok());
        let full_at = full_at.map_or(now, |at| at.max(now));
        (self.full_at, self.taken_at) = (full_at.checked_add(token).ok(), Some(now));
        Duration::try_from(full_at.duration_since(now).saturating_sub(rest)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TokioClock;

    const SHARE: Share = Share { sso_admin: 4.0, identity_store: 5.0, organizations: 0.5, burst: 1 };

    fn paces(share: Share) -> (Paces, Arc<TokioClock>) {
        let clock = Arc::new(TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()));
        (Paces::new(share, clock.clone()), clock)
    }

    /// How long it takes until so many turns were given.
    async fn time_of(turns: usize, paces: &Paces, clock: &TokioClock, api: Api, operation: &str) -> f64 {
        let began = clock.now();
        for _ in 0..turns {
            paces.turn(api, operation).await;
        }
        clock.now().duration_since(began).as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_sso_admin_are_spaced_by_its_rate_whatever_their_operation() {
        let (paces, clock) = paces(SHARE);
        let taken = time_of(5, &paces, &clock, Api::SsoAdmin, "ListPermissionSets").await
            + time_of(4, &paces, &clock, Api::SsoAdmin, "DescribePermissionSet").await;
        assert!((taken - 2.0).abs() < 0.01, "{taken} s");
    }

    #[tokio::test(start_paused = true)]
    async fn each_operation_of_the_others_has_its_own_rate() {
        let (paces, clock) = paces(SHARE);
        for (api, operation, seconds) in [
            (Api::IdentityStore, "GetGroupId", 2.0),
            (Api::IdentityStore, "DescribeGroup", 2.0),
            (Api::Organizations, "ListAccounts", 2.5),
            (Api::Organizations, "DescribeOrganizationalUnit", 10.0),
        ] {
            let taken = time_of(11, &paces, &clock, api, operation).await;
            assert!((taken - seconds).abs() < 0.01, "{operation}: {taken} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_a_burst_goes_at_once_and_no_more_than_that() {
        let (paces, clock) = paces(Share { burst: 3, ..SHARE });
        assert!(time_of(3, &paces, &clock, Api::SsoAdmin, "").await < 0.01);
        assert!((time_of(4, &paces, &clock, Api::SsoAdmin, "").await - 1.0).abs() < 0.01);
        clock.sleep(Duration::from_hours(1)).await;
        assert!(time_of(3, &paces, &clock, Api::SsoAdmin, "").await < 0.01);
        assert!(time_of(1, &paces, &clock, Api::SsoAdmin, "").await > 0.2);
    }

    #[tokio::test(start_paused = true)]
    async fn instances_that_run_at_a_time_keep_to_the_share_together() {
        let (first, clock) = paces(SHARE.among(2));
        let second = Paces::new(SHARE.among(2), clock.clone());
        let taken = tokio::join!(
            time_of(9, &first, &clock, Api::SsoAdmin, ""),
            time_of(9, &second, &clock, Api::SsoAdmin, "")
        );
        assert!((taken.0 - 4.0).abs() < 0.01 && (taken.1 - 4.0).abs() < 0.01, "{taken:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up_for_long() {
        let now: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let mut bucket = Bucket::default();
        let second = Duration::from_secs(1);
        assert_eq!(bucket.reserve(now, second, 1), Duration::ZERO);
        assert_eq!(bucket.reserve(now, second, 1), second);
        let set_back = now - SignedDuration::from_hours(1);
        assert_eq!(bucket.reserve(set_back, second, 1), Duration::from_secs(2), "as if nothing were");
        assert_eq!(bucket.reserve(set_back, second, 1), Duration::from_secs(3));
        assert_eq!(bucket.reserve(set_back + SignedDuration::from_mins(1), second, 1), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_waited_for_however_far_off_it_is() {
        let (alone, clock) = paces(SHARE.among(1000));
        let taken = time_of(2, &alone, &clock, Api::SsoAdmin, "").await;
        assert!((taken - 250.0).abs() < 0.01, "{taken} s");
        // Many that wait at a time are as far off, all together.
        let (shared, clock) = paces(Share { sso_admin: 0.1, ..SHARE });
        let began = clock.now();
        futures::future::join_all((0..31).map(|_| shared.turn(Api::SsoAdmin, ""))).await;
        let taken = clock.now().duration_since(began).as_secs_f64();
        assert!((taken - 300.0).abs() < 0.01, "{taken} s");
    }

    #[test]
    fn a_target_tells_the_service_and_the_operation() {
        let target = "SWBExternalService.ListAccountAssignments";
        assert_eq!(Api::of_target(target), Some((Api::SsoAdmin, "ListAccountAssignments")));
        assert_eq!(Api::of_target("DynamoDB_20120810.GetItem"), None);
        assert_eq!(Api::of_target("nothing"), None);
    }
}
