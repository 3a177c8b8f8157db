//! The example organization, explained by the example rules.

use cli::Ending;
use simulator::EXAMPLE;

use super::Place;

#[tokio::test]
async fn the_example_organization_explains_itself() {
    let place = Place::new(EXAMPLE).await;
    let rules = place.file("rules.yaml", include_str!("../../../cli/examples/rules.yaml"));
    let mut all = Vec::new();
    for words in [
        &["hugo.birkholt@example.com", "payments-dev"][..],
        &["hugo.birkholt@example.com", "payments-prod", "PowerUserAccess"],
        &["group:Support", "payments-prod", "SupportUser"],
        &[
            "group:Support",
            "payments-prod",
            "SupportUser",
            "--what-if",
            "move:payments-prod:Workloads/Production",
        ],
    ] {
        let ran = place.usher("explain", &rules, words).await;
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        let ledger = format!(" --ledger {}", place.path("state/ledger.db").display());
        let told = ran.out.replace(rules.to_str().unwrap(), "rules.yaml").replace(&ledger, "");
        all.push(format!("$ usher explain {}\n{told}", words.join(" ")));
    }
    insta::assert_snapshot!(all.concat(), @r"
    $ usher explain hugo.birkholt@example.com payments-dev
    user hugo.birkholt@example.com  in  payments-dev  200010101010  Workloads/Development
      member of  Developers, payments-developers
      tags       CostCenter=2100, Environment=Development, Team=payments
      rules      rules.yaml (6 rules, mode sync, version 0923c47d0308)

    EC2-S3-FullAccess: no access yet
      group Developers, of which they are a member
        It is not there.
        The next run grants it, within its budget.
      rule developers-in-development (rules.yaml:23, sync): gives it to group Developers
        + group Developers: they are a member
        + permission set name EC2-S3-FullAccess: it is this one
        + in_ou Workloads/Development: the account is in Workloads/Development
        + tagged Environment: Development: the account has `Development`

    PowerUserAccess: access, through group payments-developers
      group payments-developers, of which they are a member
        It is there, made by others.
        It is not granted: exists already, made by others; it stays theirs unless `usher adopt` takes it over. Way out: `usher adopt 200010101010/PowerUserAccess/group:payments-developers`.
      rule payments-team (rules.yaml:29, sync): gives it to group payments-developers
        + group payments-developers: they are a member
        + permission set name PowerUserAccess: it is this one
        + tagged Team: payments: the account has `payments`

    $ usher explain hugo.birkholt@example.com payments-prod PowerUserAccess
    user hugo.birkholt@example.com  in  payments-prod  200030303030  Workloads/Production/Regulated
      member of  Developers, payments-developers
      tags       Compliance=pci, CostCenter=2100, Environment=Production, Team=payments
      rules      rules.yaml (6 rules, mode sync, version 0923c47d0308)

    PowerUserAccess: no access
      group payments-developers, of which they are a member
        It is not there.
        A rule would give it, and the `never` at rules.yaml:12 forbids it.
      forbidden by the `never` at rules.yaml:12
        + principals: everybody
        + permission set name PowerUserAccess: it is this one
        + in_ou Workloads/Production: the account is in Workloads/Production/Regulated
      rule payments-team (rules.yaml:29, sync): would give it to group payments-developers
        + group payments-developers: they are a member
        + permission set name PowerUserAccess: it is this one
        + tagged Team: payments: the account has `payments`

    $ usher explain group:Support payments-prod SupportUser
    group Support  in  payments-prod  200030303030  Workloads/Production/Regulated
      tags       Compliance=pci, CostCenter=2100, Environment=Production, Team=payments
      rules      rules.yaml (6 rules, mode sync, version 0923c47d0308)

    SupportUser: no access
      rule support-in-production (rules.yaml:41, sync): would give it, but for one thing
        + group Support: it is this group
        + permission set name SupportUser: it is this one
        - except in_ou Workloads/Production/Regulated: the account is in Workloads/Production/Regulated

    $ usher explain group:Support payments-prod SupportUser --what-if move:payments-prod:Workloads/Production
    group Support  in  payments-prod  200030303030  Workloads/Production
      supposed: payments-prod (200030303030) is in Workloads/Production, and not in Workloads/Production/Regulated
      tags       Compliance=pci, CostCenter=2100, Environment=Production, Team=payments
      rules      rules.yaml (6 rules, mode sync, version 0923c47d0308)

    SupportUser: no access yet
      group Support
        It is not there.
        The next run grants it, within its budget.
      rule support-in-production (rules.yaml:41, sync): gives it to group Support
        + group Support: it is this group
        + permission set name SupportUser: it is this one
        + in_ou Workloads/Production: the account is in Workloads/Production
    ");
}

#[tokio::test]
async fn a_move_in_the_example_organization_is_told_before_anybody_makes_it() {
    let place = Place::new(EXAMPLE).await;
    let rules = place.file("rules.yaml", include_str!("../../../cli/examples/rules.yaml"));
    let moved = place.usher("plan", &rules, &["--what-if", "move:payments-test:Workloads/Production"]).await;
    assert_eq!(moved.ending, Ending::ToDo, "{moved:?}");
    insta::assert_snapshot!(moved.out.replace(rules.to_str().unwrap(), "rules.yaml"), @r"
    Suppose that
      payments-test (200018181818) is in Workloads/Production, and not in Workloads/Test

    Rules rules.yaml (6 rules, mode sync, version 0923c47d0308)

    payments-test  200018181818  Workloads/Test -> Workloads/Production
      + SupportUser            group Support                 would be granted, by support-in-production
      - DatabaseAdministrator  group DatabaseAdministrators  would not be granted, as the next run does now, by databases-in-test
      - PowerUserAccess        group payments-developers     would not be granted, as the next run does now, by payments-team
      ! PowerUserAccess        group payments-developers     its grant would be withheld: forbidden by a `never` (rule payments-team)

    Then: 1 would be granted, 0 would be revoked in 1 account; 2 would not be granted any more; 1 would be withheld. Nothing was changed.
    ");
}
