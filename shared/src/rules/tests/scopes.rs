//! The scopes of teams: how they are read, and which rules are beyond them by what is written alone.

use super::*;
use crate::domain::{Account, AccountState, OrganizationalUnit, OuPath, PermissionSet};

const HEAD: &str = "version: 1\nsettings: { mode: sync, trusted_account_tags: [Team], trusted_permission_set_tags: [Environment, OU, Team], protected_permission_sets: [Admin] }\n";

fn root(scope: &str) -> String {
    format!("{HEAD}teams:\n- {{ id: pay, files: pay.yaml, scope: {scope} }}\n")
}

fn files(scope: &str, rule: &str) -> Bundle {
    let further = format!("version: 1\nrules:\n- {{ id: r, principals: [{{ group: G }}], {rule} }}\n");
    Bundle { files: [("usher.yaml".to_owned(), root(scope)), ("pay.yaml".to_owned(), further)].into() }
}

fn problems(bundle: &Bundle) -> String {
    let Err(diagnostics) = read(bundle) else { return "good".to_owned() };
    let lines =
        diagnostics.plain().into_iter().map(|PlainProblem { file, line, column, message, help, .. }| {
            let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
            format!("{file}:{line}:{column} {message}{help}")
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn scope_problems(scope: &str) -> String {
    problems(&files(scope, "permission_sets: [P], accounts: everywhere"))
}

#[test]
fn the_three_models_are_read() {
    let scope = "[ { permission_sets: any, accounts: { id: [\"111122223333\", \"222233334444\"] } }, \
        { permission_sets: [ReadOnlyAccess], accounts: everywhere }, \
        { permission_sets: { tagged: { Environment: [Development, All], OU: [Test, All] } }, accounts: { in_ou: Test }, \
          match: [{ permission_set_tag: Team, principal_tag: Department, wildcard: All }] } ]";
    let rules = read(&files(scope, "permission_sets: [ReadOnlyAccess], accounts: everywhere")).unwrap();
    let scopes = rules.teams[0].limits().unwrap();
    let told: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    any permission set, id 111122223333 or 222233334444
    ReadOnlyAccess, everywhere
    tagged Environment: Development or All, OU: Test or All, in_ou Test
    ");
    assert_eq!(
        scopes[2].principal_matches,
        [PrincipalMatch {
            permission_set_tag: "Team".to_owned(),
            principal_tag: "Department".to_owned(),
            wildcard: Some("All".to_owned())
        }]
    );
    assert_eq!(scopes[2].written_at.to_string(), "usher.yaml:4");
    // One scope may stand in place of the list.
    let one = read(&files(
        "{ permission_sets: any, accounts: everywhere }",
        "permission_sets: [P], accounts: everywhere",
    ));
    assert_eq!(one.unwrap().teams[0].limits().unwrap().len(), 1);
}

#[test]
fn a_scope_that_says_too_little_or_looks_at_the_wrong_things_is_refused() {
    insta::assert_snapshot!(scope_problems("{ permission_sets: any }"), @"usher.yaml:4:38 a scope needs the key `accounts` | say where; `accounts: everywhere` is all accounts but the management account");
    insta::assert_snapshot!(scope_problems("{ accounts: everywhere }"), @"usher.yaml:4:38 a scope needs the key `permission_sets` | say which; `permission_sets: any` is all that are not protected");
    insta::assert_snapshot!(scope_problems("[]"), @"usher.yaml:4:38 expected a list of scopes, such as `[ { permission_sets: any, accounts: { in_ou: Workloads } } ]`, found an empty list | list at least one, or leave the key out if it is optional");
    insta::assert_snapshot!(scope_problems("unlimitd"), @"usher.yaml:4:38 expected `unlimited`, or a list of scopes such as `[ { permission_sets: any, accounts: { in_ou: Workloads } } ]`, found `unlimitd` | did you mean `unlimited`?");
    insta::assert_snapshot!(scope_problems("{ permission_sets: ReadOnly, accounts: everywhere }"), @"usher.yaml:4:57 expected `any` or a list of permission sets, such as `[ ReadOnlyAccess ]`, found `ReadOnly`");
    insta::assert_snapshot!(scope_problems("{ permission_sets: ['{account_name}-x'], accounts: everywhere }"), @"usher.yaml:4:58 a scope can't be about a name made from an account's data | write the name out, or select by tags: `{ tagged: { Team: payments } }`");
    insta::assert_snapshot!(scope_problems("{ permission_sets: any, accounts: everywhere, match: [{ permission_set_tag: OU, principal_tag: A }, { permission_set_tag: OU, principal_tag: B }] }"), @"usher.yaml:4:91 the tag `OU` is compared with two attributes | compare each tag with one attribute");
    // Who can set a tag that a scope looks at could widen it.
    insta::assert_snapshot!(scope_problems("{ permission_sets: { tagged: { Stage: x } }, accounts: { tagged: { Owner: z } } }"), @"
    usher.yaml:4:69 selectors may not use the tag `Stage` | add it to `trusted_permission_set_tags` in the settings if only those who may give access can set it
    usher.yaml:4:105 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    ");
    insta::assert_snapshot!(scope_problems("{ permission_sets: any, accounts: everywhere, match: [{ permission_set_tag: Stage, principal_tag: 'a}b', wildcard: '*' }] }"), @"
    usher.yaml:4:114 scopes may not use the tag `Stage` | add it to `trusted_permission_set_tags` in the settings if only those who may give access can set it
    usher.yaml:4:136 this can't be the key of an attribute for access control | a key has 1 to 128 letters, digits, blanks and `_.:/=+-@`
    usher.yaml:4:153 `*` looks like a pattern, and none is read here | a tag's value has no `*` in it; choose a word, such as `wildcard: All`
    ");
}

#[test]
fn where_one_team_has_a_scope_each_says_one() {
    let all = |teams: &str| {
        problems(&bundle(&format!(
            "{HEAD}teams: {teams}\nrules:\n- {{ id: r, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}\n"
        )))
    };
    insta::assert_snapshot!(all("[{ id: a, files: a/* }, { id: b, files: b/*, scope: { permission_sets: any, accounts: everywhere } }]"), @"rules.yaml:3:15 the team `a` has no scope, and others have | say its `scope`; `scope: unlimited` lets its files give anything anywhere");
    assert_eq!(
        all(
            "[{ id: a, files: a/*, scope: unlimited }, { id: b, files: b/*, scope: { permission_sets: any, accounts: everywhere } }]"
        ),
        "good"
    );
    // As before there were scopes.
    assert_eq!(all("[{ id: a, files: a/* }, { id: b, files: b/* }]"), "good");
}

/// A rule against a scope: what is refused, or whether it takes an organization to tell.
fn held(scope: &str, rule: &str) -> String {
    let bundle = files(scope, rule);
    match read(&bundle) {
        Ok(rules) => {
            let (rule, protected) = (&rules.rules[0], &rules.settings.protected_permission_sets);
            match extent(rule, rules.teams[0].limits().unwrap(), protected) {
                RuleExtent::Within => "within".to_owned(),
                RuleExtent::Open => "open".to_owned(),
                RuleExtent::Beyond(_) => unreachable!("that is refused"),
            }
        }
        Err(diagnostics) => {
            let plain = diagnostics.plain();
            plain.into_iter().map(|it| it.message).collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn what_is_beyond_is_refused_with_its_place_and_the_scope() {
    let bundle = files(
        "[{ permission_sets: [ReadOnly], accounts: { in_ou: Workloads/Test } }]",
        "permission_sets: [ReadOnly, PowerUser], accounts: [{ in_ou: Workloads }, { in_ou: Workloads/Test/Web }]",
    );
    insta::assert_snapshot!(problems(&bundle), @"
    pay.yaml:3:68 the team `pay` may not give `PowerUser` | its scope is ReadOnly, in_ou Workloads/Test (usher.yaml:4); stay within it, or have it widened in the root file
    pay.yaml:3:90 the team `pay` may not give `ReadOnly` in the OU Workloads | its scope is ReadOnly, in_ou Workloads/Test (usher.yaml:4); stay within it, or have it widened in the root file
    ");
    // The root file's own rules, and those of a team without limits, are bound by nothing.
    let root = format!(
        "{}rules:\n- {{ id: x, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}\n",
        root("{ permission_sets: [R], accounts: everywhere }")
    );
    assert_eq!(problems(&self::bundle(&root)), "good");
}

#[test]
fn selectors_of_one_kind_are_compared_and_others_left_to_the_organization() {
    let places = [
        ("{ id: ['111122223333'] }", "{ id: '111122223333' }"),
        ("{ id: ['111122223333'] }", "{ id: ['111122223333', '222233334444'] }"),
        ("{ id: ['111122223333'] }", "{ in_ou: Test }"),
        ("{ id: ['111122223333'] }", "everywhere"),
        ("everywhere", "{ tagged: { Team: x } }"),
        ("everywhere", "{ id: '111122223333' }"),
        ("{ in_ou: Test }", "{ in_ou: Test/Web }"),
        ("{ in_ou: Test/Web }", "{ in_ou: Test }"),
        ("{ in_ou: Test/Web }", "{ directly_in_ou: Test }"),
        ("{ in_ou: Test/Web }", "{ in_ou: Test, except: [{ tagged: { Team: x } }] }"),
        ("{ in_ou: Test/Web }", "{ in_ou: Test, except: [{ id: '111122223333' }] }"),
        ("{ in_ou: Test }", "{ all_of: [everywhere], except: [{ in_ou: Other }] }"),
        ("{ in_ou: Test }", "{ in_ou: ou-ab12-cdefgh34 }"),
        ("{ in_ou: Test }", "{ tagged: { Team: x } }"),
        ("{ directly_in_ou: Test }", "{ in_ou: Test }"),
        ("{ directly_in_ou: Test }", "{ directly_in_ou: Test }"),
        ("{ tagged: { Team: [x, v] } }", "{ tagged: { Team: x } }"),
        ("{ tagged: { Team: [x, v] } }", "{ tagged: { Team: [x, z] } }"),
        ("{ tagged: { Team: x } }", "{ tagged: { Team: { present: true } } }"),
        ("{ tagged: { Team: { like: 'x*' } } }", "{ tagged: { Team: [x, xy] } }"),
        ("{ tagged: { Team: { like: 'x*' } } }", "{ tagged: { Team: { like: 'xy*' } } }"),
        ("{ tagged: { Team: { absent: true } } }", "{ tagged: { Team: x } }"),
        ("{ in_ou: Test, except: [{ id: '111122223333' }] }", "{ in_ou: Test }"),
        ("{ in_ou: Test, except: [{ in_ou: Test/Web }] }", "{ in_ou: Test/Web/Shop }"),
        ("[{ in_ou: Test }, { id: '111122223333' }]", "{ in_ou: Test }"),
        ("[{ tagged: { Team: { present: true } } }, { tagged: { Team: { absent: true } } }]", "everywhere"),
    ];
    let lines = places.map(|(scope, rule)| {
        let held = held(
            &format!("{{ permission_sets: any, accounts: {scope} }}"),
            &format!("permission_sets: [P], accounts: {rule}"),
        );
        format!("{rule} of {scope}: {held}")
    });
    insta::assert_snapshot!(lines.join("\n"), @"
    { id: '111122223333' } of { id: ['111122223333'] }: within
    { id: ['111122223333', '222233334444'] } of { id: ['111122223333'] }: the team `pay` may not give `P` in account 222233334444
    { in_ou: Test } of { id: ['111122223333'] }: open
    everywhere of { id: ['111122223333'] }: the team `pay` may not give `P` everywhere
    { tagged: { Team: x } } of everywhere: within
    { id: '111122223333' } of everywhere: open
    { in_ou: Test/Web } of { in_ou: Test }: within
    { in_ou: Test } of { in_ou: Test/Web }: the team `pay` may not give `P` in the OU Test
    { directly_in_ou: Test } of { in_ou: Test/Web }: the team `pay` may not give `P` directly in the OU Test
    { in_ou: Test, except: [{ tagged: { Team: x } }] } of { in_ou: Test/Web }: open
    { in_ou: Test, except: [{ id: '111122223333' }] } of { in_ou: Test/Web }: the team `pay` may not give `P` in the OU Test
    { all_of: [everywhere], except: [{ in_ou: Other }] } of { in_ou: Test }: open
    { in_ou: ou-ab12-cdefgh34 } of { in_ou: Test }: open
    { tagged: { Team: x } } of { in_ou: Test }: open
    { in_ou: Test } of { directly_in_ou: Test }: open
    { directly_in_ou: Test } of { directly_in_ou: Test }: within
    { tagged: { Team: x } } of { tagged: { Team: [x, v] } }: within
    { tagged: { Team: [x, z] } } of { tagged: { Team: [x, v] } }: the team `pay` may not give `P` in accounts tagged Team: z
    { tagged: { Team: { present: true } } } of { tagged: { Team: x } }: the team `pay` may not give `P` in accounts tagged Team: present
    { tagged: { Team: [x, xy] } } of { tagged: { Team: { like: 'x*' } } }: within
    { tagged: { Team: { like: 'xy*' } } } of { tagged: { Team: { like: 'x*' } } }: open
    { tagged: { Team: x } } of { tagged: { Team: { absent: true } } }: the team `pay` may not give `P` in accounts tagged Team: x
    { in_ou: Test } of { in_ou: Test, except: [{ id: '111122223333' }] }: open
    { in_ou: Test/Web/Shop } of { in_ou: Test, except: [{ in_ou: Test/Web }] }: the team `pay` may not give `P` in the OU Test/Web/Shop
    { in_ou: Test } of [{ in_ou: Test }, { id: '111122223333' }]: within
    everywhere of [{ tagged: { Team: { present: true } } }, { tagged: { Team: { absent: true } } }]: open
    ");
}

#[test]
fn permission_sets_are_compared_by_name_arn_or_tags() {
    let sets = [
        ("any", "[P]"),
        ("any", "[P, Admin]"),
        ("[P, Admin]", "[Admin]"),
        ("[P]", "['{account_tag.Team}-x']"),
        ("[a-x]", "['{account_tag.Team}-x']"),
        (
            "[P]",
            "[{ permission_set_arn: 'arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef' }]",
        ),
        (
            "{ tagged: { Environment: [Development, All], OU: [Test, All] } }",
            "{ tagged: { Environment: Development, OU: Test } }",
        ),
        (
            "{ tagged: { Environment: [Development, All], OU: [Test, All] } }",
            "{ tagged: { Environment: [Development, Production], OU: Test } }",
        ),
        (
            "{ tagged: { Environment: [Development, All], OU: [Test, All] } }",
            "{ tagged: { Environment: Development } }",
        ),
        ("{ tagged: { Environment: [Development, All], OU: [Test, All] } }", "[P]"),
        ("{ tagged: { Environment: [Development, All] } }", "[Admin]"),
    ];
    let lines = sets.map(|(scope, rule)| {
        let held = held(&format!("{{ permission_sets: {scope}, accounts: {{ id: '111122223333' }} }}"), &format!("permission_sets: {rule}, accounts: {{ id: '111122223333', tagged: {{ Team: {{ present: true }} }} }}"));
        format!("{rule} of {scope}: {held}")
    });
    insta::assert_snapshot!(lines.join("\n"), @"
    [P] of any: within
    [P, Admin] of any: the team `pay` may not give `Admin`
    [Admin] of [P, Admin]: within
    ['{account_tag.Team}-x'] of [P]: the team `pay` may not give `{account_tag.Team}-x`
    ['{account_tag.Team}-x'] of [a-x]: open
    [{ permission_set_arn: 'arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef' }] of [P]: open
    { tagged: { Environment: Development, OU: Test } } of { tagged: { Environment: [Development, All], OU: [Test, All] } }: within
    { tagged: { Environment: [Development, Production], OU: Test } } of { tagged: { Environment: [Development, All], OU: [Test, All] } }: the team `pay` may not give what is tagged Environment: Production and OU: Test
    { tagged: { Environment: Development } } of { tagged: { Environment: [Development, All], OU: [Test, All] } }: open
    [P] of { tagged: { Environment: [Development, All], OU: [Test, All] } }: open
    [Admin] of { tagged: { Environment: [Development, All] } }: the team `pay` may not give `Admin`
    ");
}

#[test]
fn pairs_are_told_apart_and_joins_leave_open_what_they_narrow() {
    let scope = "[{ permission_sets: [P], accounts: { in_ou: A } }, { permission_sets: [Q], accounts: { in_ou: B } }]";
    assert_eq!(held(scope, "permission_sets: [P], accounts: { in_ou: A }"), "within");
    assert_eq!(
        held(scope, "permission_sets: [P, Q], accounts: { in_ou: A }"),
        "the team `pay` may not give `Q` in the OU A"
    );
    let joined = "permission_sets: [P], accounts: everywhere, match: [{ permission_set_tag: OU, account_ou: { name: any } }]";
    assert_eq!(held("{ permission_sets: [P], accounts: { in_ou: A } }", joined), "open");
    assert!(held("{ permission_sets: [Q], accounts: { in_ou: A } }", joined).contains("may not give `P`"));
}

#[test]
fn a_rule_of_very_many_parts_is_left_to_the_organization() {
    let ids: Vec<String> = (0..200_u64).map(|id| format!("'{:012}'", 100_000_000_000 + id)).collect();
    let sets: Vec<String> = (0..200).map(|at| format!("P{at}")).collect();
    let rule = format!("permission_sets: [{}], accounts: {{ id: [{}] }}", sets.join(", "), ids.join(", "));
    assert_eq!(held("{ permission_sets: [Q], accounts: everywhere }", &rule), "open");
}

// Every account and every permission set that there could be, as far as the selectors below can tell them apart.
fn accounts() -> Vec<Account> {
    let unit = |name: &str| OrganizationalUnit {
        id: format!("ou-ab12-{}", name.repeat(8).to_lowercase()).parse().unwrap(),
        name: name.to_owned(),
    };
    let places: [&[&str]; 5] = [&[], &["a"], &["a", "b"], &["a", "c"], &["d"]];
    let mut all = Vec::new();
    for id in ["111122223333", "222233334444", "333344445555"] {
        for place in places {
            for team in [None, Some("x"), Some("xy"), Some("z"), Some("of no selector")] {
                for name in ["web", "shop"] {
                    all.push(Account {
                        id: id.parse().unwrap(),
                        name: name.to_owned(),
                        state: AccountState::Active,
                        path: OuPath(place.iter().map(|name| unit(name)).collect()),
                        tags: team.map(|team| ("Team", team)).into_iter().collect(),
                        is_management: false,
                    });
                }
            }
        }
    }
    all
}

fn sets() -> Vec<PermissionSet> {
    let mut all = Vec::new();
    for name in ["P", "Q", "R", "Admin"] {
        for value in [None, Some("x"), Some("xy"), Some("z"), Some("of no selector")] {
            all.push(PermissionSet {
                arn: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
                    .parse()
                    .unwrap(),
                name: name.to_owned(),
                tags: value.map(|value| ("Team", value)).into_iter().collect(),
            });
        }
    }
    all
}

fn tags() -> impl Strategy<Value = TagSelector> {
    let value = prop_oneof![
        prop::sample::select(vec!["x", "xy", "z"])
            .prop_map(|value| TagValueSelector::Value(TextSelector::Is(value.to_owned()))),
        Just(TagValueSelector::Value(TextSelector::Like(Glob::new("x*")))),
        Just(TagValueSelector::Value(TextSelector::Like(Glob::new("*")))),
        Just(TagValueSelector::Present),
        Just(TagValueSelector::Absent),
    ];
    prop::collection::vec(value, 1..3).prop_map(|values| TagSelector([("Team".to_owned(), values)].into()))
}

fn places() -> impl Strategy<Value = AccountSelector> {
    let ou = prop::sample::select(vec!["a", "a/b", "a/c", "d"])
        .prop_map(|path| OuRef::Path(path.split('/').map(str::to_owned).collect()));
    let ous = prop::collection::vec(ou, 1..3);
    let ids = prop::collection::btree_set(prop::sample::select(vec!["111122223333", "222233334444"]), 1..3);
    let leaf = prop_oneof![
        Just(AccountSelector::Everywhere),
        ous.clone().prop_map(AccountSelector::InOu),
        ous.prop_map(AccountSelector::DirectlyInOu),
        tags().prop_map(AccountSelector::Tagged),
        Just(AccountSelector::Named(vec![TextSelector::Is("web".to_owned())])),
        ids.prop_map(|ids| AccountSelector::Id(ids.into_iter().map(|id| id.parse().unwrap()).collect())),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            parts().prop_map(AccountSelector::AllOf),
            parts().prop_map(AccountSelector::AnyOf),
            (inner.clone(), parts())
                .prop_map(|(of, except)| AccountSelector::Except { of: Box::new(of), except }),
        ]
    })
}

fn set_selectors() -> impl Strategy<Value = Vec<PermissionSetSelector>> {
    let one = prop_oneof![
        prop::sample::select(vec!["P", "Q", "Admin"])
            .prop_map(|name| PermissionSetSelector::Name(NameTemplate::plain(name))),
        tags().prop_map(PermissionSetSelector::Tagged),
    ];
    prop::collection::vec(one, 1..3)
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    let sets = prop_oneof![1 => Just(ScopeSets::Any), 2 => set_selectors().prop_map(ScopeSets::These)];
    let scope = (sets, places()).prop_map(|(permission_sets, accounts)| Scope {
        permission_sets,
        accounts,
        principal_matches: Vec::new(),
        written_at: WrittenAt { file: "usher.yaml".into(), line: 1 },
    });
    prop::collection::vec(scope, 1..3)
}

proptest! {
    #[test]
    fn what_is_called_within_or_beyond_by_what_is_written_is_so(sets_of_rule in set_selectors(), accounts_of_rule in places(), scopes in scopes()) {
        let text = "version: 1\nsettings: { mode: sync }\nrules:\n- { id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n";
        let rule = Rule { permission_sets: sets_of_rule, accounts: accounts_of_rule, ..read(&bundle(text)).unwrap().rules.remove(0) };
        let protected: BTreeSet<String> = ["Admin".to_owned()].into();
        let (accounts, sets) = (accounts(), sets());
        let given = |account: &Account, set: &PermissionSet| {
            rule.accounts.gives(account) && rule.permission_sets.iter().any(|it| {
                it.selects(set, account) && (set.name != "Admin" || matches!(it, PermissionSetSelector::Name(_)))
            })
        };
        let beyond = accounts.iter().flat_map(|account| sets.iter().map(move |set| (account, set))).find(|(account, set)| {
            given(account, set) && !scopes.iter().any(|scope| scope.takes_in(account, (*set).into(), &protected))
        });
        match extent(&rule, &scopes, &protected) {
            RuleExtent::Within => prop_assert!(beyond.is_none(), "{beyond:?}"),
            RuleExtent::Beyond(excesses) => {
                let gives = accounts.iter().any(|account| sets.iter().any(|set| given(account, set)));
                prop_assert!(beyond.is_some() || !gives || is_part_of_it_nothing(&rule, &accounts), "{excesses:?}");
            }
            RuleExtent::Open => {}
        }
    }
}

/// Whether some part of the rule selects no account at all: what nothing selects is beyond and within alike.
fn is_part_of_it_nothing(rule: &Rule, accounts: &[Account]) -> bool {
    fn parts(selector: &AccountSelector) -> Vec<AccountSelector> {
        match selector {
            AccountSelector::AnyOf(any) => any.iter().flat_map(parts).collect(),
            AccountSelector::InOu(ous) => {
                ous.iter().map(|ou| AccountSelector::InOu(vec![ou.clone()])).collect()
            }
            AccountSelector::DirectlyInOu(ous) => {
                ous.iter().map(|ou| AccountSelector::DirectlyInOu(vec![ou.clone()])).collect()
            }
            AccountSelector::Id(ids) => {
                ids.iter().map(|id| AccountSelector::Id([id.clone()].into())).collect()
            }
            AccountSelector::Tagged(TagSelector(tags)) => tags
                .iter()
                .flat_map(|(key, values)| {
                    let one =
                        |value: &TagValueSelector| TagSelector([(key.clone(), vec![value.clone()])].into());
                    values.iter().map(one).map(AccountSelector::Tagged)
                })
                .collect(),
            AccountSelector::AllOf(all) => {
                all.iter().map(parts).fold(vec![AccountSelector::AllOf(Vec::new())], |so_far, factor| {
                    so_far
                        .iter()
                        .flat_map(|one| {
                            factor
                                .iter()
                                .map(|other| AccountSelector::AllOf(vec![one.clone(), other.clone()]))
                                .collect::<Vec<_>>()
                        })
                        .collect()
                })
            }
            AccountSelector::Except { of, except } => parts(of)
                .into_iter()
                .map(|of| AccountSelector::Except { of: Box::new(of), except: except.clone() })
                .collect(),
            AccountSelector::Everywhere | AccountSelector::Named(_) => vec![selector.clone()],
        }
    }
    parts(&rule.accounts).iter().any(|part| !accounts.iter().any(|account| part.gives(account)))
}
