//! What time alone brings about, once a minute: work whose wake was lost, rules that begin or end, those in force of which no account was
//! hinted, outcomes to be told.
//!
//! What started it doesn't matter: a tick asks everything itself.

use shared::engine::{Tick, TickError, TickSummary};

/// Ticks once.
pub async fn handle(tick: Tick<'_>) -> Result<TickSummary, TickError> {
    let summary = tick.run().await?;
    let TickSummary { woken, turns, hinted, told, frozen } = summary;
    // Most minutes bring nothing, and need no line.
    if woken || turns > 0 || hinted > 0 || told > 0 {
        tracing::info!(
            woken,
            turns,
            hinted,
            told,
            "tick: {turns} rules began or ended, {hinted} accounts to be looked at, {told} outcomes told"
        );
    }
    if frozen {
        tracing::warn!("the ledger may not be whole, so nothing is taken away: see `usher ledger confirm`");
    }
    Ok(summary)
}
