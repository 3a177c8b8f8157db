//! SSO Admin's ports.

use jiff::Timestamp;
use shared::{
    domain::{
        AccountId, AssignmentKey, Instance, Operation, PermissionSetArn, Principal, ProvisioningTarget,
        RequestId, Tags,
    },
    ports::{
        AccessReader, AccessWriter, OfVersion, Page, PortError, Provisioning, Request, RequestListing,
        RequestStatus, RequestSummary,
    },
};

use super::{InProcess, lock, port_error, read, unless_absent};
use crate::{ApiError, wire::sso_admin as wire};

pub(super) fn is_not_found(error: &ApiError) -> bool {
    error.code == "ResourceNotFoundException"
}

fn principal_type(principal: &Principal) -> String {
    match principal {
        Principal::Group(_) => "GROUP".to_owned(),
        Principal::User(_) => "USER".to_owned(),
    }
}

fn principal(kind: &str, id: &str) -> Result<Principal, PortError> {
    match kind {
        "GROUP" => read(id).map(Principal::Group),
        "USER" => read(id).map(Principal::User),
        other => Err(PortError::Failed(format!("cannot read the answer: unknown principal type `{other}`"))),
    }
}

fn key(assignment: &wire::Assignment) -> Result<AssignmentKey, PortError> {
    Ok(AssignmentKey {
        account: read(&assignment.account_id)?,
        permission_set: read(&assignment.permission_set_arn)?,
        principal: principal(&assignment.principal_type, &assignment.principal_id)?,
    })
}

fn request(status: wire::OperationStatus) -> Result<Request, PortError> {
    Ok(Request {
        id: read(&status.request_id)?,
        key: Some(AssignmentKey {
            account: read(&status.target_id)?,
            permission_set: read(&status.permission_set_arn)?,
            principal: principal(&status.principal_type, &status.principal_id)?,
        }),
        created_at: Some(to_the_millisecond(status.created_date.0)),
        status: standing(&status.status, status.failure_reason),
    })
}

fn standing(status: &str, reason: Option<String>) -> RequestStatus {
    match status {
        "SUCCEEDED" => RequestStatus::Succeeded,
        "FAILED" => RequestStatus::Failed(reason.unwrap_or_default()),
        _ => RequestStatus::InProgress,
    }
}

fn provisioning(status: wire::ProvisioningStatus) -> Result<Provisioning, PortError> {
    Ok(Provisioning {
        id: read(&status.request_id)?,
        status: standing(&status.status, status.failure_reason),
        created_at: Some(to_the_millisecond(status.created_date.0)),
    })
}

fn listed_as(status: RequestListing) -> wire::StatusFilter {
    let status = match status {
        RequestListing::InProgress => "IN_PROGRESS",
        RequestListing::Succeeded => "SUCCEEDED",
        RequestListing::Failed => "FAILED",
    };
    wire::StatusFilter { status: Some(status.to_owned()) }
}

fn summary(listing: RequestListing, item: &wire::StatusMetadata) -> Result<RequestSummary, PortError> {
    Ok(RequestSummary {
        id: read(&item.request_id)?,
        listing,
        created_at: Some(to_the_millisecond(item.created_date.0)),
    })
}

/// The wire has milliseconds; so has this face.
fn to_the_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

impl InProcess {
    pub(super) fn instance_arn(&self) -> String {
        lock(&self.world).instances.first().map(|instance| instance.arn.to_string()).unwrap_or_default()
    }
}

