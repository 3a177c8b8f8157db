//! What a description says of permission sets, groups and users beyond their names.

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;
use shared::domain::{AssignmentKey, GroupId, PermissionSetArn, UserId};

use super::{
    DescriptionError, Text,
    document::{Document, JsonText},
    limits,
};
use crate::{
    World,
    iam::grammar,
    wire::sso_admin::{CustomerManagedPolicyReference, PermissionsBoundary},
    world::{Details, MOST_COUNTED, Stated, is_managed_policy},
};

type Built<T> = Result<T, DescriptionError>;

/// The policies of a permission set, beside the managed ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Given<'d> {
    pub(super) relay_state: Option<&'d Text>,
    pub(super) inline_policy: Option<&'d Document>,
    pub(super) customer_managed_policies: &'d [Reference],
    pub(super) permissions_boundary: Option<&'d Boundary>,
    pub(super) version: Option<&'d Spanned<u64>>,
    /// How many policies of AWS's own there are beside them.
    pub(super) managed_policies: usize,
}

/// A policy that each account has to have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    name: Text,
    /// `/` if absent.
    #[serde(default)]
    path: Option<Text>,
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
    issuer: Text,
    id: Text,
}

impl Reference {
    fn read(&self, world: &World) -> Built<(String, String)> {
        limits::check(world, &self.name, Stated::PolicyName)?;
        limits::check(world, &self.path, Stated::PolicyPath)?;
        let path = self.path.as_ref().map_or("/", |path| &path.value);
        Ok((path.to_owned(), self.name.value.clone()))
    }
}

fn wrong_at((line, column): (u64, u64), message: String) -> DescriptionError {
    DescriptionError { line, column, message }
}

/// Adds to a permission set what the description says of it.
pub(super) fn permission_set(
    world: &mut World,
    name: &Text,
    arn: &PermissionSetArn,
    given: &Given<'_>,
) -> Built<()> {
    limits::check(world, given.relay_state, Stated::RelayState)?;
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
    if let (Some(document), Some(text)) = (given.inline_policy, &inline_policy)
        && let Some(why) = world.would_refuse(Stated::InlinePolicy(text))
    {
        return Err(wrong_at(document.find(&[]), why));
    }
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
            let (path, name) = reference.read(world)?;
            let reference = CustomerManagedPolicyReference { name, path: Some(path) };
            Some(PermissionsBoundary {
                customer_managed_policy_reference: Some(reference),
                managed_policy_arn: None,
            })
        }
    };
    let customer_managed_policies: Vec<_> = given
        .customer_managed_policies
        .iter()
        .map(|reference| reference.read(world))
        .collect::<Built<_>>()?;
    let policies = given.managed_policies + customer_managed_policies.len();
    limits::check_at(world, name, Stated::Policies(policies))?;
    let version = match given.version {
        None => 1,
        Some(version) if (1..=MOST_COUNTED).contains(&version.value) => version.value,
        Some(version) => {
            let message = format!("versions are counted from 1, and `{}` is none", version.value);
            return Err(DescriptionError::at(version, message));
        }
    };
    let details = Details {
        relay_state: given.relay_state.map(|text| text.value.clone()),
        inline_policy,
        customer_managed_policies,
        permissions_boundary,
        version,
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

/// The issuer and the id of what identity providers call something, which nothing else of its kind is called.
fn external(
    world: &World,
    ExternalId { issuer, id }: &ExternalId,
    is_taken: impl FnOnce(&(String, String)) -> bool,
) -> Built<(String, String)> {
    limits::check(world, issuer, Stated::Issuer)?;
    limits::check(world, id, Stated::ExternalId)?;
    let external = (issuer.value.clone(), id.value.clone());
    if is_taken(&external) {
        let message = format!("`{}` calls another one `{}` too", issuer.value, id.value);
        return Err(DescriptionError::at(id, message));
    }
    Ok(external)
}

/// Names a group as identity providers do.
pub(super) fn group(world: &mut World, group: &GroupId, ids: &[ExternalId]) -> Built<()> {
    for given in ids {
        let known = &world.directory.external_groups;
        let (issuer, id) = external(world, given, |external| known.contains_key(external))?;
        world.name_group_externally(group, &issuer, &id);
    }
    Ok(())
}

/// Names a user as identity providers do, and gives it attributes, spelled as `CreateUser` spells them.
pub(super) fn user(
    world: &mut World,
    user: &UserId,
    ids: &[ExternalId],
    attributes: Option<&Document>,
) -> Built<()> {
    for given in ids {
        let known = &world.directory.external_users;
        let (issuer, id) = external(world, given, |external| known.contains_key(external))?;
        world.name_user_externally(user, &issuer, &id);
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
