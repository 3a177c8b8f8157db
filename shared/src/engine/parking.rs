//! Parking: what can never be read is put aside with its reason, and no longer stands in anybody's way.

use std::time::Duration;

use crate::ports::{Clock, Message, PortError, Queue};

/// How much of an unreadable payload is kept, in bytes.
const KEPT: usize = 200 * 1024;

/// Something that could not be read, put aside for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// The function that could not read it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The payload, cut if it is very long.
    pub payload: String,
}

impl Parked {
    /// What is to be parked. The payload is kept as it came: it may be what shows the mistake.
    pub fn new(by: &str, reason: String, payload: &str) -> Self {
        let cut = payload.floor_char_boundary(KEPT.min(payload.len()));
        Self { by: by.to_owned(), reason, payload: payload.get(..cut).unwrap_or_default().to_owned() }
    }

    /// Puts it aside. An error means that it is not parked, and must not be acknowledged.
    pub async fn park(&self, queue: &dyn Queue, clock: &dyn Clock) -> Result<(), PortError> {
        let body = serde_json::to_string(self).map_err(|error| PortError::Refused(error.to_string()))?;
        tracing::error!(
            by = self.by,
            reason = self.reason,
            "{}: parked what cannot be read: {}",
            self.by,
            self.reason
        );
        let message = Message {
            group: self.by.clone(),
            deduplication: format!("parked-{}", clock.now().as_microsecond()),
            body,
            delay: Duration::ZERO,
        };
        queue.send(&[message]).await
    }
}
