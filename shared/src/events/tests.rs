//! What each event of accounts leads to.

use serde_json::json;

use super::*;

fn organizations(detail: Value) -> Envelope {
    Envelope {
        id: Some("envelope-id".into()),
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
        Ok(Reading::Hint { hint: account("111122223333"), event: "0a1b".into() })
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
        source: "aws.tag".into(),
        detail_type: "Tag Change on Resource".into(),
        resources: vec!["arn:aws:organizations::999988887777:account/o-abcdefghij/111122223333".into()],
        detail: json!({ "service": "organizations", "resource-type": "account", "changed-tag-keys": ["Team"] }),
    };
    assert_eq!(read(&event), Ok(Reading::Hint { hint: account("111122223333"), event: "e-1".into() }));

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
    let missing = organizations(json!({ "eventName": "MoveAccount", "requestParameters": {} }));
    assert_eq!(read(&missing).unwrap_err().to_string(), "`MoveAccount` has no `accountId`");
    let wrong =
        organizations(json!({ "eventName": "MoveAccount", "requestParameters": { "accountId": "12" } }));
    assert!(matches!(read(&wrong), Err(EventError::Invalid { .. })));
}

#[test]
fn everything_else_is_ignored_with_its_name() {
    for event in [
        organizations(json!({ "eventName": "CreatePolicy" })),
        organizations(json!({})),
        organizations(json!(null)),
        organizations(json!([1, 2])),
        Envelope { source: "aws.ec2".into(), ..organizations(json!({ "eventName": "RunInstances" })) },
    ] {
        assert!(matches!(read(&event), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))), "{event:?}");
    }
}
