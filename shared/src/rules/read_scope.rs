//! Reads the scope of a team.

use std::collections::BTreeSet;

use super::{
    diagnostic::Report,
    name_template::NameTemplate,
    node::{Node, Value},
    read_accounts::accounts,
    read_selector::{Placed, all, permission_sets},
    read_tags::refuse_pattern,
    reader::Reader,
    scope::{PrincipalMatch, Scope, ScopeSets, TeamScope},
    selector::PermissionSetSelector,
    trust::{self, TagOf},
};

pub(super) const SCOPE_KEYS: [&str; 3] = ["permission_sets", "accounts", "match"];
pub(super) const PRINCIPAL_MATCH_KEYS: [&str; 3] = ["permission_set_tag", "principal_tag", "wildcard"];
pub(super) const UNLIMITED: &str = "unlimited";
pub(super) const ANY: &str = "any";

/// Reads `scope`: `unlimited`, or the scopes of which a grant must lie in one.
pub(super) fn team_scope(reader: &mut Reader, node: &Node) -> Option<TeamScope> {
    match &node.value {
        Value::Text(text) if text.text == UNLIMITED => Some(TeamScope::Unlimited),
        Value::Text(text) => {
            let what = "`unlimited`, or a list of scopes such as `[ { permission_sets: any, accounts: { in_ou: Workloads } } ]`";
            reader.unknown_word(node, &text.text, what, &[UNLIMITED]);
            None
        }
        Value::Map(_) => Some(TeamScope::Within(vec![scope(reader, node)?])),
        Value::List(_) | Value::Invalid => {
            let what =
                "a list of scopes, such as `[ { permission_sets: any, accounts: { in_ou: Workloads } } ]`";
            let items = reader.list(node, what)?;
            all(items, |item| scope(reader, item)).map(TeamScope::Within)
        }
    }
}

fn scope(reader: &mut Reader, node: &Node) -> Option<Scope> {
    let what = "a scope";
    let fields = reader.fields(node, what, &SCOPE_KEYS)?;
    // INVARIANT: leaving a line out never widens a scope.
    let sets = reader
        .required(
            &fields,
            what,
            "permission_sets",
            "say which; `permission_sets: any` is all that are not protected",
        )
        .and_then(|node| sets(reader, node));
    let accounts = reader
        .required(
            &fields,
            what,
            "accounts",
            "say where; `accounts: everywhere` is all accounts but the management account",
        )
        .and_then(|node| accounts(reader, node));
    let matches = match fields.get("match") {
        None => Some(Vec::new()),
        Some(node) => reader
            .list(node, "a list such as `[ { permission_set_tag: Team, principal_tag: Team } ]`")
            .and_then(|items| all(items, |item| principal_match(reader, item)))
            .and_then(|all| each_tag_once(reader, all, node)),
    };
    Some(Scope {
        permission_sets: sets?,
        accounts: accounts?,
        principal_matches: matches?,
        written_at: reader.written_at(node.span),
    })
}

/// `any`, or permission sets as in a rule.
fn sets(reader: &mut Reader, node: &Node) -> Option<ScopeSets> {
    if let Value::Text(text) = &node.value {
        if text.text == ANY {
            return Some(ScopeSets::Any);
        }
        reader.unknown_word(
            node,
            &text.text,
            "`any` or a list of permission sets, such as `[ ReadOnlyAccess ]`",
            &[ANY],
        );
        return None;
    }
    let all = permission_sets(reader, node)?;
    let mut is_good = true;
    for Placed { it, span } in &all {
        let made = it.name().is_some_and(|name: &NameTemplate| !name.data().is_empty());
        if made {
            is_good = false;
            reader.report(
                Report::at(*span, "a scope can't be about a name made from an account's data")
                    .label("made for each account")
                    .help("write the name out, or select by tags: `{ tagged: { Team: payments } }`"),
            );
        }
    }
    let unplaced = |all: Vec<Placed<PermissionSetSelector>>| all.into_iter().map(|Placed { it, span: _ }| it);
    is_good.then(|| ScopeSets::These(unplaced(all).collect()))
}

/// IAM can compare a tag with one attribute in one condition.
fn each_tag_once(reader: &mut Reader, all: Vec<PrincipalMatch>, node: &Node) -> Option<Vec<PrincipalMatch>> {
    let mut taken = BTreeSet::new();
    let again = all.iter().find(|one| !taken.insert(&one.permission_set_tag));
    if let Some(PrincipalMatch { permission_set_tag, .. }) = again {
        reader.report(
            Report::at(node.span, format!("the tag `{permission_set_tag}` is compared with two attributes"))
                .label("one of them will do")
                .help("compare each tag with one attribute"),
        );
        return None;
    }
    Some(all)
}

fn principal_match(reader: &mut Reader, node: &Node) -> Option<PrincipalMatch> {
    let what = "an entry of a scope's `match`";
    let fields = reader.fields(node, what, &PRINCIPAL_MATCH_KEYS)?;
    let set_tag = reader
        .required(&fields, what, "permission_set_tag", "for example `permission_set_tag: Team`")
        .and_then(|node| {
            let key = reader.text(node, "a tag's key")?;
            trust::check(reader, TagOf::PermissionSet, key, node.span, "scopes").then(|| key.to_owned())
        });
    let principal_tag = reader
        .required(
            &fields,
            what,
            "principal_tag",
            "name the attribute for access control, such as `principal_tag: Team`",
        )
        .and_then(|node| principal_tag(reader, node));
    let wildcard = match fields.get("wildcard") {
        None => Some(None),
        Some(node) => wildcard(reader, node).map(Some),
    };
    Some(PrincipalMatch { permission_set_tag: set_tag?, principal_tag: principal_tag?, wildcard: wildcard? })
}

/// The key of an attribute: it becomes part of a policy variable, so it has nothing in it that would end one.
fn principal_tag(reader: &mut Reader, node: &Node) -> Option<String> {
    let key = reader.text(node, "the key of an attribute for access control")?;
    let fits = (1..=128).contains(&key.chars().count())
        && key.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    if !fits {
        reader.report(
            Report::at(node.span, "this can't be the key of an attribute for access control")
                .label("not a key")
                .help("a key has 1 to 128 letters, digits, blanks and `_.:/=+-@`"),
        );
    }
    fits.then(|| key.to_owned())
}

fn wildcard(reader: &mut Reader, node: &Node) -> Option<String> {
    let value = reader.text(node, "the value of the permission set's tag that fits everybody")?;
    if value.contains('*') {
        let help = "a tag's value has no `*` in it; choose a word, such as `wildcard: All`";
        refuse_pattern(reader, value, node.span, help);
        return None;
    }
    Some(value.to_owned())
}
