//! Bringing rules into force: read, compared with those in force, kept, and only then pointed to.

use jiff::Timestamp;

use super::consent;
use crate::{
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, RulesInForce, RulesStore},
    rules::{self, Bundle},
};

/// Why rules did not come into force. Those that were in force still are.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the rules cannot be read")]
    Rules(#[from] Box<rules::Diagnostics>),
    #[error(
        "the rules are empty, which would take away all that the rules in force give, and which nobody can approve: keep at least one rule"
    )]
    Empty,
    #[error(
        "the rules have shrunk from {before} to {after}, which looks like a mistake: if it is none, `usher plan` shows what they would do, and `usher approve` lets exactly that plan and these rules through"
    )]
    Shrunk { before: usize, after: usize },
    #[error("cannot keep the rules")]
    Keep(#[source] PortError),
    #[error("cannot bring the rules into force")]
    Ledger(#[from] LedgerError),
}

/// Whether rules may come into force after those that are: not if they are empty, and if they have shrunk to less than half only
/// with consent to a plan under exactly these rules, given while exactly those were in force.
pub async fn may_follow(
    bundle: &Bundle,
    ledger: &dyn LedgerReader,
    now: Timestamp,
) -> Result<(), PublishError> {
    let in_force = ledger.rules_in_force().await?;
    follow(bundle, in_force.as_ref(), ledger, now).await.map(|_| ())
}

/// How many rules there are, if they may come into force after these.
async fn follow(
    bundle: &Bundle,
    in_force: Option<&RulesInForce>,
    ledger: &dyn LedgerReader,
    now: Timestamp,
) -> Result<usize, PublishError> {
    let (version, after) = (bundle.version(), rules::read(bundle).map_err(Box::new)?.rules.len());
    if in_force.is_some_and(|rules| rules.version == version) {
        return Ok(after);
    }
    if after == 0 {
        return Err(PublishError::Empty);
    }
    if let Some(others) = in_force.filter(|others| has_shrunk(others.rules, after)) {
        let journal = consent::journal(ledger).await?;
        if !journal.iter().any(|record| record.lets_shrink(&version, &others.version, now)) {
            return Err(PublishError::Shrunk { before: others.rules, after });
        }
    }
    Ok(after)
}

/// Whether so few rules after so many look like a mistake.
pub(super) fn has_shrunk(before: usize, after: usize) -> bool {
    after < before.div_ceil(2)
}

/// Reads a bundle, keeps it, and brings it into force. The same bundle again changes nothing.
pub async fn publish(
    bundle: &Bundle,
    store: &dyn RulesStore,
    ledger: &dyn Ledger,
    clock: &dyn Clock,
) -> Result<RulesInForce, PublishError> {
    // Read once: what they were compared with is what they replace.
    let in_force = ledger.rules_in_force().await?;
    let after = follow(bundle, in_force.as_ref(), ledger, clock.now()).await?;
    let version = bundle.version();
    if let Some(same) = in_force.as_ref().filter(|rules| rules.version == version) {
        store.keep(bundle).await.map_err(PublishError::Keep)?;
        return Ok(same.clone());
    }
    store.keep(bundle).await.map_err(PublishError::Keep)?;
    let rules = RulesInForce { version, since: clock.now(), rules: after };
    ledger.bring_into_force(in_force.as_ref().map(|rules| &rules.version), &rules).await?;
    Ok(rules)
}
