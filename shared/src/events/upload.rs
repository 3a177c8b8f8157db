//! An object was made in a bucket: S3's own event, which comes by EventBridge and not by CloudTrail.

use serde_json::Value;

use super::{Envelope, EventError, Ignored, Reading, event::short};

/// What S3 calls the event (S3 user guide, "EventBridge event message structure").
const CREATED: &str = "Object Created";
const SOURCE: &str = "aws.s3";

/// An object to look at. It is read again: of what the event says of it, nothing else is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Uploaded {
    pub bucket: String,
    pub key: String,
}

/// Whether an event is of an object that was made.
pub fn is_of_upload(envelope: &Envelope) -> bool {
    envelope.source == SOURCE && envelope.detail_type == CREATED
}

/// Reads an event as `on-rules-change` does.
pub fn read_upload(envelope: &Envelope) -> Result<Reading<Uploaded>, EventError> {
    let name = short(&envelope.detail_type);
    if !is_of_upload(envelope) {
        return Ok(Reading::Ignored(Ignored::Unconcerned { source_name: short(&envelope.source), name }));
    }
    let member = |pointer: &str, member| {
        let text = envelope.detail.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| EventError::Missing { name: name.clone(), member })
    };
    let hint = Uploaded {
        bucket: member("/bucket/name", "bucket.name")?,
        key: member("/object/key", "object.key")?,
    };
    let event = envelope.id.clone().unwrap_or_default();
    Ok(Reading::Hint { hint, event, caller_role: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(source: &str, detail_type: &str, detail: Value) -> Envelope {
        Envelope {
            id: Some("e-1".to_owned()),
            time: None,
            source: source.to_owned(),
            detail_type: detail_type.to_owned(),
            resources: Vec::new(),
            detail,
        }
    }

    #[test]
    fn only_the_object_that_it_names_is_taken_from_an_event() {
        let detail = json!({
            "version": "0", "bucket": { "name": "rules", "more": 1 }, "reason": "anything",
            "object": { "key": "incoming/a.json", "size": "a lot", "sequencer": [] },
        });
        let read = read_upload(&envelope("aws.s3", "Object Created", detail)).unwrap();
        let hint = Uploaded { bucket: "rules".to_owned(), key: "incoming/a.json".to_owned() };
        assert_eq!(read, Reading::Hint { hint, event: "e-1".to_owned(), caller_role: None });
    }

    #[test]
    fn what_names_no_object_cannot_be_read() {
        for (detail, missing) in [
            (json!(null), "bucket.name"),
            (json!({ "bucket": "rules", "object": { "key": "a" } }), "bucket.name"),
            (json!({ "bucket": { "name": "rules" }, "object": {} }), "object.key"),
            (json!({ "bucket": { "name": "rules" }, "object": { "key": 1 } }), "object.key"),
            (json!({ "bucket": { "name": "rules" }, "object": { "key": "" } }), "object.key"),
        ] {
            let error = read_upload(&envelope("aws.s3", "Object Created", detail)).unwrap_err();
            assert_eq!(error.to_string(), format!("`Object Created` has no `{missing}`"));
        }
    }

    #[test]
    fn other_events_are_ignored() {
        for (source, detail_type) in [("aws.s3", "Object Deleted"), ("example.s3", "Object Created")] {
            let read = read_upload(&envelope(source, detail_type, json!({})));
            assert!(matches!(read, Ok(Reading::Ignored(Ignored::Unconcerned { .. }))), "{read:?}");
        }
    }
}
