//! What a plan can't tell, or waits with: it says so, in each of its forms.

use std::{path::Path, time::Duration};

use cli::{Ending, Machine};
use serde_json::Value;
use shared::{
    clock::SystemClock,
    domain::{AssignmentKey, Principal},
    engine::EngineSettings,
    ports::Clock as _,
};
use simulator::Fault;

use super::{ORGANIZATION, Place, RULES, Ran, run};

const DEV: &str = "200000000001";

/// With two rules more, so that the first two alone have shrunk.
fn many() -> String {
    let more = |number| {
        format!(
            "  - id: more-{number}
    principals: [{{ group: Auditors }}]
    permission_sets: [ReadOnlyAccess]
    accounts: {{ in_ou: Development }}
"
        )
    };
    format!("{RULES}{}", (0..4).map(more).collect::<String>())
}

#[tokio::test]
async fn a_plan_of_one_account_tells_that_its_rules_have_shrunk_and_offers_nothing_to_type() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", &many());
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    let fewer = place.file(
        "fewer.yaml",
        &RULES.replace(
            "PowerUserAccess]\n    accounts: { in_ou: [",
            "ReadOnlyAccess]\n    accounts: { in_ou: [",
        ),
    );
    let of_one = ["--account", DEV];
    assert_eq!(
        place.usher("plan", &fewer, &[&of_one[..], &["--json"]].concat()).await.json()["shrinks"],
        true
    );
    let text = place.usher("plan", &fewer, &of_one).await.out;
    assert!(text.contains("only if the plan without --account is approved"), "{text}");
    assert!(!text.contains("usher apply") && !text.contains("usher approve"), "{text}");
    let comment = place.usher("plan", &fewer, &[&of_one[..], &["--output", "markdown"]].concat()).await.out;
    assert!(comment.contains("only if the plan without `--account` is approved"), "{comment}");
    let supposed = format!("rules:{}", fewer.display());
    let then = place.order(&[&["plan", "--what-if", &supposed], &of_one[..]].concat()).await;
    assert!(then.out.contains("they come into force only if their plan is approved"), "{}", then.out);

    // Consent to the part is no consent to the whole.
    let hash = place.usher("plan", &fewer, &[&of_one[..], &["--json"]].concat()).await.json()["hash"].clone();
    let approve = ["--plan", hash.as_str().unwrap(), "--account", DEV, "--yes", "--by", "alba"];
    let approve = place.usher("approve", &fewer, &approve).await;
    assert_eq!(approve.ending, Ending::Bad, "{approve:?}");
    assert_eq!(place.usher("apply", &fewer, &["--yes"]).await.ending, Ending::Bad);
}

#[tokio::test]
async fn what_if_does_not_say_nothing_where_a_look_up_has_failed() {
    let place = Place::new(ORGANIZATION).await;
    let rules =
        place.file("rules.yaml", &RULES.replace("mode: sync", "mode: sync, trusted_account_tags: [Team]"));
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    place.world().fail_next("GetGroupId", Fault::AccessDenied, 1000);
    let then = place.usher("plan", &rules, &["--what-if", "tag:shop-dev:Team=pay"]).await;
    assert_eq!(then.ending, Ending::Bad, "{then:?}");
    assert!(
        then.out.contains("nothing would be granted or revoked otherwise that could be told in 1 account"),
        "{}",
        then.out
    );
    assert!(then.out.contains("2 entries of the rules could not be told"), "{}", then.out);
}

/// Somebody takes from the auditors what they have in shop-dev.
fn revoke_by_hand(place: &Place) {
    let mut world = place.world();
    let key = AssignmentKey {
        account: DEV.parse().unwrap(),
        permission_set: world.permission_set_named("ReadOnlyAccess").unwrap(),
        principal: Principal::Group(world.group_named("Auditors").unwrap()),
    };
    world.revoke_by_hand(SystemClock.now(), &key);
}

/// What comes of what a plan misses in the first account.
fn missing(plan: &Value) -> Vec<&Value> {
    let withheld = plan["accounts"][0]["withheld"].as_array().unwrap().iter();
    withheld
        .map(|one| &one["reason"])
        .filter(|why| why["kind"] == "missing")
        .map(|why| &why["detail"])
        .collect()
}

