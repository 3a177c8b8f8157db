//! Events that others published: each that is about accounts is read as it should be, and every other is ignored with a reason.
//!
//! The samples stand in a folder beside the checkout and are no part of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};
use shared::{
    domain::{AccountId, OuId},
    events::{self, Envelope, Hint, Reading},
};

/// What is made of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Account(&'static str),
    Ou(&'static str),
    /// Ignored, with this in the reason.
    Ignored(&'static str),
    /// An error, with this in it: the sample holds placeholders where ids should be.
    Unreadable(&'static str),
}

use Expected::{Account, Ignored, Ou, Unreadable};

/// The beginnings of file names; the longest that fits holds. Whatever is about no account is ignored.
const EXPECTED: [(&str, Expected); 33] = [
    ("", Ignored("does not change what accounts should have")),
    ("FOUND-awsdocs-scim-CreateGroup-failed", Ignored("failed with")),
    ("FOUND-awsdocs-scim-PatchUser-failed", Ignored("failed with")),
    ("FOUND-awsdocs-ec2-TagChange", Ignored("tag of ec2")),
    (
        "FOUND-awsdocs-organizations-AttachPolicy-failed",
        Ignored("failed with `PolicyTypeNotEnabledException`"),
    ),
    ("FOUND-awsdocs-organizations-CloseAccount", Account("555555555555")),
    ("FOUND-awsdocs-organizations-CreateAccount.", Ignored("`CreateAccount` is only the beginning")),
    ("FOUND-awsdocs-organizations-CreateAccountResult-FAILED", Ignored("reports `FAILED`")),
    ("FOUND-awsdocs-organizations-CreateAccountResult-SUCCEEDED", Account("444455556666")),
    ("FOUND-awsdocs-organizations-CreateOrganizationalUnit", Ignored("`CreateOrganizationalUnit`")),
    (
        "FOUND-awsdocs-organizations-InviteAccount",
        Ignored("`InviteAccountToOrganization` is only the beginning"),
    ),
    ("FOUND-organizations-MoveAccount.masked", Account("222222222222")),
    ("FOUND-replyfr-organizations-CreateAccountResult", Account("123456789012")),
    (
        "FOUND-replyfr-organizations-MoveAccount.template",
        Unreadable("`MoveAccount` names something unexpected"),
    ),
    // `___account___` is no id: it might as well be a policy's.
    ("FOUND-replyfr-organizations-TagResource.template", Ignored("neither an account nor an OU")),
    ("RECONSTRUCTED-organizations-CreateAccountResult-GovCloud", Account("444455556666")),
    ("RECONSTRUCTED-organizations-TagResource-on-OU", Ou("ou-ab12-abcd1234")),
    ("RECONSTRUCTED-organizations-UntagResource", Account("444455556666")),
    ("RECONSTRUCTED-organizations-DeleteOrganizationalUnit", Ignored("`DeleteOrganizationalUnit`")),
    ("RECONSTRUCTED-organizations-AcceptHandshake", Account("444455556666")),
    ("RECONSTRUCTED-organizations-AccountJoinedOrganization-CREATED", Account("444455556666")),
    ("RECONSTRUCTED-organizations-AccountJoinedOrganization-INVITED", Account("444455556666")),
    ("FOUND-awsdocs-controltower-CreateManagedAccount", Unreadable("names something unexpected")),
    ("FOUND-awsdocs-controltower-UpdateManagedAccount", Unreadable("names something unexpected")),
    ("FOUND-crate-controltower-CreateManagedAccount", Account("987654321098")),
    // The call, by which it only begins.
    ("FOUND-crate-cloudtrail-CreateManagedAccount-apicall", Ignored("is only the beginning")),
    ("FOUND-sso-", Ignored("is not read yet")),
    ("FOUND-awsblog-sso-directory", Ignored("is not read yet")),
    ("FOUND-awsdocs-scim", Ignored("is not read yet")),
    ("RECONSTRUCTED-identitystore", Ignored("is not read yet")),
    ("RECONSTRUCTED-scim", Ignored("is not read yet")),
    ("RECONSTRUCTED-sso", Ignored("is not read yet")),
    ("FOUND-iam-", Ignored("does not change what accounts should have")),
];

/// The event as a rule's target would get it, whichever part of it the file holds.
fn envelope(name: &str, sample: Value) -> Envelope {
    let detail = if name.ends_with(".envelope.json") {
        let text = |member: &str| sample[member].as_str().unwrap_or_default().to_owned();
        let resources = serde_json::from_value(sample["resources"].clone()).unwrap_or_default();
        return Envelope {
            id: sample["id"].as_str().map(str::to_owned),
            source: text("source"),
            detail_type: text("detail-type"),
            resources,
            detail: sample["detail"].clone(),
        };
    } else {
        sample
    };
    let source = detail["eventSource"].as_str().unwrap_or_default().split('.').next().unwrap_or_default();
    let detail_type = match detail["eventType"].as_str() {
        Some("AwsServiceEvent") => "AWS Service Event via CloudTrail",
        Some(_) | None => "AWS API Call via CloudTrail",
    };
    let id = Some("00000000-0000-4000-8000-000000000000".to_owned());
    let (source, detail_type) = (format!("aws.{source}"), detail_type.to_owned());
    Envelope { id, source, detail_type, resources: Vec::new(), detail }
}

fn check(name: &str, expected: &Expected, sample: Value) {
    let read = events::read(&envelope(name, sample));
    match (expected, &read) {
        (Account(id), Ok(Reading::Hint { hint: Hint::Account(found), event })) => {
            assert_eq!(*found, id.parse::<AccountId>().unwrap(), "{name}");
            assert!(!event.is_empty(), "{name}");
        }
        (Ou(id), Ok(Reading::Hint { hint: Hint::Ou(found), .. })) => {
            assert_eq!(*found, id.parse::<OuId>().unwrap(), "{name}");
        }
        (Ignored(why), Ok(Reading::Ignored(ignored))) => {
            assert!(ignored.to_string().contains(why), "{name}: {ignored}");
        }
        (Unreadable(why), Err(error)) => assert!(error.to_string().contains(why), "{name}: {error}"),
        (expected, read) => panic!("{name}: {read:?} instead of {expected:?}"),
    }
}

#[test]
fn events_that_others_published_are_read_or_ignored_with_a_reason() {
    // Beside the checkout, or beside the folder that it is one of several checkouts in.
    let checkouts = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2).take(2);
    let mut folders = checkouts.map(|folder| folder.join("shared/events"));
    let Some(entries) = folders.find_map(|folder| fs::read_dir(folder).ok()) else {
        println!("not run: there is no folder `shared/events` with samples beside the checkout");
        return;
    };
    let mut samples: BTreeMap<String, Value> = BTreeMap::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "json") {
            samples.insert(name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap());
        }
    }
    let mut used = vec![false; EXPECTED.len()];
    for (name, sample) in samples {
        // Samples of SQS are no events of a bus.
        if name.contains("-sqs-") {
            continue;
        }
        let fitting = EXPECTED.iter().enumerate().filter(|(_, (prefix, _))| name.starts_with(prefix));
        let (at, (_, expected)) = fitting.max_by_key(|(_, (prefix, _))| prefix.len()).unwrap();
        let about_accounts = ["organizations", "controltower", "ManagedAccount", "TagChange"];
        assert!(
            at > 0 || !about_accounts.iter().any(|about| name.contains(about)),
            "{name} is not in the list"
        );
        used[at] = true;
        check(&name, expected, sample);
    }
    let unused: Vec<_> =
        EXPECTED.iter().zip(used).filter(|(_, used)| !used).map(|((name, _), _)| name).collect();
    assert!(unused.is_empty(), "no sample begins with {unused:?}");
}

