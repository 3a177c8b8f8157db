//! Why a selector selects an account or doesn't: each of its parts with what it asks and what was found.

use std::fmt;

use serde::Serialize;

use super::{
    selector::{AccountSelector, Join, JoinedWith, OuRef, Purpose, TagSelector},
    text_selector::{TagValueSelector, TextSelector},
};
use crate::domain::{Account, PermissionSet, Tags};

/// One part of a selector, held against one account or permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it fits.
    pub holds: bool,
    /// The key as rules write it: `in_ou`, `tagged`, `match`.
    pub key: &'static str,
    /// What it asks for, as rules write it; empty where its parts say it.
    pub asks: String,
    /// What there is, in words that follow a colon; empty where its parts say it.
    pub found: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Finding>,
}

impl Finding {
    pub(super) fn leaf(holds: bool, key: &'static str, asks: String, found: String) -> Self {
        Self { holds, key, asks, found, parts: Vec::new() }
    }

    fn group(holds: bool, key: &'static str, parts: Vec<Self>) -> Self {
        Self { holds, key, asks: String::new(), found: String::new(), parts }
    }

    /// All of these must hold.
    pub(super) fn all_of(parts: Vec<Self>) -> Self {
        Self::group(parts.iter().all(|part| part.holds), "all_of", parts)
    }

    /// The parts without parts of their own that decide: those that fail where it fails, those that hold where it holds. What an
    /// exception selects speaks against it.
    pub fn deciding(&self) -> Vec<Deciding<'_>> {
        self.decided_by(false)
    }

    fn decided_by(&self, excepted: bool) -> Vec<Deciding<'_>> {
        let mut deciding = Vec::new();
        for part in &self.parts {
            match part.key {
                EXCEPTED if part.holds && !self.holds => {
                    deciding.extend(part.parts.iter().flat_map(|part| part.decided_by(!excepted)));
                }
                EXCEPTED => {}
                _ if part.holds == self.holds => deciding.extend(part.decided_by(excepted)),
                _ => {}
            }
        }
        if deciding.is_empty() {
            deciding.push(Deciding { finding: self, excepted });
        }
        deciding
    }
}

/// A part that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deciding<'a> {
    pub finding: &'a Finding,
    /// It is one of those under `except`.
    pub excepted: bool,
}

const EXCEPT: &str = "except";
/// One of the selectors under `except`.
const EXCEPTED: &str = "excepted";

impl AccountSelector {
    /// Why a rule with this selector gives access to the account, or doesn't. It holds just where [`Self::gives`] says so.
    pub fn why_gives(&self, account: &Account) -> Finding {
        self.why(account, Purpose::Give)
    }

    /// Why a `never` with this selector is about the account, or isn't. It holds just where [`Self::takes_away`] says so.
    pub fn why_takes_away(&self, account: &Account) -> Finding {
        self.why(account, Purpose::TakeAway)
    }

