//! Assignments are asynchronous: accepted first, there or refused later.

use std::time::Duration;

use shared::domain::{AccountState, AssignmentKey, Principal};
use simulator::{
    ApiError, Fault, FaultRule, Latency, Settings, StatusOrder, World,
    wire::{identity_store, sso_admin as sso},
};

use crate::support::{
    INSTANCE, STORE, account, at, create_input, delegated, delete_input, key, person, small, usher,
};

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> &'static str {
    result.unwrap_err().code
}

/// The status of a create request, with its reason.
fn status(world: &mut World, second: i64, id: &str) -> (String, Option<String>) {
    let input = sso::DescribeAccountAssignmentCreationStatus {
        instance_arn: INSTANCE.to_owned(),
        account_assignment_creation_request_id: id.to_owned(),
    };
    let status = world.call(at(second), &usher(), input).unwrap().account_assignment_creation_status;
    (status.status, status.failure_reason)
}

fn deletion(world: &mut World, second: i64, id: &str) -> (String, Option<String>) {
    let input = sso::DescribeAccountAssignmentDeletionStatus {
        instance_arn: INSTANCE.to_owned(),
        account_assignment_deletion_request_id: id.to_owned(),
    };
    let status = world.call(at(second), &usher(), input).unwrap().account_assignment_deletion_status;
    (status.status, status.failure_reason)
}

fn grant(world: &mut World, second: i64, key: &AssignmentKey) -> String {
    let output = world.call(at(second), &usher(), create_input(key)).unwrap();
    assert_eq!(output.account_assignment_creation_status.status, "IN_PROGRESS");
    output.account_assignment_creation_status.request_id
}

fn revoke(world: &mut World, second: i64, key: &AssignmentKey) -> String {
    world.call(at(second), &usher(), delete_input(key)).unwrap().account_assignment_deletion_status.request_id
}

fn list(world: &mut World, second: i64, key: &AssignmentKey) -> usize {
    let input = sso::ListAccountAssignments {
        instance_arn: INSTANCE.to_owned(),
        account_id: key.account.to_string(),
        permission_set_arn: key.permission_set.to_string(),
        ..Default::default()
    };
    world.call(at(second), &usher(), input).unwrap().account_assignments.len()
}

#[test]
fn an_assignment_is_accepted_first_and_there_later() {
    let mut world = small(Settings::default());
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let id = grant(&mut world, 0, &key);
    assert_eq!(status(&mut world, 1, &id).0, "IN_PROGRESS");
    assert!(world.assignments().is_empty());
    assert_eq!(world.next_due(), Some(at(2)));

    assert_eq!(status(&mut world, 2, &id), ("SUCCEEDED".to_owned(), None));
    let made = world.assignments().remove(&key).unwrap();
    assert_eq!((made.by, made.at, made.request.unwrap().to_string()), (usher(), at(2), id));
    assert_eq!(world.next_due(), None);

    let id = revoke(&mut world, 10, &key);
    assert_eq!(deletion(&mut world, 11, &id).0, "IN_PROGRESS");
    assert_eq!(deletion(&mut world, 12, &id), ("SUCCEEDED".to_owned(), None));
    assert!(world.assignments().is_empty());
}

#[test]
fn a_second_call_for_a_key_under_way_is_a_conflict() {
    let mut world = small(Settings::default());
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    grant(&mut world, 0, &key);
    assert_eq!(code(world.call(at(1), &usher(), create_input(&key))), "ConflictException");
    assert_eq!(code(world.call(at(1), &usher(), delete_input(&key))), "ConflictException");
    revoke(&mut world, 2, &key);
}

#[test]
fn requests_fail_later_for_the_reasons_that_aws_gives() {
    let mut world = small(Settings::default());
    let there = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let nobody = AssignmentKey {
        principal: Principal::Group("90670000-0000-4000-8000-000000000000".parse().unwrap()),
        ..there.clone()
    };
    let id = grant(&mut world, 0, &nobody);
    let (state, reason) = status(&mut world, 5, &id);
    assert_eq!(state, "FAILED");
    assert_eq!(
        reason.unwrap(),
        "Received a 404 status error: the GROUP assignee 90670000-0000-4000-8000-000000000000 was not found in directory d-9067642ac1."
    );

    let id = revoke(&mut world, 10, &there);
    let (state, reason) = deletion(&mut world, 15, &id);
    assert_eq!(state, "FAILED");
    assert!(reason.unwrap().starts_with(
        "Received a 404 status error: EntitlementItem doesn't exist with the given entitlement key"
    ));

    world.faults.policy_is_missing(there.account.clone(), there.permission_set.clone(), "team-boundary");
    let id = grant(&mut world, 20, &there);
    assert_eq!(
        status(&mut world, 25, &id).1.unwrap(),
        "Received a 404 status error: Not supported policy team-boundary."
    );
    world.faults.policy_is_there(there.account.clone(), there.permission_set.clone());

    world.fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 1);
    let id = grant(&mut world, 30, &there);
    assert_eq!(
        status(&mut world, 35, &id).1.unwrap(),
        "An unexpected internal service exception was encountered."
    );
    assert!(world.assignments().is_empty());

    let id = grant(&mut world, 40, &there);
    assert_eq!(status(&mut world, 45, &id).0, "SUCCEEDED");
}

