//! What a description says of permission sets, groups and users beyond their names.

use serde::Deserialize;
use serde_json::Value;
use shared::domain::{AssignmentKey, GroupId, PermissionSetArn, UserId};

use super::{
    DescriptionError, Text,
    document::{Document, JsonText},
};
use crate::{
    World,
    iam::grammar,
    wire::sso_admin::{CustomerManagedPolicyReference, PermissionsBoundary},
    world::{Details, is_managed_policy},
};

type Built<T> = Result<T, DescriptionError>;

/// The policies of a permission set, beside the managed ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Given<'d> {
    pub(super) relay_state: Option<&'d Text>,
    pub(super) inline_policy: Option<&'d Document>,
    pub(super) customer_managed_policies: &'d [Reference],
    pub(super) permissions_boundary: Option<&'d Boundary>,
    pub(super) version: Option<u64>,
}

/// A policy that each account has to have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    name: Text,
    /// `/` if absent.
    #[serde(default)]
    path: Option<String>,
}

/// What bounds a permission set: one of the two.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Boundary {
    /// The ARN of a policy of AWS's own.
    ManagedPolicy(Text),
    /// A policy that each account has to have.
    CustomerManagedPolicy(Reference),
}

/// What an identity provider calls a group or a user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalId {
    issuer: String,
    id: String,
}

impl Reference {
    fn read(&self) -> Built<(String, String)> {
        let name = &self.name.value;
        if name.is_empty() || name.len() > 128 || !name.chars().all(crate::world::is_word) {
            let message = format!("`{name}` is not a policy's name: 1 to 128 letters, digits or `_+=,.@-`");
            return Err(DescriptionError::at(&self.name, message));
        }
        let path = self.path.clone().unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || !path.ends_with('/') {
            let message = format!("`{path}` is not a policy's path: it begins and ends with a slash");
            return Err(DescriptionError::at(&self.name, message));
        }
        Ok((path, name.clone()))
    }
}

fn wrong_at((line, column): (u64, u64), message: String) -> DescriptionError {
    DescriptionError { line, column, message }
}

/// Adds to a permission set what the description says of it.
pub(super) fn permission_set(world: &mut World, arn: &PermissionSetArn, given: &Given<'_>) -> Built<()> {
    let inline_policy = match given.inline_policy {
        None => None,
        Some(document) => Some(match document.json_text() {
            JsonText::Text(place, text) => {
                let value = serde_json::from_str::<Value>(text)
                    .map_err(|error| wrong_at(place, format!("this is no JSON: {error}")))?;
                grammar::mistake(&value)
                    .map_or(Ok(text.to_owned()), |mistake| Err(wrong_at(place, mistake)))?
            }
            JsonText::No => {
                let value = document.value();
                if let Some(mistake) = grammar::mistake(&value) {
                    return Err(wrong_at(document.find(&[]), mistake));
                }
                value.to_string()
            }
        }),
    };
    let permissions_boundary = match given.permissions_boundary {
        None => None,
        Some(Boundary::ManagedPolicy(arn)) => {
            if !is_managed_policy(&arn.value) {
                let message = format!("`{}` is not the ARN of a policy of AWS's own", arn.value);
                return Err(DescriptionError::at(arn, message));
            }
            Some(PermissionsBoundary {
                customer_managed_policy_reference: None,
                managed_policy_arn: Some(arn.value.clone()),
            })
        }
        Some(Boundary::CustomerManagedPolicy(reference)) => {
            let (path, name) = reference.read()?;
            let reference = CustomerManagedPolicyReference { name, path: Some(path) };
            Some(PermissionsBoundary {
                customer_managed_policy_reference: Some(reference),
                managed_policy_arn: None,
            })
        }
    };
    let details = Details {
        relay_state: given.relay_state.map(|text| text.value.clone()),
        inline_policy,
        customer_managed_policies: given
            .customer_managed_policies
            .iter()
            .map(Reference::read)
            .collect::<Built<_>>()?,
        permissions_boundary,
        version: given.version.unwrap_or(1),
    };
    world.detail_permission_set(arn, details);
    Ok(())
}

/// Puts an account's role to the version that an assignment says.
pub(super) fn role(world: &mut World, key: &AssignmentKey, place: &Text, version: Option<u64>) -> Built<()> {
    let Some(version) = version else { return Ok(()) };
    let newest = world.version_of(&key.permission_set);
    if version == 0 || version > newest {
        let message = format!("the permission set has the versions 1 to {newest}, and no version {version}");
        return Err(DescriptionError::at(place, message));
    }
    world.set_role_version(key, version);
    Ok(())
}

/// Names a group as identity providers do.
pub(super) fn group(world: &mut World, group: &GroupId, ids: &[ExternalId]) {
    for ExternalId { issuer, id } in ids {
        world.name_group_externally(group, issuer, id);
    }
}

/// Names a user as identity providers do, and gives it attributes, spelled as `CreateUser` spells them.
pub(super) fn user(
    world: &mut World,
    user: &UserId,
    ids: &[ExternalId],
    attributes: Option<&Document>,
) -> Built<()> {
    for ExternalId { issuer, id } in ids {
        world.name_user_externally(user, issuer, id);
    }
    let Some(attributes) = attributes else { return Ok(()) };
    let wrong = |message: String| wrong_at(attributes.find(&[]), message);
    let value = attributes.value();
    let members = value.as_object().ok_or_else(|| wrong("attributes are a mapping".to_owned()))?;
    for (attribute, key) in [("UserName", "user_name"), ("DisplayName", "display_name"), ("Emails", "email")]
    {
        if members.contains_key(attribute) {
            return Err(wrong(format!("`{attribute}` is given as `{key}`")));
        }
    }
    world.detail_user(user, &value).map_err(wrong)
}
