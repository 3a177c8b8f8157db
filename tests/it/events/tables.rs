//! The tables in docs/events.md and the readers say the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{
    domain::{AccountId, OuId},
    events::{self, Envelope, Family, Hint, Reading},
};

use super::told;

/// The rows of the tables in docs/events.md: each name with its source, where the id is, and what it leads to.
pub(crate) fn table() -> Vec<(String, String, String, String)> {
    let page = include_str!("../../../docs/events.md");
    let mut rows = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [names, source, place, leads_to, _] = cells[..] else { panic!("{line}") };
        for name in names.split(',').map(|name| name.trim().trim_matches('`')) {
            rows.push((name.into(), source.trim_matches('`').into(), place.into(), leads_to.into()));
        }
    }
    rows
}

/// The rows of one family's sources.
fn table_of(family: Family) -> Vec<(String, String, String, String)> {
    let sources: BTreeSet<&str> = family.names().into_iter().map(|(source, _)| source).collect();
    table().into_iter().filter(|(_, source, ..)| sources.contains(source.as_str())).collect()
}

/// A `detail` with an id at a place such as `a.b.c` or `a.parties[].id`, and in every object on the way what a success has.
pub(crate) fn detail_with(place: &str, id: &str) -> Value {
    place.rsplit('.').fold(json!(id), |inner, name| {
        let state = if place.contains("handshake") { "ACCEPTED" } else { "SUCCEEDED" };
        match name.strip_suffix("[]") {
            Some(name) => json!({ name: [inner], "state": state }),
            None => json!({ name: inner, "type": "ACCOUNT", "state": state }),
        }
    })
}

#[test]
fn every_event_of_accounts_in_the_documentation_is_read_as_it_says() {
    const MANAGEMENT: &str = "111122223333";
    const ACCOUNT: &str = "444455556666";
    let account: AccountId = ACCOUNT.parse().unwrap();
    let ou: OuId = "ou-ab12-abcd1234".parse().unwrap();
    let read = |name: &str, source: &str, mut detail: Value, arn: Option<&str>| {
        let caller = if detail.get("caller").is_some() { ACCOUNT } else { MANAGEMENT };
        detail["eventName"] = json!(name);
        detail["userIdentity"] = json!({ "accountId": caller });
        detail["recipientAccountId"] = json!(caller);
        if source == "aws.tag" {
            detail = json!({ "service": "organizations" });
        }
        let (source, detail_type) = (source.to_owned(), name.to_owned());
        let resources = arn.map(str::to_owned).into_iter().collect();
        events::read(&Envelope {
            id: Some("e".to_owned()),
            time: None,
            source,
            detail_type,
            resources,
            detail,
        })
    };
    let leads_to = |name: &str, found: Result<Reading<Hint>, events::EventError>, expected: &Hint| match found
    {
        Ok(Reading::Hint { hint, .. }) => assert_eq!(hint, *expected, "{name}"),
        other => panic!("{name}: {other:?}"),
    };
    for (name, source, place, what) in table_of(Family::Accounts) {
        let path = place.split('`').nth(1).unwrap_or_default();
        let at = |id: &str| match path {
            "" | "resources[]" => json!({}),
            path => detail_with(path, id),
        };
        let of_account = format!("arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg1/{ACCOUNT}");
        let of_ou = format!("arn:aws:organizations::{MANAGEMENT}:ou/o-exampleorg1/{ou}");
        match what.as_str() {
            "account" if place == "anywhere" => {
                for part in
                    ["serviceEventDetails", "requestParameters", "responseElements", "additionalEventData"]
                {
                    let detail = json!({ part: { "deeper": { "accountId": ACCOUNT } } });
                    leads_to(&name, read(&name, &source, detail, None), &Hint::Account(account.clone()));
                }
            }
            "account" | "accounts" | "account, or OU" if place != "the caller" => {
                let found = read(&name, &source, at(ACCOUNT), Some(&of_account));
                leads_to(&name, found, &Hint::Account(account.clone()));
            }
            "account" | "OU, its name read anew" => {}
            ignored => {
                assert!(ignored.starts_with("ignored: "), "{name}: {ignored}");
                let found = read(&name, &source, json!({}), None);
                assert!(matches!(found, Ok(Reading::Ignored(_))), "{name}: {found:?}");
            }
        }
        if what == "account, or OU" {
            leads_to(&name, read(&name, &source, at(ou.as_str()), Some(&of_ou)), &Hint::Ou(ou.clone()));
        }
        if what == "OU, its name read anew" {
            leads_to(&name, read(&name, &source, at(ou.as_str()), None), &Hint::RenamedOu(ou.clone()));
        }
        if place.ends_with("the caller") {
            let found = read(&name, &source, json!({ "caller": true }), None);
            leads_to(&name, found, &Hint::Account(account.clone()));
        }
        if path.starts_with("serviceEventDetails") {
            let failed = at(ACCOUNT).to_string().replace("SUCCEEDED", "FAILED");
            let found = read(&name, &source, serde_json::from_str(&failed).unwrap(), None);
            assert!(matches!(found, Ok(Reading::Ignored(_))), "{name}: {found:?}");
        }
        let mut refused = at(ACCOUNT);
        refused["errorCode"] = json!("AccessDenied");
        if source != "aws.tag" {
            let found = read(&name, &source, refused, Some(&of_account));
            assert!(matches!(found, Ok(Reading::Ignored(_))), "{name}: {found:?}");
        }
        assert!(events::is_read(&source), "{source}");
    }
}

