//! What one assignment is to AWS, to the ledger and to the rules.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Assignment, Standing};
use crate::{
    domain::{AssignmentKey, Operation, RuleId},
    ledger::{HeldBy, Row, State},
    plan::WithheldReason,
};

/// What a plan made now has to do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Grants,
    Revokes,
    /// This is not done, and why.
    Withheld(Operation, WithheldReason),
}

/// Everything that is known of a key.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub key: &'a AssignmentKey,
    /// AWS lists it.
    pub present: bool,
    pub row: Option<&'a Row>,
    /// The rules that want it; `None` where it can't be said what they want.
    pub wanted: Option<&'a BTreeSet<RuleId>>,
    pub until: Option<Timestamp>,
    pub next: Option<&'a Next>,
    /// Its principal no longer exists.
    pub orphaned: bool,
    /// When the reading began: what has changed since, or within the lag before, may have been read as it was before.
    pub began: Timestamp,
    pub lag: SignedDuration,
}

impl Sight<'_> {
    /// The assignment as it is told; `None` where there is none, and none is wanted.
    pub fn assignment(&self) -> Option<Assignment> {
        let (standing, note) = self.standing()?;
        let is_wanted = self.wanted.is_some_and(|rules| !rules.is_empty());
        // A tombstone tells of the past, unless somebody has taken away what is missed.
        let row = self.row.filter(|row| row.state != State::Closed || standing == Standing::Drifted);
        let rules = match (self.wanted, row) {
            (Some(rules), _) if is_wanted => rules.clone(),
            (_, Some(row)) => row.wanted_by.keys().cloned().collect(),
            (_, None) => BTreeSet::new(),
        };
        Some(Assignment {
            key: self.key.clone(),
            present: self.present,
            standing,
            ours: self.row.is_some_and(Row::is_ours),
            wanted: is_wanted,
            rules,
            since: row.map(|row| row.changed_at),
            cause: row.map(|row| row.cause.as_str().to_owned()),
            until: self.until,
            note,
        })
    }

    fn standing(&self) -> Option<(Standing, Option<String>)> {
        if self.present && self.orphaned {
            let note = "its principal has been deleted: nobody has access by it".to_owned();
            return Some((Standing::Orphaned, Some(note)));
        }
        let Some(row) = self.row else { return self.nobodys() };
        let is_fresh = row.changed_at + self.lag > self.began;
        let told = |standing, note: &str| Some((standing, Some(note.to_owned())));
        match &row.state {
            State::Closed if self.present && is_fresh && row.closed_at.is_some() => {
                told(Standing::Pending, "it was revoked a moment before this was read, or meanwhile")
            }
            State::Closed if !self.present && is_held_as_deleted(row) && self.is_wanted() => {
                told(Standing::Drifted, "somebody deleted it by hand; `usher release` has it made again")
            }
            State::Closed => self.nobodys(),
            State::Granting(intent) if self.present && intent.claim.is_none() && !row.maybe_sent => {
                told(Standing::Foreign, "it was made by others while Usher was about to")
            }
            State::Granting(intent) if intent.claim.is_some() => {
                told(Standing::Pending, "a grant has been sent, and has not ended yet")
            }
            State::Granting(_) if self.present => {
                told(Standing::Uncertain, "an attempt of Usher's may have made it")
            }
            State::Granting(_) => told(Standing::Pending, "a grant is about to be sent"),
            State::Uncertain { reason, contested: _ } => Some((
                Standing::Uncertain,
                Some(format!(
                    "it cannot be said whose it is ({reason}); `usher adopt` or `usher disown` settles it"
                )),
            )),
            State::Blocked { operation: Operation::Grant, .. } if self.present => self.nobodys(),
            State::Blocked { operation, reason, .. } => {
                Some((Standing::Pending, Some(format!("AWS refused to {operation} it: {reason}"))))
            }
            State::Closing(intent) if intent.claim.is_some() => {
                told(Standing::Pending, "a revoke has been sent, and has not ended yet")
            }
            State::Ours | State::Dormant | State::Closing(_) if !self.present => {
                if is_fresh {
                    told(Standing::Pending, "it was granted a moment before this was read, or meanwhile")
                } else {
                    told(Standing::Drifted, "it was Usher's, and is gone by another's hand")
                }
            }
            State::Closing(_) => told(Standing::Pending, "a revoke is about to be sent"),
            State::Ours | State::Dormant => Some(self.kept()),
        }
    }

    /// What is there, and Usher's.
    fn kept(&self) -> (Standing, Option<String>) {
        let unwanted = |why: &str| Some(format!("no rule wants it any more; {why}"));
        match (self.wanted, self.next) {
            (Some(rules), Some(Next::Revokes)) if rules.is_empty() => {
                (Standing::Pending, unwanted("the next run revokes it"))
            }
            // What rules want can't be told for certain: it stays what it was.
            (
                _,
                Some(Next::Withheld(
                    Operation::Revoke,
                    reason @ (WithheldReason::LookupFailed(_)
                    | WithheldReason::PermissionSetAwaited(_)
                    | WithheldReason::AccountNotActive(_)),
                )),
            ) => (Standing::Ours, Some(reason.to_string())),
            (Some(rules), Some(Next::Withheld(Operation::Revoke, reason))) if rules.is_empty() => {
                (Standing::Drifted, unwanted(&reason.to_string()))
            }
            (Some(rules), _) if rules.is_empty() => (Standing::Drifted, unwanted("nothing has been begun")),
            (_, Some(Next::Withheld(_, reason))) => (Standing::Ours, Some(reason.to_string())),
            (_, Some(Next::Grants | Next::Revokes) | None) => (Standing::Ours, None),
        }
    }

    /// What the ledger doesn't claim.
    fn nobodys(&self) -> Option<(Standing, Option<String>)> {
        if self.present {
            let note = self
                .is_wanted()
                .then(|| "rules want it, and it was made by others; `usher adopt` takes it over".to_owned());
            return Some((Standing::Foreign, note));
        }
        if !self.is_wanted() {
            return None;
        }
        let note = match self.next {
            Some(Next::Grants) => "the next run grants it".to_owned(),
            Some(Next::Withheld(_, reason)) => reason.to_string(),
            Some(Next::Revokes) | None => "rules want it, and nothing has been begun".to_owned(),
        };
        Some((Standing::Pending, Some(note)))
    }

    fn is_wanted(&self) -> bool {
        self.wanted.is_some_and(|rules| !rules.is_empty())
    }
}

fn is_held_as_deleted(row: &Row) -> bool {
    row.hold.as_ref().is_some_and(|hold| hold.by == HeldBy::DeletedByHand)
}
