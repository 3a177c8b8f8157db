//! What rules want, against a second statement of it: a plain question about each account, permission set, principal and rule.

use proptest::prelude::*;

use super::{
    language::{document_of, rule},
    scopes::teams,
    *,
};
use crate::{
    domain::{Mode, OrganizationalUnit, Principal, RuleId},
    rules::{
        AccountSelector, Join, JoinedWith, NameTemplate, Never, OuRef, PermissionSetSelector,
        PrincipalSelector, Rule, TagSelector, TagValueSelector, Team, WrittenAt,
    },
};

const GROUPS: [(&str, &str); 4] = [
    ("web-devs", "00000000-0000-0000-0000-0000000000a1"),
    ("data-devs", "00000000-0000-0000-0000-0000000000a2"),
    ("Work", "00000000-0000-0000-0000-0000000000a3"),
    ("Everybody", "00000000-0000-0000-0000-0000000000a4"),
];
const USERS: [(&str, &str); 3] = [
    ("ann", "00000000-0000-0000-0000-0000000000b1"),
    ("ben", "00000000-0000-0000-0000-0000000000b2"),
    ("web-bot", "00000000-0000-0000-0000-0000000000b3"),
];

/// An organization, its directory and its permission sets, as they are.
#[derive(Debug, Clone)]
pub(super) struct Situation {
    pub(super) accounts: Vec<Account>,
    /// Which of `GROUPS` exist, and which of `USERS` are in each.
    pub(super) groups: BTreeMap<&'static str, BTreeSet<usize>>,
    pub(super) sets: Vec<PermissionSet>,
    pub(super) rules: Vec<Rule>,
    pub(super) never: Vec<Never>,
    /// Rules of the second half may be of these.
    pub(super) teams: Vec<Team>,
}

impl Situation {
    pub(super) fn facts(&self) -> Facts {
        let user = |at: usize| USERS[at].1.parse::<UserId>().unwrap();
        let exists = |name: &str| self.groups.contains_key(name);
        let id = |id: &str| id.parse::<GroupId>().unwrap();
        let mut facts = Facts {
            groups: BTreeMap::new(),
            group_ids: BTreeMap::new(),
            users: USERS.map(|(name, id)| (name.to_owned(), Lookup::Found(id.parse().unwrap()))).into(),
            user_ids: USERS.map(|(_, id)| (id.parse().unwrap(), Lookup::Found(()))).into(),
            members: BTreeMap::new(),
            member_groups: BTreeMap::new(),
            permission_sets: Lookup::Found(self.sets.clone().into()),
            confirmed: BTreeMap::new(),
        };
        for (name, group) in GROUPS {
            let found = exists(name);
            let lookup = if found { Lookup::Found(id(group)) } else { Lookup::Absent };
            facts.groups.insert(name.to_owned(), lookup);
            facts.group_ids.insert(id(group), if found { Lookup::Found(()) } else { Lookup::Absent });
            let members = self.groups.get(name).map(|members| members.iter().map(|at| user(*at)).collect());
            facts.members.insert(id(group), members.map_or(Lookup::Absent, Lookup::Found));
        }
        // Names that templates can make, and nobody bears.
        for name in ["Test", "dev-devs", "All-devs"] {
            facts.groups.insert(name.to_owned(), Lookup::Absent);
        }
        for name in ["data-bot", "dev-bot", "All-bot"] {
            facts.users.insert(name.to_owned(), Lookup::Absent);
        }
        facts.member_groups.clone_from(&facts.groups);
        facts
    }

    pub(super) fn index(&self, protected: &[&str]) -> Index {
        document_of(self.teams.clone(), self.rules.clone(), self.never.clone(), protected)
    }

    /// Every principal that there could be a key for: the name that it bears, and the groups that a user is in.
    fn principals(&self) -> Vec<(Principal, &'static str, BTreeSet<&'static str>)> {
        let groups = GROUPS.iter().filter(|(name, _)| self.groups.contains_key(name));
        let groups = groups.map(|(name, id)| (Principal::Group(id.parse().unwrap()), *name, BTreeSet::new()));
        let users = USERS.iter().enumerate().map(|(at, (name, id))| {
            let of = self.groups.iter().filter(|(_, members)| members.contains(&at)).map(|(group, _)| *group);
            (Principal::User(id.parse().unwrap()), *name, of.collect())
        });
        groups.chain(users).collect()
    }

