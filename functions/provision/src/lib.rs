//! Takes the engine's lease, sends what the ledger holds, and follows it to its end.
//!
//! A wake says only that there is work; the ledger says what. So it does not matter which wake started a run, nor how many
//! came at once.

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::{SignedDuration, Timestamp};
use shared::{
    engine::{DeadLetters, Provisioner, RunEnd, RunError, RunSummary, Tried, Wake},
    metrics::Metric,
    payloads,
};

const FUNCTION: &str = "provision";

/// What a run leaves unused of the function's time. When time is up no call is begun any more, and none is repeated: those under way may
/// take the 20 s that a client waits for an answer. The rest is for what is written down of them and for the next run's wake.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(25);

/// Runs the engine once for a batch of wakes; one that fails on the last try of any of them puts these aside with its cause, and is `None`.
///
/// Then all of the batch is done with: a wake says nothing but "look", and the next tick says so as long as there is work.
pub async fn handle_or_park(
    event: SqsEvent,
    provisioner: Provisioner<'_>,
    holder: &str,
    until: Timestamp,
    dead: DeadLetters<'_>,
) -> Result<Option<RunSummary>, RunError> {
    let tried: Vec<Tried> = event
        .records
        .iter()
        .map(|record| {
            let (group, receives) = payloads::deliveries(record);
            let body = record.body.clone().unwrap_or_default();
            Tried { body, group: group.map(str::to_owned), receives }
        })
        .collect();
    let error = match handle(event, provisioner, holder, until).await {
        Ok(summary) => return Ok(Some(summary)),
        Err(error) => error,
    };
    let reason = shared::causes::joined(&error);
    let mut parked = 0;
    for tried in &tried {
        parked += usize::from(dead.take(FUNCTION, tried, &reason).await);
    }
    if parked == 0 { Err(error) } else { Ok(None) }
}

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
    let RunSummary { end, granted, revoked, retried, blocked, uncertain, given_up, outstanding } = summary;
    if end != RunEnd::HeldElsewhere {
        let at = provisioner.clock.now();
        Metric::Outstanding.tell(FUNCTION, at, u64::try_from(outstanding).unwrap_or(u64::MAX));
    }
    tracing::info!(
        ?end,
        granted,
        revoked,
        retried,
        blocked,
        uncertain,
        given_up,
        outstanding,
        "engine run: {granted} granted, {revoked} revoked, {retried} to be retried, {blocked} blocked"
    );
    Ok(summary)
}
