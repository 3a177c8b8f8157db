//! What people do with Usher: the consent that they give and take, told to the checker at its time.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AssignmentKey, Operation},
    engine::{
        Planner, Rulebook, RulesOnHand,
        consent::{Consent, ConsentError, Proposal, Unwanted},
    },
    ledger::{Cause, ConsentRecord, HoldScope},
    ports::Clock as _,
};

use super::{allowed::Stop, model::Rules, ports::Ports, service::Service};

/// The name of the person who consents.
pub(super) const ALBA: &str = "Alba";

pub(super) fn stop(scope: &HoldScope) -> Stop {
    match scope {
        HoldScope::Account(account) => Stop::Account(account.clone()),
        HoldScope::Principal(principal) => Stop::Principal(principal.clone()),
    }
}

impl Service {
    pub(super) fn consent(&self) -> Consent<'_> {
        Consent { ledger: &*self.ports.ledger, clock: &*self.clock, by: ALBA, reason: "a drill" }
    }

    pub(super) async fn pause(&self) {
        self.consent().pause().await.unwrap();
        self.checker().allowed.stop(Stop::Everything, self.clock.now());
        self.check().await;
    }

    /// Goes on, and sees to it that somebody looks.
    pub(super) async fn resume(&self) {
        self.consent().resume().await.unwrap();
        self.checker().allowed.go_on(&Stop::Everything, self.clock.now());
        self.check().await;
    }

    pub(super) async fn hold(&self, scope: &HoldScope) {
        self.consent().hold(scope).await.unwrap();
        self.checker().allowed.stop(stop(scope), self.clock.now());
        self.check().await;
    }

    pub(super) async fn release(&self, scope: &HoldScope) {
        self.consent().release(scope).await.unwrap();
        self.checker().allowed.go_on(&stop(scope), self.clock.now());
        self.check().await;
    }

    pub(super) async fn hold_key(&self, key: &AssignmentKey) {
        self.consent().hold_key(key).await.unwrap();
        self.checker().allowed.stop(Stop::Key(key.clone()), self.clock.now());
        self.check().await;
    }

    pub(super) async fn release_key(&self, key: &AssignmentKey) {
        self.consent().release_key(key).await.unwrap();
        self.checker().allowed.go_on(&Stop::Key(key.clone()), self.clock.now());
        self.check().await;
    }

    /// The plan as it can be approved, under the rules in force or under these.
    pub(super) async fn proposal(&self, rules: Option<&Rules>) -> Proposal {
        let ports = match rules {
            Some(rules) => {
                let rules = RulesOnHand::of(&rules.bundle()).unwrap();
                Ports { rulebook: Arc::new(Rulebook::fixed(rules)), ..self.ports.clone() }
            }
            None => self.ports.clone(),
        };
        let planner: Planner<'_> = ports.planner();
        let cause = Cause::new("command", &format!("plan-{}", self.clock.now()));
        let survey = planner.everything(&cause).await.unwrap();
        Proposal::of(&survey, None, &*self.ports.ledger, &cause, self.clock.now()).await.unwrap()
    }

    /// Approves the whole plan as it is, for so long.
    pub(super) async fn approve_plan(
        &self,
        rules: Option<&Rules>,
        lasting: SignedDuration,
    ) -> Result<ConsentRecord, ConsentError> {
        let proposal = self.proposal(rules).await;
        let (from, until) = (self.clock.now(), self.clock.now() + lasting);
        let record = self.consent().approve_plan(&proposal, &proposal.hash().clone(), until).await?;
        self.approved(&proposal, from, until, |_| true);
        Ok(record)
    }

    /// Approves these keys, for so long.
    pub(super) async fn approve_keys(
        &self,
        keys: &BTreeSet<AssignmentKey>,
        lasting: SignedDuration,
    ) -> Result<ConsentRecord, ConsentError> {
        let proposal = self.proposal(None).await;
        let (from, until) = (self.clock.now(), self.clock.now() + lasting);
        let record = self.consent().approve_keys(&proposal, keys, until).await?;
        self.approved(&proposal, from, until, |key| keys.contains(key));
        Ok(record)
    }

    /// Tells the checker what a person has approved of a proposal.
    pub(super) fn approved(
        &self,
        proposal: &Proposal,
        from: Timestamp,
        until: Timestamp,
        named: impl Fn(&AssignmentKey) -> bool,
    ) {
        let approved = proposal.let_through().filter(|it| named(&it.key));
        let operations: BTreeSet<(AssignmentKey, Operation)> =
            approved.map(|it| (it.key.clone(), it.operation)).collect();
        self.checker().allowed.approve(operations, from, until);
    }

    pub(super) async fn adopt(&self, key: &AssignmentKey, unwanted: Unwanted) -> Result<(), ConsentError> {
        let began = self.clock.now();
        let adopted = self.consent().adopt(&self.ports.planner(), key, unwanted).await.map(|_| ());
        if adopted.is_ok() {
            self.checker().allowed.adopt(key, began);
        }
        self.check().await;
        adopted
    }

    pub(super) async fn disown(&self, key: &AssignmentKey) -> Result<(), ConsentError> {
        let disowned = self.consent().disown(key).await.map(|_| ());
        if disowned.is_ok() {
            self.checker().allowed.disown(key, self.clock.now());
        }
        self.check().await;
        disowned
    }
}