    /// Each principal as it is asked about: a user with their groups, a group alone.
    pub(super) fn questions(&self) -> Vec<BTreeMap<Principal, Option<String>>> {
        let group = |name: &str| {
            let (name, id) = GROUPS.iter().find(|(known, _)| *known == name).unwrap();
            (Principal::Group(id.parse().unwrap()), Some((*name).to_owned()))
        };
        let asked = self.principals().into_iter().map(|(principal, name, groups)| {
            let own = (principal, Some(name.to_owned()));
            groups.into_iter().map(group).chain([own]).collect()
        });
        asked.collect()
    }

    /// Which rules want what where, asked of every combination on its own.
    pub(super) fn wanted(&self, protected: &[&str], hour: i64) -> BTreeMap<AssignmentKey, BTreeSet<RuleId>> {
        let mut wanted: BTreeMap<AssignmentKey, BTreeSet<RuleId>> = BTreeMap::new();
        for account in &self.accounts {
            for set in &self.sets {
                for (principal, name, groups) in self.principals() {
                    let is_meant = |principals: &[PrincipalSelector]| {
                        principals.iter().any(|selector| means(selector, &principal, name, &groups, account))
                    };
                    let barred = self.never.iter().any(|never| {
                        never.principals.as_deref().is_none_or(is_meant)
                            && never.permission_sets.iter().any(|it| is_of(it, set, account))
                            && is_in(&never.accounts, account)
                    });
                    for rule in self.rules.iter().filter(|_| !barred) {
                        let (from, until) = (rule.from.map_or(0, hour_of), rule.until.map_or(24, hour_of));
                        let by_name = is_listed(&rule.accounts);
                        let given = rule.permission_sets.iter().any(|it| {
                            let sure =
                                by_name && !matches!(it, PermissionSetSelector::Tagged(_)) && !is_made(it);
                            is_of(it, set, account) && (sure || !protected.contains(&set.name.as_str()))
                        });
                        if (from..until).contains(&hour)
                            && is_in(&rule.accounts, account)
                            && is_meant(&rule.principals)
                            && given
                            && rule.joins.iter().all(|join| joined(join, set, account))
                            && self.is_in_scope(rule, set, account, protected)
                        {
                            let key = AssignmentKey {
                                account: account.id.clone(),
                                permission_set: set.arn.clone(),
                                principal: principal.clone(),
                            };
                            wanted.entry(key).or_default().insert(rule.id.clone());
                        }
                    }
                }
            }
        }
        wanted
    }
}

fn hour_of(time: Timestamp) -> i64 {
    (time.as_second() - at(0).as_second()) / 3_600
}

/// A name with its placeholders filled in; `None` where something is missing.
fn filled(template: &NameTemplate, account: &Account) -> Option<String> {
    let mut text = template.to_string();
    for key in ["Team", "Env"] {
        let place = format!("{{account_tag.{key}}}");
        if text.contains(&place) {
            text = text.replace(&place, account.tags.get(key).filter(|value| !value.is_empty())?);
        }
    }
    if text.contains("{ou_name}") {
        text = text.replace("{ou_name}", &account.path.units().last()?.name);
    }
    Some(text)
}

fn means(
    selector: &PrincipalSelector,
    principal: &Principal,
    name: &str,
    groups: &BTreeSet<&str>,
    account: &Account,
) -> bool {
    let is_group = matches!(principal, Principal::Group(_));
    let bears = |template: &NameTemplate| filled(template, account).as_deref() == Some(name);
    match selector {
        PrincipalSelector::Group(template) => is_group && bears(template),
        PrincipalSelector::User(template) => !is_group && bears(template),
        PrincipalSelector::GroupId(id) => *principal == Principal::Group(id.clone()),
        PrincipalSelector::UserId(id) => *principal == Principal::User(id.clone()),
        PrincipalSelector::MembersOf(template) => {
            filled(template, account).is_some_and(|of| groups.contains(of.as_str()))
        }
        PrincipalSelector::MembersOfId(id) => {
            GROUPS.iter().any(|(name, group)| *group == id.as_str() && groups.contains(name))
        }
    }
}

pub(super) fn is_made(selector: &PermissionSetSelector) -> bool {
    matches!(selector, PermissionSetSelector::Name(name) if name.to_string().contains('{'))
}

pub(super) fn is_of(selector: &PermissionSetSelector, set: &PermissionSet, account: &Account) -> bool {
    match selector {
        PermissionSetSelector::Name(template) => filled(template, account).as_deref() == Some(&set.name),
        PermissionSetSelector::Arn(arn) => set.arn == *arn,
        PermissionSetSelector::Tagged(TagSelector(tags)) => {
            tags.keys().all(|key| set.tags.iter().any(|(has, _)| has == key))
        }
    }
}

