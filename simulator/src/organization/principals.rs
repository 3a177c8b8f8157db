//! The groups and users of a description, and who is in which group.

use jiff::Timestamp;
use shared::domain::{GroupId, UserId};

use super::{
    Description, DescriptionError, GroupEntry, UserEntry,
    build::{BY_HAND, Built, given, twice},
    details, limits,
};
use crate::{
    World,
    wire::identity_store::{Email, Name, UserAttributes},
    world::{Stated, ids::Ids},
};

/// Adds them to a world.
pub(super) fn add(world: &mut World, ids: &Ids, since: Timestamp, description: &Description) -> Built<()> {
    for entry in &description.groups {
        group(world, ids, since, entry)?;
    }
    description.users.iter().try_for_each(|entry| user(world, ids, since, entry))
}

fn group(world: &mut World, ids: &Ids, since: Timestamp, entry: &GroupEntry) -> Built<()> {
    let name = &entry.name.value;
    if world.group_named(name).is_some() {
        return Err(twice(&entry.name, "groups", name));
    }
    limits::check(world, &entry.name, Stated::GroupName)?;
    limits::check(world, &entry.description, Stated::GroupDescription)?;
    let id: GroupId = given(entry.id.as_ref(), || ids.named("group", name).to_string())?;
    if world.directory.groups.contains_key(&id) {
        return Err(DescriptionError::at(
            entry.id.as_ref().unwrap_or(&entry.name),
            format!("there are two groups with the id `{id}`"),
        ));
    }
    let description = entry.description.as_ref().map(|text| text.value.clone());
    world
        .new_group(id.to_string(), name, description, since, BY_HAND)
        .map_err(|error| DescriptionError::at(&entry.name, error.to_string()))?;
    details::group(world, &id, &entry.external_ids)
}

fn user(world: &mut World, ids: &Ids, since: Timestamp, entry: &UserEntry) -> Built<()> {
    let name = &entry.user_name.value;
    if world.user_named(name).is_some() {
        return Err(twice(&entry.user_name, "users", name));
    }
    let id: UserId = given(entry.id.as_ref(), || ids.named("user", name).to_string())?;
    if world.directory.users.contains_key(&id) {
        return Err(DescriptionError::at(
            entry.id.as_ref().unwrap_or(&entry.user_name),
            format!("there are two users with the id `{id}`"),
        ));
    }
    let mut attributes = UserAttributes {
        user_name: Some(name.clone()),
        name: Some(Name::default()),
        display_name: Some(name.clone()),
        ..UserAttributes::default()
    };
    // One after the other, so that each mistake is told where it is.
    limits::check_at(world, &entry.user_name, Stated::User(&attributes))?;
    let shown = &entry.display_name.value;
    let (given_name, family_name) = shown.split_once(' ').unwrap_or((shown, ""));
    let part = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let parts = Name { family_name: part(family_name), given_name: part(given_name), ..Name::default() };
    attributes.display_name = Some(shown.clone());
    attributes.name = Some(parts.clone());
    limits::check_at(world, &entry.display_name, Stated::User(&attributes))?;
    let place = entry.email.as_ref().unwrap_or(&entry.user_name);
    let address = &place.value;
    let email = Email { value: Some(address.clone()), r#type: Some("work".to_owned()), primary: Some(true) };
    attributes.emails = Some(vec![email.clone()]);
    limits::check_at(world, place, Stated::User(&attributes))?;
    if world.email_is_taken(address, None) {
        return Err(DescriptionError::at(place, format!("two users have the e-mail address `{address}`")));
    }
    world
        .add_user(id.as_str(), name, shown, since, BY_HAND, parts, email)
        .map_err(|error| DescriptionError::at(&entry.user_name, error.to_string()))?;
    details::user(world, &id, &entry.external_ids, entry.attributes.as_ref())?;
    for group in &entry.groups {
        let group_id = world.group_named(&group.value).ok_or_else(|| {
            DescriptionError::at(group, format!("there is no group named `{}`", group.value))
        })?;
        let membership = ids.named("membership", &format!("{group_id} {id}")).to_string();
        world.add_member(membership, group_id, id.clone(), since, BY_HAND);
    }
    Ok(())
}
