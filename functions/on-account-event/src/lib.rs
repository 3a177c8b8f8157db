//! An account is new, moved, tagged or closed: look at it again.
//!
//! The event is a hint. We take the id from it and nothing else, so a late, repeated or reordered event costs a look-up and
//! can never grant or revoke anything by itself.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;
use shared::{
    engine::{Inbox, InboxError, Parked, UnreadableJson},
    events::{self, Envelope, Reading},
    ports::{PortError, Queue},
};

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// So many account hints are in the inbox.
    Hinted(usize),
    /// It leads to nothing, and why.
    Ignored(String),
    /// It could not be read, and is parked.
    Parked(String),
}

/// Why the event has to be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot act on the event")]
    Inbox(#[from] InboxError),
    #[error("cannot park an event that cannot be read")]
    Park(#[source] PortError),
}

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: Inbox<'_>, parked: &dyn Queue) -> Result<Outcome, Error> {
    let reading = serde_json::from_value::<EventBridgeEvent>(payload.clone())
        .map_err(|error| format!("not an EventBridge event: {}", UnreadableJson::from(error)))
        .and_then(|event| events::read(&envelope(event)).map_err(|error| shared::causes::joined(&error)));
    match reading {
        Ok(Reading::Hint { hint, event, caller_role: _ }) => {
            Ok(Outcome::Hinted(inbox.submit(&hint, &event).await?))
        }
        Ok(Reading::Ignored(why)) => {
            tracing::info!(reason = %why, "event ignored: {why}");
            Ok(Outcome::Ignored(why.to_string()))
        }
        // It will never be read, however often it comes.
        Err(reason) => {
            let event = Parked::new("on-account-event", &reason, &payload.to_string());
            event.park(parked, inbox.clock).await.map_err(Error::Park)?;
            Ok(Outcome::Parked(reason))
        }
    }
}

fn envelope(event: EventBridgeEvent) -> Envelope {
    Envelope {
        id: event.id,
        source: event.source,
        detail_type: event.detail_type,
        resources: event.resources.unwrap_or_default(),
        detail: event.detail,
    }
}
