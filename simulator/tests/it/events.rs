//! The events that EventBridge would deliver.

use serde_json::{Value, json};
use simulator::{
    Settings, World,
    wire::{Tag, identity_store, organizations as org},
};

use crate::support::{STORE, at, create_input, key, person, small, usher};

fn create_account(email: &str) -> org::CreateAccount {
    org::CreateAccount {
        email: email.to_owned(),
        account_name: "brand new".to_owned(),
        tags: Some(vec![Tag { key: "Environment".to_owned(), value: "Development".to_owned() }]),
        ..Default::default()
    }
}

fn only(world: &mut World) -> Value {
    only_of(world.take_events(world.now()))
}

fn only_of(mut events: Vec<Value>) -> Value {
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[test]
fn a_new_account_is_an_api_call_and_later_a_service_event_that_hide_its_name() {
    let mut world = small(Settings::default());
    let answer =
        world.call(at(0), &person(), create_account("new@example.com")).unwrap().create_account_status;
    let call = only(&mut world);
    assert_eq!(call["detail-type"], "AWS API Call via CloudTrail");
    assert_eq!(
        (&call["source"], &call["account"], &call["region"]),
        (&json!("aws.organizations"), &json!("111122223333"), &json!("us-east-1"))
    );
    assert_eq!(call["time"], "2026-11-21T12:00:00Z");
    assert_eq!(
        call["detail"]["requestParameters"],
        json!({ "email": "****", "accountName": "****", "tags": [{ "key": "Environment", "value": "Development" }] })
    );
    assert_eq!(
        call["detail"]["responseElements"]["createAccountStatus"],
        json!({ "id": answer.id, "accountName": "****", "state": "IN_PROGRESS", "requestedTimestamp": "Nov 21, 2026, 12:00:00 PM" })
    );
    assert!(call["detail"].get("errorCode").is_none());

    world.advance(at(60));
    let mut results = world.take_events(at(60));
    let joined = results.pop().unwrap();
    let result = only_of(results);
    assert_eq!(result["detail-type"], "AWS Service Event via CloudTrail");
    assert_eq!(
        result["detail"]["userIdentity"],
        json!({ "accountId": "111122223333", "invokedBy": "AWS Internal" })
    );
    let status = &result["detail"]["serviceEventDetails"]["createAccountStatus"];
    assert_eq!((&status["state"], &status["accountName"]), (&json!("SUCCEEDED"), &json!("****")));
    assert_eq!(status["completedTimestamp"], "Nov 21, 2026, 12:00:10 PM");
    let id = world.account_named("brand new").unwrap();
    assert_eq!(status["accountId"], json!(id));
    assert!(!result.to_string().contains("new@example.com"));
    assert_eq!(joined["detail"]["eventName"], "AccountJoinedOrganization");
    assert_eq!(
        joined["detail"]["serviceEventDetails"],
        json!({
            "accountId": id, "managementAccountId": "111122223333",
            "joinedMethod": "CREATED", "joinedTime": "Nov 21, 2026, 12:00:10 PM",
        })
    );

    world.call(at(100), &person(), create_account("new@example.com")).unwrap();
    world.advance(at(200));
    let events = world.take_events(world.now());
    let status = &events[1]["detail"]["serviceEventDetails"]["createAccountStatus"];
    assert_eq!(
        (&status["state"], &status["failureReason"]),
        (&json!("FAILED"), &json!("EMAIL_ALREADY_EXISTS"))
    );
}

#[test]
fn moves_tags_and_closures_name_what_they_are_about() {
    let mut world = small(Settings::default());
    let account = world.account_named("one-dev").unwrap();
    let (from, to) = (world.ou_at("Workloads/Development").unwrap(), world.ou_at("Sandbox").unwrap());
    world.move_account(at(0), &person(), &account, &shared::domain::ParentId::Ou(to.clone())).unwrap();
    let event = only(&mut world);
    assert_eq!(
        event["detail"]["requestParameters"],
        json!({ "accountId": account, "sourceParentId": from, "destinationParentId": to })
    );
    assert_eq!(event["detail"]["responseElements"], Value::Null);

    let tags = vec![Tag { key: "Environment".to_owned(), value: "Test".to_owned() }];
    world.call(at(1), &person(), org::TagResource { resource_id: account.to_string(), tags }).unwrap();
    let events = world.take_events(at(1));
    assert_eq!(
        events[0]["detail"]["requestParameters"],
        json!({ "resourceId": account, "tags": [{ "key": "Environment", "value": "Test" }] })
    );
    assert_eq!(
        (&events[1]["source"], &events[1]["detail-type"], &events[1]["resources"]),
        (
            &json!("aws.tag"),
            &json!("Tag Change on Resource"),
            &json!([format!("arn:aws:organizations::111122223333:account/o-exampleorg1/{account}")])
        )
    );
    assert_eq!(
        events[1]["detail"],
        json!({
            "changed-tag-keys": ["Environment"], "service": "organizations", "resource-type": "account", "version": 2,
            "tags": { "Environment": "Test" },
        })
    );
    assert_eq!(events.len(), 2);

    let untag =
        org::UntagResource { resource_id: account.to_string(), tag_keys: vec!["Environment".to_owned()] };
    world.call(at(2), &person(), untag.clone()).unwrap();
    let events = world.take_events(at(2));
    assert_eq!(
        events[0]["detail"]["requestParameters"],
        json!({ "resourceId": account, "tagKeys": ["Environment"] })
    );
    assert_eq!(events[1]["detail"]["tags"], json!({}));
    world.call(at(3), &person(), untag).unwrap();
    // Nothing has changed, so the tag service has nothing to tell.
    assert_eq!(only(&mut world)["detail"]["eventName"], "UntagResource");

    world.call(at(3), &person(), org::CloseAccount { account_id: account.to_string() }).unwrap();
    world.advance(at(100));
    let events = world.take_events(world.now());
    assert_eq!(
        (&events[0]["detail"]["eventName"], &events[1]["detail"]["eventName"]),
        (&json!("CloseAccount"), &json!("CloseAccountResult"))
    );
    assert_eq!(events[1]["detail"]["serviceEventDetails"]["closeAccountStatus"]["accountId"], json!(account));
}

#[test]
fn a_failed_call_carries_its_error_and_a_read_is_no_event() {
    let mut world = small(Settings::default());
    let closed = org::CloseAccount { account_id: "111122223333".to_owned() };
    world.call(at(0), &person(), closed).unwrap_err();
    world.call(at(0), &person(), org::ListAccounts::default()).unwrap();
    let detail = only(&mut world)["detail"].clone();
    assert_eq!(detail["errorCode"], "ConstraintViolationException");
    assert_eq!((&detail["responseElements"], &detail["readOnly"]), (&Value::Null, &json!(false)));
}

#[test]
fn an_assignment_call_shows_who_made_it_and_its_request() {
    let mut world = small(Settings { region: "eu-central-1".to_owned(), ..Settings::default() });
    let key = key(&world, "one-dev", "ReadOnlyAccess", "Developers");
    let status = world.call(at(0), &usher(), create_input(&key)).unwrap().account_assignment_creation_status;
    let event = only(&mut world);
    assert_eq!((&event["source"], &event["region"]), (&json!("aws.sso"), &json!("eu-central-1")));
    let detail = &event["detail"];
    assert_eq!(detail["eventSource"], "sso.amazonaws.com");
    assert_eq!(detail["requestID"], json!(status.request_id));
    assert_eq!(detail["requestParameters"]["targetId"], json!(key.account));
    assert_eq!(detail["responseElements"]["accountAssignmentCreationStatus"]["status"], "IN_PROGRESS");
    assert_eq!(
        detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"],
        "arn:aws:iam::111122223333:role/usher"
    );
    world.advance(at(10));
    assert!(world.take_events(world.now()).is_empty(), "no event marks the end of an assignment");
}

#[test]
fn names_in_the_identity_store_are_hidden() {
    let mut world = small(Settings::default());
    let input = identity_store::CreateGroup {
        identity_store_id: STORE.to_owned(),
        display_name: Some("Secret project".to_owned()),
        description: Some("hush".to_owned()),
    };
    world.call(at(0), &person(), input).unwrap();
    let event = only(&mut world);
    assert_eq!(event["source"], "aws.identitystore");
    assert_eq!(event["detail"]["requestParameters"]["displayName"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    assert!(!event.to_string().contains("Secret project"));
}
