//! Faults that strike what a call starts, and faults for one account.

use serde_json::{Value, json};
use simulator::{
    Fault, FaultRule, Settings, World,
    wire::{organizations as org, sso_admin as sso},
};

use crate::{
    faces::{Faced, both, both_with},
    served::served,
    support::{INSTANCE, account, at, create_input, key, locked, person, small, unhurried},
};

fn make(world: &mut Faced, second: i64, name: &str) -> String {
    let input = org::CreateAccount {
        account_name: name.to_owned(),
        email: format!("{name}@example.com"),
        ..org::CreateAccount::default()
    };
    let status = &world.ok_at(at(second), &person(), input)["CreateAccountStatus"];
    status["Id"].as_str().unwrap().to_owned()
}

fn making(world: &mut Faced, second: i64, id: &str) -> (String, Option<String>) {
    let input = org::DescribeCreateAccountStatus { create_account_request_id: id.to_owned() };
    let status = &world.ok_at(at(second), &person(), input)["CreateAccountStatus"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&status["State"]), status.get("FailureReason").map(text))
}

fn state_of(world: &mut Faced, second: i64, id: &str) -> String {
    let input = org::DescribeAccount { account_id: id.to_owned() };
    world.ok_at(at(second), &person(), input)["Account"]["State"].as_str().unwrap().to_owned()
}

#[test]
fn the_making_of_an_account_fails_is_slow_or_hangs_on_request() {
    both_with(&unhurried(), |world| {
        world.world.fail_next("CreateAccount", Fault::FailLater("INVALID_ADDRESS".to_owned()), 1);
        world.world.fail_next("CreateAccount", Fault::Slow(std::time::Duration::from_mins(10)), 1);
        world.world.fail_next("CreateAccount", Fault::Hang, 1);
        let ids = ["one", "two", "three", "four"].map(|name| make(world, 0, name));
        // What is written down in between goes on the same.
        world.world = World::from_yaml(&world.world.to_yaml().unwrap(), unhurried()).unwrap();
        world.world.advance(at(0));
        let mut states = |second| ids.each_ref().map(|id| making(world, second, id));
        let failed = ("FAILED".to_owned(), Some("INVALID_ADDRESS".to_owned()));
        let [waits, done] = ["IN_PROGRESS", "SUCCEEDED"].map(|state| (state.to_owned(), None));
        assert_eq!(states(60), [failed.clone(), waits.clone(), waits.clone(), done.clone()]);
        assert_eq!(states(3600), [failed, done.clone(), waits, done]);
    });
}

#[test]
fn the_closing_of_an_account_is_slow_or_hangs_on_request() {
    both_with(&unhurried(), |world| {
        world.world.fail_next("CloseAccount", Fault::Slow(std::time::Duration::from_mins(30)), 1);
        world.world.fail_next("CloseAccount", Fault::Hang, 1);
        for id in ["222233334444", "333344445555", "444455556666"] {
            world.ok_at(at(0), &person(), org::CloseAccount { account_id: id.to_owned() });
        }
        let mut states =
            |second| ["222233334444", "333344445555", "444455556666"].map(|id| state_of(world, second, id));
        assert_eq!(states(100), ["PENDING_CLOSURE", "PENDING_CLOSURE", "CLOSED"]);
        assert_eq!(states(86_400), ["CLOSED", "PENDING_CLOSURE", "CLOSED"]);
    });
}

#[test]
fn a_fault_of_a_request_is_not_used_up_by_a_call_that_is_refused() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.faults.add(simulator::PlannedFault {
            after: 1,
            ..FaultRule {
                operation: "CreateAccountAssignment".to_owned(),
                service: None,
                fault: Fault::FailLater("not today".to_owned()),
                calls: Some(1),
                account: None,
            }
            .into()
        });
        let refused = |world: &mut Faced, second| {
            let input =
                sso::CreateAccountAssignment { principal_type: "ROBOT".to_owned(), ..create_input(&key) };
            assert_eq!(world.refused_at(at(second), &person(), input).code, "ValidationException");
        };
        refused(world, 0);
        // The first that is accepted is spared, the second is struck, whatever was refused in between.
        world.ok_at(at(1), &person(), create_input(&key));
        refused(world, 10);
        world.ok_at(at(11), &person(), create_input(&key));
        world.ok_at(at(20), &person(), create_input(&key));
        world.world.advance(at(30));
        let outcomes: Vec<_> =
            world.world.request_log().map(|record| record.settled.clone().unwrap().1.is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
        assert!(world.world.faults.list().is_empty());
    });
}

