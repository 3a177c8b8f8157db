//! Sending what may be sent: as many as the window and the rate take, the moment a place is free.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    RunError,
    choose::{Limits, Load, Ready, SecondUpdate, choose},
    ending::End,
    flight::{Flight, Following, Stage},
    hand::Hand,
    looks::Open,
    send::Sent,
    session::{Done, Session},
    stale::SentBack,
};
use crate::{
    domain::{AccountId, AssignmentKey, Operation, PermissionSetArn, RulesVersion},
    engine::signed,
    ledger::Row,
    ports::{Request, RequestStatus},
    provisioning::backoff,
};

/// The longest that the engine waits when others take the whole window.
const LONGEST_HOLD: Duration = Duration::from_secs(20);

/// How long a refusal of a second role update is believed. It may have been about something else, so that one is tried again.
const STRICT_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Nothing is stuck before it has taken this long.
const STUCK: Duration = Duration::from_mins(1);

/// How long the engine stays up for what it has sent back to be decided again.
const DECIDED_WITHIN: SignedDuration = SignedDuration::from_secs(15);

impl Hand<'_> {
    /// Asks for an account to be decided again. The same decision is asked about with the same id under the same rules and orders, so that
    /// no two runs put the same account into the inbox.
    async fn send_back(
        &self,
        back: SentBack,
        rules: Option<RulesVersion>,
        orders: u64,
    ) -> Result<(), RunError> {
        let SentBack { account, cause, decided_at } = back;
        let rules = rules.as_ref().map_or("none", RulesVersion::short);
        let deduplication = format!("stale-{rules}-{orders}-{}-{account}", decided_at.as_microsecond());
        self.hint(&account, &cause, deduplication).await
    }
}

