//! How a campaign goes on: what is asked and sent next, what a look or an answer means, and when it is over.
//!
//! ```text
//! edit     an edit, a push, or the schedule's look begins a campaign, or turns it back
//! next     campaign x policy x time -> wait, look, or send
//! look     campaign x what AWS lists -> the accounts that are done next, or the record of what it came to
//! request  campaign x claim, answer, end of a request -> campaign
//! ```

mod edit;
mod look;
mod next;
mod request;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;

pub use look::{Found, Looked, Standing, is_news};
pub use next::{Next, Rank, Waiting, Why};
pub use request::{Ended, Refusal};

use crate::{
    domain::{AccountId, Mode},
    ledger::{HoldScope, Orders},
    plan::ManagementWrites,
    rules::Reprovision,
};

/// How many requests to provision AWS takes at a time, of everybody together.
pub const AT_ONCE: usize = 3;

/// How many accounts a request for all may reach.
pub(crate) const MOST_AT_ONCE: usize = 3500;

/// So many accounts may fail before the others are not begun.
pub const MOST_FAILURES: usize = 100;

/// An account in which something else is done all the time is given up after this long.
const IN_CONFLICT: SignedDuration = SignedDuration::from_hours(6);

/// After so many conflicts a request for all gives way to one for each.
const CONFLICTS_OF_ALL: u32 = 3;

/// A request for all may take so long, or hang: then an edit that has come since waits for it no longer. Of thousands it is worth some patience,
/// since they may be done by another one then.
const ALL_GIVES_WAY: SignedDuration = SignedDuration::from_mins(15);

/// The same of what a person pushes.
const ALL_GIVES_WAY_TO_A_PUSH: SignedDuration = SignedDuration::from_mins(5);

/// While a request for all is under way that gives way, so many accounts in conflict with it stand for the others.
const PROBES: usize = 20;

/// What was found is no older than this when something is sent by it.
const LOOK_HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// A request for all reaches accounts that nobody has named: what was found is no older than this when it is sent.
const LOOK_HOLDS_FOR_ALL: SignedDuration = SignedDuration::from_mins(2);

/// Times of what is done are kept in steps of so many seconds: so they are few.
const STEP: i64 = 10;

/// Edits put a campaign off for at most so many times the quiet period.
const QUIET_AT_MOST: i32 = 12;

/// What was left behind by a campaign is tried again after this long, if nothing has changed.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// What a campaign goes by.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    pub rules: &'a Reprovision,
    /// The document's own.
    pub mode: Mode,
    pub orders: &'a Orders,
    pub management: ManagementWrites,
    /// How long AWS's lists may hide what was done.
    pub settle_after: SignedDuration,
}

impl Policy<'_> {
    fn holds(&self, account: &AccountId) -> bool {
        self.orders.holds.contains_key(&HoldScope::Account(account.clone()))
    }
}
