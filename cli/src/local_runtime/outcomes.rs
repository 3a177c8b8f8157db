//! Outcomes in the local runtime: appended to a file or put on a bus, if there is one, and told as news.

use std::sync::Arc;

use shared::{
    outcome::Outcome,
    ports::{OutcomeBus, PortError, Told},
};

use super::news::Teller;

/// Where outcomes go.
pub(super) struct TellingBus {
    bus: Arc<dyn OutcomeBus>,
    teller: Teller,
}

impl TellingBus {
    pub(super) fn new(bus: Arc<dyn OutcomeBus>, teller: Teller) -> Self {
        Self { bus, teller }
    }
}

#[async_trait::async_trait]
impl OutcomeBus for TellingBus {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        let told = self.bus.put(outcomes).await?;
        for outcome in outcomes {
            self.teller.outcome(outcome);
        }
        Ok(told)
    }
}
