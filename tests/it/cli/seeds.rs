//! The two articles that are walked through, where they stand beside the checkout, and what makes sure elsewhere that ours is theirs.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The article with this in it; `None`, which is told, where the articles don't stand beside the checkout.
pub(crate) fn article(part: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/seeds");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("not compared: the articles don't stand beside the checkout, in `{}`", folder.display());
        return None;
    };
    let mut texts = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    Some(texts.find(|text| text.contains(part)).unwrap())
}

/// A number that stands for a text.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A document with its members in order and without blanks, so that what means the same is the same text.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[test]
fn documents_that_mean_the_same_are_the_same_text() {
    let one: Value = serde_json::from_str(r#"{ "b": [1, {"d": null, "c": "x"}], "a": true }"#).unwrap();
    assert_eq!(canonical(&one), r#"{"a":true,"b":[1,{"c":"x","d":null}]}"#);
    assert_eq!(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
