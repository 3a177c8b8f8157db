//! Reads what holds for all rules: `settings` and `teams`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    diagnostic::{Report, Span},
    node::Node,
    read_scope::team_scope,
    read_selector::{all, plain_permission_set_name},
    read_tags::{pattern, refuse_pattern},
    reader::{Fields, Reader},
    rule_set::{Guardrails, Settings, Team},
    scope::TeamScope,
    trust::{TagOf, Trust},
};
use crate::domain::{Mode, TeamId};

pub(super) const SETTINGS_KEYS: [&str; 5] =
    ["mode", "guardrails", "trusted_account_tags", "trusted_permission_set_tags", PROTECTED];
pub(super) const GUARDRAIL_KEYS: [&str; 4] =
    ["max_deletes", "max_delete_percent", "max_creates", "max_orphan_deletes"];
pub(super) const TEAM_KEYS: [&str; 3] = ["id", "files", "scope"];
pub(super) const MODES: [&str; 3] = ["observe", "create-only", "sync"];

const PROTECTED: &str = "protected_permission_sets";

/// Reads `settings`, and tells the reader what they trust and protect, even if the rest of them is wrong.
pub(super) fn settings(reader: &mut Reader, node: &Node) -> Option<Settings> {
    let what = "`settings`";
    let fields = reader.fields(node, what, &SETTINGS_KEYS)?;
    let help = "`observe` plans only, `create-only` never takes away, `sync` does both; begin with `observe`";
    let mode = reader.required(&fields, what, "mode", help).and_then(|node| mode(reader, node));
    let guardrails = match fields.get("guardrails") {
        None => Some(Guardrails::default()),
        Some(node) => guardrails(reader, node),
    };
    let account_tags = texts_of(reader, &fields, TagOf::Account.setting(), tag_keys);
    let permission_set_tags = texts_of(reader, &fields, TagOf::PermissionSet.setting(), tag_keys);
    let protected = texts_of(reader, &fields, PROTECTED, |reader, node| {
        let items = reader.list(node, "a list of permission sets' names")?;
        all(items, |item| plain_permission_set_name(reader, item))
    });
    reader.trust = Trust {
        account_tags: account_tags.clone(),
        permission_set_tags: permission_set_tags.clone(),
        protected_permission_sets: protected.clone(),
    };
    Some(Settings {
        mode: mode?,
        guardrails: guardrails?,
        trusted_account_tags: account_tags?,
        trusted_permission_set_tags: permission_set_tags?,
        protected_permission_sets: protected?,
    })
}

/// None at all where the key is left out, but unknown where it is misspelt.
fn texts_of(
    reader: &mut Reader,
    fields: &Fields<'_>,
    key: &str,
    read: impl FnOnce(&mut Reader, &Node) -> Option<Vec<String>>,
) -> Option<BTreeSet<String>> {
    match fields.get(key) {
        None if fields.seem_to_have(key) => None,
        None => Some(BTreeSet::new()),
        Some(node) => Some(read(reader, node)?.into_iter().collect()),
    }
}

fn tag_keys(reader: &mut Reader, node: &Node) -> Option<Vec<String>> {
    let items = reader.list(node, "a list of tags' keys, such as `[ Environment, Team ]`")?;
    all(items, |item| {
        let key = reader.text(item, "a tag's key")?;
        if key.contains('*') {
            refuse_pattern(reader, key, item.span, "list the keys that are trusted, one by one");
            return None;
        }
        Some(key.to_owned())
    })
}

fn guardrails(reader: &mut Reader, node: &Node) -> Option<Guardrails> {
    let fields = reader.fields(node, "`guardrails`", &GUARDRAIL_KEYS)?;
    let mut number = |key, default, most| match fields.get(key) {
        None => Some(default),
        Some(node) => reader.number(node, most),
    };
    let default = Guardrails::default();
    let max_deletes = number("max_deletes", default.max_deletes, u32::MAX);
    let max_delete_percent = number("max_delete_percent", default.max_delete_percent, 100);
    let max_creates = number("max_creates", default.max_creates, u32::MAX);
    let max_orphan_deletes = number("max_orphan_deletes", default.max_orphan_deletes, u32::MAX);
    Some(Guardrails {
        max_deletes: max_deletes?,
        max_delete_percent: max_delete_percent?,
        max_creates: max_creates?,
        max_orphan_deletes: max_orphan_deletes?,
    })
}

/// Reads `mode`, of the settings or of a rule.
pub(super) fn mode(reader: &mut Reader, node: &Node) -> Option<Mode> {
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

/// Reads `teams`.
pub(super) fn teams(reader: &mut Reader, node: &Node) -> Option<Vec<Team>> {
    let what = "a list of teams, such as `[ { id: payments, files: [teams/payments/*.yaml] } ]`";
    let items = reader.list(node, what)?;
    let teams = all(items, |item| team(reader, item))?;
    let mut taken: BTreeMap<&TeamId, Span> = BTreeMap::new();
    for (Team { id, .. }, span) in &teams {
        if let Some(first) = taken.get(id) {
            reader.report(
                Report::at(*span, format!("two teams have the id `{id}`"))
                    .label("again here")
                    .help("a team's `files` can be a list")
                    .also(*first, "first here"),
            );
        } else {
            taken.insert(id, *span);
        }
    }
    has_each_a_scope(reader, &teams)?;
    Some(teams.into_iter().map(|(team, _)| team).collect())
}

/// Where some team has a scope, each says one: a forgotten line must not be what lets a team give anything anywhere.
fn has_each_a_scope(reader: &mut Reader, teams: &[(Team, Span)]) -> Option<()> {
    let is_unsaid = |team: &Team| team.scope == TeamScope::Unsaid;
    if teams.iter().all(|(team, _)| is_unsaid(team)) {
        return Some(());
    }
    let mut all_say_one = Some(());
    for (team, span) in teams.iter().filter(|(team, _)| is_unsaid(team)) {
        all_say_one = None;
        reader.report(
            Report::at(*span, format!("the team `{}` has no scope, and others have", team.id))
                .label("may give what, and where?")
                .help("say its `scope`; `scope: unlimited` lets its files give anything anywhere"),
        );
    }
    all_say_one
}

/// The team, and where its id is written.
fn team(reader: &mut Reader, node: &Node) -> Option<(Team, Span)> {
    let what = "a team";
    let fields = reader.fields(node, what, &TEAM_KEYS)?;
    let id = reader.required(&fields, what, "id", "give it a name that stays, such as `payments`");
    let id = id.and_then(|node| {
        let text = reader.text(node, "a team's id")?;
        Some((reader.id::<TeamId>(text, node.span)?, node.span))
    });
    let files = reader
        .required(
            &fields,
            what,
            "files",
            "say which files are its own, such as `files: [teams/payments/*.yaml]`",
        )
        .and_then(|node| {
            let items = reader.one_or_more(node, "the pattern of files' names or a list of patterns")?;
            all(items, |item| pattern(reader, item))
        });
    let scope = match fields.get("scope") {
        None if fields.seem_to_have("scope") => None,
        None => Some(TeamScope::Unsaid),
        Some(node) => team_scope(reader, node),
    };
    let (id, span) = id?;
    Some((Team { id, files: files?, scope: scope?, written_at: reader.written_at(node.span) }, span))
}
