//! Identity Center as a process sees it that has asked once which instance there is: the adapter to AWS never asks again.

use shared::{
    domain::{AccountId, AssignmentKey, Instance, Operation, PermissionSetArn, Principal, RequestId, Tags},
    ports::{
        AccessReader, OfVersion, Page, PortError, Provisioning, Request, RequestListing, RequestSummary,
    },
};
use simulator::InProcess;
use tokio::sync::OnceCell;

pub(super) struct Known {
    reader: InProcess,
    instance: OnceCell<Instance>,
}

impl Known {
    pub(super) fn new(reader: InProcess) -> Self {
        Self { reader, instance: OnceCell::new() }
    }
}

#[async_trait::async_trait]
impl AccessReader for Known {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.instance.get_or_try_init(|| self.reader.instance()).await.cloned()
    }
    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        self.reader.permission_sets().await
    }
    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        self.reader.permission_set_name(arn).await
    }
    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        self.reader.permission_set_tags(arn).await
    }
    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        self.reader.provisioned_in(account).await
    }
    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        self.reader.principals_page(account, permission_set, token).await
    }
    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        self.reader.assignments_of(principal).await
    }
    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.reader.requests_page(operation, status, most, token).await
    }
    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        self.reader.request(operation, id).await
    }
    async fn accounts_page(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        self.reader.accounts_page(permission_set, version, token).await
    }
    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.reader.provisionings_page(status, most, token).await
    }
    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        self.reader.provisioning(id).await
    }
}
