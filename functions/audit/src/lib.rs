//! Reports on a schedule who has access to what, and what has changed since the last report.
//!
//! What started it doesn't matter: a report reads everything itself, over as many runs as that takes. It grants and revokes nothing; all that it
//! writes to the ledger is whose turn it is.

use shared::engine::{ReportEnd, ReportError, ReportSummary, Reporter};

/// Goes on with a report, or begins one.
pub async fn handle(reporter: Reporter<'_>) -> Result<ReportSummary, ReportError> {
    let summary = reporter.run().await?;
    let ReportSummary { run, report, counts, read } = &summary;
    let end = match run {
        ReportEnd::Written => "there is a new report",
        ReportEnd::Unfinished => "the next run goes on",
        ReportEnd::TooSoon => "the next report is to begin later",
        ReportEnd::SweepsTurn => "it is the sweep's turn, and the next run goes on",
    };
    let (assignments, unread) = counts.as_ref().map_or((0, 0), |counts| (counts.assignments, counts.unread));
    let report = report.as_deref().unwrap_or_default();
    tracing::info!(
        end,
        report,
        assignments,
        unread,
        read,
        "audit: {end}: {assignments} assignments, {unread} things could not be read"
    );
    Ok(summary)
}
