//! Tags of accounts, OUs, the root, permission sets and instances.

use std::collections::BTreeSet;

use shared::domain::{InstanceArn, PermissionSetArn, Tags};

use super::{
    Call, Service, World, events,
    paging::{PageRequest, page},
    permission_sets, validate,
};
use crate::{
    ApiError,
    wire::{Tag, organizations as org, sso_admin as sso},
};

/// Tags as they are written on the wire.
pub(super) fn read(tags: &[Tag]) -> Tags {
    Tags(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

/// How many tags, or keys of tags, one call of SSO Admin may carry (API model).
const TAGS_PER_CALL: usize = 75;
/// What Organizations says of more tags than a resource can have.
pub(super) const TOO_MANY: &str = "You have exceeded the number of tags allowed.";

/// The tags of something new in SSO Admin.
pub(super) fn first(world: &World, call: &Call, tags: &[Tag]) -> Result<Tags, ApiError> {
    merged(world, call, &Tags::default(), tags)
}

/// The tags after some were added, if they are not too many.
fn merged(world: &World, call: &Call, present: &Tags, added: &[Tag]) -> Result<Tags, ApiError> {
    let most = world.settings.quotas.tags_per_resource;
    let in_a_call = if call.service == Service::SsoAdmin { TAGS_PER_CALL } else { most };
    validate::tags(call, added, in_a_call)?;
    let mut tags = present.clone();
    for tag in added {
        tags.0.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.0.len() <= most {
        return Ok(tags);
    }
    Err(match call.service {
        Service::Organizations => ApiError::constraint("MAX_TAG_LIMIT_EXCEEDED", TOO_MANY),
        Service::IdentityStore | Service::SsoAdmin | Service::Tagging => ApiError::new(
            "ServiceQuotaExceededException",
            "You have exceeded the number of tags allowed on a resource.",
        ),
    })
}

fn without(call: &Call, present: &Tags, keys: &[String]) -> Result<Tags, ApiError> {
    let mut tags = present.clone();
    for key in keys {
        validate::tag_key(call, key)?;
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
    let keys = input.tags.iter().map(|tag| tag.key.clone()).collect();
    changed(world, call, &input.resource_id, tags, keys);
    Ok(org::Nothing {})
}

/// Sets tags and tells of it in the tag service's own event as well.
fn changed(world: &mut World, call: &Call, id: &str, tags: Tags, keys: BTreeSet<String>) {
    let before = world.organization.tags_of(id);
    let differ: Vec<_> = keys.into_iter().filter(|key| before.get(key) != tags.get(key)).collect();
    world.organization.set_tags(call.now, id, tags);
    // It is known of accounts only.
    let sent = world.settings.assumptions.account_tag_changes_are_events
        && world.organization.kind_of(id) == "account"
        && !differ.is_empty();
    if sent {
        let event = events::tag_change(world, call.now, id, &differ);
        world.afterwards.push(event);
    }
}

pub(super) fn untag_in_organization(
    world: &mut World,
    call: &Call,
    input: &org::UntagResource,
) -> Result<org::Nothing, ApiError> {
    let present = in_organization(world, call, &input.resource_id)?;
    let tags = without(call, &present, &input.tag_keys)?;
    changed(world, call, &input.resource_id, tags, input.tag_keys.iter().cloned().collect());
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

/// What SSO Admin can tag. Applications and trusted token issuers are not simulated.
enum Tagged {
    PermissionSet(PermissionSetArn),
    Instance(InstanceArn),
}

/// The permission set or the instance that an input names, with its tags.
fn in_identity_center(
    world: &World,
    call: &Call,
    instance_arn: Option<&str>,
    resource: &str,
) -> Result<(Tagged, Tags), ApiError> {
    validate::length(call, "resourceArn", resource, 10..=2048)?;
    if resource.contains(":::instance/") {
        let instance = validate::any_instance(world, call, resource)?;
        return Ok((Tagged::Instance(instance.arn.clone()), instance.tags.clone()));
    }
    let instance = match instance_arn {
        Some(arn) => arn.to_owned(),
        None => world.instances.first().map(|instance| instance.arn.to_string()).unwrap_or_default(),
    };
    let arn = validate::permission_set(world, call, &instance, resource)?;
    let tags = world.permission_sets.get(&arn).map(|set| set.tags.clone()).unwrap_or_default();
    Ok((Tagged::PermissionSet(arn), tags))
}

/// Tags are on the permission set only, not on the roles: no new version.
fn replace(world: &mut World, call: &Call, tagged: &Tagged, tags: Tags) -> Result<(), ApiError> {
    match tagged {
        Tagged::PermissionSet(arn) => {
            permission_sets::delegated_may(world, call, None, arn)?;
            if let Some(set) = world.permission_sets.get_mut(arn) {
                set.tags = tags;
            }
        }
        Tagged::Instance(arn) => {
            if let Some(instance) = world.instances.iter_mut().find(|instance| instance.arn == *arn) {
                instance.tags = tags;
            }
        }
    }
    Ok(())
}

pub(super) fn tag(
    world: &mut World,
    call: &Call,
    input: &sso::TagResource,
) -> Result<sso::Nothing, ApiError> {
    let (tagged, present) =
        in_identity_center(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let tags = merged(world, call, &present, &input.tags)?;
    replace(world, call, &tagged, tags)?;
    Ok(sso::Nothing {})
}

pub(super) fn untag(
    world: &mut World,
    call: &Call,
    input: &sso::UntagResource,
) -> Result<sso::Nothing, ApiError> {
    validate::count(call, "tagKeys", input.tag_keys.len(), 1..=TAGS_PER_CALL)?;
    let (tagged, present) =
        in_identity_center(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let tags = without(call, &present, &input.tag_keys)?;
    replace(world, call, &tagged, tags)?;
    Ok(sso::Nothing {})
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &sso::ListTagsForResource,
) -> Result<sso::ListTagsForResourceOutput, ApiError> {
    let (_, tags) = in_identity_center(world, call, input.instance_arn.as_deref(), &input.resource_arn)?;
    let (tags, next_token) = listed(call, &tags, input.next_token.as_deref())?;
    Ok(sso::ListTagsForResourceOutput { tags, next_token })
}
