//! The end of a history: the faults stop, and all must become as the rules say, but for what says why; then nothing more is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::{
    domain::{AccountId, AssignmentKey, PermissionSetArn},
    ledger::Row,
    ports::LedgerReader as _,
};

use super::{
    acts::PEOPLE,
    documents,
    history::{Function, History, Step, What},
    menu::Trouble,
    simulation::Simulation,
};
use crate::scenarios::{
    chance::Chance,
    promises::{Promise, Violation},
    service::USHER,
};

/// One history in so many ends with a hundred sweeps, the others with a few.
const LONG_REST_OF: u64 = 25;

/// How long a hold of an orphan, a budget of a day or a blocked key may last.
const A_DAY: Duration = Duration::from_hours(26);

impl Simulation {
    pub(super) async fn end(&mut self, history: &History) {
        let mut chance = Chance::new(history.seed ^ 0xE4D);
        self.stop_all_troubles();
        self.people_go_on(&mut chance).await;
        let after_two = self.two_sweeps().await;
        let mut found = self.unexplained(history, &after_two).await;
        // A day later what had to wait for a day is done too.
        self.service.pass(A_DAY).await;
        let later = self.two_sweeps().await;
        found.extend(self.unexplained(history, &later).await);
        let sweeps = if history.seed.is_multiple_of(LONG_REST_OF) { 100 } else { 3 };
        found.extend(self.rest(sweeps).await);
        found.extend(self.people_named());
        let rows = self.service.rows().await;
        self.service.report(&found, &rows);
        let step = Step { what: What::Run(Function::Sweep), salt: 0 };
        self.take_down(step).await;
    }

    /// People set going what they had stopped; now and then they leave a ledger unconfirmed that had to be.
    async fn people_go_on(&mut self, chance: &mut Chance) {
        let service = &self.service;
        if service.ledger.orders().await.unwrap().pause.is_some() {
            service.resume().await;
        }
        if service.ledger.rules_in_force().await.unwrap().is_none() {
            documents::publish(self, chance).await;
        }
        // What differs is noticed by the next tick.
        self.tick().await;
        let service = &self.service;
        if service.ledger.orders().await.unwrap().freeze.is_some() && chance.percent(70) {
            let witness = &*service.ports.beside.witness;
            service.consent().confirm_ledger(witness).await.unwrap();
        }
    }

    async fn tick(&self) {
        drop(tick::handle(self.service.ports.tick()).await);
    }

    /// Two sweeps that are a lag apart, and all that follows from each.
    async fn two_sweeps(&mut self) -> BTreeMap<AssignmentKey, String> {
        for _ in 0..2 {
            self.calm().await;
            self.service.pass(self.service.ports.settings.lag + Duration::from_secs(1)).await;
            self.service.sweep().await.unwrap();
            self.calm().await;
        }
        self.service.withheld().await
    }

    /// Until all is quiet, with ticks in between; requests that hang don't end.
    async fn calm(&self) {
        let events = std::mem::take(&mut self.state.borrow_mut().again);
        self.service.deliver(events).await;
        for _ in 0..6 {
            self.tick().await;
            if self.service.settle_for(Duration::from_mins(20)).await {
                break;
            }
            if self.aloud {
                let service = &self.service;
                let depths = [&service.inbox, &service.wake, &service.polls].map(|queue| queue.depth());
                let due = service.world().next_due();
                println!("{}: not quiet: inbox, wake, polls {depths:?}, due {due:?}", self.now());
            }
        }
    }

    /// What differs from the rules in force though nothing says why, or says what can't be why.
    async fn unexplained(
        &self,
        history: &History,
        withheld: &BTreeMap<AssignmentKey, String>,
    ) -> Vec<Violation> {
        let service = &self.service;
        let mut possible = self.possible_reasons(history);
        if service.ledger.orders().await.unwrap().freeze.is_some() {
            possible.push("ledger_unconfirmed");
        }
        let hanging = self.hanging();
        let world = service.world();
        let mut checker = service.checker();
        checker.asked(Promise::Converges);
        let given: BTreeSet<&str> = withheld.values().map(String::as_str).collect();
        let declared: Vec<&str> = possible.into_iter().filter(|reason| given.contains(reason)).collect();
        let mut found = checker.converged(&world, withheld, &declared);
        let waits =
            |one: &Violation| matches!(one, Violation::Differs { key, .. } if hanging.contains(&place(key)));
        // Nobody looks into an account that isn't active: what is gone there is noticed once it is.
        let asleep = |one: &Violation| {
            matches!(one, Violation::Differs { key, wanted: true, reason: None }
                if world.accounts_now().iter().any(|account| account.id == key.account && !account.state.is_active()))
        };
        found.retain(|one| !matches!(one, Violation::ReasonMissing(_)) && !waits(one) && !asleep(one));
        found
    }

