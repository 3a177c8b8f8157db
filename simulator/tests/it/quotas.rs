//! What an account may hold at most.

use shared::domain::{AssignmentKey, Principal};
use simulator::{ApiError, Settings};

use crate::{
    faces::{Faced, both_with},
    support::{at, create_input, key, person, usher},
};

fn grant(world: &mut Faced, second: i64, key: &AssignmentKey) -> Result<(), ApiError> {
    world.call_at(at(second), &usher(), create_input(key)).map(drop)
}

#[test]
fn one_group_more_than_allowed_is_refused_at_once_and_a_user_is_not_a_group() {
    let mut settings = Settings::default();
    settings.quotas.groups_per_permission_set = 1;
    both_with(&settings, |world| {
        let developers = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let support = key(&world.world, "one-dev", "ReadOnlyAccess", "Support");
        grant(world, 0, &developers).unwrap();
        // Under way counts as done.
        assert_eq!(grant(world, 1, &support).unwrap_err().code, "ServiceQuotaExceededException");
        world.world.advance(at(5));
        assert_eq!(grant(world, 6, &support).unwrap_err().code, "ServiceQuotaExceededException");
        let user = Principal::User(world.world.user_named("bruno@example.com").unwrap());
        grant(world, 7, &AssignmentKey { principal: user, ..support.clone() }).unwrap();
        // What exists can be asked for again, and another permission set or account has room of its own.
        grant(world, 8, &developers).unwrap();
        let elsewhere = key(&world.world, "two-dev", "ReadOnlyAccess", "Support");
        grant(world, 9, &elsewhere).unwrap();
        let another = key(&world.world, "one-dev", "PowerUserAccess", "Support");
        grant(world, 9, &another).unwrap();
    });
}

#[test]
fn one_permission_set_more_than_an_account_may_have_is_refused_or_fails_later() {
    let mut settings = Settings::default();
    settings.quotas.permission_sets_per_account = 1;
    both_with(&settings, |world| {
        let first = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let second = key(&world.world, "one-dev", "PowerUserAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &first);
        assert_eq!(grant(world, 1, &second).unwrap_err().code, "ServiceQuotaExceededException");
        let more_of_the_first = key(&world.world, "one-dev", "ReadOnlyAccess", "Support");
        grant(world, 2, &more_of_the_first).unwrap();

        world.world.settings.assumptions.account_quota_is_refused_at_once = false;
        grant(world, 3, &second).unwrap();
        world.world.advance(at(100));
        let last = world.world.request_log().last().unwrap();
        let reason = last.settled.clone().unwrap().1.unwrap_err();
        assert!(reason.contains("number of permission sets"), "{reason}");
        assert!(!world.world.assignments().contains_key(&second));
    });
}
