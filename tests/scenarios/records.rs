//! What Lambda makes of messages.

use serde_json::{Value, json};
use shared::ports::Received;

/// The event that a function is given for them.
pub(super) fn sqs_event(received: &[Received]) -> Value {
    let records = received.iter().map(|received| {
        let mut attributes = json!({ "ApproximateReceiveCount": received.receives.to_string() });
        if let Some(group) = &received.group {
            attributes["MessageGroupId"] = json!(group);
        }
        json!({
            "messageId": received.id,
            "receiptHandle": received.receipt,
            "body": received.body,
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:usher",
            "awsRegion": "eu-central-1",
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}
