//! What inputs must hold, and what is refused where it would be passed over.

use serde_json::{Value, json};
use simulator::{
    Settings, World,
    dispatch::dispatch,
    wire::{organizations as org, sso_admin as sso},
};

use crate::{
    faces::{Faced, both, both_with},
    support::{INSTANCE, SMALL, STORE, at, create_input, key, person, small, unhurried},
};

#[test]
fn a_required_list_that_is_missing_is_refused_and_an_empty_one_is_not_missing() {
    let mut world = small(unhurried());
    let set = json!(world.permission_set_named("ReadOnlyAccess").unwrap());
    let group = json!(world.group_named("Developers").unwrap());
    let user = json!(world.user_named("alba@example.com").unwrap());
    let in_organization = json!({ "ResourceId": "222233334444" });
    let in_center = json!({ "InstanceArn": INSTANCE, "ResourceArn": set });
    let member = json!({ "IdentityStoreId": STORE, "MemberId": { "UserId": user } });
    let attributes = json!({ "InstanceArn": INSTANCE, "InstanceAccessControlAttributeConfiguration": {} });
    let mut call = |target: &str, body: &Value| {
        dispatch(&mut world, at(0), &person(), target, body.to_string().as_bytes())
            .map_err(|error| (error.code, error.extra.get("Reason").cloned(), error.message))
    };
    for (target, member, body) in [
        ("SWBExternalService.TagResource", "tags", &in_center),
        ("SWBExternalService.UntagResource", "tagKeys", &in_center),
        ("AWSIdentityStore.IsMemberInGroups", "groupIds", &member),
        (
            "SWBExternalService.CreateInstanceAccessControlAttributeConfiguration",
            "instanceAccessControlAttributeConfiguration.accessControlAttributes",
            &attributes,
        ),
        (
            "AWSIdentityStore.UpdateGroup",
            "operations",
            &json!({ "IdentityStoreId": STORE, "GroupId": group }),
        ),
    ] {
        let (code, _, message) = call(target, body).unwrap_err();
        assert_eq!(code, "ValidationException", "{target}");
        assert!(message.contains(&format!("'{member}'")), "{target}: {message}");
    }
    for operation in ["TagResource", "UntagResource"] {
        let refused = call(&format!("AWSOrganizationsV20161128.{operation}"), &in_organization).unwrap_err();
        assert_eq!((refused.0, refused.1.as_deref()), ("InvalidInputException", Some("INPUT_REQUIRED")));
    }
    let empty = json!({ "InstanceArn": INSTANCE, "ResourceArn": set, "Tags": [] });
    call("SWBExternalService.TagResource", &empty).unwrap();
    // What is null is absent.
    let null = json!({ "InstanceArn": null });
    assert_eq!(call("SWBExternalService.DescribeInstance", &null).unwrap_err().0, "ValidationException");
    let null = json!({ "InstanceArn": INSTANCE, "ResourceArn": set, "Tags": null });
    assert_eq!(call("SWBExternalService.TagResource", &null).unwrap_err().0, "ValidationException");
}

#[test]
fn words_and_patterns_are_looked_at_where_there_is_nothing_to_list() {
    both(|world| {
        let set = json!(world.world.permission_set_named("ReadOnlyAccess").unwrap());
        world.refused::<sso::ListPermissionSetsProvisionedToAccount>(
            json!({ "AccountId": "444455556666", "ProvisioningStatus": "BOGUS" }),
            "ValidationException",
        );
        world.refused::<sso::ListAccountsForProvisionedPermissionSet>(
            json!({ "PermissionSetArn": set, "ProvisioningStatus": "BOGUS" }),
            "ValidationException",
        );
        for duration in ["PT1h", "pt1h", "PT1H ", "PT 1H"] {
            let body = json!({ "Name": "New", "SessionDuration": duration });
            world.refused::<sso::CreatePermissionSet>(body, "ValidationException");
        }
        let attach = |arn: &str| json!({ "PermissionSetArn": set, "ManagedPolicyArn": arn });
        for partition in ["awsfoo", "aws-", "aws-toolong", "aws-a-b-c-d", "aws-US", "gcp"] {
            let arn = format!("arn:{partition}:iam::aws:policy/X");
            world.refused::<sso::AttachManagedPolicyToPermissionSet>(attach(&arn), "ValidationException");
        }
        world.ok::<sso::AttachManagedPolicyToPermissionSet>(attach("arn:aws-iso-b:iam::aws:policy/X"));
        world.refused::<sso::UntagResource>(
            json!({ "ResourceArn": set, "TagKeys": ["aws:cloudformation:stack-name"] }),
            "ValidationException",
        );
        let untag = json!({ "ResourceId": "222233334444", "TagKeys": ["AWS:x"] });
        let error = world.refused::<org::UntagResource>(untag, "InvalidInputException");
        assert_eq!(error.extra["Reason"], "INVALID_SYSTEM_TAGS_PARAMETER");
    });
}

