//! What there is becomes a rule document, and Usher's own; templates become one, and what the rules want becomes templates.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use cli::{Ending, Machine};
use jiff::Timestamp;
use shared::{clock::SystemClock, domain::AccountState, ports::Clock};
use simulator::{Caller, CallerKind, Fault};

use super::{Place, Ran, run};

/// Whole OUs, a tag, everything but one OU, singles, the management account, a suspended account, a group whose name is another's but for one letter's case.
const GROWN: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Workloads
    organizational_units:
      - name: Development
        accounts:
          - { name: shop-dev, id: "200000000001", tags: { Team: shop } }
          - { name: search-dev, id: "200000000002", tags: { Team: search } }
          - { name: data-dev, id: "200000000003", tags: { Team: data } }
      - name: Production
        accounts:
          - { name: shop-prod, id: "200000000004", tags: { Team: shop } }
          - { name: search-prod, id: "200000000005", tags: { Team: search } }
          - { name: shop-live, id: "200000000009", tags: { Team: shop } }
  - name: Sandbox
    accounts:
      - { name: play-1, id: "200000000006" }
      - { name: play-2, id: "200000000007" }
accounts:
  - { name: loose, id: "200000000008" }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets:
  - { name: ReadOnlyAccess, managed_policies: ["arn:aws:iam::aws:policy/ReadOnlyAccess"], tags: { Level: Read } }
  - { name: PowerUserAccess, session_duration: PT4H }
  - { name: AWSReadOnlyAccess }
groups: [{ name: Developers }, { name: Auditors }, { name: Shop }, { name: Leavers }]
users: [{ user_name: alice@example.com, display_name: Alice }, { user_name: bob@example.com, display_name: Bob }]
assignments:
  - { account: shop-dev, permission_set: PowerUserAccess, group: Developers }
  - { account: search-dev, permission_set: PowerUserAccess, group: Developers }
  - { account: data-dev, permission_set: PowerUserAccess, group: Developers }
  - { account: shop-dev, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: search-dev, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: data-dev, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: shop-prod, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: search-prod, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: shop-live, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: loose, permission_set: ReadOnlyAccess, group: Auditors }
  - { account: shop-dev, permission_set: PowerUserAccess, group: Shop }
  - { account: shop-prod, permission_set: PowerUserAccess, group: Shop }
  - { account: shop-live, permission_set: PowerUserAccess, group: Shop }
  - { account: play-1, permission_set: PowerUserAccess, user: alice@example.com }
  - { account: management, permission_set: ReadOnlyAccess, user: bob@example.com }
  - { account: play-2, permission_set: AWSReadOnlyAccess, group: Auditors }
  - { account: play-2, permission_set: ReadOnlyAccess, group: Leavers }
"#;

impl Place {
    /// `usher import --out <a new file>`, which must go well.
    pub(super) async fn imported(&self, name: &str, more: &[&str]) -> (PathBuf, String) {
        let path = self.path(name);
        let ran = self.order(&[&["import", "--out", path.to_str().unwrap()], more].concat()).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    }

    pub(super) fn there(&self) -> BTreeSet<String> {
        self.world().assignments().keys().map(ToString::to_string).collect()
    }
}

pub(super) async fn grown() -> Place {
    let place = Place::new(GROWN).await;
    {
        let mut world = place.world();
        let now = SystemClock.now();
        world.set_account_state(now, &"200000000007".parse().unwrap(), AccountState::Suspended);
        let person = Caller::new("console-admin", "111122223333".parse().unwrap(), CallerKind::Management);
        let leavers = world.group_named("Leavers").unwrap();
        world.delete_group(now, &person, &leavers).unwrap();
    }
    place
}

fn rules_of(text: &str) -> &str {
    let rules = text.split_once("rules:\n").unwrap().1;
    rules.split_once("\n# Left out").map_or(rules, |(rules, _)| rules)
}

