//! `audit` on one machine: reports in a folder, made by the same handler that Lambda runs.

use std::{path::Path, time::Duration};

use shared::{
    engine::{Auditor, Planner, ReportEnd, ReportSettings, ReportSummary, Reporter, Steps},
    local::FolderReports,
};

use super::{LocalRuntime, TICK, pauses::Pauses};
use crate::Failure;

impl LocalRuntime {
    /// Runs `audit` once: goes on with a report, or begins one that is due.
    pub async fn audit(&self, folder: &Path, every: Duration) -> Result<ReportSummary, Failure> {
        let Planner { reader, settings } = self.planner();
        let steps = Steps::default();
        let reporter = Reporter {
            auditor: Auditor {
                reader,
                sets: self.reach.aws.sets.as_ref(),
                settings,
                auditing: &self.manner.auditing,
                steps: &steps,
            },
            ledger: &self.ledger,
            reports: &FolderReports::new(folder),
            settings: ReportSettings { every, ..ReportSettings::default() },
        };
        audit::handle(reporter).await.map_err(Failure::Report)
    }

    /// Makes a report soon, when the first sweep has had its turn, and then each time this much later, until it is asked to end. What comes of it is
    /// told as news.
    pub async fn audit_every(&self, folder: &Path, every: Duration) {
        let mut failed = Pauses::default();
        let mut wait = TICK;
        while self.rest(wait).await {
            let made = tokio::select! {
                // What is read so far is with the report's draft.
                () = self.halt.asked() => return,
                made = Box::pin(self.audit(folder, every)) => made,
            };
            wait = match made {
                Ok(made) => {
                    failed = Pauses::default();
                    match made.run {
                        ReportEnd::Written => {
                            self.teller.audited(made);
                            TICK
                        }
                        ReportEnd::Unfinished => Duration::ZERO,
                        ReportEnd::TooSoon | ReportEnd::SweepsTurn => TICK,
                    }
                }
                Err(error) => {
                    self.trouble("the report", shared::causes::joined(&error));
                    TICK + failed.after_another()
                }
            };
        }
    }
}
