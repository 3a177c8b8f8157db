//! Queues: the FIFO inbox, and the ones that only wake.

use std::time::Duration;

use jiff::Timestamp;

use super::PortError;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// FIFO queues keep the order inside a group, and give out one batch of a group at a time. Up to 128 characters.
    pub group: String,
    /// FIFO queues drop a message whose id they have seen in the last five minutes, even if that one is already gone.
    pub deduplication: String,
    pub body: String,
    /// Not given out before this long; standard queues only, 15 minutes at most.
    pub delay: Duration,
}

/// A message received and not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub id: String,
    /// What acknowledges this delivery.
    pub receipt: String,
    pub group: Option<String>,
    pub body: String,
    /// How often it was delivered, this time included.
    pub receives: u32,
    /// When it was sent first, where the queue tells.
    pub sent_at: Option<Timestamp>,
}

/// A queue with SQS's guarantees: at least once, and for FIFO queues in order inside a group.
#[async_trait::async_trait]
pub trait Queue: Send + Sync {
    /// Sends all, or fails; after a failure some may have been sent.
    async fn send(&self, messages: &[Message]) -> Result<(), PortError>;
    /// Up to `max` messages (10 at most), hidden from others for `visibility`.
    async fn receive(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError>;
    /// Done with it.
    async fn acknowledge(&self, receipt: &str) -> Result<(), PortError>;
    /// Not done with it: visible again after `delay`.
    async fn release(&self, receipt: &str, delay: Duration) -> Result<(), PortError>;
}
