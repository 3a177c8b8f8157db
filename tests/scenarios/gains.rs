//! What people gain and lose with their groups: told once, whole, and whatever dies in between.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use serde_json::Value;
use shared::{
    domain::Principal,
    engine::Heard,
    outcome::{Happened, Outcome},
};
use simulator::Fault;

use super::{
    fleet::calm,
    fuse::{Fuse, When, fused},
    identity_center::make_group,
    members::{joins, leaves},
    model::{Rules, Who, group, in_ou, rule, rules},
    outcomes::{ALBA, BRUNO, developers, settled, told, words},
    service::{SMALL, Service, Start},
};

/// What is gained or lost, as `gained ReadOnlyAccess in play by dev`, of all these in order.
fn gains(service: &Service, told: &[Outcome]) -> Vec<String> {
    let mut all = Vec::new();
    for outcome in told {
        let (Happened::Gained(it) | Happened::Lost(it)) = &outcome.happened else { continue };
        let (world, happened) = (service.world(), outcome.happened.word());
        for access in &it.access {
            let set = world.permission_set_name(&access.permission_set).unwrap_or_default();
            let account = world.account_name(&access.account).unwrap_or_default();
            let rules: Vec<_> = access.rules.iter().map(ToString::to_string).collect();
            all.push(format!("{happened} {set} in {account} by {}", rules.join(" ")));
        }
    }
    all.sort();
    all
}

/// What the rules give was given by events of accounts: no sweep has been by.
async fn given_by_events(rules: &Rules) -> Service {
    let service = Service::new();
    service.publish(rules).await;
    for account in ["one-dev", "two-dev", "one-prod", "play"] {
        service.hint(account).await;
    }
    service.settle().await;
    told(&service).await;
    service
}

