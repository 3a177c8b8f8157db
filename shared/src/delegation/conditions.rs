//! Tags as conditions: what of a selection by tags, and of attributes for access control, IAM is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{PrincipalMatch, TagSelector, TagValueSelector, TextSelector};

type Conditions = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What must hold of a permission set's tags, and of whoever is signed in.
pub(super) fn of(tags: Option<&TagSelector>, matches: &[PrincipalMatch]) -> Conditions {
    let mut conditions = Conditions::new();
    let mut ask = |operator: &str, key: String, values: BTreeSet<String>| {
        conditions.entry(operator.to_owned()).or_default().insert(key, values);
    };
    let mut compared = BTreeSet::new();
    for PrincipalMatch { permission_set_tag, principal_tag, wildcard } in matches {
        compared.insert(permission_set_tag.as_str());
        let variable = format!("${{aws:PrincipalTag/{principal_tag}}}");
        let values = wildcard.iter().map(|value| literal(value)).chain([variable]).collect();
        ask("StringEquals", of_resource(permission_set_tag), values);
        // Without the attribute nothing fits, the wildcard included.
        ask("Null", format!("aws:PrincipalTag/{principal_tag}"), [false.to_string()].into());
    }
    for (key, values) in tags.iter().flat_map(|tags| &tags.0) {
        let (mut absent, mut present) = (false, false);
        let mut texts = Vec::new();
        for value in values {
            match value {
                TagValueSelector::Absent => absent = true,
                TagValueSelector::Present => present = true,
                TagValueSelector::Value(text) => texts.push(text),
            }
        }
        let or_absent = if absent { "IfExists" } else { "" };
        let patterned = texts.iter().any(|text| matches!(text, TextSelector::Like(_)));
        match (present, absent) {
            (true, true) => {}
            (true, false) => ask("Null", of_resource(key), [false.to_string()].into()),
            (false, true) if texts.is_empty() => ask("Null", of_resource(key), [true.to_string()].into()),
            // An operator can have a key once: what an attribute is compared with has the plain one.
            (false, _) if patterned || compared.contains(key.as_str()) => {
                let values = texts.into_iter().map(pattern).collect();
                ask(&format!("StringLike{or_absent}"), of_resource(key), values);
            }
            (false, _) => {
                let values = texts.into_iter().map(|text| literal(text_of(text))).collect();
                ask(&format!("StringEquals{or_absent}"), of_resource(key), values);
            }
        }
    }
    conditions
}

/// Keys that are asked for together and differ in nothing but case: to IAM they are one.
pub(super) fn mixed_by_case(tags: Option<&TagSelector>, matches: &[PrincipalMatch]) -> Option<Vec<String>> {
    let of_sets = matches.iter().map(|one| one.permission_set_tag.as_str());
    let of_sets = of_sets.chain(tags.iter().flat_map(|tags| tags.0.keys().map(String::as_str)));
    let of_principals = matches.iter().map(|one| one.principal_tag.as_str());
    mixed(of_sets).or_else(|| mixed(of_principals))
}

fn mixed<'a>(keys: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let mut written: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for key in keys {
        written.entry(key.to_lowercase()).or_default().insert(key);
    }
    let mixed = written.into_values().find(|ways| ways.len() > 1)?;
    Some(mixed.into_iter().map(|key| format!("`{key}`")).collect())
}

fn of_resource(key: &str) -> String {
    format!("aws:ResourceTag/{key}")
}

fn text_of(text: &TextSelector) -> &str {
    match text {
        TextSelector::Is(text) => text,
        TextSelector::Like(glob) => glob.as_str(),
    }
}

/// Text in which no policy variable is read.
fn literal(text: &str) -> String {
    text.replace("${", "${$}{")
}

/// The same where `*` and `?` have a meaning, which they have under `like` as well.
fn pattern(text: &TextSelector) -> String {
    match text {
        TextSelector::Like(glob) => literal(glob.as_str()),
        TextSelector::Is(text) => {
            let mut written = String::new();
            let mut rest = text.as_str();
            while let Some(letter) = rest.chars().next() {
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
                match letter {
                    '*' | '?' => written.extend(["${", &letter.to_string(), "}"]),
                    '$' if rest.starts_with('{') => written.push_str("${$}"),
                    other => written.push(other),
                }
            }
            written
        }
    }
}
