//! From a JSON document to a policy. Every error says where in the document it is.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use super::{
    Effect, Matcher, Policy, Statement,
    condition::{Condition, OPERATORS, Operator, Test, Values},
    pattern::{Pattern, Syntax},
};

/// One step on the way to a place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a member of an object.
    Member(String),
    /// Into an item of a list, from 0.
    Item(usize),
}

/// Why a document is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The way to the mistake; empty for the document as a whole.
    pub place: Vec<Step>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.place.iter().enumerate() {
            match step {
                Step::Member(name) if at == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        let between = if self.place.is_empty() { "" } else { ": " };
        write!(f, "{between}{}", self.message)
    }
}

type Read<T> = Result<T, PolicyError>;

/// A value with the way to it.
#[derive(Clone)]
struct At<'a> {
    value: &'a Value,
    place: Vec<Step>,
}

impl<'a> At<'a> {
    fn wrong<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(PolicyError { place: self.place.clone(), message: message.into() })
    }

    fn step(&self, step: Step, value: &'a Value) -> Self {
        let mut place = self.place.clone();
        place.push(step);
        Self { value, place }
    }

    fn object(&self, what: &str) -> Read<&'a Map<String, Value>> {
        match self.value {
            Value::Object(members) => Ok(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.wrong(format!("{what} is an object"))
            }
        }
    }

    fn member(&self, members: &'a Map<String, Value>, name: &str) -> Option<Self> {
        members.get(name).map(|value| self.step(Step::Member(name.to_owned()), value))
    }

    fn text(&self) -> Read<&'a str> {
        self.value.as_str().map_or_else(|| self.wrong("a text was expected"), Ok)
    }

    /// One value, or a list of them, which is not empty.
    fn one_or_more(&self) -> Read<Vec<Self>> {
        match self.value {
            Value::Array(items) if items.is_empty() => {
                self.wrong("the list is empty: it needs one entry at least")
            }
            Value::Array(items) => {
                Ok(items.iter().enumerate().map(|(index, item)| self.step(Step::Item(index), item)).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Ok(vec![self.clone()])
            }
        }
    }

    fn only(&self, members: &Map<String, Value>, known: &[&str]) -> Read<()> {
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let mut place = self.place.clone();
                place.push(Step::Member(name.clone()));
                let message = format!("unknown element `{name}`: expected {}", known.join(", "));
                Err(PolicyError { place, message })
            }
        }
    }
}

/// The document of this text, whatever it says.
pub(super) fn json(text: &str) -> Result<Value, PolicyError> {
    let no_json = |error| PolicyError { place: Vec::new(), message: format!("this is no JSON: {error}") };
    serde_json::from_str(text).map_err(no_json)
}

impl Policy {
    /// Reads a policy from its JSON text.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::read(&json(text)?)
    }

    /// Reads a policy from its document.
    pub fn read(document: &Value) -> Result<Self, PolicyError> {
        let root = At { value: document, place: Vec::new() };
        let members = root.object("a policy")?;
        root.only(members, &["Version", "Id", "Statement"])?;
        let variables = match root.member(members, "Version") {
            // The default is the older version, which knows no policy variables.
            None => false,
            Some(version) => match version.text()? {
                "2012-10-17" => true,
                "2008-10-17" => false,
                other => {
                    return version.wrong(format!(
                        "`{other}` is no version of the policy language: 2012-10-17 or 2008-10-17"
                    ));
                }
            },
        };
        if let Some(id) = root.member(members, "Id") {
            id.text()?;
        }
        let Some(statement) = root.member(members, "Statement") else {
            return root.wrong("a policy has a `Statement`");
        };
        let mut sids = BTreeSet::new();
        let mut statements = Vec::new();
        for statement in statement.one_or_more()? {
            statements.push(read_statement(&statement, variables, &mut sids)?);
        }
        Ok(Self { source: document.clone(), statements })
    }
}

const ELEMENTS: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn read_statement(at: &At<'_>, variables: bool, sids: &mut BTreeSet<String>) -> Read<Statement> {
    let members = at.object("a statement")?;
    for principal in ["Principal", "NotPrincipal"] {
        if let Some(principal) = at.member(members, principal) {
            return principal.wrong("a policy of a role has no principal: the role is it");
        }
    }
    at.only(members, ELEMENTS)?;
    let sid = match at.member(members, "Sid") {
        None => None,
        Some(sid) => {
            let text = sid.text()?;
            if !text.chars().all(|letter| letter.is_ascii_alphanumeric()) {
                return sid.wrong(format!("`{text}` is no Sid: only letters A-Z, a-z and digits"));
            }
            if !sids.insert(text.to_owned()) {
                return sid.wrong(format!("two statements have the Sid `{text}`"));
            }
            Some(text.to_owned())
        }
    };
    let effect = match at.member(members, "Effect") {
        None => return at.wrong("a statement has an `Effect`"),
        Some(effect) => match effect.text()? {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            other => return effect.wrong(format!("`{other}` is no effect: Allow or Deny")),
        },
    };
    let actions = read_either(at, members, "Action", "NotAction", read_action)?;
    let resources =
        read_either(at, members, "Resource", "NotResource", |resource| read_resource(resource, variables))?;
    let conditions = match at.member(members, "Condition") {
        None => Vec::new(),
        Some(conditions) => read_conditions(&conditions, variables)?,
    };
    Ok(Statement { sid, effect, actions, resources, conditions })
}

