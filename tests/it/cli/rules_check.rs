//! `usher rules check` and `usher rules schema`.

use cli::{Ending, Machine};

use super::{RULES, Ran, run};

async fn check(content: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    std::fs::write(&path, content).unwrap();
    let mut line = vec!["usher", "rules", "check", path.to_str().unwrap()];
    line.extend(more);
    run(&line, &Machine::this()).await
}

#[tokio::test]
async fn good_rules_are_told_in_short() {
    let good = check(RULES, &[]).await;
    assert_eq!(good.ending, Ending::Good);
    assert!(good.out.contains("2 rules and 1 entry of `never`"), "{}", good.out);
    assert!(good.out.contains("at most 500 assignments created, and 25 deleted"), "{}", good.out);
}

#[tokio::test]
async fn a_schedule_that_is_hardly_meant_so_is_told_with_its_place() {
    let freeze =
        "reprovision:\n  freezes: [{ from: 2020-12-18T00:00:00Z, until: 2021-01-04T00:00:00Z }]\nrules:\n";
    let past = RULES.replacen("rules:\n", freeze, 1);
    let text = check(&past, &[]).await;
    assert_eq!(text.ending, Ending::Good);
    assert!(text.out.contains("rules.yaml:7: this freeze ended on 2021-01-04: it can go"), "{}", text.out);
    let json = check(&past, &["--json"]).await.json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(check(RULES, &["--json"]).await.json()["warnings"], serde_json::json!([]));
}

#[tokio::test]
async fn every_mistake_is_shown_in_its_place() {
    let broken =
        RULES.replace("everywhere", "everywher").replace("permission_sets: [Read", "permission_set: [Read");
    let text = check(&broken, &[]).await;
    assert_eq!(text.ending, Ending::Bad);
    assert!(text.out.contains("did you mean `everywhere`?"), "{}", text.out);
    assert!(text.out.contains("the rules have 2 problems"), "{}", text.out);

    let json = check(&broken, &["--json"]).await;
    assert_eq!(json.ending, Ending::Bad);
    let document = json.json();
    assert_eq!(document["ok"], false);
    let lines: Vec<u64> = document["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [13, 14]);
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_yaml_at_all_is_an_error_that_says_what_to_do() {
    let missing = run(&["usher", "rules", "check", "/nowhere/rules.yaml"], &Machine::this()).await;
    assert_eq!(missing.ending, Ending::Bad);
    assert!(missing.err.contains("cannot read the rule file `/nowhere/rules.yaml`"), "{}", missing.err);
    assert_eq!(missing.out, "");
    for rubbish in ["", "{", "\u{0}", "- a\n- b", "version: 1"] {
        assert_eq!(check(rubbish, &[]).await.ending, Ending::Bad, "{rubbish:?}");
    }
}

#[tokio::test]
async fn several_files_are_checked_together_from_whatever_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let rule = "- { id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }\n";
    let root = "version: 1\nsettings: { mode: observe }\nteams: [{ id: web, files: teams/web/* }]\n";
    let root = file("usher.yaml", root);
    let good = file("teams/web/a.yaml", &format!("version: 1\nrules:\n{rule}"));
    let bad = file("teams/wep/b.yaml", &format!("version: 1\nrules:\n{rule}"));

    let checked = run(&["usher", "rules", "check", &good, &root], &Machine::this()).await;
    assert_eq!(checked.ending, Ending::Good, "{}", checked.out);
    let checked = run(&["usher", "rules", "check", "--json", &root, &good, &bad], &Machine::this()).await;
    assert_eq!(checked.ending, Ending::Bad);
    let problems = checked.json()["problems"].as_array().unwrap().clone();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem["file"] == bad));
    assert_eq!(problems[0]["message"], "the file `teams/wep/b.yaml` is no team's");
}

#[tokio::test]
async fn the_schema_is_printed_as_it_is_published() {
    let schema = run(&["usher", "rules", "schema"], &Machine::this()).await;
    assert_eq!(schema.ending, Ending::Good);
    assert_eq!(schema.out, include_str!("../../../docs/usher-rules.schema.json"));
    assert_eq!(schema.json()["title"], "Rules of Usher");
}
