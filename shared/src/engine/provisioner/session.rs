//! One holding of the lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{Provisioner, RunError, RunSummary, choose, outcome};
use crate::{
    domain::{AccountId, AssignmentKey, RequestId, RulesVersion},
    engine::{AccountHint, signed},
    ledger::{Cause, Lease, Row, State},
    ports::{Guard, LedgerError, PortError, Request, RowWrite},
};

/// How many rows with work are looked at in one tick, to begin with.
const WORK_AT_ONCE: usize = 500;

/// How many at most. Rows are about half a kilobyte.
const MOST_WORK: usize = 64_000;

/// When a session ends.
pub(super) enum Pause {
    /// There is no work in the ledger.
    Nothing,
    /// There is; it is worth looking again at this time.
    Until(Timestamp),
    /// There may be, and Usher is paused. Whoever lets it go on sees to it that somebody looks.
    Ordered,
}

/// What the engine knows while it holds the lease.
pub(super) struct Session<'a> {
    pub(super) engine: &'a Provisioner<'a>,
    pub(super) summary: &'a mut RunSummary,
    lease: Lease,
    /// Rows with a claim, as this session last wrote or read them. Nobody else changes a claimed row's state.
    pub(super) outstanding: BTreeMap<AssignmentKey, Row>,
    /// Rows with a claim that messages look after: they only take their place in the window.
    pub(super) slow: BTreeMap<AssignmentKey, Row>,
    /// The same where the messages seem to be lost.
    pub(super) lost_polls: BTreeMap<AssignmentKey, Row>,
    /// The queue for what takes long can't be used: this session looks after it itself.
    pub(super) polls_failed: bool,
    /// When each outstanding request is described next.
    pub(super) looks: BTreeMap<AssignmentKey, Timestamp>,
    /// Accounts that have been sent back to be decided again.
    hinted: BTreeSet<AccountId>,
    /// Nothing is sent before this time: AWS has asked to slow down.
    pub(super) slow_until: Timestamp,
    pub(super) slowed: u32,
    next_call: Timestamp,
    /// How many rows with work are looked at in one tick.
    horizon: usize,
    /// When this session has to end.
    pub(super) until: Timestamp,
    /// Requests that were described while claims were settled: what they are about doesn't change.
    pub(super) described: BTreeMap<RequestId, Request>,
}

impl<'a> Session<'a> {
    pub(super) fn begin(engine: &'a Provisioner<'a>, lease: Lease, summary: &'a mut RunSummary) -> Self {
        let now = engine.clock.now();
        Self {
            engine,
            summary,
            lease,
            outstanding: BTreeMap::new(),
            slow: BTreeMap::new(),
            lost_polls: BTreeMap::new(),
            polls_failed: false,
            looks: BTreeMap::new(),
            hinted: BTreeSet::new(),
            slow_until: now,
            slowed: 0,
            next_call: now,
            horizon: WORK_AT_ONCE,
            until: Timestamp::MAX,
            described: BTreeMap::new(),
        }
    }

    pub(super) fn into_lease(self) -> Lease {
        self.lease
    }

    /// Works until nothing is left, or time is up, or what is left takes long.
    pub(super) async fn work(&mut self, until: Timestamp) -> Result<Pause, RunError> {
        self.until = until;
        loop {
            self.keep_lease().await?;
            let rows = self.engine.ledger.work(self.horizon).await?;
            let sees_all = rows.len() < self.horizon;
            self.take_over(&rows).await?;
            self.settle().await?;
            self.follow().await?;
            self.hand_over().await?;
            let under_way = self.under_way();

            let waiting: Vec<Row> = rows
                .into_iter()
                .filter(|row| row.claim().is_none() && !self.outstanding.contains_key(&row.key))
                .collect();
            let rules = self.engine.ledger.rules_in_force().await?.map(|rules| rules.version);
            let orders = self.engine.ledger.orders().await?;
            let now = self.engine.clock.now();
            let choice = choose::choose(
                &waiting,
                &under_way,
                &choose::Limits {
                    room: self.engine.settings.window.saturating_sub(under_way.len()),
                    rules: rules.as_ref(),
                    orders: &orders,
                    intent_age: signed(self.engine.settings.intent_age),
                    now,
                },
            );
            if choice.ready.is_empty() && !sees_all && orders.pause.is_none() {
                // What can't be sent now must not hide what can.
                self.horizon = (self.horizon * 2).min(MOST_WORK);
            }
            self.send_back(&choice.stale).await?;
            let mut sent = 0;
            if now >= self.slow_until {
                sent = self.send(choice.ready, orders.version).await?;
            }

            let now = self.engine.clock.now();
            if self.outstanding.is_empty() && waiting.is_empty() {
                return Ok(Pause::Nothing);
            }
            if self.outstanding.is_empty() && orders.pause.is_some() {
                return Ok(Pause::Ordered);
            }
            if now + signed(self.engine.settings.tick) >= until {
                return Ok(Pause::Until(now));
            }
            if let Some(later) = self.worth_waiting_for(now, sent, choice.earliest, choice.waiting_for_others)
            {
                return Ok(Pause::Until(later));
            }
            self.engine.clock.sleep(self.engine.settings.tick).await;
        }
    }

