//! What has come of a change, for whoever wants to know: the events on the outcome bus. Their schema is in `docs/outcomes.md`.
//!
//! An outcome is kept in the ledger together with what it tells of, and told from there: at least once, always with the same id.
//! It holds ids only, never the name of a person.

mod drift;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{
        AccountId, AssignmentKey, GroupId, Operation, PermissionSetArn, RuleId, RulesVersion, UserId, hex,
    },
    ledger::{Cause, Held, Row},
};

pub use drift::{drift, missing};
pub use standing::Standing;

/// Of the events' schema: another number means that something has changed which a reader may rest on.
pub const SCHEMA_VERSION: &str = "1";

/// How large an outcome gets, in bytes of JSON, by what it lists; it says how many there are beyond. An event may have 256 KB, an item of the ledger 400 KB, and
/// what goes along with it has to fit too.
pub const LARGEST: usize = 60_000;

/// One thing that has come of a change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// The same each time that it is told: 32 hexadecimal digits.
    pub id: String,
    pub at: Timestamp,
    /// What it was decided for: an event's id, a sweep, a command.
    pub cause: Cause,
    /// The rules that want what it is about, or were the last to.
    pub rules: BTreeSet<RuleId>,
    /// The version of the rules that it was decided by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_version: Option<RulesVersion>,
    #[serde(flatten)]
    pub happened: Happened,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Happened {
    /// AWS has provisioned the assignment.
    Granted { assignment: AssignmentKey },
    /// The assignment is gone. `orphan`: its principal had been deleted before.
    Revoked {
        assignment: AssignmentKey,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        orphan: bool,
    },
    /// A request ended as FAILED, for a reason that passes: it is sent again.
    Failed { assignment: AssignmentKey, operation: Operation, reason: String },
    /// AWS refused it for good.
    Blocked { assignment: AssignmentKey, operation: Operation, reason: String },
    /// The rules ask for it, or no longer do, and it is not done. `reason` is a word of [`crate::plan::WithheldReason::kind`].
    Withheld { assignment: AssignmentKey, operation: Operation, reason: String },
    /// A hold keeps it from being done.
    Held { assignment: AssignmentKey, operation: Operation, by: Held },
    /// A person has joined a group, and gained by it what the group has and they had not.
    Gained(Membership),
    /// A person has left a group, and lost by it what the group has and nothing else gives them.
    Lost(Membership),
    /// A permission set's edits have reached its accounts, or not all of them.
    Reprovisioned(Reprovisioned),
    /// A new version of the rules did not come into force. `reason` is the first line of what its author was told.
    RulesRefused {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<RulesVersion>,
        reason: String,
    },
    /// AWS has something else than the ledger says, by another's hand.
    DriftFound { assignment: AssignmentKey, drift: Drift, response: Response },
    /// A tag that rules go by has another value than at the last look, or is there or gone since.
    TrustedTagChanged(OfTag),
    /// A declared permission set was made, whole.
    SetMade(OfSet),
    /// One was brought to what is declared. Its accounts are told of by [`Self::Reprovisioned`].
    SetEdited(OfSet),
    /// One was deleted, as declared.
    SetDeleted(OfSet),
    /// One could not be read, made, edited or deleted; it is tried again. `reason` is in AWS's words.
    SetBlocked {
        #[serde(flatten)]
        set: OfSet,
        reason: String,
    },
    /// One is not as it is declared, and is left so. `reason` is a word of [`crate::permission_sets::Withheld::kind`].
    SetWithheld {
        #[serde(flatten)]
        set: OfSet,
        reason: String,
    },
}

/// A tag that rules may go by. Its value is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OfTag {
    /// The account that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The permission set that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<PermissionSetArn>,
    pub key: String,
}

/// A permission set that the rules declare.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OfSet {
    /// As it is declared.
    pub name: String,
    /// None of one that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<PermissionSetArn>,
}

/// What a change of a group's members means for one of them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Membership {
    pub user: UserId,
    pub group: GroupId,
    /// Ordered; as many as fit.
    pub access: Vec<Access>,
    /// How many more there are than are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: usize,
}

/// A permission set in an account, by these rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Access {
    pub account: AccountId,
    pub permission_set: PermissionSetArn,
    pub rules: BTreeSet<RuleId>,
}

/// What came of bringing a permission set's edits to its accounts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reprovisioned {
    pub permission_set: PermissionSetArn,
    /// The ids of the events that told of the edits; none where a look found it outdated.
    pub edits: Vec<String>,
    /// Ordered; as many as fit.
    pub updated: Vec<AccountId>,
    /// How many more there are than are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: usize,
    /// Accounts that are still on an older version, with the reason; as many as fit.
    pub failed: BTreeMap<AccountId, String>,
    /// How many more have failed than are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_unlisted: usize,
}

