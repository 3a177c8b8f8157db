//! An account is new, moved, tagged or closed: look at it again.
//!
//! The event is a hint. We take the id from it and nothing else, so a late, repeated or reordered event costs a look-up and
//! can never grant or revoke anything by itself.

use serde_json::Value;
use shared::{
    aws,
    engine::{Arrival, HearError, Heard, Hearing, Inbox},
    events,
    ports::Queue,
};

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: Inbox<'_>, parked: &dyn Queue) -> Result<Heard, HearError> {
    let clock = inbox.clock;
    let hearing = Hearing { function: "on-account-event", parked, clock };
    let submit = async |hint, arrival: Arrival| inbox.submit(&hint, &arrival).await;
    hearing.take(&payload, aws::envelope(&payload), events::read, submit).await
}
