//! Instances: the organization's, those of accounts, their Regions, keys, tags and attributes.

use serde_json::{Value, json};
use simulator::{Caller, CallerKind, wire::identity_store as store, wire::sso_admin as sso};

use crate::{
    faces::both,
    support::{INSTANCE, account, at, delegated, key, person},
};

fn member() -> Caller {
    Caller::new("developer", account("333344445555"), CallerKind::Member)
}

#[test]
fn an_account_makes_an_instance_of_its_own_that_nobody_else_sees() {
    both(|world| {
        world.refused::<sso::CreateInstance>(json!({}), "ValidationException");
        world.caller = member();
        let wanted =
            json!({ "Name": "own", "ClientToken": "once", "Tags": [{ "Key": "Team", "Value": "x" }] });
        let arn = world.ok::<sso::CreateInstance>(wanted.clone())["InstanceArn"].clone();
        assert_eq!(world.ok::<sso::CreateInstance>(wanted)["InstanceArn"], arn);
        world.refused::<sso::CreateInstance>(
            json!({ "Name": "other", "ClientToken": "once" }),
            "ConflictException",
        );
        world.refused::<sso::CreateInstance>(json!({}), "ConflictException");

        let own = json!({ "InstanceArn": arn });
        let described = world.ok::<sso::DescribeInstance>(own.clone());
        assert_eq!(
            (&described["Status"], &described["OwnerAccountId"]),
            (&json!("CREATE_IN_PROGRESS"), &json!("333344445555"))
        );
        world.refused::<sso::UpdateInstance>(
            json!({ "InstanceArn": arn, "Name": "new" }),
            "ConflictException",
        );
        world.second += 10;
        assert_eq!(world.ok::<sso::DescribeInstance>(own.clone())["Status"], "ACTIVE");
        world.ok::<sso::UpdateInstance>(json!({ "InstanceArn": arn, "Name": "new" }));
        world.refused::<sso::UpdateInstance>(
            json!({ "InstanceArn": arn, "PermissionSetsEnabled": true }),
            "ValidationException",
        );
        let described = world.ok::<sso::DescribeInstance>(own.clone());
        assert_eq!((&described["Name"], &described["PermissionSetsEnabled"]), (&json!("new"), &json!(false)));
        assert_eq!(world.all::<sso::ListInstances>(json!({ "MaxResults": 1 }), "Instances").len(), 2);
        // The organization's instance is known to its members and closed to them.
        world.refused::<sso::DescribeInstance>(json!({}), "AccessDeniedException");

        world.caller = person();
        assert_eq!(world.all::<sso::ListInstances>(json!({}), "Instances").len(), 1);
        world.refused::<sso::DescribeInstance>(own.clone(), "AccessDeniedException");
        world.refused::<sso::DeleteInstance>(own.clone(), "AccessDeniedException");
        let store_of_it = described["IdentityStoreId"].clone();
        world.refused::<store::ListUsers>(json!({ "IdentityStoreId": store_of_it }), "AccessDeniedException");

        world.caller = member();
        world.ok::<sso::DeleteInstance>(own.clone());
        assert_eq!(world.ok::<sso::DescribeInstance>(own.clone())["Status"], "DELETE_IN_PROGRESS");
        world.second += 10;
        world.refused::<sso::DescribeInstance>(own, "AccessDeniedException");
        world.ok::<sso::CreateInstance>(json!({}));
    });
}

#[test]
fn the_organizations_instance_says_all_of_itself() {
    both(|world| {
        let described = world.ok::<sso::DescribeInstance>(json!({}));
        assert_eq!(
            described["IdentityStoreArn"],
            "arn:aws:identitystore::111122223333:identitystore/d-9067642ac1"
        );
        assert_eq!(described["PrimaryRegion"], "us-east-1");
        assert_eq!(described["Regions"][0]["IsPrimaryRegion"], true);
        assert_eq!(
            described["EncryptionConfigurationDetails"],
            json!({ "KeyType": "AWS_OWNED_KMS_KEY", "EncryptionStatus": "ENABLED" })
        );
        for scope in ["CURRENT_REGION", "ALL_REGIONS"] {
            let listed = world.ok::<sso::ListInstances>(json!({ "RegionScope": scope }));
            assert_eq!(listed["Instances"][0]["IdentityStoreArn"], described["IdentityStoreArn"]);
        }
        world.refused::<sso::ListInstances>(json!({ "RegionScope": "MARS" }), "ValidationException");
    });
}

