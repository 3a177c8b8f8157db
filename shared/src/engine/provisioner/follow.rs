//! Following requests to their end. Accepted is not provisioned: only a terminal status read from AWS ends an operation.

use std::{sync::OnceLock, time::Duration};

use jiff::Timestamp;

use super::{
    RunError,
    ending::{self, Ended, Ending},
    flight::{Following, Stage},
    hand::{Hand, Turn},
    latency::Latency,
    looks::{self, Open},
    session::{Done, Session},
    shown::Shown,
    watch::ROUGHLY,
};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    engine::signed,
    ledger::Row,
    ports::{Page, Request, RequestListing, RequestStatus},
    provisioning::next_look,
};

/// How many requests one look at a list shows: one page, as a rule.
const LISTED: usize = 100;

/// From so many on, a list of the failed is cheaper than to ask about each.
const MANY: usize = 3;

/// So few revokes that wait make looks come sooner.
const FEW: usize = 3;

/// How many must probably have ended then.
const URGENT: f64 = 0.5;

/// What AWS said of one request; the outer `None` if it said nothing this time, the inner one if it no longer knows the request.
pub(super) type Described = Option<Option<Request>>;

impl Hand<'_> {
    /// One look at a list, with the moment at which it was sent; `None` when it could not be had this time.
    pub(super) async fn look(
        &self,
        operation: Operation,
        listing: RequestListing,
    ) -> Result<(Timestamp, Option<Shown>), RunError> {
        let begun = OnceLock::new();
        let page = |token, most| {
            let begun = &begun;
            self.ask(Turn::Next, async move {
                begun.get_or_init(|| self.now());
                self.engine.access.requests_page(operation, listing, most, token).await
            })
        };
        let listed = Page::turn_all(LISTED, page).await;
        let at = begun.get().copied().unwrap_or_else(|| self.now());
        match listed {
            Ok(listed) => Ok((at, Some(Shown::of(&listed, LISTED)))),
            Err(error) if error.is_transient() => Ok((at, None)),
            Err(error) => Err(RunError::Access(error)),
        }
    }

    /// Asks about one request.
    pub(super) async fn describe(
        &self,
        operation: Operation,
        request: &RequestId,
    ) -> Result<(Timestamp, Described), RunError> {
        let mut begun = None;
        let answer = self.ask(Turn::Next, async {
            begun = Some(self.now());
            self.engine.access.request(operation, request).await
        });
        let answer = answer.await;
        let at = begun.unwrap_or_else(|| self.now());
        match answer {
            Ok(request) => Ok((at, Some(request))),
            Err(error) if error.is_transient() => Ok((at, None)),
            Err(error) => Err(RunError::Access(error)),
        }
    }
}

