//! One run of a round: pages of principals, then pages of accounts, each kept in the ledger once its hints are sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{FUNCTION, Sweep, SweepEnd, SweepError};
use crate::{
    domain::{AccountId, Principal},
    engine::{
        Decided,
        look::{Drafts, Look},
        planner::concerned,
        refusals::{self, Refusals},
        remember, signed,
        trusted_tags::{TrustedTags, of_sets},
    },
    ledger::{Cause, Leg, Round, Row},
    ports::LedgerError,
    resolve::Needs,
};

/// Of how many accounts the tags are asked for one by one before any principal is asked about. With more, the round goes
/// account by account, and reads each one's tags in its turn: Organizations gives out the tags of ten accounts a second.
const TAGS_AHEAD: usize = 1000;

/// What is left of a run's time when it begins no further page, as a part of it.
const LAST_PART: i32 = 10;

/// A run under way.
pub(super) struct Run<'a> {
    sweep: Sweep<'a>,
    pub(super) round: Round,
    pub(super) look: Look<'a>,
    pub(super) cause: Cause,
    /// What was told of each account, when the run began.
    pub(super) refusals: Refusals,
    /// How many trusted tags of permission sets were told of in this run.
    pub(super) retagged: usize,
}

/// What came of a page.
struct Page {
    decided: Vec<Decided>,
    /// Where the round stands after it.
    leg: Leg,
}

impl<'a> Run<'a> {
    /// Reads what every page needs.
    pub(super) async fn begin(sweep: &Sweep<'a>, round: Round) -> Result<Self, SweepError> {
        let look = Look::begin(&sweep.planner, Some(round.began)).await?;
        // All sweeps of a day are one cause: the next sweep must not renew a budget that this one has spent.
        let cause = Cause::new("sweep", &round.began.strftime("%Y-%m-%d").to_string());
        let refusals = refusals::of_all(sweep.ledger).await?;
        let mut run = Self { sweep: *sweep, round, look, cause, refusals, retagged: 0 };
        run.remember().await?;
        Ok(run)
    }

    /// What was read goes into the ledger's memory.
    async fn remember(&mut self) -> Result<(), LedgerError> {
        let learned = self.look.reading.learned();
        // INVARIANT: told before it is remembered. Whoever finds tags in memory decides by them, and compares nothing.
        let retagged = self.trusted().compare([], &of_sets(&learned)).await?;
        self.retagged += retagged;
        remember(self.sweep.ledger, &learned).await
    }