#[test]
fn an_instance_is_updated_by_its_owner_and_permission_sets_are_never_switched_off() {
    both(|world| {
        let key_arn = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012";
        let own_key = json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key_arn });
        world.ok::<sso::UpdateInstance>(json!({ "EncryptionConfiguration": own_key }));
        let details = |described: &Value| described["EncryptionConfigurationDetails"].clone();
        let described = world.ok::<sso::DescribeInstance>(json!({}));
        assert_eq!(
            details(&described),
            json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key_arn, "EncryptionStatus": "UPDATING" })
        );
        world.second += 10;
        let described = world.ok::<sso::DescribeInstance>(json!({}));
        assert_eq!(details(&described)["EncryptionStatus"], "ENABLED");
        for refused in [
            json!({ "PermissionSetsEnabled": false }),
            json!({ "PermissionSetsEnabled": true, "EncryptionConfiguration": { "KeyType": "AWS_OWNED_KMS_KEY" } }),
            json!({ "EncryptionConfiguration": { "KeyType": "CUSTOMER_MANAGED_KEY" } }),
            json!({ "EncryptionConfiguration": { "KeyType": "NONE" } }),
            json!({ "Name": "with space" }),
        ] {
            world.refused::<sso::UpdateInstance>(refused, "ValidationException");
        }
        world.world.set_permission_sets_enabled(false);
        world.refused::<sso::ListPermissionSets>(json!({}), "ValidationException");
        world.ok::<sso::UpdateInstance>(json!({ "PermissionSetsEnabled": true }));
        world.ok::<sso::ListPermissionSets>(json!({}));
        world.caller = delegated();
        world.refused::<sso::UpdateInstance>(json!({ "Name": "new" }), "AccessDeniedException");
        world.refused::<sso::DeleteInstance>(json!({}), "AccessDeniedException");
    });
}

#[test]
fn deleting_the_organizations_instance_takes_everything_in_it_away() {
    both(|world| {
        let there = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &there);
        world.ok::<sso::DeleteInstance>(json!({}));
        assert!(world.world.assignments().is_empty());
        assert_eq!(world.world.groups_now().len() + world.world.permission_sets_now().len(), 0);
        world.refused::<sso::ListPermissionSets>(json!({}), "ValidationException");
        world.second += 10;
        world.refused::<sso::DescribeInstance>(json!({}), "AccessDeniedException");
        assert_eq!(world.ok::<sso::ListInstances>(json!({}))["Instances"], json!([]));
    });
}

#[test]
fn regions_come_and_go_one_at_a_time() {
    both(|world| {
        let region = |name: &str| json!({ "RegionName": name });
        assert_eq!(world.ok::<sso::AddRegion>(region("eu-west-1"))["Status"], "ADDING");
        assert_eq!(world.ok::<sso::DescribeRegion>(region("eu-west-1"))["Status"], "ADDING");
        world.refused::<sso::AddRegion>(region("eu-west-2"), "ConflictException");
        world.refused::<sso::RemoveRegion>(region("eu-west-1"), "ConflictException");
        world.second += 10;
        world.refused::<sso::AddRegion>(region("eu-west-1"), "ConflictException");
        world.refused::<sso::AddRegion>(region("us-east-1"), "ConflictException");
        let listed = world.all::<sso::ListRegions>(json!({ "MaxResults": 1 }), "Regions");
        let shown: Vec<_> = listed
            .iter()
            .map(|one| (one["RegionName"].as_str().unwrap(), one["Status"].as_str().unwrap()))
            .collect();
        assert_eq!(shown, [("eu-west-1", "ACTIVE"), ("us-east-1", "ACTIVE")]);
        assert_eq!(world.ok::<sso::DescribeRegion>(region("us-east-1"))["IsPrimaryRegion"], true);
        world.refused::<sso::RemoveRegion>(region("us-east-1"), "ValidationException");
        world.refused::<sso::RemoveRegion>(region("eu-west-2"), "ResourceNotFoundException");
        for wrong in ["", "Frankfurt", "eu-1", "eu-west-", "eu-west-12", "a-b-c-d-1"] {
            world.refused::<sso::DescribeRegion>(region(wrong), "ValidationException");
        }
        for name in ["eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"] {
            world.ok::<sso::AddRegion>(region(name));
            world.second += 10;
        }
        world.refused::<sso::AddRegion>(region("us-gov-west-1"), "ServiceQuotaExceededException");
        assert_eq!(world.ok::<sso::RemoveRegion>(region("eu-west-1"))["Status"], "REMOVING");
        assert_eq!(world.ok::<sso::DescribeRegion>(region("eu-west-1"))["Status"], "REMOVING");
        world.second += 10;
        world.refused::<sso::DescribeRegion>(region("eu-west-1"), "ResourceNotFoundException");
        world.ok::<sso::AddRegion>(region("us-gov-west-1"));
    });
}

