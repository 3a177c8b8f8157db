//! How long AWS knows requests that have ended.

use std::time::Duration;

use shared::domain::Operation;

use super::{Ended, Prober};
use crate::report::{Found, Lifetime, Seconds, StatusLifetime};

/// How far apart two looks are: at least, and at most.
const APART: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));

/// A request that is asked for.
struct Asked<'a> {
    ended: &'a Ended,
    known_for: Duration,
    gone_after: Option<Duration>,
}

impl Prober<'_> {
    /// Asks for the last request of each kind until it is gone or has been known for so long.
    pub(super) async fn lifetime(&self, ended: &[Ended], most: Duration) -> Found<StatusLifetime> {
        let last = |operation| ended.iter().rfind(|ended| ended.operation == operation);
        let both = [last(Operation::Grant), last(Operation::Revoke)];
        let mut asked: Vec<Asked<'_>> = both
            .into_iter()
            .flatten()
            .map(|ended| Asked { ended, known_for: Duration::ZERO, gone_after: None })
            .collect();
        if asked.is_empty() {
            return Found::NotMeasured { why: "no request of the probe has ended well".to_owned() };
        }
        loop {
            let mut next = None;
            for one in &mut asked {
                if one.gone_after.is_some() || one.known_for >= most {
                    continue;
                }
                let answer = self.access.request(one.ended.operation, &one.ended.request).await;
                let passed = self.since(one.ended.at);
                match answer {
                    Ok(Some(_)) => one.known_for = passed,
                    Ok(None) => one.gone_after = Some(passed),
                    Err(error) if error.is_transient() => {}
                    Err(error) => return Found::NotMeasured { why: error.to_string() },
                }
                if one.gone_after.is_none() && passed < most {
                    let wait = (passed / 20).clamp(APART.0, APART.1).min(most.saturating_sub(passed));
                    next = Some(next.map_or(wait, |next: Duration| next.min(wait)));
                }
            }
            let Some(wait) = next else { break };
            self.clock.sleep(wait).await;
        }
        let of = |operation| {
            asked.iter().find(|one| one.ended.operation == operation).map(|one| Lifetime {
                request: one.ended.request.to_string(),
                known_for: Seconds(one.known_for),
                gone_after: one.gone_after.map(Seconds),
            })
        };
        Found::Measured(StatusLifetime { create: of(Operation::Grant), delete: of(Operation::Revoke) })
    }
}
