//! Users of the identity store.

use shared::domain::UserId;

use super::{
    Call, World,
    groups::{Record, absent, filter, principal_uuid, spelling, taken, unique_attribute},
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One user.
#[expect(clippy::struct_field_names, reason = "`user_name` is AWS's word")]
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct User {
    pub(crate) user_name: String,
    pub(crate) name: Option<wire::Name>,
    pub(crate) display_name: Option<String>,
    pub(crate) emails: Option<Vec<wire::Email>>,
    pub(crate) record: Record,
}

fn known(world: &World, call: &Call, store: &str, id: &str) -> Result<(UserId, User), ApiError> {
    validate::identity_store(world, call, store)?;
    let id: UserId = validate::id(call, "userId", id)?;
    match world.directory.users.get(&id) {
        Some(user) => Ok((id, user.clone())),
        None => Err(absent("USER", id.as_str())),
    }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateUser,
) -> Result<wire::UserIdOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let required = |member: &str, value: Option<&String>| {
        value.cloned().ok_or_else(|| call.invalid(member, "null", "Member must not be null"))
    };
    let user_name = required("userName", input.user_name.as_ref())?;
    validate::length(call, "userName", &user_name, 1..=128)?;
    validate::characters(call, "userName", &user_name, |letter| {
        !letter.is_control() && !letter.is_whitespace()
    })?;
    if matches!(user_name.as_str(), "Administrator" | "AWSAdministrators") {
        return Err(call.invalid("userName", &user_name, "The name is reserved"));
    }
    let display_name = required("displayName", input.display_name.as_ref())?;
    validate::length(call, "displayName", &display_name, 1..=1024)?;
    validate::characters(call, "displayName", &display_name, validate::sensitive)?;
    let emails = input.emails.as_deref().unwrap_or_default();
    if emails.len() > 1 {
        return Err(call.invalid(
            "emails",
            &emails.len().to_string(),
            "Member must have length less than or equal to 1",
        ));
    }
    if world.directory.user_names.contains_key(&spelling(world, &user_name)) {
        return Err(taken("Duplicate UserName"));
    }
    let user = User {
        user_name,
        name: input.name.clone(),
        display_name: Some(display_name),
        emails: input.emails.clone(),
        record: Record::new(call.now, &call.caller.name),
    };
    let id = world.new_user(&principal_uuid(call), user)?;
    Ok(wire::UserIdOutput { identity_store_id: input.identity_store_id.clone(), user_id: id.to_string() })
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteUser,
) -> Result<wire::Nothing, ApiError> {
    let (id, user) = known(world, call, &input.identity_store_id, &input.user_id)?;
    let memberships: Vec<String> =
        world.directory.groups_of.remove(&id).unwrap_or_default().into_values().collect();
    for membership in memberships {
        world.directory.leave(&membership);
    }
    let name = spelling(world, &user.user_name);
    world.directory.user_names.remove(&name);
    world.directory.users.remove(&id);
    Ok(wire::Nothing {})
}

fn shape(store: &str, id: &UserId, user: &User) -> wire::User {
    let Record { created_at, updated_at, created_by, updated_by } = user.record.clone();
    wire::User {
        identity_store_id: store.to_owned(),
        user_id: id.to_string(),
        user_name: Some(user.user_name.clone()),
        name: user.name.clone(),
        display_name: user.display_name.clone(),
        emails: user.emails.clone(),
        user_status: "ENABLED".to_owned(),
        created_at: Epoch(created_at),
        updated_at: Epoch(updated_at),
        created_by,
        updated_by,
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeUser,
) -> Result<wire::User, ApiError> {
    let (id, user) = known(world, call, &input.identity_store_id, &input.user_id)?;
    Ok(shape(&input.identity_store_id, &id, &user))
}

pub(super) fn get_id(
    world: &mut World,
    call: &Call,
    input: &wire::GetUserId,
) -> Result<wire::UserIdOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let attribute = unique_attribute(call, &input.alternate_identifier, &["userName", "emails.value"])?;
    let id = attribute.and_then(|(path, value)| {
        if path.eq_ignore_ascii_case("userName") {
            return world.directory.user_names.get(&spelling(world, value));
        }
        let has =
            |user: &User| user.emails.iter().flatten().any(|email| email.value.as_deref() == Some(value));
        world.directory.users.iter().find(|(_, user)| has(user)).map(|(id, _)| id)
    });
    match id {
        Some(id) => Ok(wire::UserIdOutput {
            identity_store_id: input.identity_store_id.clone(),
            user_id: id.to_string(),
        }),
        None => Err(ApiError::not_found("USER not found.").with("ResourceType", "USER")),
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListUsers,
) -> Result<wire::ListUsersOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let name = filter(call, input.filters.as_deref(), "UserName")?.map(|name| spelling(world, name));
    let store = &input.identity_store_id;
    let world = &*world;
    let entries = world
        .directory
        .users
        .iter()
        .filter(|(_, user)| name.as_ref().is_none_or(|name| spelling(world, &user.user_name) == *name))
        .map(|(id, user)| (id.to_string(), shape(store, id, user)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (users, next_token) = page(call, &request, entries)?;
    Ok(wire::ListUsersOutput { users, next_token })
}
