//! What happens in Identity Center is noticed by its events, without any sweep.

use std::time::Duration;

use serde_json::json;
use shared::{
    domain::{AssignmentKey, Principal},
    engine::Heard,
};
use simulator::{
    Fault, FaultRule,
    wire::{identity_store as store, sso_admin as sso},
};

use super::{
    fleet::{calm, fleet},
    members::{joins, leaves},
    model::{Where, Who, group, in_ou, rule, rules},
    service::{Service, Start},
};

pub(super) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";

pub(super) async fn make_group(service: &Service, name: &str) {
    let input = store::CreateGroup {
        identity_store_id: service.world().identity_store(),
        display_name: Some(name.to_owned()),
        description: None,
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
}

pub(super) async fn tag_set(service: &Service, set: &str, key: &str, value: &str) {
    let arn = service.world().permission_set_named(set).unwrap();
    let input: sso::TagResource = serde_json::from_value(json!({
        "InstanceArn": INSTANCE,
        "ResourceArn": arn,
        "Tags": [{ "Key": key, "Value": value }],
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_rule_names_is_granted_when_it_appears_and_again_when_it_is_made_anew() {
    let service = Service::new();
    service
        .publish(&rules([group("new", "Newcomers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep_and_settle().await;
    make_group(&service, "Others").await;
    service.settle().await;
    assert_eq!(service.assignments(), [""; 0]);

    make_group(&service, "Newcomers").await;
    service.settle().await;
    let first = service.key("play", "ReadOnlyAccess", "Newcomers");
    assert!(service.exists(&first));

    // An identity provider that was away makes its groups again.
    let Principal::Group(id) = &first.principal else { panic!("{first}") };
    service.person(|world, now, who| world.delete_group(now, who, id)).await.unwrap();
    make_group(&service, "Newcomers").await;
    service.settle().await;
    let second = service.key("play", "ReadOnlyAccess", "Newcomers");
    assert_ne!(first, second);
    assert!(service.exists(&second));
}

#[tokio::test(start_paused = true)]
async fn a_pinned_group_is_not_its_namesake() {
    let service = Service::new();
    let developers = service.world().group_named("Developers").unwrap();
    let pinned = rule("pinned", Who::GroupId(developers.clone()));
    service.publish(&rules([pinned.gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))])).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    service.person(|world, now, who| world.delete_group(now, who, &developers)).await.unwrap();
    make_group(&service, "Developers").await;
    service.settle().await;
    assert!(!service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_renamed_leaves_what_it_had_by_its_name_and_gets_what_its_new_one_gives() {
    let service = Service::new();
    service
        .publish(&rules([
            group("old", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            group("new", "Builders").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
        ]))
        .await;
    service.sweep_and_settle().await;
    let id = service.world().group_named("Developers").unwrap();
    let old = service.key("play", "ReadOnlyAccess", "Developers");
    assert!(service.exists(&old));
    service.pass(Duration::from_mins(10)).await;
    service.person(|world, now, who| world.rename_group(now, who, &id, "Builders")).await.unwrap();
    service.settle().await;
    assert!(!service.exists(&old));
    assert!(service.exists(&service.key("play", "PowerUserAccess", "Builders")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_or_leaves_is_followed_although_the_event_of_leaving_names_neither_group_nor_user() {
    let service = Service::new();
    let members = rule("dev", Who::MembersOf("Developers".to_owned()));
    service.publish(&rules([members.gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))])).await;
    service.sweep_and_settle().await;
    let bruno = service.world().user_named("bruno@example.com").unwrap();
    let set = service.world().permission_set_named("ReadOnlyAccess").unwrap();
    let key = AssignmentKey {
        account: service.account("play"),
        permission_set: set,
        principal: Principal::User(bruno),
    };
    joins(&service, "bruno@example.com", "Developers").await;
    service.settle().await;
    assert!(service.exists(&key));
    leaves(&service, "bruno@example.com", "Developers").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_is_granted_itself_come_and_go_without_a_look() {
    let service = Service::new();
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep_and_settle().await;
    joins(&service, "bruno@example.com", "Developers").await;
    for event in service.take_events() {
        let heard = service.ports.hear(event, &*service.parked).await.unwrap();
        assert!(matches!(heard, Heard::Hinted(0) | Heard::Ignored(_)), "{heard:?}");
    }
}

/// How many accounts are looked at when a group appears whose name only one account of thirty makes, another perhaps.
async fn looked_at_for_a_name_that_is_made(tagging_fails: bool) -> usize {
    const OF_THE_FLEET: &str = "tags: { Kind: unit }";
    let tags = |team: &str| format!("tags: {{ Team: {team} }}");
    let organization = fleet(30, 1)
        .replacen(OF_THE_FLEET, &tags("web"), 1)
        .replacen(OF_THE_FLEET, "tags: { Other: thing }", 1)
        .replace(OF_THE_FLEET, &tags("shop"));
    let service = Service::start(Start { organization: &organization, world: calm(), ..Start::default() });
    let team = rule("team", Who::GroupOfTag("Team".into(), "-developers".into()));
    let with_a_team = Where::All(vec![in_ou("Fleet"), Where::Has("Team".into(), true)]);
    service.publish(&rules([team.gets("Set0").in_accounts(with_a_team)])).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    drop(service.take_events());

    if tagging_fails {
        service.world().faults.add(FaultRule {
            operation: "GetResources".to_owned(),
            service: None,
            fault: Fault::AccessDenied,
            calls: None,
            account: None,
        });
    }
    make_group(&service, "web-developers").await;
    let mut looks = 0;
    for event in service.take_events() {
        match service.ports.hear(event, &*service.parked).await.unwrap() {
            Heard::Hinted(accounts) => looks += accounts,
            other @ (Heard::Ignored(_) | Heard::Parked(_) | Heard::Noted(_)) => panic!("{other:?}"),
        }
    }
    service.settle().await;
    assert_eq!(service.assignments(), ["unit-00 Set0 web-developers"]);
    looks
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_name_is_made_from_tags_leads_to_looks_at_the_accounts_that_may_make_it() {
    assert_eq!(looked_at_for_a_name_that_is_made(false).await, 2);
    assert_eq!(looked_at_for_a_name_that_is_made(true).await, 30, "whose tags nobody tells may make it");
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_that_is_tagged_is_given_where_rules_select_by_that_tag() {
    let service = Service::new();
    service
        .publish(&rules([group("tagged", "Developers")
            .gets_tagged("Level", "High")
            .in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    tag_set(&service, "ReadOnlyAccess", "Level", "High").await;
    service.settle().await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    assert!(service.exists(&key));
    service.pass(Duration::from_mins(10)).await;
    tag_set(&service, "ReadOnlyAccess", "Level", "Low").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_that_is_made_with_the_tag_is_given_and_taken_when_it_is_untagged() {
    let service = Service::new();
    service
        .publish(&rules([group("tagged", "Developers")
            .gets_tagged("Level", "High")
            .in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep_and_settle().await;
    let input: sso::CreatePermissionSet = serde_json::from_value(json!({
        "InstanceArn": INSTANCE,
        "Name": "Operators",
        "Tags": [{ "Key": "Level", "Value": "High" }],
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    let key = service.key("play", "Operators", "Developers");
    assert!(service.exists(&key));
    service.pass(Duration::from_mins(10)).await;
    let input: sso::UntagResource = serde_json::from_value(json!({
        "InstanceArn": INSTANCE,
        "ResourceArn": key.permission_set,
        "TagKeys": ["Level"],
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn requests_of_our_own_that_come_back_as_events_lead_to_no_look_and_those_of_others_do() {
    let service = Service::new();
    service
        .publish(&rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.sweep().await.unwrap();
    service.drain_inbox().await;
    drop(service.take_events());
    service.run_engine().await;
    let ours = service.take_events();
    assert!(!ours.is_empty());
    for event in ours {
        let heard = service.ports.hear(event, &*service.parked).await.unwrap();
        assert_eq!(heard, Heard::Hinted(0));
    }

    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    assert!(service.exists(&key));
    let input: sso::DeleteAccountAssignment = serde_json::from_value(json!({
        "InstanceArn": INSTANCE,
        "TargetId": key.account,
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": key.permission_set,
        "PrincipalType": "GROUP",
        "PrincipalId": key.principal.id(),
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.pass(Duration::from_secs(30)).await;
    service.settle().await;
    let row = service.rows().await.into_iter().find(|row| row.key == key).unwrap();
    assert!(row.hold.is_some() || row.missing_since.is_some(), "{row:?}");
}

#[tokio::test(start_paused = true)]
async fn a_user_that_a_rule_names_already_has_its_access_as_soon_as_it_is_made() {
    let service = Service::new();
    let carla = rule("carla", Who::User("carla@example.com".to_owned()));
    service.publish(&rules([carla.gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))])).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    let input: store::CreateUser = serde_json::from_value(json!({
        "IdentityStoreId": service.world().identity_store(),
        "UserName": "carla@example.com",
        "DisplayName": "Carla Example",
        "Name": { "GivenName": "Carla", "FamilyName": "Example" },
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    let carla = service.world().user_named("carla@example.com").unwrap();
    let key = AssignmentKey {
        account: service.account("play"),
        permission_set: service.world().permission_set_named("ReadOnlyAccess").unwrap(),
        principal: Principal::User(carla.clone()),
    };
    assert!(service.exists(&key));

    // What it had is an orphan once it is deleted.
    let store_id = service.world().identity_store();
    let input = store::DeleteUser { identity_store_id: store_id, user_id: carla.to_string(), revision: None };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("orphaned"));
    service.pass(Duration::from_hours(25)).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}
