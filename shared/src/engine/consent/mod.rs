//! Consent: what people approve, pause, hold, adopt and disown. It writes to the ledger and never to AWS.
//!
//! ```ignore
//! let consent = Consent { ledger, clock, by: "alba", reason: "incident 12" };
//!
//! // The red button. Once `pause` has returned, nothing more is claimed; what is with AWS already is followed to its end.
//! consent.pause().await?;                                   // -> Order
//! consent.resume().await?;                                  // -> Order, the one that stood
//! consent.confirm_ledger(&witness).await?;                  // -> Freeze, what was frozen since the ledger was in doubt
//! consent.hold(&"account:111122223333".parse()?).await?;    // HoldScope: account:<id>, group:<id>, user:<id> -> Order
//! consent.release(&scope).await?;                           // -> Order
//! consent.hold_key(&key).await?;                            // -> Hold
//! consent.release_key(&key).await?;                         // -> Hold; also what was deleted by hand
//! consent.adopt(&planner, &key, Unwanted::Refuse).await?;   // foreign or uncertain -> ours
//! consent.adopt_all(&Adoption::of(&survey), |done| {}).await?;    // all that is foreign and that rules in force want
//! consent.disown(&key).await?;                              // ours or uncertain -> foreign
//!
//! // A permission set that was made again under its name; the ARN that was looked at, if it is known -> now, and before
//! consent.confirm_permission_set(&access, "ReadOnlyAccess", Some(&arn)).await?;
//!
//! // A plan by its hash, or single keys. The planner may have rules that are not in force (`Rulebook::fixed`).
//! let survey = planner.everything(&cause).await?;           // or one account in the shape of a survey
//! let proposal = Proposal::of(&survey, None, ledger, &cause, clock.now()).await?;
//! proposal.hash();                                          // `usher plan` prints it
//! proposal.over_budget();                                   // what waits for a budget
//! proposal.let_through();                                   // what an approval of it would let through
//! proposal.scope();                                         // for `Reconciler::account_within`: `apply --plan HASH`
//! consent.approve_plan(&proposal, &hash, expires_at).await?;            // -> ConsentRecord
//! consent.approve_keys(&proposal, &keys, expires_at).await?;            // -> ConsentRecord
//!
//! journal(ledger).await?;                                   // Vec<ConsentRecord>, the oldest first
//! ledger.orders().await?;                                   // Orders { pause, holds, .. }
//! ```
//!
//! What waits and why is in each plan's `withheld`; who holds a key is in its row's `hold`, and in the orders.

mod adoption;
mod approve;
mod keys;
mod names;
mod orders;

use std::time::Duration;

use jiff::Timestamp;

pub use adoption::{Adoptable, Adoption};
pub use approve::{Approvable, MOST_KEYS, Proposal};
pub use keys::Unwanted;
pub(super) use names::ConfirmedName;

use super::{EpochError, ReadError};
use crate::{
    domain::{AccountId, AssignmentKey, PermissionSetArn, PlanHash},
    ledger::{ConsentRecord, Consented, HoldScope, TooManyHolds},
    plan::WithheldReason,
    ports::{Clock, Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
};

/// How often a write is tried again when something else changed what it rests on.
const TRIES: u32 = 20;

/// What one person consents to, now.
#[derive(Clone, Copy)]
pub struct Consent<'a> {
    pub ledger: &'a dyn Ledger,
    pub clock: &'a dyn Clock,
    /// Who: it is kept, and never logged.
    pub by: &'a str,
    /// Why, in the person's words; may be empty.
    pub reason: &'a str,
}

impl std::fmt::Debug for Consent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consent").finish_non_exhaustive()
    }
}

