//! Reads the permission sets that a document declares: `permission_sets`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    diagnostic::{Report, Span},
    node::{self, Entry, Kind, Node, Value},
    policy_files::{PolicyFiles, is_path},
    read_selector::{all, only, plain_permission_set_name},
    reader::{Fields, Reader, shorten},
    rule_set::{DeclaredSet, Rule, SetContent, Wanted},
    selector::PermissionSetSelector,
};
use crate::{
    domain::{CustomerManagedPolicy, ManagedPolicyArn, PermissionsBoundary, SessionDuration, Tags},
    policy::{self, Mistake, Policy, Step},
};

pub(super) const DECLARED_SET_KEYS: [&str; 11] = [
    "name",
    "description",
    "session_duration",
    "relay_state",
    AWS_MANAGED,
    CUSTOMER_MANAGED,
    "inline_policy",
    "permissions_boundary",
    "tags",
    "adopt",
    "delete",
];
pub(super) const CUSTOMER_MANAGED_KEYS: [&str; 2] = ["name", "path"];
pub(super) const BOUNDARY_KEYS: [&str; 2] = ["aws_managed_policy", "customer_managed_policy"];
pub(super) const POLICY_FILE_KEYS: [&str; 1] = ["file"];

const AWS_MANAGED: &str = "aws_managed_policies";
const CUSTOMER_MANAGED: &str = "customer_managed_policies";

/// Policies of both kinds that a permission set may have (Identity Center user guide, "Quotas").
const MOST_POLICIES: usize = 25;

/// Usher needs one of the 50 tags that AWS allows for itself, while it makes a permission set.
const MOST_TAGS: usize = 49;

/// What begins the keys of tags that are Usher's own.
const OWN_TAGS: &str = "usher:";

/// More than an instance can hold.
const MOST_SETS: usize = 3_500;

pub(super) type Declared = Vec<(DeclaredSet, Span)>;

/// Reads `permission_sets` of one file.
pub(super) fn declared(reader: &mut Reader, node: &Node, files: &mut PolicyFiles<'_>) -> Option<Declared> {
    let items = reader.list(node, "a list of permission sets, each with its `name`")?;
    let sets: Vec<_> = items.iter().map(|item| declared_set(reader, item, files)).collect();
    sets.into_iter().collect()
}

/// The sets of all files, ordered by name: one declared twice is refused, and one that is to be deleted and that a rule gives.
pub(super) fn unique(reader: &mut Reader, sets: Declared, rules: &[Rule]) -> Vec<DeclaredSet> {
    let mut taken: BTreeMap<String, (DeclaredSet, Span)> = BTreeMap::new();
    for (set, span) in sets {
        let Some((_, first)) = taken.get(&set.name) else {
            if set.wanted == Wanted::Gone {
                is_not_given(reader, &set.name, span, rules);
            }
            taken.insert(set.name.clone(), (set, span));
            continue;
        };
        let elsewhere = if first.file == span.file {
            String::new()
        } else {
            format!("; the first time at {}", reader.written_at(*first))
        };
        reader.report(
            Report::at(span, format!("the permission set `{}` is declared twice{elsewhere}", set.name))
                .label("again here")
                .help("a permission set is declared once, in one file")
                .also(*first, "first here"),
        );
    }
    if taken.len() > MOST_SETS
        && let Some((_, span)) = taken.values().last()
    {
        let message =
            format!("{} permission sets are declared; an instance has at most {MOST_SETS}", taken.len());
        reader.report(Report::at(*span, message).label("too many"));
    }
    taken.into_values().map(|(set, _)| set).collect()
}

fn is_not_given(reader: &mut Reader, name: &str, span: Span, rules: &[Rule]) {
    let gives = |rule: &&Rule| {
        rule.permission_sets.iter().any(|set| match set {
            PermissionSetSelector::Name(template) => template.as_plain() == Some(name),
            PermissionSetSelector::Arn(_) | PermissionSetSelector::Tagged(_) => false,
        })
    };
    if let Some(rule) = rules.iter().find(gives) {
        let message = format!(
            "the permission set `{name}` is to be deleted, and the rule `{}` at {} gives it",
            rule.id, rule.written_at
        );
        reader.report(Report::at(span, message).label("`delete: true` here").help(
            "take it out of the rule first: once that is in force and its assignments are gone, it is deleted",
        ));
    }
}

