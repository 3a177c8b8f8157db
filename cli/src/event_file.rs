//! What can stand in a file of events, taken out of its wrappings: deliveries of EventBridge, records of CloudTrail, messages of SQS.
//!
//! Pure: text to what is in it, each with its place. What can't be understood is one of the things found.

use serde_json::{Map, Value};
use shared::{
    engine::{AccountHint, Poll, UnreadableJson},
    events::Envelope,
};

/// A message may hold what was parked, which may hold a message, and so on: not further than this.
const DEPTH: usize = 8;

/// Something found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) what: What,
}

/// Where in a file something is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The line on which the JSON document begins that it is in, counted from 1.
    pub line: usize,
    /// The way to it inside that document, such as `Records[1].body`; empty for the document itself.
    pub path: String,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Event(Envelope),
    /// A message of the inbox.
    Hint(AccountHint),
    /// A message about a request that takes long.
    Poll(Poll),
    /// A message that wakes the engine.
    Wake,
    /// Nothing that is known here, and why.
    Unreadable(String),
}

/// Takes a file apart. There is always something: in an empty file that it is empty.
pub(crate) fn read(text: &str) -> Vec<Found> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let begins = documents.byte_offset();
        let line = line_of(text, begins);
        let Some(document) = documents.next() else { break };
        let place = Place { line, path: String::new() };
        match document {
            Ok(document) => unwrap(&document, &place, DEPTH, &mut found),
            Err(error) => {
                found.push(Found { place, what: What::Unreadable(format!("not JSON: {error}")) });
                break;
            }
        }
    }
    if found.is_empty() {
        let place = Place { line: 1, path: String::new() };
        found.push(Found { place, what: What::Unreadable("there is no event in it".to_owned()) });
    }
    found
}

/// The line of the first thing at or after this byte that is not blank.
fn line_of(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start().len();
    let before = text.get(..offset + blank).unwrap_or_default();
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

fn unwrap(value: &Value, place: &Place, depth: usize, found: &mut Vec<Found>) {
    let mut push = |what| found.push(Found { place: place.clone(), what });
    let Some(depth) = depth.checked_sub(1) else {
        return push(What::Unreadable("wrapped up too often".to_owned()));
    };
    let members = match value {
        Value::Array(items) => return list(items, place, "", depth, found),
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return push(What::Unreadable("neither an object nor a list".to_owned()));
        }
    };
    let text = |member: &str| members.get(member).and_then(Value::as_str);
    // EventBridge's delivery first: what its `detail` holds may look like anything.
    if let (Some(source), Some(detail_type)) = (text("source"), text("detail-type")) {
        return push(What::Event(delivery(members, source, detail_type)));
    }
    if let Some(event_source) = text("eventSource").filter(|_| text("eventName").is_some()) {
        return push(What::Event(record(value, event_source, text("eventType"))));
    }
    for wrapping in ["Records", "Events", "Messages"] {
        if let Some(Value::Array(items)) = members.get(wrapping) {
            return list(items, place, wrapping, depth, found);
        }
    }
    // Of Lambda's SQS event, of `aws sqs receive-message`, of `aws cloudtrail lookup-events`, of the queue of what is parked.
    for wrapping in ["body", "Body", "CloudTrailEvent", "payload"] {
        if let Some(inner) = text(wrapping) {
            return nested(inner, place, wrapping, depth, found);
        }
    }
    push(message(value, members));
}

fn list(items: &[Value], place: &Place, member: &str, depth: usize, found: &mut Vec<Found>) {
    for (number, item) in items.iter().enumerate() {
        let path = join(&place.path, &format!("{member}[{number}]"));
        unwrap(item, &Place { path, ..*place }, depth, found);
    }
    if items.is_empty() {
        let path = join(&place.path, member);
        let what = What::Unreadable("an empty list".to_owned());
        found.push(Found { place: Place { path, ..*place }, what });
    }
}

/// JSON in a text.
fn nested(text: &str, place: &Place, member: &str, depth: usize, found: &mut Vec<Found>) {
    let place = Place { path: join(&place.path, member), ..*place };
    match serde_json::from_str(text) {
        Ok(value) => unwrap(&value, &place, depth, found),
        Err(error) => {
            let why = format!("not JSON: {}", UnreadableJson::from(error));
            found.push(Found { place, what: What::Unreadable(why) });
        }
    }
}

fn join(path: &str, more: &str) -> String {
    if path.is_empty() || more.starts_with('[') { format!("{path}{more}") } else { format!("{path}.{more}") }
}

fn delivery(members: &Map<String, Value>, source: &str, detail_type: &str) -> Envelope {
    let resources = members.get("resources").and_then(Value::as_array).into_iter().flatten();
    Envelope {
        id: members.get("id").and_then(Value::as_str).map(str::to_owned),
        time: members.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok()),
        source: source.to_owned(),
        detail_type: detail_type.to_owned(),
        resources: resources.filter_map(Value::as_str).map(str::to_owned).collect(),
        detail: members.get("detail").cloned().unwrap_or_default(),
    }
}

/// A record of CloudTrail as EventBridge would deliver it.
fn record(value: &Value, event_source: &str, event_type: Option<&str>) -> Envelope {
    let service = event_source.strip_suffix(".amazonaws.com").unwrap_or(event_source);
    let detail_type = match event_type {
        Some("AwsServiceEvent") => "AWS Service Event via CloudTrail",
        Some(_) | None => "AWS API Call via CloudTrail",
    };
    Envelope {
        id: None,
        time: None,
        source: format!("aws.{service}"),
        detail_type: detail_type.to_owned(),
        resources: Vec::new(),
        detail: value.clone(),
    }
}