    /// Who compares the trusted tags that this run reads.
    pub(super) fn trusted(&self) -> TrustedTags<'_> {
        TrustedTags {
            ledger: self.sweep.ledger,
            rules: &self.look.rules,
            cause: &self.cause,
            function: FUNCTION,
            since: self.look.reading.started(),
            now: self.now(),
        }
    }

    /// Every row of the ledger, as it was when the run began.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.look.rows.values().flatten()
    }

    /// Works until the round is over, or the time is, or another run has taken the round.
    pub(super) async fn work(&mut self, until: Timestamp) -> Result<SweepEnd, SweepError> {
        let last_part = until.duration_since(self.now()) / LAST_PART;
        let until = until - last_part;
        if self.is_at_the_beginning() {
            // They need no read of their own.
            let decided = self.look.departed();
            self.send(&decided).await?;
        }
        let is_by_principal = matches!(self.round.leg, Leg::Principals { .. });
        if is_by_principal && self.look.without_tags() > TAGS_AHEAD {
            self.round.leg = Leg::Accounts { after: None, of: None };
        } else if is_by_principal {
            let all = self.look.accounts();
            let (accounts, needs) = self.look.read(&all).await;
            if !self.learn_sets(&needs, until).await? {
                return self.leave().await;
            }
            let drafts = self.look.draft(accounts, &needs).await;
            if !self.go_on().await? {
                return Ok(SweepEnd::UnderWay);
            }
            let load = self.load(&drafts);
            while let Leg::Principals { after, silent } = self.round.leg.clone() {
                let page = self.principals(&drafts, &load, after.as_ref(), silent).await;
                if !self.finish(page).await? {
                    return Ok(SweepEnd::UnderWay);
                }
                if self.is_late(until) {
                    return self.leave().await;
                }
            }
        }
        while let Leg::Accounts { after, of } = self.round.leg.clone() {
            let Some(page) = self.accounts(after.as_ref(), of, until).await? else {
                return self.leave().await;
            };
            if !self.finish(page).await? {
                return Ok(SweepEnd::UnderWay);
            }
            if self.is_late(until) {
                return self.leave().await;
            }
        }
        // Members are compared yet, and nobody is to read beside that.
        self.round.taken_until = Some(self.now() + signed(self.sweep.settings.hold));
        Ok(if self.keep().await? { SweepEnd::RoundEnded } else { SweepEnd::UnderWay })
    }

    /// A page is done: what it learned is remembered, what it found is in the inbox, and only then it counts. Tells whether the
    /// round is still ours.
    async fn finish(&mut self, page: Page) -> Result<bool, SweepError> {
        self.remember().await?;
        self.send(&page.decided).await?;
        self.round.leg = page.leg;
        self.go_on().await
    }

    /// Has others wait, and the round not begin anew, for as long again: what takes long gets somewhere. Tells whether the round is
    /// still ours.
    async fn go_on(&mut self) -> Result<bool, SweepError> {
        self.round.worked_at = self.now();
        self.round.taken_until = Some(self.now() + signed(self.sweep.settings.hold));
        self.keep().await
    }

    /// Goes on, where that was last said a while ago.
    pub(super) async fn go_on_in_time(&mut self) -> Result<bool, SweepError> {
        if self.now() < self.round.worked_at + signed(self.sweep.settings.hold) / 2 {
            return Ok(true);
        }
        self.go_on().await
    }

    /// Every principal that matters, with the number of its keys, wanted or claimed.
    fn load(&self, drafts: &Drafts) -> BTreeMap<Principal, usize> {
        let mut load = BTreeMap::new();
        for principal in drafts.each.iter().flat_map(|draft| self.look.principals(draft)) {
            match load.get_mut(principal) {
                Some(keys) => *keys += 1,
                None => _ = load.insert(principal.clone(), 1),
            }
        }
        load
    }

    fn now(&self) -> Timestamp {
        self.sweep.planner.reader.clock.now()
    }

    /// Whether the rest is for the next run. Every run gets on by a page, however little time it has.
    fn is_late(&self, until: Timestamp) -> bool {
        !self.round.is_over() && self.now() >= until
    }

    fn is_at_the_beginning(&self) -> bool {
        match &self.round.leg {
            Leg::Principals { after, silent } => after.is_none() && silent.is_empty(),
            Leg::Accounts { .. } | Leg::Ended => false,
        }
    }

    /// Learns the permission sets bit by bit, remembering each bit: the first round in a large instance asks about thousands. Tells
    /// whether there was time enough, and the round is still ours.
    async fn learn_sets(&mut self, needs: &Needs, until: Timestamp) -> Result<bool, SweepError> {
        while needs.permission_sets
            && self.look.reading.learn_sets(needs.permission_set_tags, self.sweep.settings.page).await
        {
            self.remember().await?;
            if !self.go_on().await? || self.now() >= until {
                return Ok(false);
            }
        }
        self.remember().await?;
        Ok(true)
    }

    /// Compares what the next principals have with what they should have, in all accounts.
    async fn principals(
        &self,
        drafts: &Drafts,
        load: &BTreeMap<Principal, usize>,
        after: Option<&Principal>,
        mut silent: BTreeSet<Principal>,
    ) -> Page {
        let mut left = load.iter().filter(|(principal, _)| after.is_none_or(|after| *principal > after));
        let (mut page, mut calls) = (BTreeSet::new(), 0);
        for (principal, keys) in left.by_ref() {
            // A hundred to a call. What is wanted and claimed counts twice, so it is no more than this.
            calls += 1 + keys / 100;
            page.insert(principal.clone());
            if calls >= self.sweep.settings.page {
                break;
            }
        }
        let is_last = left.next().is_none();
        let is_whole = is_last && after.is_none();
        let Some(everywhere) = self.look.by_principal(&page).await else {
            return Page { decided: Vec::new(), leg: Leg::Accounts { after: None, of: None } };
        };
        silent.extend(everywhere.silent.iter().cloned());
        let mut decided = Vec::new();
        for draft in &drafts.each {
            let concerns = self.look.principals(draft).any(|principal| page.contains(principal));
            let in_doubt = self.look.principals(draft).any(|principal| silent.contains(principal));
            // An account that somebody in doubt matters to is asked as a whole, in the next leg.
            if in_doubt || !(concerns || is_whole) {
                continue;
            }
            let actual = if draft.account.state.is_active() {
                everywhere.of_account(&draft.account.id)
            } else {
                self.look.unasked()
            };
            let only = (!is_whole).then_some(&page);
            decided.push(self.look.decide(drafts, draft, only, &actual, &self.cause));
        }
        let leg = match (is_last, page.pop_last()) {
            (false, Some(last)) => Leg::Principals { after: Some(last), silent },
            _ if silent.is_empty() => Leg::Ended,
            _ => Leg::Accounts { after: None, of: Some(silent) },
        };
        Page { decided, leg }
    }

    /// Compares what is in the next accounts with what should be there. `None` if there was no time for it, or somebody else has the round.
    async fn accounts(
        &mut self,
        after: Option<&AccountId>,
        of: Option<BTreeSet<Principal>>,
        until: Timestamp,
    ) -> Result<Option<Page>, SweepError> {
        let all = self.look.accounts();
        let mut left = all.iter().filter(|id| after.is_none_or(|after| *id > after)).peekable();
        let (mut decided, mut calls, mut last) = (Vec::new(), 0, None);
        while calls < self.sweep.settings.page
            && let Some(id) = left.next()
        {
            last = Some(id.clone());
            if !self.go_on_in_time().await? {
                return Ok(None);
            }
            let (accounts, needs) = self.look.read(std::slice::from_ref(id)).await;
            if !self.learn_sets(&needs, until).await? {
                return Ok(None);
            }
            let drafts = self.look.draft(accounts, &needs).await;
            for draft in &drafts.each {
                let concerns = |of: &BTreeSet<_>| self.look.principals(draft).any(|one| of.contains(one));
                if !of.as_ref().is_none_or(concerns) {
                    continue;
                }
                let actual = if draft.account.state.is_active() {
                    self.look.actual(draft).await
                } else {
                    Ok(self.look.unasked())
                };
                calls += 1 + concerned(&draft.desired, self.look.rows_of(id)).len();
                match actual {
                    Ok(actual) => decided.push(self.look.decide(&drafts, draft, None, &actual, &self.cause)),
                    Err(error) => _ = self.look.unread.insert(id.clone(), error),
                }
            }
        }
        let leg = match left.peek() {
            Some(_) => Leg::Accounts { after: last, of },
            None => Leg::Ended,
        };
        Ok(Some(Page { decided, leg }))
    }

    /// What a page found is in the inbox before the page counts as done: a crash in between costs the page, and nothing is lost.
    async fn send(&mut self, decided: &[Decided]) -> Result<(), SweepError> {
        self.round.tally.withheld += decided.iter().map(|decided| decided.plan.withheld.len()).sum::<usize>();
        self.round.tally.differing += self.sweep.hint(decided, self).await?;
        Ok(())
    }

    /// Writes where the round stands; tells whether it is still ours.
    async fn keep(&mut self) -> Result<bool, SweepError> {
        let kept = self.sweep.ledger.keep_round(&self.round).await?;
        // One that somebody else has taken is not to be met again by chance.
        self.round.version += u64::from(kept);
        Ok(kept)
    }

    /// Leaves the rest to the next run. What was learned counts as work, though no page is done: the next run goes on with it.
    async fn leave(&mut self) -> Result<SweepEnd, SweepError> {
        self.round.worked_at = self.now();
        self.round.taken_until = None;
        Ok(if self.keep().await? { SweepEnd::Unfinished } else { SweepEnd::UnderWay })
    }
}
