//! What two reports tell has changed: what each of them saw, what the ledger saw in between, and nothing that one of them could not have seen.

use std::time::Duration;

use shared::{
    audit::{Audit, Change, ChangeKind, Standing, Way},
    domain::{AccountState, AssignmentKey, Principal},
    engine::AuditSettings,
};
use simulator::wire::identity_store as store;

use super::{
    members::joins,
    model::{Rules, group, in_ou, rules, tagged},
    service::Service,
};

fn document() -> Rules {
    rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development")),
        group("always", "Auditors").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        group("tag", "Support").gets("PowerUserAccess").in_accounts(tagged("Environment", "Sandbox")),
    ])
}

async fn granted() -> Service {
    let service = Service::new();
    service.publish(&document()).await;
    service.sweep_and_settle().await;
    service.pass(Duration::from_mins(10)).await;
    service
}

async fn read(service: &Service, way: Way, before: Option<&Audit>) -> Audit {
    let settings = AuditSettings { way: Some(way), ..AuditSettings::default() };
    service.ports.auditor(&settings).audit(before).await.unwrap()
}

fn of_key<'a>(audit: &'a Audit, key: &AssignmentKey) -> Vec<&'a Change> {
    let is_it = |change: &&Change| {
        change.account.as_ref() == Some(&key.account)
            && change.permission_set.as_ref() == Some(&key.permission_set)
            && change.principal.as_ref() == Some(&key.principal)
    };
    audit.changes.iter().filter(is_it).collect()
}

