//! Which permission sets are Usher's: those that the ledger names, by their ARNs, and one that bears the mark of one being made.
//!
//! INVARIANT: the mark is in the ledger before the set is made with it; so a set of which no answer came is known again, and nothing
//! else is taken for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::DeclaredSetsError;
use crate::{
    domain::PermissionSetArn,
    engine::consent::ConfirmedName,
    permission_sets::{Claim, Details, MAKING_TAG},
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
};

/// How the id begins of what is remembered of a set that is being made.
pub(in crate::engine) const MAKING: &str = "making:";

/// The same of one that is being edited.
pub(in crate::engine) const EDITING: &str = "editing:";

/// What is remembered of a permission set that is Usher's, or being made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Claimed {
    Made {
        name: String,
    },
    Adopted {
        name: String,
    },
    /// The mark that it is made with.
    Making {
        mark: String,
    },
    /// It is being edited.
    Editing(Begun),
}

/// An edit that was begun.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Begun {
    /// What names the changes that are left.
    pub(super) changes: String,
    /// The run that began with them.
    pub(super) run: String,
    /// The first of them that leaves accounts with an old version; empty if none does.
    pub(super) call: String,
}

/// All that is remembered of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(BTreeMap<String, Claimed>);

impl Claims {
    pub(super) async fn read(ledger: &dyn LedgerReader) -> Result<Self, DeclaredSetsError> {
        let mut claims = BTreeMap::new();
        for Seen { id, value, at: _ } in ledger.recall(SeenKind::OwnPermissionSet).await? {
            let claimed = serde_json::from_value(value).map_err(|error| {
                LedgerError::from(PortError::Refused(format!(
                    "what is kept of `{id}` can't be read: {error}"
                )))
            })?;
            claims.insert(id, claimed);
        }
        Ok(Self(claims))
    }

    /// Whose a set is.
    pub(super) fn of(&self, set: &Details) -> Claim {
        let is_known =
            matches!(self.0.get(set.arn.as_str()), Some(Claimed::Made { .. } | Claimed::Adopted { .. }));
        match (self.is_being_made(set), is_known) {
            (true, _) => Claim::BeingMade,
            (false, true) => Claim::Ours,
            (false, false) => Claim::NotOurs,
        }
    }

    /// The mark of a set that was about to be made. INVARIANT: it is kept until the set is there, since lists may hide for a while that it is.
    pub(super) fn mark_of(&self, name: &str) -> Option<&str> {
        match self.0.get(&making(name)) {
            Some(Claimed::Making { mark }) => Some(mark),
            Some(Claimed::Made { .. } | Claimed::Adopted { .. } | Claimed::Editing(_)) | None => None,
        }
    }

    /// The set of this name that is Usher's.
    pub(super) fn arn_of(&self, name: &str) -> Option<PermissionSetArn> {
        let of_name = |claimed: &Claimed| match claimed {
            Claimed::Made { name: own } | Claimed::Adopted { name: own } => own == name,
            Claimed::Making { .. } | Claimed::Editing(_) => false,
        };
        self.0.iter().find(|(_, claimed)| of_name(claimed)).and_then(|(id, _)| id.parse().ok())
    }

    /// Whether a set was begun, and nobody has written down that it is done.
    pub(super) fn is_begun(&self, name: &str) -> bool {
        self.mark_of(name).is_some() || self.begun(name).is_some()
    }

    /// The edit of a set that was begun, if it is not done yet.
    pub(super) fn begun(&self, name: &str) -> Option<&Begun> {
        match self.0.get(&editing(name)) {
            Some(Claimed::Editing(begun)) => Some(begun),
            Some(Claimed::Made { .. } | Claimed::Adopted { .. } | Claimed::Making { .. }) | None => None,
        }
    }

    /// Whether a set is one that Usher was about to make, and of which no answer is written down.
    pub(super) fn is_being_made(&self, set: &Details) -> bool {
        let mark = self.mark_of(&set.name);
        mark.is_some() && set.tags.get(MAKING_TAG) == mark
    }
}

/// The sets that were begun, and since when.
pub(super) async fn all_begun(ledger: &dyn LedgerReader) -> Result<BTreeMap<String, Timestamp>, LedgerError> {
    let mut begun = BTreeMap::new();
    for beginning in [MAKING, EDITING] {
        for Seen { id, at, .. } in ledger.recall_below(SeenKind::OwnPermissionSet, beginning).await? {
            begun.extend(id.strip_prefix(beginning).map(|name| (name.to_owned(), at)));
        }
    }
    Ok(begun)
}

fn making(name: &str) -> String {
    format!("{MAKING}{name}")
}

fn editing(name: &str) -> String {
    format!("{EDITING}{name}")
}

async fn keep(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    id: String,
    claimed: &Claimed,
) -> Result<(), LedgerError> {
    let value = serde_json::to_value(claimed).map_err(|error| PortError::Refused(error.to_string()))?;
    ledger.remember(SeenKind::OwnPermissionSet, &[Seen { id, value, at: clock.now() }]).await
}

/// A set of this name is about to be made, with this mark.
pub(super) async fn begin(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    name: &str,
    mark: &str,
) -> Result<(), LedgerError> {
    keep(ledger, clock, making(name), &Claimed::Making { mark: mark.to_owned() }).await
}

/// A set is about to be edited.
pub(super) async fn edit(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    name: &str,
    begun: Begun,
) -> Result<(), LedgerError> {
    keep(ledger, clock, editing(name), &Claimed::Editing(begun)).await
}

/// A set is Usher's from now on, and its name stands for it: the document has said so.
pub(super) async fn claim(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    (name, arn): (&str, &PermissionSetArn),
    adopted: bool,
) -> Result<(), LedgerError> {
    let own = name.to_owned();
    let claimed = if adopted { Claimed::Adopted { name: own } } else { Claimed::Made { name: own } };
    keep(ledger, clock, arn.to_string(), &claimed).await?;
    confirm(ledger, clock, name, arn).await
}

/// Lets a name stand for a set, whichever bore it before.
pub(super) async fn confirm(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    name: &str,
    arn: &PermissionSetArn,
) -> Result<(), LedgerError> {
    let before = ledger.recall_one(SeenKind::PermissionSetName, name).await?;
    let confirmed = ConfirmedName { permission_set: arn.clone(), consent: None };
    let value = serde_json::to_value(confirmed).map_err(|error| PortError::Refused(error.to_string()))?;
    if before.as_ref().is_some_and(|before| before.value == value) {
        return Ok(());
    }
    // What is newer stays, and another's clock may have been ahead.
    let at = before.map_or(clock.now(), |before| before.at.max(clock.now()));
    ledger.remember(SeenKind::PermissionSetName, &[Seen { id: name.to_owned(), value, at }]).await
}

/// A set is made, or edited, whole: its mark means nothing any more.
pub(super) async fn made(ledger: &dyn Ledger, name: &str) -> Result<(), LedgerError> {
    ledger.unlearn(SeenKind::OwnPermissionSet, &[making(name), editing(name)]).await
}

/// A set is gone, by Usher's own call.
pub(super) async fn forget(ledger: &dyn Ledger, arn: &PermissionSetArn) -> Result<(), LedgerError> {
    ledger.unlearn(SeenKind::OwnPermissionSet, &[arn.to_string()]).await
}
