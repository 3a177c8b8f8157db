//! Calls that make and take away, each written down before and after; and requests followed to their end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future;
use jiff::Timestamp;
use shared::{
    domain::{AccountId, AssignmentKey, Operation, PermissionSetArn, RequestId},
    ledger::State,
    ports::{LedgerError, PortError, Request, RequestListing, RequestStatus},
    provisioning::{self, Failure},
};

use super::{
    LIST_EVERY, LOOK_EVERY, PATIENCE, Prober, Trouble,
    journal::{Entry, Standing},
};
use crate::failure::ProbeFailure;

/// How long a call that is throttled or in conflict is repeated.
const REPEATED_FOR: Duration = Duration::from_mins(1);
/// How many requests of one status are looked through.
pub(super) const LOOKED_THROUGH: usize = 300;

/// A request that AWS has accepted.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) operation: Operation,
    pub(super) key: AssignmentKey,
    pub(super) request: RequestId,
    pub(super) accepted: Timestamp,
}

/// What each of several calls came to.
pub(super) type Answers = Vec<(AssignmentKey, Result<Sent, PortError>)>;

/// A request that was followed to its end.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) took: Duration,
    pub(super) ended: Timestamp,
    /// From the acceptance to the first look at the lists of requests that showed it, where that was looked at.
    pub(super) listed: Option<Duration>,
}

