//! Settling claims without a request id: the call may have been made, or not, and its answer is lost.
//!
//! AWS gives no way to mark a request as ours. So the requests made since the claim, and after the last one that ended, are looked
//! through for this key:
//!
//! - exactly one: it is the one that was about to be sent, and is followed from here;
//! - none, once the lists can't be hiding it any more: it never arrived. Without the assignment there, it is sent again. With
//!   the assignment there, somebody else may have made it: the row is uncertain, and is never deleted automatically;
//! - several: one of them is somebody else's. A revoke is followed by any of them; a grant is uncertain.

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
        let requests = match self.requests_for(&row, operation, since).await {
            Ok(requests) => requests,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(RunError::Access(error)),
        };
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
        claimed: jiff::Timestamp,
    ) -> Result<(), RunError> {
        if claimed + signed(self.engine.settings.settle_after) > self.engine.clock.now() {
            return Ok(());
        }
        self.turn().await;
        let there = match self.engine.access.principals(&row.key.account, &row.key.permission_set).await {
            Ok(principals) => principals.contains(&row.key.principal),
            Err(PortError::NotFound(_)) => false,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(RunError::Access(error)),
        };
        match (operation, there) {
            (Operation::Grant, true) => {
                self.uncertain(row, "it exists, and no request of ours is listed that made it").await
            }
            (Operation::Revoke, false) => self.revoked(row).await,
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let wait = backoff(row.attempts);
                self.retry(row, wait, "the call got no answer, and AWS lists no such request".to_owned())
                    .await
            }
        }
    }

    async fn uncertain(&mut self, row: Row, reason: &str) -> Result<(), RunError> {
        tracing::warn!(account.id = %row.key.account, key = %row.key, "{}: uncertain, {reason}", row.key);
        self.summary.uncertain += 1;
        self.settle_in(row, State::Uncertain { reason: reason.to_owned() }).await
    }

    /// The requests for this row's key since a moment, of any status, as far as AWS lists them; the newest first.
    async fn requests_for(
        &mut self,
        row: &Row,
        operation: Operation,
        since: jiff::Timestamp,
    ) -> Result<Vec<Request>, PortError> {
        let known: Vec<RequestId> = self
            .outstanding
            .values()
            .filter_map(|row| row.claim().and_then(|claim| claim.request.clone()))
            .chain(row.last_request.clone())
            .collect();
        // Requests for one key never overlap: what AWS accepted no later than the last one that ended is not the present one.
        let last = match &row.last_request {
            Some(last) => self.accepted_at(last).await?,
            None => None,
        };
        let is_new = |at: Option<jiff::Timestamp>| {
            at.is_none_or(|at| at >= since && last.is_none_or(|last| at > last))
        };
        let mut found = Vec::new();
        for listing in [RequestListing::InProgress, RequestListing::Succeeded, RequestListing::Failed] {
            self.turn().await;
            for summary in self.engine.access.requests(operation, listing, LOOKED_THROUGH).await? {
                let seen = known.contains(&summary.id)
                    || found.iter().any(|request: &Request| request.id == summary.id);
                if !is_new(summary.created_at) || seen {
                    continue;
                }
                self.turn().await;
                if let Some(request) = self.engine.access.request(operation, &summary.id).await?
                    && request.key.as_ref() == Some(&row.key)
                    && is_new(request.created_at)
                {
                    found.push(request);
                }
            }
        }
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    /// When AWS accepted a request of either kind, by its own clock; `None` if it no longer knows it.
    async fn accepted_at(&mut self, id: &RequestId) -> Result<Option<jiff::Timestamp>, PortError> {
        for operation in [Operation::Grant, Operation::Revoke] {
            self.turn().await;
            if let Some(request) = self.engine.access.request(operation, id).await? {
                return Ok(request.created_at);
            }
        }
        Ok(None)
    }
}
