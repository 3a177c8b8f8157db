//! EventBridge's matching of events, by its documentation: "Comparison operators for use in event patterns".
//!
//! What the documentation leaves open is not used by any pattern here, and [`problems`] says so of one that does.

use serde_json::{Map, Value};

/// The longest pattern that EventBridge takes, unless a quota was raised.
pub const LONGEST: usize = 2_048;

/// Whether the event fits the pattern.
pub fn fits(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().is_some_and(|pattern| all(pattern, event))
}

/// Every field must fit; of the alternatives of `$or`, one.
fn all(pattern: &Map<String, Value>, event: &Value) -> bool {
    pattern.iter().all(|(name, wanted)| match wanted {
        Value::Array(alternatives) if name == "$or" => {
            alternatives.iter().any(|alternative| fits(alternative, event))
        }
        Value::Object(inner) => match event.get(name) {
            // Of several things one must fit in all its fields.
            Some(Value::Array(several)) => several.iter().any(|one| all(inner, one)),
            Some(one) => all(inner, one),
            None => all(inner, &Value::Null),
        },
        Value::Array(matchers) => matchers.iter().any(|matcher| leaf(matcher, event.get(name))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    })
}

/// A field with several values fits if one of them does.
fn leaf(matcher: &Value, field: Option<&Value>) -> bool {
    let values: Vec<&Value> = match field {
        // Only the ends of a tree are there or not.
        None | Some(Value::Object(_)) => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    };
    let Some((operator, operand)) = operation(matcher) else { return values.contains(&matcher) };
    match operator {
        "exists" => operand.as_bool() == Some(!values.is_empty()),
        _ => values.iter().any(|value| compares(operator, operand, value)),
    }
}

fn operation(matcher: &Value) -> Option<(&str, &Value)> {
    let (operator, operand) = matcher.as_object()?.iter().next()?;
    Some((operator, operand))
}

/// One operand, or several of which one is enough.
fn any(operand: &Value, holds: impl Fn(&Value) -> bool) -> bool {
    match operand {
        Value::Array(several) => several.iter().any(holds),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            holds(one)
        }
    }
}

fn compares(operator: &str, operand: &Value, value: &Value) -> bool {
    let text = value.as_str();
    // Prefixes and suffixes may ask for no case either.
    let affix = |holds: fn(&str, &str) -> bool| match operation(operand) {
        Some(("equals-ignore-case", operand)) => any(operand, |wanted| {
            let both = text.zip(wanted.as_str());
            both.is_some_and(|(text, wanted)| holds(&text.to_lowercase(), &wanted.to_lowercase()))
        }),
        Some(_) => false,
        None => {
            any(operand, |wanted| text.zip(wanted.as_str()).is_some_and(|(text, wanted)| holds(text, wanted)))
        }
    };
    match operator {
        "prefix" => affix(|text, wanted| text.starts_with(wanted)),
        "suffix" => affix(|text, wanted| text.ends_with(wanted)),
        "equals-ignore-case" => any(operand, |wanted| {
            text.zip(wanted.as_str())
                .is_some_and(|(text, wanted)| text.to_lowercase() == wanted.to_lowercase())
        }),
        "wildcard" => any(operand, |wanted| {
            text.zip(wanted.as_str()).is_some_and(|(text, wanted)| wildcard(&pieces(wanted), text))
        }),
        "numeric" => numeric(operand, value),
        "anything-but" => match operation(operand) {
            Some((operator, operand)) => !compares(operator, operand, value),
            None => !any(operand, |unwanted| same(unwanted, value)),
        },
        _ => false,
    }
}

/// Numbers are the same whatever they are written like.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

/// Pairs of a comparison and a number, all of which must hold.
fn numeric(operand: &Value, value: &Value) -> bool {
    let Some(value) = value.as_f64() else { return false };
    let Some(pairs) = operand.as_array() else { return false };
    pairs.chunks(2).all(|pair| match pair {
        [comparison, limit] => {
            let order = limit.as_f64().map(|limit| value.total_cmp(&limit));
            order.is_some_and(|order| match comparison.as_str() {
                Some("=") => order.is_eq(),
                Some("<") => order.is_lt(),
                Some("<=") => order.is_le(),
                Some(">") => order.is_gt(),
                Some(">=") => order.is_ge(),
                _ => false,
            })
        }
        _ => false,
    })
}

