//! Provisioning: accepted at once, done later, a role of an account at a time.

use serde_json::{Value, json};
use shared::domain::AccountState;
use simulator::{Fault, SecondRoleUpdate, Settings, wire::sso_admin as sso};

use crate::{
    faces::{Faced, both, both_with},
    support::{account, at, key, person},
};

const STALE: &str = "LATEST_PERMISSION_SET_NOT_PROVISIONED";

/// Gives two accounts the permission set, and edits it.
fn edited(world: &mut Faced) -> Value {
    for name in ["one-dev", "two-dev"] {
        let key = key(&world.world, name, "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
    }
    let arn = json!(world.world.permission_set_named("ReadOnlyAccess").unwrap());
    world.ok::<sso::UpdatePermissionSet>(json!({ "PermissionSetArn": arn, "Description": "new" }));
    arn
}

fn stale(world: &mut Faced, arn: &Value) -> Value {
    let body = json!({ "PermissionSetArn": arn, "ProvisioningStatus": STALE });
    world.ok::<sso::ListAccountsForProvisionedPermissionSet>(body)["AccountIds"].clone()
}

fn one(arn: &Value, account: &str) -> Value {
    json!({ "PermissionSetArn": arn, "TargetType": "AWS_ACCOUNT", "TargetId": account })
}

fn all(arn: &Value) -> Value {
    json!({ "PermissionSetArn": arn, "TargetType": "ALL_PROVISIONED_ACCOUNTS" })
}

fn provision(world: &mut Faced, body: Value) -> Value {
    let status = world.ok::<sso::ProvisionPermissionSet>(body)["PermissionSetProvisioningStatus"].clone();
    assert_eq!(status["Status"], "IN_PROGRESS");
    status
}

fn status(world: &mut Faced, id: &Value) -> Value {
    let body = json!({ "ProvisionPermissionSetRequestId": id });
    world.ok::<sso::DescribePermissionSetProvisioningStatus>(body)["PermissionSetProvisioningStatus"].clone()
}

#[test]
fn one_account_is_brought_to_the_newest_version_and_the_others_stay_on_the_old_one() {
    both(|world| {
        let arn = edited(world);
        assert_eq!(stale(world, &arn), json!(["222233334444", "333344445555"]));
        let accepted = provision(world, one(&arn, "222233334444"));
        assert_eq!(accepted["AccountId"], "222233334444");
        assert_eq!(status(world, &accepted["RequestId"])["Status"], "IN_PROGRESS");
        world.second += 2;
        assert_eq!(status(world, &accepted["RequestId"])["Status"], "SUCCEEDED");
        assert_eq!(stale(world, &arn), json!(["333344445555"]));
        let newest =
            json!({ "AccountId": "222233334444", "ProvisioningStatus": "LATEST_PERMISSION_SET_PROVISIONED" });
        assert_eq!(
            world.ok::<sso::ListPermissionSetsProvisionedToAccount>(newest)["PermissionSets"],
            json!([arn])
        );
    });
}

#[test]
fn all_accounts_are_one_request_that_says_nothing_of_each() {
    both(|world| {
        let arn = edited(world);
        world.world.faults.policy_is_missing(
            account("333344445555"),
            serde_json::from_value(arn.clone()).unwrap(),
            "Guard",
        );
        let accepted = provision(world, all(&arn));
        assert!(accepted.get("AccountId").is_none());
        world.second += 5;
        let ended = status(world, &accepted["RequestId"]);
        assert_eq!(ended["Status"], "FAILED");
        assert_eq!(ended["FailureReason"], "Received a 404 status error: Not supported policy Guard.");
        assert!(ended.get("AccountId").is_none());
        assert_eq!(stale(world, &arn), json!(["333344445555"]));
        let failed = json!({ "Filter": { "Status": "FAILED" } });
        let listed =
            world.all::<sso::ListPermissionSetProvisioningStatus>(failed, "PermissionSetsProvisioningStatus");
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["RequestId"], accepted["RequestId"]);
        assert_eq!(listed[0].as_object().unwrap().len(), 3);

        world
            .world
            .faults
            .policy_is_there(account("333344445555"), serde_json::from_value(arn.clone()).unwrap());
        let again = provision(world, all(&arn));
        world.second += 5;
        assert_eq!(status(world, &again["RequestId"])["Status"], "SUCCEEDED");
        assert_eq!(stale(world, &arn), json!([]));
    });
}

