//! What each event of groups, members and users leads to.

use serde_json::json;

use super::*;

const GROUP: &str = "11111111-0000-4000-8000-000000000001";
const OTHER: &str = "9067642ac1-11111111-0000-4000-8000-000000000002";
const USER: &str = "22222222-0000-4000-8000-000000000001";
const MEMBERSHIP: &str = "33333333-0000-4000-8000-000000000001";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

fn event(source: &str, name: &str, parameters: Value, answer: Value) -> Envelope {
    let mut event = Envelope {
        id: Some("envelope-id".into()),
        time: None,
        source: format!("aws.{source}"),
        detail_type: "AWS API Call via CloudTrail".into(),
        resources: Vec::new(),
        detail: json!({
            "eventName": name, "eventSource": format!("{source}.amazonaws.com"), "eventID": "0a1b",
            "readOnly": false,
            "userIdentity": { "type": "IdentityCenterUser", "onBehalfOf": { "userId": OTHER } },
        }),
    };
    event.detail["requestParameters"] = parameters;
    event.detail["responseElements"] = answer;
    event
}

fn hint(event: &Envelope) -> DirectoryHint {
    match read_directory(event) {
        Ok(Reading::Hint { hint, event, caller_role: None }) => {
            assert_eq!(event, "0a1b");
            hint
        }
        other => panic!("no hint: {other:?}"),
    }
}

fn ignored(event: &Envelope) -> Ignored {
    match read_directory(event) {
        Ok(Reading::Ignored(why)) => why,
        other => panic!("not ignored: {other:?}"),
    }
}

fn group(id: &str) -> DirectoryHint {
    DirectoryHint::Group(id.parse().unwrap())
}

fn new_group(id: &str) -> DirectoryHint {
    DirectoryHint::NewGroup(id.parse().unwrap())
}

fn user(id: &str) -> DirectoryHint {
    DirectoryHint::User(id.parse().unwrap())
}

fn member(user: Option<&str>) -> DirectoryHint {
    let user = user.map(|id| id.parse().unwrap());
    DirectoryHint::GroupMember { group: GROUP.parse().unwrap(), user, joined: false }
}

fn joiner(user: Option<&str>) -> DirectoryHint {
    let user = user.map(|id| id.parse().unwrap());
    DirectoryHint::GroupMember { group: GROUP.parse().unwrap(), user, joined: true }
}

#[test]
fn the_console_s_events_name_ids_and_hide_names() {
    let console = |name: &str, parameters: Value, answer: Value| {
        hint(&event("sso-directory", name, parameters, answer))
    };
    let created = json!({ "group": { "groupId": GROUP, "displayName": HIDDEN, "meta": { "createdBy": "111122223333" } } });
    let store = json!({ "identityStoreId": "d-9067642ac1", "displayName": HIDDEN });
    assert_eq!(console("CreateGroup", store.clone(), created), new_group(GROUP));
    for name in ["UpdateGroup", "UpdateGroupDisplayName", "DeleteGroup"] {
        let parameters =
            json!({ "identityStoreId": "d-9067642ac1", "groupId": GROUP, "displayName": HIDDEN });
        assert_eq!(console(name, parameters, Value::Null), group(GROUP), "{name}");
    }
    let added = json!({ "groupId": GROUP, "member": { "memberId": USER } });
    assert_eq!(console("AddMemberToGroup", added, Value::Null), joiner(Some(USER)));
    let removed = json!({ "groupId": GROUP, "memberId": USER });
    assert_eq!(console("RemoveMemberFromGroup", removed, Value::Null), member(Some(USER)));

    let created = json!({ "user": { "userId": USER, "userName": HIDDEN } });
    assert_eq!(console("CreateUser", store, created), user(USER));
    for name in ["UpdateUser", "UpdateUserName", "EnableUser", "DisableUser", "DeleteUser"] {
        assert_eq!(console(name, json!({ "userId": USER }), Value::Null), user(USER), "{name}");
    }
}

