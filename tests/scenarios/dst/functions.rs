//! How the functions run: with what strikes the next one, killed, slow, twice at once, or as they should.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::ports::{Clock, Queue as _, Received};

use super::{
    history::Function,
    menu::Trouble,
    simulation::{Simulation, Wrong},
};
use crate::scenarios::{
    chance::Chance,
    fuse::{Fuse, When, fused_throughout},
    ports::Ports,
    records::sqs_event,
};

/// How long a record is hidden from others while it is worked on.
const VISIBILITY: Duration = Duration::from_mins(3);

/// Lambda's own limit.
const LIMIT: Duration = Duration::from_mins(15);

/// How many batches of the inbox are decided one after the other.
const BATCHES: usize = 5;

/// How often an event is tried.
const TRIES: usize = 3;

/// A clock that jumps, once it was looked at so often.
struct Jumping {
    inner: Arc<dyn Clock>,
    looks: AtomicUsize,
    after: usize,
    by: SignedDuration,
}

#[async_trait::async_trait]
impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let now = self.inner.now();
        if looks < self.after { now } else { now + self.by }
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}

/// How one run goes.
struct Run {
    ports: Ports,
    fuse: Arc<Fuse>,
    limit: Duration,
    twice: bool,
}

impl Simulation {
    /// How the next run goes: by what is armed for it, and by what is down.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other kind of trouble is armed for a run")]
    fn next_run(&self, chance: &mut Chance) -> Run {
        let armed = std::mem::take(&mut self.state.borrow_mut().armed);
        let mut ports = self.service.ports.clone();
        let begins = chance.percent(30) || self.is_wrong(|wrong| matches!(wrong, Wrong::Rules));
        let mut when = if self.is_wrong(|wrong| matches!(wrong, Wrong::Ledger)) {
            When::LedgerIsAway
        } else {
            When::Never
        };
        let (mut limit, mut twice) = (LIMIT, false);
        for (trouble, salt) in armed {
            let mut chance = Chance::new(salt);
            let n = chance.below(90);
            let either = chance.percent(50);
            match trouble {
                Trouble::Killed => when = if either { When::Before(n) } else { When::After(n) },
                Trouble::AnyOperationFails => {
                    when = if either { When::Refuses(n) } else { When::LosesAnswer(n) };
                }
                Trouble::WriteLoses => when = if either { When::Meets(salt) } else { When::Conflicts(n) },
                Trouble::LeaseExpires => {
                    let seconds = 91 + chance.below(300);
                    when = When::StallAfter(n, Duration::from_secs(seconds.try_into().unwrap_or(91)));
                }
                Trouble::TimeLimit => {
                    limit = Duration::from_millis(chance.below(20_000).try_into().unwrap_or(1));
                }
                Trouble::TwoAtOnce => twice = true,
                Trouble::ClockJumps => {
                    ports.clock = Arc::new(Jumping {
                        inner: Arc::clone(&ports.clock),
                        looks: AtomicUsize::new(0),
                        after: if chance.percent(50) { 0 } else { n },
                        by: SignedDuration::from_hours(if either { 1 } else { -1 }),
                    });
                }
                _ => {}
            }
        }
        let fuse = Fuse::new(when);
        let ports = fused_throughout(&ports, &fuse);
        Run { ports: if begins { ports.cold() } else { ports }, fuse, limit, twice }
    }

    pub(super) async fn run(&self, function: Function, chance: &mut Chance) {
        let run = self.next_run(chance);
        let first = async {
            tokio::select! {
                biased;
                () = self.work(function, &run.ports, run.limit, chance) => {}
                () = run.fuse.blown() => {}
                () = tokio::time::sleep(run.limit) => {}
            }
        };
        if run.twice {
            let ports = self.service.ports.clone();
            let mut other = Chance::new(run.fuse.count() as u64);
            tokio::join!(first, self.work(function, &ports, LIMIT, &mut other));
        } else {
            first.await;
        }
    }

