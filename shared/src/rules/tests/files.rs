//! Several files: which is the root, whose they are, and what each may say.

use super::*;

const SETTINGS: &str = "version: 1\nsettings: { mode: sync }\n";

fn files(files: &[(&str, &str)]) -> Bundle {
    Bundle { files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect() }
}

fn rule(id: &str) -> String {
    format!("- {{ id: {id}, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}\n")
}

fn further(ids: &[&str]) -> String {
    format!("version: 1\nrules:\n{}", ids.iter().map(|id| rule(id)).collect::<String>())
}

/// One line for each problem, with its file.
fn refused(bundle: &Bundle) -> String {
    let problems = read(bundle).unwrap_err().plain().into_iter();
    let lines = problems.map(|PlainProblem { file, line, column, message, help, .. }| {
        let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{file}:{line}:{column} {message}{help}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn owners(bundle: &Bundle) -> String {
    let rules = read(bundle).unwrap_or_else(|error| panic!("{}", rendered(&error)));
    let lines = rules.rules.iter().map(|rule| {
        let team = rule.team.as_ref().map_or("nobody", |team| team.as_str());
        format!("{} {team} {}", rule.id, rule.written_at)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn all_files_are_read_as_one_and_the_root_may_have_no_rules() {
    let root = format!(
        "{SETTINGS}teams:\n- {{ id: shop, files: [shop/*, shop.yaml] }}\n- {{ id: pay, files: p?y/*.yaml }}\n"
    );
    let bundle = files(&[
        ("usher.yaml", &root),
        ("shop/a.yaml", &further(&["a", "b"])),
        ("pay/deep/er.yaml", &further(&["c"])),
        ("shop.yaml", &further(&["d"])),
    ]);
    insta::assert_snapshot!(owners(&bundle), @"
    c pay pay/deep/er.yaml:3
    d shop shop.yaml:3
    a shop shop/a.yaml:3
    b shop shop/a.yaml:4
    ");
}

#[test]
fn files_may_stand_in_any_folder_together() {
    let root = format!("{SETTINGS}teams: [{{ id: a, files: 'teams/a/*' }}]\nrules:\n{}", rule("root"));
    let bundle = files(&[("/etc/usher/usher.yaml", &root), ("/etc/usher/teams/a/x.yaml", &further(&["x"]))]);
    insta::assert_snapshot!(owners(&bundle), @"
    root nobody /etc/usher/usher.yaml:5
    x a /etc/usher/teams/a/x.yaml:3
    ");
    assert_eq!(owners(&bundle.with_short_names()).matches("nobody").count(), 1);
}

#[test]
fn without_teams_files_are_nobodys() {
    let bundle = files(&[("usher.yaml", SETTINGS), ("a.yaml", &further(&["a"]))]);
    insta::assert_snapshot!(owners(&bundle), @"a nobody a.yaml:3");
}

#[test]
fn one_of_several_files_is_the_root() {
    insta::assert_snapshot!(refused(&files(&[])), @":1:1 there is no rule file | give one rule file");
    insta::assert_snapshot!(refused(&files(&[("a.yaml", SETTINGS), ("b.yaml", SETTINGS)])), @":1:1 none of the 2 rule files is `usher.yaml` | of several files one is the root, with the settings: `usher.yaml`, in the folder that all the others are in or below");
    // A file of a team is not the root because it has its name.
    let (root, other) = (format!("{SETTINGS}rules:\n{}", rule("a")), further(&["b"]));
    insta::assert_snapshot!(refused(&files(&[("teams/a/usher.yaml", &root), ("teams/b/x.yaml", &other)])), @":1:1 none of the 2 rule files is `usher.yaml` | of several files one is the root, with the settings: `usher.yaml`, in the folder that all the others are in or below");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &root), ("teams/../x.yaml", &other)])), @"teams/../x.yaml:1:1 `teams/../x.yaml` is not the name of a file in the folder of the rules | names have no `..` and nothing empty in them, such as `teams/payments/web.yaml`");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &root), ("./usher.yaml", &other)])), @"usher.yaml:1:1 the file `usher.yaml` is given twice");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &root), ("a//b.yaml", &other)])), @"a//b.yaml:1:1 `a//b.yaml` is not the name of a file in the folder of the rules | names have no `..` and nothing empty in them, such as `teams/payments/web.yaml`");
}

