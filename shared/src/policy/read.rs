//! Reads a policy, and says all that is wrong with it: IAM would say less, and only when it is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Effect, MOST_BYTES, MOST_CHARACTERS, Matched, Policy, Statement, Version, counted};

/// What is wrong in a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The way from the policy to the place.
    pub at: Vec<Step>,
    pub message: String,
    pub help: Option<String>,
}

/// One step on the way to a place in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Member(String),
    Item(usize),
}

const POLICY_MEMBERS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_MEMBERS: [&str; 7] =
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
/// What a statement of another kind of policy has, which is told apart.
const PRINCIPAL: &str = "Principal";

/// The operators of conditions (IAM user guide, "IAM JSON policy elements: Condition operators"). `IfExists` may follow all but `Null`.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];

/// Reads a policy of a permission set.
pub fn read(document: &Value) -> Result<Policy, Vec<Mistake>> {
    let mut reader = Reader { at: Vec::new(), mistakes: Vec::new() };
    let policy = reader.policy(document);
    if let Some(policy) = &policy {
        reader.fits(policy);
    }
    match policy {
        Some(policy) if reader.mistakes.is_empty() => Ok(policy),
        Some(_) | None => Err(reader.mistakes),
    }
}

struct Reader {
    at: Vec<Step>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn mistake(&mut self, message: impl Into<String>, help: Option<&str>) {
        let (at, message) = (self.at.clone(), message.into());
        self.mistakes.push(Mistake { at, message, help: help.map(str::to_owned) });
    }

