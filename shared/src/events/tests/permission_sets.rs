//! What each event of permission sets and assignments leads to.

use serde_json::json;

use super::*;
use crate::domain::{AssignmentKey, PermissionSetArn, Principal};

const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
const OTHER: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890";
const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-1234567890abcdef";
const PRINCIPAL: &str = "11111111-0000-4000-8000-000000000001";
const REQUEST: &str = "44444444-0000-4000-8000-000000000001";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

fn event(name: &str, parameters: Value, answer: Value) -> Envelope {
    let mut event = Envelope {
        id: Some("envelope-id".into()),
        time: None,
        source: "aws.sso".into(),
        detail_type: "AWS API Call via CloudTrail".into(),
        resources: Vec::new(),
        detail: json!({
            "eventName": name, "eventSource": "sso.amazonaws.com", "eventID": "0a1b",
            "readOnly": false,
        }),
    };
    event.detail["requestParameters"] = parameters;
    event.detail["responseElements"] = answer;
    event
}

fn hint(event: &Envelope) -> PermissionSetHint {
    match read_permission_set(event) {
        Ok(Reading::Hint { hint, event, caller_role: None }) => {
            assert_eq!(event, "0a1b");
            hint
        }
        other => panic!("no hint: {other:?}"),
    }
}

fn ignored(event: &Envelope) -> Ignored {
    match read_permission_set(event) {
        Ok(Reading::Ignored(why)) => why,
        other => panic!("not ignored: {other:?}"),
    }
}

fn set(arn: &str) -> PermissionSetArn {
    arn.parse().unwrap()
}

const EDITS: [&str; 9] = [
    "UpdatePermissionSet",
    "PutInlinePolicyToPermissionSet",
    "DeleteInlinePolicyFromPermissionSet",
    "AttachManagedPolicyToPermissionSet",
    "DetachManagedPolicyFromPermissionSet",
    "AttachCustomerManagedPolicyReferenceToPermissionSet",
    "DetachCustomerManagedPolicyReferenceFromPermissionSet",
    "PutPermissionsBoundaryToPermissionSet",
    "DeletePermissionsBoundaryFromPermissionSet",
];

#[test]
fn what_rules_select_and_what_accounts_are_provisioned_with_are_told_apart() {
    let parameters = || json!({ "instanceArn": INSTANCE, "permissionSetArn": SET, "inlinePolicy": OTHER });
    let created = json!({ "permissionSet": { "name": "Admin", "permissionSetArn": SET } });
    let create = json!({ "instanceArn": INSTANCE, "name": "Admin", "description": OTHER });
    assert_eq!(hint(&event("CreatePermissionSet", create, created)), PermissionSetHint::Changed(set(SET)));
    let deleted = event("DeletePermissionSet", parameters(), Value::Null);
    assert_eq!(hint(&deleted), PermissionSetHint::Changed(set(SET)));
    for name in EDITS {
        let edited = event(name, parameters(), Value::Null);
        assert_eq!(hint(&edited), PermissionSetHint::Edited(set(SET)), "{name}");
    }
    let provisioned = event("ProvisionPermissionSet", parameters(), json!({}));
    assert_eq!(hint(&provisioned), PermissionSetHint::Provisioned(set(SET)));
}

#[test]
fn tags_on_permission_sets_are_looked_at_and_on_anything_else_ignored() {
    for name in ["TagResource", "UntagResource"] {
        let tag =
            |arn: &str| event(name, json!({ "instanceArn": INSTANCE, "resourceArn": arn }), Value::Null);
        assert_eq!(hint(&tag(SET)), PermissionSetHint::Changed(set(SET)));
        for other in [INSTANCE, "arn:aws:sso::111122223333:application/ssoins-1234567890abcdef/apl-1"] {
            let why = ignored(&tag(other)).to_string();
            assert_eq!(why, format!("`{name}` is about `{other}`, which is no permission set"));
        }
        let nothing = read_permission_set(&event(name, json!({ "tags": [] }), Value::Null));
        assert_eq!(nothing.unwrap_err().to_string(), format!("`{name}` has no `resourceArn`"));
    }
}

