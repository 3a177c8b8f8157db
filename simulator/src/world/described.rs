//! What a description says beyond the plain things: policies of permission sets, versions of roles, attributes of users.

use jiff::Timestamp;
use serde_json::Value;
use shared::domain::{AssignmentKey, PermissionSetArn, UserId};
use uuid::Uuid;

use super::{
    Call, Service, World, creations, directory, groups, instances,
    paging::Cut,
    permission_sets,
    policies::{self, Reference},
    user_attributes, validate,
};
use crate::{
    ApiError, Caller, CallerKind,
    wire::{identity_store::UserAttributes, sso_admin as wire},
};

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

/// Something that a description says, and that a call could have said too.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stated<'a> {
    AccountName(&'a str),
    AccountEmail(&'a str),
    InstanceName(&'a str),
    SetDescription(&'a str),
    SessionDuration(&'a str),
    RelayState(&'a str),
    PolicyName(&'a str),
    PolicyPath(&'a str),
    InlinePolicy(&'a str),
    /// How many policies a permission set has, AWS's and the customer's together.
    Policies(usize),
    GroupName(&'a str),
    GroupDescription(&'a str),
    Issuer(&'a str),
    ExternalId(&'a str),
    User(&'a UserAttributes),
}

impl Stated<'_> {
    /// What it may be made of, where a call is only told that there is a pattern.
    fn pattern(self) -> &'static str {
        match self {
            Self::AccountName(_) => "printable ASCII characters",
            Self::InstanceName(_) | Self::PolicyName(_) => "letters, digits and `_+=,.@-`",
            Self::PolicyPath(_) => {
                "slashes at both ends, as in `/` and `/teams/`, with letters, digits and `_+=,.@-` between slashes"
            }
            Self::SetDescription(_) | Self::InlinePolicy(_) => "characters of Latin-1",
            Self::RelayState(_) => "characters that a URL may have",
            Self::Issuer(_) | Self::ExternalId(_) => "characters that can be seen, and no spaces",
            Self::GroupName(_) | Self::GroupDescription(_) => "characters that can be seen, and spaces",
            Self::User(_) => "characters that can be seen; spaces only where it is not the user's name",
            Self::AccountEmail(_) | Self::SessionDuration(_) | Self::Policies(_) => "what AWS documents",
        }
    }

    fn check(self, world: &World, call: &Call) -> Result<(), ApiError> {
        match self {
            Self::AccountName(name) => creations::name_is_fine(call, name),
            Self::AccountEmail(email) => creations::email_is_fine(call, email),
            Self::InstanceName(name) => instances::name_is_fine(call, Some(name)),
            Self::SetDescription(text) => permission_sets::texts_are_fine(call, Some(text), None, None),
            Self::SessionDuration(text) => permission_sets::texts_are_fine(call, None, Some(text), None),
            Self::RelayState(text) => permission_sets::texts_are_fine(call, None, None, Some(text)),
            Self::PolicyName(name) => policies::name_is_fine(call, name),
            Self::PolicyPath(path) => policies::path_is_fine(call, path),
            Self::InlinePolicy(text) => policies::inline_is_fine(world, call, text),
            Self::Policies(count) => policies::fit(world, count),
            Self::GroupName(name) => groups::name_is_fine(world, call, name, None),
            Self::GroupDescription(text) => groups::description_is_fine(call, Some(text)),
            Self::Issuer(text) => directory::external_is_fine(call, "externalId.issuer", text),
            Self::ExternalId(text) => directory::external_is_fine(call, "externalId.id", text),
            Self::User(attributes) => user_attributes::are_fine(call, attributes),
        }
    }
}

impl World {
    /// Why a call that says this would be refused, if it would.
    pub(crate) fn would_refuse(&self, stated: Stated<'_>) -> Option<String> {
        let call = Call {
            now: self.now,
            caller: Caller::new("by-hand", self.organization.management.clone(), CallerKind::Management),
            // Of the services' words these tell the most of what was expected.
            service: Service::SsoAdmin,
            operation: "",
            request_id: Uuid::nil(),
            input: Value::Null,
            page_size: self.settings.page_size,
            cut: Cut::Whole,
            region: None,
            fault: None,
        };
        let ApiError { message, .. } = stated.check(self, &call).err()?;
        // How many mistakes a call has is nothing to a description, which is told of them one by one.
        let message = message.strip_prefix("1 validation error detected: ").unwrap_or(&message);
        Some(message.replace(validate::PATTERN, &format!("Member must be made of {}", stated.pattern())))
    }

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
        let Some(user) = self.directory.users.get(id) else { return Ok(()) };
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
        if let Some(refused) = self.would_refuse(Stated::User(&read)) {
            return Err(refused);
        }
        if let Some(user) = self.directory.users.get_mut(id) {
            user.attributes = read;
        }
        Ok(())
    }
}
