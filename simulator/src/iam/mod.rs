//! IAM's identity-based policies: what their documents say, and what they allow. Pure: a document and a request in, a decision out.
//!
//! The language is that of the IAM user guide's "policy elements reference" as far as access to Identity Center and Organizations
//! needs it. What is not evaluated is refused when the document is read, with its place, so that no statement is ever passed over in
//! silence.

mod condition;
pub(crate) mod grammar;
mod pattern;
mod read;
mod trust;

use std::collections::BTreeMap;

pub use read::{PolicyError, Step};
pub use trust::TrustPolicy;
pub(crate) use trust::{Named, Principal};

use condition::Condition;
use pattern::Pattern;

/// A policy document that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The document as it was written.
    source: serde_json::Value,
    statements: Vec<Statement>,
}

impl Policy {
    /// The document as it was written.
    pub fn source(&self) -> &serde_json::Value {
        &self.source
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    sid: Option<String>,
    effect: Effect,
    actions: Matcher<Pattern>,
    resources: Matcher<Vec<Pattern>>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Matcher<P> {
    AnyOf(Vec<P>),
    NoneOf(Vec<P>),
}

impl<P> Matcher<P> {
    fn holds(&self, matches: impl FnMut(&P) -> bool) -> bool {
        match self {
            Self::AnyOf(patterns) => patterns.iter().any(matches),
            Self::NoneOf(patterns) => !patterns.iter().any(matches),
        }
    }
}

/// One thing that somebody wants to do to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The action, such as `sso:CreateAccountAssignment`.
    pub action: &'a str,
    /// The resource's ARN; `*` for an action that is on no resource.
    pub resource: &'a str,
    /// What is known about the request.
    pub context: &'a Context,
}

/// The keys that conditions and policy variables read. Their names don't differ by case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Adds a key with its values; a key with no values counts as absent.
    pub fn with(mut self, key: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    fn get(&self, key: &str) -> &[String] {
        self.0.get(&key.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The one value of a key; what has several can't stand for a policy variable.
    fn single(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            [value] => Some(value),
            [] | [_, _, ..] => None,
        }
    }
}

/// What policies say to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it, whatever others allow; its `Sid`, if it has one.
    ExplicitlyDenied(Option<String>),
    /// No statement allows it.
    ImplicitlyDenied,
}

/// Evaluates all of a caller's policies together, as IAM does within one account: an explicit deny wins, and what nothing allows is denied.
pub fn decide<'p>(policies: impl IntoIterator<Item = &'p Policy>, request: &Request<'_>) -> Decision {
    let mut allowed = false;
    for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
        if !statement.applies(request) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Decision::ExplicitlyDenied(statement.sid.clone()),
            Effect::Allow => allowed = true,
        }
    }
    if allowed { Decision::Allowed } else { Decision::ImplicitlyDenied }
}

impl Statement {
    fn applies(&self, request: &Request<'_>) -> bool {
        let Request { action, resource, context } = request;
        // Actions don't differ by case, resources do.
        let action = action.to_lowercase();
        self.actions.holds(|pattern| pattern.matches(&action, context))
            && self.resources.holds(|pattern| pattern::matches_arn(pattern, resource, context))
            && self.conditions.iter().all(|condition| condition.holds(self.effect, context))
    }
}

#[cfg(test)]
mod tests;
