//! Permission sets and their policies, behind both faces.

use serde_json::{Value, json};
use simulator::{Settings, wire::sso_admin as sso};

use crate::{
    faces::{Faced, both, both_with},
    support::{at, delegated, key, person},
};

fn new_set(world: &mut Faced, name: &str) -> Value {
    world.ok::<sso::CreatePermissionSet>(json!({ "Name": name }))["PermissionSet"]["PermissionSetArn"].clone()
}

const POLICY: &str = r#"{ "Version": "2012-10-17", "Statement": [] }"#;

#[test]
fn an_update_changes_what_it_names_and_leaves_the_rest() {
    both(|world| {
        let made = world.ok::<sso::CreatePermissionSet>(json!({
            "Name": "Operators", "Description": "on call", "SessionDuration": "PT2H", "RelayState": "https://console.aws.amazon.com/",
            "Tags": [{ "Key": "Environment", "Value": "All" }],
        }));
        let arn = made["PermissionSet"]["PermissionSetArn"].clone();
        world.ok::<sso::UpdatePermissionSet>(json!({ "PermissionSetArn": arn, "SessionDuration": "PT4H" }));
        let described =
            world.ok::<sso::DescribePermissionSet>(json!({ "PermissionSetArn": arn }))["PermissionSet"]
                .clone();
        assert_eq!(
            (&described["Description"], &described["SessionDuration"], &described["RelayState"]),
            (&json!("on call"), &json!("PT4H"), &json!("https://console.aws.amazon.com/"))
        );
        for refused in [
            json!({ "SessionDuration": "PT13H" }),
            json!({ "SessionDuration": "4 hours" }),
            json!({ "Description": "" }),
            json!({ "RelayState": "a<b" }),
            json!({ "RelayState": "a".repeat(241) }),
        ] {
            let mut body = refused;
            body["PermissionSetArn"] = arn.clone();
            world.refused::<sso::UpdatePermissionSet>(body, "ValidationException");
        }
        world.refused::<sso::CreatePermissionSet>(json!({ "Name": "Operators" }), "ConflictException");
    });
}

#[test]
fn policies_of_both_kinds_are_attached_listed_and_detached_and_count_together() {
    let mut settings = Settings::default();
    settings.quotas.policies_per_permission_set = 3;
    both_with(&settings, |world| {
        let arn = new_set(world, "Operators");
        let managed = |name: &str| json!({ "PermissionSetArn": arn, "ManagedPolicyArn": format!("arn:aws:iam::aws:policy/{name}") });
        let own = |reference: Value| json!({ "PermissionSetArn": arn, "CustomerManagedPolicyReference": reference });
        let read_only = managed("ReadOnlyAccess");
        let billing = managed("job-function/Billing");
        let guard = own(json!({ "Name": "Guard", "Path": "/team/one/" }));

        world.ok::<sso::AttachManagedPolicyToPermissionSet>(read_only.clone());
        world.refused::<sso::AttachManagedPolicyToPermissionSet>(read_only.clone(), "ConflictException");
        world.ok::<sso::AttachManagedPolicyToPermissionSet>(billing.clone());
        world.ok::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(guard.clone());
        world.refused::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(
            guard.clone(),
            "ConflictException",
        );
        let more = own(json!({ "Name": "Guard" }));
        world.refused::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(
            more.clone(),
            "ServiceQuotaExceededException",
        );
        world.refused::<sso::AttachManagedPolicyToPermissionSet>(
            managed("SecurityAudit"),
            "ServiceQuotaExceededException",
        );

        let set = json!({ "PermissionSetArn": arn, "MaxResults": 1 });
        let listed =
            world.all::<sso::ListManagedPoliciesInPermissionSet>(set.clone(), "AttachedManagedPolicies");
        let names: Vec<_> = listed.iter().map(|policy| policy["Name"].as_str().unwrap()).collect();
        assert_eq!(names, ["ReadOnlyAccess", "Billing"]);
        world.ok::<sso::DetachManagedPolicyFromPermissionSet>(billing.clone());
        world.refused::<sso::DetachManagedPolicyFromPermissionSet>(billing, "ResourceNotFoundException");

        // The path is `/` unless another is given.
        world.ok::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(more.clone());
        let listed = world.all::<sso::ListCustomerManagedPolicyReferencesInPermissionSet>(
            set.clone(),
            "CustomerManagedPolicyReferences",
        );
        assert_eq!(
            listed,
            [json!({ "Name": "Guard", "Path": "/" }), json!({ "Name": "Guard", "Path": "/team/one/" })]
        );
        world.ok::<sso::DetachCustomerManagedPolicyReferenceFromPermissionSet>(more.clone());
        world.refused::<sso::DetachCustomerManagedPolicyReferenceFromPermissionSet>(
            more,
            "ResourceNotFoundException",
        );

        for reference in [
            json!({ "Name": "" }),
            json!({ "Name": "with space" }),
            json!({ "Name": "Guard", "Path": "team/" }),
            json!({ "Name": "Guard", "Path": "/team" }),
            json!({ "Name": "Guard", "Path": "//" }),
        ] {
            world.refused::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>(
                own(reference),
                "ValidationException",
            );
        }
        for other in [
            "arn:aws:iam::111122223333:policy/Own",
            "arn:aws:iam::aws:policy/a//b",
            "arn:aws:iam::aws:policy/",
        ] {
            let body = json!({ "PermissionSetArn": arn, "ManagedPolicyArn": other });
            world.refused::<sso::AttachManagedPolicyToPermissionSet>(body, "ValidationException");
        }
    });
}

