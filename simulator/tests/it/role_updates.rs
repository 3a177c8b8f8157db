//! One role per account is updated at a time: what waits, what doesn't, and the other answers that AWS may give.

use shared::domain::{AssignmentKey, Principal};
use simulator::{ApiError, Assumptions, SecondRoleUpdate, Settings, World};

use crate::{
    faces::{Faced, both_with},
    support::{at, create_input, delete_input, key, person, usher},
};

fn assuming(second_role_update: SecondRoleUpdate) -> Settings {
    let assumptions = Assumptions { second_role_update, ..Assumptions::default() };
    Settings { assumptions, ..Settings::default() }
}

fn grant(world: &mut Faced, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call_at(at(second), &usher(), create_input(key)).map(drop)
}

fn revoke(world: &mut Faced, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call_at(at(second), &usher(), delete_input(key)).map(drop)
}

/// When each request ended, in the order of acceptance; seconds after the beginning.
fn ends(world: &mut Faced) -> Vec<i64> {
    world.world.advance(at(1000));
    let seconds = |record: &simulator::RequestRecord| {
        let (end, outcome) = record.settled.clone().unwrap();
        outcome.unwrap();
        end.duration_since(at(0)).as_secs()
    };
    world.world.request_log().map(seconds).collect()
}

#[test]
fn the_second_permission_set_of_an_account_begins_when_the_first_has_ended() {
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        let first = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let second = key(&world.world, "one-dev", "PowerUserAccess", "Developers");
        let elsewhere = key(&world.world, "two-dev", "PowerUserAccess", "Developers");
        for key in [&first, &second, &elsewhere] {
            grant(world, 0, key).unwrap();
        }
        assert_eq!(world.world.outstanding(), 3);
        world.world.advance(at(2));
        assert_eq!(world.world.outstanding(), 1);
        assert_eq!(ends(world), [2, 4, 2]);
    });
}

#[test]
fn further_assignments_of_one_permission_set_wait_for_its_role_and_then_go_together() {
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        let developers = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let support = key(&world.world, "one-dev", "ReadOnlyAccess", "Support");
        let bruno = AssignmentKey {
            principal: Principal::User(world.world.user_named("bruno@example.com").unwrap()),
            ..support.clone()
        };
        for key in [&developers, &support, &bruno] {
            grant(world, 0, key).unwrap();
        }
        assert_eq!(ends(world), [2, 4, 4]);
    });
}

#[test]
fn the_end_of_the_last_assignment_takes_the_role_away_and_the_end_of_another_does_not() {
    let keys = |world: &Faced| {
        [("PowerUserAccess", "Developers"), ("PowerUserAccess", "Support"), ("ReadOnlyAccess", "Developers")]
            .map(|(set, group)| key(&world.world, "one-dev", set, group))
    };
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        let [last, _, new] = keys(world);
        world.world.grant_by_hand(at(0), &person(), &last);
        revoke(world, 0, &last).unwrap();
        grant(world, 0, &new).unwrap();
        assert_eq!(ends(world), [2, 4]);
    });
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        let [last, other, new] = keys(world);
        world.world.grant_by_hand(at(0), &person(), &last);
        world.world.grant_by_hand(at(0), &person(), &other);
        revoke(world, 0, &last).unwrap();
        grant(world, 0, &new).unwrap();
        assert_eq!(ends(world), [2, 2]);
    });
    // Of two that go together, the later one is the last.
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        let [last, other, new] = keys(world);
        world.world.grant_by_hand(at(0), &person(), &last);
        world.world.grant_by_hand(at(0), &person(), &other);
        revoke(world, 0, &last).unwrap();
        revoke(world, 0, &other).unwrap();
        grant(world, 0, &new).unwrap();
        assert_eq!(ends(world), [2, 2, 4]);
    });
}

#[test]
fn a_second_role_update_may_be_refused_instead() {
    both_with(&assuming(SecondRoleUpdate::Refused), |world| {
        let first = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let second = key(&world.world, "one-dev", "PowerUserAccess", "Developers");
        grant(world, 0, &first).unwrap();
        assert_eq!(grant(world, 1, &second).unwrap_err().code, "ConflictException");
        grant(world, 2, &second).unwrap();
        // The role of the first is there: a further assignment is no update of it.
        let further = AssignmentKey { principal: support(&world.world), ..first };
        grant(world, 2, &further).unwrap();
        assert_eq!(ends(world), [2, 4, 4]);
    });
}

fn support(world: &World) -> Principal {
    Principal::Group(world.group_named("Support").unwrap())
}

#[test]
fn role_updates_may_go_side_by_side() {
    both_with(&assuming(SecondRoleUpdate::GoesAlong), |world| {
        for set in ["ReadOnlyAccess", "PowerUserAccess"] {
            let key = key(&world.world, "one-dev", set, "Developers");
            grant(world, 0, &key).unwrap();
        }
        assert_eq!(ends(world), [2, 2]);
    });
}

#[test]
fn a_further_assignment_may_be_a_role_update_too() {
    both_with(&assuming(SecondRoleUpdate::Waits), |world| {
        world.world.settings.assumptions.assignment_updates_the_role = true;
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let further = AssignmentKey { principal: support(&world.world), ..key.clone() };
        grant(world, 0, &further).unwrap();
        grant(world, 0, &key).unwrap();
        assert_eq!(ends(world), [2, 4]);
    });
}
