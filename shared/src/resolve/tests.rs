//! What rules want on given facts.

mod awaited;
mod explained;
mod language;
mod properties;
mod scopes;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::{
    domain::{Account, AccountState, AssignmentKey, OuPath, PermissionSet, Tags},
    rules::{self, Bundle, Index},
};

const DEVS: &str = "00000000-0000-0000-0000-00000000000d";
const OPS: &str = "00000000-0000-0000-0000-00000000000e";
const ALICE: &str = "00000000-0000-0000-0000-00000000000a";

fn index(body: &str) -> Index {
    let text = format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Environment], trusted_permission_set_tags: [Environment, Level] }}\n{body}"
    );
    let files = BTreeMap::from([("rules.yaml".to_owned(), text)]);
    Index::compile(rules::read(&Bundle { files }).unwrap())
}

fn now() -> Timestamp {
    at(12)
}

/// A day's hour.
fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 / 86_400 * 86_400 + hour * 3_600).unwrap()
}

fn account() -> Account {
    Account {
        id: "111122223333".parse().unwrap(),
        name: "web".to_owned(),
        state: AccountState::Active,
        path: OuPath::default(),
        tags: Tags::default(),
        is_management: false,
    }
}

fn arn(own: &str) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{own:0>16}").parse().unwrap()
}

fn set(name: &str, own: &str, tags: &[(&str, &str)]) -> PermissionSet {
    PermissionSet { arn: arn(own), name: name.to_owned(), tags: tags.iter().copied().collect() }
}

/// Developers, Operators and alice exist, both groups and the user also by their ids; Reader and Writer are tagged.
fn facts() -> Facts {
    let (devs, ops): (GroupId, GroupId) = (DEVS.parse().unwrap(), OPS.parse().unwrap());
    let alice: UserId = ALICE.parse().unwrap();
    Facts {
        groups: BTreeMap::from([
            ("Developers".to_owned(), Lookup::Found(devs.clone())),
            ("Operators".to_owned(), Lookup::Found(ops.clone())),
            ("Gone".to_owned(), Lookup::Absent),
            ("Broken".to_owned(), Lookup::Failed("throttled".to_owned())),
        ]),
        group_ids: BTreeMap::from([(devs, Lookup::Found(())), (ops, Lookup::Absent)]),
        users: BTreeMap::from([
            ("alice".to_owned(), Lookup::Found(alice.clone())),
            ("nobody".to_owned(), Lookup::Absent),
            ("broken".to_owned(), Lookup::Failed("denied".to_owned())),
        ]),
        user_ids: BTreeMap::from([(alice, Lookup::Found(()))]),
        members: BTreeMap::new(),
        member_groups: BTreeMap::new(),
        permission_sets: Lookup::Found(
            vec![set("Reader", "1", &[("Level", "low")]), set("Writer", "2", &[("Level", "high")])].into(),
        ),
        confirmed: BTreeMap::new(),
    }
}

