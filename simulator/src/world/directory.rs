//! The identity store: what its groups, users and memberships have in common, and how they are found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{GroupId, UserId};

use super::{Call, World, groups::Group, memberships::Membership, users::User, validate};
use crate::{ApiError, wire::identity_store as wire};

/// When and by whom something was made and last changed.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    /// Grows with every change.
    changes: u64,
}

impl Record {
    pub(crate) fn new(at: Timestamp, by: &str) -> Self {
        Self {
            created_at: at,
            updated_at: at,
            created_by: by.to_owned(),
            updated_by: by.to_owned(),
            changes: 0,
        }
    }

    /// How often it has been changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Something is changed by this call.
    pub(super) fn change(&mut self, call: &Call) {
        self.updated_at = call.now;
        self.updated_by = call.caller.name.to_string();
        self.changes = self.changes.saturating_add(1);
    }
}

/// The identity store.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) memberships: BTreeMap<String, Membership>,
    /// Ids by name, in the spelling that decides whether two names are the same.
    pub(crate) group_names: BTreeMap<String, GroupId>,
    pub(crate) user_names: BTreeMap<String, UserId>,
    /// Ids by e-mail address, spelled likewise.
    pub(crate) emails: BTreeMap<String, UserId>,
    /// Ids by what an identity provider calls them.
    #[serde(with = "crate::pairs")]
    pub(crate) external_groups: BTreeMap<(String, String), GroupId>,
    #[serde(with = "crate::pairs")]
    pub(crate) external_users: BTreeMap<(String, String), UserId>,
    /// The id of each membership, by its two ends.
    pub(crate) members: BTreeMap<GroupId, BTreeMap<UserId, String>>,
    pub(crate) groups_of: BTreeMap<UserId, BTreeMap<GroupId, String>>,
}

impl Directory {
    /// The groups that a user is in, with the memberships' ids.
    pub(crate) fn groups_of(&self, user: &UserId) -> impl Iterator<Item = (&String, &GroupId)> {
        self.groups_of.get(user).into_iter().flatten().map(|(group, membership)| (membership, group))
    }

    /// Ends a membership.
    pub(crate) fn leave(&mut self, membership: &str) {
        if let Some(Membership { group, user, .. }) = self.memberships.remove(membership) {
            if let Some(members) = self.members.get_mut(&group) {
                members.remove(&user);
            }
            if let Some(groups) = self.groups_of.get_mut(&user) {
                groups.remove(&group);
            }
        }
    }
}

/// The spelling of a name by which it is unique.
pub(crate) fn spelling(world: &World, name: &str) -> String {
    if world.settings.assumptions.names_are_case_sensitive { name.to_owned() } else { name.to_lowercase() }
}

/// What the identity store says of something that is not there.
pub(super) fn absent(kind: &str, id: &str) -> ApiError {
    ApiError::not_found(format!("{kind} not found.")).with("ResourceType", kind).with("ResourceId", id)
}

/// A name that something else of its kind has.
pub(super) fn taken(message: &str) -> ApiError {
    ApiError::new("ConflictException", message).with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
}

/// What an alternate identifier names.
pub(super) enum Alternate<'a> {
    /// A unique attribute, by its path and value.
    Attribute(&'a str, &'a str),
    /// What an identity provider calls it: issuer and id.
    External((String, String)),
}

