//! Wire JSON -> hint: what an event asks us to look at again.
//!
//! An event is never believed beyond the id it names: it may be late, repeated, out of order or forged, and all it can cost
//! is a look-up. Readers are tolerant of what they don't need, and say why they ignore what they ignore. Which event leads to
//! what is told in `docs/events.md`.

mod account;
mod control_tower;
mod layout;
mod organizations;
mod search;
mod tagging;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::{AccountId, InvalidId, OuId};
use layout::Layout;

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
    /// A few accounts: each that an event names, where it can't be told which one it is about.
    Accounts(BTreeSet<AccountId>),
    /// The OU and all below it.
    Ou(OuId),
    /// The same, and what is remembered of its name is no longer to be believed.
    RenamedOu(OuId),
    Everything,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Hint {
        hint: Hint,
        /// The same for every delivery of the same event: CloudTrail's `eventID`, else EventBridge's id. Empty if it has neither.
        event: String,
    },
    Ignored(Ignored),
}

/// Why an event leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    #[error("the call `{name}` failed with `{code}`")]
    FailedCall { name: String, code: String },
    #[error("the call `{name}` only reads")]
    ReadOnly { name: String },
    #[error("`{name}` reports `{state}`, so nothing has changed")]
    NotSucceeded { name: String, state: String },
    #[error("`{name}` is only the beginning: another event tells when the account is there")]
    NotYet { name: String },
    #[error("`{name}` of `{source_name}` does not change what accounts should have")]
    Unconcerned { source_name: String, name: String },
    #[error("`{name}` of `{source_name}` is not read yet: the sweep finds what it has changed")]
    Later { source_name: String, name: String },
    #[error("`{name}` of `{source_name}` is not known, and does not name exactly one account")]
    Unknown { source_name: String, name: String },
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

/// What a reader makes of an event that is its own.
type Found = Result<Result<Hint, Ignored>, EventError>;

/// A service whose calls and reports CloudTrail writes down.
struct Service {
    /// What EventBridge writes as the source.
    source: &'static str,
    /// What CloudTrail writes as the source.
    event_source: &'static str,
    /// Every event that is known by its name.
    names: &'static [(&'static str, Layout)],
}

/// The services of Identity Center, as EventBridge and CloudTrail name them: their events matter, and are not read yet.
const LATER: [&str; 5] =
    ["aws.sso", "aws.identitystore", "sso.amazonaws.com", "sso-directory.amazonaws.com", "identitystore"];

const SERVICES: [Service; 3] = [organizations::SERVICE, control_tower::SERVICE, account::SERVICE];

/// Every event that is known by its name, with EventBridge's name for its source. Of others, those that name exactly one account
/// lead to it.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_tags = [(tagging::SOURCE, tagging::DETAIL_TYPE)];
    SERVICES.iter().flat_map(|of| of.names.iter().map(|(name, _)| (of.source, *name))).chain(of_tags)
}

/// Whether events of this source are read at all: what lets events through need let through no others.
pub fn is_read(source: &str) -> bool {
    source == tagging::SOURCE || SERVICES.iter().any(|service| service.source == source)
}

/// Reads an event.
pub fn read(envelope: &Envelope) -> Result<Reading, EventError> {
    let detail = &envelope.detail;
    let text = |member: &str| detail.get(member).and_then(Value::as_str);
    let name = text("eventName").unwrap_or(&envelope.detail_type);
    if let Some(code) = detail.get("errorCode").filter(|code| !code.is_null()) {
        let code = short(code.as_str().unwrap_or("an error"));
        return Ok(Reading::Ignored(Ignored::FailedCall { name: short(name), code }));
    }
    let found = if envelope.source == tagging::SOURCE {
        tagging::read(envelope)?
    } else if let Some(service) = SERVICES.iter().find(|service| {
        service.source == envelope.source || text("eventSource") == Some(service.event_source)
    }) {
        read_of(service, name, envelope)?
    } else {
        let (source_name, name) = (short(&envelope.source), short(name));
        let is_later = |source: &str| LATER.iter().any(|later| source.starts_with(later));
        Err(if is_later(&envelope.source) || text("eventSource").is_some_and(is_later) {
            Ignored::Later { source_name, name }
        } else {
            Ignored::Unconcerned { source_name, name }
        })
    };
    let event = text("eventID").or(envelope.id.as_deref()).unwrap_or_default();
    Ok(match found {
        Ok(hint) => {
            Reading::Hint { hint, event: event.chars().filter(char::is_ascii_graphic).take(80).collect() }
        }
        Err(ignored) => Reading::Ignored(ignored),
    })
}

/// Reads an event of a service by what is known of its name.
fn read_of(service: &Service, name: &str, envelope: &Envelope) -> Found {
    match service.names.iter().find(|(known, _)| *known == name) {
        Some((_, layout)) => layout.read(service, name, envelope),
        None => Ok(unknown(service, name, envelope)),
    }
}

/// AWS adds events, and a look costs little: one that names exactly one account leads to it.
fn unknown(service: &Service, name: &str, envelope: &Envelope) -> Result<Hint, Ignored> {
    let reads = ["Describe", "List", "Get"].iter().any(|verb| name.starts_with(verb));
    if reads || envelope.detail.get("readOnly") == Some(&Value::Bool(true)) {
        return Err(Ignored::ReadOnly { name: short(name) });
    }
    match search::subject(envelope) {
        Some(hint @ Hint::Account(_)) => Ok(hint),
        _ => Err(Ignored::Unknown { source_name: short(service.source), name: short(name) }),
    }
}

/// Text from an event, short enough to print.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// An account, an OU or the root, as a resource that was tagged.
fn tagged(name: &str, resource: &str) -> Found {
    let invalid = |source| EventError::Invalid { name: short(name), source };
    Ok(if resource.starts_with("ou-") {
        Ok(Hint::Ou(resource.parse().map_err(invalid)?))
    } else if resource.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(Hint::Account(resource.parse().map_err(invalid)?))
    } else {
        // Policies are tagged too, and the root, by whose tags nothing selects.
        Err(Ignored::OtherResource { name: short(name), resource: short(resource) })
    })
}

#[cfg(test)]
mod tests;
