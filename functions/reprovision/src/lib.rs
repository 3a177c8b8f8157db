//! Brings edited permission sets to the accounts that have them, once a minute.
//!
//! What started it doesn't matter: a run asks the ledger what is due, and AWS who has an old version.

use jiff::{SignedDuration, Timestamp};
use shared::engine::{ReprovisionError, ReprovisionSummary, Reprovisioner};

/// What a run leaves unused of the function's time: a call that was begun may take 20 s, and its answer is written down.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(25);

/// Runs once. `holder` names this run in the engine's lease.
pub async fn handle(
    reprovisioner: Reprovisioner<'_>,
    holder: &str,
    until: Timestamp,
) -> Result<ReprovisionSummary, ReprovisionError> {
    let summary = reprovisioner.run(holder, until).await?;
    let ReprovisionSummary { sent, ended, troubled, found, open, held_off } = summary;
    // Most minutes bring nothing, and need no line.
    if summary != ReprovisionSummary::default() {
        tracing::info!(
            sent,
            ended,
            troubled,
            found,
            open,
            held_off,
            "reprovision: {sent} requests sent, {ended} campaigns over, {open} open, {found} found without an event"
        );
    }
    Ok(summary)
}
