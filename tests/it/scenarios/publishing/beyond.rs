//! Uploaded rules of a team that give something beyond its scope, in the organization as it is.

use serde_json::json;
use shared::{engine::Became, ports::Clock as _};

use super::super::{
    model::{Rules, group, in_ou, rules, scope, tagged},
    service::Service,
};

/// The team's rule goes by tags, its scope by OUs: what is written alone doesn't tell.
fn of_a_team(environment: &str) -> Rules {
    let own = group("help", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", environment));
    rules([own.of_team("web")]).scoped("web", [scope(in_ou("Workloads/Development"))])
}

fn bundle(rules: &Rules) -> String {
    json!({ "files": rules.bundle().files }).to_string()
}

#[tokio::test(start_paused = true)]
async fn they_are_refused_whole_and_their_author_finds_the_rule_and_what_it_would_give() {
    let service = Service::new();
    let good = of_a_team("Development");
    service.upload("incoming/rules.json", &bundle(&good));
    service.checker().rules_published(service.clock.now(), &good);
    assert_eq!(
        service.tell("incoming/rules.json").await,
        Became::InForce,
        "{}",
        service.answer("incoming/rules.json")
    );
    service.settle().await;
    let before = service.in_force().await;

    service.upload("incoming/next.json", &bundle(&of_a_team("Production")));
    assert_eq!(service.tell("incoming/next.json").await, Became::Refused);
    let answer = service.answer("incoming/next.json");
    assert!(
        answer.contains("rule help at teams/web.yaml:3 (team web), 1 assignment: 666677778888 "),
        "{answer}"
    );
    let beyond = &service.answer_json("incoming/next.json")["forecast"]["beyond"][0];
    assert_eq!(
        (&beyond["rule"], &beyond["team"], &beyond["assignments"]),
        (&json!("help"), &json!("web"), &json!(1))
    );
    assert_eq!(service.in_force().await, before);
    assert_eq!(service.assignments(), ["one-dev ReadOnlyAccess Support", "two-dev ReadOnlyAccess Support"]);
    service.converged(&[]).await;
}