    /// Where requests never end: whatever else has to be done about the permission set in that account waits for them.
    fn hanging(&self) -> BTreeSet<(AccountId, PermissionSetArn)> {
        let world = self.service.world();
        let ours = world.request_log().filter(|request| *request.by.name == *USHER);
        ours.filter(|request| request.settled.is_none()).map(|request| place(&request.key)).collect()
    }

    /// The reasons that what happened can have led to.
    fn possible_reasons(&self, history: &History) -> Vec<&'static str> {
        let troubles = history.troubles();
        let did = |what: &str| self.state.borrow().done.contains(what);
        let had = |some: &[Trouble]| some.iter().any(|trouble| troubles.contains(trouble));
        let mut reasons =
            vec!["observed", "create_only", "never", "budget", "account_not_active", "orphaned", "blocked"];
        let mut when = |reason, holds: bool| reasons.extend(holds.then_some(reason));
        when("foreign", did("given by hand") || did("ledger lost") || had(&[Trouble::LedgerWiped]));
        when("held", did("taken by hand") || did("held") || did("ledger lost"));
        when("recreated", had(&[Trouble::SetMadeAgain]));
        when(
            "uncertain",
            had(&[
                Trouble::AnswerLost,
                Trouble::NoAnswer,
                Trouble::Killed,
                Trouble::TimeLimit,
                Trouble::AnyOperationFails,
                Trouble::LeaseExpires,
                Trouble::LedgerDown,
                Trouble::LedgerRestored,
                Trouble::ShortLivedStatuses,
            ]),
        );
        reasons
    }

    /// Sweeps that have nothing to do: they write nothing.
    async fn rest(&mut self, sweeps: usize) -> Vec<Violation> {
        let mut found = Vec::new();
        let requests = self.service.world().request_log().count();
        let rows = self.service.rows().await;
        for _ in 0..sweeps {
            self.service.pass(Duration::from_mins(6)).await;
            self.tick().await;
            self.service.sweep().await.unwrap();
            self.service.settle_for(Duration::from_mins(2)).await;
            self.service.checker().asked(Promise::Rests);
        }
        if self.service.world().request_log().count() != requests {
            found.push(Violation::NotIdle("a request was sent".to_owned()));
        }
        let after: BTreeMap<AssignmentKey, Row> =
            self.service.rows().await.into_iter().map(|row| (row.key.clone(), row)).collect();
        let hanging = self.hanging();
        for before in rows.into_iter().filter(|row| !hanging.contains(&place(&row.key))) {
            match after.get(&before.key) {
                // Tombstones are cleared away after a day.
                None if before.state.label() == "closed" => {}
                Some(now) if *now == before => {}
                now => found.push(Violation::NotIdle(format!(
                    "{}: {} -> {}",
                    before.key,
                    before.state.label(),
                    now.map_or("none", |row| row.state.label())
                ))),
            }
        }
        found
    }

    /// Outcomes that name a person.
    fn people_named(&self) -> Vec<Violation> {
        self.service.checker().asked(Promise::NamesNobody);
        let outcomes = self.service.ports.outcomes.0.lock().unwrap();
        let told = outcomes.iter().map(|outcome| serde_json::to_string(outcome).unwrap());
        told.filter(|told| PEOPLE.iter().any(|name| told.contains(name)))
            .map(Violation::NamesPeople)
            .collect()
    }
}

/// The role that a request is about: AWS changes one for one request at a time.
fn place(key: &AssignmentKey) -> (AccountId, PermissionSetArn) {
    (key.account.clone(), key.permission_set.clone())
}
