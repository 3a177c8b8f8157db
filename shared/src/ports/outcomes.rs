//! Where outcomes are told.

use super::PortError;
use crate::outcome::Outcome;

/// What became of an outcome that was put on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is on the bus, and need not be told again.
    Taken,
    /// The bus would not take it now, and why.
    Refused(String),
}

/// A bus that others listen to.
#[async_trait::async_trait]
pub trait OutcomeBus: Send + Sync {
    /// Puts outcomes on the bus: tells of each, in their order, what became of it. After an error any of them may be on it.
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError>;
}
