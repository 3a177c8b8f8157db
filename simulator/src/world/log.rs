//! What happened, for tests and the demonstration to look at. Not an AWS operation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Service, World};
use crate::{ApiError, Caller};

/// One call.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LogEntry {
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub caller: Caller,
    /// The service.
    pub service: Service,
    /// The operation's name.
    pub operation: &'static str,
    /// The call's id; that of the assignment request too, if it started one.
    pub request_id: Uuid,
    /// Its input as JSON. It can hold names of people: don't print it.
    pub parameters: Value,
    /// The code of the error that it met; `None` when it was done.
    pub error: Option<String>,
    /// Whether it was done, or refused, and the caller never heard of it.
    pub answer_lost: bool,
}

/// Which limit a call met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// The requests a second.
    Rate,
    /// The requests under way at a time.
    Window,
}

impl Throttle {
    /// The limit that an answer tells of, if it does.
    pub(crate) fn of(error: &ApiError) -> Option<Self> {
        match error.code {
            "ThrottlingException" if error.message == ApiError::window_full().message => Some(Self::Window),
            "ThrottlingException" | "TooManyRequestsException" | "ThrottledException" => Some(Self::Rate),
            _ => None,
        }
    }
}

/// What the counters say. Operations are named `service:Operation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Calls by operation, whether they were done, refused or not understood.
    pub calls: BTreeMap<String, u64>,
    /// Calls that were refused for their number, by operation: the rate and the window.
    pub throttles: BTreeMap<String, u64>,
    /// The same by the limit that was met.
    pub throttles_by_limit: BTreeMap<Throttle, u64>,
    /// Calls that were refused for any reason, by operation.
    pub refused: BTreeMap<String, u64>,
    /// Calls that ended in an error, by its code.
    pub errors: BTreeMap<String, u64>,
    /// The largest number of assignment requests under way at one time.
    pub most_outstanding: usize,
}

/// The calls and their counters.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) counters: Counters,
    /// The id of the latest call.
    pub(crate) latest: Option<Uuid>,
    /// How many of the latest calls are kept at least; all if absent.
    pub(crate) most: Option<usize>,
}

/// What counters call an operation.
fn name(service: Service, operation: &str) -> String {
    let service = match service {
        Service::Organizations => "organizations",
        Service::IdentityStore => "identitystore",
        Service::SsoAdmin => "sso-admin",
        Service::Tagging => "resourcegroupstaggingapi",
    };
    format!("{service}:{operation}")
}

impl World {
    /// Counts a call that was not understood. It is no more than that: whether AWS counts it to a rate is undocumented, and it can't meet
    /// a fault or become an event.
    pub(crate) fn count_malformed(&mut self, service: Service, operation: &str, error: &ApiError) {
        self.log.count(service, operation, Some(error.code));
    }
}

impl Log {
    fn count(&mut self, service: Service, operation: &str, error: Option<&str>) {
        let name = name(service, operation);
        if let Some(error) = error {
            *self.counters.refused.entry(name.clone()).or_default() += 1;
            *self.counters.errors.entry(error.to_owned()).or_default() += 1;
        }
        *self.counters.calls.entry(name).or_default() += 1;
    }

    pub(crate) fn record(&mut self, entry: LogEntry, throttle: Option<Throttle>) {
        if let Some(throttle) = throttle {
            *self.counters.throttles.entry(name(entry.service, entry.operation)).or_default() += 1;
            *self.counters.throttles_by_limit.entry(throttle).or_default() += 1;
        }
        self.count(entry.service, entry.operation, entry.error.as_deref());
        self.latest = Some(entry.request_id);
        self.entries.push(entry);
        // Half of them at a time, so that the rest is not moved for each.
        if let Some(most) = self.most
            && self.entries.len() >= most.saturating_mul(2).max(1)
        {
            self.entries.drain(..self.entries.len() - most);
        }
    }
}
