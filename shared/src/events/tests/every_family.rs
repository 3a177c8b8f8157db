//! What events of all families have in common.

use serde_json::json;

use super::*;

const GROUP: &str = "11111111-0000-4000-8000-000000000001";

fn deleted(source: &str, event_source: Option<&str>) -> Envelope {
    Envelope {
        id: None,
        time: None,
        source: source.into(),
        detail_type: "AWS API Call via CloudTrail".into(),
        resources: Vec::new(),
        detail: json!({
            "eventName": "DeleteGroup", "eventSource": event_source,
            "requestParameters": { "groupId": GROUP },
        }),
    }
}

#[test]
fn cloudtrail_s_word_for_the_source_goes_before_eventbridge_s() {
    for (source, event_source, family) in [
        ("aws.organizations", None, Some(Family::Accounts)),
        ("aws.tag", None, Some(Family::Accounts)),
        ("aws.sso", None, Some(Family::PermissionSets)),
        ("aws.sso-directory", None, Some(Family::Directory)),
        ("aws.identitystore", None, Some(Family::Directory)),
        ("aws.identitystore-scim", None, Some(Family::Directory)),
        // What EventBridge calls the events of SCIM is not documented.
        ("aws.cloudtrail", Some("identitystore-scim.amazonaws.com"), Some(Family::Directory)),
        ("", Some("sso-directory.amazonaws.com"), Some(Family::Directory)),
        ("aws.sso", Some("identitystore.amazonaws.com"), Some(Family::Directory)),
        ("aws.sso-directory", Some("sso.amazonaws.com"), Some(Family::PermissionSets)),
        ("aws.identitystore", Some("something.amazonaws.com"), Some(Family::Directory)),
        ("aws.ec2", Some("ec2.amazonaws.com"), None),
        ("aws.sso-oauth", Some("sso-oauth.amazonaws.com"), None),
    ] {
        assert_eq!(Family::of(&deleted(source, event_source)), family, "{source} {event_source:?}");
    }
}

#[test]
fn another_family_s_event_is_ignored_and_the_function_that_reads_it_is_named() {
    let event = deleted("aws.cloudtrail", Some("identitystore-scim.amazonaws.com"));
    let Ok(Reading::Ignored(why)) = read(&event) else { panic!("not ignored") };
    assert_eq!(why.to_string(), "`DeleteGroup` of `aws.cloudtrail` is read by `on-group-event`");
    let Ok(Reading::Ignored(why)) = read_permission_set(&event) else { panic!("not ignored") };
    assert_eq!(why.to_string(), "`DeleteGroup` of `aws.cloudtrail` is read by `on-group-event`");

    let moved = organizations(json!({ "eventName": "MoveAccount" }));
    let Ok(Reading::Ignored(why)) = read_directory(&moved) else { panic!("not ignored") };
    assert!(why.to_string().ends_with("is read by `on-account-event`"), "{why}");

    let sso = deleted("aws.sso", None);
    let Ok(Reading::Ignored(why)) = read(&sso) else { panic!("not ignored") };
    assert!(why.to_string().ends_with("is read by `on-permission-set-event`"), "{why}");

    let elsewhere = deleted("aws.ec2", None);
    assert!(matches!(read(&elsewhere), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))));
    assert!(matches!(read_directory(&elsewhere), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))));
    assert!(matches!(read_permission_set(&elsewhere), Ok(Reading::Ignored(Ignored::Unconcerned { .. }))));
}

#[test]
fn of_the_caller_only_a_role_is_taken() {
    let role = |identity: Value| {
        let mut event = deleted("aws.identitystore", None);
        event.detail["userIdentity"] = identity;
        let Ok(Reading::Hint { caller_role, .. }) = read_directory(&event) else { panic!("no hint") };
        caller_role
    };
    let issued = |arn: &str| {
        json!({
            "arn": "arn:aws:sts::111122223333:assumed-role/Usher/somebody@example.com",
            "userName": "somebody@example.com",
            "sessionContext": { "sessionIssuer": { "type": "Role", "arn": arn, "userName": "Usher" } },
        })
    };
    let usher = "arn:aws:iam::111122223333:role/usher/Provision";
    assert_eq!(role(issued(usher)).as_deref(), Some(usher));
    let other = "arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0";
    assert_eq!(role(issued(other)).as_deref(), Some(other));
    for none in [
        issued("arn:aws:iam::111122223333:user/somebody@example.com"),
        issued("somebody@example.com"),
        issued(""),
        issued(&format!("{usher}{}", "x".repeat(1_000))),
        json!({ "type": "Root", "sessionContext": { "sessionIssuer": {} } }),
        json!({ "type": "Unknown", "onBehalfOf": { "userId": GROUP } }),
        json!("text"),
        Value::Null,
    ] {
        assert_eq!(role(none.clone()), None, "{none}");
    }
}

#[test]
fn no_name_is_in_two_rows_of_one_source() {
    for family in Family::ALL {
        let names = family.names();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), different.len());
    }
}

#[test]
fn hints_are_read_back_from_their_json() {
    let group: crate::domain::GroupId = GROUP.parse().unwrap();
    let hint = DirectoryHint::GroupMember { group, user: None, joined: false };
    let text = serde_json::to_string(&hint).unwrap();
    assert_eq!(text, format!(r#"{{"group_member":{{"group":"{GROUP}","user":null}}}}"#));
    assert_eq!(serde_json::from_str::<DirectoryHint>(&text).unwrap(), hint);
    assert_eq!(serde_json::to_string(&PermissionSetHint::PermissionSets).unwrap(), r#""permission_sets""#);
}

#[test]
fn what_is_said_of_identity_center_s_events_is_short_however_long_they_are() {
    let long = "x".repeat(1 << 20);
    let arn = format!("arn:aws:sso:::instance/{long}");
    for (source, name, parameters) in [
        ("aws.sso", long.as_str(), json!({})),
        ("aws.sso", "TagResource", json!({ "resourceArn": arn })),
        ("aws.sso", "DeletePermissionSet", json!({ "permissionSetArn": long })),
        ("aws.sso", "CreateAccountAssignment", json!({ "targetType": long })),
        (
            "aws.sso",
            "CreateAccountAssignment",
            json!({
                "targetId": long, "permissionSetArn": long, "principalType": long, "principalId": long,
            }),
        ),
        ("aws.identitystore", long.as_str(), json!({})),
        ("aws.identitystore", "DeleteGroup", json!({ "groupId": long })),
        ("aws.identitystore", "DeleteGroupMembership", json!({ "membershipId": long })),
        (long.as_str(), long.as_str(), json!({})),
    ] {
        let mut event = deleted(source, None);
        event.detail["eventName"] = json!(name);
        event.detail["requestParameters"] = parameters;
        for said in [said(read(&event)), said(read_directory(&event)), said(read_permission_set(&event))] {
            assert!(said.len() < 500, "{}", said.len());
        }
    }
}

fn said<H: std::fmt::Debug>(reading: Result<Reading<H>, EventError>) -> String {
    match reading {
        Ok(Reading::Hint { hint, .. }) => panic!("{hint:?}"),
        Ok(Reading::Ignored(why)) => why.to_string(),
        Err(error) => crate::causes::joined(&error),
    }
}
