//! Reads the rules out of the trees of a bundle's files: the root file first, since it says what the others may do.

use std::collections::BTreeMap;

use crate::domain::{Mode, RuleId};

use super::{
    diagnostic::{Report, Span},
    node::{Entry, Kind, Node, Value},
    policy_files::PolicyFiles,
    read_permission_sets::{self, Declared, declared},
    read_reprovision::reprovision,
    read_rule::{Owner, Place, never, rule},
    read_settings::{settings, teams},
    reader::{Fields, Reader, one_of, shorten},
    rule_set::{Reprovision, Rule, RuleSet, Team},
};

/// The only version of the language there is.
const VERSION: &str = "1";

pub(super) const DOCUMENT_KEYS: [&str; 7] =
    ["version", "settings", "teams", "never", "reprovision", PERMISSION_SETS, "rules"];

const PERMISSION_SETS: &str = "permission_sets";

/// What only the root file can say.
const ROOT_KEYS: [&str; 4] = ["settings", "teams", "never", "reprovision"];

/// One file of a bundle that has been parsed.
#[derive(Debug)]
pub(super) struct File {
    /// Its name below the folder of the root file: what the patterns of teams are about.
    pub(super) name: String,
    pub(super) start: Span,
    /// `None` if it is no YAML; that has been reported then.
    pub(super) tree: Option<Node>,
}

type Rules = Vec<(Rule, Span)>;

/// Reads a root file and the further ones. `None` only if something has been reported.
pub(super) fn rule_set(
    reader: &mut Reader,
    root: &File,
    further: &[File],
    policies: &mut PolicyFiles<'_>,
) -> Option<RuleSet> {
    let what = "a rule document";
    let fields = root.tree.as_ref().and_then(|tree| reader.fields(tree, what, &DOCUMENT_KEYS));
    let fields = fields.as_ref();
    let version = fields.and_then(|fields| version(reader, fields, what));
    let settings = fields
        .and_then(|fields| {
            reader.required(fields, what, "settings", "for example `settings: { mode: observe }`")
        })
        .and_then(|node| settings(reader, node));
    let teams = fields.and_then(|fields| match fields.get("teams") {
        None if fields.seem_to_have("teams") => None,
        None => Some(Vec::new()),
        Some(node) => teams(reader, node),
    });
    let never = fields.and_then(|fields| match fields.get("never") {
        None => Some(Vec::new()),
        Some(node) => reader.list(node, "a list of what is never given").and_then(|items| {
            items.iter().map(|item| never(reader, item)).collect::<Vec<_>>().into_iter().collect()
        }),
    });
    let reprovision = fields.and_then(|fields| match fields.get("reprovision") {
        None if fields.seem_to_have("reprovision") => None,
        None => Some(Reprovision::default()),
        Some(node) => reprovision(reader, node),
    });
    // Rules are read even under settings that can't be, for the problems in them.
    let place = Place {
        mode: settings.as_ref().map_or(Mode::Observe, |settings| settings.mode),
        teams: teams.as_deref(),
        file: Owner::Nobody,
    };
    let own = fields.and_then(|fields| {
        if !further.is_empty() && fields.get("rules").is_none() && !fields.seem_to_have("rules") {
            return Some(Vec::new());
        }
        rules(reader, fields, what, place)
    });
    let mut sets = vec![fields.and_then(|fields| permission_sets(reader, fields, policies))];
    let mut all = vec![own];
    for file in further {
        let (rules, declared) = further_file(reader, file, place, policies);
        all.push(rules);
        sets.push(declared);
    }
    version?;
    let settings = settings?;
    let (never, reprovision) = (never?, reprovision?);
    let rules: Vec<Rules> = all.into_iter().collect::<Option<_>>()?;
    let rules = unique(reader, rules.into_iter().flatten().collect());
    let sets: Vec<Declared> = sets.into_iter().collect::<Option<_>>()?;
    let sets = read_permission_sets::unique(reader, sets.into_iter().flatten().collect(), &rules);
    Some(RuleSet { settings, teams: teams?, never, reprovision, permission_sets: sets, rules })
}

/// The permission sets that a file declares.
fn permission_sets(
    reader: &mut Reader,
    fields: &Fields<'_>,
    policies: &mut PolicyFiles<'_>,
) -> Option<Declared> {
    match fields.get(PERMISSION_SETS) {
        None if fields.seem_to_have(PERMISSION_SETS) => None,
        None => Some(Vec::new()),
        Some(node) => declared(reader, node, policies),
    }
}

