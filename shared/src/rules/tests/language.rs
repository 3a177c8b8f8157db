//! Trust, names made from data, joins, times: what is read of them, and what is refused.

use super::*;
use crate::domain::{Account, AccountState, OrganizationalUnit, OuPath, PermissionSet, Tags};

const SETTINGS: &str = "settings: { mode: sync, trusted_account_tags: [Environment, Team], \
    trusted_permission_set_tags: [Environment, OU], protected_permission_sets: [Admin] }";

/// A document with one rule: a principal, permission sets and accounts that can be written over, and whatever else.
fn document(fields: &[(&str, &str)]) -> String {
    let mut all = BTreeMap::from([
        ("principals", "[{ group: G }]"),
        ("permission_sets", "[P]"),
        ("accounts", "everywhere"),
    ]);
    all.extend(fields.iter().copied());
    let all: Vec<String> = all.iter().map(|(key, value)| format!("  {key}: {value}")).collect();
    format!("version: 1\n{SETTINGS}\nrules:\n- id: a\n{}\n", all.join("\n"))
}

fn rule(fields: &[(&str, &str)]) -> Rule {
    let text = document(fields);
    read(&bundle(&text)).unwrap_or_else(|error| panic!("{}", rendered(&error))).rules.remove(0)
}

fn account(ou: &[&str], tags: &[(&str, &str)]) -> Account {
    let unit = |name: &&str| OrganizationalUnit {
        id: format!("ou-root-{:0>8}", name.to_lowercase()).parse().unwrap(),
        name: (*name).to_owned(),
    };
    Account {
        id: "111122223333".parse().unwrap(),
        name: "shop".to_owned(),
        state: AccountState::Active,
        path: OuPath(ou.iter().map(unit).collect()),
        tags: tags.iter().copied().collect::<Tags>(),
        is_management: false,
    }
}

fn set(tags: &[(&str, &str)]) -> PermissionSet {
    PermissionSet {
        arn: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef".parse().unwrap(),
        name: "P".to_owned(),
        tags: tags.iter().copied().collect(),
    }
}

