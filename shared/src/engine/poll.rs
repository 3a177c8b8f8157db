//! Looking after requests that take longer than the engine has patience: one message each, that comes back with growing delays.
//!
//! It never gives up: what is stuck stays visible, and keeps its slot. What AWS says of the end is made of the row by the very
//! function that the engine uses.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    AccountHint, ProvisioningPoll, UnreadableJson, Wake,
    provisioner::{
        ending::{self, Ended},
        telling,
    },
};
use crate::{
    domain::{AssignmentKey, Operation, RequestId},
    ledger::{Claim, Intent, Row},
    ports::{AccessReader, Clock, Guard, Ledger, LedgerError, Message, PortError, Queue, RowWrite},
    provisioning::next_poll,
};

/// The function that looks after requests.
const FUNCTION: &str = "poll-provisioning";

/// A request to look after, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Poll {
    pub key: AssignmentKey,
    pub operation: Operation,
    pub request: RequestId,
    /// When it was handed over. A row that was handed over again has another message that looks after it.
    pub since: Timestamp,
}

/// The member of a message about a request to provision; one about an assignment has none of its own.
pub(super) const PROVISIONING: &str = "provisioning";

/// What a message asks to look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollMessage {
    Assignment(Poll),
    Provisioning(Box<ProvisioningPoll>),
}

impl PollMessage {
    /// Reads a message's body.
    pub fn from_body(body: &str) -> Result<Self, UnreadablePoll> {
        let unreadable = |error: serde_json::Error| UnreadablePoll(error.into());
        let mut message: serde_json::Value = serde_json::from_str(body).map_err(unreadable)?;
        match message.get_mut(PROVISIONING).map(serde_json::Value::take) {
            Some(poll) => serde_json::from_value(poll).map(Self::Provisioning).map_err(unreadable),
            None => Poll::from_body(body).map(Self::Assignment),
        }
    }
}

/// A message that is not a request to look after.
#[derive(Debug, thiserror::Error)]
#[error("the message is not a request to look after")]
pub struct UnreadablePoll(#[source] UnreadableJson);

impl Poll {
    /// The delay before the first look.
    pub(super) const FIRST_LOOK: Duration = Duration::from_secs(30);

    /// Reads a message's body.
    pub fn from_body(body: &str) -> Result<Self, UnreadablePoll> {
        serde_json::from_str(body).map_err(|error| UnreadablePoll(error.into()))
    }

    /// To look after the request that a row was claimed for; `None` if AWS has not told its id.
    pub(super) fn of(row: &Row, since: Timestamp) -> Option<Self> {
        let (operation, intent) = row.work()?;
        let request = intent.claim.as_ref()?.request.clone()?;
        Some(Self { key: row.key.clone(), operation, request, since })
    }

    /// Sends it, to be looked at after a while.
    pub async fn send(&self, queue: &dyn Queue, now: Timestamp, delay: Duration) -> Result<(), PortError> {
        let message = Message {
            group: self.key.account.to_string(),
            // Fresh each time: the next look must never be taken for the one before.
            deduplication: format!("poll-{}-{}", now.as_microsecond(), self.request),
            body: serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?,
            delay: delay.min(Duration::from_mins(15)),
        };
        queue.send(&[message]).await
    }
}

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// There is nothing more to look after.
    Done(PollEnd),
    /// Not yet: to be looked at again after this long.
    Again(Duration),
}

/// Why there is nothing more to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PollEnd {
    Granted,
    Revoked,
    /// It failed, and will be sent again.
    Retried,
    /// AWS refused it for good.
    Blocked,
    /// AWS no longer knows the request: the engine has it back, and settles it by the assignments.
    HandedBack,
    /// The permission set's newest version is there.
    Provisioned,
    /// It is not; what follows is the campaign's.
    NotProvisioned,
    /// The row is no longer claimed for this request, or another message looks after it.
    Overtaken,
}

impl From<Ended> for PollEnd {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Granted => Self::Granted,
            Ended::Revoked => Self::Revoked,
            Ended::Retried => Self::Retried,
            Ended::Blocked => Self::Blocked,
        }
    }
}

/// Why a look failed. The message comes again.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot ask about the request `{request}`")]
    Access { request: RequestId, source: PortError },
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
}

/// Looks after requests. It sends no write to AWS, and needs no lease.
#[derive(Clone, Copy)]
pub struct Poller<'a> {
    pub access: &'a dyn AccessReader,
    pub ledger: &'a dyn Ledger,
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    /// Where requests come back from, after their delays.
    pub polls: &'a dyn Queue,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Poller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

/// How long a message waits for the mark in the row that it came before. The engine writes it right after.
const MARK_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

/// How often a row is read anew when another has changed it meanwhile.
const TRIES: usize = 5;

