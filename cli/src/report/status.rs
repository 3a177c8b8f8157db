//! What the ledger holds, as data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AccountId, InstanceArn, Operation, RulesVersion},
    ledger::{Doubt, Frozen},
};

use super::{PermissionSetName, PrincipalName, RuleName};

/// The ledger as it is. Lists are ordered: what waits longest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// Where it is, as `--ledger` says it.
    pub ledger: String,
    /// When it was read.
    pub at: Timestamp,
    /// The Identity Center instance that it belongs to; null before anything was decided.
    pub instance: Option<InstanceArn>,
    /// Null where none were ever brought into force.
    pub rules: Option<RulesStatus>,
    /// The red button; null if it is not pressed.
    pub paused: Option<OrderStatus>,
    /// The ledger may not be whole; null if nothing says so.
    pub frozen: Option<FrozenStatus>,
    /// Accounts and principals on hold.
    pub holds: Vec<HoldStatus>,
    /// Assignments on hold by themselves: by a person, or since somebody deleted them by hand.
    pub held: Vec<RowStatus>,
    /// Deletes that a budget has held back.
    pub over_budget: Vec<RowStatus>,
    /// Approvals that were not made use of yet.
    pub approved: Vec<RowStatus>,
    /// How many rows are in each state; every state is named.
    pub counts: BTreeMap<&'static str, usize>,
    /// Decided and not finished.
    pub under_way: Vec<WorkStatus>,
    /// Refused by AWS.
    pub blocked: Vec<BlockedStatus>,
    /// Perhaps ours.
    pub uncertain: Vec<RowStatus>,
    /// Ours, in accounts that are not active.
    pub dormant: Vec<RowStatus>,
    /// Declared permission sets that are being made or edited, or are not as they are declared; ordered by name.
    pub permission_sets: Vec<SetStatus>,
    /// What today's budgets have been charged.
    pub spent_today: SpentToday,
}

/// What is not done until somebody has confirmed the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrozenStatus {
    pub since: Timestamp,
    /// `revokes` or `everything`.
    pub stops: Frozen,
    pub doubt: Doubt,
}

/// What a person has ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderStatus {
    pub by: String,
    pub since: Timestamp,
    pub reason: String,
}

/// An account or a principal on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldStatus {
    /// `account:<id>`, `group:<id>` or `user:<id>`.
    pub what: String,
    /// The principal's name, as far as it is remembered.
    pub name: Option<String>,
    #[serde(flatten)]
    pub order: OrderStatus,
}

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulesStatus {
    pub version: RulesVersion,
    pub since: Timestamp,
    pub count: usize,
}

/// What every row tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowStatus {
    pub account: AccountId,
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    pub rules: Vec<RuleName>,
    /// `pending`, `sending`, `closing`, `uncertain`, `blocked` or `dormant`.
    pub state: &'static str,
    /// When it came into this state.
    pub since: Timestamp,
    /// Why it was last decided: `event:<id>`, `sweep:<id>`, `command:<id>`.
    pub cause: String,
    /// Why it is so, or what went wrong last.
    pub why: Option<String>,
}

/// A row with work in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkStatus {
    #[serde(flatten)]
    pub row: RowStatus,
    pub operation: Operation,
    /// When its facts were read last.
    pub decided_at: Timestamp,
    /// When the request was, or may have been, sent; null before.
    pub sent_at: Option<Timestamp>,
    /// AWS's id of the request, once it has answered.
    pub request: Option<String>,
    /// Not sent before; null if at once.
    pub not_before: Option<Timestamp>,
    pub attempts: u32,
}

/// A row that AWS has refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockedStatus {
    #[serde(flatten)]
    pub row: RowStatus,
    pub operation: Operation,
    /// When it is tried again at the latest: sooner when its rule or its account changes.
    pub retry_at: Timestamp,
}

/// A declared permission set that is not as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetStatus {
    pub name: String,
    /// `begun`, `failed`, or why it is withheld: `withheld.kind` of a plan's JSON.
    pub state: String,
    pub since: Timestamp,
    /// What AWS has said, or why it is left so; null where nothing is in the way.
    pub why: Option<String>,
}

/// The day's budgets, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SpentToday {
    pub grants: u32,
    pub revokes: u32,
}
