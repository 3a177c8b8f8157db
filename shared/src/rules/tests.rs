//! The language from the outside: what is read, and what is said about every kind of mistake.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

use super::*;
use crate::domain::Mode;

mod files;
mod language;
mod mistakes;
mod permission_sets;
mod reprovision;
mod schema;
mod scopes;
mod selector_mistakes;

/// The guide, whose example is tested here.
const GUIDE: &str = include_str!("../../../docs/rules.md");

fn bundle(text: &str) -> Bundle {
    Bundle { files: BTreeMap::from([("rules.yaml".to_owned(), text.to_owned())]) }
}

fn rendered(diagnostics: &Diagnostics) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut all = format!("{diagnostics}\n");
    for problem in diagnostics.problems() {
        handler.render_report(&mut all, problem).unwrap();
    }
    // Blanks at the ends of lines would not survive editors.
    all.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn mistakes(text: &str) -> String {
    rendered(&read(&bundle(text)).unwrap_err())
}

/// One line for each problem, without its picture.
fn listed(text: &str) -> String {
    let diagnostics = read(&bundle(text)).unwrap_err();
    let mut list = String::new();
    for PlainProblem { line, column, length, message, help, .. } in diagnostics.plain() {
        let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
        writeln!(list, "{line}:{column}+{length} {message}{help}").unwrap();
    }
    list
}

/// A document around one rule's accounts.
fn with_accounts(accounts: &str) -> String {
    format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Environment, Team, Version], trusted_permission_set_tags: [Environment, B] }}\nrules:\n- id: a\n  principals: [{{ group: G }}]\n  permission_sets: [P]\n  accounts: {accounts}\n"
    )
}

fn with_principals(principals: &str) -> String {
    format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Environment, Team, Version], trusted_permission_set_tags: [Environment, B] }}\nrules:\n- id: a\n  principals: {principals}\n  permission_sets: [P]\n  accounts: everywhere\n"
    )
}

fn with_permission_sets(sets: &str) -> String {
    format!(
        "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [Environment, Team, Version], trusted_permission_set_tags: [Environment, B] }}\nrules:\n- id: a\n  principals: [{{ group: G }}]\n  permission_sets: {sets}\n  accounts: everywhere\n"
    )
}

fn with_settings(settings: &str) -> String {
    format!(
        "version: 1\nsettings: {settings}\nrules:\n- {{ id: a, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}\n"
    )
}

fn accounts_of(accounts: &str) -> AccountSelector {
    read(&bundle(&with_accounts(accounts))).unwrap().rules.remove(0).accounts
}

/// The files of the guide's example, by the names that their first lines say.
fn example() -> Bundle {
    let blocks = GUIDE.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let named = blocks.filter_map(|text| {
        let name = text.lines().next()?.strip_prefix("# ")?;
        (!name.contains(' ')).then(|| (name.to_owned(), text.to_owned()))
    });
    let mut files: BTreeMap<String, String> = named.collect();
    let blocks = GUIDE.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    files.extend(blocks.filter_map(|text| {
        let (name, text) = text.strip_prefix("// ")?.split_once('\n')?;
        Some((name.to_owned(), text.to_owned()))
    }));
    Bundle { files }
}