fn kinds(changes: &[&Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.change).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_otherwise_about_an_account_is_told_and_first_the_tags_that_give_access() {
    let service = granted().await;
    let before = read(&service, Way::ByAccount, None).await;
    let play = service.account("play");
    service
        .person(|world, now, who| world.rename_account(now, who, Some(&play), "playground"))
        .await
        .unwrap();
    service.tag("playground", "Contact", "somebody").await;
    service.tag("playground", "Environment", "Sandbox").await;
    let other = service.account("one-dev");
    service.person(|world, now, _| world.set_account_state(now, &other, AccountState::Suspended)).await;
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    let after = read(&service, Way::ByAccount, Some(&before)).await;
    let note = |kind, account: shared::domain::AccountId| {
        let mut all =
            after.changes.iter().filter(|one| one.change == kind && one.account.as_ref() == Some(&account));
        let one = all.next().unwrap_or_else(|| panic!("no {kind:?}: {:#?}", after.changes));
        assert!(all.next().is_none(), "{kind:?} is told once");
        one.note.clone().unwrap()
    };
    assert_eq!(note(ChangeKind::AccountRenamed, play.clone()), "from play to playground");
    assert_eq!(note(ChangeKind::AccountStateChanged, other), "from ACTIVE to SUSPENDED");
    assert_eq!(
        note(ChangeKind::AccountTagged, play),
        "tag `Environment`, which rules may look at, set to `Sandbox`; tag `Contact` set to `somebody`"
    );
    assert_eq!(after.taken.trusted_account_tags.first().map(String::as_str), Some("Environment"));
}

#[tokio::test(start_paused = true)]
async fn what_the_other_way_of_reading_does_not_find_is_not_told_to_be_gone_or_new() {
    let service = granted().await;
    // In a place where others have the same permission set.
    let orphan = service.key("one-dev", "ReadOnlyAccess", "Support");
    service.grant_by_hand(&orphan).await;
    service.pass(Duration::from_mins(10)).await;
    let alive = read(&service, Way::ByAccount, None).await;
    let support = service.world().group_named("Support").unwrap();
    service.person(|world, now, who| world.delete_group(now, who, &support)).await.unwrap();
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    let by_account = read(&service, Way::ByAccount, Some(&alive)).await;
    let told = by_account.assignments.iter().find(|one| one.key == orphan).unwrap();
    assert_eq!(told.standing, Standing::Orphaned);
    for before in [&alive, &by_account] {
        let by_principal = read(&service, Way::ByPrincipal, Some(before)).await;
        assert!(!by_principal.assignments.iter().any(|one| one.key == orphan), "it is not found so");
        assert_eq!(kinds(&of_key(&by_principal, &orphan)), [], "and not told to be gone");
        let again = read(&service, Way::ByAccount, Some(&by_principal)).await;
        assert_eq!(kinds(&of_key(&again, &orphan)), [], "it has not appeared");
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_took_from_somebody_who_is_still_there_is_gone_by_either_way() {
    let service = granted().await;
    let theirs = service.key("one-dev", "ReadOnlyAccess", "Support");
    service.grant_by_hand(&theirs).await;
    service.pass(Duration::from_mins(10)).await;
    let before = read(&service, Way::ByAccount, None).await;
    service.person(|world, now, _| world.revoke_by_hand(now, &theirs)).await;
    service.pass(Duration::from_mins(10)).await;
    for way in [Way::ByAccount, Way::ByPrincipal] {
        let after = read(&service, way, Some(&before)).await;
        assert_eq!(kinds(&of_key(&after, &theirs)), [ChangeKind::Gone], "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_and_went_between_two_reports_is_told() {
    let service = granted().await;
    let before = read(&service, Way::ByAccount, None).await;
    let key = service.key("play", "ReadOnlyAccess", "Developers");
    service.move_to("play", "Workloads/Development").await;
    service.settle().await;
    assert!(service.exists(&key));
    service.pass(Duration::from_mins(10)).await;
    service.move_to("play", "Sandbox").await;
    service.settle().await;
    assert!(!service.exists(&key));
    service.pass(Duration::from_mins(10)).await;
    let after = read(&service, Way::ByAccount, Some(&before)).await;
    let told = of_key(&after, &key);
    assert_eq!(kinds(&told), [ChangeKind::Revoked, ChangeKind::Granted], "{:#?}", after.changes);
    assert!(told[0].cause.as_deref().unwrap().starts_with("event:") && told[0].at.is_some(), "{told:?}");
    let calm = read(&service, Way::ByAccount, Some(&after)).await;
    assert_eq!(calm.changes, [], "it is told once");
}

#[tokio::test(start_paused = true)]
async fn who_joined_is_told_with_the_time_at_which_that_was_noticed() {
    let service = granted().await;
    let before = read(&service, Way::ByAccount, None).await;
    joins(&service, "bruno@example.com", "Developers").await;
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    let after = read(&service, Way::ByAccount, Some(&before)).await;
    let joined = after.changes.iter().find(|one| one.change == ChangeKind::Joined).unwrap();
    assert!(joined.at.is_some_and(|at| at >= before.taken.ended && at < after.taken.began), "{joined:?}");
}

#[tokio::test(start_paused = true)]
async fn who_was_deleted_or_has_another_name_is_told() {
    let service = granted().await;
    let before = read(&service, Way::ByAccount, None).await;
    let group = before.groups.iter().find(|group| !group.members.is_empty()).unwrap().clone();
    let member = group.members.first().unwrap().clone();
    let name = before.people.iter().find(|person| person.id == member).unwrap().user_name.clone();
    let identity_store_id = before.taken.identity_store.to_string();
    let delete = store::DeleteUser { identity_store_id, user_id: member.to_string(), revision: None };
    service.person(|world, now, who| world.call(now, who, delete)).await.unwrap();
    service.settle().await;
    service.pass(Duration::from_mins(10)).await;
    // What the new name leads to is yet to come.
    service.person(|world, now, who| world.rename_group(now, who, &group.id, "Renamed")).await.unwrap();
    let after = read(&service, Way::ByAccount, Some(&before)).await;
    let of = |kind| after.changes.iter().filter(|one| one.change == kind).collect::<Vec<_>>();
    let deleted = of(ChangeKind::PersonDeleted);
    assert_eq!(deleted.len(), 1, "{:#?}", after.changes);
    assert_eq!((deleted[0].person.as_ref(), deleted[0].note.as_deref()), (Some(&member), Some(&*name)));
    let left = of(ChangeKind::Left);
    assert!(left[0].note.as_deref().is_some_and(|note| note.contains(&name)), "{left:#?}");
    let renamed = of(ChangeKind::GroupRenamed);
    assert_eq!(renamed.len(), 1, "{:#?}", after.changes);
    assert_eq!(renamed[0].note, Some(format!("from {} to Renamed", group.name)));

    service.person(|world, now, who| world.delete_group(now, who, &group.id)).await.unwrap();
    let last = read(&service, Way::ByAccount, Some(&after)).await;
    let gone: Vec<_> = last.changes.iter().filter(|one| one.change == ChangeKind::GroupDeleted).collect();
    assert_eq!(gone.len(), 1, "{:#?}", last.changes);
    assert_eq!(gone[0].note.as_deref(), Some("group Renamed"));
    assert_eq!(gone[0].principal, Some(Principal::Group(group.id)));
}