/// How AWS differs from what the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// What was ours is gone.
    Missing,
    /// Somebody else made it.
    Foreign,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is told of: its rules only observe.
    Reported,
    /// It is made again: its rule says so.
    Repaired,
    /// It is on hold until a person lets it go.
    Held,
    /// It stays as it is: no rule wants it otherwise, or it isn't ours.
    Left,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Happened {
    /// The word for it, the same as in its JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Granted { .. } => "granted",
            Self::Revoked { .. } => "revoked",
            Self::Failed { .. } => "failed",
            Self::Blocked { .. } => "blocked",
            Self::Withheld { .. } => "withheld",
            Self::Held { .. } => "held",
            Self::Gained(_) => "gained",
            Self::Lost(_) => "lost",
            Self::Reprovisioned(_) => "reprovisioned",
            Self::RulesRefused { .. } => "rules_refused",
            Self::DriftFound { .. } => "drift_found",
            Self::TrustedTagChanged(_) => "trusted_tag_changed",
            Self::SetMade(_) => "set_made",
            Self::SetEdited(_) => "set_edited",
            Self::SetDeleted(_) => "set_deleted",
            Self::SetBlocked { .. } => "set_blocked",
            Self::SetWithheld { .. } => "set_withheld",
        }
    }

    /// The same, as far as it fits into an event.
    fn fitted(self) -> Self {
        let of_member = |Membership { user, group, access, unlisted }| {
            let (access, beyond) = fitting_access(access);
            Membership { user, group, access, unlisted: unlisted + beyond }
        };
        match self {
            Self::Gained(membership) => Self::Gained(of_member(membership)),
            Self::Lost(membership) => Self::Lost(of_member(membership)),
            Self::Reprovisioned(Reprovisioned {
                permission_set,
                edits,
                updated,
                unlisted,
                failed,
                failed_unlisted,
            }) => {
                let (edits, _) = fitting(edits, LARGEST / 10);
                let (updated, more) = fitting(updated, LARGEST / 2);
                let (failed, more_failed) = fitting(failed.into_iter().collect(), LARGEST / 3);
                Self::Reprovisioned(Reprovisioned {
                    permission_set,
                    edits,
                    updated,
                    unlisted: unlisted + more,
                    failed: failed.into_iter().collect(),
                    failed_unlisted: failed_unlisted + more_failed,
                })
            }
            other @ (Self::Granted { .. }
            | Self::Revoked { .. }
            | Self::Failed { .. }
            | Self::Blocked { .. }
            | Self::Withheld { .. }
            | Self::Held { .. }
            | Self::RulesRefused { .. }
            | Self::DriftFound { .. }
            | Self::TrustedTagChanged(_)
            | Self::SetMade(_)
            | Self::SetEdited(_)
            | Self::SetDeleted(_)
            | Self::SetBlocked { .. }
            | Self::SetWithheld { .. }) => other,
        }
    }

    /// What it is about, so that two of a kind are told apart.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Granted { assignment }
            | Self::Revoked { assignment, .. }
            | Self::Failed { assignment, .. }
            | Self::Blocked { assignment, .. }
            | Self::Withheld { assignment, .. }
            | Self::Held { assignment, .. }
            | Self::DriftFound { assignment, .. } => assignment.to_string(),
            Self::Gained(membership) | Self::Lost(membership) => {
                format!("{} {}", membership.group, membership.user)
            }
            Self::Reprovisioned(reprovisioned) => reprovisioned.permission_set.to_string(),
            Self::SetMade(set)
            | Self::SetEdited(set)
            | Self::SetDeleted(set)
            | Self::SetBlocked { set, .. }
            | Self::SetWithheld { set, .. } => set.name.clone(),
            Self::TrustedTagChanged(OfTag { account, permission_set, key }) => {
                let of = account.as_ref().map(ToString::to_string);
                let of = of.or(permission_set.as_ref().map(ToString::to_string));
                format!("{} {key}", of.unwrap_or_default())
            }
            Self::RulesRefused { refused, .. } => {
                refused.as_ref().map(ToString::to_string).unwrap_or_default()
            }
        }
    }
}

impl Outcome {
    /// An outcome that bears the same id whenever it is made of the same happening. `occasion` tells it from another of the same kind about
    /// the same thing: a request's id, an event's, a time that was written down.
    pub fn new(happened: Happened, occasion: &str, at: Timestamp, cause: Cause) -> Self {
        let mut hash = Sha256::new();
        for part in [happened.word(), &happened.subject(), occasion] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let id = hex(hash.finalize().get(..16).unwrap_or_default());
        // When its event was is nothing that is told.
        let cause = cause.of_time(None);
        Self { id, at, cause, rules: BTreeSet::new(), rules_version: None, happened: happened.fitted() }
    }

