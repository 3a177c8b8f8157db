//! From a target and a body on the wire to the call, and back to JSON.

use jiff::Timestamp;
use serde_json::Value;

use crate::{ApiError, Caller, CallerKind, Service, World, world::table};

/// Makes the call that `X-Amz-Target` names, with its JSON 1.1 body.
pub fn dispatch(
    world: &mut World,
    now: Timestamp,
    caller: &Caller,
    target: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    let unknown = || ApiError::new("UnknownOperationException", "");
    let (_, operation) = target.split_once('.').ok_or_else(unknown)?;
    let service = service(target).ok_or_else(unknown)?;
    by_name(world, now, caller, service, operation, body).ok_or_else(unknown)?
}

/// The service that `X-Amz-Target` names.
pub fn service(target: &str) -> Option<Service> {
    match target.split_once('.')?.0 {
        "AWSOrganizationsV20161128" => Some(Service::Organizations),
        "AWSIdentityStore" => Some(Service::IdentityStore),
        "SWBExternalService" => Some(Service::SsoAdmin),
        "ResourceGroupsTaggingAPI_20170126" => Some(Service::Tagging),
        _ => None,
    }
}

/// Whether there is an operation of this name, in this service or in any.
pub(crate) fn is_operation(world: &mut World, service: Option<Service>, operation: &str) -> bool {
    const ALL: [Service; 4] =
        [Service::Organizations, Service::IdentityStore, Service::SsoAdmin, Service::Tagging];
    let nobody = Caller::new("nobody", world.management_account().clone(), CallerKind::Member);
    // A body that is no object is refused before anything is done, by the operations that there are.
    ALL.into_iter()
        .filter(|candidate| service.is_none_or(|only| only == *candidate))
        .any(|service| by_name(world, Timestamp::MIN, &nobody, service, operation, b"[]").is_some())
}

fn by_name(
    world: &mut World,
    now: Timestamp,
    caller: &Caller,
    service: Service,
    operation: &str,
    body: &[u8],
) -> Option<Result<Value, ApiError>> {
    match service {
        Service::Organizations => table::organizations(world, now, caller, operation, body),
        Service::IdentityStore => table::identity_store(world, now, caller, operation, body),
        Service::SsoAdmin => table::sso_admin(world, now, caller, operation, body),
        Service::Tagging => table::tagging_api(world, now, caller, operation, body),
    }
}
