//! Wire JSON -> hint: what an event asks us to look at again.
//!
//! An event is never believed beyond the id it names: it may be late, repeated, out of order or forged, and all it can cost
//! is a look-up. Readers are tolerant of what they don't need, and say why they ignore what they ignore. Which event leads to
//! what is told in `docs/events.md`.
//!
//! What all events have in common is read here and in `event`; what differs is told by the tables of each source, and by the
//! layouts of each family, which say where an event names what it is about.

mod account;
mod control_tower;
mod directory;
mod event;
mod family;
mod hint;
mod layout;
mod organizations;
mod permission_set;
mod search;
mod self_test;
mod tagging;
mod upload;

use jiff::Timestamp;
use serde_json::Value;

use event::{Event, short};
pub use family::Family;
pub use hint::{AnyHint, DirectoryHint, Hint, PermissionSetHint};
pub use self_test::{
    SELF_TEST, is_of_self_test, read_self_test, self_test_detail, self_test_route, self_test_type,
};
pub use upload::{Uploaded, is_of_upload, read_upload};

/// What an EventBridge rule's target receives, as far as we read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// EventBridge's id of this delivery.
    pub id: Option<String>,
    /// When it happened, as EventBridge says.
    pub time: Option<Timestamp>,
    /// `aws.organizations`, `aws.tag`, …
    pub source: String,
    pub detail_type: String,
    pub resources: Vec<String>,
    pub detail: Value,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<H> {
    Hint {
        hint: H,
        /// The same for every delivery of the same event: CloudTrail's `eventID`, else EventBridge's id. Empty if it has neither.
        event: String,
        /// The ARN of the role that made the call, by which calls of our own are told apart; of other callers nothing is taken.
        caller_role: Option<String>,
    },
    Ignored(Ignored),
}

