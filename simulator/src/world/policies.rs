//! What a permission set's roles may do: policies of AWS's, policies that each account brings, an inline policy, a permissions boundary.
//!
//! Every change makes a new version of the permission set; accounts keep the old one until it is provisioned there.

use shared::domain::PermissionSetArn;

use super::{
    Call, World,
    paging::{PageRequest, page},
    permission_sets::{State, changeable, edit},
    validate,
};
use crate::{ApiError, iam::grammar, wire::sso_admin as wire};

/// A policy that every account with the permission set has to have, by its path and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    pub(crate) path: String,
    pub(crate) name: String,
}

impl Reference {
    /// Reads one; the path is `/` unless another is given.
    fn read(call: &Call, given: &wire::CustomerManagedPolicyReference) -> Result<Self, ApiError> {
        let path = given.path.as_deref().unwrap_or("/");
        name_is_fine(call, &given.name)?;
        path_is_fine(call, path)?;
        Ok(Self { path: path.to_owned(), name: given.name.clone() })
    }

    fn shape(&self) -> wire::CustomerManagedPolicyReference {
        wire::CustomerManagedPolicyReference { name: self.name.clone(), path: Some(self.path.clone()) }
    }
}

/// The name of a policy that each account has to have.
pub(super) fn name_is_fine(call: &Call, name: &str) -> Result<(), ApiError> {
    let member = "customerManagedPolicyReference.name";
    validate::length(call, member, name, 1..=128)?;
    validate::characters(call, member, name, validate::word)
}

/// Its path: `((/[A-Za-z0-9.,+@=_-]+)*)/`, in which no part is empty.
pub(super) fn path_is_fine(call: &Call, path: &str) -> Result<(), ApiError> {
    let member = "customerManagedPolicyReference.path";
    validate::length(call, member, path, 1..=512)?;
    let parts = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let whole = path == "/"
        || path.ends_with('/')
            && parts.is_some_and(|parts| {
                parts.split('/').all(|part| !part.is_empty() && part.chars().all(validate::word))
            });
    if whole { Ok(()) } else { Err(validate::pattern(call, member, path)) }
}

/// The ARN of a policy of AWS's own: `arn:aws:iam::aws:policy/job-function/Billing`.
/// Whether this is the ARN of a policy of AWS's own.
pub(crate) fn is_managed_policy(arn: &str) -> bool {
    let own = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::aws:policy/"));
    (20..=2048).contains(&arn.len())
        && own.is_some_and(|(partition, own)| {
            validate::is_partition(partition)
                && own.split('/').all(|part| !part.is_empty() && part.chars().all(validate::word))
        })
}

fn managed_policy_is_fine(call: &Call, member: &str, arn: &str) -> Result<(), ApiError> {
    validate::length(call, member, arn, 20..=2048)?;
    if is_managed_policy(arn) {
        Ok(())
    } else {
        Err(call.invalid(member, arn, "Member must be the ARN of a policy of AWS's own"))
    }
}

fn state<'w>(world: &'w World, arn: &PermissionSetArn) -> Result<&'w State, ApiError> {
    world.permission_sets.get(arn).ok_or_else(|| ApiError::internal("InternalServerException"))
}

/// Refuses one policy more than a permission set may have; AWS's and the customer's count together.
fn has_room(world: &World, set: &State) -> Result<(), ApiError> {
    fit(world, set.managed_policies.len() + set.customer_managed_policies.len() + 1)
}

/// Refuses more policies than a permission set may have.
pub(super) fn fit(world: &World, policies: usize) -> Result<(), ApiError> {
    if policies <= world.settings.quotas.policies_per_permission_set {
        return Ok(());
    }
    Err(ApiError::quota("You have exceeded the number of policies per permission set."))
}

fn attached_already() -> ApiError {
    ApiError::new("ConflictException", "The policy is already attached to the permission set.")
}

