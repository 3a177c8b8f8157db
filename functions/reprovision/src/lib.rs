//! Keeps the permission sets that the rules declare, and brings edited ones to the accounts that have them, once a minute.
//!
//! What started it doesn't matter: a run asks the ledger what is due, and AWS what there is and who has an old version.

use jiff::{SignedDuration, Timestamp};
use shared::engine::{
    DeclaredSetsError, KeepSummary, ReprovisionError, ReprovisionSummary, Reprovisioner, SetKeeper,
};

/// What a run leaves unused of the function's time: a call that was begun may take 20 s, and its answer is written down.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(25);

/// How much of a run permission sets may take before edited ones are brought on: both go on in the next run.
const FOR_SETS: SignedDuration = SignedDuration::from_secs(30);

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    pub permission_sets: KeepSummary,
    #[serde(flatten)]
    pub reprovision: ReprovisionSummary,
}

/// Why a run broke off. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Reprovision(#[from] ReprovisionError),
    #[error("cannot keep the permission sets that the rules declare")]
    Sets(#[from] DeclaredSetsError),
}

/// Runs once. `holder` names this run in the engine's lease.
pub async fn handle(
    keeper: SetKeeper<'_>,
    reprovisioner: Reprovisioner<'_>,
    holder: &str,
    until: Timestamp,
) -> Result<Summary, Error> {
    let now = keeper.declared.reader.clock.now();
    // Both together take no longer than a run lasts: the next one comes in a minute.
    let lasts = SignedDuration::try_from(reprovisioner.schedule.run_for).unwrap_or(FOR_SETS);
    let until = until.min(now + lasts);
    let kept = keeper.run(holder, until.min(now + FOR_SETS)).await;
    // What is wrong with the one holds up no other.
    let brought = reprovisioner.run(holder, until).await?;
    let summary = Summary { permission_sets: kept?, reprovision: brought };
    let ReprovisionSummary { sent, ended, troubled, found, open, held_off } = summary.reprovision;
    let KeepSummary { made, edited, deleted, withheld, failed, held_off: _ } = summary.permission_sets;
    // Most minutes bring nothing, and need no line.
    if summary.permission_sets != KeepSummary::default() {
        tracing::info!(
            made,
            edited,
            deleted,
            withheld,
            failed,
            "permission sets: {made} made, {edited} edited, {deleted} deleted, {withheld} withheld, {failed} failed"
        );
    }
    if summary.reprovision != ReprovisionSummary::default() {
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
