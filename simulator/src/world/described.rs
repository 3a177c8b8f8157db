//! What a description says beyond the plain things: policies of permission sets, versions of roles, attributes of users.

use jiff::Timestamp;
use serde_json::Value;
use shared::domain::{AssignmentKey, PermissionSetArn, UserId};

use super::{World, policies::Reference};
use crate::wire::sso_admin as wire;

/// The policies of a permission set, beside the managed ones, and what else most have none of.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) relay_state: Option<String>,
    /// The document's text.
    pub(crate) inline_policy: Option<String>,
    /// Path and name of policies that each account has to have.
    pub(crate) customer_managed_policies: Vec<(String, String)>,
    pub(crate) permissions_boundary: Option<wire::PermissionsBoundary>,
    /// How often what it gives has changed, from 1.
    pub(crate) version: u64,
}

impl World {
    pub(crate) fn detail_permission_set(&mut self, arn: &PermissionSetArn, details: Details) {
        let Details { relay_state, inline_policy, customer_managed_policies, permissions_boundary, version } =
            details;
        if let Some(set) = self.permission_sets.get_mut(arn) {
            set.relay_state = relay_state;
            set.inline_policy = inline_policy;
            set.customer_managed_policies =
                customer_managed_policies.into_iter().map(|(path, name)| Reference { path, name }).collect();
            set.permissions_boundary = permissions_boundary;
            set.version = version;
        }
    }

    /// The newest version of a permission set.
    pub(crate) fn version_of(&self, arn: &PermissionSetArn) -> u64 {
        self.permission_sets.get(arn).map_or(0, |set| set.version)
    }

    /// The account's role has this version of the permission set.
    pub(crate) fn set_role_version(&mut self, key: &AssignmentKey, version: u64) {
        self.assignments.provision(Timestamp::MIN, &key.account, &key.permission_set, version, true);
    }

    /// Gives a user attributes beside those that it has; says which of them there are not.
    pub(crate) fn detail_user(&mut self, id: &UserId, attributes: &Value) -> Result<(), String> {
        let Some(user) = self.directory.users.get_mut(id) else { return Ok(()) };
        let written = |error: serde_json::Error| error.to_string();
        let mut merged = serde_json::to_value(&user.attributes).map_err(written)?;
        if let (Some(merged), Some(given)) = (merged.as_object_mut(), attributes.as_object()) {
            merged.extend(given.clone());
        }
        let read = serde_json::from_value(merged.clone()).map_err(written)?;
        // What is not there again after reading was no attribute.
        let again = serde_json::to_value(&read).map_err(written)?;
        if again != merged {
            let named =
                |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>());
            let known = named(&again).unwrap_or_default();
            let unknown = named(&merged).unwrap_or_default().into_iter().find(|name| !known.contains(name));
            return Err(match unknown {
                Some(name) => {
                    format!("`{name}` is no attribute of a user, spelled as `CreateUser` spells them")
                }
                None => "an attribute has a member that AWS's has not".to_owned(),
            });
        }
        user.attributes = read;
        Ok(())
    }
}
