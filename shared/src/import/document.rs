//! The rules as a document that people go on with: each with how many assignments it stands for, and what is left out with the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    Choices, Declaration, Existing, InOu, Induced, LeftOutWhy, Named, Place, Rule, Selection,
    existing::{Bearers, set_named},
    sets, yaml,
};
use crate::{
    domain::{AccountId, AssignmentKey, Mode, PermissionSetArn, Principal, RuleId},
    rules::{Bundle, MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES, ROOT_FILE},
};

/// How many of what is left out are told one by one.
const TOLD: usize = 50;

/// What stands above the rules.
#[derive(Debug, Clone)]
pub struct Heading<'a> {
    pub mode: Mode,
    /// Lines that are told first, as comments.
    pub about: Vec<String>,
    pub declarations: &'a [Declaration],
}

/// A rule document, in as many files as it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub bundle: Bundle,
}

/// A document that no bundle can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules take {bytes} bytes in {files} files, and a bundle has at most {MAX_BUNDLE_BYTES} in {MAX_FILES}"
)]
pub struct TooLarge {
    pub bytes: usize,
    pub files: usize,
}

/// Writes the rules. What doesn't fit into one file goes into further ones, beside the root file.
pub fn document(
    existing: &Existing,
    induced: &Induced,
    choices: &Choices,
    heading: &Heading<'_>,
) -> Result<Document, TooLarge> {
    let writer = Writer { existing, bearers: Bearers::of(existing), set_names: set_names(existing) };
    let mut ids = Ids::default();
    let (by_place, listed): (Vec<&Rule>, Vec<&Rule>) =
        induced.rules.iter().partition(|rule| !rule.lists_accounts());
    let mut parts: Vec<(&str, String)> = Vec::new();
    for rule in by_place {
        parts.push(("", writer.rule(rule, &mut ids)));
    }
    for rule in listed {
        let why = "\n  # Listed singly, by the ids of their accounts:\n";
        parts.push((why, writer.rule(rule, &mut ids)));
    }

    let mut root = head(choices, heading);
    let left_out = writer.left_out(induced);
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let most = MAX_FILE_BYTES - 1024;
    let mut current = String::new();
    let mut is_root = true;
    let mut last_why = "";
    let begin = |is_root: bool| if is_root { "rules:\n" } else { "version: 1\nrules:\n" };
    let mut taken = root.len() + left_out.len();
    for (why, text) in parts {
        let why_here = if why == last_why && !current.is_empty() { "" } else { why };
        if !current.is_empty() && taken + current.len() + text.len() + why_here.len() > most {
            store(&mut files, &mut root, is_root, begin(is_root), &current);
            current = String::new();
            is_root = false;
            taken = 0;
        }
        let why_here = if why == last_why && !current.is_empty() { "" } else { why };
        current.push_str(why_here);
        current.push_str(&text);
        last_why = why;
    }
    if !current.is_empty() {
        store(&mut files, &mut root, is_root, begin(is_root), &current);
    }
    root.push_str(&left_out);
    files.insert(ROOT_FILE.to_owned(), root);
    let bytes = files.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
    if files.len() > MAX_FILES || bytes > MAX_BUNDLE_BYTES && files.len() > 1 {
        return Err(TooLarge { bytes, files: files.len() });
    }
    Ok(Document { bundle: Bundle { files } })
}

/// Permission sets that no rule gives, as a file to put beside a root file: a root file needs a rule.
pub fn declared_alone(about: &[String], declarations: &[Declaration]) -> Document {
    let declared = declarations.iter().map(sets::written).collect::<String>();
    let text = format!("{}version: 1\n\npermission_sets:\n{declared}", comments(about));
    Document { bundle: Bundle { files: [("permission-sets.yaml".to_owned(), text)].into() } }
}

fn comments(about: &[String]) -> String {
    let mut text = String::new();
    for line in about {
        let _ = writeln!(text, "# {}", yaml::comment(line));
    }
    text
}

