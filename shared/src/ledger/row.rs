//! One row: one key, whose it is, and what is happening to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Approval, Hold, OverBudget};
use crate::domain::{AssignmentKey, Mode, Operation, RequestId, RuleId, RulesVersion};

/// Why something was decided: an event's id, a sweep, a command. Never the name of a person.
///
/// The cause of an event also says when that event was, where it is known: it goes along from the hint to the row, so that it can be told how
/// long access took. It is the same cause without.
#[derive(Debug, Clone)]
pub struct Cause {
    text: std::sync::Arc<str>,
    at: Option<Timestamp>,
}

/// What is between a cause and its time where both are stored: no cause has it in itself.
const BEFORE_TIME: char = ' ';

impl Cause {
    /// At most 128 characters are kept, and only printable ASCII: a cause comes from outside.
    pub fn new(kind: &str, id: &str) -> Self {
        let text: String = format!("{kind}:{id}").chars().filter(char::is_ascii_graphic).take(128).collect();
        Self { text: text.into(), at: None }
    }

    /// The same, with the time of the event that it is.
    #[must_use = "what it is made of stays as it is"]
    pub fn of_time(self, at: Option<Timestamp>) -> Self {
        Self { at, ..self }
    }

    /// `event:<id>`, `sweep:<id>` or `command:<id>`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When the event was, where that is known.
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cause {}

impl PartialOrd for Cause {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cause {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Cause {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl serde::Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.at {
            Some(at) => serializer.collect_str(&format_args!("{}{BEFORE_TIME}{at}", self.text)),
            None => serializer.serialize_str(&self.text),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Cause {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = String::deserialize(deserializer)?;
        Ok(match stored.split_once(BEFORE_TIME) {
            Some((text, at)) => Self { text: text.into(), at: at.parse().ok() },
            None => Self { text: stored.into(), at: None },
        })
    }
}

/// The fencing number of a lease: each taking has a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// The right to send writes to AWS, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub holder: String,
    pub fence: Fence,
    pub expires_at: Timestamp,
}

/// A decision to change a key, written before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Intent {
    /// When the facts were read that it was decided, or last confirmed, by. An intent older than fifteen minutes is decided again before it is sent.
    pub decided_at: Timestamp,
    /// Not to be sent before this time: it is backing off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Not to be sent from this time on: by then no rule wants it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Of the inputs of the decision: a blocked key is tried again when it changes.
    pub fingerprint: String,
    /// The engine that is sending it. Without a claim nothing has been sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

impl Intent {
    /// Whether it is too old to be sent, or what it is for is over: it is decided again instead.
    pub fn is_stale(&self, most: SignedDuration, now: Timestamp) -> bool {
        self.decided_at + most <= now || self.not_after.is_some_and(|end| end <= now)
    }
}

/// An engine's claim on an intent: from here on the request may be with AWS.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Claim {
    pub fence: Fence,
    pub at: Timestamp,
    /// AWS's id of the request, once it has answered. A claim without it may or may not have been sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// When the engine handed it over to be looked after by messages, because it takes long. From then on, only they end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<Timestamp>,
}

/// How long the messages that look after a request are believed to be on their way. After that the engine sends another.
const POLLED_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// What a row says about its key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// A grant is intended (`pending`), or claimed by an engine (`sending`).
    Granting(Intent),
    /// Proved to be made, or adopted, by Usher. The only state from which anything is deleted.
    Ours,
    /// Ours, and a revoke is intended or claimed.
    Closing(Intent),
    /// A tombstone: the assignment was ours and is gone, or was never made.
    Closed,
    /// Perhaps ours: never deleted automatically.
    Uncertain {
        /// Why it can't be said, in a sentence.
        reason: String,
        /// Requests of others may have made it as well as one of ours: no request of ours settles it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        contested: bool,
    },
    /// AWS refused for good: tried again when the fingerprint changes, or after `retry_at`.
    Blocked {
        operation: Operation,
        /// AWS's reason.
        reason: String,
        fingerprint: String,
        retry_at: Timestamp,
    },
    /// Ours, in an account that is not active: nothing is written until it is again.
    Dormant,
}

/// A key in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    pub key: AssignmentKey,
    /// Counts the writes of this row; 0 before the first.
    #[serde(default, skip_serializing)]
    pub version: u64,
    #[serde(flatten)]
    pub state: State,
    /// The rules that want the key, or were the last to want it, each with the mode that held for it.
    pub wanted_by: BTreeMap<RuleId, Mode>,
    /// The version of the rules by which it was last decided.
    pub rules: Option<RulesVersion>,
    pub cause: Cause,
    /// How often the present intent was sent.
    #[serde(default)]
    pub attempts: u32,
    /// How often in a row AWS has refused to take it beside something else that was under way. That costs no attempt: it ends some time.
    #[serde(default)]
    pub conflicts: u32,
    /// When the state last changed: for the settable lag a fresh row is believed over a list.
    pub changed_at: Timestamp,
    /// The first of the reads, one after the other, that did not find an assignment which should be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
    /// When the organization first said that it does not know the account, with no answer to the contrary since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departed_since: Option<Timestamp>,
    /// When a look first found, with none to the contrary since, that its principal no longer exists. A tombstone keeps it: an orphan was cleaned up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphaned_since: Option<Timestamp>,
    /// An earlier attempt may have had effect without AWS saying so. Of a grant: what is found there may be ours. Of a revoke
    /// that was put back: what is not found there may have been taken away by us.
    #[serde(default)]
    pub maybe_sent: bool,
    /// When a revoke of this key was last confirmed: lists that show it sooner than the lag after that are not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The request before the present one, so that it is not taken for the present one when requests are looked through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_request: Option<RequestId>,
    /// A request for the key that an event of a call of ours has named while AWS's answer to the engine was missing; once the row is ours by
    /// such an event, its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overheard: Option<RequestId>,
    /// The account is to be decided again as soon as what is under way has ended.
    #[serde(default)]
    pub look_again: bool,
    /// The last thing that went wrong, in AWS's words or ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Lets one operation through the budgets, once: an intent consumes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Nothing is written for the key. Only a person ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// A delete of it was held back by a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_budget: Option<OverBudget>,
}

