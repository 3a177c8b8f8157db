//! Whom the templates for the management account allow what, as IAM evaluates it.

use serde_json::{Value, json};
use simulator::iam::{Context, Decision, Policy, Request, decide};

use super::{MANAGEMENT, PLACES, Template};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-abcdef1234567890";
const READER: &str = "arn:aws:iam::999988887777:role/usher-sweep";
const WRITER: &str = "arn:aws:iam::999988887777:role/usher-provision";

const ROLES: [(&str, &str); 5] = [
    ("ServiceAccountId", "999988887777"),
    ("OrganizationId", "o-exampleorg1"),
    ("InstanceArn", INSTANCE),
    ("ReadingRoles", READER),
    ("WritingRoles", WRITER),
];

fn role(name: &str, parameters: &[(&str, &str)]) -> Value {
    let template = Template::read("management-account.yaml").unwrap();
    template.of_type("AWS::IAM::Role", PLACES[0], parameters).remove(name).unwrap()
}

/// What a role's policies say, all together.
fn policies(role: &Value) -> Vec<Policy> {
    let documents = role["Policies"].as_array().unwrap().iter().map(|policy| &policy["PolicyDocument"]);
    documents.map(|document| Policy::read(document).unwrap()).collect()
}

fn allowed(policies: &[Policy], action: &str, resource: &str, context: &Context) -> bool {
    decide(policies, &Request { action, resource, context }) == Decision::Allowed
}

/// Of a call, each of its resources must be allowed.
fn may(policies: &[Policy], action: &str, resources: &[&str]) -> bool {
    let context = Context::default().with("aws:ViaAWSService", ["false"]);
    resources.iter().all(|resource| allowed(policies, action, resource, &context))
}

#[test]
fn the_role_that_writes_gives_and_takes_access_to_the_management_account_alone() {
    let policies = policies(&role("WriteRole", &ROLES));
    let own = format!("arn:aws:sso:::account/{MANAGEMENT}");
    let other_instance = "arn:aws:sso:::instance/ssoins-0000000000000000";
    let other_set = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-abcdef1234567890";
    for action in ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment", "sso:ProvisionPermissionSet"]
    {
        assert!(may(&policies, action, &[INSTANCE, SET, &own]), "{action}");
        assert!(!may(&policies, action, &[INSTANCE, SET, "arn:aws:sso:::account/444455556666"]), "{action}");
        assert!(!may(&policies, action, &[other_instance, SET, &own]), "{action}");
        assert!(!may(&policies, action, &[INSTANCE, other_set, &own]), "{action}");
    }
    for action in [
        "sso:CreatePermissionSet",
        "sso:PutInlinePolicyToPermissionSet",
        "sso:AttachManagedPolicyToPermissionSet",
        "sso:TagResource",
        "sso:UntagResource",
        "sso:DeletePermissionSet",
        "sso:UpdateInstance",
        "organizations:TagResource",
        "identitystore:CreateGroupMembership",
    ] {
        assert!(!may(&policies, action, &[INSTANCE]) && !may(&policies, action, &[SET]), "{action}");
    }
}

#[test]
fn what_it_may_do_in_iam_it_may_through_identity_center_only() {
    let reserved = format!(
        "arn:aws:iam::{MANAGEMENT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
    );
    let in_region = reserved.replace("sso.amazonaws.com/", "sso.amazonaws.com/eu-central-1/");
    let provider = format!("arn:aws:iam::{MANAGEMENT}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE");
    let another = format!("arn:aws:iam::{MANAGEMENT}:role/admin");
    let by_itself = Context::default().with("aws:ViaAWSService", ["false"]);
    let through = Context::default().with("aws:ViaAWSService", ["true"]);
    let of_role = ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRole"];
    let of_provider = ["iam:CreateSAMLProvider", "iam:UpdateSAMLProvider"];
    let calls = of_role.iter().flat_map(|action| [(*action, &reserved), (*action, &in_region)]);
    let calls: Vec<_> = calls.chain(of_provider.iter().map(|action| (*action, &provider))).collect();
    let always = [("OnlyThroughIdentityCenter", "false")];
    let unbound = policies(&role("WriteRole", &[&ROLES[..], &always].concat()));
    let policies = policies(&role("WriteRole", &ROLES));
    for (action, resource) in calls {
        assert!(allowed(&policies, action, resource, &through), "{action} {resource}");
        assert!(!allowed(&policies, action, resource, &by_itself), "{action} {resource}");
        assert!(!allowed(&policies, action, &another, &through), "{action} {another}");
        assert!(allowed(&unbound, action, resource, &by_itself), "{action} {resource}");
        assert!(!allowed(&unbound, action, &another, &by_itself), "{action} {another}");
    }
}

