//! What each event of accounts leads to; beside it, what those of Identity Center do.

mod anything;
mod directory;
mod every_family;
mod permission_sets;

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn organizations(detail: Value) -> Envelope {
    Envelope {
        id: Some("envelope-id".into()),
        time: None,
        source: "aws.organizations".into(),
        detail_type: "AWS API Call via CloudTrail".into(),
        resources: Vec::new(),
        detail,
    }
}

fn account(id: &str) -> Hint {
    Hint::Account(id.parse().unwrap())
}

fn hint(envelope: &Envelope) -> Hint {
    match read(envelope) {
        Ok(Reading::Hint { hint, .. }) => hint,
        other => panic!("no hint: {other:?}"),
    }
}

#[test]
fn a_created_account_is_looked_at_once_it_exists() {
    let created = |state| {
        organizations(json!({
            "eventName": "CreateAccountResult",
            "eventSource": "organizations.amazonaws.com",
            "eventID": "0a1b",
            "requestParameters": null,
            "serviceEventDetails": { "createAccountStatus": {
                "id": "car-1", "state": state, "accountName": "****", "accountId": "111122223333"
            } }
        }))
    };
    assert_eq!(
        read(&created("SUCCEEDED")),
        Ok(Reading::Hint { hint: account("111122223333"), event: "0a1b".into(), caller_role: None })
    );
    assert!(matches!(read(&created("FAILED")), Ok(Reading::Ignored(Ignored::NotSucceeded { .. }))));
}

#[test]
fn a_moved_or_closed_account_is_looked_at() {
    for name in ["MoveAccount", "CloseAccount"] {
        let event =
            organizations(json!({ "eventName": name, "requestParameters": { "accountId": "111122223333" } }));
        assert_eq!(hint(&event), account("111122223333"));
    }
    let closed = organizations(json!({
        "eventName": "CloseAccountResult",
        "serviceEventDetails": { "closeAccountStatus": { "accountId": "111122223333", "state": "SUCCEEDED" } }
    }));
    assert_eq!(hint(&closed), account("111122223333"));
}

#[test]
fn tags_on_accounts_and_ous_are_looked_at_and_on_policies_ignored() {
    let tag = |resource: &str| {
        organizations(
            json!({ "eventName": "TagResource", "requestParameters": { "resourceId": resource, "tags": [] } }),
        )
    };
    assert_eq!(hint(&tag("111122223333")), account("111122223333"));
    assert_eq!(hint(&tag("ou-ab12-cdefgh34")), Hint::Ou("ou-ab12-cdefgh34".parse().unwrap()));
    for other in ["p-12345678", "r-ab12"] {
        assert!(matches!(read(&tag(other)), Ok(Reading::Ignored(Ignored::OtherResource { .. }))), "{other}");
    }
    let untag = organizations(
        json!({ "eventName": "UntagResource", "requestParameters": { "resourceId": "111122223333", "tagKeys": ["Team"] } }),
    );
    assert_eq!(hint(&untag), account("111122223333"));
}

#[test]
fn the_tag_service_s_own_event_is_read_from_its_resource() {
    let event = Envelope {
        id: Some("e-1".into()),
        time: None,
        source: "aws.tag".into(),
        detail_type: "Tag Change on Resource".into(),
        resources: vec!["arn:aws:organizations::999988887777:account/o-abcdefghij/111122223333".into()],
        detail: json!({ "service": "organizations", "resource-type": "account", "changed-tag-keys": ["Team"] }),
    };
    assert_eq!(
        read(&event),
        Ok(Reading::Hint { hint: account("111122223333"), event: "e-1".into(), caller_role: None })
    );

    let elsewhere = Envelope { detail: json!({ "service": "ec2" }), ..event };
    assert!(matches!(read(&elsewhere), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))));
}

#[test]
fn a_failed_call_is_ignored() {
    let event = organizations(json!({
        "eventName": "MoveAccount", "errorCode": "AccessDenied", "requestParameters": { "accountId": "111122223333" }
    }));
    assert!(matches!(read(&event), Ok(Reading::Ignored(Ignored::FailedCall { .. }))));
}

