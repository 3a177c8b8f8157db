//! The calls about assignments, behind both faces; how requests go on with time is in `assignments.rs`.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Latency, wire::sso_admin as sso};

use crate::{
    faces::{Faced, both},
    support::{at, delegated, key, person},
};

fn assignment(world: &Faced, account: &str, set: &str, group: &str) -> Value {
    let key = key(&world.world, account, set, group);
    json!({
        "TargetId": key.account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": key.permission_set, "PrincipalType": "GROUP",
        "PrincipalId": key.principal.id(),
    })
}

#[test]
fn an_assignment_is_asked_for_followed_found_and_taken_away() {
    both(|world| {
        world.world.settings.assignment_latency = Latency::Constant(Duration::from_secs(5));
        let asked = assignment(world, "one-dev", "ReadOnlyAccess", "Developers");
        let accepted =
            world.ok::<sso::CreateAccountAssignment>(asked.clone())["AccountAssignmentCreationStatus"]
                .clone();
        assert_eq!(accepted["Status"], "IN_PROGRESS");
        for (member, value) in asked.as_object().unwrap() {
            assert_eq!(&accepted[member], value, "{member}");
        }
        world.refused::<sso::CreateAccountAssignment>(asked.clone(), "ConflictException");
        world.refused::<sso::DeleteAccountAssignment>(asked.clone(), "ConflictException");
        world.second += 5;
        let by_id = json!({ "AccountAssignmentCreationRequestId": accepted["RequestId"] });
        let ended = world.ok::<sso::DescribeAccountAssignmentCreationStatus>(by_id.clone());
        assert_eq!(ended["AccountAssignmentCreationStatus"]["Status"], "SUCCEEDED");
        // The id of a create is not that of a delete.
        let other = json!({ "AccountAssignmentDeletionRequestId": accepted["RequestId"] });
        world.refused::<sso::DescribeAccountAssignmentDeletionStatus>(other, "ResourceNotFoundException");
        let listed = world
            .ok::<sso::ListAccountAssignmentCreationStatus>(json!({ "Filter": { "Status": "SUCCEEDED" } }));
        assert_eq!(
            listed["AccountAssignmentsCreationStatus"],
            json!([{ "Status": "SUCCEEDED", "RequestId": accepted["RequestId"], "CreatedDate": accepted["CreatedDate"] }])
        );
        let found = json!([{
            "AccountId": asked["TargetId"], "PermissionSetArn": asked["PermissionSetArn"], "PrincipalType": "GROUP",
            "PrincipalId": asked["PrincipalId"],
        }]);
        let in_account =
            json!({ "AccountId": asked["TargetId"], "PermissionSetArn": asked["PermissionSetArn"] });
        assert_eq!(world.ok::<sso::ListAccountAssignments>(in_account.clone())["AccountAssignments"], found);
        let of_group = json!({ "PrincipalType": "GROUP", "PrincipalId": asked["PrincipalId"], "Filter": { "AccountId": asked["TargetId"] } });
        assert_eq!(
            world.ok::<sso::ListAccountAssignmentsForPrincipal>(of_group)["AccountAssignments"],
            found
        );

        let accepted =
            world.ok::<sso::DeleteAccountAssignment>(asked)["AccountAssignmentDeletionStatus"].clone();
        world.second += 5;
        let by_id = json!({ "AccountAssignmentDeletionRequestId": accepted["RequestId"] });
        let ended = world.ok::<sso::DescribeAccountAssignmentDeletionStatus>(by_id);
        assert_eq!(ended["AccountAssignmentDeletionStatus"]["Status"], "SUCCEEDED");
        let listed = world.ok::<sso::ListAccountAssignmentDeletionStatus>(json!({}));
        assert_eq!(listed["AccountAssignmentsDeletionStatus"][0]["RequestId"], accepted["RequestId"]);
        assert_eq!(world.ok::<sso::ListAccountAssignments>(in_account)["AccountAssignments"], json!([]));
    });
}

#[test]
fn what_belongs_to_a_deleted_group_stays_in_the_lists() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let group = world.world.group_named("Developers").unwrap();
        world.world.delete_group(at(1), &person(), &group).unwrap();
        world.second = 2;
        let in_account = json!({ "AccountId": key.account, "PermissionSetArn": key.permission_set });
        let listed = world.ok::<sso::ListAccountAssignments>(in_account);
        assert_eq!(listed["AccountAssignments"][0]["PrincipalId"], json!(group));
    });
}

