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
    ending::{self, End, Ended},
    hand::{Hand, Turn},
    send::{ACCEPTED_WITHIN, with_request},
};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    engine::signed,
    ledger::{Row, State},
    ports::{Page, PortError, Request, RequestListing, RequestStatus, RequestSummary},
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
    /// AWS refuses to tell, which the row says now. It is asked again, since somebody may mend it.
    Kept(Box<Row>),
    /// There is one request; its id is in the row.
    Found {
        row: Box<Row>,
        status: RequestStatus,
    },
    Ended {
        row: Box<Row>,
        end: End,
    },
}

impl Settled {
    fn ended(row: Row, end: End) -> Self {
        Self::Ended { row: Box::new(row), end }
    }
}

/// Why something could not be told.
#[derive(Debug, Clone)]
pub(super) enum Untold {
    /// It may well be told a little later.
    NotYet,
    /// AWS refuses to tell this one thing. What it says of others is no worse for that.
    Refused(String),
    /// The run is to end.
    Broken(RunError),
}

impl From<PortError> for Untold {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Throttled(_)
            | PortError::WindowFull(_)
            | PortError::Conflict(_)
            | PortError::Unassumed(_)
            | PortError::Failed(_) => Self::NotYet,
            error @ (PortError::Denied(_) | PortError::NotFound(_) | PortError::Refused(_)) => {
                Self::Refused(error.to_string())
            }
            error @ PortError::Barred(_) => Self::Broken(RunError::Access(error)),
        }
    }
}

impl From<RunError> for Untold {
    fn from(error: RunError) -> Self {
        Self::Broken(error)
    }
}