#[test]
fn the_api_s_events_follow_its_model() {
    let api = |name: &str, parameters: Value, answer: Value| {
        hint(&event("identitystore", name, parameters, answer))
    };
    let store = || json!({ "identityStoreId": "d-9067642ac1" });
    assert_eq!(api("CreateGroup", store(), json!({ "groupId": GROUP })), new_group(GROUP));
    let update = json!({ "groupId": GROUP, "operations": [{ "attributePath": "displayName", "attributeValue": HIDDEN }] });
    assert_eq!(api("UpdateGroup", update, Value::Null), group(GROUP));
    assert_eq!(api("DeleteGroup", json!({ "groupId": GROUP }), Value::Null), group(GROUP));
    let joined = json!({ "groupId": GROUP, "memberId": { "userId": USER } });
    let answer = json!({ "membershipId": MEMBERSHIP });
    assert_eq!(api("CreateGroupMembership", joined, answer), joiner(Some(USER)));
    let left = DirectoryHint::Membership(MEMBERSHIP.parse().unwrap());
    assert_eq!(api("DeleteGroupMembership", json!({ "membershipId": MEMBERSHIP }), json!({})), left);
    assert_eq!(api("CreateUser", store(), json!({ "userId": USER })), user(USER));
    assert_eq!(api("DeleteUser", json!({ "userId": USER }), Value::Null), user(USER));
}

#[test]
fn scim_s_events_call_what_they_are_about_id() {
    let scim = |name: &str, parameters: Value, answer: Value| {
        hint(&event("identitystore-scim", name, parameters, answer))
    };
    let body = json!({ "tenantId": "xxxx", "httpBody": { "displayName": HIDDEN } });
    assert_eq!(
        scim("CreateGroup", body.clone(), json!({ "id": GROUP, "displayName": HIDDEN })),
        new_group(GROUP)
    );
    assert_eq!(scim("CreateUser", body, json!({ "id": USER, "userName": HIDDEN })), user(USER));
    // Whether a name or members were changed is hidden.
    let operations = json!([{ "op": "add", "path": "members", "value": HIDDEN }]);
    let patch = json!({ "tenantId": "xxxx", "id": GROUP, "httpBody": { "operations": operations } });
    assert_eq!(scim("PatchGroup", patch, Value::Null), group(GROUP));
    assert_eq!(scim("DeleteGroup", json!({ "id": GROUP }), Value::Null), group(GROUP));
    for name in ["PutUser", "PatchUser", "DeleteUser"] {
        assert_eq!(scim(name, json!({ "id": USER }), Value::Null), user(USER), "{name}");
    }
}