impl<H> Reading<H> {
    fn map<T>(self, into: impl FnOnce(H) -> T) -> Reading<T> {
        match self {
            Self::Hint { hint, event, caller_role } => Reading::Hint { hint: into(hint), event, caller_role },
            Self::Ignored(why) => Reading::Ignored(why),
        }
    }
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
    #[error("`{name}` of `{source_name}` is read by `{}`", family.function())]
    Elsewhere { source_name: String, name: String, family: Family },
    #[error("`{name}` of `{source_name}` names nothing to look at: the sweep finds what it has changed")]
    ForTheSweep { source_name: String, name: String },
    #[error("`{name}` of `{source_name}` is not known, and does not name exactly one {subject}")]
    Unknown { source_name: String, name: String, subject: &'static str },
    #[error("it is a self-test: that it came is written down, and nothing is looked at")]
    SelfTest,
    #[error("`{name}` is about `{resource}`, which is {is}")]
    OtherResource { name: String, resource: String, is: &'static str },
}

/// An event that should have led to a hint and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("`{name}` has no `{member}`")]
    Missing { name: String, member: &'static str },
    #[error("`{name}` hides its `{member}`")]
    Hidden { name: String, member: &'static str },
    /// What it names instead is not told: it may be the name of a person, and reasons are logged.
    #[error("`{name}` names something unexpected, not {expected}")]
    Invalid { name: String, expected: &'static str },
}

/// What a reader makes of an event that is its own.
type Found<H> = Result<Result<H, Ignored>, EventError>;

/// How the events of a family name what they are about.
trait Layout: Copy + 'static {
    type Hint;
    const FAMILY: Family;
    /// Where the family's events come from.
    const SERVICES: &'static [Service<Self>];
    /// What an event of unknown name should name one of.
    const SUBJECT: &'static str;

    /// Reads an event that is laid out so.
    fn read(self, event: &Event<'_>) -> Found<Self::Hint>;

    /// What an event of unknown name is about, if it names exactly one thing.
    fn of_unknown(event: &Event<'_>) -> Option<Self::Hint>;
}

/// A service whose calls and reports CloudTrail writes down.
struct Service<L: 'static> {
    /// What EventBridge writes as the source.
    source: &'static str,
    /// What CloudTrail writes as the source; `None` for what does not come by CloudTrail.
    event_source: Option<&'static str>,
    /// Every event that is known by its name.
    names: &'static [(&'static str, L)],
}

/// What is told of the call behind an event, beyond what it is about; no names of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The call's name.
    pub name: String,
    /// The kind of caller, in CloudTrail's words, such as `AssumedRole`; empty where the event doesn't tell.
    pub by: String,
    /// The role of the caller's session, by its ARN; empty where there is none.
    pub role: String,
    /// When it was made, where the event tells.
    pub at: Option<Timestamp>,
}

/// What an event tells of its call.
pub fn told(envelope: &Envelope) -> Told {
    let text = |place| event::text(&envelope.detail, place);
    let is_word = |text: &&str| text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Told {
        name: short(event::name(envelope)),
        by: text("/userIdentity/type").filter(is_word).unwrap_or_default().to_owned(),
        role: event::caller_role(&envelope.detail).unwrap_or_default().to_owned(),
        at: text("/eventTime").and_then(|time| time.parse().ok()).or(envelope.time),
    }
}

/// Whether events of this source can be about accounts: what lets events through to `on-account-event` need let through no
/// others.
pub fn is_read(source: &str) -> bool {
    layout::Layout::SERVICES.iter().any(|service| service.source == source)
}

/// Reads an event as `on-account-event` does.
pub fn read(envelope: &Envelope) -> Result<Reading<Hint>, EventError> {
    read_as::<layout::Layout>(envelope)
}

/// Reads an event of groups and users, whichever of the three ways it came by.
pub fn read_directory(envelope: &Envelope) -> Result<Reading<DirectoryHint>, EventError> {
    read_as::<directory::Layout>(envelope)
}

/// Reads an event of permission sets and their assignments.
pub fn read_permission_set(envelope: &Envelope) -> Result<Reading<PermissionSetHint>, EventError> {
    read_as::<permission_set::Layout>(envelope)
}

/// Reads an event as the function does that it is for.
pub fn read_any(envelope: &Envelope) -> Result<Reading<AnyHint>, EventError> {
    if is_of_upload(envelope) {
        return Ok(read_upload(envelope)?.map(AnyHint::Upload));
    }
    Ok(match Family::of(envelope) {
        Some(Family::Directory) => read_directory(envelope)?.map(AnyHint::Directory),
        Some(Family::PermissionSets) => read_permission_set(envelope)?.map(AnyHint::PermissionSet),
        Some(Family::Accounts) | None => read(envelope)?.map(AnyHint::Account),
    })
}

fn read_as<L: Layout>(envelope: &Envelope) -> Result<Reading<L::Hint>, EventError> {
    if is_of_self_test(envelope) {
        return Ok(Reading::Ignored(Ignored::SelfTest));
    }
    let name = event::name(envelope);
    if let Some(code) = event::failure(envelope) {
        return Ok(Reading::Ignored(Ignored::FailedCall { name: short(name), code }));
    }
    if event::is_of_cloudtrail(envelope) && event::text(&envelope.detail, "/eventName").is_none() {
        return Err(EventError::Missing { name: short(name), member: "eventName" });
    }
    let (source_name, short_name) = (short(&envelope.source), short(name));
    let service = family::service(L::SERVICES, envelope);
    let found = match Family::of(envelope) {
        Some(family) if family != L::FAMILY => {
            Err(Ignored::Elsewhere { source_name, name: short_name, family })
        }
        Some(_) | None => match service {
            Some(service) => read_of(service, name, envelope)?,
            None => Err(Ignored::Unconcerned { source_name, name: short_name }),
        },
    };
    Ok(match found {
        Ok(hint) => Reading::Hint {
            hint,
            event: event::id(envelope),
            caller_role: event::caller_role(&envelope.detail).map(str::to_owned),
        },
        Err(ignored) => Reading::Ignored(ignored),
    })
}

/// Reads an event of a service by what is known of its name. AWS adds events, and a look costs little: one of unknown name that
/// names exactly one thing leads to it.
fn read_of<L: Layout>(service: &Service<L>, name: &str, envelope: &Envelope) -> Found<L::Hint> {
    let event = Event { source: service.source, name, envelope };
    if let Some((_, layout)) = service.names.iter().find(|(known, _)| *known == name) {
        return layout.read(&event);
    }
    if event.only_reads() {
        return Ok(Err(Ignored::ReadOnly { name: short(name) }));
    }
    Ok(L::of_unknown(&event).ok_or_else(|| Ignored::Unknown {
        source_name: service.source.to_owned(),
        name: short(name),
        subject: L::SUBJECT,
    }))
}

#[cfg(test)]
mod tests;
