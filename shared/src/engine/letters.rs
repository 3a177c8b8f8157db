//! Dead letters as they are found: put aside by a function with their cause, or moved by AWS without one.
//!
//! A queue's redrive moves what a function died over; an asynchronous invocation that failed for the last time leaves a record in the
//! failure destination; EventBridge leaves the event itself. All of them are read here, and say where they go when they are tried again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{AccountHint, Parked, PollMessage, parking::ParkedFor};
use crate::ports::{Clock, Message, PortError, Queue, Received};

/// The cause where only a queue knows that a message failed.
const UNKNOWN: &str = "unknown: the function died, or ran out of time, each time that it had the message";

/// So many empty answers one after the other mean that there is nothing more: one alone may be a part of the queue that has nothing.
const EMPTY_ANSWERS: u32 = 2;

/// How much of a text from outside is shown.
const SHOWN: usize = 300;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: String,
    /// What acknowledges it.
    pub receipt: String,
    /// When it was put aside, or sent where nobody kept that.
    pub at: Option<Timestamp>,
    /// The function that could not act on it; `None` if that can't be told.
    pub function: Option<String>,
    pub cause: String,
    /// What it is about, as far as it can be told.
    pub about: String,
    /// How often it was tried, where that was kept.
    pub tries: Option<u32>,
    /// What the function was given, as it came.
    pub payload: String,
    pub way: WayBack,
}

/// Where a letter goes when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// Back into a queue.
    Queue { queue: FedBy, group: String },
    /// To the function that reads such events.
    Event { function: String, event: Value },
    /// It can't be tried again, and why.
    None { why: String },
}

/// A queue that feeds a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FedBy {
    /// reconcile
    Inbox,
    /// provision
    Wake,
    /// poll-provisioning
    Polls,
}

impl FedBy {
    /// By the name of the function that it feeds.
    fn of(function: &str) -> Option<Self> {
        match function {
            "reconcile" => Some(Self::Inbox),
            "provision" => Some(Self::Wake),
            "poll-provisioning" => Some(Self::Polls),
            _ => None,
        }
    }

    fn function(self) -> &'static str {
        match self {
            Self::Inbox => "reconcile",
            Self::Wake => "provision",
            Self::Polls => "poll-provisioning",
        }
    }
}

impl Letter {
    /// Reads a message of a dead-letter queue: whatever it is, it is listed.
    pub fn read(received: &Received) -> Self {
        let Received { id, receipt, group, body, receives: _, sent_at } = received;
        let bare = Self {
            id: id.clone(),
            receipt: receipt.clone(),
            at: *sent_at,
            function: None,
            cause: UNKNOWN.to_owned(),
            about: "something that Usher does not send".to_owned(),
            tries: None,
            payload: body.clone(),
            way: WayBack::None { why: "it can't be told which function it was for".to_owned() },
        };
        if let Ok(parked) = serde_json::from_str::<Parked>(body) {
            return bare.parked(parked);
        }
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        if value.get("requestContext").is_some_and(Value::is_object) && value.get("requestPayload").is_some()
        {
            return bare.of_destination(&value);
        }
        if value.get("detail-type").is_some() && value.get("source").is_some() {
            let cause = "unknown: EventBridge could not give it to a function".to_owned();
            return Self { cause, ..bare.of_event(None, value) };
        }
        bare.of_queue(group.as_deref())
    }

    /// The same as a function would have put it aside.
    pub fn to_parked(&self) -> Parked {
        let (by, group) = match &self.way {
            WayBack::Queue { queue, group } => (queue.function().to_owned(), Some(group.clone())),
            WayBack::Event { function, event: _ } => (function.clone(), None),
            WayBack::None { .. } => (self.function.clone().unwrap_or_default(), None),
        };
        let letter = Parked::failed(&by, &self.cause, &self.payload, self.tries.unwrap_or_default());
        Parked { at: self.at, ..letter.of_group(group.as_deref()) }
    }

