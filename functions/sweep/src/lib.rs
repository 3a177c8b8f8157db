//! Looks at everything on a schedule, and hints the accounts that differ.
//!
//! What started it doesn't matter: a sweep asks everything itself.

use shared::engine::{Sweep, SweepEnd, SweepError, SweepSummary};

/// Sweeps once.
pub async fn handle(sweep: Sweep<'_>) -> Result<SweepSummary, SweepError> {
    let summary = sweep.run().await?;
    let SweepSummary { run, accounts, differing, unread, withheld, owned, forgotten, moved, retagged } =
        summary;
    let run = match run {
        SweepEnd::RoundEnded => "the round is over",
        SweepEnd::Unfinished => "the next run goes on",
        SweepEnd::UnderWay => "another run is at it",
        SweepEnd::TooSoon => "the next round is to begin later",
        SweepEnd::AuditsTurn => "it is the audit's turn",
    };
    tracing::info!(
        run,
        accounts,
        differing,
        unread,
        withheld,
        owned,
        forgotten,
        moved,
        retagged,
        "sweep: {run}: {accounts} accounts, {differing} differ, {unread} could not be read"
    );
    Ok(summary)
}
