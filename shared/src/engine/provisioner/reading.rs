//! What the session reads of the ledger: rarely much of it.
//!
//! The work comes in its order: claims, revokes, grants, each with the oldest decision first. So a short read shows every new
//! revoke, however long the backlog behind it is; a long one is needed only when what was read before is nearly used up, or can't be sent.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    RunError,
    flight::{Flight, Stage},
    hand::Hand,
    session::{Done, Session},
};
use crate::{
    domain::{AssignmentKey, RulesVersion},
    engine::signed,
    ledger::{Orders, Row},
};

/// How many rows with work a long read takes, to begin with.
const AT_ONCE: usize = 500;

/// How many at most. Rows are about half a kilobyte.
const MOST: usize = 64_000;

/// What a short read takes beyond what is under way.
const GLANCE: usize = 25;

/// What was read.
pub(super) struct Reading {
    rows: Vec<Row>,
    limit: usize,
    is_long: bool,
    rules: Option<RulesVersion>,
    orders: Orders,
}

/// How well the session knows the ledger.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own about the same read")]
#[derive(Debug)]
pub(super) struct State {
    busy: bool,
    /// When the last read was begun.
    last: Option<Timestamp>,
    last_long: Option<Timestamp>,
    /// How many rows a long read takes.
    horizon: usize,
    /// Whether the last read showed all the work there is.
    whole: bool,
    /// What is known to have changed: read again at once.
    outdated: bool,
    /// None of what was read could be sent: the next read goes further.
    stuck: bool,
    /// Rows that this session has changed since the last read was begun: what it shows of them is of before.
    pub(super) touched: BTreeSet<AssignmentKey>,
    pub(super) renewing: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            busy: false,
            last: None,
            last_long: None,
            horizon: AT_ONCE,
            whole: false,
            outdated: false,
            stuck: false,
            touched: BTreeSet::new(),
            renewing: false,
        }
    }
}

impl State {
    /// Other rules are in force than were read, or other orders stand.
    pub(super) fn outdated(&mut self) {
        self.outdated = true;
    }

    /// Whether none of the rows that were read can be sent, and there are others.
    pub(super) fn stuck(&mut self, stuck: bool) {
        self.stuck = stuck && !self.whole && self.horizon < MOST;
    }

    /// Whether the session has changed nothing since it last read.
    pub(super) fn is_fresh(&self) -> bool {
        self.last.is_some() && !self.busy && self.touched.is_empty()
    }

    pub(super) fn is_whole_and_fresh(&self) -> bool {
        self.whole && self.is_fresh()
    }
}

impl Hand<'_> {
    async fn read(&self, limit: usize, is_long: bool) -> Result<Reading, RunError> {
        let (rows, rules, orders) = futures::future::try_join3(
            self.engine.ledger.work(limit),
            self.engine.ledger.rules_in_force(),
            self.engine.ledger.orders(),
        )
        .await?;
        Ok(Reading { rows, limit, is_long, rules: rules.map(|rules| rules.version), orders })
    }
}

impl Session<'_> {
    /// Reads the ledger if that is due.
    pub(super) fn start_reading(&mut self, now: Timestamp) {
        if self.reading.busy {
            return;
        }
        let tick = signed(self.engine().settings.tick);
        let window = self.engine().settings.window;
        let since = |last: Option<Timestamp>| last.is_none_or(|last| last + tick <= now);
        let state = &self.reading;
        let short_of_work = !state.whole && self.backlog.len() < window * 4;
        let is_long = state.last.is_none() || state.stuck || (short_of_work && since(state.last_long));
        let nothing_left = self.flights.is_empty() && self.backlog.is_empty() && !state.touched.is_empty();
        if !is_long && !state.outdated && !nothing_left && !since(state.last) {
            if let Some(last) = state.last {
                self.wake_by(last + tick);
            }
            return;
        }
        if self.reading.stuck {
            self.reading.horizon = (self.reading.horizon * 2).min(MOST);
        }
        let limit = if is_long { self.reading.horizon } else { self.flights.len() + window + GLANCE };
        let state = &mut self.reading;
        (state.busy, state.outdated, state.stuck) = (true, false, false);
        state.last = Some(now);
        if is_long {
            state.last_long = Some(now);
        }
        state.touched.clear();
        let hand = self.hand.clone();
        self.start(async move { Ok(Done::Read(hand.read(limit, is_long).await?)) });
    }

    /// Takes in what was read.
    pub(super) fn take_reading(&mut self, reading: Reading) {
        let Reading { rows, limit, is_long, rules, orders } = reading;
        let now = self.hand.now();
        self.rules = rules;
        self.orders = Some(Arc::new(orders));
        self.reading.busy = false;
        self.reading.whole = rows.len() < limit;
        let touched = std::mem::take(&mut self.reading.touched);
        if is_long || self.reading.whole {
            self.backlog.retain(|key, _| touched.contains(key));
        }
        let mut slow = BTreeSet::new();
        let mut unknown = Vec::new();
        for row in rows {
            let key = row.key.clone();
            if row.is_handed_over(now) {
                slow.insert(key.clone());
            }
            if touched.contains(&key) {
                continue;
            }
            let known = self.flights.get(&key).map(|flight| matches!(flight.stage, Stage::Slow));
            match (known, row.claim().is_some()) {
                (Some(false), _) => {}
                (Some(true), _) if row.is_handed_over(now) => {}
                (None, true) if row.is_handed_over(now) => {
                    self.flights.insert(key, Flight { row, stage: Stage::Slow });
                }
                (None | Some(true), true) => {
                    self.backlog.remove(&key);
                    self.flights.insert(key.clone(), Flight { row, stage: Stage::Reading });
                    unknown.push(key);
                }
                (None | Some(true), false) => {
                    self.flights.remove(&key);
                    self.backlog.insert(key, row);
                }
            }
        }
        // What messages looked after, and is not among the claims any more, has ended.
        self.flights.retain(|key, flight| {
            !matches!(flight.stage, Stage::Slow) || slow.contains(key) || touched.contains(key)
        });
        self.reading.touched = touched;
        for key in unknown {
            self.take_over(key);
        }
    }
}
