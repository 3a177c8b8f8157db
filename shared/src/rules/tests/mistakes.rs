//! What is said about every kind of mistake in a document.

use super::*;

#[test]
fn a_mistake_is_shown_with_its_place_and_its_text() {
    insta::assert_snapshot!(mistakes("version: 1
settings: { mode: synch }
rules:
  - id: developers
    principal: [{ group: Developers }]
    permission_sets: [ReadOnlyAccess]
    accounts: { in_ou: Workloads, id: 111122223333 }
"), @r#"
    the rules have 3 problems
      × expected a mode: `observe`, `create-only` or `sync`, found `synch`
       ╭─[rules.yaml:2:19]
     1 │ version: 1
     2 │ settings: { mode: synch }
       ·                   ──┬──
       ·                     ╰── unknown word
     3 │ rules:
       ╰────
      help: did you mean `sync`?
      × a rule can't have the key `principal`
       ╭─[rules.yaml:5:5]
     4 │   - id: developers
     5 │     principal: [{ group: Developers }]
       ·     ────┬────
       ·         ╰── unknown key
     6 │     permission_sets: [ReadOnlyAccess]
       ╰────
      help: did you mean `principals`?
      × expected an account's id in quotes, or a list of ids, found `111122223333`, which is a number
      │ to YAML
       ╭─[rules.yaml:7:39]
     6 │     permission_sets: [ReadOnlyAccess]
     7 │     accounts: { in_ou: Workloads, id: 111122223333 }
       ·                                       ──────┬─────
       ·                                             ╰── a number
       ╰────
      help: quote it: "111122223333"
    "#);
}

#[test]
fn what_is_written_twice_is_shown_in_both_places() {
    insta::assert_snapshot!(mistakes("version: 1
settings: { mode: sync }
rules:
  - id: developers
    principals: [{ group: Developers }]
    permission_sets: [ReadOnlyAccess]
    accounts: everywhere
    accounts: { in_ou: Workloads }
  - { id: developers, principals: [{ group: A }], permission_sets: [B], accounts: everywhere }
"), @"
    the rules have 2 problems
      × the key `accounts` is written twice in one map
       ╭─[rules.yaml:8:5]
     6 │     permission_sets: [ReadOnlyAccess]
     7 │     accounts: everywhere
       ·     ────┬───
       ·         ╰── first here
     8 │     accounts: { in_ou: Workloads }
       ·     ────┬───
       ·         ╰── again here
     9 │   - { id: developers, principals: [{ group: A }], permission_sets: [B], accounts: everywhere }
       ╰────
      × two rules have the id `developers`
       ╭─[rules.yaml:9:11]
     3 │ rules:
     4 │   - id: developers
       ·         ─────┬────
       ·              ╰── first here
     5 │     principals: [{ group: Developers }]
     6 │     permission_sets: [ReadOnlyAccess]
     7 │     accounts: everywhere
     8 │     accounts: { in_ou: Workloads }
     9 │   - { id: developers, principals: [{ group: A }], permission_sets: [B], accounts: everywhere }
       ·           ─────┬────
       ·                ╰── again here
       ╰────
      help: every rule has an id of its own
    ");
}

#[test]
fn a_missing_key_points_at_the_first_line_of_what_misses_it() {
    insta::assert_snapshot!(mistakes("version: 1
settings:
  guardrails: {}
rules:
  - id: developers
    principals: [{ group: Developers }]
    accounts: everywhere
"), @"
    the rules have 2 problems
      × `settings` needs the key `mode`
       ╭─[rules.yaml:3:3]
     2 │ settings:
     3 │   guardrails: {}
       ·   ───────┬──────
       ·          ╰── `mode` is missing
     4 │ rules:
       ╰────
      help: `observe` plans only, `create-only` never takes away, `sync` does both; begin with
            `observe`
      × a rule needs the key `permission_sets`
       ╭─[rules.yaml:5:5]
     4 │ rules:
     5 │   - id: developers
       ·     ───────┬──────
       ·            ╰── `permission_sets` is missing
     6 │     principals: [{ group: Developers }]
       ╰────
      help: for example `permission_sets: [ ReadOnlyAccess ]`
    ");
}

#[test]
fn text_that_is_not_yaml_is_shown_where_it_breaks() {
    insta::assert_snapshot!(mistakes("version: 1\nsettings: { mode: sync\nrules: []\n"), @"
    the rules have a problem
      × not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
       ╭─[rules.yaml:3:6]
     2 │ settings: { mode: sync
     3 │ rules: []
       ·      ┬
       ·      ╰── here
       ╰────
    ");
    insta::assert_snapshot!(listed("version: 1\n\tsettings: x\n"), @"1:10+1 not valid YAML: while scanning a plain scalar, found a tab");
    insta::assert_snapshot!(listed("a: 'b\n"), @"2:1+0 not valid YAML: invalid indentation in multiline quoted scalar");
    insta::assert_snapshot!(listed("{account_tag.Team}-developers"), @"1:19+1 not valid YAML: did not find expected <document start>");
    insta::assert_snapshot!(listed("%YAML 1.1\n---\nversion: 1\n"), @"1:1+1 not valid YAML: YAML directives are disallowed");
}

#[test]
fn a_file_must_be_one_document() {
    insta::assert_snapshot!(listed(""), @"1:1+0 the file is empty | a rule document begins with `version: 1`");
    insta::assert_snapshot!(listed("# nothing\n"), @"1:1+0 the file is empty | a rule document begins with `version: 1`");
    insta::assert_snapshot!(listed("- 1\n"), @"1:1+3 expected a rule document as a map with `version`, `settings`, `teams`, `never` or `rules`, found a list");
    insta::assert_snapshot!(listed("rules"), @"1:1+5 expected a rule document as a map with `version`, `settings`, `teams`, `never` or `rules`, found `rules`");
    insta::assert_snapshot!(listed("version: 1\n---\nversion: 1\n"), @"2:1+3 a second YAML document begins in this file | a file holds one rule document");
    insta::assert_snapshot!(listed("{}"), @"
    1:1+2 a rule document needs the key `version` | begin the document with `version: 1`
    1:1+2 a rule document needs the key `settings` | for example `settings: { mode: observe }`
    1:1+2 a rule document needs the key `rules` | list at least one rule under `rules`
    ");
}

#[test]
fn mistakes_in_settings() {
    let cases = [
        "",
        "sync",
        "{ mode: }",
        "{ mode: off }",
        "{ mode: Sync }",
        "{ mode: [sync] }",
        "{ mode: sync, guardrails: { max_deletes: -1, max_delete_percent: 101, max_creates: many } }",
        "{ mode: sync, guardrails: { max_deletes: '5', max_delete_percent: 5.0, max_creates: 4294967296 } }",
        "{ mode: sync, guardrails: { max_deletes: 010, max_deleted: 1 } }",
        "{ mode: sync, guardrails: 5 }",
        "{ mode: sync, trusted_account_tags: Team, trusted_permission_set_tags: [] }",
        "{ mode: sync, trusted_account_tags: [1, \"*\", { like: \"*\" }] }",
        "{ mode: sync, trusted_acount_tags: [Team], protected_permission_sets: [Admin, \"{account_name}\", a b] }",
    ];
    let list: Vec<_> = cases.iter().map(|case| format!("{case}\n{}", listed(&with_settings(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    2:9+0 expected `settings` as a map with `mode`, `guardrails`, `trusted_account_tags`, `trusted_permission_set_tags` or `protected_permission_sets`, found nothing
    sync
    2:11+4 expected `settings` as a map with `mode`, `guardrails`, `trusted_account_tags`, `trusted_permission_set_tags` or `protected_permission_sets`, found `sync`
    { mode: }
    2:17+0 expected a mode: `observe`, `create-only` or `sync`, found nothing
    { mode: off }
    2:19+3 expected a mode: `observe`, `create-only` or `sync`, found `off`, which is true or false to YAML | quote it: "off"
    { mode: Sync }
    2:19+4 expected a mode: `observe`, `create-only` or `sync`, found `Sync` | did you mean `sync`?
    { mode: [sync] }
    2:19+6 expected a mode: `observe`, `create-only` or `sync`, found a list
    { mode: sync, guardrails: { max_deletes: -1, max_delete_percent: 101, max_creates: many } }
    2:52+2 expected a whole number, found `-1`
    2:76+3 expected a whole number from 0 to 100, found `101`
    2:94+4 expected a whole number, found `many`
    { mode: sync, guardrails: { max_deletes: '5', max_delete_percent: 5.0, max_creates: 4294967296 } }
    2:52+3 expected a whole number, found the text "5"
    2:77+3 expected a whole number from 0 to 100, found `5.0`
    2:95+10 expected a whole number, found `4294967296`
    { mode: sync, guardrails: { max_deletes: 010, max_deleted: 1 } }
    2:52+3 expected a whole number, found `010`
    2:57+11 `guardrails` can't have the key `max_deleted` | did you mean `max_deletes`?
    { mode: sync, guardrails: 5 }
    2:37+1 expected `guardrails` as a map with `max_deletes`, `max_delete_percent` or `max_creates`, found `5`
    { mode: sync, trusted_account_tags: Team, trusted_permission_set_tags: [] }
    2:47+4 expected a list of tags' keys, such as `[ Environment, Team ]`, found `Team`
    2:82+2 expected a list of tags' keys, such as `[ Environment, Team ]`, found an empty list | list at least one, or leave the key out if it is optional
    { mode: sync, trusted_account_tags: [1, "*", { like: "*" }] }
    2:48+1 expected a tag's key, found `1`, which is a number to YAML | quote it: "1"
    2:51+3 `*` looks like a pattern, and none is read here | list the keys that are trusted, one by one
    2:56+13 expected a tag's key, found a map
    { mode: sync, trusted_acount_tags: [Team], protected_permission_sets: [Admin, "{account_name}", a b] }
    2:25+19 `settings` can't have the key `trusted_acount_tags` | did you mean `trusted_account_tags`?
    2:89+16 no permission set can be called `{account_name}` | a name has up to 32 letters, digits and `_+=,.@-`
    2:107+3 no permission set can be called `a b` | a name has up to 32 letters, digits and `_+=,.@-`
    "#);
}

#[test]
fn mistakes_in_the_document() {
    let rule = "{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }";
    let cases = [
        format!("version: 2\nsettings: {{ mode: sync }}\nrules: [{rule}]"),
        format!("version: \"1\"\nsettings: {{ mode: sync }}\nrules: [{rule}]"),
        format!("version: 1\nteams: {{}}\nsettings: {{ mode: sync }}\nrule: [{rule}]"),
        "version: 1\nsettings: { mode: sync }\nrules: []".to_owned(),
        "version: 1\nsettings: { mode: sync }\nrules:".to_owned(),
        "version: 1\nsettings: { mode: sync }\nrules: [a]".to_owned(),
        format!("version: 1\nsettings: {{ mode: sync }}\nnever: []\nrules: [{rule}]"),
        format!("version: 1\nsettings: {{ mode: sync }}\nnever: [{{ id: x, principals: [], accounts: everywhere }}]\nrules: [{rule}]"),
        "version: 1\nsettings: { mode: sync }\nrules: [{ id: 'a b', principals: [{ group: G }], permission_sets: [P], accounts: everywhere, until: 2027-01-01, match: [], repair: alwys }]".to_owned(),
    ];
    let list: Vec<_> = cases.iter().map(|case| format!("{case}\n{}", listed(case))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    version: 2
    settings: { mode: sync }
    rules: [{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }]
    1:10+1 version 2 of the rule language is not known | this version of Usher reads `version: 1`
    version: "1"
    settings: { mode: sync }
    rules: [{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }]
    1:10+3 expected the number 1, found the text "1"
    version: 1
    teams: {}
    settings: { mode: sync }
    rule: [{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }]
    2:8+2 expected a list of teams, such as `[ { id: payments, files: [teams/payments/*.yaml] } ]`, found a map
    4:1+4 a rule document can't have the key `rule` | did you mean `rules`?
    version: 1
    settings: { mode: sync }
    rules: []
    3:8+2 expected a list of rules, found an empty list | list at least one, or leave the key out if it is optional
    version: 1
    settings: { mode: sync }
    rules:
    3:6+0 expected a list of rules, found nothing
    version: 1
    settings: { mode: sync }
    rules: [a]
    3:9+1 expected a rule as a map with `id`, `team`, `mode`, `principals`, `permission_sets`, `accounts`, `match`, `from`, `until` or `repair`, found `a`
    version: 1
    settings: { mode: sync }
    never: []
    rules: [{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }]
    3:8+2 expected a list of what is never given, found an empty list | list at least one, or leave the key out if it is optional
    version: 1
    settings: { mode: sync }
    never: [{ id: x, principals: [], accounts: everywhere }]
    rules: [{ id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }]
    3:9+47 an entry of `never` needs the key `permission_sets` | say what is never given
    3:11+2 an entry of `never` can't have the key `id` | an entry of `never` can have `permission_sets`, `accounts` or `principals`
    3:30+2 expected a list of principals, such as `[ { group: Developers } ]`, found an empty list | list at least one, or leave the key out if it is optional
    version: 1
    settings: { mode: sync }
    rules: [{ id: 'a b', principals: [{ group: G }], permission_sets: [P], accounts: everywhere, until: 2027-01-01, match: [], repair: alwys }]
    3:15+5 `a b` is not a rule's id: up to 64 letters, digits, `-`, `_` or `.`, such as developers-in-development
    3:101+10 expected a time such as `2027-03-31T00:00:00Z`, found `2027-01-01` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    3:120+2 expected a list of joins, such as `[ { permission_set_tag: Team, account_tag: Team } ]`, found an empty list | list at least one, or leave the key out if it is optional
    3:132+5 expected `hold` or `always`, found `alwys` | did you mean `always`?
    "#);
}

#[test]
fn mistakes_in_principals() {
    let cases = [
        "everybody",
        "[]",
        "[Developers]",
        "[{}]",
        "[{ group: A, user_name: b }]",
        "[{ groups: A }]",
        "[{ members_of: }, { members_of: [A] }, { members_of: {} }, { members_of: { user_id: A } }, { members_of: { group_id: A } }]",
        "[{ group: }]",
        "[{ group: '' }]",
        "[{ group: yes }]",
        "[{ group: [A, B] }]",
        "[{ group: \"{account_tag.Team}-developers\" }]",
        "[{ group: \"{account_tags.Team}\" }, { group: \"{account}\" }, { user_name: \"{accountname}\" }, { members_of: \"{account_tag}\" }]",
        "[{ group: \"{team}\" }, { group: \"{\" }, { group: \"a}\" }]",
        "[{ group_id: Developers }]",
        "[{ user_id: 12 }, { user_id: alice }]",
    ];
    let list: Vec<_> =
        cases.iter().map(|case| format!("{case}\n{}", listed(&with_principals(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    everybody
    5:15+9 expected a list of principals, such as `[ { group: Developers } ]`, found `everybody`
    []
    5:15+2 expected a list of principals, such as `[ { group: Developers } ]`, found an empty list | list at least one, or leave the key out if it is optional
    [Developers]
    5:16+10 expected a principal as a map with `group`, `group_id`, `user_name`, `user_id` or `members_of`, found `Developers`
    [{}]
    5:16+2 a principal has exactly one of `group`, `group_id`, `user_name`, `user_id` or `members_of`
    [{ group: A, user_name: b }]
    5:16+26 a principal has exactly one of `group`, `group_id`, `user_name`, `user_id` or `members_of` | list them one by one
    [{ groups: A }]
    5:18+6 a principal can't have the key `groups` | did you mean `group`?
    [{ members_of: }, { members_of: [A] }, { members_of: {} }, { members_of: { user_id: A } }, { members_of: { group_id: A } }]
    5:28+0 expected a group's name or a map such as `{ group_id: … }`, found nothing
    5:47+3 expected a group's name or a map such as `{ group_id: … }`, found a list
    5:68+2 `members_of` needs the key `group_id`
    5:90+7 `members_of` can't have the key `user_id` | `members_of` can have `group_id`
    5:132+1 `A` is not a group's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    [{ group: }]
    5:23+0 expected a group's name, found nothing
    [{ group: '' }]
    5:25+2 expected a group's name, found empty text
    [{ group: yes }]
    5:25+3 expected a group's name, found `yes`, which is true or false to YAML | quote it: "yes"
    [{ group: [A, B] }]
    5:25+6 expected a group's name, found a list
    [{ group: "{account_tag.Team}-developers" }]
    5:25+31 the rule can select accounts without the tag `Team` | add `tagged: { Team: { present: true } }` to its `accounts`
    [{ group: "{account_tags.Team}" }, { group: "{account}" }, { user_name: "{accountname}" }, { members_of: "{account_tag}" }]
    5:25+21 a name can't be made from `{account_tags.Team}` | did you mean `{account_tag.Team}`?
    5:59+11 a name can't be made from `{account}` | did you mean `{account_id}`?
    5:87+15 a name can't be made from `{accountname}` | did you mean `{account_name}`?
    5:120+15 a name can't be made from `{account_tag}` | name the tag's key: `{account_tag.Team}`
    [{ group: "{team}" }, { group: "{" }, { group: "a}" }]
    5:25+8 a name can't be made from `{team}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    5:46+3 `{` without `}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    5:62+4 `}` without `{` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    [{ group_id: Developers }]
    5:28+10 `Developers` is not a group's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    [{ user_id: 12 }, { user_id: alice }]
    5:27+2 expected a user's id, found `12`, which is a number to YAML | quote it: "12"
    5:44+5 `alice` is not a user's id, such as 9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab
    "#);
}

#[test]
fn mistakes_in_permission_sets() {
    let cases = [
        "ReadOnly",
        "[]",
        "[[A]]",
        "[1, no]",
        "[a b]",
        "[A-name-of-more-than-thirty-two-characters]",
        "[arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef]",
        "[{ permission_set_arn: ReadOnly }]",
        "[{ name: A, tagged: { B: C } }]",
        "{ tagged: {} }",
        "{ tagged: { Environment: { present: false }, Environmint: x, B: { like: 5 } } }",
        "[\"{account_tag.Team}/x\", \"{account_name}-of-more-than-thirty-two-characters\", { name: \"{name}\" }]",
        "{ tagged: [Environment] }",
        "{ tagged: { on: x, Environment: [] } }",
    ];
    let list: Vec<_> =
        cases.iter().map(|case| format!("{case}\n{}", listed(&with_permission_sets(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    ReadOnly
    6:20+8 expected a list of permission sets, such as `[ ReadOnlyAccess ]`, found `ReadOnly`
    []
    6:20+2 expected a list of permission sets, such as `[ ReadOnlyAccess ]`, found an empty list | list at least one, or leave the key out if it is optional
    [[A]]
    6:21+3 expected a permission set as a map with `name`, `permission_set_arn` or `tagged`, found a list
    [1, no]
    6:21+1 expected a permission set's name, found `1`, which is a number to YAML | quote it: "1"
    6:24+2 expected a permission set's name, found `no`, which is true or false to YAML | quote it: "no"
    [a b]
    6:21+3 no permission set can be called `a b` | a name has up to 32 letters, digits and `_+=,.@-`
    [A-name-of-more-than-thirty-two-characters]
    6:21+41 no permission set can be called `A-name-of-more-than-thirty-two-characters` | a name has up to 32 letters, digits and `_+=,.@-`
    [arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef]
    6:21+71 no permission set can be called `arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef` | to pin one by its ARN, write `{ permission_set_arn: … }`
    [{ permission_set_arn: ReadOnly }]
    6:43+8 `ReadOnly` is not a permission set's ARN, such as arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef
    [{ name: A, tagged: { B: C } }]
    6:21+29 a permission set has exactly one of `name`, `permission_set_arn` or `tagged` | list them one by one
    { tagged: {} }
    6:30+2 expected a map of tags, such as `{ Environment: Development }`, found an empty map
    { tagged: { Environment: { present: false }, Environmint: x, B: { like: 5 } } }
    6:56+5 `present` can only be `true` | write `{ absent: true }`
    6:65+11 selectors may not use the tag `Environmint` | did you mean `Environment`?
    6:92+1 expected a pattern, in which `*` is any text and `?` any one character, found `5`, which is a number to YAML | quote it: "5"
    ["{account_tag.Team}/x", "{account_name}-of-more-than-thirty-two-characters", { name: "{name}" }]
    6:21+22 no permission set can be called `{account_tag.Team}/x` | a name has up to 32 letters, digits and `_+=,.@-`
    6:45+51 no permission set can be called `{account_name}-of-more-than-thirty-two-characters` | a name has up to 32 letters, digits and `_+=,.@-`
    6:106+8 a name can't be made from `{name}` | names can be made from `{account_tag.Key}`, `{account_name}`, `{account_id}` and `{ou_name}`; what has braces in its own name can be pinned by its id
    { tagged: [Environment] }
    6:30+13 expected a map of tags, such as `{ Environment: Development }`, found a list
    { tagged: { on: x, Environment: [] } }
    6:32+2 expected a tag's key, found `on`, which is true or false to YAML | quote it: "on"
    6:52+2 expected a tag's value or a list of values, found an empty list | list at least one, or leave the key out if it is optional
    "#);
}

#[test]
fn mistakes_in_accounts() {
    let cases = [
        "",
        "everywere",
        "Workloads",
        "{}",
        "[]",
        "[[everywhere]]",
        "{ except: [{ named: a }] }",
        "{ in_ou: A, except: { named: a } }",
        "{ in_ou: / }",
        "{ in_ou: r-ab12 }",
        "{ in_ou: /Workloads/ }",
        "{ in_ou: ou-typo }",
        "{ in_ou: 'Workloads/*' }",
        "{ in_ous: A }",
        "{ id: 111122223333 }",
        "{ id: 012345678901 }",
        "{ id: [\"111122223333\", \"1\"] }",
        "{ id: web }",
        "{ named: { like: \"\" } }",
        "{ named: [web, { liek: a }, { present: true }, [x]] }",
        "{ named: { like: [a] } }",
        "{ named: 'dev-*' }",
        "{ named: [] }",
        "{ tagged: { Environment: [a, 'dev-*'], Team: { absent: false }, Version: { present: yes } } }",
        "{ tagged: { Team: { present: true, absent: true }, Version: {}, Owner: me, environment: x } }",
        "{ all_of: [everywhere], except: [{ tagged: { Owner: { present: true } } }] }",
        "{ tagged: { Version: 1.10 } }",
        "{ any_of: [] }",
        "{ all_of: everywhere }",
        "{ any_of: [{ in_ou: A, namd: b }, nowhere] }",
        "{ [a]: b, in_ou: A }",
        "!!map { in_ou: !x A }",
    ];
    let list: Vec<_> = cases.iter().map(|case| format!("{case}\n{}", listed(&with_accounts(case)))).collect();
    insta::assert_snapshot!(list.join(""), @r#"
    7:11+0 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found nothing
    everywere
    7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `everywere` | did you mean `everywhere`?
    Workloads
    7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `Workloads`
    {}
    7:13+2 an account selector that says nothing about which accounts it selects | all accounts are `everywhere`; all but some are `{ all_of: [everywhere], except: […] }`
    []
    7:13+2 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found an empty list | list at least one, or leave the key out if it is optional
    [[everywhere]]
    7:14+12 expected an account selector as a map with `in_ou`, `directly_in_ou`, `tagged`, `named`, `id`, `all_of`, `any_of` or `except`, found a list
    { except: [{ named: a }] }
    7:13+26 an account selector that says nothing about which accounts it selects | all accounts are `everywhere`; all but some are `{ all_of: [everywhere], except: […] }`
    { in_ou: A, except: { named: a } }
    7:33+12 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found a map
    { in_ou: / }
    7:22+1 the root is not an OU | `accounts: everywhere` selects all accounts
    { in_ou: r-ab12 }
    7:22+6 the root is not an OU | `accounts: everywhere` selects all accounts
    { in_ou: /Workloads/ }
    7:22+11 `/Workloads/` is not the path of an OU | names from the outermost OU down, with `/` between them, such as `Workloads/Development`
    { in_ou: ou-typo }
    7:22+7 `ou-typo` is not an organizational unit's id, such as ou-ab12-cdefgh34
    { in_ou: 'Workloads/*' }
    7:22+13 `Workloads/*` looks like a pattern, and none is read here | `in_ou` takes in all that is below; an OU with `*` in its name can be selected by its id
    { in_ous: A }
    7:15+6 an account selector can't have the key `in_ous` | did you mean `in_ou`?
    { id: 111122223333 }
    7:19+12 expected an account's id in quotes, or a list of ids, found `111122223333`, which is a number to YAML | quote it: "111122223333"
    { id: 012345678901 }
    7:19+12 expected an account's id in quotes, or a list of ids, found `012345678901`, which is a number to YAML | quote it: "012345678901"
    { id: ["111122223333", "1"] }
    7:36+3 `1` is not an account id of 12 digits, such as 111122223333
    { id: web }
    7:19+3 `web` is not an account id of 12 digits, such as 111122223333
    { named: { like: "" } }
    7:30+2 expected a pattern, in which `*` is any text and `?` any one character, found empty text
    { named: [web, { liek: a }, { present: true }, [x]] }
    7:30+4 the pattern of a name can't have the key `liek` | did you mean `like`?
    7:43+7 the pattern of a name can't have the key `present` | the pattern of a name can have `like`
    7:60+3 expected an account's name or a list of names, found a list
    { named: { like: [a] } }
    7:30+3 expected a pattern, in which `*` is any text and `?` any one character, found a list
    { named: 'dev-*' }
    7:22+7 `dev-*` looks like a pattern, and none is read here | write `{ like: "dev-*" }`
    { named: [] }
    7:22+2 expected an account's name or a list of names, found an empty list | list at least one, or leave the key out if it is optional
    { tagged: { Environment: [a, 'dev-*'], Team: { absent: false }, Version: { present: yes } } }
    7:42+7 `dev-*` looks like a pattern, and none is read here | write `{ like: "dev-*" }`
    7:68+5 `absent` can only be `true` | write `{ present: true }`
    7:97+3 expected `true`, found `yes`
    { tagged: { Team: { present: true, absent: true }, Version: {}, Owner: me, environment: x } }
    7:31+31 the condition of a tag has exactly one of `like`, `present` or `absent` | list them one by one
    7:73+2 the condition of a tag has exactly one of `like`, `present` or `absent`
    7:77+5 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    7:88+11 selectors may not use the tag `environment` | did you mean `Environment`?
    { all_of: [everywhere], except: [{ tagged: { Owner: { present: true } } }] }
    7:58+5 selectors may not use the tag `Owner` | add it to `trusted_account_tags` in the settings if only those who may give access can set it
    { tagged: { Version: 1.10 } }
    7:34+4 expected a tag's value or a list of values, found `1.10`, which is a number to YAML | quote it: "1.10"
    { any_of: [] }
    7:23+2 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found an empty list | list at least one, or leave the key out if it is optional
    { all_of: everywhere }
    7:23+10 expected a list of account selectors, such as `[ { in_ou: Workloads } ]`, found `everywhere`
    { any_of: [{ in_ou: A, namd: b }, nowhere] }
    7:36+4 an account selector can't have the key `namd` | did you mean `named`?
    7:47+7 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `nowhere`
    { [a]: b, in_ou: A }
    7:15+3 a key must be text | a value that begins with `{` or `[` must be put in quotes
    !!map { in_ou: !x A }
    7:13+5 YAML tags are not allowed | write the value without it; put text in quotes
    7:28+2 YAML tags are not allowed | write the value without it; put text in quotes
    "#);
}
