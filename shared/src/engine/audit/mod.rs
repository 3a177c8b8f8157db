//! Who has access to what, read whole: for a person who asks, and for the report that is made on a schedule. It holds readers only.
//!
//! What takes long is collected in a draft, which the next run goes on with where there is no time for all of it; the rest is read at once
//! at the end. What can't be read is named in the report, and never looks as if nothing were there. See `docs/adr/0026`.

mod collect;
mod compile;
mod report;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use self::collect::Collector;
pub use self::report::{Pointer, ReportEnd, ReportError, ReportSettings, ReportSummary, Reporter};
use super::{EngineSettings, ReadError, Reader};
use crate::{
    audit::{Audit, Draft, Only, Way},
    domain::{PermissionSet, PermissionSetArn},
    ports::{PermissionSetReader, PortError, SeenKind},
};

/// How an audit reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// How assignments are asked for; whatever takes fewer calls, if it isn't said.
    pub way: Option<Way>,
    /// What is read of; everything, if it isn't said.
    pub only: Only,
    /// Where the instance is, to be told in the report.
    pub region: Option<String>,
}

/// Why there is no report. There is none at all then.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot list the permission sets")]
    PermissionSets(#[source] PortError),
    #[error("cannot go on reading")]
    Barred(#[source] PortError),
    #[error("cannot look up who is asked about")]
    LookUp(#[source] PortError),
}

/// How far a reading is, for whoever waits for it.
#[derive(Debug, Default)]
pub struct Steps {
    done: AtomicUsize,
    known: AtomicUsize,
}

impl Steps {
    /// How many steps are done, and of how many it is known that they have to be. There may be more to come.
    pub fn done_of(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.known.load(Ordering::Relaxed))
    }

    fn more(&self, steps: usize) {
        self.known.fetch_add(steps, Ordering::Relaxed);
    }

    fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads who has access to what.
#[derive(Clone, Copy)]
pub struct Auditor<'a> {
    pub reader: Reader<'a>,
    pub sets: &'a dyn PermissionSetReader,
    pub settings: EngineSettings,
    pub auditing: &'a AuditSettings,
    /// Where it is told how far it is.
    pub steps: &'a Steps,
}

impl std::fmt::Debug for Auditor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auditor").field("auditing", &self.auditing).finish_non_exhaustive()
    }
}

impl Auditor<'_> {
    /// Reads everything, however long it takes, and tells what has changed since an earlier report.
    pub async fn audit(&self, before: Option<&Audit>) -> Result<Audit, AuditError> {
        let mut draft = self.begin().await?;
        Collector { auditor: self, until: None }.collect(&mut draft).await?;
        self.compile(draft, before).await
    }

    /// The name of a permission set that can't be read whole, or is gone, as far as anybody knows it: AWS, or the ledger.
    async fn set_name(&self, arn: &PermissionSetArn) -> Option<String> {
        if let Ok(Some(name)) = self.reader.access.permission_set_name(arn).await {
            return Some(name);
        }
        let seen = self.reader.ledger.recall_one(SeenKind::PermissionSet, arn.as_str()).await.ok()??;
        serde_json::from_value::<PermissionSet>(seen.value).ok().map(|set| set.name)
    }

    /// A draft that is yet to be filled.
    async fn begin(&self) -> Result<Draft, AuditError> {
        let instance = self.reader.access.instance().await.map_err(ReadError::Instance)?;
        Ok(Draft::begun(self.reader.clock.now(), instance.arn))
    }
}

/// How old a draft may be and still be gone on with: the longest that a report may take.
const PATIENCE: Duration = Duration::from_hours(72);
