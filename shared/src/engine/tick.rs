//! The minute's tick: what time alone brings about.
//!
//! Work that lost its wake is found again, accounts are hinted of rules that came into force, rules begin and end on time, and outcomes are
//! told. A tick decides nothing: it wakes, it hints, and it tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    AccountHint, AnnounceError, Announcer, EngineSettings, EpochError, Epochs, Inbox, InboxError,
    OutlineError, ReadError, Rulebook, RulesOnHand, Wake,
    gauges::{AUDITED, Gauges, SWEPT, TO_AUDIT, TO_SWEEP},
    outline::outlines,
    publish, signed,
};
use crate::{
    domain::{AccountId, RuleId},
    ledger::{Cause, Row, State},
    metrics::Metric,
    ports::{
        Clock, Ledger, LedgerError, Message, OrganizationReader, OutcomeBus, PortError, Queue, Seen,
        SeenKind, Witness,
    },
    rules::{Turn, TurnKind, turns},
};

const FUNCTION: &str = "tick";

/// The fact that says up to which instant the beginnings and ends of rules have been handled.
const TURNED: &str = "turned";

/// How far back the first tick looks: what turned before that, a sweep has found.
const FIRST: SignedDuration = SignedDuration::from_hours(24);

/// A turn is handled this long after its instant: whoever decides may have a clock that is behind.
const SETTLED: SignedDuration = SignedDuration::from_secs(5);

/// How long a tick tells outcomes. What is left then, the next one tells.
const TELLING: SignedDuration = SignedDuration::from_secs(40);

/// How many rows with work are looked at for one that is due.
const LOOKED_AT: usize = 500;

/// What a tick did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct TickSummary {
    /// Whether there was work for the engine.
    pub woken: bool,
    /// Beginnings and ends of rules.
    pub turns: usize,
    /// Accounts that were hinted for them, and for rules that came into force.
    pub hinted: usize,
    /// Outcomes that were told.
    pub told: usize,
    /// Since the ledger may not be whole, something is not done until somebody confirms it.
    pub frozen: bool,
}

