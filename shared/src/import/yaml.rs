//! Text as a rule document has it: what every reader of YAML takes for the same text.

use std::fmt::Write as _;

use serde_json::Value;

/// A text, in quotes unless it is surely text without them.
pub(super) fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Invisible letters and those that turn the direction of writing would hide what is written.
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Letters, digits and a little between them, and nothing that some reader takes for a number or a truth.
fn is_plain(text: &str) -> bool {
    let begins = text.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    let ends = text.chars().next_back().is_some_and(|last| last.is_ascii_alphanumeric());
    let inside = text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./+@=".contains(letter));
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    begins && ends && inside && !words.contains(&text.to_ascii_lowercase().as_str())
}

/// A comment has one line, and nothing of what stands in it ends it.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(
            |letter| {
                if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') { ' ' } else { letter }
            },
        )
        .collect()
}

/// Items in brackets, broken into lines that people can read.
pub(super) fn list(items: &[String], indent: usize) -> String {
    let short = format!("[{}]", items.join(", "));
    if short.len() + indent <= 118 {
        return short;
    }
    let pad = " ".repeat(indent + 2);
    let mut lines = vec![String::new()];
    for item in items {
        let line = lines.last_mut();
        let Some(line) = line else { continue };
        if !line.is_empty() && pad.len() + line.len() + item.len() + 2 > 118 {
            lines.push(format!("{item},"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(item);
            line.push(',');
        }
    }
    let body: Vec<String> = lines.iter().map(|line| format!("{pad}{line}")).collect();
    let body = body.join("\n");
    format!("[\n{}\n{}]", body.trim_end_matches(','), " ".repeat(indent))
}

/// A JSON value as indented YAML, for what stands below a key.
pub(crate) fn block(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines = members.iter().map(|(key, value)| {
                if is_nested(value) {
                    format!("{pad}{}:\n{}", text(key), block(value, indent + 2))
                } else {
                    format!("{pad}{}: {}", text(key), scalar(value))
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::Array(items) if !items.is_empty() => {
            let lines = items.iter().map(|item| {
                if is_nested(item) {
                    let inner = block(item, indent + 2);
                    format!("{pad}- {}", inner.trim_start())
                } else {
                    format!("{pad}- {}", scalar(item))
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => format!("{pad}{}", scalar(value)),
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        // In a policy a key and a text look alike: only keys go without quotes.
        Value::String(text) => quoted(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