/// The rules of a further file, and the permission sets that it declares.
fn further_file(
    reader: &mut Reader,
    file: &File,
    place: Place<'_>,
    policies: &mut PolicyFiles<'_>,
) -> (Option<Rules>, Option<Declared>) {
    let owner = owner(reader, file, place.teams);
    let what = "a further rule file";
    let Some(fields) = file.tree.as_ref().and_then(|tree| reader.fields(tree, what, &DOCUMENT_KEYS)) else {
        return (None, None);
    };
    let sets = permission_sets(reader, &fields, policies);
    let mut may_declare = true;
    if let (Owner::Team(team), Some(Entry { key_span, .. })) = (owner, fields.entry(PERMISSION_SETS)) {
        may_declare = false;
        reader.report(
            Report::at(*key_span, format!("the team `{team}` can't declare permission sets"))
                .label("in a file of a team's")
                .help(format!(
                    "move them to `{}`: whoever edits a permission set decides what everybody may do who has it, wherever that is",
                    super::ROOT_FILE
                )),
        );
    }
    (further_rules(reader, &fields, what, Place { file: owner, ..place }), sets.filter(|_| may_declare))
}

fn further_rules(reader: &mut Reader, fields: &Fields<'_>, what: &str, place: Place<'_>) -> Option<Rules> {
    let mut only_rules = true;
    for Entry { key, key_span, .. } in ROOT_KEYS.iter().filter_map(|key| fields.entry(key)) {
        only_rules = false;
        reader.report(
            Report::at(*key_span, format!("`{}` can stand in the root file only", key.text))
                .label("not the root file")
                .help(format!("move it to `{}`", super::ROOT_FILE)),
        );
    }
    let version = version(reader, fields, what);
    // A file may be there for permission sets alone.
    let rules = if fields.get("rules").is_none() && fields.get(PERMISSION_SETS).is_some() {
        Some(Vec::new())
    } else {
        rules(reader, fields, what, place)
    };
    version?;
    rules.filter(|_| only_rules)
}

/// Whose file it is: where there are teams, each file is one team's.
fn owner<'a>(reader: &mut Reader, file: &File, teams: Option<&'a [Team]>) -> Owner<'a> {
    let Some(teams) = teams else { return Owner::Unknown };
    if teams.is_empty() {
        return Owner::Nobody;
    }
    let owns = |team: &&Team| team.files.iter().any(|pattern| pattern.fits(&file.name));
    let owners: Vec<&Team> = teams.iter().filter(owns).collect();
    let name = shorten(&file.name);
    let report = match owners.as_slice() {
        [owner] => return Owner::Team(&owner.id),
        [] => Report::at(file.start, format!("the file `{name}` is no team's"))
            .help(format!("name it in the `files` of a team in `{}`", super::ROOT_FILE)),
        several => {
            let ids: Vec<&str> = several.iter().take(8).map(|team| team.id.as_str()).collect();
            Report::at(
                file.start,
                format!("the file `{name}` is more than one team's: is it {}?", one_of(&ids)),
            )
            .help(format!(
                "make the `files` of teams in `{}` narrower, so that it fits those of one",
                super::ROOT_FILE
            ))
        }
    };
    reader.report(report);
    Owner::Unknown
}

fn rules(reader: &mut Reader, fields: &Fields<'_>, what: &str, place: Place<'_>) -> Option<Rules> {
    let node = reader.required(fields, what, "rules", "list at least one rule under `rules`")?;
    let items = reader.list(node, "a list of rules")?;
    let rules: Vec<_> = items.iter().map(|item| rule(reader, item, place)).collect();
    rules.into_iter().collect()
}

fn version(reader: &mut Reader, fields: &Fields<'_>, what: &str) -> Option<()> {
    let node = reader.required(fields, what, "version", "begin the document with `version: 1`")?;
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

/// Refuses a second rule with an id that is taken, in whatever file.
fn unique(reader: &mut Reader, rules: Rules) -> Vec<Rule> {
    let mut taken: BTreeMap<RuleId, Span> = BTreeMap::new();
    for (Rule { id, .. }, span) in &rules {
        let Some(first) = taken.get(id) else {
            taken.insert(id.clone(), *span);
            continue;
        };
        let elsewhere = if first.file == span.file {
            String::new()
        } else {
            format!("; the first is at {}", reader.written_at(*first))
        };
        reader.report(
            Report::at(*span, format!("two rules have the id `{id}`{elsewhere}"))
                .label("again here")
                .help("every rule has an id of its own")
                .also(*first, "first here"),
        );
    }
    rules.into_iter().map(|(rule, _)| rule).collect()
}
