//! The reads. Every listing is turned to its last page, but for those that the engine turns itself, at its own pace.

use aws_sdk_ssoadmin::{
    Client,
    types::{OperationStatusFilter, PrincipalType, ProvisioningStatus, StatusValues},
};

use super::{
    SsoAdminApi,
    request::{principal, provisioning, provisioning_summary, request, summary},
};
use crate::{
    aws::{
        error::{absent, calling, unreadable},
        management::Call,
        pages::Pages,
        parse,
    },
    domain::{AccountId, AssignmentKey, Instance, Operation, PermissionSetArn, Principal, RequestId, Tags},
    ports::{
        AccessReader, OfVersion, Page, PortError, Provisioning, Request, RequestListing, RequestSummary,
    },
};

/// The largest page (the API model: `MaxResults` 1 to 100).
const PAGE: i32 = 100;

impl SsoAdminApi {
    /// SSO Admin says `ResourceNotFoundException` of a permission set and of the whole instance alike, so a permission set is
    /// absent only if the instance is still there.
    pub(super) async fn absent_here<T>(&self, error: PortError) -> Result<Option<T>, PortError> {
        let absent = absent(error)?;
        let instance = self.found().await?;
        self.describe(&instance.arn).await?;
        Ok(absent)
    }

    async fn tags(&self, arn: &PermissionSetArn) -> Result<Tags, PortError> {
        let operation = "ListTagsForResource";
        let instance = self.found().await?;
        let mut tags = Tags::default();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_tags_for_resource().instance_arn(instance.arn.as_str());
            let page = request.resource_arn(arn.as_str()).set_next_token(token).send().await;
            let page = page.map_err(calling(operation))?;
            tags.0.extend(page.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
            pages.turn(page.next_token)?;
        }
        Ok(tags)
    }

    async fn request_by(
        &self,
        client: &Client,
        of: Operation,
        id: &RequestId,
    ) -> Result<Option<Request>, PortError> {
        let instance = self.found().await?;
        let (operation, answer) = match of {
            Operation::Grant => {
                let operation = "DescribeAccountAssignmentCreationStatus";
                let call = client.describe_account_assignment_creation_status();
                let call = call.instance_arn(instance.arn.as_str());
                let answer = call.account_assignment_creation_request_id(id.as_str()).send().await;
                let answer = answer.map_err(calling(operation));
                (operation, answer.map(|answer| answer.account_assignment_creation_status))
            }
            Operation::Revoke => {
                let operation = "DescribeAccountAssignmentDeletionStatus";
                let call = client.describe_account_assignment_deletion_status();
                let call = call.instance_arn(instance.arn.as_str());
                let answer = call.account_assignment_deletion_request_id(id.as_str()).send().await;
                let answer = answer.map_err(calling(operation));
                (operation, answer.map(|answer| answer.account_assignment_deletion_status))
            }
        };
        match answer {
            Ok(answer) => {
                let request = request(operation, answer.as_ref())?;
                if request.id != *id {
                    return Err(unreadable(operation, format_args!("asked for {id}, got {}", request.id)));
                }
                Ok(Some(request))
            }
            Err(error) => absent(error),
        }
    }

    async fn provisioning_by(
        &self,
        client: &Client,
        id: &RequestId,
    ) -> Result<Option<Provisioning>, PortError> {
        let operation = "DescribePermissionSetProvisioningStatus";
        let instance = self.found().await?;
        let call = client.describe_permission_set_provisioning_status();
        let call = call.instance_arn(instance.arn.as_str());
        match call.provision_permission_set_request_id(id.as_str()).send().await.map_err(calling(operation)) {
            Ok(answer) => {
                let found = provisioning(operation, answer.permission_set_provisioning_status())?;
                if found.id != *id {
                    return Err(unreadable(operation, format_args!("asked for {id}, got {}", found.id)));
                }
                Ok(Some(found))
            }
            Err(error) => absent(error),
        }
    }
}

