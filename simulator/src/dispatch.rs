//! From a target and a body on the wire to the call, and back to JSON.

use jiff::Timestamp;
use serde_json::Value;

use crate::{ApiError, Caller, Service, World, world::table};

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

/// Counts a call that never got as far as its operation, if there is one of the name.
pub(crate) fn count_malformed(world: &mut World, target: &str, error: &ApiError) {
    let Some((service, (_, operation))) = service(target).zip(target.split_once('.')) else { return };
    if let Some(facts) = table::named(operation).find(|facts| facts.service == service && operation != "*") {
        world.count_malformed(service, facts.name, error);
    }
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
