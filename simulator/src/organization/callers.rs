//! Callers in a description: access keys, the roles behind them, their policies, and who administers Identity Center by delegation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use shared::domain::{AccountId, Tags};

use super::{
    DescriptionError, Text,
    document::{Document, JsonText},
};
use crate::{
    Role, World,
    iam::{Policy, PolicyError, TrustPolicy},
};

/// Who calls, and what that is allowed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerEntry {
    /// The access key that it signs with.
    pub(super) access_key: Text,
    /// The name of its IAM role.
    pub(super) role: Text,
    /// The account that the role is in, by name or id; the management account if absent.
    #[serde(default)]
    pub(super) account: Option<Text>,
    /// The role's tags.
    #[serde(default, deserialize_with = "super::limits::tags")]
    pub(super) tags: BTreeMap<String, String>,
    /// Its policies, each as a mapping or as the text of a JSON document; absent for an administrator.
    #[serde(default)]
    pub(super) policies: Option<Vec<PolicyEntry>>,
    /// Who may assume the role by STS; absent for nobody.
    #[serde(default)]
    pub(super) trust: Option<PolicyEntry>,
}

/// A policy document.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct PolicyEntry(Document);

/// What becomes of access keys that no caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnknownKeys {
    /// They are an administrator's of the management account.
    #[default]
    Administrator,
    /// They are refused.
    Refused,
}

impl PolicyEntry {
    fn read<P>(
        &self,
        of_json: impl FnOnce(&str) -> Result<P, PolicyError>,
        of_value: impl FnOnce(&serde_json::Value) -> Result<P, PolicyError>,
    ) -> Result<P, DescriptionError> {
        match self.0.json_text() {
            JsonText::Text(place, text) => of_json(text).map_err(|error| DescriptionError {
                line: place.0,
                column: place.1,
                message: error.to_string(),
            }),
            JsonText::No => of_value(&self.0.value()).map_err(|error| {
                let (line, column) = self.0.find(&error.place);
                DescriptionError { line, column, message: error.to_string() }
            }),
        }
    }

    fn policy(&self) -> Result<Policy, DescriptionError> {
        self.read(Policy::from_json, Policy::read)
    }

    fn trust(&self) -> Result<TrustPolicy, DescriptionError> {
        self.read(TrustPolicy::from_json, TrustPolicy::read)
    }
}

/// Letters, digits and `+=,.@_-`: an IAM role's name has 1 to 64 of them.
fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(crate::world::is_word)
}

fn is_access_key(key: &str) -> bool {
    (1..=128).contains(&key.len())
        && key.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

/// Adds a caller to a world; `account` finds an account by its name or id.
pub(super) fn add(
    world: &mut World,
    entry: &CallerEntry,
    account: impl Fn(&Text) -> Result<AccountId, DescriptionError>,
) -> Result<(), DescriptionError> {
    let CallerEntry { access_key, role, account: place, tags, policies, trust } = entry;
    if !is_access_key(&access_key.value) {
        let message = "an access key id has 1 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE";
        return Err(DescriptionError::at(access_key, message));
    }
    if !is_role_name(&role.value) {
        let message = format!("`{}` is not a role's name: 1 to 64 letters, digits or `+=,.@_-`", role.value);
        return Err(DescriptionError::at(role, message));
    }
    let account = match place {
        Some(place) => account(place)?,
        None => world.management_account().clone(),
    };
    let policies = match policies {
        None => None,
        Some(policies) => Some(policies.iter().map(PolicyEntry::policy).collect::<Result<_, _>>()?),
    };
    let trust = trust.as_ref().map(PolicyEntry::trust).transpose()?;
    let role = Role { name: role.value.as_str().into(), account, tags: Tags(tags.clone()), policies, trust };
    world
        .add_role(&access_key.value, role)
        .map_err(|taken| DescriptionError::at(access_key, taken.to_string()))
}

/// The accounts that administer Identity Center by delegation.
pub(super) fn delegate(
    world: &mut World,
    accounts: &[Text],
    account: impl Fn(&Text) -> Result<AccountId, DescriptionError>,
) -> Result<(), DescriptionError> {
    let mut delegated = BTreeSet::new();
    for place in accounts {
        let id = account(place)?;
        if id == *world.management_account() {
            return Err(DescriptionError::at(
                place,
                "the management account can't be a delegated administrator",
            ));
        }
        delegated.insert(id);
        if delegated.len() > 1 {
            return Err(DescriptionError::at(
                place,
                "Identity Center has one delegated administrator at most",
            ));
        }
    }
    for account in delegated {
        world.organization.delegate(&account);
    }
    Ok(())
}
