//! Who is in which group.

use shared::domain::{GroupId, UserId};

use super::{
    Call, World,
    directory::{Record, absent, arn, principal_uuid, taken},
    groups::group_id as group,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One membership.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    pub(crate) user: UserId,
    pub(crate) record: Record,
}

fn member(world: &World, call: &Call, member: &wire::MemberId) -> Result<UserId, ApiError> {
    let id: UserId = validate::directory_id(call, "memberId.userId", "user", &member.user_id)?;
    if world.directory.users.contains_key(&id) { Ok(id) } else { Err(absent("USER", id.as_str())) }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateGroupMembership,
) -> Result<wire::MembershipIdOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let group = group(world, call, &input.group_id)?;
    let user = member(world, call, &input.member_id)?;
    if world.directory.members.get(&group).is_some_and(|members| members.contains_key(&user)) {
        return Err(taken("Member and Group relationship already exists."));
    }
    let id = principal_uuid(call);
    world.join(id.clone(), group, user, Record::new(call.now, &call.caller.name));
    Ok(named(world, store, &id))
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteGroupMembership,
) -> Result<wire::Nothing, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let id = known(world, call, &input.membership_id)?;
    world.directory.leave(&id);
    Ok(wire::Nothing {})
}

/// The id of a membership that exists.
fn known(world: &World, call: &Call, id: &str) -> Result<String, ApiError> {
    // A membership's id looks like a group's.
    let id: GroupId = validate::directory_id(call, "membershipId", "membership", id)?;
    if world.directory.memberships.contains_key(id.as_str()) {
        return Ok(id.to_string());
    }
    Err(absent("GROUP_MEMBERSHIP", id.as_str()))
}

fn named(world: &World, store: String, id: &str) -> wire::MembershipIdOutput {
    wire::MembershipIdOutput {
        identity_store_id: store,
        membership_id: id.to_owned(),
        membership_arn: arn(world, "membership", id),
    }
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeGroupMembership,
) -> Result<wire::GroupMembership, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let id = known(world, call, &input.membership_id)?;
    shape(world, &store, &id).ok_or_else(|| absent("GROUP_MEMBERSHIP", &id))
}

pub(super) fn get_id(
    world: &mut World,
    call: &Call,
    input: &wire::GetGroupMembershipId,
) -> Result<wire::MembershipIdOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let group = group(world, call, &input.group_id)?;
    let user = member(world, call, &input.member_id)?;
    match world.directory.members.get(&group).and_then(|members| members.get(&user)) {
        Some(id) => Ok(named(world, store, id)),
        None => {
            Err(ApiError::not_found("GROUP_MEMBERSHIP not found.").with("ResourceType", "GROUP_MEMBERSHIP"))
        }
    }
}

fn shape(world: &World, store: &str, id: &str) -> Option<wire::GroupMembership> {
    let membership = world.directory.memberships.get(id)?;
    let record = &membership.record;
    Some(wire::GroupMembership {
        identity_store_id: store.to_owned(),
        membership_id: id.to_owned(),
        membership_arn: arn(world, "membership", id),
        group_id: membership.group.to_string(),
        member_id: wire::MemberId { user_id: membership.user.to_string() },
        created_at: Epoch(record.created_at),
        updated_at: Epoch(record.updated_at),
        created_by: record.created_by.clone(),
        updated_by: record.updated_by.clone(),
    })
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroupMemberships,
) -> Result<wire::MembershipsOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let group = group(world, call, &input.group_id)?;
    let ids = world.directory.members.get(&group).into_iter().flatten();
    let entries =
        ids.filter_map(|(user, id)| shape(world, &store, id).map(|entry| (user.to_string(), entry)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (group_memberships, next_token) = page(call, &request, entries)?;
    Ok(wire::MembershipsOutput { group_memberships, next_token })
}

pub(super) fn list_for_member(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroupMembershipsForMember,
) -> Result<wire::MembershipsOutput, ApiError> {
    let store = validate::identity_store(world, call, &input.identity_store_id)?;
    let user = member(world, call, &input.member_id)?;
    let entries = world
        .directory
        .groups_of(&user)
        .filter_map(|(id, group)| shape(world, &store, id).map(|entry| (group.to_string(), entry)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (group_memberships, next_token) = page(call, &request, entries)?;
    Ok(wire::MembershipsOutput { group_memberships, next_token })
}

pub(super) fn is_member(
    world: &mut World,
    call: &Call,
    input: &wire::IsMemberInGroups,
) -> Result<wire::IsMemberInGroupsOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    validate::count(call, "groupIds", input.group_ids.len(), 1..=100)?;
    let user = member(world, call, &input.member_id)?;
    let results = input
        .group_ids
        .iter()
        .map(|id| {
            let group = group(world, call, id)?;
            Ok(wire::MembershipExistence {
                membership_exists: world
                    .directory
                    .members
                    .get(&group)
                    .is_some_and(|members| members.contains_key(&user)),
                group_id: group.to_string(),
                member_id: wire::MemberId { user_id: user.to_string() },
            })
        })
        .collect::<Result<_, ApiError>>()?;
    Ok(wire::IsMemberInGroupsOutput { results })
}
