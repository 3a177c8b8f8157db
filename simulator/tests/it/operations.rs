//! Each operation's documented refusals, and the parts of it that the ports don't reach, behind all faces.

use serde_json::{Value, json};
use simulator::{
    ApiError,
    wire::{identity_store as ids, organizations as org, sso_admin as sso},
};

use crate::{
    faces::{Faced, both_with},
    support::{INSTANCE, STORE, unhurried},
};

const ORG: &str = "org";
const IDS: &str = "ids";
const SSO: &str = "sso";

/// One call of an operation by its name.
fn call(world: &mut Faced, service: &str, operation: &str, body: Value) -> Result<Value, ApiError> {
    macro_rules! by_name {
        ($($module:ident { $($name:ident)* })*) => {
            match (service, operation) {
                $($((stringify!($module), stringify!($name)) => world.call::<$module::$name>(body),)*)*
                other => panic!("{other:?} is not in the list"),
            }
        };
    }
    by_name! {
        org { CloseAccount CreateAccount CreateOrganizationalUnit DescribeAccount DescribeCreateAccountStatus DescribeOrganizationalUnit ListAccounts ListAccountsForParent ListChildren ListParents ListRoots ListTagsForResource MoveAccount TagResource UpdateOrganizationalUnit }
        ids { CreateGroup CreateGroupMembership CreateUser DeleteGroupMembership DeleteUser DescribeGroup GetUserId IsMemberInGroups ListGroupMemberships ListGroups ListUsers UpdateGroup }
        sso { AttachManagedPolicyToPermissionSet CreateAccountAssignment CreatePermissionSet DeleteAccountAssignment DeletePermissionSet DescribeInstance DescribePermissionSet ListAccountAssignmentCreationStatus ListAccountsForProvisionedPermissionSet ListInstances ListPermissionSets ListPermissionSetsProvisionedToAccount UntagResource }
    }
}

struct Tried<'f>(&'f mut Faced);

