//! The report that is made on a schedule: read over as many runs as it takes, kept whole, and only then pointed at.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{AuditError, Auditor, PATIENCE, collect::Collector};
use crate::{
    audit::{Audit, Counts, DRAFT_FORMAT, Draft, csv, page},
    domain::RulesVersion,
    engine::{gauges::AUDITED, signed, turns},
    ports::{Ledger, PortError, Reports, Seen, SeenKind},
};

/// What is read so far, between runs.
const DRAFT: &str = "draft.json";

/// Which report is the last one.
const LATEST: &str = "latest.json";

const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// How reports are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportSettings {
    /// How long a run may last before it leaves the rest to the next.
    pub run_for: Duration,
    /// The least time from the beginning of a report to that of the next.
    pub every: Duration,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { run_for: Duration::from_mins(10), every: Duration::from_hours(20) }
    }
}

/// Where the last report is, and what is in it in numbers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pointer {
    pub format: u32,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub rules: Option<RulesVersion>,
    /// The report's names by its forms: `json`, `csv` and so on.
    pub forms: BTreeMap<String, String>,
    pub counts: Counts,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportEnd {
    /// There is a new report.
    Written,
    /// Its time was over; the next run goes on where it stopped.
    Unfinished,
    /// The next report is to begin later.
    TooSoon,
    /// A sweep is at work, or it has waited for longer: both have one share of AWS's rates. The next run goes on.
    SweepsTurn,
}

/// What a run has come to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ReportSummary {
    pub run: ReportEnd,
    /// The report's name as JSON, where there is a new one.
    pub report: Option<String>,
    /// What is in it.
    pub counts: Option<Counts>,
    /// How many permission sets, principals, places, groups and accounts' tags have been read of one that is not finished.
    pub read: usize,
}

