//! The functions as Lambda runs them: each by itself, as many at a time as the settings say, and each at its share of AWS's rates.
//!
//! Elsewhere scenarios go step by step. Here people act while the functions work, so that what is measured is what would be seen.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::{
    engine::{Heard, RunSummary},
    events::Family,
    pace::{Paces, Share},
    ports::{Clock as _, Queue as _},
};
use simulator::{Caller, CallerKind, InProcess};
use tokio::sync::Notify;

use super::{known::Known, signs};
use crate::scenarios::{
    ports::Ports,
    records::sqs_event,
    service::{Service, USHER},
};

/// How long a record is hidden from others while it is worked on.
const VISIBILITY: Duration = Duration::from_mins(6);

/// Lambda tries an event again after a minute, then after two, and gives up.
const AGAIN: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];

/// The shares that `docs/settings.md` names, of one instance each.
const EVENTS: Share = Share { sso_admin: 1.0, identity_store: 2.0, organizations: 0.25, burst: 1 };
const RECONCILE: Share = Share { sso_admin: 2.0, identity_store: 4.0, organizations: 0.1875, burst: 1 };
const SWEEP: Share = Share { sso_admin: 3.0, identity_store: 8.0, organizations: 0.5, burst: 1 };
const TICK: Share = Share { sso_admin: 1.0, identity_store: 2.0, organizations: 0.125, burst: 1 };
const REST: Share = Share { sso_admin: 0.5, identity_store: 1.0, organizations: 0.0625, burst: 1 };

/// An event that a function has been given, and how often it has failed.
struct Given {
    event: Value,
    failures: usize,
}

/// What the functions did, counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Outcomes(pub(super) BTreeMap<&'static str, usize>);

impl Outcomes {
    fn add(&mut self, outcome: &'static str, times: usize) {
        *self.0.entry(outcome).or_default() += times;
    }
}

/// The service at work.
pub(super) struct Running<'a> {
    pub(super) service: &'a Service,
    /// Rung whenever something was done, so that whoever has nothing to do looks again.
    bell: Notify,
    busy: Cell<usize>,
    /// The events of accounts, of the directory and of permission sets, each for a function of its own.
    given: [RefCell<VecDeque<Given>>; 3],
    /// Events that failed, by the time at which they come again.
    again: RefCell<BTreeMap<(Timestamp, usize), (usize, Given)>>,
    /// When each event was first heard of, by what tells events apart.
    heard: RefCell<BTreeMap<String, Timestamp>>,
    seen: RefCell<BTreeSet<String>>,
    pub(super) outcomes: RefCell<Outcomes>,
}

/// The ports of a service as a function with this share sees AWS.
fn paced(service: &Service, share: Share) -> Ports {
    let caller = Caller::new(USHER, service.person.account.clone(), CallerKind::Management);
    seen_by(service, caller, share)
}

fn seen_by(service: &Service, caller: Caller, share: Share) -> Ports {
    let face = InProcess {
        world: Arc::clone(&service.world),
        clock: service.clock.clone(),
        caller,
        round_trip: Duration::from_millis(50),
        paces: Some(Arc::new(Paces::new(share, service.clock.clone()))),
    };
    let access = Arc::new(Known::new(face.clone()));
    let face = Arc::new(face);
    Ports { organization: face.clone(), directory: face, access, ..service.ports.clone() }
}

/// The ports of the sweep, and of commands, of which nobody runs one during a sweep.
pub(super) fn of_sweep(service: &Service) -> Ports {
    paced(service, SWEEP)
}

/// The ports of somebody who only looks, while all others are quiet.
pub(super) fn of_observer(service: &Service) -> Ports {
    let caller = Caller::new("observer", service.person.account.clone(), CallerKind::Management);
    seen_by(service, caller, Share { sso_admin: 8.0, identity_store: 8.0, ..SWEEP })
}

impl<'a> Running<'a> {
    pub(super) fn new(service: &'a Service) -> Self {
        Self {
            service,
            bell: Notify::new(),
            busy: Cell::new(0),
            given: Default::default(),
            again: RefCell::default(),
            heard: RefCell::new([(signs::CLOCK.to_owned(), Timestamp::MIN)].into()),
            seen: RefCell::default(),
            outcomes: RefCell::default(),
        }
    }

    /// All functions, for as long as `meanwhile` goes on.
    pub(super) async fn during<T>(&self, meanwhile: impl Future<Output = T>) -> T {
        let functions = async {
            tokio::join!(
                self.deliver(),
                self.hear(0),
                self.hear(1),
                self.hear(2),
                self.decide(),
                self.decide(),
                self.provision(),
                self.poll(),
                self.tick(),
                self.reprovision(),
            )
        };
        tokio::select! {
            biased;
            _ = functions => unreachable!("no function ever ends"),
            done = meanwhile => done,
        }
    }

