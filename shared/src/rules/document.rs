//! Reads a rule document out of its tree: settings, `never`, rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Mode, RuleId};

use super::{
    diagnostic::{Report, Span},
    node::{Kind, Node, Value},
    read_selector::{accounts, permission_sets, principals},
    reader::Reader,
    rule_set::{Guardrails, Never, Repair, Rule, RuleSet, Settings},
};

/// The only version of the language there is.
const VERSION: &str = "1";

const DOCUMENT_KEYS: [&str; 4] = ["version", "settings", "never", "rules"];
const SETTINGS_KEYS: [&str; 2] = ["mode", "guardrails"];
const GUARDRAIL_KEYS: [&str; 3] = ["max_deletes", "max_delete_percent", "max_creates"];
const NEVER_KEYS: [&str; 3] = ["permission_sets", "accounts", "principals"];
const RULE_KEYS: [&str; 5] = ["id", "mode", "principals", "permission_sets", "accounts"];
const MODES: [&str; 3] = ["observe", "create-only", "sync"];

/// Reads a root document. `None` only if something has been reported.
pub(super) fn document(reader: &mut Reader, root: &Node) -> Option<RuleSet> {
    let what = "a rule document";
    let fields = reader.fields(root, what, &DOCUMENT_KEYS)?;
    let version = reader.required(&fields, what, "version", "begin the document with `version: 1`");
    let version = version.and_then(|node| version_one(reader, node));
    let settings = reader
        .required(&fields, what, "settings", "for example `settings: { mode: observe }`")
        .and_then(|node| read_settings(reader, node));
    let never = match fields.get("never") {
        None => Some(Vec::new()),
        Some(node) => reader.list(node, "a list of what is never given").and_then(|items| {
            items.iter().map(|item| read_never(reader, item)).collect::<Vec<_>>().into_iter().collect()
        }),
    };
    // Rules are read even under settings that can't be, for the problems in them.
    let mode = settings.as_ref().map_or(Mode::Observe, |settings| settings.mode);
    let rules: Option<Vec<(Rule, Span)>> = reader
        .required(&fields, what, "rules", "list at least one rule under `rules`")
        .and_then(|node| reader.list(node, "a list of rules"))
        .and_then(|items| {
            let rules: Vec<_> = items.iter().map(|item| read_rule(reader, item, mode)).collect();
            rules.into_iter().collect()
        });
    version?;
    Some(RuleSet { settings: settings?, teams: Vec::new(), never: never?, rules: unique(reader, rules?) })
}

fn version_one(reader: &mut Reader, node: &Node) -> Option<()> {
    match &node.value {
        Value::Text(text) if text.kind == Kind::Number && text.text == VERSION => Some(()),
        Value::Text(text) if text.kind == Kind::Number => {
            reader.report(
                Report::at(node.span, format!("version {} of the rule language is not known", text.text))
                    .help("this version of Usher reads `version: 1`"),
            );
            None
        }
        Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Invalid => {
            reader.expected(node, "the number 1");
            None
        }
    }
}

fn read_settings(reader: &mut Reader, node: &Node) -> Option<Settings> {
    let what = "`settings`";
    let fields = reader.fields(node, what, &SETTINGS_KEYS)?;
    let help = "`observe` plans only, `create-only` never takes away, `sync` does both; begin with `observe`";
    let mode = reader.required(&fields, what, "mode", help).and_then(|node| read_mode(reader, node));
    let guardrails = match fields.get("guardrails") {
        None => Some(Guardrails::default()),
        Some(node) => read_guardrails(reader, node),
    };
    Some(Settings {
        mode: mode?,
        guardrails: guardrails?,
        trusted_account_tags: BTreeSet::new(),
        trusted_permission_set_tags: BTreeSet::new(),
        protected_permission_sets: BTreeSet::new(),
    })
}

