//! What rules would change, in numbers: looked at before they come into force.

use super::{Planner, ReadError, allowance::budgets, beyond::beyond, consent::Proposal};
use crate::{
    domain::Operation,
    guardrail,
    ledger::{Cause, Forecast},
    plan::WithheldReason,
};

impl Planner<'_> {
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
            beyond: beyond(&survey.decided, &survey.basis.rules.index),
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
