//! What teams may give: refused when rules come into force, withheld when the organization has changed since.

use std::time::Duration;

use serde_json::json;
use shared::engine::{PublishError, Rulebook, RulesOnHand};
use simulator::{Fault, FaultRule, Service as Api, wire::sso_admin as sso};

use super::{
    model::{Rules, group, in_ou, rules, scope, tagged},
    service::Service,
};

/// The team gives by the accounts' tags and the permission set's name; its scope goes by OUs and the permission sets' tags.
fn of_a_team() -> Rules {
    let own = group("of-the-team", "Support")
        .gets("ReadOnlyAccess")
        .in_accounts(tagged("Environment", "Development"));
    rules([own.of_team("web")]).scoped(
        "web",
        [scope(in_ou("Workloads/Development")).of_tagged("Environment", &["Development", "All"])],
    )
}

async fn settled(rules: &Rules) -> Service {
    let service = Service::new();
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

async fn tag_set(service: &Service, set: &str, value: &str) {
    let set = service.world().permission_set_named(set).unwrap();
    let tags = serde_json::from_value(json!([{ "Key": "Environment", "Value": value }])).unwrap();
    let input = sso::TagResource { resource_arn: set.to_string(), tags, ..sso::TagResource::default() };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.pass(Duration::from_mins(15)).await;
    service.sweep_and_settle().await;
}

const BOTH: [&str; 2] = ["one-dev ReadOnlyAccess Support", "two-dev ReadOnlyAccess Support"];

#[tokio::test(start_paused = true)]
async fn an_account_that_leaves_the_scope_of_a_team_loses_what_the_team_gave_and_gets_it_back_with_it() {
    let service = settled(&of_a_team()).await;
    assert_eq!(service.assignments(), BOTH);
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert_eq!(service.assignments(), ["two-dev ReadOnlyAccess Support"]);
    let key = service.key("one-dev", "ReadOnlyAccess", "Support");
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("out_of_scope"));
    service.move_to("one-dev", "Workloads/Development").await;
    service.settle().await;
    assert_eq!(service.assignments(), BOTH);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_comes_to_be_selected_beyond_the_scope_is_not_granted() {
    let service = settled(&of_a_team()).await;
    service.tag("play", "Environment", "Development").await;
    service.settle().await;
    assert_eq!(service.assignments(), BOTH);
    let key = service.key("play", "ReadOnlyAccess", "Support");
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("out_of_scope"));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_that_gets_another_tag_leaves_the_scope() {
    let service = settled(&of_a_team()).await;
    tag_set(&service, "ReadOnlyAccess", "Production").await;
    assert_eq!(service.assignments(), [""; 0]);
    tag_set(&service, "ReadOnlyAccess", "Development").await;
    assert_eq!(service.assignments(), BOTH);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn where_the_tags_that_a_scope_looks_at_cannot_be_read_nothing_is_granted_or_taken_away_by_them() {
    let service = settled(&of_a_team()).await;
    service.world().faults.add(FaultRule {
        operation: "ListTagsForResource".to_owned(),
        service: Some(Api::SsoAdmin),
        fault: Fault::InternalError,
        calls: None,
        account: None,
    });
    service.pass(Duration::from_mins(30)).await;
    service.move_to("one-dev", "Sandbox").await;
    service.move_to("play", "Workloads/Development").await;
    service.tag("play", "Environment", "Development").await;
    service.settle().await;
    // Where the account alone is beyond, no tag of a permission set makes a difference.
    assert_eq!(
        service.assignments(),
        ["two-dev ReadOnlyAccess Support"],
        "what can't be told changes nothing: it neither stays away nor goes"
    );
    service.converged(&[]).await;
    assert_eq!(
        service.assignments(),
        ["play ReadOnlyAccess Support", "two-dev ReadOnlyAccess Support"],
        "and is decided when it can be read"
    );
}

#[tokio::test(start_paused = true)]
async fn another_rule_that_may_give_it_keeps_what_a_team_gave() {
    let everybody =
        group("root", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Development"));
    let service = settled(&of_a_team().with(everybody)).await;
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert_eq!(service.assignments(), BOTH);
    let row =
        service.rows().await.into_iter().find(|row| row.key.account == service.account("one-dev")).unwrap();
    assert_eq!(row.wanted_by.keys().map(ToString::to_string).collect::<Vec<_>>(), ["root"]);
    assert_eq!(service.withheld().await.len(), 0);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_team_whose_rules_only_grant_takes_nothing_away_when_an_account_leaves_its_scope() {
    use super::model::Reach;
    let own = group("of-the-team", "Support")
        .gets("ReadOnlyAccess")
        .in_accounts(tagged("Environment", "Development"));
    let document = rules([own.of_team("web").reaching(Reach::CreateOnly)]).scoped(
        "web",
        [scope(in_ou("Workloads/Development")).of_tagged("Environment", &["Development", "All"])],
    );
    let service = settled(&document).await;
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert_eq!(service.assignments(), BOTH);
    service.converged(&["create_only"]).await;
}

#[tokio::test(start_paused = true)]
async fn rules_that_now_give_something_beyond_a_scope_do_not_come_into_force_and_those_in_force_stay() {
    let service = settled(&of_a_team()).await;
    // By what is written it may be within the scope: the organization says that it isn't.
    let wide = group("of-the-team", "Support")
        .gets("DeployAccess")
        .gets("ReadOnlyAccess")
        .in_accounts(tagged("Environment", "Development"));
    let next = rules([wide.of_team("web")]).scoped(
        "web",
        [scope(in_ou("Workloads/Development")).of_tagged("Environment", &["Development", "All"])],
    );
    let rulebook = Rulebook::fixed(RulesOnHand::of(&next.bundle()).unwrap());
    let mut planner = service.ports.planner();
    planner.reader.rulebook = &rulebook;
    let forecast = planner.forecast(&shared::ledger::Cause::new("rules", "next")).await.unwrap();
    let told = forecast.to_string();
    assert!(told.contains("Beyond the scope of its team: rule of-the-team at teams/web.yaml:3 (team web), 2 assignments such as "), "{told}");

    let publish = |rules: &Rules| {
        let (bundle, beyond) = (rules.bundle(), forecast.beyond.clone());
        let (store, ledger, clock) = (service.store.clone(), service.ledger.clone(), service.clock.clone());
        async move { shared::engine::publish_planned(&bundle, &beyond, &*store, &*ledger, &*clock).await }
    };
    let refused = publish(&next).await;
    assert!(matches!(&refused, Err(PublishError::BeyondScope(beyond)) if beyond.len() == 1), "{refused:?}");
    // What is in force may be asked for again, whatever has become of the organization since.
    publish(&of_a_team()).await.unwrap();
    assert_eq!(service.assignments(), BOTH);
    service.converged(&[]).await;
}
