//! Callers with policies: what is allowed, what is refused, and in which words.

use serde_json::{Value, json};
use simulator::{
    Caller, CallerKind, Settings, World, wire::identity_store as store, wire::organizations as org,
    wire::sso_admin as sso,
};

use crate::{
    faces::{Faced, both_in},
    support::{INSTANCE, SMALL, key},
};

/// The small organization with these callers.
fn with_callers(callers: &str) -> World {
    with_settings(callers, Settings::default())
}

fn with_settings(callers: &str, settings: Settings) -> World {
    World::from_yaml(&format!("{SMALL}{callers}"), settings).unwrap()
}

fn assignment(world: &World, account: &str, set: &str) -> Value {
    let key = key(world, account, set, "Developers");
    json!({
        "TargetId": key.account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": key.permission_set,
        "PrincipalType": "GROUP", "PrincipalId": key.principal.id(),
    })
}

/// Whether the caller with this key may assign.
fn may_assign(faced: &mut Faced, access_key: &str, account: &str, set: &str) -> bool {
    faced.caller = faced.world.caller_of(access_key).unwrap();
    let body = assignment(&faced.world, account, set);
    match faced.call::<sso::CreateAccountAssignment>(body) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, "AccessDeniedException", "{error}");
            false
        }
    }
}

// The three delegation models of AWS's article, in policies of our own making with the same structure. As printed none is a document: all lack
// `Version` and `Statement` around them; the first lacks its `{` besides; a comma follows the second; the third is two statements in no list.
// And the first names accounts only, which is not enough for any assignment. The article's own are tried with the AWS CLI, in the
// tests of the whole.

const ASSIGN: &str = r#"[ "sso:CreateAccountAssignment", "sso:DeleteAccountAssignment", "sso:ProvisionPermissionSet",
  "sso:PutInlinePolicyToPermissionSet", "sso:UpdatePermissionSet", "sso:CreateInstanceAccessControlAttributeConfiguration" ]"#;

fn by_account(instance_too: bool) -> String {
    let more =
        if instance_too { r#", "arn:aws:sso:::instance/*", "arn:aws:sso:::permissionSet/*/*""# } else { "" };
    format!(
        r#"{{ "Sid": "TeamAccounts", "Effect": "Allow", "Action": {ASSIGN},
  "Resource": [ "arn:aws:sso:::account/222233334444", "arn:aws:sso:::account/444455556666"{more} ] }}"#
    )
}

fn by_permission_set(arn: &str) -> String {
    format!(
        r#"{{ "Sid": "OneSetEverywhere", "Effect": "Allow", "Action": {ASSIGN},
  "Resource": [ "{INSTANCE}", "arn:aws:sso:::account/*", "{arn}" ] }}"#
    )
}

fn by_tag() -> String {
    format!(
        r#"[ {{ "Sid": "TaggedSets", "Effect": "Allow", "Action": {ASSIGN}, "Resource": "arn:aws:sso:::permissionSet/*/*",
    "Condition": {{ "StringEquals": {{ "aws:ResourceTag/Environment": "All" }} }} }},
  {{ "Sid": "Instance", "Effect": "Allow", "Action": {ASSIGN},
    "Resource": [ "{INSTANCE}", "arn:aws:sso:::account/222233334444" ] }} ]"#
    )
}