    /// When the event that this is a sign of was first heard of.
    pub(super) fn heard_at(&self, sign: &str) -> Option<Timestamp> {
        self.heard.borrow().get(sign).copied()
    }

    /// Waits until nothing is on its way and nothing under way, for so long at most.
    pub(super) async fn quiet(&self, patience: SignedDuration) -> bool {
        let end = self.service.clock.now() + patience;
        self.ring();
        loop {
            if self.is_quiet() {
                return true;
            }
            if self.service.clock.now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// What keeps it from being quiet, for whoever reads why a test failed.
    pub(super) fn noise(&self) -> String {
        let depths =
            [&self.service.inbox, &self.service.wake, &self.service.polls].map(|queue| queue.depth());
        let given = self.given.each_ref().map(|given| given.borrow().len());
        let (busy, again) = (self.busy.get(), self.again.borrow().len());
        let due = self.service.world().next_due();
        format!("inbox, wake, polls {depths:?}, busy {busy}, events {given:?}, again {again}, due {due:?}")
    }

    fn is_quiet(&self) -> bool {
        let queues = [&self.service.inbox, &self.service.wake, &self.service.polls];
        let idle = queues.iter().all(|queue| {
            let depth = queue.depth();
            depth.waiting + depth.delayed + depth.in_flight == 0
        });
        idle && self.busy.get() == 0
            && self.given.iter().all(|given| given.borrow().is_empty())
            && self.again.borrow().is_empty()
            && self.service.world().next_due().is_none()
    }

    /// Somebody else has done something.
    pub(super) fn ring(&self) {
        self.bell.notify_waiters();
    }

    /// Something was done.
    async fn did(&self) {
        self.bell.notify_waiters();
        self.service.check().await;
    }

    /// Until something is done, or the time has come.
    async fn doze(&self, until: Option<Timestamp>) {
        let rung = self.bell.notified();
        let Some(until) = until else { return rung.await };
        let wait = Duration::try_from(until.duration_since(self.service.clock.now())).unwrap_or_default();
        tokio::select! {
            biased;
            () = rung => {}
            // A moment later, so that what is due then is over.
            () = tokio::time::sleep(wait + Duration::from_millis(1)) => {}
        }
    }

    /// Brings each event to the function that waits for it.
    async fn deliver(&self) {
        loop {
            let now = self.service.clock.now();
            let arrived = self.service.take_events();
            let mut any = !arrived.is_empty();
            for event in arrived {
                self.note(&event, now);
                let family =
                    shared::payloads::envelope(&event).ok().and_then(|envelope| Family::of(&envelope));
                let function = match family {
                    Some(Family::Directory) => 1,
                    Some(Family::PermissionSets) => 2,
                    Some(Family::Accounts) | None => 0,
                };
                self.given[function].borrow_mut().push_back(Given { event, failures: 0 });
            }
            let due = |again: &BTreeMap<(Timestamp, usize), _>| {
                again.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at <= now)
            };
            while let Some(first) = { due(&self.again.borrow()) } {
                let (function, given) = self.again.borrow_mut().remove(&first).unwrap();
                self.given[function].borrow_mut().push_back(given);
                any = true;
            }
            if any {
                self.bell.notify_waiters();
            }
            let again = self.again.borrow().first_key_value().map(|((at, _), _)| *at);
            let next = self.service.world().next_due().into_iter().chain(again).min();
            self.doze(next).await;
        }
    }

    /// Takes down that an event has been heard of.
    fn note(&self, event: &Value, now: Timestamp) {
        let mut outcomes = self.outcomes.borrow_mut();
        outcomes.add("events delivered", 1);
        if !self.seen.borrow_mut().insert(event["id"].as_str().unwrap().to_owned()) {
            outcomes.add("events delivered a second time", 1);
        }
        for sign in signs::of_event(event) {
            self.heard.borrow_mut().entry(sign).or_insert(now);
        }
    }

    /// The function for the events of one kind, one at a time.
    async fn hear(&self, function: usize) {
        let ports = paced(self.service, EVENTS);
        loop {
            let Some(given) = ({ self.given[function].borrow_mut().pop_front() }) else {
                self.doze(None).await;
                continue;
            };
            let heard = self.at_work(ports.hear(given.event.clone(), &*self.service.parked)).await;
            let outcome = match heard {
                Ok(Heard::Hinted(hints)) => {
                    self.outcomes.borrow_mut().add("hints by events", hints);
                    "events that led to a look"
                }
                Ok(Heard::Ignored(_)) => "events that lead to nothing",
                Ok(Heard::Parked(_)) => "events that could not be read",
                Ok(Heard::Noted(_)) => "self-tests",
                Err(_) => match AGAIN.get(given.failures) {
                    Some(pause) => {
                        let at = self.service.clock.now() + *pause;
                        let given = Given { failures: given.failures + 1, ..given };
                        let mut again = self.again.borrow_mut();
                        let place = again.keys().filter(|(other, _)| *other == at).count();
                        again.insert((at, place), (function, given));
                        "events to be tried again"
                    }
                    None => "events given up",
                },
            };
            self.outcomes.borrow_mut().add(outcome, 1);
            self.did().await;
        }
    }

    async fn at_work<T>(&self, work: impl Future<Output = T>) -> T {
        self.busy.set(self.busy.get() + 1);
        let done = work.await;
        self.busy.set(self.busy.get() - 1);
        done
    }

    /// One of the instances of reconcile.
    async fn decide(&self) {
        let ports = paced(self.service, RECONCILE);
        let inbox = &self.service.inbox;
        loop {
            let received = inbox.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                self.doze(inbox.next_visible_at()).await;
                continue;
            }
            let event = serde_json::from_value(sqs_event(&received)).unwrap();
            let work = ports.decide(event, self.service.soon());
            let answer = self.at_work(work).await;
            let failures: BTreeSet<String> =
                answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
            self.outcomes.borrow_mut().add("accounts looked at", received.len());
            self.outcomes.borrow_mut().add("looks that failed", failures.len());
            for received in received.iter().filter(|received| !failures.contains(&received.id)) {
                // Too late is late: it comes again.
                let _ = inbox.acknowledge(&received.receipt).await;
            }
            self.did().await;
        }
    }

