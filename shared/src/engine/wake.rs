//! Waking the engine: "there is work in the ledger".

use std::time::Duration;

use jiff::Timestamp;

use crate::ports::{Message, PortError, Queue};

/// A wake, as it travels. The ledger is the list of work; a wake that is lost or repeated costs a look-up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wake {
    /// How many runs of the engine in a row have woken the next one.
    #[serde(default)]
    pub hops: u32,
}

/// After so many runs in a row that each woke the next, the engine waits for the next event or sweep.
const HOPS: u32 = 2_000;

impl Wake {
    /// A wake from outside the engine.
    pub fn first() -> Self {
        Self { hops: 0 }
    }

    /// The tick's wake: turned away by another engine, it need not come again, for the next tick does.
    pub(super) fn of_tick() -> Self {
        Self { hops: 1 }
    }

    /// Reads a message's body; anything unreadable is a first wake, since a wake says nothing but "look".
    pub fn from_body(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_else(|_| Self::first())
    }

    /// The wake that a run sends for the next one; `None` when there have been too many in a row.
    pub(super) fn next(&self) -> Option<Self> {
        (self.hops < HOPS).then_some(Self { hops: self.hops + 1 })
    }

    pub(super) async fn send(
        &self,
        queue: &dyn Queue,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), PortError> {
        let message = Message {
            group: "engine".into(),
            // Fresh each time: a wake must never be taken for an earlier one.
            deduplication: format!("wake-{}-{}", now.as_microsecond(), self.hops),
            body: serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?,
            delay: delay.min(Duration::from_mins(15)),
        };
        queue.send(&[message]).await
    }
}
