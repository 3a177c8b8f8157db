//! Uploaded rules of a team that give something beyond its scope, in the organization as it is.

use serde_json::json;
use shared::{engine::Became, ports::Clock as _};

use super::super::{
    model::{Rule, Rules, group, in_ou, rules, scope, tagged},
    service::Service,
};

/// The team's rule goes by tags, its scope by OUs: what is written alone doesn't tell.
fn own(environment: &str) -> Rule {
    let own = group("help", "Support").gets("ReadOnlyAccess").in_accounts(tagged("Environment", environment));
    own.of_team("web")
}

fn of_a_team(environment: &str) -> Rules {
    rules([own(environment)]).scoped("web", [scope(in_ou("Workloads/Development"))])
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
        answer.contains("rule help at teams/web.yaml:3 (team web), 1 assignment: one-prod (666677778888) "),
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

#[tokio::test(start_paused = true)]
async fn one_teams_drift_refuses_nobodys_rules_and_what_a_version_makes_new_is_refused_still() {
    let service = Service::new();
    let good = of_a_team("Development");
    service.upload("incoming/rules.json", &bundle(&good));
    service.checker().rules_published(service.clock.now(), &good);
    assert_eq!(service.tell("incoming/rules.json").await, Became::InForce);
    service.settle().await;
    // The account keeps its tag, by which the rule selects it, and leaves the scope.
    service.move_to("one-dev", "Sandbox").await;
    service.settle().await;
    assert_eq!(service.assignments(), ["two-dev ReadOnlyAccess Support"]);

    // Somebody else's rule comes into force all the same, and the drift is told.
    let others = group("others", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    let more = rules([others.clone(), own("Development")]);
    let more = more.scoped("web", [scope(in_ou("Workloads/Development"))]);
    service.upload("incoming/more.json", &bundle(&more));
    service.checker().rules_published(service.clock.now(), &more);
    assert_eq!(
        service.tell("incoming/more.json").await,
        Became::InForce,
        "{}",
        service.answer("incoming/more.json")
    );
    let answer = service.answer("incoming/more.json");
    assert!(
        answer.contains("Warning: beyond the scope of its team, and withheld: rule help at ")
            && answer.contains("The rule and its scope are the same under the rules in force"),
        "{answer}"
    );
    assert_eq!(service.answer_json("incoming/more.json")["forecast"]["beyond"][0]["why"], json!("drifted"));
    service.settle().await;
    assert_eq!(
        service.assignments().iter().filter(|it| it.contains("Support")).collect::<Vec<_>>(),
        ["two-dev ReadOnlyAccess Support"]
    );

    // What the rule gives more, it gives newly beyond the scope; and so it is where the scope is narrowed.
    let wider = rules([others.clone(), own("Development").gets("DeployAccess")]);
    let narrowed = rules([others, own("Development")]);
    for (name, next) in [
        ("incoming/wider.json", wider.scoped("web", [scope(in_ou("Workloads/Development"))])),
        ("incoming/narrowed.json", narrowed.scoped("web", [scope(in_ou("Workloads/Production"))])),
    ] {
        service.upload(name, &bundle(&next));
        assert_eq!(service.tell(name).await, Became::Refused, "{}", service.answer(name));
        assert!(service.answer(name).contains("Beyond the scope of its team: rule help"), "{name}");
    }
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_never_forbids_besides_is_told_and_refuses_nothing() {
    let service = Service::new();
    let never = group("never", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Production"));
    let both = of_a_team("Production").never(never);
    service.upload("incoming/rules.json", &bundle(&both));
    service.checker().rules_published(service.clock.now(), &both);
    assert_eq!(service.tell("incoming/rules.json").await, Became::InForce);
    let answer = service.answer("incoming/rules.json");
    assert!(answer.contains("never given, since a `never` forbids it: rule help"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_yet_to_be_made_hides_nothing() {
    let service = Service::new();
    let own = group("help", "Yet to be made")
        .gets("ReadOnlyAccess")
        .in_accounts(tagged("Environment", "Production"))
        .of_team("web");
    let next = rules([own]).scoped("web", [scope(in_ou("Workloads/Development"))]);
    service.upload("incoming/rules.json", &bundle(&next));
    assert_eq!(service.tell("incoming/rules.json").await, Became::Refused);
    let answer = service.answer("incoming/rules.json");
    assert!(
        answer.contains("1 permission set for principals that are not there yet: one-prod (666677778888) ReadOnlyAccess (ps-"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_declared_permission_set_is_judged_as_it_will_be() {
    let service = Service::new();
    let of = |set: &str, environment: &str| {
        let own = group("help", "Support").gets(set).in_accounts(tagged("Environment", environment));
        rules([own.of_team("web")])
    };
    // It is not there yet: by what there is, the rule gives nothing.
    let made = of("Builders", "Production")
        .scoped("web", [scope(in_ou("Workloads/Development"))])
        .with_permission_sets("[{ name: Builders }]");
    service.upload("incoming/made.json", &bundle(&made));
    assert_eq!(service.tell("incoming/made.json").await, Became::Refused);
    assert!(service.answer("incoming/made.json").contains("rule help at "));
    // By the tags that it has it is within the scope; by those that this version gives it, it isn't.
    let retagged = |environment: &str| {
        let set =
            format!("[{{ name: ReadOnlyAccess, adopt: true, tags: {{ Environment: {environment} }} }}]");
        of("ReadOnlyAccess", "Development")
            .scoped("web", [scope(in_ou("Workloads/Development")).of_tagged("Environment", &["All"])])
            .with_permission_sets(&set)
    };
    service.upload("incoming/other.json", &bundle(&retagged("Production")));
    assert_eq!(service.tell("incoming/other.json").await, Became::Refused);
    let good = retagged("All");
    service.upload("incoming/good.json", &bundle(&good));
    service.checker().rules_published(service.clock.now(), &good);
    assert_eq!(
        service.tell("incoming/good.json").await,
        Became::InForce,
        "{}",
        service.answer("incoming/good.json")
    );
}
