//! Where two policies differ, statement by statement: never as text, whose order means nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Policy, Statement, Version};

/// How two policies differ in one statement, or in what is outside of statements.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StatementDiff {
    pub kind: Kind,
    /// The statement's `Sid`, or what it is about in a few words; empty for what is outside of statements.
    pub statement: String,
    pub parts: Vec<Part>,
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Added,
    Removed,
    Changed,
}

/// What is added to or removed from one part of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Part {
    /// Such as `Action`, or `Condition StringEquals aws:PrincipalTag/Team`.
    pub part: String,
    pub removed: Vec<String>,
    pub added: Vec<String>,
}

/// How to come from one policy to the other; nothing if both say the same. Either may be absent.
pub fn diff(from: Option<&Policy>, to: Option<&Policy>) -> Vec<StatementDiff> {
    let mut all = Vec::new();
    let outside = outside(from, to);
    if !outside.is_empty() {
        all.push(StatementDiff { kind: Kind::Changed, statement: String::new(), parts: outside });
    }
    let statements = |policy: Option<&Policy>| policy.map(|it| it.statements.clone()).unwrap_or_default();
    let (mut before, mut after) = (statements(from), statements(to));
    // What says the same is nothing to tell of.
    after.retain(|new| {
        let same = before.iter().position(|old| old.plain() == new.plain());
        same.map(|at| before.remove(at)).is_none()
    });
    let same_sid = |old: &Statement, new: &Statement| old.sid.is_some() && old.sid == new.sid;
    let alike = |old: &Statement, new: &Statement| {
        let (old, new) = (old.plain(), new.plain());
        let both_named = old.sid.is_some() && new.sid.is_some();
        let same_rest = old.resources == new.resources && old.conditions == new.conditions;
        !both_named && old.effect == new.effect && (old.actions == new.actions || same_rest)
    };
    let mut changed = Vec::new();
    let mut pair_up = |is_pair: &dyn Fn(&Statement, &Statement) -> bool| {
        after.retain(|new| {
            let Some(at) = before.iter().position(|old| is_pair(old, new)) else { return true };
            changed.push((before.remove(at), new.clone()));
            false
        });
    };
    pair_up(&same_sid);
    pair_up(&alike);
    all.extend(before.iter().map(|old| whole(old, Kind::Removed)));
    all.extend(changed.iter().map(|(old, new)| StatementDiff {
        kind: Kind::Changed,
        statement: label(new),
        parts: parts(Some(old), Some(new)),
    }));
    all.extend(after.iter().map(|new| whole(new, Kind::Added)));
    all
}

fn whole(statement: &Statement, kind: Kind) -> StatementDiff {
    let parts = match kind {
        Kind::Removed => parts(Some(statement), None),
        Kind::Added | Kind::Changed => parts(None, Some(statement)),
    };
    StatementDiff { kind, statement: label(statement), parts }
}

/// The `Sid`, or what the statement is about.
fn label(statement: &Statement) -> String {
    if let Some(sid) = &statement.sid {
        return sid.clone();
    }
    let first = statement.actions.patterns.first().map_or("", String::as_str);
    let more = if statement.actions.patterns.len() > 1 { ", …" } else { "" };
    let but = if statement.actions.all_but { "all but " } else { "" };
    format!("{} {but}{first}{more}", statement.effect.as_str())
}

fn outside(from: Option<&Policy>, to: Option<&Policy>) -> Vec<Part> {
    let version = |policy: &Policy| policy.version.unwrap_or(Version::Of2008).as_str().to_owned();
    // A policy that comes or goes does so with its version, which is nothing to tell of.
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    let mut parts = Vec::new();
    for (part, before, after) in
        [("Version", Some(version(from)), Some(version(to))), ("Id", from.id.clone(), to.id.clone())]
    {
        if before != after {
            parts.push(Part {
                part: part.to_owned(),
                removed: before.into_iter().collect(),
                added: after.into_iter().collect(),
            });
        }
    }
    parts
}

/// A statement's values by the part that they are in.
fn values(statement: &Statement) -> BTreeMap<String, BTreeSet<String>> {
    let Statement { sid, effect, actions, resources, conditions } = statement;
    let mut values = BTreeMap::new();
    if let Some(sid) = sid {
        values.insert("Sid".to_owned(), [sid.clone()].into());
    }
    values.insert("Effect".to_owned(), [effect.as_str().to_owned()].into());
    values.insert(statement.actions_member().to_owned(), actions.patterns.clone());
    values.insert(statement.resources_member().to_owned(), resources.patterns.clone());
    for (operator, keys) in conditions {
        for (key, of_key) in keys {
            values.insert(format!("Condition {operator} {key}"), of_key.clone());
        }
    }
    values
}

fn parts(from: Option<&Statement>, to: Option<&Statement>) -> Vec<Part> {
    let (before, after) = (from.map(values).unwrap_or_default(), to.map(values).unwrap_or_default());
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    names
        .into_iter()
        .filter(|name| from.is_some() && to.is_some() || name.as_str() != "Sid")
        .filter_map(|name| {
            let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
            let removed: Vec<String> = old.difference(new).cloned().collect();
            let added: Vec<String> = new.difference(old).cloned().collect();
            let differs = !removed.is_empty() || !added.is_empty();
            differs.then(|| Part { part: name.clone(), removed, added })
        })
        .collect()
}
