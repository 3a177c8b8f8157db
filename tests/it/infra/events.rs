//! Which events get through the forwarder's rules: those that lead to a look, and not the flood of others.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::events::{self, Envelope, Ignored, Reading};

use super::{MANAGEMENT, OWN_ROLE, PLACES, fits, forwarded, passing};
use crate::events::{
    envelope, samples,
    tables::{detail_with, put, table},
};

const ACCOUNT: &str = "444455556666";
const OU: &str = "ou-ab12-abcd1234";
const ONE: &str = "a1b2c3d4-5678-4abc-9def-0123456789ab";
const OTHER: &str = "c1b2c3d4-5678-4abc-9def-0123456789ab";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890";
/// Of our own calls: what settles whose an assignment is, and what leads to the accounts that wait for a permission set.
const NEEDED_OF_OURS: [&str; 6] = [
    "CreateAccountAssignment",
    "DeleteAccountAssignment",
    "CreatePermissionSet",
    "DeletePermissionSet",
    "TagResource",
    "UntagResource",
];
pub(super) const PERSON: &str =
    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";

/// An event as a rule on the management account's default bus meets it.
fn event(source: &str, kind: &str, resources: &[String], detail: &Value) -> Value {
    json!({
        "version": "0", "id": "0b3f7a52-0000-4000-8000-000000000001", "detail-type": kind, "source": source,
        "account": MANAGEMENT, "time": "2026-11-02T09:00:00Z", "region": "us-east-1", "resources": resources, "detail": detail,
    })
}

/// As much of it as functions read.
pub(super) fn envelope_of(event: &Value) -> Envelope {
    let text = |member: &str| event[member].as_str().unwrap().to_owned();
    let resources = serde_json::from_value(event["resources"].clone()).unwrap();
    Envelope {
        id: Some("e".to_owned()),
        time: None,
        source: text("source"),
        detail_type: text("detail-type"),
        resources,
        detail: event["detail"].clone(),
    }
}

/// What a function makes of an event.
fn read(event: &Value) -> Result<Reading<events::AnyHint>, events::EventError> {
    events::read_any(&envelope_of(event))
}

fn leads_to_a_look(event: &Value) -> bool {
    matches!(read(event), Ok(Reading::Hint { .. }))
}

/// Whether the forwarder sends it, and by one rule only.
fn delivered(event: &Value) -> bool {
    let rules = passing(event);
    assert!(rules.len() < 2, "{rules:?} send the same event: {event}");
    !rules.is_empty()
}

/// One event for each row of the tables in docs/events.md, and whether the row says that it leads to a look.
pub(super) fn documented() -> Vec<(Value, bool)> {
    let mut all = Vec::new();
    for (name, source, place, what) in table() {
        let service = source.strip_prefix("aws.").unwrap();
        let paths: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        let wanted = !what.starts_with("ignored: ");
        let mut subjects = vec![if what.starts_with("OU") { OU } else { ACCOUNT }];
        subjects.extend((what == "account, or OU").then_some(OU));
        for subject in subjects {
            if source == "aws.tag" {
                let kind = if subject == OU { "ou" } else { "account" };
                let arn = format!("arn:aws:organizations::{MANAGEMENT}:{kind}/o-exampleorg1/{subject}");
                let detail = json!({ "service": "organizations", "resource-type": kind, "changed-tag-keys": ["Team"] });
                all.push((event(&source, &name, &[arn], &detail), wanted));
                continue;
            }
            let mut detail = match paths.first() {
                Some(path)
                    if ["aws.organizations", "aws.controltower", "aws.account"]
                        .contains(&source.as_str()) =>
                {
                    detail_with(path, subject)
                }
                _ => json!({}),
            };
            if place == "anywhere" {
                put(&mut detail, "requestParameters.deeper.accountId", ACCOUNT);
                put(&mut detail, "requestParameters.deeper.arn", SET);
            }
            if ["aws.sso", "aws.sso-directory", "aws.identitystore", "aws.identitystore-scim"]
                .contains(&source.as_str())
            {
                let subject = if what.starts_with("permission set") { SET } else { ONE };
                for (path, id) in paths.iter().zip([subject, OTHER]) {
                    put(&mut detail, path, id);
                }
            }
            if what.starts_with("assignment") {
                let parts = [("targetId", ACCOUNT), ("permissionSetArn", SET), ("principalType", "GROUP")];
                for (part, text) in parts.into_iter().chain([("principalId", ONE)]) {
                    put(&mut detail, &format!("requestParameters.{part}"), text);
                }
            }
            let reports = detail.get("serviceEventDetails").is_some();
            detail["eventName"] = json!(name);
            detail["eventSource"] = json!(format!("{service}.amazonaws.com"));
            detail["eventType"] = json!(if reports { "AwsServiceEvent" } else { "AwsApiCall" });
            detail["recipientAccountId"] = json!(MANAGEMENT);
            detail["userIdentity"] = json!({ "accountId": MANAGEMENT });
            let kind =
                if reports { "AWS Service Event via CloudTrail" } else { "AWS API Call via CloudTrail" };
            all.push((event(&source, kind, &[], &detail), wanted));
        }
    }
    all
}