#[test]
fn an_inline_policy_is_a_policy_document_of_a_bounded_size() {
    both(|world| {
        let arn = new_set(world, "Operators");
        let set = json!({ "PermissionSetArn": arn });
        let put = |policy: &str| json!({ "PermissionSetArn": arn, "InlinePolicy": policy });
        assert_eq!(world.ok::<sso::GetInlinePolicyForPermissionSet>(set.clone())["InlinePolicy"], "");
        world.refused::<sso::DeleteInlinePolicyFromPermissionSet>(set.clone(), "ResourceNotFoundException");

        world.ok::<sso::PutInlinePolicyToPermissionSet>(put(POLICY));
        assert_eq!(world.ok::<sso::GetInlinePolicyForPermissionSet>(set.clone())["InlinePolicy"], POLICY);
        for refused in [
            "",
            "allow everything",
            "[]",
            r#"{ "Version": "2012-10-17" }"#,
            "{ \"Statement\": \"\u{2014}\" }",
        ] {
            world.refused::<sso::PutInlinePolicyToPermissionSet>(put(refused), "ValidationException");
        }
        let filled =
            |count: usize, with: &str| format!(r#"{{"Statement":[],"Id":"{}"}}"#, with.repeat(count));
        let frame = filled(0, "").len();
        world.ok::<sso::PutInlinePolicyToPermissionSet>(put(&filled(10_240 - frame, "a")));
        world.refused::<sso::PutInlinePolicyToPermissionSet>(
            put(&filled(10_241 - frame, "a")),
            "ServiceQuotaExceededException",
        );
        // White space counts only to the length.
        world.ok::<sso::PutInlinePolicyToPermissionSet>(put(&filled(32_768 - frame, " ")));
        world.refused::<sso::PutInlinePolicyToPermissionSet>(
            put(&filled(32_769 - frame, " ")),
            "ValidationException",
        );
        // Two bytes each, but one character: within the length and over the bytes.
        let wide = filled(9_000, "\u{e9} \u{a0}");
        world.refused::<sso::PutInlinePolicyToPermissionSet>(put(&wide), "ServiceQuotaExceededException");

        world.ok::<sso::DeleteInlinePolicyFromPermissionSet>(set.clone());
        assert_eq!(world.ok::<sso::GetInlinePolicyForPermissionSet>(set)["InlinePolicy"], "");
    });
}

#[test]
fn a_permissions_boundary_is_one_policy_of_either_kind() {
    both(|world| {
        let arn = new_set(world, "Operators");
        let set = json!({ "PermissionSetArn": arn });
        let put = |boundary: Value| json!({ "PermissionSetArn": arn, "PermissionsBoundary": boundary });
        let managed = json!({ "ManagedPolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess" });
        let own = json!({ "CustomerManagedPolicyReference": { "Name": "Boundary", "Path": "/" } });
        world
            .refused::<sso::GetPermissionsBoundaryForPermissionSet>(set.clone(), "ResourceNotFoundException");
        world.refused::<sso::DeletePermissionsBoundaryFromPermissionSet>(
            set.clone(),
            "ResourceNotFoundException",
        );
        for boundary in [managed.clone(), own.clone()] {
            world.ok::<sso::PutPermissionsBoundaryToPermissionSet>(put(boundary.clone()));
            let got = world.ok::<sso::GetPermissionsBoundaryForPermissionSet>(set.clone());
            assert_eq!(got["PermissionsBoundary"], boundary);
        }
        let mut two = managed;
        two["CustomerManagedPolicyReference"] = own["CustomerManagedPolicyReference"].clone();
        for refused in [json!({}), two, json!({ "ManagedPolicyArn": "arn:aws:iam::111122223333:policy/Own" })]
        {
            world.refused::<sso::PutPermissionsBoundaryToPermissionSet>(put(refused), "ValidationException");
        }
        world.ok::<sso::DeletePermissionsBoundaryFromPermissionSet>(set.clone());
        world.refused::<sso::GetPermissionsBoundaryForPermissionSet>(set, "ResourceNotFoundException");
    });
}

/// A change of a permission set by a call.
type Edit = fn(&mut Faced, Value) -> Value;

#[test]
fn every_edit_makes_a_new_version_and_a_tag_does_not() {
    both(|world| {
        let key = key(&world.world, "one-dev", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &key);
        let arn = json!(key.permission_set);
        let set = json!({ "PermissionSetArn": arn });
        let old =
            json!({ "PermissionSetArn": arn, "ProvisioningStatus": "LATEST_PERMISSION_SET_NOT_PROVISIONED" });
        let with = |member: &str, value: Value| {
            let mut body = set.clone();
            body[member] = value;
            body
        };
        let managed = with("ManagedPolicyArn", json!("arn:aws:iam::aws:policy/ReadOnlyAccess"));
        let own = with("CustomerManagedPolicyReference", json!({ "Name": "Guard" }));
        let boundary = json!({ "ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" });
        let edits: [(Edit, Value); 9] = [
            (Faced::ok::<sso::UpdatePermissionSet>, with("Description", json!("new"))),
            (Faced::ok::<sso::AttachManagedPolicyToPermissionSet>, managed.clone()),
            (Faced::ok::<sso::DetachManagedPolicyFromPermissionSet>, managed),
            (Faced::ok::<sso::AttachCustomerManagedPolicyReferenceToPermissionSet>, own.clone()),
            (Faced::ok::<sso::DetachCustomerManagedPolicyReferenceFromPermissionSet>, own),
            (Faced::ok::<sso::PutInlinePolicyToPermissionSet>, with("InlinePolicy", json!(POLICY))),
            (Faced::ok::<sso::DeleteInlinePolicyFromPermissionSet>, set.clone()),
            (Faced::ok::<sso::PutPermissionsBoundaryToPermissionSet>, with("PermissionsBoundary", boundary)),
            (Faced::ok::<sso::DeletePermissionsBoundaryFromPermissionSet>, set.clone()),
        ];
        let tag = json!({ "ResourceArn": arn, "Tags": [{ "Key": "Team", "Value": "x" }] });
        world.ok::<sso::TagResource>(tag);
        world.ok::<sso::UntagResource>(json!({ "ResourceArn": arn, "TagKeys": ["Team"] }));
        assert_eq!(
            world.ok::<sso::ListAccountsForProvisionedPermissionSet>(old.clone())["AccountIds"],
            json!([])
        );
        for (edit, body) in edits {
            edit(world, body.clone());
            let stale = world.ok::<sso::ListAccountsForProvisionedPermissionSet>(old.clone());
            assert_eq!(stale["AccountIds"], json!(["222233334444"]), "{body}");
            world.ok::<sso::ProvisionPermissionSet>(
                json!({ "PermissionSetArn": arn, "TargetType": "ALL_PROVISIONED_ACCOUNTS" }),
            );
            world.second += 5;
            let stale = world.ok::<sso::ListAccountsForProvisionedPermissionSet>(old.clone());
            assert_eq!(stale["AccountIds"], json!([]), "{body}");
        }
    });
}

#[test]
fn tags_are_bounded_by_call_and_by_resource() {
    both(|world| {
        let arn = new_set(world, "Operators");
        let tags = |from: usize, to: usize| -> Vec<Value> {
            (from..to).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect()
        };
        let tag = |tags: Vec<Value>| json!({ "ResourceArn": arn, "Tags": tags });
        world.refused::<sso::TagResource>(tag(tags(0, 76)), "ValidationException");
        world.refused::<sso::TagResource>(tag(tags(0, 51)), "ServiceQuotaExceededException");
        world.ok::<sso::TagResource>(tag(tags(0, 50)));
        world.refused::<sso::TagResource>(tag(tags(50, 51)), "ServiceQuotaExceededException");
        world.ok::<sso::TagResource>(tag(tags(0, 1)));
        assert_eq!(world.all::<sso::ListTagsForResource>(json!({ "ResourceArn": arn }), "Tags").len(), 50);
        world.refused::<sso::UntagResource>(
            json!({ "ResourceArn": arn, "TagKeys": [] }),
            "ValidationException",
        );
        let keys: Vec<_> = (0..50).map(|n| format!("k{n}")).collect();
        world.ok::<sso::UntagResource>(json!({ "ResourceArn": arn, "TagKeys": keys }));
        assert_eq!(world.ok::<sso::ListTagsForResource>(json!({ "ResourceArn": arn }))["Tags"], json!([]));
        let too_many = json!({ "Name": "Tagged", "Tags": tags(0, 51) });
        world.refused::<sso::CreatePermissionSet>(too_many, "ServiceQuotaExceededException");
    });
}

#[test]
fn an_instance_has_only_so_many_permission_sets() {
    let mut settings = Settings::default();
    settings.quotas.permission_sets = 3;
    both_with(&settings, |world| {
        new_set(world, "Third");
        world.refused::<sso::CreatePermissionSet>(
            json!({ "Name": "Fourth" }),
            "ServiceQuotaExceededException",
        );
    });
}

#[test]
fn a_delegated_administrator_changes_nothing_that_is_provisioned_in_the_management_account() {
    both(|world| {
        let there = key(&world.world, "management", "ReadOnlyAccess", "Developers");
        world.world.grant_by_hand(at(0), &person(), &there);
        world.caller = delegated();
        let set = json!({ "PermissionSetArn": there.permission_set });
        let with = |member: &str, value: Value| {
            let mut body = set.clone();
            body[member] = value;
            body
        };
        let denied = "AccessDeniedException";
        world.refused::<sso::UpdatePermissionSet>(with("Description", json!("new")), denied);
        world.refused::<sso::PutInlinePolicyToPermissionSet>(with("InlinePolicy", json!(POLICY)), denied);
        world.refused::<sso::DeletePermissionSet>(set.clone(), denied);
        world.refused::<sso::ProvisionPermissionSet>(
            with("TargetType", json!("ALL_PROVISIONED_ACCOUNTS")),
            denied,
        );
        let tag = json!({ "ResourceArn": there.permission_set, "Tags": [{ "Key": "Team", "Value": "x" }] });
        world.refused::<sso::TagResource>(tag, denied);
        // Reading is another matter, and so is a permission set that is not there.
        world.ok::<sso::GetInlinePolicyForPermissionSet>(set);
        let other = world.world.permission_set_named("PowerUserAccess").unwrap();
        world.ok::<sso::UpdatePermissionSet>(json!({ "PermissionSetArn": other, "Description": "new" }));
    });
}

#[test]
fn lists_by_principal_need_the_management_account_unless_assumed_otherwise() {
    both(|world| {
        let group = world.world.group_named("Developers").unwrap();
        let ask = json!({ "PrincipalType": "GROUP", "PrincipalId": group });
        world.ok::<sso::ListAccountAssignmentsForPrincipal>(ask.clone());
        world.caller = delegated();
        world.refused::<sso::ListAccountAssignmentsForPrincipal>(ask.clone(), "AccessDeniedException");
        world.world.settings.assumptions.principal_lists_need_the_management_account = false;
        world.ok::<sso::ListAccountAssignmentsForPrincipal>(ask);
    });
}
