//! Reads a rule, or an entry of `never`.

use super::{
    diagnostic::{Report, Span},
    extent::{Excess, RuleExtent, extent},
    name_template::{AccountData, NameTemplate},
    node::Node,
    read_accounts::accounts,
    read_selector::{Placed, all, only, permission_sets, principals},
    read_settings::mode,
    read_tags::refuse_pattern,
    read_term::term,
    reader::{Reader, nearest, one_of, shorten},
    rule_set::{Never, Repair, Rule, Team},
    selector::{AccountSelector, Join, JoinedWith, PermissionSetSelector, PrincipalSelector},
    trust::{self, TagOf},
};
use crate::domain::{Mode, RuleId, TeamId};

pub(super) const NEVER_KEYS: [&str; 3] = ["permission_sets", "accounts", "principals"];
pub(super) const RULE_KEYS: [&str; 10] =
    ["id", "team", "mode", "principals", "permission_sets", "accounts", "match", "from", "until", "repair"];
pub(super) const JOIN_KEYS: [&str; 4] = ["permission_set_tag", "account_tag", "account_ou", "wildcard"];
pub(super) const ACCOUNT_OU_KEYS: [&str; 1] = ["name"];
pub(super) const OU_NAMES: [&str; 2] = ["nearest", "any"];
pub(super) const REPAIRS: [&str; 2] = ["hold", "always"];

/// What is known of a rule from where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The document's mode.
    pub(super) mode: Mode,
    /// All teams; `None` if they could not be read.
    pub(super) teams: Option<&'a [Team]>,
    pub(super) file: Owner<'a>,
}

/// Whose file it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    Nobody,
    Team(&'a TeamId),
    /// That has been reported already.
    Unknown,
}

