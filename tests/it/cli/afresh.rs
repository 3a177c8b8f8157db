//! What one account is told is what all are told: of tags and names that have changed since the ledger saw them, too.

use cli::Ending;
use serde_json::{Value, json};
use shared::{clock::SystemClock, ports::Clock as _};
use simulator::{
    Caller, CallerKind,
    wire::{organizations as org, sso_admin as sso},
};

use super::{ORGANIZATION, Place};

const DEV: &str = "200000000001";

const RULES: &str = "
version: 1
settings: { mode: sync, trusted_permission_set_tags: [Level] }
rules:
  - id: by-tag
    principals: [{ group: Auditors }]
    permission_sets: { tagged: { Level: Read } }
    accounts: { in_ou: Development }
";

fn person() -> Caller {
    Caller::new("person", "111122223333".parse().unwrap(), CallerKind::Management)
}

/// The organization with a tag on one of its permission sets.
async fn place() -> Place {
    let tagged = "{ name: ReadOnlyAccess, tags: { Level: Read } }";
    Place::new(&ORGANIZATION.replace("{ name: ReadOnlyAccess }", tagged)).await
}

/// What a plan does in that account: `(grants, revokes)`.
fn of_dev(plan: &Value) -> (Value, Value) {
    let accounts = plan["accounts"].as_array().unwrap();
    accounts
        .iter()
        .find(|account| account["id"] == DEV)
        .map_or((json!([]), json!([])), |account| (account["grants"].clone(), account["revokes"].clone()))
}

/// Whether the plans for all and for the account are of one mind, and what they would do there.
async fn agreed(place: &Place, rules: &std::path::Path) -> (usize, usize) {
    let all = of_dev(&place.usher("plan", rules, &["--json"]).await.json());
    let one = of_dev(&place.usher("plan", rules, &["--account", DEV, "--json"]).await.json());
    assert_eq!(all, one);
    (all.0.as_array().unwrap().len(), all.1.as_array().unwrap().len())
}

#[tokio::test]
async fn a_tag_of_a_permission_set_that_is_gone_gives_nothing_in_one_account_either() {
    let place = place().await;
    let rules = place.file("rules.yaml", RULES);
    let apply = place.usher("apply", &rules, &["--account", DEV, "--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let set = place.world().permission_set_named("ReadOnlyAccess").unwrap();
    let untag: sso::UntagResource = serde_json::from_value(json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", "ResourceArn": set, "TagKeys": ["Level"],
    }))
    .unwrap();
    place.world().call(SystemClock.now(), &person(), untag).unwrap();

    assert_eq!(agreed(&place, &rules).await, (0, 1));
    let explain = place.usher("explain", &rules, &["group:Auditors", DEV, "ReadOnlyAccess"]).await.out;
    assert!(explain.contains("No rule wants it any more"), "{explain}");
    let other = place.usher("apply", &rules, &["--account", "200000000002", "--yes"]).await;
    assert!(!other.out.contains("granted"), "{other:?}");
    assert_eq!(place.writes(), 1, "nothing is given by a tag that is gone");
}

#[tokio::test]
async fn an_ou_that_was_renamed_is_not_what_it_was_called_in_one_account_either() {
    let place = place().await;
    let rules = place.file("rules.yaml", RULES);
    let apply = place.usher("apply", &rules, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let ou = place.world().ou_at("Development").unwrap();
    let rename = org::UpdateOrganizationalUnit {
        organizational_unit_id: ou.to_string(),
        name: Some("Trying".to_owned()),
    };
    place.world().call(SystemClock.now(), &person(), rename).unwrap();
    assert_eq!(agreed(&place, &rules).await, (0, 1));
}
