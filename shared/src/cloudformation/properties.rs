//! The properties of a resource, read one by one: what is wrong with one is told at its place, and the others are read all the same.

use std::str::FromStr;

use serde_json::Value as Json;

use super::{
    evaluate::{Came, Scope, Unfollowed},
    tree::Node,
};
use crate::{
    domain::{CustomerManagedPolicy, InvalidId, PermissionsBoundary, Tags},
    policy::{self, Policy},
    rules::diagnostic::Report,
};

/// A resource's properties, and what is wrong with them.
pub(super) struct Properties<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) node: &'a Node,
    pub(super) reports: &'a mut Vec<Report>,
}

/// Stands for what has been reported.
pub(super) struct Reported;

type Read<T> = Result<T, Reported>;

impl Properties<'_> {
    pub(super) fn refuse_unknown(&mut self, kind: &str, known: &[&str]) {
        for entry in self.node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let why = format!("{kind} has no property `{}` that Usher knows of", entry.key);
            self.reports.push(Report::at(entry.span, why).label("passed over"));
        }
    }

    /// What a property comes to; `None` if it isn't there.
    fn came(&mut self, key: &str) -> Read<Option<(Came, &Node)>> {
        let Some(node) = self.node.get(key) else { return Ok(None) };
        match self.scope.follow(node) {
            Ok(Came::Nothing) => Ok(None),
            Ok(came) => Ok(Some((came, node))),
            Err(unfollowed) => {
                self.reports.push(unfollowed.report());
                Err(Reported)
            }
        }
    }

    fn wrong(&mut self, node: &Node, why: impl Into<String>) -> Reported {
        self.reports.push(Report::at(node.span, why).label("not imported"));
        Reported
    }

    /// The same of a property by its name, or of all of them where it is missing.
    pub(super) fn wrong_at(&mut self, key: &str, why: impl Into<String>) -> Reported {
        let span = self.node.get(key).map_or(self.node.span, |node| node.span);
        self.reports.push(Report::at(span, why).label("not imported"));
        Reported
    }

    pub(super) fn text(&mut self, key: &str) -> Read<Option<String>> {
        let node = self.node.get(key).cloned();
        match (self.came(key)?.map(|(came, _)| came), node) {
            (Some(Came::Text { text, .. }), _) => Ok(Some(text)),
            (Some(_), Some(node)) => Err(self.wrong(&node, format!("`{key}` comes to no text"))),
            (None, _) | (_, None) => Ok(None),
        }
    }

    pub(super) fn required(&mut self, key: &str) -> Read<Came> {
        let node = self.node.clone();
        match self.came(key)? {
            Some((came, _)) => Ok(came),
            None => Err(self.wrong(&node, format!("`{key}` is missing"))),
        }
    }

    pub(super) fn required_text(&mut self, key: &str) -> Read<String> {
        let node = self.node.clone();
        match self.text(key)? {
            Some(text) => Ok(text),
            None => Err(self.wrong(&node, format!("`{key}` is missing"))),
        }
    }

    /// A text that is an id, or another text of a certain form.
    pub(super) fn parsed<T: FromStr<Err = InvalidId>>(&mut self, key: &str) -> Read<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let node = self.node.get(key).cloned();
        match (text.parse(), node) {
            (Ok(it), _) => Ok(Some(it)),
            (Err(error), Some(node)) => Err(self.wrong(&node, error.to_string())),
            (Err(_), None) => Err(Reported),
        }
    }

    pub(super) fn required_id<T: FromStr<Err = InvalidId>>(&mut self, key: &str) -> Read<T> {
        let node = self.node.clone();
        match self.parsed(key)? {
            Some(it) => Ok(it),
            None => Err(self.wrong(&node, format!("`{key}` is missing"))),
        }
    }

    /// A list, each item read by itself.
    pub(super) fn list<T>(&mut self, key: &str, read: impl Fn(&Came) -> Result<T, String>) -> Read<Vec<T>> {
        let node = self.node.get(key).cloned();
        let (Some((came, _)), Some(node)) = (self.came(key)?, node) else { return Ok(Vec::new()) };
        let items = match came {
            Came::List(items) => items,
            Came::Text { .. } | Came::Map(_) | Came::SetArn(_) | Came::Nothing => {
                return Err(self.wrong(&node, format!("`{key}` comes to no list")));
            }
        };
        let mut all = Vec::new();
        for item in &items {
            match read(item) {
                Ok(it) => all.push(it),
                Err(why) => return Err(self.wrong(&node, why)),
            }
        }
        Ok(all)
    }

    pub(super) fn tags(&mut self) -> Read<Tags> {
        let pairs = self.list("Tags", |tag| {
            let both = member(tag, "Key").zip(member(tag, "Value"));
            both.ok_or_else(|| "a tag has a `Key` and a `Value`".to_owned())
        })?;
        Ok(pairs.into_iter().collect())
    }

    pub(super) fn boundary(&mut self) -> Read<Option<PermissionsBoundary>> {
        let key = "PermissionsBoundary";
        let node = self.node.get(key).cloned();
        let (Some((came, _)), Some(node)) = (self.came(key)?, node) else { return Ok(None) };
        if let Some(arn) = member(&came, "ManagedPolicyArn") {
            return match arn.parse() {
                Ok(arn) => Ok(Some(PermissionsBoundary::AwsManaged(arn))),
                Err(error) => Err(self.wrong(&node, error.to_string())),
            };
        }
        let inner = match &came {
            Came::Map(members) => {
                members.iter().find(|(name, _)| name == "CustomerManagedPolicyReference").map(|(_, it)| it)
            }
            Came::Text { .. } | Came::List(_) | Came::SetArn(_) | Came::Nothing => None,
        };
        match inner.map(customer_managed) {
            Some(Ok(policy)) => Ok(Some(PermissionsBoundary::CustomerManaged(policy))),
            Some(Err(why)) => Err(self.wrong(&node, why)),
            None => Err(self.wrong(&node, "a permissions boundary names one policy")),
        }
    }

    /// A policy, as a map or as JSON in a text.
    pub(super) fn policy(&mut self) -> Read<Option<Policy>> {
        let key = "InlinePolicy";
        let node = self.node.get(key).cloned();
        let (Some((came, _)), Some(node)) = (self.came(key)?, node) else { return Ok(None) };
        let json = match &came {
            Came::Text { text, .. } => match serde_json::from_str(text) {
                Ok(json) => json,
                Err(error) => return Err(self.wrong(&node, format!("the policy is no JSON: {error}"))),
            },
            Came::List(_) | Came::Map(_) | Came::SetArn(_) | Came::Nothing => match json(&came, &node) {
                Ok(json) => json,
                Err(unfollowed) => {
                    self.reports.push(unfollowed.report());
                    return Err(Reported);
                }
            },
        };
        match policy::read(&json) {
            Ok(policy) => Ok(Some(policy)),
            Err(mistakes) => {
                for mistake in mistakes {
                    self.wrong(&node, mistake.message);
                }
                Err(Reported)
            }
        }
    }
}