#[test]
fn a_suspended_account_hangs_and_then_fails() {
    let mut world = small(Settings::default());
    let key = key(&world, "gone", "ReadOnlyAccess", "Developers");
    let id = grant(&mut world, 0, &key);
    assert_eq!(status(&mut world, 599, &id).0, "IN_PROGRESS");
    let (state, reason) = status(&mut world, 600, &id);
    assert_eq!(state, "FAILED");
    assert!(reason.unwrap().contains(
        "Obtaining permissions to manage your AWS account '555566667777' is taking longer than usual"
    ));

    let id = grant(&mut world, 700, &key);
    world.set_account_state(at(701), &key.account, AccountState::Active);
    assert_eq!(status(&mut world, 1300, &id).0, "SUCCEEDED");
}

#[test]
fn an_account_outside_the_organization_is_refused_or_fails_as_assumed() {
    let mut world = small(Settings::default());
    let key = AssignmentKey {
        account: account("999999999999"),
        ..key(&world, "one-dev", "ReadOnlyAccess", "Developers")
    };
    assert_eq!(code(world.call(at(0), &usher(), create_input(&key))), "ResourceNotFoundException");
    world.settings.assumptions.unknown_account_is_refused = false;
    let id = grant(&mut world, 1, &key);
    assert_eq!(status(&mut world, 700, &id).0, "FAILED");
}

#[test]
fn a_create_of_what_exists_ends_as_assumed() {
    let mut world = small(Settings::default());
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.grant_by_hand(at(0), &person(), &key);
    let id = grant(&mut world, 1, &key);
    assert_eq!(status(&mut world, 5, &id).0, "SUCCEEDED");
    assert_eq!(world.assignments()[&key].by, person(), "a second create does not make it ours");

    world.settings.assumptions.duplicate_create_succeeds = false;
    let id = grant(&mut world, 10, &key);
    assert_eq!(status(&mut world, 15, &id).0, "FAILED");
}

#[test]
fn no_more_requests_than_the_window_holds_are_under_way() {
    let mut settings = Settings::default();
    settings.quotas.outstanding = 2;
    let mut world = small(settings);
    let [one, two, three] = [("one-dev", "Developers"), ("two-dev", "Developers"), ("play", "Support")]
        .map(|(account, group)| key(&world, account, "ReadOnlyAccess", group));
    grant(&mut world, 0, &one);
    revoke(&mut world, 0, &two);
    let refused = world.call(at(1), &usher(), create_input(&three)).unwrap_err();
    assert_eq!(refused.message, "There are too many requests processing. Please try again later.");
    assert_eq!(refused.code, "ThrottlingException");
    assert_eq!(world.counters().most_outstanding, 2);
    grant(&mut world, 2, &three);

    world.settings.assumptions.deletes_share_the_window = false;
    grant(&mut world, 2, &two);
    revoke(&mut world, 2, &one);
    let four = key(&world, "play", "PowerUserAccess", "Support");
    assert_eq!(code(world.call(at(2), &usher(), create_input(&four))), "ThrottlingException");
}

#[test]
fn the_request_rate_is_one_for_all_of_sso_admin() {
    let mut world = small(Settings::default());
    for _ in 0..10 {
        world.call(at(0), &usher(), sso::ListInstances::default()).unwrap();
        let input = sso::ListPermissionSets { instance_arn: INSTANCE.to_owned(), ..Default::default() };
        world.call(at(0), &person(), input).unwrap();
    }
    let refused = world.call(at(0), &usher(), sso::ListInstances::default()).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), ("ThrottlingException", "Rate exceeded"));
    world.call(at(1), &usher(), sso::ListInstances::default()).unwrap();
    assert_eq!(world.counters().throttles["sso-admin:ListInstances"], 1);
}

#[test]
fn lists_lag_as_long_as_they_are_told_to() {
    let mut world = small(Settings { list_lag: Duration::from_secs(30), ..Settings::default() });
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    grant(&mut world, 0, &key);
    world.advance(at(2));
    assert!(world.assignments().contains_key(&key));
    assert_eq!((list(&mut world, 31, &key), list(&mut world, 32, &key)), (0, 1));

    world.revoke_by_hand(at(40), &key);
    assert_eq!((list(&mut world, 69, &key), list(&mut world, 70, &key)), (1, 0));
}

