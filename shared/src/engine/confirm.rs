//! A call of our own that comes back as an event can settle whose an assignment is: a grant's answer was lost, the assignment is
//! there, and no list has shown a request of ours for it yet.
//!
//! The event says where to look: at one request, by its id. AWS says of that request what it was for and how it ended.

use jiff::{SignedDuration, Timestamp};

use super::{Arrival, CenterInbox, InboxError};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    ledger::{Row, State},
    outcome::{Happened, Outcome},
    ports::{Guard, LedgerError, Request, RequestStatus, RowWrite},
};

/// How long before a row became uncertain the call was made that it is about, at most: a call waits for its lists, and for an engine's lease
/// to expire.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);

impl CenterInbox<'_> {
    /// Makes an uncertain row ours, if the event is about a call of ours and AWS says that this very request has made the assignment. While the engine
    /// still waits for the answer, it is told the request's id. Tells whether it became ours: what it was uncertain about can be decided now.
    pub(super) async fn confirm(
        &self,
        key: &AssignmentKey,
        request: Option<&RequestId>,
        arrival: &Arrival,
    ) -> Result<bool, InboxError> {
        let (Some(request), true) = (request, self.is_of_our_role(arrival)) else { return Ok(false) };
        let ledger = self.inbox.ledger;
        let Some(row) = ledger.row(key).await? else { return Ok(false) };
        if row.last_request.as_ref() == Some(request) {
            // The event comes again: perhaps whoever settled it by the event has died before anybody was told to look.
            return Ok(row.state == State::Ours && row.overheard.as_ref() == Some(request));
        }
        // Events come sooner than an engine gives up on an answer: it is told by the row.
        if row.claim().is_some_and(|claim| claim.request.is_none()) && row.overheard.as_ref() != Some(request)
        {
            // The latest: one of an attempt before may have come first, and says nothing of this one.
            let row = Row { overheard: Some(request.clone()), ..row };
            return match ledger.write(&[RowWrite::of(row)], &Guard::default()).await {
                // The answer has come after all.
                Ok(()) | Err(LedgerError::RowChanged(_)) => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        // A grant that was put back after an answer was lost would find the assignment there, and not know whose it is.
        let is_in_doubt = match &row.state {
            State::Uncertain { contested, .. } => !contested,
            State::Granting(intent) => intent.claim.is_none() && row.maybe_sent,
            State::Ours | State::Closing(_) | State::Closed | State::Blocked { .. } | State::Dormant => false,
        };
        if !is_in_doubt {
            return Ok(false);
        }
        let described = self.access.request(Operation::Grant, request).await;
        if !described.map_err(InboxError::Request)?.is_some_and(|request| has_made(&request, &row)) {
            return Ok(false);
        }
        let now = self.inbox.clock.now();
        let ours = Row {
            attempts: 0,
            trouble: None,
            maybe_sent: false,
            closed_at: None,
            last_request: Some(request.clone()),
            ..row
        };
        let ours = Row { overheard: Some(request.clone()), ..ours.into_state(State::Ours, now) };
        let outcome = Outcome::of_row(&ours, Happened::Granted { assignment: key.clone() }, now);
        match ledger.write(&[RowWrite { row: ours, outcome: Some(outcome) }], &Guard::default()).await {
            Ok(()) => {
                tracing::info!(account.id = %key.account, %key, "{key}: ours, by an event of our own request");
                Ok(true)
            }
            // Somebody has settled it otherwise.
            Err(LedgerError::RowChanged(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether this request can be the one that the row is uncertain about, and has made its assignment.
fn has_made(request: &Request, row: &Row) -> bool {
    let Request { id: _, status, key, created_at } = request;
    let is_then = |at: Timestamp| {
        row.changed_at - BEFORE <= at
            && at <= row.changed_at
            && row.closed_at.is_none_or(|closed_at| closed_at < at)
    };
    *status == RequestStatus::Succeeded && key.as_ref() == Some(&row.key) && created_at.is_some_and(is_then)
}
