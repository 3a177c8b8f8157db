//! Taking away everything that a probe has made, by its journal alone: it doesn't matter how the probe has ended.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{AssignmentKey, Operation, RequestId},
    ports::{PortError, Request, RequestListing, RequestStatus},
};

use super::{
    LIST_EVERY, PATIENCE, Prober,
    hands::{LOOKED_THROUGH, present_after},
    journal::{Entry, Standing},
};
use crate::{failure::ProbeFailure, report::Left};

/// How far AWS's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How often a request to take one assignment away may fail.
const FAILURES: u32 = 5;

/// What is done about an assignment that is there after a call that got no answer, where AWS lists no request that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Somebody else may have made it: it stays, and is told.
    Leave,
    /// It is taken away like the others.
    TakeAway,
}

/// How one assignment is getting on.
enum Step {
    /// It goes on at the next look.
    Waits(String),
    /// Nothing more can be done.
    Stuck(String),
    Gone,
}

impl Prober<'_> {
    /// Takes away what there is, until nothing is left, or nothing that goes on within the patience. What is left is told.
    pub async fn clean_up(&self, doubt: Doubt) -> Result<Vec<Left>, ProbeFailure> {
        let began = self.now();
        let mut failures: BTreeMap<AssignmentKey, u32> = BTreeMap::new();
        let mut stuck: BTreeMap<AssignmentKey, String> = BTreeMap::new();
        // What waits for lists that may hide something waits as long as they may.
        let patience = PATIENCE + self.settings.lag.max(self.settings.settle_after);
        loop {
            let mut waiting = Vec::new();
            for key in self.journal.open_keys() {
                if stuck.contains_key(&key) {
                    continue;
                }
                let failed = failures.entry(key.clone()).or_default();
                match self.step(&key, doubt, failed).await? {
                    Step::Gone => {}
                    Step::Waits(why) => waiting.push(Left { key, why }),
                    Step::Stuck(why) => {
                        stuck.insert(key, why);
                    }
                }
            }
            if waiting.is_empty() || self.since(began) >= patience {
                let stuck = stuck.into_iter().map(|(key, why)| Left { key, why });
                let mut left: Vec<Left> = stuck.chain(waiting).collect();
                left.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(left);
            }
            self.clock.sleep(LIST_EVERY).await;
        }
    }

    /// What comes next for one assignment.
    async fn step(&self, key: &AssignmentKey, doubt: Doubt, failed: &mut u32) -> Result<Step, ProbeFailure> {
        match self.service_has(key).await {
            Ok(None) => {}
            Ok(Some(_)) if self.journal.standing(key) == Standing::Absent => {}
            Ok(Some(state)) => {
                (self.tell)(&format!("`{key}` is a service's by now, by Usher's ledger ({state}): it stays"));
                return self.known(Operation::Revoke, key, false);
            }
            Err(error) => return Ok(Step::Waits(format!("Usher's ledger can't be read: {error}"))),
        }
        match self.journal.standing(key) {
            Standing::Absent => Ok(Step::Gone),
            // Whether a delete was sent doesn't matter: of what is gone already the next one fails as such.
            Standing::Present | Standing::Deleting { request: None } => self.take_away(key).await,
            Standing::Creating { since, request: None } => self.settle(key, since, doubt).await,
            Standing::Creating { since, request: Some(request) } => {
                self.look_at(Operation::Grant, key, &request, since, failed).await
            }
            Standing::Deleting { request: Some(request) } => {
                self.look_at(Operation::Revoke, key, &request, Timestamp::MIN, failed).await
            }
        }
    }

    async fn take_away(&self, key: &AssignmentKey) -> Result<Step, ProbeFailure> {
        match self.send_once(Operation::Revoke, key).await? {
            Ok(_) => Ok(Step::Waits("it is being taken away".to_owned())),
            Err(PortError::NotFound(why)) => {
                // AWS may say so of the assignment, or of what it is made of.
                match self.is_there(key).await {
                    Ok(false) | Err(PortError::NotFound(_)) => self.known(Operation::Revoke, key, false),
                    Ok(true) => Ok(Step::Stuck(why)),
                    Err(error) => Ok(waits_or_stuck(&error)),
                }
            }
            Err(error) => Ok(waits_or_stuck(&error)),
        }
    }

    /// Looks at a request that AWS has accepted.
    async fn look_at(
        &self,
        operation: Operation,
        key: &AssignmentKey,
        request: &RequestId,
        since: Timestamp,
        failed: &mut u32,
    ) -> Result<Step, ProbeFailure> {
        match self.access.request(operation, request).await {
            Ok(Some(Request { status: RequestStatus::InProgress, .. })) => {
                Ok(Step::Waits(format!("the request to {operation} it has not ended yet")))
            }
            Ok(Some(Request { status, .. })) => {
                let present = present_after(operation, &status);
                self.known(operation, key, present)?;
                if let (RequestStatus::Failed(reason), true) = (&status, present) {
                    *failed += 1;
                    let told = format!("the request to {operation} it has failed: {reason}");
                    return Ok(if *failed < FAILURES { Step::Waits(told) } else { Step::Stuck(told) });
                }
                Ok(if present { Step::Waits("it is there".to_owned()) } else { Step::Gone })
            }
            // AWS had accepted it, so what it has made is the probe's; and what it has not taken away is there still.
            Ok(None) if operation == Operation::Revoke => {
                self.known(operation, key, true)?;
                Ok(Step::Waits("AWS does not know the request any more".to_owned()))
            }
            Ok(None) => match self.is_there(key).await {
                Ok(true) => {
                    self.known(operation, key, true)?;
                    Ok(Step::Waits("it is there".to_owned()))
                }
                Ok(false) if self.since(since) >= self.settings.lag => self.known(operation, key, false),
                Ok(false) => Ok(Step::Waits("the lists may still be hiding it".to_owned())),
                Err(error) => Ok(waits_or_stuck(&error)),
            },
            Err(error) => Ok(waits_or_stuck(&error)),
        }
    }

    /// A call to make it got no answer: the requests since then are looked through for it.
    async fn settle(
        &self,
        key: &AssignmentKey,
        since: Timestamp,
        doubt: Doubt,
    ) -> Result<Step, ProbeFailure> {
        match self.requests_for(key, since).await {
            Ok(Some(request)) => {
                let (operation, key) = (Operation::Grant, key.clone());
                self.journal.write(&Entry::Accepted { operation, key, request })?;
                return Ok(Step::Waits("the request that makes it was found".to_owned()));
            }
            Ok(None) => {}
            Err(error) => return Ok(waits_or_stuck(&error)),
        }
        if self.since(since) < self.settings.settle_after {
            return Ok(Step::Waits(
                "a call got no answer, and the lists may still be hiding its request".to_owned(),
            ));
        }
        match (self.is_there(key).await, doubt) {
            (Ok(true), Doubt::TakeAway) => {
                self.known(Operation::Grant, key, true)?;
                Ok(Step::Waits("it is there".to_owned()))
            }
            (Ok(true), Doubt::Leave) => Ok(Step::Stuck(
                "it is there, the call that was to make it got no answer, and AWS lists no such request: somebody else may have \
                 made it"
                    .to_owned(),
            )),
            (Ok(false), _) if self.since(since) >= self.settings.lag => {
                self.journal.write(&Entry::NotDone { operation: Operation::Grant, key: key.clone() })?;
                Ok(Step::Gone)
            }
            (Ok(false), _) => {
                Ok(Step::Waits("a call got no answer, and the lists may still be hiding it".to_owned()))
            }
            (Err(error), _) => Ok(waits_or_stuck(&error)),
        }
    }

    /// The request since a moment that makes this, if AWS lists one.
    async fn requests_for(
        &self,
        key: &AssignmentKey,
        since: Timestamp,
    ) -> Result<Option<RequestId>, PortError> {
        let operation = Operation::Grant;
        let since = since.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
        let is_since = |at: Option<Timestamp>| at.is_none_or(|at| at >= since);
        for listing in [RequestListing::InProgress, RequestListing::Succeeded, RequestListing::Failed] {
            for listed in self.access.requests(operation, listing, LOOKED_THROUGH).await? {
                // What the journal knows of this key has ended before the call that got no answer.
                if !is_since(listed.created_at) || self.journal.knows(&listed.id) {
                    continue;
                }
                let request = self.access.request(operation, &listed.id).await?;
                if request.is_some_and(|request| request.key.as_ref() == Some(key)) {
                    return Ok(Some(listed.id));
                }
            }
        }
        Ok(None)
    }

    async fn is_there(&self, key: &AssignmentKey) -> Result<bool, PortError> {
        let principals = self.access.principals(&key.account, &key.permission_set).await?;
        Ok(principals.contains(&key.principal))
    }

    /// Writes down whether it is there.
    fn known(&self, operation: Operation, key: &AssignmentKey, present: bool) -> Result<Step, ProbeFailure> {
        self.journal.write(&Entry::Ended { operation, key: key.clone(), present })?;
        Ok(Step::Gone)
    }
}

/// Whether it may go on later.
fn waits_or_stuck(error: &PortError) -> Step {
    if error.is_transient() { Step::Waits(error.to_string()) } else { Step::Stuck(error.to_string()) }
}
