//! What tells which change an event tells of.

use jiff::Timestamp;
use serde_json::Value;
use simulator::LogEntry;

/// The sign of what no event has to tell: the clock does.
pub(super) const CLOCK: &str = "clock";

/// A call has its id, and so has its event.
pub(super) fn of_call(entry: &LogEntry) -> String {
    entry.request_id.to_string()
}

/// The requests of an identity provider have ids that nobody was told: they are known by their second.
pub(super) fn of_provider(at: Timestamp) -> String {
    provider(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn provider(event_time: &str) -> String {
    format!("provider {event_time}")
}

/// An account has been made.
pub(super) fn of_made(account: &str) -> String {
    format!("made {account}")
}

/// An account's tags were changed: the tag service tells it too.
pub(super) fn of_tags(account: &str, at: Timestamp) -> String {
    tags(account, &at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn tags(account: &str, time: &str) -> String {
    format!("tags {account} {time}")
}

/// All that an event is a sign of.
pub(super) fn of_event(event: &Value) -> Vec<String> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let mut signs: Vec<String> = text("/detail/requestID").map(str::to_owned).into_iter().collect();
    let time = text("/time").unwrap_or_default();
    if text("/source").is_some_and(|source| source.ends_with("scim")) {
        signs.push(provider(time));
    }
    signs.extend(text("/detail/serviceEventDetails/createAccountStatus/accountId").map(of_made));
    if text("/source") == Some("aws.tag")
        && let Some(account) = text("/resources/0").and_then(|arn| arn.rsplit('/').next())
    {
        signs.push(tags(account, time));
    }
    signs
}
