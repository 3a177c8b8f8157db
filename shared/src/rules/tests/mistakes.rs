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
    insta::assert_snapshot!(listed("- 1\n"), @"1:1+3 expected a rule document as a map with `version`, `settings`, `teams`, `never`, `reprovision`, `permission_sets` or `rules`, found a list");
    insta::assert_snapshot!(listed("rules"), @"1:1+5 expected a rule document as a map with `version`, `settings`, `teams`, `never`, `reprovision`, `permission_sets` or `rules`, found `rules`");
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
    2:37+1 expected `guardrails` as a map with `max_deletes`, `max_delete_percent`, `max_creates` or `max_orphan_deletes`, found `5`
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