#[async_trait::async_trait]
impl AccessReader for SsoAdminApi {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.found().await.cloned()
    }

    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        let operation = "ListPermissionSets";
        let instance = self.found().await?;
        let mut sets = Vec::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self.client.list_permission_sets().instance_arn(instance.arn.as_str());
            let page =
                request.max_results(PAGE).set_next_token(token).send().await.map_err(calling(operation))?;
            for arn in page.permission_sets() {
                sets.push(parse::id(operation, "permission set", Some(arn))?);
            }
            pages.turn(page.next_token)?;
        }
        Ok(sets)
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        let operation = "DescribePermissionSet";
        let instance = self.found().await?;
        let request = self.client.describe_permission_set().instance_arn(instance.arn.as_str());
        let answer = match request.permission_set_arn(arn.as_str()).send().await.map_err(calling(operation)) {
            Ok(answer) => answer,
            Err(error) => return self.absent_here(error).await,
        };
        let name = answer.permission_set().and_then(|set| set.name());
        parse::text(operation, "permission set's name", name).map(Some)
    }

    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        match self.tags(arn).await {
            Ok(tags) => Ok(Some(tags)),
            Err(error) => self.absent_here(error).await,
        }
    }

    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        let operation = "ListPermissionSetsProvisionedToAccount";
        let instance = self.found().await?;
        let mut sets = Vec::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = self
                .client
                .list_permission_sets_provisioned_to_account()
                .instance_arn(instance.arn.as_str())
                .account_id(account.as_str());
            let page =
                request.max_results(PAGE).set_next_token(token).send().await.map_err(calling(operation))?;
            for arn in page.permission_sets() {
                sets.push(parse::id(operation, "permission set", Some(arn))?);
            }
            pages.turn(page.next_token)?;
        }
        Ok(sets)
    }

    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        let operation = "ListAccountAssignments";
        let instance = self.found().await?;
        let request = self
            .client
            .list_account_assignments()
            .instance_arn(instance.arn.as_str())
            .account_id(account.as_str())
            .permission_set_arn(permission_set.as_str());
        let page =
            request.max_results(PAGE).set_next_token(token).send().await.map_err(calling(operation))?;
        let mut items = Vec::new();
        for item in page.account_assignments() {
            let listed: AccountId = parse::id(operation, "account", item.account_id())?;
            let set: PermissionSetArn = parse::id(operation, "permission set", item.permission_set_arn())?;
            if listed != *account || set != *permission_set {
                return Err(unreadable(operation, "an assignment that was not asked for"));
            }
            items.push(principal(operation, item.principal_type(), item.principal_id())?);
        }
        Ok(Page { items, next: page.next_token })
    }

    async fn assignments_of(&self, asked: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        let operation = "ListAccountAssignmentsForPrincipal";
        let instance = self.found().await?;
        let kind = match asked {
            Principal::Group(_) => PrincipalType::Group,
            Principal::User(_) => PrincipalType::User,
        };
        let (client, _) = self.clients.of(Call::AssignmentsOfPrincipal);
        let mut keys = Vec::new();
        let mut pages = Pages::of(operation);
        while let Some(token) = pages.next() {
            let request = client
                .list_account_assignments_for_principal()
                .instance_arn(instance.arn.as_str())
                .principal_type(kind.clone())
                .principal_id(asked.id());
            let page =
                request.max_results(PAGE).set_next_token(token).send().await.map_err(calling(operation))?;
            for item in page.account_assignments() {
                let key = AssignmentKey {
                    account: parse::id(operation, "account", item.account_id())?,
                    permission_set: parse::id(operation, "permission set", item.permission_set_arn())?,
                    principal: principal(operation, item.principal_type(), item.principal_id())?,
                };
                // What a user has through groups may be listed as well: it belongs to the groups.
                if key.principal == *asked {
                    keys.push(key);
                }
            }
            pages.turn(page.next_token)?;
        }
        Ok(keys)
    }

    async fn requests_page(
        &self,
        of: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        let operation = match of {
            Operation::Grant => "ListAccountAssignmentCreationStatus",
            Operation::Revoke => "ListAccountAssignmentDeletionStatus",
        };
        let instance = self.found().await?;
        let filter = listed_as(status);
        let size = i32::try_from(most).unwrap_or(PAGE).clamp(1, PAGE);
        let (listed, next) = match of {
            Operation::Grant => {
                let call = self.client.list_account_assignment_creation_status();
                let call = call.instance_arn(instance.arn.as_str()).filter(filter);
                let page = call.max_results(size).set_next_token(token).send().await;
                let page = page.map_err(calling(operation))?;
                (page.account_assignments_creation_status.unwrap_or_default(), page.next_token)
            }
            Operation::Revoke => {
                let call = self.client.list_account_assignment_deletion_status();
                let call = call.instance_arn(instance.arn.as_str()).filter(filter);
                let page = call.max_results(size).set_next_token(token).send().await;
                let page = page.map_err(calling(operation))?;
                (page.account_assignments_deletion_status.unwrap_or_default(), page.next_token)
            }
        };
        let items = listed.iter().map(|item| summary(operation, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    async fn request(&self, of: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        let (first, second) = self.ways_to(id);
        let answer = self.request_by(first, of, id).await;
        match second {
            Some(client) if is_unknown(&answer) => or_of_role(answer, self.request_by(client, of, id).await),
            Some(_) | None => answer,
        }
    }

    async fn accounts_page(
        &self,
        set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        let operation = "ListAccountsForProvisionedPermissionSet";
        let instance = self.found().await?;
        let request = self
            .client
            .list_accounts_for_provisioned_permission_set()
            .instance_arn(instance.arn.as_str())
            .permission_set_arn(set.as_str())
            .set_provisioning_status(match version {
                OfVersion::Any => None,
                OfVersion::Outdated => Some(ProvisioningStatus::LatestPermissionSetNotProvisioned),
            });
        let page = request.max_results(PAGE).set_next_token(token).send().await;
        let page = match page.map_err(calling(operation)) {
            Ok(page) => page,
            Err(error) => return self.absent_here(error).await,
        };
        let accounts = page.account_ids().iter().map(|id| parse::id(operation, "account", Some(id)));
        Ok(Some(Page { items: accounts.collect::<Result<_, _>>()?, next: page.next_token }))
    }

    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        let operation = "ListPermissionSetProvisioningStatus";
        let instance = self.found().await?;
        let size = i32::try_from(most).unwrap_or(PAGE).clamp(1, PAGE);
        let call = self.client.list_permission_set_provisioning_status();
        let call = call.instance_arn(instance.arn.as_str()).filter(listed_as(status));
        let page = call.max_results(size).set_next_token(token).send().await.map_err(calling(operation))?;
        let listed = page.permission_sets_provisioning_status.unwrap_or_default();
        let items = listed.iter().map(|item| provisioning_summary(operation, item));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next: page.next_token })
    }

    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        let (first, second) = self.ways_to(id);
        let answer = self.provisioning_by(first, id).await;
        match second {
            Some(client) if is_unknown(&answer) => or_of_role(answer, self.provisioning_by(client, id).await),
            Some(_) | None => answer,
        }
    }
}

/// Whether somebody else may know more of a request.
fn is_unknown<T>(answer: &Result<Option<T>, PortError>) -> bool {
    matches!(answer, Ok(None) | Err(PortError::Denied(_)))
}

/// What the role is told of a request that nothing was told of before. A role that may not ask is one that makes none.
fn or_of_role<T>(
    own: Result<Option<T>, PortError>,
    role: Result<Option<T>, PortError>,
) -> Result<Option<T>, PortError> {
    match role {
        Err(PortError::Denied(_)) => own,
        told => told,
    }
}

fn listed_as(status: RequestListing) -> OperationStatusFilter {
    let status = match status {
        RequestListing::InProgress => StatusValues::InProgress,
        RequestListing::Succeeded => StatusValues::Succeeded,
        RequestListing::Failed => StatusValues::Failed,
    };
    OperationStatusFilter::builder().status(status).build()
}