#[test]
fn conditions_of_tags_and_names_are_read_alone_and_in_lists() {
    let cases = [
        "{ tagged: { Team: { like: \"dev-*\" } } }",
        "{ tagged: { Team: [Web, { like: \"dev-?\" }], Environment: { present: true } } }",
        "{ tagged: { Team: [{ absent: true }, none] } }",
        "{ named: { like: \"*\" } }",
        "{ named: [web, { like: \"shop-*\" }] }",
    ];
    let read = cases.map(|case| format!("{case}\n    {:?}", rule(&[("accounts", case)]).accounts));
    insta::assert_snapshot!(read.join("\n"), @r#"
    { tagged: { Team: { like: "dev-*" } } }
        Tagged(TagSelector({"Team": [Value(Like("dev-*"))]}))
    { tagged: { Team: [Web, { like: "dev-?" }], Environment: { present: true } } }
        Tagged(TagSelector({"Environment": [Present], "Team": [Value(Is("Web")), Value(Like("dev-?"))]}))
    { tagged: { Team: [{ absent: true }, none] } }
        Tagged(TagSelector({"Team": [Absent, Value(Is("none"))]}))
    { named: { like: "*" } }
        Named([Like("*")])
    { named: [web, { like: "shop-*" }] }
        Named([Is("web"), Like("shop-*")])
    "#);
}

#[test]
fn a_pattern_is_no_longer_than_anything_it_could_fit() {
    let named = |length: usize| {
        let pattern = "*a".repeat(length / 2);
        read(&bundle(&document(&[("accounts", &format!("{{ named: {{ like: \"{pattern}\" }} }}"))])))
    };
    assert!(named(512).is_ok());
    assert_eq!(named(514).unwrap_err().plain()[0].message, "a pattern has at most 512 characters");
}

#[test]
fn principals_and_permission_sets_are_read_with_names_made_from_data() {
    let read = rule(&[
        (
            "principals",
            "[{ group: \"{account_tag.Team}-{ou_name}\" }, { members_of: \"{account_id}\" }, { members_of: { group_id: 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab } }, { user_name: \"{account_name}@example.com\" }]",
        ),
        ("permission_sets", "[\"{account_tag.Environment}-access\", { name: \"{account_name}\" }]"),
        ("accounts", "{ tagged: { Team: { present: true }, Environment: [a, { like: b }] } }"),
    ]);
    insta::assert_debug_snapshot!(read.principals, @r#"
    [
        Group(
            "{account_tag.Team}-{ou_name}",
        ),
        MembersOf(
            "{account_id}",
        ),
        MembersOfId(
            9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab,
        ),
        User(
            "{account_name}@example.com",
        ),
    ]
    "#);
    insta::assert_debug_snapshot!(read.permission_sets, @r#"
    [
        Name(
            "{account_tag.Environment}-access",
        ),
        Name(
            "{account_name}",
        ),
    ]
    "#);
}

#[test]
fn a_name_is_made_only_from_tags_that_every_account_of_the_rule_has() {
    let with = |accounts: &str| {
        let text =
            document(&[("principals", "[{ group: \"{account_tag.Team}-x\" }]"), ("accounts", accounts)]);
        read(&bundle(&text)).err().map(|error| error.plain())
    };
    for accounts in [
        "{ tagged: { Team: web } }",
        "{ tagged: { Team: [web, { like: \"*\" }, { present: true }] } }",
        "{ in_ou: A, tagged: { Team: web, Environment: { absent: true } }, except: [everywhere] }",
        "[{ tagged: { Team: a } }, { all_of: [{ in_ou: A }, { tagged: { Team: b } }] }]",
        "{ any_of: [{ tagged: { Team: a } }], all_of: [everywhere] }",
    ] {
        assert_eq!(with(accounts), None, "{accounts}");
    }
    for accounts in [
        "everywhere",
        "{ id: \"111122223333\" }",
        "{ tagged: { Environment: a } }",
        "{ tagged: { Team: [web, { absent: true }] } }",
        "{ tagged: { Team: { absent: true } } }",
        "[{ tagged: { Team: a } }, { in_ou: A }]",
        "{ in_ou: A, except: [{ tagged: { Team: a } }] }",
        "{ all_of: [{ any_of: [{ tagged: { Team: a } }, everywhere] }] }",
    ] {
        let problems = with(accounts).unwrap();
        assert_eq!(problems.len(), 1, "{accounts}");
        assert_eq!(problems[0].message, "the rule can select accounts without the tag `Team`");
    }
    insta::assert_snapshot!(mistakes(&document(&[("principals", "[{ group: \"{account_tag.Team}-x\" }]")])), @r#"
    the rules have a problem
      × the rule can select accounts without the tag `Team`
       ╭─[rules.yaml:7:25]
     6 │   permission_sets: [P]
     7 │   principals: [{ group: "{account_tag.Team}-x" }]
       ·                         ───────────┬──────────
       ·                                    ╰── made from the tag `Team`
       ╰────
      help: add `tagged: { Team: { present: true } }` to its `accounts`
    "#);
}

#[test]
fn tags_that_are_not_trusted_are_used_nowhere() {
    let cases: [&[(&str, &str)]; 6] = [
        &[("accounts", "{ tagged: { Owner: me, Environmnt: x } }")],
        &[("accounts", "{ any_of: [everywhere], except: [{ tagged: { OU: x } }] }")],
        &[("permission_sets", "[{ tagged: { Team: x } }]")],
        &[("principals", "[{ group: \"{account_tag.Owner}\" }, { members_of: \"{account_tag.team}\" }]")],
        &[(
            "match",
            "[{ permission_set_tag: Team, account_tag: OU }, { permission_set_tag: Ou, account_ou: { name: any } }]",
        )],
        &[("permission_sets", "[\"{account_tag.Owner}\"]")],
    ];
    let all = cases.map(|fields| format!("{fields:?}\n{}", listed(&document(fields))));
    insta::assert_snapshot!(all.join(""), @r#"
    [("accounts", "{ tagged: { Owner: me, Environmnt: x } }")]
    5:25+5 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    5:36+10 selectors may not use the tag `Environmnt` | did you mean `Environment`?
    [("accounts", "{ any_of: [everywhere], except: [{ tagged: { OU: x } }] }")]
    5:58+2 selectors may not use the tag `OU` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    [("permission_sets", "[{ tagged: { Team: x } }]")]
    6:33+4 selectors may not use the tag `Team` | add it to `trusted_permission_set_tags` in the settings if only those who may give access can set it
    [("principals", "[{ group: \"{account_tag.Owner}\" }, { members_of: \"{account_tag.team}\" }]")]
    7:25+21 names may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    7:64+20 names may not use the tag `team` | did you mean `Team`?
    [("match", "[{ permission_set_tag: Team, account_tag: OU }, { permission_set_tag: Ou, account_ou: { name: any } }]")]
    6:33+4 joins may not use the tag `Team` | add it to `trusted_permission_set_tags` in the settings if only those who may give access can set it
    6:52+2 joins may not use the tag `OU` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    6:80+2 joins may not use the tag `Ou` | did you mean `OU`?
    [("permission_sets", "[\"{account_tag.Owner}\"]")]
    6:21+21 names may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    "#);

    let never = "version: 1\nsettings: { mode: sync }\nnever:\n- { permission_sets: [{ tagged: { A: x } }], accounts: { tagged: { B: { absent: true } } } }\nrules:\n- { id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n";
    insta::assert_snapshot!(listed(never), @"
    4:35+1 selectors may not use the tag `A` | add it to `trusted_permission_set_tags` in the settings if only those who may give access can set it
    4:68+1 selectors may not use the tag `B` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    ");
}

#[test]
fn trust_holds_wherever_in_the_document_the_settings_stand() {
    let rules = "rules:\n- { id: a, principals: [{ group: G }], permission_sets: [P], accounts: { tagged: { Team: x } } }\n";
    read(&bundle(&format!("version: 1\n{rules}{SETTINGS}\n"))).unwrap();
    insta::assert_snapshot!(listed(&format!("{rules}settings: {{ mode: sync }}\nversion: 1\n")), @"2:84+4 selectors may not use the tag `Team` | add it to `trusted_account_tags` in the settings if only those who may give access can set it");
    // What can't be read is not held against the rules.
    insta::assert_snapshot!(listed(&format!("version: 1\n{rules}settings: {{ mode: sync, trusted_account_tags: yes }}\n")), @"4:47+3 expected a list of tags' keys, such as `[ Environment, Team ]`, found `yes`");
    insta::assert_snapshot!(listed(&format!("version: 1\n{rules}settings: {{ mode: snc, trusted_acount_tags: [Team] }}\n")), @"
    4:19+3 expected a mode: `observe`, `create-only` or `sync`, found `snc` | did you mean `sync`?
    4:24+19 `settings` can't have the key `trusted_acount_tags` | did you mean `trusted_account_tags`?
    ");
    insta::assert_snapshot!(listed(&format!("version: 1\n{rules}")), @"1:1+10 a rule document needs the key `settings` | for example `settings: { mode: observe }`");
}

#[test]
fn never_is_about_no_name_that_data_makes() {
    let never = "version: 1\nsettings: { mode: sync, trusted_account_tags: [Team] }\nnever:\n- { principals: [{ group: G }, { group: \"{ou_name}\" }], permission_sets: [\"{account_tag.Team}\"], accounts: { tagged: { Team: { present: true } } }, match: [] }\nrules:\n- { id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n";
    insta::assert_snapshot!(listed(never), @"
    4:41+11 `never` can't be about a name made from an account's data | write the name out, or pin what is meant by its id
    4:75+20 `never` can't be about a name made from an account's data | write the name out, or pin what is meant by its id
    4:149+5 an entry of `never` can't have the key `match` | an entry of `never` can have `permission_sets`, `accounts` or `principals`
    ");
}

#[test]
fn protected_permission_sets_are_named_only_where_accounts_are_listed() {
    for accounts in [
        "{ id: \"111122223333\" }",
        "{ id: [\"111122223333\"], in_ou: A, except: [everywhere] }",
        "[{ id: \"111122223333\" }, { all_of: [{ id: \"111122223333\" }, everywhere] }]",
    ] {
        rule(&[("permission_sets", "[P, Admin]"), ("accounts", accounts)]);
    }
    for accounts in [
        "everywhere",
        "[{ id: \"111122223333\" }, { named: a }]",
        "{ in_ou: A, except: [{ id: \"111122223333\" }] }",
    ] {
        let problems =
            read(&bundle(&document(&[("permission_sets", "[P, { name: Admin }]"), ("accounts", accounts)])));
        assert_eq!(
            problems.unwrap_err().plain()[0].message,
            "`Admin` is given in accounts that are not listed by their ids"
        );
    }
    insta::assert_snapshot!(mistakes(&document(&[("permission_sets", "[Admin]")])), @r#"
    the rules have a problem
      × `Admin` is given in accounts that are not listed by their ids
       ╭─[rules.yaml:6:21]
     5 │   accounts: everywhere
     6 │   permission_sets: [Admin]
       ·                     ──┬──
       ·                       ╰── a protected permission set
     7 │   principals: [{ group: G }]
       ╰────
      help: list the accounts, such as `accounts: { id: ["111122223333"] }`
    "#);
}

#[test]
fn joins_are_read_and_hold_as_the_guide_says() {
    let read = rule(&[(
        "match",
        "[{ permission_set_tag: Environment, account_tag: Environment, wildcard: All }, { permission_set_tag: OU, account_ou: { name: any } }, { permission_set_tag: OU, account_ou: { name: nearest }, wildcard: All }]",
    )]);
    insta::assert_debug_snapshot!(read.joins, @r#"
    [
        Join {
            permission_set_tag: "Environment",
            with: AccountTag(
                "Environment",
            ),
            wildcard: Some(
                "All",
            ),
        },
        Join {
            permission_set_tag: "OU",
            with: AnyOu,
            wildcard: None,
        },
        Join {
            permission_set_tag: "OU",
            with: NearestOu,
            wildcard: Some(
                "All",
            ),
        },
    ]
    "#);

    let [environment, any, nearest] = read.joins.as_slice() else { panic!("three joins") };
    let table = [
        (Some("Test"), Some("Test"), true),
        (Some("Test"), Some("Production"), false),
        (Some("Test"), Some("test"), false),
        (Some("All"), Some("Test"), true),
        (Some("All"), None, false),
        (Some("Test"), Some("All"), false),
        (None, Some("Test"), false),
        (None, None, false),
    ];
    for (of_set, of_account, given) in table {
        let set = set(&of_set.map(|value| ("Environment", value)).into_iter().collect::<Vec<_>>());
        let account =
            account(&[], &of_account.map(|value| ("Environment", value)).into_iter().collect::<Vec<_>>());
        assert_eq!(environment.holds(&set, &account), given, "{of_set:?} {of_account:?}");
    }
    for (of_set, path, by_any, by_nearest) in [
        ("A", vec!["A", "B"], true, false),
        ("B", vec!["A", "B"], true, true),
        ("All", vec!["A"], false, true),
        ("All", vec![], false, false),
    ] {
        let (set, account) = (set(&[("OU", of_set)]), account(&path, &[]));
        assert_eq!(
            (any.holds(&set, &account), nearest.holds(&set, &account)),
            (by_any, by_nearest),
            "{of_set} {path:?}"
        );
    }
}

#[test]
fn mistakes_in_joins() {
    let cases = [
        "[]",
        "{ permission_set_tag: OU, account_ou: { name: any } }",
        "[{}]",
        "[{ permission_set_tag: OU }]",
        "[{ account_tag: Team }]",
        "[{ permission_set_tag: OU, account_tag: Team, account_ou: { name: any } }]",
        "[{ permission_set_tag: OU, acount_tag: Team }]",
        "[{ permission_set_tag: OU, account_ou: any }]",
        "[{ permission_set_tag: OU, account_ou: { name: anny } }, { permission_set_tag: OU, account_ou: {} }]",
        "[{ permission_set_tag: [OU], account_tag: 1, wildcard: \"*\" }]",
        "[{ permission_set_tag: OU, account_tag: Team, wildcard: yes }]",
    ];
    let all = cases.map(|case| format!("{case}\n{}", listed(&document(&[("match", case)]))));
    insta::assert_snapshot!(all.join(""), @r#"
    []
    6:10+2 expected a list of joins, such as `[ { permission_set_tag: Team, account_tag: Team } ]`, found an empty list | list at least one, or leave the key out if it is optional
    { permission_set_tag: OU, account_ou: { name: any } }
    6:10+53 expected a list of joins, such as `[ { permission_set_tag: Team, account_tag: Team } ]`, found a map
    [{}]
    6:11+2 a join needs the key `permission_set_tag` | for example `permission_set_tag: Environment`
    6:11+2 a join needs the key `account_tag` or `account_ou` | for example `account_tag: Environment` or `account_ou: { name: any }`
    [{ permission_set_tag: OU }]
    6:11+26 a join needs the key `account_tag` or `account_ou` | for example `account_tag: Environment` or `account_ou: { name: any }`
    [{ account_tag: Team }]
    6:11+21 a join needs the key `permission_set_tag` | for example `permission_set_tag: Environment`
    [{ permission_set_tag: OU, account_tag: Team, account_ou: { name: any } }]
    6:56+10 a join has either `account_tag` or `account_ou` | make two joins of it: all of them must hold
    [{ permission_set_tag: OU, acount_tag: Team }]
    6:37+10 a join can't have the key `acount_tag` | did you mean `account_tag`?
    [{ permission_set_tag: OU, account_ou: any }]
    6:49+3 expected `account_ou` as a map with `name`, found `any`
    [{ permission_set_tag: OU, account_ou: { name: anny } }, { permission_set_tag: OU, account_ou: {} }]
    6:57+4 expected `nearest`, the OU that the account is in, or `any`, it or one above, found `anny` | did you mean `any`?
    6:105+2 `account_ou` needs the key `name`
    [{ permission_set_tag: [OU], account_tag: 1, wildcard: "*" }]
    6:33+4 expected a tag's key, found a list
    6:52+1 expected a tag's key, found `1`, which is a number to YAML | quote it: "1"
    6:65+3 `*` looks like a pattern, and none is read here | a tag's value has no `*` in it; choose a word, such as `wildcard: All`
    [{ permission_set_tag: OU, account_tag: Team, wildcard: yes }]
    6:66+3 expected the value of the permission set's tag that fits every account, found `yes`, which is true or false to YAML | quote it: "yes"
    "#);
}

#[test]
fn times_are_read_with_their_offset_quoted_or_not() {
    let read = rule(&[
        ("from", "2027-01-04T08:00:00+01:00"),
        ("until", "'2027-03-31T00:00:00.5Z'"),
        ("repair", "always"),
    ]);
    assert_eq!(read.from.unwrap().to_string(), "2027-01-04T07:00:00Z");
    assert_eq!(read.until.unwrap().to_string(), "2027-03-31T00:00:00.5Z");
    assert_eq!(read.repair, Repair::Always);
    let none = rule(&[]);
    assert_eq!((none.from, none.until, none.repair), (None, None, Repair::Hold));
}

#[test]
fn mistakes_in_times_and_repair() {
    let cases: [&[(&str, &str)]; 9] = [
        &[("until", "2027-03-31")],
        &[("until", "2027-03-31T00:00:00")],
        &[("until", "2027-03-31 00:00:00Z"), ("from", "2027-03-31T00:00Z")],
        &[("until", "2027-02-30T00:00:00Z"), ("from", "2027-03-31T25:00:00Z")],
        &[("until", "tomorrow"), ("from", "20270331")],
        &[("until", "2027-03-31T00:00:00Z[Europe/Berlin]")],
        &[("until", "[2027-03-31T00:00:00Z]"), ("from", "")],
        &[("from", "2027-03-31T01:00:00+01:00"), ("until", "2027-03-31T00:00:00Z")],
        &[("repair", "alway"), ("until", "2027-03-31T00:00:00.Z"), ("from", "2027-03-31T00:00:00é")],
    ];
    let all = cases.map(|fields| format!("{fields:?}\n{}", listed(&document(fields))));
    insta::assert_snapshot!(all.join(""), @r#"
    [("until", "2027-03-31")]
    8:10+10 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    [("until", "2027-03-31T00:00:00")]
    8:10+19 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T00:00:00` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    [("until", "2027-03-31 00:00:00Z"), ("from", "2027-03-31T00:00Z")]
    6:9+17 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T00:00Z` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    9:10+20 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31 00:00:00Z` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    [("until", "2027-02-30T00:00:00Z"), ("from", "2027-03-31T25:00:00Z")]
    6:9+20 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T25:00:00Z` | there is no such time
    9:10+20 expected a time such as `2027-03-31T00:00:00Z`, found `2027-02-30T00:00:00Z` | there is no such time
    [("until", "tomorrow"), ("from", "20270331")]
    6:9+8 expected a time such as `2027-03-31T00:00:00Z`, found `20270331`
    9:10+8 expected a time such as `2027-03-31T00:00:00Z`, found `tomorrow`
    [("until", "2027-03-31T00:00:00Z[Europe/Berlin]")]
    8:10+35 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T00:00:00Z[Europe/Berlin]` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    [("until", "[2027-03-31T00:00:00Z]"), ("from", "")]
    6:7+0 expected a time such as `2027-03-31T00:00:00Z`, found nothing
    9:10+22 expected a time such as `2027-03-31T00:00:00Z`, found a list
    [("from", "2027-03-31T01:00:00+01:00"), ("until", "2027-03-31T00:00:00Z")]
    9:10+20 `until` is not after `from` | the rule holds at `from` and after it, and no more at `until`
    [("repair", "alway"), ("until", "2027-03-31T00:00:00.Z"), ("from", "2027-03-31T00:00:00é")]
    6:9+20 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T00:00:00é` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    9:11+5 expected `hold` or `always`, found `alway` | did you mean `always`?
    10:10+21 expected a time such as `2027-03-31T00:00:00Z`, found `2027-03-31T00:00:00.Z` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    "#);
}

#[test]
fn rules_depend_on_names_of_ous_by_paths_joins_and_names_made_from_them() {
    let looks = |text: &str| {
        let rules = read(&bundle(text)).unwrap_or_else(|error| panic!("{}", rendered(&error)));
        Index::compile(rules).looks_at_ou_names()
    };
    let join = "[{ permission_set_tag: OU, account_ou: { name: nearest } }]";
    let any = "[{ permission_set_tag: OU, account_ou: { name: any } }]";
    let tag_join = "[{ permission_set_tag: Environment, account_tag: Environment }]";
    for (fields, expected) in [
        (vec![("accounts", "{ in_ou: Sandbox }")], true),
        (vec![("accounts", "{ directly_in_ou: [ou-ab12-cdefghij, Sandbox/Old] }")], true),
        (vec![("accounts", "{ all_of: [everywhere], except: [{ in_ou: Sandbox }] }")], true),
        (vec![("accounts", "{ any_of: [{ named: shop }, { in_ou: Sandbox }] }")], true),
        (vec![("match", join)], true),
        (vec![("match", any)], true),
        (vec![("principals", "[{ group: \"{ou_name}-team\" }]")], true),
        (vec![("principals", "[{ members_of: \"{ou_name}-team\" }]")], true),
        (vec![("permission_sets", "[\"{ou_name}-access\"]")], true),
        (vec![], false),
        (vec![("accounts", "{ in_ou: ou-ab12-cdefghij }")], false),
        (
            vec![("accounts", "{ tagged: { Team: web }, named: shop, except: [{ id: \"111122223333\" }] }")],
            false,
        ),
        (vec![("match", tag_join)], false),
        (vec![("principals", "[{ group: \"{account_name}-{account_id}\" }]")], false),
    ] {
        assert_eq!(looks(&document(&fields)), expected, "{fields:?}");
    }
    let never = |field: &str| format!("{}never:\n- {{ permission_sets: [P], {field} }}\n", document(&[]));
    assert!(looks(&never("accounts: { in_ou: Sandbox }")));
    assert!(looks(&never("accounts: everywhere, principals: [{ group: \"{ou_name}-team\" }]")));
    assert!(!looks(&never("accounts: { in_ou: ou-ab12-cdefghij }")));
}