/// Writes a text at a place such as `a.b.c`.
pub(crate) fn put(detail: &mut Value, place: &str, text: &str) {
    let mut inner = detail;
    for name in place.split('.') {
        inner = &mut inner[name];
    }
    *inner = json!(text);
}

#[test]
fn every_event_of_identity_center_in_the_documentation_is_read_as_it_says() {
    const ONE: &str = "a1b2c3d4-5678-4abc-9def-0123456789ab";
    const OTHER: &str = "c1b2c3d4-5678-4abc-9def-0123456789ab";
    const THIRD: &str = "d1b2c3d4-5678-4abc-9def-0123456789ab";
    const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890";
    const OTHER_SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
    let read = |family: Family, name: &str, source: &str, mut detail: Value| {
        detail["eventName"] = json!(name);
        let (source, detail_type) = (source.to_owned(), "AWS API Call via CloudTrail".to_owned());
        let envelope = Envelope {
            id: Some("e".to_owned()),
            time: None,
            source,
            detail_type,
            resources: Vec::new(),
            detail,
        };
        match family {
            Family::Directory => told(events::read_directory(&envelope), |hint| json!(hint)),
            Family::Accounts | Family::PermissionSets => {
                told(events::read_permission_set(&envelope), |hint| json!(hint))
            }
        }
    };
    let key = json!({ "account": "444455556666", "permission_set": SET, "principal": { "group": ONE } });
    for family in [Family::Directory, Family::PermissionSets] {
        for (name, source, place, what) in table_of(family) {
            let expected = match what.as_str() {
                "new group" => json!({ "new_group": ONE }),
                "group" => json!({ "group": ONE }),
                "group, and who has joined" => {
                    json!({ "group_member": { "group": ONE, "user": OTHER, "joined": true } })
                }
                "group, and who has left" => json!({ "group_member": { "group": ONE, "user": OTHER } }),
                "membership" => json!({ "membership": ONE }),
                "user" => json!({ "user": ONE }),
                "permission set, changed" => json!({ "changed": SET }),
                "permission set, edited" => json!({ "edited": SET }),
                "permission set, provisioned" => json!({ "provisioned": SET }),
                "assignment, and its request" => json!({ "assignment": { "key": key, "request": OTHER } }),
                ignored => {
                    assert!(ignored.starts_with("ignored: "), "{name}: {ignored}");
                    let found = read(family, &name, &source, json!({})).unwrap();
                    assert!(found.is_err(), "{name}: {found:?}");
                    continue;
                }
            };
            let mut detail = json!({});
            let subject = if what.starts_with("permission set") { SET } else { ONE };
            if place == "anywhere" {
                put(&mut detail, "requestParameters.deeper.arn", subject);
            } else {
                for (path, id) in place.split('`').skip(1).step_by(2).zip([subject, OTHER]) {
                    put(&mut detail, path, id);
                }
            }
            if what.starts_with("assignment") {
                let parts = [
                    ("targetId", "444455556666"),
                    ("permissionSetArn", SET),
                    ("principalType", "GROUP"),
                    ("principalId", ONE),
                ];
                for (part, text) in parts {
                    put(&mut detail, &format!("requestParameters.{part}"), text);
                }
            }
            let found = read(family, &name, &source, detail.clone()).unwrap().unwrap();
            assert_eq!(found, expected, "{name} of {source}");

            // What stands in its place goes before what stands elsewhere.
            if place != "anywhere" {
                let others: &[(&str, &str)] = match what.as_str() {
                    "group" | "new group" => &[("groupId", THIRD)],
                    "group, and who has joined" | "group, and who has left" => {
                        &[("groupId", THIRD), ("userId", THIRD)]
                    }
                    "membership" => &[("membershipId", THIRD)],
                    "user" => &[("userId", THIRD)],
                    "assignment, and its request" => &[("targetId", "111122223333"), ("principalId", THIRD)],
                    _ => &[("permissionSetArn", OTHER_SET)],
                };
                for (member, id) in others {
                    put(&mut detail, &format!("additionalEventData.{member}"), id);
                }
                let found = read(family, &name, &source, detail.clone()).unwrap().unwrap();
                assert_eq!(found, expected, "{name} of {source}");
            }

            detail["errorCode"] = json!("AccessDenied");
            assert!(read(family, &name, &source, detail).unwrap().is_err(), "{name}");
        }
    }
}

#[test]
fn every_event_that_is_known_by_its_name_is_in_the_documentation() {
    let documented: BTreeSet<(String, String)> =
        table().into_iter().map(|(name, source, ..)| (source, name)).collect();
    let known = Family::ALL.into_iter().flat_map(Family::names);
    let known: BTreeSet<(String, String)> =
        known.map(|(source, name)| (source.to_owned(), name.to_owned())).collect();
    assert_eq!(documented, known);
}
