//! What `apply` has done, as data.

use serde::Serialize;
use shared::domain::{AccountId, Operation};

use super::{PermissionSetName, PlanReport, PrincipalName, RuleName, SetOutcome};

/// What was planned, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplyReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// The plan as it was before anything was done.
    pub plan: PlanReport,
    pub summary: ApplySummary,
    /// Every permission set that was to be made, edited, taken over or deleted, in the order in which that was done.
    pub permission_sets: Vec<SetOutcome>,
    /// Every assignment that was to be changed, by account and key.
    pub outcomes: Vec<KeyOutcome>,
    /// Accounts for which nothing could be written down, and why.
    pub undecided: Vec<super::Unread>,
}

impl ApplyReport {
    /// Whether everything that was to be done is done.
    pub fn is_good(&self) -> bool {
        let Self { format: _, plan, summary, permission_sets, outcomes: _, undecided: _ } = self;
        summary.is_good() && !plan.summary.is_incomplete() && permission_sets.iter().all(SetOutcome::is_good)
    }
}

/// The run in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApplySummary {
    pub granted: usize,
    pub revoked: usize,
    /// AWS refused for good.
    pub blocked: usize,
    /// It cannot be said whose they are.
    pub uncertain: usize,
    /// No longer to be done: somebody else made the assignment, or the facts changed.
    pub given_up: usize,
    /// Not finished; the next run takes it up.
    pub left: usize,
    /// They wait for declared permission sets that were not made or edited.
    pub awaiting: usize,
    /// Accounts for which nothing could be written down.
    pub undecided: usize,
}

impl ApplySummary {
    /// Whether everything that was to be done is done.
    pub fn is_good(&self) -> bool {
        let Self { granted: _, revoked: _, given_up: _, blocked, uncertain, left, awaiting, undecided } =
            self;
        blocked + uncertain + left + awaiting + undecided == 0
    }
}

/// What has become of one assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyOutcome {
    pub account: AccountId,
    pub account_name: Option<String>,
    pub operation: Operation,
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    pub rules: Vec<RuleName>,
    pub outcome: Outcome,
    /// AWS's reason, or ours, where it did not go as planned.
    pub why: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Granted,
    Revoked,
    Blocked,
    Uncertain,
    GivenUp,
    Left,
    Awaiting,
}