#[test]
fn the_lists_of_requests_show_status_id_and_time_only_and_page_through_all() {
    for order in [StatusOrder::NewestFirst, StatusOrder::Unordered] {
        let mut settings = Settings { page_size: 2, ..Settings::default() };
        settings.assumptions.status_order = order;
        settings.assumptions.status_retention = Some(Duration::from_secs(100));
        let mut world = small(settings);
        let mut ids = Vec::new();
        for (second, name) in [(0, "one-dev"), (1, "two-dev"), (2, "play"), (3, "management")] {
            let key = key(&world, name, "ReadOnlyAccess", "Developers");
            ids.push(grant(&mut world, second, &key));
        }
        let mut listed = Vec::new();
        let mut next_token = None;
        loop {
            let input = sso::ListAccountAssignmentCreationStatus {
                instance_arn: INSTANCE.to_owned(),
                next_token,
                filter: Some(sso::StatusFilter { status: Some("SUCCEEDED".to_owned()) }),
                ..Default::default()
            };
            let page = world.call(at(4), &usher(), input).unwrap();
            assert!(page.account_assignments_creation_status.len() <= 2);
            listed.extend(page.account_assignments_creation_status.into_iter().map(|item| item.request_id));
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        let mut expected: Vec<String> = ids[..3].iter().rev().cloned().collect();
        if order == StatusOrder::Unordered {
            listed.sort();
            expected.sort();
        }
        assert_eq!(listed, expected);

        let input = sso::DescribeAccountAssignmentCreationStatus {
            instance_arn: INSTANCE.to_owned(),
            account_assignment_creation_request_id: ids[0].clone(),
        };
        assert_eq!(
            code(world.call(at(102), &usher(), input)),
            "ResourceNotFoundException",
            "forgotten after its time"
        );
    }
}

#[test]
fn a_lost_answer_is_an_answer_nobody_got_to_a_call_that_was_done() {
    let mut world = small(Settings::default());
    let one = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.fail_next("CreateAccountAssignment", Fault::LostAnswer, 1);
    assert!(world.call(at(0), &usher(), create_input(&one)).unwrap_err().is_lost());
    world.advance(at(5));
    assert!(world.assignments().contains_key(&one));
    assert!(world.log().iter().any(|entry| entry.answer_lost && entry.error.is_none()));

    world.faults.add(FaultRule {
        operation: "CreateAccountAssignment".to_owned(),
        service: None,
        fault: Fault::Hang,
        calls: None,
        account: Some(account("444455556666")),
    });
    let play = key(&world, "play", "ReadOnlyAccess", "Developers");
    let id = grant(&mut world, 10, &play);
    assert_eq!(status(&mut world, 100_000, &id).0, "IN_PROGRESS");
    assert_eq!(world.outstanding(), 1);
}

#[test]
fn a_deleted_group_leaves_its_assignments_behind() {
    let mut world = small(Settings::default());
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    world.grant_by_hand(at(0), &person(), &key);
    let Principal::Group(group) = &key.principal else { panic!("a group's key") };
    world.delete_group(at(1), &person(), group).unwrap();
    assert_eq!(list(&mut world, 2, &key), 1);
    let input =
        identity_store::DescribeGroup { identity_store_id: STORE.to_owned(), group_id: group.to_string() };
    let missing = world.call(at(3), &usher(), input).unwrap_err();
    assert_eq!(
        (missing.code, missing.extra["ResourceType"].as_str()),
        ("ResourceNotFoundException", "GROUP")
    );
}

#[test]
fn a_delegated_administrator_is_kept_out_of_the_management_account() {
    let mut world = small(Settings::default());
    let management = key(&world, "management", "PowerUserAccess", "Support");
    let other = key(&world, "one-dev", "PowerUserAccess", "Support");
    assert_eq!(code(world.call(at(0), &delegated(), create_input(&management))), "AccessDeniedException");
    world.grant_by_hand(at(1), &person(), &management);
    assert_eq!(code(world.call(at(2), &delegated(), create_input(&other))), "AccessDeniedException");
    world.revoke_by_hand(at(3), &management);
    world.call(at(4), &delegated(), create_input(&other)).unwrap();
    let input = sso::ListAccountAssignmentsForPrincipal {
        instance_arn: INSTANCE.to_owned(),
        principal_id: other.principal.id().to_owned(),
        principal_type: "GROUP".to_owned(),
        ..Default::default()
    };
    assert_eq!(code(world.call(at(5), &delegated(), input)), "AccessDeniedException");
}

#[test]
fn the_same_calls_at_the_same_times_give_the_same_bytes() {
    let run = |seed| {
        let latency = Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(20) };
        let mut world = small(Settings { seed, assignment_latency: latency, ..Settings::default() });
        for (second, name) in [(0, "one-dev"), (1, "two-dev"), (2, "play")] {
            let key = key(&world, name, "ReadOnlyAccess", "Developers");
            grant(&mut world, second, &key);
        }
        world.advance(at(300));
        let requests: Vec<_> = world.request_log().cloned().collect();
        serde_json::to_string(&(world.take_events(world.now()), requests, world.log())).unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