fn completed(statement: &str) -> String {
    format!(r#"{{ "Version": "2012-10-17", "Statement": {statement} }}"#)
}

#[test]
fn the_delegation_policies_load_once_they_are_complete() {
    use simulator::iam::Policy;
    let set = "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-1122334455667788";
    for statement in [by_account(false), by_permission_set(set), by_tag()] {
        assert!(Policy::from_json(&statement).is_err(), "{statement}");
        assert!(Policy::from_json(&completed(&statement)).is_ok(), "{statement}");
    }
    // A bracket that gets lost is told with its line and column.
    let torn = completed(&by_permission_set(set).replace("\" ] }", "\" }"));
    let error = Policy::from_json(&torn).unwrap_err().to_string();
    assert!(error.contains("this is no JSON") && error.contains("line 3"), "{error}");
}

#[test]
fn the_delegation_policies_allow_what_their_articles_say() {
    let plain = with_callers("");
    let read_only = plain.permission_set_named("ReadOnlyAccess").unwrap();
    let callers = format!(
        "callers:\n  - {{ access_key: ACCOUNTSONLY, role: a, policies: [{}] }}\n  - {{ access_key: ACCOUNTS, role: b, policies: [{}] }}\n  \
         - {{ access_key: ONESET, role: c, policies: [{}] }}\n  - {{ access_key: TAGGED, role: d, policies: [{}] }}\n",
        completed(&by_account(false)),
        completed(&by_account(true)),
        completed(&by_permission_set(read_only.as_str())),
        completed(&by_tag()),
    );
    both_in(&|| with_callers(&callers), |faced| {
        let answers: Vec<(&str, Vec<bool>)> = ["ACCOUNTSONLY", "ACCOUNTS", "ONESET", "TAGGED"]
            .into_iter()
            .map(|caller| {
                let asked = [
                    ("one-dev", "ReadOnlyAccess"),
                    ("one-dev", "PowerUserAccess"),
                    ("two-dev", "ReadOnlyAccess"),
                    ("two-dev", "PowerUserAccess"),
                ];
                (caller, asked.map(|(account, set)| may_assign(faced, caller, account, set)).to_vec())
            })
            .collect();
        // The first policy names no instance and no permission set, so it allows nothing by itself.
        assert_eq!(answers[0], ("ACCOUNTSONLY", vec![false, false, false, false]));
        assert_eq!(answers[1], ("ACCOUNTS", vec![true, true, false, false]));
        assert_eq!(answers[2], ("ONESET", vec![true, false, true, false]));
        assert_eq!(answers[3], ("TAGGED", vec![true, false, false, false]));
    });
}

#[test]
fn a_refusal_names_caller_action_resource_and_reason_as_aws_does() {
    let callers = "callers:\n  - access_key: NOTHING\n    role: guest\n    policies: []\n  - access_key: DENIED\n    role: held\n    policies:\n      \
                   - { Version: \"2012-10-17\", Statement: [{ Effect: Allow, Action: \"*\", Resource: \"*\" }, { Effect: Deny, Action: \"sso:List*\", Resource: \"*\" }] }\n";
    both_in(&|| with_callers(callers), |faced| {
        faced.caller = faced.world.caller_of("NOTHING").unwrap();
        let error = faced.refused::<sso::ListPermissionSets>(json!({}), "AccessDeniedException");
        assert_eq!(
            error.message,
            format!(
                "User: arn:aws:sts::111122223333:assumed-role/guest/guest is not authorized to perform: sso:ListPermissionSets on resource: \
                 {INSTANCE} because no identity-based policy allows the sso:ListPermissionSets action"
            )
        );
        let error = faced.refused::<org::ListRoots>(json!({}), "AccessDeniedException");
        assert!(error.message.contains("organizations:ListRoots on resource: * because"), "{error}");
        let error = faced.refused::<store::ListGroups>(json!({}), "AccessDeniedException");
        assert!(error.message.contains("identitystore:ListGroups on resource: arn:aws:identitystore::111122223333:identitystore/d-9067642ac1"), "{error}");
        faced.caller = faced.world.caller_of("DENIED").unwrap();
        let error = faced.refused::<sso::ListPermissionSets>(json!({}), "AccessDeniedException");
        assert!(error.message.ends_with("with an explicit deny in an identity-based policy"), "{error}");
        faced.ok::<org::ListRoots>(json!({}));
    });
}

#[test]
fn tags_of_role_and_permission_set_are_compared_by_a_policy_variable() {
    let callers = r#"callers:
  - access_key: ALL
    role: all-team
    tags: { Environment: All }
    policies: &own
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "sso:*", Resource: ["arn:aws:sso:::instance/*", "arn:aws:sso:::account/*"] }
          - Effect: Allow
            Action: "sso:*"
            Resource: "*"
            Condition: { StringEquals: { "aws:ResourceTag/Environment": "${aws:PrincipalTag/Environment}" } }
  - { access_key: NONE, role: none-team, policies: *own }
"#;
    both_in(&|| with_callers(callers), |faced| {
        assert!(may_assign(faced, "ALL", "one-dev", "ReadOnlyAccess"));
        assert!(!may_assign(faced, "ALL", "one-dev", "PowerUserAccess"));
        assert!(!may_assign(faced, "NONE", "two-dev", "ReadOnlyAccess"));
    });
}

#[test]
fn organizations_asks_for_each_resource_and_for_the_right_to_tag() {
    let callers = r#"callers:
  - access_key: MOVER
    role: mover
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: ["organizations:MoveAccount", "organizations:CreateAccount", "organizations:DescribeAccount"]
            Resource: ["*"]
            Condition: { StringEqualsIfExists: { "aws:ResourceTag/Environment": Development } }
          - { Effect: Deny, Action: "organizations:*", Resource: "arn:aws:organizations::111122223333:account/*/333344445555" }
"#;
    both_in(&|| with_callers(callers), |faced| {
        faced.caller = faced.world.caller_of("MOVER").unwrap();
        faced.ok::<org::DescribeAccount>(json!({ "AccountId": "222233334444" }));
        faced
            .refused::<org::DescribeAccount>(json!({ "AccountId": "333344445555" }), "AccessDeniedException");
        let from = faced.world.ou_at("Workloads/Development").unwrap();
        let to = faced.world.ou_at("Sandbox").unwrap();
        let moved = |id: &str| json!({ "AccountId": id, "SourceParentId": from, "DestinationParentId": to });
        faced.ok::<org::MoveAccount>(moved("222233334444"));
        faced.refused::<org::MoveAccount>(moved("333344445555"), "AccessDeniedException");
        faced.ok::<org::CreateAccount>(json!({ "AccountName": "a", "Email": "a@example.com" }));
        let tagged = json!({ "AccountName": "b", "Email": "b@example.com", "Tags": [{ "Key": "Team", "Value": "a" }] });
        let error = faced.refused::<org::CreateAccount>(tagged, "AccessDeniedException");
        assert!(error.message.contains("organizations:TagResource"), "{error}");
    });
}

