//! What rules would change, in numbers: looked at before they come into force.

use std::sync::Arc;

use super::{
    DeclaredSets, DeclaredSetsError, Foreseen, Planner, ReadError, Reader, allowance::budgets,
    beyond::beyond, consent::Proposal,
};
use crate::{
    domain::Operation,
    guardrail,
    ledger::{Cause, Forecast},
    plan::{self, WithheldReason},
    ports::{AccessReader, PermissionSetReader},
};

impl Planner<'_> {
    /// The same with the permission sets that the rules declare as they will be once they are kept: a set that is yet to be made is given
    /// then, and one whose tags change is judged by those that it will have. The plan has the name that `usher plan` gives it.
    pub async fn forecast_foreseeing(
        &self,
        access: &Arc<dyn AccessReader>,
        sets: &dyn PermissionSetReader,
        cause: &Cause,
    ) -> Result<Forecast, DeclaredSetsError> {
        let declared = DeclaredSets { reader: self.reader, sets, settings: self.settings };
        let survey = Box::pin(declared.survey()).await?;
        if survey.sets.is_empty() {
            return Ok(self.forecast(cause).await?);
        }
        let instance = access.instance().await.map_err(ReadError::Instance)?;
        let foreseen = Foreseen::of(Arc::clone(access), &instance.arn, &survey);
        let reader =
            if foreseen.is_as_it_is() { self.reader } else { Reader { access: &foreseen, ..self.reader } };
        let planner = Planner { reader, settings: self.settings };
        let forecast = planner.forecast(cause).await?;
        let plan = match survey.fingerprint().as_str() {
            "" => forecast.plan,
            fingerprint => plan::hash_with(&forecast.plan, fingerprint),
        };
        let unread = survey.sets.iter().filter(|surveyed| surveyed.plan.is_unread());
        let sets_unread = unread.map(|surveyed| surveyed.plan.name.clone()).collect();
        Ok(Forecast { plan, sets_unread, ..forecast })
    }

    /// Decides about every account, as [`Planner::everything`] does, and tells it in numbers.
    pub async fn forecast(&self, cause: &Cause) -> Result<Forecast, ReadError> {
        let survey = self.everything(cause).await?;
        let (ledger, now) = (self.reader.ledger, self.reader.clock.now());
        let proposal = Proposal::of(&survey, None, ledger, cause, now).await?;
        let mut budgets = budgets(ledger, &survey.basis, cause, now).await?;
        let mut forecast = Forecast {
            plan: proposal.hash().clone(),
            accounts: survey.decided.len(),
            unread: survey.unread.len(),
            grants: 0,
            revokes: 0,
            grants_over_budget: 0,
            revokes_over_budget: 0,
            withheld: 0,
            sets_unread: Vec::new(),
            beyond: beyond(&survey.decided, &survey.basis),
        };
        for decided in survey.decided {
            let approved = guardrail::approve(decided.plan, &budgets);
            budgets.spend(&approved);
            for action in approved.actions() {
                match action.operation {
                    Operation::Grant => forecast.grants += 1,
                    Operation::Revoke => forecast.revokes += 1,
                }
            }
            for withheld in approved.withheld() {
                let is_over_budget = matches!(withheld.reason, WithheldReason::Budget(_));
                match withheld.operation {
                    Operation::Grant if is_over_budget => forecast.grants_over_budget += 1,
                    Operation::Revoke if is_over_budget => forecast.revokes_over_budget += 1,
                    Operation::Grant | Operation::Revoke => forecast.withheld += 1,
                }
            }
        }
        Ok(forecast)
    }
}
