//! Telling outcomes: from the ledger, where they were kept with what they tell of, to the bus.
//!
//! At least once each: one that is on the bus and not yet forgotten when the announcer dies is told again, under the same id.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    domain::RulesVersion,
    outcome::Outcome,
    ports::{Clock, Ledger, LedgerError, OutcomeBus, PortError, Told},
};

/// How many outcomes are read at a time.
const PAGE: usize = 200;

/// Why telling broke off. The next announcer goes on.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    #[error("cannot read or forget outcomes in the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot put outcomes on the bus")]
    Bus(#[source] PortError),
}

/// Tells outcomes.
#[derive(Clone, Copy)]
pub struct Announcer<'a> {
    pub ledger: &'a dyn Ledger,
    pub bus: &'a dyn OutcomeBus,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Announcer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcer").finish_non_exhaustive()
    }
}

impl Announcer<'_> {
    /// Tells what is to be told, the oldest first, until nothing is left or the time is over. Tells how many there were.
    pub async fn run(&self, until: Timestamp) -> Result<usize, AnnounceError> {
        let mut told = 0;
        let mut refused: BTreeSet<String> = BTreeSet::new();
        while self.clock.now() < until {
            // What the bus refuses stays, and must not hide what comes after it.
            let page = self.ledger.untold(PAGE + refused.len()).await?;
            let page: Vec<Outcome> = page.into_iter().filter(|it| !refused.contains(&it.id)).collect();
            if page.is_empty() {
                break;
            }
            let answers = self.bus.put(&page).await.map_err(AnnounceError::Bus)?;
            let mut taken = Vec::with_capacity(page.len());
            for (outcome, answer) in page.into_iter().zip(answers) {
                match answer {
                    Told::Taken => {
                        log(&outcome);
                        taken.push(outcome);
                    }
                    Told::Refused(why) => {
                        let (id, word) = (&outcome.id, outcome.happened.word());
                        tracing::warn!(outcome.id = %id, %why, "the outcome {id} ({word}) is told later: {why}");
                        refused.insert(outcome.id);
                    }
                }
            }
            self.ledger.told(&taken).await?;
            told += taken.len();
        }
        Ok(told)
    }
}

/// One line for each that is told: ids only, as it has them.
fn log(outcome: &Outcome) {
    let (word, subject, cause) =
        (outcome.happened.word(), outcome.happened.subject(), outcome.cause.as_str());
    tracing::info!(
        outcome.id = outcome.id,
        outcome = word,
        cause,
        rules.version = outcome.rules_version.as_ref().map(RulesVersion::short),
        "{word}: {subject}"
    );
}