#[test]
fn a_bare_record_and_its_envelope_are_read_alike() {
    let record = json!({
        "eventSource": "organizations.amazonaws.com", "eventName": "MoveAccount", "eventType": "AwsApiCall",
        "eventID": "0b3f7a52-0000-4000-8000-000000000002", "requestParameters": { "accountId": "222233334444" },
    });
    let whole = json!({
        "id": "0b3f7a52-0000-4000-8000-000000000001", "source": "aws.organizations", "resources": [],
        "detail-type": "AWS API Call via CloudTrail", "detail": record,
    });
    let read = events::read(&envelope("x.record.json", record));
    assert_eq!(read, events::read(&envelope("x.envelope.json", whole)));
    assert!(matches!(read, Ok(Reading::Hint { .. })));
}

/// The rows of the table in docs/events.md: each name with its source, where the id is, and what it leads to.
fn table() -> Vec<(String, String, String, String)> {
    let page = include_str!("../../docs/events.md");
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

/// A `detail` with an id at a place such as `a.b.c` or `a.parties[].id`, and in every object on the way what a success has.
fn detail_with(place: &str, id: &str) -> Value {
    place.rsplit('.').fold(json!(id), |inner, name| {
        let state = if place.contains("handshake") { "ACCEPTED" } else { "SUCCEEDED" };
        match name.strip_suffix("[]") {
            Some(name) => json!({ name: [inner], "state": state }),
            None => json!({ name: inner, "type": "ACCOUNT", "state": state }),
        }
    })
}

#[test]
fn every_event_in_the_documentation_is_read_as_it_says() {
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
        events::read(&Envelope { id: Some("e".to_owned()), source, detail_type, resources, detail })
    };
    let leads_to = |name: &str, found: Result<Reading, events::EventError>, expected: &Hint| match found {
        Ok(Reading::Hint { hint, .. }) => assert_eq!(hint, *expected, "{name}"),
        other => panic!("{name}: {other:?}"),
    };
    for (name, source, place, what) in table() {
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

#[test]
fn every_event_that_is_known_by_its_name_is_in_the_documentation() {
    let documented: BTreeSet<(String, String)> =
        table().into_iter().map(|(name, source, ..)| (source, name)).collect();
    let known: BTreeSet<(String, String)> =
        events::names().map(|(source, name)| (source.to_owned(), name.to_owned())).collect();
    assert_eq!(documented, known);
}
