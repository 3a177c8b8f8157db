//! A sweep's round: one look at everything, which may take several runs. The ledger keeps where it stands.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AccountId, Principal, RulesVersion};

/// How long whoever was refused the turn is waited for. Both are to be scheduled every 15 minutes: one lost run of theirs is no matter.
const WAITED_FOR: SignedDuration = SignedDuration::from_mins(40);

/// Those that read everything, and take turns at one share of AWS's rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    Sweep,
    Audit,
}

impl Worker {
    pub fn other(self) -> Self {
        match self {
            Self::Sweep => Self::Audit,
            Self::Audit => Self::Sweep,
        }
    }
}

/// Where a round stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Round {
    /// The version that this was read with; 0 for a first one that must not exist yet.
    #[serde(skip)]
    pub version: u64,
    /// When it began. What was read before is not believed in it.
    pub began: Timestamp,
    /// When it was last worked at.
    pub worked_at: Timestamp,
    /// Until when nobody else may work at it.
    pub taken_until: Option<Timestamp>,
    /// When a run of the sweep last took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swept_at: Option<Timestamp>,
    /// When a run of the audit last took it. It works at nothing of the round: it only keeps the sweep from reading beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited_at: Option<Timestamp>,
    /// The rules that it looks by.
    pub rules: RulesVersion,
    pub leg: Leg,
    /// Accounts looked at, and what was found.
    pub tally: Tally,
}

/// The part of a round that is under way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// Asking by principal, in order.
    Principals {
        /// The last one that is done with.
        after: Option<Principal>,
        /// Those that no answer was given for: the accounts that they matter to are asked in the next leg.
        silent: BTreeSet<Principal>,
    },
    /// Asking by account, in order.
    Accounts {
        /// The last one that is done with.
        after: Option<AccountId>,
        /// Only accounts that one of these matters to; every account, where nothing is said.
        of: Option<BTreeSet<Principal>>,
    },
    /// It is over.
    Ended,
}

/// Where the leg's next page begins.
impl std::fmt::Display for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Principals { after: Some(after), silent: _ } => write!(f, "{after}"),
            Self::Principals { after: None, silent: _ } => f.write_str("principals"),
            Self::Accounts { after: Some(after), of: _ } => write!(f, "{after}"),
            Self::Accounts { after: None, of: _ } => f.write_str("accounts"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// What a round has found so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Hints that were sent.
    pub differing: usize,
    /// Keys withheld.
    pub withheld: usize,
}

impl Round {
    /// A round that begins now, in the place of the one with this version.
    pub fn begin(version: u64, now: Timestamp, rules: RulesVersion) -> Self {
        Self {
            version,
            began: now,
            worked_at: now,
            taken_until: None,
            swept_at: None,
            audited_at: None,
            rules,
            leg: Leg::Principals { after: None, silent: BTreeSet::new() },
            tally: Tally::default(),
        }
    }

    /// Whether it has looked at everything.
    pub fn is_over(&self) -> bool {
        self.leg == Leg::Ended
    }

    /// Whether a run is to go on with it, rather than to begin another: by the same rules, and before it has rested too long.
    pub fn goes_on(&self, now: Timestamp, rules: &RulesVersion, patience: SignedDuration) -> bool {
        !self.is_over() && self.rules == *rules && now.duration_since(self.worked_at) <= patience
    }

    /// Whether somebody is working at it.
    pub fn is_taken(&self, now: Timestamp) -> bool {
        self.taken_until.is_some_and(|until| until > now)
    }

    /// The same round, taken by this one until then.
    #[must_use = "the round that is taken is another value"]
    pub fn taken(self, by: Worker, now: Timestamp, until: Timestamp) -> Self {
        let taken = Self { taken_until: Some(until), ..self };
        match by {
            Worker::Sweep => Self { swept_at: Some(now), ..taken },
            Worker::Audit => Self { audited_at: Some(now), ..taken },
        }
    }

    /// Whether the other one is to have it first: it is at work, or was refused since its own last turn, which is longer ago than `one`'s.
    pub fn is_the_others(&self, one: Worker, now: Timestamp, other_waits_since: Option<Timestamp>) -> bool {
        let (mine, theirs) = (self.last_turn(one), self.last_turn(one.other()));
        if self.is_taken(now) {
            return theirs > mine;
        }
        mine > theirs && other_waits_since.is_some_and(|at| Some(at) > theirs && at + WAITED_FOR > now)
    }

    fn last_turn(&self, of: Worker) -> Option<Timestamp> {
        match of {
            Worker::Sweep => self.swept_at,
            Worker::Audit => self.audited_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn free() -> Round {
        Round::begin(0, at(0), "a".repeat(64).parse().unwrap())
    }

    fn ended(round: Round) -> Round {
        Round { taken_until: None, ..round }
    }

    #[test]
    fn who_has_had_the_last_turn_gives_way_to_whoever_waits() {
        use Worker::{Audit, Sweep};
        let swept = ended(free().taken(Sweep, at(0), at(5)));
        assert!(!swept.is_the_others(Sweep, at(15), None));
        assert!(swept.is_the_others(Sweep, at(15), Some(at(3))));
        assert!(!swept.is_the_others(Audit, at(15), Some(at(4))), "its turn is longer ago");
        let audited = ended(swept.taken(Audit, at(15), at(30)));
        assert!(!audited.is_the_others(Sweep, at(30), Some(at(3))), "it has had its turn since");
        assert!(audited.is_the_others(Audit, at(30), Some(at(16))));
        let swept = ended(audited.taken(Sweep, at(30), at(35)));
        assert!(!swept.is_the_others(Sweep, at(45), Some(at(3))), "it has not asked since its turn");
    }

    #[test]
    fn nobody_is_waited_for_that_comes_no_more() {
        let swept = ended(free().taken(Worker::Sweep, at(0), at(5)));
        assert!(swept.is_the_others(Worker::Sweep, at(42), Some(at(3))));
        assert!(!swept.is_the_others(Worker::Sweep, at(43), Some(at(3))));
    }

    #[test]
    fn who_is_at_work_is_not_disturbed() {
        let audited = free().taken(Worker::Audit, at(0), at(15));
        assert!(audited.is_the_others(Worker::Sweep, at(14), None));
        assert!(!audited.is_the_others(Worker::Audit, at(14), Some(at(3))));
        assert!(!audited.is_the_others(Worker::Sweep, at(15), None));
    }
}
