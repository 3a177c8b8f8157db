//! That the model writes what the product reads, and that its two ways to say what is wanted are one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{AssignmentKey, Principal};

use super::{Joined, Reach, Truth, Where, Who, group, in_ou, rule, rules, tagged};

#[test]
fn the_product_reads_every_document_that_the_model_can_write() {
    let id = "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab";
    let everything = Where::All(vec![
        Where::Everywhere,
        Where::Any(vec![
            in_ou("Workloads/Test"),
            Where::DirectlyInOu("Sandbox".into()),
            tagged("Team", "data"),
        ]),
    ])
    .except([Where::Named("play".into()), Where::Id("444455556666".into())]);
    let document = rules([
        group("a", "Developers")
            .and(Who::User("alba@example.com".into()))
            .and(Who::GroupId(id.parse().unwrap()))
            .and(Who::UserId(id.parse().unwrap()))
            .gets("ReadOnlyAccess")
            .gets_tagged("Environment", "All")
            .in_accounts(everything),
        group("b", "Support").gets("ReadOnlyAccess").reaching(Reach::Observe),
        group("c", "Support").gets("ReadOnlyAccess").reaching(Reach::CreateOnly),
        rule("d", Who::MembersOf("Support".into()))
            .and(Who::GroupOfTag("Team".into(), "-developers".into()))
            .gets_arn(
                &"arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-1234567890abcdef".parse().unwrap(),
            )
            .in_accounts(Where::All(vec![
                Where::Has("Team".into(), true),
                Where::Has("Frozen".into(), false),
                Where::TagBegins("Team".into(), "data-".into()),
            ]))
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All"))
            .where_tag("OU", Joined::AnyOu, None)
            .where_tag("OU", Joined::NearestOu, None)
            .from("2026-11-02T09:00:00Z".parse().unwrap())
            .until("2026-12-02T09:00:00Z".parse().unwrap()),
    ])
    .never(group("", "Support").gets("PowerUserAccess"));
    let read = shared::rules::read(&document.bundle()).unwrap();
    assert_eq!((read.rules.len(), read.never.len()), (4, 1));
}

#[test]
fn all_that_is_wanted_is_what_is_wanted_key_by_key() {
    let world = simulator::World::from_yaml(crate::scenarios::service::SMALL, simulator::Settings::default())
        .unwrap();
    let truth = Truth::of(&world);
    let document = rules([
        group("a", "Developers")
            .and(Who::User("bruno@example.com".into()))
            .and(Who::MembersOf("Developers".into()))
            .gets("ReadOnlyAccess")
            .gets_tagged("Environment", "Development")
            .in_accounts(Where::Everywhere.except([in_ou("Sandbox")])),
        group("b", "Support")
            .gets_tagged("Environment", "All")
            .gets_tagged("Environment", "Production")
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All")),
        group("c", "Auditors").gets("DeployAccess").until(Timestamp::MIN),
        group("d", "Nobody").gets("DeployAccess"),
    ])
    .never(
        rule("", Who::MembersOf("Developers".into())).gets("PowerUserAccess").in_accounts(in_ou("Workloads")),
    );
    let groups = truth.groups.values().cloned().map(Principal::Group);
    let principals: Vec<_> = groups.chain(truth.users.values().cloned().map(Principal::User)).collect();
    let mut one_by_one = BTreeSet::new();
    for account in truth.accounts.iter() {
        for set in truth.sets.iter() {
            for principal in &principals {
                let (account, permission_set) = (account.id.clone(), set.arn.clone());
                let key = AssignmentKey { account, permission_set, principal: principal.clone() };
                one_by_one.extend(document.wants(&truth, &key).then_some(key));
            }
        }
    }
    assert_eq!(document.wanted(&truth), one_by_one);
    assert!(one_by_one.len() > 10);
}
