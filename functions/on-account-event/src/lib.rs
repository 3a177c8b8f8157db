//! An account is new, moved, tagged or closed: look at it again.
//!
//! The event is a hint. We take the id from it and nothing else, so a late, repeated or reordered event costs a look-up and
//! can never grant or revoke anything by itself.
//!
//! The event of a self-test is no hint at all: that it came is written down (`docs/adr/0034`).

use serde_json::Value;
use shared::{
    engine::{Arrival, HearError, Heard, Hearing, Inbox, SelfTests},
    events, payloads,
    ports::Queue,
};

/// Reads one event and submits what it hints at.
pub async fn handle(payload: Value, inbox: Inbox<'_>, parked: &dyn Queue) -> Result<Heard, HearError> {
    let clock = inbox.clock;
    let envelope = payloads::envelope(&payload);
    if let Ok(envelope) = &envelope
        && events::is_of_self_test(envelope)
    {
        return SelfTests { ledger: inbox.ledger, clock }.answer(envelope).await;
    }
    let hearing = Hearing { function: "on-account-event", parked, clock };
    let submit = async |hint, arrival: Arrival| inbox.submit(&hint, &arrival).await;
    hearing.take(&payload, envelope, events::read, submit).await
}
