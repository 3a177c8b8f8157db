//! What a session has learned of AWS, for the runs after it.

use jiff::{SignedDuration, Timestamp};

use super::session::{Done, Session};
use crate::engine::Learned;

/// How often what was learned is written down, for the run after one that dies.
pub(super) const REMEMBERED_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Session<'_> {
    /// What the next run need not learn again.
    pub(super) fn learned(&self) -> Learned {
        let (rate, full_at) = {
            let pace = self.hand.pace();
            (pace.learned(), Some(pace.full_at()))
        };
        Learned {
            grants: self.grants.latency.learned(),
            revokes: self.revokes.latency.learned(),
            distrusted_at: self.grants.distrusted_at.max(self.revokes.distrusted_at),
            left: self.window.learned(),
            rate,
            full_at,
            strict_until: self.strict_until,
            takes_second: self.takes_second,
        }
    }

    /// Writes down what was learned, now and then.
    pub(super) fn start_remembering(&mut self, now: Timestamp) {
        if self.remember_at > now {
            self.wake_by(self.remember_at);
            return;
        }
        self.remember_at = now + REMEMBERED_EVERY;
        let (hand, learned) = (self.hand.clone(), self.learned());
        self.start(async move {
            hand.engine.remember(&learned).await?;
            Ok(Done::Remembered)
        });
    }
}