    /// When to look again, if nothing that is left is worth staying up for.
    fn worth_waiting_for(
        &self,
        now: Timestamp,
        sent: usize,
        earliest: Option<Timestamp>,
        others: bool,
    ) -> Option<Timestamp> {
        let patience = signed(self.engine.settings.patience);
        let soon = now + signed(self.engine.settings.tick * 15);
        let quick = |row: &Row| row.claim().is_some_and(|claim| claim.at + patience > now);
        if sent > 0 || self.outstanding.values().any(quick) || self.slow_until > now {
            return None;
        }
        let slow_look = (!self.outstanding.is_empty()).then_some(now + signed(Duration::from_mins(1)));
        // What has gone back to be decided again comes back as new work, with a wake of its own.
        let decided_again = others.then_some(now + signed(Duration::from_mins(1)));
        // With the whole window taken by what messages look after, the first that ends wakes the engine.
        let slot_free = (self.outstanding.is_empty() && self.slow.len() >= self.engine.settings.window)
            .then_some(now + signed(Duration::from_mins(1)));
        let next = [earliest, slow_look, decided_again, slot_free].into_iter().flatten().min()?;
        (next > soon).then_some(next)
    }

    /// Renews the lease while at least half of it is left, so that a call under way can't outlive it.
    pub(super) async fn keep_lease(&mut self) -> Result<(), RunError> {
        let ttl = self.engine.settings.lease;
        loop {
            let now = self.engine.clock.now();
            if self.lease.expires_at.duration_since(now) >= signed(ttl / 2) {
                return Ok(());
            }
            // Renewing may itself take so long that it has to be done again.
            self.lease = self.engine.ledger.renew_lease(&self.lease, now, ttl).await?;
        }
    }

    /// Waits for the next turn to call AWS.
    pub(super) async fn turn(&mut self) {
        let now = self.engine.clock.now();
        if let Ok(wait) = Duration::try_from(self.next_call.duration_since(now))
            && !wait.is_zero()
        {
            self.engine.clock.sleep(wait).await;
        }
        self.next_call = self.engine.clock.now().max(self.next_call)
            + signed(Duration::from_secs(1) / self.engine.settings.rate.max(1));
    }

    /// Sends accounts back whose intents are too old, or were decided by rules no longer in force.
    async fn send_back(&mut self, stale: &[Row]) -> Result<(), RunError> {
        for row in stale {
            if self.hinted.insert(row.key.account.clone()) {
                self.hint(&row.key.account, &row.cause, "stale").await?;
            }
        }
        Ok(())
    }

    pub(super) async fn hint(&self, account: &AccountId, cause: &Cause, why: &str) -> Result<(), RunError> {
        let at = self.engine.clock.now();
        let hint = AccountHint::new(account.clone(), cause.clone(), at);
        let deduplication = format!("{why}-{}-{account}", at.as_microsecond());
        let message = hint.message(&deduplication).map_err(RunError::Queue)?;
        self.engine.inbox.send(&[message]).await.map_err(RunError::Queue)
    }

    fn guard(&self) -> Guard {
        Guard { lease: Some(self.lease.fence), ..Guard::default() }
    }

    pub(super) fn fence(&self) -> crate::ledger::Fence {
        self.lease.fence
    }

