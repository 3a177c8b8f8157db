//! The ledger's epoch: a number that grows while the ledger is used and is kept in a second place too, so that a ledger that was restored,
//! wiped or exchanged is noticed before anything is taken away by what it says.

use jiff::Timestamp;

use super::Orders;
use crate::domain::{Operation, RulesVersion};

/// How often a ledger was seen at work, and which ledger it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Epoch {
    pub number: u64,
    /// When the first was begun: two ledgers have the same number by chance, and not the same beginning.
    pub begun: Timestamp,
}

impl Epoch {
    /// The first of a ledger.
    pub fn first(now: Timestamp) -> Self {
        Self { number: 1, begun: now }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self { number: self.number.saturating_add(1), begun: self.begun }
    }
}

/// What a second place says of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Testimony {
    pub epoch: Epoch,
    /// The rules that were in force.
    pub rules: Option<RulesVersion>,
    /// The version of the orders that stood.
    pub orders: u64,
    pub at: Timestamp,
}

/// How the ledger compares with what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Neither has an epoch: the ledger is new.
    New,
    /// The ledger is the one that is told of, and as far.
    Same,
    /// It is the one that is told of, and has just gone one further: whoever did that has not yet said so.
    Ahead,
    Differs(Doubt),
}

/// Why the ledger may not be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It is empty, or an earlier state of the one that is told of.
    Behind,
    /// It is another one.
    Other,
    /// Nothing is told of it any more.
    Untold,
    /// It is being imported, or that broke off.
    Importing,
    /// It was imported, and nobody has said since that the copy is the newest: what is Usher's by an older one may be others' by now.
    Imported,
    /// It was exported to be used elsewhere: two at once would undo each other's work.
    Moved,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Behind => {
                "it is older than what is kept beside it tells: it was wiped, or restored from a backup"
            }
            Self::Other => "it is another one than what is kept beside it tells of",
            Self::Untold => "what was kept beside it, in the second place, is gone",
            Self::Importing => "an import into it is under way, or broke off",
            Self::Imported => "it was imported, and the copy may be older than what was done since",
            Self::Moved => "it was exported to be used elsewhere",
        })
    }
}

/// Compares the ledger's epoch with what is told of it.
pub fn compared(ledger: Option<Epoch>, told: Option<&Testimony>) -> Compared {
    match (ledger, told.map(|told| told.epoch)) {
        (None, None) => Compared::New,
        (None, Some(_)) => Compared::Differs(Doubt::Behind),
        (Some(epoch), None) if epoch.number == 1 => Compared::Ahead,
        (Some(_), None) => Compared::Differs(Doubt::Untold),
        (Some(epoch), Some(told)) if epoch.begun != told.begun => Compared::Differs(Doubt::Other),
        (Some(epoch), Some(told)) if epoch.number == told.number => Compared::Same,
        (Some(epoch), Some(told)) if epoch == told.next() => Compared::Ahead,
        (Some(epoch), Some(told)) if epoch.number < told.number => Compared::Differs(Doubt::Behind),
        (Some(_), Some(_)) => Compared::Differs(Doubt::Other),
    }
}

/// Since the ledger may not be whole, this is not done until a person has confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Freeze {
    pub at: Timestamp,
    pub stops: Frozen,
    pub doubt: Doubt,
}

/// What a freeze stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frozen {
    /// Nothing is taken away. The rules and orders are those that were told of, so what they grant may go on.
    Revokes,
    /// Nothing is sent at all: other rules, or other orders, stood before.
    Everything,
}

impl Freeze {
    /// What is to be frozen of a ledger that differs: it says that these rules are in force and orders of this version stand.
    pub fn of(
        doubt: Doubt,
        (rules, orders): (Option<&RulesVersion>, u64),
        told: Option<&Testimony>,
        now: Timestamp,
    ) -> Self {
        let as_told = told.is_some_and(|told| told.rules.as_ref() == rules && told.orders == orders);
        let stops = if as_told { Frozen::Revokes } else { Frozen::Everything };
        Self { at: now, stops, doubt }
    }

    /// Nothing at all, since it is under doubt by what was done with it.
    pub fn whole(doubt: Doubt, now: Timestamp) -> Self {
        Self { at: now, stops: Frozen::Everything, doubt }
    }

    /// Whether it stops this.
    pub fn stops(&self, operation: Operation) -> bool {
        match self.stops {
            Frozen::Everything => true,
            Frozen::Revokes => operation == Operation::Revoke,
        }
    }
}

impl Orders {
    /// Whether nothing like this may be sent: Usher is paused, or waits for somebody to confirm its ledger.
    pub fn stop(&self, operation: Operation) -> bool {
        self.pause.is_some() || self.freeze.as_ref().is_some_and(|freeze| freeze.stops(operation))
    }

    /// Whether nothing at all may be sent.
    pub fn stop_everything(&self) -> bool {
        self.stop(Operation::Grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn epoch(number: u64) -> Epoch {
        Epoch { number, begun: at(0) }
    }

    fn told(number: u64) -> Testimony {
        Testimony { epoch: epoch(number), rules: Some("a".repeat(64).parse().unwrap()), orders: 3, at: at(9) }
    }

    #[test]
    fn a_ledger_is_held_against_what_is_told_of_it() {
        let of =
            |ledger: Option<u64>, beside: Option<u64>| compared(ledger.map(epoch), beside.map(told).as_ref());
        assert_eq!(of(None, None), Compared::New);
        assert_eq!(of(Some(7), Some(7)), Compared::Same);
        assert_eq!(of(Some(8), Some(7)), Compared::Ahead, "it broke off between the two");
        assert_eq!(of(Some(1), None), Compared::Ahead, "it broke off between the first two");
        assert_eq!(of(None, Some(7)), Compared::Differs(Doubt::Behind), "wiped");
        assert_eq!(of(Some(6), Some(7)), Compared::Differs(Doubt::Behind), "restored");
        assert_eq!(of(Some(9), Some(7)), Compared::Differs(Doubt::Other));
        assert_eq!(of(Some(7), None), Compared::Differs(Doubt::Untold));
        let other = Epoch { begun: at(1), ..epoch(7) };
        assert_eq!(compared(Some(other), Some(&told(7))), Compared::Differs(Doubt::Other));
    }

    #[test]
    fn grants_go_on_only_under_the_rules_and_orders_that_were_told_of() {
        let same: RulesVersion = "a".repeat(64).parse().unwrap();
        let older: RulesVersion = "b".repeat(64).parse().unwrap();
        let of = |rules: Option<&RulesVersion>, orders| {
            Freeze::of(Doubt::Behind, (rules, orders), Some(&told(7)), at(10)).stops
        };
        assert_eq!(of(Some(&same), 3), Frozen::Revokes);
        for (rules, orders) in [(Some(&older), 3), (None, 3), (Some(&same), 2)] {
            assert_eq!(of(rules, orders), Frozen::Everything);
        }
        assert_eq!(Freeze::of(Doubt::Untold, (Some(&same), 3), None, at(10)).stops, Frozen::Everything);
    }

    #[test]
    fn a_freeze_stops_what_it_says() {
        let frozen = |stops| Orders {
            freeze: Some(Freeze { at: at(0), stops, doubt: Doubt::Behind }),
            ..Orders::default()
        };
        let revokes = frozen(Frozen::Revokes);
        assert!(revokes.stop(Operation::Revoke) && !revokes.stop(Operation::Grant));
        assert!(!revokes.stop_everything() && frozen(Frozen::Everything).stop_everything());
        assert!(!Orders::default().stop(Operation::Revoke));
    }
}
