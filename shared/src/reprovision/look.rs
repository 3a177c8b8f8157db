//! What AWS lists of a permission set's accounts, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{MOST_AT_ONCE, MOST_FAILURES, Policy, TRIED_AGAIN};
use crate::{
    domain::AccountId,
    ledger::{Campaign, CampaignEnd, CampaignRecord, LeftOut, Stage},
    plan::ManagementWrites,
    rules::Wave,
};

/// What was found of a permission set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The accounts that have an old version.
    pub outdated: BTreeSet<AccountId>,
    /// All accounts in which it is provisioned.
    pub provisioned: BTreeSet<AccountId>,
    /// What the organization tells of the outdated ones; one that is missing is not in it any more.
    pub standing: BTreeMap<AccountId, Standing>,
}

/// How an account stands to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub active: bool,
    pub is_management: bool,
    /// The first wave that selects it, counted from 0; the number of waves if none does.
    pub wave: usize,
}

impl Standing {
    /// Why an account is not written to, if it isn't.
    pub fn left_out(standing: Option<&Self>, account: &AccountId, policy: &Policy<'_>) -> Option<LeftOut> {
        let Some(Self { active, is_management, wave: _ }) = standing else { return Some(LeftOut::Departed) };
        if !active {
            Some(LeftOut::NotActive)
        } else if *is_management && policy.management == ManagementWrites::Withheld {
            Some(LeftOut::Management)
        } else if policy.holds(account) {
            Some(LeftOut::Held)
        } else {
            None
        }
    }
}

impl Found {
    /// The outdated accounts that may be written to.
    pub fn open(&self, policy: &Policy<'_>) -> BTreeSet<AccountId> {
        let is_open =
            |account: &&AccountId| Standing::left_out(self.standing.get(*account), account, policy).is_none();
        self.outdated.iter().filter(is_open).cloned().collect()
    }
}

/// What a look led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    GoesOn(Box<Campaign>),
    Over(Box<CampaignRecord>),
}

/// Whether outdated accounts of which no event told are worth a campaign: not where the last one has just left them behind.
pub fn is_news(open: &BTreeSet<AccountId>, last: Option<&CampaignRecord>, now: Timestamp) -> bool {
    let left = |record: &CampaignRecord, account: &AccountId| {
        record.failed.contains_key(account) || record.not_begun.contains(account)
    };
    let old = |record: &CampaignRecord| now.duration_since(record.ended) >= TRIED_AGAIN;
    !open.is_empty()
        && last.is_none_or(|record| old(record) || open.iter().any(|account| !left(record, account)))
}

impl Campaign {
    /// Goes on by what was found since `asked`; `None` is that the permission set doesn't exist.
    pub fn looked(
        mut self,
        found: Option<&Found>,
        policy: &Policy<'_>,
        asked: Timestamp,
        now: Timestamp,
    ) -> Looked {
        self.looked_at = Some(asked);
        let Some(found) = found else {
            let left = std::mem::take(&mut self.todo).into_iter().chain(std::mem::take(&mut self.later));
            return self.over_once_nothing_is_under_way(CampaignEnd::Gone, left.collect(), now);
        };
        let is_first = matches!(self.stage, Stage::Quiet { .. });
        if is_first {
            self.under_way_since = Some(asked);
            self.stage = Stage::Wave { number: 0, from: asked };
        }
        let (waves, settles) = self.sort(found, policy, now);
        let skipped = self.skipped(found, &waves);
        self.left_out_waves.retain(|wave| !waves.contains_key(&(wave - 1)));
        if is_first && self.pushed.is_none() {
            let named = 0..policy.rules.waves.len();
            let is_empty = |wave: &usize| !waves.contains_key(wave) && !skipped.contains(wave);
            self.empty_waves = named.clone().filter(is_empty).map(|wave| wave + 1).collect();
            self.left_out_waves = named.filter(|wave| skipped.contains(wave)).map(|wave| wave + 1).collect();
        }
        let all = |from: usize| waves.range(from..).flat_map(|(_, accounts)| accounts.iter().cloned());
        let failures = self.tried.values().filter(|tried| tried.lasting).count();
        if failures >= MOST_FAILURES {
            return self.over_once_nothing_is_under_way(CampaignEnd::TooManyFailures, all(0).collect(), now);
        }
        let Stage::Wave { number, from: _ } = self.stage else { return Looked::GoesOn(Box::new(self)) };
        let present: BTreeSet<AccountId> =
            waves.range(..=number).flat_map(|(_, accounts)| accounts.iter().cloned()).collect();
        if !present.is_empty() {
            self.later = all(number + 1).collect();
            self.begin_with(&present, found);
            return Looked::GoesOn(Box::new(self));
        }
        // What AWS has just said to be done may show a little later.
        if settles.is_some() {
            self.later = all(0).collect();
            self.not_before = settles;
            return Looked::GoesOn(Box::new(self));
        }
        let Some((&next, accounts)) = waves.iter().next() else {
            let end = if failures > 0 { CampaignEnd::Failed } else { CampaignEnd::Done };
            return self.over_once_nothing_is_under_way(end, BTreeSet::new(), now);
        };
        // A wave is over when its last request is. At first there was none: what is under way is from before.
        if !is_first && !self.sent.is_empty() {
            self.later = all(0).collect();
            return Looked::GoesOn(Box::new(self));
        }
        if failures > 0 {
            return self.over(CampaignEnd::Stopped { wave: number + 1 }, all(0).collect(), now);
        }
        let between = skipped.range(number + usize::from(!is_first)..next);
        self.left_out_waves.extend(between.map(|wave| wave + 1));
        // A pause is for what was done before it. Where nothing could be done, what would have shown there shows later: it is kept as well.
        let after =
            if self.updated.is_empty() { skipped.range(number..next).next().copied() } else { Some(number) };
        let pause = after.map_or(SignedDuration::ZERO, |after| pause(&policy.rules.waves, after, next));
        self.stage = Stage::Wave { number: next, from: if pause.is_zero() { asked } else { now + pause } };
        if pause.is_zero() {
            self.later = all(next + 1).collect();
            self.begin_with(accounts, found);
        } else {
            self.later = all(0).collect();
        }
        Looked::GoesOn(Box::new(self))
    }