#[test]
fn what_should_have_named_an_account_and_does_not_is_an_error_that_says_so() {
    let nameless = organizations(json!({ "requestParameters": { "accountId": "111122223333" } }));
    let unreadable = read(&nameless).unwrap_err().to_string();
    assert_eq!(unreadable, "`AWS API Call via CloudTrail` has no `eventName`");
    let missing = organizations(json!({ "eventName": "MoveAccount", "requestParameters": {} }));
    assert_eq!(read(&missing).unwrap_err().to_string(), "`MoveAccount` has no `accountId`");
    let wrong =
        organizations(json!({ "eventName": "MoveAccount", "requestParameters": { "accountId": "12" } }));
    assert!(matches!(read(&wrong), Err(EventError::Invalid { .. })));
}

#[test]
fn a_govcloud_account_s_counterpart_in_this_organization_is_looked_at() {
    let event = organizations(json!({
        "eventName": "CreateAccountResult",
        "serviceEventDetails": { "createAccountStatus": {
            "state": "SUCCEEDED", "accountId": "111122223333", "govCloudAccountId": "777788889999"
        } }
    }));
    assert_eq!(hint(&event), account("111122223333"));
}

#[test]
fn an_account_that_joined_or_departed_is_found_wherever_it_is_named() {
    let named = json!({ "accountId": "111122223333" });
    for name in ["AccountJoinedOrganization", "AccountDepartedOrganization"] {
        for part in [
            json!({ "serviceEventDetails": named }),
            json!({ "serviceEventDetails": { "status": { "account": named } } }),
            json!({ "serviceEventDetails": { "accountId": "111122223333", "managementAccountId": "999988887777" } }),
            json!({ "serviceEventDetails": { "account": { "id": "111122223333" }, "accountName": "444455556666" } }),
            json!({ "requestParameters": named, "responseElements": null }),
            json!({ "responseElements": { "accounts": [named] } }),
            json!({ "additionalEventData": named }),
            json!({ "resources": [{
                "accountId": "999988887777", "ARN": "arn:aws:organizations::999988887777:account/o-exampleorg1/111122223333"
            }] }),
        ] {
            let mut detail = json!({
                "eventName": name,
                "recipientAccountId": "999988887777",
                "userIdentity": { "accountId": "999988887777", "invokedBy": "organizations.amazonaws.com" },
            });
            detail.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            assert_eq!(hint(&organizations(detail)), account("111122223333"), "{part}");
        }
    }
}

#[test]
fn the_management_account_is_the_subject_only_where_the_event_names_no_other() {
    let caused_by = json!({ "accountId": "999988887777" });
    let joined = |details: Value| {
        organizations(json!({
            "eventName": "AccountJoinedOrganization", "recipientAccountId": "999988887777",
            "userIdentity": caused_by, "serviceEventDetails": details,
        }))
    };
    assert_eq!(hint(&joined(json!({ "accountId": "999988887777" }))), account("999988887777"));
    assert!(matches!(read(&joined(json!({}))), Err(EventError::Missing { .. })));
    assert!(matches!(
        read(&joined(json!({ "managementAccountId": "999988887777" }))),
        Err(EventError::Missing { .. })
    ));
}

#[test]
fn of_several_accounts_each_is_looked_at_and_of_many_all_are() {
    let several = |count: usize| {
        let ids: Vec<String> = (0..count).map(|number| format!("{:012}", 100_000_000_000 + number)).collect();
        organizations(
            json!({ "eventName": "AccountDepartedOrganization", "serviceEventDetails": { "ids": ids } }),
        )
    };
    let both = BTreeSet::from(["100000000000", "100000000001"].map(|id| id.parse().unwrap()));
    assert_eq!(hint(&several(2)), Hint::Accounts(both));
    assert_eq!(hint(&several(21)), Hint::Everything);
    assert_eq!(hint(&several(3_000)), Hint::Everything);
}

