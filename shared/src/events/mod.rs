//! Wire JSON -> hint: what an event asks us to look at again.
//!
//! An event is never believed beyond the id it names: it may be late, repeated, out of order or forged, and all it can cost
//! is a look-up. Readers are tolerant of what they don't need, and say why they ignore what they ignore.

mod organizations;
mod tagging;

use serde_json::Value;

use crate::domain::{AccountId, InvalidId, OuId};

/// What an EventBridge rule's target receives, as far as we read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// EventBridge's id of this delivery.
    pub id: Option<String>,
    /// `aws.organizations`, `aws.tag`, …
    pub source: String,
    pub detail_type: String,
    pub resources: Vec<String>,
    pub detail: Value,
}

/// What to look at again; never what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    Account(AccountId),
    /// The OU and all below it.
    Ou(OuId),
    Everything,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Hint {
        hint: Hint,
        /// The same for every delivery of the same event: CloudTrail's `eventID`, else EventBridge's id.
        event: String,
    },
    Ignored(Ignored),
}

/// Why an event leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    #[error("the call `{name}` failed with `{code}`")]
    FailedCall { name: String, code: String },
    #[error("`{name}` reports `{state}`, so nothing has changed")]
    NotSucceeded { name: String, state: String },
    #[error("`{name}` of `{source_name}` does not change what accounts should have")]
    Unconcerned { source_name: String, name: String },
    #[error("`{name}` is about `{resource}`, which is neither an account nor an OU")]
    OtherResource { name: String, resource: String },
}

/// An event that should have led to a hint and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("`{name}` has no `{member}`")]
    Missing { name: String, member: &'static str },
    #[error("`{name}` names something unexpected")]
    Invalid { name: String, source: InvalidId },
}

/// Reads an event.
pub fn read(envelope: &Envelope) -> Result<Reading, EventError> {
    let detail = &envelope.detail;
    let text = |member: &str| detail.get(member).and_then(Value::as_str);
    if let (Some(name), Some(code)) = (text("eventName"), text("errorCode")) {
        return Ok(Reading::Ignored(Ignored::FailedCall { name: short(name), code: short(code) }));
    }
    let found = match (envelope.source.as_str(), text("eventSource")) {
        ("aws.tag", _) => tagging::read(envelope)?,
        ("aws.organizations", _) | (_, Some("organizations.amazonaws.com")) => organizations::read(detail)?,
        (source, _) => Err(Ignored::Unconcerned {
            source_name: short(source),
            name: short(text("eventName").unwrap_or(&envelope.detail_type)),
        }),
    };
    let event = text("eventID").or(envelope.id.as_deref()).unwrap_or_default();
    Ok(match found {
        Ok(hint) => {
            Reading::Hint { hint, event: event.chars().filter(char::is_ascii_graphic).take(80).collect() }
        }
        Err(ignored) => Reading::Ignored(ignored),
    })
}

/// Text from an event, short enough to print.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// An account, an OU or the root, as a resource that was tagged.
fn tagged(name: &str, resource: &str) -> Result<Result<Hint, Ignored>, EventError> {
    let invalid = |source| EventError::Invalid { name: short(name), source };
    Ok(if resource.starts_with("ou-") {
        Ok(Hint::Ou(resource.parse().map_err(invalid)?))
    } else if resource.starts_with("r-") {
        // Nothing selects by the root's tags.
        Err(Ignored::OtherResource { name: short(name), resource: short(resource) })
    } else if resource.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(Hint::Account(resource.parse().map_err(invalid)?))
    } else {
        Err(Ignored::OtherResource { name: short(name), resource: short(resource) })
    })
}

#[cfg(test)]
mod tests;
