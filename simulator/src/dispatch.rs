//! From a target and a body on the wire to the call, and back to JSON.

use jiff::Timestamp;
use serde_json::Value;

use crate::{ApiError, Caller, World, world::table};

/// Makes the call that `X-Amz-Target` names, with its JSON 1.1 body.
pub fn dispatch(
    world: &mut World,
    now: Timestamp,
    caller: &Caller,
    target: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    let unknown = || ApiError::new("UnknownOperationException", "");
    let (service, operation) = target.split_once('.').ok_or_else(unknown)?;
    match service {
        "AWSOrganizationsV20161128" => table::organizations(world, now, caller, operation, body),
        "AWSIdentityStore" => table::identity_store(world, now, caller, operation, body),
        "SWBExternalService" => table::sso_admin(world, now, caller, operation, body),
        "ResourceGroupsTaggingAPI_20170126" => table::tagging_api(world, now, caller, operation, body),
        _ => None,
    }
    .ok_or_else(unknown)?
}
