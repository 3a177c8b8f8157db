//! Assignments are asynchronous: accepted first, there or refused later.

use std::{cell::RefCell, time::Duration};

use serde_json::Value;
use shared::domain::{AccountState, AssignmentKey, Principal};
use simulator::{
    Fault, FaultRule, Latency, Settings, StatusOrder,
    wire::{identity_store, sso_admin as sso},
};

use crate::{
    faces::{Faced, both, both_with},
    support::{INSTANCE, STORE, account, at, create_input, delegated, delete_input, key, person, usher},
};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The status of a request in an answer, with its reason.
fn ending(status: &Value) -> (String, Option<String>) {
    (text(&status["Status"]), status.get("FailureReason").map(text))
}

fn status(world: &mut Faced, second: i64, id: &str) -> (String, Option<String>) {
    let input = sso::DescribeAccountAssignmentCreationStatus {
        instance_arn: INSTANCE.to_owned(),
        account_assignment_creation_request_id: id.to_owned(),
    };
    ending(&world.ok_at(at(second), &usher(), input)["AccountAssignmentCreationStatus"])
}

fn deletion(world: &mut Faced, second: i64, id: &str) -> (String, Option<String>) {
    let input = sso::DescribeAccountAssignmentDeletionStatus {
        instance_arn: INSTANCE.to_owned(),
        account_assignment_deletion_request_id: id.to_owned(),
    };
    ending(&world.ok_at(at(second), &usher(), input)["AccountAssignmentDeletionStatus"])
}

fn grant(world: &mut Faced, second: i64, key: &AssignmentKey) -> String {
    let status = &world.ok_at(at(second), &usher(), create_input(key))["AccountAssignmentCreationStatus"];
    assert_eq!(status["Status"], "IN_PROGRESS");
    text(&status["RequestId"])
}

fn revoke(world: &mut Faced, second: i64, key: &AssignmentKey) -> String {
    let answer = world.ok_at(at(second), &usher(), delete_input(key));
    text(&answer["AccountAssignmentDeletionStatus"]["RequestId"])
}

fn list(world: &mut Faced, second: i64, key: &AssignmentKey) -> usize {
    let input = sso::ListAccountAssignments {
        instance_arn: INSTANCE.to_owned(),
        account_id: key.account.to_string(),
        permission_set_arn: key.permission_set.to_string(),
        ..Default::default()
    };
    world.ok_at(at(second), &usher(), input)["AccountAssignments"].as_array().unwrap().len()
}

#[test]
fn an_assignment_is_accepted_first_and_there_later() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let id = grant(world, 0, &key);
        assert_eq!(status(world, 1, &id).0, "IN_PROGRESS");
        assert!(world.world.assignments().is_empty());
        assert_eq!(world.world.next_due(), Some(at(2)));

        assert_eq!(status(world, 2, &id), ("SUCCEEDED".to_owned(), None));
        let made = world.world.assignments().remove(&key).unwrap();
        assert_eq!((made.by, made.at, made.request.unwrap().to_string()), (usher(), at(2), id));
        assert_eq!(world.world.next_due(), None);

        let id = revoke(world, 10, &key);
        assert_eq!(deletion(world, 11, &id).0, "IN_PROGRESS");
        assert_eq!(deletion(world, 12, &id), ("SUCCEEDED".to_owned(), None));
        assert!(world.world.assignments().is_empty());
    });
}

#[test]
fn a_second_call_for_a_key_under_way_is_a_conflict() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        grant(world, 0, &key);
        assert_eq!(world.refused_at(at(1), &usher(), create_input(&key)).code, "ConflictException");
        assert_eq!(world.refused_at(at(1), &usher(), delete_input(&key)).code, "ConflictException");
        revoke(world, 2, &key);
    });
}

#[test]
fn requests_fail_later_for_the_reasons_that_aws_gives() {
    both(|world| {
        let there = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        let nobody = AssignmentKey {
            principal: Principal::Group("90670000-0000-4000-8000-000000000000".parse().unwrap()),
            ..there.clone()
        };
        let id = grant(world, 0, &nobody);
        let (state, reason) = status(world, 5, &id);
        assert_eq!(state, "FAILED");
        assert_eq!(
            reason.unwrap(),
            "Received a 404 status error: the GROUP assignee 90670000-0000-4000-8000-000000000000 was not found in directory d-9067642ac1."
        );

        let id = revoke(world, 10, &there);
        let (state, reason) = deletion(world, 15, &id);
        assert_eq!(state, "FAILED");
        assert!(reason.unwrap().starts_with(
            "Received a 404 status error: EntitlementItem doesn't exist with the given entitlement key"
        ));

        world.world.faults.policy_is_missing(
            there.account.clone(),
            there.permission_set.clone(),
            "team-boundary",
        );
        let id = grant(world, 20, &there);
        assert_eq!(
            status(world, 25, &id).1.unwrap(),
            "Received a 404 status error: Not supported policy team-boundary."
        );
        world.world.faults.policy_is_there(there.account.clone(), there.permission_set.clone());

        world.world.fail_next("CreateAccountAssignment", Fault::internal_exception_later(), 1);
        let id = grant(world, 30, &there);
        assert_eq!(
            status(world, 35, &id).1.unwrap(),
            "An unexpected internal service exception was encountered."
        );
        assert!(world.world.assignments().is_empty());

        let id = grant(world, 40, &there);
        assert_eq!(status(world, 45, &id).0, "SUCCEEDED");
    });
}