/// A message of one of Usher's own queues.
fn message(value: &Value, members: &Map<String, Value>) -> What {
    if members.contains_key("account") {
        return match AccountHint::from_body(&value.to_string()) {
            Ok(hint) => What::Hint(hint),
            Err(error) => What::Unreadable(shared::causes::joined(&error)),
        };
    }
    if members.contains_key("request") {
        return match Poll::from_body(&value.to_string()) {
            Ok(poll) => What::Poll(poll),
            Err(error) => What::Unreadable(shared::causes::joined(&error)),
        };
    }
    if !members.is_empty() && members.keys().all(|member| member == "hops") {
        return What::Wake;
    }
    What::Unreadable(
        "neither an event of EventBridge, nor a record of CloudTrail, nor a message of Usher's queues"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moved() -> Value {
        json!({ "eventSource": "organizations.amazonaws.com", "eventName": "MoveAccount",
                "eventID": "6ab5", "requestParameters": { "accountId": "200000000001" } })
    }

    fn delivered() -> Value {
        json!({ "id": "1", "source": "aws.organizations", "detail-type": "AWS API Call via CloudTrail", "detail": moved() })
    }

    /// Place and kind of everything in a text.
    fn told(text: &str) -> Vec<String> {
        let kind = |what: &What| match what {
            What::Event(event) => format!("{} {}", event.source, event.detail["eventName"]),
            What::Hint(hint) => format!("hint {}", hint.account),
            What::Poll(poll) => format!("poll {}", poll.request),
            What::Wake => "wake".to_owned(),
            What::Unreadable(why) => why.clone(),
        };
        read(text)
            .iter()
            .map(|found| format!("{}:{} {}", found.place.line, found.place.path, kind(&found.what)))
            .collect()
    }

    #[test]
    fn a_record_of_cloudtrail_is_read_as_its_delivery_is() {
        let (bare, delivery) = (read(&moved().to_string()), read(&delivered().to_string()));
        let detail = |found: &[Found]| {
            let What::Event(event) = &found[0].what else { panic!("{found:?}") };
            (event.source.clone(), event.detail_type.clone(), event.detail.clone())
        };
        assert_eq!(detail(&bare), detail(&delivery));
    }

    #[test]
    fn every_wrapping_is_taken_off_and_the_place_is_kept() {
        let hint = json!({ "account": "200000000001", "cause": "event:1", "at": "2026-11-24T00:00:00Z" });
        let key = json!({ "account": "200000000001", "principal": { "group": "f10fac16-ab5b-45c3-86c1-0123456789ab" },
            "permission_set": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef" });
        let request = "5e0c1a2b-0000-4000-8000-000000000001";
        let poll =
            json!({ "key": key, "operation": "grant", "request": request, "since": "2026-11-24T00:00:00Z" });
        let parked = json!({ "by": "on-account-event", "reason": "why", "payload": delivered().to_string() });
        let sqs = json!({ "Records": [
            { "eventSource": "aws:sqs", "body": delivered().to_string() },
            { "eventSource": "aws:sqs", "body": hint.to_string() },
            { "eventSource": "aws:sqs", "body": "{\"hops\":3}" },
            { "eventSource": "aws:sqs", "body": parked.to_string() },
            { "eventSource": "aws:sqs", "body": poll.to_string() },
            { "eventSource": "aws:sqs", "body": "{" },
        ] });
        let trail = json!({ "Records": [moved()] });
        let looked_up = json!({ "Events": [{ "EventId": "6ab5", "CloudTrailEvent": moved().to_string() }] });
        let received = json!({ "Messages": [{ "MessageId": "1", "Body": hint.to_string() }] });
        let text = format!("\u{feff}{sqs}\n\n{trail}\n{looked_up}{received}\n[{}]", delivered());
        insta::assert_debug_snapshot!(told(&text), @r#"
        [
            "1:Records[0].body aws.organizations \"MoveAccount\"",
            "1:Records[1].body hint 200000000001",
            "1:Records[2].body wake",
            "1:Records[3].body.payload aws.organizations \"MoveAccount\"",
            "1:Records[4].body poll 5e0c1a2b-0000-4000-8000-000000000001",
            "1:Records[5].body not JSON: EOF while parsing an object at line 1 column 1",
            "3:Records[0] aws.organizations \"MoveAccount\"",
            "4:Events[0].CloudTrailEvent aws.organizations \"MoveAccount\"",
            "4:Messages[0].Body hint 200000000001",
            "5:[0] aws.organizations \"MoveAccount\"",
        ]
        "#);
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_its_place() {
        insta::assert_debug_snapshot!(told(""), @r#"
        [
            "1: there is no event in it",
        ]
        "#);
        insta::assert_debug_snapshot!(told("{}\n7\n[]\n{\"Records\": []} {\"account\": 7}\n{"), @r#"
        [
            "1: neither an event of EventBridge, nor a record of CloudTrail, nor a message of Usher's queues",
            "2: neither an object nor a list",
            "3: an empty list",
            "4:Records an empty list",
            "4: the message is not a hint for an account: invalid type: integer, expected a string at line 1 column 12",
            "5: not JSON: EOF while parsing an object at line 5 column 1",
        ]
        "#);
    }

    #[test]
    fn what_is_wrapped_up_over_and_over_ends() {
        let mut text = delivered().to_string();
        for _ in 0..12 {
            text = json!({ "by": "x", "reason": "y", "payload": text }).to_string();
        }
        assert!(told(&text)[0].ends_with("wrapped up too often"));
        assert!(told(&"[".repeat(100_000))[0].contains("recursion limit"));
    }
}
