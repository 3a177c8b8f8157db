//! How a permission set differs from what is declared, as people read it.

use super::{Details, Inline, plan::is_of_aws};
use crate::{
    policy::{self, Policy, StatementDiff},
    rules::SetContent,
};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// One value takes the place of another.
    Value { what: &'static str, from: Option<String>, to: Option<String> },
    /// Some are added to a list, or removed from it.
    List { what: &'static str, removed: Vec<String>, added: Vec<String> },
    /// The inline policy, statement by statement.
    InlinePolicy { statements: Vec<StatementDiff> },
    /// An inline policy that can't be read is replaced or deleted.
    OddInlinePolicy { text: String },
}

/// How a set, if there is one, differs from its declaration.
pub fn differences(actual: Option<&Details>, content: &SetContent) -> Vec<Difference> {
    let SetContent {
        description,
        session_duration,
        relay_state,
        aws_managed,
        customer_managed,
        inline,
        boundary,
        tags,
    } = content;
    let mut all = Vec::new();
    let mut value = |what, from: Option<String>, to: Option<String>| {
        if from != to {
            all.push(Difference::Value { what, from, to });
        }
    };
    let old = |of: fn(&Details) -> Option<String>| actual.and_then(of);
    let stays = |new: &Option<String>, old: Option<String>| new.clone().or(old);
    let before = old(|it| it.description.clone());
    value("description", before.clone(), stays(description, before));
    let unreadable = || Some("another".to_owned());
    let before = old(|it| it.session_duration.map(|duration| duration.to_string()));
    let before = if actual.is_some() { before.or_else(unreadable) } else { None };
    value("session_duration", before, Some(session_duration.to_string()));
    let before = old(|it| it.relay_state.clone());
    value("relay_state", before.clone(), stays(relay_state, before));
    let before = old(|it| it.boundary.as_ref().map(ToString::to_string));
    value("permissions_boundary", before, boundary.as_ref().map(ToString::to_string));

    let mut list = |what, from: Vec<String>, to: Vec<String>| {
        let removed: Vec<String> = from.iter().filter(|one| !to.contains(one)).cloned().collect();
        let added: Vec<String> = to.iter().filter(|one| !from.contains(one)).cloned().collect();
        if !removed.is_empty() || !added.is_empty() {
            all.push(Difference::List { what, removed, added });
        }
    };
    let before = actual.map(|it| texts(&it.aws_managed)).unwrap_or_default();
    list("aws_managed_policies", before, texts(aws_managed));
    let before = actual.map(|it| texts(&it.customer_managed)).unwrap_or_default();
    list("customer_managed_policies", before, texts(customer_managed));
    let before = actual.map(|it| pairs(&it.tags)).unwrap_or_default();
    list("tags", before, pairs(tags));

    let there = actual.and_then(|actual| actual.inline.as_ref());
    if let Some(Inline::Odd(text)) = there {
        all.push(Difference::OddInlinePolicy { text: text.clone() });
    }
    let there: Option<&Policy> = there.and_then(Inline::policy);
    let statements = policy::diff(there, inline.as_ref());
    if !statements.is_empty() {
        all.push(Difference::InlinePolicy { statements });
    }
    all
}

fn pairs(tags: &crate::domain::Tags) -> Vec<String> {
    tags.iter().filter(|(key, _)| !is_of_aws(key)).map(|(key, value)| format!("{key}={value}")).collect()
}

fn texts<'a, T: ToString + 'a>(items: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    items.into_iter().map(ToString::to_string).collect()
}