pub(super) fn is_in(selector: &AccountSelector, account: &Account) -> bool {
    match selector {
        AccountSelector::Id(ids) => ids.contains(&account.id),
        AccountSelector::Tagged(TagSelector(tags)) => tags.iter().all(|(key, values)| {
            let present = account.tags.iter().any(|(has, _)| has == key);
            values.iter().any(|value| present == (*value == TagValueSelector::Present))
        }),
        AccountSelector::InOu(ous) => {
            account.path.units().iter().any(|unit| ous.contains(&OuRef::Id(unit.id.clone())))
        }
        AccountSelector::Everywhere => true,
        AccountSelector::DirectlyInOu(_)
        | AccountSelector::Named(_)
        | AccountSelector::AllOf(_)
        | AccountSelector::AnyOf(_)
        | AccountSelector::Except { .. } => unreachable!("the generator makes none"),
    }
}

fn is_listed(selector: &AccountSelector) -> bool {
    matches!(selector, AccountSelector::Id(_))
}

fn joined(join: &Join, set: &PermissionSet, account: &Account) -> bool {
    let there: Vec<&str> = match &join.with {
        JoinedWith::AccountTag(key) => account.tags.get(key).into_iter().collect(),
        JoinedWith::NearestOu => {
            account.path.units().iter().rev().take(1).map(|unit| unit.name.as_str()).collect()
        }
        JoinedWith::AnyOu => account.path.units().iter().map(|unit| unit.name.as_str()).collect(),
    };
    let here = set.tags.get(&join.permission_set_tag);
    !there.is_empty()
        && here.is_some_and(|here| join.wildcard.as_deref() == Some(here) || there.contains(&here))
}

fn unit(name: &str) -> OrganizationalUnit {
    let id = format!("ou-ab12-{}", name.to_lowercase().repeat(8).chars().take(8).collect::<String>());
    OrganizationalUnit { id: id.parse().unwrap(), name: name.to_owned() }
}

fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn names(texts: &'static [&'static str]) -> impl Strategy<Value = NameTemplate> {
    pick(texts).prop_map(|text| NameTemplate::parse(text).unwrap())
}

fn tag_keys() -> impl Strategy<Value = String> {
    pick(&["Team", "Env"]).prop_map(str::to_owned)
}

fn tags() -> impl Strategy<Value = Tags> {
    let values = (tag_keys(), pick(&["web", "data", "dev", "All", ""]));
    let tags = prop::collection::vec(values, 0..3);
    tags.prop_map(|tags| tags.iter().map(|(key, value)| (key.as_str(), *value)).collect())
}

/// Accounts, permission sets and a directory, and no rules yet.
fn organizations() -> impl Strategy<Value = Situation> {
    let one_account = (tags(), prop::collection::vec(pick(&["Work", "Test"]), 0..3));
    let accounts = prop::collection::vec(one_account, 1..4).prop_map(|all| {
        let all = all.into_iter().enumerate().map(|(number, (tags, ous))| Account {
            id: format!("{number}00000000000").parse().unwrap(),
            tags,
            path: OuPath(ous.into_iter().map(unit).collect()),
            ..account()
        });
        all.collect::<Vec<_>>()
    });
    let groups = prop::collection::btree_map(
        prop::sample::select(GROUPS.map(|(name, _)| name).to_vec()),
        prop::collection::btree_set(0..USERS.len(), 0..3),
        0..=GROUPS.len(),
    );
    let sets = prop::collection::vec(tags(), 3).prop_map(|tags| {
        let sets = [("Reader", "1"), ("web", "2"), ("data", "3")].into_iter().zip(tags);
        sets.map(|((name, own), tags)| PermissionSet { tags, ..set(name, own, &[]) }).collect::<Vec<_>>()
    });
    (accounts, groups, sets).prop_map(|(accounts, groups, sets)| Situation {
        accounts,
        groups,
        sets,
        rules: Vec::new(),
        never: Vec::new(),
        teams: Vec::new(),
    })
}

