//! Tags of accounts, OUs, the root and permission sets.

use shared::domain::{PermissionSetArn, Tags};

use super::{
    Call, Service, World,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Tag, organizations as org, sso_admin as sso},
};

/// Tags as they are written on the wire.
pub(super) fn read(tags: &[Tag]) -> Tags {
    Tags(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

/// The tags after some were added, if they are not too many.
fn merged(world: &World, call: &Call, present: &Tags, added: &[Tag]) -> Result<Tags, ApiError> {
    let most = world.settings.quotas.tags_per_resource;
    validate::tags(call, added, most)?;
    let mut tags = present.clone();
    for tag in added {
        tags.0.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.0.len() <= most {
        return Ok(tags);
    }
    Err(match call.service {
        Service::Organizations => {
            ApiError::new("ConstraintViolationException", "You have exceeded the number of tags allowed.")
                .with("Reason", "MAX_TAG_LIMIT_EXCEEDED")
        }
        Service::IdentityStore | Service::SsoAdmin | Service::Tagging => ApiError::new(
            "ServiceQuotaExceededException",
            "You have exceeded the number of tags allowed on a resource.",
        ),
    })
}

fn without(call: &Call, present: &Tags, keys: &[String]) -> Result<Tags, ApiError> {
    let mut tags = present.clone();
    for key in keys {
        validate::length(call, "tagKeys", key, 1..=128)?;
        tags.0.remove(key);
    }
    Ok(tags)
}

fn listed(call: &Call, tags: &Tags, token: Option<&str>) -> Result<(Vec<Tag>, Option<String>), ApiError> {
    let request = PageRequest { token, size: None };
    let entries = tags
        .iter()
        .map(|(key, value)| (key.to_owned(), Tag { key: key.to_owned(), value: value.to_owned() }));
    page(call, &request, entries)
}

/// The account, OU or root that an input names.
fn in_organization(world: &World, call: &Call, id: &str) -> Result<Tags, ApiError> {
    let organization = &world.organization;
    let exists = if id.starts_with("r-") || id.starts_with("ou-") {
        organization.exists(&validate::id(call, "resourceId", id)?)
    } else {
        organization.accounts.contains_key(&validate::id(call, "resourceId", id)?)
    };
    if exists {
        return Ok(organization.tags_of(id));
    }
    Err(ApiError::new("TargetNotFoundException", "You specified a target that doesn't exist."))
}

pub(super) fn tag_in_organization(
    world: &mut World,
    call: &Call,
    input: &org::TagResource,
) -> Result<org::Nothing, ApiError> {
    let present = in_organization(world, call, &input.resource_id)?;
    let tags = merged(world, call, &present, &input.tags)?;
    world.organization.set_tags(call.now, &input.resource_id, tags);
    Ok(org::Nothing {})
}

pub(super) fn untag_in_organization(
    world: &mut World,
    call: &Call,
    input: &org::UntagResource,
) -> Result<org::Nothing, ApiError> {
    let present = in_organization(world, call, &input.resource_id)?;
    let tags = without(call, &present, &input.tag_keys)?;
    world.organization.set_tags(call.now, &input.resource_id, tags);
    Ok(org::Nothing {})
}

pub(super) fn list_in_organization(
    world: &mut World,
    call: &Call,
    input: &org::ListTagsForResource,
) -> Result<org::ListTagsForResourceOutput, ApiError> {
    let tags = in_organization(world, call, &input.resource_id)?;
    let (tags, next_token) = listed(call, &tags, input.next_token.as_deref())?;
    Ok(org::ListTagsForResourceOutput { tags, next_token })
}

/// The permission set that an input names, with its tags. Tags of instances are not built.
fn of_permission_set(
    world: &World,
    call: &Call,
    instance_arn: Option<&str>,
    resource: &str,
) -> Result<(PermissionSetArn, Tags), ApiError> {
    let instance = match instance_arn {
        Some(arn) => arn.to_owned(),
        None => world.instances.first().map(|instance| instance.arn.to_string()).unwrap_or_default(),
    };
    let arn = validate::permission_set(world, call, &instance, resource)?;
    let tags = world.permission_sets.get(&arn).map(|set| set.tags.clone()).unwrap_or_default();
    Ok((arn, tags))
}

fn replace(world: &mut World, arn: &PermissionSetArn, tags: Tags) {
    if let Some(set) = world.permission_sets.get_mut(arn) {
        set.tags = tags;
    }
}

pub(super) fn tag_permission_set(
    world: &mut World,
    call: &Call,
    input: &sso::TagResource,
) -> Result<sso::Nothing, ApiError> {
    let (arn, present) = of_permission_set(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let tags = merged(world, call, &present, &input.tags)?;
    replace(world, &arn, tags);
    Ok(sso::Nothing {})
}

pub(super) fn untag_permission_set(
    world: &mut World,
    call: &Call,
    input: &sso::UntagResource,
) -> Result<sso::Nothing, ApiError> {
    if input.tag_keys.is_empty() || input.tag_keys.len() > 75 {
        return Err(call.invalid(
            "tagKeys",
            &input.tag_keys.len().to_string(),
            "Member must have between 1 and 75 items",
        ));
    }
    let (arn, present) = of_permission_set(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let tags = without(call, &present, &input.tag_keys)?;
    replace(world, &arn, tags);
    Ok(sso::Nothing {})
}

pub(super) fn list_of_permission_set(
    world: &mut World,
    call: &Call,
    input: &sso::ListTagsForResource,
) -> Result<sso::ListTagsForResourceOutput, ApiError> {
    let (_, tags) = of_permission_set(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let (tags, next_token) = listed(call, &tags, input.next_token.as_deref())?;
    Ok(sso::ListTagsForResourceOutput { tags, next_token })
}
