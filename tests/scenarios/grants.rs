//! What is given, and to whom.

use std::time::Duration;

use serde_json::json;
use simulator::wire::organizations as org;

use super::{
    model::{Where, group, in_ou, rules, tagged},
    service::Service,
};

#[tokio::test(start_paused = true)]
async fn every_account_gets_exactly_what_the_rules_say() {
    let service = Service::new();
    let document = rules([
        group("dev", "Developers")
            .gets_tagged("Environment", "Development")
            .in_accounts(in_ou("Workloads/Development")),
        group("support", "Support")
            .gets("ReadOnlyAccess")
            .in_accounts(Where::Everywhere.except([in_ou("Sandbox"), in_ou("Suspended")])),
    ])
    .never(group("", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", "Production")));
    service.publish(&document).await;
    service.sweep_and_settle().await;
    assert_eq!(
        service.assignments(),
        [
            "one-dev PowerUserAccess Developers",
            "one-dev ReadOnlyAccess Support",
            "two-dev PowerUserAccess Developers",
            "two-dev ReadOnlyAccess Support",
        ]
    );
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_account_gets_exactly_what_the_rules_say() {
    let service = Service::new();
    let document = rules([
        group("dev", "Developers").gets("PowerUserAccess").in_accounts(in_ou("Workloads/Development")),
        group("all", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Team", "new")),
    ]);
    service.publish(&document).await;
    service.sweep_and_settle().await;

    let tags = serde_json::from_value(json!([{ "Key": "Team", "Value": "new" }])).unwrap();
    let input = org::CreateAccount {
        email: "aws+fresh@example.com".into(),
        account_name: "fresh".into(),
        tags: Some(tags),
        ..org::CreateAccount::default()
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.settle().await;
    assert!(service.exists(&service.key("fresh", "ReadOnlyAccess", "Support")));
    assert!(!service.exists(&service.key("fresh", "PowerUserAccess", "Developers")));

    service.move_to("fresh", "Workloads/Development").await;
    service.settle().await;
    assert!(service.exists(&service.key("fresh", "PowerUserAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_two_rules_want_stays_until_the_last_of_them_goes() {
    let service = Service::new();
    let first =
        group("first", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"));
    let second = group("second", "Developers")
        .gets("ReadOnlyAccess")
        .in_accounts(tagged("Environment", "Development"));
    let other = group("other", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads"));
    service.publish(&rules([first, second.clone(), other.clone()])).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "ReadOnlyAccess", "Developers");
    assert!(service.exists(&key));

    service.publish(&rules([second, other.clone()])).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&key));

    service.pass(Duration::from_mins(1)).await;
    service.publish(&rules([other])).await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}
