//! What is told of assignments while the permission sets that the rules declare are yet to be made or edited.

use cli::Ending;
use serde_json::Value;
use shared::{clock::SystemClock, ports::Clock as _};
use simulator::{Caller, CallerKind, Fault, FaultRule, wire::sso_admin as sso};

use super::{ORGANIZATION, Place, Ran, run};

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
    assert_eq!(apply.out.matches("left: it waits for permission sets").count(), 3, "{}", apply.out);

    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    for more in [&["--account", DEV][..], &[]] {
        let plan = place.usher("plan", &rules, more).await;
        assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    }
}

#[tokio::test]
async fn only_those_sets_are_read_whole_that_can_matter() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let reads = async |command: &str, more: &[&str]| {
        let count = |place: &Place| -> u64 {
            let world = place.world();
            let calls = world.counters().calls.iter();
            calls
                .filter(|(name, _)| name.ends_with("GetInlinePolicyForPermissionSet"))
                .map(|(_, calls)| calls)
                .sum()
        };
        let before = count(&place);
        place.usher(command, &rules, more).await;
        count(&place) - before
    };
    assert_eq!(reads("plan", &[]).await, 3);
    assert_eq!(reads("plan", &["--account", DEV]).await, 0);
    assert_eq!(reads("explain", &["group:Developers", DEV, "Builders"]).await, 1);
    place.file(
        "rules.yaml",
        &RULES.replace(
            "  - name: Watchers\n    tags: { For: watching }",
            "  - name: Watchers\n    tags: { For: ever }",
        ),
    );
    assert_eq!(reads("plan", &["--account", DEV]).await, 1, "it will have other tags");
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
    let summary = &json["summary"];
    assert_eq!(
        (&summary["granted"], &summary["awaiting"], &summary["left"]),
        (&1.into(), &3.into(), &0.into())
    );
    assert!(!apply.out.contains("run the same command again"), "what waits is in no ledger: {}", apply.out);
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
        The next run grants it, within its budget.
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

/// A set that AWS has with a tag that its declaration takes away: a rule goes by that tag.
const RETAGGED: &str = "
version: 1
settings: { mode: sync, trusted_permission_set_tags: [For] }
permission_sets:
  - name: ReadOnlyAccess
    adopt: true
rules:
  - id: watching
    principals: [{ group: Auditors }]
    permission_sets: { tagged: { For: watching } }
    accounts: { in_ou: Development }
";

