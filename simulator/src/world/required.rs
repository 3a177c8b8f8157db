//! What a body on the wire leaves out: nulls are no values, and a list that is required is not an empty one.

use serde_json::{Map, Value};

/// A body without the members that are null, which AWS reads as absent. What the operations of an update set may be null: the value that
/// an attribute gets.
pub(super) fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    let kept = members.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| {
        let value = match value {
            Value::Object(inner) => Value::Object(without_nulls(inner)),
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => other,
        };
        (name, value)
    })
    .collect()
}

/// The first list that the input has, and so requires, and that the body doesn't name; as messages write a member. Optional lists that
/// are absent are not written, and texts that are missing read as empty, which the operations refuse themselves.
pub(super) fn missing_list(given: &Value, read: &Value) -> Option<String> {
    let (given, read) = (given.as_object()?, read.as_object()?);
    read.iter().find_map(|(name, value)| match (given.get(name), value) {
        (None, Value::Array(_)) => Some(member(name)),
        (Some(given), Value::Object(_)) => {
            missing_list(given, value).map(|inner| format!("{}.{inner}", member(name)))
        }
        (
            _,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
        ) => None,
    })
}

fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