/// The rule, and where its id is written.
pub(super) fn rule(reader: &mut Reader, node: &Node, place: Place<'_>) -> Option<(Rule, Span)> {
    let what = "a rule";
    let fields = reader.fields(node, what, &RULE_KEYS)?;
    let id = reader
        .required(&fields, what, "id", "give it a name that stays, such as `developers-in-development`")
        .and_then(|node| {
            let text = reader.text(node, "a rule's id")?;
            Some((reader.id::<RuleId>(text, node.span)?, node.span))
        });
    let mode = match fields.get("mode") {
        None => Some(place.mode),
        Some(node) => mode(reader, node).map(|own| own.min(place.mode)),
    };
    let team = match fields.get("team") {
        None => Some(()),
        Some(node) => own_team(reader, node, place),
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
    if let Some(selector) = &selector {
        for Placed { it, span } in who.iter().flatten() {
            can_be_made(reader, it.name(), selector, *span);
        }
        for Placed { it, span } in sets.iter().flatten() {
            can_be_made(reader, it.name(), selector, *span);
            protect(reader, it, selector, *span);
        }
    }
    let joins = match fields.get("match") {
        None => Some(Vec::new()),
        Some(node) => {
            let what = "a list of joins, such as `[ { permission_set_tag: Team, account_tag: Team } ]`";
            reader.list(node, what).and_then(|items| all(items, |item| join(reader, item)))
        }
    };
    let times = term(reader, &fields);
    let repair = match fields.get("repair") {
        None => Some(Repair::default()),
        Some(node) => repair(reader, node),
    };
    let ((id, id_span), (from, until)) = (id?, times?);
    team?;
    let (who, sets) = (who?, sets?);
    let set_spans: Vec<Span> = sets.iter().map(|placed| placed.span).collect();
    let accounts_span = fields.get("accounts").map_or(node.span, |node| node.span);
    let rule = Rule {
        id,
        mode: mode?,
        principals: unplaced(who),
        permission_sets: unplaced(sets),
        accounts: selector?,
        joins: joins?,
        from,
        until,
        repair: repair?,
        team: match place.file {
            Owner::Team(team) => Some(team.clone()),
            Owner::Nobody | Owner::Unknown => None,
        },
        written_at: reader.written_at(node.span),
    };
    stay_within(reader, &rule, place.teams, &set_spans, accounts_span);
    Some((rule, id_span))
}

/// How much that is beyond the scope is told of one rule.
const MOST_EXCESSES: usize = 3;

/// Refuses what is beyond the scope of the rule's team by what is written alone.
fn stay_within(reader: &mut Reader, rule: &Rule, teams: Option<&[Team]>, sets: &[Span], accounts: Span) {
    let team = teams.into_iter().flatten().find(|team| Some(&team.id) == rule.team.as_ref());
    let Some((team, scopes)) = team.and_then(|team| Some((team, team.limits()?))) else { return };
    // Where it can't be read what is protected, nothing is.
    let protected = reader.trust.protected_permission_sets.clone().unwrap_or_default();
    let RuleExtent::Beyond(excesses) = extent(rule, scopes, &protected) else { return };
    let listed: Vec<String> =
        scopes.iter().take(MOST_EXCESSES).map(|scope| format!("{scope} ({})", scope.written_at)).collect();
    let more = match scopes.len().saturating_sub(MOST_EXCESSES) {
        0 => String::new(),
        more => format!(", or {more} more"),
    };
    for Excess { permission_set, is_of_set, told } in excesses.into_iter().take(MOST_EXCESSES) {
        let span = sets.get(permission_set).copied().filter(|_| is_of_set).unwrap_or(accounts);
        reader.report(
            Report::at(span, format!("the team `{}` may not give {}", team.id, shorten(&told)))
                .label("beyond the team's scope")
                .help(format!(
                    "its scope is {}{more}; stay within it, or have it widened in the root file",
                    listed.join(", or ")
                )),
        );
    }
}

fn unplaced<T>(list: Vec<Placed<T>>) -> Vec<T> {
    list.into_iter().map(|Placed { it, span: _ }| it).collect()
}

/// A rule's `team` must be the one whose file it stands in.
fn own_team(reader: &mut Reader, node: &Node, place: Place<'_>) -> Option<()> {
    let text = reader.text(node, "a team's id")?;
    let team: TeamId = reader.id(text, node.span)?;
    let teams = place.teams?;
    if !teams.iter().any(|one| one.id == team) {
        let ids: Vec<&str> = teams.iter().map(|team| team.id.as_str()).collect();
        let help = match nearest(text, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if ids.is_empty() => "teams are listed under `teams` in the root file".to_owned(),
            None if ids.len() <= 8 => format!("the teams of the root file are {}", one_of(&ids)),
            None => "the root file lists the teams under `teams`".to_owned(),
        };
        let report = Report::at(node.span, format!("there is no team `{team}`")).label("unknown team");
        reader.report(report.help(help));
        return None;
    }
    let whose = match place.file {
        Owner::Team(owner) if *owner == team => return Some(()),
        Owner::Unknown => return None,
        Owner::Team(owner) => format!("this file is team `{owner}`'s"),
        Owner::Nobody => "this file is no team's".to_owned(),
    };
    reader.report(
        Report::at(node.span, format!("a rule of team `{team}` outside the files of that team"))
            .label(whose)
            .help(format!("move the rule to a file that `files` of `{team}` names, or leave `team` out")),
    );
    None
}

/// Refuses a name made from a tag that some account of the rule may not have.
fn can_be_made(reader: &mut Reader, name: Option<&NameTemplate>, accounts: &AccountSelector, span: Span) {
    for data in name.into_iter().flat_map(NameTemplate::data) {
        let AccountData::Tag(key) = data else { continue };
        if !accounts.requires_tag(key) {
            let key = shorten(key);
            reader.report(
                Report::at(span, format!("the rule can select accounts without the tag `{key}`"))
                    .label(format!("made from the tag `{key}`"))
                    .help(format!("add `tagged: {{ {key}: {{ present: true }} }}` to its `accounts`")),
            );
        }
    }
}

/// Refuses a protected permission set for accounts that are not listed.
fn protect(reader: &mut Reader, set: &PermissionSetSelector, accounts: &AccountSelector, span: Span) {
    let Some(name) = set.name().and_then(NameTemplate::as_plain) else { return };
    let protected = &reader.trust.protected_permission_sets;
    if protected.as_ref().is_some_and(|protected| protected.contains(name)) && !accounts.lists_ids() {
        reader.report(
            Report::at(span, format!("`{name}` is given in accounts that are not listed by their ids"))
                .label("a protected permission set")
                .help("list the accounts, such as `accounts: { id: [\"111122223333\"] }`"),
        );
    }
}

fn join(reader: &mut Reader, node: &Node) -> Option<Join> {
    let what = "a join";
    let fields = reader.fields(node, what, &JOIN_KEYS)?;
    let set_tag = reader
        .required(&fields, what, "permission_set_tag", "for example `permission_set_tag: Environment`")
        .and_then(|node| tag(reader, node, TagOf::PermissionSet));
    let with = match (fields.entry("account_tag"), fields.entry("account_ou")) {
        (Some(entry), None) => tag(reader, &entry.value, TagOf::Account).map(JoinedWith::AccountTag),
        (None, Some(entry)) => account_ou(reader, &entry.value),
        (Some(first), Some(second)) => {
            reader.report(
                Report::at(second.key_span, "a join has either `account_tag` or `account_ou`")
                    .label("besides the other")
                    .help("make two joins of it: all of them must hold")
                    .also(first.key_span, "one of them"),
            );
            None
        }
        (None, None) => {
            if !fields.seem_to_have("account_tag") && !fields.seem_to_have("account_ou") {
                reader.report(
                    Report::at(node.span, "a join needs the key `account_tag` or `account_ou`")
                        .label("joined with what?")
                        .help("for example `account_tag: Environment` or `account_ou: { name: any }`"),
                );
            }
            None
        }
    };
    let wildcard = match fields.get("wildcard") {
        None => Some(None),
        Some(node) => wildcard(reader, node).map(Some),
    };
    Some(Join { permission_set_tag: set_tag?, with: with?, wildcard: wildcard? })
}

fn tag(reader: &mut Reader, node: &Node, of: TagOf) -> Option<String> {
    let key = reader.text(node, "a tag's key")?;
    trust::check(reader, of, key, node.span, "joins").then(|| key.to_owned())
}

fn account_ou(reader: &mut Reader, node: &Node) -> Option<JoinedWith> {
    let (_, name) = only(reader, node, "`account_ou`", &ACCOUNT_OU_KEYS)?;
    let what = "`nearest`, the OU that the account is in, or `any`, it or one above";
    match reader.text(name, what)? {
        "nearest" => Some(JoinedWith::NearestOu),
        "any" => Some(JoinedWith::AnyOu),
        other => {
            reader.unknown_word(name, other, what, &OU_NAMES);
            None
        }
    }
}

fn wildcard(reader: &mut Reader, node: &Node) -> Option<String> {
    let value = reader.text(node, "the value of the permission set's tag that fits every account")?;
    if value.contains('*') {
        let help = "a tag's value has no `*` in it; choose a word, such as `wildcard: All`";
        refuse_pattern(reader, value, node.span, help);
        return None;
    }
    Some(value.to_owned())
}

fn repair(reader: &mut Reader, node: &Node) -> Option<Repair> {
    let what = "`hold` or `always`";
    match reader.text(node, what)? {
        "hold" => Some(Repair::Hold),
        "always" => Some(Repair::Always),
        other => {
            reader.unknown_word(node, other, what, &REPAIRS);
            None
        }
    }
}

/// Reads an entry of `never`.
pub(super) fn never(reader: &mut Reader, node: &Node) -> Option<Never> {
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
    let names =
        who.iter().flatten().flatten().map(|Placed { it, span }| (PrincipalSelector::name(it), *span));
    let set_names = sets.iter().flatten().map(|Placed { it, span }| (PermissionSetSelector::name(it), *span));
    let made: Vec<Span> = names
        .chain(set_names)
        .filter(|(name, _)| name.is_some_and(|name| !name.data().is_empty()))
        .map(|(_, span)| span)
        .collect();
    for span in &made {
        // INVARIANT: what is forbidden never depends on data that an account may not have.
        reader.report(
            Report::at(*span, "`never` can't be about a name made from an account's data")
                .label("could not be made for every account")
                .help("write the name out, or pin what is meant by its id"),
        );
    }
    if !made.is_empty() {
        return None;
    }
    Some(Never {
        principals: who?.map(unplaced),
        permission_sets: unplaced(sets?),
        accounts: selector?,
        written_at: reader.written_at(node.span),
    })
}
