//! What a body on the wire leaves out: nulls are no values, and a list that is required is not an empty one.

use serde_json::{Map, Value};

/// A body without the members that are null, which AWS reads as absent. What the operations of an update set is a document, and stays
/// as it is.
pub(super) fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    let kept = members.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| {
        let value = if name == "AttributeValue" { value } else { inside(value) };
        (name, value)
    })
    .collect()
}

fn inside(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_nulls(members)),
        Value::Array(items) => Value::Array(items.into_iter().map(inside).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// What the input requires and the body doesn't name, as messages write members. The shapes have all members of the API models, and as
/// optional those that are optional there, which are not written when they are absent: so what was read has more than what was given
/// exactly where something is missing.
pub(super) fn missing(given: &Value, read: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    compare(given, read, "", &mut missing);
    missing
}

fn compare(given: &Value, read: &Value, path: &str, missing: &mut Vec<String>) {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            for (name, value) in read {
                let path = format!("{path}{}", member(name));
                match given.get(name) {
                    None => missing.push(path),
                    Some(given) => compare(given, value, &format!("{path}."), missing),
                }
            }
        }
        (Value::Array(given), Value::Array(read)) => {
            for (at, (given, read)) in given.iter().zip(read).enumerate() {
                compare(given, read, &format!("{path}{}.member.", at + 1), missing);
            }
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => {}
    }
}

fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