/// The set, and where its name is written.
fn declared_set(
    reader: &mut Reader,
    node: &Node,
    files: &mut PolicyFiles<'_>,
) -> Option<(DeclaredSet, Span)> {
    let what = "a permission set";
    let fields = reader.fields(node, what, &DECLARED_SET_KEYS)?;
    let name = reader
        .required(&fields, what, "name", "say what it is called: the name can't be changed later")
        .and_then(|node| Some((plain_permission_set_name(reader, node)?, node.span)));
    let adopt = is_true(reader, &fields, "adopt");
    let delete = is_true(reader, &fields, "delete");
    let wanted = if delete == Some(true) {
        let mut bare = true;
        for Entry { key, key_span, .. } in DECLARED_SET_KEYS.iter().filter_map(|key| fields.entry(key)) {
            if !["name", "adopt", "delete"].contains(&key.text.as_str()) {
                bare = false;
                let message = format!("a permission set that is to be deleted can't have `{}`", key.text);
                reader.report(
                    Report::at(*key_span, message)
                        .label("not with `delete: true`")
                        .help("leave all but `name` out, or take `delete` away"),
                );
            }
        }
        bare.then_some(Wanted::Gone)
    } else {
        content(reader, &fields, files).map(|content| Wanted::There(Box::new(content)))
    };
    delete?;
    let (name, span) = name?;
    let written_at = reader.written_at(node.span);
    Some((DeclaredSet { name, wanted: wanted?, adopt: adopt?, written_at }, span))
}

fn content(reader: &mut Reader, fields: &Fields<'_>, files: &mut PolicyFiles<'_>) -> Option<SetContent> {
    let description = optional(reader, fields, "description", description);
    let relay_state = optional(reader, fields, "relay_state", relay_state);
    let session_duration = optional(reader, fields, "session_duration", |reader, node| {
        let text = reader.text(node, "a session's duration, such as `PT4H`")?;
        reader.id::<SessionDuration>(text, node.span)
    });
    let aws_managed = optional(reader, fields, AWS_MANAGED, |reader, node| {
        let items =
            reader.list(node, "a list of ARNs, such as `[ arn:aws:iam::aws:policy/ReadOnlyAccess ]`")?;
        once_each(reader, items, managed_policy)
    });
    let customer_managed = optional(reader, fields, CUSTOMER_MANAGED, |reader, node| {
        let items = reader.list(node, "a list of policies' names, such as `[ Developers ]`")?;
        once_each(reader, items, customer_managed)
    });
    let inline = optional(reader, fields, "inline_policy", |reader, node| inline_policy(reader, node, files));
    let boundary = optional(reader, fields, "permissions_boundary", boundary);
    let tags = optional(reader, fields, "tags", tags);
    let (aws_managed, customer_managed) =
        (aws_managed.ok()?.unwrap_or_default(), customer_managed.ok()?.unwrap_or_default());
    let policies = aws_managed.len() + customer_managed.len();
    if policies > MOST_POLICIES
        && let Some(entry) = fields.entry(CUSTOMER_MANAGED).or_else(|| fields.entry(AWS_MANAGED))
    {
        let message = format!(
            "{policies} policies are attached; a permission set has at most {MOST_POLICIES}, AWS's own and the customer's together"
        );
        reader.report(Report::at(entry.key_span, message).label("too many"));
        return None;
    }
    Some(SetContent {
        description: description.ok()?,
        session_duration: session_duration.ok()?.unwrap_or_default(),
        relay_state: relay_state.ok()?,
        aws_managed,
        customer_managed,
        inline: inline.ok()?,
        boundary: boundary.ok()?,
        tags: tags.ok()?.unwrap_or_default(),
    })
}

/// Stands for what has been reported: it is there, or misspelt, and can't be read.
struct Reported;

/// What may be left out.
fn optional<T>(
    reader: &mut Reader,
    fields: &Fields<'_>,
    key: &str,
    read: impl FnOnce(&mut Reader, &Node) -> Option<T>,
) -> Result<Option<T>, Reported> {
    match fields.get(key) {
        None if fields.seem_to_have(key) => Err(Reported),
        None => Ok(None),
        Some(node) => read(reader, node).map(Some).ok_or(Reported),
    }
}

/// Whether something is said to be so; leaving it out says that it isn't.
fn is_true(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<bool> {
    optional(reader, fields, key, |reader, node| {
        let yes = match &node.value {
            Value::Text(text) if text.kind == Kind::Boolean => {
                match text.text.to_ascii_lowercase().as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                }
            }
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Invalid => None,
        };
        if yes.is_none() {
            reader.expected(node, "`true` or `false`");
        }
        yes
    })
    .ok()
    .map(Option::unwrap_or_default)
}

/// A set of things of which none is written twice.
fn once_each<T: Ord + std::fmt::Display>(
    reader: &mut Reader,
    items: &[Node],
    read: impl Fn(&mut Reader, &Node) -> Option<T>,
) -> Option<BTreeSet<T>> {
    let mut set = BTreeSet::new();
    let mut complete = true;
    for item in items {
        match read(reader, item) {
            Some(one) if set.contains(&one) => {
                reader.report(Report::at(item.span, format!("`{one}` is listed twice")).label("again here"));
                complete = false;
            }
            Some(one) => _ = set.insert(one),
            None => complete = false,
        }
    }
    complete.then_some(set)
}

