//! What the first of the two articles does by hand, with Usher alone: permission sets, access, an audit, and the clean-up.

use cli::Ending;
use serde_json::Value;

use super::Place;

/// Example.com with its three accounts, and Alice and Frank, who have nothing yet.
const EXAMPLE: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: ExampleOrgMaster, id: "111122223333" }
accounts:
  - { name: ExampleOrgDev, id: "222233334444" }
  - { name: ExampleOrgTest, id: "333344445555" }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
users:
  - { user_name: alice@example.com, display_name: Alice Developer }
  - { user_name: frank@example.com, display_name: Frank Infosec }
"#;

const SETS: &str = "version: 1
settings: { mode: sync }
permission_sets:
  - name: EC2-S3-FullAccess
    description: EC2 and S3 access for developers
    aws_managed_policies: [ arn:aws:iam::aws:policy/AmazonEC2FullAccess, arn:aws:iam::aws:policy/AmazonS3FullAccess ]
  - name: AuditAccess
    description: Audit Access for security team on ExampleOrgDev account
    aws_managed_policies: [ arn:aws:iam::aws:policy/SecurityAudit ]
  - name: PowerUserAccess
    description: Power User Access for security team on ExampleOrgTest account
    aws_managed_policies: [ arn:aws:iam::aws:policy/PowerUserAccess ]
";

const RULES: &str = "rules:
  - id: alice-develops
    principals: [ { user_name: alice@example.com } ]
    permission_sets: [ EC2-S3-FullAccess ]
    accounts: { named: ExampleOrgDev }
  - id: frank-audits
    principals: [ { user_name: frank@example.com } ]
    permission_sets: [ AuditAccess ]
    accounts: { named: ExampleOrgDev }
  - id: frank-tests
    principals: [ { user_name: frank@example.com } ]
    permission_sets: [ PowerUserAccess ]
    accounts: { named: ExampleOrgTest }
";

/// What is to go, and the one rule that a document needs: it waits for a group that is yet to come.
const CLEAN_UP: &str = "version: 1
settings: { mode: sync }
permission_sets:
  - { name: EC2-S3-FullAccess, delete: true }
  - { name: AuditAccess, delete: true }
  - { name: PowerUserAccess, delete: true }
rules:
  - id: whoever-comes-next
    principals: [ { group: Developers } ]
    permission_sets: [ ReadOnlyAccess ]
    accounts: everywhere
";

/// The lines of a table with this word in them, each with single blanks.
fn lines(text: &str, word: &str) -> Vec<String> {
    let found = text.lines().filter(|line| line.contains(word));
    found.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn the_first_articles_story_needs_one_rule_document() {
    let place = Place::new(EXAMPLE).await;
    let rules = place.file("rules.yaml", &format!("{SETS}{RULES}"));

    // Steps 1 to 3: permission sets with their policies, and who gets them where.
    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::ToDo, "{plan:?}");
    assert!(
        plan.out.contains("Plan: 3 to grant, 0 to revoke in 2 accounts; permission sets: 3 to make."),
        "{}",
        plan.out
    );
    let hash = place.usher("plan", &rules, &["--json"]).await.json()["hash"].as_str().unwrap().to_owned();
    let apply = place.usher("apply", &rules, &["--plan", &hash, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    {
        let world = place.world();
        assert_eq!(world.assignments().len(), 3);
        assert_eq!(world.permission_sets_now().len(), 3);
    }
    assert_eq!(place.usher("plan", &rules, &[]).await.ending, Ending::Good);

    // Step 4: who has access to what.
    let audit = place.order(&["audit", "--output", "json"]).await.json();
    let of = |list: &str| audit[list].as_array().unwrap().clone();
    assert_eq!(of("assignments").len(), 3);
    assert!(of("assignments").iter().all(|one| one["standing"] == "ours"), "{audit}");
    let policies: Vec<Value> = of("permission_sets")
        .into_iter()
        .filter(|set| set["name"] == "EC2-S3-FullAccess")
        .map(|set| set["managed_policies"].clone())
        .collect();
    assert_eq!(
        policies,
        [serde_json::json!([
            "arn:aws:iam::aws:policy/AmazonEC2FullAccess",
            "arn:aws:iam::aws:policy/AmazonS3FullAccess"
        ])]
    );
    let frank = place.order(&["audit", "--person", "frank@example.com"]).await;
    assert_eq!(frank.ending, Ending::Good, "{frank:?}");
    assert_eq!(lines(&frank.out, "AuditAccess").len(), 1, "{}", frank.out);
    assert_eq!(lines(&frank.out, "PowerUserAccess").len(), 1, "{}", frank.out);
    let dev = place.order(&["audit", "--account", "ExampleOrgDev"]).await;
    assert!(dev.out.contains("alice@example.com") && dev.out.contains("frank@example.com"), "{}", dev.out);
    let why = place.order(&["explain", "alice@example.com", "ExampleOrgDev", "EC2-S3-FullAccess"]).await;
    assert!(why.out.contains("rule alice-develops"), "{}", why.out);
    let not = place.order(&["explain", "alice@example.com", "ExampleOrgTest", "PowerUserAccess"]).await;
    assert!(not.out.contains("PowerUserAccess: no access"), "{}", not.out);

    // The clean-up takes everything away: rules that shrink to nothing come into force only with consent to their plan.
    let clean_up = place.file("clean-up.yaml", CLEAN_UP);
    let refused = place.usher("apply", &clean_up, &["--yes"]).await;
    assert_eq!(refused.ending, Ending::Bad, "{refused:?}");
    assert_eq!(place.world().assignments().len(), 3);
    let hash = place.usher("plan", &clean_up, &["--json"]).await.json()["hash"].as_str().unwrap().to_owned();
    let approve = place.usher("approve", &clean_up, &["--plan", &hash, "--yes", "--by", "frank"]).await;
    assert_eq!(approve.ending, Ending::Good, "{approve:?}");
    let apply = place.usher("apply", &clean_up, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let world = place.world();
    assert_eq!(world.assignments().len(), 0);
    assert!(world.permission_sets_now().is_empty());
}
