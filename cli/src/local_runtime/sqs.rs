//! The event that Lambda makes of a batch of messages, as the JSON that it is on the wire.

use aws_lambda_events::event::sqs::SqsEvent;
use serde_json::{Value, json};
use shared::ports::Received;

/// The batch as an SQS event.
pub(super) fn event(records: &[Received]) -> Result<SqsEvent, String> {
    let records: Vec<Value> = records.iter().map(record).collect();
    serde_json::from_value(json!({ "Records": records }))
        .map_err(|error| format!("cannot make an SQS event: {error}"))
}

fn record(received: &Received) -> Value {
    let Received { id, receipt, group, body, receives, sent_at: _ } = received;
    let mut attributes = json!({ "ApproximateReceiveCount": receives.to_string() });
    if let (Some(group), Some(members)) = (group, attributes.as_object_mut()) {
        members.insert("MessageGroupId".to_owned(), json!(group));
    }
    json!({
        "messageId": id,
        "receiptHandle": receipt,
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "us-east-1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reaches_the_handler_as_lambda_would_give_it() {
        let received = Received {
            id: "1".into(),
            receipt: "r".into(),
            group: Some("111122223333".into()),
            body: "{}".into(),
            receives: 2,
            sent_at: None,
        };
        let event = event(&[received]).unwrap();
        let record = &event.records[0];
        assert_eq!(record.message_id.as_deref(), Some("1"));
        assert_eq!(record.body.as_deref(), Some("{}"));
        assert_eq!(record.attributes["MessageGroupId"], "111122223333");
        assert_eq!(record.attributes["ApproximateReceiveCount"], "2");
    }
}
