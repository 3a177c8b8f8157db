//! The organization's port.

use shared::{
    domain::{AccountId, AccountState, OuId, Tags},
    ports::{AccountRecord, OrganizationFacts, OrganizationReader, PortError},
};

use super::{InProcess, port_error, read, unless_absent};
use crate::wire::organizations as wire;

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

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        let answer =
            self.call(wire::DescribeOrganizationalUnit { organizational_unit_id: id.to_string() }).await;
        let answer = unless_absent(answer, |error| error.code == "OrganizationalUnitNotFoundException")?;
        Ok(answer.map(|answer| answer.organizational_unit.name))
    }
}
