//! Reads selectors out of a document's tree.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    diagnostic::{Report, Span},
    name_template::NameTemplate,
    node::{Entry, Node, Value},
    reader::{Fields, Reader, one_of, shorten},
    selector::{AccountSelector, OuRef, PermissionSetSelector, PrincipalSelector, TagSelector},
    text_selector::{TagValueSelector, TextSelector},
};
use crate::domain::RootId;

const ACCOUNT_KEYS: [&str; 8] =
    ["in_ou", "directly_in_ou", "tagged", "named", "id", "all_of", "any_of", "except"];
const PERMISSION_SET_KEYS: [&str; 3] = ["name", "permission_set_arn", "tagged"];
const PRINCIPAL_KEYS: [&str; 4] = ["group", "group_id", "user_name", "user_id"];

/// Reads all items for the problems in them; `None` if one of them could not be read.
fn all<T>(items: &[Node], read: impl FnMut(&Node) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.iter().map(read).collect();
    read.into_iter().collect()
}

/// The one field of a map that must have exactly one.
fn only<'n>(
    reader: &mut Reader,
    node: &'n Node,
    what: &str,
    known: &[&'static str],
) -> Option<(&'static str, &'n Node)> {
    let fields = reader.fields(node, what, known)?;
    let mut found = known.iter().filter_map(|key| Some((*key, fields.get(key)?)));
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => {
            reader.report(
                Report::at(node.span, format!("{what} has exactly one of {}", one_of(known)))
                    .label("more than one")
                    .help("list them one by one"),
            );
            None
        }
        (None, _) => {
            // An unknown key has been reported already.
            if matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
                reader.report(
                    Report::at(node.span, format!("{what} has exactly one of {}", one_of(known)))
                        .label("empty"),
                );
            }
            None
        }
    }
}

/// Reads `principals`.
pub(super) fn principals(reader: &mut Reader, node: &Node) -> Option<Vec<PrincipalSelector>> {
    let items = reader.list(node, "a list of principals, such as `[ { group: Developers } ]`")?;
    all(items, |item| principal(reader, item))
}

fn principal(reader: &mut Reader, node: &Node) -> Option<PrincipalSelector> {
    let (key, value) = only(reader, node, "a principal", &PRINCIPAL_KEYS)?;
    match key {
        "group" => principal_name(reader, value, "a group's name").map(PrincipalSelector::Group),
        "group_id" => {
            let text = reader.text(value, "a group's id")?;
            reader.id(text, value.span).map(PrincipalSelector::GroupId)
        }
        "user_name" => principal_name(reader, value, "a user's name").map(PrincipalSelector::User),
        _ => {
            let text = reader.text(value, "a user's id")?;
            reader.id(text, value.span).map(PrincipalSelector::UserId)
        }
    }
}

/// Braces are kept for names that are made from an account's own data.
fn principal_name(reader: &mut Reader, node: &Node, what: &str) -> Option<NameTemplate> {
    let text = reader.text(node, what)?;
    if text.contains(['{', '}']) {
        reader.report(
            Report::at(
                node.span,
                "names made from an account's data are not supported by this version of Usher",
            )
            .label("`{` and `}` are kept for them")
            .help("write the name out, or pin the principal with `group_id` or `user_id`"),
        );
        return None;
    }
    Some(NameTemplate::plain(text))
}

/// Reads `permission_sets`: a list, or one selector in its place.
pub(super) fn permission_sets(reader: &mut Reader, node: &Node) -> Option<Vec<PermissionSetSelector>> {
    if let Value::Map(_) = node.value {
        return Some(vec![permission_set(reader, node)?]);
    }
    let items = reader.list(node, "a list of permission sets, such as `[ ReadOnlyAccess ]`")?;
    all(items, |item| permission_set(reader, item))
}