#[test]
fn an_edit_during_the_provisioning_is_not_in_it() {
    both(|world| {
        let arn = edited(world);
        provision(world, all(&arn));
        world.ok::<sso::UpdatePermissionSet>(json!({ "PermissionSetArn": arn, "Description": "newer" }));
        world.second += 5;
        assert_eq!(stale(world, &arn), json!(["222233334444", "333344445555"]));
    });
}

#[test]
fn at_most_three_run_at_a_time_and_one_for_the_same_account() {
    both(|world| {
        let arn = edited(world);
        world.world.fail_next("ProvisionPermissionSet", Fault::Hang, 10);
        provision(world, one(&arn, "222233334444"));
        world.refused::<sso::ProvisionPermissionSet>(one(&arn, "222233334444"), "ConflictException");
        world.refused::<sso::ProvisionPermissionSet>(all(&arn), "ConflictException");
        provision(world, one(&arn, "333344445555"));
        let other = json!(world.world.permission_set_named("PowerUserAccess").unwrap());
        provision(world, one(&other, "222233334444"));
        let full =
            world.refused::<sso::ProvisionPermissionSet>(one(&other, "333344445555"), "ThrottlingException");
        assert_eq!(full.message, "There are too many requests processing. Please try again later.");
        // A permission set that is being provisioned can't be deleted.
        world.refused::<sso::DeletePermissionSet>(json!({ "PermissionSetArn": other }), "ConflictException");
        let under_way = json!({ "Filter": { "Status": "IN_PROGRESS" }, "MaxResults": 1 });
        let listed = world
            .all::<sso::ListPermissionSetProvisioningStatus>(under_way, "PermissionSetsProvisioningStatus");
        assert_eq!(listed.len(), 3);
    });
}

#[test]
fn a_provisioning_and_an_assignment_take_turns_in_an_account() {
    for (assumed, granted_at) in [
        (SecondRoleUpdate::Waits, Some(at(6))),
        (SecondRoleUpdate::GoesAlong, Some(at(5))),
        (SecondRoleUpdate::Refused, None),
    ] {
        let mut settings = Settings::default();
        settings.assumptions.second_role_update = assumed;
        both_with(&settings, |world| {
            let arn = edited(world);
            provision(world, all(&arn));
            let new = key(&world.world, "one-dev", "PowerUserAccess", "Developers");
            let created = world.call::<sso::CreateAccountAssignment>(json!({
                "TargetId": new.account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": new.permission_set,
                "PrincipalType": "GROUP", "PrincipalId": new.principal.id(),
            }));
            assert_eq!(
                created.err().map(|error| error.code),
                granted_at.is_none().then_some("ConflictException")
            );
            world.world.advance(at(100));
            let provisioned = world.world.provisioning_log().next().unwrap().settled.clone().unwrap().0;
            let granted = world.world.request_log().next().map(|record| record.settled.clone().unwrap().0);
            assert_eq!((provisioned, granted), (at(4), granted_at));
        });
    }
}

#[test]
fn a_suspended_account_keeps_the_request_waiting_and_then_fails_it() {
    both(|world| {
        let arn = edited(world);
        world.world.set_account_state(at(2), &account("222233334444"), AccountState::Suspended);
        let accepted = provision(world, all(&arn));
        world.second += 500;
        assert_eq!(status(world, &accepted["RequestId"])["Status"], "IN_PROGRESS");
        world.second += 200;
        let ended = status(world, &accepted["RequestId"]);
        assert_eq!(ended["Status"], "FAILED");
        assert!(
            ended["FailureReason"].as_str().unwrap().contains("'222233334444' is taking longer than usual")
        );
        assert_eq!(stale(world, &arn), json!(["222233334444"]));
    });
}

#[test]
fn an_account_without_an_assignment_can_be_provisioned_unless_assumed_otherwise() {
    both(|world| {
        let arn = json!(world.world.permission_set_named("ReadOnlyAccess").unwrap());
        provision(world, one(&arn, "222233334444"));
        world.second += 5;
        let accounts =
            world.ok::<sso::ListAccountsForProvisionedPermissionSet>(json!({ "PermissionSetArn": arn }));
        assert_eq!(accounts["AccountIds"], json!(["222233334444"]));
        world.world.settings.assumptions.provisioning_needs_no_assignment = false;
        world.refused::<sso::ProvisionPermissionSet>(one(&arn, "333344445555"), "ResourceNotFoundException");
    });
}

