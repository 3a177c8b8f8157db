//! The names that groups and users were last seen with: what is gone is still told by its name, and an event that brings no new name costs no look.

use std::time::Duration;

use shared::{
    domain::{GroupId, UserId},
    ports::{LastName, LedgerReader as _, SeenKind},
};
use simulator::wire::identity_store as store;

use super::{
    model::{Who, group, in_ou, rule, rules},
    service::Service,
};

async fn developers() -> (Service, GroupId) {
    let service = Service::new();
    let everywhere = ["Sandbox", "Workloads/Development"].map(|ou| {
        group(&ou.to_lowercase().replace('/', "-"), "Developers")
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou(ou))
    });
    service.publish(&rules(everywhere)).await;
    service.sweep_and_settle().await;
    let id = service.world().group_named("Developers").unwrap();
    (service, id)
}

async fn rename(service: &Service, id: &GroupId, name: &str) {
    service.person(|world, now, who| world.rename_group(now, who, id, name)).await.unwrap();
}

async fn last_name(service: &Service, kind: SeenKind, id: &str) -> LastName {
    let seen = service.ledger.recall_one(kind, id).await.unwrap().unwrap();
    serde_json::from_value(seen.value).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_renamed_without_an_event_comes_back_by_the_event_that_renames_it_back() {
    let (service, id) = developers().await;
    let before = service.assignments();
    // Both its name and the looks for it are known by events.
    for name in ["Builders", "Developers"] {
        service.pass(Duration::from_mins(10)).await;
        rename(&service, &id, name).await;
        service.settle().await;
    }
    assert_eq!(service.assignments(), before);

    service.pass(Duration::from_mins(10)).await;
    rename(&service, &id, "Builders").await;
    drop(service.take_events());
    service.sweep_and_settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    service.pass(Duration::from_mins(10)).await;
    rename(&service, &id, "Developers").await;
    service.settle().await;
    assert_eq!(service.assignments(), before);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_rename_reaches_every_account_although_one_has_shown_the_new_name_before() {
    let (service, id) = developers().await;
    assert!(service.assignments().len() > 1);
    for name in ["Builders", "Developers"] {
        service.pass(Duration::from_mins(10)).await;
        rename(&service, &id, name).await;
        service.settle().await;
    }
    service.pass(Duration::from_mins(10)).await;
    rename(&service, &id, "Builders").await;
    let event = service.take_events();
    service.hint("play").await;
    service.drain_inbox().await;
    assert_eq!(last_name(&service, SeenKind::GroupName, id.as_str()).await.name, "Builders");
    service.deliver(event).await;
    service.settle().await;
    assert_eq!(service.assignments(), [""; 0]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_and_a_user_that_are_gone_are_remembered_by_the_names_that_rules_found_them_by() {
    let service = Service::new();
    let alba = rule("alba", Who::User("alba@example.com".to_owned()));
    service
        .publish(&rules([
            group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            alba.gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
        ]))
        .await;
    service.sweep_and_settle().await;
    let group: GroupId = service.world().group_named("Developers").unwrap();
    let user: UserId = service.world().user_named("alba@example.com").unwrap();
    service.person(|world, now, who| world.delete_group(now, who, &group)).await.unwrap();
    let identity_store_id = service.world().identity_store();
    let input = store::DeleteUser { identity_store_id, user_id: user.to_string(), revision: None };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    let gone = |name: &str| LastName { name: name.to_owned(), gone: true, hinted: true };
    assert_eq!(last_name(&service, SeenKind::GroupName, group.as_str()).await, gone("Developers"));
    assert_eq!(last_name(&service, SeenKind::UserName, user.as_str()).await, gone("alba@example.com"));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_renamed_away_loses_what_it_had_within_the_budgets() {
    let service = Service::new();
    let mut document = rules(["Sandbox", "Workloads/Development"].map(|ou| {
        let id = ou.to_lowercase().replace('/', "-");
        group(&id, "Developers").gets("ReadOnlyAccess").in_accounts(in_ou(ou))
    }));
    (document.max_deletes, document.max_delete_percent) = (1, 0);
    service.publish(&document).await;
    service.sweep_and_settle().await;
    let before = service.assignments().len();
    assert!(before > 1);
    service.pass(Duration::from_mins(10)).await;
    let id = service.world().group_named("Developers").unwrap();
    rename(&service, &id, "Builders").await;
    service.settle().await;
    assert_eq!(service.assignments().len(), before - 1);
    let withheld = service.withheld().await;
    assert_eq!(withheld.values().filter(|reason| *reason == "budget").count(), before - 1, "{withheld:?}");
    service.converged(&["budget"]).await;
}