#[test]
fn an_assignment_is_told_with_its_request() {
    let parameters = |kind: &str| {
        json!({
            "instanceArn": INSTANCE, "targetId": "111122223333", "targetType": "AWS_ACCOUNT",
            "permissionSetArn": SET, "principalType": kind, "principalId": PRINCIPAL,
        })
    };
    let key = |principal: Principal| AssignmentKey {
        account: "111122223333".parse().unwrap(),
        permission_set: set(SET),
        principal,
    };
    let group = key(Principal::Group(PRINCIPAL.parse().unwrap()));
    let user = key(Principal::User(PRINCIPAL.parse().unwrap()));
    let request = || Some(REQUEST.parse().unwrap());
    for (name, status) in [
        ("CreateAccountAssignment", "accountAssignmentCreationStatus"),
        ("DeleteAccountAssignment", "accountAssignmentDeletionStatus"),
    ] {
        let answer = json!({ status: { "status": "IN_PROGRESS", "requestId": REQUEST } });
        let told = event(name, parameters("GROUP"), answer.clone());
        assert_eq!(hint(&told), PermissionSetHint::Assignment { key: group.clone(), request: request() });
        let told = event(name, parameters("USER"), Value::Null);
        assert_eq!(hint(&told), PermissionSetHint::Assignment { key: user.clone(), request: None });

        // The request bears the id of its call.
        let mut told = event(name, parameters("GROUP"), json!({ status: {} }));
        told.detail["requestID"] = json!(REQUEST);
        assert_eq!(hint(&told), PermissionSetHint::Assignment { key: group.clone(), request: request() });

        // The answer, and whatever else, tells the same.
        for told in [
            event(name, Value::Null, json!({ status: parameters("GROUP") })),
            event(name, json!({ "assignment": parameters("GROUP") }), Value::Null),
            event(name, json!({ "principalId": HIDDEN }), json!({ status: parameters("GROUP") })),
        ] {
            assert_eq!(hint(&told), PermissionSetHint::Assignment { key: group.clone(), request: None });
        }
    }
}

#[test]
fn half_an_assignment_is_none() {
    let told = |name: &str, value: Value| {
        let mut parameters = json!({
            "targetId": "111122223333", "targetType": "AWS_ACCOUNT", "permissionSetArn": SET,
            "principalType": "GROUP", "principalId": PRINCIPAL,
        });
        parameters[name] = value;
        event("CreateAccountAssignment", parameters, Value::Null)
    };
    for name in ["targetId", "permissionSetArn", "principalType", "principalId"] {
        let refused = |value: Value| read_permission_set(&told(name, value)).unwrap_err().to_string();
        assert_eq!(refused(Value::Null), format!("`CreateAccountAssignment` has no `{name}`"));
        assert_eq!(refused(json!(HIDDEN)), format!("`CreateAccountAssignment` hides its `{name}`"));
        let unexpected = refused(json!("xxxx"));
        assert!(unexpected.starts_with("`CreateAccountAssignment` names something unexpected, not a"));
        assert!(!unexpected.contains("xxxx"), "{unexpected}");
    }
    assert!(matches!(ignored(&told("targetType", json!("GALAXY"))), Ignored::OtherResource { .. }));
    // Two of them, of which none is in its place.
    let one = told("targetType", json!("AWS_ACCOUNT")).detail["requestParameters"].clone();
    let mut other = one.clone();
    other["targetId"] = json!("222233334444");
    let both = event("CreateAccountAssignment", json!({ "of": [one, other] }), Value::Null);
    assert_eq!(hint(&both), PermissionSetHint::PermissionSets);
}

