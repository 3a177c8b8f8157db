//! The attributes of a user: what is required, what each may hold, and how `UpdateUser` reaches them by path.

use serde_json::{Map, Value};

use super::{Call, validate};
use crate::{ApiError, wire::identity_store as wire};

/// The only extension that there is.
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// The attributes that are lists, with the most items of each (API model).
const LISTS: [(&str, usize); 5] =
    [("Emails", 1), ("Addresses", 1), ("PhoneNumbers", 1), ("Roles", 1), ("Photos", 3)];

/// The e-mail address among the attributes.
pub(super) fn email(attributes: &wire::UserAttributes) -> Option<&str> {
    attributes.emails.iter().flatten().find_map(|email| email.value.as_deref())
}

fn members(attributes: &impl serde::Serialize) -> Result<Map<String, Value>, ApiError> {
    match serde_json::to_value(attributes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | Err(_) => {
            Err(ApiError::internal("InternalServerException"))
        }
    }
}

/// The attributes that a new user is given.
pub(super) fn given(input: &wire::CreateUser) -> Result<wire::UserAttributes, ApiError> {
    let members = Value::Object(members(input)?);
    serde_json::from_value(members).map_err(|_| ApiError::internal("InternalServerException"))
}

/// The documented constraints on all attributes together. What IAM Identity Center requires beyond the identity store (a name and a
/// display name) is required here, as there is no other use of it.
pub(super) fn are_fine(call: &Call, attributes: &wire::UserAttributes) -> Result<(), ApiError> {
    let missing = |member: &str| call.invalid(member, "null", "Member must not be null");
    let user_name = attributes.user_name.as_deref().ok_or_else(|| missing("userName"))?;
    validate::length(call, "userName", user_name, 1..=128)?;
    validate::characters(call, "userName", user_name, validate::visible)?;
    if matches!(user_name, "Administrator" | "AWSAdministrators") {
        return Err(call.invalid("userName", user_name, "The name is reserved"));
    }
    if attributes.display_name.is_none() {
        return Err(missing("displayName"));
    }
    if attributes.name.is_none() {
        return Err(missing("name"));
    }
    let mut members = members(attributes)?;
    members.remove("UserName");
    if let Some(extensions) = members.remove("Extensions") {
        extensions_are_fine(call, &extensions)?;
    }
    for (list, most) in LISTS {
        if let Some(items) = members.get(list).and_then(Value::as_array) {
            validate::count(call, &small_first(list), items.len(), 1..=most)?;
        }
    }
    for (member, value) in &members {
        texts_are_fine(call, &small_first(member), value)?;
    }
    let photos = attributes.photos.as_deref().unwrap_or_default();
    if photos.iter().filter(|photo| photo.primary == Some(true)).count() > 1 {
        return Err(call.invalid("photos", "", "Only one photo can be the primary one"));
    }
    match &attributes.birthdate {
        Some(date) if date.parse::<jiff::civil::Date>().is_err() || date.len() != 10 => {
            Err(call.invalid("birthdate", date, "Member must be a date in the format YYYY-MM-DD"))
        }
        Some(_) | None => Ok(()),
    }
}

fn extensions_are_fine(call: &Call, extensions: &Value) -> Result<(), ApiError> {
    let names: Vec<&String> = extensions.as_object().into_iter().flat_map(Map::keys).collect();
    validate::count(call, "extensions", names.len(), 1..=10)?;
    names.into_iter().try_for_each(|name| extension_is_known(call, name))
}

fn extension_is_known(call: &Call, name: &str) -> Result<(), ApiError> {
    validate::one_of(call, "extensions", name, &[ENTERPRISE])
}

/// The extensions that a read asks for.
pub(super) fn asked_extensions<'a>(
    call: &Call,
    names: Option<&'a [String]>,
) -> Result<&'a [String], ApiError> {
    let Some(names) = names else { return Ok(&[]) };
    validate::count(call, "extensions", names.len(), 1..=10)?;
    names.iter().try_for_each(|name| extension_is_known(call, name))?;
    Ok(names)
}

