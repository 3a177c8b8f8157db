//! SSO Admin: permission sets, assignments and the asynchronous requests that change them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Page, PortError};
use crate::domain::{
    AccountId, AssignmentKey, Instance, Operation, PermissionSet, PermissionSetArn, Principal,
    ProvisioningTarget, RequestId, Tags,
};

/// Where an asynchronous request stands. Accepted is `InProgress`, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestStatus {
    InProgress,
    Succeeded,
    /// Ended without effect, with AWS's reason.
    Failed(String),
}

/// A request as the `Describe…Status` calls and the two writes themselves show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: RequestId,
    pub status: RequestStatus,
    /// What it is about, where AWS says so.
    pub key: Option<AssignmentKey>,
    pub created_at: Option<Timestamp>,
}

/// A request as the `List…Status` calls show it: no target and no reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSummary {
    pub id: RequestId,
    pub listing: RequestListing,
    pub created_at: Option<Timestamp>,
}

/// The status that a list of requests is filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestListing {
    InProgress,
    Succeeded,
    Failed,
}

/// Which accounts that have a permission set are asked for, by the version of it that their role has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfVersion {
    Any,
    /// The set was edited since it was provisioned there.
    Outdated,
}

/// A request to provision, as its call and its description show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioning {
    pub id: RequestId,
    pub status: RequestStatus,
    pub created_at: Option<Timestamp>,
}

/// What will be so of a permission set once it is as the rules declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foretold {
    pub tags: Tags,
    /// It is yet to be made: its ARN is one that stands for it.
    pub is_to_be_made: bool,
}

/// Reads permission sets, assignments and requests. Lists may be stale; every list is whole or an error.
#[async_trait::async_trait]
pub trait AccessReader: Send + Sync {
    /// The instance that Usher works in. `Refused`, with what to do, if there is none, several, or its permission sets are
    /// switched off.
    async fn instance(&self) -> Result<Instance, PortError>;
    /// All permission sets of the instance.
    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError>;
    /// A permission set's name, which never changes; `None` only when AWS says that it doesn't exist.
    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError>;
    /// A permission set's tags; `None` only when AWS says that it doesn't exist.
    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError>;
    /// One permission set with its tags; `None` only when AWS says that it doesn't exist.
    async fn permission_set(&self, arn: &PermissionSetArn) -> Result<Option<PermissionSet>, PortError> {
        let Some(name) = self.permission_set_name(arn).await? else { return Ok(None) };
        let tags = self.permission_set_tags(arn).await?;
        Ok(tags.map(|tags| PermissionSet { arn: arn.clone(), name, tags }))
    }
    /// What is foretold of a permission set by a reader that tells what will be; `None` by those that read AWS. It goes before what is
    /// remembered, and is never remembered itself.
    fn foretold(&self, _arn: &PermissionSetArn) -> Option<Foretold> {
        None
    }
    /// Names of permission sets that the rules declare, and of which a reader that tells what will be could not tell it. What may take the
    /// place of something is then not known to be there.
    fn untold(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// Names of permission sets that will be as the rules declare them, for a reader that tells what will be.
    fn kept_then(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// The permission sets that are provisioned in an account.
    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError>;
    /// One page of the principals that have this permission set in this account, by one call.
    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError>;
    /// The principals that have this permission set in this account.
    async fn principals(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
    ) -> Result<Vec<Principal>, PortError> {
        Page::turn_all(usize::MAX, |token, _| self.principals_page(account, permission_set, token)).await
    }
    /// The direct assignments of a principal, over all accounts. Only the management account may ask.
    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError>;
    /// One page of the requests with this status, as far as AWS still lists them: at most `most`, in AWS's own order, by one call.
    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError>;
    /// The requests with this status, as far as AWS still lists them: at most `limit`, in AWS's own order.
    async fn requests(
        &self,
        operation: Operation,
        status: RequestListing,
        limit: usize,
    ) -> Result<Vec<RequestSummary>, PortError> {
        Page::turn_all(limit, |token, most| self.requests_page(operation, status, most, token)).await
    }
    /// One request; `None` when AWS no longer knows it.
    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError>;
    /// One page of the accounts in which a permission set is provisioned, in this version of it, by one call; `None` only when AWS says
    /// that it doesn't exist.
    async fn accounts_page(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError>;
    /// The accounts in which a permission set is provisioned, in this version of it; `None` only when AWS says that it doesn't exist.
    async fn accounts_on(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
    ) -> Result<Option<Vec<AccountId>>, PortError> {
        let page = async |token, _| {
            let page = self.accounts_page(permission_set, version, token).await?;
            page.ok_or_else(|| PortError::NotFound(format!("the permission set `{permission_set}` is gone")))
        };
        match Page::turn_all(usize::MAX, page).await {
            Ok(accounts) => Ok(Some(accounts)),
            Err(PortError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
    /// The requests to provision with this status, as far as AWS lists them: at most `most`, in AWS's own order, by one call.
    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError>;
    /// One request to provision; `None` when AWS no longer knows it.
    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError>;
}

/// The only writes that Usher makes here.
#[async_trait::async_trait]
pub trait AccessWriter: Send + Sync {
    /// `CreateAccountAssignment`
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError>;
    /// `DeleteAccountAssignment`
    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError>;
    /// `ProvisionPermissionSet`
    async fn provision(
        &self,
        permission_set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError>;
}
