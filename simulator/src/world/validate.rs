//! The documented constraints on inputs, by the words of the service that is called.

use shared::domain::{GroupId, PermissionSetArn, Principal, UserId};

use super::{Call, Instance, Service, World};
use crate::{ApiError, wire::Tag};

/// The reason that Organizations gives for an input that breaks such a constraint, and what its documentation says of it.
pub(super) fn reason(constraint: &str, value: &str) -> (&'static str, &'static str) {
    let says = |part: &str| constraint.contains(part);
    if says("must not be null") || (value.is_empty() && (says("length greater") || says("enum value set"))) {
        ("INPUT_REQUIRED", "You must include a value for all required parameters")
    } else if says("length greater") {
        ("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed")
    } else if says("length less") {
        ("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed")
    } else if says("enum value set") {
        ("INVALID_ENUM", "You specified an invalid value")
    } else if says("value greater") {
        ("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that has a smaller value than allowed")
    } else if says("value less") {
        ("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that has a larger value than allowed")
    } else if says("items") {
        ("INVALID_LIST_MEMBER", "You provided a list to a parameter that contains at least one invalid value")
    } else if says("Duplicate tag key") {
        ("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity")
    } else if says("begin with aws:") {
        ("INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag")
    } else {
        ("INVALID_PATTERN", "You provided a value that doesn't match the required pattern")
    }
}

/// Text of a length, in characters.
pub(crate) fn length(
    call: &Call,
    member: &str,
    text: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(), ApiError> {
    let count = text.chars().count();
    if range.contains(&count) {
        return Ok(());
    }
    let bound = if count < *range.start() {
        format!("Member must have length greater than or equal to {}", range.start())
    } else {
        format!("Member must have length less than or equal to {}", range.end())
    };
    Err(call.invalid(member, text, &bound))
}

/// A list of so many items.
pub(crate) fn count(
    call: &Call,
    member: &str,
    count: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(), ApiError> {
    if range.contains(&count) {
        return Ok(());
    }
    let constraint = format!("Member must have between {} and {} items", range.start(), range.end());
    Err(call.invalid(member, &count.to_string(), &constraint))
}

/// Text of which every character is allowed.
pub(crate) fn characters(
    call: &Call,
    member: &str,
    text: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), ApiError> {
    if text.chars().all(allowed) { Ok(()) } else { Err(pattern(call, member, text)) }
}

/// Text that should be an id of some kind.
pub(crate) fn id<T: std::str::FromStr>(call: &Call, member: &str, text: &str) -> Result<T, ApiError> {
    if text.is_empty() {
        return Err(call.invalid(member, "null", "Member must not be null"));
    }
    text.parse().map_err(|_| pattern(call, member, text))
}

/// One of the values of an enumeration.
pub(crate) fn one_of(call: &Call, member: &str, text: &str, values: &[&str]) -> Result<(), ApiError> {
    if values.contains(&text) {
        return Ok(());
    }
    Err(call.invalid(member, text, &format!("Member must satisfy enum value set: [{}]", values.join(", "))))
}

/// A partition of AWS's, by the pattern of the API models: `aws(-[a-z]{1,5}){0,3}`.
pub(crate) fn is_partition(text: &str) -> bool {
    let mut parts = text.split('-');
    let word =
        |part: &str| (1..=5).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.next() == Some("aws") && parts.clone().count() <= 3 && parts.all(word)
}

/// What AWS says of a text that has the wrong characters.
pub(super) const PATTERN: &str = "Member must satisfy the documented regular expression pattern";

pub(crate) fn pattern(call: &Call, member: &str, text: &str) -> ApiError {
    call.invalid(member, text, PATTERN)
}

/// Letters, digits and `_+=,.@-`: what `[\w+=,.@-]` admits.
pub(crate) fn word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

/// What can be seen: letters, marks, symbols, numbers and punctuation, as `[\p{L}\p{M}\p{S}\p{N}\p{P}]` admits. Controls, separators and
/// the common characters that only format are none of these.
pub(crate) fn visible(letter: char) -> bool {
    let formats = matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}'
    );
    !letter.is_control() && !letter.is_whitespace() && !formats
}

/// What the texts in the identity store may be made of but for users' names: what can be seen, line ends, tabs, plain and nonbreaking
/// spaces, and the wide space of East Asian scripts.
pub(crate) fn sensitive(letter: char) -> bool {
    visible(letter) || matches!(letter, '\t' | '\n' | '\r' | ' ' | '\u{a0}' | '\u{3000}')
}

/// Tags: keys and values of the documented characters and lengths, no key twice, none of AWS's own.
pub(crate) fn tags(call: &Call, tags: &[Tag], most: usize) -> Result<(), ApiError> {
    if call.service == Service::Organizations && tags.len() > most {
        return Err(ApiError::constraint("MAX_TAG_LIMIT_EXCEEDED", super::tags::TOO_MANY));
    }
    count(call, "tags", tags.len(), 0..=most)?;
    let mut seen = std::collections::BTreeSet::new();
    for tag in tags {
        tag_key(call, &tag.key)?;
        length(call, "tags.value", &tag.value, 0..=256)?;
        characters(call, "tags.value", &tag.value, tag_letter)?;
        if !seen.insert(&tag.key) {
            return Err(call.invalid("tags.key", &tag.key, "Duplicate tag key"));
        }
    }
    Ok(())
}

