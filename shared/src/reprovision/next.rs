//! What a campaign does next.

use jiff::{SignedDuration, Timestamp};

use super::{
    ALL_GIVES_WAY, ALL_GIVES_WAY_TO_A_PUSH, LOOK_HOLDS, LOOK_HOLDS_FOR_ALL, PROBES, Policy, QUIET_AT_MOST,
};
use crate::{
    domain::{AccountId, Mode, ProvisioningTarget},
    ledger::{Campaign, Stage},
    rules::Shut,
};

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Wait(Waiting),
    /// AWS is asked which accounts have an old version.
    Look,
    /// It is over: its record is told.
    Tell,
    /// These may be sent, in this order, as far as there is room.
    Send(Vec<ProvisioningTarget>),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub why: Why,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// Why nothing is done now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// More edits may come.
    Quiet,
    /// No window is open.
    NoWindow,
    /// It is frozen, for this reason.
    Frozen(Option<String>),
    /// The pause before a wave, counted from 1.
    Pause(usize),
    /// The rules only observe.
    Observed,
    /// Somebody has paused Usher.
    Paused,
    /// Requests have to end first.
    UnderWay,
    /// Calls were turned away, or have failed, and are made again later.
    Again,
}

/// What is gone on with before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Pushed,
    Ready,
    Looks,
}

impl Campaign {
    /// When no further edit will be waited for.
    fn quiet_until(&self, policy: &Policy<'_>) -> Option<Timestamp> {
        let Stage::Quiet { since, last } = self.stage else { return None };
        let quiet = policy.rules.quiet;
        // Edits that never end must not put it off for ever.
        Some((last + quiet).min(since + quiet.saturating_mul(QUIET_AT_MOST)))
    }

    /// What it does next.
    pub fn next(&self, policy: &Policy<'_>, now: Timestamp) -> Next {
        let wait = |why, until| Next::Wait(Waiting { why, until });
        if self.is_over() {
            return Next::Tell;
        }
        if policy.mode == Mode::Observe {
            return wait(Why::Observed, None);
        }
        if policy.orders.stop_everything() {
            return wait(Why::Paused, None);
        }
        if self.pushed.is_none()
            && let Some(waiting) = self.not_yet(policy, now)
        {
            return Next::Wait(waiting);
        }
        if let Some(until) = self.not_before.filter(|until| *until > now) {
            return wait(Why::Again, Some(until));
        }
        let all = self.all_under_way();
        if let Some(all) = all {
            let patience = if self.pushed.is_some() { ALL_GIVES_WAY_TO_A_PUSH } else { ALL_GIVES_WAY };
            let gives_way = all.at + patience;
            if !all.overtaken || now < gives_way {
                return wait(Why::UnderWay, all.overtaken.then_some(gives_way));
            }
        }
        let open = self.todo.iter().filter(|account| !policy.holds(account));
        if matches!(self.stage, Stage::Quiet { .. }) || open.clone().next().is_none() {
            // What is under way is left out of what is done next, so that what hangs holds up nothing else.
            return if self.sent.is_empty() || self.is_look_due(now) {
                Next::Look
            } else {
                wait(Why::UnderWay, None)
            };
        }
        // What has happened since the look may have made it wrong: accounts come and go, and people provision too.
        if !self.has_looked_within(LOOK_HOLDS, now) {
            return Next::Look;
        }
        let under_way = |target: &ProvisioningTarget| self.sent.iter().any(|sent| sent.target == *target);
        let none_is_held = open.clone().count() == self.todo.len();
        if self.all_at_once && none_is_held && self.sent.is_empty() {
            return if self.has_looked_within(LOOK_HOLDS_FOR_ALL, now) {
                Next::Send(vec![ProvisioningTarget::AllProvisionedAccounts])
            } else {
                Next::Look
            };
        }
        let tried_again = |account| self.tried.get(account).map(|tried| tried.not_before);
        let in_conflict =
            |account: &&AccountId| self.tried.get(*account).is_some_and(|tried| tried.conflict.is_some());
        // They are in conflict with it like the others, or it would hang in them only.
        let probes = all.is_some() && open.clone().filter(in_conflict).count() >= PROBES;
        let targets: Vec<_> = open
            .clone()
            .filter(|account| !probes || in_conflict(account))
            .filter(|account| tried_again(account).is_none_or(|at| at <= now))
            .map(|account| ProvisioningTarget::Account(account.clone()))
            .filter(|target| !under_way(target))
            .collect();
        if !targets.is_empty() {
            Next::Send(targets)
        } else if self.sent.is_empty() {
            wait(Why::Again, open.filter_map(tried_again).min())
        } else {
            wait(Why::UnderWay, None)
        }
    }

    /// How it stands in line for what is free: what a person has pushed first, then what has the least under way, then what has waited for the
    /// longest.
    pub fn turn(&self) -> (bool, usize, Timestamp) {
        (self.pushed.is_none(), self.sent.len(), self.last_claim.unwrap_or(self.began))
    }

    /// How it stands in line to be gone on with: what a person has pushed first, then what needs no look.
    pub fn rank(&self, policy: &Policy<'_>, now: Timestamp) -> Rank {
        match self.next(policy, now) {
            _ if self.pushed.is_some() => Rank::Pushed,
            Next::Wait(_) | Next::Send(_) | Next::Tell => Rank::Ready,
            Next::Look => Rank::Looks,
        }
    }

    /// Whether AWS has not been asked since that was wanted, or since the wave that is due.
    fn is_look_due(&self, now: Timestamp) -> bool {
        let Some(at) = self.looked_at else { return true };
        match self.stage {
            Stage::Wave { number: _, from } => at < from && from <= now,
            Stage::Quiet { .. } | Stage::Over { .. } => false,
        }
    }

    fn has_looked_within(&self, time: SignedDuration, now: Timestamp) -> bool {
        self.looked_at.is_some_and(|at| now.duration_since(at) <= time)
    }

    /// What holds up a campaign that nobody has pushed: its time has not come, or the calendar is shut.
    fn not_yet(&self, policy: &Policy<'_>, now: Timestamp) -> Option<Waiting> {
        let calendar = &policy.rules.calendar;
        let (start, why) = match self.stage {
            Stage::Quiet { last, .. } => (self.quiet_until(policy).unwrap_or(last), Why::Quiet),
            Stage::Wave { number, from } => (from, Why::Pause(number + 1)),
            Stage::Over { .. } => return None,
        };
        // Told is what holds it up last: more edits may come, and a freeze outlasts them.
        let begins = now.max(start);
        let why = match calendar.shut(begins) {
            Some(Shut::NoWindow) => Why::NoWindow,
            Some(Shut::Frozen(freeze)) => Why::Frozen(freeze.reason.clone()),
            None if now < start => why,
            None => return None,
        };
        Some(Waiting { why, until: calendar.opening(begins) })
    }
}
