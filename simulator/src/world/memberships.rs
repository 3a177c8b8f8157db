//! Who is in which group.

use shared::domain::{GroupId, UserId};

use super::{
    Call, World,
    groups::{Record, absent, principal_uuid, taken},
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, identity_store as wire},
};

/// One membership.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    pub(crate) user: UserId,
    pub(crate) record: Record,
}

fn group(world: &World, call: &Call, id: &str) -> Result<GroupId, ApiError> {
    let id: GroupId = validate::id(call, "groupId", id)?;
    if world.directory.groups.contains_key(&id) { Ok(id) } else { Err(absent("GROUP", id.as_str())) }
}

fn member(world: &World, call: &Call, member: &wire::MemberId) -> Result<UserId, ApiError> {
    let id: UserId = validate::id(call, "memberId.userId", &member.user_id)?;
    if world.directory.users.contains_key(&id) { Ok(id) } else { Err(absent("USER", id.as_str())) }
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateGroupMembership,
) -> Result<wire::CreateGroupMembershipOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let group = group(world, call, &input.group_id)?;
    let user = member(world, call, &input.member_id)?;
    if world.directory.members.get(&group).is_some_and(|members| members.contains_key(&user)) {
        return Err(taken("Member and Group relationship already exists."));
    }
    let id = principal_uuid(call);
    world.join(id.clone(), group, user, Record::new(call.now, &call.caller.name));
    Ok(wire::CreateGroupMembershipOutput {
        membership_id: id,
        identity_store_id: input.identity_store_id.clone(),
    })
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteGroupMembership,
) -> Result<wire::Nothing, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    // A membership's id looks like a group's.
    let id: GroupId = validate::id(call, "membershipId", &input.membership_id)?;
    if !world.directory.memberships.contains_key(id.as_str()) {
        return Err(absent("GROUP_MEMBERSHIP", id.as_str()));
    }
    world.directory.leave(id.as_str());
    Ok(wire::Nothing {})
}

fn shape(world: &World, store: &str, id: &str) -> Option<wire::GroupMembership> {
    let membership = world.directory.memberships.get(id)?;
    let Record { created_at, updated_at, created_by, updated_by } = membership.record.clone();
    Some(wire::GroupMembership {
        identity_store_id: store.to_owned(),
        membership_id: id.to_owned(),
        group_id: membership.group.to_string(),
        member_id: wire::MemberId { user_id: membership.user.to_string() },
        created_at: Epoch(created_at),
        updated_at: Epoch(updated_at),
        created_by,
        updated_by,
    })
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroupMemberships,
) -> Result<wire::MembershipsOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let group = group(world, call, &input.group_id)?;
    let ids = world.directory.members.get(&group).into_iter().flatten();
    let entries = ids.filter_map(|(user, id)| {
        shape(world, &input.identity_store_id, id).map(|entry| (user.to_string(), entry))
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (group_memberships, next_token) = page(call, &request, entries)?;
    Ok(wire::MembershipsOutput { group_memberships, next_token })
}

pub(super) fn list_for_member(
    world: &mut World,
    call: &Call,
    input: &wire::ListGroupMembershipsForMember,
) -> Result<wire::MembershipsOutput, ApiError> {
    validate::identity_store(world, call, &input.identity_store_id)?;
    let user = member(world, call, &input.member_id)?;
    let entries = world.directory.groups_of(&user).filter_map(|(id, group)| {
        shape(world, &input.identity_store_id, id).map(|entry| (group.to_string(), entry))
    });
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
    if input.group_ids.is_empty() || input.group_ids.len() > 100 {
        return Err(call.invalid(
            "groupIds",
            &input.group_ids.len().to_string(),
            "Member must have between 1 and 100 items",
        ));
    }
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
                group_id: id.clone(),
                member_id: input.member_id.clone(),
            })
        })
        .collect::<Result<_, ApiError>>()?;
    Ok(wire::IsMemberInGroupsOutput { results })
}