/// All of them, by several callers, done and failed.
pub(super) fn everything_documented() -> Vec<Value> {
    let mut all = Vec::new();
    for (event, _) in documented() {
        let mut failed = event.clone();
        failed["detail"]["errorCode"] = json!("AccessDenied");
        all.extend([by_role(&event, OWN_ROLE), by_role(&event, PERSON), failed, event]);
    }
    all
}

pub(super) fn by_role(event: &Value, role: &str) -> Value {
    let mut event = event.clone();
    event["detail"]["userIdentity"] = json!({ "type": "AssumedRole", "sessionContext": { "sessionIssuer": { "type": "Role", "arn": role } } });
    event
}

#[test]
fn what_the_documentation_says_leads_to_a_look_gets_through_by_one_rule_and_the_rest_does_not() {
    let documented = documented();
    assert!(documented.len() > 150);
    for (event, wanted) in documented {
        assert_eq!(leads_to_a_look(&event), wanted, "{:?} {event}", read(&event));
        assert_eq!(delivered(&event), wanted, "{event}");
        // A person's role makes no difference, and a call that failed gets no further.
        if event["source"] != "aws.tag" {
            assert_eq!(delivered(&by_role(&event, PERSON)), wanted, "{event}");
            let mut failed = event.clone();
            failed["detail"]["errorCode"] = json!("AccessDenied");
            assert!(!delivered(&failed), "{failed}");
        }
    }
}

#[test]
fn reports_of_what_has_failed_do_not_get_through() {
    let reports = documented().into_iter().map(|(event, _)| event);
    let reports: Vec<_> =
        reports.filter(|event| event["detail"].get("serviceEventDetails").is_some()).collect();
    assert!(reports.len() >= 4);
    for report in reports {
        let failed: Value = serde_json::from_str(&report.to_string().replace("SUCCEEDED", "FAILED")).unwrap();
        assert_ne!(failed, report);
        assert!(!delivered(&failed), "{failed}");
    }
}

#[test]
fn our_own_edits_do_not_get_through() {
    for (event, wanted) in documented() {
        let ours = by_role(&event, OWN_ROLE);
        if ours["source"] == "aws.sso" {
            let name = ours["detail"]["eventName"].as_str().unwrap();
            assert_eq!(delivered(&ours), NEEDED_OF_OURS.contains(&name), "{ours}");
        } else if event["source"] != "aws.tag" {
            // Usher writes nothing else, so nothing else can be its own.
            assert_eq!(delivered(&ours), wanted, "{ours}");
        }
    }
}