fn principals() -> impl Strategy<Value = PrincipalSelector> {
    let group = || names(&["web-devs", "Everybody", "{account_tag.Team}-devs", "{ou_name}"]);
    let group_id = || {
        prop::sample::select(GROUPS.map(|(_, id)| id).to_vec()).prop_map(|id| id.parse::<GroupId>().unwrap())
    };
    let user_id = prop::sample::select(USERS.map(|(_, id)| id).to_vec());
    prop_oneof![
        group().prop_map(PrincipalSelector::Group),
        group().prop_map(PrincipalSelector::MembersOf),
        group_id().prop_map(PrincipalSelector::GroupId),
        group_id().prop_map(PrincipalSelector::MembersOfId),
        names(&["ann", "{account_tag.Team}-bot"]).prop_map(PrincipalSelector::User),
        user_id.prop_map(|id| PrincipalSelector::UserId(id.parse().unwrap())),
    ]
}

pub(super) fn permission_sets() -> impl Strategy<Value = PermissionSetSelector> {
    let tagged =
        |key| PermissionSetSelector::Tagged(TagSelector([(key, vec![TagValueSelector::Present])].into()));
    prop_oneof![
        names(&["Reader", "web", "{account_tag.Team}", "{account_tag.Env}"])
            .prop_map(PermissionSetSelector::Name),
        pick(&["1", "2", "3"]).prop_map(|own| PermissionSetSelector::Arn(arn(own))),
        tag_keys().prop_map(tagged),
    ]
}

pub(super) fn places() -> impl Strategy<Value = AccountSelector> {
    let value = prop_oneof![Just(TagValueSelector::Present), Just(TagValueSelector::Absent)];
    let ids = (0..4_u8).prop_map(|number| format!("{number}00000000000").parse().unwrap());
    prop_oneof![
        2 => Just(AccountSelector::Everywhere),
        1 => pick(&["Work", "Test"]).prop_map(|name| AccountSelector::InOu(vec![OuRef::Id(unit(name).id)])),
        1 => (tag_keys(), value)
            .prop_map(|(key, value)| AccountSelector::Tagged(TagSelector([(key, vec![value])].into()))),
        1 => prop::collection::btree_set(ids, 1..3).prop_map(AccountSelector::Id),
    ]
}

fn some_joins() -> impl Strategy<Value = Vec<Join>> {
    let with = prop_oneof![
        tag_keys().prop_map(JoinedWith::AccountTag),
        Just(JoinedWith::NearestOu),
        Just(JoinedWith::AnyOu),
    ];
    let join = (tag_keys(), with, prop::option::of(Just("All".to_owned())));
    let join =
        join.prop_map(|(permission_set_tag, with, wildcard)| Join { permission_set_tag, with, wildcard });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(join, 1..3)]
}

pub(super) fn situations() -> impl Strategy<Value = Situation> {
    let hours = (prop::option::of(0..20_i64), prop::option::of(4..24_i64));
    let one_rule = (
        prop::collection::vec(principals(), 1..4),
        prop::collection::vec(permission_sets(), 1..3),
        places(),
        some_joins(),
        prop_oneof![2 => Just((None, None)), 1 => hours],
        prop::sample::select(vec![Mode::Sync, Mode::CreateOnly, Mode::Observe]),
    );
    let rules = prop::collection::vec(one_rule, 0..6).prop_map(|rules| {
        let rules = rules.into_iter().enumerate();
        let rules = rules.map(|(number, (principals, sets, accounts, joins, (from, until), mode))| Rule {
            accounts,
            joins,
            from: from.map(at),
            until: until.map(at),
            mode,
            ..rule(&format!("rule-{number}"), principals, sets)
        });
        rules.collect::<Vec<_>>()
    });
    let one_never =
        (prop::option::of(prop::collection::vec(principals(), 1..3)), permission_sets(), places());
    let never = prop::collection::vec(one_never, 0..3).prop_map(|all| {
        let all = all.into_iter().map(|(principals, permission_set, accounts)| Never {
            principals,
            permission_sets: vec![permission_set],
            accounts,
            written_at: WrittenAt { file: "rules.yaml".into(), line: 1 },
        });
        all.collect::<Vec<_>>()
    });
    (organizations(), rules, never, teams(), prop::collection::vec(0..5_usize, 6)).prop_map(
        |(organization, mut rules, never, teams, owners)| {
            // Of some rules the team is unlimited, and some have none.
            for (rule, owner) in rules.iter_mut().zip(owners) {
                rule.team = teams.get(owner).map(|team| team.id.clone());
            }
            Situation { rules, never, teams, ..organization }
        },
    )
}

/// What is wanted, without the modes.
fn keys(desired: &Desired) -> BTreeMap<AssignmentKey, BTreeSet<RuleId>> {
    desired.wanted.iter().map(|(key, by)| (key.clone(), by.keys().cloned().collect())).collect()
}

pub(super) const PROTECTED: [&str; 1] = ["web"];

