//! Permission sets: what they are called and how long their sessions last. Their policies are in `policies.rs`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{AccountId, PermissionSetArn, Tags};

use super::{
    Call, World, ids,
    paging::{PageRequest, page},
    policies::Reference,
    validate,
};
use crate::{
    ApiError, CallerKind,
    wire::{Epoch, sso_admin as wire},
};

/// One permission set.
#[expect(clippy::struct_field_names, reason = "`relay_state` is AWS's word")]
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) session_duration: Option<String>,
    pub(crate) relay_state: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) tags: Tags,
    pub(crate) managed_policies: BTreeSet<String>,
    /// Policies that each account has to have.
    pub(crate) customer_managed_policies: BTreeSet<Reference>,
    pub(crate) inline_policy: Option<String>,
    pub(crate) permissions_boundary: Option<wire::PermissionsBoundary>,
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
    // The pattern of the API model has capital letters only.
    text.starts_with('P')
        && text.len() <= 100
        && text.chars().all(|letter| letter.is_ascii_digit() || "PYMDWTHS.".contains(letter))
        && text
            .parse::<jiff::SignedDuration>()
            .is_ok_and(|duration| (1..=12 * 3600).contains(&duration.as_secs()) && duration.as_secs() >= 3600)
}

/// The members that `CreatePermissionSet` and `UpdatePermissionSet` share.
pub(super) fn texts_are_fine(
    call: &Call,
    description: Option<&str>,
    session_duration: Option<&str>,
    relay_state: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(text) = description {
        validate::length(call, "description", text, 1..=700)?;
        validate::characters(
            call,
            "description",
            text,
            |letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'),
        )?;
    }
    if let Some(text) = session_duration
        && !is_session_duration(text)
    {
        return Err(call.invalid(
            "sessionDuration",
            text,
            "Member must be an ISO-8601 duration between PT1H and PT12H",
        ));
    }
    if let Some(text) = relay_state {
        validate::length(call, "relayState", text, 1..=240)?;
        validate::characters(call, "relayState", text, |letter| {
            letter.is_ascii_alphanumeric() || "&$@#\\/%?=~-_'\"|!:,.;*+[] (){}".contains(letter)
        })?;
    }
    Ok(())
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreatePermissionSet,
) -> Result<wire::PermissionSetOutput, ApiError> {
    validate::length(call, "name", &input.name, 1..=32)?;
    validate::characters(call, "name", &input.name, validate::word)?;
    texts_are_fine(
        call,
        input.description.as_deref(),
        input.session_duration.as_deref(),
        input.relay_state.as_deref(),
    )?;
    let tags = super::tags::first(world, call, input.tags.as_deref().unwrap_or_default())?;
    let instance = validate::instance(world, call, &input.instance_arn)?.arn.clone();
    if world.permission_sets.values().any(|set| set.name == input.name) {
        return Err(ApiError::new(
            "ConflictException",
            format!("PermissionSet with name {} already exists.", input.name),
        ));
    }
    if world.permission_sets.len() >= world.settings.quotas.permission_sets {
        return Err(ApiError::quota("You have exceeded the number of permission sets per instance."));
    }
    let arn = arn(&instance, &ids::hex(call.request_id, 16))
        .ok_or_else(|| ApiError::internal("InternalServerException"))?;
    let set = State {
        name: input.name.clone(),
        description: input.description.clone(),
        session_duration: Some(input.session_duration.clone().unwrap_or_else(|| "PT1H".to_owned())),
        relay_state: input.relay_state.clone(),
        created_at: call.now,
        tags,
        version: 1,
        ..State::default()
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
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if world.assignments.is_assigned(&arn)
        || world.requests.concerns(&arn)
        || world.provisionings.concerns(&arn)
    {
        return Err(ApiError::new(
            "ConflictException",
            "PermissionSet has ApplicationProfile associated with it, please remove before deleting.",
        ));
    }
    world.permission_sets.remove(&arn);
    world.assignments.end_roles(call.now, &arn);
    Ok(wire::Nothing {})
}

/// Changes what is named and leaves the rest: accounts keep the old version until it is provisioned.
pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdatePermissionSet,
) -> Result<wire::Nothing, ApiError> {
    texts_are_fine(
        call,
        input.description.as_deref(),
        input.session_duration.as_deref(),
        input.relay_state.as_deref(),
    )?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    edit(world, &arn, |set| {
        for (member, new) in [
            (&mut set.description, &input.description),
            (&mut set.session_duration, &input.session_duration),
            (&mut set.relay_state, &input.relay_state),
        ] {
            if new.is_some() {
                member.clone_from(new);
            }
        }
    });
    Ok(wire::Nothing {})
}

/// Makes a new version of a permission set.
pub(super) fn edit(world: &mut World, arn: &PermissionSetArn, change: impl FnOnce(&mut State)) {
    if let Some(set) = world.permission_sets.get_mut(arn) {
        change(set);
        set.version = set.version.saturating_add(1);
    }
}

/// A permission set that this caller may change.
pub(super) fn changeable(
    world: &World,
    call: &Call,
    instance: &str,
    arn: &str,
) -> Result<PermissionSetArn, ApiError> {
    let arn = validate::permission_set(world, call, instance, arn)?;
    delegated_may(world, call, None, &arn)?;
    Ok(arn)
}

/// A delegated administrator can neither assign in the management account nor use or change a permission set that is provisioned
/// there (Identity Center user guide, "delegated administration"; that it can't even be assigned elsewhere was observed). One that is just
/// being provisioned there is as good as one that is.
pub(super) fn delegated_may(
    world: &World,
    call: &Call,
    account: Option<&AccountId>,
    set: &PermissionSetArn,
) -> Result<(), ApiError> {
    let management = &world.organization.management;
    match call.caller.kind {
        CallerKind::Management | CallerKind::Member => Ok(()),
        CallerKind::DelegatedAdministrator => {
            if account == Some(management)
                || world.assignments.is_provisioned(management, set, Timestamp::MAX)
                || world.requests.concern(management, set)
                || world.provisionings.concern(management, set)
            {
                Err(ApiError::denied("You do not have sufficient access to perform this action."))
            } else {
                Ok(())
            }
        }
    }
}
