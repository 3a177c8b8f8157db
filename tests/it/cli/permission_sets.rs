//! Permission sets in the rule document, from the command line to AWS.

use cli::Ending;
use simulator::{Fault, FaultRule};

use super::{ORGANIZATION, Place};

const DEVELOPERS: &str = "
  - name: Developers
    description: For those who develop
    session_duration: PT4H
    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
    inline_policy: { file: policies/developers.json }
    tags: { Team: shop }
";

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Sid": "Buckets", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*" }]
}"#;

fn document(sets: &str, given: &str) -> String {
    format!(
        "version: 1\nsettings: {{ mode: sync }}\npermission_sets:{sets}\nrules:\n  - id: developers\n    \
         principals: [{{ group: Developers }}]\n    permission_sets: [{given}]\n    accounts: {{ in_ou: Development }}\n"
    )
}

impl Place {
    fn policy(&self, text: &str) {
        std::fs::create_dir_all(self.path("policies")).unwrap();
        self.file("policies/developers.json", text);
    }

    /// How often Usher has asked AWS to change a permission set.
    fn set_writes(&self) -> u64 {
        let world = self.world();
        let verbs = ["Create", "Update", "Attach", "Detach", "Put", "Delete", "Tag", "Untag"];
        let calls = world.counters().calls.iter();
        let writes = calls.filter(|(name, _)| {
            let call = name.rsplit(['.', ':', ' ']).next().unwrap_or(name);
            let about_sets = call.contains("PermissionSet") || call.ends_with("agResource");
            about_sets && verbs.iter().any(|verb| call.starts_with(verb))
        });
        writes.map(|(_, calls)| calls).sum()
    }
}