#[test]
fn only_the_root_has_settings_teams_and_never() {
    let more = format!(
        "{SETTINGS}teams: [{{ id: mine, files: '*' }}]\nnever:\n- {{ permission_sets: [P], accounts: everywhere }}\nrules:\n{}",
        rule("a")
    );
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", SETTINGS), ("a.yaml", &more)])), @"
    a.yaml:2:1 `settings` can stand in the root file only | move it to `usher.yaml`
    a.yaml:3:1 `teams` can stand in the root file only | move it to `usher.yaml`
    a.yaml:4:1 `never` can stand in the root file only | move it to `usher.yaml`
    ");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", SETTINGS), ("a.yaml", "version: 1\n"), ("b.yaml", "rules: []")])), @"
    a.yaml:1:1 a further rule file needs the key `rules` | list at least one rule under `rules`
    b.yaml:1:1 a further rule file needs the key `version` | begin the document with `version: 1`
    b.yaml:1:8 expected a list of rules, found an empty list | list at least one, or leave the key out if it is optional
    ");
}

#[test]
fn an_id_is_taken_in_all_files() {
    let root = format!("{SETTINGS}rules:\n{}", rule("same"));
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &root), ("a.yaml", &further(&["x", "same", "x"]))])), @"
    a.yaml:4:9 two rules have the id `same`; the first is at usher.yaml:4 | every rule has an id of its own
    a.yaml:5:9 two rules have the id `x` | every rule has an id of its own
    ");
}

