//! No name of a person or a group, and no e-mail address, is in the log or in a metric, whatever happens.

use std::time::Duration;

use serde_json::json;
use shared::engine::Became;
use simulator::Fault;

use super::{Log, moved, tick, upload};
use crate::scenarios::{
    model::{Who, group, in_ou, rule, rules, tagged},
    service::Service,
};

#[tokio::test(start_paused = true)]
async fn no_name_of_a_person_is_in_any_line_of_a_log_or_of_a_metric() {
    let (service, log) = (Service::new(), Log::begin());
    let people = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        rule("person", Who::User("alba@example.com".into()))
            .gets("PowerUserAccess")
            .in_accounts(in_ou("Sandbox")),
        group("prod", "Auditors").gets("DeployAccess").in_accounts(tagged("Environment", "Production")),
        group("nobody", "Alba's friends").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ]);
    service.world().fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 1);
    service.grant_by_hand(&service.key("one-dev", "ReadOnlyAccess", "Developers")).await;
    service.publish(&people).await;
    service.sweep_and_settle().await;
    // People act: tags with names, events with names, uploads with names.
    service.tag("play", "Environment", "Alba Example").await;
    service.tag("one-prod", "Environment", "bruno@example.com").await;
    service.move_to("two-dev", "Sandbox").await;
    service.settle().await;
    service.deliver(vec![moved(&json!("alba@example.com")), json!({ "Alba": "Example" })]).await;
    assert_eq!(
        upload(&service, "incoming/alba.yaml", "rules: [{ id: alba@example.com }]").await,
        Became::Refused
    );
    service.pause().await;
    service.resume().await;
    service.hold_key(&service.key("two-dev", "ReadOnlyAccess", "Developers")).await;
    for operation in ["DescribeAccount", "ListGroups", "GetGroupId", "GetUserId", "ListAccountAssignments"] {
        service.world().fail_next(operation, Fault::AccessDenied, 1);
    }
    for _ in 0..2 {
        service.pass(Duration::from_mins(20)).await;
        let _ = service.sweep().await;
        service.settle().await;
        tick(&service).await;
    }
    let lines = log.lines();
    assert!(lines.len() > 40, "{} lines", lines.len());
    let told = |word: &str| lines.iter().any(|line| line["outcome"] == word);
    assert!(told("granted") && told("failed") && told("withheld") && told("rules_refused"));
}

#[tokio::test(start_paused = true)]
async fn one_event_is_followed_by_its_cause_from_its_hint_to_its_outcome() {
    let service = super::settled(&super::developers()).await;
    tick(&service).await;
    let log = Log::begin();
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    tick(&service).await;
    let lines = log.lines();
    let hinted = lines.iter().find(|line| line["hinted"] == 1 && line["cause"].is_string()).unwrap();
    let cause = &hinted["cause"];
    assert!(cause.as_str().unwrap().starts_with("event:"), "{cause}");
    let of_cause: Vec<_> = lines.iter().filter(|line| line["cause"] == *cause).collect();
    let [_, decided, sent, granted, told] = of_cause.as_slice() else { panic!("{of_cause:#?}") };
    assert_eq!((&decided["account.id"], &decided["grants"]), (&json!("444455556666"), &json!(1)));
    assert_eq!((&sent["request.id"], &sent["key"]), (&granted["request.id"], &granted["key"]));
    assert!(sent["request.id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!((&granted["outcome"], &told["outcome"]), (&json!("granted"), &json!("granted")));
    assert_eq!(granted["outcome.id"], told["outcome.id"]);
}
