//! All declared permission sets in turn, as the functions do it: after every change of the rules, and from time to time for what people
//! have changed by hand. The ledger keeps how far it has come.

use jiff::{SignedDuration, Timestamp};

use super::{DeclaredSetsError, Kept, LOOKED_AT_EVERY, SetKeeper, survey::Ground};
use crate::{
    domain::{Mode, RulesVersion},
    engine::{memory::remember, signed},
    ports::{LedgerError, PortError, Seen, SeenKind},
    rules::Wanted,
};

/// The fact that keeps how far it has come.
const PLACE: &str = "declared-permission-sets";

/// The pause before another try for the lease.
const KNOCK: std::time::Duration = std::time::Duration::from_millis(250);

/// A set is not begun any more when so little time is left.
const ONE_SET: SignedDuration = SignedDuration::from_secs(10);

/// After so long a round is made again in which something has failed.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Place {
    rules: RulesVersion,
    began: Timestamp,
    /// The last one that is done with.
    after: Option<String>,
    over: bool,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct KeepSummary {
    pub made: usize,
    pub edited: usize,
    pub deleted: usize,
    /// Differ, and are left so.
    pub withheld: usize,
    pub failed: usize,
    /// Another held the lease all the time.
    pub held_off: bool,
}

impl SetKeeper<'_> {
    /// Keeps those that are due until `until`; the next run goes on. `holder` names this run in the lease.
    pub async fn run(&self, holder: &str, until: Timestamp) -> Result<KeepSummary, DeclaredSetsError> {
        let mut summary = KeepSummary::default();
        let Some(rules) = self.declared.reader.rulebook.if_any(self.ledger).await? else {
            return Ok(summary);
        };
        let is_idle = rules.index.declared().is_empty() || rules.index.settings().mode == Mode::Observe;
        if is_idle || self.ledger.orders().await?.pause.is_some() {
            return Ok(summary);
        }
        let now = self.clock().now();
        let kept = self.ledger.recall_one(SeenKind::Fact, PLACE).await?;
        let kept = kept.and_then(|fact| serde_json::from_value::<Place>(fact.value).ok());
        let begun = Place { rules: rules.version.clone(), began: now, after: None, over: false };
        let mut place = match kept.filter(|place| place.rules == rules.version) {
            None => begun,
            Some(place) if place.over && place.began + signed(LOOKED_AT_EVERY) > now => return Ok(summary),
            Some(place) if place.over => begun,
            Some(place) => place,
        };
        let ground = self.declared.ground(rules.clone()).await?;
        remember(self.ledger, &ground.learned).await?;
        let declared = rules.index.declared();
        // Rules wait for these, and that they are not there is known already.
        let missing =
            declared.iter().filter(|set| set.wanted != Wanted::Gone && ground.arn(&set.name).is_none());
        for set in missing {
            if !self.one(holder, &ground, &set.name, until, &mut summary).await? {
                return Ok(summary);
            }
        }
        let left = declared.iter().filter(|set| place.after.as_ref().is_none_or(|after| set.name > *after));
        let left: Vec<_> = left.filter(|set| ground.arn(&set.name).is_some()).collect();
        for set in left {
            if self.clock().now() + ONE_SET > until {
                self.keep_place(&place).await?;
                return Ok(summary);
            }
            let surveyed = self.declared.surveyed(&ground, set, self.declared.sets).await;
            let differs = match &surveyed {
                Ok(surveyed) => surveyed.plan.has_work() || surveyed.plan.adopts,
                Err(_) => false,
            };
            match surveyed {
                Ok(surveyed) if surveyed.plan.withheld.is_some() => summary.withheld += 1,
                Ok(_) if differs => {
                    if !self.one(holder, &ground, &set.name, until, &mut summary).await? {
                        self.keep_place(&place).await?;
                        return Ok(summary);
                    }
                }
                Ok(_) => {}
                // One that can't be read holds up no other.
                Err(error @ DeclaredSetsError::Set { .. }) => {
                    summary.failed += 1;
                    let error = crate::causes::joined(&error);
                    tracing::warn!(error, "permission set: {error}");
                }
                Err(error) => return Err(error),
            }
            place.after = Some(set.name.clone());
        }
        place.over = true;
        if summary.failed > 0 {
            // All are looked at again soon: what has failed, and what it was in the way of.
            place.began = self.clock().now() + TRIED_AGAIN - signed(LOOKED_AT_EVERY);
        }
        self.keep_place(&place).await?;
        Ok(summary)
    }

    /// Keeps one, once the lease can be had; tells whether there is any point in going on.
    async fn one(
        &self,
        holder: &str,
        ground: &Ground,
        name: &str,
        until: Timestamp,
        summary: &mut KeepSummary,
    ) -> Result<bool, DeclaredSetsError> {
        loop {
            if self.clock().now() + ONE_SET > until {
                return Ok(false);
            }
            let kept = self.keep(holder, &ground.rules, name, None).await?;
            summary.held_off = kept == Kept::HeldOff;
            match kept {
                Kept::HeldOff => {
                    self.clock().sleep(KNOCK).await;
                    continue;
                }
                Kept::Paused | Kept::Overtaken => return Ok(false),
                Kept::Made => summary.made += 1,
                Kept::Done { calls } => summary.edited += usize::from(calls > 0),
                Kept::Deleted => summary.deleted += 1,
                Kept::Withheld(_) => summary.withheld += 1,
                Kept::Failed { call, why } => {
                    summary.failed += 1;
                    tracing::warn!(call, error = %why, "permission set: {call} has failed: {why}");
                }
            }
            return Ok(true);
        }
    }

    async fn keep_place(&self, place: &Place) -> Result<(), LedgerError> {
        let value = serde_json::to_value(place)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        let seen = Seen { id: PLACE.to_owned(), value, at: self.clock().now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await
    }
}
