//! What the session reads of the ledger: rarely much of it.
//!
//! The work comes in its order: claims, revokes, grants, each with the oldest decision first. So a short read shows every new
//! revoke, however long the backlog behind it is; a long one is needed only when what was read before is nearly used up, or can't be sent.
//! Where the first in order are too old to be sent, those that are not are read beside them: however many wait to be decided again, what has
//! been is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    RunError,
    flight::{Flight, Stage},
    hand::Hand,
    session::{Done, Session},
};
use crate::{
    domain::{AssignmentKey, Operation, RulesVersion},
    engine::signed,
    ledger::{Orders, Row},
    ports::RulesInForce,
};

/// How many rows with work a long read takes, to begin with.
const AT_ONCE: usize = 500;

/// How many at most. Rows are about half a kilobyte.
const MOST: usize = 64_000;

/// What a short read takes beyond what is under way.
const GLANCE: usize = 25;

/// How long before a place is presumed to get free the ledger is read.
const AHEAD: SignedDuration = SignedDuration::from_millis(40);

/// By how much the clocks of those who decide may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// What was read.
pub(super) struct Reading {
    rows: Vec<Row>,
    /// It is all the work there is.
    whole: bool,
    /// It is all the work that can be sent as it is.
    complete: bool,
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
    /// Whether what is known is all the work that could be sent as it is.
    complete: bool,
    /// When something was last chosen, little was left that could be sent as it is.
    short: bool,
    /// A long read has just been made; even right after one, little could be sent.
    fresh_long: bool,
    narrow: bool,
    /// Something was read, and nothing has been chosen of it yet.
    news: bool,
    /// What is known to have changed: read again at once.
    outdated: bool,
    /// None of what was read could be sent: the next read goes further.
    stuck: bool,
    /// What is too old has been read as far as it goes, once.
    deep: bool,
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
            complete: false,
            short: true,
            fresh_long: false,
            narrow: false,
            news: false,
            outdated: false,
            stuck: false,
            deep: false,
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

    /// What came of choosing: little is left that could be sent, or nothing of what was read can be, and others might; and whether all
    /// that is too old has been so for long, so that what has just become so may be behind it.
    pub(super) fn chosen(&mut self, short: bool, stuck: bool, late: bool) {
        // Right after a long read: the next one goes further.
        self.narrow |= short && self.fresh_long && !self.complete && self.horizon < MOST;
        self.fresh_long = false;
        self.short = short;
        self.deep |= self.whole || self.horizon >= MOST;
        let goes_on = (stuck && !self.complete) || (late && short && !self.deep);
        self.stuck = goes_on && self.horizon < MOST;
    }

    /// Whether something was read since this was last asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether the session has changed nothing since it last read.
    pub(super) fn is_fresh(&self) -> bool {
        self.last.is_some() && !self.busy && self.touched.is_empty()
    }

    /// Whether nothing is to be read that is not known yet.
    pub(super) fn is_settled(&self) -> bool {
        self.is_fresh() && !self.stuck
    }

    pub(super) fn is_whole_and_fresh(&self) -> bool {
        self.whole && self.is_fresh()
    }
}

impl Hand<'_> {
    async fn read(&self, limit: usize, is_long: bool) -> Result<Reading, RunError> {
        let ledger = self.engine.ledger;
        let (mut rows, rules, orders) =
            futures::future::try_join3(ledger.work(limit), ledger.rules_in_force(), ledger.orders()).await?;
        let whole = rows.len() < limit;
        let mut complete = whole;
        let sendable = self.decided_since(rules.as_ref());
        let decided_at = |row: &Row| row.work().map(|(_, intent)| intent.decided_at);
        if !whole && rows.last().and_then(decided_at).is_some_and(|at| at < sendable) {
            let others = ledger.work_decided_since(sendable, limit).await?;
            complete = others.len() < limit;
            rows.extend(others);
        }
        Ok(Reading { rows, whole, complete, is_long, rules: rules.map(|rules| rules.version), orders })
    }

    /// What was decided before is too old to be sent, or was decided by other rules.
    fn decided_since(&self, rules: Option<&RulesInForce>) -> Timestamp {
        let old_enough = self.now() - signed(self.engine.settings.intent_age);
        rules.map_or(old_enough, |rules| old_enough.max(rules.since - SKEW))
    }
}

