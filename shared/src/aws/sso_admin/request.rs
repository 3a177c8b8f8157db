//! Requests, as the three kinds of answers show them.

use aws_sdk_ssoadmin::types::{
    AccountAssignmentOperationStatus, AccountAssignmentOperationStatusMetadata,
    PermissionSetProvisioningStatus, PermissionSetProvisioningStatusMetadata, PrincipalType, StatusValues,
};

use crate::{
    aws::{
        error::{redact, unreadable},
        parse,
    },
    domain::{AssignmentKey, Principal},
    ports::{PortError, Provisioning, Request, RequestListing, RequestStatus, RequestSummary},
};

pub(super) fn request(
    operation: &str,
    answer: Option<&AccountAssignmentOperationStatus>,
) -> Result<Request, PortError> {
    let answer = answer.ok_or_else(|| unreadable(operation, "no request"))?;
    Ok(Request {
        id: parse::id(operation, "request's id", answer.request_id())?,
        status: ended(operation, answer.status(), answer.failure_reason())?,
        key: about(operation, answer)?,
        created_at: parse::time(operation, answer.created_date())?,
    })
}

pub(super) fn provisioning(
    operation: &str,
    answer: Option<&PermissionSetProvisioningStatus>,
) -> Result<Provisioning, PortError> {
    let answer = answer.ok_or_else(|| unreadable(operation, "no request"))?;
    Ok(Provisioning {
        id: parse::id(operation, "request's id", answer.request_id())?,
        status: ended(operation, answer.status(), answer.failure_reason())?,
        created_at: parse::time(operation, answer.created_date())?,
    })
}

pub(super) fn provisioning_summary(
    operation: &str,
    item: &PermissionSetProvisioningStatusMetadata,
) -> Result<RequestSummary, PortError> {
    Ok(RequestSummary {
        id: parse::id(operation, "request's id", item.request_id())?,
        listing: listing(operation, item.status())?,
        created_at: parse::time(operation, item.created_date())?,
    })
}

/// Where a request stands, with AWS's reason if it failed.
fn ended(
    operation: &str,
    status: Option<&StatusValues>,
    reason: Option<&str>,
) -> Result<RequestStatus, PortError> {
    Ok(match listing(operation, status)? {
        RequestListing::InProgress => RequestStatus::InProgress,
        RequestListing::Succeeded => RequestStatus::Succeeded,
        RequestListing::Failed => RequestStatus::Failed(redact(reason.unwrap_or("AWS gives no reason"))),
    })
}

pub(super) fn summary(
    operation: &str,
    item: &AccountAssignmentOperationStatusMetadata,
) -> Result<RequestSummary, PortError> {
    Ok(RequestSummary {
        id: parse::id(operation, "request's id", item.request_id())?,
        listing: listing(operation, item.status())?,
        created_at: parse::time(operation, item.created_date())?,
    })
}

/// A principal, as assignments and requests name it.
pub(super) fn principal(
    operation: &str,
    kind: Option<&PrincipalType>,
    id: Option<&str>,
) -> Result<Principal, PortError> {
    match kind {
        Some(PrincipalType::Group) => parse::id(operation, "principal's id", id).map(Principal::Group),
        Some(PrincipalType::User) => parse::id(operation, "principal's id", id).map(Principal::User),
        _ => Err(unreadable(operation, "a principal of no known type")),
    }
}

fn listing(operation: &str, status: Option<&StatusValues>) -> Result<RequestListing, PortError> {
    match status {
        Some(StatusValues::InProgress) => Ok(RequestListing::InProgress),
        Some(StatusValues::Succeeded) => Ok(RequestListing::Succeeded),
        Some(StatusValues::Failed) => Ok(RequestListing::Failed),
        _ => Err(unreadable(operation, "a request of no known status")),
    }
}

/// What the request is about, if the answer says all of it.
fn about(
    operation: &str,
    answer: &AccountAssignmentOperationStatus,
) -> Result<Option<AssignmentKey>, PortError> {
    let (account, set) = (answer.target_id(), answer.permission_set_arn());
    let (kind, id) = (answer.principal_type(), answer.principal_id());
    if account.is_none() || set.is_none() || kind.is_none() || id.is_none() {
        return Ok(None);
    }
    Ok(Some(AssignmentKey {
        account: parse::id(operation, "account", account)?,
        permission_set: parse::id(operation, "permission set", set)?,
        principal: principal(operation, kind, id)?,
    }))
}