    async fn work(&self, function: Function, ports: &Ports, limit: Duration, chance: &mut Chance) {
        let service = &self.service;
        let until = ports.clock.now() + SignedDuration::try_from(limit).unwrap();
        match function {
            Function::Hear => self.hear(ports, chance).await,
            Function::Decide => {
                for _ in 0..BATCHES {
                    let received = service.inbox.receive(10, VISIBILITY).await.unwrap();
                    if received.is_empty() {
                        break;
                    }
                    let event = serde_json::from_value(sqs_event(&received)).unwrap();
                    let answer = ports.decide(event, until).await;
                    let failed =
                        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
                    acknowledge(&service.inbox, &received, &failed.collect()).await;
                }
            }
            Function::Provision => {
                let received = service.wake.receive(10, VISIBILITY).await.unwrap();
                if !received.is_empty() {
                    let event = serde_json::from_value(sqs_event(&received)).unwrap();
                    let number = {
                        let mut state = self.state.borrow_mut();
                        state.runs += 1;
                        state.runs
                    };
                    let holder = format!("run-{number}");
                    let dead = ports.dead_letters();
                    if provision::handle_or_park(event, ports.provisioner(), &holder, until, dead)
                        .await
                        .is_ok()
                    {
                        acknowledge(&service.wake, &received, &BTreeSet::new()).await;
                    }
                }
            }
            Function::Poll => {
                let received = service.polls.receive(10, VISIBILITY).await.unwrap();
                if !received.is_empty() {
                    let event = serde_json::from_value(sqs_event(&received)).unwrap();
                    let answer = ports.poll(event).await;
                    let failed =
                        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
                    acknowledge(&service.polls, &received, &failed.collect()).await;
                }
            }
            Function::Tick => drop(tick::handle(ports.tick()).await),
            Function::Reprovision => {
                let run = reprovision::handle(ports.keeper(), ports.reprovisioner(), "reprovision", until);
                tokio::select! {
                biased;
                    ended = run => drop(ended),
                    () = tokio::time::sleep(Duration::from_mins(2)) => {}
                }
            }
            Function::Sweep => drop(sweep::handle(ports.sweep()).await),
        }
    }

    /// Gives the events that have come to their functions, as it is with events: not all, not once, not in order, not now.
    async fn hear(&self, ports: &Ports, chance: &mut Chance) {
        let is = |trouble: Trouble| {
            self.is_wrong(|wrong| matches!(wrong, Wrong::Events(other) if *other == trouble))
        };
        let mut events = std::mem::take(&mut self.state.borrow_mut().again);
        events.extend(self.service.take_events());
        if is(Trouble::EventsDropped) {
            events.retain(|_| chance.percent(40));
        }
        if is(Trouble::EventsLate) {
            let (late, now): (Vec<Value>, Vec<Value>) = events.into_iter().partition(|_| chance.percent(50));
            self.state.borrow_mut().late.extend(late);
            events = now;
        } else if !self.state.borrow().late.is_empty() && chance.percent(30) {
            events.append(&mut self.state.borrow_mut().late);
        }
        if is(Trouble::EventsRepeated) {
            let again: Vec<Value> = events.iter().filter(|_| chance.percent(50)).cloned().collect();
            events.extend(again);
        }
        if is(Trouble::EventsReordered) {
            events.sort_by_cached_key(|_| chance.next());
        }
        for event in events {
            let mut failures = 0;
            while failures < TRIES && ports.hear(event.clone(), &*ports.parked).await.is_err() {
                failures += 1;
            }
        }
    }
}

/// What has not failed is done with. Too late is late: it comes again.
async fn acknowledge(queue: &shared::local::LocalQueue, received: &[Received], failed: &BTreeSet<String>) {
    for received in received.iter().filter(|received| !failed.contains(&received.id)) {
        let _ = queue.acknowledge(&received.receipt).await;
    }
}