#[test]
fn attributes_for_access_control_are_switched_on_changed_and_off() {
    both(|world| {
        let attributes = |attributes: Value| json!({ "InstanceAccessControlAttributeConfiguration": { "AccessControlAttributes": attributes } });
        let team = json!([{ "Key": "Team", "Value": { "Source": ["${path:enterprise.department}"] } }]);
        world.refused::<sso::DescribeInstanceAccessControlAttributeConfiguration>(
            json!({}),
            "ResourceNotFoundException",
        );
        world.refused::<sso::UpdateInstanceAccessControlAttributeConfiguration>(
            attributes(team.clone()),
            "ResourceNotFoundException",
        );
        world.refused::<sso::DeleteInstanceAccessControlAttributeConfiguration>(
            json!({}),
            "ResourceNotFoundException",
        );
        world.ok::<sso::CreateInstanceAccessControlAttributeConfiguration>(attributes(json!([])));
        world.refused::<sso::CreateInstanceAccessControlAttributeConfiguration>(
            attributes(team.clone()),
            "ConflictException",
        );
        world.ok::<sso::UpdateInstanceAccessControlAttributeConfiguration>(attributes(team.clone()));
        let described = world.ok::<sso::DescribeInstanceAccessControlAttributeConfiguration>(json!({}));
        assert_eq!(described["Status"], "ENABLED");
        assert_eq!(described["InstanceAccessControlAttributeConfiguration"]["AccessControlAttributes"], team);
        let one = |key: &str, source: Value| json!([{ "Key": key, "Value": { "Source": source } }]);
        let many: Vec<_> =
            (0..51).map(|n| json!({ "Key": format!("k{n}"), "Value": { "Source": ["x"] } })).collect();
        for wrong in [
            one("", json!(["x"])),
            one("Team", json!([])),
            one("Team", json!(["x", "y"])),
            one("Team", json!(["a;b"])),
            one("Te<am", json!(["x"])),
            json!([{ "Key": "a", "Value": { "Source": ["x"] } }, { "Key": "a", "Value": { "Source": ["y"] } }]),
            json!(many),
        ] {
            world.refused::<sso::UpdateInstanceAccessControlAttributeConfiguration>(
                attributes(wrong),
                "ValidationException",
            );
        }
        world.refused::<sso::CreateInstanceAccessControlAttributeConfiguration>(
            json!({}),
            "ValidationException",
        );
        world.ok::<sso::DeleteInstanceAccessControlAttributeConfiguration>(json!({}));
        world.refused::<sso::DescribeInstanceAccessControlAttributeConfiguration>(
            json!({}),
            "ResourceNotFoundException",
        );
    });
}

#[test]
fn an_instance_has_tags_too() {
    both(|world| {
        let tags = json!([{ "Key": "Team", "Value": "platform" }]);
        world.ok::<sso::TagResource>(json!({ "ResourceArn": INSTANCE, "Tags": tags }));
        assert_eq!(world.ok::<sso::ListTagsForResource>(json!({ "ResourceArn": INSTANCE }))["Tags"], tags);
        world.ok::<sso::UntagResource>(json!({ "ResourceArn": INSTANCE, "TagKeys": ["Team"] }));
        assert_eq!(
            world.ok::<sso::ListTagsForResource>(json!({ "ResourceArn": INSTANCE }))["Tags"],
            json!([])
        );
        let other = "arn:aws:sso:::instance/ssoins-0000000000000000";
        world.refused::<sso::ListTagsForResource>(json!({ "ResourceArn": other }), "AccessDeniedException");
    });
}