impl Session<'_> {
    /// Sends as many as there are places for, one for each turn that the rate gives.
    pub(super) fn start_sending(&mut self, now: Timestamp) {
        self.hand.sends_wait(false);
        let Some(orders) = self.orders.clone() else { return };
        if self.backlog.is_empty() {
            (self.earliest, self.waiting_for_others) = (None, false);
            return;
        }
        if self.nothing_is_awaited() && self.window.room(self.under_way(now)) == 0 {
            // What would be counted until the next try doesn't come.
            self.window.try_next();
        }
        let turn = self.hand.pace().ready_at(now);
        let may_send_at = turn.max(self.hold_until);
        let room = if self.refused { 0 } else { self.window.room(self.under_way(now)) };
        if room == 0 {
            self.wake_for_presumed(now);
            if !self.flights.is_empty() {
                return;
            }
        }
        if may_send_at > now {
            self.hand.sends_wait(turn > self.hold_until);
            self.wake_by(may_send_at);
            return;
        }
        let load = self.load(now);
        let settings = &self.engine().settings;
        let limits = Limits {
            room,
            rules: self.rules.as_ref(),
            orders: &orders,
            intent_age: signed(settings.intent_age),
            second_update: self.second_update(now),
            // Whoever decides does one account after the other: more would only make events wait.
            sent_back: if self.reading.take_news() { settings.window * 2 } else { 0 },
            now,
        };
        let waiting = self.backlog.values().filter(|row| !self.flights.contains_key(&row.key));
        let choice = choose(waiting, &load, &self.roles, &limits);
        self.earliest = choice.earliest;
        self.waiting_for_others = choice.waiting_for_others;
        let stuck = choice.ready.is_empty() && room > 0 && choice.passed_over;
        // Where there is work in few accounts only, one request may have to wait for another's role.
        let short = choice.others < settings.window * 4 || choice.accounts < settings.window * 2;
        self.reading.chosen(short, stuck, choice.late);
        if let Some(earliest) = choice.earliest {
            self.wake_by(earliest);
        }
        self.send_back(choice.sent_back, orders.version, now);
        self.read_roles(choice.hindered);
        for Ready { row, unhindered } in choice.ready {
            let turn = self.hand.pace().ready_at(now);
            if turn > now {
                self.hand.sends_wait(true);
                self.wake_by(turn);
                return;
            }
            self.hand.pace().take(now);
            self.send(row, unhindered, orders.version);
        }
        self.wake_for_presumed(now);
    }

    /// Whether all that is under way is looked after by messages.
    fn nothing_is_awaited(&self) -> bool {
        let is_slow = |flight: &Flight| matches!(flight.stage, Stage::Slow | Stage::Ending);
        !self.flights.is_empty() && self.flights.values().all(is_slow)
    }

    fn second_update(&self, now: Timestamp) -> SecondUpdate {
        match self.strict_until {
            Some(until) if now < until => SecondUpdate::Refused,
            _ if self.takes_second => SecondUpdate::Taken,
            _ => SecondUpdate::Unknown,
        }
    }

    /// What is under way in the accounts.
    fn load(&self, now: Timestamp) -> Load {
        let mut load = Load::default();
        for flight in self.flights.values().filter(|flight| flight.takes_a_place()) {
            if self.is_stuck(flight, now) {
                load.add_stuck(&flight.row, &self.roles);
            } else {
                load.add(&flight.row, &self.roles);
            }
            load.tries_a_second |= matches!(flight.stage, Stage::Sending { unhindered: false });
        }
        load
    }

    /// Reads what the ledger knows of the roles in these accounts, once for each.
    fn read_roles(&mut self, accounts: BTreeSet<AccountId>) {
        for account in accounts {
            let looked: Vec<PermissionSetArn> = {
                let looks = self.hand.looks();
                let there = looks.iter().filter(|((of, _), (_, who))| *of == account && !who.is_empty());
                there.map(|((_, set), _)| set.clone()).collect()
            };
            for set in looked {
                self.roles.seen(&account, &set);
            }
            if self.roles_read.insert(account.clone()) {
                let hand = self.hand.clone();
                self.start(async move { Ok(Done::Roles(hand.engine.ledger.rows_of(&account).await?)) });
            }
        }
    }

    /// Whether something takes so much longer than others do that nothing else should wait behind it.
    fn is_stuck(&self, flight: &Flight, now: Timestamp) -> bool {
        let usual = flight.operation().and_then(|operation| self.watch(operation).latency.overdue());
        matches!(flight.stage, Stage::Slow | Stage::HandingOver)
            || flight.waited(now) > STUCK.max(usual.unwrap_or_default() * 2)
    }

    /// The next place that is presumed to get free is taken at that moment.
    fn wake_for_presumed(&mut self, now: Timestamp) {
        if let Some(next) = self.presumed().into_iter().filter(|from| *from > now).min() {
            self.wake_by(next);
        }
    }

    fn send(&mut self, row: Row, unhindered: bool, orders: u64) {
        let key = row.key.clone();
        self.backlog.remove(&key);
        if row.work().is_some_and(|(operation, _)| operation == Operation::Revoke) {
            self.roles.leaves(&key);
        }
        if !self.hinted.is_empty() {
            // What was sent back comes again, and others may follow.
            self.decided_by = self.hand.now() + DECIDED_WITHIN;
        }
        self.flights.insert(key.clone(), Flight { row: row.clone(), stage: Stage::Sending { unhindered } });
        let hand = self.hand.clone();
        self.start(async move {
            let sent = hand.send(row, orders).await?;
            Ok(Done::Sent { key, sent })
        });
    }

    /// Sends accounts back whose intents are too old, or were decided by rules no longer in force.
    fn send_back(&mut self, accounts: Vec<SentBack>, orders: u64, now: Timestamp) {
        for back in accounts {
            if self.hinted.insert((back.account.clone(), back.decided_at, orders)) {
                self.decided_by = now + DECIDED_WITHIN;
                let (hand, rules) = (self.hand.clone(), self.rules.clone());
                self.start(async move {
                    hand.send_back(back, rules, orders).await?;
                    Ok(Done::Hinted)
                });
            }
        }
    }

    /// Takes in what came of sending a row.
    pub(super) fn take_sent(&mut self, key: AssignmentKey, sent: Sent) {
        let now = self.hand.now();
        match sent {
            Sent::Accepted { row, request, since, took } => {
                self.trips.took(took);
                let (cause, request_id) = (row.cause.as_str(), &request.id);
                tracing::info!(account.id = %key.account, %key, cause, request.id = %request_id, "{key}: sent");
                // What it is about doesn't change: nobody needs to ask.
                self.hand.remember(request.clone());
                self.held = 0;
                self.accepted(&key, row, &request, since);
                self.window.answered();
                let under_way = self.under_way(now);
                self.window.accepted(under_way);
            }
            Sent::Unanswered(row) => {
                if let Some(flight) = self.flights.get_mut(&key) {
                    let next = now + signed(Duration::from_secs(1));
                    (flight.row, flight.stage) = (row, Stage::Lost { next, busy: false });
                }
            }
            Sent::PutBack { row, too_much } => {
                self.summary.retried += 1;
                self.land(&key);
                if row.work().is_some() {
                    self.backlog.insert(key, row);
                }
                if too_much {
                    self.take_refusal(now);
                }
            }
            Sent::Ended { row, end } => {
                let account = key.account.clone();
                self.land(&key);
                // A conflict with nothing but another role update of its account, as far as is known: AWS takes no second one.
                let others = self.flights.keys().any(|key| key.account == account);
                if others && end == End::Later {
                    (self.strict_until, self.takes_second) = (Some(now + STRICT_FOR), false);
                }
                self.tell(&row, end);
            }
            Sent::Nothing => self.land(&key),
            Sent::Overtaken(row) => {
                self.land(&key);
                self.backlog.insert(key, row);
                self.reading.outdated();
            }
            Sent::Barred(error) => {
                self.summary.retried += 1;
                self.land(&key);
                self.break_off(RunError::Access(error));
            }
        }
    }

    /// AWS has taken a request.
    fn accepted(&mut self, key: &AssignmentKey, row: Row, request: &Request, since: Timestamp) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        let unhindered = matches!(flight.stage, Stage::Sending { unhindered: true });
        self.takes_second |= !unhindered;
        flight.row = row;
        flight.stage = Stage::Open(Following {
            request: request.id.clone(),
            created_at: request.created_at,
            open: Open { since, looked: None },
            exact: true,
            unhindered,
            closer: None,
            busy: false,
        });
        if request.status != RequestStatus::InProgress {
            self.conclude(key, &request.status);
        }
    }

    /// AWS has refused a request because the window is full.
    fn take_refusal(&mut self, now: Timestamp) {
        let mut presumed = false;
        for operation in [Operation::Revoke, Operation::Grant] {
            if self.has_presumed(operation, now) {
                // A place that was presumed to be free was not: that may be all there is to it, and looks come first.
                self.watch_mut(operation).latency.contradicted();
                presumed = true;
            }
        }
        self.refused |= !presumed;
    }

    /// Once AWS has answered all that was under way to it at a refusal, what it has taken is what is ours to use.
    pub(super) fn settle_refusal(&mut self) {
        let sending = self.flights.values().any(|flight| matches!(flight.stage, Stage::Sending { .. }));
        if !self.refused || sending {
            return;
        }
        let now = self.hand.now();
        self.refused = false;
        let under_way = self.under_way(now);
        self.window.refused(under_way, now);
        if self.flights.is_empty() || self.nothing_is_awaited() {
            // Others have all of it, but for what messages look after: there is no end of ours to wait for.
            self.hold_until = now + signed(backoff(self.held).min(LONGEST_HOLD));
            self.held = self.held.saturating_add(1);
        }
    }
}
