//! What is withheld in an account as far as it was told: each refusal is told when it begins, and not at every look.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Happened, Outcome};
use crate::{
    domain::{Principal, RulesVersion, hex},
    ledger::Cause,
    plan::{Withheld, WithheldReason},
};
use jiff::Timestamp;

/// How many refusals are remembered of one account, and told. A DynamoDB item may have 400 KB.
const MOST: usize = 10_000;

/// The refusals of an account that were told, each by a digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Standing(BTreeSet<String>);

impl Standing {
    /// Of all that is withheld in an account now.
    pub fn of(withheld: &[Withheld]) -> Self {
        Self(withheld.iter().filter_map(mark).take(MOST).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same of these principals only.
    #[must_use = "it is a part of what stands"]
    pub fn about(&self, principals: &BTreeSet<Principal>) -> Self {
        let marked: BTreeSet<String> = principals.iter().map(of_principal).collect();
        let is_theirs = |mark: &&String| mark.get(..PRINCIPAL).is_some_and(|of| marked.contains(of));
        Self(self.0.iter().filter(is_theirs).cloned().collect())
    }

    /// What of this was not told before; `before_at` is when what stood before was written down.
    pub fn news(
        &self,
        withheld: &[Withheld],
        before_at: Option<Timestamp>,
        decided: (&Cause, &RulesVersion, Timestamp),
    ) -> Vec<Outcome> {
        let (cause, rules, now) = decided;
        let occasion = before_at.map(|at| at.to_string()).unwrap_or_default();
        let is_new = |withheld: &&Withheld| mark(withheld).is_some_and(|mark| !self.0.contains(&mark));
        withheld
            .iter()
            .filter(is_new)
            .take(MOST.saturating_sub(self.0.len()))
            .filter_map(|withheld| {
                let happened = happened(withheld)?;
                let occasion = format!("{occasion} {} {}", withheld.operation, withheld.reason.kind());
                let outcome = Outcome::new(happened, &occasion, now, cause.clone());
                Some(outcome.by_rules(withheld.rules.keys(), Some(rules)))
            })
            .collect()
    }
}

/// What is told of a refusal. What AWS refused was told when it did; what a plan leaves out by itself is nobody's news; and what a list no
/// longer shows is told once another look is sure of it.
fn happened(withheld: &Withheld) -> Option<Happened> {
    let Withheld { key, operation, reason, rules: _ } = withheld;
    let (assignment, operation) = (key.clone(), *operation);
    match reason {
        WithheldReason::Blocked(_) | WithheldReason::NotInPlan | WithheldReason::Missing(_) => None,
        WithheldReason::Held(by) => Some(Happened::Held { assignment, operation, by: *by }),
        WithheldReason::Foreign
        | WithheldReason::Observed
        | WithheldReason::CreateOnly
        | WithheldReason::Never
        | WithheldReason::OutOfScope
        | WithheldReason::NeverUnresolved(_)
        | WithheldReason::LookupFailed(_)
        | WithheldReason::PermissionSetAwaited(_)
        | WithheldReason::Uncertain(_)
        | WithheldReason::AccountNotActive(_)
        | WithheldReason::ManagementAccount
        | WithheldReason::Orphaned
        | WithheldReason::Budget(_)
        | WithheldReason::Recreated { .. }
        | WithheldReason::Quota(_)
        | WithheldReason::Paused
        | WithheldReason::LedgerUnconfirmed => {
            Some(Happened::Withheld { assignment, operation, reason: reason.kind().to_owned() })
        }
    }
}

/// How many digits of a mark say whom it is about.
const PRINCIPAL: usize = 8;

fn of_principal(principal: &Principal) -> String {
    hex(Sha256::digest(principal.to_string()).get(..PRINCIPAL / 2).unwrap_or_default())
}

/// The same for the same refusal: of this operation, for this kind of reason.
fn mark(withheld: &Withheld) -> Option<String> {
    let happened = happened(withheld)?;
    let mut hash = Sha256::new();
    for part in
        [happened.word(), &withheld.key.to_string(), &withheld.operation.to_string(), withheld.reason.kind()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let refusal = hex(hash.finalize().get(..8).unwrap_or_default());
    Some(of_principal(&withheld.key.principal) + &refusal)
}
