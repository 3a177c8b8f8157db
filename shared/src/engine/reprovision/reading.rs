//! Which accounts have an old version of a permission set, and how the organization stands to them.
//!
//! Where tags don't come in bulk, those of thousands of accounts take longer than a run has time: each is kept as it is read, and the next
//! run goes on with the others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ReprovisionError, Reprovisioner};
use crate::{
    domain::{AccountId, Tags},
    engine::{OutlineError, ReadError, RulesOnHand, memory::remember, reading::Reading, signed},
    ledger::Campaign,
    ports::{AccountRecord, LedgerError, OfVersion, PortError, Seen, SeenKind},
    reprovision::{Found, MOST_AT_ONCE, Standing},
};

/// More accounts than this are listed, and their tags asked for in bulk; fewer are asked for one by one.
const A_PAGE: usize = 20;

/// What a look finds.
pub(super) enum Looking {
    Found(Found),
    /// The permission set doesn't exist.
    Gone,
    /// There was not time enough; the next look goes on from here.
    Unfinished,
}

/// What the waves of accounts are told by.
pub(super) enum ByTags {
    /// They are of no concern.
    NoWaves,
    /// No wave goes by tags.
    Unasked,
    /// What could be read, and why the others could not.
    Read { tags: BTreeMap<AccountId, Tags>, failed: BTreeMap<AccountId, PortError> },
}

impl Reprovisioner<'_> {
    /// What AWS lists of a campaign's permission set. Tags are read one by one until then, and in any case for as long as a run lasts: else
    /// looks that begin late would never come to an end.
    pub(super) async fn found(
        &self,
        campaign: &Campaign,
        rules: &RulesOnHand,
        until: Timestamp,
    ) -> Result<Looking, ReprovisionError> {
        let set = &campaign.permission_set;
        let failed = |source| ReprovisionError::Outdated { permission_set: set.clone(), source };
        let access = self.reader.access;
        let Some(outdated) = access.accounts_on(set, OfVersion::Outdated).await.map_err(failed)? else {
            return Ok(Looking::Gone);
        };
        let outdated: BTreeSet<AccountId> = outdated.into_iter().collect();
        let records = self.records(&outdated).await?;
        // Whoever has left the organization, or is closing, is in no wave: its tags would be asked for in vain, at every look.
        let active = records.iter().filter(|record| record.state.is_active());
        let active: BTreeSet<AccountId> = active.map(|record| record.id.clone()).collect();
        let Some(tags) = self.tags(&active, campaign, rules, until).await? else {
            return Ok(Looking::Unfinished);
        };
        // It is asked only to tell whether these are all.
        let may_be_all = (2..=MOST_AT_ONCE).contains(&outdated.len());
        let provisioned = if !may_be_all || campaign.one_by_one || !campaign.tried.is_empty() {
            BTreeSet::new()
        } else {
            let all = access.accounts_on(set, OfVersion::Any).await.map_err(failed)?;
            all.unwrap_or_default().into_iter().collect()
        };
        let standing = self.standing(records, rules, tags).await?;
        Ok(Looking::Found(Found { outdated, provisioned, standing }))
    }

    /// How these accounts stand.
    pub(super) async fn standing(
        &self,
        records: Vec<AccountRecord>,
        rules: &RulesOnHand,
        tags: ByTags,
    ) -> Result<BTreeMap<AccountId, Standing>, ReprovisionError> {
        if records.is_empty() {
            return Ok(BTreeMap::new());
        }
        let reading = Reading::begin(self.reader, &self.settings).await?;
        let management = reading.organization().await?.management_account;
        let waves = waves(&reading, &records, rules, tags).await?;
        remember(self.ledger, &reading.learned()).await?;
        Ok(records
            .into_iter()
            .map(|record| {
                let standing = Standing {
                    active: record.state.is_active(),
                    is_management: record.id == management,
                    wave: waves.get(&record.id).copied().unwrap_or(0),
                };
                (record.id, standing)
            })
            .collect())
    }

    /// The accounts as Organizations has them.
    pub(super) async fn records(
        &self,
        accounts: &BTreeSet<AccountId>,
    ) -> Result<Vec<AccountRecord>, ReprovisionError> {
        let organization = self.reader.organization;
        if accounts.len() > A_PAGE {
            let all = organization.accounts().await.map_err(OutlineError::Organization)?;
            return Ok(all.into_iter().filter(|record| accounts.contains(&record.id)).collect());
        }
        let mut records = Vec::new();
        for id in accounts {
            let found = organization.account(id).await;
            let failed = |source| ReadError::Account { account: id.clone(), source };
            records.extend(found.map_err(failed)?);
        }
        Ok(records)
    }

    /// The tags of these accounts, as far as a wave goes by them; `None` where there is no time left for all of them.
    async fn tags(
        &self,
        accounts: &BTreeSet<AccountId>,
        campaign: &Campaign,
        rules: &RulesOnHand,
        until: Timestamp,
    ) -> Result<Option<ByTags>, ReprovisionError> {
        let reprovision = rules.index.reprovision();
        // A push goes through the waves.
        if reprovision.waves.is_empty() || campaign.pushed.is_some() {
            return Ok(Some(ByTags::NoWaves));
        }
        if !reprovision.goes_by_tags() {
            return Ok(Some(ByTags::Unasked));
        }
        let reading = Reading::begin(self.reader, &self.settings).await?;
        let (mut tags, mut failed) = (BTreeMap::new(), BTreeMap::new());
        if accounts.len() > A_PAGE {
            tags = self.kept_tags(campaign.began).await?;
            tags.extend(reading.tags_in_bulk(accounts).await?);
        }
        let missing: Vec<&AccountId> = accounts.iter().filter(|id| !tags.contains_key(*id)).collect();
        let until = until.max(self.clock().now() + signed(self.schedule.run_for));
        let mut in_time = true;
        for page in missing.chunks(A_PAGE) {
            in_time = self.clock().now() < until;
            if !in_time {
                break;
            }
            let mut read = Vec::new();
            let mut trouble = None;
            for id in page.iter().copied() {
                let at = self.clock().now();
                match reading.tags_of(id).await {
                    Ok(Some(of_it)) => {
                        let value = serde_json::to_value(&of_it)
                            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
                        read.push(Seen { id: id.to_string(), value, at });
                        tags.insert(id.clone(), of_it);
                    }
                    Ok(None) => {
                        failed.insert(id.clone(), PortError::NotFound("its tags are gone".to_owned()));
                    }
                    Err(error) if error.is_transient() => {
                        trouble = Some(ReadError::Account { account: id.clone(), source: error });
                        break;
                    }
                    Err(error) => {
                        failed.insert(id.clone(), error);
                    }
                }
            }
            // What was read stands, whatever comes.
            if accounts.len() > A_PAGE {
                self.ledger.remember(SeenKind::AccountTags, &read).await?;
            }
            if let Some(trouble) = trouble {
                return Err(trouble.into());
            }
        }
        remember(self.ledger, &reading.learned()).await?;
        Ok(in_time.then_some(ByTags::Read { tags, failed }))
    }

    /// What was read of tags since a campaign began, or is young enough: by these an account keeps its wave.
    async fn kept_tags(&self, began: Timestamp) -> Result<BTreeMap<AccountId, Tags>, LedgerError> {
        let since = began.min(self.clock().now() - signed(self.settings.facts_age));
        let kept = self.ledger.recall(SeenKind::AccountTags).await?.into_iter();
        let tags = kept.filter(|seen| seen.at >= since).filter_map(|Seen { id, value, at: _ }| {
            Some((id.parse().ok()?, serde_json::from_value(value).ok()?))
        });
        Ok(tags.collect())
    }
}