    /// Reads what is one step further.
    fn inside<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.at.push(step);
        let read = read(self);
        self.at.pop();
        read
    }

    fn member<'v, T>(
        &mut self,
        members: &'v Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, &'v Value) -> T,
    ) -> Option<T> {
        let value = members.get(name)?;
        Some(self.inside(Step::Member(name.to_owned()), |reader| read(reader, value)))
    }

    /// The members of an object that has no others than these.
    fn object<'v>(&mut self, value: &'v Value, what: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(members) = value.as_object() else {
            self.mistake(format!("{what} is a map with {}", known.join(", ")), None);
            return None;
        };
        let known_or_told = |name: &&String| known.contains(&name.as_str()) || *name == PRINCIPAL;
        for name in members.keys().filter(|name| !known_or_told(name)) {
            let near = known.iter().find(|known| known.eq_ignore_ascii_case(name));
            let help =
                near.map(|near| format!("did you mean `{near}`? Members are told apart by their case"));
            let message = format!("{what} has no member `{}`", short(name));
            self.inside(Step::Member(name.clone()), |reader| reader.mistake(message, help.as_deref()));
        }
        Some(members)
    }

    fn policy(&mut self, document: &Value) -> Option<Policy> {
        let members = self.object(document, "a policy", &POLICY_MEMBERS)?;
        let version = self.member(members, "Version", |reader, value| match value.as_str() {
            Some("2012-10-17") => Some(Version::Of2012),
            Some("2008-10-17") => Some(Version::Of2008),
            Some(_) | None => {
                reader.mistake(
                    "the version of the policy language is \"2012-10-17\", or the older \"2008-10-17\"",
                    None,
                );
                None
            }
        });
        let id = self.member(members, "Id", Self::text);
        let Some(statements) = self.member(members, "Statement", Self::statements) else {
            self.mistake("a policy has a `Statement`", None);
            return None;
        };
        let version = version.map_or(Some(None), |version| version.map(Some));
        let id = id.map_or(Some(None), |id| id.map(Some));
        Some(Policy { version: version?, id: id?, statements: statements? })
    }

    fn statements(&mut self, value: &Value) -> Option<Vec<Statement>> {
        let Value::Array(items) = value else {
            return self.statement(value).map(|statement| vec![statement]);
        };
        if items.is_empty() {
            self.mistake("a policy has at least one statement", None);
            return None;
        }
        let mut taken = BTreeSet::new();
        let statements: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(number, item)| {
                self.inside(Step::Item(number), |reader| {
                    let statement = reader.statement(item)?;
                    if let Some(sid) = statement.sid.clone().filter(|sid| !taken.insert(sid.clone())) {
                        let message = format!("two statements have the `Sid` `{}`", short(&sid));
                        reader.inside(Step::Member("Sid".to_owned()), |it| it.mistake(message, None));
                    }
                    Some(statement)
                })
            })
            .collect();
        statements.into_iter().collect()
    }

    fn statement(&mut self, value: &Value) -> Option<Statement> {
        let members = self.object(value, "a statement", &STATEMENT_MEMBERS)?;
        if members.contains_key(PRINCIPAL) {
            self.inside(Step::Member(PRINCIPAL.to_owned()), |reader| {
                reader.mistake(
                    "a permission set's policy has no `Principal`: it is about whoever uses the permission set",
                    Some("leave it out"),
                );
            });
        }
        // Tools write an empty one, and AWS has been seen to take it; that it stands for none is not verified.
        let is_none = members.get("Sid").and_then(Value::as_str) == Some("");
        let sid = if is_none {
            None
        } else {
            self.member(members, "Sid", |reader, value| {
                let sid = reader.text(value)?;
                if sid.chars().any(|letter| !letter.is_ascii_alphanumeric()) {
                    reader.mistake("a `Sid` has letters and digits only", None);
                    return None;
                }
                Some(sid)
            })
        };
        let effect = self.member(members, "Effect", |reader, value| match value.as_str() {
            Some("Allow") => Some(Effect::Allow),
            Some("Deny") => Some(Effect::Deny),
            Some(_) | None => {
                reader.mistake("an `Effect` is `Allow` or `Deny`", None);
                None
            }
        });
        if effect.is_none() {
            self.mistake("a statement has an `Effect`, `Allow` or `Deny`", None);
        }
        let actions = self.matched(members, "Action", "NotAction", action_mistake);
        let resources = self.matched(members, "Resource", "NotResource", resource_mistake);
        let conditions = self.member(members, "Condition", Self::conditions);
        Some(Statement {
            sid: sid.map_or(Some(None), |sid| sid.map(Some))?,
            effect: effect??,
            actions: actions?,
            resources: resources?,
            conditions: conditions.unwrap_or(Some(BTreeMap::new()))?,
        })
    }

    fn matched(
        &mut self,
        members: &Map<String, Value>,
        plain: &str,
        negated: &str,
        mistake: fn(&str) -> Option<&'static str>,
    ) -> Option<Matched> {
        let (name, all_but) = match (members.contains_key(plain), members.contains_key(negated)) {
            (true, false) => (plain, false),
            (false, true) => (negated, true),
            (true, true) | (false, false) => {
                self.mistake(format!("a statement has either `{plain}` or `{negated}`"), None);
                return None;
            }
        };
        let texts = self.member(members, name, |reader, value| {
            reader.one_or_more(value, |reader, value| {
                let text = reader.text(value)?;
                if let Some(wrong) = mistake(&text) {
                    reader.mistake(format!("`{}` {wrong}", short(&text)), None);
                    return None;
                }
                Some(text)
            })
        });
        Some(Matched { all_but, patterns: texts?? })
    }

    fn conditions(&mut self, value: &Value) -> Option<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> {
        let Some(operators) = value.as_object() else {
            self.mistake("a `Condition` is a map of operators, such as `StringEquals`", None);
            return None;
        };
        let mut read = BTreeMap::new();
        let mut complete = true;
        for (operator, keys) in operators {
            self.inside(Step::Member(operator.clone()), |reader| {
                if !is_operator(operator) {
                    let near = near_operator(operator).map(|near| format!("did you mean `{near}`?"));
                    let message = format!("there is no condition operator `{}`", short(operator));
                    reader.mistake(message, near.as_deref());
                    complete = false;
                } else if let Some(keys) = reader.condition_keys(keys) {
                    read.insert(operator.clone(), keys);
                } else {
                    complete = false;
                }
            });
        }
        complete.then_some(read)
    }

    fn condition_keys(&mut self, value: &Value) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let Some(keys) = value.as_object().filter(|keys| !keys.is_empty()) else {
            self.mistake(
                "a condition is a map of keys with their values, such as `aws:PrincipalTag/Team: web`",
                None,
            );
            return None;
        };
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut complete = true;
        for (key, values) in keys {
            let values = self.inside(Step::Member(key.clone()), |reader| {
                // Keys are not told apart by their case, and two conditions on one key would both have to hold.
                if read.keys().any(|other| other.eq_ignore_ascii_case(key)) {
                    reader.mistake(format!("the key `{}` stands here twice", short(key)), None);
                    return None;
                }
                reader.one_or_more(values, |reader, value| match value {
                    Value::String(text) => Some(text.clone()),
                    Value::Bool(yes) => Some(yes.to_string()),
                    Value::Number(number) => Some(number.to_string()),
                    Value::Null | Value::Array(_) | Value::Object(_) => {
                        reader.mistake("a condition's value is a text", None);
                        None
                    }
                })
            });
            match values {
                Some(values) => _ = read.insert(key.clone(), values),
                None => complete = false,
            }
        }
        complete.then_some(read)
    }

    fn text(&mut self, value: &Value) -> Option<String> {
        let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.mistake("this is a text", None);
        }
        text
    }

    fn one_or_more(
        &mut self,
        value: &Value,
        mut read: impl FnMut(&mut Self, &Value) -> Option<String>,
    ) -> Option<BTreeSet<String>> {
        let Value::Array(items) = value else { return read(self, value).map(|one| [one].into()) };
        if items.is_empty() {
            self.mistake("an empty list", Some("list at least one"));
            return None;
        }
        let items: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(number, item)| self.inside(Step::Item(number), |reader| read(reader, item)))
            .collect();
        items.into_iter().collect()
    }

    /// Whether AWS takes it by its size and its characters.
    fn fits(&mut self, policy: &Policy) {
        let json = policy.to_json();
        let characters = counted(&json);
        if characters > MOST_CHARACTERS {
            self.mistake(
                format!("the policy has {characters} characters without white space; an inline policy has at most {MOST_CHARACTERS}"),
                Some("put part of it into a customer managed policy, and name that under `customer_managed_policies`"),
            );
        } else if json.len() > MOST_BYTES {
            let bytes = json.len();
            self.mistake(
                format!("the policy has {bytes} bytes; an inline policy has at most {MOST_BYTES}"),
                None,
            );
        }
    }
}

