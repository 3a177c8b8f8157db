//! Permission sets and the policies attached to them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{PermissionSetArn, Tags};

use super::{
    Call, World, ids,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, sso_admin as wire},
};

/// One permission set.
#[expect(clippy::struct_field_names, reason = "`relay_state` is AWS's word")]
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) session_duration: Option<String>,
    pub(crate) relay_state: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) tags: Tags,
    pub(crate) managed_policies: BTreeSet<String>,
    /// Grows with every change of what an account's role would hold.
    pub(crate) version: u64,
}

fn shape(arn: &PermissionSetArn, set: &State) -> wire::PermissionSetOutput {
    wire::PermissionSetOutput {
        permission_set: wire::PermissionSet {
            name: set.name.clone(),
            permission_set_arn: arn.to_string(),
            description: set.description.clone(),
            created_date: Epoch(set.created_at),
            session_duration: set.session_duration.clone(),
            relay_state: set.relay_state.clone(),
        },
    }
}

/// An ISO 8601 duration between one hour and twelve, as the user guide bounds sessions.
fn is_session_duration(text: &str) -> bool {
    text.starts_with('P')
        && text.len() <= 100
        && text
            .parse::<jiff::SignedDuration>()
            .is_ok_and(|duration| (1..=12 * 3600).contains(&duration.as_secs()) && duration.as_secs() >= 3600)
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreatePermissionSet,
) -> Result<wire::PermissionSetOutput, ApiError> {
    validate::length(call, "name", &input.name, 1..=32)?;
    validate::characters(call, "name", &input.name, validate::word)?;
    if let Some(text) = &input.description {
        validate::length(call, "description", text, 1..=700)?;
        validate::characters(
            call,
            "description",
            text,
            |letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'),
        )?;
    }
    if let Some(text) = &input.session_duration
        && !is_session_duration(text)
    {
        return Err(call.invalid(
            "sessionDuration",
            text,
            "Member must be an ISO-8601 duration between PT1H and PT12H",
        ));
    }
    if let Some(text) = &input.relay_state {
        validate::length(call, "relayState", text, 1..=240)?;
    }
    let new_tags = input.tags.as_deref().unwrap_or_default();
    validate::tags(call, new_tags, world.settings.quotas.tags_per_resource)?;
    let instance = validate::instance(world, call, &input.instance_arn)?.arn.clone();
    if world.permission_sets.values().any(|set| set.name == input.name) {
        return Err(ApiError::new(
            "ConflictException",
            format!("PermissionSet with name {} already exists.", input.name),
        ));
    }
    let arn = arn(&instance, &ids::hex(call.request_id, 16))
        .ok_or_else(|| ApiError::internal("InternalServerException"))?;
    let set = State {
        name: input.name.clone(),
        description: input.description.clone(),
        session_duration: Some(input.session_duration.clone().unwrap_or_else(|| "PT1H".to_owned())),
        relay_state: input.relay_state.clone(),
        created_at: call.now,
        tags: new_tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect(),
        managed_policies: BTreeSet::new(),
        version: 1,
    };
    let output = shape(&arn, &set);
    world.permission_sets.insert(arn, set);
    Ok(output)
}

/// The ARN of a permission set in an instance.
pub(crate) fn arn(instance: &shared::domain::InstanceArn, own: &str) -> Option<PermissionSetArn> {
    let (partition, instance) = instance.as_str().split_once(":sso:::instance/")?;
    format!("{partition}:sso:::permissionSet/{instance}/ps-{own}").parse().ok()
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribePermissionSet,
) -> Result<wire::PermissionSetOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    world
        .permission_sets
        .get(&arn)
        .map(|set| shape(&arn, set))
        .ok_or_else(|| ApiError::internal("InternalServerException"))
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListPermissionSets,
) -> Result<wire::PermissionSetsOutput, ApiError> {
    let instance = validate::instance(world, call, &input.instance_arn)?
        .arn
        .as_str()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let prefix = format!("/{instance}/");
    let entries = world
        .permission_sets
        .keys()
        .map(ToString::to_string)
        .filter(|arn| arn.contains(&prefix))
        .map(|arn| (arn.clone(), arn));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (permission_sets, next_token) = page(call, &request, entries)?;
    Ok(wire::PermissionSetsOutput { permission_sets, next_token })
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeletePermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if world.assignments.is_assigned(&arn) || world.requests.concerns(&arn) {
        return Err(ApiError::new(
            "ConflictException",
            "PermissionSet has ApplicationProfile associated with it, please remove before deleting.",
        ));
    }
    world.permission_sets.remove(&arn);
    Ok(wire::Nothing {})
}

pub(super) fn attach_policy(
    world: &mut World,
    call: &Call,
    input: &wire::AttachManagedPolicyToPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let policy = &input.managed_policy_arn;
    validate::length(call, "managedPolicyArn", policy, 20..=2048)?;
    let own =
        policy.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::aws:policy/")).map(|(_, own)| own);
    if own.is_none_or(|own| {
        own.is_empty() || !own.chars().all(|letter| validate::word(letter) || letter == '/')
    }) {
        return Err(call.invalid(
            "managedPolicyArn",
            policy,
            "Member must be the ARN of a policy of AWS's own",
        ));
    }
    let most = world.settings.quotas.policies_per_permission_set;
    if let Some(set) = world.permission_sets.get_mut(&arn) {
        if set.managed_policies.contains(policy) {
            return Err(ApiError::new(
                "ConflictException",
                "The policy is already attached to the permission set.",
            ));
        }
        if set.managed_policies.len() >= most {
            return Err(ApiError::new(
                "ServiceQuotaExceededException",
                "You have exceeded the number of policies per permission set.",
            ));
        }
        set.managed_policies.insert(policy.clone());
        set.version += 1;
    }
    Ok(wire::Nothing {})
}

pub(super) fn list_policies(
    world: &mut World,
    call: &Call,
    input: &wire::ListManagedPoliciesInPermissionSet,
) -> Result<wire::ManagedPoliciesOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let policies =
        world.permission_sets.get(&arn).map(|set| set.managed_policies.clone()).unwrap_or_default();
    let entries = policies.into_iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        (arn.clone(), wire::AttachedPolicy { name, arn })
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (attached_managed_policies, next_token) = page(call, &request, entries)?;
    Ok(wire::ManagedPoliciesOutput { attached_managed_policies, next_token })
}
