//! Settling claims without a request id: the call may have been made, or not, and its answer is lost.
//!
//! AWS gives no way to mark a request as ours. So the requests made since the claim, and after the last one that ended, are looked
//! through for this key:
//!
//! - exactly one: it is the one that was about to be sent, and is followed from here;
//! - none, once the lists can't be hiding it any more: it never arrived. Without the assignment there, it is sent again. With
//!   the assignment there, somebody else may have made it: the row is uncertain, and is never deleted automatically;
//! - several: one of them is somebody else's. A revoke is followed by any of them; a grant is uncertain.

use jiff::Timestamp;

use super::{RunError, send::with_request, session::Session};
use crate::{
    domain::{Operation, RequestId},
    engine::signed,
    ledger::{Row, State},
    ports::{PortError, Request, RequestListing},
    provisioning::backoff,
};

/// How far AWS's clock and ours may be apart.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// How many requests of each status are looked through: more than can be made while one claim is open.
const LOOKED_THROUGH: usize = 300;

impl Session<'_> {
    /// Settles every claim whose request id is not known.
    pub(super) async fn settle(&mut self) -> Result<(), RunError> {
        let open: Vec<Row> = self
            .outstanding
            .values()
            .filter(|row| row.claim().is_some_and(|claim| claim.request.is_none()))
            .cloned()
            .collect();
        for row in open {
            self.keep_lease().await?;
            self.settle_one(row).await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self, row: Row) -> Result<(), RunError> {
        let Some((operation, claim)) =
            row.work().and_then(|(operation, intent)| Some((operation, intent.claim.clone()?)))
        else {
            return Ok(());
        };
        let since = claim.at - SKEW;
        let Some(requests) = self.requests_for(&row, operation, since).await? else { return Ok(()) };
        match (requests.as_slice(), operation) {
            ([], _) => self.settle_unsent(row, operation, claim.at).await,
            ([request], _) | ([request, ..], Operation::Revoke) => {
                let row = self.record(with_request(row, request)).await?;
                self.outstanding.insert(row.key.clone(), row.clone());
                self.conclude(row, request.status.clone()).await
            }
            ([_, _, ..], Operation::Grant) => {
                self.uncertain(row, "several requests made it while the engine's answer was lost").await
            }
        }
    }

    /// No request for this key is listed since it was claimed.
    async fn settle_unsent(
        &mut self,
        row: Row,
        operation: Operation,
        claimed: Timestamp,
    ) -> Result<(), RunError> {
        if claimed + signed(self.engine.settings.settle_after) > self.engine.clock.now() {
            return Ok(());
        }
        let Some(there) = self.is_there(&row.key).await? else { return Ok(()) };
        match (operation, there) {
            (Operation::Grant, true) => {
                self.uncertain(row, "it exists, and no request of ours is listed that made it").await
            }
            (Operation::Revoke, false) => self.revoked(row).await,
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let wait = backoff(row.attempts);
                self.retry_in_doubt(
                    row,
                    wait,
                    "the call got no answer, and AWS lists no such request".to_owned(),
                )
                .await
            }
        }
    }

    async fn uncertain(&mut self, row: Row, reason: &str) -> Result<(), RunError> {
        tracing::warn!(account.id = %row.key.account, key = %row.key, "{}: uncertain, {reason}", row.key);
        self.summary.uncertain += 1;
        self.settle_in(row, State::Uncertain { reason: reason.to_owned() }).await
    }

    /// The requests for this row's key since a moment, of any status, as far as AWS lists them; the newest first. `None` when
    /// that could not be told this time.
    async fn requests_for(
        &mut self,
        row: &Row,
        operation: Operation,
        since: Timestamp,
    ) -> Result<Option<Vec<Request>>, RunError> {
        let known: Vec<RequestId> = self
            .outstanding
            .values()
            .filter_map(|row| row.claim().and_then(|claim| claim.request.clone()))
            .chain(row.last_request.clone())
            .collect();
        // Requests for one key never overlap: what AWS accepted no later than the last one that ended is not the present one.
        let last = match &row.last_request {
            Some(last) => match self.accepted_at(last).await? {
                Some(at) => at,
                None => return Ok(None),
            },
            None => None,
        };
        let is_new =
            |at: Option<Timestamp>| at.is_none_or(|at| at >= since && last.is_none_or(|last| at > last));
        let mut found = Vec::new();
        for listing in [RequestListing::InProgress, RequestListing::Succeeded, RequestListing::Failed] {
            self.turn().await;
            let Some(listed) = told(self.engine.access.requests(operation, listing, LOOKED_THROUGH).await)?
            else {
                return Ok(None);
            };
            for summary in listed {
                let seen = known.contains(&summary.id)
                    || found.iter().any(|request: &Request| request.id == summary.id);
                if !is_new(summary.created_at) || seen {
                    continue;
                }
                match self.described(operation, &summary.id).await? {
                    Some(Some(request))
                        if request.key.as_ref() == Some(&row.key) && is_new(request.created_at) =>
                    {
                        found.push(request);
                    }
                    Some(_) => {}
                    None => return Ok(None),
                }
            }
        }
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(Some(found))
    }

    /// When AWS accepted a request of either kind, by its own clock. The outer `None` when that could not be told this time, the
    /// inner one when AWS no longer knows the request.
    async fn accepted_at(&mut self, id: &RequestId) -> Result<Option<Option<Timestamp>>, RunError> {
        for operation in [Operation::Grant, Operation::Revoke] {
            match self.described(operation, id).await? {
                Some(Some(request)) => return Ok(Some(request.created_at)),
                Some(None) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(None))
    }

    /// A request, described once a session: there may be hundreds of others' to look through. The outer `None` when it could not
    /// be told this time, or when time is up: the next tick, or the next run, goes on.
    async fn described(
        &mut self,
        operation: Operation,
        id: &RequestId,
    ) -> Result<Option<Option<Request>>, RunError> {
        if let Some(request) = self.described.get(id) {
            return Ok(Some(Some(request.clone())));
        }
        if self.engine.clock.now() >= self.until {
            return Ok(None);
        }
        self.keep_lease().await?;
        self.turn().await;
        let answer = told(self.engine.access.request(operation, id).await)?;
        if let Some(Some(request)) = &answer {
            self.described.insert(id.clone(), request.clone());
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