impl Session<'_> {
    /// The rows that it knows, as it knows them.
    pub(super) fn versions(&self) -> BTreeMap<AssignmentKey, u64> {
        let flights = self.flights.values().map(|flight| &flight.row);
        self.backlog.values().chain(flights).map(|row| (row.key.clone(), row.version)).collect()
    }

    /// Reads the ledger if that is due.
    pub(super) fn start_reading(&mut self, now: Timestamp) {
        if self.reading.busy {
            return;
        }
        let tick = signed(self.engine().settings.tick);
        let window = self.engine().settings.window;
        let since = |last: Option<Timestamp>, wait| last.is_none_or(|last| last + wait <= now);
        let state = &self.reading;
        let short_of_work = !state.complete && state.short;
        // The longer, the rarer.
        let apart = tick * i32::try_from(state.horizon / (AT_ONCE * 4)).unwrap_or(i32::MAX).max(1);
        let is_long =
            state.last.is_none() || ((short_of_work || state.stuck) && since(state.last_long, apart));
        let nothing_left = self.flights.is_empty() && self.backlog.is_empty() && !state.touched.is_empty();
        // Whoever gets the next place should be known by then: a revoke that misses it may wait long for another.
        let before_a_place =
            self.presumed().into_iter().filter(|from| *from > now).min().map(|from| from - AHEAD);
        let ahead = before_a_place.is_some_and(|at| at <= now) && since(state.last, tick / 2);
        if !is_long && !state.outdated && !nothing_left && !ahead && !since(state.last, tick) {
            if let Some(last) = state.last {
                self.wake_by(last + tick);
                if let Some(at) = before_a_place {
                    self.wake_by(at.max(last + tick / 2));
                }
            }
            return;
        }
        if is_long && (self.reading.stuck || std::mem::take(&mut self.reading.narrow)) {
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
        let Reading { rows, whole, complete, is_long, rules, orders } = reading;
        let now = self.hand.now();
        self.rules = rules;
        self.orders = Some(Arc::new(orders));
        (self.reading.busy, self.reading.news, self.reading.fresh_long) = (false, true, is_long);
        self.reading.whole = whole;
        self.reading.complete = complete;
        self.reading.short &= !is_long;
        let touched = std::mem::take(&mut self.reading.touched);
        let intent_age = signed(self.engine().settings.intent_age);
        let (rules, everything) = (self.rules.as_ref(), is_long || whole);
        self.backlog.retain(|key, row| {
            // What can't be sent any more is known only as far as it is first in order: the rest may have been decided again.
            let is_stale = || {
                row.rules.as_ref() != rules
                    || row.work().is_none_or(|(_, intent)| intent.is_stale(intent_age, now))
            };
            touched.contains(key) || !(everything || is_stale())
        });
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
                    if row.work().is_some_and(|(operation, _)| operation == Operation::Revoke) {
                        self.roles.leaves(&key);
                    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_what_stays_too_old_is_read_on_to_the_end_once() {
        let mut state = State { whole: false, complete: true, ..State::default() };
        state.chosen(true, false, false);
        assert!(!state.stuck, "something has just become too old: it is decided again first");
        state.chosen(true, false, true);
        assert!(state.stuck);
        state.whole = true;
        state.chosen(true, false, true);
        assert!(!state.stuck, "there is nothing behind it");
        state.whole = false;
        state.chosen(true, false, true);
        assert!(!state.stuck, "it has been looked through");
    }
}
