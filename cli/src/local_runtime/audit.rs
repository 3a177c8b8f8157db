//! `audit` on one machine: reports in a folder, made by the same handler that Lambda runs.

use std::{path::Path, time::Duration};

use shared::{
    engine::{AuditSettings, Auditor, Planner, ReportEnd, ReportSettings, ReportSummary, Reporter, Steps},
    local::FolderReports,
};

use super::{LocalRuntime, TICK};
use crate::Failure;

impl LocalRuntime {
    /// Runs `audit` once: goes on with a report, or begins one that is due.
    pub async fn audit(&self, folder: &Path, every: Duration) -> Result<ReportSummary, Failure> {
        let Planner { reader, settings } = self.planner();
        let (auditing, steps) = (AuditSettings::default(), Steps::default());
        let reporter = Reporter {
            auditor: Auditor {
                reader,
                sets: self.aws.sets.as_ref(),
                settings,
                auditing: &auditing,
                steps: &steps,
            },
            ledger: &self.ledger,
            reports: &FolderReports::new(folder),
            settings: ReportSettings { every, ..ReportSettings::default() },
        };
        audit::handle(reporter).await.map_err(Failure::Report)
    }

    /// Makes a report soon, when the first sweep has had its turn, and then each time this much later, for as long as it is polled. What comes of it is
    /// told as news.
    pub async fn audit_every(&self, folder: &Path, every: Duration) {
        self.clock.sleep(TICK).await;
        loop {
            let wait = match self.audit(folder, every).await {
                Ok(made) => match made.run {
                    ReportEnd::Written => {
                        self.teller.audited(made);
                        TICK
                    }
                    ReportEnd::Unfinished => Duration::ZERO,
                    ReportEnd::TooSoon | ReportEnd::SweepsTurn => TICK,
                },
                Err(error) => {
                    self.teller.trouble("the report", shared::causes::joined(&error));
                    TICK
                }
            };
            self.clock.sleep(wait).await;
        }
    }
}
