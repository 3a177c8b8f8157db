//! The scopes of teams: what lies beyond them is not wanted by their rules, and what can't be known freezes.

use proptest::prelude::*;

use super::{
    properties::{PROTECTED, Situation, is_in, is_made, is_of, permission_sets, places, situations},
    *,
};
use crate::{
    domain::OrganizationalUnit,
    rules::{PermissionSetSelector, Rule, Scope, ScopeSets, Team, TeamScope, WrittenAt},
};

/// Two teams with scopes, and one without limits.
pub(super) fn teams() -> impl Strategy<Value = Vec<Team>> {
    (scopes(), scopes()).prop_map(|(one, other)| {
        let scopes = [
            ("one", TeamScope::Within(one)),
            ("other", TeamScope::Within(other)),
            ("free", TeamScope::Unlimited),
        ];
        let teams = scopes.into_iter().map(|(id, scope)| Team {
            id: id.parse().unwrap(),
            files: Vec::new(),
            scope,
            written_at: WrittenAt { file: "usher.yaml".into(), line: 1 },
        });
        teams.collect()
    })
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    let plain = permission_sets().prop_filter("scopes write names out", |it| !is_made(it));
    let sets = prop_oneof![
        1 => Just(ScopeSets::Any),
        3 => prop::collection::vec(plain, 1..3).prop_map(ScopeSets::These),
    ];
    let scope = (sets, places()).prop_map(|(permission_sets, accounts)| Scope {
        permission_sets,
        accounts,
        principal_matches: Vec::new(),
        written_at: WrittenAt { file: "usher.yaml".into(), line: 1 },
    });
    prop::collection::vec(scope, 1..3)
}

impl Situation {
    /// Whether the team of a rule may give this permission set here.
    pub(super) fn is_in_scope(
        &self,
        rule: &Rule,
        set: &PermissionSet,
        account: &Account,
        protected: &[&str],
    ) -> bool {
        let team = self.teams.iter().find(|team| Some(&team.id) == rule.team.as_ref());
        let Some(TeamScope::Within(scopes)) = team.map(|team| &team.scope) else { return true };
        let is_protected = protected.contains(&set.name.as_str());
        scopes.iter().any(|scope| {
            let is_one = match &scope.permission_sets {
                ScopeSets::Any => !is_protected,
                ScopeSets::These(all) => all.iter().any(|it| {
                    is_of(it, set, account)
                        && (!is_protected || !matches!(it, PermissionSetSelector::Tagged(_)))
                }),
            };
            is_one && is_in(&scope.accounts, account)
        })
    }
}

proptest! {
    #[test]
    fn a_scope_takes_away_only_from_the_rules_of_its_team(situation in situations(), hour in 0..24_i64) {
        let with = situation.index(&PROTECTED);
        let unlimited = Situation { teams: Vec::new(), ..situation.clone() }.index(&PROTECTED);
        let facts = situation.facts();
        for account in &situation.accounts {
            let (less, all) = (desired(&with, account, &facts, at(hour)), desired(&unlimited, account, &facts, at(hour)));
            // What the scopes keep out, with what is left, is what there is without them; of `never` the same.
            let mut together = less.wanted.clone();
            for (key, by) in less.forbidden.iter().chain(&less.beyond) {
                together.entry(key.clone()).or_default().extend(by.clone());
            }
            let mut without = all.wanted.clone();
            without.extend(all.forbidden.clone());
            prop_assert_eq!(together, without);
            for (key, by) in &less.beyond {
                let still = less.wanted.get(key);
                prop_assert!(by.keys().all(|rule| !still.is_some_and(|by| by.contains_key(rule))));
            }
            for (key, _) in less.out_of_scope() {
                prop_assert!(!less.wanted.contains_key(key) && (less.forbidden.contains_key(key) || less.beyond.contains_key(key)));
            }
        }
    }
}