fn store(files: &mut BTreeMap<String, String>, root: &mut String, is_root: bool, begin: &str, rules: &str) {
    if is_root {
        root.push_str(begin);
        root.push_str(rules);
    } else {
        files.insert(format!("imported-{:04}.yaml", files.len() + 1), format!("{begin}{rules}"));
    }
}

fn set_names(existing: &Existing) -> BTreeMap<&PermissionSetArn, Named<'_>> {
    existing.sets.keys().map(|arn| (arn, set_named(arn, existing))).collect()
}

/// Ids of rules, each given once.
#[derive(Debug, Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of(&mut self, text: &str) -> String {
        let mut slug = String::new();
        for letter in text.chars() {
            let letter = letter.to_ascii_lowercase();
            if letter.is_ascii_alphanumeric() {
                slug.push(letter);
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        let slug: String = slug.trim_matches('-').chars().take(56).collect();
        let slug = slug.trim_matches('-');
        let slug = if slug.parse::<RuleId>().is_ok() { slug } else { "imported" };
        let tried =
            (1..).map(|number| if number == 1 { slug.to_owned() } else { format!("{slug}-{number}") });
        let free = tried.into_iter().find(|id| !self.0.contains(id)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }
}

/// What stands above the rules.
fn head(choices: &Choices, heading: &Heading<'_>) -> String {
    let Heading { mode, about, declarations } = heading;
    let mut text = comments(about);
    let _ = write!(text, "version: 1\nsettings:\n  mode: {mode}\n");
    let names = |names: &BTreeSet<String>| names.iter().map(|name| yaml::text(name)).collect::<Vec<_>>();
    if !choices.trusted_tags.is_empty() {
        let keys = yaml::list(&names(&choices.trusted_tags), 2);
        let _ = writeln!(text, "  trusted_account_tags: {keys}");
    }
    if !choices.protected_sets.is_empty() {
        let sets = yaml::list(&names(&choices.protected_sets), 2);
        let _ = writeln!(text, "  protected_permission_sets: {sets}");
    }
    if !declarations.is_empty() {
        text.push_str("\npermission_sets:\n");
        for declaration in *declarations {
            text.push_str(&sets::written(declaration));
        }
    }
    text.push('\n');
    text
}

struct Writer<'a> {
    existing: &'a Existing,
    bearers: Bearers<'a>,
    set_names: BTreeMap<&'a PermissionSetArn, Named<'a>>,
}

