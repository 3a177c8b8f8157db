//! Requests: written down, sent, turned away, accepted, ended.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{CONFLICTS_OF_ALL, IN_CONFLICT, MOST_FAILURES, STEP};
use crate::{
    domain::{AccountId, Operation, ProvisioningTarget, RequestId},
    ledger::{Campaign, Conflict, LeftOut, Sent, Stage, Tried},
    provisioning::{ATTEMPTS, Failure, backoff, failure},
};

/// How much of a reason is kept, in characters.
const REASON: usize = 300;

/// Why AWS has not taken a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The same may be taken a little later: too much or too fast.
    Passing(String),
    /// Something else is being done with the permission set in that account, or it can't be reached for a while.
    Conflict(String),
    /// Refused for what it asks, or not allowed.
    Lasting(String),
    /// What it names is not there.
    NotFound(String),
}

/// How a request has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Succeeded,
    Failed(String),
    /// AWS doesn't know it any more.
    Unknown,
}

impl Campaign {
    /// INVARIANT: written down before it is sent, so that whoever comes after a crash counts it among those that may be under way.
    pub fn claim(&mut self, target: ProvisioningTarget, now: Timestamp) {
        self.sent.push(Sent { target, at: now, request: None, followed_at: None, overtaken: false });
        self.last_claim = Some(now);
    }

