//! Holding single keys, taking over what others made, and giving up what is ours.

use super::{Consent, ConsentError, TRIES};
use crate::{
    domain::{AssignmentKey, Operation},
    engine::{Planner, planner::Look, signed},
    ledger::{Cause, Consented, HeldBy, Hold, Row, State},
    ports::{Guard, LedgerError, PortError, RowWrite},
};

use jiff::Timestamp;

/// What to do with an assignment that no rule wants: once adopted it would be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    Refuse,
    Adopt,
}

/// A row, and what must hold when it is written.
type Change<T> = Result<(Option<(Row, Guard)>, T), ConsentError>;

impl Consent<'_> {
    /// Puts a key on hold, whether the ledger knows it or not. What is with AWS already is followed to its end. If a person
    /// holds it already, that hold stands.
    pub async fn hold_key(&self, key: &AssignmentKey) -> Result<Hold, ConsentError> {
        let now = self.clock.now();
        let hold =
            Hold { by: HeldBy::Person(self.name()?), at: now, reason: crate::ledger::reason(self.reason) };
        self.change_row(key, Consented::HeldKey { key: key.clone() }, |row, cause| {
            let row = row.unwrap_or_else(|| tombstone(key, cause.clone(), now));
            match &row.hold {
                Some(stands @ Hold { by: HeldBy::Person(_), .. }) => Ok((None, stands.clone())),
                Some(Hold { by: HeldBy::DeletedByHand, .. }) | None => {
                    let row = Row { hold: Some(hold.clone()), ..row };
                    Ok((Some((row, Guard::default())), hold.clone()))
                }
            }
        })
        .await
    }

    /// Lets a key go on; tells the hold that stood. What was deleted by hand is made again if a rule wants it.
    pub async fn release_key(&self, key: &AssignmentKey) -> Result<Hold, ConsentError> {
        self.change_row(key, Consented::ReleasedKey { key: key.clone() }, |row, _| {
            let missing = || ConsentError::KeyNotHeld(Box::new(key.clone()));
            let mut row = row.ok_or_else(missing)?;
            let stood = row.hold.take().ok_or_else(missing)?;
            Ok((Some((row, Guard::default())), stood))
        })
        .await
    }

    /// Gives up what is ours, or may be: it stays in AWS, and is somebody else's from then on.
    pub async fn disown(&self, key: &AssignmentKey) -> Result<Row, ConsentError> {
        let now = self.clock.now();
        self.change_row(key, Consented::Disowned { key: key.clone() }, |row, cause| {
            let not_ours = || ConsentError::NotOurs(Box::new(key.clone()));
            let row = row.ok_or_else(not_ours)?;
            if row.claim().is_some() {
                return Err(ConsentError::UnderWay(Box::new(key.clone())));
            }
            match &row.state {
                State::Ours
                | State::Closing(_)
                | State::Uncertain { .. }
                | State::Blocked { operation: Operation::Revoke, .. }
                | State::Dormant => {}
                State::Granting(_) | State::Closed | State::Blocked { operation: Operation::Grant, .. } => {
                    return Err(not_ours());
                }
            }
            let row = Row { cause: cause.clone(), maybe_sent: false, closed_at: None, trouble: None, ..row }
                .into_state(State::Closed, now);
            Ok((Some((row.clone(), Guard::default())), row))
        })
        .await
    }

    /// Takes over an assignment that is there and not ours, or perhaps ours: from then on Usher revokes it when no rule wants it.
    pub async fn adopt(
        &self,
        planner: &Planner<'_>,
        key: &AssignmentKey,
        unwanted: Unwanted,
    ) -> Result<Row, ConsentError> {
        let look = planner.look(key).await?;
        let look = look.ok_or_else(|| ConsentError::UnknownAccount(key.account.clone()))?;
        let now = self.clock.now();
        let boxed = || Box::new(key.clone());
        if !look.is_listed {
            return Err(ConsentError::NotThere(boxed()));
        }
        if let Some(row) = &look.row {
            may_be_adopted(row, now, planner)?;
        }
        let Look { row: seen, is_listed: _, wanted, frozen, rules } = look;
        let wanted_by = match (wanted, frozen, unwanted) {
            (Some(wanted), _, _) => wanted,
            (None, _, Unwanted::Adopt) => std::collections::BTreeMap::new(),
            (None, Some(why), Unwanted::Refuse) => {
                return Err(ConsentError::CannotTell { key: boxed(), why });
            }
            (None, None, Unwanted::Refuse) => return Err(ConsentError::Unwanted(boxed())),
        };
        self.change_row(key, Consented::Adopted { key: key.clone() }, |row, cause| {
            // What was looked at is what is taken over.
            if row.as_ref().map(|row| row.version) != seen.as_ref().map(|row| row.version) {
                return Err(ConsentError::Changed(boxed()));
            }
            let row = row.unwrap_or_else(|| tombstone(key, cause.clone(), now));
            let adopted = Row {
                wanted_by: wanted_by.clone(),
                rules: Some(rules.clone()),
                cause: cause.clone(),
                attempts: 0,
                conflicts: 0,
                maybe_sent: false,
                closed_at: None,
                trouble: None,
                // It is there again, so nobody wants it gone any more.
                hold: row.hold.clone().filter(|hold| hold.by != HeldBy::DeletedByHand),
                ..row
            }
            .into_state(State::Ours, now);
            let guard = Guard { rules: Some(rules.clone()), ..Guard::default() };
            Ok((Some((adopted.clone(), guard)), adopted))
        })
        .await
    }

    /// Changes one row as it stands, and puts that on record first: the record of what then did not happen does no harm, and what
    /// happened without a record would.
    async fn change_row<T>(
        &self,
        key: &AssignmentKey,
        what: Consented,
        change: impl Fn(Option<Row>, &Cause) -> Change<T>,
    ) -> Result<T, ConsentError> {
        let record = self.draft(what)?;
        let cause = record.cause();
        let mut is_kept = false;
        for _ in 0..TRIES {
            let (changed, told) = change(self.ledger.row(key).await?, &cause)?;
            let Some((row, guard)) = changed else { return Ok(told) };
            if !is_kept {
                self.keep(&record).await?;
                is_kept = true;
            }
            match self.ledger.write(&[RowWrite::of(row)], &guard).await {
                Ok(()) => return Ok(told),
                Err(LedgerError::RowChanged(_) | LedgerError::Port(PortError::Conflict(_))) => {
                    self.give_way().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ConsentError::Changed(Box::new(key.clone())))
    }
}

/// Whether what the ledger says about an assignment that is there leaves it to be adopted.
fn may_be_adopted(row: &Row, now: Timestamp, planner: &Planner<'_>) -> Result<(), ConsentError> {
    let key = Box::new(row.key.clone());
    match &row.state {
        State::Granting(_) => Err(ConsentError::UnderWay(key)),
        State::Ours
        | State::Closing(_)
        | State::Dormant
        | State::Blocked { operation: Operation::Revoke, .. } => Err(ConsentError::AlreadyOurs(key)),
        State::Closed | State::Uncertain { .. } | State::Blocked { operation: Operation::Grant, .. } => {
            let settled = row.closed_at.map(|closed_at| closed_at + signed(planner.settings.lag));
            match settled.filter(|settled| *settled > now) {
                Some(until) => Err(ConsentError::Unsettled { key, until }),
                None => Ok(()),
            }
        }
    }
}

/// A row that claims nothing, for a key that the ledger does not know.
pub(super) fn tombstone(key: &AssignmentKey, cause: Cause, now: Timestamp) -> Row {
    Row {
        key: key.clone(),
        version: 0,
        state: State::Closed,
        wanted_by: std::collections::BTreeMap::new(),
        rules: None,
        cause,
        attempts: 0,
        conflicts: 0,
        changed_at: now,
        missing_since: None,
        departed_since: None,
        orphaned_since: None,
        maybe_sent: false,
        closed_at: None,
        last_request: None,
        overheard: None,
        look_again: false,
        trouble: None,
        approval: None,
        hold: None,
        over_budget: None,
    }
}
