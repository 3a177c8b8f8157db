//! A person's word that a name stands for another permission set than before.
//!
//! A permission set that is deleted and made again under its name may allow anything. The ledger remembers which set bore each
//! name when a rule first found it, and nothing is granted through a name that another one bears until a person has confirmed it.

use super::{Consent, ConsentError};
use crate::{
    domain::{ConsentId, PermissionSetArn},
    engine::{ReadError, reading::owner},
    ledger::Consented,
    ports::{AccessReader, LedgerError, PortError, Seen, SeenKind},
};

/// The permission set that a name stands for, as the ledger remembers it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct ConfirmedName {
    pub(in crate::engine) permission_set: PermissionSetArn,
    /// The consent by which it does; none for the first that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) consent: Option<ConsentId>,
}

impl Consent<'_> {
    /// Lets a name stand for the permission set that bears it now; tells which one that is, and which one it was before, if any
    /// rule had found one. A person who says which set was looked at confirms no other.
    pub async fn confirm_permission_set(
        &self,
        access: &dyn AccessReader,
        name: &str,
        looked_at: Option<&PermissionSetArn>,
    ) -> Result<(PermissionSetArn, Option<PermissionSetArn>), ConsentError> {
        let here = access.instance().await.map_err(ReadError::Instance)?.arn;
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        if let Some(ledger) = owner(&facts).filter(|owner| *owner != here) {
            return Err(ReadError::OtherInstance { ledger, here }.into());
        }
        let permission_set = bearer(access, name).await?;
        if let Some(looked_at) = looked_at.filter(|looked_at| **looked_at != permission_set) {
            let (looked_at, now, name) = (looked_at.clone(), permission_set, name.to_owned());
            return Err(ConsentError::OtherPermissionSet { name, looked_at, now });
        }
        let remembered = self.ledger.recall(SeenKind::PermissionSetName).await?;
        let before = remembered.into_iter().find(|seen| seen.id == name);
        let last = before.as_ref().map(|seen| seen.at);
        let before = before.and_then(|seen| serde_json::from_value::<ConfirmedName>(seen.value).ok());
        let before = before.map(|before| before.permission_set);
        if before.as_ref() == Some(&permission_set) {
            return Ok((permission_set, before));
        }
        let (name, now) = (name.to_owned(), permission_set.clone());
        let record = self.draft(Consented::Confirmed { name: name.clone(), permission_set: now })?;
        let confirmed =
            ConfirmedName { permission_set: permission_set.clone(), consent: Some(record.id.clone()) };
        let value = serde_json::to_value(confirmed)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        // On record first: there is no confirmed name without who confirmed it.
        self.keep(&record).await?;
        // What is newer stays, and the clock of whoever saw the name first may be ahead of ours: a person's word must not be lost.
        let at = last.map_or(record.at, |last| last.max(record.at));
        let seen = Seen { id: name, value, at };
        self.ledger.remember(SeenKind::PermissionSetName, &[seen]).await?;
        Ok((permission_set, before))
    }
}

/// The permission set that bears a name now.
async fn bearer(access: &dyn AccessReader, name: &str) -> Result<PermissionSetArn, ConsentError> {
    for arn in access.permission_sets().await.map_err(ConsentError::PermissionSets)? {
        let set = access.permission_set(&arn).await.map_err(ConsentError::PermissionSets)?;
        if set.is_some_and(|set| set.name == name) {
            return Ok(arn);
        }
    }
    Err(ConsentError::NoPermissionSet(name.to_owned()))
}