/// The texts between a pattern's stars; `\*` and `\\` stand for themselves.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' => {
                pieces.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        pieces.last_mut().unwrap().push(literal);
    }
    pieces
}

fn wildcard(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return pieces.first().is_some_and(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

/// What EventBridge, or who reads a pattern, would object to.
pub fn problems(pattern: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let size = serde_json::to_string(pattern).unwrap().chars().count();
    if size > LONGEST {
        problems.push(format!("{size} characters are too many"));
    }
    look(pattern, "", &mut problems);
    problems
}

fn look(pattern: &Value, place: &str, problems: &mut Vec<String>) {
    let Some(members) = pattern.as_object().filter(|members| !members.is_empty()) else {
        problems.push(format!("{place} is no object with fields"));
        return;
    };
    for (name, wanted) in members {
        let place = format!("{place}/{name}");
        match wanted {
            Value::Array(several) if name == "$or" && several.len() > 1 => {
                for alternative in several {
                    look(alternative, &place, problems);
                }
            }
            Value::Array(matchers) if name != "$or" && !matchers.is_empty() => {
                problems
                    .extend(matchers.iter().filter(|it| !is_matcher(it)).map(|it| format!("{place}: {it}")));
            }
            Value::Object(_) => look(wanted, &place, problems),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                problems.push(format!("{place}: {wanted}"));
            }
        }
    }
}

fn is_matcher(matcher: &Value) -> bool {
    let texts = |operand: &Value| match operand {
        Value::Array(several) => !several.is_empty() && several.iter().all(Value::is_string),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            one.is_string()
        }
    };
    let Value::Object(members) = matcher else { return !matcher.is_array() };
    let [(operator, operand)] = members.iter().collect::<Vec<_>>()[..] else { return false };
    match operator.as_str() {
        "exists" => operand.is_boolean(),
        "prefix" | "suffix" => {
            operand.is_string() || operation(operand).is_some_and(|it| it.0 == "equals-ignore-case")
        }
        "equals-ignore-case" => operand.is_string(),
        "wildcard" => operand.as_str().is_some_and(|text| !text.contains("**")),
        "numeric" => operand.as_array().is_some_and(|parts| matches!(parts.len(), 2 | 4)),
        "anything-but" => match operation(operand) {
            Some(("prefix" | "suffix" | "equals-ignore-case" | "wildcard", operand)) => texts(operand),
            Some(_) => false,
            None => texts(operand) || any(operand, Value::is_number),
        },
        _ => false,
    }
}

