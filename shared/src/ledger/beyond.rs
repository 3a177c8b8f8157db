//! A rule that gives something beyond the scope of its team.

use std::{collections::BTreeMap, fmt};

use crate::domain::{AssignmentKey, RuleId, TeamId};

/// A rule that gives something beyond the scope of its team, in the organization as it was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Beyond {
    pub rule: RuleId,
    pub team: TeamId,
    /// Where the rule is written: `teams/payments/shop.yaml:4`.
    pub written_at: String,
    /// How many assignments it would give.
    pub assignments: usize,
    /// The first of them.
    pub examples: Vec<AssignmentKey>,
    /// How many permission sets in accounts it would give to principals none of which is there yet.
    #[serde(default, skip_serializing_if = "is_none")]
    pub for_nobody: usize,
    /// The first of them: `111122223333 ps-…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// The names of these accounts, permission sets and principals by their ids, as far as they are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// Whether these rules are what makes it so.
    #[serde(default)]
    pub why: WhyBeyond,
}

/// Why something is beyond a scope, and so whether it keeps rules from coming into force.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WhyBeyond {
    /// These rules make it so: they are refused.
    #[default]
    New,
    /// It is just as much beyond under the rules in force: the organization has changed since they came into force.
    Drifted,
    /// A `never` forbids it, so that it would not be given without any scope either.
    Forbidden,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(number: &usize) -> bool {
    *number == 0
}

impl Beyond {
    /// Whether it keeps rules from coming into force.
    pub fn refuses(&self) -> bool {
        match self.why {
            WhyBeyond::New => true,
            WhyBeyond::Drifted | WhyBeyond::Forbidden => false,
        }
    }
}

/// `rule shop at teams/shop.yaml:4 (team shop), 12 assignments such as shop-dev (111122223333) ReadOnlyAccess (ps-…) group:…`
impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, team, written_at, assignments, examples, for_nobody, places, names, why: _ } = self;
        write!(f, "rule {rule} at {written_at} (team {team})")?;
        if *assignments > 0 {
            let what = if *assignments == 1 { "assignment" } else { "assignments" };
            let examples: Vec<String> = examples.iter().map(ToString::to_string).collect();
            write!(f, ", {assignments} {what}{}", told(*assignments, &examples, names))?;
        }
        if *for_nobody > 0 {
            let what = if *for_nobody == 1 { "permission set" } else { "permission sets" };
            let also = if *assignments > 0 { "; and " } else { ", " };
            write!(
                f,
                "{also}{for_nobody} {what} for principals that are not there yet{}",
                told(*for_nobody, places, names)
            )?;
        }
        Ok(())
    }
}

/// Examples of so many.
fn told(all: usize, examples: &[String], names: &BTreeMap<String, String>) -> String {
    let examples: Vec<String> = examples.iter().map(|ids| named(ids, names)).collect();
    match examples.as_slice() {
        [] => String::new(),
        [only] if all == 1 => format!(": {only}"),
        several => format!(" such as {}", several.join(", ")),
    }
}

/// What is written by ids, each with its name before it where that is known: `group:f10f…` is `group:Developers (f10f…)`.
fn named(ids: &str, names: &BTreeMap<String, String>) -> String {
    let each = ids.split(' ').map(|word| {
        let id = word.split_once(':').map_or(word, |(_, id)| id);
        match (names.get(id), word.strip_suffix(id)) {
            (Some(name), Some(kind)) => format!("{kind}{name} ({id})"),
            (Some(_) | None, _) => word.to_owned(),
        }
    });
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_by_name_is_told_with_it_and_else_by_its_id() {
        let set = |digit: &str| {
            format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{}", digit.repeat(16))
        };
        let key = |account: &str, digit: &str| AssignmentKey {
            account: account.parse().unwrap(),
            permission_set: set(digit).parse().unwrap(),
            principal: "group:f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap(),
        };
        let names = [
            ("111122223333", "shop dev"),
            ("ps-1111111111111111", "ReadOnlyAccess"),
            ("f10fac16-ab5b-45c3-86c1-0123456789ab", "Shop"),
        ];
        let beyond = Beyond {
            rule: "shop".parse().unwrap(),
            team: "shop".parse().unwrap(),
            written_at: "teams/shop.yaml:4".to_owned(),
            assignments: 2,
            examples: vec![key("111122223333", "1"), key("222233334444", "2")],
            for_nobody: 1,
            places: vec!["222233334444 ps-1111111111111111".to_owned()],
            names: names.map(|(id, name)| (id.to_owned(), name.to_owned())).into(),
            why: WhyBeyond::New,
        };
        insta::assert_snapshot!(beyond, @"rule shop at teams/shop.yaml:4 (team shop), 2 assignments such as shop dev (111122223333) ReadOnlyAccess (ps-1111111111111111) group:Shop (f10fac16-ab5b-45c3-86c1-0123456789ab), 222233334444 ps-2222222222222222 group:Shop (f10fac16-ab5b-45c3-86c1-0123456789ab); and 1 permission set for principals that are not there yet: 222233334444 ReadOnlyAccess (ps-1111111111111111)");
    }
}