    /// The same, decided by these rules.
    #[must_use = "an outcome is told by keeping it in the ledger"]
    pub fn by_rules<'a>(
        self,
        rules: impl IntoIterator<Item = &'a RuleId>,
        version: Option<&RulesVersion>,
    ) -> Self {
        Self { rules: rules.into_iter().cloned().collect(), rules_version: version.cloned(), ..self }
    }

    /// What is told of a row, as it is now.
    pub fn of_row(row: &Row, happened: Happened, at: Timestamp) -> Self {
        let request = row.last_request.as_ref().map(ToString::to_string).unwrap_or_default();
        let occasion = format!("{request} {} {}", row.changed_at, row.attempts);
        let outcome = Self::new(happened, &occasion, at, row.cause.clone());
        outcome.by_rules(row.wanted_by.keys(), row.rules.as_ref())
    }

    /// Where it stands in the order of times: of a fixed width, and its id after it. What is found anew, at another time, by whoever tries again after a
    /// crash comes after the others, so that it is there once and not once for each try.
    #[cfg(any(feature = "aws", feature = "local"))]
    pub(crate) fn place(&self) -> String {
        match &self.happened {
            Happened::Gained(_) | Happened::Lost(_) => format!("members#{}", self.id),
            Happened::Granted { .. }
            | Happened::Revoked { .. }
            | Happened::Failed { .. }
            | Happened::Blocked { .. }
            | Happened::Withheld { .. }
            | Happened::Held { .. }
            | Happened::Reprovisioned(_)
            | Happened::RulesRefused { .. }
            | Happened::DriftFound { .. }
            | Happened::TrustedTagChanged(_)
            | Happened::SetMade(_)
            | Happened::SetEdited(_)
            | Happened::SetDeleted(_)
            | Happened::SetBlocked { .. }
            | Happened::SetWithheld { .. } => format!("{:.9}#{}", self.at, self.id),
        }
    }

    /// As it is on the bus: with the version of its schema.
    pub fn detail(&self) -> serde_json::Value {
        let mut detail = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = detail.as_object_mut() {
            fields.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
        }
        detail
    }
}

/// As much of what a group gives as an outcome lists, and how much there is beyond.
pub(crate) fn fitting_access(access: Vec<Access>) -> (Vec<Access>, usize) {
    fitting(access, LARGEST)
}

/// As many of the first of these as have this much room as JSON, and how many there are beyond.
fn fitting<T: serde::Serialize>(all: Vec<T>, room: usize) -> (Vec<T>, usize) {
    let before = all.len();
    let mut left = room;
    let takes = |one: &T| serde_json::to_string(one).map_or(usize::MAX, |text| text.len() + 1);
    let kept: Vec<T> = all
        .into_iter()
        .map_while(|one| {
            left = left.checked_sub(takes(&one))?;
            Some(one)
        })
        .collect();
    let beyond = before - kept.len();
    (kept, beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gained(places: u32) -> Outcome {
        let access = (0..places).map(|number| Access {
            account: format!("{number:012}").parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                .parse()
                .unwrap(),
            rules: (0..5).map(|rule| format!("{rule}-{}", "r".repeat(60)).parse().unwrap()).collect(),
        });
        let happened = Happened::Gained(Membership {
            user: "9067642ac1-1b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9".parse().unwrap(),
            group: "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
            access: access.collect(),
            unlisted: 0,
        });
        Outcome::new(happened, "once", Timestamp::UNIX_EPOCH, Cause::new("event", "1"))
    }

    #[test]
    fn an_outcome_lists_as_much_as_fits_and_says_how_much_there_is_beyond() {
        let outcome = gained(5_000);
        let Happened::Gained(Membership { access, unlisted, .. }) = &outcome.happened else {
            panic!("{outcome:?}")
        };
        assert!(access.len() > 100);
        assert_eq!(access.len() + unlisted, 5_000);
        assert!(outcome.detail().to_string().len() < 64_000);
        let Happened::Gained(Membership { access, unlisted, .. }) = gained(3).happened else { panic!() };
        assert_eq!((access.len(), unlisted), (3, 0));
    }

    #[cfg(any(feature = "aws", feature = "local"))]
    #[test]
    fn what_is_gained_is_kept_in_the_same_place_whenever_it_is_found() {
        let first = gained(3);
        let later = Outcome { at: Timestamp::MAX, ..first.clone() };
        assert_eq!(first.place(), later.place());
        let other = Outcome::new(first.happened.clone(), "again", first.at, first.cause.clone());
        assert_ne!(first.place(), other.place());
    }

    #[test]
    fn the_same_happening_has_the_same_id_and_another_has_another() {
        assert_eq!(gained(3).id, gained(4).id, "the same person, the same group, the same occasion");
        let refused = |occasion: &str| {
            let happened = Happened::RulesRefused { refused: None, reason: "empty".to_owned() };
            Outcome::new(happened, occasion, Timestamp::UNIX_EPOCH, Cause::new("event", "1")).id
        };
        assert_eq!(refused("a"), refused("a"));
        assert_ne!(refused("a"), refused("b"));
        assert_eq!(refused("a").len(), 32);
    }
}