/// Every map of the language, by its name in the schema, with the keys that it can have.
fn maps() -> [(&'static str, &'static [&'static str]); 24] {
    [
        ("document", &document::DOCUMENT_KEYS),
        ("settings", &read_settings::SETTINGS_KEYS),
        ("guardrails", &read_settings::GUARDRAIL_KEYS),
        ("team", &read_settings::TEAM_KEYS),
        ("scope", &read_scope::SCOPE_KEYS),
        ("principal_match", &read_scope::PRINCIPAL_MATCH_KEYS),
        ("never", &read_rule::NEVER_KEYS),
        ("reprovision", &read_reprovision::REPROVISION_KEYS),
        ("wave", &read_reprovision::WAVE_KEYS),
        ("window", &read_reprovision::WINDOW_KEYS),
        ("freeze", &read_reprovision::FREEZE_KEYS),
        ("declared_set", &read_permission_sets::DECLARED_SET_KEYS),
        ("customer_managed_policy", &read_permission_sets::CUSTOMER_MANAGED_KEYS),
        ("permissions_boundary", &read_permission_sets::BOUNDARY_KEYS),
        ("policy_file", &read_permission_sets::POLICY_FILE_KEYS),
        ("rule", &read_rule::RULE_KEYS),
        ("join", &read_rule::JOIN_KEYS),
        ("account_ou", &read_rule::ACCOUNT_OU_KEYS),
        ("principal", &read_selector::PRINCIPAL_KEYS),
        ("members_of", &read_selector::MEMBERS_OF_KEYS),
        ("permission_set", &read_selector::PERMISSION_SET_KEYS),
        ("accounts", &read_accounts::ACCOUNT_KEYS),
        ("name_pattern", &read_tags::NAME_PATTERN_KEYS),
        ("tag_condition", &read_tags::TAG_CONDITION_KEYS),
    ]
}

#[test]
fn the_example_of_the_guide_is_read_whole() {
    let rules = read(&example()).unwrap_or_else(|error| panic!("{}", rendered(&error)));

    let ids = rules.rules.iter().map(|rule| {
        let team = rule.team.as_ref().map(|team| format!(" of {team}")).unwrap_or_default();
        format!("{} {} {}{team}", rule.id, rule.mode, rule.written_at)
    });
    assert_eq!(rules.settings.mode, Mode::Sync);
    assert_eq!(rules.settings.guardrails, Guardrails::default());
    assert_eq!((rules.teams.len(), rules.never.len()), (1, 2));
    insta::assert_snapshot!(ids.collect::<Vec<_>>().join("\n"), @"
    developers-in-development sync usher.yaml:62
    each-team-in-its-accounts sync usher.yaml:71
    support-where-it-fits sync usher.yaml:77
    auditors create-only usher.yaml:85
    break-glass sync usher.yaml:99
    payments-support observe teams/payments/shop.yaml:4 of payments
    payer sync teams/payments/shop.yaml:14 of payments
    ");
    insta::assert_snapshot!(rules.rules.iter().map(|rule| format!("{:?}", rule.accounts)).collect::<Vec<_>>().join("\n"), @r#"
    Except { of: AllOf([InOu([Path(["Workloads", "Development"])]), Tagged(TagSelector({"Environment": [Value(Is("Development"))]}))]), except: [Named([Like("sandbox-*")]), Id({111122223333})] }
    Tagged(TagSelector({"Environment": [Absent], "Team": [Present]}))
    Everywhere
    Except { of: AllOf([Everywhere]), except: [DirectlyInOu([Id(ou-ab12-cdefgh34)])] }
    Id({111122223333, 999999999999})
    AnyOf([InOu([Path(["Workloads", "Test"]), Path(["Workloads", "Staging"])]), AllOf([Tagged(TagSelector({"Support": [Value(Is("Gold")), Value(Is("Silver"))]})), Named([Is("web"), Is("shop")])])])
    AnyOf([Id({999999999999}), Tagged(TagSelector({"Team": [Value(Is("payments"))]}))])
    "#);
}

#[test]
fn the_guide_and_its_example_have_every_key() {
    let example: String = example().files.into_values().collect();
    for key in maps().into_iter().flat_map(|(_, keys)| keys) {
        assert!(GUIDE.contains(&format!("| `{key}` |")), "the guide does not describe `{key}`");
        assert!(example.contains(&format!("{key}:")), "the example does not use `{key}`");
    }
}

#[test]
fn defaults_hold_for_what_is_left_out_and_the_stricter_mode_for_a_rule() {
    let text = "version: 1\nsettings: { mode: create-only, guardrails: { max_creates: 7 } }\nrules:\n\
        - { id: a, mode: sync, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n\
        - { id: b, mode: observe, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n";
    let rules = read(&bundle(text)).unwrap();

    assert_eq!(
        rules.settings,
        Settings {
            mode: Mode::CreateOnly,
            guardrails: Guardrails {
                max_deletes: 25,
                max_delete_percent: 5,
                max_creates: 7,
                max_orphan_deletes: 25
            },
            trusted_account_tags: BTreeSet::new(),
            trusted_permission_set_tags: BTreeSet::new(),
            protected_permission_sets: BTreeSet::new(),
        }
    );
    assert!(rules.never.is_empty());
    let modes: Vec<_> = rules.rules.iter().map(|rule| rule.mode).collect();
    assert_eq!(modes, [Mode::CreateOnly, Mode::Observe]);
}

#[test]
fn every_account_selector_is_read_as_it_is_written() {
    let cases = [
        "everywhere",
        "{ in_ou: Workloads/Development }",
        "{ in_ou: [Workloads, ou-ab12-cdefgh34] }",
        "{ directly_in_ou: A }",
        "{ tagged: { Environment: Development, Team: [Web, \"1\"] } }",
        "{ named: [web, \"on\"] }",
        "{ id: '111122223333' }",
        "{ all_of: [everywhere], except: [{ id: \"111122223333\" }, { in_ou: A, named: x }] }",
        "[{ in_ou: A }, { any_of: [{ all_of: [everywhere] }] }]",
    ];
    let read: Vec<_> = cases.iter().map(|case| format!("{case}\n    {:?}", accounts_of(case))).collect();
    insta::assert_snapshot!(read.join("\n"), @r#"
    everywhere
        Everywhere
    { in_ou: Workloads/Development }
        InOu([Path(["Workloads", "Development"])])
    { in_ou: [Workloads, ou-ab12-cdefgh34] }
        InOu([Path(["Workloads"]), Id(ou-ab12-cdefgh34)])
    { directly_in_ou: A }
        DirectlyInOu([Path(["A"])])
    { tagged: { Environment: Development, Team: [Web, "1"] } }
        Tagged(TagSelector({"Environment": [Value(Is("Development"))], "Team": [Value(Is("Web")), Value(Is("1"))]}))
    { named: [web, "on"] }
        Named([Is("web"), Is("on")])
    { id: '111122223333' }
        Id({111122223333})
    { all_of: [everywhere], except: [{ id: "111122223333" }, { in_ou: A, named: x }] }
        Except { of: AllOf([Everywhere]), except: [Id({111122223333}), AllOf([InOu([Path(["A"])]), Named([Is("x")])])] }
    [{ in_ou: A }, { any_of: [{ all_of: [everywhere] }] }]
        AnyOf([InOu([Path(["A"])]), AnyOf([AllOf([Everywhere])])])
    "#);
}

#[test]
fn columns_and_lengths_count_characters() {
    let text = with_principals("[{ group: Größe }, { gruppe: äö }]");
    insta::assert_snapshot!(listed(&text), @"5:36+6 a principal can't have the key `gruppe` | a principal can have `group`, `group_id`, `user_name`, `user_id` or `members_of`");
    insta::assert_snapshot!(listed(&format!("\u{feff}{}", with_accounts("everywere"))), @"7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `everywere` | did you mean `everywhere`?");
    insta::assert_snapshot!(listed(&with_accounts("everywere").replace('\n', "\r\n")), @"7:13+9 expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `everywere` | did you mean `everywhere`?");
}

#[test]
fn numbers_and_booleans_of_every_yaml_have_to_be_quoted() {
    for text in [
        "012", "0x1F", "0o17", "0b1", "1_000", "-3", "+4", "1e3", ".5", "1.", ".inf", "-.NaN", "YES", "Off",
        "y", "N", "True",
    ] {
        let problems = read(&bundle(&with_accounts(&format!("{{ named: {text} }}")))).unwrap_err().plain();
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].help.as_deref(), Some(format!("quote it: \"{text}\"").as_str()));
        accounts_of(&format!("{{ named: \"{text}\" }}"));
    }
    for text in ["a1", "1a", "0xyz", "1.2.3", "e3", "yess", "x:y", "._", "2027-03-31", "inf", "NaN"] {
        accounts_of(&format!("{{ named: {text} }}"));
    }
}

#[test]
fn aliases_are_refused_and_a_bomb_of_them_too() {
    insta::assert_snapshot!(listed(&with_accounts("{ any_of: [&a { in_ou: A }, *a] }")), @"7:41+2 YAML aliases are not allowed | write the value out, so that every rule says by itself what it does");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..100 {
        let before = format!("*a{}", level - 1);
        writeln!(bomb, "a{level}: &a{level} [{}]", vec![before; 9].join(", ")).unwrap();
    }
    let diagnostics = read(&bundle(&bomb)).unwrap_err();
    assert!(diagnostics.problems().len() <= 100);
    assert!(diagnostics.problems().iter().any(|problem| problem.plain().message.contains("aliases")));
}

#[test]
fn deep_nesting_is_refused() {
    let deep = [
        "[".repeat(10_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
        "? ".repeat(10_000),
        (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 200))).collect::<Vec<_>>().concat(),
        (0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<Vec<_>>().concat(),
        with_accounts(&format!("{}everywhere{}", "{ any_of: [".repeat(5_000), "] }".repeat(5_000))),
    ];
    for text in deep {
        assert!(read(&bundle(&text)).is_err());
    }
    let nested = |times: usize| {
        let text = format!("{}everywhere{}", "{ any_of: [".repeat(times), "] }".repeat(times));
        read(&bundle(&with_accounts(&text)))
    };
    assert!(nested(15).is_ok());
    assert_eq!(nested(30).unwrap_err().plain()[0].message, "nested deeper than 40 levels");
}

#[test]
fn a_huge_file_is_refused_unread() {
    let text = format!("{}# {}", with_accounts("everywhere"), "x".repeat(MAX_FILE_BYTES));
    insta::assert_snapshot!(mistakes(&text), @"
    the rules have a problem
      × `rules.yaml` has 262371 bytes; a rule file has at most 262144
    ");
}

#[test]
fn many_problems_are_counted_and_the_first_hundred_shown() {
    let text = (0..1_000).map(|at| format!("key{at}: x\n")).collect::<Vec<_>>().concat();
    let diagnostics = read(&bundle(&text)).unwrap_err();
    assert_eq!((diagnostics.problems().len(), diagnostics.unlisted()), (100, 903));
    assert_eq!(diagnostics.to_string(), "the rules have 1003 problems, of which these are the first 100");
}

#[test]
fn a_very_long_line_is_not_shown() {
    let text = with_accounts(&format!("{{ named: [{}1] }}", "aaaaaaaaa, ".repeat(1_000)));
    let diagnostics = read(&bundle(&text)).unwrap_err();
    assert_eq!(diagnostics.plain()[0].column, 11_023);
    assert!(rendered(&diagnostics).len() < 1_000);
}

#[test]
fn problems_are_plain_data_for_machines() {
    let diagnostics = read(&bundle(&with_accounts("everywere"))).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(&diagnostics.plain()).unwrap(), @r#"
    [
      {
        "file": "rules.yaml",
        "line": 7,
        "column": 13,
        "length": 9,
        "message": "expected `everywhere` or a map such as `{ in_ou: Workloads }`, found `everywere`",
        "help": "did you mean `everywhere`?"
      }
    ]
    "#);
}

/// Fragments that make most of the reader's ways likely.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "version: 1\n",
        "settings: ",
        "{ mode: sync }\n",
        "rules:\n",
        "never:\n",
        "  - ",
        "- id: a\n",
        "  principals: ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "group: G",
        "permission_sets: ",
        "accounts: ",
        "everywhere",
        "in_ou: A/B",
        "except: ",
        "tagged: ",
        "like: '*'",
        "present: true",
        "match: ",
        "members_of: ",
        "{account_tag.Team}",
        "from: 2027-03-31T00:00:00Z\n",
        "until: ",
        "team: payments",
        "teams: ",
        "trusted_account_tags: [Team]",
        "\n",
        "    ",
        "*a ",
        "&a ",
        "!t ",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "? ",
        "---\n",
        "...\n",
        "%T\n",
        "# c\n",
        "\t",
        "\r",
        "ü",
        "\u{feff}",
        "\u{2028}",
        "\0",
        "1",
        "~",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in prop_oneof![any::<String>(), pieces(), "[ -~\n\t]{0,300}"]) {
        if let Err(diagnostics) = read(&bundle(&text)) {
            prop_assert!(!diagnostics.problems().is_empty());
            rendered(&diagnostics);
        }
    }

    #[test]
    fn no_change_of_one_place_in_a_good_document_makes_the_reader_panic(
        which in 0..2usize, at in 0..4_000usize, cut in 0..20usize, put in pieces(),
    ) {
        let mut changed = example();
        let text = changed.files.values_mut().nth(which).unwrap();
        let start = text.floor_char_boundary(at % text.len());
        let end = text.floor_char_boundary(start + cut);
        text.replace_range(start..end, &put);
        if let Err(diagnostics) = read(&changed) {
            prop_assert!(!diagnostics.problems().is_empty());
            rendered(&diagnostics);
        }
    }
}
