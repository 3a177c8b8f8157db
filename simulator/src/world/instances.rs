//! Identity Center instances.

use jiff::Timestamp;
use shared::domain::{AccountId, IdentityStoreId, InstanceArn};

use super::{
    Call, World,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, sso_admin as wire},
};

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its ARN.
    pub arn: InstanceArn,
    /// The identity store behind it.
    pub identity_store: IdentityStoreId,
    /// The account that owns it.
    pub owner: AccountId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether permission sets can be used; new instances may be made without.
    pub permission_sets_enabled: bool,
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListInstances,
) -> Result<wire::ListInstancesOutput, ApiError> {
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (instances, next_token) = page(
        call,
        &request,
        world.instances.iter().map(|instance| {
            (
                instance.arn.to_string(),
                wire::InstanceMetadata {
                    instance_arn: instance.arn.to_string(),
                    identity_store_id: instance.identity_store.to_string(),
                    owner_account_id: instance.owner.to_string(),
                    name: instance.name.clone(),
                    created_date: Epoch(instance.created_at),
                    status: "ACTIVE".to_owned(),
                },
            )
        }),
    )?;
    Ok(wire::ListInstancesOutput { instances, next_token })
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeInstance,
) -> Result<wire::DescribeInstanceOutput, ApiError> {
    let instance = validate::instance(world, call, &input.instance_arn)?;
    Ok(wire::DescribeInstanceOutput {
        instance_arn: instance.arn.to_string(),
        identity_store_id: instance.identity_store.to_string(),
        owner_account_id: instance.owner.to_string(),
        name: instance.name.clone(),
        created_date: Epoch(instance.created_at),
        status: "ACTIVE".to_owned(),
        permission_sets_enabled: instance.permission_sets_enabled,
        encryption_configuration_details: wire::Encryption {
            key_type: "AWS_OWNED_KMS_KEY".to_owned(),
            encryption_status: "ENABLED".to_owned(),
        },
    })
}
