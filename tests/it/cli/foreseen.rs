//! What is told of assignments while the permission sets that the rules declare are yet to be made or edited.

use cli::Ending;
use serde_json::Value;

use super::{ORGANIZATION, Place, Ran};

const DEV: &str = "200000000001";

/// Two sets are made, one of them with a tag that a rule goes by; a third gets such a tag.
const RULES: &str = "
version: 1
settings: { mode: sync, trusted_permission_set_tags: [For], trusted_account_tags: [Team] }
permission_sets:
  - name: Builders
    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
  - name: Watchers
    tags: { For: watching }
  - name: ReadOnlyAccess
    adopt: true
    tags: { For: watching }
rules:
  - id: builders
    principals: [{ group: Developers }]
    permission_sets: [Builders]
    accounts: { in_ou: Development }
  - id: watching
    principals: [{ group: Auditors }]
    permission_sets: { tagged: { For: watching } }
    accounts: { in_ou: Development }
";

fn account(plan: &Value, id: &str) -> Value {
    plan["accounts"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap_or_default()
}

async fn hash(place: &Place, rules: &std::path::Path, more: &[&str]) -> (Value, String) {
    let plan = place.usher("plan", rules, &[more, &["--json"]].concat()).await;
    assert_eq!(plan.ending, Ending::ToDo, "{plan:?}");
    let plan = plan.json();
    let hash = plan["hash"].as_str().unwrap().to_owned();
    (plan, hash)
}

#[tokio::test]
async fn one_account_is_planned_as_its_part_of_the_whole_and_makes_no_permission_set() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let whole = place.usher("plan", &rules, &["--json"]).await.json();
    let (slice, hash) = hash(&place, &rules, &["--account", DEV]).await;
    assert_eq!(account(&whole, DEV), account(&slice, DEV));
    let grants = account(&slice, DEV)["grants"].as_array().unwrap().clone();
    let told: Vec<(&str, bool)> = grants
        .iter()
        .map(|grant| {
            let awaits = grant["awaits_permission_set"] == true;
            (grant["permission_set"]["name"].as_str().unwrap(), awaits)
        })
        .collect();
    assert_eq!(told, [("Builders", true), ("ReadOnlyAccess", false), ("Watchers", true)]);
    let text = place.usher("plan", &rules, &["--account", DEV]).await.out;
    assert!(text.contains("by builders, once the permission set is made"), "{text}");
    assert!(!text.contains("Permission sets\n"), "they are nobody's account's: {text}");

    // What was shown is what may be done, and what waits for a permission set is left.
    let apply = place.usher("apply", &rules, &["--account", DEV, "--plan", &hash, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    assert_eq!(place.writes(), 0, "nothing was made, edited or granted");
    assert_eq!(apply.out.matches("without --account").count(), 3, "{}", apply.out);

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    for more in [&["--account", DEV][..], &[]] {
        let plan = place.usher("plan", &rules, more).await;
        assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    }
}

#[tokio::test]
async fn a_run_over_one_account_does_what_waits_for_nothing() {
    let place = Place::new(ORGANIZATION).await;
    let more = "  - id: power
    principals: [{ group: Auditors }]
    permission_sets: [PowerUserAccess]
    accounts: { in_ou: Development }
";
    let rules = place.file("rules.yaml", &format!("{RULES}{more}"));
    let (_, hash) = hash(&place, &rules, &["--account", DEV]).await;
    let apply = place.usher("apply", &rules, &["--account", DEV, "--plan", &hash, "--yes", "--json"]).await;
    assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
    let json = apply.json();
    assert_eq!((&json["summary"]["granted"], &json["summary"]["left"]), (&1.into(), &3.into()), "{json}");
    assert_eq!(json["permission_sets"], Value::Array(Vec::new()));
    // The ledger remembers no set that does not exist.
    let explained = place.usher("explain", &rules, &["group:Auditors", DEV, "PowerUserAccess"]).await;
    assert!(explained.out.contains("It is there, and Usher's since"), "{explained:?}");
}

#[tokio::test]
async fn explain_tells_of_a_permission_set_that_is_yet_to_be_made_or_edited() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let told = |ran: Ran| {
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        ran.out.replace(rules.to_str().unwrap(), "rules.yaml")
    };
    let made = told(place.usher("explain", &rules, &["group:Developers", DEV, "Builders"]).await);
    let edited = told(place.usher("explain", &rules, &["group:Auditors", DEV, "ReadOnlyAccess"]).await);
    let version = made.split("version ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    insta::assert_snapshot!(format!("{made}{edited}").replace(&version, "VERSION"), @r"
    group Developers  in  shop-dev  200000000001  Development
      tags       Team=shop
      rules      rules.yaml (2 rules, mode sync, version VERSION)

    Builders: no access yet
      The rules declare it at rules.yaml:5, and it is yet to be made.
      group Developers
        It is not there.
        It is granted once the permission set is made.
      rule builders (rules.yaml:13, sync): gives it to group Developers
        + group Developers: it is this group
        + permission set name Builders: it is this one
        + in_ou Development: the account is in Development

    group Auditors  in  shop-dev  200000000001  Development
      tags       Team=shop
      rules      rules.yaml (2 rules, mode sync, version VERSION)

    ReadOnlyAccess: no access yet
      The rules declare it at rules.yaml:9, and it is yet to be edited: this is told of it as it will be then.
      group Auditors
        It is not there.
        The next run grants it.
      rule watching (rules.yaml:17, sync): gives it to group Auditors
        + group Auditors: it is this group
        + tagged For: watching: the permission set has `watching`
        + in_ou Development: the account is in Development
    ");
    let all = told(place.usher("explain", &rules, &["group:Auditors", DEV]).await);
    assert!(all.contains("Watchers: no access yet"), "{all}");

    place.usher("apply", &rules, &["--yes"]).await;
    let made = told(place.usher("explain", &rules, &["group:Developers", DEV, "Builders"]).await);
    assert!(!made.contains("yet to be made") && made.contains("Builders: access"), "{made}");
}

#[tokio::test]
async fn what_if_foresees_permission_sets_and_tells_what_would_be_done_to_them() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let moved =
        place.usher("plan", &rules, &["--what-if", "move:shop-prod:Development", "--json"]).await.json();
    let grants = account(&moved, "200000000003")["grants"].as_array().unwrap().len();
    assert_eq!(grants, 3, "{moved}");
    assert_eq!(moved["permission_sets"], Value::Array(Vec::new()), "a move changes no permission set");

    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let other = RULES
        .replace("  - name: Watchers\n    tags: { For: watching }\n", "")
        .replace("policy/ReadOnlyAccess", "policy/SecurityAudit");
    let other = place.file("other.yaml", &other);
    let what_if = ["plan", "--what-if", &format!("rules:{}", other.display())];
    let changed = place.order(&what_if).await;
    assert_eq!(changed.ending, Ending::ToDo, "{changed:?}");
    let text = changed.out.replace(other.to_str().unwrap(), "other.yaml");
    assert!(
        text.contains("Permission sets, then\n  ~ Builders  edited (declared at other.yaml:5)"),
        "{text}"
    );
    assert!(text.contains("      + aws_managed_policies  arn:aws:iam::aws:policy/SecurityAudit"), "{text}");
    assert!(text.contains("Then: permission sets: 1 to edit"), "{text}");
}

#[tokio::test]
async fn a_supposed_tag_that_no_rule_may_look_at_is_told() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let ran = place.usher("plan", &rules, &["--what-if", "tag:shop-dev:team=web"]).await;
    assert!(
        ran.out.contains(
            "the tag team makes no difference: it is not among the rules' trusted_account_tags; `Team` is"
        ),
        "{ran:?}"
    );
    let ran = place.usher("plan", &rules, &["--what-if", "tag:shop-dev:Team=web"]).await;
    assert!(!ran.out.contains("makes no difference"), "{ran:?}");
}
