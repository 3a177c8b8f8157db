//! Reads what texts and tags are compared with: values as they stand, `like`, `present`, `absent`.

use std::collections::BTreeMap;

use super::{
    diagnostic::{Report, Span},
    node::{Entry, Kind, Node, Value},
    read_selector::{all, only},
    reader::{Reader, shorten},
    selector::TagSelector,
    text_selector::{Glob, TagValueSelector, TextSelector},
    trust::{self, TagOf},
};

pub(super) const NAME_PATTERN_KEYS: [&str; 1] = ["like"];
pub(super) const TAG_CONDITION_KEYS: [&str; 3] = ["like", "present", "absent"];

/// The longest pattern, in characters.
const MOST_OF_PATTERN: usize = 512;

/// Reads `named`: one name or several, of which any will do.
pub(super) fn names(reader: &mut Reader, node: &Node) -> Option<Vec<TextSelector>> {
    let what = "an account's name or a list of names";
    let items = reader.one_or_more(node, what)?;
    all(items, |item| match &item.value {
        Value::Map(_) => {
            let (_, pattern) = only(reader, item, "the pattern of a name", &NAME_PATTERN_KEYS)?;
            like(reader, pattern)
        }
        Value::Text(_) | Value::List(_) | Value::Invalid => exact(reader, item, what),
    })
}

/// Reads `tagged`: a map of keys, each with the value or the values that will do.
pub(super) fn tags(reader: &mut Reader, node: &Node, of: TagOf) -> Option<TagSelector> {
    let what = "a map of tags, such as `{ Environment: Development }`";
    let Value::Map(entries) = &node.value else {
        reader.expected(node, what);
        return None;
    };
    if entries.is_empty() {
        reader.report(Report::at(node.span, format!("expected {what}, found an empty map")).label("empty"));
        return None;
    }
    let mut tags = BTreeMap::new();
    let mut complete = true;
    for Entry { key, key_span, value } in entries {
        let key = reader
            .unmistakable(key, *key_span, "a tag's key")
            .filter(|key| trust::check(reader, of, key, *key_span, "selectors"));
        match (key, values(reader, value)) {
            (Some(key), Some(values)) => _ = tags.insert(key.to_owned(), values),
            (Some(_) | None, _) => complete = false,
        }
    }
    complete.then_some(TagSelector(tags))
}

fn values(reader: &mut Reader, node: &Node) -> Option<Vec<TagValueSelector>> {
    let what = "a tag's value or a list of values";
    let items = reader.one_or_more(node, what)?;
    all(items, |item| match &item.value {
        Value::Map(_) => {
            let (key, value) = only(reader, item, "the condition of a tag", &TAG_CONDITION_KEYS)?;
            match key {
                "like" => like(reader, value).map(TagValueSelector::Value),
                "present" => yes(reader, value, "present", "absent").map(|()| TagValueSelector::Present),
                _ => yes(reader, value, "absent", "present").map(|()| TagValueSelector::Absent),
            }
        }
        Value::Text(_) | Value::List(_) | Value::Invalid => {
            exact(reader, item, what).map(TagValueSelector::Value)
        }
    })
}

fn like(reader: &mut Reader, node: &Node) -> Option<TextSelector> {
    pattern(reader, node).map(TextSelector::Like)
}

/// Reads a pattern, which must fit a text as a whole.
pub(super) fn pattern(reader: &mut Reader, node: &Node) -> Option<Glob> {
    let text = reader.text(node, "a pattern, in which `*` is any text and `?` any one character")?;
    if text.chars().count() > MOST_OF_PATTERN {
        // Nothing that is compared with it is so long, and comparing takes the longer the longer both are.
        let message = format!("a pattern has at most {MOST_OF_PATTERN} characters");
        reader.report(Report::at(node.span, message).label("too long"));
        return None;
    }
    Some(Glob::new(text))
}

/// One text, compared as a whole.
fn exact(reader: &mut Reader, node: &Node, what: &str) -> Option<TextSelector> {
    let text = reader.text(node, what)?;
    if text.contains('*') {
        refuse_pattern(reader, text, node.span, &format!("write `{{ like: \"{}\" }}`", shorten(text)));
        return None;
    }
    Some(TextSelector::Is(text.to_owned()))
}

/// Refuses what seems to be meant as a pattern where none is looked for.
pub(super) fn refuse_pattern(reader: &mut Reader, text: &str, span: Span, help: &str) {
    reader.report(
        Report::at(span, format!("`{}` looks like a pattern, and none is read here", shorten(text)))
            .label("compared as it stands, `*` included")
            .help(help),
    );
}

/// `true`, which is all that `present` and `absent` can be.
fn yes(reader: &mut Reader, node: &Node, key: &str, opposite: &str) -> Option<()> {
    match &node.value {
        Value::Text(text) if text.kind == Kind::Boolean => match text.text.as_str() {
            "true" | "True" | "TRUE" => return Some(()),
            "false" | "False" | "FALSE" => reader.report(
                Report::at(node.span, format!("`{key}` can only be `true`"))
                    .label("found this")
                    .help(format!("write `{{ {opposite}: true }}`")),
            ),
            _ => reader.expected(node, "`true`"),
        },
        Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Invalid => reader.expected(node, "`true`"),
    }
    None
}
