//! What EventBridge hands to a function.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

use crate::events::Envelope;

/// An event as it is read, or why the payload is none.
pub fn envelope(payload: &Value) -> Result<Envelope, serde_json::Error> {
    let event: EventBridgeEvent = serde_json::from_value(payload.clone())?;
    Ok(Envelope {
        id: event.id,
        source: event.source,
        detail_type: event.detail_type,
        resources: event.resources.unwrap_or_default(),
        detail: event.detail,
    })
}