proptest! {
    #[test]
    fn what_is_wanted_is_what_a_plain_question_about_every_combination_finds(situation in situations(), hour in 0..24_i64) {
        let (index, facts) = (situation.index(&PROTECTED), situation.facts());
        let mut wanted = BTreeMap::new();
        for account in &situation.accounts {
            let desired = desired(&index, account, &facts, at(hour));
            prop_assert!(desired.frozen.is_empty() && desired.grants_frozen.is_none(), "{}", shown(&desired));
            wanted.extend(keys(&desired));
        }
        prop_assert_eq!(wanted, situation.wanted(&PROTECTED, hour));
    }

    #[test]
    fn the_order_of_rules_means_nothing(situation in situations(), hour in 0..24_i64, by in 0..6_usize) {
        let mut turned = situation.clone();
        let half = by.min(turned.rules.len());
        turned.rules.rotate_left(half);
        turned.never.reverse();
        let (index, other, facts) = (situation.index(&PROTECTED), turned.index(&PROTECTED), situation.facts());
        for account in &situation.accounts {
            prop_assert_eq!(desired(&index, account, &facts, at(hour)), desired(&other, account, &facts, at(hour)));
        }
    }

    #[test]
    fn never_wins_over_every_rule(situation in situations(), hour in 0..24_i64) {
        let with = situation.index(&[]);
        let without = Situation { never: Vec::new(), ..situation.clone() }.index(&[]);
        let facts = situation.facts();
        for account in &situation.accounts {
            let (less, all) = (desired(&with, account, &facts, at(hour)), desired(&without, account, &facts, at(hour)));
            // What a `never` takes out is known by the rules that want it, and nothing else is gone.
            let mut together = less.wanted.clone();
            for (key, by) in &less.forbidden {
                prop_assert!(together.insert(key.clone(), by.clone()).is_none());
            }
            prop_assert_eq!(together, all.wanted);
            let settled = less.until.keys().chain(&less.repair).chain(less.unconfirmed.keys());
            prop_assert!(settled.into_iter().all(|key| less.wanted.contains_key(key)));
        }
    }

    #[test]
    fn a_look_up_that_fails_takes_nothing_away_without_a_word(situation in situations(), which in prop::collection::vec(any::<bool>(), 16)) {
        let mut which = which.into_iter().cycle();
        let mut fails = || which.next().unwrap_or(false);
        let situation = Situation { never: Vec::new(), ..situation };
        let (index, facts) = (situation.index(&[]), situation.facts());
        let why = || "throttled".to_owned();
        let mut partial = facts.clone();
        partial.groups.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why()));
        partial.member_groups.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why()));
        partial.members.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why()));
        partial.users.retain(|_, _| !fails());
        partial.group_ids.retain(|_, _| !fails());
        for account in &situation.accounts {
            let (all, some) = (desired(&index, account, &facts, at(5)), desired(&index, account, &partial, at(5)));
            for (key, by) in &all.wanted {
                for rule in by.keys() {
                    let still = some.wanted.get(key).is_some_and(|by| by.contains_key(rule));
                    prop_assert!(still || some.frozen.contains_key(rule), "{rule} lost {key}");
                }
            }
            prop_assert!(some.wanted.keys().all(|key| all.wanted.contains_key(key)));
            prop_assert!(some.waiting.is_subset(&all.waiting));
        }
    }

    #[test]
    fn what_is_needed_is_all_that_is_looked_up(situation in situations(), hour in 0..24_i64) {
        let (index, facts) = (situation.index(&PROTECTED), situation.facts());
        for account in &situation.accounts {
            let needed = needs(&index, account, at(hour));
            let mut least = facts.clone();
            let of_names: BTreeSet<GroupId> = needed.members_of.iter().filter_map(|name| match facts.groups.get(name) {
                Some(Lookup::Found(id)) => Some(id.clone()),
                Some(Lookup::Absent | Lookup::Failed(_)) | None => None,
            }).collect();
            least.groups.retain(|name, _| needed.groups.contains(name));
            least.member_groups.retain(|name, _| needed.members_of.contains(name));
            least.users.retain(|name, _| needed.users.contains(name));
            least.group_ids.retain(|id, _| needed.group_ids.contains(id));
            least.user_ids.retain(|id, _| needed.user_ids.contains(id));
            least.members.retain(|id, _| needed.members_of_ids.contains(id) || of_names.contains(id));
            prop_assert_eq!(desired(&index, account, &least, at(hour)), desired(&index, account, &facts, at(hour)));
        }
    }
}