fn not_attached() -> ApiError {
    ApiError::not_found("The policy is not attached to the permission set.")
}

pub(super) fn attach_managed(
    world: &mut World,
    call: &Call,
    input: &wire::AttachManagedPolicyToPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    managed_policy_is_fine(call, "managedPolicyArn", &input.managed_policy_arn)?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let set = state(world, &arn)?;
    if set.managed_policies.contains(&input.managed_policy_arn) {
        return Err(attached_already());
    }
    has_room(world, set)?;
    edit(world, &arn, |set| {
        set.managed_policies.insert(input.managed_policy_arn.clone());
    });
    Ok(wire::Nothing {})
}

pub(super) fn detach_managed(
    world: &mut World,
    call: &Call,
    input: &wire::DetachManagedPolicyFromPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    managed_policy_is_fine(call, "managedPolicyArn", &input.managed_policy_arn)?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if !state(world, &arn)?.managed_policies.contains(&input.managed_policy_arn) {
        return Err(not_attached());
    }
    edit(world, &arn, |set| {
        set.managed_policies.remove(&input.managed_policy_arn);
    });
    Ok(wire::Nothing {})
}

pub(super) fn list_managed(
    world: &mut World,
    call: &Call,
    input: &wire::ListManagedPoliciesInPermissionSet,
) -> Result<wire::ManagedPoliciesOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let entries = state(world, &arn)?.managed_policies.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        (arn.clone(), wire::AttachedPolicy { name, arn: arn.clone() })
    });
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (attached_managed_policies, next_token) = page(call, &request, entries)?;
    Ok(wire::ManagedPoliciesOutput { attached_managed_policies, next_token })
}

pub(super) fn attach_customer_managed(
    world: &mut World,
    call: &Call,
    input: &wire::AttachCustomerManagedPolicyReferenceToPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let reference = Reference::read(call, &input.customer_managed_policy_reference)?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let set = state(world, &arn)?;
    if set.customer_managed_policies.contains(&reference) {
        return Err(attached_already());
    }
    has_room(world, set)?;
    edit(world, &arn, |set| {
        set.customer_managed_policies.insert(reference);
    });
    Ok(wire::Nothing {})
}

pub(super) fn detach_customer_managed(
    world: &mut World,
    call: &Call,
    input: &wire::DetachCustomerManagedPolicyReferenceFromPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let reference = Reference::read(call, &input.customer_managed_policy_reference)?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if !state(world, &arn)?.customer_managed_policies.contains(&reference) {
        return Err(not_attached());
    }
    edit(world, &arn, |set| {
        set.customer_managed_policies.remove(&reference);
    });
    Ok(wire::Nothing {})
}

pub(super) fn list_customer_managed(
    world: &mut World,
    call: &Call,
    input: &wire::ListCustomerManagedPolicyReferencesInPermissionSet,
) -> Result<wire::CustomerManagedPoliciesOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let references = &state(world, &arn)?.customer_managed_policies;
    // In the order of the keys: `Reference` is ordered by path and then name, and so is this text, as no name has a control character.
    let entries = references
        .iter()
        .map(|reference| (format!("{}\0{}", reference.path, reference.name), reference.shape()));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (customer_managed_policy_references, next_token) = page(call, &request, entries)?;
    Ok(wire::CustomerManagedPoliciesOutput { customer_managed_policy_references, next_token })
}

/// An inline policy is an IAM policy document in the characters of the API model: JSON of the form that IAM's grammar has. What its
/// statements say is not looked at.
pub(super) fn inline_is_fine(world: &World, call: &Call, policy: &str) -> Result<(), ApiError> {
    let quotas = &world.settings.quotas;
    let member = "inlinePolicy";
    validate::length(call, member, policy, 1..=32_768)?;
    validate::characters(call, member, policy, |letter| {
        matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{ff}')
    })?;
    let document: serde_json::Value = serde_json::from_str(policy)
        .map_err(|_| ApiError::validation("The inline policy is not a policy document in JSON."))?;
    if let Some(mistake) = grammar::mistake(&document) {
        return Err(ApiError::validation(format!("The inline policy is not a policy document: {mistake}.")));
    }
    let characters = policy.chars().filter(|letter| !letter.is_whitespace()).count();
    if policy.len() > quotas.inline_policy_bytes || characters > quotas.inline_policy_characters {
        return Err(ApiError::quota("You have exceeded the size of an inline policy of a permission set."));
    }
    Ok(())
}