/// Reads an alternate identifier, whose unique attribute may be one of these paths.
pub(super) fn alternate<'a>(
    call: &Call,
    identifier: &'a wire::AlternateIdentifier,
    paths: &[&str],
) -> Result<Alternate<'a>, ApiError> {
    match (&identifier.unique_attribute, &identifier.external_id) {
        (Some(unique), None) => {
            if !paths.iter().any(|path| path.eq_ignore_ascii_case(&unique.attribute_path)) {
                return Err(call.invalid(
                    "alternateIdentifier.uniqueAttribute.attributePath",
                    &unique.attribute_path,
                    "Unsupported attribute path",
                ));
            }
            match unique.attribute_value.as_str() {
                Some(value) if !value.is_empty() => Ok(Alternate::Attribute(&unique.attribute_path, value)),
                Some(_) | None => Err(call.invalid(
                    "alternateIdentifier.uniqueAttribute.attributeValue",
                    "",
                    "Member must be a string of at least one character",
                )),
            }
        }
        (None, Some(external)) => {
            for (member, text) in [("issuer", &external.issuer), ("id", &external.id)] {
                external_is_fine(call, &format!("alternateIdentifier.externalId.{member}"), text)?;
            }
            Ok(Alternate::External((external.issuer.clone(), external.id.clone())))
        }
        (None, None) | (Some(_), Some(_)) => {
            Err(call.invalid("alternateIdentifier", "", "Exactly one member of the union must be set"))
        }
    }
}

/// The issuer or the id by which an identity provider names something.
pub(super) fn external_is_fine(call: &Call, member: &str, text: &str) -> Result<(), ApiError> {
    validate::length(call, member, text, 1..=256)?;
    validate::characters(call, member, text, validate::visible)
}

/// The ARN of something in the identity store, which names no account and no Region.
pub(super) fn arn(world: &World, kind: &str, id: &str) -> String {
    let instance = world.instances.first().and_then(|instance| instance.arn.as_str().split(":sso:").next());
    format!("{}:identitystore:::{kind}/{id}", instance.unwrap_or("arn:aws"))
}

/// The token of the state that something is in: digits that mean nothing, and others after every change.
pub(super) fn revision(world: &World, id: &str, record: &Record) -> String {
    world.ids.named("revision", &format!("{id} {}", record.changes)).as_u128().to_string()
}

/// Refuses a token that is none.
pub(super) fn revision_is_fine(call: &Call, revision: Option<&str>) -> Result<(), ApiError> {
    let Some(revision) = revision else { return Ok(()) };
    validate::length(call, "revision", revision, 1..=64)?;
    validate::characters(call, "revision", revision, |letter| letter.is_ascii_digit())
}

/// Refuses a change of something that is no longer in the state that the caller saw.
pub(super) fn is_unchanged(
    world: &World,
    expected: Option<&str>,
    id: &str,
    record: &Record,
) -> Result<(), ApiError> {
    if expected.is_none_or(|expected| expected == revision(world, id, record)) {
        return Ok(());
    }
    Err(ApiError::new("ConflictException", "The resource was modified since it was read.")
        .with("Reason", "CONCURRENT_MODIFICATION"))
}

/// The id of what a call makes in the identity store.
pub(super) fn principal_uuid(call: &Call) -> String {
    call.request_id.to_string()
}

/// The value that a deprecated filter asks for.
pub(super) fn filter<'a>(
    call: &Call,
    filters: Option<&'a [wire::Filter]>,
    path: &str,
) -> Result<Option<&'a str>, ApiError> {
    match filters {
        None | Some([]) => Ok(None),
        Some([only]) if only.attribute_path.eq_ignore_ascii_case(path) => {
            let value = &only.attribute_value;
            validate::length(call, "filters.1.member.attributeValue", value, 1..=1024)?;
            validate::characters(call, "filters.1.member.attributeValue", value, validate::sensitive)?;
            Ok(Some(value))
        }
        Some([only]) => Err(call.invalid(
            "filters.1.member.attributePath",
            &only.attribute_path,
            "Unsupported attribute path",
        )),
        Some(several) => Err(call.invalid(
            "filters",
            &several.len().to_string(),
            "Member must have length less than or equal to 1",
        )),
    }
}