#[tokio::test]
async fn what_is_imported_plans_to_nothing_and_once_adopted_stays_as_it_is() {
    let place = grown().await;
    let before = place.there();
    let (rules, text) = place.imported("usher.yaml", &["--trust-tag", "Team"]).await;
    insta::assert_snapshot!(rules_of(&text), @r##"
    # 7 assignments: 1 group x 1 permission set in 7 accounts.
    - id: auditors-everywhere
      principals: [{ group: Auditors }]
      permission_sets: [ReadOnlyAccess]
      accounts: { all_of: [everywhere], except: [{ in_ou: Sandbox }] }
    # 3 assignments: 1 group x 1 permission set in 3 accounts.
    - id: shop-in-shop
      principals: [{ group: Shop }]
      permission_sets: [PowerUserAccess]
      accounts: { tagged: { Team: shop } }
    # 3 assignments: 1 group x 1 permission set in 3 accounts.
    - id: developers-in-workloads-development
      principals: [{ group: Developers }]
      permission_sets: [PowerUserAccess]
      accounts: { in_ou: Workloads/Development }

    # Listed singly, by the ids of their accounts:
    # 1 assignment: 1 user x 1 permission set in 1 account.
    # 111122223333 is management
    - id: bob-in-management
      principals: [{ user_name: bob@example.com }]
      permission_sets: [ReadOnlyAccess]
      accounts: { id: ["111122223333"] }
    # 1 assignment: 1 user x 1 permission set in 1 account.
    # 200000000006 is play-1
    - id: alice-in-play-1
      principals: [{ user_name: alice@example.com }]
      permission_sets: [PowerUserAccess]
      accounts: { id: ["200000000006"] }
    "##);
    for left_out in ["1 assignment: their principal was deleted", "1 assignment: Control Tower makes"] {
        assert!(text.contains(&format!("# Left out, {left_out}")), "{text}");
    }
    let check = run(&["usher", "rules", "check", rules.to_str().unwrap()], &Machine::this()).await;
    assert_eq!(check.ending, Ending::Good, "{check:?}");
    // A delegated administrator may not ask by principal, and finds the same.
    place.world().fail_next("ListAccountAssignmentsForPrincipal", Fault::AccessDenied, 20);
    assert_eq!(place.imported("delegated.yaml", &["--trust-tag", "Team"]).await.1, text);
    for mode in ["observe", "create-only", "sync"] {
        let other = place.file("other.yaml", &text.replace("mode: observe", &format!("mode: {mode}")));
        let plan = place.usher("plan", &other, &[]).await;
        assert_eq!(plan.ending, Ending::Good, "{mode}: {plan:?}");
    }
    assert!(!place.path("state").exists());

    let adopt =
        ["import", "--adopt", "--rules", rules.to_str().unwrap(), "--by", "alba", "--reason", "day one"];
    let asked = place.order(&adopt).await;
    assert_eq!(asked.ending, Ending::Bad, "nobody to ask: {asked:?}");
    assert!(!place.path("state").exists(), "who says no finds everything as it was");
    let adopted = place.order(&[&adopt[..], &["--yes"]].concat()).await;
    assert_eq!(adopted.ending, Ending::Good, "{adopted:?}");
    assert!(adopted.out.contains("Usher's own from now on: 14 assignments"), "{}", adopted.out);

    let approvals = place.order(&["approvals", "--json"]).await.json();
    let record = &approvals["records"][0];
    assert_eq!((&record["by"], &record["reason"]), (&"alba".into(), &"day one".into()));
    assert_eq!(record["keys"].as_array().unwrap().len(), 14, "{record}");
    let told = place.order(&["approvals"]).await;
    assert!(told.out.contains("adopted 14 assignments with rules"), "{}", told.out);

    // In sync it would revoke what is its own and not wanted: there is none.
    let sync = place.file("sync.yaml", &text.replace("mode: observe", "mode: sync"));
    let plan = place.usher("plan", &sync, &[]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    let apply = place.usher("apply", &sync, &["--yes", "--json"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!((place.writes(), place.there()), (0, before));
    let status = place.order(&["status", "--json"]).await.json();
    assert_eq!(status["counts"]["ours"], 14, "{status}");

    let again = place.order(&["import", "--adopt", "--by", "alba", "--yes"]).await;
    assert!(again.out.contains("Nothing to adopt"), "{again:?}");
    let nameless = place.order(&["import", "--adopt", "--by", " ", "--yes"]).await;
    assert_eq!(nameless.ending, Ending::Bad);
    assert!(nameless.err.contains("--by NAME"), "{}", nameless.err);
}

#[tokio::test]
async fn once_adopted_what_no_rule_wants_any_more_is_revoked() {
    let place = grown().await;
    let (path, text) = place.imported("usher.yaml", &["--mode", "sync"]).await;
    let adopt =
        place.order(&["import", "--adopt", "--rules", path.to_str().unwrap(), "--by", "alba", "--yes"]).await;
    assert_eq!(adopt.ending, Ending::Good, "{adopt:?}");
    let smaller =
        place.file("smaller.yaml", &text.replace("user_name: alice@example.com", "user_name: nobody"));
    let apply = place.usher("apply", &smaller, &["--yes", "--json"]).await;
    assert_eq!(apply.json()["summary"]["revoked"], 1, "{apply:?}");
}

#[tokio::test]
async fn permission_sets_are_declared_as_they_are() {
    let place = grown().await;
    let (rules, text) = place.imported("usher.yaml", &["--permission-sets", "--mode", "sync"]).await;
    assert!(text.contains("adopt: true") && text.contains("session_duration: PT4H"), "{text}");
    let plan = place.usher("plan", &rules, &["--json"]).await.json();
    assert_eq!((&plan["summary"]["grants"], &plan["summary"]["revokes"]), (&0.into(), &0.into()));
    for set in plan["permission_sets"].as_array().unwrap() {
        assert_eq!((&set["action"], &set["differences"]), (&"adopt".into(), &serde_json::json!([])), "{set}");
    }
}

#[tokio::test]
async fn what_can_not_be_imported_is_told_and_nothing_is_half_written() {
    let place = grown().await;
    let path = place.path("usher.yaml");
    let import = async |more: &[&str]| -> Ran {
        let ran = place.order(&[&["import", "--out", path.to_str().unwrap()], more].concat()).await;
        assert_eq!(ran.ending, Ending::Bad, "{more:?}: {ran:?}");
        ran
    };
    let told = |ran: &Ran| ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    let tag = import(&["--trust-tag", "Teem"]).await;
    assert!(
        told(&tag).contains("no account has a tag `Teem`") && told(&tag).contains("perhaps Team is meant"),
        "{}",
        tag.err
    );
    let set = import(&["--protect", "Admin"]).await;
    assert!(told(&set).contains("there is no permission set `Admin`"), "{}", set.err);
    for call in
        ["ListUsers", "ListAccounts", "DescribePermissionSet", "ListAccountsForProvisionedPermissionSet"]
    {
        place.world().fail_next(call, Fault::AccessDenied, 1);
        let failed = import(&[]).await;
        assert!(!path.exists() && failed.err.contains("not allowed"), "{call}: {}", failed.err);
    }

    // What is throttled is asked again, and it is told as that if it still is.
    place.world().fail_next("ListUsers", Fault::Throttle, 3);
    place.imported("passing.yaml", &[]).await;
    place.world().fail_next("ListUsers", Fault::Throttle, 5);
    let busy = import(&[]).await;
    assert!(!path.exists(), "{busy:?}");
    for part in ["throttled: ListUsers", "try again in a moment"] {
        assert!(told(&busy).contains(part), "{part}: {}", busy.err);
    }

    // A request that was made since the import began, by a clock that is behind.
    let rules = place.file("rules.yaml", super::RULES);
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert!(place.writes() > 0, "{apply:?}");
    let late = Machine { clock: Arc::new(Behind), ..place.machine.clone() };
    let ran = run(&["usher", "import", "--out", path.to_str().unwrap()], &late).await;
    assert_eq!(ran.ending, Ending::Bad);
    assert!(told(&ran).contains("the organization changed while it was read"), "{}", ran.err);
    assert!(!path.exists());

    place.imported("usher.yaml", &[]).await;
    let again = import(&[]).await;
    assert!(told(&again).contains("is there already"), "{}", again.err);
}

/// A clock that is an hour behind.
struct Behind;

#[async_trait::async_trait]
impl Clock for Behind {
    fn now(&self) -> Timestamp {
        SystemClock.now() - Duration::from_hours(1)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

const ARTICLE: &str = include_str!("../../../shared/src/cloudformation/fixtures/alice-and-frank.json");

#[tokio::test]
async fn a_template_is_imported_without_aws() {
    let folder = tempfile::tempdir().unwrap();
    let (template, out) = (folder.path().join("article.json"), folder.path().join("usher.yaml"));
    std::fs::write(&template, ARTICLE).unwrap();
    let id = "926703446b-f10fac16-ab5b-45c3-86c1-0123456789ab";
    let mut line = vec![
        "usher",
        "import",
        "--cloudformation",
        template.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let (alice, frank) = (format!("AliceDeveloperUserId={id}"), format!("FrankInfosecUserId={id}"));
    let parameters =
        [&alice, &frank, "ExampleOrgDevAccountId=200000000001", "ExampleOrgTestAccountId=200000000002"];
    line.extend(parameters.iter().flat_map(|parameter| ["--parameter", parameter]));
    let ran = run(&line, &Machine::this()).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    assert!(ran.err.contains("3 permission sets and 3 assignments in"), "{}", ran.err);
    let check = run(&["usher", "rules", "check", out.to_str().unwrap()], &Machine::this()).await;
    assert_eq!(check.ending, Ending::Good, "{check:?}");

    // With one parameter less, what rests on it is told with its place, and the rest is written.
    std::fs::remove_file(&out).unwrap();
    line.truncate(line.len() - 2);
    let ran = run(&line, &Machine::this()).await;
    assert_eq!(ran.ending, Ending::Bad, "{ran:?}");
    assert!(
        ran.err.contains("article.json:78") && ran.err.contains("--parameter ExampleOrgTestAccountId=VALUE"),
        "{}",
        ran.err
    );
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("NOT ALL OF IT: 1 could not be followed"), "{text}");
    let check = run(&["usher", "rules", "check", out.to_str().unwrap()], &Machine::this()).await;
    assert_eq!(check.ending, Ending::Good, "{check:?}");

    // What is no JSON, as the article has it, is told with its place, and nothing is written.
    std::fs::remove_file(&out).unwrap();
    std::fs::write(&template, ARTICLE.replace("\\\\d{12}", "\\d{12}")).unwrap();
    let ran = run(&line, &Machine::this()).await;
    assert_eq!((ran.ending, out.exists()), (Ending::Bad, false), "{ran:?}");
    assert!(ran.err.contains("article.json:10"), "{}", ran.err);
}

#[tokio::test]
async fn a_template_of_permission_sets_alone_declares_them_and_says_that_no_rule_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let (template, out) = (folder.path().join("sets.yaml"), folder.path().join("usher.yaml"));
    std::fs::write(
        &template,
        "Resources: { Set: { Type: AWS::SSO::PermissionSet, Properties: { Name: Set, SessionDuration: PT2H } } }",
    )
    .unwrap();
    let line =
        ["usher", "import", "--cloudformation", template.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let ran = run(&line, &Machine::this()).await;
    assert_eq!(ran.ending, Ending::Good, "{ran:?}");
    assert!(
        ran.err.contains("1 permission set and 0 assignments in 0 rules. No rule gives them."),
        "{}",
        ran.err
    );
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("# NO RULE GIVES THEM.") && text.contains("session_duration: PT2H"), "{text}");
    // Beside a root file it is part of the rules.
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::rename(&out, rules.join("sets.yaml")).unwrap();
    std::fs::write(rules.join("usher.yaml"), super::RULES).unwrap();
    let check = run(&["usher", "rules", "check", rules.to_str().unwrap()], &Machine::this()).await;
    assert_eq!(check.ending, Ending::Good, "{check:?}");

    std::fs::write(&template, "Resources: { Bucket: { Type: AWS::S3::Bucket } }").unwrap();
    let ran = run(&line, &Machine::this()).await;
    assert_eq!((ran.ending, out.exists()), (Ending::Bad, false), "{ran:?}");
    assert!(ran.err.contains("no permission set and no assignment"), "{}", ran.err);
}

#[tokio::test]
async fn an_export_has_the_form_that_is_said_or_that_its_name_says() {
    let place = grown().await;
    let (rules, _) = place.imported("usher.yaml", &[]).await;
    let forms: [(&str, &[&str], &str); 6] = [
        ("a.json", &[], "json"),
        ("a.yaml", &[], "yaml"),
        ("a.template", &[], "yaml"),
        ("b.json", &["--form", "yaml"], "yaml"),
        ("b.yaml", &["--form", "json"], "json"),
        ("b.template", &["--form", "json"], "json"),
    ];
    for (name, more, form) in forms {
        let out = place.path(name);
        let line = [
            "export",
            "--cloudformation",
            "--rules",
            rules.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ];
        let ran = place.order(&[&line, more].concat()).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        let text = std::fs::read_to_string(&out).unwrap();
        let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        assert_eq!(is_json, form == "json", "{name} {more:?}: {text}");
    }
    let line = ["export", "--cloudformation", "--rules", rules.to_str().unwrap(), "--form", "json"];
    let ran = place.order(&line).await;
    ran.json();
}

#[tokio::test]
async fn what_is_exported_and_imported_again_plans_to_nothing() {
    let place = grown().await;
    let (rules, _) =
        place.imported("usher.yaml", &["--trust-tag", "Team", "--permission-sets", "--mode", "sync"]).await;
    for form in ["yaml", "json"] {
        let stacks = place.path(&format!("stacks-{form}"));
        let export = [
            "export",
            "--cloudformation",
            "--form",
            form,
            "--rules",
            rules.to_str().unwrap(),
            "--out",
            stacks.to_str().unwrap(),
        ];
        let ran = place.order(&export).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        let template = stacks.join(format!("usher-001.{form}"));
        let to_import = std::fs::read_to_string(stacks.join("usher-001.import.json")).unwrap();
        assert_eq!(to_import.matches("LogicalResourceId").count(), 17, "{to_import}");
        let back = format!("back-{form}.yaml");
        let (back, text) = place
            .imported(&back, &["--cloudformation", template.to_str().unwrap(), "--names", "--mode", "sync"])
            .await;
        assert!(text.contains("group: Developers") && text.contains("name: PowerUserAccess"), "{text}");
        let plan = place.usher("plan", &back, &["--json"]).await.json();
        let summary = &plan["summary"];
        assert_eq!(
            (&summary["grants"], &summary["revokes"], &summary["waiting"]),
            (&0.into(), &0.into(), &0.into()),
            "{plan}"
        );
        // Each of them is there already, made by others: as many as are wanted.
        let withheld = plan["accounts"].as_array().unwrap().iter();
        let foreign: usize = withheld.map(|account| account["withheld"].as_array().unwrap().len()).sum();
        assert_eq!(foreign, 14, "{plan}");
    }
    let twice = place.order(&["export", "--cloudformation", "--rules", rules.to_str().unwrap()]).await;
    assert!(twice.out.starts_with("AWSTemplateFormatVersion"), "{twice:?}");
    let new = "version: 1\nsettings: { mode: sync }\npermission_sets: [{ name: New }]\nrules:\n  - { id: a, principals: [{ group: Auditors }], permission_sets: [New], accounts: everywhere }\n";
    let there = "  - { id: b, principals: [{ group: Auditors }], permission_sets: [PowerUserAccess], accounts: everywhere }\n";
    for (name, document, ending) in
        [("new.yaml", new.to_owned(), Ending::Bad), ("more.yaml", format!("{new}{there}"), Ending::Good)]
    {
        let rules = place.file(name, &document);
        let unmade = place.order(&["export", "--cloudformation", "--rules", rules.to_str().unwrap()]).await;
        assert_eq!(unmade.ending, ending, "{unmade:?}");
        assert!(unmade.err.contains("1 permission set is left out with what rests on it"), "{}", unmade.err);
        assert_eq!(unmade.out.contains("AWS::SSO::Assignment"), ending == Ending::Good, "{}", unmade.out);
    }
    let json = place.path("rules.json");
    let refused = place.order(&["import", "--out", json.to_str().unwrap()]).await;
    assert!(refused.err.contains("an imported document is YAML"), "{refused:?}");
    assert!(!json.exists());
}

#[tokio::test]
async fn whoever_is_deleted_after_the_first_day_is_found_by_the_name_that_they_bore() {
    let place = grown().await;
    let (rules, _) = place.imported("usher.yaml", &[]).await;
    let line = ["import", "--adopt", "--rules", rules.to_str().unwrap(), "--yes", "--by", "alba"];
    assert_eq!(place.order(&line).await.ending, Ending::Good);
    let person = Caller::new("person", "111122223333".parse().unwrap(), CallerKind::Management);
    let group = place.world().group_named("Developers").unwrap();
    place.world().delete_group(SystemClock.now(), &person, &group).unwrap();
    let told = place.order(&["explain", "group:Developers", "shop-dev"]).await;
    assert_eq!(told.ending, Ending::Good, "{told:?}");
    assert!(told.out.contains("AWS does not know them any more; the ledger does"), "{}", told.out);
}
