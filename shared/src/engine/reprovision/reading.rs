//! Which accounts have an old version of a permission set, and how the organization stands to them.

use std::collections::{BTreeMap, BTreeSet};

use super::{ReprovisionError, Reprovisioner};
use crate::{
    domain::AccountId,
    engine::{OutlineError, ReadError, RulesOnHand, memory::remember, reading::Reading},
    ledger::Campaign,
    ports::{AccountRecord, OfVersion},
    reprovision::{Found, Standing},
};

/// More accounts than this are listed, and their tags asked for in bulk; fewer are asked for one by one.
const A_PAGE: usize = 20;

impl Reprovisioner<'_> {
    /// What AWS lists of a campaign's permission set; `None` if it doesn't exist.
    pub(super) async fn found(
        &self,
        campaign: &Campaign,
        rules: &RulesOnHand,
    ) -> Result<Option<Found>, ReprovisionError> {
        let set = &campaign.permission_set;
        let failed = |source| ReprovisionError::Outdated { permission_set: set.clone(), source };
        let access = self.reader.access;
        let Some(outdated) = access.accounts_on(set, OfVersion::Outdated).await.map_err(failed)? else {
            return Ok(None);
        };
        let outdated: BTreeSet<AccountId> = outdated.into_iter().collect();
        // It is asked only to tell whether these are all.
        let provisioned = if outdated.len() < 2 || campaign.one_by_one || !campaign.tried.is_empty() {
            BTreeSet::new()
        } else {
            let all = access.accounts_on(set, OfVersion::Any).await.map_err(failed)?;
            all.unwrap_or_default().into_iter().collect()
        };
        let standing = self.standing(&outdated, rules).await?;
        Ok(Some(Found { outdated, provisioned, standing }))
    }

    /// How these accounts stand; one that is not in the organization is missing.
    pub(super) async fn standing(
        &self,
        accounts: &BTreeSet<AccountId>,
        rules: &RulesOnHand,
    ) -> Result<BTreeMap<AccountId, Standing>, ReprovisionError> {
        if accounts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let reading = Reading::begin(self.reader, &self.settings).await?;
        let management = reading.organization().await?.management_account;
        let records = self.records(accounts).await?;
        let waves = waves(&reading, &records, rules).await?;
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
    async fn records(&self, accounts: &BTreeSet<AccountId>) -> Result<Vec<AccountRecord>, ReprovisionError> {
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
}

/// The wave of each account. INVARIANT: tags that can't be read put nobody into another wave: it is an error; of an account that is not
/// active, and left out whatever its wave, they may be gone.
async fn waves(
    reading: &Reading<'_>,
    records: &[AccountRecord],
    rules: &RulesOnHand,
) -> Result<BTreeMap<AccountId, usize>, ReprovisionError> {
    let waves = &rules.index.reprovision().waves;
    if waves.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut tags =
        if records.len() > A_PAGE { reading.tags_in_bulk(records).await? } else { BTreeMap::new() };
    reading.learn_ous(records).await;
    let mut of = BTreeMap::new();
    for record in records {
        let tags = tags.remove(&record.id);
        let account = match reading.listed(record.clone(), tags).await {
            Err(_) if !record.state.is_active() => continue,
            account => account?,
        };
        let wave = waves.iter().position(|wave| wave.accounts.selects(&account));
        of.insert(account.id, wave.unwrap_or(waves.len()));
    }
    Ok(of)
}