#[test]
fn an_arn_is_found_in_each_likely_place() {
    let all =
        EDITS.into_iter().chain(["CreatePermissionSet", "DeletePermissionSet", "ProvisionPermissionSet"]);
    for name in all {
        for there in [
            json!({ "permissionSetArn": SET }),
            json!({ "permissionSet": { "permissionSetArn": SET } }),
            json!({ "PermissionSetArn": SET }),
            json!({ "permissionSet": { "arn": SET, "description": OTHER, "tags": [{ "key": "a", "value": OTHER }] } }),
            json!({ "permissionSetProvisioningStatus": { "permissionSetArn": SET } }),
        ] {
            let in_parameters = event(name, there.clone(), Value::Null);
            let in_answer = event(name, json!({ "instanceArn": INSTANCE }), there);
            let mut in_resources = event(name, json!({ "instanceArn": INSTANCE }), Value::Null);
            in_resources.detail["resources"] = json!([{ "ARN": SET, "accountId": "111122223333" }]);
            for event in [in_parameters, in_answer, in_resources] {
                let (PermissionSetHint::Changed(found)
                | PermissionSetHint::Edited(found)
                | PermissionSetHint::Provisioned(found)) = hint(&event)
                else {
                    panic!("{event:?}")
                };
                assert_eq!(found, set(SET));
            }
        }
        let both = event(name, json!({ "of": [SET, OTHER] }), Value::Null);
        assert_eq!(hint(&both), PermissionSetHint::PermissionSets, "{name}");
        let none = read_permission_set(&event(name, json!({ "instanceArn": INSTANCE }), Value::Null));
        assert_eq!(none.unwrap_err().to_string(), format!("`{name}` has no `permissionSetArn`"));
        if name != "CreatePermissionSet" {
            let hidden =
                read_permission_set(&event(name, json!({ "permissionSetArn": HIDDEN }), Value::Null));
            assert_eq!(hidden.unwrap_err().to_string(), format!("`{name}` hides its `permissionSetArn`"));
            let invalid =
                read_permission_set(&event(name, json!({ "permissionSetArn": "xxxx" }), Value::Null));
            assert!(matches!(invalid, Err(EventError::Invalid { .. })));
        }
    }
}

#[test]
fn the_console_s_old_edits_lead_to_all_where_they_name_no_arn() {
    for name in ["PutPermissionsPolicy", "DeletePermissionsPolicy"] {
        let by_arn = event(name, json!({ "permissionSetArn": SET }), Value::Null);
        assert_eq!(hint(&by_arn), PermissionSetHint::Edited(set(SET)));
        let by_id = event(name, json!({ "permissionSetId": "ps-1234567890abcdef" }), Value::Null);
        assert_eq!(hint(&by_id), PermissionSetHint::PermissionSets);
    }
}

#[test]
fn an_unknown_event_that_names_exactly_one_permission_set_leads_to_it() {
    let new = |parameters: Value| event("PolishPermissionSet", parameters, Value::Null);
    assert_eq!(hint(&new(json!({ "permissionSetArn": SET }))), PermissionSetHint::Named(set(SET)));
    for unclear in [json!({}), json!({ "of": [SET, OTHER] }), json!({ "instanceArn": INSTANCE })] {
        let why = ignored(&new(unclear)).to_string();
        assert!(why.ends_with("is not known, and does not name exactly one permission set"), "{why}");
    }
    for name in ["DescribePermissionSet", "ListAccountAssignments", "GetInlinePolicyForPermissionSet"] {
        let why = ignored(&event(name, json!({ "permissionSetArn": SET }), Value::Null));
        assert!(matches!(why, Ignored::ReadOnly { .. }), "{name}: {why}");
    }
}

#[test]
fn failed_calls_sign_ins_and_applications_are_ignored() {
    let mut failed = event("DeletePermissionSet", json!({ "permissionSetArn": SET }), Value::Null);
    failed.detail["errorCode"] = json!("ConflictException");
    assert!(matches!(ignored(&failed), Ignored::FailedCall { .. }));
    for name in ["Authenticate", "Federate", "CreateToken", "CreateApplication", "AssociateProfile"] {
        let why = ignored(&event(name, json!({ "permissionSetArn": SET }), Value::Null));
        assert!(matches!(why, Ignored::Unconcerned { .. }), "{name}: {why}");
    }
    let why = ignored(&event("DisassociateDirectory", json!({}), Value::Null)).to_string();
    assert!(why.ends_with("the sweep finds what it has changed"), "{why}");
}
