//! What was found before or after a deployment, as data.

use jiff::Timestamp;
use serde::Serialize;
use shared::domain::{Route, SelfTestId};

use super::{CallTried, Finding};

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeployReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// Whether it can be deployed, or works.
    pub ok: bool,
    pub stage: Stage,
    /// In the order in which one rests on the other.
    pub findings: Vec<Finding>,
    /// The calls that were tried to see whether they are allowed, in their order.
    pub calls: Vec<CallTried>,
    /// The self-tests that were sent, in their order.
    pub self_tests: Vec<SelfTestTold>,
}

/// Whether the service is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Before,
    After,
}

/// A self-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfTestTold {
    pub id: SelfTestId,
    pub route: Route,
    /// Whether it came through.
    pub came: bool,
    /// The hops that were seen, in their order.
    pub hops: Vec<Hop>,
}

/// Where a self-test was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    pub hop: HopName,
    pub at: Timestamp,
    /// Milliseconds since it was sent. What a function writes down is by its clock and not by this machine's.
    pub after_ms: i64,
}

/// Which hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HopName {
    Sent,
    /// EventBridge has answered that it has it.
    Taken,
    /// The function was given it.
    Received,
    /// The function wrote that down.
    Written,
    /// It was read in the ledger.
    ReadBack,
}