/// The plan without what is another each time.
fn told(out: &str, rules: &std::path::Path) -> String {
    let ledger = rules.with_file_name("state").join("ledger.db");
    let text = out.replace(rules.to_str().unwrap(), "rules.yaml").replace(ledger.to_str().unwrap(), "LEDGER");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find("--plan ") {
            line.truncate(at + "--plan ".len());
            line.push_str("HASH");
        }
        if let Some(at) = line.find(", version ") {
            line.truncate(at);
            line.push_str(", version VERSION)");
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn a_set_is_planned_made_given_edited_and_deleted_by_its_document() {
    let place = Place::new(ORGANIZATION).await;
    place.policy(POLICY);
    let rules = place.file("rules.yaml", &document(DEVELOPERS, "Developers"));

    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::ToDo, "{plan:?}");
    insta::assert_snapshot!(told(&plan.out, &rules), @r"
    Rules rules.yaml (1 rule, mode sync, version VERSION)

    Permission sets
      + Developers  made (declared at rules.yaml:4)
          + description  For those who develop
          + session_duration  PT4H
          + aws_managed_policies  arn:aws:iam::aws:policy/ReadOnlyAccess
          + tags  Team=shop
          ~ inline_policy
            + Buckets
              + Action  s3:GetObject
              + Action  s3:ListBucket
              + Effect  Allow
              + Resource  *

    shop-dev  200000000001  Development
      + Developers  group Developers  by developers, once the permission set is made

    search-dev  200000000002  Development
      + Developers  group Developers  by developers, once the permission set is made

    Plan: 2 to grant, 0 to revoke in 2 accounts; permission sets: 1 to make.
      grants this run: 2 of 500 allowed
      grants today: 2 of 500 allowed
      revokes this run: 0 of 25 allowed
      revokes today: 0 of 25 allowed
      exactly this, and nothing else:   usher apply --rules rules.yaml --ledger LEDGER --plan HASH
    ");
    assert_eq!(place.set_writes(), 0);
    let again = place.usher("plan", &rules, &["--json"]).await.json();
    let hash = again["hash"].as_str().unwrap();
    assert!(plan.out.contains(hash), "the same plan has the same hash");
    assert_eq!(again["permission_sets"][0]["action"], "make");

    let apply = place.usher("apply", &rules, &["--plan", hash, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(apply.out.contains("permission set Developers  made"), "{}", apply.out);
    assert_eq!(place.world().assignments().len(), 3);

    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    let writes = place.set_writes();
    place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(place.set_writes(), writes, "a second run writes nothing");

    // The order of things in the policy makes no difference; what it says does.
    place.policy(
        &POLICY.replace("\"s3:GetObject\", \"s3:ListBucket\"", "\"s3:ListBucket\", \"s3:GetObject\""),
    );
    assert_eq!(place.usher("plan", &rules, &[]).await.ending, Ending::Good);
    place.policy(&POLICY.replace("s3:ListBucket", "s3:PutObject"));
    place.file(
        "rules.yaml",
        &document(&DEVELOPERS.replace("PT4H", "PT8H").replace("Team: shop", "Team: web"), "Developers"),
    );
    let plan = place.usher("plan", &rules, &[]).await;
    insta::assert_snapshot!(told(&plan.out, &rules), @r"
    Rules rules.yaml (1 rule, mode sync, version VERSION)

    Permission sets
      ~ Developers  edited (declared at rules.yaml:4)
          - session_duration  PT4H
          + session_duration  PT8H
          - tags  Team=shop
          + tags  Team=web
          ~ inline_policy
            ~ Buckets
              - Action  s3:ListBucket
              + Action  s3:PutObject

    Plan: nothing to do in 4 accounts; permission sets: 1 to edit.
      exactly this, and nothing else:   usher apply --rules rules.yaml --ledger LEDGER --plan HASH
    ");
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(apply.out.contains("permission set Developers  edited"), "{}", apply.out);
    // It is due to be reprovisioned.
    let ledger = place.path("state/ledger.db");
    let line = ["usher", "reprovision", "--ledger", ledger.to_str().unwrap(), "--json"];
    let due = super::run(&line, &place.machine).await.json();
    assert_eq!(due["campaigns"].as_array().unwrap().len(), 1, "{due}");

    // It goes once the rule that gave it is gone, in one run.
    place.file("rules.yaml", &document("\n  - { name: Developers, delete: true }", "ReadOnlyAccess"));
    let plan = place.usher("plan", &rules, &[]).await;
    assert!(plan.out.contains("not deleted: 2 accounts still have it"), "{}", plan.out);
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert!(apply.out.contains("permission set Developers  deleted"), "{}", apply.out);
    assert!(place.world().permission_set_named("Developers").is_none());
}

#[tokio::test]
async fn a_set_that_others_made_is_shown_and_left_alone() {
    let place = Place::new(ORGANIZATION).await;
    let sets = |more: &str| format!("\n  - {{ name: ReadOnlyAccess, session_duration: PT2H{more} }}");
    let rules = place.file("rules.yaml", &document(&sets(""), "ReadOnlyAccess"));
    let plan = place.usher("plan", &rules, &[]).await;
    assert!(
        plan.out.contains("! ReadOnlyAccess  not edited: exists already, made by others"),
        "{}",
        plan.out
    );
    assert!(plan.out.contains("- session_duration  PT1H"), "{}", plan.out);
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!((apply.ending, place.set_writes()), (Ending::Good, 0), "{apply:?}");

    place.file("rules.yaml", &document(&sets(", adopt: true"), "ReadOnlyAccess"));
    let markdown = place.usher("plan", &rules, &["--output", "markdown"]).await;
    assert!(markdown.out.contains("~ ReadOnlyAccess: edited"), "{}", markdown.out);
    assert!(markdown.out.contains("+   session_duration  PT2H"), "{}", markdown.out);
    let apply = place.usher("apply", &rules, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["permission_sets"][0]["outcome"], "edited");
    assert_eq!(place.set_writes(), 1);
}

#[tokio::test]
async fn what_aws_refuses_is_told_and_the_rest_is_done() {
    let place = Place::new(ORGANIZATION).await;
    place.policy(POLICY);
    let rules = place.file("rules.yaml", &document(DEVELOPERS, "PowerUserAccess"));
    place.world().faults.add(FaultRule {
        operation: "CreatePermissionSet".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: Some(1),
        account: None,
    });
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    assert!(
        apply.out.contains("permission set Developers  failed: CreatePermissionSet: not allowed"),
        "{}",
        apply.out
    );
    assert_eq!(place.world().assignments().len(), 2, "{}", apply.out);
    let again = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(again.ending, Ending::Good, "{again:?}");
}

/// Whoever had Beta gets Alpha, and both are edited.
fn moved(duration: &str, given: &str) -> String {
    let sets =
        ["Alpha", "Beta"].map(|name| format!("\n  - {{ name: {name}, session_duration: {duration} }}"));
    document(&sets.concat(), given)
}

#[tokio::test]
async fn a_set_that_can_not_be_read_holds_up_no_other_and_what_rests_on_it_stays() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &moved("PT1H", "Beta"));
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    place.file("rules.yaml", &moved("PT2H", "Alpha"));
    let fails_once = || {
        place.world().faults.clear_all();
        place.world().faults.add(FaultRule {
            operation: "ListManagedPoliciesInPermissionSet".to_owned(),
            service: None,
            fault: Fault::AccessDenied,
            calls: Some(1),
            account: None,
        });
    };

    fails_once();
    let plan = place.usher("plan", &rules, &["--json"]).await;
    assert_eq!(plan.ending, Ending::Bad, "{plan:?}");
    let json = plan.json();
    let told: Vec<_> = json["permission_sets"].as_array().unwrap().iter().map(|set| &set["action"]).collect();
    assert_eq!(told, ["unknown", "edit"]);
    assert_eq!(json["permission_sets"][0]["withheld"]["kind"], "unread");
    let summary = &json["summary"];
    assert_eq!(
        (&summary["grants"], &summary["revokes"], &summary["withheld"]),
        (&2.into(), &0.into(), &2.into()),
        "{json:#}"
    );
    assert_eq!(json["accounts"][0]["withheld"][0]["reason"]["kind"], "permission_set_awaited");
    fails_once();
    let plan = place.usher("plan", &rules, &[]).await;
    assert!(plan.out.contains("? Alpha  it could not be read: "), "{}", plan.out);
    assert!(plan.out.contains("permission sets: 1 to edit, 1 that could not be read"), "{}", plan.out);

    fails_once();
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    assert!(apply.out.contains("permission set Beta  edited"), "{}", apply.out);
    assert!(apply.out.contains("permission set Alpha  failed: it could not be read"), "{}", apply.out);
    assert_eq!(place.world().assignments().len(), 5, "Beta is not taken away");

    place.world().faults.clear_all();
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!(place.world().assignments().len(), 3);
    assert_eq!(place.usher("plan", &rules, &[]).await.ending, Ending::Good);
    // What reaches the accounts later says what it waits for.
    let ledger = place.path("state/ledger.db");
    let line = ["usher", "reprovision", "--ledger", ledger.to_str().unwrap()];
    let list = super::run(&line, place.machine()).await.out;
    assert_eq!(list.matches("It waits until ").count(), 2, "{list}");
    assert!(list.contains(": more edits may come."), "{list}");
}

#[tokio::test]
async fn what_waits_of_declared_sets_is_told_by_withheld_and_status_and_as_outcomes() {
    let place = Place::new(ORGANIZATION).await;
    let sets = "\n  - name: Builders\n  - name: ReadOnlyAccess\n    tags: { Team: shop }\n";
    let rules = place.file("rules.yaml", &document(sets, "Builders"));
    place.world().fail_next("CreatePermissionSet", Fault::AccessDenied, 1);
    let outcomes = place.path("outcomes.jsonl");
    let apply = place.usher("apply", &rules, &["--yes", "--outcomes", outcomes.to_str().unwrap()]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    let told = std::fs::read_to_string(&outcomes).unwrap();
    let mut told: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|told| format!("{} {}", told["outcome"].as_str().unwrap(), told["name"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["set_blocked Builders", "set_withheld ReadOnlyAccess"]);

    let withheld = place.usher("withheld", &rules, &[]).await;
    assert_eq!(withheld.ending, Ending::Good, "{withheld:?}");
    let lines: Vec<&str> = withheld.out.lines().map(str::trim).collect();
    assert_eq!(lines[0], "Declared permission sets (2)");
    assert!(lines[1].starts_with("! Builders  not made: CreatePermissionSet: "), "{}", withheld.out);
    assert!(lines[2].starts_with("way out: mend what AWS names"), "{}", withheld.out);
    assert!(lines[3].starts_with("! ReadOnlyAccess  not edited: exists already"), "{}", withheld.out);
    assert!(lines[4].contains("`adopt: true`"), "{}", withheld.out);
    assert!(withheld.out.ends_with("Waiting: 0 withheld; 2 permission sets.\n"), "{}", withheld.out);
    let json = place.usher("withheld", &rules, &["--json"]).await.json();
    let kinds: Vec<_> = json["permission_sets"].as_array().unwrap().iter().map(|set| &set["kind"]).collect();
    assert_eq!(kinds, ["failed", "not_ours"]);
    assert!(json["permission_sets"][1]["since"].is_string());
    let markdown = place.usher("withheld", &rules, &["--output", "markdown"]).await.out;
    assert!(markdown.contains("Declared permission sets (2)"), "{markdown}");

    let ledger = place.path("state/ledger.db");
    let status = ["usher", "status", "--ledger", ledger.to_str().unwrap()];
    let text = super::run(&status, place.machine()).await.out;
    assert!(text.contains("Permission sets that are not as declared (2)"), "{text}");
    assert!(
        text.contains("✗ Builders        failed    for ") && text.contains("! ReadOnlyAccess  not ours"),
        "{text}"
    );

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let json = super::run(&[&status[..], &["--json"]].concat(), place.machine()).await.json();
    let names: Vec<_> = json["permission_sets"].as_array().unwrap().iter().map(|set| &set["name"]).collect();
    assert_eq!(names, ["ReadOnlyAccess"]);
}
