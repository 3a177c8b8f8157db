//! `plan` and `apply`, one after the other.

use std::collections::BTreeSet;

use cli::Ending;
use serde_json::Value;
use shared::domain::AccountState;
use simulator::Fault;

use super::{ORGANIZATION, Place, RULES};

#[tokio::test]
async fn plan_finds_something_to_do_apply_does_it_and_then_there_is_nothing_left() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);

    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::ToDo, "{plan:?}");
    let hash = place.usher("plan", &rules, &["--json"]).await.json()["hash"].clone();
    let (ledger, hash) = (place.path("state/ledger.db"), hash.as_str().unwrap());
    let text = plan.out.replace(rules.to_str().unwrap(), "rules.yaml").replace(hash, "HASH");
    let text = text.replace(ledger.to_str().unwrap(), "LEDGER");
    insta::assert_snapshot!(text, @r"
    Rules rules.yaml (2 rules, mode sync, version 773c44e02aa5)

    shop-dev  200000000001  Development
      + ReadOnlyAccess   group Auditors    by auditors
      ! PowerUserAccess  group Developers  not granted: exists already, made by others; it stays theirs unless `usher adopt` takes it over (rule developers)

    search-dev  200000000002  Development
      + PowerUserAccess  group Developers  by developers
      + ReadOnlyAccess   group Auditors    by auditors

    shop-prod  200000000003  Production
      + ReadOnlyAccess   group Auditors    by auditors
      ! PowerUserAccess  group Developers  not granted: forbidden by a `never` (rule developers)

    Named or selected by rules, and there is nothing like it
      ? group `Nobody`  rule auditors, in 3 accounts

    Plan: 4 to grant, 0 to revoke in 3 accounts; 2 withheld.
      grants this run: 4 of 500 allowed
      grants today: 4 of 500 allowed
      revokes this run: 0 of 25 allowed
      revokes today: 0 of 25 allowed
      exactly this, and nothing else:   usher apply --rules rules.yaml --ledger LEDGER --plan HASH
    ");
    assert!(!place.path("state").exists(), "a plan makes nothing on the disk");
    assert_eq!(place.writes(), 0);

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(apply.out.contains("4 granted, 0 revoked"), "{}", apply.out);
    assert_eq!(place.world().assignments().len(), 5);

    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    assert!(plan.out.contains("nothing to do in 4 accounts"), "{}", plan.out);
}

#[tokio::test]
async fn a_second_apply_writes_nothing_and_says_so() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--yes"]).await;
    let writes = place.writes();
    assert_eq!(writes, 4);

    // Nobody needs to be asked where there is nothing to do.
    let again = place.usher("apply", &rules, &[]).await;

    assert_eq!(again.ending, Ending::Good, "{again:?}");
    assert!(again.out.contains("nothing was written to AWS"), "{}", again.out);
    assert_eq!(place.writes(), writes);
}

#[tokio::test]
async fn the_json_document_agrees_with_the_text() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let text = place.usher("plan", &rules, &[]).await;
    let json = place.usher("plan", &rules, &["--json"]).await;
    assert_eq!((text.ending, json.ending), (Ending::ToDo, Ending::ToDo));

    let document = json.json();
    let accounts = document["accounts"].as_array().unwrap();
    let listed = |list: &str| -> Vec<Value> {
        accounts.iter().flat_map(|account| account[list].as_array().unwrap().clone()).collect()
    };
    assert_eq!(listed("grants").len(), document["summary"]["grants"]);
    assert_eq!(listed("withheld").len(), document["summary"]["withheld"]);
    assert_eq!(text.out.lines().filter(|line| line.starts_with("  + ")).count(), listed("grants").len());
    assert_eq!(text.out.lines().filter(|line| line.starts_with("  ! ")).count(), listed("withheld").len());
    for grant in listed("grants") {
        let set = grant["permission_set"]["name"].as_str().unwrap();
        assert!(text.out.contains(&format!("+ {set}")), "{set}");
    }
    let reasons: BTreeSet<String> =
        listed("withheld").iter().map(|withheld| withheld["reason"]["kind"].to_string()).collect();
    assert_eq!(reasons, ["\"foreign\"".to_owned(), "\"never\"".to_owned()].into());
}

#[tokio::test]
async fn markdown_and_json_are_forms_of_the_same_plan() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let markdown = place.usher("plan", &rules, &["--output", "markdown"]).await;
    assert_eq!(markdown.ending, Ending::ToDo, "{markdown:?}");
    assert!(
        markdown.out.starts_with("### Usher: 4 to grant, 0 to revoke in 3 accounts; 2 withheld\n"),
        "{}",
        markdown.out
    );
    assert_eq!(markdown.out.matches("| **grant** |").count(), 4, "{}", markdown.out);
    assert_eq!(markdown.out.matches("| not granted |").count(), 2, "{}", markdown.out);

    let json = place.usher("plan", &rules, &["--json"]).await;
    let same = place.usher("plan", &rules, &["--output", "json"]).await;
    assert_eq!(json.json(), same.json());
}