fn read_guardrails(reader: &mut Reader, node: &Node) -> Option<Guardrails> {
    let fields = reader.fields(node, "`guardrails`", &GUARDRAIL_KEYS)?;
    let mut number = |key, default, most| match fields.get(key) {
        None => Some(default),
        Some(node) => reader.number(node, most),
    };
    let default = Guardrails::default();
    let max_deletes = number("max_deletes", default.max_deletes, u32::MAX);
    let max_delete_percent = number("max_delete_percent", default.max_delete_percent, 100);
    let max_creates = number("max_creates", default.max_creates, u32::MAX);
    Some(Guardrails {
        max_deletes: max_deletes?,
        max_delete_percent: max_delete_percent?,
        max_creates: max_creates?,
    })
}

fn read_mode(reader: &mut Reader, node: &Node) -> Option<Mode> {
    let what = "a mode: `observe`, `create-only` or `sync`";
    let text = reader.text(node, what)?;
    match text {
        "observe" => Some(Mode::Observe),
        "create-only" => Some(Mode::CreateOnly),
        "sync" => Some(Mode::Sync),
        other => {
            reader.unknown_word(node, other, what, &MODES);
            None
        }
    }
}

fn read_never(reader: &mut Reader, node: &Node) -> Option<Never> {
    let what = "an entry of `never`";
    let fields = reader.fields(node, what, &NEVER_KEYS)?;
    let sets = reader
        .required(&fields, what, "permission_sets", "say what is never given")
        .and_then(|node| permission_sets(reader, node));
    let selector = reader
        .required(
            &fields,
            what,
            "accounts",
            "say where it is never given; `accounts: everywhere` is all accounts",
        )
        .and_then(|node| accounts(reader, node));
    let who = match fields.get("principals") {
        None => Some(None),
        Some(node) => principals(reader, node).map(Some),
    };
    Some(Never {
        principals: who?,
        permission_sets: sets?,
        accounts: selector?,
        written_at: reader.written_at(node.span),
    })
}

/// The rule, and where its id is written.
fn read_rule(reader: &mut Reader, node: &Node, document: Mode) -> Option<(Rule, Span)> {
    let what = "a rule";
    let fields = reader.fields(node, what, &RULE_KEYS)?;
    let id = reader
        .required(&fields, what, "id", "give it a name that stays, such as `developers-in-development`")
        .and_then(|node| {
            let text = reader.text(node, "a rule's id")?;
            Some((reader.id::<RuleId>(text, node.span)?, node.span))
        });
    let mode = match fields.get("mode") {
        None => Some(document),
        Some(node) => read_mode(reader, node).map(|own| own.min(document)),
    };
    let who = reader
        .required(&fields, what, "principals", "for example `principals: [ { group: Developers } ]`")
        .and_then(|node| principals(reader, node));
    let sets = reader
        .required(&fields, what, "permission_sets", "for example `permission_sets: [ ReadOnlyAccess ]`")
        .and_then(|node| permission_sets(reader, node));
    let selector = reader
        .required(&fields, what, "accounts", "for example `accounts: { in_ou: Workloads/Development }`")
        .and_then(|node| accounts(reader, node));
    let (id, id_span) = id?;
    let rule = Rule {
        id,
        mode: mode?,
        principals: who?,
        permission_sets: sets?,
        accounts: selector?,
        joins: Vec::new(),
        from: None,
        until: None,
        repair: Repair::default(),
        team: None,
        written_at: reader.written_at(node.span),
    };
    Some((rule, id_span))
}

/// Refuses a second rule with an id that is taken.
fn unique(reader: &mut Reader, rules: Vec<(Rule, Span)>) -> Vec<Rule> {
    let mut taken: BTreeMap<RuleId, Span> = BTreeMap::new();
    for (Rule { id, .. }, span) in &rules {
        if let Some(first) = taken.get(id) {
            reader.report(
                Report::at(*span, format!("two rules have the id `{id}`"))
                    .label("again here")
                    .help("every rule has an id of its own")
                    .also(*first, "first here"),
            );
        } else {
            taken.insert(id.clone(), *span);
        }
    }
    rules.into_iter().map(|(rule, _)| rule).collect()
}

/// Every key of the document's own maps.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    DOCUMENT_KEYS.into_iter().chain(SETTINGS_KEYS).chain(GUARDRAIL_KEYS).chain(NEVER_KEYS).chain(RULE_KEYS)
}