impl State {
    /// The word that people read: `pending`, `sending`, `ours`, `closing`, `closed`, `uncertain`, `blocked` or `dormant`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Granting(Intent { claim: None, .. }) => "pending",
            Self::Granting(Intent { claim: Some(_), .. }) => "sending",
            Self::Ours => "ours",
            Self::Closing(_) => "closing",
            Self::Closed => "closed",
            Self::Uncertain { .. } => "uncertain",
            Self::Blocked { .. } => "blocked",
            Self::Dormant => "dormant",
        }
    }
}

impl Row {
    /// What is to be done, or is being done, to the key.
    pub fn work(&self) -> Option<(Operation, &Intent)> {
        match &self.state {
            State::Granting(intent) => Some((Operation::Grant, intent)),
            State::Closing(intent) => Some((Operation::Revoke, intent)),
            State::Ours
            | State::Closed
            | State::Uncertain { .. }
            | State::Blocked { .. }
            | State::Dormant => None,
        }
    }

    /// The engine's claim, if something may be with AWS right now.
    pub fn claim(&self) -> Option<&Claim> {
        self.work().and_then(|(_, intent)| intent.claim.as_ref())
    }

    /// Whether messages look after what is under way: the engine has nothing to do for it.
    pub fn is_handed_over(&self, now: Timestamp) -> bool {
        self.claim().and_then(|claim| claim.polled).is_some_and(|polled| polled + POLLED_FOR > now)
    }

