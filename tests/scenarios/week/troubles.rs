//! What the week itself does: sweeps and the comparison after each, bad times, approvals, new rules.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::domain::Operation;
use shared::ports::LedgerReader as _;
use simulator::{Fault, FaultRule, Quotas, Rate};

use super::{
    company,
    happenings::{Happening, Trouble},
    office::{Office, Signs},
};
use crate::scenarios::{promises::Violation, service::USHER};

/// How long it may take to become quiet after a sweep.
const PATIENCE: SignedDuration = SignedDuration::from_mins(25);

/// How long after a bad time calls may still be throttled.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(15);

impl Office<'_> {
    /// All that is on the agenda up to this time.
    pub(super) async fn until(&mut self, end: Timestamp) {
        while let Some(next) = self.agenda.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at < end)
        {
            let happening = self.agenda.remove(&next).unwrap();
            self.sleep_until(next.0).await;
            if self.has_trouble(Trouble::Outage) && happening.needs_the_directory() {
                self.later(SignedDuration::from_mins(30), happening);
                continue;
            }
            self.happen(happening).await;
        }
        self.sleep_until(end).await;
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }

    async fn happen(&mut self, happening: Happening) {
        let label = happening.label();
        if self.act(happening).await
            && let Some(label) = label
        {
            self.count(label);
        }
    }

    pub(super) fn midnight(&mut self) -> bool {
        self.comparing.ask_again();
        println!("{}: {} keys followed to their end", self.now(), self.following.done.len());
        true
    }

    pub(super) async fn publish_more(&mut self) -> bool {
        let at = self.now();
        self.rules = company::extended(self.rules.clone());
        self.service.publish(&self.rules.clone()).await;
        self.changed(at, Signs::new());
        true
    }

    pub(super) async fn a_rule_turns(&mut self) -> bool {
        let at = self.now();
        self.service.person(|_, _, _| ()).await;
        self.changed(at, vec![vec![super::signs::CLOCK.to_owned()]]);
        true
    }

    /// One sweep. Outside of bad times all must then be as the rules want it, if not at once, then after one more.
    pub(super) async fn sweep(&mut self) -> bool {
        if self.service.sweep().await.is_err() {
            self.count("sweeps that could not be made");
            return false;
        }
        let is_quiet = self.running.quiet(PATIENCE).await;
        let bad = self.following.bad.last().is_some_and(|(_, end)| self.now() < *end + AFTERWARDS);
        if !self.is_bad_time() && !bad {
            self.service.checker().throttles_expected = false;
        }
        if self.is_bad_time() {
            self.count("sweeps in a bad time, not compared");
        } else if is_quiet {
            self.compare().await;
        } else {
            self.count("sweeps with so much to do that it was not quiet in 25 minutes, not compared");
        }
        self.look().await;
        true
    }

    async fn compare(&mut self) {
        self.count("sweeps after which all was compared");
        let mut found = self.comparing.unexplained(self.service).await;
        if !found.is_empty() {
            self.count("sweeps after which it took another one");
            self.service.pass(self.service.ports.settings.lag + Duration::from_secs(1)).await;
            self.service.sweep().await.unwrap();
            assert!(self.running.quiet(PATIENCE).await, "it does not become quiet: {}", self.running.noise());
            found = self.comparing.unexplained_by_a_look(self.service).await;
        }
        self.report(&found).await;
        let touched = self.comparing.touched(&self.service.world());
        assert!(touched.is_empty(), "assignments of others are gone, or Usher's: {touched:?}");
    }

    async fn report(&self, found: &[Violation]) {
        if !found.is_empty() {
            let mut rows = self.service.rows().await;
            rows.retain(|row| {
                found.iter().any(|one| matches!(one, Violation::Differs { key, .. } if *key == row.key))
            });
            self.service.report(found, &rows);
        }
    }

    /// Looks at every row, counts the calls, and follows what is open.
    async fn look(&mut self) {
        self.service.check_all().await;
        let taken = self.service.world().take_log();
        self.service.checker().log_taken();
        for entry in taken.iter().filter(|entry| *entry.caller.name == *USHER) {
            *self.calls.entry(entry.operation).or_default() += 1;
            if matches!(entry.error.as_deref(), Some("ThrottlingException" | "TooManyRequestsException")) {
                self.count("calls that were throttled");
            }
        }
        let waiting =
            self.comparing.excused.iter().filter(|(_, reason)| ["budget", "held"].contains(*reason));
        self.following.waited.extend(waiting.map(|(key, _)| key.clone()));
        let world = self.service.world();
        self.following.look(&world, self.running);
    }

    pub(super) fn begin(&mut self, trouble: Trouble) -> bool {
        self.troubles.insert(trouble, self.now());
        self.service.checker().throttles_expected = true;
        let mut world = self.service.world();
        let quotas = &mut world.settings.quotas;
        match trouble {
            Trouble::Throttling => {
                quotas.sso_admin = Some(Rate { per_second: 4, burst: 4 });
                quotas.identity_store = Some(Rate { per_second: 4, burst: 4 });
            }
            Trouble::Crowded => quotas.outstanding = 3,
            Trouble::Outage => world.faults.add(FaultRule {
                operation: "*".to_owned(),
                service: Some(simulator::Service::IdentityStore),
                fault: Fault::InternalError,
                calls: None,
                account: None,
            }),
        }
        true
    }

    pub(super) fn end(&mut self, trouble: Trouble, began: Timestamp) -> bool {
        self.troubles.remove(&trouble);
        self.following.bad.push((began, self.now()));
        let mut world = self.service.world();
        let Quotas { sso_admin, identity_store, .. } = Quotas::default();
        match trouble {
            Trouble::Throttling => {
                world.settings.quotas.sso_admin = sso_admin;
                world.settings.quotas.identity_store = identity_store;
            }
            Trouble::Crowded => world.settings.quotas.outstanding = company::OUTSTANDING,
            Trouble::Outage => world.faults.clear_all(),
        }
        true
    }

    /// A person reads the plan and approves it, if anything waits for that.
    pub(super) async fn approve(&mut self) -> bool {
        let waits = self.service.rows().await.iter().any(|row| row.over_budget.is_some());
        if !waits {
            return false;
        }
        let lasting = SignedDuration::from_hours(2);
        if self.service.approve_plan(None, lasting).await.is_err() {
            self.count("approvals refused, for the plan was another one by then");
        }
        true
    }

    /// The end of the week: no event is lost any more, and two sweeps later all is as it should be. Then nothing is written.
    pub(super) async fn finish(&mut self) {
        self.service.world().settings.delivery = simulator::Delivery::default();
        self.edits_arrive().await;
        for _ in 0..2 {
            assert!(
                self.running.quiet(SignedDuration::from_hours(2)).await,
                "it does not become quiet: {}",
                self.running.noise()
            );
            self.service.pass(self.service.ports.settings.lag + Duration::from_secs(1)).await;
            self.service.sweep().await.unwrap();
        }
        assert!(
            self.running.quiet(SignedDuration::from_hours(2)).await,
            "it does not become quiet: {}",
            self.running.noise()
        );
        self.comparing.ask_again();
        let found = self.comparing.unexplained_by_a_look(self.service).await;
        self.report(&found).await;
        self.look().await;

        let (rows, requests) = (self.service.rows().await, self.service.world().request_log().count());
        for _ in 0..2 {
            self.service.sweep().await.unwrap();
            assert!(
                self.running.quiet(SignedDuration::from_hours(2)).await,
                "it does not become quiet: {}",
                self.running.noise()
            );
            self.service.pass(self.service.ports.settings.lag + Duration::from_secs(1)).await;
        }
        assert_eq!(self.service.world().request_log().count(), requests, "there was nothing to do");
        let after = self.service.rows().await;
        let changed: Vec<_> = rows.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(changed.is_empty() && rows.len() == after.len(), "rows were written: {changed:?}");
        self.look().await;
        let touched = self.comparing.touched(&self.service.world());
        assert!(touched.is_empty(), "assignments of others are gone, or Usher's: {touched:?}");
    }

    /// Until every edit has reached its accounts, those of which no event told included.
    async fn edits_arrive(&self) {
        for _ in 0..8 * 60 {
            self.service.pass(Duration::from_mins(1)).await;
            if self.service.ledger.campaigns().await.unwrap().is_empty() && self.outdated().await == 0 {
                return;
            }
        }
        let left = self.service.ledger.campaigns().await.unwrap();
        panic!("{} accounts are on an old version: {left:?}", self.outdated().await);
    }

    /// Requests of Usher's that AWS accepted, by what they do.
    pub(super) fn requests(&self) -> [usize; 2] {
        let world = self.service.world();
        [Operation::Grant, Operation::Revoke].map(|operation| {
            let ours = world.request_log().filter(|request| *request.by.name == *USHER);
            ours.filter(|request| request.operation == operation).count()
        })
    }
}