impl Writer<'_> {
    fn rule(&self, rule: &Rule, ids: &mut Ids) -> String {
        let Rule { selections, principals, sets, assignments, accounts } = rule;
        let id = ids.of(&self.title(rule));
        let (groups, users) = principals.iter().fold((0, 0), |(groups, users), one| match one {
            Principal::Group(_) => (groups + 1, users),
            Principal::User(_) => (groups, users + 1),
        });
        let many = |number: usize, one: &str| match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            number => Some(format!("{number} {one}s")),
        };
        let who: Vec<String> = [many(groups, "group"), many(users, "user")].into_iter().flatten().collect();
        let mut text = format!(
            "  # {}: {} x {} in {}.\n",
            many(*assignments, "assignment").unwrap_or_else(|| "no assignment".to_owned()),
            who.join(" and "),
            many(sets.len(), "permission set").unwrap_or_default(),
            many(*accounts, "account").unwrap_or_default(),
        );
        if let Some(names) = self.told_accounts(rule) {
            let _ = writeln!(text, "  # {names}");
        }
        let _ = writeln!(text, "  - id: {id}");
        let principals: Vec<String> = principals.iter().map(|one| self.principal(one)).collect();
        let mut pinned = String::new();
        for (principal, name) in rule.principals.iter().filter_map(|one| match self.bearers.named(one) {
            Named::Pinned { name } if !name.is_empty() => Some((one, name)),
            Named::Pinned { .. } | Named::ByName(_) => None,
        }) {
            let _ =
                writeln!(pinned, "    # {} is called {}", principal.id(), yaml::comment(&yaml::quoted(name)));
        }
        text.push_str(&pinned);
        let _ = writeln!(text, "    principals: {}", yaml::list(&principals, 4));
        let sets: Vec<String> = sets.iter().map(|set| self.set(set)).collect();
        let _ = writeln!(text, "    permission_sets: {}", yaml::list(&sets, 4));
        let _ = writeln!(text, "    accounts: {}", where_it_holds(selections));
        text
    }

    /// The names of accounts that are listed, where they are few.
    fn told_accounts(&self, rule: &Rule) -> Option<String> {
        let mut names = Vec::new();
        for selection in &rule.selections {
            let ids = match selection {
                Selection::Accounts(ids) => ids,
                Selection::In { except_accounts, .. } => except_accounts,
            };
            for id in ids {
                let account = self.existing.accounts.get(id)?;
                if account.name == id.as_str() {
                    continue;
                }
                names.push(format!("{id} is {}", yaml::comment(&account.name)));
            }
        }
        (1..=6).contains(&names.len()).then(|| names.join(", "))
    }

    /// What its id is made from.
    fn title(&self, rule: &Rule) -> String {
        let who = rule.principals.first().map(|one| match self.bearers.named(one) {
            Named::ByName(name) | Named::Pinned { name } => name.split('@').next().unwrap_or(name).to_owned(),
        });
        let more = if rule.principals.len() > 1 { " and others" } else { "" };
        let place = match rule.selections.first() {
            Some(Selection::In { place: Place { ou, tags }, .. }) => {
                let tags = tags.iter().map(|(key, value)| value.clone().unwrap_or_else(|| key.clone()));
                let ou = ou.iter().map(|ou| ou.written.clone());
                let parts: Vec<String> = ou.chain(tags).collect();
                if parts.is_empty() { "everywhere".to_owned() } else { format!("in {}", parts.join(" ")) }
            }
            Some(Selection::Accounts(ids)) if ids.len() == 1 => {
                let account = ids.first().and_then(|id| self.existing.accounts.get(id));
                format!("in {}", account.map_or("one account", |account| &account.name))
            }
            Some(Selection::Accounts(ids)) => format!("in {} accounts", ids.len()),
            None => String::new(),
        };
        let who = who.filter(|who| !who.is_empty()).unwrap_or_else(|| {
            let first = rule.principals.first().map(Principal::id).unwrap_or_default();
            format!("principal {}", first.chars().take(13).collect::<String>())
        });
        format!("{who}{more} {place}")
    }

    fn principal(&self, principal: &Principal) -> String {
        match (principal, self.bearers.named(principal)) {
            (Principal::Group(_), Named::ByName(name)) => format!("{{ group: {} }}", yaml::text(name)),
            (Principal::User(_), Named::ByName(name)) => format!("{{ user_name: {} }}", yaml::text(name)),
            (Principal::Group(id), Named::Pinned { .. }) => format!("{{ group_id: \"{id}\" }}"),
            (Principal::User(id), Named::Pinned { .. }) => format!("{{ user_id: \"{id}\" }}"),
        }
    }

    fn set(&self, arn: &PermissionSetArn) -> String {
        match self.set_names.get(arn) {
            Some(Named::ByName(name)) => yaml::text(name),
            Some(Named::Pinned { .. }) | None => format!("{{ permission_set_arn: \"{arn}\" }}"),
        }
    }

    fn left_out(&self, induced: &Induced) -> String {
        let mut text = String::new();
        for (why, keys) in &induced.left_out.0 {
            let why = match why {
                LeftOutWhy::PrincipalGone => {
                    "their principal was deleted. They give nobody access, and no rule can name them; delete them by hand if they disturb"
                }
                LeftOutWhy::NotActive => {
                    "their account is not active, and nothing is written there. Import again once it is"
                }
                LeftOutWhy::ControlTower => {
                    "Control Tower makes these permission sets and assigns them by itself. --control-tower imports them too"
                }
                LeftOutWhy::Departed => "the organization does not know their account any more",
            };
            let number = if keys.len() == 1 {
                "1 assignment".to_owned()
            } else {
                format!("{} assignments", keys.len())
            };
            let _ = writeln!(text, "\n# Left out, {number}: {why}.");
            for key in keys.iter().take(TOLD) {
                let _ = writeln!(text, "#   {}", yaml::comment(&self.key(key)));
            }
            if keys.len() > TOLD {
                let _ = writeln!(text, "#   and {} more", keys.len() - TOLD);
            }
        }
        text
    }

    fn key(&self, key: &AssignmentKey) -> String {
        let AssignmentKey { account, permission_set, principal } = key;
        let set = self.existing.sets.get(permission_set).map_or(permission_set.as_str(), |set| &set.name);
        let who = self.existing.principals.get(principal).map_or_else(
            || principal.to_string(),
            |name| match principal {
                Principal::Group(_) => format!("group {name}"),
                Principal::User(_) => format!("user {name}"),
            },
        );
        format!("{account} {set} {who}")
    }
}

