//! Which declared permission sets were found or made as they are declared, and what that was: what takes the place of something else is
//! there only then.
//!
//! INVARIANT: a set is noted only when it was read or made so, and its note goes before it is changed for another reason.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    domain::hex,
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
    rules::{DeclaredSet, Wanted},
};

/// The fact that keeps it.
pub(in crate::engine) const NOTED: &str = "permission-sets-as-declared";

/// What was noted: by name, what names the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Noted(BTreeMap<String, String>);

impl Noted {
    async fn read(ledger: &dyn LedgerReader) -> Result<Self, LedgerError> {
        let fact = ledger.recall_one(SeenKind::Fact, NOTED).await?;
        // What can't be read is looked at again.
        Ok(fact.and_then(|fact| serde_json::from_value(fact.value).ok()).unwrap_or_default())
    }

    /// Whether a set was found as it is declared now.
    pub(in crate::engine) fn has(&self, set: &DeclaredSet) -> bool {
        let digest = digest(set);
        digest.is_some() && self.0.get(&set.name) == digest.as_ref()
    }
}

fn digest(set: &DeclaredSet) -> Option<String> {
    let Wanted::There(content) = &set.wanted else { return None };
    let digest: [u8; 32] = Sha256::digest(format!("{content:?}")).into();
    hex(&digest).get(..16).map(str::to_owned)
}

/// Notes that these sets are as they are declared.
pub(super) async fn note(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    sets: &[&DeclaredSet],
) -> Result<(), LedgerError> {
    let mut noted = Noted::read(ledger).await?;
    if sets.iter().all(|set| noted.has(set) || set.wanted == Wanted::Gone) {
        return Ok(());
    }
    noted.0.extend(sets.iter().filter_map(|set| Some((set.name.clone(), digest(set)?))));
    keep(ledger, clock, &noted).await
}

/// A set is not as it is declared, or is about to be changed.
pub(super) async fn strike(ledger: &dyn Ledger, clock: &dyn Clock, name: &str) -> Result<(), LedgerError> {
    let mut noted = Noted::read(ledger).await?;
    match noted.0.remove(name) {
        Some(_) => keep(ledger, clock, &noted).await,
        None => Ok(()),
    }
}

async fn keep(ledger: &dyn Ledger, clock: &dyn Clock, noted: &Noted) -> Result<(), LedgerError> {
    let value = serde_json::to_value(noted)
        .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
    let seen = Seen { id: NOTED.to_owned(), value, at: clock.now() };
    ledger.remember(SeenKind::Fact, &[seen]).await
}