#[tokio::test]
async fn a_run_over_one_account_does_nothing_that_was_not_shown() {
    let tagged =
        ORGANIZATION.replace("{ name: ReadOnlyAccess }", "{ name: ReadOnlyAccess, tags: { For: watching } }");
    let place = Place::new(&tagged).await;
    let rules = place.file("rules.yaml", RETAGGED);
    let plan = place.usher("plan", &rules, &["--account", DEV]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    let apply = place.usher("apply", &rules, &["--account", DEV, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    assert_eq!(place.writes(), 0, "as things are the rule gives it; it was not shown");
}

#[tokio::test]
async fn tags_that_are_to_come_go_before_those_that_the_ledger_remembers() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    place.file(
        "rules.yaml",
        &RULES.replace("adopt: true\n    tags: { For: watching }", "adopt: true\n    tags: { For: else }"),
    );
    let whole = place.usher("plan", &rules, &["--json"]).await.json();
    let slice = place.usher("plan", &rules, &["--account", DEV, "--json"]).await.json();
    assert_eq!(account(&whole, DEV), account(&slice, DEV));
    assert_eq!(account(&slice, DEV)["revokes"].as_array().unwrap().len(), 1, "{slice}");
    let told = place.usher("explain", &rules, &["group:Auditors", DEV, "ReadOnlyAccess"]).await.out;
    assert!(told.contains("No rule wants it any more"), "{told}");
}

#[tokio::test]
async fn a_declared_set_that_was_deleted_by_hand_needs_no_confirmation() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    // Nobody has it any more, so that it can be deleted.
    let without = RULES.replace(
        "permission_sets: [Builders]\n    accounts: { in_ou: Development }",
        "permission_sets: [PowerUserAccess]\n    accounts: { in_ou: Production }",
    );
    let without = place.file("without.yaml", &without);
    assert_eq!(place.usher("apply", &without, &["--yes"]).await.ending, Ending::Good);
    {
        let mut world = place.world();
        let person = Caller::new("person", "111122223333".parse().unwrap(), CallerKind::Management);
        let set = world.permission_set_named("Builders").unwrap();
        let instance_arn = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6".to_owned();
        let input = sso::DeletePermissionSet { instance_arn, permission_set_arn: set.to_string() };
        world.call(SystemClock.now(), &person, input).unwrap();
    }
    let plan = place.usher("plan", &rules, &[]).await;
    assert!(
        plan.out.contains("+ Builders  group Developers  by builders, once the permission set is made"),
        "{}",
        plan.out
    );
    assert!(!plan.out.contains("usher confirm"), "{}", plan.out);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    assert_eq!(place.usher("plan", &rules, &[]).await.ending, Ending::Good);
}

#[tokio::test]
async fn a_run_over_one_account_leaves_what_a_set_that_is_yet_to_be_made_replaces() {
    let place = Place::new(ORGANIZATION).await;
    let before = RULES.replace("permission_sets: [Builders]", "permission_sets: [ReadOnlyAccess]");
    let rules = place.file(
        "rules.yaml",
        &before.replace(
            "  - name: Builders\n    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]\n",
            "",
        ),
    );
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    place.file("rules.yaml", RULES);
    let (slice, hash) = hash(&place, &rules, &["--account", DEV]).await;
    assert_eq!(account(&slice, DEV)["revokes"].as_array().unwrap().len(), 1, "{slice}");
    let before = place.writes();
    for more in [&["--account", DEV, "--yes"][..], &["--account", DEV, "--plan", &hash, "--yes"]] {
        let apply = place.usher("apply", &rules, more).await;
        assert_eq!(apply.ending, Ending::Bad, "{apply:?}");
        assert_eq!(place.writes(), before, "{apply:?}");
    }
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    assert_eq!(place.usher("plan", &rules, &[]).await.ending, Ending::Good);
}

#[tokio::test]
async fn a_grant_by_a_set_that_is_yet_to_be_made_points_to_no_approval() {
    let place = Place::new(ORGANIZATION).await;
    let bounded = RULES.replace("{ mode: sync,", "{ mode: sync, guardrails: { max_creates: 1 },");
    let rules = place.file("rules.yaml", &bounded);
    let withheld = place.usher("withheld", &rules, &["--output", "json"]).await.json();
    let keys = withheld["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["assignments"].as_array().unwrap());
    for key in keys {
        let is_made = !key["permission_set"]["arn"].as_str().unwrap().contains("ps-new.");
        assert_eq!(key["command"].is_string(), is_made, "{key}");
    }
}

/// A tag that a rule goes by is declared for a set that is there.
const TAGGED: &str = "
version: 1
settings: { mode: sync, trusted_permission_set_tags: [For], trusted_account_tags: [Team] }
permission_sets:
  - name: ReadOnlyAccess
    adopt: true
    tags: { For: watching }
rules:
  - id: watching
    principals: [{ group: Auditors }]
    permission_sets: { tagged: { For: watching } }
    accounts: { in_ou: Development }
";

#[tokio::test]
async fn a_declared_set_that_can_not_be_read_is_told_in_every_form_of_a_plan() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &TAGGED.replace("watching }\nrules", "all }\nrules"));
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let other = place.file("other.yaml", TAGGED);
    let supposed = format!("rules:{}", other.display());
    place.world().faults.add(FaultRule {
        operation: "GetPermissionsBoundaryForPermissionSet".to_owned(),
        service: None,
        fault: Fault::AccessDenied,
        calls: None,
        account: None,
    });

    let of_one = ["--account", DEV];
    for (command, more) in [
        ("plan", &[][..]),
        ("plan", &of_one),
        ("plan", &["--what-if", &supposed]),
        ("plan", &["--what-if", &supposed, "--account", DEV]),
        ("plan", &["--what-if", "tag:shop-dev:Team=web"]),
        ("withheld", &of_one),
        ("apply", &["--yes"]),
        ("apply", &["--account", DEV, "--yes"]),
    ] {
        for form in [&[][..], &["--json"], &["--output", "markdown"]] {
            if command == "apply" && form.len() > 1 || command == "withheld" && form == ["--json"] {
                continue;
            }
            let ran = place.usher(command, &other, &[more, form].concat()).await;
            let told = format!("{command} {more:?} {form:?}: {ran:?}");
            assert_eq!(ran.ending, Ending::Bad, "{told}");
            if form == ["--json"] {
                let json = ran.json();
                let plan = json.get("plan").unwrap_or(&json);
                assert_eq!(plan["permission_sets"][0]["name"], "ReadOnlyAccess", "{told}");
                assert_eq!(plan["permission_sets"][0]["action"], "unknown", "{told}");
                assert_eq!(plan["summary"]["permission_sets"]["unread"], 1, "{told}");
                assert!(plan.get("awaits_permission_sets").is_none(), "{told}");
            } else {
                assert!(ran.out.contains("ReadOnlyAccess") && ran.out.contains("cannot read the"), "{told}");
                assert!(!ran.out.contains("as they will be"), "{told}");
                let sure = ["nothing to do in", "granted or revoked otherwise in", "Nothing to do"];
                let last = ran.out.trim_end().lines().last().unwrap_or_default();
                assert!(command != "apply" || last.ends_with("permission set could not be read."), "{told}");
                assert!(!sure.iter().any(|sure| ran.out.contains(sure)), "{told}");
            }
        }
    }
    let ledger = place.path("state/ledger.db").display().to_string();
    let third = place.file("third.yaml", &format!("{TAGGED}# once more\n"));
    let line = ["usher", "rules", "publish", third.to_str().unwrap(), "--ledger", &ledger, "--yes"];
    let published = run(&line, place.machine()).await;
    let told = "could not be read: ReadOnlyAccess. Nothing is known of what changes by them.";
    assert!(published.out.contains(told), "{published:?}");
    let versions = run(&["usher", "rules", "versions", "--json", "--ledger", &ledger], place.machine()).await;
    let told = versions.json();
    let forecast = &told["versions"].as_array().unwrap().last().unwrap()["forecast"];
    assert_eq!(forecast["sets_unread"], serde_json::json!(["ReadOnlyAccess"]), "{versions:?}");
    assert_eq!(place.writes(), 0);
    // What can't be read makes no difference to assignments where the set is there and has its tags: one account's plan doesn't ask.
    for (command, more) in [("plan", &of_one[..]), ("apply", &["--account", DEV, "--yes"])] {
        let ran = place.usher(command, &rules, more).await;
        assert!(ran.ending == Ending::Good && !ran.out.contains("could not be read"), "{command}: {ran:?}");
    }
    place.world().faults.clear_all();
    assert_eq!(place.usher("plan", &other, &of_one).await.ending, Ending::ToDo);
}