/// Text within AWS's bounds.
fn bounded(
    reader: &mut Reader,
    node: &Node,
    what: &str,
    most: usize,
    allowed: impl Fn(char) -> bool,
) -> Option<String> {
    let text = reader.text(node, what)?;
    let length = text.chars().count();
    let wrong = if length > most {
        format!("{what} has at most {most} characters, and this has {length}")
    } else if let Some(odd) = text.chars().find(|letter| !allowed(*letter)) {
        format!("{what} can't have the character {odd:?}")
    } else {
        return Some(text.to_owned());
    };
    reader.report(Report::at(node.span, wrong).label("AWS would refuse this"));
    None
}

/// (`CreatePermissionSet`, API reference.)
fn description(reader: &mut Reader, node: &Node) -> Option<String> {
    let allowed = |letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    bounded(reader, node, "a description", 700, allowed)
}

/// (`CreatePermissionSet`, API reference.)
fn relay_state(reader: &mut Reader, node: &Node) -> Option<String> {
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || "&$@#\\/%?=~-_'\"|!:,.;*+[] (){}".contains(letter);
    bounded(reader, node, "a relay state", 240, allowed)
}

fn managed_policy(reader: &mut Reader, node: &Node) -> Option<ManagedPolicyArn> {
    let text = reader.text(node, "the ARN of an AWS managed policy")?;
    let policy = text.parse();
    if policy.is_err() {
        let help = if text.contains(":policy/") {
            format!("a policy of an account's own goes under `{CUSTOMER_MANAGED}`, by its name")
        } else {
            format!("write it out: arn:aws:iam::aws:policy/{}", shorten(text.trim_start_matches('/')))
        };
        let message = format!("`{}` is not the ARN of an AWS managed policy", shorten(text));
        reader.report(Report::at(node.span, message).label("not of this form").help(help));
    }
    policy.ok()
}

fn customer_managed(reader: &mut Reader, node: &Node) -> Option<CustomerManagedPolicy> {
    let what = "a customer managed policy";
    let (name, path) = if let Value::Text(_) = node.value {
        (Some(node), Some("/"))
    } else {
        let fields = reader.fields(node, what, &CUSTOMER_MANAGED_KEYS)?;
        let name = reader.required(&fields, what, "name", "say the policy's name, without its path");
        let path = match fields.get("path") {
            None if fields.seem_to_have("path") => None,
            None => Some("/"),
            Some(node) => reader.text(node, "a policy's path, such as `/teams/`"),
        };
        (name, path)
    };
    let name = reader.text(name?, "a policy's name")?;
    let policy = CustomerManagedPolicy { path: path?.to_owned(), name: name.to_owned() };
    if let Some(mistake) = policy.mistake() {
        let message = format!("no customer managed policy can be `{}`", shorten(&policy.to_string()));
        reader.report(Report::at(node.span, message).label("not a policy's name").help(mistake));
        return None;
    }
    Some(policy)
}

fn boundary(reader: &mut Reader, node: &Node) -> Option<PermissionsBoundary> {
    let (key, value) = only(reader, node, "a permissions boundary", &BOUNDARY_KEYS)?;
    Some(match key {
        "aws_managed_policy" => PermissionsBoundary::AwsManaged(managed_policy(reader, value)?),
        _ => PermissionsBoundary::CustomerManaged(customer_managed(reader, value)?),
    })
}

/// (`Tag`, API reference.)
fn tags(reader: &mut Reader, node: &Node) -> Option<Tags> {
    let what = "a map of tags, such as `{ Team: payments }`";
    let Value::Map(entries) = &node.value else {
        reader.expected(node, what);
        return None;
    };
    if entries.len() > MOST_TAGS {
        let message = format!("{} tags; Usher gives a permission set at most {MOST_TAGS}", entries.len());
        reader.report(Report::at(node.span, message).label("too many"));
        return None;
    }
    let mut tags = BTreeMap::new();
    let mut complete = true;
    for Entry { key, key_span, value } in entries {
        let key = reader.unmistakable(key, *key_span, "a tag's key").map(str::to_owned);
        // A tag may have no value; that is not forgotten if it is in quotes.
        let text = match &value.value {
            Value::Text(text) if text.kind == Kind::Text => Some(text.text.clone()),
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Invalid => {
                reader.text(value, "a tag's value").map(str::to_owned)
            }
        };
        let (Some(key), Some(text)) = (key, text) else {
            complete = false;
            continue;
        };
        let wrong = if key.starts_with(OWN_TAGS) || key.to_ascii_lowercase().starts_with("aws:") {
            Some((*key_span, format!("keys that begin with `aws:` or `{OWN_TAGS}` are not yours to set")))
        } else if key.chars().count() > 128 || !key.chars().all(is_tag_letter) {
            Some((*key_span, "a tag's key has up to 128 letters, digits, spaces and `_.:/=+-@`".to_owned()))
        } else if text.chars().count() > 256 || !text.chars().all(is_tag_letter) {
            Some((
                value.span,
                "a tag's value has up to 256 letters, digits, spaces and `_.:/=+-@`".to_owned(),
            ))
        } else {
            None
        };
        if let Some((span, message)) = wrong {
            reader.report(Report::at(span, message).label("AWS would refuse this"));
            complete = false;
        }
        tags.insert(key, text);
    }
    complete.then_some(Tags(tags))
}

