//! States of the size that a file may have.

use serde_json::json;
use simulator::{Settings, World, dispatch::dispatch};

use crate::{
    served::served,
    support::{SMALL, STORE, at, locked, person, small},
};

#[test]
fn a_state_of_many_parts_is_read_back() {
    let mut settings = Settings::default();
    settings.quotas.organizations = None;
    let mut world = small(settings);
    // Every tag is a part of several events, which is the shortest way to more parts than YAML readers take by themselves.
    let tags: Vec<_> = (0..48).map(|n| json!({ "Key": format!("k{n}"), "Value": "v" })).collect();
    let body = json!({ "ResourceId": "222233334444", "Tags": tags }).to_string();
    for _ in 0..700 {
        let target = "AWSOrganizationsV20161128.TagResource";
        dispatch(&mut world, at(0), &person(), target, body.as_bytes()).unwrap();
    }
    let written = world.to_yaml().unwrap();
    assert!(written.lines().count() * 2 > 250_000, "{}", written.lines().count());
    let mut again = World::from_yaml(&written, Settings::default()).unwrap();
    assert!(again.take_events(at(0)) == world.take_events(at(0)), "all of it is there");
}

#[test]
fn a_name_of_any_length_is_read_back() {
    let mut world = small(Settings::default());
    for letter in ["\"", "x", "\u{1f600}", "\\", "\t"] {
        let body = json!({ "IdentityStoreId": STORE, "DisplayName": letter.repeat(1024) }).to_string();
        dispatch(&mut world, at(0), &person(), "AWSIdentityStore.CreateGroup", body.as_bytes()).unwrap();
    }
    let written = world.to_yaml().unwrap();
    assert_eq!(World::from_yaml(&written, Settings::default()).unwrap().to_yaml().unwrap(), written);
}

#[test]
fn what_calls_said_is_read_back_however_deep_it_nests() {
    let mut world = small(Settings::default());
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let id = world.group_named("Support").unwrap();
    for (operation, expected, body) in [
        (
            "CreateUser",
            true,
            format!(
                r#"{{ "IdentityStoreId": "{STORE}", "UserName": "deep", "DisplayName": "Deep", "Name": {{ "GivenName": "Deep" }},
                "Extensions": {{ "aws:identitystore:enterprise": {{ "a": {deep} }} }} }}"#
            ),
        ),
        (
            "UpdateGroup",
            false,
            format!(
                r#"{{ "IdentityStoreId": "{STORE}", "GroupId": "{id}",
                "Operations": [{{ "AttributePath": "displayName", "AttributeValue": {deep} }}] }}"#
            ),
        ),
    ] {
        let target = format!("AWSIdentityStore.{operation}");
        let answer = dispatch(&mut world, at(0), &person(), &target, body.as_bytes());
        assert_eq!(answer.is_ok(), expected, "{operation}");
    }
    let written = world.to_yaml().unwrap();
    assert_eq!(World::from_yaml(&written, Settings::default()).unwrap().to_yaml().unwrap(), written);
}

#[test]
fn what_aliases_repeat_and_how_deep_it_nests_is_bounded() {
    let repeated =
        format!("tags: &tags {{ a: b }}\naccounts: [{}]\n", "{ name: a, tags: *tags }, ".repeat(200));
    let deep = format!(
        "callers: [{{ access_key: A, role: r, policies: {}{} }}]\n",
        "[".repeat(200),
        "]".repeat(200)
    );
    for (yaml, expected) in [(repeated, "alias"), (deep, "depth")] {
        let error = World::from_yaml(&format!("{SMALL}{yaml}"), Settings::default()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_served_world_keeps_the_latest_events_that_nobody_takes() {
    let served = served(small(Settings::default())).await;
    // Serving begins with the first answer.
    assert_eq!(served.send("GET", "/_usher/counters", "", b"").await.0, 200);
    let mut world = locked(&served.world);
    world.settings.quotas.identity_store = None;
    let body = json!({ "IdentityStoreId": STORE, "DisplayName": "Developers" }).to_string();
    for _ in 0..10_010 {
        // Refused, since there is such a group: that is an event too.
        let target = "AWSIdentityStore.CreateGroup";
        dispatch(&mut world, at(0), &person(), target, body.as_bytes()).unwrap_err();
    }
    let last = world.log().last().unwrap().request_id.to_string();
    let events = world.take_events(at(0));
    assert_eq!(events.len(), 10_000);
    assert_eq!(events.last().unwrap()["detail"]["requestID"], last);
}