#[test]
fn with_teams_a_file_is_exactly_one_team_s() {
    let root = format!(
        "{SETTINGS}teams:\n- {{ id: pay, files: teams/pay/* }}\n- {{ id: payments, files: teams/pay*/* }}\n- {{ id: web, files: none/* }}\n"
    );
    let bundle = files(&[
        ("usher.yaml", &root),
        ("teams/pay/a.yaml", &further(&["a"])),
        ("teams/payments/b.yaml", &further(&["b"])),
        ("teams/wep/c.yaml", &further(&["c"])),
    ]);
    insta::assert_snapshot!(refused(&bundle), @"
    teams/pay/a.yaml:1:1 the file `teams/pay/a.yaml` is more than one team's: is it `pay` or `payments`? | make the `files` of teams in `usher.yaml` narrower, so that it fits those of one
    teams/wep/c.yaml:1:1 the file `teams/wep/c.yaml` is no team's | name it in the `files` of a team in `usher.yaml`
    ");
}

#[test]
fn a_rule_stands_in_the_files_of_its_team() {
    let root = format!("{SETTINGS}teams:\n- {{ id: pay, files: pay/* }}\n- {{ id: web, files: web/* }}\n");
    let of = |team: &str, id: &str| rule(id).replace("- { ", &format!("- {{ team: {team}, "));
    let in_root = format!("{root}rules:\n{}", of("pay", "r"));
    let good = format!("version: 1\nrules:\n{}{}", of("pay", "a"), rule("b"));
    let bad = format!("version: 1\nrules:\n{}{}{}", of("pay", "c"), of("wep", "d"), of("'a b'", "e"));
    insta::assert_snapshot!(owners(&files(&[("usher.yaml", &root), ("pay/a.yaml", &good)])), @"
    a pay pay/a.yaml:3
    b pay pay/a.yaml:4
    ");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &in_root), ("web/a.yaml", &bad)])), @"
    usher.yaml:7:11 a rule of team `pay` outside the files of that team | move the rule to a file that `files` of `pay` names, or leave `team` out
    web/a.yaml:3:11 a rule of team `pay` outside the files of that team | move the rule to a file that `files` of `pay` names, or leave `team` out
    web/a.yaml:4:11 there is no team `wep` | did you mean `web`?
    web/a.yaml:5:11 `a b` is not a team's id: up to 64 letters, digits, `-`, `_` or `.`, such as payments
    ");
    insta::assert_snapshot!(refused(&bundle(&format!("{SETTINGS}rules:\n{}", of("pay", "a")))), @"rules.yaml:4:11 there is no team `pay` | teams are listed under `teams` in the root file");
}

#[test]
fn mistakes_in_teams() {
    let cases = [
        "[]",
        "pay",
        "[pay]",
        "[{ id: pay }, { files: a }, { id: a b, files: [] }]",
        "[{ id: pay, files: a }, { id: pay, files: b }]",
        "[{ id: pay, file: a }, { id: web, files: { like: a } }]",
    ];
    let all = cases.map(|case| {
        let text = format!("{SETTINGS}teams: {case}\nrules:\n{}", rule("a"));
        format!("{case}\n{}", refused(&files(&[("usher.yaml", &text), ("x.yaml", &further(&["b"]))])))
    });
    insta::assert_snapshot!(all.join("\n"), @"
    []
    usher.yaml:3:8 expected a list of teams, such as `[ { id: payments, files: [teams/payments/*.yaml] } ]`, found an empty list | list at least one, or leave the key out if it is optional
    pay
    usher.yaml:3:8 expected a list of teams, such as `[ { id: payments, files: [teams/payments/*.yaml] } ]`, found `pay`
    [pay]
    usher.yaml:3:9 expected a team as a map with `id`, `files` or `scope`, found `pay`
    [{ id: pay }, { files: a }, { id: a b, files: [] }]
    usher.yaml:3:9 a team needs the key `files` | say which files are its own, such as `files: [teams/payments/*.yaml]`
    usher.yaml:3:22 a team needs the key `id` | give it a name that stays, such as `payments`
    usher.yaml:3:42 `a b` is not a team's id: up to 64 letters, digits, `-`, `_` or `.`, such as payments
    usher.yaml:3:54 expected the pattern of files' names or a list of patterns, found an empty list | list at least one, or leave the key out if it is optional
    [{ id: pay, files: a }, { id: pay, files: b }]
    usher.yaml:3:38 two teams have the id `pay` | a team's `files` can be a list
    x.yaml:1:1 the file `x.yaml` is no team's | name it in the `files` of a team in `usher.yaml`
    [{ id: pay, file: a }, { id: web, files: { like: a } }]
    usher.yaml:3:20 a team can't have the key `file` | did you mean `files`?
    usher.yaml:3:49 expected a pattern, in which `*` is any text and `?` any one character, found a map
    ");
}

#[test]
fn problems_are_found_in_all_files_and_a_broken_root_brings_no_flood() {
    let other = "version: 1\nrules:\n- { id: a, team: pay, principals: [{ group: \"{account_tag.Team}\" }], permission_sets: [P], accounts: { tagged: { Team: x } } }\n- { id: b }\n";
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", "version: 1\nsettings: [\n"), ("a.yaml", other)])), @"
    a.yaml:4:3 a rule needs the key `principals` | for example `principals: [ { group: Developers } ]`
    a.yaml:4:3 a rule needs the key `permission_sets` | for example `permission_sets: [ ReadOnlyAccess ]`
    a.yaml:4:3 a rule needs the key `accounts` | for example `accounts: { in_ou: Workloads/Development }`
    usher.yaml:2:11 not valid YAML: unclosed bracket '['
    ");
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", "version: 1\nsetings: { mode: sync }\nteam: []\n"), ("a.yaml", other)])), @"
    a.yaml:4:3 a rule needs the key `principals` | for example `principals: [ { group: Developers } ]`
    a.yaml:4:3 a rule needs the key `permission_sets` | for example `permission_sets: [ ReadOnlyAccess ]`
    a.yaml:4:3 a rule needs the key `accounts` | for example `accounts: { in_ou: Workloads/Development }`
    usher.yaml:2:1 a rule document can't have the key `setings` | did you mean `settings`?
    usher.yaml:3:1 a rule document can't have the key `team` | did you mean `teams`?
    ");
}

#[test]
fn too_many_and_too_large_files_are_refused_unread() {
    let many: Vec<(String, &str)> = (0..=MAX_FILES).map(|at| (format!("{at}.yaml"), "}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    insta::assert_snapshot!(refused(&files(&many)), @":1:1 there are 1001 rule files; a bundle has at most 1000");
    let large = "#".repeat(MAX_FILE_BYTES);
    let large: Vec<(String, &str)> = (0..17).map(|at| (format!("{at}.yaml"), large.as_str())).collect();
    let large: Vec<(&str, &str)> = large.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    insta::assert_snapshot!(refused(&files(&large)), @":1:1 the rule files have 4456557 bytes; a bundle has at most 4194304");
    let one = "#".repeat(MAX_FILE_BYTES + 1);
    insta::assert_snapshot!(refused(&files(&[("usher.yaml", &format!("{SETTINGS}rules:\n{}", rule("a"))), ("a.yaml", &one), ("b.yaml", "rules: {}")])), @"
    a.yaml:1:1 `a.yaml` has 262145 bytes; a rule file has at most 262144
    b.yaml:1:1 a further rule file needs the key `version` | begin the document with `version: 1`
    b.yaml:1:8 expected a list of rules, found a map
    ");
}

#[test]
fn a_bundle_that_is_read_can_be_kept() {
    let text = "\"\n".repeat(MAX_FILE_BYTES / 2 - 10);
    let names: Vec<String> = (0..16).map(|at| format!("{at}.yaml")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    assert!(serde_json::to_vec_pretty(&files(&all)).unwrap().len() <= MAX_STORED_BYTES);
}
