//! What an account may hold at most.

use shared::domain::{AssignmentKey, Principal};
use simulator::{ApiError, Settings, World};

use crate::support::{at, create_input, key, person, small, usher};

fn grant(world: &mut World, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call(at(second), &usher(), create_input(key)).map(drop)
}

#[test]
fn one_group_more_than_allowed_is_refused_at_once_and_a_user_is_not_a_group() {
    let mut settings = Settings::default();
    settings.quotas.groups_per_permission_set = 1;
    let mut world = small(settings);
    let developers = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let support = key(&world, "one-dev", "ReadOnlyAccess", "Support");
    grant(&mut world, 0, &developers).unwrap();
    // Under way counts as done.
    assert_eq!(grant(&mut world, 1, &support).unwrap_err().code, "ServiceQuotaExceededException");
    world.advance(at(5));
    assert_eq!(grant(&mut world, 6, &support).unwrap_err().code, "ServiceQuotaExceededException");
    let user = Principal::User(world.user_named("bruno@example.com").unwrap());
    grant(&mut world, 7, &AssignmentKey { principal: user, ..support.clone() }).unwrap();
    // What exists can be asked for again, and another permission set or account has room of its own.
    grant(&mut world, 8, &developers).unwrap();
    let elsewhere = key(&world, "two-dev", "ReadOnlyAccess", "Support");
    grant(&mut world, 9, &elsewhere).unwrap();
    let another = key(&world, "one-dev", "PowerUserAccess", "Support");
    grant(&mut world, 9, &another).unwrap();
}

#[test]
fn one_permission_set_more_than_an_account_may_have_is_refused_or_fails_later() {
    let mut settings = Settings::default();
    settings.quotas.permission_sets_per_account = 1;
    let mut world = small(settings);
    let first = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let second = key(&world, "one-dev", "PowerUserAccess", "Developers");
    world.grant_by_hand(at(0), &person(), &first);
    assert_eq!(grant(&mut world, 1, &second).unwrap_err().code, "ServiceQuotaExceededException");
    let more_of_the_first = key(&world, "one-dev", "ReadOnlyAccess", "Support");
    grant(&mut world, 2, &more_of_the_first).unwrap();

    world.settings.assumptions.account_quota_is_refused_at_once = false;
    grant(&mut world, 3, &second).unwrap();
    world.advance(at(100));
    let last = world.request_log().last().unwrap();
    let reason = last.settled.clone().unwrap().1.unwrap_err();
    assert!(reason.contains("number of permission sets"), "{reason}");
    assert!(!world.assignments().contains_key(&second));
}
