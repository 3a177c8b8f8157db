//! What a role holds, what its function has asked for, and where the two differ.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::iam::{Context, Decision, Policy, Request, decide};

use crate::lambda::calls::Asked;

/// The statements of a role.
#[derive(Debug, Clone)]
pub(super) struct Held(pub(super) Vec<Value>);

/// A part of a statement that allows: taken by itself it has to be of use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    pub(super) sid: String,
    pub(super) part: Part,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Action(String),
    /// By its number: what it comes to differs from stack to stack.
    Resource(usize),
    /// What partition keys begin with.
    LeadingKey(String),
}

/// One text, or several.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(several) => several.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            one.as_str().map(str::to_owned).into_iter().collect()
        }
    }
}

const LEADING_KEYS: [&str; 3] = ["Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys"];

fn leading_keys(statement: &Value) -> Vec<String> {
    texts(LEADING_KEYS.iter().fold(statement, |value, member| &value[*member]))
}

fn policy(statements: &[Value]) -> Policy {
    Policy::read(&json!({ "Version": "2012-10-17", "Statement": statements })).unwrap()
}

/// Whether it is allowed; of several actions that stand for the same, any does.
fn allows(policy: &Policy, asked: &Asked) -> bool {
    let mut context =
        Context::default().with("aws:ViaAWSService", ["false"]).with("aws:SecureTransport", ["true"]);
    for (key, values) in &asked.keys {
        context = context.with(key, values.iter().cloned());
    }
    let allowed = |action: &String| {
        let request = Request { action, resource: &asked.resource, context: &context };
        decide([policy], &request) == Decision::Allowed
    };
    asked.actions.iter().any(allowed)
}

impl Held {
    fn allowing(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|statement| statement["Effect"] == "Allow")
    }

    /// The actions that it allows, on whatever.
    pub(super) fn actions(&self) -> BTreeSet<String> {
        self.allowing().flat_map(|statement| texts(&statement["Action"])).collect()
    }

    /// The actions of one of its statements.
    pub(super) fn actions_of(&self, sid: &str) -> Vec<String> {
        self.allowing().filter(|it| it["Sid"] == sid).flat_map(|it| texts(&it["Action"])).collect()
    }

    /// What a part of it says.
    pub(super) fn text(&self, Grant { sid, part }: &Grant) -> String {
        match part {
            Part::Action(text) | Part::LeadingKey(text) => text.clone(),
            Part::Resource(number) => {
                let of_statement = |it: &Value| texts(&it["Resource"]).get(*number).cloned();
                self.allowing().filter(|it| it["Sid"] == **sid).find_map(of_statement).unwrap_or_default()
            }
        }
    }

    /// What was asked and is not allowed.
    pub(super) fn lacks<'a>(&self, asked: &'a BTreeSet<Asked>) -> Vec<&'a Asked> {
        let policy = policy(&self.0);
        asked.iter().filter(|asked| !allows(&policy, asked)).collect()
    }

    /// The parts of it, each with a policy that allows no more than this part.
    fn parts(&self) -> Vec<(Grant, Policy)> {
        let mut parts = Vec::new();
        for statement in self.allowing() {
            let sid = statement["Sid"].as_str().unwrap().to_owned();
            let mut add = |part: Part, change: &dyn Fn(&mut Value)| {
                let mut alone = statement.clone();
                change(&mut alone);
                parts.push((Grant { sid: sid.clone(), part }, policy(&[alone])));
            };
            for action in texts(&statement["Action"]) {
                add(Part::Action(action.clone()), &|it| it["Action"] = json!(action));
            }
            for (number, resource) in texts(&statement["Resource"]).iter().enumerate() {
                add(Part::Resource(number), &|it| it["Resource"] = json!(resource));
            }
            for key in leading_keys(statement) {
                let [condition, operator, name] = LEADING_KEYS;
                add(Part::LeadingKey(key.clone()), &|it| it[condition][operator][name] = json!([key]));
            }
        }
        parts
    }

    /// All that it grants.
    pub(super) fn grants(&self) -> BTreeSet<Grant> {
        self.parts().into_iter().map(|(grant, _)| grant).collect()
    }

    /// What of it something that was asked has needed.
    pub(super) fn used(&self, asked: &BTreeSet<Asked>) -> BTreeSet<Grant> {
        let parts = self.parts().into_iter();
        parts
            .filter(|(_, policy)| asked.iter().any(|asked| allows(policy, asked)))
            .map(|(grant, _)| grant)
            .collect()
    }
}
