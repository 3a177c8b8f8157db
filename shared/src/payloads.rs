//! What EventBridge and SQS hand to a function.

use aws_lambda_events::event::{eventbridge::EventBridgeEvent, sqs::SqsMessage};
use serde_json::Value;

use crate::events::Envelope;

/// An event as it is read, or why the payload is none.
pub fn envelope(payload: &Value) -> Result<Envelope, serde_json::Error> {
    let event: EventBridgeEvent = serde_json::from_value(payload.clone())?;
    // As text: the library's own type of time is another one.
    let time = payload.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok());
    Ok(Envelope {
        id: event.id,
        time,
        source: event.source,
        detail_type: event.detail_type,
        resources: event.resources.unwrap_or_default(),
        detail: event.detail,
    })
}

/// A message's group, where its queue has groups, and how often it was received: once, where nothing is said of it.
pub fn deliveries(message: &SqsMessage) -> (Option<&str>, u32) {
    let attribute = |name: &str| message.attributes.get(name).map(String::as_str);
    let receives = attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    (attribute("MessageGroupId"), receives.unwrap_or(1))
}