    fn why(&self, account: &Account, purpose: Purpose) -> Finding {
        let unseen = account.is_management && purpose == Purpose::Give;
        let leaf = |key, asks: String, found: String| {
            let found = if unseen {
                "it is the management account, which only a selection by its id gives access to".to_owned()
            } else {
                found
            };
            Finding::leaf(self.holds(account, purpose), key, asks, found)
        };
        let parts = |parts: &[Self]| -> Vec<Finding> {
            parts.iter().map(|part| part.why(account, purpose)).collect()
        };
        match self {
            Self::Everywhere => leaf("everywhere", String::new(), "it is in the organization".to_owned()),
            Self::InOu(ous) => leaf("in_ou", list(ous), place(account)),
            Self::DirectlyInOu(ous) => leaf("directly_in_ou", list(ous), place(account)),
            Self::Tagged(tags) => {
                if unseen {
                    let asks = tags.0.iter().map(|(key, values)| format!("{key}: {}", list(values)));
                    return leaf("tagged", asks.collect::<Vec<_>>().join(", "), String::new());
                }
                tags.why(&account.tags, "the account")
            }
            Self::Named(names) => leaf("named", list(names), format!("its name is `{}`", account.name)),
            Self::Id(ids) => Finding::leaf(
                self.holds(account, purpose),
                "id",
                shortened(ids.iter().map(ToString::to_string).collect()),
                format!("its id is {}", account.id),
            ),
            Self::AllOf(all) => Finding::group(self.holds(account, purpose), "all_of", parts(all)),
            Self::AnyOf(any) => Finding::group(self.holds(account, purpose), "any_of", parts(any)),
            Self::Except { of, except } => {
                let mut all = vec![of.why(account, purpose)];
                all.extend(except.iter().map(|part| {
                    let excepted = part.why(account, purpose.opposite());
                    Finding::group(excepted.holds, EXCEPTED, vec![excepted])
                }));
                Finding::group(self.holds(account, purpose), EXCEPT, all)
            }
        }
    }
}

impl TagSelector {
    /// Why it fits these tags of `whom`, or doesn't: one part for each key.
    pub fn why(&self, tags: &Tags, whom: &str) -> Finding {
        let mut parts: Vec<Finding> = self
            .0
            .iter()
            .map(|(key, values)| {
                let has = tags.get(key);
                let holds = values.iter().any(|value| value.selects(has));
                let found = match has {
                    Some(value) => format!("{whom} has `{value}`"),
                    None => format!("{whom} has no tag `{key}`"),
                };
                Finding::leaf(holds, "tagged", format!("{key}: {}", list(values)), found)
            })
            .collect();
        match parts.len() {
            1 => parts.remove(0),
            _ => Finding::group(self.matches(tags), "all_of", parts),
        }
    }
}

impl Join {
    /// Why it holds, or doesn't. What is missing on either side is no match.
    pub fn why(&self, set: &PermissionSet, account: &Account) -> Finding {
        let key = &self.permission_set_tag;
        let of_set = match set.tags.get(key) {
            Some(value) if self.wildcard.as_deref() == Some(value) => {
                format!("the permission set has `{value}`, which is any")
            }
            Some(value) => format!("the permission set has `{value}`"),
            None => format!("the permission set has no tag `{key}`"),
        };
        let of_account = match &self.with {
            JoinedWith::AccountTag(key) => match account.tags.get(key) {
                Some(value) => format!("the account has `{value}`"),
                None => format!("the account has no tag `{key}`"),
            },
            JoinedWith::NearestOu | JoinedWith::AnyOu => place(account),
        };
        let with = match &self.with {
            JoinedWith::AccountTag(key) => format!("account_tag {key}"),
            JoinedWith::NearestOu => "the nearest OU's name".to_owned(),
            JoinedWith::AnyOu => "the name of any OU above".to_owned(),
        };
        let asks = format!("permission_set_tag {key} = {with}");
        Finding::leaf(self.holds(set, account), "match", asks, format!("{of_set}, {of_account}"))
    }
}

/// Where an account is.
fn place(account: &Account) -> String {
    if account.path.units().is_empty() {
        "the account is directly below the root".to_owned()
    } else {
        format!("the account is in {}", account.path)
    }
}

fn list<T: fmt::Display>(all: &[T]) -> String {
    shortened(all.iter().map(ToString::to_string).collect())
}

/// How many of a list are written.
const LISTED: usize = 6;

fn shortened(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let listed = all.join(" or ");
    if more == 0 { listed } else { format!("{listed} or {more} more") }
}

/// As it is written in a rule.
impl fmt::Display for OuRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(names) => f.write_str(&names.join("/")),
        }
    }
}

/// As it is written in a rule.
impl fmt::Display for TextSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(text) => f.write_str(text),
            Self::Like(glob) => write!(f, "like {glob}"),
        }
    }
}

