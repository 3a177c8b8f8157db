//! A person's word that a name stands for another permission set than before.
//!
//! A permission set that is deleted and made again under its name may allow anything. The ledger remembers which set bore each
//! name when a rule first found it, and nothing is granted through a name that another one bears until a person has confirmed it.

use super::reading::owner;
use crate::{
    domain::{InstanceArn, PermissionSetArn},
    ports::{AccessReader, Clock, Ledger, LedgerError, PortError, Seen, SeenKind},
};

/// The permission set that a name stands for, as the ledger remembers it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConfirmedName {
    pub permission_set: PermissionSetArn,
    /// Who has confirmed it; nobody, if it is the first that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

/// Why a name could not be confirmed. It stands for the same permission set as before.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    #[error("there is no permission set `{0}`: it may have been deleted since it was shown")]
    Absent(PermissionSetArn),
    #[error("the permission set `{permission_set}` is called `{called}`, and not `{name}`")]
    OtherName { permission_set: PermissionSetArn, called: String, name: String },
    #[error(
        "the ledger belongs to the instance `{ledger}`, and this is `{here}`: use the ledger of this instance"
    )]
    OtherInstance { ledger: InstanceArn, here: InstanceArn },
    #[error("cannot read the permission set")]
    Access(#[from] PortError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
}

/// Lets a name stand for this permission set from now on, on a person's word; tells which one it stood for before. The person says
/// which set it is, so that only the one that was looked at is confirmed.
pub async fn confirm_permission_set(
    access: &dyn AccessReader,
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    name: &str,
    permission_set: &PermissionSetArn,
    by: &str,
) -> Result<Option<PermissionSetArn>, ConfirmError> {
    let here = access.instance().await?.arn;
    let facts = ledger.recall(SeenKind::Fact).await?;
    if let Some(ledger) = owner(&facts).filter(|owner| *owner != here) {
        return Err(ConfirmError::OtherInstance { ledger, here });
    }
    let found = access.permission_set(permission_set).await?;
    let found = found.ok_or_else(|| ConfirmError::Absent(permission_set.clone()))?;
    if found.name != name {
        let (permission_set, name) = (permission_set.clone(), name.to_owned());
        return Err(ConfirmError::OtherName { permission_set, called: found.name, name });
    }
    let remembered = ledger.recall(SeenKind::PermissionSetName).await?;
    let before = remembered.into_iter().find(|seen| seen.id == name);
    let before = before.and_then(|seen| serde_json::from_value::<ConfirmedName>(seen.value).ok());
    let confirmed =
        ConfirmedName { permission_set: permission_set.clone(), confirmed_by: Some(by.to_owned()) };
    let value = serde_json::to_value(confirmed).map_err(|error| PortError::Refused(error.to_string()))?;
    ledger
        .remember(SeenKind::PermissionSetName, &[Seen { id: name.to_owned(), value, at: clock.now() }])
        .await?;
    Ok(before.map(|before| before.permission_set))
}