#[test]
fn a_suspended_account_hangs_and_then_fails() {
    both(|world| {
        let key = key(&world.world, "gone", "ReadOnlyAccess", "Developers");
        let id = grant(world, 0, &key);
        assert_eq!(status(world, 599, &id).0, "IN_PROGRESS");
        let (state, reason) = status(world, 600, &id);
        assert_eq!(state, "FAILED");
        assert!(reason.unwrap().contains(
            "Obtaining permissions to manage your AWS account '555566667777' is taking longer than usual"
        ));

        let id = grant(world, 700, &key);
        world.world.set_account_state(at(701), &key.account, AccountState::Active);
        assert_eq!(status(world, 1300, &id).0, "SUCCEEDED");
    });
}

#[test]
fn an_account_outside_the_organization_is_refused_or_fails_as_assumed() {
    both(|world| {
        let key = AssignmentKey {
            account: account("999999999999"),
            ..key(&world.world, "one-dev", "ReadOnlyAccess", "Developers")
        };
        assert_eq!(world.refused_at(at(0), &usher(), create_input(&key)).code, "ResourceNotFoundException");
        world.world.settings.assumptions.unknown_account_is_refused = false;
        let id = grant(world, 1, &key);
        assert_eq!(status(world, 700, &id).0, "FAILED");
    });
}

#[test]
fn a_create_of_what_exists_ends_as_assumed() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let id = grant(world, 1, &key);
        assert_eq!(status(world, 5, &id).0, "SUCCEEDED");
        assert_eq!(world.world.assignments()[&key].by, person(), "a second create does not make it ours");

        world.world.settings.assumptions.duplicate_create_succeeds = false;
        let id = grant(world, 10, &key);
        assert_eq!(status(world, 15, &id).0, "FAILED");
    });
}

#[test]
fn no_more_requests_than_the_window_holds_are_under_way() {
    let mut settings = Settings::default();
    settings.quotas.outstanding = 2;
    both_with(&settings, |world| {
        let [one, two, three] = [("one-dev", "Developers"), ("two-dev", "Developers"), ("play", "Support")]
            .map(|(account, group)| key(&world.world, account, "ReadOnlyAccess", group));
        grant(world, 0, &one);
        revoke(world, 0, &two);
        let refused = world.refused_at(at(1), &usher(), create_input(&three));
        assert_eq!(refused.message, "There are too many requests processing. Please try again later.");
        assert_eq!(refused.code, "ThrottlingException");
        assert_eq!(world.world.counters().most_outstanding, 2);
        grant(world, 2, &three);

        world.world.settings.assumptions.deletes_share_the_window = false;
        grant(world, 2, &two);
        revoke(world, 2, &one);
        let four = key(&world.world, "play", "PowerUserAccess", "Support");
        assert_eq!(world.refused_at(at(2), &usher(), create_input(&four)).code, "ThrottlingException");
    });
}

#[test]
fn the_request_rate_is_one_for_all_of_sso_admin() {
    both(|world| {
        for _ in 0..10 {
            world.ok_at(at(0), &usher(), sso::ListInstances::default());
            let input = sso::ListPermissionSets { instance_arn: INSTANCE.to_owned(), ..Default::default() };
            world.ok_at(at(0), &person(), input);
        }
        let refused = world.refused_at(at(0), &usher(), sso::ListInstances::default());
        assert_eq!((refused.code, refused.message.as_str()), ("ThrottlingException", "Rate exceeded"));
        world.ok_at(at(1), &usher(), sso::ListInstances::default());
        assert_eq!(world.world.counters().throttles["sso-admin:ListInstances"], 1);
    });
}

#[test]
fn lists_lag_as_long_as_they_are_told_to() {
    both_with(&Settings { list_lag: Duration::from_secs(30), ..Settings::default() }, |world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        grant(world, 0, &key);
        world.world.advance(at(2));
        assert!(world.world.assignments().contains_key(&key));
        assert_eq!((list(world, 31, &key), list(world, 32, &key)), (0, 1));

        world.world.revoke_by_hand(at(40), &key);
        assert_eq!((list(world, 69, &key), list(world, 70, &key)), (1, 0));
    });
}

