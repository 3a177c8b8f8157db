//! One history at work: the service, the world around it, and what is wrong at the moment.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::{
    domain::{AssignmentKey, Operation, RulesVersion},
    ports::{Clock as _, OrganizationReader},
    rules::Bundle,
};
use simulator::{Latency, PlannedFault, Settings};

use super::{
    acts,
    history::{Function, History, Step, What},
    ledgers::{self, Snapshot},
    menu::Trouble,
    tally::Tally,
};
use crate::scenarios::{
    chance::Chance,
    model::Rules,
    service::{Service, Start, USHER},
};

/// For this long after it struck, what is checked counts as checked under a trouble.
const AFTERMATH: SignedDuration = SignedDuration::from_mins(30);

/// Something that is wrong until a time.
pub(super) enum Wrong {
    Fault(PlannedFault),
    Ledger,
    Rules,
    /// The organization as it is seen otherwise.
    Tags(Arc<dyn OrganizationReader>),
    Events(Trouble),
}

/// What changes while functions run and people act beside each other.
#[derive(Default)]
pub(super) struct State {
    /// What strikes the functions that run next.
    pub(super) armed: Vec<(Trouble, u64)>,
    /// Until when each trouble is at work, or was.
    pub(super) at_work: BTreeMap<Trouble, Timestamp>,
    /// What people made by hand, and when.
    pub(super) by_hand: Vec<(AssignmentKey, Timestamp)>,
    /// Every document that came into force.
    pub(super) published: BTreeMap<RulesVersion, Rules>,
    /// What people did, by its word: the reasons why something differs in the end.
    pub(super) done: BTreeSet<&'static str>,
    /// Events that are held back, and those that failed.
    pub(super) late: Vec<Value>,
    pub(super) again: Vec<Value>,
    /// Rules that nobody finds at the moment.
    pub(super) hidden: BTreeMap<RulesVersion, Bundle>,
    pub(super) made: usize,
    pub(super) runs: u32,
}

pub(super) struct Simulation {
    pub(super) service: Service,
    pub(super) state: RefCell<State>,
    pub(super) wrong: Vec<(Timestamp, Wrong)>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) tally: Tally,
    /// Whether each step is told when it begins.
    pub(super) aloud: bool,
    trace: DefaultHasher,
}

impl Simulation {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x77);
        let seconds = |n: usize| Duration::from_secs(n.try_into().unwrap_or(1));
        let mut world = Settings { seed, ..Settings::default() };
        world.assignment_latency = match chance.below(3) {
            0 => Latency::Constant(seconds(1 + chance.below(20))),
            1 => Latency::Uniform { shortest: seconds(1), longest: seconds(2 + chance.below(60)) },
            _ => Latency::LogNormal { median: seconds(4), p99: seconds(40) },
        };
        world.quotas.outstanding = 10 + chance.below(6);
        let mut service = Service::start(Start { world, ..Start::default() });
        service.ports.beside.receives = 5;
        service.checker().throttles_expected = true;
        Self {
            service,
            state: RefCell::default(),
            wrong: Vec::new(),
            snapshot: None,
            tally: Tally::default(),
            aloud: false,
            trace: DefaultHasher::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.service.clock.now()
    }

    /// Lives through a history and its end; gives the hash of all that happened, and what was counted.
    pub(super) async fn live(mut self, history: &History) -> (u64, Tally) {
        let began = self.now();
        let copies = history.troubles().contains(&Trouble::LedgerRestored);
        for step in &history.steps {
            Box::pin(self.step(*step)).await;
            if copies && step.what == What::Run(Function::Sweep) {
                ledgers::keep(&mut self).await;
            }
            self.tally.steps += 1;
        }
        Box::pin(self.end(history)).await;
        self.tally.histories += 1;
        self.tally.simulated += Duration::try_from(self.now().duration_since(began)).unwrap_or_default();
        let rows = self.service.rows().await;
        format!("{rows:?}").hash(&mut self.trace);
        format!("{:?}", self.service.ports.outcomes.0.lock().unwrap()).hash(&mut self.trace);
        (self.trace.finish(), self.tally)
    }

    async fn step(&mut self, step: Step) {
        self.end_what_is_over();
        if self.aloud {
            println!("{} {:?}", self.now(), step.what);
        }
        let mut chance = Chance::new(step.salt);
        match step.what {
            What::Act(act) => Box::pin(self.act(act, &mut chance)).await,
            What::Begin(trouble) => Box::pin(self.begin(trouble, &mut chance)).await,
            What::Run(function) => Box::pin(self.run(function, &mut chance)).await,
            What::Race(function, act) => {
                let mut other = Chance::new(step.salt.rotate_left(32));
                let wait = Duration::from_millis(other.below(3_000).try_into().unwrap_or(1));
                let acting = async {
                    tokio::time::sleep(wait).await;
                    self.act(act, &mut other).await;
                };
                tokio::join!(Box::pin(self.run(function, &mut chance)), Box::pin(acting));
            }
            What::Pass(time) => self.service.pass(time).await,
        }
        self.take_down(step).await;
    }

    /// What everybody saw of a step: checked, counted, and put into the trace.
    pub(super) async fn take_down(&mut self, step: Step) {
        self.excuse_what_was_made_at_the_same_time();
        self.service.check_all().await;
        let now = self.now();
        let at_work: Vec<Trouble> = {
            let state = self.state.borrow();
            let at_work = state.at_work.iter().filter(|(_, until)| **until + AFTERMATH >= now);
            at_work.map(|(trouble, _)| *trouble).collect()
        };
        let asked = self.service.checker().asked.clone();
        self.tally.checked(&asked, &at_work);
        let log = self.service.world().take_log();
        self.service.checker().log_taken();
        (now.as_nanosecond(), format!("{step:?}"), log.len()).hash(&mut self.trace);
        for entry in &log {
            if self.aloud {
                println!(
                    "    {} {} {}",
                    entry.at,
                    entry.operation,
                    entry.error.as_deref().unwrap_or_default()
                );
            }
            let error = entry.error.as_deref();
            (entry.at.as_nanosecond(), entry.operation, error, entry.request_id).hash(&mut self.trace);
        }
    }

    /// A person who assigns by hand at the very moment at which Usher does, both unseen by the other's look, can't be told from Usher: ADR 0003.
    fn excuse_what_was_made_at_the_same_time(&self) {
        let (world, state) = (self.service.world(), self.state.borrow());
        let near = SignedDuration::from_secs(90);
        let excused = state.by_hand.iter().filter(|(key, at)| {
            world.request_log().any(|request| {
                *request.by.name == *USHER
                    && request.operation == Operation::Grant
                    && request.key == *key
                    && request.accepted_at <= *at + near
                    && request.settled.as_ref().is_none_or(|(end, _)| *end + near >= *at)
            })
        });
        let mut checker = self.service.checker();
        checker.taken_over.extend(excused.map(|(key, _)| key.clone()));
    }

    /// Takes down that a trouble is at work from now on, for so long.
    pub(super) fn is_at_work(&self, trouble: Trouble, lasting: SignedDuration) {
        let until = self.now() + lasting;
        let mut state = self.state.borrow_mut();
        let known = state.at_work.entry(trouble).or_insert(until);
        *known = until.max(*known);
    }

    pub(super) fn did(&self, what: &'static str) {
        self.state.borrow_mut().done.insert(what);
    }

    pub(super) async fn act(&self, act: super::history::Act, chance: &mut Chance) {
        acts::act(self, act, chance).await;
    }
}
