//! All accounts by what one listing and the ledger tell of them: enough to say which of them a rule may select. No tags are read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    ports::{LedgerError, LedgerReader, OrganizationReader, PortError, SeenKind},
    rules::AccountOutline,
};

/// Why the accounts could not be outlined.
#[derive(Debug, thiserror::Error)]
pub enum OutlineError {
    #[error("cannot read the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot list the accounts that a rule may select")]
    Organization(#[source] PortError),
}

/// All accounts. Names of OUs that were read before `fresh` are not believed.
pub(super) async fn outlines(
    organization: &dyn OrganizationReader,
    ledger: &dyn LedgerReader,
    fresh: Timestamp,
) -> Result<Vec<AccountOutline>, OutlineError> {
    let known = ledger.recall(SeenKind::OrganizationalUnit).await?;
    let names: BTreeMap<String, String> = known
        .into_iter()
        .filter(|seen| seen.at > fresh)
        .filter_map(|seen| Some((seen.id, serde_json::from_value(seen.value).ok()?)))
        .collect();
    let management =
        organization.organization().await.map_err(OutlineError::Organization)?.management_account;
    let accounts = organization.accounts().await.map_err(OutlineError::Organization)?;
    Ok(accounts
        .into_iter()
        .map(|account| AccountOutline {
            is_management: account.id == management,
            id: account.id,
            name: account.name,
            path: account
                .parents
                .into_iter()
                .map(|ou| {
                    let name = names.get(ou.as_str()).cloned();
                    (ou, name)
                })
                .collect(),
        })
        .collect())
}
