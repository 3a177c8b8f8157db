//! Standing orders: what people have stopped that is not about one key. One small item of the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Freeze;
use crate::domain::{AccountId, AssignmentKey, InvalidId, Principal};

/// How many accounts and principals may be on hold at once. The orders are one item, read at every tick of the engine.
pub const MOST_HOLDS: usize = 200;

/// An order that a person gave.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Who gave it: not for logs.
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

/// What an order holds: everything in an account, or everything of a principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HoldScope {
    Account(AccountId),
    Principal(Principal),
}

/// `account:<id>`, `group:<id>` or `user:<id>`.
impl std::fmt::Display for HoldScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Principal(principal) => write!(f, "{principal}"),
        }
    }
}

impl std::str::FromStr for HoldScope {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("account", id)) => id.parse().map(Self::Account),
            Some(_) | None => text.parse().map(Self::Principal).map_err(|_: InvalidId| InvalidId {
                text: text.chars().take(120).collect(),
                expected: "an account or a principal, such as account:<id>, group:<id> or user:<id>",
            }),
        }
    }
}

impl TryFrom<String> for HoldScope {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HoldScope> for String {
    fn from(scope: HoldScope) -> Self {
        scope.to_string()
    }
}

/// All orders that stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Orders {
    /// Counts the changes; 0 before the first. An engine claims work only under the orders that it has read.
    #[serde(default, skip_serializing)]
    pub version: u64,
    /// The red button: nothing at all is sent.
    pub pause: Option<Order>,
    pub holds: BTreeMap<HoldScope, Order>,
    /// The ledger may not be whole: what is not done until somebody has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
}

/// There is no room for another hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{MOST_HOLDS} accounts and principals are on hold, which is the most there can be: `usher release` some, or `usher pause`"
)]
pub struct TooManyHolds;

impl Orders {
    /// The order that holds this key's account or principal, if there is one.
    pub fn hold_on(&self, key: &AssignmentKey) -> Option<(&HoldScope, &Order)> {
        self.holds
            .get_key_value(&HoldScope::Account(key.account.clone()))
            .or_else(|| self.holds.get_key_value(&HoldScope::Principal(key.principal.clone())))
    }

    /// The same orders with one more hold. One that stands already stays as it was given.
    pub fn with_hold(mut self, scope: HoldScope, order: Order) -> Result<Self, TooManyHolds> {
        if !self.holds.contains_key(&scope) && self.holds.len() >= MOST_HOLDS {
            return Err(TooManyHolds);
        }
        self.holds.entry(scope).or_insert(order);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            by: "x".repeat(64),
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            reason: "\u{10348}".repeat(200),
        }
    }

    fn scope(number: usize) -> HoldScope {
        format!("account:{number:012}").parse().unwrap()
    }

    #[test]
    fn what_is_on_hold_is_read_back_from_its_text() {
        for text in ["account:111122223333", "group:f10fac16-ab5b-45c3-86c1-0123456789ab"] {
            let scope: HoldScope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
        }
        for text in ["", "account:1", "111122223333", "ou:ou-ab12-cdefgh34", "group:", "account"] {
            assert!(text.parse::<HoldScope>().is_err(), "{text}");
        }
    }

    #[test]
    fn holds_are_bounded_and_all_of_them_fit_into_one_item() {
        let full =
            (0..MOST_HOLDS).try_fold(Orders::default(), |orders, n| orders.with_hold(scope(n), order()));
        let full = full.unwrap();
        // DynamoDB takes 400 KB.
        assert!(serde_json::to_string(&full).unwrap().len() < 300_000);
        assert_eq!(full.clone().with_hold(scope(MOST_HOLDS), order()), Err(TooManyHolds));
        let later = Order { reason: "later".to_owned(), ..order() };
        assert_eq!(full.clone().with_hold(scope(3), later), Ok(full), "a hold that stands stays as it is");
    }

    #[test]
    fn orders_come_back_as_they_were_given_but_for_their_version() {
        let orders =
            Orders { version: 7, pause: Some(order()), holds: [(scope(1), order())].into(), freeze: None };
        let text = serde_json::to_string(&orders).unwrap();
        assert_eq!(serde_json::from_str::<Orders>(&text).unwrap(), Orders { version: 0, ..orders });
        for damaged in ["{}", "[]", "null"] {
            assert!(
                serde_json::from_str::<Orders>(damaged).is_err(),
                "{damaged} is not the same as no orders"
            );
        }
    }
}
