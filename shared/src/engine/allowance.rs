//! The budgets as the ledger has them.

use jiff::Timestamp;

use super::Basis;
use crate::{
    guardrail::Budgets,
    ledger::Cause,
    ports::{LedgerError, LedgerReader},
};

/// What may still be spent on a decision.
pub(super) async fn budgets(
    ledger: &dyn LedgerReader,
    basis: &Basis,
    cause: &Cause,
    now: Timestamp,
) -> Result<Budgets, LedgerError> {
    let mut budgets = Budgets::new(basis.guardrails(), basis.owned, cause, &basis.rules.version, now);
    for budget in budgets.iter_mut() {
        budget.spent = ledger.spent(&budget.key).await?;
    }
    Ok(budgets)
}
