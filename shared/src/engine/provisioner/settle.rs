//! Settling claims without a request id: the call may have been made, or not, and its answer is lost.
//!
//! AWS gives no way to mark a request as ours. So the requests made since the claim, and after the last one that ended, are looked
//! through for this key:
//!
//! - exactly one: it is the one that was about to be sent, and is followed from here;
//! - none, once the lists can't be hiding it any more: it never arrived. Without the assignment there, it is sent again. With
//!   the assignment there, somebody else may have made it: the row is uncertain, and is never deleted automatically;
//! - several: one of them is somebody else's. A revoke is followed by any of them; a grant is uncertain.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    RunError,
    hand::Hand,
    outcome::{self, End, Ended},
    send::with_request,
};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    engine::signed,
    ledger::{Row, State},
    ports::{PortError, Request, RequestListing, RequestStatus, RequestSummary},
    provisioning::backoff,
};

/// How far AWS's clock and ours may be apart.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// How many requests of each status are looked through: more than can be made while one claim is open.
const LOOKED_THROUGH: usize = 300;

/// The latest requests of one kind, of any status, as the lists showed them at a moment.
struct Listed {
    at: Timestamp,
    requests: Vec<RequestSummary>,
}

/// What came of a claim without a request id.
pub(super) enum Settled {
    /// The lists may still be hiding the request, or could not be read.
    NotYet,
    /// There is one request; its id is in the row.
    Found {
        row: Box<Row>,
        status: RequestStatus,
    },
    Ended(End),
}