#[tokio::test]
async fn rules_in_a_folder_are_planned_and_applied_as_one_set() {
    let place = Place::new(ORGANIZATION).await;
    std::fs::create_dir(place.path("rules")).unwrap();
    let file = place.file("rules/usher.yaml", RULES);
    place.file("rules/.draft.yaml", "not rules");
    let folder = place.path("rules");

    let of_file = place.usher("plan", &file, &["--json"]).await.json();
    let of_folder = place.usher("plan", &folder, &["--json"]).await.json();
    assert_eq!(of_folder["rules"]["version"], of_file["rules"]["version"]);
    assert_eq!(of_folder["accounts"], of_file["accounts"]);

    let apply = place.usher("apply", &folder, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!(place.usher("plan", &file, &[]).await.ending, Ending::Good);

    // The same rules in two files are another version, and mean the same.
    let (developers, auditors) = RULES.split_once("  - id: auditors").unwrap();
    place.file("rules/usher.yaml", developers);
    std::fs::create_dir(place.path("rules/teams")).unwrap();
    place.file("rules/teams/audit.yaml", &format!("version: 1\nrules:\n  - id: auditors{auditors}"));
    let split = place.usher("plan", &folder, &["--json"]).await;
    assert_eq!(split.ending, Ending::Good, "{split:?}");
    assert_eq!(split.json()["rules"]["files"].as_array().unwrap().len(), 2);
    assert_ne!(split.json()["rules"]["version"], of_file["rules"]["version"]);
}

#[tokio::test]
async fn one_account_is_planned_as_its_part_of_the_whole_and_applied_alone() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let whole = place.usher("plan", &rules, &["--json"]).await.json();
    let one = place.usher("plan", &rules, &["--json", "--account", "200000000001"]).await.json();
    let of_whole =
        whole["accounts"].as_array().unwrap().iter().find(|account| account["id"] == "200000000001").unwrap();
    assert_eq!(one["accounts"].as_array().unwrap(), std::slice::from_ref(of_whole));

    let apply = place.usher("apply", &rules, &["--yes", "--account", "200000000001"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let world = place.world();
    let touched: BTreeSet<String> = world
        .assignments()
        .into_iter()
        .filter(|(_, made)| made.by.name.as_ref() == "usher")
        .map(|(key, _)| key.account.to_string())
        .collect();
    assert_eq!(touched, ["200000000001".to_owned()].into());
}

#[tokio::test]
async fn what_no_rule_wants_any_more_is_revoked_and_what_people_made_stays() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--yes"]).await;
    let fewer = place.file("rules.yaml", RULES.split("  - id: auditors").next().unwrap());

    let apply = place.usher("apply", &fewer, &["--yes", "--json"]).await;

    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!(apply.json()["summary"]["revoked"], 3);
    assert_eq!(place.world().assignments().len(), 2);
}

#[tokio::test]
async fn what_the_budgets_hold_back_is_withheld_and_not_done() {
    let place = Place::new(ORGANIZATION).await;
    let bounded = RULES.replace("{ mode: sync }", "{ mode: sync, guardrails: { max_creates: 1 } }");
    let rules = place.file("rules.yaml", &bounded);

    let plan = place.usher("plan", &rules, &["--json"]).await.json();
    assert_eq!(plan["summary"]["grants"], 1);
    assert!(plan.to_string().contains("\"kind\":\"budget\""), "{plan}");

    let apply = place.usher("apply", &rules, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["granted"], 1);
    assert_eq!(place.writes(), 1);
}

#[tokio::test]
async fn without_anybody_to_ask_apply_wants_a_yes_and_changes_nothing() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);

    let apply = place.usher("apply", &rules, &[]).await;

    assert_eq!(apply.ending, Ending::Bad);
    assert!(apply.err.contains("--yes"), "{}", apply.err);
    assert_eq!(place.writes(), 0);
    assert!(!place.path("state").exists());
}

#[tokio::test]
async fn what_aws_refuses_is_told_with_its_reason_and_the_rest_is_done() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().fail_next("CreateAccountAssignment", simulator::Fault::AccessDenied, 1);

    let apply = place.usher("apply", &rules, &["--yes"]).await;

    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    assert!(apply.out.contains("refused by AWS: CreateAccountAssignment: "), "{}", apply.out);
    assert!(apply.out.contains("3 granted, 0 revoked, 1 refused by AWS"), "{}", apply.out);
}

