//! A sweep's round: one look at everything, which may take several runs. The ledger keeps where it stands.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AccountId, Principal, RulesVersion};

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
}
