//! Telling how the work at a row has ended: one line in the log, with all that it can be found by, and what is counted.

use jiff::Timestamp;

use super::{
    ending::{self, End, Ended},
    session::Session,
};
use crate::{
    ledger::Row,
    metrics::{self, Metric},
};

/// The function that runs the engine.
pub(super) const FUNCTION: &str = "provision";

/// Tells what a request of this row has come to. It has been written down.
pub(in crate::engine) fn ended(function: &str, row: &Row, ended: Ended, now: Timestamp) {
    let Row { key, cause, last_request, .. } = row;
    let (account, cause_id) = (&key.account, cause.as_str());
    let request = last_request.as_ref().map(ToString::to_string);
    let outcome = ending::told(row, ended, now).map(|outcome| outcome.id);
    let reason = row.trouble.as_deref().unwrap_or_default();
    match ended {
        Ended::Granted | Ended::Revoked => {
            let word = if ended == Ended::Granted { "granted" } else { "revoked" };
            tracing::info!(
                account.id = %account, %key, cause = cause_id, request.id = request, outcome.id = outcome,
                outcome = word, "{key}: {word}"
            );
        }
        Ended::Retried => tracing::info!(
            account.id = %account, %key, cause = cause_id, request.id = request, outcome.id = outcome,
            outcome = "failed", %reason, "{key}: failed, and is sent again"
        ),
        Ended::Blocked => tracing::warn!(
            account.id = %account, %key, cause = cause_id, request.id = request, outcome.id = outcome,
            outcome = "blocked", %reason, "{key}: refused"
        ),
    }
    match ended {
        Ended::Granted => {
            Metric::Granted.tell(function, now, 1);
            if let Some(at) = cause.at() {
                let took = now.as_millisecond().saturating_sub(at.as_millisecond());
                // Clocks differ: nobody has access before its event.
                Metric::EventToAccess.tell(function, now, u64::try_from(took).unwrap_or_default());
            }
        }
        Ended::Revoked => Metric::Revoked.tell(function, now, 1),
        Ended::Retried | Ended::Blocked => {
            Metric::Failed.tell_part(function, now, 1, metrics::class(reason));
        }
    }
}

impl Session<'_> {
    /// Counts an end, and tells it. It has been written down: who has lost the lease meanwhile leaves it to the other to tell.
    pub(super) fn tell(&mut self, row: &Row, end: End) {
        let count = match end {
            End::Request(of_request) => {
                ended(FUNCTION, row, of_request, self.hand.now());
                match of_request {
                    Ended::Granted => &mut self.summary.granted,
                    Ended::Revoked => &mut self.summary.revoked,
                    Ended::Retried => &mut self.summary.retried,
                    Ended::Blocked => &mut self.summary.blocked,
                }
            }
            End::Later => &mut self.summary.retried,
            End::Uncertain => &mut self.summary.uncertain,
            End::GivenUp => &mut self.summary.given_up,
        };
        *count += 1;
    }
}
