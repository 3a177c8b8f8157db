//! What every function does with an event: it is read, and what it hints at is submitted; what can't be read is parked.

use serde_json::Value;

use super::{InboxError, Parked, UnreadableJson};
use crate::{
    causes,
    domain::SelfTestId,
    events::{self, Envelope, EventError, Reading, Told},
    ledger::Cause,
    ports::{Clock, PortError, Queue},
};

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// So many account hints are in the inbox.
    Hinted(usize),
    /// It leads to nothing, and why.
    Ignored(String),
    /// It could not be read, and is parked.
    Parked(String),
    /// It is a self-test, and that it came is written down.
    Noted(SelfTestId),
}

/// Why the event has to be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    #[error("cannot act on the event")]
    Inbox(#[from] InboxError),
    #[error("cannot park an event that cannot be read")]
    Park(#[source] PortError),
}

/// What else is known of an event that hints at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its id.
    pub event: String,
    /// The ARN of the role that made the call, as far as the event names one.
    pub caller_role: Option<String>,
    /// What it tells of its call.
    pub told: Told,
}

/// A function that hears of events.
#[derive(Clone, Copy)]
pub struct Hearing<'a> {
    /// Its name.
    pub function: &'a str,
    pub parked: &'a dyn Queue,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Hearing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hearing").field("function", &self.function).finish_non_exhaustive()
    }
}

impl Hearing<'_> {
    /// Takes an event: `envelope` is what its payload is, or why it is none; `submit` is given what it hints at, and what else is known of it.
    pub async fn take<H>(
        &self,
        payload: &Value,
        envelope: Result<Envelope, serde_json::Error>,
        read: impl FnOnce(&Envelope) -> Result<Reading<H>, EventError>,
        submit: impl AsyncFnOnce(H, Arrival) -> Result<usize, InboxError>,
    ) -> Result<Heard, HearError> {
        let reading = envelope
            .map_err(|error| format!("not an EventBridge event: {}", UnreadableJson::from(error)))
            .and_then(|envelope| {
                let reading = read(&envelope).map_err(|error| causes::joined(&error))?;
                Ok((reading, events::told(&envelope)))
            });
        match reading {
            Ok((Reading::Hint { hint, event, caller_role }, told)) => {
                // As it is called in all that follows from it.
                let cause = Cause::new("event", &event);
                let hinted = submit(hint, Arrival { event, caller_role, told }).await?;
                let cause = cause.as_str();
                tracing::info!(cause, hinted, "{cause}: {hinted} accounts to be looked at");
                Ok(Heard::Hinted(hinted))
            }
            Ok((Reading::Ignored(why), _)) => {
                tracing::info!(reason = %why, "event ignored: {why}");
                Ok(Heard::Ignored(why.to_string()))
            }
            // It will never be read, however often it comes.
            Err(reason) => {
                let event = Parked::new(self.function, &reason, &payload.to_string());
                event.park(self.parked, self.clock).await.map_err(HearError::Park)?;
                Ok(Heard::Parked(reason))
            }
        }
    }
}
