//! The sweep: a look at everything on a schedule. It finds drift and what lost events should have told.

use std::time::Duration;

use super::{AccountHint, Planner, ReadError, Survey, Wake, remember, signed};
use crate::{
    ledger::{Cause, Row, State},
    ports::{Ledger, LedgerError, PortError, Queue, Seen, SeenKind},
};

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SweepSummary {
    /// Accounts looked at.
    pub accounts: usize,
    /// Accounts that differ from what the rules want; each was hinted.
    pub differing: usize,
    /// Accounts that could not be read; nothing was decided about them.
    pub unread: usize,
    /// Keys withheld, for whatever reason.
    pub withheld: usize,
    /// Assignments that are ours.
    pub owned: usize,
    /// Tombstones forgotten.
    pub forgotten: usize,
}

/// Why a sweep could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot write to the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot write to a queue")]
    Queue(#[source] PortError),
}

/// Looks at everything. It writes no intent itself: every key is decided under its account's message group.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    pub planner: Planner<'a>,
    pub ledger: &'a dyn Ledger,
    pub inbox: &'a dyn Queue,
    pub wake: &'a dyn Queue,
}

impl std::fmt::Debug for Sweep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep").field("planner", &self.planner).finish_non_exhaustive()
    }
}

impl Sweep<'_> {
    /// Sweeps once.
    pub async fn run(&self) -> Result<SweepSummary, SweepError> {
        let started = self.planner.reader.clock.now();
        // All sweeps of a day are one cause: the next sweep must not renew a budget that this one has spent.
        let cause = Cause::new("sweep", &started.strftime("%Y-%m-%d").to_string());
        let Survey { basis, decided, unread, rows } = self.planner.everything(&cause).await?;

        let owned = rows.iter().filter(|row| row.is_ours()).count();
        let forgotten = self.forget_tombstones(&rows).await?;
        remember(self.ledger, &basis.learned).await?;
        let count = Seen { id: "owned".into(), value: owned.into(), at: started };
        self.ledger.remember(SeenKind::Fact, &[count]).await?;

        let mut hints = Vec::new();
        for decided in decided.iter().filter(|decided| !decided.plan.changes_nothing()) {
            let account = decided.plan.account.clone();
            let deduplication = format!("sweep-{}-{account}", started.as_microsecond());
            let hint = AccountHint::new(account, cause.clone(), started);
            hints.push(hint.message(&deduplication).map_err(SweepError::Queue)?);
        }
        self.inbox.send(&hints).await.map_err(SweepError::Queue)?;
        // Work that is there already may have lost its wake.
        if rows.iter().any(|row| row.work().is_some()) {
            Wake::first().send(self.wake, started, Duration::ZERO).await.map_err(SweepError::Queue)?;
        }
        Ok(SweepSummary {
            accounts: decided.len(),
            differing: hints.len(),
            unread: unread.len(),
            withheld: decided.iter().map(|decided| decided.plan.withheld.len()).sum(),
            owned,
            forgotten,
        })
    }

    async fn forget_tombstones(&self, rows: &[Row]) -> Result<usize, LedgerError> {
        let now = self.planner.reader.clock.now();
        let horizon = now - signed(self.planner.settings.tombstones);
        let old: Vec<Row> = rows
            .iter()
            .filter(|row| row.state == State::Closed && row.changed_at < horizon && !row.speaks(now))
            .cloned()
            .collect();
        self.ledger.forget(&old).await?;
        Ok(old.len())
    }
}
