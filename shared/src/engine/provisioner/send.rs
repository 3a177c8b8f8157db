//! Claiming and sending one row.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    RunError,
    ending::{self, End, Ended},
    hand::{Claimed, Hand},
};
use crate::{
    domain::{AccountId, Operation, PermissionSetArn, Principal},
    engine::signed,
    ledger::{Claim, Intent, Row, State},
    ports::{PortError, Request},
    provisioning::backoff,
};

/// A call is made so soon after its claim, or not at all.
const CALLED_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// How long after its claim AWS can accept a call at most: ten seconds until it is made, twenty until the client gives it up, and ten
/// more for what was on its way then.
pub(super) const ACCEPTED_WITHIN: SignedDuration = SignedDuration::from_secs(40);

/// Who has which permission set in which account, and when that was asked.
pub(super) type Looks = BTreeMap<(AccountId, PermissionSetArn), (Timestamp, BTreeSet<Principal>)>;

/// What came of a row that was to be sent.
pub(super) enum Sent {
    /// AWS has taken the request; its id is in the row. With the moment of the call, and the time that it took.
    Accepted { row: Row, request: Request, since: Timestamp, took: Duration },
    /// It may have been done: the claim stays, and is settled by what AWS lists.
    Unanswered(Row),
    /// Nothing was done, and it is nobody's fault: the row waits as before. It was too much at once, or else too fast.
    PutBack { row: Row, too_much: bool },
    /// The row has reached its end without a request.
    Ended { row: Box<Row>, end: End },
    /// Nothing was sent: the row isn't as it was read, or may not be sent now.
    Nothing,
    /// The same, since other rules or orders hold than were read.
    Overtaken(Row),
    /// No call is answered any more until somebody mends it.
    Barred(PortError),
}

impl Sent {
    fn ended(row: Row, end: End) -> Self {
        Self::Ended { row: Box::new(row), end }
    }
}

