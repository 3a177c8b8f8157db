//! Which attributes of users become tags of their sessions: the switch and the settings of attribute-based access control.

use super::{Call, World, validate};
use crate::{ApiError, wire::sso_admin as wire};

/// The documented bounds: at most 50 attributes, each with exactly one source.
fn is_fine<'a>(
    call: &Call,
    configuration: Option<&'a wire::AttributeConfiguration>,
) -> Result<&'a wire::AttributeConfiguration, ApiError> {
    let member = "instanceAccessControlAttributeConfiguration";
    let configuration =
        configuration.ok_or_else(|| call.invalid(member, "null", "Member must not be null"))?;
    validate::count(call, "accessControlAttributes", configuration.access_control_attributes.len(), 0..=50)?;
    let mut keys = std::collections::BTreeSet::new();
    for attribute in &configuration.access_control_attributes {
        validate::length(call, "accessControlAttributes.key", &attribute.key, 1..=128)?;
        validate::characters(call, "accessControlAttributes.key", &attribute.key, validate::tag_letter)?;
        validate::count(call, "accessControlAttributes.value.source", attribute.value.source.len(), 1..=1)?;
        for source in &attribute.value.source {
            validate::length(call, "accessControlAttributes.value.source", source, 0..=256)?;
            validate::characters(call, "accessControlAttributes.value.source", source, |letter| {
                validate::tag_letter(letter) || "[]{}$\\\"".contains(letter)
            })?;
        }
        if !keys.insert(&attribute.key) {
            return Err(call.invalid("accessControlAttributes.key", &attribute.key, "Duplicate key"));
        }
    }
    Ok(configuration)
}

/// The configuration of an instance, to look at or to replace.
fn slot<'w>(
    world: &'w mut World,
    call: &Call,
    arn: &str,
) -> Result<&'w mut Option<wire::AttributeConfiguration>, ApiError> {
    let arn = validate::instance(world, call, arn)?.arn.clone();
    let instance = world.instances.iter_mut().find(|instance| instance.arn == arn);
    instance
        .map(|instance| &mut instance.attributes)
        .ok_or_else(|| ApiError::internal("InternalServerException"))
}

fn absent() -> ApiError {
    ApiError::not_found("Attributes for access control are not enabled for this instance.")
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateInstanceAccessControlAttributeConfiguration,
) -> Result<wire::Nothing, ApiError> {
    let wanted = is_fine(call, input.instance_access_control_attribute_configuration.as_ref())?.clone();
    let slot = slot(world, call, &input.instance_arn)?;
    if slot.is_some() {
        return Err(ApiError::new(
            "ConflictException",
            "Attributes for access control are already enabled for this instance.",
        ));
    }
    *slot = Some(wanted);
    Ok(wire::Nothing {})
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    input: &wire::UpdateInstanceAccessControlAttributeConfiguration,
) -> Result<wire::Nothing, ApiError> {
    let wanted = is_fine(call, input.instance_access_control_attribute_configuration.as_ref())?.clone();
    let present = slot(world, call, &input.instance_arn)?.as_mut().ok_or_else(absent)?;
    *present = wanted;
    Ok(wire::Nothing {})
}

/// Always `ENABLED`: how long enabling takes is undocumented.
pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeInstanceAccessControlAttributeConfiguration,
) -> Result<wire::AttributeConfigurationOutput, ApiError> {
    let present = slot(world, call, &input.instance_arn)?.clone().ok_or_else(absent)?;
    Ok(wire::AttributeConfigurationOutput {
        status: "ENABLED".to_owned(),
        instance_access_control_attribute_configuration: present,
    })
}

pub(super) fn delete(
    world: &mut World,
    call: &Call,
    input: &wire::DeleteInstanceAccessControlAttributeConfiguration,
) -> Result<wire::Nothing, ApiError> {
    slot(world, call, &input.instance_arn)?.take().ok_or_else(absent)?;
    Ok(wire::Nothing {})
}