#[tokio::test]
async fn a_suspended_account_is_withheld_which_alone_is_nothing_to_do() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.usher("apply", &rules, &["--yes"]).await;
    let now = place.world().now();
    place.world().set_account_state(now, &"200000000002".parse().unwrap(), AccountState::Suspended);
    place.usher("apply", &rules, &["--yes"]).await;
    let fewer = place.file("rules.yaml", RULES.split("  - id: auditors").next().unwrap());
    place.usher("apply", &fewer, &["--yes"]).await;

    let plan = place.usher("plan", &fewer, &[]).await;

    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    assert!(plan.out.contains("the account is suspended"), "{}", plan.out);
}

#[tokio::test]
async fn what_hangs_is_left_for_the_next_run_and_shown_as_under_way() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().fail_next("CreateAccountAssignment", simulator::Fault::Hang, 1);

    let apply = place.usher("apply", &rules, &["--yes", "--timeout", "500ms", "--json"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    // On a busy machine the time may be up before the others have ended; the one that hangs never has.
    let number = |name: &str| apply.json()["summary"][name].as_u64().unwrap();
    let unfinished = number("left");
    assert!(unfinished >= 1 && number("granted") + unfinished == 4, "{}", apply.out);

    let plan = place.usher("plan", &rules, &["--json"]).await;
    assert_eq!(plan.ending, Ending::ToDo);
    assert_eq!(plan.json()["summary"]["under_way"], unfinished);
    let left = plan.json()["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| !account["under_way"].as_array().unwrap().is_empty())
        .unwrap()["id"]
        .clone();
    let other = if left == "200000000003" { "200000000001" } else { "200000000003" };

    let elsewhere = place.usher("apply", &rules, &["--yes", "--account", other]).await;
    assert_eq!(elsewhere.ending, Ending::Bad);
    assert!(elsewhere.err.contains("unfinished in account"), "{}", elsewhere.err);
}

#[tokio::test]
async fn a_rule_that_can_not_be_told_is_named_in_every_form_and_is_not_nothing_to_do() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let whole = place.usher("plan", &rules, &["--json"]).await.json();
    assert!(whole.get("untold").is_none() && whole["summary"].get("untold").is_none(), "{whole}");
    for operation in ["GetGroupId", "ListPermissionSets"] {
        let place = Place::new(ORGANIZATION).await;
        let rules = place.file("rules.yaml", RULES);
        place.world().fail_next(operation, Fault::AccessDenied, 500);
        let plan = place.usher("plan", &rules, &["--json"]).await;
        assert_eq!(plan.ending, Ending::Bad, "{operation}: {plan:?}");
        let untold = plan.json()["untold"].clone();
        let of_rules: Vec<&str> =
            untold.as_array().unwrap().iter().filter_map(|one| one["rule"].as_str()).collect();
        assert_eq!(of_rules, ["auditors", "developers"], "{operation}: {untold}");
        let text = place.usher("plan", &rules, &[]).await.out;
        assert!(text.contains("Could not be told; nothing is given or taken by it"), "{text}");
        assert!(text.contains("nothing to do that could be told in 4 accounts; "), "{text}");
        let comment = place.usher("plan", &rules, &["--output", "markdown"]).await.out;
        assert!(
            comment.contains("**Incomplete:** what rule developers wants could not be told"),
            "{comment}"
        );
        let one = place.usher("plan", &rules, &["--account", "200000000001"]).await;
        assert_eq!(one.ending, Ending::Bad, "{one:?}");
        let withheld = place.usher("withheld", &rules, &[]).await;
        assert!(
            withheld.ending == Ending::Bad && withheld.out.contains("what rule auditors wants"),
            "{withheld:?}"
        );
        let what_if = ["--what-if", "move:shop-dev:Production"];
        let what_if = place.usher("plan", &rules, &what_if).await;
        assert!(
            what_if.ending == Ending::Bad && what_if.out.contains("what rule auditors wants"),
            "{what_if:?}"
        );
        let apply = place.usher("apply", &rules, &["--yes"]).await;
        assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
        assert!(apply.out.contains("could not be told, and left as they are"), "{}", apply.out);
        assert_eq!(place.writes(), 0);
    }
}

#[tokio::test]
async fn an_apply_reads_the_tags_of_permission_sets_once_and_not_for_each_account() {
    let tagged = "{ name: ReadOnlyAccess, tags: { Level: Read } }";
    let place = Place::new(&ORGANIZATION.replace("{ name: ReadOnlyAccess }", tagged)).await;
    let rules = place.file(
        "rules.yaml",
        "version: 1\nsettings: { mode: sync, trusted_permission_set_tags: [Level] }\nrules:\n  - { id: a, principals: [{ group: Auditors }], permission_sets: { tagged: { Level: Read } }, accounts: everywhere }\n",
    );
    let reads = || place.world().counters().calls["sso-admin:ListTagsForResource"];
    let asked = || place.world().counters().calls["organizations:DescribeOrganization"];
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(place.writes() >= 3, "there are several accounts to look at");
    assert_eq!(reads(), 2, "one for each permission set");
    assert_eq!(asked(), 1, "what the organization is stays the same");
}
