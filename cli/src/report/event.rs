//! What events lead to, as data.

use serde::Serialize;
use shared::{
    domain::{AccountId, Operation},
    events::AnyHint,
};

use crate::event_file::Place;

/// Everything that was found in a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    pub summary: EventSummary,
    pub events: Vec<EventTold>,
}

/// The file in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventSummary {
    /// Events that make Usher look at something again.
    pub hints: usize,
    pub ignored: usize,
    /// Messages of Usher's own queues.
    pub messages: usize,
    pub unreadable: usize,
}

/// One event, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventTold {
    pub place: Place,
    /// Such as `aws.organizations`; null for what is no event.
    pub source: Option<String>,
    /// The name of the call, or the kind of the event; null for what is no event.
    pub name: Option<String>,
    #[serde(flatten)]
    pub outcome: EventOutcome,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum EventOutcome {
    /// This is looked at again.
    Hint {
        hint: AnyHint,
        /// What every delivery of the same event has in common.
        event: String,
    },
    /// It leads to nothing.
    Ignored { why: String },
    /// It is a message of the inbox: this account is decided about.
    Account { account: AccountId, cause: String },
    /// It is a message about a request that takes long: AWS is asked how it stands.
    Request { operation: Operation, request: String },
    /// It is a message that wakes the engine.
    Wake,
    /// It can't be read, and would be parked.
    Unreadable { why: String },
}