#[async_trait::async_trait]
impl AccessReader for InProcess {
    async fn instance(&self) -> Result<Instance, PortError> {
        let mut instances = Vec::new();
        let mut next_token = None;
        loop {
            let input = wire::ListInstances { next_token, ..wire::ListInstances::default() };
            let page = self.call(input).await.map_err(port_error)?;
            instances.extend(page.instances);
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        let instance = match instances.as_slice() {
            [only] => only,
            [] => {
                return Err(PortError::Refused(
                    "there is no IAM Identity Center instance here: enable IAM Identity Center, or call its home Region".to_owned(),
                ));
            }
            [_, _, ..] => {
                return Err(PortError::Refused(
                    "there are several IAM Identity Center instances: set the ARN of the one to work in"
                        .to_owned(),
                ));
            }
        };
        let described = self
            .call(wire::DescribeInstance { instance_arn: instance.instance_arn.clone() })
            .await
            .map_err(port_error)?;
        if !described.permission_sets_enabled {
            return Err(PortError::Refused(
                "permission sets are switched off in the IAM Identity Center instance: switch them on with UpdateInstance".to_owned(),
            ));
        }
        Ok(Instance {
            arn: read(&instance.instance_arn)?,
            identity_store: read(&instance.identity_store_id)?,
            owner: read(&instance.owner_account_id)?,
        })
    }

    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        let mut arns = Vec::new();
        let mut next_token = None;
        loop {
            let input = wire::ListPermissionSets {
                instance_arn: self.instance_arn(),
                next_token,
                max_results: Some(100),
            };
            let page = self.call(input).await.map_err(port_error)?;
            for arn in &page.permission_sets {
                arns.push(read(arn)?);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        let input = wire::DescribePermissionSet {
            instance_arn: self.instance_arn(),
            permission_set_arn: arn.to_string(),
        };
        let described = unless_absent(self.call(input).await, is_not_found)?;
        Ok(described.map(|described| described.permission_set.name))
    }

    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        let mut tags = Tags::default();
        let mut next_token = None;
        loop {
            let input = wire::ListTagsForResource {
                instance_arn: Some(self.instance_arn()),
                resource_arn: arn.to_string(),
                next_token,
            };
            let Some(page) = unless_absent(self.call(input).await, is_not_found)? else { return Ok(None) };
            tags.0.extend(page.tags.into_iter().map(|tag| (tag.key, tag.value)));
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        let mut arns = Vec::new();
        let mut next_token = None;
        loop {
            let input = wire::ListPermissionSetsProvisionedToAccount {
                instance_arn: self.instance_arn(),
                account_id: account.to_string(),
                provisioning_status: None,
                max_results: Some(100),
                next_token,
            };
            let page = self.call(input).await.map_err(port_error)?;
            for arn in &page.permission_sets {
                arns.push(read(arn)?);
            }
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        next_token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        let input = wire::ListAccountAssignments {
            instance_arn: self.instance_arn(),
            account_id: account.to_string(),
            permission_set_arn: permission_set.to_string(),
            max_results: Some(100),
            next_token,
        };
        let page = self.call(input).await.map_err(port_error)?;
        let principals = page.account_assignments.iter().map(|assignment| Ok(key(assignment)?.principal));
        Ok(Page { items: principals.collect::<Result<_, PortError>>()?, next: page.next_token })
    }

    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        let mut keys = Vec::new();
        let mut next_token = None;
        loop {
            let input = wire::ListAccountAssignmentsForPrincipal {
                instance_arn: self.instance_arn(),
                principal_id: principal.id().to_owned(),
                principal_type: principal_type(principal),
                filter: None,
                next_token,
                max_results: Some(100),
            };
            let page = self.call(input).await.map_err(port_error)?;
            for assignment in &page.account_assignments {
                let key = key(assignment)?;
                // What a user has through a group is the group's.
                if key.principal == *principal {
                    keys.push(key);
                }
            }
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        next_token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        let filter = Some(listed_as(status));
        let (instance_arn, max_results) = (self.instance_arn(), i64::try_from(most.clamp(1, 100)).ok());
        let (listed, next) = match operation {
            Operation::Grant => {
                let input = wire::ListAccountAssignmentCreationStatus {
                    instance_arn,
                    max_results,
                    next_token,
                    filter,
                };
                let page = self.call(input).await.map_err(port_error)?;
                (page.account_assignments_creation_status, page.next_token)
            }
            Operation::Revoke => {
                let input = wire::ListAccountAssignmentDeletionStatus {
                    instance_arn,
                    max_results,
                    next_token,
                    filter,
                };
                let page = self.call(input).await.map_err(port_error)?;
                (page.account_assignments_deletion_status, page.next_token)
            }
        };
        let items = listed.iter().map(|item| summary(status, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        let instance_arn = self.instance_arn();
        let status = match operation {
            Operation::Grant => {
                let input = wire::DescribeAccountAssignmentCreationStatus {
                    instance_arn,
                    account_assignment_creation_request_id: id.to_string(),
                };
                unless_absent(self.call(input).await, is_not_found)?
                    .map(|answer| answer.account_assignment_creation_status)
            }
            Operation::Revoke => {
                let input = wire::DescribeAccountAssignmentDeletionStatus {
                    instance_arn,
                    account_assignment_deletion_request_id: id.to_string(),
                };
                unless_absent(self.call(input).await, is_not_found)?
                    .map(|answer| answer.account_assignment_deletion_status)
            }
        };
        status.map(request).transpose()
    }

    async fn accounts_page(
        &self,
        set: &PermissionSetArn,
        version: OfVersion,
        next_token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        let input = wire::ListAccountsForProvisionedPermissionSet {
            instance_arn: self.instance_arn(),
            permission_set_arn: set.to_string(),
            provisioning_status: match version {
                OfVersion::Any => None,
                OfVersion::Outdated => Some("LATEST_PERMISSION_SET_NOT_PROVISIONED".to_owned()),
            },
            max_results: Some(100),
            next_token,
        };
        let Some(page) = unless_absent(self.call(input).await, is_not_found)? else { return Ok(None) };
        let items = page.account_ids.iter().map(|id| read(id)).collect::<Result<_, _>>()?;
        Ok(Some(Page { items, next: page.next_token }))
    }

    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        next_token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        let input = wire::ListPermissionSetProvisioningStatus {
            instance_arn: self.instance_arn(),
            max_results: i64::try_from(most.clamp(1, 100)).ok(),
            next_token,
            filter: Some(listed_as(status)),
        };
        let page = self.call(input).await.map_err(port_error)?;
        let listed = page.permission_sets_provisioning_status;
        let items = listed.iter().map(|item| summary(status, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next_token })
    }

    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        let input = wire::DescribePermissionSetProvisioningStatus {
            instance_arn: self.instance_arn(),
            provision_permission_set_request_id: id.to_string(),
        };
        let answer = unless_absent(self.call(input).await, is_not_found)?;
        answer.map(|answer| provisioning(answer.permission_set_provisioning_status)).transpose()
    }
}

#[async_trait::async_trait]
impl AccessWriter for InProcess {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        let input = wire::CreateAccountAssignment {
            instance_arn: self.instance_arn(),
            target_id: key.account.to_string(),
            target_type: "AWS_ACCOUNT".to_owned(),
            permission_set_arn: key.permission_set.to_string(),
            principal_type: principal_type(&key.principal),
            principal_id: key.principal.id().to_owned(),
        };
        request(self.call(input).await.map_err(port_error)?.account_assignment_creation_status)
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        let input = wire::DeleteAccountAssignment {
            instance_arn: self.instance_arn(),
            target_id: key.account.to_string(),
            target_type: "AWS_ACCOUNT".to_owned(),
            permission_set_arn: key.permission_set.to_string(),
            principal_type: principal_type(&key.principal),
            principal_id: key.principal.id().to_owned(),
        };
        request(self.call(input).await.map_err(port_error)?.account_assignment_deletion_status)
    }

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        let (target_type, target_id) = match target {
            ProvisioningTarget::Account(account) => ("AWS_ACCOUNT", Some(account.to_string())),
            ProvisioningTarget::AllProvisionedAccounts => ("ALL_PROVISIONED_ACCOUNTS", None),
        };
        let input = wire::ProvisionPermissionSet {
            instance_arn: self.instance_arn(),
            permission_set_arn: set.to_string(),
            target_id,
            target_type: target_type.to_owned(),
        };
        provisioning(self.call(input).await.map_err(port_error)?.permission_set_provisioning_status)
    }
}