impl Prober<'_> {
    /// Sends one, and repeats it where AWS says that nothing was done and that it may be later.
    pub(super) async fn send(&self, operation: Operation, key: &AssignmentKey) -> Result<Sent, Trouble> {
        let began = self.now();
        loop {
            match self.send_once(operation, key).await? {
                Ok(sent) => return Ok(sent),
                Err(
                    error @ (PortError::Throttled(_) | PortError::WindowFull(_) | PortError::Conflict(_)),
                ) if self.since(began) < REPEATED_FOR => {
                    // Whoever it is in conflict with may be making the same.
                    if let (Operation::Grant, PortError::Conflict(_)) = (operation, &error) {
                        self.wait_until_absent(std::slice::from_ref(key)).await?;
                    }
                    (self.tell)(&format!("AWS does not take a {operation} for now: {error}"));
                    self.clock.sleep(LIST_EVERY * 2).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends one. INVARIANT: it is in the journal before the call; a call without an answer stays there as one that may have been made.
    pub(super) async fn send_once(
        &self,
        operation: Operation,
        key: &AssignmentKey,
    ) -> Result<Result<Sent, PortError>, ProbeFailure> {
        match self.service_has(key).await {
            Ok(None) => {}
            Ok(Some(state)) => {
                let why = format!("Usher's ledger has it by now ({state}): it is left alone");
                return Ok(Err(PortError::Refused(why)));
            }
            Err(error) => {
                return Ok(Err(PortError::Refused(format!("Usher's ledger can't be read: {error}"))));
            }
        }
        self.journal.write(&Entry::Sent { at: self.now(), operation, key: key.clone() })?;
        let answer = match operation {
            Operation::Grant => self.writer.grant(key).await,
            Operation::Revoke => self.writer.revoke(key).await,
        };
        match answer {
            Ok(Request { id: request, .. }) => {
                let (key, accepted) = (key.clone(), self.now());
                let written = Entry::Accepted { operation, key: key.clone(), request: request.clone() };
                self.journal.write(&written)?;
                Ok(Ok(Sent { operation, key, request, accepted }))
            }
            Err(error) => {
                if !may_be_done(&error) {
                    self.journal.write(&Entry::NotDone { operation, key: key.clone() })?;
                }
                Ok(Err(error))
            }
        }
    }

    /// In which state the ledger has an assignment, if it has it: it is a service's then, or is about to be. Intents are written there
    /// before they are sent.
    pub(super) async fn service_has(&self, key: &AssignmentKey) -> Result<Option<&'static str>, LedgerError> {
        let row = self.ledger.row(key).await?;
        Ok(row.filter(|row| row.state != State::Closed).map(|row| row.state.label()))
    }

    /// Sends all at the same time.
    pub(super) async fn send_at_once(
        &self,
        operation: Operation,
        keys: &[AssignmentKey],
    ) -> Result<Answers, ProbeFailure> {
        let sent = keys.iter().map(async |key| (key.clone(), self.send_once(operation, key).await));
        let answers = future::join_all(sent).await.into_iter();
        answers.map(|(key, answer)| Ok((key, answer?))).collect()
    }

    /// Writes down how a request has ended.
    fn ended(&self, sent: &Sent, status: &RequestStatus) -> Result<(), ProbeFailure> {
        let Sent { operation, key, .. } = sent;
        let present = present_after(*operation, status);
        self.journal.write(&Entry::Ended { operation: *operation, key: key.clone(), present })
    }

    /// Follows a request to its end, and writes that down. With `lists`, also looks when the lists of requests show it.
    pub(super) async fn follow(&self, sent: &Sent, lists: bool) -> Result<Followed, Trouble> {
        let Sent { operation, key, request, accepted } = sent;
        let told = |what: String| Err(Trouble::Told(format!("the request to {operation} `{key}` {what}")));
        let mut listed = None;
        let status = loop {
            if lists && listed.is_none() && self.lists(sent, &[RequestListing::InProgress]).await {
                listed = Some(self.since(*accepted));
            }
            match self.access.request(*operation, request).await {
                Ok(Some(Request { status: RequestStatus::InProgress, .. })) => {}
                Ok(Some(Request { status, .. })) => break status,
                Ok(None) => return told("was accepted, and AWS does not know it any more".to_owned()),
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
            if self.since(*accepted) >= PATIENCE {
                return told(format!("had not ended after {} minutes", PATIENCE.as_secs() / 60));
            }
            self.clock.sleep(LOOK_EVERY).await;
        };
        let (took, ended) = (self.since(*accepted), self.now());
        self.ended(sent, &status)?;
        if let RequestStatus::Failed(reason) = status {
            return told(format!("has failed: {reason}"));
        }
        let all = [RequestListing::InProgress, RequestListing::Succeeded];
        while lists && listed.is_none() && self.since(*accepted) < PATIENCE {
            if self.lists(sent, &all).await {
                listed = Some(self.since(*accepted));
            } else {
                self.clock.sleep(LIST_EVERY).await;
            }
        }
        Ok(Followed { took, ended, listed })
    }

    /// Asks, and asks again where AWS may well answer a little later.
    pub(super) async fn patiently<T>(
        &self,
        ask: impl AsyncFn() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let began = self.now();
        loop {
            match ask().await {
                Err(error) if error.is_transient() && self.since(began) < REPEATED_FOR => {
                    self.clock.sleep(LIST_EVERY).await;
                }
                answer => return answer,
            }
        }
    }

    /// Whether the lists of requests show this one.
    async fn lists(&self, sent: &Sent, listings: &[RequestListing]) -> bool {
        for listing in listings {
            let listed = self.access.requests(sent.operation, *listing, LOOKED_THROUGH).await;
            if listed.is_ok_and(|listed| listed.iter().any(|one| one.id == sent.request)) {
                return true;
            }
        }
        false
    }

    /// Waits until no list shows any of these: what the probe has taken away is shown for a while. What somebody has made is shown for
    /// longer, and then nothing is made.
    pub(super) async fn wait_until_absent(&self, keys: &[AssignmentKey]) -> Result<(), Trouble> {
        let began = self.now();
        let places: BTreeSet<(&AccountId, &PermissionSetArn)> =
            keys.iter().map(|key| (&key.account, &key.permission_set)).collect();
        for (account, set) in places {
            loop {
                let there = self.patiently(async || self.access.principals(account, set).await).await?;
                let here = |key: &&AssignmentKey| (&key.account, &key.permission_set) == (account, set);
                let mut here = keys.iter().filter(here);
                let Some(key) = here.find(|key| there.contains(&key.principal)) else { break };
                if self.since(began) >= PATIENCE {
                    return Err(Trouble::Told(format!("`{key}` is there, and not by this probe")));
                }
                self.clock.sleep(LIST_EVERY).await;
            }
        }
        Ok(())
    }

    /// Looks at requests in rounds until they have ended or time is up, and writes their ends down. Gives how many of them were seen under
    /// way, and so certainly were when this began.
    pub(super) async fn follow_all(&self, sent: &[Sent]) -> Result<usize, Trouble> {
        let began = self.now();
        let mut open: BTreeMap<&RequestId, &Sent> = sent.iter().map(|sent| (&sent.request, sent)).collect();
        let mut under_way = BTreeSet::new();
        while !open.is_empty() && self.since(began) < PATIENCE {
            let mut ended = Vec::new();
            for (id, sent) in &open {
                match self.access.request(sent.operation, id).await {
                    Ok(Some(Request { status: RequestStatus::InProgress, .. })) => {
                        under_way.insert(*id);
                    }
                    Ok(Some(Request { status, .. })) => {
                        self.ended(sent, &status)?;
                        ended.push(*id);
                    }
                    // What became of it is found out when it is taken away.
                    Ok(None) => ended.push(*id),
                    Err(error) if error.is_transient() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            for id in ended {
                open.remove(id);
            }
            if !open.is_empty() {
                self.clock.sleep(LIST_EVERY).await;
            }
        }
        Ok(under_way.len())
    }

    /// Of these, those that are there by the journal.
    pub(super) fn present(&self, keys: &[AssignmentKey]) -> Vec<AssignmentKey> {
        keys.iter().filter(|key| self.journal.standing(key) == Standing::Present).cloned().collect()
    }
}

/// Whether a call that failed so may have been done all the same.
pub(super) fn may_be_done(error: &PortError) -> bool {
    match error {
        PortError::Failed(_) => true,
        PortError::Throttled(_)
        | PortError::WindowFull(_)
        | PortError::Conflict(_)
        | PortError::Denied(_)
        | PortError::Unassumed(_)
        | PortError::Barred(_)
        | PortError::NotFound(_)
        | PortError::Refused(_) => false,
    }
}

/// Whether an assignment is there once a request for it has ended so.
pub(super) fn present_after(operation: Operation, status: &RequestStatus) -> bool {
    match (operation, status) {
        (Operation::Grant, RequestStatus::Succeeded) | (Operation::Revoke, RequestStatus::InProgress) => true,
        (Operation::Grant, RequestStatus::Failed(_) | RequestStatus::InProgress)
        | (Operation::Revoke, RequestStatus::Succeeded) => false,
        (Operation::Revoke, RequestStatus::Failed(reason)) => {
            provisioning::failure(operation, reason) != Failure::AlreadyGone
        }
    }
}