/// Everything about it, a line each.
fn shown(desired: &Desired) -> String {
    let Desired {
        account: _,
        wanted,
        repair,
        until,
        unconfirmed,
        forbidden,
        beyond,
        out_of_reach,
        frozen,
        grants_frozen,
        waiting,
        named: _,
        awaited: _,
    } = desired;
    let mut lines = Vec::new();
    for (what, keys) in [("wanted", wanted), ("forbidden", forbidden), ("beyond", beyond)] {
        for (key, by) in keys {
            let set = key.permission_set.as_str().chars().last().unwrap();
            let who = key.principal.to_string();
            let by: Vec<_> = by.iter().map(|(rule, mode)| format!("{rule} {mode}")).collect();
            lines.push(format!("{what} {set} {}..{} by {}", &who[..5], &who[who.len() - 1..], by.join(", ")));
        }
    }
    let short = |key: &AssignmentKey| {
        let (set, who) = (key.permission_set.as_str(), key.principal.to_string());
        format!("{} {}..{}", &set[set.len() - 1..], &who[..5], &who[who.len() - 1..])
    };
    lines.extend(repair.iter().map(|key| format!("repaired {}", short(key))));
    lines.extend(until.iter().map(|(key, end)| format!("until {} {end}", short(key))));
    lines.extend(unconfirmed.iter().map(|(key, recreated)| {
        let before = recreated.before.as_str();
        format!("unconfirmed {}: {} was {}", short(key), recreated.name, &before[before.len() - 1..])
    }));
    let OutOfReach { forbidden, of_nobody, powerless } = out_of_reach;
    lines.extend(forbidden.iter().map(|key| format!("beyond and forbidden {}", short(key))));
    lines.extend(of_nobody.iter().map(|(rule, sets)| {
        let sets: Vec<_> = sets.iter().map(|set| &set.as_str()[set.as_str().len() - 1..]).collect();
        format!("beyond {} for nobody by {rule}", sets.join(", "))
    }));
    lines.extend(powerless.keys().map(|rule| format!("powerless {rule}")));
    lines.extend(frozen.iter().map(|(rule, why)| format!("frozen {rule}: {why}")));
    lines.extend(grants_frozen.iter().map(|why| format!("no grants: {why}")));
    lines.extend(waiting.iter().map(|(by, missing)| match by {
        NamedBy::Rule(rule) => format!("{rule} waits for {missing}"),
        NamedBy::Never(at) => format!("never at {at} means {missing}"),
    }));
    lines.join("\n")
}

fn decide(body: &str, facts: &Facts) -> String {
    shown(&desired(&index(body), &account(), facts, now()))
}

fn one_rule(principals: &str, sets: &str) -> String {
    format!(
        "rules:\n- {{ id: r, principals: {principals}, permission_sets: {sets}, accounts: everywhere }}\n"
    )
}