#[test]
fn a_role_without_an_assignment_ends_with_its_permission_set_or_its_last_assignment() {
    both(|world| {
        let in_account = |world: &mut Faced| {
            let body = json!({ "AccountId": "222233334444" });
            world.ok::<sso::ListPermissionSetsProvisionedToAccount>(body)["PermissionSets"].clone()
        };
        let [read, power] = ["ReadOnlyAccess", "PowerUserAccess"]
            .map(|name| json!(world.world.permission_set_named(name).unwrap()));
        for arn in [&read, &power] {
            provision(world, one(arn, "222233334444"));
            world.second += 5;
        }
        world.ok::<sso::DeletePermissionSet>(json!({ "PermissionSetArn": read }));
        assert_eq!(in_account(world), json!([power]));
        let group = world.world.group_named("Developers").unwrap();
        let assignment = json!({
            "PermissionSetArn": power, "TargetType": "AWS_ACCOUNT", "TargetId": "222233334444", "PrincipalType": "GROUP",
            "PrincipalId": group,
        });
        world.ok::<sso::CreateAccountAssignment>(assignment.clone());
        world.second += 5;
        world.refused::<sso::DeletePermissionSet>(json!({ "PermissionSetArn": power }), "ConflictException");
        world.ok::<sso::DeleteAccountAssignment>(assignment);
        world.second += 5;
        assert_eq!(in_account(world), json!([]));
    });
}

#[test]
fn a_provisioning_fails_where_the_account_is_full_of_permission_sets() {
    both(|world| {
        world.world.settings.quotas.permission_sets_per_account = 1;
        let [read, power] = ["ReadOnlyAccess", "PowerUserAccess"]
            .map(|name| json!(world.world.permission_set_named(name).unwrap()));
        let mut ended = |arn: &Value| {
            let accepted = provision(world, one(arn, "222233334444"));
            world.second += 5;
            status(world, &accepted["RequestId"])
        };
        assert_eq!(ended(&read)["Status"], "SUCCEEDED");
        let failed = ended(&power);
        assert_eq!(failed["Status"], "FAILED");
        assert!(failed["FailureReason"].as_str().unwrap().contains("number of permission sets"), "{failed}");
        assert_eq!(ended(&read)["Status"], "SUCCEEDED", "what is there has its room");
    });
}

#[test]
fn a_second_provisioning_of_the_same_permission_set_is_refused_or_waits() {
    both(|world| {
        let arn = edited(world);
        provision(world, all(&arn));
        world.second -= 1;
        world.refused::<sso::ProvisionPermissionSet>(one(&arn, "222233334444"), "ConflictException");
        world.second -= 1;
        world.world.settings.assumptions.second_provisioning_is_refused = false;
        let second = provision(world, one(&arn, "222233334444"));
        world.second += 10;
        assert_eq!(status(world, &second["RequestId"])["Status"], "SUCCEEDED");
    });
}

#[test]
fn a_permission_set_that_is_nowhere_is_provisioned_to_no_account_and_succeeds() {
    both(|world| {
        let arn = json!(world.world.permission_set_named("ReadOnlyAccess").unwrap());
        let accepted = provision(world, all(&arn));
        world.second += 5;
        assert_eq!(status(world, &accepted["RequestId"])["Status"], "SUCCEEDED");
    });
}

#[test]
fn a_provisioning_is_refused_as_documented() {
    both(|world| {
        let arn = edited(world);
        for body in [
            json!({ "PermissionSetArn": arn, "TargetType": "AWS_ACCOUNT" }),
            json!({ "PermissionSetArn": arn, "TargetType": "ACCOUNT", "TargetId": "222233334444" }),
            json!({ "PermissionSetArn": arn, "TargetType": "ALL_PROVISIONED_ACCOUNTS", "TargetId": "222233334444" }),
            one(&arn, "2222"),
        ] {
            world.refused::<sso::ProvisionPermissionSet>(body, "ValidationException");
        }
        world.refused::<sso::ProvisionPermissionSet>(one(&arn, "999999999999"), "ResourceNotFoundException");
        let unknown = json!({ "ProvisionPermissionSetRequestId": "00000000-0000-4000-8000-000000000000" });
        world.refused::<sso::DescribePermissionSetProvisioningStatus>(unknown, "ResourceNotFoundException");
        world.world.settings.quotas.accounts_per_provisioning = 1;
        world.refused::<sso::ProvisionPermissionSet>(all(&arn), "ValidationException");
        world.world.settings.quotas.accounts_per_provisioning = 2;
        world.world.fail_next("ProvisionPermissionSet", Fault::internal_exception_later(), 1);
        let doomed = provision(world, all(&arn));
        world.second += 5;
        let ended = status(world, &doomed["RequestId"]);
        assert_eq!(ended["FailureReason"], "An unexpected internal service exception was encountered.");
    });
}