#[test]
fn the_lists_of_requests_show_status_id_and_time_only_and_page_through_all() {
    for order in [StatusOrder::NewestFirst, StatusOrder::Unordered] {
        let mut settings = Settings { page_size: 2, ..Settings::default() };
        settings.assumptions.status_order = order;
        settings.assumptions.status_retention = Some(Duration::from_secs(100));
        both_with(&settings, |world| {
            let mut ids = Vec::new();
            for (second, name) in [(0, "one-dev"), (1, "two-dev"), (2, "play"), (3, "management")] {
                let key = key(&world.world, name, "ReadOnlyAccess", "Developers");
                ids.push(grant(world, second, &key));
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
                let page = world.ok_at(at(4), &usher(), input);
                let items = page["AccountAssignmentsCreationStatus"].as_array().unwrap();
                assert!(items.len() <= 2);
                for item in items {
                    let members: Vec<&String> = item.as_object().unwrap().keys().collect();
                    assert_eq!(members.len(), 3, "{members:?}");
                    assert!(item["CreatedDate"].is_number() && item["Status"] == "SUCCEEDED", "{item}");
                    listed.push(text(&item["RequestId"]));
                }
                next_token = page.get("NextToken").map(text);
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
            let forgotten = world.refused_at(at(102), &usher(), input);
            assert_eq!(forgotten.code, "ResourceNotFoundException", "forgotten after its time");
        });
    }
}

#[test]
fn a_lost_answer_is_an_answer_nobody_got_to_a_call_that_was_done() {
    both(|world| {
        let one = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.fail_next("CreateAccountAssignment", Fault::LostAnswer, 1);
        assert!(world.refused_at(at(0), &usher(), create_input(&one)).is_lost());
        world.world.advance(at(5));
        assert!(world.world.assignments().contains_key(&one));
        assert!(world.world.log().iter().any(|entry| entry.answer_lost && entry.error.is_none()));

        world.world.faults.add(FaultRule {
            operation: "CreateAccountAssignment".to_owned(),
            service: None,
            fault: Fault::Hang,
            calls: None,
            account: Some(account("444455556666")),
        });
        let play = key(&world.world, "play", "ReadOnlyAccess", "Developers");
        let id = grant(world, 10, &play);
        assert_eq!(status(world, 100_000, &id).0, "IN_PROGRESS");
        assert_eq!(world.world.outstanding(), 1);
    });
}

#[test]
fn a_deleted_group_leaves_its_assignments_behind() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let Principal::Group(group) = &key.principal else { panic!("a group's key") };
        world.world.delete_group(at(1), &person(), group).unwrap();
        assert_eq!(list(world, 2, &key), 1);
        let input = identity_store::DescribeGroup {
            identity_store_id: STORE.to_owned(),
            group_id: group.to_string(),
        };
        let missing = world.refused_at(at(3), &usher(), input);
        assert_eq!(
            (missing.code, missing.extra["ResourceType"].as_str()),
            ("ResourceNotFoundException", "GROUP")
        );
    });
}

#[test]
fn a_delegated_administrator_is_kept_out_of_the_management_account() {
    both(|world| {
        let management = key(&world.world, "management", "PowerUserAccess", "Support");
        let other = key(&world.world, "one-dev", "PowerUserAccess", "Support");
        assert_eq!(
            world.refused_at(at(0), &delegated(), create_input(&management)).code,
            "AccessDeniedException"
        );
        world.world.grant_by_hand(at(1), &person(), &management);
        assert_eq!(world.refused_at(at(2), &delegated(), create_input(&other)).code, "AccessDeniedException");
        world.world.revoke_by_hand(at(3), &management);
        world.ok_at(at(4), &delegated(), create_input(&other));
        let input = sso::ListAccountAssignmentsForPrincipal {
            instance_arn: INSTANCE.to_owned(),
            principal_id: other.principal.id().to_owned(),
            principal_type: "GROUP".to_owned(),
            ..Default::default()
        };
        assert_eq!(world.refused_at(at(5), &delegated(), input).code, "AccessDeniedException");
    });
}

#[test]
fn the_same_calls_at_the_same_times_give_the_same_bytes() {
    let run = |seed| {
        let latency = Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(20) };
        let settings = Settings { seed, assignment_latency: latency, ..Settings::default() };
        let told = RefCell::new(Vec::new());
        both_with(&settings, |world| {
            for (second, name) in [(0, "one-dev"), (1, "two-dev"), (2, "play")] {
                let key = key(&world.world, name, "ReadOnlyAccess", "Developers");
                grant(world, second, &key);
            }
            let world = &mut world.world;
            world.advance(at(300));
            let requests: Vec<_> = world.request_log().cloned().collect();
            let all = (world.take_events(world.now()), requests, world.log());
            told.borrow_mut().push(serde_json::to_string(&all).unwrap());
        });
        told.into_inner()
    };
    let once = run(1);
    assert_eq!(once, run(1));
    assert_ne!(once, run(2));
    // And whichever face they came by.
    assert!(once.iter().all(|told| *told == once[0]), "{once:#?}");
}