#[expect(clippy::needless_pass_by_value, reason = "the tables read better with plain values")]
impl Tried<'_> {
    fn ok(&mut self, service: &str, operation: &str, body: Value) -> Value {
        call(self.0, service, operation, body).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn refused(&mut self, service: &str, operation: &str, body: Value, code: &str) {
        let error = call(self.0, service, operation, body.clone()).expect_err(operation);
        assert_eq!(error.code, code, "{operation} {body}: {error}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, a line for each refusal")]
fn organizations_refuses_what_it_documents() {
    both_with(&unhurried(), |world| {
        let mut tried = Tried(world);
        let development = tried.0.world.ou_at("Workloads/Development").unwrap();
        let sandbox = tried.0.world.ou_at("Sandbox").unwrap();
        let one = "222233334444";
        for (operation, body, code) in [
            ("DescribeAccount", json!({ "AccountId": "12" }), "InvalidInputException"),
            ("DescribeAccount", json!({ "AccountId": "999999999999" }), "AccountNotFoundException"),
            ("ListAccountsForParent", json!({ "ParentId": "ou-ab12-00000000" }), "ParentNotFoundException"),
            ("ListAccountsForParent", json!({ "ParentId": "x" }), "InvalidInputException"),
            ("ListParents", json!({ "ChildId": "999999999999" }), "ChildNotFoundException"),
            ("ListParents", json!({ "ChildId": "ou-ab12-00000000" }), "ChildNotFoundException"),
            ("ListChildren", json!({ "ParentId": "r-ab12", "ChildType": "POLICY" }), "InvalidInputException"),
            (
                "ListChildren",
                json!({ "ParentId": "r-zz99", "ChildType": "ACCOUNT" }),
                "ParentNotFoundException",
            ),
            (
                "DescribeOrganizationalUnit",
                json!({ "OrganizationalUnitId": "ou-ab12-00000000" }),
                "OrganizationalUnitNotFoundException",
            ),
            (
                "CreateOrganizationalUnit",
                json!({ "ParentId": "r-ab12", "Name": "Sandbox" }),
                "DuplicateOrganizationalUnitException",
            ),
            (
                "CreateOrganizationalUnit",
                json!({ "ParentId": "r-ab12", "Name": "" }),
                "InvalidInputException",
            ),
            (
                "UpdateOrganizationalUnit",
                json!({ "OrganizationalUnitId": sandbox, "Name": "Workloads" }),
                "DuplicateOrganizationalUnitException",
            ),
            ("CreateAccount", json!({ "AccountName": "a", "Email": "nowhere" }), "InvalidInputException"),
            (
                "CreateAccount",
                json!({ "AccountName": "a".repeat(51), "Email": "a@example.com" }),
                "InvalidInputException",
            ),
            (
                "DescribeCreateAccountStatus",
                json!({ "CreateAccountRequestId": "car-00000000" }),
                "CreateAccountStatusNotFoundException",
            ),
            (
                "DescribeCreateAccountStatus",
                json!({ "CreateAccountRequestId": "00000000" }),
                "InvalidInputException",
            ),
            (
                "MoveAccount",
                json!({ "AccountId": one, "SourceParentId": sandbox, "DestinationParentId": development }),
                "SourceParentNotFoundException",
            ),
            (
                "MoveAccount",
                json!({ "AccountId": one, "SourceParentId": development, "DestinationParentId": "ou-ab12-00000000" }),
                "DestinationParentNotFoundException",
            ),
            (
                "MoveAccount",
                json!({ "AccountId": one, "SourceParentId": development, "DestinationParentId": development }),
                "DuplicateAccountException",
            ),
            ("CloseAccount", json!({ "AccountId": "111122223333" }), "ConstraintViolationException"),
            ("TagResource", json!({ "ResourceId": "999999999999", "Tags": [] }), "TargetNotFoundException"),
            (
                "TagResource",
                json!({ "ResourceId": one, "Tags": [{ "Key": "aws:x", "Value": "" }] }),
                "InvalidInputException",
            ),
            (
                "TagResource",
                json!({ "ResourceId": one, "Tags": [{ "Key": "a", "Value": "" }, { "Key": "a", "Value": "" }] }),
                "InvalidInputException",
            ),
            (
                "TagResource",
                json!({ "ResourceId": one, "Tags": [{ "Key": "a", "Value": "<>" }] }),
                "InvalidInputException",
            ),
            ("ListTagsForResource", json!({ "ResourceId": "ou-ab12-00000000" }), "TargetNotFoundException"),
        ] {
            tried.refused(ORG, operation, body, code);
        }
        let many: Vec<_> = (0..49).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
        tried.ok(ORG, "TagResource", json!({ "ResourceId": one, "Tags": many }));
        tried.refused(
            ORG,
            "TagResource",
            json!({ "ResourceId": one, "Tags": [{ "Key": "more", "Value": "" }] }),
            "ConstraintViolationException",
        );
        assert_eq!(
            tried.ok(ORG, "ListTagsForResource", json!({ "ResourceId": one }))["Tags"]
                .as_array()
                .unwrap()
                .len(),
            20
        );

        tried.ok(ORG, "CloseAccount", json!({ "AccountId": one }));
        assert_eq!(
            tried.ok(ORG, "DescribeAccount", json!({ "AccountId": one }))["Account"]["State"],
            "PENDING_CLOSURE"
        );
        tried.0.second += 60;
        assert_eq!(
            tried.ok(ORG, "DescribeAccount", json!({ "AccountId": one }))["Account"]["State"],
            "CLOSED"
        );
        tried.refused(ORG, "CloseAccount", json!({ "AccountId": one }), "AccountAlreadyClosedException");
    });
}

#[test]
fn ous_nest_five_deep_at_most() {
    both_with(&unhurried(), |world| {
        let mut tried = Tried(world);
        let mut parent = tried.0.world.ou_at("Workloads/Development").unwrap().to_string();
        for depth in 3..=5 {
            let made = tried.ok(
                ORG,
                "CreateOrganizationalUnit",
                json!({ "ParentId": parent, "Name": format!("level {depth}") }),
            );
            parent = made["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
        }
        tried.refused(
            ORG,
            "CreateOrganizationalUnit",
            json!({ "ParentId": parent, "Name": "level 6" }),
            "ConstraintViolationException",
        );
    });
}

#[test]
fn a_page_token_is_good_for_its_own_call_only_and_pages_hold_all() {
    both_with(&unhurried(), |world| {
        let mut tried = Tried(world);
        let first = tried.ok(ORG, "ListAccounts", json!({ "MaxResults": 3 }));
        let token = first["NextToken"].clone();
        let second = tried.ok(ORG, "ListAccounts", json!({ "MaxResults": 3, "NextToken": token }));
        assert_eq!(
            (first["Accounts"].as_array().unwrap().len(), second["Accounts"].as_array().unwrap().len()),
            (3, 2)
        );
        assert!(second.get("NextToken").is_none());
        tried.refused(ORG, "ListRoots", json!({ "NextToken": token }), "InvalidInputException");
        for size in [0, -1, 101] {
            tried.refused(SSO, "ListInstances", json!({ "MaxResults": size }), "ValidationException");
        }
        tried.refused(SSO, "ListInstances", json!({ "NextToken": token }), "ValidationException");
    });
}

#[test]
fn the_identity_store_makes_changes_and_refuses_as_documented() {
    both_with(&unhurried(), |world| {
        let mut tried = Tried(world);
        let alba = tried.0.world.user_named("alba@example.com").unwrap();
        let bruno = tried.0.world.user_named("bruno@example.com").unwrap();
        let group = tried.0.world.group_named("Developers").unwrap();
        let store = |mut body: Value| {
            body["IdentityStoreId"] = json!(STORE);
            body
        };
        let nobody = "00000000-0000-4000-8000-000000000000";
        for (operation, body, code) in [
            ("CreateGroup", json!({}), "ValidationException"),
            ("CreateGroup", json!({ "DisplayName": "Developers" }), "ConflictException"),
            ("CreateGroup", json!({ "DisplayName": "Administrator" }), "ValidationException"),
            ("CreateGroup", json!({ "DisplayName": "a".repeat(1025) }), "ValidationException"),
            ("DescribeGroup", json!({ "GroupId": nobody }), "ResourceNotFoundException"),
            ("DescribeGroup", json!({ "GroupId": "Developers" }), "ValidationException"),
            ("UpdateGroup", json!({ "GroupId": group, "Operations": [] }), "ValidationException"),
            (
                "UpdateGroup",
                json!({ "GroupId": group, "Operations": [{ "AttributePath": "displayName", "AttributeValue": "Support" }] }),
                "ConflictException",
            ),
            (
                "UpdateGroup",
                json!({ "GroupId": group, "Operations": [{ "AttributePath": "members", "AttributeValue": "x" }] }),
                "ValidationException",
            ),
            (
                "CreateUser",
                json!({ "UserName": "alba@example.com", "DisplayName": "Alba", "Name": { "GivenName": "Alba" } }),
                "ConflictException",
            ),
            ("CreateUser", json!({ "UserName": "with space", "DisplayName": "Alba" }), "ValidationException"),
            ("DeleteUser", json!({ "UserId": nobody }), "ResourceNotFoundException"),
            (
                "CreateGroupMembership",
                json!({ "GroupId": group, "MemberId": { "UserId": alba } }),
                "ConflictException",
            ),
            (
                "CreateGroupMembership",
                json!({ "GroupId": group, "MemberId": { "UserId": nobody } }),
                "ResourceNotFoundException",
            ),
            ("DeleteGroupMembership", json!({ "MembershipId": nobody }), "ResourceNotFoundException"),
            (
                "IsMemberInGroups",
                json!({ "MemberId": { "UserId": alba }, "GroupIds": [] }),
                "ValidationException",
            ),
            (
                "ListGroups",
                json!({ "Filters": [{ "AttributePath": "Other", "AttributeValue": "x" }] }),
                "ValidationException",
            ),
        ] {
            tried.refused(IDS, operation, store(body), code);
        }
        tried.ok(IDS, "UpdateGroup", store(json!({ "GroupId": group, "Operations": [{ "AttributePath": "displayName", "AttributeValue": "Engineers" }] })));
        assert!(tried.0.world.group_named("Developers").is_none());
        assert_eq!(tried.0.world.group_named("Engineers").as_ref(), Some(&group));

        let made = tried.ok(
            IDS,
            "CreateGroupMembership",
            store(json!({ "GroupId": group, "MemberId": { "UserId": bruno } })),
        );
        let asked = store(json!({ "MemberId": { "UserId": bruno }, "GroupIds": [group] }));
        assert_eq!(tried.ok(IDS, "IsMemberInGroups", asked.clone())["Results"][0]["MembershipExists"], true);
        tried.ok(IDS, "DeleteGroupMembership", store(json!({ "MembershipId": made["MembershipId"] })));
        assert_eq!(tried.ok(IDS, "IsMemberInGroups", asked)["Results"][0]["MembershipExists"], false);

        tried.ok(IDS, "DeleteUser", store(json!({ "UserId": alba })));
        let members = tried.ok(IDS, "ListGroupMemberships", store(json!({ "GroupId": group })));
        assert_eq!(members["GroupMemberships"], json!([]));
        let found = tried.ok(
        IDS,
        "ListUsers",
        store(json!({ "Filters": [{ "AttributePath": "UserName", "AttributeValue": "bruno@example.com" }] })),
    );
        assert_eq!(found["Users"].as_array().unwrap().len(), 1);
        let by_email = json!({ "UniqueAttribute": { "AttributePath": "emails.value", "AttributeValue": "bruno@example.com" } });
        let got = tried.ok(IDS, "GetUserId", store(json!({ "AlternateIdentifier": by_email })));
        assert_eq!(got["UserId"], json!(bruno));
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, a line for each refusal, and what a role keeps")]
fn sso_admin_makes_permission_sets_and_refuses_as_documented() {
    both_with(&unhurried(), |world| {
        let mut tried = Tried(world);
        let read_only = tried.0.world.permission_set_named("ReadOnlyAccess").unwrap();
        let group = tried.0.world.group_named("Developers").unwrap();
        let unknown = "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-0000000000000000";
        let instance = |mut body: Value| {
            body["InstanceArn"] = json!(INSTANCE);
            body
        };
        let assignment = |account: &str, set: &str, kind: &str| json!({ "TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": set, "PrincipalType": kind, "PrincipalId": group });
        for (operation, body, code) in [
            ("CreatePermissionSet", json!({ "Name": "ReadOnlyAccess" }), "ConflictException"),
            ("CreatePermissionSet", json!({ "Name": "a".repeat(33) }), "ValidationException"),
            ("CreatePermissionSet", json!({ "Name": "with space" }), "ValidationException"),
            (
                "CreatePermissionSet",
                json!({ "Name": "x", "SessionDuration": "PT13H" }),
                "ValidationException",
            ),
            (
                "CreatePermissionSet",
                json!({ "Name": "x", "SessionDuration": "2 hours" }),
                "ValidationException",
            ),
            ("DescribePermissionSet", json!({ "PermissionSetArn": unknown }), "ResourceNotFoundException"),
            ("DescribePermissionSet", json!({ "PermissionSetArn": "ps" }), "ValidationException"),
            (
                "AttachManagedPolicyToPermissionSet",
                json!({ "PermissionSetArn": read_only, "ManagedPolicyArn": "arn:aws:iam::111122223333:policy/Own" }),
                "ValidationException",
            ),
            (
                "CreateAccountAssignment",
                assignment("222233334444", unknown, "GROUP"),
                "ResourceNotFoundException",
            ),
            (
                "CreateAccountAssignment",
                assignment("999999999999", read_only.as_str(), "GROUP"),
                "ResourceNotFoundException",
            ),
            (
                "CreateAccountAssignment",
                assignment("222233334444", read_only.as_str(), "ROLE"),
                "ValidationException",
            ),
            (
                "DeleteAccountAssignment",
                assignment("2222", read_only.as_str(), "GROUP"),
                "ValidationException",
            ),
            (
                "ListAccountAssignmentCreationStatus",
                json!({ "Filter": { "Status": "DONE" } }),
                "ValidationException",
            ),
            ("UntagResource", json!({ "ResourceArn": read_only, "TagKeys": [] }), "ValidationException"),
        ] {
            tried.refused(SSO, operation, instance(body), code);
        }
        let other = json!({ "InstanceArn": "arn:aws:sso:::instance/ssoins-0000000000000000" });
        tried.refused(SSO, "DescribeInstance", other, "AccessDeniedException");

        // A role keeps the version it was made with until it is provisioned anew.
        tried.ok(
            SSO,
            "CreateAccountAssignment",
            instance(assignment("222233334444", read_only.as_str(), "GROUP")),
        );
        tried.0.second += 5;
        let policy = json!({ "PermissionSetArn": read_only, "ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" });
        let old = json!({ "AccountId": "222233334444", "ProvisioningStatus": "LATEST_PERMISSION_SET_NOT_PROVISIONED" });
        assert_eq!(
            tried.ok(SSO, "ListPermissionSetsProvisionedToAccount", instance(old.clone()))["PermissionSets"],
            json!([])
        );
        tried.ok(SSO, "AttachManagedPolicyToPermissionSet", instance(policy.clone()));
        tried.refused(SSO, "AttachManagedPolicyToPermissionSet", instance(policy), "ConflictException");
        assert_eq!(
            tried.ok(SSO, "ListPermissionSetsProvisionedToAccount", instance(old))["PermissionSets"],
            json!([read_only])
        );
        let accounts = tried.ok(
            SSO,
            "ListAccountsForProvisionedPermissionSet",
            instance(json!({ "PermissionSetArn": read_only })),
        );
        assert_eq!(accounts["AccountIds"], json!(["222233334444"]));

        tried.refused(
            SSO,
            "DeletePermissionSet",
            instance(json!({ "PermissionSetArn": read_only })),
            "ConflictException",
        );
        tried.ok(
            SSO,
            "DeleteAccountAssignment",
            instance(assignment("222233334444", read_only.as_str(), "GROUP")),
        );
        tried.0.second += 5;
        tried.ok(SSO, "DeletePermissionSet", instance(json!({ "PermissionSetArn": read_only })));

        tried.0.world.set_permission_sets_enabled(false);
        tried.refused(SSO, "ListPermissionSets", instance(json!({})), "ValidationException");
        assert_eq!(tried.ok(SSO, "DescribeInstance", instance(json!({})))["PermissionSetsEnabled"], false);
    });
}