impl Poller<'_> {
    /// Looks once, and sends the message on if it has to be looked at again.
    pub async fn look(&self, poll: &Poll) -> Result<Polled, PollError> {
        let polled = self.look_once(poll).await?;
        if let Polled::Again(delay) = polled {
            poll.send(self.polls, self.clock.now(), delay).await.map_err(PollError::Queue)?;
        }
        Ok(polled)
    }

    async fn look_once(&self, poll: &Poll) -> Result<Polled, PollError> {
        let Some(row) = self.ledger.row(&poll.key).await? else {
            return Ok(Polled::Done(PollEnd::Overtaken));
        };
        let claim = match standing(&row, poll, self.clock.now()) {
            Standing::Ours(claim) => claim,
            Standing::NotYet => return Ok(Polled::Again(Poll::FIRST_LOOK)),
            Standing::Overtaken => {
                // A look before this one may have ended between the row and what follows from it.
                if row.claim().is_none() && row.last_request.as_ref() == Some(&poll.request) {
                    self.tell(row).await?;
                }
                return Ok(Polled::Done(PollEnd::Overtaken));
            }
        };
        let now = self.clock.now();
        let waited = Duration::try_from(now.duration_since(claim.at)).unwrap_or_default();
        let status = match self.access.request(poll.operation, &poll.request).await {
            Ok(Some(request)) => request.status,
            Ok(None) => return self.hand_back(poll).await,
            Err(error) if error.is_transient() => return Ok(Polled::Again(next_poll(waited))),
            Err(source) => return Err(PollError::Access { request: poll.request.clone(), source }),
        };
        let now = self.clock.now();
        let mut ended = None;
        let written = self
            .change(poll, |row| {
                let ending = ending::of(row, &status, now)?;
                ended = Some(ending.ended);
                let outcome = ending::told(&ending.row, ending.ended, now);
                Some(RowWrite { row: ending.row, outcome })
            })
            .await?;
        match (written, ended) {
            (Some(row), Some(ended)) => {
                telling::ended(FUNCTION, &row, ended, now);
                self.tell(row).await?;
                Ok(Polled::Done(ended.into()))
            }
            // Overtaken, or still under way: the row as it is now tells which at the next look.
            (None | Some(_), _) => Ok(Polled::Again(next_poll(waited))),
        }
    }

    /// AWS no longer knows the request: the engine settles it by what the assignments say.
    async fn hand_back(&self, poll: &Poll) -> Result<Polled, PollError> {
        let unmarked = self
            .change(poll, |row| {
                Some(RowWrite::of(row.map_intent(|intent| Intent {
                    claim: intent.claim.map(|claim| Claim { polled: None, ..claim }),
                    ..intent
                })))
            })
            .await?;
        if unmarked.is_some() {
            self.wake().await?;
        }
        Ok(Polled::Done(if unmarked.is_some() { PollEnd::HandedBack } else { PollEnd::Overtaken }))
    }

    /// Changes the row while it is ours to change; `None` when it is not, or when nothing is to be changed.
    async fn change(
        &self,
        poll: &Poll,
        mut change: impl FnMut(Row) -> Option<RowWrite>,
    ) -> Result<Option<Row>, PollError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Some(row) = self.ledger.row(&poll.key).await? else { return Ok(None) };
            if !matches!(standing(&row, poll, self.clock.now()), Standing::Ours(_)) {
                return Ok(None);
            }
            let Some(write) = change(row) else { return Ok(None) };
            let row = write.row.clone();
            match self.ledger.write(&[write], &Guard::default()).await {
                Ok(()) => return Ok(Some(Row { version: row.version + 1, ..row })),
                Err(LedgerError::RowChanged(_)) if tries < TRIES => {}
                Err(LedgerError::Port(PortError::Conflict(_))) if tries < TRIES => {
                    self.clock.sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What follows from the end of a request: the account is looked at if that was asked for, and a slot is free.
    async fn tell(&self, row: Row) -> Result<(), PollError> {
        if row.look_again {
            let now = self.clock.now();
            let hint = AccountHint::new(row.key.account.clone(), row.cause.clone(), now);
            let deduplication = format!("again-{}-{}", now.as_microsecond(), row.key.account);
            let message = hint.message(&deduplication).map_err(PollError::Queue)?;
            self.inbox.send(&[message]).await.map_err(PollError::Queue)?;
            // The row is anybody's to change by now: whoever did has looked.
            let looked = RowWrite::of(Row { look_again: false, ..row });
            match self.ledger.write(&[looked], &Guard::default()).await {
                Ok(()) | Err(LedgerError::RowChanged(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.wake().await
    }

    async fn wake(&self) -> Result<(), PollError> {
        let now = self.clock.now();
        Wake::first().send(self.wake, now, Duration::ZERO).await.map_err(PollError::Queue)
    }
}

/// How a row stands to a message about it.
enum Standing {
    /// The message looks after it.
    Ours(Claim),
    /// The mark that the message came before may still be written.
    NotYet,
    Overtaken,
}

fn standing(row: &Row, poll: &Poll, now: Timestamp) -> Standing {
    let Some(claim) = row.claim().filter(|claim| claim.request.as_ref() == Some(&poll.request)) else {
        return Standing::Overtaken;
    };
    match claim.polled {
        Some(since) if since == poll.since => Standing::Ours(claim.clone()),
        None if poll.since + MARK_WITHIN > now => Standing::NotYet,
        Some(_) | None => Standing::Overtaken,
    }
}
