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

    /// The budget of the orphans of one day, UTC.
    pub fn of_orphans(now: Timestamp) -> Self {
        Self(format!("orphans:day:{}", now.strftime("%Y-%m-%d")))
    }

    /// The name as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it bounds, as people read it: `what one cause may revoke` or `what may be revoked on 2026-11-24`.
    pub fn in_words(&self) -> String {
        let (operation, rest) = self.0.split_once(':').unwrap_or((&self.0, ""));
        match rest.split_once(':') {
            Some(("day", day)) if operation == "orphans" => {
                format!("what of orphans may be revoked on {day}")
            }
            Some(("day", day)) => {
                let done = if operation == "revoke" { "revoked" } else { "granted" };
                format!("what may be {done} on {day}")
            }
            Some(_) | None => format!("what one cause may {operation}"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_says_in_words_what_it_bounds() {
        let (cause, rules) = (Cause::new("event", "day:1"), "0".repeat(64).parse().unwrap());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let words = |key: BudgetKey| key.in_words();
        assert_eq!(
            words(BudgetKey::of_cause(Operation::Revoke, &cause, &rules)),
            "what one cause may revoke"
        );
        assert_eq!(words(BudgetKey::of_cause(Operation::Grant, &cause, &rules)), "what one cause may grant");
        assert_eq!(words(BudgetKey::of_day(Operation::Revoke, now)), "what may be revoked on 2027-01-15");
        assert_eq!(words(BudgetKey::of_day(Operation::Grant, now)), "what may be granted on 2027-01-15");
        assert_eq!(words(BudgetKey::of_orphans(now)), "what of orphans may be revoked on 2027-01-15");
    }
}
