//! Who calls, and where they stand: what is asked when somebody looks for what is wrong. Nothing is decided by it.

use aws_sdk_organizations::types::{OrganizationFeatureSet, Policy, PolicyType};
use aws_sdk_ssoadmin::types::RegionScope;

use super::{
    connect::Connection,
    error::{calling, unreadable},
    pages::Pages,
    parse,
};
use crate::{
    domain::{AccountId, InstanceArn},
    ports::PortError,
};

/// What Identity Center is called where a service is trusted or administered.
pub const IDENTITY_CENTER: &str = "sso.amazonaws.com";

/// Whose credentials are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    pub account: AccountId,
    /// A role's session, a user or a root user. The session's name may be a person's: it is for their own eyes.
    pub arn: String,
}

/// An instance that the caller may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSeen {
    pub arn: InstanceArn,
    pub owner: AccountId,
    /// `ACTIVE`, or another word of AWS's.
    pub status: String,
    /// The Region that it was enabled in, where AWS tells it: an instance can be reached in others too, and written to in this one alone.
    pub primary_region: Option<String>,
}

/// A service control policy that somebody in the organization has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPolicy {
    pub id: String,
    pub name: String,
    /// Its JSON.
    pub content: String,
}

impl Connection {
    /// `GetCallerIdentity`, which needs no permission.
    pub async fn caller(&self) -> Result<CallerIdentity, PortError> {
        let operation = "GetCallerIdentity";
        let client = aws_sdk_sts::Client::new(self.sdk_config());
        let answer = client.get_caller_identity().send().await.map_err(calling(operation))?;
        Ok(CallerIdentity {
            account: parse::id(operation, "account id", answer.account())?,
            arn: parse::text(operation, "ARN", answer.arn())?,
        })
    }

    /// The instances of the Region that the caller may know of: of the organization, and of their own account.
    pub async fn instances(&self) -> Result<Vec<InstanceSeen>, PortError> {
        self.instances_of(None).await
    }

    /// Those of all Regions.
    pub async fn instances_anywhere(&self) -> Result<Vec<InstanceSeen>, PortError> {
        self.instances_of(Some(RegionScope::AllRegions)).await
    }

    async fn instances_of(&self, scope: Option<RegionScope>) -> Result<Vec<InstanceSeen>, PortError> {
        let operation = "ListInstances";
        let client = aws_sdk_ssoadmin::Client::new(self.sdk_config());
        let (mut pages, mut found) = (Pages::of(operation), Vec::new());
        while let Some(token) = pages.next() {
            let request = client.list_instances().set_region_scope(scope.clone()).set_next_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            for instance in page.instances() {
                found.push(InstanceSeen {
                    arn: parse::id(operation, "instance", instance.instance_arn())?,
                    owner: parse::id(operation, "owner", instance.owner_account_id())?,
                    status: instance.status().map_or("", |status| status.as_str()).to_owned(),
                    primary_region: instance.primary_region().map(str::to_owned),
                });
            }
            pages.turn(page.next_token)?;
        }
        Ok(found)
    }

    /// Whether the organization has all features, and not only one bill.
    pub async fn has_all_features(&self) -> Result<bool, PortError> {
        let operation = "DescribeOrganization";
        let client = aws_sdk_organizations::Client::new(self.sdk_config());
        let answer = client.describe_organization().send().await.map_err(calling(operation))?;
        let Some(organization) = answer.organization() else {
            return Err(unreadable(operation, "it has no organization"));
        };
        Ok(organization.feature_set() == Some(&OrganizationFeatureSet::All))
    }

    /// The accounts that Identity Center is delegated to. The management account and delegated administrators may ask.
    pub async fn delegated_administrators(&self) -> Result<Vec<AccountId>, PortError> {
        let operation = "ListDelegatedAdministrators";
        let client = aws_sdk_organizations::Client::new(self.sdk_config());
        let (mut pages, mut found) = (Pages::of(operation), Vec::new());
        while let Some(token) = pages.next() {
            let request = client.list_delegated_administrators().service_principal(IDENTITY_CENTER);
            let page = request.set_next_token(token).send().await.map_err(calling(operation))?;
            for account in page.delegated_administrators() {
                found.push(parse::id(operation, "account id", account.id())?);
            }
            pages.turn(page.next_token)?;
        }
        Ok(found)
    }

    /// The service control policies, without AWS's own. The management account and delegated administrators may ask.
    pub async fn control_policies(&self) -> Result<Vec<ControlPolicy>, PortError> {
        let (operation, describe) = ("ListPolicies", "DescribePolicy");
        let client = aws_sdk_organizations::Client::new(self.sdk_config());
        let (mut pages, mut found) = (Pages::of(operation), Vec::new());
        while let Some(token) = pages.next() {
            let request = client.list_policies().filter(PolicyType::ServiceControlPolicy);
            let page = request.set_next_token(token).send().await.map_err(calling(operation))?;
            for policy in page.policies().iter().filter(|policy| !policy.aws_managed()) {
                let id = parse::text(operation, "id", policy.id())?;
                let name = parse::text(operation, "name", policy.name())?;
                let answer =
                    client.describe_policy().policy_id(&id).send().await.map_err(calling(describe))?;
                let content = answer.policy().and_then(Policy::content);
                found.push(ControlPolicy { id, name, content: parse::text(describe, "content", content)? });
            }
            pages.turn(page.next_token)?;
        }
        Ok(found)
    }

    /// How many roots, OUs and accounts a policy is attached to.
    pub async fn targets_of_policy(&self, id: &str) -> Result<usize, PortError> {
        let operation = "ListTargetsForPolicy";
        let client = aws_sdk_organizations::Client::new(self.sdk_config());
        let (mut pages, mut number) = (Pages::of(operation), 0);
        while let Some(token) = pages.next() {
            let request = client.list_targets_for_policy().policy_id(id).set_next_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            number += page.targets().len();
            pages.turn(page.next_token)?;
        }
        Ok(number)
    }

    /// Whether the organization trusts Identity Center. The management account and delegated administrators may ask.
    pub async fn trusts_identity_center(&self) -> Result<bool, PortError> {
        let operation = "ListAWSServiceAccessForOrganization";
        let client = aws_sdk_organizations::Client::new(self.sdk_config());
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = client.list_aws_service_access_for_organization().set_next_token(token);
            let page = request.send().await.map_err(calling(operation))?;
            let mut services = page.enabled_service_principals().iter();
            if services.any(|service| service.service_principal() == Some(IDENTITY_CENTER)) {
                return Ok(true);
            }
            pages.turn(page.next_token)?;
        }
        Ok(false)
    }
}
