//! Looks at everything on a schedule, and hints the accounts that differ.
//!
//! What started it doesn't matter: a sweep asks everything itself.

use shared::engine::{Sweep, SweepError, SweepSummary};

/// Sweeps once.
pub async fn handle(sweep: Sweep<'_>) -> Result<SweepSummary, SweepError> {
    let summary = sweep.run().await?;
    let SweepSummary { accounts, differing, unread, withheld, owned, forgotten } = summary;
    tracing::info!(
        accounts,
        differing,
        unread,
        withheld,
        owned,
        forgotten,
        "sweep: {accounts} accounts, {differing} differ, {unread} could not be read"
    );
    Ok(summary)
}