    /// A claim, by what it is for and when it was written down.
    pub fn claimed(&self, target: &ProvisioningTarget, at: Timestamp) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.target == *target && sent.at == at)
    }

    /// The request for all, if one is under way.
    pub(crate) fn all_under_way(&self) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.target == ProvisioningTarget::AllProvisionedAccounts)
    }

    /// Whether an account is being done.
    pub(super) fn is_under_way(&self, account: &AccountId) -> bool {
        let is = |sent: &Sent| matches!(&sent.target, ProvisioningTarget::Account(id) if id == account);
        self.sent.iter().any(is)
    }

    /// Whether what was claimed then came before the last edit: it says nothing of the version that is to come.
    fn is_of_before(&self, claimed_at: Timestamp) -> bool {
        matches!(self.stage, Stage::Quiet { .. })
            || self.under_way_since.is_some_and(|since| claimed_at < since)
    }

    fn unclaim(&mut self, target: &ProvisioningTarget, at: Timestamp) -> bool {
        let before = self.sent.len();
        self.sent.retain(|sent| !(sent.target == *target && sent.at == at));
        self.sent.len() < before
    }

    /// AWS has accepted it, and a message looks after it.
    pub fn accepted(&mut self, target: &ProvisioningTarget, at: Timestamp, id: &RequestId, now: Timestamp) {
        for sent in self.sent.iter_mut().filter(|sent| sent.target == *target && sent.at == at) {
            sent.request = Some(id.clone());
            sent.followed_at = Some(now);
        }
        self.turned_away = 0;
        self.trouble = None;
    }

    /// AWS has not taken it. Nothing was done.
    pub fn refused(&mut self, target: &ProvisioningTarget, at: Timestamp, refusal: Refusal, now: Timestamp) {
        if !self.unclaim(target, at) || self.is_of_before(at) {
            return;
        }
        match (refusal, target) {
            (Refusal::Passing(why), _) => {
                self.turned_away = self.turned_away.saturating_add(1);
                self.not_before = Some(later(now, self.turned_away));
                self.trouble = Some(short(&why));
            }
            (Refusal::Conflict(why), ProvisioningTarget::Account(account)) => {
                self.in_conflict(account, &why, now);
            }
            // One account may be what is in conflict: the others need not wait for it.
            (Refusal::Conflict(why), ProvisioningTarget::AllProvisionedAccounts) => {
                self.conflicts = self.conflicts.saturating_add(1);
                self.not_before = Some(later(now, self.conflicts));
                self.trouble = Some(short(&why));
                if self.conflicts >= CONFLICTS_OF_ALL {
                    self.give_up_all(&why);
                }
            }
            (Refusal::Lasting(why) | Refusal::NotFound(why), ProvisioningTarget::AllProvisionedAccounts) => {
                self.give_up_all(&why);
            }
            (Refusal::Lasting(why), ProvisioningTarget::Account(account)) => {
                self.failed_in(account, &why, true, now);
            }
            (Refusal::NotFound(why), ProvisioningTarget::Account(account)) => {
                self.failed_in(account, &why, false, now);
                self.look_again();
            }
        }
    }

    /// An account has turned out not to be active just before it was written to.
    pub fn not_active(&mut self, account: &AccountId, why: LeftOut) {
        self.todo.remove(account);
        self.all_at_once = false;
        self.left_out.insert(account.clone(), why);
    }

    /// A request has come to its end. Nothing is made of one whose claim is gone.
    pub fn ended(
        &mut self,
        target: &ProvisioningTarget,
        at: Timestamp,
        ended: Ended,
        now: Timestamp,
    ) -> bool {
        if !self.unclaim(target, at) {
            return false;
        }
        if self.is_of_before(at) {
            // What was in conflict was so with this, and may be done by one request again.
            if *target == ProvisioningTarget::AllProvisionedAccounts && !self.todo.is_empty() {
                self.tried.retain(|_, tried| tried.lasting || tried.attempts > 0);
                self.look_again();
            }
            return true;
        }
        match (ended, target) {
            // How often it was tried is forgotten once it is not listed any more: an account that stays listed is not done for ever.
            (Ended::Succeeded, ProvisioningTarget::Account(account)) => {
                self.todo.remove(account);
                self.settles([account.clone()], now);
            }
            // Which of them have failed all the same shows by asking again.
            (Ended::Succeeded, ProvisioningTarget::AllProvisionedAccounts) => {
                let done = std::mem::take(&mut self.todo);
                self.settles(done, now);
            }
            (Ended::Failed(why), ProvisioningTarget::AllProvisionedAccounts) => {
                self.presumed.clone_from(&self.todo);
                self.give_up_all(&why);
            }
            (Ended::Unknown, ProvisioningTarget::AllProvisionedAccounts) => {
                self.presumed.clone_from(&self.todo);
                self.give_up_all("AWS does not know the request any more");
            }
            (Ended::Failed(why), ProvisioningTarget::Account(account)) => {
                let lasting = failure(Operation::Grant, &why) == Failure::Lasting;
                self.failed_in(account, &why, lasting, now);
            }
            (Ended::Unknown, ProvisioningTarget::Account(account)) => {
                self.failed_in(account, "AWS does not know the request any more", false, now);
                self.presumed.insert(account.clone());
                self.look_again();
            }
        }
        true
    }

    fn settles(&mut self, done: impl IntoIterator<Item = AccountId>, now: Timestamp) {
        self.settling.entry(stepped(now)).or_default().extend(done);
    }

    /// How many accounts are done.
    pub fn done(&self) -> usize {
        self.updated.len() + self.settling.values().map(BTreeSet::len).sum::<usize>()
    }

    /// Gives up claims of which nobody knows whether AWS has them, once it would show: sent again they do no harm. Tells whether there were
    /// any.
    pub fn settle(&mut self, settle_after: SignedDuration, now: Timestamp) -> bool {
        let waits = |sent: &Sent| sent.request.is_some() || sent.at + settle_after > now;
        let given_up: Vec<Sent> = self.sent.extract_if(.., |sent| !waits(sent)).collect();
        if given_up.is_empty() {
            return false;
        }
        // Where AWS had it all the same, it may be done by now.
        for sent in given_up {
            match sent.target {
                ProvisioningTarget::Account(account) => self.presumed.extend([account]),
                ProvisioningTarget::AllProvisionedAccounts => self.presumed.extend(self.todo.iter().cloned()),
            }
        }
        self.look_again();
        true
    }

    /// One request for all did not do: they are done one by one.
    fn give_up_all(&mut self, why: &str) {
        self.one_by_one = true;
        self.trouble = Some(short(why));
        self.look_again();
    }

    /// What is still to be done is asked of AWS before anything more is sent.
    fn look_again(&mut self) {
        self.todo.clear();
        self.all_at_once = false;
        self.looked_at = None;
    }

    pub(super) fn failed_in(&mut self, account: &AccountId, why: &str, lasting: bool, now: Timestamp) {
        let attempts = self.tried.get(account).map_or(0, |tried| tried.attempts).saturating_add(1);
        let lasting = lasting || attempts >= ATTEMPTS;
        // Roles take seconds to be changed: sooner than that nothing is another.
        let not_before = later(now, attempts.saturating_add(2));
        let tried = Tried { attempts, reason: short(why), lasting, not_before, conflict: None };
        self.was_tried(account, tried);
    }

    /// A conflict is one account's, whose others go on, and is waited out for hours: whoever is in the way may take as long.
    fn in_conflict(&mut self, account: &AccountId, why: &str, now: Timestamp) {
        let before = self.tried.get(account);
        let known = before.and_then(|tried| tried.conflict);
        let Conflict { since, times } = known.unwrap_or(Conflict { since: now, times: 0 });
        let times = times.saturating_add(1);
        let tried = Tried {
            attempts: before.map_or(0, |tried| tried.attempts),
            reason: short(why),
            lasting: now >= since + IN_CONFLICT,
            not_before: later(now, times.saturating_add(2)),
            conflict: Some(Conflict { since, times }),
        };
        self.was_tried(account, tried);
    }

    fn was_tried(&mut self, account: &AccountId, tried: Tried) {
        if tried.lasting {
            self.todo.remove(account);
        }
        self.tried.insert(account.clone(), tried);
        if self.tried.values().filter(|tried| tried.lasting).count() >= MOST_FAILURES {
            self.look_again();
        }
    }
}

/// The end of the step that this is in.
fn stepped(at: Timestamp) -> Timestamp {
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(seconds + (-seconds).rem_euclid(STEP)).unwrap_or(at)
}

fn later(now: Timestamp, attempts: u32) -> Timestamp {
    now + SignedDuration::try_from(backoff(attempts)).unwrap_or(SignedDuration::ZERO)
}

/// AWS's words, short enough to keep.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON).collect()
}