/// A document of a team `shop`, whose file has these rules; and rules of the root file.
fn of_team(scope: &str, rules: &str, own: &str) -> Index {
    let root = format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Environment], trusted_permission_set_tags: [Level], protected_permission_sets: [Writer] }}\nteams: [{{ id: shop, files: shop.yaml, scope: {scope} }}]\n{own}"
    );
    let files = BTreeMap::from([
        ("usher.yaml".to_owned(), root),
        ("shop.yaml".to_owned(), format!("version: 1\nrules:\n{rules}")),
    ]);
    Index::compile(rules::read(&Bundle { files }).unwrap())
}

const BY_TAGS: &str = "[{ permission_sets: { tagged: { Level: low } }, accounts: { in_ou: Test } }]";
const NAMED: &str = "- { id: team, principals: [{ group: Developers }], permission_sets: [Reader], accounts: { named: web } }\n";
const OF_ROOT: &str = "rules: [{ id: root, principals: [{ group: Developers }], permission_sets: [Reader], accounts: everywhere }]\n";

fn in_ou(name: &str) -> Account {
    let unit = OrganizationalUnit { id: "ou-ab12-cdefgh34".parse().unwrap(), name: name.to_owned() };
    Account { path: OuPath(vec![unit]), ..account() }
}

#[test]
fn what_lies_beyond_is_not_wanted_and_another_rule_gives_it_all_the_same() {
    let index = of_team(BY_TAGS, NAMED, "");
    let of = |index: &Index, account: &Account| shown(&desired(index, account, &facts(), now()));
    insta::assert_snapshot!(of(&index, &in_ou("Test")), @"wanted 1 group..d by team sync");
    insta::assert_snapshot!(of(&index, &in_ou("Production")), @"beyond 1 group..d by team sync");
    let both = of_team(BY_TAGS, NAMED, OF_ROOT);
    insta::assert_snapshot!(of(&both, &in_ou("Production")), @r"
    wanted 1 group..d by root sync
    beyond 1 group..d by team sync
    ");
    assert_eq!(desired(&both, &in_ou("Production"), &facts(), now()).out_of_scope().count(), 0);
    // The permission set may have got another tag since.
    let retagged = Facts {
        permission_sets: Lookup::Found(vec![set("Reader", "1", &[("Level", "high")])].into()),
        ..facts()
    };
    insta::assert_snapshot!(shown(&desired(&index, &in_ou("Test"), &retagged, now())), @"beyond 1 group..d by team sync");
}

#[test]
fn the_management_account_is_in_no_scope_but_by_its_id() {
    let management = Account { is_management: true, ..in_ou("Test") };
    let rule = "- { id: team, principals: [{ group: Developers }], permission_sets: [Reader], accounts: { id: '111122223333' } }\n";
    let of = |scope: &str| shown(&desired(&of_team(scope, rule, ""), &management, &facts(), now()));
    assert_eq!(of("[{ permission_sets: any, accounts: everywhere }]"), "beyond 1 group..d by team sync");
    assert_eq!(of(BY_TAGS), "beyond 1 group..d by team sync");
    assert_eq!(
        of("[{ permission_sets: any, accounts: { id: '111122223333' } }]"),
        "wanted 1 group..d by team sync"
    );
}

#[test]
fn a_protected_permission_set_is_in_no_scope_but_by_its_name_or_arn() {
    let rule = format!(
        "- {{ id: team, principals: [{{ group: Developers }}], permission_sets: [{{ permission_set_arn: {} }}], accounts: {{ id: '111122223333' }} }}\n",
        arn("2")
    );
    let of = |scope: &str| {
        let scope = format!("[{{ permission_sets: {scope}, accounts: everywhere }}]");
        shown(&desired(&of_team(&scope, &rule, ""), &account(), &facts(), now()))
    };
    assert_eq!(of("any"), "beyond 2 group..d by team sync");
    assert_eq!(of("{ tagged: { Level: high } }"), "beyond 2 group..d by team sync");
    assert_eq!(of("[Writer]"), "wanted 2 group..d by team sync");
    assert_eq!(of(&format!("[{{ permission_set_arn: {} }}]", arn("2"))), "wanted 2 group..d by team sync");
}

#[test]
fn tags_that_a_scope_looks_at_are_needed_and_without_them_the_rule_is_frozen() {
    let wants = |scope: &str| needs(&of_team(scope, NAMED, ""), &in_ou("Test"), now()).permission_set_tags;
    assert!(wants(BY_TAGS) && !wants("[{ permission_sets: any, accounts: { in_ou: Test } }]"));
    let facts = Facts { permission_sets: Lookup::Failed("tags of Reader: throttled".to_owned()), ..facts() };
    insta::assert_snapshot!(shown(&desired(&of_team(BY_TAGS, NAMED, ""), &in_ou("Test"), &facts, now())), @"frozen team: permission set 1: tags of Reader: throttled");
}

#[test]
fn a_rule_that_can_give_nothing_here_freezes_nothing() {
    let unheard = Facts { groups: BTreeMap::new(), ..facts() };
    let of =
        |ou: &str, facts: &Facts| shown(&desired(&of_team(BY_TAGS, NAMED, ""), &in_ou(ou), facts, now()));
    insta::assert_snapshot!(of("Test", &unheard), @"frozen team: principal 1: not looked up");
    insta::assert_snapshot!(of("Production", &unheard), @r"
    beyond 1 for nobody by team
    powerless team
    ");
    // Of an account that no scope has, that is known without any permission set; by its tags it isn't.
    let unread = Facts { permission_sets: Lookup::Failed("throttled".to_owned()), ..facts() };
    assert_eq!(of("Production", &unread), "powerless team");
    assert!(of("Test", &unread).starts_with("frozen team"));
    // Another tag, and all that the rule selects is beyond.
    let retagged = Facts {
        permission_sets: Lookup::Found(vec![set("Reader", "1", &[("Level", "high")])].into()),
        ..unheard
    };
    assert!(of("Test", &retagged).ends_with("powerless team"));
}

#[test]
fn the_scope_is_asked_whether_or_not_anybody_is_there() {
    let nobody = NAMED.replace("group: Developers", "group: Missing");
    let facts = Facts { groups: [("Missing".to_owned(), Lookup::Absent)].into(), ..facts() };
    let of = |own: &str, rule: &str, ou: &str| {
        shown(&desired(&of_team(BY_TAGS, rule, own), &in_ou(ou), &facts, now()))
    };
    assert_eq!(of("", &nobody, "Test"), "team waits for group `Missing`");
    insta::assert_snapshot!(of("", &nobody, "Production"), @r"
    beyond 1 for nobody by team
    team waits for group `Missing`
    ");
    let never = "never: [{ permission_sets: [Reader], accounts: everywhere }]\n";
    assert_eq!(of(never, &nobody, "Production"), "team waits for group `Missing`");
}

#[test]
fn what_is_beyond_and_forbidden_is_told_apart() {
    let never =
        "never: [{ permission_sets: [Reader], principals: [{ group: Developers }], accounts: everywhere }]\n";
    let of =
        |own: &str| shown(&desired(&of_team(BY_TAGS, NAMED, own), &in_ou("Production"), &facts(), now()));
    insta::assert_snapshot!(of(never), @r"
    beyond 1 group..d by team sync
    beyond and forbidden 1 group..d
    ");
    insta::assert_snapshot!(of(""), @"beyond 1 group..d by team sync");
}

#[test]
fn names_of_ous_are_looked_at_where_only_a_scope_names_one() {
    assert!(of_team(BY_TAGS, NAMED, "").looks_at_ou_names());
    assert!(
        !of_team("[{ permission_sets: any, accounts: { id: '111122223333' } }]", NAMED, "")
            .looks_at_ou_names()
    );
}

#[test]
fn a_team_without_limits_and_the_root_file_are_bound_by_nothing() {
    for scope in ["unlimited", "[{ permission_sets: any, accounts: everywhere }]"] {
        let index = of_team(scope, NAMED, OF_ROOT);
        let rule = |id: &str| index.rules().iter().find(|rule| rule.id.as_str() == id).unwrap();
        let limited = |rule: &Rule| index.limits_of(rule).is_some();
        assert!(!limited(rule("root")));
        assert_eq!(limited(rule("team")), index.teams()[0].scope != TeamScope::Unlimited);
    }
}
