//! What a probe has measured, as data.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use shared::domain::{AccountId, AssignmentKey, InstanceArn};

/// Everything that was measured, what is left, and the settings that follow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    pub at: Timestamp,
    pub instance: InstanceArn,
    pub account: AccountId,
    pub measured: Measured,
    /// It was broken off: what is measured is what there was time for.
    pub interrupted: bool,
    /// What could not be taken away, and why.
    pub left: Vec<Left>,
    /// Settings that follow, those that stay included.
    pub settings: Vec<SettingFound>,
}

/// What was measured; null is what nobody asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Measured {
    pub provisioning_time: Option<Found<ProvisioningTime>>,
    pub list_lag: Option<Found<ListLag>>,
    pub status_lists: Option<Found<StatusLists>>,
    pub window: Option<Found<Window>>,
    pub burst: Option<Found<Burst>>,
    pub status_lifetime: Option<Found<StatusLifetime>>,
}

/// One answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found<T> {
    Measured(T),
    NotMeasured { why: String },
}

impl<T> Found<T> {
    /// What was measured, if it was.
    pub fn measured(&self) -> Option<&T> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::NotMeasured { .. } => None,
        }
    }
}

/// A length of time, written in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

/// Several measurements of one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Times {
    pub count: usize,
    pub shortest: Seconds,
    pub median: Seconds,
    pub longest: Seconds,
}

impl Times {
    /// Of these; `None` if there are none.
    pub fn of(times: &[Duration]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        Some(Self {
            count: sorted.len(),
            shortest: Seconds(*sorted.first()?),
            median: Seconds(*sorted.get((sorted.len() - 1) / 2)?),
            longest: Seconds(*sorted.last()?),
        })
    }
}

/// From the answer that a request is accepted to the first look that finds it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvisioningTime {
    pub creates: Option<Times>,
    pub deletes: Option<Times>,
    /// How far apart the looks were at most: a time is at most that much shorter.
    pub looked_every: Seconds,
    /// Requests that failed, did not end, or could not be followed.
    pub troubles: Vec<String>,
}

/// From the end of a request to the first look at a list that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListLag {
    /// `ListAccountAssignments`
    pub by_account: Lags,
    /// `ListAccountAssignmentsForPrincipal`
    pub by_principal: Lags,
    /// How far apart the looks were at most.
    pub looked_every: Seconds,
}

/// How late one list is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lags {
    /// Until it showed what was made.
    pub shown: Option<Times>,
    /// Until it no longer showed what was taken away.
    pub gone: Option<Times>,
    /// How often it showed neither for as long as was looked.
    pub not_within: usize,
    /// Why it could not be asked.
    pub refused: Option<String>,
}

/// The lists of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLists {
    pub order: ListOrder,
    /// How many records were compared.
    pub compared: usize,
    /// From the answer that a request is accepted to the first look at the lists that shows it.
    pub shown: Option<Times>,
    pub not_within: usize,
}

/// How a list of requests is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    NewestFirst,
    OldestFirst,
    /// Neither of the two.
    Unordered,
    /// There were too few records to tell.
    TooFew,
}

/// Requests under way at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// How many of the probe's were accepted at once.
    pub accepted: usize,
    /// Of them, how many are known to have been under way still when one more was refused, or when the last was accepted.
    pub under_way: usize,
    /// How many more were refused because the window was full.
    pub refused: usize,
    /// AWS's words for it.
    pub refusal: Option<String>,
    /// Requests of others that were under way then.
    pub of_others: usize,
    /// Whether requests that take away count too; `None` where that could not be told.
    pub deletes_count: Option<bool>,
    /// Why not.
    pub deletes_why: Option<String>,
}

impl Window {
    /// How many can be under way at once, where that was found.
    pub fn size(&self) -> Option<usize> {
        (self.refused > 0 && self.under_way == self.accepted && self.of_others == 0).then_some(self.accepted)
    }
}

/// Calls at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Burst {
    /// Calls that would take something away and are refused, since there is no such permission set.
    pub writes: Found<Volley>,
    /// Calls that list.
    pub reads: Found<Volley>,
    /// Calls a second once the burst is used up; `None` where that was not found.
    pub a_second: Option<f64>,
}

/// Calls that were made at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volley {
    pub calls: usize,
    /// Those that were throttled.
    pub throttled: usize,
    /// Those without a usable answer.
    pub lost: usize,
    /// From the first call to the last answer.
    pub took: Seconds,
    /// AWS's words where it throttled.
    pub refusal: Option<String>,
}

impl Volley {
    /// How many calls were let through.
    pub fn answered(&self) -> usize {
        self.calls.saturating_sub(self.throttled).saturating_sub(self.lost)
    }
}

/// How long AWS knows requests that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLifetime {
    pub create: Option<Lifetime>,
    pub delete: Option<Lifetime>,
}

/// Of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifetime {
    pub request: String,
    /// How long after its end AWS still knew it.
    pub known_for: Seconds,
    /// How long after its end AWS did not know it any more; null if it always did.
    pub gone_after: Option<Seconds>,
}

/// What came of cleaning up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanUpReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// What could not be taken away, and why.
    pub left: Vec<Left>,
}

/// What could not be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub key: AssignmentKey,
    pub why: String,
}

/// A setting, and what was measured of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingFound {
    pub variable: &'static str,
    /// The value that follows; null where the default stays.
    pub value: Option<String>,
    pub default: String,
    pub because: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_their_ends_and_their_middle() {
        let of = |seconds: &[u64]| {
            let times: Vec<_> = seconds.iter().map(|seconds| Duration::from_secs(*seconds)).collect();
            Times::of(&times).map(|times| (times.count, times.shortest.0, times.median.0, times.longest.0))
        };
        let seconds = Duration::from_secs;
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3]), Some((1, seconds(3), seconds(3), seconds(3))));
        assert_eq!(of(&[9, 1, 4]), Some((3, seconds(1), seconds(4), seconds(9))));
        assert_eq!(of(&[9, 1, 4, 5]), Some((4, seconds(1), seconds(4), seconds(9))));
    }
}