impl Session<'_> {
    /// Everything that is followed of one operation.
    fn followed(&self, operation: Operation) -> impl Iterator<Item = (&AssignmentKey, &Following)> {
        self.flights
            .iter()
            .filter(move |(_, flight)| flight.operation() == Some(operation))
            .filter_map(|(key, flight)| Some((key, flight.following()?)))
    }

    /// From when on the place of each request of this operation is presumed to be free.
    fn presumed_of(&self, operation: Operation) -> impl Iterator<Item = Timestamp> {
        let (watch, unevenness) = (self.watch(operation), self.trips.unevenness());
        let doubted = self.followed(operation).any(|(_, following)| watch.doubts(following));
        self.followed(operation)
            .filter(move |_| !doubted)
            .filter_map(move |(_, following)| watch.presumed_from(following, unevenness))
    }

    /// The same of all that is followed.
    pub(super) fn presumed(&self) -> Vec<Timestamp> {
        self.presumed_of(Operation::Revoke).chain(self.presumed_of(Operation::Grant)).collect()
    }

    /// Whether the place of a request of this operation is presumed to be free.
    pub(super) fn has_presumed(&self, operation: Operation, now: Timestamp) -> bool {
        self.presumed_of(operation).any(|from| from <= now)
    }

    /// What is followed of an operation and neither presumed to end at a moment nor asked about by itself; all of it where nothing is presumed.
    fn only_looks_tell_of(&self, operation: Operation, some_are_presumed: bool) -> Vec<Open> {
        let (watch, unevenness) = (self.watch(operation), self.trips.unevenness());
        self.followed(operation)
            .map(|(_, following)| following)
            .filter(|following| {
                let is_known = || watch.presumed_from(following, unevenness).is_some();
                !some_are_presumed || !(following.closer.is_some() || is_known())
            })
            .map(|following| following.open)
            .collect()
    }

    /// Starts the looks that are due.
    pub(super) fn start_looks(&mut self, now: Timestamp) {
        let all = [Operation::Revoke, Operation::Grant].map(|operation| self.followed(operation).count());
        let all = all.iter().sum::<usize>().max(1);
        let presumed = self.presumed().into_iter().filter(|from| *from <= now).count();
        let crowded = presumed + 1 >= self.window.presumed_at_most().max(2);
        let is_revoke = |row: &&Row| row.work().is_some_and(|(operation, _)| operation == Operation::Revoke);
        let revokes_wait = self.backlog.values().filter(is_revoke).take(FEW + 1).count();
        for operation in [Operation::Revoke, Operation::Grant] {
            let first = if self.backlog.is_empty() { None } else { self.presumed_of(operation).min() };
            let open = self.only_looks_tell_of(operation, first.is_some());
            let share = ratio(self.followed(operation).count(), all);
            let worth = looks::worth(share);
            // A few revokes are not to wait until a look is worth its call.
            let worth = if (1..=FEW).contains(&revokes_wait) { worth.min(URGENT) } else { worth };
            let Some(due) = self.watch(operation).next_look(&open, worth, first, crowded, now) else {
                continue;
            };
            if due > now {
                self.wake_by(due);
                continue;
            }
            self.watch_mut(operation).looking = true;
            self.start_list(operation, RequestListing::Succeeded);
        }
    }

    fn start_list(&mut self, operation: Operation, listing: RequestListing) {
        let hand = self.hand.clone();
        self.start(async move {
            let (at, shown) = hand.look(operation, listing).await?;
            Ok(Done::Looked { operation, listing, at, shown })
        });
    }

    /// Asks about single requests that the lists should have shown by now: they failed, or the lists lag.
    pub(super) fn start_closer_looks(&mut self, now: Timestamp) {
        for operation in [Operation::Revoke, Operation::Grant] {
            let mut by_age: Vec<(Timestamp, &AssignmentKey)> =
                self.followed(operation).map(|(key, following)| (following.open.since, key)).collect();
            by_age.sort_unstable();
            let (mut due, mut later) = (Vec::new(), Timestamp::MAX);
            for (key, following) in self.followed(operation) {
                let older = by_age.partition_point(|of| *of < (following.open.since, key));
                let older = u32::try_from(older).unwrap_or(u32::MAX);
                match self.watch(operation).closer(following, older, now) {
                    Some(at) if at <= now => due.push((key.clone(), following.request.clone())),
                    Some(at) => later = later.min(at),
                    None => {}
                }
            }
            self.wake_by(later);
            let watch = self.watch(operation);
            if due.len() >= MANY && !watch.distrusts() && watch.may_list_failed(now) {
                self.watch_mut(operation).last_failed = Some(now);
                self.start_list(operation, RequestListing::Failed);
                for (key, _) in &due {
                    self.put_off(key, now);
                }
                continue;
            }
            for (key, request) in due {
                if let Some(following) = self.flights.get_mut(&key).and_then(|flight| flight.following_mut())
                {
                    following.busy = true;
                }
                let hand = self.hand.clone();
                self.start(async move {
                    let (at, described) = hand.describe(operation, &request).await?;
                    Ok(Done::Described { key, operation, request, at, described })
                });
            }
        }
    }

    /// Not to be asked about by itself for a while.
    fn put_off(&mut self, key: &AssignmentKey, at: Timestamp) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        let wait = next_look(flight.waited(at));
        if let Some(following) = flight.following_mut() {
            following.closer = Some(at + signed(wait));
        }
    }

    /// Takes in what a list has shown.
    pub(super) fn take_list(
        &mut self,
        operation: Operation,
        listing: RequestListing,
        at: Timestamp,
        shown: Option<Shown>,
    ) {
        let watch = self.watch_mut(operation);
        if listing == RequestListing::Succeeded {
            watch.looking = false;
            watch.looked(at);
        }
        let Some(shown) = shown else { return };
        self.window.answered();
        if listing != RequestListing::Succeeded {
            // What it has shown is asked about before it is asked for again.
            self.watch_mut(operation).last_failed = Some(self.hand.now());
            let failed: Vec<AssignmentKey> = self
                .followed(operation)
                .filter(|(_, following)| shown.ids.contains(&following.request))
                .map(|(key, _)| key.clone())
                .collect();
            for key in failed {
                if let Some(following) = self.flights.get_mut(&key).and_then(|flight| flight.following_mut())
                {
                    // The list gives no reason.
                    following.closer = Some(at);
                }
            }
            return;
        }
        if self.watch_mut(operation).check(at, &shown) {
            // That they have not shown it tells nothing of a request either.
            for flight in self.flights.values_mut().filter(|flight| flight.operation() == Some(operation)) {
                if let Some(following) = flight.following_mut() {
                    following.open.looked = None;
                }
            }
        }
        let believed = !self.watch(operation).distrusts();
        let mut done = Vec::new();
        let mut ages = Vec::new();
        for (key, flight) in &mut self.flights {
            if flight.operation() != Some(operation) {
                continue;
            }
            let Some(following) = flight.following_mut().filter(|following| following.open.since <= at)
            else {
                continue;
            };
            if shown.ids.contains(&following.request) {
                done.push(key.clone());
                ages.extend(believed.then(|| Ages::of(following, at)));
            } else if believed && shown.would_show(following.created_at) {
                following.open.looked = Some(at);
            }
        }
        for ages in ages {
            ages.tell(&mut self.watch_mut(operation).latency);
        }
        for key in done {
            self.conclude(&key, &RequestStatus::Succeeded);
        }
    }

    /// Takes in what AWS said of one request.
    pub(super) fn take_description(
        &mut self,
        key: AssignmentKey,
        operation: Operation,
        request: &RequestId,
        at: Timestamp,
        described: Described,
    ) {
        if described.is_some() {
            self.window.answered();
        }
        let Some(flight) = self.flights.get_mut(&key) else { return };
        let waited = flight.waited(at);
        let Some(following) = flight.following_mut().filter(|following| following.request == *request) else {
            return;
        };
        following.busy = false;
        let Some(described) = described else {
            following.closer = Some(at + signed(next_look(waited)));
            return;
        };
        match described.map(|request| (request.status, request.created_at)) {
            Some((RequestStatus::InProgress, created_at)) => {
                following.created_at = created_at.or(following.created_at);
                let (age, tells) = (following.open.age(at), following.exact && following.unhindered);
                // What was due is done; when it is asked about next follows from what is known then.
                (following.open.looked, following.closer) = (Some(at), None);
                let watch = self.watch_mut(operation);
                if tells {
                    watch.latency.still_under_way(age);
                }
                let awaited = watch.distrusts() && watch.bounds().is_none_or(|bounds| age < bounds.within);
                if !awaited {
                    self.put_off(&key, at);
                }
            }
            Some((status, created_at)) => {
                if status == RequestStatus::Succeeded {
                    let (ages, exact) = (Ages::of(following, at), following.exact);
                    let watch = self.watch_mut(operation);
                    ages.tell(&mut watch.latency);
                    if exact {
                        // Of another run's, the lists may have told for as long as they do.
                        watch.expect(request.clone(), created_at, at);
                    }
                }
                self.conclude(&key, &status);
            }
            None => {
                following.closer = Some(at + signed(next_look(waited)));
                following.busy = true;
                let (hand, row) = (self.hand.clone(), flight.row.clone());
                self.start(async move {
                    let came_of_it = hand.settle_unknown(row.clone()).await;
                    let settled = hand.or_kept(&row, came_of_it).await?;
                    Ok(Done::SettledUnknown { key, settled })
                });
            }
        }
    }

    /// AWS has said how it ended: that is written down, and its place in the window is free from now on.
    pub(super) fn conclude(&mut self, key: &AssignmentKey, status: &RequestStatus) {
        let now = self.hand.now();
        let Some(flight) = self.flights.get_mut(key) else { return };
        let Some(Ending { row, ended }) = ending::of(flight.row.clone(), status, now) else { return };
        flight.stage = Stage::Ending;
        self.write_end(row, ended);
    }

    fn write_end(&mut self, row: Row, ended: Ended) {
        let hand = self.hand.clone();
        self.start(async move {
            let row = hand.end(row, Some(ended)).await?;
            Ok(Done::Ended { row, ended })
        });
    }
}

/// Between which ages a request has ended that a look has found ended.
struct Ages {
    over: Duration,
    within: Duration,
    unhindered: bool,
}

impl Ages {
    fn of(following: &Following, at: Timestamp) -> Self {
        let (over, within) = (following.open.seen_at(), following.open.age(at));
        // Another session's call was made at some moment before what is taken for it.
        let within = if following.exact { within } else { within + ROUGHLY };
        Self { over, within, unhindered: following.unhindered }
    }

    fn tell(&self, latency: &mut Latency) {
        if self.unhindered {
            latency.ended(self.over, self.within);
        } else {
            latency.ended_with_others(self.over, self.within);
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    number(part) / number(whole)
}
