//! Takes the engine's lease, sends what the ledger holds, and follows it to its end.
//!
//! A wake says only that there is work; the ledger says what. So it does not matter which wake started a run, nor how many
//! came at once.

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::{SignedDuration, Timestamp};
use shared::engine::{Provisioner, RunError, RunSummary, Wake};

/// What a run leaves unused of the function's time. When time is up no call is begun any more, and none is repeated: those under way may
/// take the 20 s that a client waits for an answer. The rest is for what is written down of them and for the next run's wake.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(25);

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
