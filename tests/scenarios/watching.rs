//! Where the checker is asked: after every step of a service, and at the end of a scenario.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use shared::{
    domain::AssignmentKey,
    engine::AccountHint,
    ledger::{Cause, Row},
    ports::{Clock as _, LedgerReader as _},
};

use super::{names::readable, promises::Violation, service::Service};

impl Service {
    /// The end of a scenario: faults stop, and two sweeps a lag apart must bring everything to what the rules want, but for keys
    /// that are withheld for one of the declared reasons, each of which must be given. A further sweep must write nothing.
    pub(super) async fn converged(&self, declared: &[&str]) {
        self.world().faults.clear_all();
        for _ in 0..2 {
            self.settle().await;
            self.pass(self.ports.settings.lag + Duration::from_secs(1)).await;
            self.sweep_and_settle().await;
        }
        let requests = self.world().request_log().count();
        let rows = self.rows().await;
        self.sweep_and_settle().await;
        let withheld = self.withheld().await;
        let mut found = self.checker().converged(&self.world(), &withheld, declared);
        let after = self.rows().await;
        if self.world().request_log().count() != requests {
            found.push(Violation::NotIdle("a request was sent".to_owned()));
        }
        for (before, after) in rows.iter().zip(&after).filter(|(before, after)| before != after) {
            let states = (before.state.label(), after.state.label());
            found.push(Violation::NotIdle(format!("{}: {} -> {}", before.key, states.0, states.1)));
        }
        if rows.len() != after.len() {
            found.push(Violation::NotIdle("rows came or went".to_owned()));
        }
        self.report(&found, &after);
    }

    /// Every key that is withheld, with the word for the reason.
    pub(super) async fn withheld(&self) -> BTreeMap<AssignmentKey, String> {
        let mut withheld = BTreeMap::new();
        let accounts = self.world().accounts_now();
        for account in accounts {
            let at = self.clock.now();
            let hint = AccountHint::new(account.id, Cause::new("command", "withheld"), at);
            for each in self.ports.reconciler().account(&hint).await.unwrap().withheld {
                let reason = serde_json::to_value(&each.reason).unwrap();
                withheld.insert(each.key, reason["kind"].as_str().unwrap().to_owned());
            }
        }
        withheld
    }

    pub(super) async fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.ledger.rows(after.as_deref()).await.unwrap();
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                rows.sort_by(|a, b| a.key.cmp(&b.key));
                return rows;
            }
        }
    }

    /// Asks the checker, and stops the test at anything that it finds.
    pub(super) async fn check(&self) {
        if !self.checker().sparing {
            return self.check_all().await;
        }
        let mut found = self.checker().step(&self.world());
        found.extend(self.unclaimed.lock().unwrap().drain(..).map(Violation::SentWithoutClaim));
        self.report(&found, &[]);
    }

    /// The same, about every row too.
    pub(super) async fn check_all(&self) {
        let rows = self.rows().await;
        let mut found = self.checker().check(self.clock.now(), &self.world(), &rows);
        found.extend(self.unclaimed.lock().unwrap().drain(..).map(Violation::SentWithoutClaim));
        self.report(&found, &rows);
    }

    pub(super) fn report(&self, found: &[Violation], rows: &[Row]) {
        if found.is_empty() {
            return;
        }
        let mut text = format!("at {}: {found:#?}\nrows:\n", self.clock.now());
        let world = self.world();
        for row in rows {
            let _ = writeln!(text, "  {}: {} {row:?}", readable(&world, &row.key), row.state.label());
        }
        for request in world.request_log() {
            let (by, key) = (&request.by.name, readable(&world, &request.key));
            let (at, end) = (request.accepted_at, &request.settled);
            let _ = writeln!(text, "  {at} {by} {} {key}: {end:?}", request.operation);
        }
        panic!("{text}");
    }
}
