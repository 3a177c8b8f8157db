//! Claiming and sending.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{RunError, outcome::blocked, session::Session};
use crate::{
    domain::{AccountId, Operation, PermissionSetArn, Principal},
    engine::signed,
    ledger::{Claim, Intent, Row, State},
    ports::{PortError, Request, RequestStatus},
    provisioning::backoff,
};

/// Who has which permission set in which account, as read in this round of sending.
type Looks = BTreeMap<(AccountId, PermissionSetArn), BTreeSet<Principal>>;

impl Session<'_> {
    /// Sends rows that are ready, one after the other, until AWS asks to slow down; tells how many were sent.
    /// `orders` is the version of the standing orders that allow it.
    pub(super) async fn send(&mut self, ready: Vec<Row>, orders: u64) -> Result<usize, RunError> {
        let mut looks = Looks::new();
        let mut sent = 0;
        for row in ready {
            let Some((operation, _)) = row.work() else { continue };
            if !self.is_still_free(&row, &mut looks).await? {
                continue;
            }
            if row.work().is_none_or(|(_, intent)| self.is_too_old(intent)) {
                continue;
            }
            // INVARIANT: the claim is in the ledger before the call. A crash in between leaves a claim without a request id,
            // which the next engine settles.
            let rules = row.rules.clone();
            let Some(row) = self.write_claim(self.claimed(row), rules, orders).await? else { continue };
            sent += 1;
            self.outstanding.insert(row.key.clone(), row.clone());
            self.turn().await;
            // INVARIANT: last before the call, which must end while the lease is ours. Whatever was done before may have taken so
            // long that another engine has settled the claim.
            self.keep_lease().await?;
            let answer = match operation {
                Operation::Grant => self.engine.writer.grant(&row.key).await,
                Operation::Revoke => self.engine.writer.revoke(&row.key).await,
            };
            if !self.take_answer(row, answer).await? {
                break;
            }
        }
        Ok(sent)
    }

    /// Looks and calls take time, so the age is looked at once more before each claim.
    fn is_too_old(&self, intent: &Intent) -> bool {
        intent.is_stale(signed(self.engine.settings.intent_age), self.engine.clock.now())
    }

    fn claimed(&self, row: Row) -> Row {
        let claim =
            Some(Claim { fence: self.fence(), at: self.engine.clock.now(), request: None, polled: None });
        row.map_intent(|intent| Intent { claim, ..intent })
    }

    /// Whether a grant may be sent: if its decision is not quite fresh, or it had to wait, AWS is asked once more that nobody
    /// else has made the assignment meanwhile. One call serves all principals of a permission set in an account.
    async fn is_still_free(&mut self, row: &Row, looks: &mut Looks) -> Result<bool, RunError> {
        let Some((Operation::Grant, intent)) = row.work() else { return Ok(true) };
        let fresh = intent.decided_at + signed(self.engine.settings.look_age) > self.engine.clock.now();
        if fresh && intent.not_before.is_none() {
            return Ok(true);
        }
        let place = (row.key.account.clone(), row.key.permission_set.clone());
        if !looks.contains_key(&place) {
            self.turn().await;
            match self.engine.access.principals(&place.0, &place.1).await {
                Ok(principals) => looks.insert(place.clone(), principals.into_iter().collect()),
                Err(PortError::NotFound(_)) => looks.insert(place.clone(), BTreeSet::new()),
                // It stays pending; the next tick asks again.
                Err(error) if error.is_transient() => return Ok(false),
                Err(error @ PortError::Barred(_)) => return Err(RunError::Access(error)),
                Err(error) => {
                    let now = self.engine.clock.now();
                    if let Some(blocked) = blocked(row.clone(), error.to_string(), now)
                        && self.write(blocked).await?.is_some()
                    {
                        self.summary.blocked += 1;
                    }
                    return Ok(false);
                }
            };
        }
        if !looks.get(&place).is_some_and(|principals| principals.contains(&row.key.principal)) {
            return Ok(true);
        }
        let now = self.engine.clock.now();
        if row.maybe_sent {
            let reason = "it exists, and an earlier request of ours for it may have had effect".to_owned();
            if self.write(row.clone().into_state(State::Uncertain { reason }, now)).await?.is_some() {
                self.summary.uncertain += 1;
            }
            return Ok(false);
        }
        let trouble = Some("somebody else made the assignment before it was sent".to_owned());
        let closed = Row { trouble, ..row.clone() }.into_state(State::Closed, now);
        if self.write(closed).await?.is_some() {
            self.summary.given_up += 1;
        }
        Ok(false)
    }

    /// Records what AWS answered; false when it asks to slow down.
    async fn take_answer(&mut self, row: Row, answer: Result<Request, PortError>) -> Result<bool, RunError> {
        match answer {
            Ok(request) => {
                self.slowed = 0;
                let row = self.record(with_request(row, &request)).await?;
                self.outstanding.insert(row.key.clone(), row.clone());
                if request.status != RequestStatus::InProgress {
                    self.conclude(row, request.status).await?;
                }
                Ok(true)
            }
            Err(PortError::Throttled(why) | PortError::WindowFull(why)) => {
                // Nothing was done, and it is nobody's fault: it costs no attempt.
                let pause = backoff(self.slowed).min(Duration::from_secs(20));
                self.slowed = self.slowed.saturating_add(1);
                self.slow_until = self.engine.clock.now() + signed(pause);
                self.wait_again(row, Duration::ZERO, why).await?;
                Ok(false)
            }
            Err(PortError::Conflict(why)) => {
                let wait = backoff(row.attempts);
                self.retry(row, wait, why).await?;
                Ok(true)
            }
            Err(PortError::NotFound(why))
                if row.work().is_some_and(|(operation, _)| operation == Operation::Revoke) =>
            {
                self.check_gone(row, why).await?;
                Ok(true)
            }
            // It is about every call: the row waits as it was, and the run ends with the reason.
            Err(error @ PortError::Barred(_)) => {
                self.wait_again(row, Duration::ZERO, error.to_string()).await?;
                Err(RunError::Access(error))
            }
            Err(PortError::Denied(why) | PortError::NotFound(why) | PortError::Refused(why)) => {
                self.block(row, why).await?;
                Ok(true)
            }
            // It may have been done: the claim stays, and is settled by what AWS lists.
            Err(PortError::Failed(why)) => {
                let row = self.record(Row { trouble: Some(why), ..row }).await?;
                self.outstanding.insert(row.key.clone(), row);
                Ok(true)
            }
        }
    }

    /// A revoke of something that AWS doesn't know: gone, if the assignments say so too.
    async fn check_gone(&mut self, row: Row, why: String) -> Result<(), RunError> {
        self.turn().await;
        match self.engine.access.principals(&row.key.account, &row.key.permission_set).await {
            Ok(principals) if principals.contains(&row.key.principal) => self.block(row, why).await,
            Ok(_) | Err(PortError::NotFound(_)) => self.revoked(row).await,
            Err(error) => {
                let wait = backoff(row.attempts);
                self.retry(row, wait, error.to_string()).await
            }
        }
    }
}

/// The row with AWS's id of the request in its claim.
pub(super) fn with_request(row: Row, request: &Request) -> Row {
    row.map_intent(|intent| Intent {
        claim: intent.claim.map(|claim| Claim { request: Some(request.id.clone()), ..claim }),
        ..intent
    })
}
