//! Users of the identity store.

use shared::domain::UserId;

use super::{
    Call, World,
    directory::{
        Alternate, Record, absent, alternate, arn, filter, is_unchanged, principal_uuid, revision,
        revision_is_fine, spelling, taken,
    },
    paging::{PageRequest, page},
    user_attributes, validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One user.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) attributes: wire::UserAttributes,
    /// What identity providers call it.
    pub(crate) external_ids: Vec<wire::ExternalId>,
    pub(crate) record: Record,
}

impl User {
    pub(crate) fn new(attributes: wire::UserAttributes, record: Record) -> Self {
        Self { attributes, external_ids: Vec::new(), record }
    }

    /// The name by which it signs in.
    pub(crate) fn user_name(&self) -> &str {
        self.attributes.user_name.as_deref().unwrap_or_default()
    }

    /// Its e-mail address; there is at most one.
    pub(crate) fn email(&self) -> Option<&str> {
        user_attributes::email(&self.attributes)
    }
}

/// The identity store's id, and a user that exists in it; the user's may be given as ARN.
fn known(world: &World, call: &Call, store: &str, id: &str) -> Result<(String, UserId, User), ApiError> {
    let store = validate::identity_store(world, call, store)?;
    let id: UserId = validate::directory_id(call, "userId", "user", id)?;
    match world.directory.users.get(&id) {
        Some(user) => Ok((store, id, user.clone())),
        None => Err(absent("USER", id.as_str())),
    }
}

fn written(world: &World, store: String, id: &UserId) -> wire::UserWritten {
    let user = world.directory.users.get(id);
    wire::UserWritten {
        identity_store_id: store,
        user_id: id.to_string(),
        user_arn: arn(world, "user", id.as_str()),
        revision: user.map(|user| revision(world, id.as_str(), &user.record)).unwrap_or_default(),
    }
}

/// Refuses a name or an e-mail address that another user has.
fn is_free(world: &World, attributes: &wire::UserAttributes, own: Option<&UserId>) -> Result<(), ApiError> {
    let name = attributes.user_name.as_deref().unwrap_or_default();
    if world.directory.user_names.get(&spelling(world, name)).is_some_and(|other| Some(other) != own) {
        return Err(taken("Duplicate UserName"));
    }
    if user_attributes::email(attributes).is_some_and(|email| world.email_is_taken(email, own)) {
        return Err(taken("Duplicate Email"));
    }
    Ok(())
}

impl World {
    /// Whether another user has this e-mail address, where that matters.
    pub(crate) fn email_is_taken(&self, email: &str, own: Option<&UserId>) -> bool {
        self.settings.assumptions.emails_are_unique
            && self.directory.emails.get(&spelling(self, email)).is_some_and(|other| Some(other) != own)
    }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateUser,
) -> Result<wire::UserWritten, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let attributes = user_attributes::given(input)?;
    user_attributes::are_fine(call, &attributes)?;
    is_free(world, &attributes, None)?;
    if world.directory.users.len() >= world.settings.quotas.users {
        return Err(ApiError::quota("You have exceeded the number of users per identity store."));
    }
    let id: UserId =
        principal_uuid(call).parse().map_err(|_| ApiError::internal("InternalServerException"))?;
    world.put_user(id.clone(), User::new(attributes, Record::new(call.now, &call.caller.name)));
    Ok(written(world, store, &id))
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateUser,
) -> Result<wire::UserWritten, ApiError> {
    revision_is_fine(call, input.revision.as_deref())?;
    let (store, id, mut user) = known(world, call, &input.identity_store_id, &input.user_id)?;
    is_unchanged(world, input.revision.as_deref(), id.as_str(), &user.record)?;
    validate::count(call, "operations", input.operations.len(), 1..=100)?;
    user.attributes = user_attributes::changed(call, &user.attributes, &input.operations)?;
    user_attributes::are_fine(call, &user.attributes)?;
    is_free(world, &user.attributes, Some(&id))?;
    user.record.change(call);
    world.put_user(id.clone(), user);
    Ok(written(world, store, &id))
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteUser,
) -> Result<wire::Nothing, ApiError> {
    revision_is_fine(call, input.revision.as_deref())?;
    let (_, id, user) = known(world, call, &input.identity_store_id, &input.user_id)?;
    is_unchanged(world, input.revision.as_deref(), id.as_str(), &user.record)?;
    let memberships: Vec<String> =
        world.directory.groups_of.remove(&id).unwrap_or_default().into_values().collect();
    for membership in memberships {
        world.directory.leave(&membership);
    }
    world.forget_names(&id);
    world.directory.external_users.retain(|_, named| *named != id);
    // Its assignments stay, as in AWS: orphans that the lists still show.
    world.directory.users.remove(&id);
    Ok(wire::Nothing {})
}

