//! What a plan can't tell, or waits with: it says so, in each of its forms.

use std::time::Duration;

use cli::{Ending, Machine};
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

#[tokio::test]
async fn what_is_gone_by_another_hand_is_told_before_it_is_certain() {
    let place = Place::new(ORGANIZATION).await;
    let lag = Duration::from_secs(1);
    let engine = place.machine.engine.map(|engine| EngineSettings { lag, ..engine });
    let machine = Machine { engine, ..place.machine.clone() };
    let (rules, ledger) = (place.file("rules.yaml", RULES), place.path("state/ledger.db"));
    let usher = async |command: &str, more: &[&str]| -> Ran {
        let line =
            ["usher", command, "--rules", rules.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()];
        run(&[&line[..], more].concat(), &machine).await
    };
    assert_eq!(usher("apply", &["--yes"]).await.ending, Ending::Good);
    tokio::time::sleep(lag + Duration::from_millis(200)).await;
    {
        let mut world = place.world();
        let key = AssignmentKey {
            account: DEV.parse().unwrap(),
            permission_set: world.permission_set_named("ReadOnlyAccess").unwrap(),
            principal: Principal::Group(world.group_named("Auditors").unwrap()),
        };
        world.revoke_by_hand(SystemClock.now(), &key);
    }
    let plan = usher("plan", &[]).await;
    assert_eq!(plan.ending, Ending::Good, "{plan:?}");
    assert!(
        plan.out.contains("! ReadOnlyAccess   group Auditors    not granted: AWS does not list it any more"),
        "{}",
        plan.out
    );
    let withheld = usher("withheld", &[]).await.out;
    assert!(withheld.contains("Gone, as far as one look can tell (1)"), "{withheld}");
    let explained = usher("explain", &["group:Auditors", "shop-dev", "ReadOnlyAccess"]).await.out;
    assert!(
        explained.contains("It was Usher's, and AWS does not list it.")
            && explained.contains("counts as gone"),
        "{explained}"
    );
    // The account no longer has the permission set, and its name is told all the same.
    let audit = usher("audit", &["--account", "shop-dev"]).await.out;
    assert!(audit.contains("ReadOnlyAccess") && !audit.contains("ps-"), "{audit}");
}