impl Hand<'_> {
    /// Settles claims whose request ids are not known, one after the other: the lists are read once for all of them, and each request
    /// is asked about once. `known` are the ids of what else is under way.
    pub(super) async fn settle_all(
        &self,
        rows: Vec<Row>,
        known: &[RequestId],
    ) -> Result<Vec<(AssignmentKey, Settled)>, RunError> {
        let mut settled = Vec::new();
        for operation in [Operation::Revoke, Operation::Grant] {
            let is_of = |row: &&Row| row.work().is_some_and(|(of, _)| of == operation);
            let rows: Vec<&Row> = rows.iter().filter(is_of).collect();
            if rows.is_empty() {
                continue;
            }
            let listed = self.recent(operation).await;
            for row in rows {
                let came_of_it = match &listed {
                    Ok(listed) => self.settle(row.clone(), listed, known).await,
                    Err(untold) => Err(untold.clone()),
                };
                settled.push((row.key.clone(), self.or_kept(row, came_of_it).await?));
            }
        }
        Ok(settled)
    }

    /// What came of it; where AWS refuses to tell, the row says so.
    pub(super) async fn or_kept(
        &self,
        row: &Row,
        came_of_it: Result<Settled, Untold>,
    ) -> Result<Settled, RunError> {
        match came_of_it {
            Ok(settled) => Ok(settled),
            Err(Untold::NotYet) => Ok(Settled::NotYet),
            Err(Untold::Broken(error)) => Err(error),
            Err(Untold::Refused(why)) if row.trouble.as_ref() == Some(&why) => Ok(Settled::NotYet),
            Err(Untold::Refused(why)) => {
                tracing::warn!(account.id = %row.key.account, key = %row.key, "{}: not settled, {why}", row.key);
                let row = self.record(Row { trouble: Some(why), ..row.clone() }).await?;
                Ok(Settled::Kept(Box::new(row)))
            }
        }
    }

    async fn settle(&self, row: Row, listed: &Listed, known: &[RequestId]) -> Result<Settled, Untold> {
        let Some((operation, claim)) =
            row.work().and_then(|(operation, intent)| Some((operation, intent.claim.clone()?)))
        else {
            return Ok(Settled::NotYet);
        };
        let since = claim.at - SKEW;
        let requests = self.requests_for(&row, operation, listed, since, known).await?;
        match (requests.as_slice(), operation) {
            ([], _) => match self.overheard(&row, operation, since).await? {
                Some(request) => self.found(row, &request).await,
                None => self.settle_unsent(row, operation, claim.at, listed.at).await,
            },
            ([request], _) | ([request, ..], Operation::Revoke) => self.found(row, request).await,
            ([_, _, ..], Operation::Grant) => {
                let reason = "several requests made it while the engine's answer was lost";
                Ok(self.uncertain(row, reason, true).await?)
            }
        }
    }

    async fn found(&self, row: Row, request: &Request) -> Result<Settled, Untold> {
        let row = self.record(with_request(row, request)).await?;
        Ok(Settled::Found { row: Box::new(row), status: request.status.clone() })
    }

    /// The request that an event of ours has named meanwhile, if AWS says that it is for this row and was made since.
    async fn overheard(
        &self,
        row: &Row,
        operation: Operation,
        since: Timestamp,
    ) -> Result<Option<Request>, Untold> {
        let current = self.engine.ledger.row(&row.key).await.map_err(RunError::from)?;
        let Some(id) = current.and_then(|current| current.overheard) else { return Ok(None) };
        let described = self.describe_once(operation, &id).await?;
        let is_it = |request: &Request| {
            request.key.as_ref() == Some(&row.key) && request.created_at.is_none_or(|at| at >= since)
        };
        Ok(described.filter(is_it))
    }

    /// From when on AWS's lists can't be hiding a request any more that a claim of this moment has led to.
    pub(super) fn listed_from(&self, claimed: Timestamp) -> Timestamp {
        claimed + ACCEPTED_WITHIN + signed(self.engine.settings.settle_after)
    }

    /// No request for this key is listed since it was claimed.
    async fn settle_unsent(
        &self,
        row: Row,
        operation: Operation,
        claimed: Timestamp,
        listed_at: Timestamp,
    ) -> Result<Settled, Untold> {
        // What counts is the moment of the lists, however long it took to ask about what they showed.
        if self.listed_from(claimed) > listed_at {
            return Err(Untold::NotYet);
        }
        match (operation, self.is_there(&row).await?) {
            (Operation::Grant, true) => {
                let reason = "it exists, and no request of ours is listed that made it";
                Ok(self.uncertain(row, reason, false).await?)
            }
            (Operation::Revoke, false) => {
                let row = self.end(ending::revoked(row, self.now()).row, Some(Ended::Revoked)).await?;
                Ok(Settled::ended(row, End::Request(Ended::Revoked)))
            }
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let reason = "the call got no answer, and AWS lists no such request".to_owned();
                Ok(self.retry_in_doubt(row, reason).await?)
            }
        }
    }

    async fn uncertain(&self, row: Row, reason: &str, contested: bool) -> Result<Settled, RunError> {
        tracing::warn!(account.id = %row.key.account, key = %row.key, "{}: uncertain, {reason}", row.key);
        let state = State::Uncertain { reason: reason.to_owned(), contested };
        let now = self.now();
        let row = self.end(ending::with_last_request(row).into_state(state, now), None).await?;
        Ok(Settled::ended(row, End::Uncertain))
    }

    /// Back to waiting where the request may have had effect although AWS doesn't say so: what is found there next may be ours,
    /// and what is not found there may have been taken away by us.
    async fn retry_in_doubt(&self, row: Row, trouble: String) -> Result<Settled, RunError> {
        let wait = backoff(row.attempts);
        let row = self.end(ending::retried_in_doubt(row, wait, trouble, self.now()), None).await?;
        Ok(Settled::ended(row, End::Later))
    }

    /// AWS no longer knows a request that it had accepted: what the assignments say decides, once they can be trusted.
    pub(super) async fn settle_unknown(&self, row: Row) -> Result<Settled, Untold> {
        let Some((operation, _)) = row.work() else { return Err(Untold::NotYet) };
        let settle_after = signed(self.engine.settings.settle_after);
        if row.claim().is_none_or(|claim| claim.at + settle_after > self.now()) {
            return Err(Untold::NotYet);
        }
        let ending = match (operation, self.is_there(&row).await?) {
            (Operation::Grant, true) => ending::granted(row, self.now()),
            (Operation::Revoke, false) => ending::revoked(row, self.now()),
            (Operation::Grant, false) | (Operation::Revoke, true) => {
                let reason = "AWS no longer knows the request, and it has had no effect".to_owned();
                return Ok(self.retry_in_doubt(row, reason).await?);
            }
        };
        let row = self.end(ending.row, Some(ending.ended)).await?;
        Ok(Settled::ended(row, End::Request(ending.ended)))
    }

    /// Reads the lists of one kind of requests.
    async fn recent(&self, operation: Operation) -> Result<Listed, Untold> {
        let at = self.now();
        let mut requests: Vec<RequestSummary> = Vec::new();
        for listing in [RequestListing::InProgress, RequestListing::Succeeded, RequestListing::Failed] {
            let page = |token, most| {
                self.ask(Turn::Spare, self.engine.access.requests_page(operation, listing, most, token))
            };
            requests.extend(Page::turn_all(LOOKED_THROUGH, page).await?);
        }
        // What ended between two of the lists is in both.
        let mut seen = BTreeSet::new();
        requests.retain(|request| seen.insert(request.id.clone()));
        Ok(Listed { at, requests })
    }

    /// The requests for this row's key since a moment, as far as AWS lists them; the newest first.
    async fn requests_for(
        &self,
        row: &Row,
        operation: Operation,
        listed: &Listed,
        since: Timestamp,
        known: &[RequestId],
    ) -> Result<Vec<Request>, Untold> {
        // Requests for one key never overlap: what AWS accepted no later than the last one that ended is not the present one.
        let last = match &row.last_request {
            Some(last) => self.accepted_at(last).await?,
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
            let described = self.describe_once(operation, &summary.id).await?;
            found.extend(
                described
                    .filter(|request| request.key.as_ref() == Some(&row.key) && is_new(request.created_at)),
            );
        }
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    /// When AWS accepted a request of either kind, by its own clock; `None` when AWS no longer knows the request.
    async fn accepted_at(&self, id: &RequestId) -> Result<Option<Timestamp>, Untold> {
        for operation in [Operation::Grant, Operation::Revoke] {
            if let Some(request) = self.describe_once(operation, id).await? {
                return Ok(request.created_at);
            }
        }
        Ok(None)
    }

    /// A request, described once a session: there may be hundreds of others' to look through. `None` when AWS no longer knows it.
    /// When time is up the next run goes on.
    async fn describe_once(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, Untold> {
        if let Some(request) = self.described(id) {
            return Ok(Some(request));
        }
        let answer = self.ask(Turn::Spare, self.engine.access.request(operation, id)).await?;
        if let Some(request) = &answer {
            self.remember(request.clone());
        }
        Ok(answer)
    }
}
