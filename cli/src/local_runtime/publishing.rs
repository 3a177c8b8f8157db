//! Rules that come into force while the functions run, as `on-rules-change` brings them into force.

use shared::{
    domain::RulesVersion,
    engine::{Planner, Press, Published, Rulebook, RulesOnHand, hint_everywhere, may_follow, weigh},
    ledger::{Cause, Forecast, Provenance, PublishedBy},
    outcome::{Happened, Outcome},
    ports::{Ledger as _, LedgerReader as _},
    rules::Bundle,
};

use super::LocalRuntime;
use crate::Failure;

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
        let cause = Cause::new("rules", &format!("{}-planned", rules.version.short()));
        let rulebook = Rulebook::fixed(rules.clone());
        let reader = self.aws.reader(&self.ledger, &rulebook, self.clock.as_ref());
        let planner = Planner { reader, settings: self.settings };
        let mut forecast = planner.forecast(&cause).await.map_err(Failure::Read)?;
        forecast.beyond = weigh(forecast.beyond, &rules.index, in_force.as_ref(), self.store.as_ref())
            .await
            .map_err(Failure::Publish)?;
        let press = Press { store: self.store.as_ref(), ledger: &self.ledger, clock: self.clock.as_ref() };
        let provenance = Provenance { by: PublishedBy::Command, as_of: now };
        let published = press.bring_into_force(bundle, &provenance, Some(&forecast), in_force.as_ref()).await;
        let published = published.map_err(Failure::Publish)?;
        hint_everywhere(&self.hints_go_in(), &published.rules).await.map_err(Failure::HintEverywhere)?;
        Ok((published, forecast))
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