/// The wave of each account. INVARIANT: tags that can't be read put nobody into another wave: it is an error; of an account that is not
/// active, and left out whatever its wave, they may be gone.
async fn waves(
    reading: &Reading<'_>,
    records: &[AccountRecord],
    rules: &RulesOnHand,
    by_tags: ByTags,
) -> Result<BTreeMap<AccountId, usize>, ReprovisionError> {
    let waves = &rules.index.reprovision().waves;
    let (mut tags, mut failed, asked) = match by_tags {
        ByTags::NoWaves => return Ok(BTreeMap::new()),
        ByTags::Unasked => (BTreeMap::new(), BTreeMap::new(), false),
        ByTags::Read { tags, failed } => (tags, failed, true),
    };
    reading.learn_ous(records).await;
    let mut of = BTreeMap::new();
    for record in records {
        if let Some(source) = failed.remove(&record.id) {
            if record.state.is_active() {
                return Err(ReadError::Account { account: record.id.clone(), source }.into());
            }
            continue;
        }
        let tags = if asked { tags.remove(&record.id) } else { Some(Tags::default()) };
        if tags.is_none() && !record.state.is_active() {
            continue;
        }
        let account = match reading.listed(record.clone(), tags).await {
            Err(_) if !record.state.is_active() => continue,
            account => account?,
        };
        let wave = waves.iter().position(|wave| wave.accounts.selects(&account));
        of.insert(account.id, wave.unwrap_or(waves.len()));
    }
    Ok(of)
}