    /// These are done next, but for those in which something is under way.
    fn begin_with(&mut self, accounts: &BTreeSet<AccountId>, found: &Found) {
        let idle = |account: &&AccountId| !self.is_under_way(account);
        self.todo = accounts.iter().filter(idle).cloned().collect();
        self.all_at_once = self.may_be_all(&self.todo, found);
    }

    /// The waves whose outdated accounts are all left out.
    fn skipped(&self, found: &Found, waves: &BTreeMap<usize, BTreeSet<AccountId>>) -> BTreeSet<usize> {
        if self.pushed.is_some() {
            return BTreeSet::new();
        }
        let left_out = self.left_out.keys().filter_map(|account| found.standing.get(account));
        left_out.map(|standing| standing.wave).filter(|wave| !waves.contains_key(wave)).collect()
    }

    /// The accounts that may be done, by their waves, and when those that have just been done should show at the latest.
    fn sort(
        &mut self,
        found: &Found,
        policy: &Policy<'_>,
        now: Timestamp,
    ) -> (BTreeMap<usize, BTreeSet<AccountId>>, Option<Timestamp>) {
        self.todo.clear();
        self.later.clear();
        self.left_out.clear();
        self.all_at_once = false;
        self.not_before = None;
        let done = std::mem::take(&mut self.presumed).into_iter().filter(|it| !found.outdated.contains(it));
        self.updated.extend(done);
        let settling = std::mem::take(&mut self.settling).into_iter();
        let settling: BTreeMap<AccountId, Timestamp> =
            settling.flat_map(|(at, all)| all.into_iter().map(move |account| (account, at))).collect();
        self.updated.extend(settling.keys().filter(|it| !found.outdated.contains(it)).cloned());
        // Of a request for all this is no more than a reason to go on one by one.
        let counts = self.one_by_one;
        self.tried.retain(|account, _| found.outdated.contains(account));
        let mut waves: BTreeMap<usize, BTreeSet<AccountId>> = BTreeMap::new();
        let mut settles: Option<Timestamp> = None;
        for account in &found.outdated {
            let done = settling.get(account);
            if let Some(done) = done.filter(|done| now < **done + policy.settle_after) {
                self.settling.entry(*done).or_default().insert(account.clone());
                let shows = *done + policy.settle_after;
                settles = Some(settles.map_or(shows, |earlier| earlier.min(shows)));
                continue;
            }
            let is_again = self.updated.remove(account) || done.is_some();
            let standing = found.standing.get(account);
            if let Some(why) = Standing::left_out(standing, account, policy) {
                self.left_out.insert(account.clone(), why);
                continue;
            }
            if is_again {
                self.one_by_one = true;
            }
            if is_again && counts {
                self.failed_in(account, "AWS says that it is done, and lists the old version", false, now);
            }
            if self.tried.get(account).is_some_and(|tried| tried.lasting) {
                continue;
            }
            let wave = standing.filter(|_| self.pushed.is_none()).map_or(0, |standing| standing.wave);
            waves.entry(wave).or_default().insert(account.clone());
        }
        (waves, settles)
    }

    /// Whether one request for all does exactly these, and may be made.
    fn may_be_all(&self, accounts: &BTreeSet<AccountId>, found: &Found) -> bool {
        let is_management =
            |account| found.standing.get(account).is_some_and(|standing| standing.is_management);
        !self.one_by_one
            && self.tried.is_empty()
            && (2..=MOST_AT_ONCE).contains(&accounts.len())
            && *accounts == found.provisioned
            && !accounts.iter().any(is_management)
    }

    /// It is over. What is under way comes to its end before that.
    fn over_once_nothing_is_under_way(
        mut self,
        end: CampaignEnd,
        not_begun: BTreeSet<AccountId>,
        now: Timestamp,
    ) -> Looked {
        if self.sent.is_empty() {
            return self.over(end, not_begun, now);
        }
        self.later = not_begun;
        Looked::GoesOn(Box::new(self))
    }

    /// The record of what it came to.
    fn over(self, end: CampaignEnd, not_begun: BTreeSet<AccountId>, now: Timestamp) -> Looked {
        let Self {
            permission_set,
            began,
            edits,
            more_edits,
            pushed,
            pushed_before,
            tried,
            mut updated,
            settling,
            left_out,
            empty_waves,
            left_out_waves,
            ..
        } = self;
        updated.extend(settling.into_values().flatten());
        let failed = tried.into_iter().filter(|(account, tried)| {
            !updated.contains(account) && (tried.lasting || end == CampaignEnd::Gone)
        });
        let failed = failed.map(|(account, tried)| (account, tried.reason)).collect();
        Looked::Over(Box::new(CampaignRecord {
            permission_set,
            began,
            ended: now,
            end,
            edits,
            more_edits,
            pushed: pushed.or(pushed_before),
            updated,
            failed,
            left_out,
            not_begun,
            empty_waves,
            left_out_waves,
        }))
    }
}

/// The pause between two waves: the longest of those in between, where some have nothing to do.
fn pause(waves: &[Wave], before: usize, next: usize) -> SignedDuration {
    let between = waves.iter().enumerate().filter(|(number, _)| *number > before && *number <= next);
    between.map(|(_, wave)| wave.after).max().unwrap_or(SignedDuration::ZERO)
}
