//! Outcomes in the local runtime: appended to a file, if there is one, and told as news.

use shared::{
    local::OutcomeFile,
    outcome::Outcome,
    ports::{OutcomeBus, PortError, Told},
};

use super::news::Teller;

/// Where outcomes go.
pub(super) struct TellingBus {
    file: OutcomeFile,
    teller: Teller,
}

impl TellingBus {
    pub(super) fn new(file: OutcomeFile, teller: Teller) -> Self {
        Self { file, teller }
    }
}

#[async_trait::async_trait]
impl OutcomeBus for TellingBus {
    async fn put(&self, outcomes: &[Outcome]) -> Result<Vec<Told>, PortError> {
        let told = self.file.put(outcomes).await?;
        for outcome in outcomes {
            self.teller.outcome(outcome);
        }
        Ok(told)
    }
}
