//! Rules that come into force while the functions run, as `on-rules-change` brings them into force.

use shared::{
    domain::RulesVersion,
    engine::{
        DeclaredSetsError, Planner, Press, Published, Rulebook, RulesOnHand, hint_everywhere, may_follow,
        publish_planned, weigh,
    },
    ledger::{Cause, Forecast, Provenance, PublishedBy},
    outcome::{Happened, Outcome},
    ports::{Ledger as _, LedgerReader as _, RulesInForce},
    rules::Bundle,
};

use super::LocalRuntime;
use crate::{Failure, connect::Aws};

impl LocalRuntime {
    /// Checks, plans and brings into force. What is refused changes nothing.
    pub(crate) async fn publish(
        &self,
        bundle: &Bundle,
        rules: RulesOnHand,
    ) -> Result<(Published, Forecast), Failure> {
        let now = self.clock.now();
        let in_force = self.ledger.rules_in_force().await?;
        may_follow(bundle, &self.ledger, now).await.map_err(Failure::Publish)?;
        let mut forecast = self.forecast(&rules, &self.reach.aws).await?;
        forecast.beyond = weigh(forecast.beyond, &rules.index, in_force.as_ref(), self.store.as_ref())
            .await
            .map_err(Failure::Publish)?;
        let press = Press { store: self.store.as_ref(), ledger: &self.ledger, clock: self.clock.as_ref() };
        let provenance = Provenance { by: PublishedBy::Command, as_of: now, said: None };
        let published = press.bring_into_force(bundle, &provenance, Some(&forecast), in_force.as_ref()).await;
        let published = published.map_err(Failure::Publish)?;
        hint_everywhere(&self.hints_go_in(), &published.rules).await.map_err(Failure::HintEverywhere)?;
        Ok((published, forecast))
    }

    /// Brings the rules into force that it begins with: refused where they make something new beyond the scope of a team. Nothing is hinted,
    /// since the first sweep looks at everything.
    pub(crate) async fn begin_with(
        &self,
        bundle: &Bundle,
        rules: &RulesOnHand,
    ) -> Result<RulesInForce, Failure> {
        let in_force = self.ledger.rules_in_force().await?;
        // Nobody else asks yet.
        let forecast = self.scoped(rules, in_force.as_ref(), &self.reach.engine).await?;
        let beyond = forecast.map(|forecast| forecast.beyond).unwrap_or_default();
        publish_planned(bundle, &beyond, self.store.as_ref(), &self.ledger, self.clock.as_ref())
            .await
            .map_err(Failure::Publish)
    }

    /// The same for one that goes on with a ledger: every account is hinted by the next tick, since a sweep may be far off.
    pub(crate) async fn take_up(&self, bundle: &Bundle, rules: &RulesOnHand) -> Result<Published, Failure> {
        let now = self.clock.now();
        let in_force = self.ledger.rules_in_force().await?;
        // What is refused for itself needs no plan.
        may_follow(bundle, &self.ledger, now).await.map_err(Failure::Publish)?;
        let forecast = self.scoped(rules, in_force.as_ref(), &self.reach.aws).await?;
        let press = Press { store: self.store.as_ref(), ledger: &self.ledger, clock: self.clock.as_ref() };
        let provenance = Provenance { by: PublishedBy::Command, as_of: now, said: None };
        let published =
            press.bring_into_force(bundle, &provenance, forecast.as_ref(), in_force.as_ref()).await;
        published.map_err(Failure::Publish)
    }

    /// What rules would change, where that has to be seen before they may come into force: where teams have scopes, and others are in force.
    async fn scoped(
        &self,
        rules: &RulesOnHand,
        in_force: Option<&RulesInForce>,
        aws: &Aws,
    ) -> Result<Option<Forecast>, Failure> {
        let is_same = in_force.is_some_and(|in_force| in_force.version == rules.version);
        if is_same || !rules.index.has_scopes() {
            return Ok(None);
        }
        let mut forecast = Box::pin(self.forecast(rules, aws)).await?;
        forecast.beyond = weigh(forecast.beyond, &rules.index, in_force, self.store.as_ref())
            .await
            .map_err(Failure::Publish)?;
        Ok(Some(forecast))
    }

    /// What rules would change, with the permission sets that they declare as they will be.
    async fn forecast(&self, rules: &RulesOnHand, aws: &Aws) -> Result<Forecast, Failure> {
        let cause = Cause::new("rules", &format!("{}-planned", rules.version.short()));
        let rulebook = Rulebook::fixed(rules.clone());
        let reader = aws.reader(&self.ledger, &rulebook, self.clock.as_ref());
        let planner = Planner { reader, settings: self.manner.engine };
        let forecast = Box::pin(planner.forecast_foreseeing(&aws.access, aws.sets.as_ref(), &cause)).await;
        forecast.map_err(|error| match error {
            DeclaredSetsError::Read(error) => Failure::Read(error),
            error @ (DeclaredSetsError::Ledger(_)
            | DeclaredSetsError::PermissionSets(_)
            | DeclaredSetsError::Set { .. }
            | DeclaredSetsError::Accounts { .. }
            | DeclaredSetsError::Queue(_)
            | DeclaredSetsError::Epoch(_)) => Failure::DeclaredSets(error),
        })
    }

    /// Tells whoever listens to outcomes that rules did not come into force. `version` is theirs, where they could be read.
    pub(crate) async fn refused(&self, version: Option<RulesVersion>, reason: &str) {
        let now = self.clock.now();
        let cause = Cause::new("rules", version.as_ref().map_or("unreadable", RulesVersion::short));
        let happened = Happened::RulesRefused { refused: version, reason: reason.to_owned() };
        let outcome = Outcome::new(happened, &now.to_string(), now, cause);
        if let Err(error) = self.ledger.tell(&[outcome]).await {
            self.trouble("telling that rules are refused", shared::causes::joined(&error));
        }
    }
}