#[test]
fn an_id_is_found_in_each_likely_place() {
    let store = || json!({ "identityStoreId": "d-9067642ac1" });
    for name in ["CreateGroup", "UpdateGroup", "DeleteGroup"] {
        for source in ["sso-directory", "identitystore", "identitystore-scim"] {
            for there in [
                json!({ "groupId": GROUP }),
                json!({ "group": { "groupId": GROUP } }),
                json!({ "group": { "id": GROUP } }),
                json!({ "Group": { "Id": GROUP } }),
                json!({ "GroupId": GROUP }),
                json!({ "groupArn": format!("arn:aws:identitystore:::group/{GROUP}") }),
                json!({ "groupId": format!("arn:aws:identitystore:::group/{GROUP}") }),
                json!({ "id": GROUP }),
                json!({ "httpBody": { "id": GROUP } }),
                json!({ "groups": [{ "groupId": GROUP, "displayName": OTHER }] }),
            ] {
                for event in [
                    event(source, name, there.clone(), Value::Null),
                    event(source, name, store(), there.clone()),
                ] {
                    let expected = if name == "CreateGroup" { new_group(GROUP) } else { group(GROUP) };
                    assert_eq!(hint(&event), expected, "{source} {name} {there}");
                }
            }
        }
    }
    for there in [
        json!({ "userId": USER }),
        json!({ "user": { "userId": USER } }),
        json!({ "user": { "id": USER } }),
        json!({ "id": USER, "externalId": OTHER, "externalIds": [{ "issuer": "x", "id": OTHER }] }),
    ] {
        for name in ["CreateUser", "UpdateUser", "DeleteUser"] {
            assert_eq!(
                hint(&event("identitystore", name, there.clone(), Value::Null)),
                user(USER),
                "{there}"
            );
            assert_eq!(
                hint(&event("sso-directory", name, Value::Null, there.clone())),
                user(USER),
                "{there}"
            );
        }
    }
    for who in [
        json!({ "memberId": USER }),
        json!({ "memberId": { "userId": USER } }),
        json!({ "member": { "memberId": USER } }),
        json!({ "member": { "userId": USER } }),
        json!({ "member": { "id": USER } }),
        json!({ "userId": USER }),
    ] {
        for (source, name) in [
            ("sso-directory", "AddMemberToGroup"),
            ("sso-directory", "RemoveMemberFromGroup"),
            ("identitystore", "CreateGroupMembership"),
        ] {
            let mut parameters = who.clone();
            parameters["groupId"] = json!(GROUP);
            assert_eq!(
                hint(&event(source, name, parameters, Value::Null)),
                if name == "RemoveMemberFromGroup" { member(Some(USER)) } else { joiner(Some(USER)) },
                "{name} {who}"
            );
        }
    }
    // Should AWS tell whose membership it was, then it is known.
    let left = json!({ "membershipId": MEMBERSHIP, "groupId": GROUP, "memberId": { "userId": USER } });
    assert_eq!(hint(&event("identitystore", "DeleteGroupMembership", left, json!({}))), member(Some(USER)));
    let left = json!({ "membership": { "membershipId": MEMBERSHIP } });
    assert_eq!(
        hint(&event("identitystore", "DeleteGroupMembership", left, json!({}))),
        DirectoryHint::Membership(MEMBERSHIP.parse().unwrap())
    );
}

#[test]
fn of_several_each_is_looked_at_and_of_many_all_are() {
    let ids = |count: usize| -> Vec<String> {
        (0..count).map(|number| format!("11111111-0000-4000-8000-{number:012}")).collect()
    };
    let groups =
        |count: usize| event("sso-directory", "DeleteGroup", json!({ "groupIds": ids(count) }), Value::Null);
    let both = ids(2).iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(hint(&groups(2)), DirectoryHint::Groups(both));
    assert_eq!(hint(&groups(21)), DirectoryHint::Directory);
    assert_eq!(hint(&groups(3_000)), DirectoryHint::Directory);

    let users = event("sso-directory", "DeleteUser", json!({ "userIds": ids(3) }), Value::Null);
    assert!(matches!(hint(&users), DirectoryHint::Users(users) if users.len() == 3));
    // A group whose members came all at once.
    let added = json!({ "groupId": GROUP, "memberIds": ids(3) });
    assert_eq!(hint(&event("sso-directory", "AddMemberToGroup", added, Value::Null)), joiner(None));
}