    /// The engine.
    async fn provision(&self) {
        let wake = &self.service.wake;
        loop {
            let received = wake.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                self.doze(wake.next_visible_at()).await;
                continue;
            }
            let event = sqs_event(&received);
            let run = self.at_work(self.service.run_with(&self.service.ports, &event)).await;
            if let Ok(summary) = run {
                let RunSummary {
                    end: _,
                    granted,
                    revoked,
                    retried,
                    blocked,
                    uncertain,
                    given_up,
                    outstanding: _,
                } = summary;
                for (outcome, times) in [
                    ("granted", granted),
                    ("revoked", revoked),
                    ("sent again", retried),
                    ("blocked", blocked),
                    ("uncertain", uncertain),
                    ("given up", given_up),
                    ("runs of the engine", 1),
                ] {
                    self.outcomes.borrow_mut().add(outcome, times);
                }
                for received in &received {
                    let _ = wake.acknowledge(&received.receipt).await;
                }
            }
            self.did().await;
        }
    }

    /// Looks at the requests that take long.
    async fn poll(&self) {
        let ports = paced(self.service, REST);
        let polls = &self.service.polls;
        loop {
            let received = polls.receive(10, VISIBILITY).await.unwrap();
            if received.is_empty() {
                self.doze(polls.next_visible_at()).await;
                continue;
            }
            let event = serde_json::from_value(sqs_event(&received)).unwrap();
            let answer = self.at_work(ports.poll(event)).await;
            let failures: BTreeSet<String> =
                answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
            for received in received.iter().filter(|received| !failures.contains(&received.id)) {
                let _ = polls.acknowledge(&received.receipt).await;
            }
            self.did().await;
        }
    }

    async fn reprovision(&self) {
        let ports = paced(self.service, REST);
        loop {
            // One that fails is followed by another in a minute.
            let until = self.service.clock.now() + SignedDuration::from_mins(2);
            let run = reprovision::handle(ports.keeper(), ports.reprovisioner(), "reprovision", until).await;
            if let Ok(summary) = run.map(|summary| summary.reprovision)
                && summary.sent + summary.ended > 0
            {
                {
                    let mut outcomes = self.outcomes.borrow_mut();
                    outcomes.add("requests to provision", summary.sent);
                    outcomes.add("permission sets brought to their accounts", summary.ended);
                }
                self.did().await;
            }
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
    }

    async fn tick(&self) {
        let ports = paced(self.service, TICK);
        loop {
            // One that fails is followed by another in a minute.
            if tick::handle(ports.tick()).await.is_ok_and(|tick| tick.woken || tick.hinted > 0) {
                self.did().await;
            }
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
    }
}
