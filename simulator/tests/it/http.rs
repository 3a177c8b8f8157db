//! The face on the wire, spoken to as a client would.

use serde_json::{Value, json};
use simulator::{Caller, CallerKind, Fault, Settings, dispatch::dispatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    served::served,
    support::{INSTANCE, STORE, account, key, locked, small, start},
};

const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
const IDENTITY_STORE: &str = "AWSIdentityStore";
const SSO: &str = "SWBExternalService";

/// Calls whose answers must be the same by either way, in this order: reads, writes, refusals.
fn calls() -> Vec<(String, Value)> {
    let world = small(Settings::default());
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let development = world.ou_at("Workloads/Development").unwrap();
    let sandbox = world.ou_at("Sandbox").unwrap();
    let user = world.user_named("bruno@example.com").unwrap();
    let group = key.principal.id();
    let assignment = json!({
        "InstanceArn": INSTANCE, "TargetId": key.account, "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": key.permission_set, "PrincipalType": "GROUP", "PrincipalId": group,
    });
    let mut calls = Vec::new();
    let mut add =
        |service: &str, operation: &str, body: Value| calls.push((format!("{service}.{operation}"), body));
    add(ORGANIZATIONS, "DescribeOrganization", json!({}));
    add(ORGANIZATIONS, "ListRoots", json!({}));
    add(ORGANIZATIONS, "ListAccounts", json!({ "MaxResults": 2 }));
    add(ORGANIZATIONS, "ListAccounts", json!({ "MaxResults": 21 }));
    add(ORGANIZATIONS, "ListAccounts", json!({ "NextToken": "forged" }));
    add(ORGANIZATIONS, "DescribeAccount", json!({ "AccountId": "222233334444" }));
    add(ORGANIZATIONS, "DescribeAccount", json!({ "AccountId": "999999999999" }));
    add(ORGANIZATIONS, "DescribeAccount", json!({}));
    add(ORGANIZATIONS, "ListAccountsForParent", json!({ "ParentId": development }));
    add(ORGANIZATIONS, "ListParents", json!({ "ChildId": "222233334444" }));
    add(ORGANIZATIONS, "ListChildren", json!({ "ParentId": "r-ab12", "ChildType": "ORGANIZATIONAL_UNIT" }));
    add(ORGANIZATIONS, "ListOrganizationalUnitsForParent", json!({ "ParentId": "r-ab12" }));
    add(ORGANIZATIONS, "DescribeOrganizationalUnit", json!({ "OrganizationalUnitId": sandbox }));
    add(ORGANIZATIONS, "CreateOrganizationalUnit", json!({ "ParentId": "r-ab12", "Name": "New" }));
    add(
        ORGANIZATIONS,
        "UpdateOrganizationalUnit",
        json!({ "OrganizationalUnitId": sandbox, "Name": "Play" }),
    );
    add(ORGANIZATIONS, "CreateAccount", json!({ "AccountName": "new", "Email": "new@example.com" }));
    add(
        ORGANIZATIONS,
        "MoveAccount",
        json!({ "AccountId": "222233334444", "SourceParentId": development, "DestinationParentId": sandbox }),
    );
    add(
        ORGANIZATIONS,
        "TagResource",
        json!({ "ResourceId": "222233334444", "Tags": [{ "Key": "Team", "Value": "a" }] }),
    );
    add(ORGANIZATIONS, "ListTagsForResource", json!({ "ResourceId": "222233334444" }));
    add(ORGANIZATIONS, "CloseAccount", json!({ "AccountId": "444455556666" }));
    add(IDENTITY_STORE, "ListGroups", json!({ "IdentityStoreId": STORE }));
    let by_name =
        |name: &str| json!({ "UniqueAttribute": { "AttributePath": "displayName", "AttributeValue": name } });
    add(
        IDENTITY_STORE,
        "GetGroupId",
        json!({ "IdentityStoreId": STORE, "AlternateIdentifier": by_name("Support") }),
    );
    add(
        IDENTITY_STORE,
        "GetGroupId",
        json!({ "IdentityStoreId": STORE, "AlternateIdentifier": by_name("Nobody") }),
    );
    add(
        IDENTITY_STORE,
        "GetGroupId",
        json!({ "IdentityStoreId": "d-0000000000", "AlternateIdentifier": by_name("Support") }),
    );
    add(IDENTITY_STORE, "CreateGroup", json!({ "IdentityStoreId": STORE, "DisplayName": "Support" }));
    add(IDENTITY_STORE, "CreateGroup", json!({ "IdentityStoreId": STORE, "DisplayName": "Finance" }));
    add(IDENTITY_STORE, "DescribeUser", json!({ "IdentityStoreId": STORE, "UserId": user }));
    add(
        IDENTITY_STORE,
        "CreateGroupMembership",
        json!({ "IdentityStoreId": STORE, "GroupId": group, "MemberId": { "UserId": user } }),
    );
    add(IDENTITY_STORE, "ListGroupMemberships", json!({ "IdentityStoreId": STORE, "GroupId": group }));
    add(SSO, "ListInstances", json!({}));
    add(SSO, "DescribeInstance", json!({ "InstanceArn": INSTANCE }));
    add(SSO, "ListPermissionSets", json!({ "InstanceArn": INSTANCE, "MaxResults": 1 }));
    add(
        SSO,
        "CreatePermissionSet",
        json!({ "InstanceArn": INSTANCE, "Name": "New", "SessionDuration": "PT2H" }),
    );
    add(
        SSO,
        "CreatePermissionSet",
        json!({ "InstanceArn": INSTANCE, "Name": "too long for a permission set" }),
    );
    add(SSO, "ListTagsForResource", json!({ "InstanceArn": INSTANCE, "ResourceArn": key.permission_set }));
    add(SSO, "CreateAccountAssignment", assignment.clone());
    add(SSO, "DeleteAccountAssignment", assignment);
    add(SSO, "ListAccountAssignmentCreationStatus", json!({ "InstanceArn": INSTANCE }));
    add(
        SSO,
        "ListAccountAssignments",
        json!({ "InstanceArn": INSTANCE, "AccountId": "222233334444", "PermissionSetArn": key.permission_set }),
    );
    add(SSO, "NoSuchOperation", json!({}));
    calls
}