#[test]
fn a_fault_of_requests_for_every_operation_leaves_the_other_operations_alone() {
    both(|world| {
        world.world.fail_next("*", Fault::FailLater("not today".to_owned()), 1);
        world.ok_at(at(0), &person(), org::ListRoots::default());
        // Not a word in which AWS would say why.
        let made = make(world, 1, "new");
        assert_eq!(making(world, 30, &made).0, "SUCCEEDED");
        assert_eq!(world.world.faults.list().len(), 1);
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.ok_at(at(31), &person(), create_input(&key));
        world.world.advance(at(60));
        assert!(world.world.request_log().next().unwrap().settled.clone().unwrap().1.is_err());
    });
}

#[test]
fn a_fault_for_one_account_meets_every_call_that_names_the_account() {
    both(|world: &mut Faced| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let mut fails = |operation: &str| {
            world.world.faults.add(FaultRule {
                operation: operation.to_owned(),
                service: None,
                fault: Fault::InternalError,
                calls: None,
                account: Some(account("222233334444")),
            });
        };
        fails("ProvisionPermissionSet");
        fails("ListAccountAssignmentsForPrincipal");
        fails("InviteAccountToOrganization");
        let provision = |target: &str| json!({ "PermissionSetArn": key.permission_set, "TargetType": "AWS_ACCOUNT", "TargetId": target });
        world.refused::<sso::ProvisionPermissionSet>(provision("222233334444"), "InternalServerException");
        world.ok::<sso::ProvisionPermissionSet>(provision("333344445555"));
        let list = |filter: Value| {
            let mut body = json!({ "PrincipalType": "GROUP", "PrincipalId": key.principal.id() });
            if !filter.is_null() {
                body["Filter"] = filter;
            }
            body
        };
        let one = json!({ "AccountId": "222233334444" });
        world.refused::<sso::ListAccountAssignmentsForPrincipal>(list(one), "InternalServerException");
        world.ok::<sso::ListAccountAssignmentsForPrincipal>(list(json!({ "AccountId": "333344445555" })));
        world.ok::<sso::ListAccountAssignmentsForPrincipal>(list(Value::Null));
        let invite = |id: &str| json!({ "Target": { "Type": "ACCOUNT", "Id": id } });
        world.refused::<org::InviteAccountToOrganization>(invite("222233334444"), "ServiceException");
    });
}