/// Patterns and events of each operator, and whether they fit: the documentation's examples, and what it says besides.
pub fn examples() -> Vec<(Value, Value, bool)> {
    use serde_json::json;

    let state = |matchers: Value| json!({ "detail": { "state": matchers } });
    let with = |state: Value| json!({ "detail": { "state": state } });
    let without = || json!({ "detail": { "c-count": 1 } });
    vec![
        (state(json!(["running", "stopped"])), with(json!("stopped")), true),
        (state(json!(["running"])), with(json!("Running")), false),
        (state(json!(["running"])), without(), false),
        (state(json!(["running"])), with(json!(["starting", "running"])), true),
        (state(json!([""])), with(json!("")), true),
        (state(json!([true])), with(json!(true)), true),
        (state(json!([true])), with(json!("true")), false),
        (state(json!([{ "prefix": "init" }])), with(json!("initializing")), true),
        (state(json!([{ "prefix": "init" }])), with(json!("Initializing")), false),
        (state(json!([{ "prefix": "init" }])), without(), false),
        (state(json!([{ "prefix": { "equals-ignore-case": "INIT" } }])), with(json!("initializing")), true),
        (state(json!([{ "suffix": "ing" }])), with(json!("initializing")), true),
        (state(json!([{ "suffix": "ing" }])), with(json!("stopped")), false),
        (state(json!([{ "suffix": { "equals-ignore-case": ".PNG" } }])), with(json!("a.png")), true),
        (state(json!([{ "equals-ignore-case": "succeeded" }])), with(json!("SUCCEEDED")), true),
        (state(json!([{ "equals-ignore-case": "succeeded" }])), with(json!("FAILED")), false),
        (state(json!([{ "anything-but": "initializing" }])), with(json!("running")), true),
        (state(json!([{ "anything-but": "initializing" }])), with(json!("initializing")), false),
        // What isn't there is not anything but something.
        (state(json!([{ "anything-but": "initializing" }])), without(), false),
        (state(json!([{ "anything-but": ["stopped", "overloaded"] }])), with(json!("overloaded")), false),
        (state(json!([{ "anything-but": [100, 200] }])), with(json!(300)), true),
        (state(json!([{ "anything-but": [100, 200] }])), with(json!(200)), false),
        (state(json!([{ "anything-but": { "prefix": "init" } }])), with(json!("running")), true),
        (state(json!([{ "anything-but": { "prefix": ["init", "stop"] } }])), with(json!("stopped")), false),
        (state(json!([{ "anything-but": { "prefix": ["init", "stop"] } }])), with(json!("running")), true),
        (state(json!([{ "anything-but": { "prefix": ["init", "stop"] } }])), without(), false),
        (state(json!([{ "anything-but": { "suffix": [".txt", ".rtf"] } }])), with(json!("a.rtf")), false),
        (state(json!([{ "anything-but": { "suffix": ".txt" } }])), with(json!("a.rtf")), true),
        (
            state(json!([{ "anything-but": { "equals-ignore-case": ["initializing", "stopped"] } }])),
            with(json!("STOPPED")),
            false,
        ),
        (state(json!([{ "anything-but": { "wildcard": "*/lib/*" } }])), with(json!("/usr/lib/x")), false),
        (state(json!([{ "anything-but": { "wildcard": ["*/lib/*"] } }])), with(json!("/usr/bin/x")), true),
        (state(json!([{ "exists": true }])), with(json!("")), true),
        (state(json!([{ "exists": true }])), without(), false),
        (state(json!([{ "exists": false }])), with(json!("running")), false),
        (state(json!([{ "exists": false }])), without(), true),
        // Whatever is missing on the way to it.
        (json!({ "detail": { "a": { "b": { "c": [{ "exists": false }] } } } }), without(), true),
        (state(json!([{ "exists": false }, "running"])), with(json!("running")), true),
        (state(json!([{ "exists": false }, { "anything-but": ["mine"] }])), without(), true),
        (state(json!([{ "exists": false }, { "anything-but": ["mine"] }])), with(json!("theirs")), true),
        (state(json!([{ "exists": false }, { "anything-but": ["mine"] }])), with(json!("mine")), false),
        (state(json!([{ "numeric": ["=", 301.8] }])), with(json!(3.018e2)), true),
        (state(json!([{ "numeric": [">", 0, "<=", 5] }])), with(json!(5)), true),
        (state(json!([{ "numeric": [">", 0, "<=", 5] }])), with(json!(0)), false),
        (state(json!([{ "numeric": ["<", 10] }])), with(json!("5")), false),
        (state(json!([{ "wildcard": "dir/*.png" }])), with(json!("dir/a/b.png")), true),
        (state(json!([{ "wildcard": "dir/*.png" }])), with(json!("dir/a.jpg")), false),
        (state(json!([{ "wildcard": "a*b*c" }])), with(json!("a-b-b-c")), true),
        (state(json!([{ "wildcard": "a*aa" }])), with(json!("aa")), false),
        (state(json!([{ "wildcard": r"a\*b" }])), with(json!("a*b")), true),
        (state(json!([{ "wildcard": r"a\*b" }])), with(json!("axb")), false),
        (
            json!({ "detail": { "$or": [{ "state": ["running"] }, { "c-count": [{ "numeric": ["=", 1] }] }] } }),
            without(),
            true,
        ),
        (
            json!({ "detail": { "$or": [{ "state": ["a"] }, { "state": ["b"], "c-count": [1] }] } }),
            with(json!("b")),
            false,
        ),
        (json!({ "source": ["x"], "detail": { "state": ["a"] } }), with(json!("a")), false),
    ]
}