fn permission_set(reader: &mut Reader, node: &Node) -> Option<PermissionSetSelector> {
    let what = "a permission set";
    if let Value::Text(_) = node.value {
        return permission_set_name(reader, node).map(PermissionSetSelector::Name);
    }
    let (key, value) = only(reader, node, what, &PERMISSION_SET_KEYS)?;
    match key {
        "name" => permission_set_name(reader, value).map(PermissionSetSelector::Name),
        "permission_set_arn" => {
            let text = reader.text(value, "a permission set's ARN")?;
            reader.id(text, value.span).map(PermissionSetSelector::Arn)
        }
        _ => tags(reader, value).map(PermissionSetSelector::Tagged),
    }
}

/// A name that a permission set can have: up to 32 of `[\w+=,.@-]` (`CreatePermissionSet`, API reference).
fn permission_set_name(reader: &mut Reader, node: &Node) -> Option<NameTemplate> {
    let text = reader.text(node, "a permission set's name")?;
    let written = shorten(text);
    let report =
        Report::at(node.span, format!("no permission set can be called `{written}`")).label("not a name");
    if text.starts_with("arn:") {
        reader.report(report.help("to pin one by its ARN, write `{ permission_set_arn: … }`"));
    } else if text.chars().count() > 32
        || !text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        reader.report(report.help("a name has up to 32 letters, digits and `_+=,.@-`"));
    } else {
        return Some(NameTemplate::plain(text));
    }
    None
}

/// Reads `tagged`: a map of keys, each with the value or the values that will do.
fn tags(reader: &mut Reader, node: &Node) -> Option<TagSelector> {
    let what = "a map of tags, such as `{ Environment: Development }`";
    let Value::Map(entries) = &node.value else {
        reader.expected(node, what);
        return None;
    };
    if entries.is_empty() {
        reader.report(Report::at(node.span, format!("expected {what}, found an empty map")).label("empty"));
        return None;
    }
    let mut tags = BTreeMap::new();
    let mut complete = true;
    for Entry { key, key_span, value } in entries {
        let key = reader.unmistakable(key, *key_span, "a tag's key");
        let values = exact(reader, value, "a tag's value or a list of values");
        match (key, values) {
            (Some(key), Some(values)) => {
                let values = values.into_iter().map(TagValueSelector::Value);
                tags.insert(key.to_owned(), values.collect());
            }
            (Some(_) | None, _) => complete = false,
        }
    }
    complete.then_some(TagSelector(tags))
}

/// One text or several, each compared as a whole.
fn exact(reader: &mut Reader, node: &Node, what: &str) -> Option<Vec<TextSelector>> {
    let texts = reader.texts(node, what)?;
    let mut complete = true;
    for (text, span) in &texts {
        if text.contains('*') {
            complete = false;
            refuse_pattern(reader, text, *span);
        }
    }
    complete.then(|| texts.into_iter().map(|(text, _)| TextSelector::Is(text.to_owned())).collect())
}

fn refuse_pattern(reader: &mut Reader, text: &str, span: Span) {
    reader.report(
        Report::at(
            span,
            format!(
                "`{}` looks like a pattern; patterns are not supported by this version of Usher",
                shorten(text)
            ),
        )
        .label("compared as it stands, `*` included")
        .help("list the values; something with `*` in its name can be selected by its id"),
    );
}

/// Reads `accounts`: `everywhere`, one selector, or a list of selectors of which any will do.
pub(super) fn accounts(reader: &mut Reader, node: &Node) -> Option<AccountSelector> {
    match &node.value {
        Value::List(_) => selectors(reader, node).map(AccountSelector::AnyOf),
        Value::Text(_) | Value::Map(_) | Value::Invalid => selector(reader, node),
    }
}

fn selectors(reader: &mut Reader, node: &Node) -> Option<Vec<AccountSelector>> {
    let items = reader.list(node, "a list of account selectors, such as `[ { in_ou: Workloads } ]`")?;
    all(items, |item| selector(reader, item))
}