#[test]
fn the_identity_store_asks_for_the_older_action_too_unless_that_is_assumed_otherwise() {
    let callers = r#"callers:
  - access_key: NEW
    role: new
    policies: [{ Version: "2012-10-17", Statement: { Effect: Allow, Action: "identitystore:*", Resource: "*" } }]
  - access_key: BOTH
    role: both
    policies: [{ Version: "2012-10-17", Statement: { Effect: Allow, Action: ["identitystore:*", "sso-directory:SearchGroups", "sso-directory:AddMemberToGroup"], Resource: "*" } }]
"#;
    both_in(&|| with_callers(callers), |faced| {
        faced.caller = faced.world.caller_of("NEW").unwrap();
        let error = faced.refused::<store::ListGroups>(json!({}), "AccessDeniedException");
        assert!(error.message.contains("sso-directory:ListGroups on resource: *"), "{error}");
        faced.caller = faced.world.caller_of("BOTH").unwrap();
        faced.ok::<store::ListGroups>(json!({}));
        let group = faced.world.group_named("Support").unwrap();
        let user = faced.world.user_named("bruno@example.com").unwrap();
        faced.ok::<store::CreateGroupMembership>(json!({ "GroupId": group, "MemberId": { "UserId": user } }));
        faced.refused::<store::DeleteGroup>(json!({ "GroupId": group }), "AccessDeniedException");
    });
    let mut settings = Settings::default();
    settings.assumptions.identity_store_needs_sso_directory = false;
    both_in(&|| with_settings(callers, settings.clone()), |faced| {
        faced.caller = faced.world.caller_of("NEW").unwrap();
        faced.ok::<store::ListGroups>(json!({}));
    });
}

#[test]
fn assigning_in_the_management_account_needs_rights_in_iam() {
    let callers = r#"callers:
  - access_key: SSO
    role: sso-only
    policies: [{ Version: "2012-10-17", Statement: { Effect: Allow, Action: "sso:*", Resource: "*" } }]
  - access_key: IAM
    role: iam-too
    policies:
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "sso:*", Resource: "*" }
          - { Effect: Allow, Action: "iam:*", Resource: ["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*", "arn:aws:iam::*:saml-provider/AWSSSO_*"] }
"#;
    both_in(&|| with_callers(callers), |faced| {
        for (access_key, expected) in [("SSO", "FAILED"), ("IAM", "SUCCEEDED")] {
            faced.caller = faced.world.caller_of(access_key).unwrap();
            let body = assignment(&faced.world, "management", "ReadOnlyAccess");
            let accepted = faced.ok::<sso::CreateAccountAssignment>(body);
            let id = &accepted["AccountAssignmentCreationStatus"]["RequestId"];
            faced.second += 60;
            let asked = json!({ "AccountAssignmentCreationRequestId": id });
            let status = faced.ok::<sso::DescribeAccountAssignmentCreationStatus>(asked);
            let status = &status["AccountAssignmentCreationStatus"];
            assert_eq!(status["Status"], expected);
            let reason = status["FailureReason"].as_str().unwrap_or_default();
            assert_eq!(
                reason.starts_with("Received a 403 status error: Access denied by IAM."),
                expected == "FAILED",
                "{reason}"
            );
        }
    });
    let mut settings = Settings::default();
    settings.assumptions.missing_iam_rights_fail_later = false;
    both_in(&|| with_settings(callers, settings.clone()), |faced| {
        assert!(!may_assign(faced, "SSO", "management", "ReadOnlyAccess"));
        assert!(may_assign(faced, "SSO", "one-dev", "ReadOnlyAccess"));
    });
}

#[test]
fn a_callers_standing_follows_from_its_account() {
    use simulator::CallerKind;
    let callers = "delegated_administrators: [one-dev]\ncallers:\n  - { access_key: A, role: r }\n  - { access_key: B, role: r, account: one-dev }\n  \
                   - { access_key: C, role: r, account: \"444455556666\" }\n";
    let world = with_callers(callers);
    let kind = |key| world.caller_of(key).unwrap().kind;
    assert_eq!(
        [kind("A"), kind("B"), kind("C")],
        [CallerKind::Management, CallerKind::DelegatedAdministrator, CallerKind::Member]
    );
    assert_eq!(world.caller_of("D"), None);
}

