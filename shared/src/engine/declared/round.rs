//! All declared permission sets in turn, as the functions do it: after every change of the rules, and from time to time for what people
//! have changed by hand. The ledger keeps how far it has come.

use jiff::{SignedDuration, Timestamp};

use super::{
    DeclaredSetsError, Kept, SetKeeper,
    noted::Reason,
    place::{PLACE, Place},
    survey::Ground,
};
use crate::{
    domain::Mode,
    engine::{RulesOnHand, memory::remember, reading::Reading},
    ports::{LedgerError, PortError, Seen, SeenKind},
    rules::{DeclaredSet, Wanted},
};

/// The pause before another try for the lease.
const KNOCK: std::time::Duration = std::time::Duration::from_millis(250);

/// A set is not begun any more when so little time is left.
const ONE_SET: SignedDuration = SignedDuration::from_secs(10);

/// So many names of permission sets are asked for before they are remembered: a quarter of a minute at the function's pace.
const NAMES: usize = 5;

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

/// How it went with one set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Through,
    Failed,
    /// There is no point in going on.
    NoFurther,
}

impl SetKeeper<'_> {
    /// Keeps those that are due until `until`; the next run goes on. `holder` names this run in the lease.
    pub async fn run(&self, holder: &str, until: Timestamp) -> Result<KeepSummary, DeclaredSetsError> {
        let mut summary = KeepSummary::default();
        let Some(rules) = self.declared.reader.rulebook.if_any(self.ledger).await? else {
            return Ok(summary);
        };
        let is_idle = rules.index.declared().is_empty() || rules.index.settings().mode == Mode::Observe;
        if is_idle || self.ledger.orders().await?.stop_everything() {
            return Ok(summary);
        }
        let kept = self.ledger.recall_one(SeenKind::Fact, PLACE).await?;
        let kept = kept.and_then(|fact| serde_json::from_value::<Place>(fact.value).ok());
        let now = self.clock().now();
        let place = match kept.filter(|place| place.rules == rules.version) {
            None => {
                self.notes().only(rules.index.declared()).await?;
                Some(Place::begin(rules.version.clone(), now))
            }
            Some(place) => place.due(now),
        };
        let Some(mut place) = place else { return Ok(summary) };
        let Some(ground) = self.learned(&rules, until).await? else { return Ok(summary) };
        let gone_through = self.go_through(holder, &ground, until, &mut place, &mut summary).await;
        if let Ok(true) = gone_through {
            place.is_over(self.clock().now());
        }
        self.keep_place(&place).await?;
        gone_through.map(|_| summary)
    }

    /// Reads what all of them need. The names of other permission sets are learned bit by bit, and each bit is remembered: in a large
    /// instance that takes many runs. `None` if there is no time left for more.
    async fn learned(
        &self,
        rules: &RulesOnHand,
        until: Timestamp,
    ) -> Result<Option<Ground>, DeclaredSetsError> {
        let reading = Reading::begin(self.declared.reader, &self.declared.settings).await?;
        while reading.learn_sets(false, NAMES).await {
            remember(self.ledger, &reading.learned()).await?;
            if self.clock().now() >= until {
                return Ok(None);
            }
        }
        // Before anything else is read: what else fails costs no name.
        remember(self.ledger, &reading.learned()).await?;
        let ground = self.declared.ground_of(&reading, rules.clone()).await?;
        remember(self.ledger, &ground.learned).await?;
        Ok(Some(ground))
    }

    /// Keeps one after the other; tells whether that was all.
    async fn go_through(
        &self,
        holder: &str,
        ground: &Ground,
        until: Timestamp,
        place: &mut Place,
        summary: &mut KeepSummary,
    ) -> Result<bool, DeclaredSetsError> {
        let declared = ground.rules.index.declared();
        let is_missing = |set: &&DeclaredSet| ground.arn(&set.name).is_none();
        // Rules wait for these, and that they are not there is known already.
        let is_due =
            |set: &&DeclaredSet| set.wanted != Wanted::Gone || ground.claims().begun(&set.name).is_some();
        for set in declared.iter().filter(is_due).filter(is_missing) {
            if !place.tries(&set.name, self.clock().now()) {
                continue;
            }
            let went = self.one(holder, ground, &set.name, until, summary).await?;
            if !self.note(place, &set.name, went) {
                return Ok(false);
            }
        }
        let after = place.after.clone().filter(|_| !place.over);
        let left = declared.iter().filter(|set| after.as_ref().is_none_or(|after| set.name > *after));
        for set in left.filter(|set| !is_missing(set)) {
            let now = self.clock().now();
            if !place.tries(&set.name, now) {
                continue;
            }
            if now + ONE_SET > until {
                return Ok(false);
            }
            let went = self.looked_at(holder, ground, set, until, summary).await?;
            if !self.note(place, &set.name, went) {
                return Ok(false);
            }
            if !place.over {
                place.after = Some(set.name.clone());
            }
        }
        Ok(true)
    }

    /// Notes how it went; tells whether there is any point in going on.
    fn note(&self, place: &mut Place, name: &str, went: Went) -> bool {
        match went {
            Went::Through => place.is_done_with(name),
            Went::Failed => place.has_failed(name, self.clock().now()),
            Went::NoFurther => return false,
        }
        true
    }

    /// Looks at one without the lease, and keeps it if it differs.
    async fn looked_at(
        &self,
        holder: &str,
        ground: &Ground,
        set: &DeclaredSet,
        until: Timestamp,
        summary: &mut KeepSummary,
    ) -> Result<Went, DeclaredSetsError> {
        match self.declared.surveyed(ground, set, self.declared.sets).await {
            Ok(surveyed) if surveyed.plan.withheld.is_some() => {
                summary.withheld += 1;
                if let Some(withheld) = &surveyed.plan.withheld {
                    let (arn, version) = (surveyed.plan.arn.as_ref(), &ground.rules.version);
                    self.notes().waits(set, arn, version, Reason::Withheld(withheld)).await?;
                }
                Ok(Went::Through)
            }
            Ok(surveyed)
                if surveyed.plan.has_work()
                    || surveyed.plan.adopts
                    || ground.claims().is_begun(&set.name) =>
            {
                self.one(holder, ground, &set.name, until, summary).await
            }
            Ok(_) => {
                self.notes().as_declared(&[set]).await?;
                Ok(Went::Through)
            }
            Err(error) => {
                if error.is_of_one() {
                    let why = crate::causes::joined(&error);
                    self.has_failed(set, ground.arn(&set.name), &ground.rules.version, &why).await?;
                }
                unread(error, summary)
            }
        }
    }

    /// Keeps one, once the lease can be had.
    async fn one(
        &self,
        holder: &str,
        ground: &Ground,
        name: &str,
        until: Timestamp,
        summary: &mut KeepSummary,
    ) -> Result<Went, DeclaredSetsError> {
        loop {
            if self.clock().now() + ONE_SET > until {
                return Ok(Went::NoFurther);
            }
            let kept = match self.keep(holder, &ground.rules, name, None).await {
                Ok(kept) => kept,
                Err(error) => return unread(error, summary),
            };
            summary.held_off = kept == Kept::HeldOff;
            match kept {
                Kept::HeldOff => {
                    self.clock().sleep(KNOCK).await;
                    continue;
                }
                Kept::Paused | Kept::Overtaken => return Ok(Went::NoFurther),
                Kept::Made => summary.made += 1,
                Kept::Done { calls } => summary.edited += usize::from(calls > 0),
                Kept::Deleted => summary.deleted += 1,
                Kept::Withheld(_) => summary.withheld += 1,
                Kept::Failed { call, why } => {
                    summary.failed += 1;
                    tracing::warn!(call, error = %why, "permission set: {call} has failed: {why}");
                    return Ok(Went::Failed);
                }
            }
            return Ok(Went::Through);
        }
    }

    async fn keep_place(&self, place: &Place) -> Result<(), LedgerError> {
        let value = serde_json::to_value(place)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        let seen = Seen { id: PLACE.to_owned(), value, at: self.clock().now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await
    }
}

/// One that can't be read holds up no other.
fn unread(error: DeclaredSetsError, summary: &mut KeepSummary) -> Result<Went, DeclaredSetsError> {
    if !error.is_of_one() {
        return Err(error);
    }
    summary.failed += 1;
    let error = crate::causes::joined(&error);
    tracing::warn!(error, "permission set: {error}");
    Ok(Went::Failed)
}
