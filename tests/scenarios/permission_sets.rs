//! Permission sets that are made again, and quotas on how many there may be; and what fails meanwhile.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    domain::PermissionSetArn,
    engine::{EngineSettings, consent::ConsentError},
    plan::Quotas,
    ports::{Clock as _, Ledger as _, LedgerReader as _, SeenKind},
};
use simulator::{Fault, FaultRule, Service as Api, wire::sso_admin as sso};

use super::{
    fleet::fleet,
    model::{Reach, Where, group, in_ou, rules, tagged},
    service::{Service, Start},
};

/// A person deletes a permission set and makes another one under its name.
async fn made_again(service: &Service, name: &str) -> PermissionSetArn {
    let instance = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
    let before = service.world().permission_set_named(name).unwrap();
    let delete: sso::DeletePermissionSet =
        serde_json::from_value(json!({ "InstanceArn": instance, "PermissionSetArn": before })).unwrap();
    service.person(|world, now, who| world.call(now, who, delete)).await.unwrap();
    let create: sso::CreatePermissionSet =
        serde_json::from_value(json!({ "InstanceArn": instance, "Name": name })).unwrap();
    service.person(|world, now, who| world.call(now, who, create)).await.unwrap();
    let now = service.world().permission_set_named(name).unwrap();
    assert_ne!(before, now);
    now
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_re_created_under_its_name_waits_for_a_person() {
    let service = Service::new();
    let by_name = || group("read", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    // Rules that only observe have found the name, and nothing is assigned yet.
    service.publish(&rules([by_name().reaching(Reach::Observe)])).await;
    service.sweep_and_settle().await;
    let before = service.world().permission_set_named("ReadOnlyAccess").unwrap();
    let now = made_again(&service, "ReadOnlyAccess").await;

    let pinned = group("pinned", "Support").gets_arn(&now).in_accounts(in_ou("Sandbox"));
    service.publish(&rules([by_name(), pinned])).await;
    service.sweep_and_settle().await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    assert!(!service.exists(&key));
    // A rule that says which one it means has nothing to wait for.
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Support")));
    // Looking again, however often, confirms nothing.
    service.pass(Duration::from_hours(1)).await;
    service.sweep_and_settle().await;
    service.hint("play").await;
    service.settle().await;
    assert_eq!(service.withheld().await.get(&key).map(String::as_str), Some("recreated"));
    service.converged(&["recreated"]).await;

    let access = &*service.ports.access;
    let consent = service.consent();
    let wrong = consent.confirm_permission_set(access, "ReadOnlyAccess", Some(&before)).await;
    assert!(matches!(wrong, Err(ConsentError::OtherPermissionSet { .. })), "{wrong:?}");
    let none = consent.confirm_permission_set(access, "ReadOnly", None).await;
    assert!(matches!(none, Err(ConsentError::NoPermissionSet(_))), "{none:?}");
    // The clock of whoever saw the name first was ahead: what a person says holds all the same.
    let mut ahead = service.ledger.recall(SeenKind::PermissionSetName).await.unwrap();
    for seen in &mut ahead {
        seen.at = service.clock.now() + SignedDuration::from_mins(1);
    }
    service.ledger.remember(SeenKind::PermissionSetName, &ahead).await.unwrap();
    let confirmed = consent.confirm_permission_set(access, "ReadOnlyAccess", Some(&now)).await.unwrap();
    assert_eq!(confirmed, (now.clone(), Some(before)));
    let again = consent.confirm_permission_set(access, "ReadOnlyAccess", None).await.unwrap();
    assert_eq!(again, (now.clone(), Some(now)));
    let records = service.ledger.recall(SeenKind::Consent).await.unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    service.sweep_and_settle().await;
    assert!(service.exists(&key));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_rule_has_found_yet_is_learned_without_a_word() {
    let service = Service::new();
    made_again(&service, "ReadOnlyAccess").await;
    service
        .publish(&rules([group("read", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
        .await;
    service.hint("play").await;
    service.settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_a_quota_waits_and_goes_on_when_there_is_room() {
    let quotas = Quotas { groups: 2, ..Quotas::default() };
    let service = Service::start(Start {
        engine: EngineSettings { quotas, ..EngineSettings::default() },
        ..Start::default()
    });
    let reads = |id: &str, name: &str| group(id, name).gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"));
    let all = || [reads("a", "Developers"), reads("b", "Support"), reads("c", "Auditors")];
    service.publish(&rules(all())).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 2);
    let withheld = service.withheld().await;
    assert_eq!(withheld.values().collect::<Vec<_>>(), ["quota"]);
    service.converged(&["quota"]).await;

    let waits = withheld.into_keys().next().unwrap();
    let names = ["Developers", "Support", "Auditors"];
    let gone = names.iter().position(|name| service.key("play", "ReadOnlyAccess", name) != waits).unwrap();
    let left = all().into_iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, rule)| rule);
    service.publish(&rules(left)).await;
    service.sweep_and_settle().await;
    service.sweep_and_settle().await;
    assert!(service.exists(&waits));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn seventy_two_accounts_in_one_ou_all_get_theirs_under_throttling() {
    let organization = fleet(72, 1);
    let service = Service::start(Start { organization: &organization, ..Start::default() });
    service.checker().throttles_expected = true;
    service.world().fail_next("CreateAccountAssignment", Fault::Throttle, 30);
    service.world().fail_next("CreateAccountAssignment", Fault::WindowFull, 10);
    service.publish(&rules([group("all", "Developers").gets("Set0").in_accounts(in_ou("Fleet"))])).await;
    service.sweep_and_settle().await;
    assert_eq!(service.assignments().len(), 72);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_read_fails_while_a_tag_rule_would_revoke() {
    let service = Service::new();
    let document = rules([group("dev", "Developers")
        .gets("PowerUserAccess")
        .in_accounts(Where::All(vec![tagged("Environment", "Development"), in_ou("Workloads")]))]);
    service.publish(&document).await;
    service.sweep_and_settle().await;
    let key = service.key("one-dev", "PowerUserAccess", "Developers");
    let account = service.account("one-dev");
    for fault in [Fault::InternalError, Fault::AccessDenied] {
        service.world().faults.add(FaultRule {
            operation: "ListTagsForResource".to_owned(),
            service: Some(Api::Organizations),
            fault,
            calls: None,
            account: Some(account.clone()),
        });
        service.tag("one-dev", "Environment", "Production").await;
        service.deliver_events().await;
        assert!(service.drain_inbox().await >= 1);
        // In bulk the tag is seen; it is only a hint, and whoever decides can't read it.
        let swept = service.sweep().await.unwrap();
        assert_eq!((swept.differing, swept.unread), (1, 0));
        service.world().fail_next("GetResources", Fault::InternalError, 1);
        assert_eq!(service.sweep().await.unwrap().unread, 1);
        service.run_engine().await;
        assert_eq!(service.state(&key).await, "ours");
        assert!(service.exists(&key));
        // It is wanted again before it could be read.
        service.tag("one-dev", "Environment", "Development").await;
        service.world().faults.clear("ListTagsForResource");
        service.pass(Duration::from_mins(4)).await;
        service.settle().await;
        assert!(service.exists(&key));
    }
    service.tag("one-dev", "Environment", "Production").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.converged(&[]).await;
}