const LAG: Duration = Duration::from_secs(1);

/// Runs commands that believe what they have written over a list for a second alone.
async fn hasty(place: &Place, rules: &Path, command: &str, more: &[&str]) -> Ran {
    let engine = place.machine.engine.map(|engine| EngineSettings { lag: LAG, ..engine });
    let machine = Machine { engine, ..place.machine.clone() };
    let ledger = place.path("state/ledger.db");
    let line = ["usher", command, "--rules", rules.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()];
    run(&[&line[..], more].concat(), &machine).await
}

#[tokio::test]
async fn what_is_gone_a_moment_after_it_was_granted_is_told_by_every_command() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    assert_eq!(place.usher("apply", &rules, &["--yes"]).await.ending, Ending::Good);
    revoke_by_hand(&place);
    for (command, more) in [
        ("plan", &[][..]),
        ("withheld", &[]),
        ("explain", &["group:Auditors", "shop-dev", "ReadOnlyAccess"]),
        ("audit", &["--only", "pending"]),
    ] {
        let told = place.order(&[&[command][..], more, &["--rules", rules.to_str().unwrap()]].concat()).await;
        assert_eq!(told.ending, Ending::Good, "{command}: {told:?}");
        assert!(told.out.contains("AWS does not list it"), "{command}: {}", told.out);
    }
    let plan = place.usher("plan", &rules, &["--json"]).await.json();
    assert_eq!(missing(&plan), ["held"], "{plan:#}");
}

#[tokio::test]
async fn the_second_look_at_what_is_gone_makes_no_other_plan() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place
        .file("rules.yaml", &RULES.replace("  - id: auditors\n", "  - id: auditors\n    repair: always\n"));
    let usher = async |command: &str, more: &[&str]| hasty(&place, &rules, command, more).await;
    let pause = || tokio::time::sleep(LAG + Duration::from_millis(200));
    assert_eq!(usher("apply", &["--yes"]).await.ending, Ending::Good);
    pause().await;
    revoke_by_hand(&place);
    let first = usher("plan", &["--json"]).await;
    assert_eq!(first.ending, Ending::Good, "{first:?}");
    let (first, left) = (first.json(), place.world().assignments().len());
    assert_eq!(missing(&first), ["made_again"], "{first:#}");
    let hash = first["hash"].as_str().unwrap();
    // The first look writes down that it is gone, and nothing else.
    assert_eq!(usher("apply", &["--plan", hash, "--yes"]).await.ending, Ending::Good);
    assert_eq!(place.world().assignments().len(), left);
    pause().await;
    let second = usher("plan", &["--json"]).await;
    assert_eq!(second.ending, Ending::ToDo, "{second:?}");
    assert_eq!(second.json()["hash"], first["hash"]);
    assert_eq!(usher("apply", &["--plan", hash, "--yes"]).await.ending, Ending::Good);
    assert_eq!(place.world().assignments().len(), left + 1);
}

#[tokio::test]
async fn what_is_gone_by_another_hand_is_told_before_it_is_certain() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let usher = async |command: &str, more: &[&str]| hasty(&place, &rules, command, more).await;
    assert_eq!(usher("apply", &["--yes"]).await.ending, Ending::Good);
    tokio::time::sleep(LAG + Duration::from_millis(200)).await;
    revoke_by_hand(&place);
    let plan = usher("plan", &[]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    assert!(
        plan.out.contains(
            "! ReadOnlyAccess   group Auditors    not granted: AWS does not list it; what two looks"
        ),
        "{}",
        plan.out
    );
    let withheld = usher("withheld", &[]).await.out;
    assert!(withheld.contains("Gone, as far as one look can tell (1)"), "{withheld}");
    let explained = usher("explain", &["group:Auditors", "shop-dev", "ReadOnlyAccess"]).await.out;
    assert!(
        explained.contains("It was Usher's, and AWS does not list it.")
            && explained.contains("counts as deleted by hand"),
        "{explained}"
    );
    // The account no longer has the permission set, and its name is told all the same.
    let audit = usher("audit", &["--account", "shop-dev"]).await.out;
    assert!(audit.contains("ReadOnlyAccess") && !audit.contains("ps-"), "{audit}");
}
