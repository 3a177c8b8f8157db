//! The settings of `audit`.

use std::time::Duration;

use super::{
    Expected, Settings, SettingsError,
    places::{bucket, prefix},
};
use crate::{
    engine::{AuditSettings, ReportSettings},
    pace::Share,
};

const BUCKET: Expected = Expected { what: "the name of an S3 bucket", example: "example-usher-reports" };
const PREFIX: Expected =
    Expected { what: "the beginning of S3 keys, without a slash in front", example: "usher/" };

/// Where reports are kept in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportsSettings {
    /// `USHER_REPORTS_BUCKET`
    pub bucket: String,
    /// `USHER_REPORTS_PREFIX`: what their keys begin with; empty by default.
    pub prefix: String,
}

impl Settings {
    /// Where the reports are.
    pub fn reports(&self) -> Result<ReportsSettings, SettingsError> {
        Ok(ReportsSettings {
            bucket: self.required("USHER_REPORTS_BUCKET", BUCKET, bucket)?,
            prefix: self.optional("USHER_REPORTS_PREFIX", PREFIX, prefix)?.unwrap_or_default(),
        })
    }

    /// The share of `audit`: that of the sweep (`USHER_SWEEP_RATE`). They take turns at it.
    pub fn audit_share(&self) -> Result<Share, SettingsError> {
        self.sweep_share()
    }

    /// When reports are made: `USHER_AUDIT_RUN_FOR` is [`ReportSettings::run_for`], which Lambda's own limit shortens, and `USHER_AUDIT_EVERY`
    /// [`ReportSettings::every`].
    pub fn audit(&self) -> Result<ReportSettings, SettingsError> {
        let default = ReportSettings::default();
        Ok(ReportSettings {
            run_for: self.time("USHER_AUDIT_RUN_FOR", Duration::from_mins(1))?.unwrap_or(default.run_for),
            every: self.time("USHER_AUDIT_EVERY", Duration::ZERO)?.unwrap_or(default.every),
        })
    }

    /// How the function reads.
    pub fn auditing(&self) -> AuditSettings {
        AuditSettings { region: self.get("AWS_REGION"), ..AuditSettings::default() }
    }
}