/// A member of a map, if it is a text.
fn member(came: &Came, key: &str) -> Option<String> {
    match came {
        Came::Map(members) => members.iter().find(|(name, _)| name == key).and_then(|(_, value)| word(value)),
        Came::Text { .. } | Came::List(_) | Came::SetArn(_) | Came::Nothing => None,
    }
}

pub(super) fn word(came: &Came) -> Option<String> {
    match came {
        Came::Text { text, .. } => Some(text.clone()),
        Came::List(_) | Came::Map(_) | Came::SetArn(_) | Came::Nothing => None,
    }
}

pub(super) fn customer_managed(came: &Came) -> Result<CustomerManagedPolicy, String> {
    let name = member(came, "Name").ok_or_else(|| "a customer managed policy has a `Name`".to_owned())?;
    let policy = CustomerManagedPolicy { name, path: member(came, "Path").unwrap_or_else(|| "/".to_owned()) };
    policy.mistake().map_or(Ok(policy), |mistake| Err(mistake.to_owned()))
}

/// The same as JSON.
fn json(came: &Came, node: &Node) -> Result<Json, Unfollowed> {
    Ok(match came {
        Came::Text { text, plain: true } if text == "true" => Json::Bool(true),
        Came::Text { text, plain: true } if text == "false" => Json::Bool(false),
        Came::Text { text, plain } => {
            let number = text.parse().ok().filter(|_| *plain).map(Json::Number);
            number.unwrap_or_else(|| Json::String(text.clone()))
        }
        Came::List(items) => {
            Json::Array(items.iter().map(|item| json(item, node)).collect::<Result<_, _>>()?)
        }
        Came::Map(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), json(value, node)?)));
            Json::Object(members.collect::<Result<_, _>>()?)
        }
        Came::SetArn(_) | Came::Nothing => {
            return Err(Unfollowed::at(
                node.span,
                "what stands in this policy is known to CloudFormation only",
            ));
        }
    })
}