#[tokio::test(start_paused = true)]
async fn who_joins_and_leaves_before_any_sweep_is_told() {
    let service = given_by_events(&developers()).await;
    joins(&service, BRUNO, "Developers").await;
    service.settle().await;
    assert_eq!(gains(&service, &told(&service).await), ["gained ReadOnlyAccess in play by dev"]);
    leaves(&service, BRUNO, "Developers").await;
    service.settle().await;
    assert_eq!(gains(&service, &told(&service).await), ["lost ReadOnlyAccess in play by dev"]);
    // Of Alba, who was there at the first look, only that she leaves is news.
    leaves(&service, ALBA, "Developers").await;
    service.settle().await;
    assert_eq!(gains(&service, &told(&service).await), ["lost ReadOnlyAccess in play by dev"]);
    service.converged(&[]).await;
    assert_eq!(words(&told(&service).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn whom_an_event_names_is_told_at_the_first_look_and_nobody_else() {
    let service = Service::new();
    service.world().fail_next("ListGroupMemberships", Fault::AccessDenied, 100);
    service.publish(&developers()).await;
    service.hint("play").await;
    service.settle().await;
    assert!(service.exists(&service.key("play", "ReadOnlyAccess", "Developers")), "access waits for nobody");
    service.world().faults.clear("ListGroupMemberships");
    told(&service).await;
    joins(&service, BRUNO, "Developers").await;
    let events = service.take_events();
    service.deliver(events.clone()).await;
    let gained = told(&service).await;
    let bruno = service.world().user_named(BRUNO).unwrap();
    assert!(
        matches!(&gained[..], [one] if matches!(&one.happened, Happened::Gained(it) if it.user == bruno)),
        "{gained:?}"
    );
    service.deliver(events).await;
    service.sweep_and_settle().await;
    assert_eq!(words(&told(&service).await), [""; 0], "an event that comes again tells nothing new");
    leaves(&service, BRUNO, "Developers").await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["lost"]);
}

fn newcomers() -> Rules {
    rules([
        group("new", "Newcomers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
        group("play", "Newcomers").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
    ])
}

const ALL_OF_NEWCOMERS: [&str; 4] = [
    "gained PowerUserAccess in play by play",
    "gained ReadOnlyAccess in one-dev by new",
    "gained ReadOnlyAccess in one-prod by new",
    "gained ReadOnlyAccess in two-dev by new",
];

#[tokio::test(start_paused = true)]
async fn who_joins_while_the_group_s_grants_are_on_their_way_is_told_all_of_them_in_one_outcome() {
    let service = Service::new();
    service.publish(&newcomers()).await;
    service.sweep_and_settle().await;
    make_group(&service, "Newcomers").await;
    service.deliver_events().await;
    service.drain_inbox().await;
    let states: BTreeSet<_> = service.rows().await.iter().map(|row| row.state.label()).collect();
    assert_eq!(states, ["pending"].into());
    joins(&service, BRUNO, "Newcomers").await;
    service.deliver_events().await;
    let gained = told(&service).await;
    assert_eq!(gained.len(), 1, "{gained:?}");
    assert_eq!(gains(&service, &gained), ALL_OF_NEWCOMERS);
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["granted"; 4]);
    service.converged(&[]).await;
    assert_eq!(words(&told(&service).await), [""; 0]);
}

/// An identity provider makes a group and puts somebody in it; the events of both come before anything is decided.
async fn joins_before_anything_is_decided(by_scim: bool) {
    let service = Service::new();
    service.publish(&newcomers()).await;
    service.sweep_and_settle().await;
    if by_scim {
        let id = service.world().identity_store();
        let input = simulator::wire::identity_store::CreateGroup {
            identity_store_id: id,
            display_name: Some("Newcomers".to_owned()),
            description: None,
        };
        service
            .person(|world, now, who| world.by_identity_provider(|world| world.call(now, who, input)))
            .await
            .unwrap();
        let (id, bruno) = {
            let world = service.world();
            (world.group_named("Newcomers").unwrap(), world.user_named(BRUNO).unwrap())
        };
        let add = |world: &mut simulator::World, now, who: &_| {
            world.by_identity_provider(|world| world.add_to_group(now, who, &id, &bruno))
        };
        service.person(add).await.unwrap();
    } else {
        make_group(&service, "Newcomers").await;
        joins(&service, BRUNO, "Newcomers").await;
    }
    service.deliver_events().await;
    assert_eq!(words(&told(&service).await), [""; 0], "there is nothing to tell yet");
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["granted"; 4]);
    service.sweep_and_settle().await;
    let gained = told(&service).await;
    assert_eq!(gained.len(), 1, "{gained:?}");
    assert_eq!(gains(&service, &gained), ALL_OF_NEWCOMERS);
    service.converged(&[]).await;
    assert_eq!(words(&told(&service).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn who_joins_before_the_group_s_grants_are_decided_is_told_by_the_next_look() {
    joins_before_anything_is_decided(false).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_group_when_it_appears_has_joined_it() {
    joins_before_anything_is_decided(true).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_long_been_in_a_group_that_is_heard_of_for_the_first_time_has_not_joined_it() {
    let service =
        settled(&rules([group("new", "Builders").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]))
            .await;
    joins(&service, BRUNO, "Support").await;
    drop(service.take_events());
    service.pass(Duration::from_mins(10)).await;
    told(&service).await;
    let id = service.world().group_named("Support").unwrap();
    service.person(|world, now, who| world.rename_group(now, who, &id, "Builders")).await.unwrap();
    service.settle().await;
    service.sweep_and_settle().await;
    assert_eq!(words(&told(&service).await), ["granted"]);
}

#[tokio::test(start_paused = true)]
async fn a_membership_leads_to_one_outcome_that_lists_all_accounts_and_permission_sets() {
    let service = settled(&rules([
        group("dev", "Developers")
            .gets("ReadOnlyAccess")
            .gets("PowerUserAccess")
            .in_accounts(in_ou("Workloads/Development")),
        group("all", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads")),
    ]))
    .await;
    told(&service).await;
    joins(&service, BRUNO, "Developers").await;
    service.settle().await;
    let gained = told(&service).await;
    assert_eq!(gained.len(), 1, "{gained:?}");
    assert_eq!(gained[0].rules, ["all", "dev"].map(|id| id.parse().unwrap()).into());
    assert_eq!(
        gains(&service, &gained),
        [
            "gained PowerUserAccess in one-dev by dev",
            "gained PowerUserAccess in two-dev by dev",
            "gained ReadOnlyAccess in one-dev by all dev",
            "gained ReadOnlyAccess in one-prod by all",
            "gained ReadOnlyAccess in two-dev by all dev",
        ]
    );
    leaves(&service, BRUNO, "Developers").await;
    service.settle().await;
    let lost = told(&service).await;
    assert_eq!((words(&lost), gains(&service, &lost).len()), (vec!["lost".to_owned()], 5));
}

#[tokio::test(start_paused = true)]
async fn a_move_between_groups_is_told_by_what_they_differ_in_whichever_event_comes_first() {
    let both = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").gets("DeployAccess").in_accounts(in_ou("Sandbox")),
        group("sup", "Support").gets("ReadOnlyAccess").gets("PowerUserAccess").in_accounts(in_ou("Sandbox")),
    ]);
    for joins_first in [true, false] {
        let service = settled(&both).await;
        told(&service).await;
        drop(service.take_events());
        joins(&service, ALBA, "Support").await;
        leaves(&service, ALBA, "Developers").await;
        let mut events = service.take_events();
        assert_eq!(events.len(), 2);
        if !joins_first {
            events.reverse();
        }
        service.deliver(events).await;
        service.settle().await;
        let moved = gains(&service, &told(&service).await);
        let expected = ["gained PowerUserAccess in play by sup", "lost DeployAccess in play by dev"];
        assert_eq!(moved, expected, "joins first: {joins_first}");
        service.converged(&[]).await;
        assert_eq!(words(&told(&service).await), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_person_who_leaves_is_asked_about_once_however_many_other_groups_have_the_same() {
    let names: Vec<String> = (0..40).map(|n| format!("Team{n:02}")).collect();
    let of = |name: &String| {
        group(&name.to_lowercase(), name).gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))
    };
    let service = Service::start(Start { world: calm(), ..Start::default() });
    for name in &names {
        make_group(&service, name).await;
    }
    joins(&service, ALBA, "Team00").await;
    joins(&service, ALBA, "Team39").await;
    service.publish(&rules(names.iter().map(of))).await;
    service.sweep_and_settle().await;
    told(&service).await;
    leaves(&service, ALBA, "Team00").await;
    let before = service.world().log().len();
    service.settle().await;
    let asked: Vec<_> = service.world().log()[before..].iter().map(|entry| entry.operation).collect();
    let count = |operation: &str| asked.iter().filter(|it| **it == operation).count();
    assert_eq!((count("ListGroupMemberships"), count("ListGroupMembershipsForMember")), (1, 1), "{asked:?}");
    assert_eq!(words(&told(&service).await), [""; 0], "another group still gives it");
    leaves(&service, ALBA, "Team39").await;
    service.settle().await;
    assert_eq!(words(&told(&service).await), ["lost"]);
}

/// Hears of these events until the fuse has blown; tells how many things were done.
async fn hear(service: &Service, events: &[Value], when: When) -> usize {
    let fuse = Fuse::new(when);
    let ports = fused(&service.ports, &fuse);
    let all = async {
        for event in events {
            assert!(matches!(ports.hear(event.clone(), &*service.parked).await.unwrap(), Heard::Hinted(_)));
        }
    };
    tokio::select! {
        () = all => {}
        () = fuse.blown() => {}
    }
    fuse.count()
}

fn ids(told: &[Outcome]) -> BTreeSet<String> {
    told.iter().map(|outcome| outcome.id.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_function_that_dies_while_it_tells_tells_again_under_the_same_id_and_loses_nothing() {
    for word in ["gained", "lost"] {
        let begin = async || {
            let service = given_by_events(&developers()).await;
            drop(service.take_events());
            if word == "lost" {
                leaves(&service, ALBA, "Developers").await;
            } else {
                joins(&service, BRUNO, "Developers").await;
            }
            let events = service.take_events();
            assert_eq!(events.len(), 1);
            (service, events)
        };
        let (service, events) = begin().await;
        let steps = hear(&service, &events, When::Never).await;
        assert!(steps > 10, "only {steps} steps");
        for n in 0..steps {
            for (when, is_told_between) in
                [(When::Before(n), true), (When::Before(n), false), (When::After(n), true)]
            {
                let (service, events) = begin().await;
                hear(&service, &events, when).await;
                let first = if is_told_between { told(&service).await } else { Vec::new() };
                service.pass(Duration::from_mins(1)).await;
                service.deliver(events).await;
                service.settle().await;
                let again = told(&service).await;
                // What the one that died has half written down is set right by the sweep.
                service.sweep_and_settle().await;
                let swept = told(&service).await;
                let all: Vec<_> = first.into_iter().chain(again).chain(swept).collect();
                assert!(words(&all).iter().all(|it| it == word), "{when:?} of {steps}: {all:?}");
                assert_eq!(ids(&all).len(), 1, "{when:?} of {steps}: {all:?}");
            }
        }
    }
}

/// The small organization with so many more people in Developers, one of whom is in Support too.
fn with_people(count: usize) -> String {
    let mut text = SMALL.to_owned();
    for n in 0..count {
        let groups = if n == 0 { "[Developers, Support]" } else { "[Developers]" };
        writeln!(text, "  - {{ user_name: p{n:03}@example.com, display_name: P {n}, groups: {groups} }}")
            .unwrap();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_large_group_that_is_deleted_is_told_in_parts_of_which_only_one_is_told_again() {
    let organization = with_people(230);
    let both = rules([
        group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
        group("sup", "Support").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox")),
    ]);
    let begin = async || {
        let service =
            Service::start(Start { organization: &organization, world: calm(), ..Start::default() });
        service.publish(&both).await;
        service.sweep_and_settle().await;
        told(&service).await;
        let id = service.world().group_named("Developers").unwrap();
        service.person(|world, now, who| world.delete_group(now, who, &id)).await.unwrap();
        let events = service.take_events();
        (service, events)
    };
    let (service, events) = begin().await;
    let before = service.world().log().len();
    let steps = hear(&service, &events, When::Never).await;
    let asked: Vec<_> = service.world().log()[before..].iter().map(|entry| entry.operation).collect();
    let listed = asked.iter().filter(|it| **it == "ListGroupMemberships").count();
    assert_eq!(listed, 2, "the group that is gone, and the other one: {asked:?}");
    assert!(!asked.contains(&"ListGroupMembershipsForMember"));
    assert_eq!(words(&told(&service).await), vec!["lost"; 230]);
    for n in (steps - 9)..steps {
        let (service, events) = begin().await;
        hear(&service, &events, When::After(n)).await;
        let first = told(&service).await;
        service.pass(Duration::from_mins(1)).await;
        service.deliver(events).await;
        let second = told(&service).await;
        assert_eq!(ids(&first).union(&ids(&second)).count(), 230, "after {n} of {steps}");
        let both = ids(&first).intersection(&ids(&second)).count();
        assert!(both <= 100, "after {n} of {steps}: {both} again");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_membership_is_a_look_where_that_group_s_members_have_something() {
    let service = settled(&rules([
        rule("dev", Who::MembersOf("Developers".to_owned()))
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Sandbox")),
        rule("sup", Who::MembersOf("Support".to_owned()))
            .gets("ReadOnlyAccess")
            .in_accounts(in_ou("Workloads")),
    ]))
    .await;
    drop(service.take_events());
    leaves(&service, ALBA, "Developers").await;
    let events = service.take_events();
    assert_eq!(events.len(), 1);
    for event in events {
        let heard = service.ports.hear(event, &*service.parked).await.unwrap();
        assert_eq!(heard, Heard::Hinted(1), "only the one account of that rule");
    }
    service.settle().await;
    let alba = Principal::User(service.world().user_named(ALBA).unwrap());
    assert!(service.world().assignments().keys().all(|key| key.principal != alba));
    service.converged(&[]).await;
}
