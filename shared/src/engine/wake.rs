//! Waking the engine: "there is work in the ledger".

use std::time::Duration;

use jiff::Timestamp;

use super::provisioner::latency::Latency;
use crate::ports::{Message, PortError, Queue};

/// A wake, as it travels. The ledger is the list of work; a wake that is lost or repeated costs a look-up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wake {
    /// How many runs of the engine in a row have woken the next one.
    #[serde(default)]
    pub hops: u32,
    /// What the run that sent it has learned, so that the next one goes on where it left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// What a run of the engine learns of AWS. It is a start for the next run and nothing more: whatever of it is wrong by then is soon
/// noticed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Learned {
    /// How long grants take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grants: Option<Latency>,
    /// The same of revokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revokes: Option<Latency>,
    /// AWS's lists of requests hide what has ended.
    #[serde(default)]
    pub(super) distrusts: bool,
    /// How many places of the window others leave to us, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<usize>,
    /// The rate that others leave to us, and the one that was refused, in thousandths of a call a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<(u32, u32)>,
    /// Until when AWS is believed to refuse a second role update in an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) strict_until: Option<Timestamp>,
}

/// After so many runs in a row that each woke the next, the engine waits for the next event or sweep.
const HOPS: u32 = 2_000;

impl Wake {
    /// A wake from outside the engine.
    pub fn first() -> Self {
        Self { hops: 0, learned: None }
    }

    /// The tick's wake: turned away by another engine, it need not come again, for the next tick does.
    pub(super) fn of_tick() -> Self {
        Self { hops: 1, learned: None }
    }

    /// Reads a message's body; anything unreadable is a first wake, since a wake says nothing but "look".
    pub fn from_body(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_else(|_| Self::first())
    }

    /// Several wakes that came at once, as one: a wake from outside begins a new chain, and what was learned stays.
    pub fn together(wakes: impl IntoIterator<Item = Self>) -> Self {
        let together = |a: Self, b: Self| Self { hops: a.hops.min(b.hops), learned: a.learned.or(b.learned) };
        wakes.into_iter().reduce(together).unwrap_or_else(Self::first)
    }

    /// The wake that a run sends for the next one; `None` when there have been too many in a row.
    pub(super) fn next(&self) -> Option<Self> {
        (self.hops < HOPS).then(|| Self { hops: self.hops + 1, learned: None })
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