#[test]
fn an_accepted_invitation_is_about_the_account_that_was_invited() {
    let accepted = |handshake: Value| {
        organizations(json!({
            "eventName": "AcceptHandshake", "recipientAccountId": "555566667777",
            "userIdentity": { "type": "AssumedRole", "accountId": "555566667777" },
            "requestParameters": { "handshakeId": "h-examplehandshakeid111" },
            "responseElements": { "handshake": handshake },
        }))
    };
    let arn = "arn:aws:organizations::999988887777:handshake/o-exampleorg1/invite/h-examplehandshakeid111";
    let by_id = json!({
        "state": "ACCEPTED", "action": "INVITE", "arn": arn,
        "parties": [{ "type": "ORGANIZATION", "id": "exampleorg1" }, { "type": "ACCOUNT", "id": "111122223333" }],
    });
    assert_eq!(hint(&accepted(by_id.clone())), account("111122223333"));
    let by_email = json!({
        "state": "ACCEPTED", "action": "invite", "arn": arn,
        "parties": [{ "type": "ORGANIZATION", "id": "o-exampleorg1" }, { "type": "EMAIL", "id": "****" }],
        "resources": [{ "type": "NOTES", "value": "****" }],
    });
    assert_eq!(hint(&accepted(by_email)), account("555566667777"));
    assert_eq!(hint(&accepted(Value::Null)), account("555566667777"));

    let features = json!({ "state": "ACCEPTED", "action": "APPROVE_ALL_FEATURES" });
    assert!(matches!(read(&accepted(features)), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))));
    let declined = json!({ "state": "DECLINED", "action": "INVITE" });
    assert!(matches!(read(&accepted(declined)), Ok(Reading::Ignored(Ignored::NotSucceeded { .. }))));
}

#[test]
fn an_account_that_leaves_is_the_one_that_says_so() {
    let event = organizations(json!({
        "eventName": "LeaveOrganization", "recipientAccountId": "111122223333", "requestParameters": null,
        "userIdentity": { "accountId": "111122223333" },
    }));
    assert_eq!(hint(&event), account("111122223333"));
    let nobody = organizations(json!({ "eventName": "LeaveOrganization" }));
    assert!(matches!(read(&nobody), Err(EventError::Missing { .. })));
}

#[test]
fn a_renamed_ou_is_looked_at_with_its_name_read_anew() {
    let event = organizations(json!({
        "eventName": "UpdateOrganizationalUnit",
        "requestParameters": { "organizationalUnitId": "ou-ab12-cdefgh34", "name": "Payments" },
    }));
    assert_eq!(hint(&event), Hint::RenamedOu("ou-ab12-cdefgh34".parse().unwrap()));
}

#[test]
fn a_renamed_account_is_the_one_named_or_else_the_caller_s_own() {
    let renamed = |parameters: Value| Envelope {
        source: "aws.account".into(),
        ..organizations(json!({
            "eventName": "PutAccountName", "recipientAccountId": "999988887777", "requestParameters": parameters,
        }))
    };
    assert_eq!(
        hint(&renamed(json!({ "accountId": "111122223333", "accountName": "****" }))),
        account("111122223333")
    );
    assert_eq!(hint(&renamed(json!({ "accountName": "****" }))), account("999988887777"));
}

#[test]
fn control_tower_s_report_names_the_account_and_its_call_does_not_yet() {
    let reported = |name: &str, status: &str, state: &str| Envelope {
        source: "aws.controltower".into(),
        ..organizations(json!({
            "eventName": name, "eventType": "AwsServiceEvent", "userIdentity": { "accountId": "999988887777" },
            "serviceEventDetails": { status: {
                "state": state, "account": { "accountName": "444455556666", "accountId": "111122223333" },
                "organizationalUnit": { "organizationalUnitId": "ou-ab12-cdefgh34" },
            } }
        }))
    };
    for (name, status) in [
        ("CreateManagedAccount", "createManagedAccountStatus"),
        ("UpdateManagedAccount", "updateManagedAccountStatus"),
    ] {
        assert_eq!(hint(&reported(name, status, "SUCCEEDED")), account("111122223333"));
        let failed = read(&reported(name, status, "FAILED"));
        assert!(matches!(failed, Ok(Reading::Ignored(Ignored::NotSucceeded { .. }))), "{failed:?}");
    }
    let call = Envelope {
        source: "aws.controltower".into(),
        ..organizations(json!({
            "eventName": "CreateManagedAccount", "eventType": "AwsApiCall", "recipientAccountId": "999988887777",
            "requestParameters": { "accountName": "new" },
            "responseElements": { "createManagedAccountExecutionId": "999988887777-abc" },
        }))
    };
    assert!(matches!(read(&call), Ok(Reading::Ignored(Ignored::NotYet { .. }))));
}

