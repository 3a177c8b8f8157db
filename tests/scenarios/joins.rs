//! Permission sets joined to accounts, and names made from what an account says of itself.

use super::{
    model::{Joined, Where, Who, group, in_ou, rule, rules},
    service::{Service, Start},
};

const TAGGED: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333", tags: { Environment: Development } }
organizational_units:
  - name: Workloads
    organizational_units:
      - name: Development
        accounts:
          - { name: web-dev, id: "222233334444", tags: { Environment: Development, Team: web } }
          - { name: data-dev, id: "333344445555", tags: { Environment: Development, Team: data } }
      - name: Production
        accounts:
          - { name: web-prod, id: "666677778888", tags: { Environment: Production, Team: web } }
          - { name: bare, id: "777788889999" }
  - name: Sandbox
    accounts:
      - { name: play, id: "444455556666", tags: { Team: play } }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1 }
permission_sets:
  - { name: Look, tags: { Environment: All, OU: All } }
  - { name: Develop, tags: { Environment: Development, OU: Workloads } }
  - { name: Deploy, tags: { Environment: Production, OU: Production } }
  - { name: Odd, tags: { Environment: Development } }
groups: [{ name: Support }, { name: web-developers }, { name: data-developers }]
"#;

fn service() -> Service {
    Service::start(Start { organization: TAGGED, ..Start::default() })
}

#[tokio::test(start_paused = true)]
async fn permission_sets_are_given_where_their_tags_match_the_accounts() {
    let service = service();
    service
        .publish(&rules([group("support", "Support")
            .gets("Look")
            .gets("Develop")
            .gets("Deploy")
            .gets("Odd")
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All"))
            .where_tag("OU", Joined::AnyOu, Some("All"))]))
        .await;
    service.sweep_and_settle().await;
    insta::assert_snapshot!(service.assignments().join("\n"), @"
    data-dev Develop Support
    data-dev Look Support
    web-dev Develop Support
    web-dev Look Support
    web-prod Deploy Support
    web-prod Look Support
    ");
    // The account says something else now, and gets what fits that.
    service.tag("web-dev", "Environment", "Production").await;
    service.settle().await;
    insta::assert_snapshot!(service.assignments().join("\n"), @"
    data-dev Develop Support
    data-dev Look Support
    web-dev Look Support
    web-prod Deploy Support
    web-prod Look Support
    ");
    service.move_to("web-dev", "Workloads/Production").await;
    service.settle().await;
    assert!(service.exists(&service.key("web-dev", "Deploy", "Support")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_s_name_is_made_from_the_account_s_tag_and_waits_where_nobody_bears_it() {
    let service = service();
    service
        .publish(&rules([rule("team", Who::GroupOfTag("Team".into(), "-developers".into()))
            .gets("Look")
            .in_accounts(Where::Has("Team".into(), true))]))
        .await;
    service.sweep_and_settle().await;
    insta::assert_snapshot!(service.assignments().join("\n"), @"
    data-dev Look data-developers
    web-dev Look web-developers
    web-prod Look web-developers
    ");
    service.tag("data-dev", "Team", "web").await;
    service.settle().await;
    insta::assert_snapshot!(service.assignments().join("\n"), @"
    data-dev Look web-developers
    web-dev Look web-developers
    web-prod Look web-developers
    ");
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn never_wins_over_every_rule() {
    let service = service();
    let support = |id: &str| group(id, "Support").gets("Look");
    service
        .publish(
            &rules([
                support("everywhere"),
                support("by-team").in_accounts(Where::TagBegins("Team".into(), "w".into())),
                support("listed").in_accounts(Where::Id("666677778888".into())),
            ])
            .never(support("").in_accounts(in_ou("Workloads/Production"))),
        )
        .await;
    service.sweep_and_settle().await;
    insta::assert_snapshot!(service.assignments().join("\n"), @"
    data-dev Look Support
    play Look Support
    web-dev Look Support
    ");
    service.move_to("play", "Workloads/Production").await;
    service.settle().await;
    assert!(!service.exists(&service.key("play", "Look", "Support")));
    service.converged(&[]).await;
}
