//! What all events have in common, whatever they are about.

use std::str::FromStr;

use serde_json::Value;

use super::{Envelope, EventError, Ignored};
use crate::domain::InvalidId;

/// What Identity Center's events have in place of what they hide.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What the names of calls that only read begin with.
const READS: [&str; 6] = ["Describe", "List", "Get", "BatchGet", "Search", "IsMemberIn"];

/// The longest ARN of a role: its path has up to 512 characters, its name up to 64.
const LONGEST_ROLE: usize = 640;

/// An event of a service that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    /// The service, as EventBridge names it.
    pub(super) source: &'static str,
    pub(super) name: &'a str,
    pub(super) envelope: &'a Envelope,
}

impl<'a> Event<'a> {
    pub(super) fn detail(&self) -> &'a Value {
        &self.envelope.detail
    }

    /// The text at a place: a JSON pointer into the event's `detail`.
    pub(super) fn text(&self, place: &str) -> Option<&'a str> {
        text(self.detail(), place)
    }

    /// The id at a place; `None` if there is none, or something that stands for what is hidden.
    pub(super) fn id_at<T: FromStr<Err = InvalidId>>(&self, place: &str) -> Result<Option<T>, EventError> {
        let id = self.text(place).filter(|text| !is_hidden(text));
        id.map(|text| self.parsed(bare(text))).transpose()
    }

    pub(super) fn parsed<T: FromStr<Err = InvalidId>>(&self, text: &str) -> Result<T, EventError> {
        let invalid = |InvalidId { expected, .. }| EventError::Invalid { name: short(self.name), expected };
        text.parse().map_err(invalid)
    }

    /// Nowhere is what should be at this place.
    pub(super) fn without(&self, place: &'static str) -> EventError {
        let (name, member) = (short(self.name), place.rsplit('/').next().unwrap_or(place));
        match self.text(place) {
            Some(text) if is_hidden(text) => EventError::Hidden { name, member },
            Some(_) | None => EventError::Missing { name, member },
        }
    }

    pub(super) fn missing(&self, member: &'static str) -> EventError {
        EventError::Missing { name: short(self.name), member }
    }

    pub(super) fn only_reads(&self) -> bool {
        READS.iter().any(|verb| self.name.starts_with(verb))
            || self.detail().get("readOnly") == Some(&Value::Bool(true))
    }

    /// Nothing that rules select by changes.
    pub(super) fn unconcerned(&self) -> Ignored {
        Ignored::Unconcerned { source_name: self.source.to_owned(), name: short(self.name) }
    }

    /// Much may change, and nothing is named.
    pub(super) fn for_the_sweep(&self) -> Ignored {
        Ignored::ForTheSweep { source_name: self.source.to_owned(), name: short(self.name) }
    }
}

/// The name of the call or report, else the kind of the event.
pub(super) fn name(envelope: &Envelope) -> &str {
    text(&envelope.detail, "/eventName").unwrap_or(&envelope.detail_type)
}

/// Whether it is a line of CloudTrail's, which always names its call or report.
pub(super) fn is_of_cloudtrail(envelope: &Envelope) -> bool {
    envelope.detail_type.ends_with(" via CloudTrail")
}

/// Why the call failed, if it did.
pub(super) fn failure(envelope: &Envelope) -> Option<String> {
    let code = envelope.detail.get("errorCode").filter(|code| !code.is_null())?;
    Some(short(code.as_str().unwrap_or("an error")))
}

/// What every delivery of the same event has in common.
pub(super) fn id(envelope: &Envelope) -> String {
    let id = text(&envelope.detail, "/eventID").or(envelope.id.as_deref()).unwrap_or_default();
    id.chars().filter(char::is_ascii_graphic).take(80).collect()
}

/// The role of the session that made the call. The session's own name is often a person's, and the issuer of other sessions may be
/// a person's IAM user: neither is taken.
pub(super) fn caller_role(detail: &Value) -> Option<&str> {
    text(detail, "/userIdentity/sessionContext/sessionIssuer/arn").filter(|arn| {
        arn.len() <= LONGEST_ROLE
            && arn.bytes().all(|byte| byte.is_ascii_graphic())
            && arn.strip_prefix("arn:").is_some_and(|arn| arn.contains(":iam::") && arn.contains(":role/"))
    })
}

/// Text from an event, short enough to print.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

pub(super) fn text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place).and_then(Value::as_str)
}

pub(super) fn is_hidden(text: &str) -> bool {
    text == HIDDEN
}

/// The id in an ARN of the identity store such as `arn:aws:identitystore:::group/<id>`, which stands wherever an id does; any other
/// text as it is.
pub(super) fn bare(text: &str) -> &str {
    let is_arn = text.starts_with("arn:") && text.contains(":identitystore:");
    if is_arn { text.rsplit('/').next().unwrap_or(text) } else { text }
}