#[test]
fn an_unknown_event_that_names_exactly_one_account_leads_to_it() {
    let event = |parameters: Value| {
        organizations(json!({
            "eventName": "ReviveAccount", "recipientAccountId": "999988887777", "requestParameters": parameters
        }))
    };
    assert_eq!(hint(&event(json!({ "accountId": "111122223333" }))), account("111122223333"));
    let two = json!({ "from": "111122223333", "to": "222233334444" });
    for unclear in [json!({}), two, json!({ "policyId": "p-12345678" })] {
        assert!(matches!(read(&event(unclear)), Ok(Reading::Ignored(Ignored::Unknown { .. }))));
    }
    let mut reads = event(json!({ "accountId": "111122223333" }));
    reads.detail["readOnly"] = json!(true);
    assert!(matches!(read(&reads), Ok(Reading::Ignored(Ignored::ReadOnly { .. }))));
    reads.detail["readOnly"] = json!(false);
    reads.detail["eventName"] = json!("DescribeAccount");
    assert!(matches!(read(&reads), Ok(Reading::Ignored(Ignored::ReadOnly { .. }))));
}

#[test]
fn everything_else_is_ignored_with_its_name() {
    let policy = organizations(json!({ "eventName": "CreatePolicy" }));
    let elsewhere =
        Envelope { source: "aws.ec2".into(), ..organizations(json!({ "eventName": "RunInstances" })) };
    for event in [policy, elsewhere] {
        assert!(matches!(read(&event), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))), "{event:?}");
    }
    for detail in [json!({}), json!(null), json!([1, 2]), json!("text")] {
        let read = read(&organizations(detail));
        assert!(matches!(read, Err(EventError::Missing { member: "eventName", .. })), "{read:?}");
    }
}

#[test]
fn what_is_said_of_an_event_is_short_however_long_it_is() {
    let long = "x".repeat(1 << 20);
    for event in [
        organizations(json!({ "eventName": long })),
        organizations(json!({ "eventName": long, "errorCode": long })),
        organizations(json!({ "eventName": "TagResource", "requestParameters": { "resourceId": long } })),
        organizations(
            json!({ "eventName": "CreateAccountResult", "serviceEventDetails": { "createAccountStatus": { "state": long } } }),
        ),
        Envelope { source: long.clone(), detail_type: long.clone(), ..organizations(json!({})) },
    ] {
        let Ok(Reading::Ignored(why)) = read(&event) else { panic!("not ignored") };
        assert!(why.to_string().len() < 300, "{}", why.to_string().len());
    }
}

#[test]
fn very_wide_and_very_deep_events_cost_bounded_work() {
    let mut deep = json!({ "accountId": "111122223333" });
    for _ in 0..100 {
        deep = json!({ "inner": [deep] });
    }
    let nested =
        organizations(json!({ "eventName": "AccountJoinedOrganization", "serviceEventDetails": deep }));
    assert!(matches!(read(&nested), Err(EventError::Missing { .. })));

    let mut wide: Vec<Value> = (0..200_000).map(Value::from).collect();
    wide.push(json!("111122223333"));
    let wide =
        organizations(json!({ "eventName": "AccountJoinedOrganization", "serviceEventDetails": wide }));
    assert!(matches!(read(&wide), Err(EventError::Missing { .. })));
}
