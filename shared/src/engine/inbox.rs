//! The inbox: every hint becomes account hints, each in its account's message group.

use std::time::Duration;

use jiff::Timestamp;

use super::{Arrival, MembersError, OutlineError, ReadError, UnreadableJson};
use crate::{
    domain::AccountId,
    events::Hint,
    ledger::Cause,
    ports::{Clock, Ledger, LedgerError, Message, OrganizationReader, PortError, Queue, Seen, SeenKind},
};

/// "Look at this account again", as it travels through the inbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountHint {
    pub account: AccountId,
    /// What it is charged to.
    pub cause: Cause,
    /// When the hint was submitted.
    pub at: Timestamp,
    /// Names of OUs that were read before this are read anew: one of them has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ou_names_since: Option<Timestamp>,
}

/// A message in the inbox that is not a hint.
#[derive(Debug, thiserror::Error)]
#[error("the message is not a hint for an account")]
pub struct UnreadableHint(#[source] UnreadableJson);

impl AccountHint {
    /// A look at an account for this cause.
    pub fn new(account: AccountId, cause: Cause, at: Timestamp) -> Self {
        Self { account, cause, at, ou_names_since: None }
    }

    /// Reads a message's body.
    pub fn from_body(body: &str) -> Result<Self, UnreadableHint> {
        serde_json::from_str(body).map_err(|error| UnreadableHint(error.into()))
    }

    /// The message: its group is the account, so an account is decided by one reader at a time.
    pub(super) fn message(&self, deduplication: &str) -> Result<Message, PortError> {
        Ok(Message {
            group: self.account.to_string(),
            deduplication: deduplication.chars().filter(char::is_ascii_graphic).take(128).collect(),
            body: serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?,
            delay: Duration::ZERO,
        })
    }
}

/// Why a hint could not be submitted.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error("cannot list the accounts that the event may touch")]
    Accounts(#[source] PortError),
    #[error("cannot tell which accounts the event may touch")]
    Outline(#[from] OutlineError),
    #[error("cannot read the rules that it may be about")]
    Rules(#[source] ReadError),
    #[error("cannot tell who has joined or left")]
    Members(#[from] MembersError),
    #[error("cannot ask the directory what it is about")]
    Directory(#[source] PortError),
    #[error("cannot ask for the permission set that it is about")]
    PermissionSet(#[source] PortError),
    #[error("cannot ask for the request that it is about")]
    Request(#[source] PortError),
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot write to the inbox")]
    Queue(#[source] PortError),
}

/// The event that something is submitted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// Its id.
    pub event: &'a str,
    /// When it was, where that is known.
    pub at: Option<Timestamp>,
}

impl<'a> From<&'a str> for Occasion<'a> {
    fn from(event: &'a str) -> Self {
        Self { event, at: None }
    }
}

impl<'a> From<&'a Arrival> for Occasion<'a> {
    fn from(Arrival { event, told, .. }: &'a Arrival) -> Self {
        Self { event, at: told.at }
    }
}

/// Where hints go in.
#[derive(Clone, Copy)]
pub struct Inbox<'a> {
    pub organization: &'a dyn OrganizationReader,
    pub ledger: &'a dyn Ledger,
    pub queue: &'a dyn Queue,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Inbox<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl Inbox<'_> {
    /// Expands a hint to account hints and submits them; tells how many. The same event for the same account within five minutes is one
    /// message.
    pub async fn submit<'o>(
        &self,
        hint: &Hint,
        occasion: impl Into<Occasion<'o>>,
    ) -> Result<usize, InboxError> {
        let occasion = occasion.into();
        let at = self.clock.now();
        if let Hint::RenamedOu(ou) = hint {
            // The OU may have no account now, and one that is moved in later must not be decided by the old name. A reader that
            // began before this can't put the name back.
            let unknown = Seen { id: ou.to_string(), value: serde_json::Value::Null, at };
            self.ledger.remember(SeenKind::OrganizationalUnit, &[unknown]).await?;
        }
        let accounts = match hint {
            Hint::Account(id) => vec![id.clone()],
            Hint::Accounts(ids) => ids.iter().cloned().collect(),
            Hint::Ou(ou) | Hint::RenamedOu(ou) => self.accounts(|parents| parents.contains(ou)).await?,
            Hint::Everything => self.accounts(|_| true).await?,
        };
        let ou_names_since = matches!(hint, Hint::RenamedOu(_)).then_some(at);
        self.send(accounts, occasion, ou_names_since).await
    }

    /// Puts a look at each of these accounts into the inbox.
    pub(super) async fn send(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
        occasion: Occasion<'_>,
        ou_names_since: Option<Timestamp>,
    ) -> Result<usize, InboxError> {
        self.send_for(accounts, &self.cause(occasion), ou_names_since).await
    }

    /// Puts a look at every account of the organization into the inbox, for this cause.
    pub(super) async fn everywhere(&self, cause: &Cause) -> Result<usize, InboxError> {
        let accounts = self.accounts(|_| true).await?;
        self.send_for(accounts, cause, None).await
    }

    async fn send_for(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
        cause: &Cause,
        ou_names_since: Option<Timestamp>,
    ) -> Result<usize, InboxError> {
        let at = self.clock.now();
        let messages: Result<Vec<_>, _> = accounts
            .into_iter()
            .map(|account| {
                // The scope last: an account id has a fixed length, so no two pairs read the same.
                let deduplication = format!("{:.100}-{account}", cause.as_str());
                let hint = AccountHint::new(account, cause.clone(), at);
                AccountHint { ou_names_since, ..hint }.message(&deduplication)
            })
            .collect();
        let messages = messages.map_err(InboxError::Queue)?;
        self.queue.send(&messages).await.map_err(InboxError::Queue)?;
        Ok(messages.len())
    }

    /// What is decided for an event is charged to it.
    pub(super) fn cause(&self, Occasion { event, at }: Occasion<'_>) -> Cause {
        let cause = if event.is_empty() {
            // An event without an id is none that came before.
            Cause::new("event", &format!("unnamed-{}", self.clock.now().as_microsecond()))
        } else {
            Cause::new("event", event)
        };
        cause.of_time(at)
    }

    async fn accounts(
        &self,
        within: impl Fn(&[crate::domain::OuId]) -> bool,
    ) -> Result<Vec<AccountId>, InboxError> {
        let accounts = self.organization.accounts().await.map_err(InboxError::Accounts)?;
        Ok(accounts
            .into_iter()
            .filter(|account| within(&account.parents))
            .map(|account| account.id)
            .collect())
    }
}
