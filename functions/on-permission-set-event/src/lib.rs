//! A permission set is new, tagged, changed or gone, or somebody has assigned one: look at the accounts that it may touch.
//!
//! The event is a hint. We take ids from it and nothing else. Requests of our own come back as events too: the ledger knows them.

use serde_json::Value;
use shared::{
    engine::{Arrival, CenterInbox, HearError, Heard, Hearing},
    events, payloads,
    ports::Queue,
};

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: CenterInbox<'_>, parked: &dyn Queue) -> Result<Heard, HearError> {
    let clock = inbox.inbox.clock;
    let hearing = Hearing { function: "on-permission-set-event", parked, clock };
    let submit = async |hint, arrival: Arrival| inbox.permission_set(&hint, &arrival).await;
    hearing.take(&payload, payloads::envelope(&payload), events::read_permission_set, submit).await
}
