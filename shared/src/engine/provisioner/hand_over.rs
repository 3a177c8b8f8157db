//! Handing over what takes long: a request past the engine's patience is looked after by messages with delays, and no engine
//! stays up for it. It keeps its slot in the window.
//!
//! INVARIANT: who may end a claimed row is said by the row. While its claim is marked as handed over, only the poller does; without
//! the mark, only the engine. Both write on the row's version.

use std::collections::BTreeMap;

use super::{RunError, session::Session};
use crate::{
    domain::AssignmentKey,
    engine::{Poll, signed},
    ledger::{Claim, Intent, Row},
};

impl Session<'_> {
    /// Hands over every request that the engine has followed for as long as its patience lasts.
    pub(super) async fn hand_over(&mut self) -> Result<(), RunError> {
        let Some(polls) = self.engine.polls.filter(|_| !self.polls_failed) else {
            return self.take_back().await;
        };
        let patience = signed(self.engine.settings.patience);
        let now = self.engine.clock.now();
        let slow: Vec<Row> = self
            .outstanding
            .values()
            .chain(self.lost_polls.values())
            .filter(|row| {
                row.claim().is_some_and(|claim| claim.request.is_some() && claim.at + patience <= now)
            })
            .cloned()
            .collect();
        for row in slow {
            self.keep_lease().await?;
            let now = self.engine.clock.now();
            let Some(poll) = Poll::of(&row, now) else { continue };
            // The message first: with the mark alone, nobody would look for an hour. Until the mark is there, it waits.
            if let Err(error) = poll.send(polls, now, Poll::FIRST_LOOK).await {
                tracing::warn!(%error, "cannot hand over what takes long: this run of the engine looks after it itself");
                self.polls_failed = true;
                return self.take_back().await;
            }
            self.outstanding.remove(&row.key);
            self.lost_polls.remove(&row.key);
            self.looks.remove(&row.key);
            let marked = row.map_intent(|intent| Intent {
                claim: intent.claim.map(|claim| Claim { polled: Some(now), ..claim }),
                ..intent
            });
            // Changed by another meanwhile: it is taken up again as it is now, and handed over once more.
            if let Some(row) = self.write(marked).await? {
                self.slow.insert(row.key.clone(), row);
            }
        }
        Ok(())
    }

    /// Without a queue of its own, this engine itself looks after what messages seem to have been lost for.
    async fn take_back(&mut self) -> Result<(), RunError> {
        for (key, row) in std::mem::take(&mut self.lost_polls) {
            let unmarked = row.map_intent(|intent| Intent {
                claim: intent.claim.map(|claim| Claim { polled: None, ..claim }),
                ..intent
            });
            if let Some(row) = self.write(unmarked).await? {
                self.outstanding.insert(key, row);
            }
        }
        Ok(())
    }

    /// All that takes a place in the window.
    pub(super) fn under_way(&self) -> BTreeMap<AssignmentKey, Row> {
        let ours = self.outstanding.iter().chain(&self.slow).chain(&self.lost_polls);
        ours.map(|(key, row)| (key.clone(), row.clone())).collect()
    }

    /// Takes up claims that this session doesn't know: a dead engine's, or an earlier run's. What was handed over is only counted.
    pub(super) async fn take_over(&mut self, rows: &[Row]) -> Result<(), RunError> {
        let now = self.engine.clock.now();
        self.slow = rows
            .iter()
            .filter(|row| row.is_handed_over(now) && !self.outstanding.contains_key(&row.key))
            .map(|row| (row.key.clone(), row.clone()))
            .collect();
        self.lost_polls.clear();
        for row in rows.iter().filter(|row| row.claim().is_some()) {
            if self.outstanding.contains_key(&row.key) || self.slow.contains_key(&row.key) {
                continue;
            }
            // The listing may be late; the row itself is not.
            let Some(row) = self.engine.ledger.row(&row.key).await? else { continue };
            let Some(claim) = row.claim() else { continue };
            let place = if row.is_handed_over(now) {
                &mut self.slow
            } else if claim.polled.is_some() {
                &mut self.lost_polls
            } else {
                &mut self.outstanding
            };
            place.insert(row.key.clone(), row);
        }
        Ok(())
    }
}
