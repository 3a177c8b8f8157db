//! A group or a user is new, renamed, changed or gone, or somebody has joined or left: look at the accounts that it may touch.
//!
//! The event is a hint. We take ids from it and nothing else: names are hidden there, and are asked for.

use serde_json::Value;
use shared::{
    engine::{Arrival, CenterInbox, HearError, Heard, Hearing},
    events, payloads,
    ports::Queue,
};

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: CenterInbox<'_>, parked: &dyn Queue) -> Result<Heard, HearError> {
    let clock = inbox.inbox.clock;
    let hearing = Hearing { function: "on-group-event", parked, clock };
    let submit = async |hint, arrival: Arrival| inbox.directory(&hint, &arrival).await;
    hearing.take(&payload, payloads::envelope(&payload), events::read_directory, submit).await
}
