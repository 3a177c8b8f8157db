//! Time, as an argument.

use std::time::Duration;

use jiff::Timestamp;

/// The only way to learn the time or to wait. Tests use virtual time.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The time now, UTC.
    fn now(&self) -> Timestamp;
    /// Waits this long.
    async fn sleep(&self, duration: Duration);
}
