//! An OU is renamed: what is remembered of its name is not believed any more.

use std::time::Duration;

use serde_json::json;
use simulator::wire::sso_admin as sso;

use super::{
    model::{group, in_ou, rules, tagged},
    service::Service,
};

#[tokio::test(start_paused = true)]
async fn an_ou_that_is_renamed_takes_its_accounts_out_of_one_rule_and_into_another_at_once() {
    let service = Service::new();
    service
        .publish(&rules([
            group("old", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
            group("new", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Labs")),
        ]))
        .await;
    service.sweep_and_settle().await;
    assert_eq!(
        service.assignments(),
        ["one-dev ReadOnlyAccess Developers", "two-dev ReadOnlyAccess Developers"]
    );
    // Names that were read a moment ago are remembered for a quarter of an hour.
    service.pass(Duration::from_mins(6)).await;
    let ou = service.world().ou_at("Workloads/Development").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Labs")).await.unwrap();
    service.settle_for(Duration::from_mins(5)).await;
    assert_eq!(service.assignments(), ["one-dev ReadOnlyAccess Support", "two-dev ReadOnlyAccess Support"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_ou_high_up_that_is_renamed_concerns_all_below_it() {
    let service = Service::new();
    let accounts = || in_ou("Platform");
    service.publish(&rules([group("new", "Support").gets("ReadOnlyAccess").in_accounts(accounts())])).await;
    service.sweep_and_settle().await;
    let ou = service.world().ou_at("Workloads").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Platform")).await.unwrap();
    service.settle_for(Duration::from_mins(5)).await;
    assert_eq!(service.assignments().len(), 3);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_moved_into_an_ou_renamed_while_it_was_empty_is_decided_by_the_new_name() {
    let service = Service::new();
    service
        .publish(&rules([
            group("old", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            group("new", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Playground")),
        ]))
        .await;
    service.sweep_and_settle().await;
    let ou = service.world().ou_at("Sandbox").unwrap();
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    assert_eq!(service.assignments(), [""; 0]);

    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Playground")).await.unwrap();
    service.settle().await;
    service.move_to("play", "Playground").await;
    service.settle_for(Duration::from_mins(5)).await;

    assert_eq!(service.assignments(), ["play ReadOnlyAccess Support"]);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_renamed_ou_and_a_permission_set_tagged_anew_are_found_by_two_sweeps_though_no_event_came() {
    let service = Service::new();
    service
        .publish(&rules([
            group("old", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            group("new", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Playground")),
            group("tagged", "Auditors")
                .gets_tagged("Environment", "Development")
                .in_accounts(in_ou("Workloads")),
        ]))
        .await;
    service.sweep_and_settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));

    let ou = service.world().ou_at("Sandbox").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Playground")).await.unwrap();
    let set = service.world().permission_set_named("DeployAccess").unwrap();
    let tags = serde_json::from_value(json!([{ "Key": "Environment", "Value": "Development" }])).unwrap();
    let input = sso::TagResource { resource_arn: set.to_string(), tags, ..sso::TagResource::default() };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.take_events();

    // Much sooner than what was read is too old to be believed.
    service.converged(&[]).await;
    assert!(!service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Support")));
    assert!(service.exists(&service.key("two-dev", "DeployAccess", "Auditors")));
}

#[tokio::test(start_paused = true)]
async fn names_of_ous_are_read_in_every_sweep_where_rules_look_at_them_and_once_where_none_does() {
    let names = |service: &Service, since: usize| {
        let world = service.world();
        let mut log = world.log().iter().skip(since).map(|entry| entry.operation);
        log.any(|it| it == "ListOrganizationalUnitsForParent" || it == "DescribeOrganizationalUnit")
    };
    let swept = async |service: &Service| {
        let since = service.world().log().len();
        service.sweep_and_settle().await;
        names(service, since)
    };
    let service = Service::new();
    let by_tag =
        || group("tag", "Support").gets("DeployAccess").in_accounts(tagged("Environment", "Production"));
    service.publish(&rules([by_tag()])).await;
    assert!(swept(&service).await, "each is read once");
    service.pass(Duration::from_hours(1)).await;
    assert!(!swept(&service).await, "nothing depends on them");

    // Nobody noticed. Then a rule looks at the name.
    let ou = service.world().ou_at("Sandbox").unwrap();
    service.person(|world, now, who| world.rename_ou(now, who, &ou, "Playground")).await.unwrap();
    service.take_events();
    let by_path = group("path", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Playground"));
    service.publish(&rules([by_tag(), by_path])).await;
    assert!(swept(&service).await);
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Support")));
    assert!(swept(&service).await, "in every sweep");
    service.converged(&[]).await;
}
