//! Events that others published: each is read as it should be, or ignored with a reason.
//!
//! The samples stand in a folder beside the checkout and are no part of it.

pub(crate) mod tables;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use shared::events::{self, Envelope, EventError, Family, Reading};

/// What is made of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Account(&'static str),
    Ou(&'static str),
    /// A hint of Identity Center, as JSON.
    Look(&'static str),
    /// Ignored, with this in the reason.
    Ignored(&'static str),
    /// An error, with this in it: the sample holds placeholders where ids should be.
    Unreadable(&'static str),
}

use Expected::{Account, Ignored, Look, Ou, Unreadable};

/// The beginnings of file names; the longest that fits holds.
const EXPECTED: &[(&str, Expected)] = &[
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
    ("FOUND-sso-CreateAccountAssignment", Unreadable("`CreateAccountAssignment` names something unexpected")),
    (
        "FOUND-sso-CreatePermissionSet",
        Look(r#"{"changed":"arn:aws:sso:::permissionSet/ssoins-72233af8ea2d1f14/ps-ae5d1fa1f80b684e"}"#),
    ),
    ("FOUND-sso-directory-CreateGroup", Look(r#"{"new_group":"34887428-4081-7042-c3c6-928d413009e7"}"#)),
    // Only a part of it was published, without the answer.
    ("FOUND-awsblog-sso-directory-CreateGroup", Unreadable("`CreateGroup` has no `groupId`")),
    // Its source is missing.
    (
        "FOUND-identitystore-CreateGroupMembership",
        Look(
            r#"{"group_member":{"group":"00000000-b061-705c-90da-000000000001","user":"00000000-c041-70cf-2973-000000000002","joined":true}}"#,
        ),
    ),
    ("FOUND-awsdocs-scim-CreateUser", Look(r#"{"user":"c4488478-a0e1-700e-3d75-96c6bb641596"}"#)),
    (
        "RECONSTRUCTED-identitystore-CreateGroup.",
        Look(r#"{"new_group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#),
    ),
    ("RECONSTRUCTED-identitystore-DeleteGroup.", Look(r#"{"group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#)),
    ("RECONSTRUCTED-identitystore-UpdateGroup", Look(r#"{"group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#)),
    ("RECONSTRUCTED-scim-CreateGroup", Look(r#"{"new_group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#)),
    ("RECONSTRUCTED-scim-DeleteGroup", Look(r#"{"group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#)),
    (
        "RECONSTRUCTED-sso-directory-CreateGroup",
        Look(r#"{"new_group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#),
    ),
    ("RECONSTRUCTED-sso-directory-", Look(r#"{"group":"a1b2c3d4-5678-4abc-9def-0123456789ab"}"#)),
    (
        "RECONSTRUCTED-identitystore-DeleteGroupMembership",
        Look(r#"{"membership":"c1b2c3d4-5678-4abc-9def-0123456789ab"}"#),
    ),
    (
        "RECONSTRUCTED-sso-Attach",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-Detach",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-PutInlinePolicy",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-DeleteInlinePolicy",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-PutPermissionsBoundary",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-UpdatePermissionSet",
        Look(r#"{"edited":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-DeletePermissionSet",
        Look(r#"{"changed":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    (
        "RECONSTRUCTED-sso-UntagResource",
        Look(r#"{"changed":"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890"}"#),
    ),
    ("FOUND-iam-", Ignored("does not change what accounts should have")),
];

/// The event as a rule's target would get it, whichever part of it the file holds.
pub(crate) fn envelope(name: &str, sample: Value) -> Envelope {
    let detail = if name.ends_with(".envelope.json") {
        let text = |member: &str| sample[member].as_str().unwrap_or_default().to_owned();
        let resources = serde_json::from_value(sample["resources"].clone()).unwrap_or_default();
        return Envelope {
            time: None,
            id: sample["id"].as_str().map(str::to_owned),
            source: text("source"),
            detail_type: text("detail-type"),
            resources,
            detail: sample["detail"].clone(),
        };
    } else {
        sample
    };
    // A part of a record may lack its source; the file's name has it.
    let of_name = name.split('-').nth(1);
    let source = detail["eventSource"].as_str().and_then(|source| source.split('.').next());
    let source = source.or(of_name).unwrap_or_default();
    let detail_type = match detail["eventType"].as_str() {
        Some("AwsServiceEvent") => "AWS Service Event via CloudTrail",
        Some(_) | None => "AWS API Call via CloudTrail",
    };
    let id = Some("00000000-0000-4000-8000-000000000000".to_owned());
    let (source, detail_type) = (format!("aws.{source}"), detail_type.to_owned());
    Envelope { id, time: None, source, detail_type, resources: Vec::new(), detail }
}

fn check(name: &str, expected: &Expected, sample: Value) {
    let envelope = envelope(name, sample);
    let accounts = events::read(&envelope);
    let found = match Family::of(&envelope) {
        Some(Family::Accounts) | None => told(accounts, |hint| json!(hint)),
        Some(family) => {
            let Ok(Reading::Ignored(why)) = accounts else { panic!("{name}: {accounts:?}") };
            let failed = envelope.detail.get("errorCode").is_some_and(|code| !code.is_null());
            let elsewhere = format!("is read by `{}`", family.function());
            assert!(failed || why.to_string().contains(&elsewhere), "{name}: {why}");
            match family {
                Family::Directory => told(events::read_directory(&envelope), |hint| json!(hint)),
                Family::Accounts | Family::PermissionSets => {
                    told(events::read_permission_set(&envelope), |hint| json!(hint))
                }
            }
        }
    };
    match (expected, &found) {
        (Account(id), Ok(Ok(hint))) => assert_eq!(*hint, json!({ "account": id }), "{name}"),
        (Ou(id), Ok(Ok(hint))) => assert_eq!(*hint, json!({ "ou": id }), "{name}"),
        (Look(expected), Ok(Ok(hint))) => assert_eq!(hint.to_string(), *expected, "{name}"),
        (Ignored(why), Ok(Err(ignored))) => assert!(ignored.contains(why), "{name}: {ignored}"),
        (Unreadable(why), Err(error)) => assert!(error.to_string().contains(why), "{name}: {error}"),
        (expected, found) => panic!("{name}: {found:?} instead of {expected:?}"),
    }
}

/// The hint as JSON, or why there is none.
fn told<H>(
    reading: Result<Reading<H>, EventError>,
    as_json: impl Fn(&H) -> Value,
) -> Result<Result<Value, String>, EventError> {
    Ok(match reading? {
        Reading::Hint { hint, event, .. } => {
            assert!(!event.is_empty());
            Ok(as_json(&hint))
        }
        Reading::Ignored(why) => Err(why.to_string()),
    })
}

/// The samples by their names, where there are any; those of SQS are no events of a bus.
pub(crate) fn samples() -> Option<BTreeMap<String, Value>> {
    // Beside the checkout, or beside the folder that it is one of several checkouts in.
    let checkouts = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2).take(2);
    let mut folders = checkouts.map(|folder| folder.join("shared/events"));
    let entries = folders.find_map(|folder| fs::read_dir(folder).ok())?;
    let mut samples: BTreeMap<String, Value> = BTreeMap::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "json") && !name.contains("-sqs-") {
            samples.insert(name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap());
        }
    }
    Some(samples)
}

#[test]
fn events_that_others_published_are_read_or_ignored_with_a_reason() {
    let Some(samples) = samples() else {
        println!("not run: there is no folder `shared/events` with samples beside the checkout");
        return;
    };
    let mut used = vec![false; EXPECTED.len()];
    for (name, sample) in samples {
        let fitting = EXPECTED.iter().enumerate().filter(|(_, (prefix, _))| name.starts_with(prefix));
        let Some((at, (_, expected))) = fitting.max_by_key(|(_, (prefix, _))| prefix.len()) else {
            panic!("{name} is not in the list")
        };
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
