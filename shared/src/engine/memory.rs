//! What a reading has learned goes into the ledger's memory.

use std::collections::BTreeMap;

use crate::ports::{Ledger, LedgerError, Seen, SeenKind};

/// Remembers what was learned in a reading. A name of a permission set is learned at its first sight, and another reader, or a
/// person, may have given it its set since.
pub async fn remember(
    ledger: &dyn Ledger,
    learned: &BTreeMap<SeenKind, Vec<Seen>>,
) -> Result<(), LedgerError> {
    for (kind, seen) in learned {
        match kind {
            SeenKind::PermissionSetName => ledger.remember_first(*kind, seen).await?,
            SeenKind::PermissionSet
            | SeenKind::PermissionSetTags
            | SeenKind::TaggedAccount
            | SeenKind::AccountTags
            | SeenKind::TrustedTags
            | SeenKind::Group
            | SeenKind::GroupName
            | SeenKind::User
            | SeenKind::UserName
            | SeenKind::OrganizationalUnit
            | SeenKind::Withheld
            | SeenKind::Member
            | SeenKind::Membership
            | SeenKind::Consent
            | SeenKind::OwnPermissionSet
            | SeenKind::Reprovisioned
            | SeenKind::Publication
            | SeenKind::SelfTest
            | SeenKind::Fact => ledger.remember(*kind, seen).await?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{local::SqliteLedger, ports::LedgerReader as _};

    #[tokio::test]
    async fn a_name_that_was_confirmed_meanwhile_is_not_given_back_to_the_set_that_was_seen_first() {
        let ledger = SqliteLedger::in_memory().unwrap();
        let of = |value: &str, at: &str| Seen {
            id: "ReadOnlyAccess".to_owned(),
            value: json!(value),
            at: at.parse().unwrap(),
        };
        let confirmed = of("confirmed", "2026-11-02T09:00:00Z");
        let kinds = [SeenKind::PermissionSetName, SeenKind::PermissionSet];
        for kind in kinds {
            ledger.remember(kind, std::slice::from_ref(&confirmed)).await.unwrap();
        }

        // By this reader's clock it was later: no clock decides what a name stands for.
        let seen = of("seen first", "2026-11-02T09:00:01Z");
        let learned = kinds.map(|kind| (kind, vec![seen.clone()]));
        remember(&ledger, &learned.into()).await.unwrap();

        assert_eq!(ledger.recall(SeenKind::PermissionSetName).await, Ok(vec![confirmed]));
        assert_eq!(ledger.recall(SeenKind::PermissionSet).await, Ok(vec![seen]));
    }
}
