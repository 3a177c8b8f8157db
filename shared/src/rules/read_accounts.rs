//! Reads which accounts a rule or a `never` is about.

use std::collections::BTreeSet;

use super::{
    diagnostic::{Report, Span},
    node::{Node, Value},
    read_selector::all,
    read_tags::{names, refuse_pattern, tags},
    reader::{Fields, Reader, shorten},
    selector::{AccountSelector, OuRef},
    trust::TagOf,
};
use crate::domain::{AccountId, RootId};

pub(super) const ACCOUNT_KEYS: [&str; 8] =
    ["in_ou", "directly_in_ou", "tagged", "named", "id", "all_of", "any_of", "except"];

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
            "tagged" => tags(reader, value, TagOf::Account).map(AccountSelector::Tagged),
            "named" => names(reader, value).map(AccountSelector::Named),
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

fn ids(reader: &mut Reader, node: &Node) -> Option<BTreeSet<AccountId>> {
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
        refuse_pattern(
            reader,
            text,
            span,
            "`in_ou` takes in all that is below; an OU with `*` in its name can be selected by its id",
        );
        return None;
    }
    Some(OuRef::Path(names))
}