#[test]
fn what_is_hidden_or_missing_is_never_guessed() {
    let refused = |source: &str, name: &str, parameters: Value| {
        read_directory(&event(source, name, parameters, Value::Null)).unwrap_err().to_string()
    };
    assert_eq!(
        refused("sso-directory", "DeleteGroup", json!({ "groupId": HIDDEN })),
        "`DeleteGroup` hides its `groupId`"
    );
    assert_eq!(
        refused("identitystore", "DeleteGroupMembership", json!({ "membershipId": HIDDEN })),
        "`DeleteGroupMembership` hides its `membershipId`"
    );
    assert_eq!(
        refused("identitystore-scim", "PatchGroup", json!({ "id": HIDDEN })),
        "`PatchGroup` hides its `id`"
    );
    assert_eq!(
        refused("sso-directory", "UpdateUser", json!({ "userId": HIDDEN })),
        "`UpdateUser` hides its `userId`"
    );
    for (name, member) in
        [("DeleteGroup", "groupId"), ("AddMemberToGroup", "groupId"), ("DisableUser", "userId")]
    {
        assert_eq!(refused("sso-directory", name, json!({})), format!("`{name}` has no `{member}`"));
    }
    // Ids that are not the subject's.
    for other in [
        json!({ "identityStoreId": GROUP }),
        json!({ "displayName": GROUP }),
        json!({ "externalIds": [{ "id": GROUP }] }),
        json!({ "userId": USER }),
        json!({ "tenantId": GROUP, "httpBody": { "schemas": [{ "id": GROUP }] } }),
    ] {
        assert_eq!(refused("sso-directory", "DeleteGroup", other), "`DeleteGroup` has no `groupId`");
    }
    let invalid = event("sso-directory", "DeleteGroup", json!({ "groupId": "xxxx" }), Value::Null);
    assert!(matches!(read_directory(&invalid), Err(EventError::Invalid { .. })));

    // What stands in an id's place is nobody's business: reasons are logged.
    let person = json!({ "userId": "alice@example.com" });
    let person = read_directory(&event("sso-directory", "DisableUser", person, Value::Null)).unwrap_err();
    let reason = crate::causes::joined(&person);
    assert!(reason.starts_with("`DisableUser` names something unexpected, not a user's id"), "{reason}");
    assert!(!reason.contains("alice"), "{reason}");

    // To look at the group is enough where it is hidden who joined.
    let joined = json!({ "groupId": GROUP, "member": { "memberId": HIDDEN } });
    assert_eq!(hint(&event("sso-directory", "AddMemberToGroup", joined, Value::Null)), joiner(None));
    assert_eq!(
        hint(&event("sso-directory", "RemoveMemberFromGroup", json!({ "groupId": GROUP }), Value::Null)),
        member(None)
    );
}

#[test]
fn an_unknown_event_that_names_exactly_one_group_or_user_leads_to_it() {
    let new = |source: &str, name: &str, parameters: Value| event(source, name, parameters, Value::Null);
    assert_eq!(hint(&new("identitystore-scim", "PutGroup", json!({ "id": GROUP }))), group(GROUP));
    assert_eq!(hint(&new("identitystore-scim", "RenameUser", json!({ "id": USER }))), user(USER));
    assert_eq!(hint(&new("sso-directory", "Anything", json!({ "groupId": GROUP }))), group(GROUP));
    assert_eq!(hint(&new("sso-directory", "Anything", json!({ "userId": USER }))), user(USER));
    let both = json!({ "groupId": GROUP, "userId": USER });
    assert_eq!(hint(&new("identitystore", "MoveMember", both)), member(Some(USER)));
    for unclear in [
        json!({}),
        json!({ "id": GROUP }),
        json!({ "groupIds": [GROUP, OTHER] }),
        json!({ "groupId": HIDDEN }),
        json!({ "membershipId": MEMBERSHIP }),
    ] {
        let why = ignored(&new("identitystore", "Anything", unclear)).to_string();
        assert_eq!(
            why,
            "`Anything` of `aws.identitystore` is not known, and does not name exactly one group or user"
        );
    }
    for name in ["DescribeGroup", "ListGroups", "SearchUsers", "GetGroupId", "IsMemberInGroups"] {
        let why = ignored(&new("identitystore", name, json!({ "groupId": GROUP })));
        assert!(matches!(why, Ignored::ReadOnly { .. }), "{name}: {why}");
    }
    let mut reads = new("identitystore", "Anything", json!({ "groupId": GROUP }));
    reads.detail["readOnly"] = json!(true);
    assert!(matches!(ignored(&reads), Ignored::ReadOnly { .. }));
}

#[test]
fn failed_calls_and_what_changes_no_access_are_ignored() {
    let mut failed = event("sso-directory", "DeleteGroup", json!({ "groupId": GROUP }), Value::Null);
    failed.detail["errorCode"] = json!("AccessDenied");
    assert!(matches!(ignored(&failed), Ignored::FailedCall { .. }));
    let device = event("sso-directory", "DeleteMfaDeviceForUser", json!({ "userId": USER }), Value::Null);
    assert!(matches!(ignored(&device), Ignored::Unconcerned { .. }));
    let switched =
        event("sso-directory", "EnableExternalIdPConfigurationForDirectory", json!({}), Value::Null);
    assert!(ignored(&switched).to_string().ends_with("the sweep finds what it has changed"));
}
