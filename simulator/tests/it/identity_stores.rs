//! Identity stores themselves, and from where they and instances can be reached.

use serde_json::{Value, json};
use simulator::{Caller, CallerKind, World, wire::identity_store as store, wire::sso_admin as sso};

use crate::{
    faces::both,
    support::{INSTANCE, SMALL, STORE, account, at, delegated, unhurried},
};

const ARN: &str = "arn:aws:identitystore::111122223333:identitystore/d-9067642ac1";

#[test]
fn an_identity_store_is_described_listed_and_told_who_may_reach_it() {
    both(|aws| {
        let ids = json!({ "IdentityStoreId": STORE, "IdentityStoreArn": ARN });
        assert_eq!(aws.ok::<store::DescribeIdentityStore>(json!({})), ids);
        assert_eq!(aws.ok::<store::DescribeIdentityStore>(json!({ "IdentityStoreId": ARN })), ids);
        assert_eq!(
            aws.all::<store::ListIdentityStores>(json!({ "MaxResults": 1 }), "IdentityStores"),
            std::slice::from_ref(&ids)
        );
        let network = json!({
            "VpceAccessRequired": true, "ApiRestrictSourceVpcs": ["vpc-0a1b2c3d"], "ApiAllowSourceIps": ["203.0.113.0/24"],
            "ScimAllowSourceIps": ["2001:db8::/32"],
        });
        let update = |network: &Value| json!({ "NetworkConfiguration": network });
        assert_eq!(aws.ok::<store::UpdateIdentityStore>(update(&network)), ids);
        assert_eq!(aws.ok::<store::DescribeIdentityStore>(json!({}))["NetworkConfiguration"], network);
        aws.ok::<store::UpdateIdentityStore>(json!({}));
        for (member, bad) in [
            ("ApiRestrictSourceVpcs", json!([])),
            ("ApiRestrictSourceVpcs", json!(["vpc-1"])),
            ("ApiAllowSourceIps", json!(["203.0.113.0/33"])),
            ("ScimAllowSourceIps", json!(vec!["203.0.113.7"; 51])),
        ] {
            let bad = json!({ "VpceAccessRequired": false, member: bad });
            let error = aws.refused::<store::UpdateIdentityStore>(update(&bad), "ValidationException");
            assert!(error.message.to_lowercase().contains(&member.to_lowercase()), "{error}");
        }
        assert_eq!(aws.ok::<store::DescribeIdentityStore>(json!({}))["NetworkConfiguration"], network);
        let other = json!({ "IdentityStoreId": "d-0000000000" });
        let error = aws.refused::<store::DescribeIdentityStore>(other, "ResourceNotFoundException");
        assert_eq!(error.extra["ResourceType"], "IDENTITY_STORE");
        aws.caller = delegated();
        aws.ok::<store::DescribeIdentityStore>(json!({}));
    });
}

#[test]
fn an_account_sees_the_identity_store_of_its_own_instance_only() {
    both(|aws| {
        aws.caller = Caller::new("developer", account("333344445555"), CallerKind::Member);
        assert!(aws.all::<store::ListIdentityStores>(json!({}), "IdentityStores").is_empty());
        aws.refused::<store::DescribeIdentityStore>(json!({}), "AccessDeniedException");
        aws.refused::<store::UpdateIdentityStore>(json!({}), "AccessDeniedException");
        aws.ok::<sso::CreateInstance>(json!({}));
        let own = aws.all::<store::ListIdentityStores>(json!({}), "IdentityStores");
        assert_eq!(own.len(), 1);
        aws.ok::<store::DescribeIdentityStore>(json!({ "IdentityStoreId": own[0]["IdentityStoreId"] }));
    });
}

#[test]
fn a_network_configuration_of_an_instance_is_kept_and_shown() {
    both(|aws| {
        assert_eq!(aws.ok::<sso::DescribeInstance>(json!({})).get("NetworkConfigurationDetails"), None);
        let network = json!({
            "VpceAccessRequired": true,
            "RestrictSourceVpcs": ["arn:aws:ec2:us-east-1:111122223333:vpc/vpc-0a1b2c3d"],
            "AllowSourceIps": [],
            "ExcludeApplicationArns": ["arn:aws:sso::111122223333:application/ssoins-7223a1b2c3d4e5f6/apl-1"],
        });
        aws.ok::<sso::UpdateInstance>(json!({ "NetworkConfiguration": network }));
        for bad in [
            json!({ "NetworkConfiguration": { "VpceAccessRequired": true, "RestrictSourceVpcs": ["vpc-0a1b2c3d"] } }),
            json!({ "NetworkConfiguration": { "VpceAccessRequired": true, "AllowSourceIps": ["here"] } }),
            json!({ "NetworkConfiguration": { "VpceAccessRequired": true, "AllowSourceIps": vec!["203.0.113.7"; 51] } }),
            json!({ "NetworkConfiguration": { "VpceAccessRequired": true, "ExcludeApplicationArns": ["x"] } }),
            json!({ "NetworkConfiguration": { "VpceAccessRequired": false }, "PermissionSetsEnabled": true }),
        ] {
            aws.refused::<sso::UpdateInstance>(bad, "ValidationException");
        }
        let described = aws.ok::<sso::DescribeInstance>(json!({}));
        assert_eq!(described["NetworkConfigurationDetails"], network);
        let mut again = World::from_yaml(&aws.world.to_yaml().unwrap(), unhurried()).unwrap();
        let input = sso::DescribeInstance { instance_arn: INSTANCE.to_owned() };
        let described = again.call(at(100), &delegated(), input).unwrap();
        assert_eq!(json!(described)["NetworkConfigurationDetails"], network);
    });
}

#[test]
fn identity_stores_ask_iam() {
    let callers = "callers:\n  - access_key: HELD\n    role: held\n    policies: [{ Version: \"2012-10-17\", Statement: { Effect: Allow, \
                   Action: \"identitystore:List*\", Resource: \"*\" } }]\n";
    let mut world = World::from_yaml(&format!("{SMALL}{callers}"), unhurried()).unwrap();
    let held = world.caller_of("HELD").unwrap();
    world.call(at(0), &held, store::ListIdentityStores::default()).unwrap();
    let input = store::DescribeIdentityStore { identity_store_id: STORE.to_owned() };
    let error = world.call(at(1), &held, input).unwrap_err();
    assert_eq!(error.code, "AccessDeniedException");
    assert!(error.message.contains(ARN), "{error}");
    let nothing = "policies: []";
    let callers = format!("callers:\n  - {{ access_key: HELD, role: held, {nothing} }}\n");
    let mut world = World::from_yaml(&format!("{SMALL}{callers}"), unhurried()).unwrap();
    let held = world.caller_of("HELD").unwrap();
    let error = world.call(at(0), &held, store::ListIdentityStores::default()).unwrap_err();
    assert_eq!(error.code, "AccessDeniedException");
}