#[tokio::test]
async fn a_fault_that_no_call_could_meet_is_refused() {
    let served = served(small(Settings::default())).await;
    let one = "222233334444";
    for (fault, expected) in [
        (json!({ "operation": "GetGroupId", "fault": "hang" }), "`GetGroupId` starts nothing"),
        (json!({ "operation": "CreateAccount", "fault": { "fail_later": "bad luck" } }), "INTERNAL_FAILURE"),
        (json!({ "operation": "CloseAccount", "fault": { "fail_later": "bad luck" } }), "not documented"),
        (
            json!({ "operation": "*", "service": "identitystore", "fault": "hang" }),
            "the service starts nothing",
        ),
        (json!({ "operation": "ListAccounts", "fault": "throttle", "account": one }), "names no account"),
        (
            json!({ "operation": "*", "service": "identitystore", "fault": "throttle", "account": one }),
            "no operation of the service could",
        ),
        (json!({ "operation": "CloseAccount", "fault": "throttle", "calls": 0 }), "`calls` is 0"),
        (json!({ "operation": "DescribeAccount", "fault": "window_full" }), "only SSO Admin has a window"),
        (json!({ "operation": "GetResources", "fault": "window_full" }), "only SSO Admin has a window"),
        (
            json!({ "operation": "TagResource", "service": "organizations", "fault": "window_full" }),
            "only SSO Admin has a window",
        ),
        (json!({ "operation": "GetGroupId", "fault": "conflict" }), "no error for a conflict"),
        (json!({ "operation": "ListTagsForResource", "fault": "conflict" }), "no error for a conflict"),
        (
            json!({ "operation": "*", "service": "resourcegroupstaggingapi", "fault": "conflict" }),
            "no operation of the service could",
        ),
    ] {
        let (status, _, body) = served.send("POST", "/_usher/faults", "", fault.to_string().as_bytes()).await;
        assert_eq!(status, 400, "{fault}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        let file = format!("{}faults: [{fault}]\n", crate::support::SMALL);
        let error = World::from_yaml(&file, Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(
            usize::try_from(error.line).unwrap(),
            crate::support::SMALL.lines().count() + 1,
            "{error}"
        );
    }
    assert!(locked(&served.world).faults.list().is_empty());
    for fault in [
        json!({ "operation": "TagResource", "fault": "window_full", "calls": 1 }),
        json!({ "operation": "DescribeOrganization", "fault": "conflict" }),
        json!({ "operation": "*", "fault": "conflict", "account": one }),
    ] {
        let (status, _, body) = served.send("POST", "/_usher/faults", "", fault.to_string().as_bytes()).await;
        assert_eq!(status, 204, "{fault}: {body}");
    }
}

#[test]
fn a_conflict_for_every_operation_strikes_those_that_have_an_error_for_it() {
    both(|world| {
        world.world.fail_next("*", Fault::Conflict, 1);
        world.ok_at(at(0), &person(), org::ListRoots::default());
        let input = org::CreateAccount {
            account_name: "new".to_owned(),
            email: "new@example.com".to_owned(),
            ..org::CreateAccount::default()
        };
        let error = world.refused_at(at(1), &person(), input);
        assert_eq!(error.code, "ConcurrentModificationException");
    });
}

#[tokio::test]
async fn looking_changes_nothing_of_what_comes() {
    let made = |looks: bool| async move {
        let settings = Settings { short_pages: 0.5, ..Settings::default() };
        let served = served(small(settings)).await;
        if looks {
            for path in ["/_usher/counters", "/_usher/state", "/nowhere"] {
                served.send("GET", path, "", b"").await;
            }
            served.call("SWBExternalService.NoSuchOperation", "AKIAUSHER", b"{}").await;
            served.call("AWSIdentityStore.ListGroups", "AKIAUSHER", b"[]").await;
            served.send("POST", "/", "x-amz-target: SWBExternalService.ListInstances\r\n", b"{}").await;
        }
        let set = json!({ "InstanceArn": INSTANCE, "Name": "New" }).to_string();
        let (status, set) =
            served.call("SWBExternalService.CreatePermissionSet", "AKIAUSHER", set.as_bytes()).await;
        assert_eq!(status, 200);
        let list = json!({ "InstanceArn": INSTANCE }).to_string();
        let (_, list) =
            served.call("SWBExternalService.ListPermissionSets", "AKIAUSHER", list.as_bytes()).await;
        (set, list)
    };
    assert_eq!(made(true).await, made(false).await);
}

#[tokio::test]
async fn a_served_world_keeps_the_latest_calls_and_counts_all() {
    let served = served(small(unhurried())).await;
    served.send("GET", "/_usher/", "", b"").await;
    let calls = 20_500;
    {
        let mut world = locked(&served.world);
        for _ in 0..calls {
            world.call(at(0), &person(), org::ListRoots::default()).unwrap();
        }
        let kept = world.log().len();
        assert!((10_000..20_000).contains(&kept), "{kept}");
    }
    let (_, _, body) = served.send("GET", "/_usher/counters", "", b"").await;
    assert_eq!(body["counters"]["calls"]["organizations:ListRoots"], calls);
}
