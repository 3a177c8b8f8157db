//! A permission set is new, tagged, changed or gone, or somebody has assigned one: look at the accounts that it may touch.
//!
//! The event is a hint. We take ids from it and nothing else. Requests of our own come back as events too: the ledger knows them.

use serde_json::Value;
use shared::{
    aws,
    engine::{CenterInbox, HearError, Heard, Hearing},
    events,
    ports::Queue,
};

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: CenterInbox<'_>, parked: &dyn Queue) -> Result<Heard, HearError> {
    let clock = inbox.inbox.clock;
    let hearing = Hearing { function: "on-permission-set-event", parked, clock };
    let envelope = aws::envelope(&payload);
    let told = envelope.as_ref().map(events::told).ok();
    let submit = async |hint, event: String| match &told {
        Some(told) => inbox.permission_set(&hint, &event, told).await,
        // What is no event leads to no hint.
        None => Ok(0),
    };
    hearing.take(&payload, envelope, events::read_permission_set, submit).await
}
