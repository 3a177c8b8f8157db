//! Organizational units.

use shared::domain::{OuId, ParentId};

use super::{
    Call, World, ids, organization,
    paging::{PageRequest, page},
    tags, validate,
};
use crate::{ApiError, wire::organizations as wire};

/// One OU.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) parent: ParentId,
}

fn shape(world: &World, id: &OuId, unit: &Unit) -> wire::OrganizationalUnit {
    wire::OrganizationalUnit {
        id: id.to_string(),
        arn: world.organization.arn("ou", id.as_str()),
        name: unit.name.clone(),
        path: world.organization.path(&ParentId::Ou(id.clone())),
    }
}

fn known(world: &World, call: &Call, id: &str) -> Result<OuId, ApiError> {
    let id: OuId = validate::id(call, "organizationalUnitId", id)?;
    if world.organization.units.contains_key(&id) {
        return Ok(id);
    }
    Err(ApiError::new(
        "OrganizationalUnitNotFoundException",
        "You specified an organizational unit that doesn't exist.",
    ))
}

fn output(world: &World, id: &OuId) -> Result<wire::OrganizationalUnitOutput, ApiError> {
    let unit = world.organization.units.get(id).ok_or_else(|| ApiError::internal("ServiceException"))?;
    Ok(wire::OrganizationalUnitOutput { organizational_unit: shape(world, id, unit) })
}

fn name_is_free(world: &World, parent: &ParentId, name: &str, but: Option<&OuId>) -> Result<(), ApiError> {
    let taken = world
        .organization
        .units
        .iter()
        .any(|(id, unit)| unit.parent == *parent && unit.name == name && Some(id) != but);
    if taken {
        return Err(ApiError::new(
            "DuplicateOrganizationalUnitException",
            "An OU with the same name already exists.",
        ));
    }
    Ok(())
}

pub(super) fn list_for_parent(
    world: &mut World,
    call: &Call,
    input: &wire::ListOrganizationalUnitsForParent,
) -> Result<wire::OrganizationalUnitsOutput, ApiError> {
    let parent = organization::parent(world, call, "parentId", &input.parent_id)?;
    let world = &*world;
    let entries = world
        .organization
        .units
        .iter()
        .filter(|(_, unit)| unit.parent == parent)
        .map(|(id, unit)| (id.to_string(), shape(world, id, unit)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (organizational_units, next_token) = page(call, &request, entries)?;
    Ok(wire::OrganizationalUnitsOutput { organizational_units, next_token })
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeOrganizationalUnit,
) -> Result<wire::OrganizationalUnitOutput, ApiError> {
    let id = known(world, call, &input.organizational_unit_id)?;
    output(world, &id)
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateOrganizationalUnit,
) -> Result<wire::OrganizationalUnitOutput, ApiError> {
    validate::length(call, "name", &input.name, 1..=128)?;
    let new_tags = input.tags.as_deref().unwrap_or_default();
    validate::tags(call, new_tags, world.settings.quotas.tags_per_resource)?;
    let parent = organization::parent(world, call, "parentId", &input.parent_id)?;
    name_is_free(world, &parent, &input.name, None)?;
    if world.organization.units.len() >= world.settings.quotas.organizational_units {
        return Err(ApiError::constraint(
            "OU_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the number of OUs that an organization can have.",
        ));
    }
    if world.organization.depth(&parent) >= world.settings.quotas.ou_depth {
        return Err(ApiError::constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You have exceeded the maximum depth of the OU tree.",
        ));
    }
    let own = ids::letters(call.request_id, 8);
    let root = world.organization.root.as_str().trim_start_matches("r-").to_owned();
    let id: OuId = format!("ou-{root}-{own}").parse().map_err(|_| ApiError::internal("ServiceException"))?;
    world.organization.units.insert(id.clone(), Unit { name: input.name.clone(), parent });
    world.organization.set_tags(call.now, id.as_str(), tags::read(new_tags));
    output(world, &id)
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateOrganizationalUnit,
) -> Result<wire::OrganizationalUnitOutput, ApiError> {
    let id = known(world, call, &input.organizational_unit_id)?;
    if let Some(name) = &input.name {
        validate::length(call, "name", name, 1..=128)?;
        if let Some(parent) = world.organization.units.get(&id).map(|unit| unit.parent.clone()) {
            name_is_free(world, &parent, name, Some(&id))?;
        }
        if let Some(unit) = world.organization.units.get_mut(&id) {
            unit.name.clone_from(name);
        }
    }
    output(world, &id)
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteOrganizationalUnit,
) -> Result<wire::Nothing, ApiError> {
    let id = known(world, call, &input.organizational_unit_id)?;
    let organization = &mut world.organization;
    let here = ParentId::Ou(id.clone());
    let accounts = organization.accounts.keys().filter_map(|account| organization.account(account));
    if accounts.map(|facts| &facts.parent).any(|parent| *parent == here)
        || organization.units.values().any(|unit| unit.parent == here)
    {
        return Err(ApiError::new("OrganizationalUnitNotEmptyException", "The specified OU is not empty."));
    }
    organization.units.remove(&id);
    organization.tags.remove(id.as_str());
    Ok(wire::Nothing {})
}