#[test]
fn deleting_a_policy_that_is_not_there_is_refused_or_does_nothing() {
    both(|world| {
        let set = json!({ "PermissionSetArn": world.world.permission_set_named("ReadOnlyAccess").unwrap() });
        let missing = "ResourceNotFoundException";
        world.refused::<sso::DeleteInlinePolicyFromPermissionSet>(set.clone(), missing);
        world.refused::<sso::DeletePermissionsBoundaryFromPermissionSet>(set.clone(), missing);
        world.world.settings.assumptions.deleting_an_absent_policy_is_refused = false;
        world.ok::<sso::DeleteInlinePolicyFromPermissionSet>(set.clone());
        world.ok::<sso::DeletePermissionsBoundaryFromPermissionSet>(set);
    });
}

#[test]
fn an_instance_of_another_partition_is_refused_in_a_description() {
    let yaml = SMALL.replace("arn:aws:sso", "arn:aws-us-gov:sso");
    let error = World::from_yaml(&yaml, Settings::default()).unwrap_err();
    assert!(error.message.contains("only `aws` is simulated"), "{error}");
    assert_eq!(
        yaml.lines().nth(usize::try_from(error.line).unwrap() - 1).unwrap().get(..9),
        Some("instance:")
    );
}

#[test]
fn all_lists_of_accounts_are_as_old_as_each_other() {
    let settings = Settings { list_lag: std::time::Duration::from_mins(1), ..unhurried() };
    both_with(&settings, |world: &mut Faced| {
        let sandbox = json!(world.world.ou_at("Sandbox").unwrap());
        let development = json!(world.world.ou_at("Workloads/Development").unwrap());
        world.ok::<org::MoveAccount>(
            json!({ "AccountId": "222233334444", "SourceParentId": development, "DestinationParentId": sandbox }),
        );
        let mut places = || {
            let children = world
                .ok::<org::ListChildren>(json!({ "ParentId": sandbox, "ChildType": "ACCOUNT" }))["Children"]
                .as_array()
                .unwrap()
                .len();
            let accounts = world.ok::<org::ListAccountsForParent>(json!({ "ParentId": sandbox }))["Accounts"]
                .as_array()
                .unwrap()
                .len();
            let all = world.ok::<org::ListAccounts>(json!({}))["Accounts"].clone();
            let moved =
                all.as_array().unwrap().iter().find(|account| account["Id"] == "222233334444").unwrap();
            let there = moved["Paths"][0].as_str().unwrap().contains(sandbox.as_str().unwrap());
            world.second += 60;
            (children, accounts, there)
        };
        assert_eq!(places(), (2, 2, false));
        assert_eq!(places(), (3, 3, true));
    });
}

#[test]
fn a_new_account_is_out_of_reach_for_a_while_if_so_assumed() {
    let mut world = small(unhurried());
    world.settings.assumptions.new_account_not_ready = std::time::Duration::from_mins(3);
    let make = org::CreateAccount {
        account_name: "new".to_owned(),
        email: "new@example.com".to_owned(),
        ..org::CreateAccount::default()
    };
    world.call(at(0), &person(), make).unwrap();
    // It joins ten seconds later.
    world.advance(at(10));
    let account = world.account_named("new").unwrap();
    let key =
        shared::domain::AssignmentKey { account, ..key(&world, "one-dev", "ReadOnlyAccess", "Developers") };
    world.call(at(11), &person(), create_input(&key)).unwrap();
    let input = sso::ProvisionPermissionSet {
        instance_arn: INSTANCE.to_owned(),
        permission_set_arn: world.permission_set_named("PowerUserAccess").unwrap().to_string(),
        target_type: "AWS_ACCOUNT".to_owned(),
        target_id: Some(key.account.to_string()),
    };
    world.call(at(12), &person(), input).unwrap();
    world.advance(at(189));
    assert!(world.request_log().all(|record| record.settled.is_none()));
    world.advance(at(200));
    assert_eq!(world.request_log().next().unwrap().settled, Some((at(190), Ok(()))));
    assert!(matches!(world.provisioning_log().next().unwrap().settled, Some((_, Ok(())))));
    assert!(world.assignments().contains_key(&key));

    // Patience ends sooner than that if the account takes longer.
    world.settings.assumptions.suspended_account_hang = std::time::Duration::from_mins(1);
    world.settings.assumptions.new_account_not_ready = std::time::Duration::from_hours(1);
    world.call(at(210), &person(), create_input(&key)).unwrap();
    world.advance(at(400));
    let (ended, outcome) = world.request_log().last().unwrap().settled.clone().unwrap();
    assert_eq!(ended, at(270));
    assert!(outcome.unwrap_err().contains("is taking longer than usual"));
}
