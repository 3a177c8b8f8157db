//! One role per account is updated at a time: what waits, what doesn't, and the other answers that AWS may give.

use shared::domain::{AssignmentKey, Principal};
use simulator::{ApiError, Assumptions, SecondRoleUpdate, Settings, World};

use crate::support::{at, create_input, delete_input, key, person, small, usher};

fn assuming(second_role_update: SecondRoleUpdate) -> World {
    let assumptions = Assumptions { second_role_update, ..Assumptions::default() };
    small(Settings { assumptions, ..Settings::default() })
}

fn grant(world: &mut World, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call(at(second), &usher(), create_input(key)).map(drop)
}

fn revoke(world: &mut World, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call(at(second), &usher(), delete_input(key)).map(drop)
}

/// When each request ended, in the order of acceptance; seconds after the beginning.
fn ends(world: &mut World) -> Vec<i64> {
    world.advance(at(1000));
    let seconds = |record: &simulator::RequestRecord| {
        let (end, outcome) = record.settled.clone().unwrap();
        outcome.unwrap();
        end.duration_since(at(0)).as_secs()
    };
    world.request_log().map(seconds).collect()
}

#[test]
fn the_second_permission_set_of_an_account_begins_when_the_first_has_ended() {
    let mut world = assuming(SecondRoleUpdate::Waits);
    let first = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let second = key(&world, "one-dev", "PowerUserAccess", "Developers");
    let elsewhere = key(&world, "two-dev", "PowerUserAccess", "Developers");
    for key in [&first, &second, &elsewhere] {
        grant(&mut world, 0, key).unwrap();
    }
    assert_eq!(world.outstanding(), 3);
    world.advance(at(2));
    assert_eq!(world.outstanding(), 1);
    assert_eq!(ends(&mut world), [2, 4, 2]);
}

#[test]
fn further_assignments_of_one_permission_set_wait_for_its_role_and_then_go_together() {
    let mut world = assuming(SecondRoleUpdate::Waits);
    let developers = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let support = key(&world, "one-dev", "ReadOnlyAccess", "Support");
    let bruno = AssignmentKey {
        principal: Principal::User(world.user_named("bruno@example.com").unwrap()),
        ..support.clone()
    };
    for key in [&developers, &support, &bruno] {
        grant(&mut world, 0, key).unwrap();
    }
    assert_eq!(ends(&mut world), [2, 4, 4]);
}

#[test]
fn the_end_of_the_last_assignment_takes_the_role_away_and_the_end_of_another_does_not() {
    let mut world = assuming(SecondRoleUpdate::Waits);
    let last = key(&world, "one-dev", "PowerUserAccess", "Developers");
    let new = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.grant_by_hand(at(0), &person(), &last);
    revoke(&mut world, 0, &last).unwrap();
    grant(&mut world, 0, &new).unwrap();
    assert_eq!(ends(&mut world), [2, 4]);

    let mut world = assuming(SecondRoleUpdate::Waits);
    let other = key(&world, "one-dev", "PowerUserAccess", "Support");
    world.grant_by_hand(at(0), &person(), &last);
    world.grant_by_hand(at(0), &person(), &other);
    revoke(&mut world, 0, &last).unwrap();
    grant(&mut world, 0, &new).unwrap();
    assert_eq!(ends(&mut world), [2, 2]);

    // Of two that go together, the later one is the last.
    let mut world = assuming(SecondRoleUpdate::Waits);
    world.grant_by_hand(at(0), &person(), &last);
    world.grant_by_hand(at(0), &person(), &other);
    revoke(&mut world, 0, &last).unwrap();
    revoke(&mut world, 0, &other).unwrap();
    grant(&mut world, 0, &new).unwrap();
    assert_eq!(ends(&mut world), [2, 2, 4]);
}

#[test]
fn a_second_role_update_may_be_refused_instead() {
    let mut world = assuming(SecondRoleUpdate::Refused);
    let first = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let second = key(&world, "one-dev", "PowerUserAccess", "Developers");
    grant(&mut world, 0, &first).unwrap();
    assert_eq!(grant(&mut world, 1, &second).unwrap_err().code, "ConflictException");
    grant(&mut world, 2, &second).unwrap();
    // The role of the first is there: a further assignment is no update of it.
    let further = AssignmentKey { principal: support(&world), ..first };
    grant(&mut world, 2, &further).unwrap();
    assert_eq!(ends(&mut world), [2, 4, 4]);
}

fn support(world: &World) -> Principal {
    Principal::Group(world.group_named("Support").unwrap())
}

#[test]
fn role_updates_may_go_side_by_side() {
    let mut world = assuming(SecondRoleUpdate::GoesAlong);
    for set in ["ReadOnlyAccess", "PowerUserAccess"] {
        let key = key(&world, "one-dev", set, "Developers");
        grant(&mut world, 0, &key).unwrap();
    }
    assert_eq!(ends(&mut world), [2, 2]);
}

#[test]
fn a_further_assignment_may_be_a_role_update_too() {
    let mut world = assuming(SecondRoleUpdate::Waits);
    world.settings.assumptions.assignment_updates_the_role = true;
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.grant_by_hand(at(0), &person(), &key);
    let further = AssignmentKey { principal: support(&world), ..key.clone() };
    grant(&mut world, 0, &further).unwrap();
    grant(&mut world, 0, &key).unwrap();
    assert_eq!(ends(&mut world), [2, 4]);
}
