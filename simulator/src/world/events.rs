//! The events that EventBridge would deliver: each write as an API call, and what AWS itself reports later as a service event.
//!
//! CloudTrail writes members with a small first letter, times as text for people, and hides names: Organizations' account names and
//! e-mail addresses are `****`, Identity Center's names `HIDDEN_DUE_TO_SECURITY_REASONS`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Call, Service, World};
use crate::{ApiError, Caller};

const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The event of one call, done or refused.
pub(super) fn api_call(world: &mut World, call: &Call, answer: Result<Value, &ApiError>) -> Value {
    let (endpoint, region) = match call.service {
        Service::Organizations => ("organizations", "us-east-1".to_owned()),
        Service::IdentityStore => ("identitystore", world.settings.region.clone()),
        Service::SsoAdmin => ("sso", world.settings.region.clone()),
        Service::Tagging => ("tagging", world.settings.region.clone()),
    };
    let account = call.caller.account.to_string();
    let mut detail = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(world, &call.caller, call.now),
        "eventTime": second(call.now),
        "eventSource": format!("{endpoint}.amazonaws.com"),
        "eventName": call.operation,
        "awsRegion": region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.0",
        "requestParameters": tidy(&call.input, call.service),
        "responseElements": null,
        "requestID": call.request_id,
        "eventID": world.ids.next(),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let Some(members) = detail.as_object_mut() {
        match answer {
            Ok(answer) => {
                let answer = tidy(&answer, call.service);
                let empty = answer.as_object().is_some_and(Map::is_empty);
                members.insert("responseElements".to_owned(), if empty { Value::Null } else { answer });
            }
            Err(error) => {
                members.insert(
                    "errorCode".to_owned(),
                    json!(match error.code {
                        // The one code that CloudTrail shortens.
                        "AccessDeniedException" => "AccessDenied",
                        code => code,
                    }),
                );
                members.insert("errorMessage".to_owned(), json!(error.message));
            }
        }
    }
    envelope(world, "AWS API Call via CloudTrail", endpoint, &account, &region, call.now, &detail)
}

/// An event that Organizations reports by itself: the end of the making or closing of an account.
pub(super) fn organizations_service_event(
    world: &mut World,
    at: Timestamp,
    name: &str,
    details: &Value,
) -> Value {
    let account = world.organization.management.to_string();
    let detail = json!({
        "eventVersion": "1.11",
        "userIdentity": { "accountId": account, "invokedBy": "AWS Internal" },
        "eventTime": second(at),
        "eventSource": "organizations.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": null,
        "responseElements": null,
        "eventID": world.ids.next(),
        "readOnly": false,
        "eventType": "AwsServiceEvent",
        "managementEvent": true,
        "recipientAccountId": account,
        "serviceEventDetails": details,
        "eventCategory": "Management",
    });
    envelope(world, "AWS Service Event via CloudTrail", "organizations", &account, "us-east-1", at, &detail)
}

fn envelope(
    world: &mut World,
    kind: &str,
    source: &str,
    account: &str,
    region: &str,
    at: Timestamp,
    detail: &Value,
) -> Value {
    json!({
        "version": "0",
        "id": world.ids.next(),
        "detail-type": kind,
        "source": format!("aws.{source}"),
        "account": account,
        "time": second(at),
        "region": region,
        "resources": [],
        "detail": detail,
    })
}

/// The ARN of a caller's session.
pub(crate) fn caller_arn(caller: &Caller) -> String {
    format!("arn:aws:sts::{}:assumed-role/{}/{}", caller.account, caller.name, caller.name)
}

fn identity(world: &World, caller: &Caller, at: Timestamp) -> Value {
    let key = |prefix: &str| {
        let id: Uuid = world.ids.named(prefix, &caller_arn(caller));
        format!("{prefix}{}", super::ids::letters(id, 16).to_uppercase())
    };
    let role = key("AROA");
    json!({
        "type": "AssumedRole",
        "principalId": format!("{role}:{}", caller.name),
        "arn": caller_arn(caller),
        "accountId": caller.account,
        "accessKeyId": key("ASIA"),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role,
                "arn": format!("arn:aws:iam::{}:role/{}", caller.account, caller.name),
                "accountId": caller.account,
                "userName": caller.name,
            },
            "attributes": { "creationDate": second(at), "mfaAuthenticated": "false" },
        },
    })
}

/// What CloudTrail makes of a member: small first letters, times for people, hidden names.
fn tidy(value: &Value, service: Service) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| {
                    let member = if is_secret(name, service) {
                        hide(member, service)
                    } else if let Some(time) = time_of(name, member) {
                        json!(for_people(time))
                    } else {
                        tidy(member, service)
                    };
                    (small_first(name), member)
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| tidy(item, service)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_secret(member: &str, service: Service) -> bool {
    match service {
        Service::Organizations => matches!(member, "Email" | "AccountName"),
        Service::IdentityStore => matches!(
            member,
            "DisplayName"
                | "Description"
                | "UserName"
                | "Name"
                | "NickName"
                | "ProfileUrl"
                | "Emails"
                | "Addresses"
                | "PhoneNumbers"
                | "UserType"
                | "Title"
                | "PreferredLanguage"
                | "Locale"
                | "Timezone"
                | "Photos"
                | "Website"
                | "Birthdate"
                | "Roles"
                | "Extensions"
                | "AttributeValue"
        ),
        Service::SsoAdmin | Service::Tagging => false,
    }
}

fn hide(member: &Value, service: Service) -> Value {
    match (member, service) {
        (Value::Null, _) => Value::Null,
        (_, Service::Organizations) => json!("****"),
        (_, Service::IdentityStore | Service::SsoAdmin | Service::Tagging) => json!(HIDDEN),
    }
}

fn time_of(member: &str, value: &Value) -> Option<Timestamp> {
    let named_so = member.ends_with("Timestamp") || member.ends_with("Date") || member.ends_with("At");
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit by far")]
    let millis = value.as_f64().map(|seconds| (seconds * 1000.0) as i64);
    millis.filter(|_| named_so).and_then(|millis| Timestamp::from_millisecond(millis).ok())
}

fn small_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// `2026-11-21T22:30:00Z`
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Nov 21, 2026, 10:30:00 PM`
pub(super) fn for_people(at: Timestamp) -> String {
    at.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string()
}