    /// Writes a row that nobody has changed since it was read; `None` when somebody has.
    pub(super) async fn write(&self, row: Row) -> Result<Option<Row>, RunError> {
        self.write_under(row, &self.guard()).await
    }

    /// Writes a row with a claim in it, if at that very moment the rules that it was decided by are in force and nobody has
    /// paused or held anything since the orders were read.
    pub(super) async fn write_claim(
        &self,
        row: Row,
        rules: Option<RulesVersion>,
        orders: u64,
    ) -> Result<Option<Row>, RunError> {
        self.write_under(row, &Guard { rules, orders: Some(orders), ..self.guard() }).await
    }

    async fn write_under(&self, row: Row, guard: &Guard) -> Result<Option<Row>, RunError> {
        match self.try_write(&row, guard).await {
            Ok(()) => Ok(Some(Row { version: row.version + 1, ..row })),
            Err(LedgerError::RowChanged(_) | LedgerError::RulesChanged | LedgerError::OrdersChanged) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// One conditional write. A ledger that is busy with another's write of the same items is asked again.
    async fn try_write(&self, row: &Row, guard: &Guard) -> Result<(), LedgerError> {
        let mut tries = 0;
        loop {
            match self.engine.ledger.write(&[RowWrite { row: row.clone() }], guard).await {
                Err(LedgerError::Port(PortError::Conflict(_))) if tries < 5 => {
                    tries += 1;
                    self.engine.clock.sleep(Duration::from_millis(50) * tries).await;
                }
                other => return other,
            }
        }
    }

    /// Writes what has become of a claimed row. Others may only have asked for another look meanwhile, have written down who
    /// wants it now, or have put it on hold: that is kept.
    pub(super) async fn record(&self, row: Row) -> Result<Row, RunError> {
        let mut row = row;
        for _ in 0..5 {
            match self.try_write(&row, &self.guard()).await {
                Ok(()) => return Ok(Row { version: row.version + 1, ..row }),
                Err(LedgerError::RowChanged(_)) => {
                    let Some(current) = self.engine.ledger.row(&row.key).await? else { break };
                    row.version = current.version;
                    row.look_again |= current.look_again;
                    row.wanted_by = current.wanted_by;
                    row.hold = current.hold;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::RowChanged(Box::new(row.key)).into())
    }

    /// The row has ended what it was claimed for: in the state it has now, it is written and taken off the list, and its
    /// account is looked at if that was asked for meanwhile.
    pub(super) async fn end(&mut self, row: Row) -> Result<(), RunError> {
        self.outstanding.remove(&row.key);
        self.looks.remove(&row.key);
        let row = self.record(row).await?;
        if row.look_again {
            self.hint(&row.key.account, &row.cause, "again").await?;
            // From here on the row is anybody's to change: whoever did has looked.
            self.write(Row { look_again: false, ..row }).await?;
        }
        Ok(())
    }

    /// The row has reached a state in which nothing is under way.
    pub(super) async fn settle_in(&mut self, row: Row, state: State) -> Result<(), RunError> {
        let now = self.engine.clock.now();
        self.end(outcome::with_last_request(row).into_state(state, now)).await
    }

    /// Back to waiting, to be sent again after a while. It has cost an attempt.
    pub(super) async fn retry(&mut self, row: Row, wait: Duration, trouble: String) -> Result<(), RunError> {
        self.summary.retried += 1;
        self.end(outcome::retried(row, wait, trouble, self.engine.clock.now())).await
    }

    /// The same where the request may have had effect although AWS doesn't say so: what is found there next may be ours, and what
    /// is not found there may have been taken away by us.
    pub(super) async fn retry_in_doubt(
        &mut self,
        row: Row,
        wait: Duration,
        trouble: String,
    ) -> Result<(), RunError> {
        self.summary.retried += 1;
        self.end(outcome::retried_in_doubt(row, wait, trouble, self.engine.clock.now())).await
    }

    /// The same where nothing was done and nothing is wrong with the row: it costs no attempt.
    pub(super) async fn wait_again(
        &mut self,
        row: Row,
        wait: Duration,
        trouble: String,
    ) -> Result<(), RunError> {
        self.summary.retried += 1;
        self.end(outcome::waiting(row, wait, trouble, self.engine.clock.now())).await
    }
}
