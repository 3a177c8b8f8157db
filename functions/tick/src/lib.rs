//! What time alone brings about, once a minute: work whose wake was lost, rules that begin or end, and those in force that no account was told of.
//!
//! What started it doesn't matter: a tick asks everything itself.

use shared::engine::{Tick, TickError, TickSummary};

/// Ticks once.
pub async fn handle(tick: Tick<'_>) -> Result<TickSummary, TickError> {
    let summary = tick.run().await?;
    let TickSummary { woken, turns, hinted } = summary;
    // Most minutes bring nothing, and need no line.
    if woken || turns > 0 || hinted > 0 {
        tracing::info!(
            woken,
            turns,
            hinted,
            "tick: {turns} rules began or ended, {hinted} accounts to be looked at"
        );
    }
    Ok(summary)
}