impl Hand<'_> {
    /// Claims a row and sends it. The turn for its call has been taken. `orders` is the version of the standing orders that allow it.
    pub(super) async fn send(&self, row: Row, orders: u64) -> Result<Sent, RunError> {
        let Some((operation, _)) = row.work() else { return Ok(Sent::Nothing) };
        if let Some(instead) = self.is_taken(&row).await? {
            return Ok(instead);
        }
        // Looks take time, so the age is looked at once more before the claim.
        let too_old = |intent: &Intent| intent.is_stale(signed(self.engine.settings.intent_age), self.now());
        if row.work().is_none_or(|(_, intent)| too_old(intent)) || self.is_closing() {
            return Ok(Sent::Nothing);
        }
        // INVARIANT: the claim is in the ledger before the call. A crash in between leaves a claim without a request id,
        // which the next engine settles.
        let row = match self.write_claim(self.claimed(row.clone()), row.rules.clone(), orders).await? {
            Claimed::Written(row) => *row,
            Claimed::Changed => return Ok(Sent::Nothing),
            Claimed::Overtaken => return Ok(Sent::Overtaken(row)),
        };
        // INVARIANT: last before the call, which must end while the lease is ours. Whatever was done before may have taken so
        // long that another engine has settled the claim.
        self.under_the_lease().await?;
        let since = self.now();
        // INVARIANT: whoever settles the claim counts on it that its call was made soon, or never.
        if row.claim().is_none_or(|claim| claim.at + CALLED_WITHIN < since) || self.is_closing() {
            return self.put_back(row, "it took too long to claim it".to_owned(), false).await;
        }
        let answer = match operation {
            Operation::Grant => self.engine.writer.grant(&row.key).await,
            Operation::Revoke => self.engine.writer.revoke(&row.key).await,
        };
        let took = Duration::try_from(self.now().duration_since(since)).unwrap_or_default();
        self.heed(&answer);
        self.take_answer(row, answer, since, took).await
    }

    fn claimed(&self, row: Row) -> Row {
        let claim = Some(Claim { fence: self.fence(), at: self.now(), request: None, polled: None });
        row.map_intent(|intent| Intent { claim, ..intent })
    }

    /// Records what AWS answered.
    async fn take_answer(
        &self,
        row: Row,
        answer: Result<Request, PortError>,
        since: Timestamp,
        took: Duration,
    ) -> Result<Sent, RunError> {
        let error = match answer {
            Ok(request) => {
                let row = self.record(with_request(row, &request)).await?;
                return Ok(Sent::Accepted { row, request, since, took });
            }
            Err(error) => error,
        };
        let is_revoke = row.work().is_some_and(|(operation, _)| operation == Operation::Revoke);
        match error {
            PortError::Throttled(why) => self.put_back(row, why, false).await,
            PortError::WindowFull(why) => self.put_back(row, why, true).await,
            // It ends some time, and nothing is wrong with the row.
            PortError::Conflict(why) => self.wait_for_others(row, why).await,
            PortError::NotFound(why) if is_revoke => self.check_gone(row, why).await,
            // It is about every call: the row waits as it was, and the run ends with the reason.
            error @ PortError::Barred(_) => {
                self.put_back(row, error.to_string(), false).await?;
                Ok(Sent::Barred(error))
            }
            // Nothing is wrong with the row, and others may go: it is tried again a little later, and less and less often.
            error @ PortError::Unassumed(_) => self.retry(row, error.to_string()).await,
            PortError::Denied(why) | PortError::NotFound(why) | PortError::Refused(why) => {
                self.block(row, why).await
            }
            PortError::Failed(why) => {
                Ok(Sent::Unanswered(self.record(Row { trouble: Some(why), ..row }).await?))
            }
        }
    }

    async fn put_back(&self, row: Row, why: String, too_much: bool) -> Result<Sent, RunError> {
        let row = self.end(ending::put_back(row, why), None).await?;
        Ok(Sent::PutBack { row, too_much })
    }

    async fn retry(&self, row: Row, why: String) -> Result<Sent, RunError> {
        let wait = backoff(row.attempts);
        let row = self.end(ending::retried(row, wait, why, self.now()), None).await?;
        Ok(Sent::ended(row, End::Later))
    }

    async fn wait_for_others(&self, row: Row, why: String) -> Result<Sent, RunError> {
        let row = self.end(ending::in_conflict(row, why, self.now()), None).await?;
        Ok(Sent::ended(row, End::Later))
    }

    /// AWS refused for good.
    async fn block(&self, row: Row, why: String) -> Result<Sent, RunError> {
        match ending::blocked(row, why, self.now()) {
            Some(row) => {
                let row = self.end(row, Some(Ended::Blocked)).await?;
                Ok(Sent::ended(row, End::Request(Ended::Blocked)))
            }
            None => Ok(Sent::Nothing),
        }
    }

    /// A revoke of something that AWS doesn't know: gone, if the assignments say so too.
    async fn check_gone(&self, row: Row, why: String) -> Result<Sent, RunError> {
        match self.principals(&row.key.account, &row.key.permission_set).await {
            Ok(principals) if principals.contains(&row.key.principal) => self.block(row, why).await,
            Ok(_) | Err(PortError::NotFound(_)) => {
                let row = self.end(ending::revoked(row, self.now()).row, Some(Ended::Revoked)).await?;
                Ok(Sent::ended(row, End::Request(Ended::Revoked)))
            }
            Err(PortError::Throttled(why)) => self.put_back(row, why, false).await,
            Err(error) => self.retry(row, error.to_string()).await,
        }
    }

    /// Whether a grant may not be sent after all: if its decision is not quite fresh, or it had to wait, AWS is asked once more
    /// that nobody else has made the assignment meanwhile. One call serves all principals of a permission set in an account.
    async fn is_taken(&self, row: &Row) -> Result<Option<Sent>, RunError> {
        let Some((Operation::Grant, intent)) = row.work() else { return Ok(None) };
        let look_age = signed(self.engine.settings.look_age);
        if intent.decided_at + look_age > self.now() && intent.not_before.is_none() {
            return Ok(None);
        }
        let place = (row.key.account.clone(), row.key.permission_set.clone());
        let since = intent.decided_at.max(intent.not_before.unwrap_or(Timestamp::MIN));
        let known = self.looks().get(&place).and_then(|(at, principals)| {
            let is_fresh = *at >= since && *at + look_age > self.now();
            is_fresh.then(|| principals.contains(&row.key.principal))
        });
        let there = if let Some(there) = known {
            there
        } else {
            let at = self.now();
            let principals = match self.principals(&place.0, &place.1).await {
                Ok(principals) => principals,
                Err(PortError::NotFound(_)) => BTreeSet::new(),
                // It stays pending, and is asked about again.
                Err(error) if error.is_transient() => return Ok(Some(Sent::Nothing)),
                Err(error @ PortError::Barred(_)) => return Err(RunError::Access(error)),
                Err(error) => {
                    let blocked = ending::blocked(row.clone(), error.to_string(), self.now());
                    return self.closed_unsent(blocked, End::Request(Ended::Blocked)).await.map(Some);
                }
            };
            let there = principals.contains(&row.key.principal);
            self.looks().insert(place, (at, principals));
            there
        };
        if !there {
            return Ok(None);
        }
        let now = self.now();
        if row.maybe_sent {
            let reason = "it exists, and an earlier request of ours for it may have had effect".to_owned();
            let uncertain = row.clone().into_state(State::Uncertain { reason, contested: false }, now);
            return self.closed_unsent(Some(uncertain), End::Uncertain).await.map(Some);
        }
        let trouble = Some("somebody else made the assignment before it was sent".to_owned());
        let closed = Row { trouble, ..row.clone() }.into_state(State::Closed, now);
        self.closed_unsent(Some(closed), End::GivenUp).await.map(Some)
    }

    /// Writes the end of a row that was never claimed, unless somebody has changed it.
    async fn closed_unsent(&self, row: Option<Row>, ended: End) -> Result<Sent, RunError> {
        let Some(row) = row else { return Ok(Sent::Nothing) };
        let told = match ended {
            End::Request(ended) => Some(ended),
            End::Later | End::Uncertain | End::GivenUp => None,
        };
        let written = self.write_and_tell(row, told).await?;
        Ok(written.map_or(Sent::Nothing, |row| Sent::ended(row, ended)))
    }
}

/// The row with AWS's id of the request in its claim.
pub(super) fn with_request(row: Row, request: &Request) -> Row {
    Row { conflicts: 0, ..row }.map_intent(|intent| Intent {
        claim: intent.claim.map(|claim| Claim { request: Some(request.id.clone()), ..claim }),
        ..intent
    })
}
