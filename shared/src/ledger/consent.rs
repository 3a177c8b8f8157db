//! What people allow and forbid for one key, and what a budget has held back: fields of its row.

use jiff::Timestamp;

use super::{BudgetKey, HoldScope, Orders, Row};
use crate::domain::{AssignmentKey, ConsentId, Operation, RulesVersion};

/// How much of a name is kept, in characters.
const NAME: usize = 64;

/// How much of a reason is kept, in characters.
const REASON: usize = 200;

/// Lets one operation on one key through the budgets without a charge, once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Approval {
    /// The record of it.
    pub id: ConsentId,
    pub operation: Operation,
    /// The rules under which it was seen to be withheld. Under others it is worth nothing.
    pub rules: RulesVersion,
    /// Who gave it: not for logs.
    pub by: String,
    pub at: Timestamp,
    /// It is worth nothing from this moment on.
    pub expires_at: Timestamp,
}

impl Approval {
    /// Whether it lets this operation through, decided now under these rules.
    pub fn covers(&self, operation: Operation, rules: &RulesVersion, now: Timestamp) -> bool {
        self.operation == operation && self.rules == *rules && now < self.expires_at
    }
}

/// Nothing is written for the key until somebody releases it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hold {
    pub by: HeldBy,
    pub at: Timestamp,
    pub reason: String,
}

/// Who or what has put a key on hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", content = "name")]
pub enum HeldBy {
    /// The name is not for logs.
    Person(String),
    /// It was ours, and somebody deleted it by hand: they may have had a reason.
    DeletedByHand,
}

/// A delete that a budget held back. It waits until it is approved or the key is wanted again, whatever room the budget has
/// the next day: a mistake that nobody notices must not go on day by day.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OverBudget {
    pub since: Timestamp,
    pub budget: BudgetKey,
}

/// Why nothing is written for a key: what was put on hold, or how. No name of a person is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    Key,
    DeletedByHand,
    Account,
    Principal,
}

/// Why a key is on hold, if it is: by itself, or by its account or principal.
pub fn held(key: &AssignmentKey, row: Option<&Row>, orders: &Orders) -> Option<Held> {
    let by_itself = row.and_then(|row| row.hold.as_ref()).map(|hold| match hold.by {
        HeldBy::Person(_) => Held::Key,
        HeldBy::DeletedByHand => Held::DeletedByHand,
    });
    by_itself.or_else(|| {
        orders.hold_on(key).map(|(scope, _)| match scope {
            HoldScope::Account(_) => Held::Account,
            HoldScope::Principal(_) => Held::Principal,
        })
    })
}

/// A person's name as it is kept: one line, of a bounded length.
pub fn name(text: &str) -> String {
    line(text, NAME)
}

/// A reason as it is kept: one line, of a bounded length.
pub fn reason(text: &str) -> String {
    line(text, REASON)
}

fn line(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim().chars().take(most).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_reasons_are_one_line_of_a_bounded_length() {
        assert_eq!(name("  Alba\n"), "Alba");
        assert_eq!(name("a\u{1b}[31mb"), "a [31mb");
        assert_eq!(name(&"ä".repeat(100)).chars().count(), NAME);
        assert_eq!(reason(&format!("{} x", "y".repeat(REASON - 1))), "y".repeat(REASON - 1));
    }

    #[test]
    fn an_approval_covers_its_operation_under_its_rules_until_it_expires() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let rules = |digit: &str| -> RulesVersion { digit.repeat(64).parse().unwrap() };
        let approval = Approval {
            id: "0123456789abcdef".parse().unwrap(),
            operation: Operation::Revoke,
            rules: rules("a"),
            by: "Alba".to_owned(),
            at: at(0),
            expires_at: at(60),
        };
        assert!(approval.covers(Operation::Revoke, &rules("a"), at(59)));
        assert!(!approval.covers(Operation::Revoke, &rules("a"), at(60)));
        assert!(!approval.covers(Operation::Revoke, &rules("b"), at(1)));
        assert!(!approval.covers(Operation::Grant, &rules("a"), at(1)));
    }
}