#[test]
fn keys_without_policies_may_do_everything() {
    both_in(&|| with_callers("callers:\n  - { access_key: A, role: r }\n"), |faced| {
        assert!(may_assign(faced, "A", "management", "ReadOnlyAccess"));
        assert!(may_assign(faced, "A", "one-dev", "PowerUserAccess"));
    });
}

#[test]
fn a_mistake_in_callers_is_shown_where_it_is() {
    let lines = SMALL.lines().count();
    let policy = |statement: &str| {
        format!(
            "callers:\n  - access_key: A\n    role: r\n    policies:\n      - Version: \"2012-10-17\"\n        Statement:\n{statement}"
        )
    };
    for (callers, line, column, expected) in [
        ("callers:\n  - { access_key: \"A B\", role: r }\n".to_owned(), 2, 19, "an access key id has"),
        ("callers:\n  - { access_key: A, role: \"a b\" }\n".to_owned(), 2, 28, "is not a role's name"),
        (
            "callers:\n  - { access_key: A, role: r, account: x }\n".to_owned(),
            2,
            40,
            "there is no account `x`",
        ),
        (
            "callers:\n  - { access_key: A, role: r }\n  - { access_key: A, role: s }\n".to_owned(),
            3,
            19,
            "the access key `A` is there twice",
        ),
        (
            "callers:\n  - { access_key: A, role: r }\n  - { access_key: B, role: r }\n".to_owned(),
            3,
            19,
            "the role `r` of account",
        ),
        ("callers:\n  - { access_key: A, roles: r }\n".to_owned(), 2, 22, "roles"),
        ("unknown_access_keys: maybe\n".to_owned(), 1, 22, "maybe"),
        ("delegated_administrators: [management]\n".to_owned(), 1, 28, "can't be a delegated administrator"),
        (
            policy("          - Effect: Allow\n            Action: sso\n            Resource: \"*\"\n"),
            8,
            13,
            "Statement[0].Action: `sso` is no action",
        ),
        (
            policy(
                "          - Effect: Allow\n            Action: [\"sso:*\", 3]\n            Resource: \"*\"\n",
            ),
            8,
            31,
            "Statement[0].Action[1]",
        ),
        (
            policy("          - Effect: Allow\n            Actions: \"*\"\n"),
            8,
            13,
            "unknown element `Actions`",
        ),
        (
            "callers:\n  - access_key: A\n    role: r\n    policies:\n      - |\n        { \"Version\": 1,\n"
                .to_owned(),
            6,
            9,
            "this is no JSON",
        ),
    ] {
        let yaml = format!("{SMALL}{callers}");
        let error = World::from_yaml(&yaml, Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(
            (error.line, error.column),
            (u64::try_from(lines).unwrap() + line, column),
            "{error}\n{callers}"
        );
    }
}

#[test]
fn what_iam_is_asked_about_a_call_can_be_asked_without_making_it() {
    let world = with_callers("");
    let calls = world.log().len();
    let caller = Caller::new("usher", world.management_account().clone(), CallerKind::Management);
    let asked = |target: &str, input: &Value| {
        let questions = world.questions(&caller, target, input)?;
        Some(questions.into_iter().map(|it| (it.actions.join(" or "), it.resource)).collect::<Vec<_>>())
    };
    let mut input = assignment(&world, "one-dev", "ReadOnlyAccess");
    input["InstanceArn"] = json!(INSTANCE);
    let (account, set) = (input["TargetId"].as_str().unwrap(), input["PermissionSetArn"].as_str().unwrap());
    let expected = [&format!("arn:aws:sso:::account/{account}"), INSTANCE, set]
        .map(|resource| ("sso:CreateAccountAssignment".to_owned(), resource.to_owned()));
    assert_eq!(asked("SWBExternalService.CreateAccountAssignment", &input), Some(expected.to_vec()));

    let of_group =
        asked("AWSIdentityStore.DescribeGroup", &json!({ "IdentityStoreId": "d-1", "GroupId": "g" }));
    let of_group = of_group.unwrap();
    assert!(
        of_group.contains(&(
            "identitystore:DescribeGroup".to_owned(),
            "arn:aws:identitystore:::group/g".to_owned()
        ))
    );
    for unknown in
        ["SWBExternalService.CreateEverything", "SWBExternalService.*", "Other.CreateAccountAssignment", ""]
    {
        assert_eq!(asked(unknown, &input), None, "{unknown}");
    }
    assert_eq!(world.log().len(), calls);
    assert!(world.organization_id().starts_with("o-"));
}
