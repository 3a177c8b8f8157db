//! Ports that stop at one call, for ever, before or after it has had its effect.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared::{
    domain::{
        AccountId, AssignmentKey, Instance, Operation, PermissionSetArn, Principal, ProvisioningTarget,
        RequestId, Tags,
    },
    ports::{
        AccessReader, AccessWriter, OfVersion, Page, PortError, Provisioning, Request, RequestListing,
        RequestSummary,
    },
};
use simulator::InProcess;
use tokio::sync::Notify;

/// Where a call stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Before,
    After,
}

/// The ports. All calls are counted together.
pub(super) struct Stopping {
    pub(super) inner: InProcess,
    /// How many calls go through before.
    pub(super) after: usize,
    pub(super) at: Where,
    pub(super) calls: AtomicUsize,
    pub(super) stopped: Notify,
}

impl Stopping {
    pub(super) fn new(inner: InProcess, after: usize, at: Where) -> Self {
        Self { inner, after, at, calls: AtomicUsize::new(0), stopped: Notify::new() }
    }

    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        let is_it = self.calls.fetch_add(1, Ordering::SeqCst) == self.after;
        if is_it && self.at == Where::Before {
            return self.stop().await;
        }
        let answer = call.await;
        if is_it { self.stop().await } else { answer }
    }

    async fn stop<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }
}

#[async_trait::async_trait]
impl AccessReader for Stopping {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.call(self.inner.instance()).await
    }

    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        self.call(self.inner.permission_sets()).await
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        self.call(self.inner.permission_set_name(arn)).await
    }

    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        self.call(self.inner.permission_set_tags(arn)).await
    }

    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        self.call(self.inner.provisioned_in(account)).await
    }

    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        self.call(self.inner.principals_page(account, permission_set, token)).await
    }

    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        self.call(self.inner.assignments_of(principal)).await
    }

    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.call(self.inner.requests_page(operation, status, most, token)).await
    }

    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        self.call(self.inner.request(operation, id)).await
    }

    async fn accounts_page(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        self.call(self.inner.accounts_page(permission_set, version, token)).await
    }

    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.call(self.inner.provisionings_page(status, most, token)).await
    }

    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        self.call(self.inner.provisioning(id)).await
    }
}

#[async_trait::async_trait]
impl AccessWriter for Stopping {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.call(self.inner.grant(key)).await
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.call(self.inner.revoke(key)).await
    }

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        self.call(self.inner.provision(set, target)).await
    }
}