impl Hand<'_> {
    /// Settles claims whose request ids are not known, one after the other: the lists are read once for all of them, and each request
    /// is asked about once. `known` are the ids of what else is under way, and nothing is begun after `until`.
    pub(super) async fn settle_all(
        &self,
        rows: Vec<Row>,
        known: &[RequestId],
        until: Timestamp,
    ) -> Result<Vec<(AssignmentKey, Settled)>, RunError> {
        let mut settled = Vec::new();
        for operation in [Operation::Revoke, Operation::Grant] {
            let is_of = |row: &&Row| row.work().is_some_and(|(of, _)| of == operation);
            let rows: Vec<&Row> = rows.iter().filter(is_of).collect();
            let listed =
                if rows.is_empty() || self.now() >= until { None } else { self.recent(operation).await? };
            for row in rows {
                let came_of_it = match &listed {
                    Some(listed) => self.settle(row.clone(), listed, known, until).await?,
                    None => Settled::NotYet,
                };
                settled.push((row.key.clone(), came_of_it));
            }
        }
        Ok(settled)
    }

    async fn settle(
        &self,
        row: Row,
        listed: &Listed,
        known: &[RequestId],
        until: Timestamp,
    ) -> Result<Settled, RunError> {
        let Some((operation, claim)) =
            row.work().and_then(|(operation, intent)| Some((operation, intent.claim.clone()?)))
        else {
            return Ok(Settled::NotYet);
        };
        let since = claim.at - SKEW;
        let Some(requests) = self.requests_for(&row, operation, listed, since, known, until).await? else {
            return Ok(Settled::NotYet);
        };
        match (requests.as_slice(), operation) {
            ([], _) => self.settle_unsent(row, operation, claim.at, listed.at).await,
            ([request], _) | ([request, ..], Operation::Revoke) => {
                let row = self.record(with_request(row, request)).await?;
                Ok(Settled::Found { row: Box::new(row), status: request.status.clone() })
            }
            ([_, _, ..], Operation::Grant) => {
                self.uncertain(row, "several requests made it while the engine's answer was lost").await
            }
        }
    }

    /// No request for this key is listed since it was claimed.
    async fn settle_unsent(
        &self,
        row: Row,
        operation: Operation,
        claimed: Timestamp,
        listed_at: Timestamp,
    ) -> Result<Settled, RunError> {
        // What counts is the moment of the lists, however long it took to ask about what they showed.
        if claimed + signed(self.engine.settings.settle_after) > listed_at {
            return Ok(Settled::NotYet);
        }
        let Some(there) = self.is_there(&row).await? else { return Ok(Settled::NotYet) };
        match (operation, there) {
            (Operation::Grant, true) => {
                self.uncertain(row, "it exists, and no request of ours is listed that made it").await
            }
            (Operation::Revoke, false) => {
                self.end(outcome::revoked(row, self.now()).row).await?;
                Ok(Settled::Ended(End::Request(Ended::Revoked)))
            }
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let reason = "the call got no answer, and AWS lists no such request".to_owned();
                self.retry_in_doubt(row, reason).await.map(Settled::Ended)
            }
        }
    }

    async fn uncertain(&self, row: Row, reason: &str) -> Result<Settled, RunError> {
        tracing::warn!(account.id = %row.key.account, key = %row.key, "{}: uncertain, {reason}", row.key);
        let state = State::Uncertain { reason: reason.to_owned() };
        let now = self.now();
        self.end(outcome::with_last_request(row).into_state(state, now)).await?;
        Ok(Settled::Ended(End::Uncertain))
    }

    /// Back to waiting where the request may have had effect although AWS doesn't say so: what is found there next may be ours,
    /// and what is not found there may have been taken away by us.
    async fn retry_in_doubt(&self, row: Row, trouble: String) -> Result<End, RunError> {
        let wait = backoff(row.attempts);
        self.end(outcome::retried_in_doubt(row, wait, trouble, self.now())).await?;
        Ok(End::Request(Ended::Retried))
    }

    /// AWS no longer knows a request that it had accepted: what the assignments say decides, once they can be trusted. `None`: not yet.
    pub(super) async fn settle_unknown(&self, row: Row) -> Result<Option<End>, RunError> {
        let Some((operation, _)) = row.work() else { return Ok(None) };
        let settle_after = signed(self.engine.settings.settle_after);
        if row.claim().is_none_or(|claim| claim.at + settle_after > self.now()) {
            return Ok(None);
        }
        let Some(there) = self.is_there(&row).await? else { return Ok(None) };
        let outcome = match (operation, there) {
            (Operation::Grant, true) => outcome::granted(row, self.now()),
            (Operation::Revoke, false) => outcome::revoked(row, self.now()),
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let reason = "AWS no longer knows the request, and it has had no effect".to_owned();
                return self.retry_in_doubt(row, reason).await.map(Some);
            }
        };
        self.end(outcome.row).await?;
        Ok(Some(End::Request(outcome.ended)))
    }

    /// Reads the lists of one kind of requests; `None` when that could not be had this time.
    async fn recent(&self, operation: Operation) -> Result<Option<Listed>, RunError> {
        let at = self.now();
        let mut requests: Vec<RequestSummary> = Vec::new();
        for listing in [RequestListing::InProgress, RequestListing::Succeeded, RequestListing::Failed] {
            self.spare_turn().await;
            let answer = self.engine.access.requests(operation, listing, LOOKED_THROUGH).await;
            self.heed(&answer);
            let Some(listed) = told(answer)? else { return Ok(None) };
            // One turn was for the first page only.
            self.pace().charge(u32::try_from(listed.len() / 100).unwrap_or(0), self.now());
            requests.extend(listed);
        }
        // What ended between two of the lists is in both.
        let mut seen = BTreeSet::new();
        requests.retain(|request| seen.insert(request.id.clone()));
        Ok(Some(Listed { at, requests }))
    }

    /// The requests for this row's key since a moment, as far as AWS lists them; the newest first. `None` when that could not be
    /// told this time.
    async fn requests_for(
        &self,
        row: &Row,
        operation: Operation,
        listed: &Listed,
        since: Timestamp,
        known: &[RequestId],
        until: Timestamp,
    ) -> Result<Option<Vec<Request>>, RunError> {
        // Requests for one key never overlap: what AWS accepted no later than the last one that ended is not the present one.
        let last = match &row.last_request {
            Some(last) => match self.accepted_at(last, until).await? {
                Some(at) => at,
                None => return Ok(None),
            },
            None => None,
        };
        let is_new =
            |at: Option<Timestamp>| at.is_none_or(|at| at >= since && last.is_none_or(|last| at > last));
        let mut found = Vec::new();
        for summary in &listed.requests {
            let seen = known.contains(&summary.id) || row.last_request.as_ref() == Some(&summary.id);
            if !is_new(summary.created_at) || seen {
                continue;
            }
            match self.describe_once(operation, &summary.id, until).await? {
                Some(Some(request))
                    if request.key.as_ref() == Some(&row.key) && is_new(request.created_at) =>
                {
                    found.push(request);
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(Some(found))
    }

    /// When AWS accepted a request of either kind, by its own clock. The outer `None` when that could not be told this time, the
    /// inner one when AWS no longer knows the request.
    async fn accepted_at(
        &self,
        id: &RequestId,
        until: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, RunError> {
        for operation in [Operation::Grant, Operation::Revoke] {
            match self.describe_once(operation, id, until).await? {
                Some(Some(request)) => return Ok(Some(request.created_at)),
                Some(None) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(None))
    }

    /// A request, described once a session: there may be hundreds of others' to look through. The outer `None` when it could not
    /// be told this time, or when time is up: the next tick, or the next run, goes on.
    async fn describe_once(
        &self,
        operation: Operation,
        id: &RequestId,
        until: Timestamp,
    ) -> Result<Option<Option<Request>>, RunError> {
        if let Some(request) = self.described(id) {
            return Ok(Some(Some(request)));
        }
        if self.now() >= until {
            return Ok(None);
        }
        self.spare_turn().await;
        let answer = self.engine.access.request(operation, id).await;
        self.heed(&answer);
        let answer = told(answer)?;
        if let Some(Some(request)) = &answer {
            self.remember(request.clone());
        }
        Ok(answer)
    }
}

/// `None` for an answer that may well come a little later.
fn told<T>(answer: Result<T, PortError>) -> Result<Option<T>, RunError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_transient() => Ok(None),
        Err(error) => Err(RunError::Access(error)),
    }
}
