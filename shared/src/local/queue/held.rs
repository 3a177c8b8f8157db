//! What a queue holds.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{DEDUPLICATION, Faults, Kind};
use crate::{
    clock::later,
    ports::{Message, Received},
};

/// A message in a queue.
pub(super) struct Held {
    pub(super) id: String,
    pub(super) message: Message,
    pub(super) sent_at: Timestamp,
    /// Not given out before this time.
    pub(super) visible_at: Timestamp,
    /// Received, and not acknowledged; over when it becomes visible again.
    pub(super) in_flight: bool,
    pub(super) receives: u32,
}

impl Held {
    /// Gives it out, hidden from others until this time.
    pub(super) fn deliver(&mut self, until: Timestamp, kind: Kind) -> Received {
        self.receives = self.receives.saturating_add(1);
        self.in_flight = true;
        self.visible_at = until;
        Received {
            id: self.id.clone(),
            receipt: format!("{}#{}", self.id, self.receives),
            group: match kind {
                Kind::Fifo => Some(self.message.group.clone()),
                Kind::Standard => None,
            },
            body: self.message.body.clone(),
            receives: self.receives,
            sent_at: Some(self.sent_at),
        }
    }
}

/// A queue's content.
#[derive(Default)]
pub(super) struct State {
    sent: u64,
    /// In the order in which they were sent.
    pub(super) messages: Vec<Held>,
    /// Deduplication ids, and when each was first used.
    seen: BTreeMap<String, Timestamp>,
    pub(super) faults: Faults,
}

impl State {
    /// Drops what is past its time: messages, and the memory of deduplication ids.
    pub(super) fn sweep(&mut self, now: Timestamp, retention: Duration) {
        self.messages.retain(|held| later(held.sent_at, retention) > now);
        self.seen.retain(|_, first| later(*first, DEDUPLICATION) > now);
    }

    /// Whether this id is new. A repeated one doesn't begin a new window.
    pub(super) fn first_seen(&mut self, deduplication: &str, now: Timestamp) -> bool {
        if self.seen.contains_key(deduplication) {
            return false;
        }
        self.seen.insert(deduplication.to_owned(), now);
        true
    }

    pub(super) fn next_id(&mut self) -> String {
        self.sent += 1;
        format!("message-{}", self.sent)
    }

    pub(super) fn push(&mut self, id: String, message: Message, sent_at: Timestamp, visible_at: Timestamp) {
        self.messages.push(Held { id, message, sent_at, visible_at, in_flight: false, receives: 0 });
    }

    pub(super) fn find(&mut self, id: &str) -> Option<&mut Held> {
        self.messages.iter_mut().find(|held| held.id == id)
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Held> {
        let at = self.messages.iter().position(|held| held.id == id)?;
        Some(self.messages.remove(at))
    }
}