#[test]
fn reads_and_sign_ins_do_not_get_through() {
    let flood = [
        ("sso", "Authenticate"),
        ("sso", "Federate"),
        ("sso", "Logout"),
        ("sso", "CreateToken"),
        ("sso", "CreateTokenWithIAM"),
        ("sso", "StartDeviceAuthorization"),
        ("sso", "RegisterClient"),
        ("sso", "GetRoleCredentials"),
        ("sso", "ListAccounts"),
        ("sso", "ListAccountRoles"),
        ("sso", "ListApplications"),
        ("sso", "ListProfilesForApplication"),
        ("sso", "DescribePermissionSet"),
        ("sso", "ListAccountAssignments"),
        ("sso-directory", "SearchGroups"),
        ("sso-directory", "DescribeUsers"),
        ("sso-directory", "ListMembersInGroup"),
        ("sso-directory", "IsMemberInGroup"),
        ("sso-directory", "VerifyEmail"),
        ("identitystore", "ListGroups"),
        ("identitystore", "GetGroupId"),
        ("identitystore", "IsMemberInGroups"),
        ("identitystore-scim", "GetGroup"),
        ("identitystore-scim", "ListUsers"),
        ("organizations", "DescribeAccount"),
        ("organizations", "ListAccounts"),
        ("controltower", "DescribeManagedAccount"),
        ("controltower", "ListManagedAccounts"),
        ("controltower", "GetLandingZone"),
        ("account", "GetAccountInformation"),
        ("account", "ListRegions"),
        // Whatever other services tell.
        ("signin", "UserAuthentication"),
        ("signin", "ConsoleLogin"),
        ("iam", "CreateRole"),
        ("sts", "AssumeRoleWithSAML"),
        ("servicecatalog", "ProvisionProduct"),
        ("ec2", "RunInstances"),
        ("account-access", "CreateEntitlement"),
    ];
    for (service, name) in flood {
        let detail = json!({
            "eventName": name, "eventSource": format!("{service}.amazonaws.com"), "eventType": "AwsApiCall", "readOnly": true,
            "requestParameters": { "accountId": ACCOUNT, "groupId": ONE, "permissionSetArn": SET },
        });
        let event = event(&format!("aws.{service}"), "AWS API Call via CloudTrail", &[], &detail);
        for event in [by_role(&event, PERSON), event] {
            assert!(!delivered(&event), "{event}");
            assert!(!leads_to_a_look(&event), "{event}");
        }
    }
}

#[test]
fn events_of_unknown_name_that_lead_to_a_look_get_through() {
    let parameters = json!({ "accountId": ACCOUNT });
    let group = json!({ "groupId": ONE });
    let set = json!({ "permissionSetArn": SET });
    for (service, name, parameters) in [
        ("organizations", "RestoreAccount", &parameters),
        ("organizations", "AccountSuspended", &parameters),
        ("organizations", "UpdateAccount", &parameters),
        ("controltower", "ResetEnrolledAccount", &parameters),
        ("account", "UpdateAccountState", &parameters),
        ("sso-directory", "RenameGroup", &group),
        ("identitystore", "PutGroup", &group),
        ("identitystore-scim", "PutGroup", &group),
        ("sso", "RenamePermissionSet", &set),
        ("sso", "UnassignPermissionSet", &set),
    ] {
        let detail = json!({
            "eventName": name, "eventSource": format!("{service}.amazonaws.com"), "eventType": "AwsApiCall", "readOnly": false,
            "requestParameters": parameters,
        });
        let event = event(&format!("aws.{service}"), "AWS API Call via CloudTrail", &[], &detail);
        for event in [by_role(&event, PERSON), event] {
            assert!(leads_to_a_look(&event), "{event}");
            assert!(delivered(&event), "{event}");
        }
    }
}

#[test]
fn whatever_scim_is_called_by_eventbridge_its_events_get_through() {
    for source in ["aws.identitystore-scim", "aws.identitystore", "aws.cloudtrail", "aws.scim"] {
        let detail = json!({
            "eventName": "PatchGroup", "eventSource": "identitystore-scim.amazonaws.com", "requestParameters": { "id": ONE },
        });
        let event = event(source, "AWS API Call via CloudTrail", &[], &detail);
        assert!(leads_to_a_look(&event));
        assert_eq!(passing(&event), ["DirectoryRule"]);
    }
}