/// What a write asks for beside itself where Identity Center has a key of one's own, by `infra/implied-actions.json`.
#[test]
fn the_role_that_writes_may_use_identity_centers_key_through_it_alone() {
    let key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let with_key = [("IdentityCenterKeyArn", key)];
    let policies = policies(&role("WriteRole", &[&ROLES[..], &with_key].concat()));
    let list: Value = serde_json::from_str(include_str!("../../../infra/implied-actions.json")).unwrap();
    let implied = list["implied"].as_array().unwrap().iter();
    let of_key = implied.filter(|entry| entry["condition"] == "HasIdentityCenterKey");
    let actions = of_key.flat_map(|entry| entry["implies"].as_array().unwrap());
    let actions: Vec<&str> = actions.map(|action| action.as_str().unwrap()).collect();
    assert_eq!(actions.len(), 4);
    let through = Context::default()
        .with("kms:ViaService", ["sso.us-east-1.amazonaws.com"])
        .with("kms:EncryptionContext:aws:sso:instance-arn", [INSTANCE]);
    for action in actions {
        assert!(allowed(&policies, action, key, &through), "{action}");
        let by_itself = allowed(&policies, action, key, &Context::default());
        assert_eq!(by_itself, action == "kms:DescribeKey", "{action}");
    }
}

#[test]
fn the_role_that_reads_writes_nothing() {
    let with_organization = [("OrganizationReads", "true")];
    let reader = policies(&role("ReadRole", &[&ROLES[..], &with_organization].concat()));
    assert!(may(&reader, "sso:ListAccountAssignmentsForPrincipal", &[INSTANCE]));
    assert!(may(&reader, "tag:GetResources", &["*"]));
    assert!(may(&reader, "organizations:ListAccounts", &["*"]));
    assert!(!may(&policies(&role("ReadRole", &ROLES)), "organizations:ListAccounts", &["*"]));
    let actions = reader.iter().flat_map(|policy| policy.source()["Statement"].as_array().unwrap());
    let actions: Vec<&str> = actions
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(several) => several.iter().collect::<Vec<_>>(),
            one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                vec![one]
            }
        })
        .map(|action| action.as_str().unwrap())
        .collect();
    let reads = |action: &&str| {
        let name = action.split_once(':').unwrap().1;
        ["List", "Describe", "Get"].iter().any(|verb| name.starts_with(verb)) && !name.contains('*')
    };
    assert!(actions.iter().all(reads), "{actions:?}");
}

#[test]
fn only_the_named_roles_of_ushers_account_and_organization_may_assume_either() {
    for (name, named) in [("ReadRole", READER), ("WriteRole", WRITER)] {
        let trust = role(name, &ROLES)["AssumeRolePolicyDocument"]["Statement"].take();
        let expected = json!([{
            "Sid": "OnlyTheseRolesOfUshersAccount",
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::999988887777:root" },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "aws:PrincipalOrgID": "o-exampleorg1", "aws:PrincipalAccount": "999988887777" },
                "ArnEquals": { "aws:PrincipalArn": [named] },
            },
        }]);
        assert_eq!(trust, expected);
    }
}

#[test]
fn roles_that_nobody_is_named_for_are_not_made() {
    let template = Template::read("management-account.yaml").unwrap();
    let made = template.resources(PLACES[1], &ROLES[..3]);
    assert!(made.is_empty(), "{made:?}");
    let delegated = [&ROLES[..3], &[("DelegateReads", "true")]].concat();
    let made = template.resources(PLACES[1], &delegated);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["OrganizationReadsPolicy"]);
}

const KEPT: [(&str, &str); 4] = [
    ("AccountTagKeys", "Environment, Team"),
    ("PermissionSetTagKeys", "OU"),
    ("AccountNames", "true"),
    (
        "Administrators",
        "arn:aws:iam::123456789012:role/access-admin,arn:aws:iam::999988887777:role/usher-reprovision",
    ),
];

/// The service control policy, with all else allowed.
fn kept(parameters: &[(&str, &str)]) -> Vec<Policy> {
    let template = Template::read("trusted-tags.yaml").unwrap();
    let made = template.of_type("AWS::Organizations::Policy", PLACES[0], parameters);
    let everything = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    vec![Policy::read(&made["ServiceControlPolicy"]["Content"]).unwrap(), Policy::read(&everything).unwrap()]
}

