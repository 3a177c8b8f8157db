//! That nothing bears a name, and what is called nearly so.

use std::collections::BTreeMap;

use shared::{
    domain::{PermissionSet, PermissionSetArn},
    ports::{LedgerReader, SeenKind},
};

use crate::{Failure, connect::Aws, failure::Unknown, look_up::Called, screen::line};

/// How many names that are like a mistyped one are told.
const SUGGESTED: usize = 3;

/// The names that are most like this word: with one letter in three wrong, or with the word in them; the most alike first.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    if word.chars().count() > 128 {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in known {
        let plain = name.to_lowercase();
        let distance = strsim::damerau_levenshtein(&word, &plain);
        let allowed = (word.chars().count().max(plain.chars().count()) / 3).max(1);
        let has_it = word.chars().count() >= 3 && plain.contains(&word);
        if distance <= allowed || has_it {
            found.push((distance, name));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(SUGGESTED).map(|(_, name)| name).collect()
}

/// That there is no such account, with those that are like it.
pub(crate) fn no_account<A: Called>(text: &str, all: &[A]) -> Unknown {
    let names = all.iter().flat_map(|account| [account.name(), account.id().as_str()]);
    let near = nearest(text, names);
    let told = near.into_iter().map(|near| {
        let of = all.iter().find(|account| account.name() == near || account.id().as_str() == near);
        of.map_or_else(|| near.to_owned(), |account| format!("{} ({})", line(account.name()), account.id()))
    });
    Unknown::Account { name: text.to_owned(), nearest: told.collect() }
}

/// That nobody is called so, with those whose names are like it, as far as the directory lists them.
pub(crate) async fn nobody(text: &str, aws: &Aws) -> Unknown {
    let (kind, word) = text.split_once(':').filter(|(kind, _)| matches!(*kind, "user" | "group")).unzip();
    let groups = aws.directory.all_groups().await.unwrap_or_default();
    let users = aws.directory.all_users().await.unwrap_or_default();
    let groups = groups.values().filter(|_| kind != Some("user")).map(|name| ("group", name.as_str()));
    let users = users.values().filter(|_| kind != Some("group")).map(|name| ("user", name.as_str()));
    let known: Vec<(&str, &str)> = groups.chain(users).collect();
    Unknown::Nobody { name: text.to_owned(), nearest: people_like(word.unwrap_or(text), text, &known) }
}

/// Those whose names are like the word, and those whose whole name is what was typed: a name may begin like a kind.
fn people_like(word: &str, text: &str, known: &[(&str, &str)]) -> Vec<String> {
    let whole = known.iter().map(|(_, name)| *name).filter(|name| *name == text);
    let mut near: Vec<&str> = whole.chain(nearest(word, known.iter().map(|(_, name)| *name))).collect();
    near.dedup();
    let told = near.into_iter().flat_map(|near| {
        let called = known.iter().filter(move |(_, name)| *name == near);
        called.map(|(kind, name)| format!("{kind}:{}", line(name)))
    });
    told.take(SUGGESTED).collect()
}

/// That there is no such permission set, with those whose names are like it.
pub(crate) async fn no_permission_set(
    text: &str,
    aws: &Aws,
    ledger: &dyn LedgerReader,
) -> Result<Unknown, Failure> {
    let mut names: Vec<(String, PermissionSetArn)> = Vec::new();
    let mut remembered = BTreeMap::new();
    for seen in ledger.recall(SeenKind::PermissionSet).await? {
        if let Ok(set) = serde_json::from_value::<PermissionSet>(seen.value) {
            remembered.insert(set.arn, set.name);
        }
    }
    for arn in aws.access.permission_sets().await.map_err(Failure::LookUp)? {
        let name = match remembered.remove(&arn) {
            Some(name) => Some(name),
            None => aws.access.permission_set_name(&arn).await.map_err(Failure::LookUp)?,
        };
        names.extend(name.map(|name| (name, arn)));
    }
    let near = nearest(text, names.iter().map(|(name, _)| name.as_str())).into_iter();
    // A name that looks like an id is none: what bears it is told by its own.
    let told = near.map(|near| match names.iter().find(|(name, _)| name == near && name == text) {
        Some((_, arn)) => arn.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
        None => line(near),
    });
    Ok(Unknown::PermissionSet { name: text.to_owned(), nearest: told.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_like_a_kind_is_suggested_with_its_own_before_it() {
        let known = [("group", "group:x"), ("group", "xylophones"), ("user", "group:x")];
        assert_eq!(people_like("x", "group:x", &known), ["group:group:x", "user:group:x"]);
        assert_eq!(people_like("xylophone", "group:xylophone", &known), ["group:xylophones"]);
    }

    #[test]
    fn names_that_are_alike_come_first_and_others_not_at_all() {
        let known = ["Developers", "developers-web", "Auditors", "Operators"];
        assert_eq!(nearest("Developer", known), ["Developers", "developers-web"]);
        assert_eq!(nearest("auditor", known), ["Auditors"]);
        assert_eq!(nearest("x", known), [""; 0]);
        assert_eq!(nearest(&"x".repeat(200), known), [""; 0]);
    }
}