/// Every text is of one shape, however deep it lies.
fn texts_are_fine(call: &Call, member: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::String(text) => {
            validate::length(call, member, text, 1..=1024)?;
            validate::characters(call, member, text, validate::sensitive)
        }
        Value::Array(items) => items.iter().try_for_each(|item| texts_are_fine(call, member, item)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            texts_are_fine(call, &format!("{member}.{}", small_first(name)), value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn small_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn large_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The attributes after these changes. A path is made of names and dots, such as `displayName` or `name.familyName`, or of an
/// extension's name and more; an absent value removes what is there.
pub(super) fn changed(
    call: &Call,
    attributes: &wire::UserAttributes,
    operations: &[wire::AttributeOperation],
) -> Result<wire::UserAttributes, ApiError> {
    let mut all = Value::Object(members(attributes)?);
    // The first after which the attributes are none.
    let mut suspect = None;
    for operation in operations {
        let path = &operation.attribute_path;
        validate::length(call, "operations.attributePath", path, 1..=255)?;
        let unknown = || call.invalid("operations.attributePath", path, "Unsupported attribute path");
        let keys = keys(path).ok_or_else(unknown)?;
        let value = operation.attribute_value.as_ref().filter(|value| !value.is_null()).map(|value| {
            if keys.first().is_some_and(|first| first == "Extensions") {
                value.clone()
            } else {
                with_large_keys(value)
            }
        });
        set(&mut all, &keys, value).ok_or_else(unknown)?;
        if suspect.is_none() && read(&all).is_err() {
            suspect = Some(path);
        }
    }
    let path = suspect.map_or("", String::as_str);
    read(&all).map_err(|why| call.invalid("operations.attributePath", path, why))
}

/// Reads attributes. What the shapes don't know is an attribute that doesn't exist, and what they can't read is of the wrong type.
fn read(all: &Value) -> Result<wire::UserAttributes, &'static str> {
    let attributes: wire::UserAttributes = serde_json::from_value(all.clone())
        .map_err(|_| "The attribute at this path must have a value of its type")?;
    match members(&attributes).map(|members| Value::Object(members) == *all) {
        Ok(true) => Ok(attributes),
        Ok(false) | Err(_) => Err("Unsupported attribute path"),
    }
}

/// The keys that a path leads through.
fn keys(path: &str) -> Option<Vec<String>> {
    if let Some(rest) = path.strip_prefix(ENTERPRISE) {
        let mut keys = vec!["Extensions".to_owned(), ENTERPRISE.to_owned()];
        match rest.strip_prefix('.') {
            Some(more) => keys.extend(more.split('.').map(str::to_owned)),
            None if rest.is_empty() => {}
            None => return None,
        }
        return Some(keys);
    }
    let keys: Vec<String> = path.split('.').map(large_first).collect();
    let of_letters = |key: &String| !key.is_empty() && key.chars().all(char::is_alphabetic);
    (keys.len() <= 3 && keys.iter().all(of_letters)).then_some(keys)
}

/// The keys inside a document as the shapes spell them.
fn with_large_keys(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (large_first(name), with_large_keys(value))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(with_large_keys).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Puts a value where the keys lead, or takes it away. In a list the way goes on through its first item.
fn set(target: &mut Value, keys: &[String], value: Option<Value>) -> Option<()> {
    let (key, rest) = keys.split_first()?;
    let target = match target {
        Value::Array(items) => items.first_mut()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => target,
    };
    let members = target.as_object_mut()?;
    if rest.is_empty() {
        match value {
            Some(value) => drop(members.insert(key.clone(), value)),
            None => drop(members.remove(key)),
        }
        return Some(());
    }
    match members.get_mut(key) {
        Some(inner) => set(inner, rest, value),
        None if value.is_none() => Some(()),
        None => set(members.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), rest, value),
    }
}
