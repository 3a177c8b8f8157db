//! Takes the engine's lease, sends what the ledger holds, and follows it to its end.
//!
//! A wake says only that there is work; the ledger says what. So it does not matter which wake started a run, nor how many
//! came at once.

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use shared::engine::{Provisioner, RunError, RunSummary, Wake};

/// Runs the engine once for a batch of wakes.
pub async fn handle(
    event: SqsEvent,
    provisioner: Provisioner<'_>,
    holder: &str,
    until: Timestamp,
) -> Result<RunSummary, RunError> {
    let wakes =
        event.records.iter().map(|record| Wake::from_body(record.body.as_deref().unwrap_or_default()));
    let summary = provisioner.run(holder, &Wake::together(wakes), until).await?;
    let RunSummary { end, granted, revoked, retried, blocked, uncertain, given_up } = summary;
    tracing::info!(
        ?end,
        granted,
        revoked,
        retried,
        blocked,
        uncertain,
        given_up,
        "engine run: {granted} granted, {revoked} revoked, {retried} to be retried, {blocked} blocked"
    );
    Ok(summary)
}