#[test]
fn every_principal_gets_every_permission_set() {
    let body =
        one_rule("[{ group: Developers }, { user_name: alice }]", "[Reader, { tagged: { Level: high } }]");
    insta::assert_snapshot!(decide(&body, &facts()), @"
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 2 group..d by r sync
    wanted 2 user:..a by r sync
    ");
}

#[test]
fn pinned_ids_are_taken_if_they_exist() {
    let body = one_rule(
        &format!("[{{ group_id: {DEVS} }}, {{ group_id: {OPS} }}, {{ user_id: {ALICE} }}]"),
        &format!("[{{ permission_set_arn: {} }}, {{ permission_set_arn: {} }}]", arn("1"), arn("9")),
    );
    insta::assert_snapshot!(decide(&body, &facts()), @"
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    r waits for group 00000000-0000-0000-0000-00000000000e
    r waits for permission set arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000009
    ");
}

#[test]
fn a_key_remembers_every_rule_that_wants_it_and_its_mode() {
    let body = format!(
        "rules:\n\
         - {{ id: a, principals: [{{ group: Developers }}], permission_sets: [Reader], accounts: everywhere }}\n\
         - {{ id: b, mode: observe, principals: [{{ group_id: {DEVS} }}], permission_sets: [Reader], accounts: {{ named: web }} }}\n\
         - {{ id: c, principals: [{{ group: Developers }}], permission_sets: [Reader], accounts: {{ named: other }} }}\n"
    );
    insta::assert_snapshot!(decide(&body, &facts()), @"wanted 1 group..d by a sync, b observe");
}

#[test]
fn names_proved_absent_are_waited_for_and_nothing_is_frozen() {
    let body =
        one_rule("[{ group: Gone }, { user_name: nobody }, { group: Developers }]", "[Reader, Unmade]");
    insta::assert_snapshot!(decide(&body, &facts()), @"
    wanted 1 group..d by r sync
    r waits for group `Gone`
    r waits for user `nobody`
    r waits for permission set `Unmade`
    ");
}

#[test]
fn a_failed_look_up_freezes_its_rule_which_still_gives_what_it_can_prove() {
    let body = one_rule("[{ group: Broken }, { group: Developers }, { user_name: broken }]", "[Reader]");
    insta::assert_snapshot!(decide(&body, &facts()), @"
    wanted 1 group..d by r sync
    frozen r: principal 1: throttled (and 1 more)
    ");
}

#[test]
fn what_was_not_looked_up_counts_as_failed_and_not_as_absent() {
    let body = one_rule(
        "[{ group: Unheard }, { user_name: unheard }, { user_id: 00000000-0000-0000-0000-00000000000f }]",
        "[Reader]",
    );
    let desired = desired(&index(&body), &account(), &facts(), now());
    assert!(desired.waiting.is_empty());
    assert_eq!(desired.frozen.len(), 1);
    assert!(desired.frozen.values().all(|why| why.contains("not looked up") && !why.contains("unheard")));
}

#[test]
fn without_the_catalogue_every_rule_is_frozen_and_nothing_is_absent() {
    let facts = Facts { permission_sets: Lookup::Failed("throttled".to_owned()), ..facts() };
    let body =
        one_rule("[{ group: Developers }]", &format!("[Reader, {{ permission_set_arn: {} }}]", arn("1")));
    insta::assert_snapshot!(decide(&body, &facts), @"frozen r: permission set 1: throttled (and 1 more)");
    let tagged = one_rule("[{ group: Developers }]", "{ tagged: { Level: low } }");
    insta::assert_snapshot!(decide(&tagged, &facts), @"frozen r: permission set 1: throttled");
}

#[test]
fn tags_that_no_permission_set_has_want_nothing_and_wait_for_nothing() {
    let body = one_rule("[{ group: Developers }]", "{ tagged: { Level: none } }");
    assert_eq!(decide(&body, &facts()), "");
}

#[test]
fn a_name_that_the_catalogue_has_twice_is_not_guessed_at() {
    let sets = vec![set("Reader", "1", &[]), set("Reader", "2", &[])];
    let facts = Facts { permission_sets: Lookup::Found(sets.into()), ..facts() };
    insta::assert_snapshot!(decide(&one_rule("[{ group: Developers }]", "[Reader]"), &facts), @"frozen r: permission set 1: the list of permission sets has its name more than once");
    let body = format!(
        "never: [{{ permission_sets: [Reader], accounts: everywhere }}]\n{}",
        one_rule("[{ group: Developers }]", &format!("[{{ permission_set_arn: {} }}]", arn("2")))
    );
    insta::assert_snapshot!(decide(&body, &facts), @"forbidden 2 group..d by r sync");
}

#[test]
fn never_wins_over_every_rule() {
    let rule = one_rule("[{ group: Developers }, { user_name: alice }]", "[Reader, Writer]");
    let cases = [
        "[{ permission_sets: [Writer], accounts: everywhere }]".to_owned(),
        "[{ permission_sets: { tagged: { Level: [low, high] } }, accounts: { named: web } }]".to_owned(),
        "[{ permission_sets: [Writer], principals: [{ user_name: alice }], accounts: everywhere }]".to_owned(),
        format!("[{{ permission_sets: [{{ permission_set_arn: {} }}], principals: [{{ group_id: {DEVS} }}], accounts: everywhere }}]", arn("1")),
        "[{ permission_sets: [Writer], accounts: { named: other } }]".to_owned(),
        "[{ permission_sets: [Unmade], accounts: everywhere }, { permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]".to_owned(),
    ];
    let all: Vec<_> = cases
        .iter()
        .map(|case| format!("{case}\n{}", decide(&format!("never: {case}\n{rule}"), &facts())))
        .collect();
    insta::assert_snapshot!(all.join("\n\n"), @"
    [{ permission_sets: [Writer], accounts: everywhere }]
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    forbidden 2 group..d by r sync
    forbidden 2 user:..a by r sync

    [{ permission_sets: { tagged: { Level: [low, high] } }, accounts: { named: web } }]
    forbidden 1 group..d by r sync
    forbidden 1 user:..a by r sync
    forbidden 2 group..d by r sync
    forbidden 2 user:..a by r sync

    [{ permission_sets: [Writer], principals: [{ user_name: alice }], accounts: everywhere }]
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 2 group..d by r sync
    forbidden 2 user:..a by r sync

    [{ permission_sets: [{ permission_set_arn: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000001 }], principals: [{ group_id: 00000000-0000-0000-0000-00000000000d }], accounts: everywhere }]
    wanted 1 user:..a by r sync
    wanted 2 group..d by r sync
    wanted 2 user:..a by r sync
    forbidden 1 group..d by r sync

    [{ permission_sets: [Writer], accounts: { named: other } }]
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 2 group..d by r sync
    wanted 2 user:..a by r sync

    [{ permission_sets: [Unmade], accounts: everywhere }, { permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]
    wanted 1 group..d by r sync
    wanted 1 user:..a by r sync
    wanted 2 group..d by r sync
    wanted 2 user:..a by r sync
    never at rules.yaml:3 means group `Gone`
    never at rules.yaml:3 means permission set `Unmade`
    ");
}

#[test]
fn a_never_that_cannot_be_told_freezes_all_grants_where_it_applies() {
    let rule = one_rule("[{ group: Developers }]", "[Reader, Writer]");
    let cases = [
        "[{ permission_sets: [Reader], principals: [{ group: Broken }, { group: Developers }], accounts: everywhere }]",
        "[{ permission_sets: [Reader], principals: [{ user_name: unheard }], accounts: everywhere }]",
        "[{ permission_sets: [Reader], principals: [{ group: Broken }], accounts: { named: other } }]",
        "[{ permission_sets: [Unmade], principals: [{ group: Broken }], accounts: everywhere }]",
    ];
    let all: Vec<_> = cases
        .iter()
        .map(|case| format!("{case}\n{}", decide(&format!("never: {case}\n{rule}"), &facts())))
        .collect();
    insta::assert_snapshot!(all.join("\n\n"), @"
    [{ permission_sets: [Reader], principals: [{ group: Broken }, { group: Developers }], accounts: everywhere }]
    wanted 2 group..d by r sync
    forbidden 1 group..d by r sync
    no grants: the `never` at rules.yaml:3 can't be decided: throttled

    [{ permission_sets: [Reader], principals: [{ user_name: unheard }], accounts: everywhere }]
    wanted 1 group..d by r sync
    wanted 2 group..d by r sync
    no grants: the `never` at rules.yaml:3 can't be decided: not looked up

    [{ permission_sets: [Reader], principals: [{ group: Broken }], accounts: { named: other } }]
    wanted 1 group..d by r sync
    wanted 2 group..d by r sync

    [{ permission_sets: [Unmade], principals: [{ group: Broken }], accounts: everywhere }]
    wanted 1 group..d by r sync
    wanted 2 group..d by r sync
    never at rules.yaml:3 means permission set `Unmade`
    ");
}

#[test]
fn a_never_by_ids_needs_no_look_up() {
    let body = format!(
        "never: [{{ permission_sets: [{{ permission_set_arn: {} }}], principals: [{{ group_id: {OPS} }}], accounts: everywhere }}]\n{}",
        arn("1"),
        one_rule("[{ group: Operators }]", "[Reader]")
    );
    let (index, account) = (index(&body), account());
    assert!(needs(&index, &account, now()).group_ids.is_empty());
    // The facts call the pinned group absent, and it is barred all the same.
    assert_eq!(shown(&desired(&index, &account, &facts(), now())), "forbidden 1 group..e by r sync");
}

#[test]
fn needs_are_those_of_the_rules_and_nevers_that_concern_the_account() {
    let body = format!(
        "never:\n\
         - {{ permission_sets: [P], principals: [{{ group: Barred }}, {{ user_name: bob }}, {{ user_id: {OPS} }}], accounts: everywhere }}\n\
         - {{ permission_sets: [P], principals: [{{ group: Elsewhere }}], accounts: {{ named: other }} }}\n\
         rules:\n\
         - {{ id: a, principals: [{{ group: A }}, {{ group_id: {DEVS} }}, {{ user_name: alice }}, {{ user_id: {ALICE} }}], permission_sets: [P], accounts: everywhere }}\n\
         - {{ id: b, principals: [{{ group: B }}], permission_sets: [P], accounts: {{ named: other }} }}\n"
    );
    let expected = Needs {
        groups: ["A", "Barred"].map(str::to_owned).into(),
        group_ids: [DEVS.parse().unwrap()].into(),
        users: ["alice", "bob"].map(str::to_owned).into(),
        user_ids: [ALICE.parse().unwrap()].into(),
        permission_sets: true,
        ..Needs::default()
    };
    assert_eq!(needs(&index(&body), &account(), now()), expected);
}

#[test]
fn an_account_without_rules_needs_nothing_and_wants_nothing() {
    let body = "never: [{ permission_sets: [P], principals: [{ group: Broken }], accounts: everywhere }]\n\
         rules: [{ id: a, principals: [{ group: Broken }], permission_sets: [P], accounts: { named: other } }]\n";
    let (index, account) = (index(body), account());
    assert_eq!(needs(&index, &account, now()), Needs::default());
    assert_eq!(shown(&desired(&index, &account, &facts(), now())), "");
}

#[test]
fn tags_of_permission_sets_are_needed_only_where_a_rule_or_a_never_of_the_account_looks_at_them() {
    let wants = |body: &str| needs(&index(body), &account(), now()).permission_set_tags;
    let by_tags = "{ tagged: { Level: high } }";
    let plain = one_rule("[{ group: Developers }]", "[Reader]");
    assert!(!wants(&plain));
    assert!(wants(&one_rule("[{ group: Developers }]", &format!("[Reader, {by_tags}]"))));
    assert!(wants(&format!("never: [{{ permission_sets: [{by_tags}], accounts: everywhere }}]\n{plain}")));
    let joined = "match: [{ permission_set_tag: Level, account_ou: { name: any } }] }";
    assert!(wants(&plain.replace("everywhere }", &format!("everywhere, {joined}"))));
}

#[test]
fn what_is_needed_is_enough_for_nothing_to_count_as_not_looked_up() {
    let body = "never: [{ permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]\n"
        .to_owned() + &one_rule("[{ group: Developers }, { user_name: alice }]", "[Reader]");
    let (index, account) = (index(&body), account());
    let Needs {
        groups,
        group_ids,
        users,
        user_ids,
        permission_sets,
        permission_set_tags,
        members_of,
        members_of_ids,
    } = needs(&index, &account, now());
    assert!(permission_sets && !permission_set_tags && members_of.is_empty() && members_of_ids.is_empty());
    let facts = Facts {
        groups: groups.into_iter().map(|name| (name, Lookup::Absent)).collect(),
        group_ids: group_ids.into_iter().map(|id| (id, Lookup::Absent)).collect(),
        users: users.into_iter().map(|name| (name, Lookup::Absent)).collect(),
        user_ids: user_ids.into_iter().map(|id| (id, Lookup::Absent)).collect(),
        members: BTreeMap::new(),
        member_groups: BTreeMap::new(),
        permission_sets: facts().permission_sets,
        confirmed: BTreeMap::new(),
    };
    let desired = desired(&index, &account, &facts, now());
    assert!(desired.frozen.is_empty() && desired.grants_frozen.is_none());
    assert_eq!(desired.waiting.len(), 3);
}