fn is_tag_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace() && !letter.is_control() || "_.:/=+-@".contains(letter)
}

/// A policy, written here or in a file of its own.
fn inline_policy(reader: &mut Reader, node: &Node, files: &mut PolicyFiles<'_>) -> Option<Policy> {
    let is_file = |entries: &[Entry]| entries.iter().any(|entry| entry.key.text == "file");
    match &node.value {
        Value::Map(entries) if is_file(entries) => {
            let fields = reader.fields(node, "a policy in a file", &POLICY_FILE_KEYS)?;
            let named = fields.get("file")?;
            let path = reader.text(named, "the name of a policy's file")?;
            if !is_path(path) {
                let message =
                    format!("`{}` is not a policy's file in the folder of the rules", shorten(path));
                reader.report(Report::at(named.span, message).label("not such a name").help(
                    "name it from the folder of the root file on, as `policies/developers.json`; it ends in `.json`",
                ));
                return None;
            }
            let Some(source) = files.take(path) else {
                let message = format!("there is no file `{}` among the rules", shorten(path));
                reader.report(Report::at(named.span, message).label("this file").help(
                    "it is looked for in the folder of the root file, and is part of the rules' bundle",
                ));
                return None;
            };
            if source.source.is_unseen() {
                // It is too long, which has been reported.
                return None;
            }
            if source.source.text().trim().is_empty() {
                let start = Span { file: source.at, start: 0, end: 0 };
                reader.report(Report::at(start, "the policy's file is empty"));
                return None;
            }
            if let Some(report) = source.is_not_json() {
                reader.report(report);
                return None;
            }
            let tree = node::parse(reader, source.at, &source.source)?;
            policy(reader, &tree)
        }
        Value::Map(_) => policy(reader, node),
        Value::Text(_) | Value::List(_) | Value::Invalid => {
            reader.expected(node, "a policy with its `Statement`, or `{ file: policies/developers.json }`");
            None
        }
    }
}

fn policy(reader: &mut Reader, node: &Node) -> Option<Policy> {
    let json = json(reader, node)?;
    match policy::read(&json) {
        Ok(policy) => Some(policy),
        Err(mistakes) => {
            for Mistake { at, message, help } in mistakes {
                let report = Report::at(place(node, &at), message).label("in this policy");
                reader.report(match help {
                    Some(help) => report.help(help),
                    None => report,
                });
            }
            None
        }
    }
}

/// The tree as JSON has it.
fn json(reader: &mut Reader, node: &Node) -> Option<Json> {
    match &node.value {
        Value::Invalid => None,
        Value::List(items) => all(items, |item| json(reader, item)).map(Json::Array),
        Value::Map(entries) => {
            let members: Vec<_> = entries
                .iter()
                .map(|Entry { key, value, .. }| Some((key.text.clone(), json(reader, value)?)))
                .collect();
            members.into_iter().collect::<Option<_>>().map(Json::Object)
        }
        Value::Text(text) => {
            let plain = match (text.kind, text.text.as_str()) {
                (Kind::Boolean, "true") => Some(Json::Bool(true)),
                (Kind::Boolean, "false") => Some(Json::Bool(false)),
                (Kind::Number, number) => number.parse().ok().map(Json::Number),
                (Kind::Text, text) => Some(Json::String(text.to_owned())),
                (Kind::Boolean | Kind::Nothing, _) => None,
            };
            // What is one thing to some readers of YAML, and another to others.
            plain
                .or_else(|| reader.text(node, "a text of a policy").map(|text| Json::String(text.to_owned())))
        }
    }
}

/// Where something in a policy is written, or what it is in.
fn place(policy: &Node, at: &[Step]) -> Span {
    let mut node = policy;
    for step in at {
        let inner = match (&node.value, step) {
            (Value::Map(entries), Step::Member(name)) => {
                entries.iter().find(|entry| entry.key.text == *name).map(|entry| &entry.value)
            }
            (Value::List(items), Step::Item(number)) => items.get(*number),
            (Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Invalid, _) => None,
        };
        let Some(inner) = inner else { break };
        node = inner;
    }
    node.span
}