#[tokio::test]
async fn both_faces_give_the_same_answers() {
    let served = served(small(Settings::default())).await;
    let mut direct = small(Settings::default());
    let caller = Caller::new("usher", account("111122223333"), CallerKind::Management);
    for (target, body) in calls() {
        let (status, on_the_wire) = served.call(&target, "AKIAUSHER", body.to_string().as_bytes()).await;
        match dispatch(&mut direct, start(), &caller, &target, body.to_string().as_bytes()) {
            Ok(expected) => assert_eq!((status, on_the_wire), (200, expected), "{target}"),
            Err(error) => {
                assert_eq!(
                    (status, on_the_wire["__type"].as_str()),
                    (error.status, Some(error.code)),
                    "{target}"
                );
                let text = on_the_wire.get("message").or(on_the_wire.get("Message")).and_then(Value::as_str);
                assert_eq!(text.unwrap_or_default(), error.message, "{target}");
            }
        }
        if target.ends_with("NoSuchOperation") {
            // It never got as far as the log: the two worlds part here.
            break;
        }
    }
    assert_eq!(locked(&served.world).take_events(start()), direct.take_events(start()));
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_awss_own_error_and_the_server_goes_on() {
    let served = served(small(Settings::default())).await;
    let target = "AWSIdentityStore.GetGroupId";
    for (target, body, expected) in [
        (target, &b"{"[..], "SerializationException"),
        (target, b"[]", "SerializationException"),
        (target, b"\xff\xfe", "SerializationException"),
        (target, br#"{"IdentityStoreId": 3}"#, "SerializationException"),
        (target, b"", "ValidationException"),
        (target, br#"{"IdentityStoreId": "d-9067642ac1", "AlternateIdentifier": {}}"#, "ValidationException"),
        ("", b"{}", "UnknownOperationException"),
        ("AWSIdentityStore", b"{}", "UnknownOperationException"),
        ("AWSIdentityStore.", b"{}", "UnknownOperationException"),
        ("DynamoDB_20120810.GetItem", b"{}", "UnknownOperationException"),
    ] {
        let (status, body) = served.call(target, "AKIAANY", body).await;
        assert_eq!((status, body["__type"].as_str()), (400, Some(expected)), "{target}");
    }
    // Identity Store's errors hold the id that the header has.
    let (_, head, body) = served.send("POST", "/", &served.headers(target, "AKIAANY"), b"[]").await;
    assert!(head.contains(&format!("x-amzn-requestid: {}", body["RequestId"].as_str().unwrap())), "{head}");
    locked(&served.world).fail_next("GetGroupId", Fault::Throttle, 1);
    let (_, body) = served.call(target, "AKIAANY", b"{}").await;
    assert_eq!((&body["__type"], &body["RetryAfterSeconds"]), (&json!("ThrottlingException"), &json!(1)));
    let deep = "[".repeat(100_000);
    let (status, body) = served.call(target, "AKIAANY", deep.as_bytes()).await;
    assert_eq!((status, body["__type"].as_str()), (400, Some("SerializationException")));

    for (target, message) in [("", "there is no X-Amz-Target header"), ("AWSIdentityStore.Nothing", "")] {
        let (_, body) = served.call(target, "AKIAANY", b"{}").await;
        assert!(body["Message"].as_str().unwrap_or_default().starts_with(message), "{body}");
    }
    let (status, body) = served.call(target, "AKIAANY", &vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!((status, body["__type"].as_str()), (413, Some("RequestEntityTooLargeException")));
    // Whose length alone says so is answered before it comes.
    let head = served.headers(target, "AKIAANY");
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}content-length: 1048577\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    for (method, path) in [("GET", "/"), ("PUT", "/"), ("POST", "/elsewhere"), ("DELETE", "/elsewhere")] {
        let (status, head, body) = served.send(method, path, "", b"").await;
        assert_eq!((status, body["__type"].as_str()), (404, Some("UnknownOperationException")), "{path}");
        assert!(head.contains("x-amzn-requestid: "), "{head}");
    }
    assert_eq!(served.call(&format!("{ORGANIZATIONS}.DescribeOrganization"), "AKIAANY", b"{}").await.0, 200);
}

#[tokio::test]
async fn a_request_of_another_content_type_or_with_a_bad_signature_header_is_refused() {
    let served = served(small(Settings::default())).await;
    let good = served.headers("SWBExternalService.ListInstances", "AKIAANY");
    for (from, to, expected) in [
        ("application/x-amz-json-1.1", "text/plain", "UnknownOperationException"),
        ("application/x-amz-json-1.1", "application/x-amz-json-1.0", "UnknownOperationException"),
        ("authorization", "x-other", "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256", "Basic", "IncompleteSignatureException"),
        ("x-amz-date", "x-other", "IncompleteSignatureException"),
        ("/us-east-1/sso/", "/eu-west-1/sso/", "InvalidSignatureException"),
        ("/us-east-1/sso/", "/us-east-1/organizations/", "InvalidSignatureException"),
    ] {
        assert!(good.contains(from), "{from}");
        let (status, head, body) = served.send("POST", "/", &good.replacen(from, to, 1), b"{}").await;
        assert_eq!((status, body["__type"].as_str()), (400, Some(expected)), "{from}");
        assert!(head.contains("content-type: application/x-amz-json-1.1"), "{head}");
        assert!(head.contains("x-amzn-requestid: "), "{head}");
    }
    assert!(locked(&served.world).log().is_empty(), "none of them was a call");
    let charset = good.replace("json-1.1", "json-1.1; charset=utf-8");
    assert_eq!(served.send("POST", "/", &charset, b"{}").await.0, 200);
    // The global service is signed for in any Region.
    let anywhere =
        served.headers("AWSOrganizationsV20161128.ListRoots", "AKIAANY").replace("us-east-1", "eu-west-1");
    assert_eq!(served.send("POST", "/", &anywhere, b"{}").await.0, 200);
}

#[tokio::test]
async fn the_answers_id_is_that_of_the_call_the_event_and_the_request() {
    let served = served(small(Settings::default())).await;
    let key = key(&locked(&served.world), "one-dev", "ReadOnlyAccess", "Developers");
    let body = json!({
        "InstanceArn": INSTANCE, "TargetId": key.account, "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": key.permission_set, "PrincipalType": "GROUP", "PrincipalId": key.principal.id(),
    });
    let headers = served.headers("SWBExternalService.CreateAccountAssignment", "AKIAANY");
    let (_, head, answer) = served.send("POST", "/", &headers, body.to_string().as_bytes()).await;
    let id = answer["AccountAssignmentCreationStatus"]["RequestId"].as_str().unwrap();
    assert!(head.contains(&format!("x-amzn-requestid: {id}")), "{head}");
    let mut world = locked(&served.world);
    assert_eq!(world.log()[0].request_id.to_string(), id);
    assert_eq!(world.take_events(start())[0]["detail"]["requestID"], id);
}

#[tokio::test]
async fn the_access_key_says_who_calls() {
    let served = served(small(Settings::default())).await;
    for key in ["AKIAUSHER", "AKIAOTHER", "AKIAMEMBER"] {
        served.call("AWSOrganizationsV20161128.DescribeOrganization", key, b"{}").await;
    }
    let names: Vec<_> =
        locked(&served.world).log().iter().map(|entry| entry.caller.name.to_string()).collect();
    assert_eq!(names, ["usher", "administrator", "app"]);
    let (status, body) = served.call("AWSOrganizationsV20161128.ListAccounts", "AKIAMEMBER", b"{}").await;
    assert_eq!((status, body["__type"].as_str()), (400, Some("AccessDeniedException")));
}
