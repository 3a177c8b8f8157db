//! The three ways in which groups and users are changed (console, API, SCIM), and groups that are made anew.

use std::time::Duration;

use shared::{
    domain::{AssignmentKey, Principal},
    outcome::{Happened, Outcome},
};
use simulator::{Caller, World};

use super::{
    identity_center::make_group,
    model::{Who, group, in_ou, rule, rules},
    outcomes::{BRUNO, told, words},
    service::Service,
};

#[tokio::test(start_paused = true)]
async fn what_a_group_had_that_was_made_anew_is_cleaned_up_apart_and_the_new_one_keeps_what_it_has() {
    let service = Service::new();
    let workloads = || in_ou("Workloads");
    service
        .publish(&rules([group("new", "Newcomers").gets("ReadOnlyAccess").in_accounts(workloads())]))
        .await;
    service.sweep_and_settle().await;
    make_group(&service, "Newcomers").await;
    service.settle().await;
    let keys = |service: &Service| {
        ["one-dev", "two-dev", "one-prod"].map(|account| service.key(account, "ReadOnlyAccess", "Newcomers"))
    };
    let first = keys(&service);
    let Principal::Group(id) = first[0].principal.clone() else { panic!("{first:?}") };
    service.person(|world, now, who| world.delete_group(now, who, &id)).await.unwrap();
    make_group(&service, "Newcomers").await;
    service.settle().await;
    let second = keys(&service);
    assert!(first.iter().chain(&second).all(|key| service.exists(key)), "its grace is not over");
    told(&service).await;

    service.pass(Duration::from_hours(25)).await;
    service.sweep_and_settle().await;
    assert!(first.iter().all(|key| !service.exists(key)));
    assert!(second.iter().all(|key| service.exists(key)));
    let cleaned = told(&service).await;
    let of_first = |outcome: &Outcome| matches!(&outcome.happened, Happened::Revoked { assignment, orphan: true } if first.contains(assignment));
    assert_eq!((cleaned.len(), cleaned.iter().all(of_first)), (3, true), "{cleaned:?}");
    for key in &second {
        assert_eq!(service.state(key).await, "ours");
    }
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_in_the_console_is_noticed_as_what_the_api_changes() {
    let service = Service::new();
    service
        .publish(&rules([
            group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
            group("new", "Builders").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
        ]))
        .await;
    service.sweep_and_settle().await;
    told(&service).await;
    let (id, bruno) = {
        let world = service.world();
        (world.group_named("Developers").unwrap(), world.user_named(BRUNO).unwrap())
    };
    let adds = |world: &mut World, now, who: &Caller| {
        world.in_console(|world| world.add_to_group(now, who, &id, &bruno))
    };
    service.person(adds).await.unwrap();
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["gained"]);
    let removes = |world: &mut World, now, who: &Caller| {
        world.in_console(|world| world.remove_from_group(now, who, &id, &bruno))
    };
    service.person(removes).await.unwrap();
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["lost"]);
    service.pass(Duration::from_mins(10)).await;
    let renames = |world: &mut World, now, who: &Caller| {
        world.in_console(|world| world.rename_group(now, who, &id, "Builders"))
    };
    service.person(renames).await.unwrap();
    service.settle().await;
    assert_eq!(service.assignments(), ["play PowerUserAccess Builders"]);
    let deletes =
        |world: &mut World, now, who: &Caller| world.in_console(|world| world.delete_group(now, who, &id));
    service.person(deletes).await.unwrap();
    service.settle().await;
    service.converged(&["orphaned"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_a_group_is_a_new_name_other_members_or_both() {
    for (renames, joins) in [(true, false), (false, true), (true, true)] {
        let service = Service::new();
        service
            .publish(&rules([
                group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
                group("new", "Builders").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
                rule("of", Who::MembersOf("Developers".to_owned()))
                    .gets("DeployAccess")
                    .in_accounts(in_ou("Workloads/Production")),
            ]))
            .await;
        service.sweep_and_settle().await;
        told(&service).await;
        drop(service.take_events());
        service.pass(Duration::from_mins(10)).await;
        let (id, bruno) = {
            let world = service.world();
            (world.group_named("Developers").unwrap(), world.user_named(BRUNO).unwrap())
        };
        let patches = |world: &mut World, now, who: &Caller| {
            world.by_identity_provider(|world| {
                if joins {
                    world.add_to_group(now, who, &id, &bruno).unwrap();
                }
                if renames {
                    world.rename_group(now, who, &id, "Builders").unwrap();
                }
            });
        };
        service.person(patches).await;
        let events = service.take_events();
        assert!(events.iter().all(|event| event["detail"]["eventName"] == "PatchGroup"), "{events:?}");
        // One call may change all of it: then there is one event.
        service.deliver(events.into_iter().take(1).collect()).await;
        service.settle().await;
        let context = format!("renames: {renames}, joins: {joins}");
        let of_group = |it: &String| it.ends_with("Developers") || it.ends_with("Builders");
        let of_group: Vec<String> = service.assignments().into_iter().filter(of_group).collect();
        let expected =
            if renames { "play PowerUserAccess Builders" } else { "play ReadOnlyAccess Developers" };
        assert_eq!(of_group, [expected], "{context}");
        let of_bruno = AssignmentKey {
            principal: Principal::User(bruno.clone()),
            ..service.key("one-prod", "DeployAccess", "Support")
        };
        assert_eq!(service.exists(&of_bruno), joins && !renames, "{context}");
        let gained = words(&told(&service).await).iter().filter(|word| *word == "gained").count();
        assert_eq!(gained, usize::from(joins), "{context}");
        service.converged(&[]).await;
    }
}
