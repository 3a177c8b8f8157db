//! Groups, and the identity store that they are in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{GroupId, UserId};

use super::{
    Call, World,
    memberships::Membership,
    paging::{PageRequest, page},
    users::User,
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One group.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) record: Record,
}

/// When and by whom something was made and last changed.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Record {
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
}

impl Record {
    pub(crate) fn new(at: Timestamp, by: &str) -> Self {
        Self { created_at: at, updated_at: at, created_by: by.to_owned(), updated_by: by.to_owned() }
    }
}

/// The identity store.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Directory {
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) memberships: BTreeMap<String, Membership>,
    /// Ids by name, in the spelling that decides whether two names are the same.
    pub(crate) group_names: BTreeMap<String, GroupId>,
    pub(crate) user_names: BTreeMap<String, UserId>,
    /// The id of each membership, by its two ends.
    pub(crate) members: BTreeMap<GroupId, BTreeMap<UserId, String>>,
    pub(crate) groups_of: BTreeMap<UserId, BTreeMap<GroupId, String>>,
}

impl Directory {
    /// The groups that a user is in, with the memberships' ids.
    pub(crate) fn groups_of(&self, user: &UserId) -> impl Iterator<Item = (&String, &GroupId)> {
        self.groups_of.get(user).into_iter().flatten().map(|(group, membership)| (membership, group))
    }

    /// Ends a membership.
    pub(crate) fn leave(&mut self, membership: &str) {
        if let Some(Membership { group, user, .. }) = self.memberships.remove(membership) {
            if let Some(members) = self.members.get_mut(&group) {
                members.remove(&user);
            }
            if let Some(groups) = self.groups_of.get_mut(&user) {
                groups.remove(&group);
            }
        }
    }
}

/// The spelling of a name by which it is unique.
pub(crate) fn spelling(world: &World, name: &str) -> String {
    if world.settings.assumptions.names_are_case_sensitive { name.to_owned() } else { name.to_lowercase() }
}

/// What the identity store says of something that is not there.
pub(super) fn absent(kind: &str, id: &str) -> ApiError {
    ApiError::not_found(format!("{kind} not found.")).with("ResourceType", kind).with("ResourceId", id)
}

/// A name that something else of its kind has.
pub(super) fn taken(message: &str) -> ApiError {
    ApiError::new("ConflictException", message).with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
}

/// The text of a unique attribute, which may be reached by one of these paths; an absent path is refused.
pub(super) fn unique_attribute<'a>(
    call: &Call,
    identifier: &'a wire::AlternateIdentifier,
    paths: &[&str],
) -> Result<Option<(&'a str, &'a str)>, ApiError> {
    match (&identifier.unique_attribute, &identifier.external_id) {
        (Some(unique), None) => {
            if !paths.iter().any(|path| path.eq_ignore_ascii_case(&unique.attribute_path)) {
                return Err(call.invalid(
                    "alternateIdentifier.uniqueAttribute.attributePath",
                    &unique.attribute_path,
                    "Unsupported attribute path",
                ));
            }
            match unique.attribute_value.as_str() {
                Some(value) if !value.is_empty() => Ok(Some((&unique.attribute_path, value))),
                Some(_) | None => Err(call.invalid(
                    "alternateIdentifier.uniqueAttribute.attributeValue",
                    "",
                    "Member must be a string of at least one character",
                )),
            }
        }
        // No identity provider is simulated, so no external id is known.
        (None, Some(_)) => Ok(None),
        (None, None) | (Some(_), Some(_)) => {
            Err(call.invalid("alternateIdentifier", "", "Exactly one member of the union must be set"))
        }
    }
}

fn name_is_fine(world: &World, call: &Call, name: &str, own: Option<&GroupId>) -> Result<(), ApiError> {
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

fn known(world: &World, call: &Call, store: &str, id: &str) -> Result<(GroupId, Group), ApiError> {
    validate::identity_store(world, call, store)?;
    let id: GroupId = validate::id(call, "groupId", id)?;
    match world.directory.groups.get(&id) {
        Some(group) => Ok((id, group.clone())),
        None => Err(absent("GROUP", id.as_str())),
    }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateGroup,
) -> Result<wire::GroupIdOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let name = input
        .display_name
        .as_deref()
        .ok_or_else(|| call.invalid("displayName", "null", "Member must not be null"))?;
    name_is_fine(world, call, name, None)?;
    if let Some(text) = &input.description {
        validate::length(call, "description", text, 1..=1024)?;
        validate::characters(call, "description", text, validate::sensitive)?;
    }
    let id = world.new_group(
        principal_uuid(call),
        name,
        input.description.clone(),
        call.now,
        &call.caller.name,
    )?;
    Ok(wire::GroupIdOutput { group_id: id.to_string(), identity_store_id: input.identity_store_id.clone() })
}

