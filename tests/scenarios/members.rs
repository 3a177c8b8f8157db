//! Rules that give access to each member of a group.

use simulator::{EXAMPLE, Fault, Settings, wire::identity_store as wire};

use shared::domain::{AssignmentKey, Principal};

use super::{
    model::{Rule, Rules, Who, in_ou, rule, rules},
    service::{Service, Start},
};

const ALBA: &str = "alba@example.com";
const BRUNO: &str = "bruno@example.com";

/// What members of a group get in the sandbox.
pub(super) fn of_group(id: &str, of: &str) -> Rule {
    rule(id, Who::MembersOf(of.to_owned())).gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))
}

fn key(service: &Service, user: &str) -> AssignmentKey {
    let user = service.world().user_named(user).unwrap();
    AssignmentKey { principal: Principal::User(user), ..service.key("play", "ReadOnlyAccess", "Developers") }
}

async fn settled(rules: &Rules) -> Service {
    // One member a page: two members are two pages.
    let world = Settings { page_size: 1, ..Settings::default() };
    let service = Service::start(Start { world, ..Start::default() });
    service.publish(rules).await;
    service.sweep_and_settle().await;
    service
}

pub(super) async fn joins(service: &Service, user: &str, group: &str) {
    let input = {
        let world = service.world();
        wire::CreateGroupMembership {
            identity_store_id: world.identity_store(),
            group_id: world.group_named(group).unwrap().to_string(),
            member_id: wire::MemberId { user_id: world.user_named(user).unwrap().to_string() },
        }
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
}

pub(super) async fn leaves(service: &Service, user: &str, group: &str) {
    let (identity_store_id, group_id, user_id) = {
        let world = service.world();
        let (group, user) = (world.group_named(group).unwrap(), world.user_named(user).unwrap());
        (world.identity_store(), group.to_string(), user.to_string())
    };
    let member_id = wire::MemberId { user_id };
    let input = wire::ListGroupMembershipsForMember {
        identity_store_id: identity_store_id.clone(),
        member_id,
        max_results: None,
        next_token: None,
    };
    let mut token = None;
    loop {
        let input = wire::ListGroupMembershipsForMember { next_token: token, ..input.clone() };
        let page = service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
        if let Some(found) = page.group_memberships.iter().find(|it| it.group_id == group_id) {
            let membership_id = found.membership_id.clone();
            let input = wire::DeleteGroupMembership { identity_store_id, membership_id };
            service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
            return;
        }
        token = page.next_token;
        assert!(token.is_some(), "{user} is not in it");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_a_group_gets_what_its_members_get_and_whoever_leaves_it_loses_that() {
    let service = settled(&rules([of_group("dev", "Developers")])).await;
    let (alba, bruno) = (key(&service, ALBA), key(&service, BRUNO));
    assert!(service.exists(&alba) && !service.exists(&bruno));
    // The group itself gets nothing.
    assert!(!service.exists(&service.key("play", "ReadOnlyAccess", "Developers")));
    joins(&service, BRUNO, "Developers").await;
    service.sweep_and_settle().await;
    assert!(service.exists(&alba) && service.exists(&bruno));
    leaves(&service, ALBA, "Developers").await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&alba) && service.exists(&bruno));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_last_group_that_justified_it_loses_it() {
    let service = settled(&rules([of_group("dev", "Developers"), of_group("sup", "Support")])).await;
    let alba = key(&service, ALBA);
    joins(&service, ALBA, "Support").await;
    service.sweep_and_settle().await;
    leaves(&service, ALBA, "Developers").await;
    service.sweep_and_settle().await;
    assert!(service.exists(&alba));
    leaves(&service, ALBA, "Support").await;
    service.sweep_and_settle().await;
    assert!(!service.exists(&alba));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_page_of_a_group_s_members_takes_nothing_away() {
    let service = settled(&rules([of_group("dev", "Developers")])).await;
    joins(&service, BRUNO, "Developers").await;
    service.sweep_and_settle().await;
    let (alba, bruno) = (key(&service, ALBA), key(&service, BRUNO));
    for fault in [Fault::InternalError, Fault::AccessDenied] {
        service.world().fail_next("ListGroupMemberships", fault, 100);
        service.sweep_and_settle().await;
        service.hint("play").await;
        service.settle().await;
        assert!(service.exists(&alba) && service.exists(&bruno));
        service.world().faults.clear("ListGroupMemberships");
    }
    // Who leaves meanwhile loses it when the members can be read again.
    leaves(&service, ALBA, "Developers").await;
    service.world().fail_next("ListGroupMemberships", Fault::InternalError, 100);
    service.hint("play").await;
    service.settle().await;
    assert!(service.exists(&alba));
    service.world().faults.clear("ListGroupMemberships");
    service.sweep_and_settle().await;
    assert!(!service.exists(&alba) && service.exists(&bruno));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_deleted_takes_its_members_access_with_it_and_one_that_comes_back_gives_it_again() {
    let service = settled(&rules([of_group("dev", "Developers")])).await;
    let alba = key(&service, ALBA);
    let developers = service.world().group_named("Developers").unwrap();
    service.person(|world, now, who| world.delete_group(now, who, &developers)).await.unwrap();
    service.sweep_and_settle().await;
    assert!(!service.exists(&alba));
    let input = wire::CreateGroup {
        identity_store_id: service.world().identity_store(),
        display_name: Some("Developers".to_owned()),
        description: None,
    };
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    joins(&service, ALBA, "Developers").await;
    service.pass(std::time::Duration::from_mins(6)).await;
    service.sweep_and_settle().await;
    assert!(service.exists(&alba));
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_survey_reads_each_group_s_members_once() {
    let service = Service::start(Start { organization: EXAMPLE, ..Start::default() });
    let everywhere = |id: &str| rule(id, Who::MembersOf("Support".to_owned())).gets("ReadOnlyAccess");
    service.publish(&rules([everywhere("one"), everywhere("two")])).await;
    let before = service.world().log().len();
    service.sweep().await.unwrap();
    let world = service.world();
    let asked = world.log()[before..].iter().filter(|entry| entry.operation == "ListGroupMemberships");
    assert_eq!(asked.count(), 1);
}