/// `*`, or a service, a colon and the name of an action with wildcards.
fn action_mistake(action: &str) -> Option<&'static str> {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '*' | '?'))
    };
    let is_action =
        action == "*" || action.split_once(':').is_some_and(|(service, name)| plain(service) && plain(name));
    (!is_action).then_some(
        "is no action: it is `*`, or has a service before it, such as `s3:GetObject` or `ec2:Describe*`",
    )
}

/// `*`, or an ARN with wildcards and variables, which may stand for several of its six parts.
fn resource_mistake(resource: &str) -> Option<&'static str> {
    let is_whole = |arn: &str| arn.split(':').count() >= 6 || arn.contains(['*', '?']) || arn.contains("${");
    let is_resource = resource == "*" || resource.starts_with("arn:") && is_whole(resource);
    (!is_resource).then_some("is no resource: it is `*` or an ARN, such as `arn:aws:s3:::bucket/*`")
}

fn is_operator(operator: &str) -> bool {
    let bare = operator
        .strip_prefix("ForAllValues:")
        .or_else(|| operator.strip_prefix("ForAnyValue:"))
        .unwrap_or(operator);
    let known = |operator: &str| OPERATORS.contains(&operator);
    known(bare) || bare.strip_suffix("IfExists").is_some_and(|bare| bare != "Null" && known(bare))
}

fn near_operator(operator: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&operator.to_lowercase(), &known.to_lowercase());
    if operator.len() > 64 {
        return None;
    }
    OPERATORS
        .into_iter()
        .map(|known| (distance(known), known))
        .min()
        .filter(|(far, _)| *far <= 3)
        .map(|(_, it)| it)
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}
