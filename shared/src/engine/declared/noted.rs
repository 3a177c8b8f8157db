//! What was found of declared permission sets: which of them are as they are declared, and why others are not.
//!
//! What takes the place of something else is there only when its set is as it is declared. What waits is told once, when it begins to.
//!
//! INVARIANT: a set is noted as declared only when it was read or made so, and that is struck out before it is changed for another reason.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::claims;
use crate::{
    domain::{PermissionSetArn, RulesVersion, hex},
    ledger::Cause,
    outcome::{Happened, OfSet, Outcome},
    permission_sets::Withheld,
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
    rules::{DeclaredSet, Wanted},
};

/// The fact that keeps it.
pub(in crate::engine) const NOTED: &str = "permission-sets-as-declared";

/// So much of a reason is kept: all of them are one item of the ledger.
const LONGEST: usize = 300;

/// The word for one that fails; others are the words of [`Withheld::kind`].
const FAILED: &str = "failed";

/// What was noted, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Noted {
    /// What names the content that was found.
    #[serde(default)]
    kept: BTreeMap<String, String>,
    #[serde(default)]
    waits: BTreeMap<String, SetWait>,
}

/// Why a declared permission set is not as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SetWait {
    /// `failed`, or a word of [`Withheld::kind`].
    pub what: String,
    pub why: String,
    pub since: Timestamp,
    /// The last version of the rules that it was found so under.
    pub rules: RulesVersion,
    /// None where it is not there, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<PermissionSetArn>,
    /// It was told.
    #[serde(default)]
    told: bool,
}

impl SetWait {
    /// Whether it was tried, and has failed.
    pub fn has_failed(&self) -> bool {
        self.what == FAILED
    }
}

/// What the ledger knows of declared permission sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetStanding {
    /// By name.
    pub waits: BTreeMap<String, SetWait>,
    /// Those that are being made or edited, and since when.
    pub begun: BTreeMap<String, Timestamp>,
}

impl SetStanding {
    /// Reads it.
    pub async fn read(ledger: &dyn LedgerReader) -> Result<Self, LedgerError> {
        let Noted { waits, kept: _ } = Noted::read(ledger).await?;
        Ok(Self { waits, begun: claims::all_begun(ledger).await? })
    }
}

impl Noted {
    async fn read(ledger: &dyn LedgerReader) -> Result<Self, LedgerError> {
        let fact = ledger.recall_one(SeenKind::Fact, NOTED).await?;
        // What can't be read is looked at again.
        Ok(fact.and_then(|fact| serde_json::from_value(fact.value).ok()).unwrap_or_default())
    }

    /// Whether a set was found as it is declared now.
    pub(in crate::engine) fn has(&self, set: &DeclaredSet) -> bool {
        let digest = digest(set);
        digest.is_some() && self.kept.get(&set.name) == digest.as_ref()
    }
}

fn digest(set: &DeclaredSet) -> Option<String> {
    let Wanted::There(content) = &set.wanted else { return None };
    let digest: [u8; 32] = Sha256::digest(format!("{content:?}")).into();
    hex(&digest).get(..16).map(str::to_owned)
}

/// Why a set is not as it is declared.
pub(super) enum Reason<'a> {
    Withheld(&'a Withheld),
    Failed(&'a str),
}

/// What is noted where.
#[derive(Clone, Copy)]
pub(super) struct Notes<'a> {
    pub(super) ledger: &'a dyn Ledger,
    pub(super) clock: &'a dyn Clock,
}

impl Notes<'_> {
    async fn keep(&self, noted: &Noted) -> Result<(), LedgerError> {
        let value = serde_json::to_value(noted)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        let seen = Seen { id: NOTED.to_owned(), value, at: self.clock.now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await
    }

    /// These sets are as they are declared.
    pub(super) async fn as_declared(&self, sets: &[&DeclaredSet]) -> Result<(), LedgerError> {
        let before = Noted::read(self.ledger).await?;
        let mut noted = before.clone();
        for set in sets {
            noted.waits.remove(&set.name);
            match digest(set) {
                Some(digest) => noted.kept.insert(set.name.clone(), digest),
                None => noted.kept.remove(&set.name),
            };
        }
        if noted == before { Ok(()) } else { self.keep(&noted).await }
    }

    /// Only these are declared by now.
    pub(super) async fn only(&self, sets: &[DeclaredSet]) -> Result<(), LedgerError> {
        let before = Noted::read(self.ledger).await?;
        let mut noted = before.clone();
        let is_declared = |name: &String| sets.iter().any(|set| set.name == *name);
        noted.kept.retain(|name, _| is_declared(name));
        noted.waits.retain(|name, _| is_declared(name));
        if noted == before { Ok(()) } else { self.keep(&noted).await }
    }

    /// A set is about to be changed.
    pub(super) async fn strike(&self, name: &str) -> Result<(), LedgerError> {
        let mut noted = Noted::read(self.ledger).await?;
        match noted.kept.remove(name) {
            Some(_) => self.keep(&noted).await,
            None => Ok(()),
        }
    }

    /// A set is not as it is declared, for this reason. That is told when it begins.
    pub(super) async fn waits(
        &self,
        set: &DeclaredSet,
        permission_set: Option<&PermissionSetArn>,
        rules: &RulesVersion,
        reason: Reason<'_>,
    ) -> Result<(), LedgerError> {
        let (what, why) = match reason {
            Reason::Withheld(Withheld::Unread { why }) => (FAILED, why.clone()),
            Reason::Withheld(withheld) => (withheld.kind(), withheld.to_string()),
            Reason::Failed(why) => (FAILED, why.to_owned()),
        };
        let why: String = why.chars().take(LONGEST).collect();
        let before = Noted::read(self.ledger).await?;
        let mut noted = before.clone();
        noted.kept.remove(&set.name);
        let now = self.clock.now();
        // Other words for the same are no other wait: how many accounts are left, or a request's id.
        let (since, told) = match before.waits.get(&set.name) {
            Some(wait) if wait.what == what => (wait.since, wait.told),
            Some(_) | None => (now, false),
        };
        let wait = SetWait {
            what: what.to_owned(),
            why,
            since,
            rules: rules.clone(),
            permission_set: permission_set.cloned(),
            told,
        };
        noted.waits.insert(set.name.clone(), wait.clone());
        if noted != before {
            self.keep(&noted).await?;
        }
        if told {
            return Ok(());
        }
        // INVARIANT: what begins is in the ledger before it is told, so that it is told again under the same id.
        let of = OfSet { name: set.name.clone(), permission_set: wait.permission_set.clone() };
        let happened = if wait.has_failed() {
            Happened::SetBlocked { set: of, reason: wait.why.clone() }
        } else {
            Happened::SetWithheld { set: of, reason: wait.what.clone() }
        };
        self.tell(set, happened, &since.to_string(), rules).await?;
        noted.waits.insert(set.name.clone(), SetWait { told: true, ..wait });
        self.keep(&noted).await
    }

    /// Keeps an outcome of a set. `occasion` tells it from another of the same kind.
    pub(super) async fn tell(
        &self,
        set: &DeclaredSet,
        happened: Happened,
        occasion: &str,
        rules: &RulesVersion,
    ) -> Result<(), LedgerError> {
        let cause = Cause::new("declaration", &set.written_at.to_string());
        let outcome = Outcome::new(happened, occasion, self.clock.now(), cause);
        self.ledger.tell(&[outcome.by_rules([], Some(rules))]).await
    }
}
