//! Events that somebody puts on the default bus.

use serde_json::{Value, json};
use simulator::Settings;

use crate::{
    served::served,
    support::{locked, small, start},
};

const PUT: &str = "AWSEvents.PutEvents";

fn entry(change: impl Fn(&mut Value)) -> Value {
    let mut entry = json!({ "Source": "my.app", "DetailType": "Something", "Detail": "{\"id\":\"1\"}", "Resources": ["arn:x"] });
    change(&mut entry);
    entry
}

#[tokio::test]
async fn what_is_put_comes_as_an_event_of_the_callers_account_and_region() {
    let served = served(small(Settings::default())).await;
    let body = json!({ "Entries": [entry(|_| ()), entry(|entry| entry["EventBusName"] = json!("default"))] });
    let (status, answer) = served.call(PUT, "AKIAMEMBER", body.to_string().as_bytes()).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(0)), "{answer}");
    let events = locked(&served.world).take_events(start());
    assert_eq!(events.len(), 2);
    let first = &events[0];
    assert_eq!(first["id"], answer["Entries"][0]["EventId"]);
    for (member, value) in [
        ("source", json!("my.app")),
        ("detail-type", json!("Something")),
        ("account", json!("333344445555")),
        ("region", json!("us-east-1")),
        ("detail", json!({ "id": "1" })),
        ("resources", json!(["arn:x"])),
    ] {
        assert_eq!(first[member], value, "{member}");
    }
}

#[tokio::test]
async fn what_aws_would_not_take_is_refused_one_by_one_and_the_rest_is_taken() {
    let served = served(small(Settings::default())).await;
    let entries = [
        entry(|entry| entry["Source"] = json!("aws.organizations")),
        entry(|entry| entry["Source"] = json!("")),
        entry(|entry| entry["DetailType"] = Value::Null),
        entry(|entry| entry["Detail"] = json!("{")),
        entry(|entry| entry["Detail"] = json!("[1]")),
        entry(|_| ()),
    ];
    let (status, answer) =
        served.call(PUT, "AKIAANY", json!({ "Entries": entries }).to_string().as_bytes()).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(5)), "{answer}");
    let codes: Vec<Option<&str>> =
        answer["Entries"].as_array().unwrap().iter().map(|entry| entry["ErrorCode"].as_str()).collect();
    assert_eq!(
        codes,
        [
            Some("NotAuthorizedForSourceException"),
            Some("InvalidArgument"),
            Some("InvalidArgument"),
            Some("MalformedDetail"),
            Some("MalformedDetail"),
            None
        ]
    );
    assert_eq!(locked(&served.world).take_events(start()).len(), 1);
}

#[tokio::test]
async fn calls_that_are_none_are_answered_with_awss_own_errors() {
    let served = served(small(Settings::default())).await;
    let many = json!({ "Entries": vec![entry(|_| ()); 11] }).to_string();
    let elsewhere =
        json!({ "Entries": [entry(|entry| entry["EventBusName"] = json!("usher-events"))] }).to_string();
    for (target, body, code) in [
        (PUT, "{}", "ValidationException"),
        (PUT, many.as_str(), "ValidationException"),
        (PUT, elsewhere.as_str(), "ResourceNotFoundException"),
        (PUT, "{", "SerializationException"),
        (PUT, "{\"Entries\": 1}", "SerializationException"),
        ("AWSEvents.PutRule", "{}", "UnknownOperationException"),
    ] {
        let (status, answer) = served.call(target, "AKIAANY", body.as_bytes()).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(code)), "{target} {body}");
    }
    assert!(locked(&served.world).take_events(start()).is_empty());
}