/// As it is written in a rule.
impl fmt::Display for TagValueSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(text) => text.fmt(f),
            Self::Present => f.write_str("present"),
            Self::Absent => f.write_str("absent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AccountState, OrganizationalUnit, OuPath},
        rules::{self, Bundle},
    };

    fn account(way: &[&str], tags: &[(&str, &str)]) -> Account {
        let unit = |name: &&str| OrganizationalUnit {
            id: "ou-ab12-cdefgh34".parse().unwrap(),
            name: (*name).to_owned(),
        };
        Account {
            id: "111122223333".parse().unwrap(),
            name: "shop-dev".to_owned(),
            state: AccountState::Active,
            path: OuPath(way.iter().map(unit).collect()),
            tags: tags.iter().copied().collect(),
            is_management: false,
        }
    }

    fn selector(accounts: &str) -> AccountSelector {
        let text = format!(
            "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Team, Stage] }}\nrules:\n  - {{ id: r, principals: [{{ group: G }}], permission_sets: [P], accounts: {accounts} }}\n"
        );
        let bundle = Bundle { files: [("rules.yaml".to_owned(), text)].into() };
        rules::read(&bundle).unwrap().rules.remove(0).accounts
    }

    fn told(finding: &Finding) -> String {
        let lines = finding.deciding().into_iter().map(|Deciding { finding, excepted }| {
            let sign = if finding.holds { '+' } else { '-' };
            let except = if excepted { "except " } else { "" };
            format!("{sign} {except}{} {}: {}", finding.key, finding.asks, finding.found)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_fails_is_told_with_what_the_account_has_instead() {
        let narrow = selector(
            "{ in_ou: [Workloads/Development, Sandbox], tagged: { Team: shop, Stage: { like: \"d*\" } } }",
        );
        let elsewhere = account(&["Workloads", "Test"], &[("Team", "search")]);
        insta::assert_snapshot!(told(&narrow.why_gives(&elsewhere)), @r"
        - in_ou Workloads/Development or Sandbox: the account is in Workloads/Test
        - tagged Stage: like d*: the account has no tag `Stage`
        - tagged Team: shop: the account has `search`
        ");
        let here = account(&["Workloads", "Development", "Web"], &[("Team", "shop"), ("Stage", "dev")]);
        insta::assert_snapshot!(told(&narrow.why_gives(&here)), @r"
        + in_ou Workloads/Development or Sandbox: the account is in Workloads/Development/Web
        + tagged Stage: like d*: the account has `dev`
        + tagged Team: shop: the account has `shop`
        ");
    }

    #[test]
    fn what_an_exception_takes_away_is_told_by_the_exception() {
        let some = selector("{ in_ou: Workloads, except: [{ tagged: { Team: shop } }, { named: other }] }");
        let shop = account(&["Workloads"], &[("Team", "shop")]);
        insta::assert_snapshot!(told(&some.why_gives(&shop)), @"+ except tagged Team: shop: the account has `shop`");
        let outside = account(&[], &[("Team", "shop")]);
        assert!(!some.why_gives(&outside).holds);
    }

    #[test]
    fn the_management_account_is_told_as_such_but_where_its_id_selects_it() {
        let management = Account { is_management: true, ..account(&["Workloads"], &[("Team", "shop")]) };
        for unseen in
            ["everywhere", "{ in_ou: Workloads }", "{ tagged: { Team: shop } }", "{ named: shop-dev }"]
        {
            let why = selector(unseen).why_gives(&management);
            assert!(!why.holds, "{unseen}");
            assert!(told(&why).contains("it is the management account"), "{unseen}");
        }
        let by_id = selector("{ id: \"111122223333\" }").why_gives(&management);
        assert!(by_id.holds && told(&by_id).contains("its id is 111122223333"));
        assert!(selector("{ tagged: { Team: shop } }").why_takes_away(&management).holds);
    }
}