/// Why consent was not taken. Unless it says otherwise, nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    #[error("it is kept who did this, so a name is needed")]
    Nameless,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("the plan has changed since {}…, and is {}… now: run `usher plan` again, and approve what it shows", asked.short(), now.short())]
    PlanChanged { asked: PlanHash, now: PlanHash },
    #[error("nothing in the plan waits for a budget, so there is nothing to approve")]
    NothingToApprove,
    #[error("`{key}` does not wait for a budget: {reason}")]
    NotOverBudget { key: Box<AssignmentKey>, reason: WithheldReason },
    #[error("nothing that waits is planned for `{0}`: `usher withheld` lists what waits")]
    NotWithheld(Box<AssignmentKey>),
    #[error("an approval must end after it begins, and within {} days", approve::LONGEST.as_hours() / 24)]
    Ends,
    #[error("{MOST_KEYS} keys at most are approved at once: approve the plan instead")]
    TooManyKeys,
    #[error("`{0}` changed while it was written: look again, and repeat the command")]
    Changed(Box<AssignmentKey>),
    #[error(
        "it broke off when {approved} of {all} were approved: run `usher plan` again, and approve the rest"
    )]
    Partly {
        approved: usize,
        all: usize,
        #[source]
        why: Box<ConsentError>,
    },
    #[error(
        "it broke off when {adopted} of {all} were adopted: repeat the command, and it goes on with the rest"
    )]
    PartlyAdopted {
        adopted: usize,
        all: usize,
        #[source]
        why: Box<ConsentError>,
    },
    #[error("Usher is not paused")]
    NotPaused,
    #[error("the ledger is not in doubt: nothing is frozen")]
    NotFrozen,
    #[error(transparent)]
    Epoch(#[from] EpochError),
    #[error("`{0}` is not on hold")]
    NotHeld(HoldScope),
    #[error(
        "`{0}` is not on hold by itself: it may be by its account or its principal, or for another reason that `usher withheld` tells"
    )]
    KeyNotHeld(Box<AssignmentKey>),
    #[error(transparent)]
    TooManyHolds(#[from] TooManyHolds),
    #[error("the organization does not know the account `{0}`")]
    UnknownAccount(AccountId),
    #[error("AWS does not list `{0}`: only what is there can be adopted")]
    NotThere(Box<AssignmentKey>),
    #[error("`{0}` is ours already")]
    AlreadyOurs(Box<AssignmentKey>),
    #[error("a request for `{0}` is under way: wait until it has ended")]
    UnderWay(Box<AssignmentKey>),
    #[error("`{key}` was revoked a moment ago, and AWS's list may be stale: try again after {until}")]
    Unsettled { key: Box<AssignmentKey>, until: Timestamp },
    #[error(
        "no rule in force wants `{0}`, so it would be revoked next: write a rule for it first, or adopt it even so"
    )]
    Unwanted(Box<AssignmentKey>),
    #[error("it cannot be said whether a rule wants `{key}`: {why}")]
    CannotTell { key: Box<AssignmentKey>, why: String },
    #[error("cannot read the permission sets")]
    PermissionSets(#[source] PortError),
    #[error("there is no permission set `{0}`")]
    NoPermissionSet(String),
    #[error("the permission set `{name}` is `{now}` now, and not `{looked_at}`: look again")]
    OtherPermissionSet { name: String, looked_at: PermissionSetArn, now: PermissionSetArn },
    #[error("`{0}` is not ours: there is nothing to give up")]
    NotOurs(Box<AssignmentKey>),
}

/// What was consented to, the oldest first.
pub async fn journal(ledger: &dyn LedgerReader) -> Result<Vec<ConsentRecord>, LedgerError> {
    let mut records = Vec::new();
    for Seen { id, value, at: _ } in ledger.recall(SeenKind::Consent).await? {
        let record: ConsentRecord = serde_json::from_value(value)
            .map_err(|error| PortError::Refused(format!("the consent `{id}` can't be read: {error}")))?;
        records.push(record);
    }
    records.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
    Ok(records)
}

impl Consent<'_> {
    /// Who consents, as it is kept.
    fn name(&self) -> Result<String, ConsentError> {
        let name = crate::ledger::name(self.by);
        if name.is_empty() { Err(ConsentError::Nameless) } else { Ok(name) }
    }

    /// What is consented to, with who and when.
    fn draft(&self, what: Consented) -> Result<ConsentRecord, ConsentError> {
        Ok(ConsentRecord::new(&self.name()?, self.clock.now(), self.reason, what))
    }

    /// Puts it on record.
    async fn keep(&self, record: &ConsentRecord) -> Result<(), ConsentError> {
        let value = serde_json::to_value(record)
            .map_err(|error| PortError::Refused(format!("a consent can't be kept: {error}")))
            .map_err(LedgerError::from)?;
        let seen = Seen { id: record.id.to_string(), value, at: record.at };
        Ok(self.ledger.remember(SeenKind::Consent, &[seen]).await?)
    }

    /// Gives way to somebody who writes at this moment.
    async fn give_way(&self) {
        self.clock.sleep(Duration::from_millis(50)).await;
    }
}