#[test]
fn events_that_somebody_made_up_do_not_get_through() {
    // Nobody but AWS can put an event on a bus whose source begins with `aws.`.
    let made_up = documented().into_iter().filter(|(_, wanted)| *wanted);
    for (event, _) in made_up {
        for source in ["", "my.app", "Aws.sso", "organizations.amazonaws.com", "usher"] {
            let mut forged = event.clone();
            forged["source"] = json!(source);
            assert!(!delivered(&forged), "{forged}");
        }
    }
}

#[test]
fn of_tags_only_those_of_this_organizations_accounts_and_ous_get_through() {
    let tagged = |service: &str, arn: &str| {
        let detail = json!({ "service": service, "resource-type": "account", "changed-tag-keys": ["Team"], "tags": {} });
        event("aws.tag", "Tag Change on Resource", &[arn.to_owned()], &detail)
    };
    let mine = format!("arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg1/{ACCOUNT}");
    assert_eq!(passing(&tagged("organizations", &mine)), ["TagsRule"]);
    for (service, arn) in [
        (
            "organizations",
            format!("arn:aws:organizations::{MANAGEMENT}:policy/o-exampleorg1/service_control_policy/p-1"),
        ),
        ("organizations", format!("arn:aws:organizations::{MANAGEMENT}:root/o-exampleorg1/r-ab12")),
        ("organizations", format!("arn:aws:organizations::999999999999:account/o-other00000/{ACCOUNT}")),
        ("ec2", format!("arn:aws:ec2:us-east-1:{MANAGEMENT}:instance/i-0123456789abcdef0")),
        ("sso", SET.to_owned()),
    ] {
        assert!(!delivered(&tagged(service, &arn)), "{arn}");
    }
}

#[test]
fn a_copy_forwards_what_it_is_told_to_and_nothing_else() {
    let bus = ("BusArn", "arn:aws:events:eu-central-1:999988887777:event-bus/usher");
    let sources = |switched: &str| {
        let patterns = forwarded(PLACES[0], &[bus, (switched, "true")]);
        let known = documented().into_iter().filter(|(event, _)| patterns.values().any(|it| fits(it, event)));
        known.map(|(event, _)| event["source"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let said = |all: &[&str]| all.iter().map(|source| (*source).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(sources("Organizations"), said(&["aws.account", "aws.organizations", "aws.tag"]));
    assert_eq!(sources("ControlTower"), said(&["aws.controltower"]));
    let center = ["aws.identitystore", "aws.identitystore-scim", "aws.sso", "aws.sso-directory"];
    assert_eq!(sources("IdentityCenter"), said(&center));
}

#[test]
fn events_that_others_published_get_through_if_they_lead_to_a_look() {
    let Some(samples) = samples() else {
        println!("not run: there is no folder `shared/events` with samples beside the checkout");
        return;
    };
    let mut looks = 0;
    for (name, sample) in samples {
        let read = envelope(&name, sample);
        let mut event = event(&read.source, &read.detail_type, &read.resources, &read.detail);
        // A part of a record may lack its source; the file's name has it.
        if event["detail"].get("eventSource").is_none() && read.detail_type.ends_with("via CloudTrail") {
            let service = read.source.strip_prefix("aws.").unwrap();
            event["detail"]["eventSource"] = json!(format!("{service}.amazonaws.com"));
        }
        match self::read(&event) {
            Ok(Reading::Hint { .. }) => {
                looks += 1;
                assert!(delivered(&event), "{name}");
            }
            // Placeholders stand where ids should be: such an event is put aside, and that is to be seen.
            Err(_) | Ok(Reading::Ignored(Ignored::OtherResource { .. })) => {}
            Ok(Reading::Ignored(why)) => assert!(!delivered(&event), "{name}: {why}"),
        }
    }
    assert!(looks > 20, "{looks}");
}
