//! Groups of the identity store.

use shared::domain::GroupId;

use super::{
    Call, World,
    directory::{
        Alternate, Record, absent, alternate, arn, filter, is_unchanged, principal_uuid, revision,
        revision_is_fine, spelling, taken,
    },
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One group.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// What identity providers call it.
    pub(crate) external_ids: Vec<wire::ExternalId>,
    pub(crate) record: Record,
}

pub(super) fn name_is_fine(
    world: &World,
    call: &Call,
    name: &str,
    own: Option<&GroupId>,
) -> Result<(), ApiError> {
    validate::length(call, "displayName", name, 1..=1024)?;
    validate::characters(call, "displayName", name, validate::sensitive)?;
    if matches!(name, "Administrator" | "AWSAdministrators") {
        return Err(call.invalid("displayName", name, "The name is reserved"));
    }
    match world.directory.group_names.get(&spelling(world, name)) {
        Some(other) if Some(other) != own => Err(taken("Duplicate GroupDisplayName")),
        Some(_) | None => Ok(()),
    }
}

/// The id of a group that exists; it may be given as ARN.
pub(super) fn group_id(world: &World, call: &Call, id: &str) -> Result<GroupId, ApiError> {
    let id: GroupId = validate::directory_id(call, "groupId", "group", id)?;
    if world.directory.groups.contains_key(&id) { Ok(id) } else { Err(absent("GROUP", id.as_str())) }
}

/// The identity store's id, and a group that exists in it.
fn known(world: &World, call: &Call, store: &str, id: &str) -> Result<(String, GroupId, Group), ApiError> {
    let store = validate::identity_store(world, call, store)?;
    let id = group_id(world, call, id)?;
    let group = world.directory.groups.get(&id).cloned();
    group.map(|group| (store, id.clone(), group)).ok_or_else(|| absent("GROUP", id.as_str()))
}

fn written(world: &World, store: String, id: &GroupId) -> wire::GroupWritten {
    let group = world.directory.groups.get(id);
    wire::GroupWritten {
        identity_store_id: store,
        group_id: id.to_string(),
        group_arn: arn(world, "group", id.as_str()),
        revision: group.map(|group| revision(world, id.as_str(), &group.record)).unwrap_or_default(),
    }
}

pub(super) fn description_is_fine(call: &Call, text: Option<&str>) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    validate::length(call, "description", text, 1..=1024)?;
    validate::characters(call, "description", text, validate::sensitive)
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateGroup,
) -> Result<wire::GroupWritten, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let name = input
        .display_name
        .as_deref()
        .ok_or_else(|| call.invalid("displayName", "null", "Member must not be null"))?;
    name_is_fine(world, call, name, None)?;
    description_is_fine(call, input.description.as_deref())?;
    if world.directory.groups.len() >= world.settings.quotas.groups {
        return Err(ApiError::quota("You have exceeded the number of groups per identity store."));
    }
    let id = world.new_group(
        principal_uuid(call),
        name,
        input.description.clone(),
        call.now,
        &call.caller.name,
    )?;
    Ok(written(world, store, &id))
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteGroup,
) -> Result<wire::Nothing, ApiError> {
    revision_is_fine(call, input.revision.as_deref())?;
    let (_, id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    is_unchanged(world, input.revision.as_deref(), id.as_str(), &group.record)?;
    let memberships: Vec<String> =
        world.directory.members.remove(&id).unwrap_or_default().into_values().collect();
    for membership in memberships {
        world.directory.leave(&membership);
    }
    if let Some(name) = group.name {
        let name = spelling(world, &name);
        world.directory.group_names.remove(&name);
    }
    world.directory.external_groups.retain(|_, named| *named != id);
    // Its assignments stay, as in AWS: orphans that the lists still show.
    world.directory.groups.remove(&id);
    Ok(wire::Nothing {})
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateGroup,
) -> Result<wire::GroupWritten, ApiError> {
    revision_is_fine(call, input.revision.as_deref())?;
    let (store, id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    is_unchanged(world, input.revision.as_deref(), id.as_str(), &group.record)?;
    validate::count(call, "operations", input.operations.len(), 1..=100)?;
    let mut changed = group.clone();
    for operation in &input.operations {
        let value = match &operation.attribute_value {
            None | Some(serde_json::Value::Null) => None,
            Some(value) => Some(
                value
                    .as_str()
                    .ok_or_else(|| call.invalid("attributeValue", "", "Member must be a string"))?,
            ),
        };
        match operation.attribute_path.as_str() {
            "displayName" => {
                let name =
                    value.ok_or_else(|| call.invalid("attributeValue", "null", "Member must not be null"))?;
                name_is_fine(world, call, name, Some(&id))?;
                changed.name = Some(name.to_owned());
            }
            "description" => {
                description_is_fine(call, value)?;
                changed.description = value.map(str::to_owned);
            }
            other => {
                return Err(call.invalid("operations.attributePath", other, "Unsupported attribute path"));
            }
        }
    }
    changed.record.change(call);
    if let Some(name) = &group.name {
        let name = spelling(world, name);
        world.directory.group_names.remove(&name);
    }
    if let Some(name) = &changed.name {
        let name = spelling(world, name);
        world.directory.group_names.insert(name, id.clone());
    }
    world.directory.groups.insert(id.clone(), changed);
    Ok(written(world, store, &id))
}

fn shape(world: &World, store: &str, id: &GroupId, group: &Group) -> wire::Group {
    let record = &group.record;
    wire::Group {
        identity_store_id: store.to_owned(),
        group_id: id.to_string(),
        group_arn: arn(world, "group", id.as_str()),
        revision: revision(world, id.as_str(), record),
        display_name: group.name.clone(),
        external_ids: Some(group.external_ids.clone()).filter(|ids| !ids.is_empty()),
        description: group.description.clone(),
        created_at: Epoch(record.created_at),
        updated_at: Epoch(record.updated_at),
        created_by: record.created_by.clone(),
        updated_by: record.updated_by.clone(),
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeGroup,
) -> Result<wire::Group, ApiError> {
    let (store, id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    Ok(shape(world, &store, &id, &group))
}

/// The group that an alternate identifier names.
pub(super) fn found<'w>(
    world: &'w World,
    call: &Call,
    identifier: &wire::AlternateIdentifier,
) -> Result<Option<&'w GroupId>, ApiError> {
    Ok(match alternate(call, identifier, &["displayName"])? {
        Alternate::Attribute(_, name) => world.directory.group_names.get(&spelling(world, name)),
        Alternate::External(external) => world.directory.external_groups.get(&external),
    })
}

pub(super) fn get_id(
    world: &mut World,
    call: &Call,
    input: &wire::GetGroupId,
) -> Result<wire::GroupIdOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    match found(world, call, &input.alternate_identifier)? {
        Some(id) => Ok(wire::GroupIdOutput {
            identity_store_id: store,
            group_id: id.to_string(),
            group_arn: arn(world, "group", id.as_str()),
        }),
        // AWS has no id to name here.
        None => Err(ApiError::not_found("GROUP not found.").with("ResourceType", "GROUP")),
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroups,
) -> Result<wire::ListGroupsOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let name = filter(call, input.filters.as_deref(), "DisplayName")?.map(|name| spelling(world, name));
    let world = &*world;
    let entries = world
        .directory
        .groups
        .iter()
        .filter(|(_, group)| name.is_none() || group.name.as_deref().map(|own| spelling(world, own)) == name)
        .map(|(id, group)| (id.to_string(), shape(world, &store, id, group)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (groups, next_token) = page(call, &request, entries)?;
    Ok(wire::ListGroupsOutput { groups, next_token })
}
