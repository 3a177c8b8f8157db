//! Reads which principals and which permission sets a rule or a `never` is about, and the names in them.

use super::{
    diagnostic::{Report, Span},
    name_template::{AccountData, NameTemplate, TemplateError},
    node::{Node, Value},
    read_tags::tags,
    reader::{Reader, nearest, one_of, shorten},
    selector::{PermissionSetSelector, PrincipalSelector},
    trust::{self, TagOf},
};

pub(super) const PRINCIPAL_KEYS: [&str; 5] = ["group", "group_id", "user_name", "user_id", "members_of"];
pub(super) const MEMBERS_OF_KEYS: [&str; 1] = ["group_id"];
pub(super) const PERMISSION_SET_KEYS: [&str; 3] = ["name", "permission_set_arn", "tagged"];

/// What a name can be made from, as it begins between braces.
const DATA: [&str; 4] = ["account_tag", "account_name", "account_id", "ou_name"];

/// Something that was read, and where its value is written.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) it: T,
    pub(super) span: Span,
}

/// Reads all items for the problems in them; `None` if one of them could not be read.
pub(super) fn all<T>(items: &[Node], read: impl FnMut(&Node) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.iter().map(read).collect();
    read.into_iter().collect()
}

/// The one field of a map that must have exactly one.
pub(super) fn only<'n>(
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
                let message = match known {
                    [only] => format!("{what} needs the key `{only}`"),
                    _ => format!("{what} has exactly one of {}", one_of(known)),
                };
                reader.report(Report::at(node.span, message).label("empty"));
            }
            None
        }
    }
}

/// Reads `principals`.
pub(super) fn principals(reader: &mut Reader, node: &Node) -> Option<Vec<Placed<PrincipalSelector>>> {
    let items = reader.list(node, "a list of principals, such as `[ { group: Developers } ]`")?;
    all(items, |item| {
        let (key, value) = only(reader, item, "a principal", &PRINCIPAL_KEYS)?;
        Some(Placed { it: principal(reader, key, value)?, span: value.span })
    })
}

fn principal(reader: &mut Reader, key: &str, value: &Node) -> Option<PrincipalSelector> {
    match key {
        "group" => name(reader, value, "a group's name").map(PrincipalSelector::Group),
        "group_id" => {
            let text = reader.text(value, "a group's id")?;
            reader.id(text, value.span).map(PrincipalSelector::GroupId)
        }
        "user_name" => name(reader, value, "a user's name").map(PrincipalSelector::User),
        "user_id" => {
            let text = reader.text(value, "a user's id")?;
            reader.id(text, value.span).map(PrincipalSelector::UserId)
        }
        _ => members_of(reader, value),
    }
}

/// A group's name, or a map with its id.
fn members_of(reader: &mut Reader, node: &Node) -> Option<PrincipalSelector> {
    let Value::Map(_) = node.value else {
        let what = "a group's name or a map such as `{ group_id: … }`";
        return name(reader, node, what).map(PrincipalSelector::MembersOf);
    };
    let (_, value) = only(reader, node, "`members_of`", &MEMBERS_OF_KEYS)?;
    let text = reader.text(value, "a group's id")?;
    reader.id(text, value.span).map(PrincipalSelector::MembersOfId)
}

/// Reads `permission_sets`: a list, or one selector in its place.
pub(super) fn permission_sets(
    reader: &mut Reader,
    node: &Node,
) -> Option<Vec<Placed<PermissionSetSelector>>> {
    if let Value::Map(_) = node.value {
        return Some(vec![permission_set(reader, node)?]);
    }
    let items = reader.list(node, "a list of permission sets, such as `[ ReadOnlyAccess ]`")?;
    all(items, |item| permission_set(reader, item))
}

fn permission_set(reader: &mut Reader, node: &Node) -> Option<Placed<PermissionSetSelector>> {
    let (key, value) = if let Value::Text(_) = node.value {
        ("name", node)
    } else {
        only(reader, node, "a permission set", &PERMISSION_SET_KEYS)?
    };
    let it = match key {
        "name" => {
            let name = name(reader, value, "a permission set's name")?;
            if !can_be_called(reader, &name, value.span) {
                return None;
            }
            PermissionSetSelector::Name(name)
        }
        "permission_set_arn" => {
            let text = reader.text(value, "a permission set's ARN")?;
            PermissionSetSelector::Arn(reader.id(text, value.span)?)
        }
        _ => PermissionSetSelector::Tagged(tags(reader, value, TagOf::PermissionSet)?),
    };
    Some(Placed { it, span: value.span })
}

/// Reads the name of a permission set that is the same for every account.
pub(super) fn plain_permission_set_name(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text(node, "a permission set's name")?;
    can_be_called(reader, &NameTemplate::plain(text), node.span).then(|| text.to_owned())
}

/// Whether a permission set can have this name: up to 32 of `[\w+=,.@-]` (`CreatePermissionSet`, API reference).
fn can_be_called(reader: &mut Reader, name: &NameTemplate, span: Span) -> bool {
    let text = name.fixed_text();
    if text.chars().count() <= 32 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        return true;
    }
    let report =
        Report::at(span, format!("no permission set can be called `{}`", shorten(&name.to_string())));
    reader.report(report.label("not a name").help(if text.starts_with("arn:") {
        "to pin one by its ARN, write `{ permission_set_arn: … }`"
    } else {
        "a name has up to 32 letters, digits and `_+=,.@-`"
    }));
    false
}

/// Reads a name, which may be made from the account's own data.
fn name(reader: &mut Reader, node: &Node, what: &str) -> Option<NameTemplate> {
    let text = reader.text(node, what)?;
    match NameTemplate::parse(text) {
        Ok(name) => {
            let mut trusted = true;
            for data in name.data() {
                if let AccountData::Tag(key) = data {
                    trusted &= trust::check(reader, TagOf::Account, key, node.span, "names");
                }
            }
            trusted.then_some(name)
        }
        Err(error) => {
            let message = shorten(&error.to_string());
            reader.report(Report::at(node.span, message).label("not a name").help(way_out(&error)));
            None
        }
    }
}

fn way_out(error: &TemplateError) -> String {
    if let TemplateError::UnknownData(data) = error {
        let (data, key) = data.split_once('.').map_or((data.as_str(), None), |(data, key)| (data, Some(key)));
        match (nearest(data, DATA), key) {
            (Some("account_tag"), Some(key)) if !key.is_empty() => {
                return format!("did you mean `{{account_tag.{key}}}`?");
            }
            (Some("account_tag"), _) => return "name the tag's key: `{account_tag.Team}`".to_owned(),
            (Some(near), None) => return format!("did you mean `{{{near}}}`?"),
            (_, _) => {}
        }
    }
    "names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name \
     can be pinned by its id"
        .to_owned()
}
