//! What Lambda gives a function.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::Message;
use serde_json::{Value, json};

/// What a schedule of EventBridge sends.
pub(super) fn scheduled() -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "111122223333", "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1", "resources": [], "detail": {},
    })
}

/// The payload that Lambda gives a function for a batch of messages (Lambda Developer Guide, "Using Lambda with Amazon SQS").
pub(super) fn sqs_event(queue: &str, messages: &[Message]) -> Value {
    let name = queue.rsplit('/').next().unwrap_or_default();
    let record = |message: &Message| {
        let attributes: BTreeMap<&str, &String> =
            message.attributes().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
        json!({
            "messageId": message.message_id(),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": message.md5_of_body(),
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:123456789012:{name}"),
            "awsRegion": "us-east-1",
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}