fn read_either<P>(
    at: &At<'_>,
    members: &Map<String, Value>,
    plain: &str,
    negated: &str,
    read: impl Fn(&At<'_>) -> Read<P>,
) -> Read<Matcher<P>> {
    let all = |of: At<'_>| of.one_or_more()?.iter().map(&read).collect::<Read<Vec<P>>>();
    match (at.member(members, plain), at.member(members, negated)) {
        (Some(some), None) => all(some).map(Matcher::AnyOf),
        (None, Some(none)) => all(none).map(Matcher::NoneOf),
        (None, None) => at.wrong(format!("a statement has `{plain}` or `{negated}`")),
        (Some(_), Some(both)) => both.wrong(format!("a statement has either `{plain}` or `{negated}`")),
    }
}

fn read_action(at: &At<'_>) -> Read<Pattern> {
    let text = at.text()?;
    let named = text.split_once(':').is_some_and(|(service, action)| {
        let service_letter = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
        let action_letter = |letter: char| letter.is_ascii_alphanumeric() || "*?".contains(letter);
        !service.is_empty()
            && !action.is_empty()
            && service.chars().all(service_letter)
            && action.chars().all(action_letter)
    });
    if text != "*" && !named {
        return at.wrong(format!(
            "`{text}` is no action, such as `sso:CreateAccountAssignment`, `sso:List*` or `*`"
        ));
    }
    // Actions know no variables.
    let syntax = Syntax { wildcards: true, variables: false };
    Pattern::read(&text.to_lowercase(), syntax).or_else(|message| at.wrong(message))
}

fn read_resource(at: &At<'_>, variables: bool) -> Read<Vec<Pattern>> {
    let text = at.text()?;
    let syntax = Syntax { wildcards: true, variables };
    if text == "*" {
        return Pattern::read(text, syntax).map(|all| vec![all]).or_else(|message| at.wrong(message));
    }
    read_arn(at, text, syntax)
}

fn read_arn(at: &At<'_>, text: &str, syntax: Syntax) -> Read<Vec<Pattern>> {
    match Pattern::read_arn(text, syntax) {
        Ok(Some(parts)) if text.starts_with("arn:") || text.starts_with('*') => Ok(parts),
        Ok(_) => at.wrong(format!(
            "`{text}` is no ARN of six parts, such as `arn:aws:sso:::account/111122223333`, nor `*`"
        )),
        Err(message) => at.wrong(message),
    }
}

fn read_conditions(at: &At<'_>, variables: bool) -> Read<Vec<Condition>> {
    let mut conditions = Vec::new();
    for name in at.object("a condition")?.keys() {
        let Some(keys) = at.member(at.object("a condition")?, name) else { continue };
        let Some(operator) = Operator::named(name) else {
            return keys
                .wrong(format!("`{name}` is no condition operator that is evaluated here: {OPERATORS}"));
        };
        let members = keys.object("an operator's part of a condition")?;
        for key in members.keys() {
            let Some(values) = keys.member(members, key) else { continue };
            if !key.contains(':') {
                return values.wrong(format!("`{key}` is no condition key, such as `aws:ResourceTag/Team`"));
            }
            let values = read_values(&values, operator, variables)?;
            conditions.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn read_values(at: &At<'_>, operator: Operator, variables: bool) -> Read<Values> {
    let values = at.one_or_more()?;
    match operator.test {
        Test::Text { wildcards } => texts(&values, Syntax { wildcards, variables }).map(Values::Texts),
        Test::TextIgnoringCase => texts(&values, Syntax { wildcards: false, variables }).map(Values::Texts),
        Test::Arn => {
            let syntax = Syntax { wildcards: true, variables };
            values.iter().map(|at| read_arn(at, at.text()?, syntax)).collect::<Read<_>>().map(Values::Arns)
        }
        Test::Bool | Test::Null => values.iter().map(truth).collect::<Read<_>>().map(Values::Truths),
    }
}

fn texts(values: &[At<'_>], syntax: Syntax) -> Read<Vec<Pattern>> {
    let read = |at: &At<'_>| {
        // IAM takes numbers and truth values for their text.
        let text = match at.value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => at.value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return at.wrong("a text was expected"),
        };
        Pattern::read(&text, syntax).or_else(|message| at.wrong(message))
    };
    values.iter().map(read).collect()
}

fn truth(at: &At<'_>) -> Read<bool> {
    match at.value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            at.wrong("`true` or `false` was expected")
        }
    }
}