/// Why a tick broke off. The next one does what this one has not.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Outline(#[from] OutlineError),
    #[error("cannot hint every account of the rules that came into force")]
    Inbox(#[from] InboxError),
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
    #[error(transparent)]
    Announce(#[from] AnnounceError),
    #[error("cannot tell whether the ledger is whole")]
    Epoch(#[from] EpochError),
}

/// What happens once a minute.
#[derive(Clone, Copy)]
pub struct Tick<'a> {
    pub organization: &'a dyn OrganizationReader,
    pub ledger: &'a dyn Ledger,
    pub rulebook: &'a Rulebook,
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    pub outcomes: &'a dyn OutcomeBus,
    pub witness: &'a dyn Witness,
    pub clock: &'a dyn Clock,
    pub settings: EngineSettings,
}

impl std::fmt::Debug for Tick<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tick").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Tick<'_> {
    /// Ticks once.
    pub async fn run(&self) -> Result<TickSummary, TickError> {
        let mut summary = TickSummary::default();
        // The wake first: that the rules can't be read stops nothing that is decided already.
        let rows = self.ledger.work(LOOKED_AT).await?;
        if self.has_work(&rows).await? {
            let now = self.clock.now();
            Wake::of_tick().send(self.wake, now, Duration::ZERO).await.map_err(TickError::Queue)?;
            summary.woken = true;
        }
        let epochs = Epochs { ledger: self.ledger, witness: self.witness, clock: self.clock };
        let epoch = epochs.advance().await;
        let hinted = self.hint(&mut summary).await;
        // Nor does anything stop what has come of it from being told.
        let announcer = Announcer { ledger: self.ledger, bus: self.outcomes, clock: self.clock };
        summary.told = announcer.run(self.clock.now() + TELLING).await?;
        let measured = self.measure(&rows, epoch.as_ref().ok().map(Option::is_some)).await;
        hinted?;
        measured?;
        summary.frozen = epoch?.is_some();
        Ok(summary)
    }

    /// Hints the accounts of rules that came into force, and of those that began or ended.
    async fn hint(&self, summary: &mut TickSummary) -> Result<(), TickError> {
        summary.hinted += publish::hint_if_nobody_did(&self.hints_go_in()).await?;
        self.turn_rules(summary).await
    }

    fn hints_go_in(&self) -> Inbox<'_> {
        Inbox { organization: self.organization, ledger: self.ledger, queue: self.inbox, clock: self.clock }
    }

    /// Whether the engine has something to do now: neither what messages look after, nor what waits for its time.
    async fn has_work(&self, rows: &[Row]) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        if rows.is_empty() {
            return Ok(false);
        }
        // Of what is stopped by order, only what is under way goes on.
        let orders = self.ledger.orders().await?;
        let stopped = |row: &Row| row.work().is_some_and(|(operation, _)| orders.stop(operation));
        let due = rows.iter().any(|row| row.is_due(now) && (!stopped(row) || row.claim().is_some()));
        Ok(due || (!orders.stop_everything() && rows.len() == LOOKED_AT))
    }

    /// Tells what is measured each minute: of the work what was looked at anyway, and of what stands what the sweep has counted.
    async fn measure(&self, rows: &[Row], frozen: Option<bool>) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let tell = |metric: Metric, value: i64| {
            metric.tell(FUNCTION, now, u64::try_from(value).unwrap_or_default());
        };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let waiting = rows.iter().filter(|row| row.work().is_some() && row.claim().is_none());
        let oldest = waiting.map(|row| now.duration_since(row.changed_at).as_secs()).max();
        tell(Metric::OldestIntent, oldest.unwrap_or_default());
        // What is claimed comes first in the order of work, so all of it is here.
        let patience = signed(self.settings.patience);
        let stuck = rows.iter().filter(|row| row.claim().is_some_and(|claim| claim.at + patience <= now));
        let held = stuck.count().saturating_mul(100) / self.settings.window.max(1);
        tell(Metric::WindowHeldByStuck, count(held));
        if let Some(frozen) = frozen {
            tell(Metric::EpochMismatch, i64::from(frozen));
        }
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        if let Some(Gauges { blocked, withheld, uncertain }) = Gauges::of_facts(&facts) {
            tell(Metric::Blocked, count(blocked));
            tell(Metric::Withheld, count(withheld));
            tell(Metric::Uncertain, count(uncertain));
        }
        for (metric, ended, first) in
            [(Metric::SweepAge, SWEPT, TO_SWEEP), (Metric::AuditAge, AUDITED, TO_AUDIT)]
        {
            if let Some(since) = self.since(&facts, ended, first).await? {
                tell(metric, now.duration_since(since).as_secs());
            }
        }
        Ok(())
    }

    /// Since when no round of the sweep has `ended`, or no report. Before the first, and so where none ever has, since there have been rules, as a tick has found
    /// them `first`.
    async fn since(
        &self,
        facts: &[Seen],
        ended: &str,
        first: &str,
    ) -> Result<Option<Timestamp>, LedgerError> {
        let at = |id: &str| facts.iter().find(|fact| fact.id == id).map(|fact| fact.at);
        if let Some(since) = at(ended).or_else(|| at(first)) {
            return Ok(Some(since));
        }
        if self.ledger.rules_in_force().await?.is_none() {
            return Ok(None);
        }
        let now = self.clock.now();
        let first = Seen { id: first.to_owned(), value: true.into(), at: now };
        self.ledger.remember_first(SeenKind::Fact, &[first]).await?;
        Ok(Some(now))
    }

    /// Hints the accounts of every rule that has begun or ended since the last time.
    async fn turn_rules(&self, summary: &mut TickSummary) -> Result<(), TickError> {
        let Some(rules) = self.rulebook.if_any(self.ledger).await? else { return Ok(()) };
        let up_to = self.clock.now() - SETTLED;
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        let turned = facts.iter().find(|seen| seen.id == TURNED);
        let turned = turned.and_then(|seen| serde_json::from_value::<Timestamp>(seen.value.clone()).ok());
        let turns = turns(rules.index.rules(), turned.unwrap_or(up_to - FIRST), up_to);
        if !turns.is_empty() {
            let hints = self.hints(&rules, &turns).await?;
            self.inbox.send(&hints).await.map_err(TickError::Queue)?;
            summary.turns = turns.len();
            summary.hinted += hints.len();
        }
        // INVARIANT: remembered only once all hints are in the inbox. A crash before that repeats them, which is harmless.
        if turned.is_none_or(|turned| turned < up_to) {
            let value = serde_json::to_value(up_to).unwrap_or_default();
            let seen = Seen { id: TURNED.to_owned(), value, at: self.clock.now() };
            self.ledger.remember(SeenKind::Fact, &[seen]).await?;
        }
        Ok(())
    }

    async fn hints(&self, rules: &RulesOnHand, turns: &[Turn]) -> Result<Vec<Message>, TickError> {
        let begins = turns.iter().any(|turn| turn.kind == TurnKind::From);
        let fresh = self.clock.now() - signed(self.settings.facts_age);
        let outlines =
            if begins { outlines(self.organization, self.ledger, fresh).await? } else { Vec::new() };
        let ends = turns.iter().any(|turn| turn.kind == TurnKind::Until);
        let holders = if ends { self.holders(turns).await? } else { BTreeMap::new() };
        let at = self.clock.now();
        let mut hints = Vec::new();
        for turn in turns {
            let of_turn = rules.index.rules().iter().filter(|rule| rule.id == turn.rule);
            let accounts: BTreeSet<&AccountId> = match turn.kind {
                TurnKind::From => of_turn
                    .flat_map(|rule| outlines.iter().filter(|outline| rule.accounts.may_give(outline)))
                    .map(|outline| &outline.id)
                    .collect(),
                TurnKind::Until => holders.get(&turn.rule).into_iter().flatten().collect(),
            };
            let cause = Cause::new("turn", &format!("{}:{}", turn.rule, turn.at));
            for account in accounts {
                let hint = AccountHint::new(account.clone(), cause.clone(), at);
                let deduplication = format!("{:.110}-{account}", cause.as_str());
                hints.push(hint.message(&deduplication).map_err(TickError::Queue)?);
            }
        }
        Ok(hints)
    }

    /// The accounts with rows that each of the rules wants, or was the last to want.
    async fn holders(&self, turns: &[Turn]) -> Result<BTreeMap<RuleId, BTreeSet<AccountId>>, LedgerError> {
        let turning: BTreeSet<&RuleId> = turns.iter().map(|turn| &turn.rule).collect();
        let mut holders: BTreeMap<RuleId, BTreeSet<AccountId>> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.ledger.rows(after.as_deref()).await?;
            for row in page.items.iter().filter(|row| row.state != State::Closed) {
                for rule in row.wanted_by.keys().filter(|rule| turning.contains(rule)) {
                    holders.entry(rule.clone()).or_default().insert(row.key.account.clone());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(holders);
            }
        }
    }
}
