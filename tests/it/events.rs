//! Events that others published: each that is about accounts is read as it should be, and every other is ignored with a reason.
//!
//! The samples stand in a folder beside the checkout and are no part of it.

use std::{collections::BTreeMap, fs, path::Path};

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

/// The beginnings of file names; the longest that fits holds. Whatever is not of Organizations or of tags is ignored.
const EXPECTED: [(&str, Expected); 19] = [
    ("", Ignored("does not change what accounts should have")),
    ("FOUND-awsdocs-scim-CreateGroup-failed", Ignored("failed with")),
    ("FOUND-awsdocs-scim-PatchUser-failed", Ignored("failed with")),
    ("FOUND-awsdocs-ec2-TagChange", Ignored("tag of ec2")),
    (
        "FOUND-awsdocs-organizations-AttachPolicy-failed",
        Ignored("failed with `PolicyTypeNotEnabledException`"),
    ),
    ("FOUND-awsdocs-organizations-CloseAccount", Account("555555555555")),
    ("FOUND-awsdocs-organizations-CreateAccount.", Ignored("`CreateAccount` of `organizations`")),
    ("FOUND-awsdocs-organizations-CreateAccountResult-FAILED", Ignored("reports `FAILED`")),
    ("FOUND-awsdocs-organizations-CreateAccountResult-SUCCEEDED", Account("444455556666")),
    ("FOUND-awsdocs-organizations-CreateOrganizationalUnit", Ignored("`CreateOrganizationalUnit`")),
    ("FOUND-awsdocs-organizations-InviteAccount", Ignored("`InviteAccountToOrganization`")),
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
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
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