    /// Put aside by a function.
    fn parked(self, parked: Parked) -> Self {
        let Parked { by, reason, payload, parked_for, is_cut, at, tries, group } = parked;
        let cause = match parked_for {
            ParkedFor::Unreadable => format!("it can't be read: {reason}"),
            ParkedFor::Failed => reason,
        };
        let bare = Self { payload: payload.clone(), ..self };
        let mut letter = match (FedBy::of(&by), serde_json::from_str::<Value>(&payload)) {
            (Some(queue), _) => {
                let group = group.unwrap_or_else(|| by.clone());
                Self { about: about_message(&payload), way: WayBack::Queue { queue, group }, ..bare }
            }
            (None, Ok(event)) => bare.of_event(Some(&by), event),
            (None, Err(_)) => {
                let why = "what is left of it is no event".to_owned();
                Self { about: "an event".to_owned(), way: WayBack::None { why }, ..bare }
            }
        };
        if is_cut {
            let why = "it was too long to be kept whole".to_owned();
            letter.way = WayBack::None { why };
        }
        Self { function: Some(by), cause, tries, at: at.or(letter.at), ..letter }
    }

    /// An asynchronous invocation that failed for the last time (Lambda developer guide, "capturing records of asynchronous invocations").
    fn of_destination(self, record: &Value) -> Self {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        // `arn:aws:lambda:<region>:<account>:function:<name>:<version>`; the name may have a prefix of the installation.
        let function = text("/requestContext/functionArn").and_then(|arn| arn.split(':').nth(6));
        let said = text("/responsePayload/errorMessage").or(text("/responseContext/functionError"));
        let condition = text("/requestContext/condition").unwrap_or("it failed");
        let cause = match said {
            Some(said) => shown(said),
            None => format!("unknown: {}", shown(condition)),
        };
        let tries = record.pointer("/requestContext/approximateInvokeCount").and_then(Value::as_u64);
        let event = record.get("requestPayload").cloned().unwrap_or_default();
        let at = text("/timestamp").and_then(|at| at.parse().ok());
        let letter = self.of_event(function, event);
        Self { at: at.or(letter.at), cause, tries: tries.and_then(|tries| tries.try_into().ok()), ..letter }
    }

    /// An event, with the function that had it as far as that is known.
    fn of_event(self, function: Option<&str>, event: Value) -> Self {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let name = text("/detail/eventName").or(text("/detail-type")).map_or("an event".to_owned(), shown);
        let about = match text("/detail/eventID").or(text("/id")) {
            Some(id) => format!("{name} ({})", shown(id)),
            None => name,
        };
        let payload = event.to_string();
        let way = WayBack::Event { function: function.unwrap_or_default().to_owned(), event };
        Self { function: function.map(str::to_owned), about, payload, way, ..self }
    }

    /// What a queue moved away by itself: the message as it was sent.
    fn of_queue(self, group: Option<&str>) -> Self {
        let queue = if AccountHint::from_body(&self.payload).is_ok() {
            FedBy::Inbox
        } else if PollMessage::from_body(&self.payload).is_ok() {
            FedBy::Polls
        } else if is_wake(&self.payload) {
            FedBy::Wake
        } else {
            return self;
        };
        let function = queue.function();
        let group = group.map_or_else(|| group_of(queue, &self.payload), str::to_owned);
        let about = about_message(&self.payload);
        Self { function: Some(function.to_owned()), about, way: WayBack::Queue { queue, group }, ..self }
    }
}

/// What a message is about.
fn about_message(body: &str) -> String {
    if let Ok(hint) = AccountHint::from_body(body) {
        return format!("account {} ({})", hint.account, hint.cause.as_str());
    }
    match PollMessage::from_body(body) {
        Ok(PollMessage::Assignment(poll)) => {
            format!("request {} ({} {})", poll.request, poll.operation, poll.key)
        }
        Ok(PollMessage::Provisioning(poll)) => {
            format!("request {} (to provision {})", poll.request, poll.permission_set)
        }
        Err(_) if is_wake(body) => "a wake of the engine".to_owned(),
        Err(_) => "a message that can't be read".to_owned(),
    }
}

/// The group that a message travels in, where the queue that it was found in tells none.
fn group_of(queue: FedBy, body: &str) -> String {
    match queue {
        FedBy::Inbox => {
            AccountHint::from_body(body).map_or_else(|_| "retried".into(), |hint| hint.account.to_string())
        }
        FedBy::Wake | FedBy::Polls => "retried".to_owned(),
    }
}