fn selector(reader: &mut Reader, node: &Node) -> Option<AccountSelector> {
    match &node.value {
        Value::Text(text) if text.text == "everywhere" => Some(AccountSelector::Everywhere),
        Value::Text(text) => {
            let what = "`everywhere` or a map such as `{ in_ou: Workloads }`";
            reader.unknown_word(node, &text.text, what, &["everywhere"]);
            None
        }
        Value::List(_) | Value::Map(_) | Value::Invalid => {
            let fields = reader.fields(node, "an account selector", &ACCOUNT_KEYS)?;
            selector_map(reader, node, &fields)
        }
    }
}

/// Every key narrows the selection; `except` takes away from what the others select.
fn selector_map(reader: &mut Reader, node: &Node, fields: &Fields<'_>) -> Option<AccountSelector> {
    let mut parts: Vec<Option<AccountSelector>> = Vec::new();
    let mut except = None;
    for key in ACCOUNT_KEYS {
        let Some(value) = fields.get(key) else { continue };
        parts.push(match key {
            "in_ou" => ous(reader, value).map(AccountSelector::InOu),
            "directly_in_ou" => ous(reader, value).map(AccountSelector::DirectlyInOu),
            "tagged" => tags(reader, value).map(AccountSelector::Tagged),
            "named" => {
                exact(reader, value, "an account's name or a list of names").map(AccountSelector::Named)
            }
            "id" => ids(reader, value).map(AccountSelector::Id),
            "all_of" => selectors(reader, value).map(AccountSelector::AllOf),
            "any_of" => selectors(reader, value).map(AccountSelector::AnyOf),
            _ => {
                except = Some(selectors(reader, value));
                continue;
            }
        });
    }
    if parts.is_empty() {
        // INVARIANT: leaving a line out never widens a selection to everything.
        if let Value::Map(entries) = &node.value
            && (entries.is_empty() || except.is_some())
        {
            reader.report(
                Report::at(
                    node.span,
                    "an account selector that says nothing about which accounts it selects",
                )
                .label("selects what?")
                .help(
                    "all accounts are `everywhere`; all but some are `{ all_of: [everywhere], except: […] }`",
                ),
            );
        }
        return None;
    }
    let mut parts: Vec<AccountSelector> = parts.into_iter().collect::<Option<_>>()?;
    let of = if parts.len() == 1 { parts.pop()? } else { AccountSelector::AllOf(parts) };
    match except {
        None => Some(of),
        Some(except) => Some(AccountSelector::Except { of: Box::new(of), except: except? }),
    }
}

fn ids(reader: &mut Reader, node: &Node) -> Option<BTreeSet<crate::domain::AccountId>> {
    let texts = reader.texts(node, "an account's id in quotes, or a list of ids")?;
    let ids: Vec<_> = texts.into_iter().map(|(text, span)| reader.id(text, span)).collect();
    ids.into_iter().collect()
}

fn ous(reader: &mut Reader, node: &Node) -> Option<Vec<OuRef>> {
    let texts = reader.texts(node, "an OU's path or id, or a list of them")?;
    let ous: Vec<_> = texts.into_iter().map(|(text, span)| ou(reader, text, span)).collect();
    ous.into_iter().collect()
}

fn ou(reader: &mut Reader, text: &str, span: Span) -> Option<OuRef> {
    if text == "/" || text.parse::<RootId>().is_ok() {
        reader.report(
            Report::at(span, "the root is not an OU")
                .label("the organization's root")
                .help("`accounts: everywhere` selects all accounts"),
        );
        return None;
    }
    if text.starts_with("ou-") {
        // An OU may be called so, but a mistyped id must not become a name that nothing has.
        return reader.id(text, span).map(OuRef::Id);
    }
    let names: Vec<String> = text.split('/').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        reader.report(
            Report::at(span, format!("`{}` is not the path of an OU", shorten(text)))
                .label("an empty name")
                .help("names from the outermost OU down, with `/` between them, such as `Workloads/Development`"),
        );
        return None;
    }
    if text.contains('*') {
        refuse_pattern(reader, text, span);
        return None;
    }
    Some(OuRef::Path(names))
}

/// Every key of a selector.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    ACCOUNT_KEYS.into_iter().chain(PERMISSION_SET_KEYS).chain(PRINCIPAL_KEYS)
}