/// A user as it is shown, with the extensions that were asked for.
fn shape(world: &World, store: &str, id: &UserId, user: &User, extensions: &[String]) -> wire::User {
    let User { attributes, external_ids, record } = user.clone();
    let wire::UserAttributes {
        user_name,
        name,
        display_name,
        nick_name,
        profile_url,
        emails,
        addresses,
        phone_numbers,
        user_type,
        title,
        preferred_language,
        locale,
        timezone,
        photos,
        website,
        birthdate,
        roles,
        extensions: all_extensions,
    } = attributes;
    let shown = all_extensions.map(|all| {
        all.into_iter().filter(|(name, _)| extensions.contains(name)).collect::<wire::Extensions>()
    });
    wire::User {
        identity_store_id: store.to_owned(),
        user_id: id.to_string(),
        user_arn: arn(world, "user", id.as_str()),
        revision: revision(world, id.as_str(), &record),
        user_name,
        external_ids: Some(external_ids).filter(|ids| !ids.is_empty()),
        name,
        display_name,
        nick_name,
        profile_url,
        emails,
        addresses,
        phone_numbers,
        user_type,
        title,
        preferred_language,
        locale,
        timezone,
        user_status: "ENABLED".to_owned(),
        photos,
        website,
        birthdate,
        roles,
        extensions: shown.filter(|shown| !shown.is_empty()),
        created_at: Epoch(record.created_at),
        created_by: record.created_by,
        updated_at: Epoch(record.updated_at),
        updated_by: record.updated_by,
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeUser,
) -> Result<wire::User, ApiError> {
    let extensions = user_attributes::asked_extensions(call, input.extensions.as_deref())?;
    let (store, id, user) = known(world, call, &input.identity_store_id, &input.user_id)?;
    Ok(shape(world, &store, &id, &user, extensions))
}

/// The user that an alternate identifier names.
pub(super) fn found<'w>(
    world: &'w World,
    call: &Call,
    identifier: &wire::AlternateIdentifier,
) -> Result<Option<&'w UserId>, ApiError> {
    let directory = &world.directory;
    Ok(match alternate(call, identifier, &["userName", "emails.value"])? {
        Alternate::Attribute(path, value) if path.eq_ignore_ascii_case("userName") => {
            directory.user_names.get(&spelling(world, value))
        }
        Alternate::Attribute(_, value) => directory.emails.get(&spelling(world, value)),
        Alternate::External(external) => directory.external_users.get(&external),
    })
}

pub(super) fn get_id(
    world: &mut World,
    call: &Call,
    input: &wire::GetUserId,
) -> Result<wire::UserIdOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    match found(world, call, &input.alternate_identifier)? {
        Some(id) => Ok(wire::UserIdOutput {
            identity_store_id: store,
            user_id: id.to_string(),
            user_arn: arn(world, "user", id.as_str()),
        }),
        None => Err(ApiError::not_found("USER not found.").with("ResourceType", "USER")),
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListUsers,
) -> Result<wire::ListUsersOutput, ApiError> {
    let extensions = user_attributes::asked_extensions(call, input.extensions.as_deref())?;
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let name = filter(call, input.filters.as_deref(), "UserName")?.map(|name| spelling(world, name));
    let world = &*world;
    let entries = world
        .directory
        .users
        .iter()
        .filter(|(_, user)| name.as_ref().is_none_or(|name| spelling(world, user.user_name()) == *name))
        .map(|(id, user)| (id.to_string(), shape(world, &store, id, user, extensions)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (users, next_token) = page(call, &request, entries)?;
    Ok(wire::ListUsersOutput { users, next_token })
}