/// The value of `accounts`.
fn where_it_holds(selections: &[Selection]) -> String {
    let mut ous: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut parts = Vec::new();
    for selection in selections {
        match selection {
            // Plain selections of one kind are one list.
            Selection::In { place, except, except_accounts }
                if except.is_empty() && except_accounts.is_empty() =>
            {
                match (&place.ou, place.tags.iter().next()) {
                    (Some(InOu { written, directly, .. }), None) => {
                        ous.entry(*directly).or_default().push(yaml::text(written));
                    }
                    (None, Some((key, Some(value)))) if place.tags.len() == 1 => {
                        values.entry(key).or_default().push(yaml::text(value));
                    }
                    _ => parts.push(selected(place)),
                }
            }
            Selection::In { place, except, except_accounts } => {
                let inner = selected(place);
                let inner = if inner == "everywhere" {
                    "all_of: [everywhere]".to_owned()
                } else {
                    let bare = inner.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }"));
                    bare.unwrap_or(&inner).to_owned()
                };
                let mut excepts: Vec<String> = except.iter().map(selected).collect();
                if !except_accounts.is_empty() {
                    excepts.push(listed(except_accounts, 10));
                }
                parts.push(format!("{{ {inner}, except: {} }}", yaml::list(&excepts, 8)));
            }
            Selection::Accounts(ids) => parts.push(listed(ids, 6)),
        }
    }
    let one_or_more = |all: &[String]| match all {
        [only] => only.clone(),
        several => yaml::list(several, 6),
    };
    let mut merged: Vec<String> = Vec::new();
    for (directly, ous) in &ous {
        let key = if *directly { "directly_in_ou" } else { "in_ou" };
        merged.push(format!("{{ {key}: {} }}", one_or_more(ous)));
    }
    for (key, values) in &values {
        merged.push(format!("{{ tagged: {{ {}: {} }} }}", yaml::text(key), one_or_more(values)));
    }
    merged.extend(parts);
    match merged.as_slice() {
        [only] => only.clone(),
        several => yaml::list(several, 4),
    }
}

fn selected(place: &Place) -> String {
    let Place { ou, tags } = place;
    let mut keys = Vec::new();
    if let Some(InOu { written, directly, .. }) = ou {
        let key = if *directly { "directly_in_ou" } else { "in_ou" };
        keys.push(format!("{key}: {}", yaml::text(written)));
    }
    if !tags.is_empty() {
        let tags = tags.iter().map(|(key, value)| match value {
            Some(value) => format!("{}: {}", yaml::text(key), yaml::text(value)),
            None => format!("{}: {{ present: true }}", yaml::text(key)),
        });
        keys.push(format!("tagged: {{ {} }}", tags.collect::<Vec<_>>().join(", ")));
    }
    if keys.is_empty() { "everywhere".to_owned() } else { format!("{{ {} }}", keys.join(", ")) }
}

fn listed(ids: &BTreeSet<AccountId>, indent: usize) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("{{ id: {} }}", yaml::list(&ids, indent))
}