/// A tag's key.
pub(crate) fn tag_key(call: &Call, key: &str) -> Result<(), ApiError> {
    length(call, "tags.key", key, 1..=128)?;
    characters(call, "tags.key", key, tag_letter)?;
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(call.invalid("tags.key", key, "Keys that begin with aws: are reserved"));
    }
    Ok(())
}

/// What is wrong with a tag in a description, if anything is: the same that a call is refused for.
pub(crate) fn tag_mistake(key: &str, value: &str) -> Option<String> {
    let fits = |text: &str, most: usize| text.chars().count() <= most && text.chars().all(tag_letter);
    if key.is_empty() || !fits(key, 128) {
        return Some(format!("`{key}` is no tag's key: 1 to 128 letters, digits, spaces or `_.:/=+-@`"));
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Some(format!("`{key}` is no tag's key: those that begin with aws: are AWS's own"));
    }
    (!fits(value, 256)).then(|| {
        format!("the tag `{key}` has a value that is none: at most 256 letters, digits, spaces or `_.:/=+-@`")
    })
}

/// What tags and attributes for access control may be made of.
pub(crate) fn tag_letter(letter: char) -> bool {
    letter.is_alphanumeric()
        || (letter.is_whitespace() && !letter.is_control())
        || "_.:/=+-@".contains(letter)
}

/// The instance with this ARN, whatever its status.
pub(crate) fn any_instance<'w>(world: &'w World, call: &Call, arn: &str) -> Result<&'w Instance, ApiError> {
    let arn: shared::domain::InstanceArn = id(call, "instanceArn", arn)?;
    world
        .instances
        .iter()
        .find(|instance| {
            instance.arn == arn && instance.is_open_to(world, call) && instance.status(call.now).is_some()
        })
        .ok_or_else(|| ApiError::denied("You do not have sufficient access to perform this action."))
}

/// The instance with this ARN, in use and with permission sets.
pub(crate) fn instance<'w>(world: &'w World, call: &Call, arn: &str) -> Result<&'w Instance, ApiError> {
    let instance = any_instance(world, call, arn)?;
    if instance.status(call.now) != Some("ACTIVE") {
        return Err(ApiError::validation("The instance of IAM Identity Center is not active."));
    }
    if !instance.permission_sets_enabled {
        return Err(ApiError::validation(
            "Permission sets are not enabled for this instance of IAM Identity Center.",
        ));
    }
    Ok(instance)
}

/// A permission set of this instance, which exists.
pub(crate) fn permission_set(
    world: &World,
    call: &Call,
    instance_arn: &str,
    arn: &str,
) -> Result<PermissionSetArn, ApiError> {
    let instance =
        instance(world, call, instance_arn)?.arn.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let arn: PermissionSetArn = id(call, "permissionSetArn", arn)?;
    let here = arn.as_str().contains(&format!("/{instance}/"));
    if !here || !world.permission_sets.contains_key(&arn) {
        return Err(ApiError::not_found(format!("Could not find PermissionSet with id {}", own_id(&arn))));
    }
    Ok(arn)
}

fn own_id(arn: &PermissionSetArn) -> &str {
    arn.as_str().rsplit('/').next().unwrap_or_default()
}

/// A principal by its type and id.
pub(crate) fn principal(call: &Call, kind: &str, principal: &str) -> Result<Principal, ApiError> {
    one_of(call, "principalType", kind, &["USER", "GROUP"])?;
    if kind == "GROUP" {
        id::<GroupId>(call, "principalId", principal).map(Principal::Group)
    } else {
        id::<UserId>(call, "principalId", principal).map(Principal::User)
    }
}

/// An id in the identity store, which may be given as an ARN such as `arn:aws:identitystore:::group/<id>`.
pub(crate) fn directory_id<T: std::str::FromStr>(
    call: &Call,
    member: &str,
    kind: &str,
    text: &str,
) -> Result<T, ApiError> {
    id(call, member, directory_text(kind, text))
}

/// The id in an ARN such as `arn:aws:identitystore:::group/<id>`; any other text as it is.
pub(crate) fn directory_text<'t>(kind: &str, text: &'t str) -> &'t str {
    let own = text.split_once(&format!(":identitystore:::{kind}/"));
    own.filter(|(partition, _)| partition.starts_with("arn:aws")).map_or(text, |(_, own)| own)
}

/// The id in an ARN such as `arn:aws:identitystore::111122223333:identitystore/d-1234567890`; any other text as it is.
pub(crate) fn identity_store_text(text: &str) -> &str {
    let own = text.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":identitystore/"));
    own.filter(|(before, _)| before.contains(":identitystore::")).map_or(text, |(_, own)| own)
}

/// The id of an identity store that is ours; it may be given as an ARN such as
/// `arn:aws:identitystore::111122223333:identitystore/d-1234567890`.
pub(crate) fn identity_store(world: &World, call: &Call, store: &str) -> Result<String, ApiError> {
    let own = identity_store_text(store);
    let parsed: shared::domain::IdentityStoreId = id(call, "identityStoreId", own)?;
    let alive =
        |instance: &&Instance| instance.identity_store == parsed && instance.status(call.now).is_some();
    match world.instances.iter().find(alive) {
        Some(instance) if instance.is_of_account() => Err(ApiError::denied(
            "What is in the identity store of an account instance is not simulated: use the organization's.",
        )),
        Some(_) => Ok(own.to_owned()),
        None => Err(ApiError::not_found("IDENTITY_STORE not found.")
            .with("ResourceType", "IDENTITY_STORE")
            .with("ResourceId", store)),
    }
}