fn is_wake(body: &str) -> bool {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    value.get("hops").is_some_and(Value::is_u64)
}

/// A text from outside, on one line and not too long.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// The queues that letters go back to.
#[derive(Clone, Copy)]
pub struct Queues<'a> {
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
    pub polls: &'a dyn Queue,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Queues<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

impl Queues<'_> {
    /// Sends a letter's payload into the queue that it came from, as a new message: its old id may still be known there, and it would be
    /// taken for a repetition.
    pub async fn send(&self, letter: &Letter, queue: FedBy, group: &str) -> Result<(), PortError> {
        let message = Message {
            group: group.to_owned(),
            deduplication: format!("retried-{}-{:.80}", self.clock.now().as_microsecond(), letter.id),
            body: letter.payload.clone(),
            delay: Duration::ZERO,
        };
        let queue = match queue {
            FedBy::Inbox => self.inbox,
            FedBy::Wake => self.wake,
            FedBy::Polls => self.polls,
        };
        queue.send(&[message]).await
    }
}

/// Reads every letter of a dead-letter queue, and leaves them there. Meanwhile nobody else sees them; if the queue fails in between, what
/// was found is given back.
pub async fn letters(queue: &dyn Queue, hidden: Duration) -> Result<Vec<Letter>, PortError> {
    let (mut letters, mut empty) = (Vec::new(), 0);
    while empty < EMPTY_ANSWERS {
        match queue.receive(10, hidden).await {
            Ok(received) => {
                empty = if received.is_empty() { empty + 1 } else { 0 };
                letters.extend(received.iter().map(Letter::read));
            }
            Err(error) => {
                for Letter { receipt, .. } in &letters {
                    if let Err(error) = queue.release(receipt, Duration::ZERO).await {
                        tracing::warn!(%error, "a dead letter stays hidden for a while");
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{Poll, ProvisioningPoll},
        *,
    };
    use crate::domain::{AccountId, AssignmentKey, Operation, Principal, ProvisioningTarget};

    fn read(body: &str) -> Letter {
        Letter::read(&Received {
            id: "m-1".into(),
            receipt: "r".into(),
            group: None,
            body: body.to_owned(),
            receives: 1,
            sent_at: None,
        })
    }

    fn hint() -> String {
        json!({ "account": "111122223333", "cause": "event:e-1", "at": "2026-11-21T12:00:00Z" }).to_string()
    }

    fn to_inbox(group: &str) -> WayBack {
        WayBack::Queue { queue: FedBy::Inbox, group: group.to_owned() }
    }

    #[test]
    fn a_letter_of_a_function_says_its_cause_and_goes_back_into_its_queue() {
        let parked = Parked::failed("reconcile", "AWS is away", &hint(), 5).of_group(Some("111122223333"));
        let letter = read(&serde_json::to_string(&parked).unwrap());
        assert_eq!((letter.function.as_deref(), letter.tries), (Some("reconcile"), Some(5)));
        assert_eq!(
            (letter.cause.as_str(), letter.about.as_str()),
            ("AWS is away", "account 111122223333 (event:e-1)")
        );
        assert_eq!((letter.way, letter.payload), (to_inbox("111122223333"), hint()));
    }

    #[test]
    fn what_an_older_usher_put_aside_is_read_too() {
        let letter = read(r#"{"by": "on-account-event", "reason": "no id", "payload": "{\"id\": \"e-2\"}"}"#);
        assert_eq!(letter.cause, "it can't be read: no id");
        let event = json!({ "id": "e-2" });
        assert_eq!(letter.way, WayBack::Event { function: "on-account-event".to_owned(), event });
        assert_eq!(letter.about, "an event (e-2)");
    }

    #[test]
    fn what_was_cut_cannot_be_tried_again() {
        let long = Parked::new("reconcile", "no JSON", &"x".repeat(300 * 1024));
        let letter = read(&serde_json::to_string(&long).unwrap());
        assert!(matches!(letter.way, WayBack::None { why } if why.contains("too long")));
        let no_event = Parked::new("on-group-event", "no JSON", "{");
        let letter = read(&serde_json::to_string(&no_event).unwrap());
        assert!(matches!(letter.way, WayBack::None { why } if why.contains("no event")));
    }

    #[test]
    fn a_message_that_a_queue_moved_is_known_by_its_form_and_has_no_cause() {
        let letter = read(&hint());
        assert_eq!((letter.function.as_deref(), &letter.way), (Some("reconcile"), &to_inbox("111122223333")));
        assert!(letter.cause.starts_with("unknown: "), "{}", letter.cause);
        let wake = read(r#"{"hops": 3}"#);
        assert_eq!(
            (wake.function.as_deref(), wake.about.as_str()),
            (Some("provision"), "a wake of the engine")
        );
    }

    #[test]
    fn a_request_to_look_after_goes_back_whatever_it_is_about() {
        let request = "f10fac16-ab5b-45c3-86c1-0123456789ab";
        let set = "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-0123456789abcdef";
        let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let account: AccountId = "111122223333".parse().unwrap();
        let assignment = Poll {
            key: AssignmentKey {
                account: account.clone(),
                permission_set: set.parse().unwrap(),
                principal: Principal::Group(request.parse().unwrap()),
            },
            operation: Operation::Grant,
            request: request.parse().unwrap(),
            since: at,
        };
        let provisioning = ProvisioningPoll {
            permission_set: set.parse().unwrap(),
            began: at,
            target: ProvisioningTarget::Account(account),
            claimed_at: at,
            request: request.parse().unwrap(),
        };
        let (assignment, provisioning) = (json!(assignment), json!({ "provisioning": provisioning }));
        for (body, about) in [
            (assignment.to_string(), "(grant 111122223333 ps-"),
            (provisioning.to_string(), "(to provision arn:aws:sso:::permissionSet/"),
        ] {
            let moved = read(&body);
            let way = WayBack::Queue { queue: FedBy::Polls, group: "retried".to_owned() };
            assert_eq!((moved.function.as_deref(), &moved.way), (Some("poll-provisioning"), &way), "{body}");
            let parked = Parked::failed("poll-provisioning", "no", &body, 5);
            let parked = read(&serde_json::to_string(&parked).unwrap());
            for letter in [moved, parked] {
                assert!(letter.about.contains(request) && letter.about.contains(about), "{}", letter.about);
                assert_eq!(letter.payload, body);
            }
        }
    }

    #[test]
    fn a_record_of_a_failed_invocation_says_what_lambda_knows() {
        let record = json!({
            "version": "1.0", "timestamp": "2026-11-21T12:00:00.000Z",
            "requestContext": {
                "requestId": "r", "functionArn": "arn:aws:lambda:eu-central-1:111122223333:function:on-rules-change:$LATEST",
                "condition": "RetriesExhausted", "approximateInvokeCount": 3,
            },
            "requestPayload": { "id": "e-3", "detail-type": "Object Created", "source": "aws.s3", "detail": {} },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "responsePayload": { "errorType": "x", "errorMessage": "cannot act on the event: no" },
        });
        let letter = read(&record.to_string());
        assert_eq!((letter.function.as_deref(), letter.tries), (Some("on-rules-change"), Some(3)));
        assert_eq!(letter.cause, "cannot act on the event: no");
        assert_eq!(letter.about, "Object Created (e-3)");
        assert!(matches!(letter.way, WayBack::Event { function, .. } if function == "on-rules-change"));
        let mute = json!({ "requestContext": {}, "requestPayload": {} });
        assert_eq!(read(&mute.to_string()).cause, "unknown: it failed");
    }

    #[test]
    fn an_event_that_was_never_delivered_is_an_event() {
        let event = json!({ "id": "e-4", "detail-type": "x", "source": "aws.organizations", "detail": {} });
        let letter = read(&event.to_string());
        assert_eq!(letter.way, WayBack::Event { function: String::new(), event });
        assert!(letter.cause.contains("EventBridge"), "{}", letter.cause);
    }

    #[test]
    fn whatever_else_is_there_is_listed_and_stays() {
        for body in ["", "{", "[]", "\"alba\"", r#"{"by": 1}"#, "null"] {
            let letter = read(body);
            assert!(matches!(letter.way, WayBack::None { .. }), "{body}");
            assert_eq!(letter.function, None);
        }
    }
}
