//! Budgets: how much may be created and deleted for one cause and on one day.

use jiff::Timestamp;

use super::Cause;
use crate::domain::{Operation, RulesVersion};

/// A budget's name: what is counted, and for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BudgetKey(String);

impl BudgetKey {
    /// The budget of one cause: an event or a sweep, under one version of the rules.
    pub fn of_cause(operation: Operation, cause: &Cause, rules: &RulesVersion) -> Self {
        Self(format!("{operation}:cause:{}:{}", cause.as_str(), rules.short()))
    }

    /// The budget of one day, UTC.
    pub fn of_day(operation: Operation, now: Timestamp) -> Self {
        Self(format!("{operation}:day:{}", now.strftime("%Y-%m-%d")))
    }

    /// The name as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BudgetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes `amount` from a budget, unless more than `limit` would then be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub budget: BudgetKey,
    pub amount: u32,
    pub limit: u32,
}