    /// Whether there is something for the engine to do now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.work().is_some_and(|(_, intent)| intent.not_before.is_none_or(|time| time <= now))
            && !self.is_handed_over(now)
    }

    /// Whether the key is proved to be ours.
    pub fn is_ours(&self) -> bool {
        match &self.state {
            State::Ours | State::Closing(_) | State::Dormant => true,
            State::Blocked { operation, .. } => *operation == Operation::Revoke,
            State::Granting(_) | State::Closed | State::Uncertain { .. } => false,
        }
    }

    /// The same row with its intent changed; a row without one stays as it is.
    #[must_use = "a row is changed by writing it to the ledger"]
    pub fn map_intent(self, change: impl FnOnce(Intent) -> Intent) -> Self {
        let state = match self.state {
            State::Granting(intent) => State::Granting(change(intent)),
            State::Closing(intent) => State::Closing(change(intent)),
            other @ (State::Ours
            | State::Closed
            | State::Uncertain { .. }
            | State::Blocked { .. }
            | State::Dormant) => other,
        };
        Self { state, ..self }
    }

    /// Where the row stands in the order of work: what an engine has claimed first, then revokes, then grants, each with the
    /// oldest decision first. `None` for a row without work.
    pub fn work_order(&self) -> Option<String> {
        let (operation, intent) = self.work()?;
        let rank = match (&intent.claim, operation) {
            (Some(_), _) => 0,
            (None, Operation::Revoke) => 1,
            (None, Operation::Grant) => 2,
        };
        Some(format!("{}#{}", place_in_order(rank, intent.decided_at), self.key))
    }

    /// Where in that order the unclaimed work begins and ends that was decided no sooner than `since`: the revokes, then the grants.
    #[cfg(any(feature = "aws", feature = "local"))]
    pub(crate) fn work_decided_since(since: Timestamp) -> [(String, String); 2] {
        // A key comes after its `#`, and `~` after every digit.
        [1, 2].map(|rank| (place_in_order(rank, since), format!("{rank}#~")))
    }

    /// The same row in another state, changed at this time. A hold outlives every state. What is about a delete ends with what
    /// is ours, and what is about a create ends when it has become ours.
    #[must_use = "a row is changed by writing it to the ledger"]
    pub fn into_state(mut self, state: State, now: Timestamp) -> Self {
        self.state = state;
        self.changed_at = now;
        self.missing_since = None;
        self.departed_since = None;
        self.overheard = None;
        let operation = if self.is_ours() { Operation::Revoke } else { Operation::Grant };
        self.approval = self.approval.filter(|approval| approval.operation == operation);
        if !self.is_ours() {
            self.over_budget = None;
        }
        self
    }

    /// The approval that lets this operation through, decided now under these rules.
    pub fn approved(&self, operation: Operation, rules: &RulesVersion, now: Timestamp) -> Option<&Approval> {
        self.approval.as_ref().filter(|approval| approval.covers(operation, rules, now))
    }

    /// Whether the row is a tombstone that still says something: a hold, or an approval that is yet to be used.
    pub fn speaks(&self, now: Timestamp) -> bool {
        self.hold.is_some() || self.approval.as_ref().is_some_and(|approval| now < approval.expires_at)
    }
}

/// Fixed width, so that text order is time's order. Nothing was decided before 1970.
fn place_in_order(rank: u8, decided_at: Timestamp) -> String {
    format!("{rank}#{:020}", decided_at.as_nanosecond().max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_keeps_the_time_of_its_event_and_is_the_same_without() {
        let at: Timestamp = "2026-11-02T09:00:00.5Z".parse().unwrap();
        let (plain, timed) = (Cause::new("event", "a b"), Cause::new("event", "ab").of_time(Some(at)));
        assert_eq!(plain, timed);
        let stored = serde_json::to_value(&timed).unwrap();
        assert_eq!(stored, "event:ab 2026-11-02T09:00:00.5Z");
        let read: Cause = serde_json::from_value(stored).unwrap();
        assert_eq!((read.as_str(), read.at()), ("event:ab", Some(at)));
        assert_eq!(serde_json::to_value(&plain).unwrap(), "event:ab");
        let old: Cause = serde_json::from_value("sweep:2026-11-02".into()).unwrap();
        assert_eq!((old.as_str(), old.at()), ("sweep:2026-11-02", None));
    }
}