impl World {
    pub(crate) fn new_group(
        &mut self,
        id: String,
        name: &str,
        description: Option<String>,
        at: Timestamp,
        by: &str,
    ) -> Result<GroupId, ApiError> {
        let id = GroupId::try_from(id).map_err(|_| ApiError::internal("InternalServerException"))?;
        let group = Group {
            name: Some(name.to_owned()),
            description,
            external_ids: Vec::new(),
            record: Record::new(at, by),
        };
        self.directory.group_names.insert(spelling(self, name), id.clone());
        self.directory.groups.insert(id.clone(), group);
        Ok(id)
    }

    pub(crate) fn put_user(&mut self, id: UserId, user: User) {
        self.forget_names(&id);
        self.directory.user_names.insert(spelling(self, user.user_name()), id.clone());
        if let Some(email) = user.email() {
            self.directory.emails.insert(spelling(self, email), id.clone());
        }
        self.directory.users.insert(id, user);
    }

    /// Frees what a user is found by.
    pub(super) fn forget_names(&mut self, id: &UserId) {
        let Some(user) = self.directory.users.get(id) else { return };
        let name = spelling(self, user.user_name());
        let email = user.email().map(|email| spelling(self, email));
        self.directory.user_names.remove(&name);
        if let Some(email) = email
            && self.directory.emails.get(&email) == Some(id)
        {
            self.directory.emails.remove(&email);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a plain value that a description gives")]
    pub(crate) fn add_user(
        &mut self,
        id: &str,
        user_name: &str,
        display_name: &str,
        at: Timestamp,
        by: &str,
        name: wire::Name,
        email: wire::Email,
    ) -> Result<UserId, ApiError> {
        let id: UserId = id.parse().map_err(|_| ApiError::internal("InternalServerException"))?;
        let attributes = wire::UserAttributes {
            user_name: Some(user_name.to_owned()),
            name: Some(name),
            display_name: Some(display_name.to_owned()),
            emails: Some(vec![email]),
            ..wire::UserAttributes::default()
        };
        self.put_user(id.clone(), User::new(attributes, Record::new(at, by)));
        Ok(id)
    }

    pub(crate) fn add_member(&mut self, id: String, group: GroupId, user: UserId, at: Timestamp, by: &str) {
        self.join(id, group, user, Record::new(at, by));
    }

    pub(crate) fn join(&mut self, id: String, group: GroupId, user: UserId, record: Record) {
        self.directory.members.entry(group.clone()).or_default().insert(user.clone(), id.clone());
        self.directory.groups_of.entry(user.clone()).or_default().insert(group.clone(), id.clone());
        self.directory.memberships.insert(id, Membership { group, user, record });
    }

    /// An identity provider names a group: it is found by that id too, and its description shows it. There is no operation for it. An id
    /// names one thing: whatever had it before has it no more.
    pub fn name_group_externally(&mut self, group: &GroupId, issuer: &str, id: &str) {
        let Directory { groups, external_groups, .. } = &mut self.directory;
        if !groups.contains_key(group) {
            return;
        }
        let name = wire::ExternalId { issuer: issuer.to_owned(), id: id.to_owned() };
        let before = external_groups.insert((issuer.to_owned(), id.to_owned()), group.clone());
        if let Some(before) = before.and_then(|before| groups.get_mut(&before)) {
            before.external_ids.retain(|other| *other != name);
        }
        if let Some(present) = groups.get_mut(group) {
            present.external_ids.push(name);
        }
    }

    /// An identity provider names a user, as above.
    pub fn name_user_externally(&mut self, user: &UserId, issuer: &str, id: &str) {
        let Directory { users, external_users, .. } = &mut self.directory;
        if !users.contains_key(user) {
            return;
        }
        let name = wire::ExternalId { issuer: issuer.to_owned(), id: id.to_owned() };
        let before = external_users.insert((issuer.to_owned(), id.to_owned()), user.clone());
        if let Some(before) = before.and_then(|before| users.get_mut(&before)) {
            before.external_ids.retain(|other| *other != name);
        }
        if let Some(present) = users.get_mut(user) {
            present.external_ids.push(name);
        }
    }
}
