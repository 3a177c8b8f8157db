//! Requests, as the three kinds of answers show them.

use aws_sdk_ssoadmin::types::{
    AccountAssignmentOperationStatus, AccountAssignmentOperationStatusMetadata, PrincipalType, StatusValues,
};

use crate::{
    aws::{
        error::{redact, unreadable},
        parse,
    },
    domain::{AssignmentKey, Principal},
    ports::{PortError, Request, RequestListing, RequestStatus, RequestSummary},
};

pub(super) fn request(
    operation: &str,
    answer: Option<&AccountAssignmentOperationStatus>,
) -> Result<Request, PortError> {
    let answer = answer.ok_or_else(|| unreadable(operation, "no request"))?;
    let status = match listing(operation, answer.status())? {
        RequestListing::InProgress => RequestStatus::InProgress,
        RequestListing::Succeeded => RequestStatus::Succeeded,
        RequestListing::Failed => {
            RequestStatus::Failed(redact(answer.failure_reason().unwrap_or("AWS gives no reason")))
        }
    };
    Ok(Request {
        id: parse::id(operation, "request's id", answer.request_id())?,
        status,
        key: about(operation, answer)?,
        created_at: parse::time(operation, answer.created_date())?,
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
