//! Identity stores themselves: the organization's, and those behind the instances that accounts made. What is in the latter is not
//! simulated; that they are there is.

use std::collections::BTreeMap;

use super::{
    Call, Instance, World, networks,
    paging::{PageRequest, page},
    validate,
};
use crate::{ApiError, wire::identity_store as wire};

fn shape(instance: &Instance) -> wire::IdentityStore {
    wire::IdentityStore {
        identity_store_id: instance.identity_store.to_string(),
        identity_store_arn: instance.identity_store_arn(),
    }
}

/// The place of the instance behind which an identity store is that the caller may look at.
fn known(world: &World, call: &Call, store: &str) -> Result<usize, ApiError> {
    let own: shared::domain::IdentityStoreId =
        validate::id(call, "identityStoreId", validate::identity_store_text(store))?;
    let there = |instance: &Instance| instance.identity_store == own && instance.status(call.now).is_some();
    match world.instances.iter().enumerate().find(|(_, instance)| there(instance)) {
        Some((place, instance)) if instance.is_open_to(world, call) => Ok(place),
        Some(_) => Err(ApiError::denied("You do not have sufficient access to perform this action.")),
        None => Err(super::directory::absent("IDENTITY_STORE", store)),
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeIdentityStore,
) -> Result<wire::IdentityStoreDetails, ApiError> {
    let place = known(world, call, &input.identity_store_id)?;
    let instance = world.instances.get(place).ok_or_else(|| ApiError::internal("InternalServerException"))?;
    let wire::IdentityStore { identity_store_id, identity_store_arn } = shape(instance);
    let network_configuration = instance.life.store_network.clone();
    Ok(wire::IdentityStoreDetails { identity_store_id, identity_store_arn, network_configuration })
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListIdentityStores,
) -> Result<wire::ListIdentityStoresOutput, ApiError> {
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let open = world
        .instances
        .iter()
        .filter(|instance| instance.status(call.now).is_some() && instance.is_open_to(world, call));
    let ordered: BTreeMap<String, wire::IdentityStore> =
        open.map(|instance| (instance.identity_store.to_string(), shape(instance))).collect();
    let (identity_stores, next_token) = page(call, &request, ordered.into_iter())?;
    Ok(wire::ListIdentityStoresOutput { identity_stores, next_token })
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateIdentityStore,
) -> Result<wire::IdentityStore, ApiError> {
    if let Some(network) = &input.network_configuration {
        networks::of_store(call, network)?;
    }
    let place = known(world, call, &input.identity_store_id)?;
    let instance =
        world.instances.get_mut(place).ok_or_else(|| ApiError::internal("InternalServerException"))?;
    if let Some(network) = &input.network_configuration {
        instance.life.store_network = Some(network.clone());
    }
    Ok(shape(instance))
}
