//! The schedule's look: permission sets that are outdated in some account, whatever events were lost.
//!
//! It asks one call for each permission set, a few at a time, and the ledger keeps how far it has come.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use super::{ReprovisionError, ReprovisionSummary, Reprovisioner, reading::ByTags};
use crate::{
    domain::{AccountId, Mode, PermissionSetArn},
    engine::{RulesOnHand, signed},
    ledger::Campaign,
    ports::{Guard, LedgerError, OfVersion, PortError, Seen, SeenKind},
    reprovision::{Found, is_news},
};

/// The fact that keeps how far the look has come.
const LOOK: &str = "reprovisioning-look";

/// How many permission sets are asked about before campaigns are gone on with.
const AT_A_TIME: usize = 10;

/// In so many runs a permission set may fail with what may pass, before those behind it are looked at.
const TRIES: u32 = 5;

/// How far a look has come.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Place {
    began: Timestamp,
    /// The last one that is done with.
    after: Option<PermissionSetArn>,
    /// How many runs have failed at the next one with what may pass.
    #[serde(default)]
    tries: u32,
    over: bool,
}

/// A look that a run goes on with.
pub(super) struct OutdatedLook {
    place: Place,
    left: VecDeque<PermissionSetArn>,
}

impl Reprovisioner<'_> {
    /// The look that is due, as far as one is.
    pub(super) async fn outdated_look(&self) -> Result<Option<OutdatedLook>, ReprovisionError> {
        let now = self.clock().now();
        let facts = self.ledger.recall(SeenKind::Fact).await?;
        let kept = facts.into_iter().find(|fact| fact.id == LOOK);
        let kept = kept.and_then(|fact| serde_json::from_value::<Place>(fact.value).ok());
        let begun = Place { began: now, after: None, tries: 0, over: false };
        let place = match kept {
            None => begun,
            Some(place) if place.over && place.began + signed(self.schedule.every) > now => return Ok(None),
            Some(place) if place.over => begun,
            Some(place) => place,
        };
        let listed = match self.reader.access.permission_sets().await {
            Ok(listed) => listed,
            Err(error) if error.is_transient() => return Ok(None),
            Err(error) => return Err(ReprovisionError::PermissionSets(error)),
        };
        let all: BTreeSet<PermissionSetArn> = listed.into_iter().collect();
        let left = all.into_iter().filter(|set| place.after.as_ref().is_none_or(|after| set > after));
        Ok(Some(OutdatedLook { left: left.collect(), place }))
    }

    /// Goes on with the look; tells whether there is more of it to do.
    pub(super) async fn look_on(
        &self,
        look: &mut Option<OutdatedLook>,
        rules: &RulesOnHand,
        until: Timestamp,
        summary: &mut ReprovisionSummary,
    ) -> Result<bool, ReprovisionError> {
        let Some(OutdatedLook { place, left }) = look else { return Ok(false) };
        let orders = self.ledger.orders().await?;
        // Nothing would be sent: it is looked for when something would.
        if rules.index.settings().mode == Mode::Observe || orders.stop_everything() {
            *look = None;
            return Ok(false);
        }
        for number in 0..AT_A_TIME {
            // To look at the accounts of one may take long. At least one is, in every run.
            if number > 0 && self.clock().now() >= until {
                break;
            }
            let Some(set) = left.pop_front() else { break };
            match self.reader.access.accounts_on(&set, OfVersion::Outdated).await {
                Ok(Some(outdated)) if !outdated.is_empty() => {
                    let outdated = outdated.into_iter().collect();
                    match self.is_found(&set, outdated, rules).await {
                        Ok(found) => summary.found += usize::from(found),
                        // The next run goes on from here.
                        Err(error) if error.is_transient() && place.tries < TRIES => {
                            place.tries += 1;
                            self.keep_place(place).await?;
                            *look = None;
                            return Ok(false);
                        }
                        Err(error) if error.is_of_one_set() => {
                            summary.troubled += 1;
                            let error = crate::causes::joined(&error);
                            tracing::warn!(permission_set = %set, error, "{set}: cannot look at who has an old version: {error}");
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(Some(_) | None) => {}
                // The next run goes on from here.
                Err(error) if error.is_transient() && place.tries < TRIES => {
                    place.tries += 1;
                    self.keep_place(place).await?;
                    *look = None;
                    return Ok(false);
                }
                Err(source @ PortError::Barred(_)) => {
                    return Err(ReprovisionError::Outdated { permission_set: set, source });
                }
                Err(error) => {
                    summary.troubled += 1;
                    tracing::warn!(permission_set = %set, %error, "{set}: cannot ask who has an old version: {error}");
                }
            }
            (place.after, place.tries) = (Some(set), 0);
        }
        place.over = left.is_empty();
        let more = !place.over;
        self.keep_place(place).await?;
        if !more {
            *look = None;
        }
        Ok(more)
    }

    async fn keep_place(&self, place: &Place) -> Result<(), LedgerError> {
        let value = serde_json::to_value(place)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        let seen = Seen { id: LOOK.to_owned(), value, at: self.clock().now() };
        self.ledger.remember(SeenKind::Fact, &[seen]).await
    }

    /// Begins a campaign, unless there is one or the last one has left just these behind; tells whether it did.
    async fn is_found(
        &self,
        set: &PermissionSetArn,
        outdated: BTreeSet<AccountId>,
        rules: &RulesOnHand,
    ) -> Result<bool, ReprovisionError> {
        if self.ledger.campaign(set).await?.is_some() {
            return Ok(false);
        }
        let records = self.records(&outdated).await?;
        let standing = self.standing(records, rules, ByTags::NoWaves).await?;
        let found = Found { outdated, provisioned: BTreeSet::new(), standing };
        let orders = self.ledger.orders().await?;
        let open = found.open(&self.policy(rules, &orders));
        let now = self.clock().now();
        if !is_news(&open, self.last_record(set).await?.as_ref(), now) {
            return Ok(false);
        }
        match self.ledger.keep_campaign(&Campaign::found(set.clone(), now), &Guard::default()).await {
            Ok(()) => Ok(true),
            // An event has told of it meanwhile.
            Err(LedgerError::CampaignChanged(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
