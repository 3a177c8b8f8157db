//! The organization's port.

use std::collections::BTreeMap;

use shared::{
    domain::{AccountId, AccountState, OuId, ParentId, Tags},
    ports::{AccountRecord, OrganizationFacts, OrganizationReader, PortError},
};

use super::{InProcess, port_error, read, unless_absent};
use crate::wire::{organizations as wire, tagging};

fn record(account: &wire::Account) -> Result<AccountRecord, PortError> {
    let path =
        account.paths.first().ok_or_else(|| PortError::Failed("an account without a path".to_owned()))?;
    Ok(AccountRecord {
        id: read(&account.id)?,
        name: account.name.clone(),
        state: match account.state.as_str() {
            "PENDING_ACTIVATION" => AccountState::PendingActivation,
            "ACTIVE" => AccountState::Active,
            "SUSPENDED" => AccountState::Suspended,
            "PENDING_CLOSURE" => AccountState::PendingClosure,
            "CLOSED" => AccountState::Closed,
            _ => AccountState::Unknown,
        },
        root: read(path.split('/').find(|part| part.starts_with("r-")).unwrap_or_default())?,
        parents: path
            .split('/')
            .filter(|part| part.starts_with("ou-"))
            .map(read::<OuId>)
            .collect::<Result<_, _>>()?,
    })
}

#[async_trait::async_trait]
impl OrganizationReader for InProcess {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        let answer = self.call(wire::DescribeOrganization {}).await.map_err(port_error)?;
        Ok(OrganizationFacts {
            id: answer.organization.id,
            management_account: read(&answer.organization.master_account_id)?,
        })
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        let answer = self.call(wire::DescribeAccount { account_id: id.to_string() }).await;
        let answer = unless_absent(answer, |error| error.code == "AccountNotFoundException")?;
        answer.map(|answer| record(&answer.account)).transpose()
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let mut accounts = Vec::new();
        let mut next_token = None;
        loop {
            let page = self
                .call(wire::ListAccounts { next_token, max_results: Some(20) })
                .await
                .map_err(port_error)?;
            for account in &page.accounts {
                accounts.push(record(account)?);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                accounts.sort_by(|one, other| one.id.cmp(&other.id));
                return Ok(accounts);
            }
        }
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        let mut tags = Tags::default();
        let mut next_token = None;
        loop {
            let answer =
                self.call(wire::ListTagsForResource { resource_id: id.to_string(), next_token }).await;
            let Some(page) = unless_absent(answer, |error| error.code == "TargetNotFoundException")? else {
                return Ok(None);
            };
            tags.0.extend(page.tags.into_iter().map(|tag| (tag.key, tag.value)));
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let mut all = BTreeMap::new();
        let mut pagination_token = None;
        loop {
            let input = tagging::GetResources {
                pagination_token,
                resources_per_page: Some(100),
                resource_type_filters: Some(vec!["organizations:account".to_owned()]),
                ..tagging::GetResources::default()
            };
            let page = self.call(input).await.map_err(port_error)?;
            for found in page.resource_tag_mapping_list {
                let id = found.resource_arn.rsplit('/').next().unwrap_or_default();
                let tags = found.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
                all.insert(read(id)?, Tags(tags));
            }
            pagination_token = Some(page.pagination_token).filter(|token| !token.is_empty());
            if pagination_token.is_none() {
                return Ok(all);
            }
        }
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        let mut names = BTreeMap::new();
        let mut next_token = None;
        loop {
            let input = wire::ListOrganizationalUnitsForParent {
                parent_id: parent.to_string(),
                next_token,
                max_results: Some(20),
            };
            let answer =
                unless_absent(self.call(input).await, |error| error.code == "ParentNotFoundException")?;
            let Some(page) = answer else { return Ok(None) };
            for unit in page.organizational_units {
                names.insert(read(&unit.id)?, unit.name);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(Some(names));
            }
        }
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        let answer =
            self.call(wire::DescribeOrganizationalUnit { organizational_unit_id: id.to_string() }).await;
        let answer = unless_absent(answer, |error| error.code == "OrganizationalUnitNotFoundException")?;
        Ok(answer.map(|answer| answer.organizational_unit.name))
    }
}