#[test]
fn a_delegated_administrator_keeps_out_of_the_management_account_and_of_what_is_provisioned_there() {
    both(|world| {
        let there = key(&world.world, "management", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &there);
        world.caller = delegated();
        for (account, set) in [("management", "PowerUserAccess"), ("one-dev", "ReadOnlyAccess")] {
            let asked = assignment(world, account, set, "Developers");
            world.refused::<sso::CreateAccountAssignment>(asked.clone(), "AccessDeniedException");
            world.refused::<sso::DeleteAccountAssignment>(asked, "AccessDeniedException");
        }
        let asked = assignment(world, "one-dev", "PowerUserAccess", "Developers");
        world.ok::<sso::CreateAccountAssignment>(asked);
    });
}

/// The one event since the last time: its name, parameters and response.
fn event(world: &mut Faced) -> (String, Value, Value) {
    let now = world.world.now();
    let mut events = world.world.take_events(now);
    assert_eq!(events.len(), 1);
    let detail = events.remove(0)["detail"].take();
    let text = |member: &str| detail[member].as_str().unwrap().to_owned();
    assert_eq!(text("eventSource"), "sso.amazonaws.com");
    (text("eventName"), detail["requestParameters"].clone(), detail["responseElements"].clone())
}

#[test]
fn events_of_permission_sets_carry_what_was_asked_for() {
    both(|world| {
        let arn = json!(world.world.permission_set_named("ReadOnlyAccess"));
        let own = json!({ "name": "Guard", "path": "/" });
        let managed = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        let with = |member: &str, value: Value| json!({ "PermissionSetArn": arn, member: value });
        world.ok::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(with(
            "CustomerManagedPolicyReference",
            json!({ "Name": "Guard", "Path": "/" }),
        ));
        let expected = |member: &str, value: Value| json!({ "instanceArn": crate::support::INSTANCE, "permissionSetArn": arn, member: value });
        let name = "AttachCustomerManagedPolicyReferenceToPermissionSet".to_owned();
        assert_eq!(event(world), (name, expected("customerManagedPolicyReference", own), Value::Null));
        world.ok::<sso::PutPermissionsBoundaryToPermissionSet>(with(
            "PermissionsBoundary",
            json!({ "ManagedPolicyArn": managed }),
        ));
        let boundary = json!({ "managedPolicyArn": managed });
        let name = "PutPermissionsBoundaryToPermissionSet".to_owned();
        assert_eq!(event(world), (name, expected("permissionsBoundary", boundary), Value::Null));
        let provisioned =
            world.ok::<sso::ProvisionPermissionSet>(with("TargetType", json!("ALL_PROVISIONED_ACCOUNTS")));
        let (name, parameters, response) = event(world);
        assert_eq!(
            (name.as_str(), parameters),
            ("ProvisionPermissionSet", expected("targetType", json!("ALL_PROVISIONED_ACCOUNTS")))
        );
        let status = &response["permissionSetProvisioningStatus"];
        assert_eq!(status["requestId"], provisioned["PermissionSetProvisioningStatus"]["RequestId"]);
        // A tag's event names the resource, and no permission set.
        world
            .ok::<sso::TagResource>(json!({ "ResourceArn": arn, "Tags": [{ "Key": "Team", "Value": "x" }] }));
        let (name, parameters, response) = event(world);
        assert_eq!((name.as_str(), response), ("TagResource", Value::Null));
        assert_eq!(
            (&parameters["resourceArn"], &parameters["tags"]),
            (&arn, &json!([{ "key": "Team", "value": "x" }]))
        );
        assert!(parameters.get("permissionSetArn").is_none());
        // Reads are no events, and a refused write is one with its error.
        world.ok::<sso::ListManagedPoliciesInPermissionSet>(json!({ "PermissionSetArn": arn }));
        world.refused::<sso::DeleteInlinePolicyFromPermissionSet>(
            json!({ "PermissionSetArn": arn }),
            "ResourceNotFoundException",
        );
        let now = world.world.now();
        let events = world.world.take_events(now);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["detail"]["errorCode"], "ResourceNotFoundException");
    });
}