/// Why there is no new report. The one before is still the last.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("cannot read what is kept of earlier reports")]
    Fetch(#[source] PortError),
    #[error("cannot keep the report")]
    Keep(#[source] PortError),
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot write the report as a table")]
    Csv(#[from] ::csv::Error),
}

/// Makes reports.
#[derive(Clone, Copy)]
pub struct Reporter<'a> {
    pub auditor: Auditor<'a>,
    /// Where it takes turns with the sweep, and writes down that a report is finished. It writes nothing else there.
    pub ledger: &'a dyn Ledger,
    pub reports: &'a dyn Reports,
    pub settings: ReportSettings,
}

impl std::fmt::Debug for Reporter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Reporter<'_> {
    /// Goes on with the report that is under way, or begins one that is due.
    pub async fn run(&self) -> Result<ReportSummary, ReportError> {
        let began = self.auditor.reader.clock.now();
        let until = began + signed(self.settings.run_for);
        let latest = self.latest().await?;
        let draft = self.draft(latest.as_ref(), began).await?;
        if draft.is_none()
            && latest.as_ref().is_some_and(|last| began < last.began + signed(self.settings.every))
        {
            return Ok(ended(ReportEnd::TooSoon, 0));
        }
        let every = signed(self.settings.every);
        if let Some(last) = latest.as_ref().filter(|last| began > last.began + every + every) {
            tracing::warn!(last.began = %last.began, "audit: the last report is older than twice `USHER_AUDIT_EVERY`: its runs may be too few or too short");
        }
        let taken = turns::take_for_audit(began, self.ledger).await.map_err(AuditError::from)?;
        let Some(round) = taken else {
            return Ok(ended(ReportEnd::SweepsTurn, draft.as_ref().map_or(0, read)));
        };
        let done = Box::pin(self.go_on(latest, draft, until)).await;
        if let Err(error) = turns::give_back(round, self.ledger).await {
            tracing::warn!(%error, "the turn could not be given back; it is the sweep's again later");
        }
        done
    }

    /// Reads on, until there is a report or the time is over.
    async fn go_on(
        &self,
        latest: Option<Pointer>,
        draft: Option<Draft>,
        until: Timestamp,
    ) -> Result<ReportSummary, ReportError> {
        let mut draft = match draft {
            Some(draft) => draft,
            None => self.auditor.begin().await?,
        };
        let before = read(&draft);
        let collector = Collector { auditor: &self.auditor, until: Some(until) };
        let is_whole = collector.collect(&mut draft).await?;
        // What is left to do takes a while too, and is not to be broken off.
        let third = signed(self.settings.run_for) / 3;
        let now = self.auditor.reader.clock.now();
        if !is_whole || (now + third > until && read(&draft) > before) {
            self.replace(DRAFT, &serde_json::to_vec(&draft)?).await?;
            return Ok(ended(ReportEnd::Unfinished, read(&draft)));
        }
        let before = match &latest {
            Some(latest) => self.report(latest).await?,
            None => None,
        };
        let audit = self.auditor.compile(draft, before.as_ref()).await?;
        self.keep(&audit).await
    }

    /// The last report's pointer. What can't be read as one is in nobody's way.
    async fn latest(&self) -> Result<Option<Pointer>, ReportError> {
        let found = self.reports.fetch(LATEST).await.map_err(ReportError::Fetch)?;
        Ok(found.and_then(|content| {
            serde_json::from_slice(&content)
                .inspect_err(|error| tracing::warn!(%error, "`{LATEST}` cannot be read, and is written anew"))
                .ok()
        }))
    }

    /// The draft that is to be gone on with, if there is one.
    async fn draft(&self, latest: Option<&Pointer>, now: Timestamp) -> Result<Option<Draft>, ReportError> {
        let Some(content) = self.reports.fetch(DRAFT).await.map_err(ReportError::Fetch)? else {
            return Ok(None);
        };
        let Ok(Some(draft)) = serde_json::from_slice::<Option<Draft>>(&content) else { return Ok(None) };
        let instance = self.auditor.reader.access.instance().await;
        let instance = instance.map_err(super::ReadError::Instance).map_err(AuditError::from)?;
        let goes_on = draft.format == DRAFT_FORMAT
            && draft.instance == instance.arn
            && now < draft.began + signed(PATIENCE)
            && latest.is_none_or(|latest| latest.began < draft.began);
        Ok(goes_on.then_some(draft))
    }

    /// The last report, if it can be read: else changes are told since none.
    async fn report(&self, latest: &Pointer) -> Result<Option<Audit>, ReportError> {
        let Some(name) = latest.forms.get("json") else { return Ok(None) };
        let found = self.reports.fetch(name).await.map_err(ReportError::Fetch)?;
        let Some(content) = found else {
            tracing::warn!(report = name, "the last report is gone: no changes are told");
            return Ok(None);
        };
        Ok(serde_json::from_slice::<Audit>(&content)
            .inspect_err(|_| {
                tracing::warn!(report = name, "the last report cannot be read: no changes are told");
            })
            .ok()
            .filter(|audit| audit.format == crate::audit::FORMAT))
    }

    /// INVARIANT: the pointer is written last. Who follows it finds a whole report, in all its forms.
    async fn keep(&self, audit: &Audit) -> Result<ReportSummary, ReportError> {
        let ended = audit.taken.ended.strftime("%Y/%m/%d/%Y-%m-%dT%H-%M-%SZ").to_string();
        let name = |form: &str| format!("reports/{ended}.{form}");
        let forms = [
            ("json", JSON, serde_json::to_vec(audit)?),
            ("csv", CSV, csv::assignments(audit, &audit.assignments)?.into_bytes()),
            ("html", HTML, page::html(audit).into_bytes()),
        ];
        for (form, kind, content) in &forms {
            self.reports.keep(&name(form), kind, content).await.map_err(ReportError::Keep)?;
        }
        let counts = Counts::of(audit);
        let pointer = Pointer {
            format: audit.format,
            began: audit.taken.began,
            ended: audit.taken.ended,
            rules: audit.taken.rules.clone(),
            forms: forms.iter().map(|(form, ..)| ((*form).to_owned(), name(form))).collect(),
            counts: counts.clone(),
        };
        self.replace(LATEST, &serde_json::to_vec_pretty(&pointer)?).await?;
        self.replace(DRAFT, b"null").await?;
        // The tick tells how old it is. That this can't be written down makes the report no worse.
        let at = self.auditor.reader.clock.now();
        let finished = Seen { id: AUDITED.to_owned(), value: true.into(), at };
        if let Err(error) = self.ledger.remember(SeenKind::Fact, &[finished]).await {
            tracing::warn!(%error, "audit: the report is kept, and that it is finished could not be written down");
        }
        Ok(ReportSummary {
            run: ReportEnd::Written,
            report: Some(name("json")),
            counts: Some(counts),
            read: 0,
        })
    }

    async fn replace(&self, name: &str, content: &[u8]) -> Result<(), ReportError> {
        self.reports.replace(name, JSON, content).await.map_err(ReportError::Keep)
    }
}

fn ended(run: ReportEnd, read: usize) -> ReportSummary {
    ReportSummary { run, report: None, counts: None, read }
}

/// How much of a draft has been read.
fn read(draft: &Draft) -> usize {
    let tags = draft.tags.len();
    draft.sets.len() + draft.holdings.len() + draft.places.len() + draft.members.len() + tags
}
