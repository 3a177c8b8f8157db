//! `usher rules publish`, `versions`, `show`, `rollback` and `bundle`, and `usher dead-letters` on one machine.

use std::{sync::Arc, time::Duration};

use cli::Ending;
use serde_json::{Value, json};
use shared::{
    clock::SystemClock,
    engine::Parked,
    local::FolderQueue,
    ports::{LedgerReader as _, Queue as _},
};

use super::{ORGANIZATION, Place, RULES, Ran, run};

impl Place {
    /// `usher <words> --ledger <in the folder>`
    async fn with_ledger(&self, words: &[&str]) -> Ran {
        let ledger = self.path("state/ledger.db");
        let line: Vec<&str> =
            ["usher"].iter().chain(words).copied().chain(["--ledger", ledger.to_str().unwrap()]).collect();
        run(&line, &self.machine).await
    }

    async fn publish(&self, rules: &str, more: &[&str]) -> Ran {
        let path = self.file("rules.yaml", rules);
        self.with_ledger(&[&["rules", "publish", path.to_str().unwrap()], more].concat()).await
    }

    async fn versions(&self) -> Vec<Value> {
        let ran = self.with_ledger(&["rules", "versions", "--json"]).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        ran.json()["versions"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn publish_shows_what_changes_and_asks_and_sends_nothing_to_aws() {
    let place = Place::new(ORGANIZATION).await;
    let asked = place.publish(RULES, &[]).await;
    assert_eq!(asked.ending, Ending::Bad);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    assert!(!place.path("state").exists(), "nothing is made for whoever can't be asked");

    let published = place.publish(RULES, &["--yes"]).await;
    assert_eq!(published.ending, Ending::Good, "{published:?}");
    assert!(
        published.out.contains("Version 773c44e02aa5, 2 rules\nPlan: 4 to grant, 0 to revoke"),
        "{}",
        published.out
    );
    assert!(published.out.contains("✓ Version 773c44e02aa5 is in force."), "{}", published.out);
    assert_eq!(place.writes(), 0);

    let again = place.publish(RULES, &[]).await;
    assert_eq!(again.ending, Ending::Good, "nobody needs to be asked: {again:?}");
    assert!(again.out.contains("is in force already"), "{}", again.out);
    assert_eq!(place.versions().await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_or_has_shrunk_is_refused_with_what_it_would_do() {
    let place = Place::new(ORGANIZATION).await;
    let many = format!("{RULES}{}", RULES.split_once("rules:\n").unwrap().1.replace("id: ", "id: more-"));
    assert_eq!(place.publish(&many, &["--yes"]).await.ending, Ending::Good);
    let wrong = place.publish(&RULES.replace("principals", "principles"), &["--yes"]).await;
    assert!(wrong.ending == Ending::Bad && wrong.err.contains("principles"), "{wrong:?}");
    let few = RULES.split("  - id: auditors").next().unwrap();
    let shrunk = place.publish(few, &["--yes"]).await;
    assert_eq!(shrunk.ending, Ending::Bad);
    assert!(shrunk.err.contains("shrunk from 4 to 1"), "{}", shrunk.err);
    assert!(shrunk.out.contains("Plan: "), "{}", shrunk.out);
    assert_eq!(place.versions().await.len(), 1);
    // What is printed can be typed.
    let command = shrunk.out.split_once("`usher approve").unwrap().1.split_once('`').unwrap().0;
    let words: Vec<&str> = ["usher", "approve"].into_iter().chain(command.split_whitespace()).collect();
    let words = [words, vec!["--yes", "--by", "alba"]].concat();
    let approved = run(&words, &place.machine).await;
    assert_eq!(approved.ending, Ending::Good, "{approved:?}");
    assert_eq!(place.publish(few, &["--yes"]).await.ending, Ending::Good);
}

#[tokio::test]
async fn a_rollback_to_far_fewer_rules_tells_how_it_is_let_through() {
    let place = Place::new(ORGANIZATION).await;
    let few = RULES.split("  - id: auditors").next().unwrap();
    assert_eq!(place.publish(few, &["--yes"]).await.ending, Ending::Good);
    let many = format!("{RULES}{}", RULES.split_once("rules:\n").unwrap().1.replace("id: ", "id: more-"));
    assert_eq!(place.publish(&many, &["--yes"]).await.ending, Ending::Good);

    let refused = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert!(refused.ending == Ending::Bad && refused.err.contains("shrunk from 4 to 1"), "{refused:?}");
    let (show, rest) =
        refused.out.split_once("put each file of `usher ").unwrap().1.split_once("` into").unwrap();
    let hash = rest.split_once("usher approve --rules FOLDER ").unwrap().1;
    let hash = hash.split_once("--plan ").unwrap().1.split_once('`').unwrap().0;
    let show: Vec<&str> = ["usher"].into_iter().chain(show.split(' ')).collect();
    let shown = run(&show, place.machine()).await.json();
    let file = place.file("rules.yaml", shown["files"]["rules.yaml"].as_str().unwrap());
    let approved = place.usher("approve", &file, &["--plan", hash, "--yes", "--by", "alba"]).await;
    assert_eq!(approved.ending, Ending::Good, "{approved:?}");
    let back = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert_eq!(back.ending, Ending::Good, "{back:?}");

    // What was allowed once is not allowed for good.
    assert_eq!(place.publish(&many, &["--yes"]).await.ending, Ending::Good);
    let again = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert!(again.ending == Ending::Bad && again.err.contains("shrunk from 4 to 1"), "{again:?}");
}

#[tokio::test]
async fn going_back_is_planned_and_kept_on_record_and_each_version_can_be_shown() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let nothing = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert!(nothing.ending == Ending::Bad && nothing.err.contains("there is no ledger"), "{nothing:?}");
    place.usher("apply", &rules, &["--yes"]).await;
    let nothing = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert!(nothing.err.contains("no other version was in force before"), "{}", nothing.err);

    let other = RULES.split("  - id: auditors").next().unwrap();
    let said = ["--yes", "--by", "alba", "--reason", "auditors have left"];
    assert_eq!(place.publish(other, &said).await.ending, Ending::Good);
    let versions = place.versions().await;
    assert_eq!(
        versions[1]["provenance"]["said"],
        serde_json::json!({ "by": "alba", "reason": "auditors have left" })
    );
    let assignments = |at: usize| versions[at]["assignments"].as_u64().unwrap();
    assert_eq!((assignments(0), assignments(1)), (4, 0), "{versions:?}");

    let rollback = ["rules", "rollback", "--yes", "--by", "bruno", "--reason", "they\nhave not"];
    let back = place.with_ledger(&rollback).await;
    assert_eq!(back.ending, Ending::Good, "{back:?}");
    assert!(back.out.contains("Version 773c44e02aa5, 2 rules, after version "), "{}", back.out);
    let text = place.with_ledger(&["rules", "versions"]).await;
    assert!(text.out.contains("3 versions on record."), "{}", text.out);
    let before = text.out.lines().nth(1).unwrap();
    assert!(before.ends_with("by a command of alba: auditors have left"), "{before}");
    let last = text.out.lines().nth(2).unwrap();
    assert!(
        last.contains("773c44e02aa5")
            && last.contains("in force")
            && last.contains("by a rollback of bruno: they have not"),
        "{last}"
    );

    let twice = place.with_ledger(&["rules", "rollback", "--yes"]).await;
    assert!(twice.err.contains("no other version was in force before"), "{twice:?}");

    let shown = place.with_ledger(&["rules", "show", "773c"]).await;
    assert_eq!(shown.out, format!("# rules.yaml\n{RULES}"));
    let wrong = place.with_ledger(&["rules", "rollback", "beef", "--yes"]).await;
    assert!(wrong.err.contains("no version that was ever in force begins with `beef`"), "{}", wrong.err);

    // A bundle that somebody took away.
    let version = versions[1]["version"].as_str().unwrap();
    std::fs::remove_file(place.path(&format!("state/rules/{version}.json"))).unwrap();
    let gone = place.with_ledger(&["rules", "rollback", version, "--yes"]).await;
    assert_eq!(gone.ending, Ending::Bad);
    assert!(
        gone.err.contains("the rules of version")
            && gone.err.contains("bundles are kept as rules/VERSION.json"),
        "{}",
        gone.err
    );
    let ledger = shared::local::SqliteLedger::open(&place.path("state/ledger.db")).unwrap();
    assert_eq!(ledger.rules_in_force().await.unwrap().unwrap().version.short(), "773c44e02aa5");
}

#[tokio::test]
async fn a_bundle_is_what_is_uploaded() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let bundle = run(&["usher", "rules", "bundle", rules.to_str().unwrap()], &place.machine).await;
    assert_eq!(bundle.json(), json!({ "files": { "rules.yaml": RULES } }));
    let wrong = place.file("wrong.yaml", "rules: 1");
    let bundle = run(&["usher", "rules", "bundle", wrong.to_str().unwrap()], &place.machine).await;
    assert!(bundle.ending == Ending::Bad && bundle.out.is_empty(), "{bundle:?}");
}

#[tokio::test]
async fn dead_letters_beside_a_ledger_are_shown_and_given_back() {
    let place = Place::new(ORGANIZATION).await;
    let none = place.with_ledger(&["dead-letters", "list"]).await;
    assert!(none.ending == Ending::Bad && none.err.contains("there is no ledger"), "{none:?}");
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--yes"]).await;
    let none = place.with_ledger(&["dead-letters", "list"]).await;
    assert!(none.ending == Ending::Good && none.out == "0 dead letters.\n", "{none:?}");

    let folder =
        |name: &str| FolderQueue::new(&place.path(&format!("state/ledger.db.{name}")), Arc::new(SystemClock));
    let hint = json!({ "account": "200000000001", "cause": "event:e-1", "at": "2026-11-21T12:00:00Z" });
    let letter = Parked::failed("reconcile", "AWS is away", &hint.to_string(), 5);
    letter.of_group(Some("200000000001")).park(&folder("dead-letters"), &SystemClock).await.unwrap();
    Parked::new("reconcile", "no hint", "{").park(&folder("dead-letters"), &SystemClock).await.unwrap();
    let listed = place.with_ledger(&["dead-letters", "list"]).await;
    for told in
        ["reconcile, tried 5 times", "account 200000000001 (event:e-1)", "AWS is away", "2 dead letters."]
    {
        assert!(listed.out.contains(told), "{told}: {}", listed.out);
    }

    // Another ledger in the same folder has letters of its own.
    let other = place.path("state/other.db");
    std::fs::copy(place.path("state/ledger.db"), &other).unwrap();
    let line = ["usher", "dead-letters", "list", "--ledger", other.to_str().unwrap()];
    assert_eq!(run(&line, &place.machine).await.out, "0 dead letters.\n");

    let json = place.with_ledger(&["dead-letters", "list", "--json"]).await.json();
    let id = json["letters"][0]["id"].as_str().unwrap();
    let unknown = place.with_ledger(&["dead-letters", "retry", id, "nonsense"]).await;
    assert!(
        unknown.ending == Ending::Bad && unknown.err.contains("no dead letter `nonsense`"),
        "{unknown:?}"
    );
    let retried = place.with_ledger(&["dead-letters", "retry", id]).await;
    assert_eq!(retried.ending, Ending::Good, "{retried:?}");
    assert!(retried.out.contains("1 letter tried again, 0 failed."), "{}", retried.out);
    let given = folder("dead-letters-to-retry").receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(given.len(), 1);
    assert!(given[0].body.contains("200000000001"), "{}", given[0].body);
    assert!(place.with_ledger(&["dead-letters", "list"]).await.out.contains("1 dead letter."));
}

#[tokio::test]
async fn a_ledger_that_is_moved_takes_its_rules_along() {
    let place = Place::new(ORGANIZATION).await;
    place.publish(RULES, &["--yes"]).await;
    let fewer = RULES.split("\n  - id: ").take(2).collect::<Vec<_>>().join("\n  - id: ");
    assert_eq!(place.publish(&fewer, &["--yes"]).await.ending, Ending::Good);
    let copy = place.path("ledger.jsonl");
    let exported = place.with_ledger(&["ledger", "export", "--move", "--out", copy.to_str().unwrap()]).await;
    assert_eq!(exported.ending, Ending::Good, "{exported:?}");

    let target = place.path("elsewhere/ledger.db");
    let there = async |words: &[&str]| {
        let line: Vec<&str> =
            ["usher"].iter().chain(words).copied().chain(["--ledger", target.to_str().unwrap()]).collect();
        run(&line, &place.machine).await
    };
    let imported = there(&["ledger", "import", copy.to_str().unwrap()]).await;
    assert_eq!(imported.ending, Ending::Good, "{imported:?}");
    // What was in force before can be gone back to.
    let versions = place.versions().await;
    assert_eq!(versions.len(), 2);
    for version in versions {
        let show = ["rules", "show", version["version"].as_str().unwrap()];
        let (shown, before) = (there(&show).await, place.with_ledger(&show).await);
        assert_eq!((shown.ending, shown.out), (Ending::Good, before.out), "{}", shown.err);
    }
}

/// As docs/deploy.md has it, with rules that are fewer than half of those before.
#[tokio::test]
async fn the_page_takes_everything_away_in_a_plan_and_an_approval() {
    const PAGE: &str = include_str!("../../../docs/deploy.md");
    let after = PAGE.split_once("### To take everything away").unwrap().1;
    let nothing = after.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    let place = Place::new(ORGANIZATION).await;
    let more = RULES.replace("rules:\n", "rules:\n  - { id: one-more, principals: [{ group: Auditors }], permission_sets: [ReadOnlyAccess], accounts: everywhere }\n");
    let rules = place.file("all.yaml", &more);
    let rules = rules.to_str().unwrap();
    assert_eq!(place.with_ledger(&["apply", "--rules", rules, "--yes"]).await.ending, Ending::Good);
    let nothing = place.file("nothing.yaml", nothing);
    let nothing = nothing.to_str().unwrap();

    let refused = place.with_ledger(&["rules", "publish", nothing, "--yes", "--by", "alba"]).await;
    assert!(refused.err.contains("the rules have shrunk from 3 to 1"), "{refused:?}");
    let plan = place.with_ledger(&["plan", "--rules", nothing, "--json"]).await.json();
    let hash = plan["hash"].as_str().unwrap();
    let approve = ["approve", "--plan", hash, "--rules", nothing, "--for", "24h", "--yes", "--by", "alba"];
    let approved = place.with_ledger(&approve).await;
    assert_eq!(approved.ending, Ending::Good, "{approved:?}");
    let published = place.with_ledger(&["rules", "publish", nothing, "--yes", "--by", "alba"]).await;
    assert_eq!(published.ending, Ending::Good, "{published:?}");
    let applied = place.with_ledger(&["apply", "--rules", nothing, "--yes"]).await;
    assert_eq!(applied.ending, Ending::Good, "{applied:?}");
    let status = place.with_ledger(&["status"]).await;
    assert!(status.out.contains("0 ours"), "{}", status.out);
}