#[test]
fn trusted_tags_are_set_and_removed_by_the_named_administrators_only() {
    let policies = kept(&KEPT);
    let somebody = "arn:aws:iam::444455556666:role/admin";
    let account = "arn:aws:organizations::123456789012:account/o-exampleorg1/444455556666";
    let ou = "arn:aws:organizations::123456789012:ou/o-exampleorg1/ou-ab12-abcd1234";
    for (action, resource, keys, trusted) in [
        ("organizations:TagResource", account, &["Team"][..], true),
        ("organizations:TagResource", account, &["CostCenter", "Environment"], true),
        ("organizations:TagResource", account, &["environment"], true),
        ("organizations:TagResource", account, &["CostCenter"], false),
        ("organizations:TagResource", account, &["OU"], false),
        ("organizations:UntagResource", account, &["Team"], true),
        ("organizations:UntagResource", ou, &["Team"], true),
        ("organizations:TagResource", ou, &["Team"], true),
        ("organizations:CreateAccount", "*", &["Team"], true),
        ("organizations:CreateAccount", "*", &[], false),
        ("sso:TagResource", SET, &["OU"], true),
        ("sso:UntagResource", SET, &["OU"], true),
        ("sso:CreatePermissionSet", SET, &["OU"], true),
        ("sso:CreatePermissionSet", SET, &["Team"], false),
        ("sso:CreateAccountAssignment", SET, &[], false),
        ("account:PutAccountName", "*", &[], true),
        ("iam:UpdateAccountName", "*", &[], true),
    ] {
        let by = |arn: &str| {
            let context =
                Context::default().with("aws:PrincipalArn", [arn]).with("aws:TagKeys", keys.iter().copied());
            allowed(&policies, action, resource, &context)
        };
        assert_eq!(by(somebody), !trusted, "{action} {keys:?}");
        // Not a role of the same name in another account.
        assert_eq!(by("arn:aws:iam::444455556666:role/access-admin"), !trusted, "{action} {keys:?}");
        assert!(by("arn:aws:iam::123456789012:role/access-admin"), "{action} {keys:?}");
        assert!(by("arn:aws:iam::999988887777:role/usher-reprovision"), "{action} {keys:?}");
    }
    let names = kept(&[&KEPT[..2], &[("AccountNames", "false"), KEPT[3]]].concat());
    let context = Context::default().with("aws:PrincipalArn", [somebody]);
    assert!(allowed(&names, "account:PutAccountName", "*", &context));
}

#[test]
fn the_management_account_gets_the_same_denials_as_the_others() {
    let template = Template::read("trusted-tags.yaml").unwrap();
    for place in PLACES {
        let policy = template.of_type("AWS::Organizations::Policy", place, &KEPT);
        let managed = template.of_type("AWS::IAM::ManagedPolicy", place, &KEPT);
        assert_eq!(policy["ServiceControlPolicy"]["Content"], managed["ManagedPolicy"]["PolicyDocument"]);
    }
    // Nobody's permission is widened by either.
    let content =
        &template.of_type("AWS::Organizations::Policy", PLACES[0], &KEPT)["ServiceControlPolicy"]["Content"];
    assert!(content["Statement"].as_array().unwrap().iter().all(|statement| statement["Effect"] == "Deny"));
    // A service control policy has 5,120 characters at most.
    assert!(content.to_string().chars().count() < 3_000);
}

/// In the management account itself the functions have what the role there has: in China too, where the service's name may be another one.
#[test]
fn in_the_management_account_the_functions_reach_the_same_roles_as_the_role_there() {
    let template = Template::read("service.yaml").unwrap();
    let parameters = [
        ("InstanceArn", INSTANCE),
        ("OrganizationId", "o-exampleorg1"),
        ("ManagementAccountId", MANAGEMENT),
        ("RulesBucketName", "usher-rules"),
        ("ReportsBucketName", "usher-reports"),
        ("ManagementAccountWrites", "direct"),
    ];
    for place in PLACES {
        let statements = |role: &Value| -> Vec<Value> {
            let policies = role["Policies"].as_array().unwrap().iter();
            let all = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
            let of_iam = all.filter(|statement| statement["Action"].to_string().contains("\"iam:"));
            of_iam.cloned().collect()
        };
        let mut made = template.of_type("AWS::IAM::Role", place, &parameters);
        let there = Template::read("management-account.yaml").unwrap();
        let there = there.of_type("AWS::IAM::Role", place, &ROLES).remove("WriteRole").unwrap();
        for name in ["ProvisionRole", "ReprovisionRole"] {
            let own = statements(&made.remove(name).unwrap());
            assert_eq!(own.len(), 3);
            assert_eq!(own, statements(&there), "{name}");
        }
    }
}