pub(super) fn put_inline(
    world: &mut World,
    call: &Call,
    input: &wire::PutInlinePolicyToPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    inline_is_fine(world, call, &input.inline_policy)?;
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    edit(world, &arn, |set| set.inline_policy = Some(input.inline_policy.clone()));
    Ok(wire::Nothing {})
}

/// Empty where there is none, as the API reference once said of the member.
pub(super) fn get_inline(
    world: &mut World,
    call: &Call,
    input: &wire::GetInlinePolicyForPermissionSet,
) -> Result<wire::InlinePolicyOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let inline_policy = state(world, &arn)?.inline_policy.clone().unwrap_or_default();
    Ok(wire::InlinePolicyOutput { inline_policy })
}

pub(super) fn delete_inline(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteInlinePolicyFromPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if state(world, &arn)?.inline_policy.is_none() {
        return absent_is_deleted(world, || ApiError::not_found("The permission set has no inline policy."));
    }
    edit(world, &arn, |set| set.inline_policy = None);
    Ok(wire::Nothing {})
}

/// The answer to deleting what is not there.
fn absent_is_deleted(world: &World, error: impl FnOnce() -> ApiError) -> Result<wire::Nothing, ApiError> {
    if world.settings.assumptions.deleting_an_absent_policy_is_refused {
        Err(error())
    } else {
        Ok(wire::Nothing {})
    }
}

fn no_boundary() -> ApiError {
    ApiError::not_found("The permission set has no permissions boundary.")
}

pub(super) fn put_boundary(
    world: &mut World,
    call: &Call,
    input: &wire::PutPermissionsBoundaryToPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let given = &input.permissions_boundary;
    let boundary = match (&given.customer_managed_policy_reference, &given.managed_policy_arn) {
        (Some(reference), None) => wire::PermissionsBoundary {
            customer_managed_policy_reference: Some(Reference::read(call, reference)?.shape()),
            managed_policy_arn: None,
        },
        (None, Some(arn)) => {
            managed_policy_is_fine(call, "permissionsBoundary.managedPolicyArn", arn)?;
            given.clone()
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(call.invalid("permissionsBoundary", "", "Exactly one of its members must be set"));
        }
    };
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    edit(world, &arn, |set| set.permissions_boundary = Some(boundary));
    Ok(wire::Nothing {})
}

pub(super) fn get_boundary(
    world: &mut World,
    call: &Call,
    input: &wire::GetPermissionsBoundaryForPermissionSet,
) -> Result<wire::PermissionsBoundaryOutput, ApiError> {
    let arn = validate::permission_set(world, call, &input.instance_arn, &input.permission_set_arn)?;
    let permissions_boundary = state(world, &arn)?.permissions_boundary.clone().ok_or_else(no_boundary)?;
    Ok(wire::PermissionsBoundaryOutput { permissions_boundary })
}

pub(super) fn delete_boundary(
    world: &mut World,
    call: &Call,
    input: &wire::DeletePermissionsBoundaryFromPermissionSet,
) -> Result<wire::Nothing, ApiError> {
    let arn = changeable(world, call, &input.instance_arn, &input.permission_set_arn)?;
    if state(world, &arn)?.permissions_boundary.is_none() {
        return absent_is_deleted(world, no_boundary);
    }
    edit(world, &arn, |set| set.permissions_boundary = None);
    Ok(wire::Nothing {})
}