/// The id of what a call makes in the identity store.
pub(super) fn principal_uuid(call: &Call) -> String {
    call.request_id.to_string()
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteGroup,
) -> Result<wire::Nothing, ApiError> {
    let (id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    let memberships: Vec<String> =
        world.directory.members.remove(&id).unwrap_or_default().into_values().collect();
    for membership in memberships {
        world.directory.leave(&membership);
    }
    if let Some(name) = group.name {
        let name = spelling(world, &name);
        world.directory.group_names.remove(&name);
    }
    // Its assignments stay, as in AWS: orphans that the lists still show.
    world.directory.groups.remove(&id);
    Ok(wire::Nothing {})
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateGroup,
) -> Result<wire::Nothing, ApiError> {
    let (id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    if input.operations.is_empty() || input.operations.len() > 100 {
        return Err(call.invalid(
            "operations",
            &input.operations.len().to_string(),
            "Member must have between 1 and 100 items",
        ));
    }
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
            "description" => changed.description = value.map(str::to_owned),
            other => {
                return Err(call.invalid("operations.attributePath", other, "Unsupported attribute path"));
            }
        }
    }
    changed.record.updated_at = call.now;
    changed.record.updated_by = call.caller.name.to_string();
    if let Some(name) = &group.name {
        let name = spelling(world, name);
        world.directory.group_names.remove(&name);
    }
    if let Some(name) = &changed.name {
        let name = spelling(world, name);
        world.directory.group_names.insert(name, id.clone());
    }
    world.directory.groups.insert(id, changed);
    Ok(wire::Nothing {})
}

fn shape(store: &str, id: &GroupId, group: &Group) -> wire::Group {
    let Record { created_at, updated_at, created_by, updated_by } = group.record.clone();
    wire::Group {
        group_id: id.to_string(),
        display_name: group.name.clone(),
        description: group.description.clone(),
        created_at: Epoch(created_at),
        updated_at: Epoch(updated_at),
        created_by,
        updated_by,
        identity_store_id: store.to_owned(),
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeGroup,
) -> Result<wire::Group, ApiError> {
    let (id, group) = known(world, call, &input.identity_store_id, &input.group_id)?;
    Ok(shape(&input.identity_store_id, &id, &group))
}

pub(super) fn get_id(
    world: &mut World,
    call: &Call,
    input: &wire::GetGroupId,
) -> Result<wire::GroupIdOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let name = unique_attribute(call, &input.alternate_identifier, &["displayName"])?;
    let id = name.and_then(|(_, name)| world.directory.group_names.get(&spelling(world, name)));
    match id {
        Some(id) => Ok(wire::GroupIdOutput {
            group_id: id.to_string(),
            identity_store_id: input.identity_store_id.clone(),
        }),
        // AWS has no id to name here.
        None => Err(ApiError::not_found("GROUP not found.").with("ResourceType", "GROUP")),
    }
}

/// The value that a deprecated filter asks for.
pub(super) fn filter<'a>(
    call: &Call,
    filters: Option<&'a [wire::Filter]>,
    path: &str,
) -> Result<Option<&'a str>, ApiError> {
    match filters {
        None | Some([]) => Ok(None),
        Some([only]) if only.attribute_path.eq_ignore_ascii_case(path) => Ok(Some(&only.attribute_value)),
        Some([only]) => {
            Err(call.invalid("filters.attributePath", &only.attribute_path, "Unsupported attribute path"))
        }
        Some(several) => Err(call.invalid(
            "filters",
            &several.len().to_string(),
            "Member must have length less than or equal to 1",
        )),
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroups,
) -> Result<wire::ListGroupsOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let name = filter(call, input.filters.as_deref(), "DisplayName")?.map(|name| spelling(world, name));
    let store = &input.identity_store_id;
    let world = &*world;
    let entries = world
        .directory
        .groups
        .iter()
        .filter(|(_, group)| name.is_none() || group.name.as_deref().map(|own| spelling(world, own)) == name)
        .map(|(id, group)| (id.to_string(), shape(store, id, group)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (groups, next_token) = page(call, &request, entries)?;
    Ok(wire::ListGroupsOutput { groups, next_token })
}
