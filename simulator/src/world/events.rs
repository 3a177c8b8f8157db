//! The events that EventBridge would deliver: each write as an API call, and what AWS itself reports later as a service event.
//!
//! CloudTrail writes members with a small first letter, times as text for people, and hides names: Organizations' account names and
//! e-mail addresses are `****`, Identity Center's names `HIDDEN_DUE_TO_SECURITY_REASONS`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Call, Service, World, directory_events};
use crate::{ApiError, Caller};

pub(super) const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The record of one call, but for what it asked and what came of it.
fn record(world: &mut World, by: &Caller, endpoint: &str, region: &str, name: &str) -> Map<String, Value> {
    let at = world.now;
    let detail = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(world, by, at),
        "eventTime": second(at),
        "eventSource": format!("{endpoint}.amazonaws.com"),
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.0",
        "requestParameters": null,
        "responseElements": null,
        "requestID": null,
        "eventID": world.ids.next(),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": by.account,
        "eventCategory": "Management",
    });
    match detail {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn refused(detail: &mut Map<String, Value>, error: &ApiError) {
    let code = match error.code {
        // The one code that CloudTrail shortens.
        "AccessDeniedException" => "AccessDenied",
        code => code,
    };
    detail.insert("errorCode".to_owned(), json!(code));
    detail.insert("errorMessage".to_owned(), json!(error.message));
}

/// An answer or parameters; nothing at all rather than an empty structure.
fn unless_empty(value: Value) -> Value {
    if value.as_object().is_some_and(Map::is_empty) { Value::Null } else { value }
}

const API_CALL: &str = "AWS API Call via CloudTrail";

/// The event of one call, done or refused.
pub(super) fn api_call(world: &mut World, call: &Call, answer: Result<&Value, &ApiError>) -> Value {
    let (mut endpoint, region) = match call.service {
        Service::Organizations => ("organizations", "us-east-1".to_owned()),
        Service::IdentityStore => ("identitystore", world.settings.region.clone()),
        Service::SsoAdmin => ("sso", world.settings.region.clone()),
        Service::Tagging => ("tagging", world.settings.region.clone()),
    };
    let mut detail = record(world, &call.caller, endpoint, &region, call.operation);
    let of_handshakes = |mut value: Value| {
        if call.service == Service::Organizations {
            without_addresses(&mut value);
        }
        unless_empty(value)
    };
    let parameters = of_handshakes(tidy(&call.input, call.service));
    detail.insert("requestID".to_owned(), json!(call.request_id));
    detail.insert("requestParameters".to_owned(), parameters);
    match answer {
        Ok(answer) => {
            let mut elements = of_handshakes(tidy(answer, call.service));
            if let Some(action) = elements.pointer_mut("/handshake/action")
                && call.operation == "InviteAccountToOrganization"
            {
                // The documentation's sample of this one event writes it small.
                *action = json!("invite");
            }
            detail.insert("responseElements".to_owned(), elements);
        }
        Err(error) if call.service == Service::IdentityStore => {
            refused(&mut detail, &ApiError { message: without_value(&error.message), ..error.clone() });
        }
        Err(error) => refused(&mut detail, error),
    }
    if call.service == Service::IdentityStore
        && let Some(way) = world.way.clone()
    {
        endpoint = directory_events::dress(world, call, &way, answer.ok(), &mut detail);
    }
    let account = call.caller.account.to_string();
    envelope(world, API_CALL, endpoint, &account, &region, call.now, &Value::Object(detail))
}

/// The event that the management account may get besides, of an invitation that a member has answered.
pub(super) fn for_management(world: &mut World, call: &Call, event: &Value) -> Option<Value> {
    let management = world.organization.management.to_string();
    let answers = matches!(call.operation, "AcceptHandshake" | "DeclineHandshake");
    let done = event.pointer("/detail/errorCode").is_none();
    let wanted = world.settings.assumptions.handshake_answers_reach_management;
    if !(answers && done && wanted) || call.caller.account.as_str() == management {
        return None;
    }
    let mut copy = event.clone();
    let id = world.ids.next();
    let members = copy.as_object_mut()?;
    members.insert("id".to_owned(), json!(id));
    members.insert("account".to_owned(), json!(management));
    members.get_mut("detail")?.as_object_mut()?.insert("recipientAccountId".to_owned(), json!(management));
    Some(copy)
}

/// The event of a call of the Account Management service, done or refused.
pub(super) fn account_management(
    world: &mut World,
    by: &Caller,
    name: &str,
    parameters: &Value,
    error: Option<&ApiError>,
) -> Value {
    let mut detail = record(world, by, "account", "us-east-1", name);
    detail.insert("requestID".to_owned(), json!(world.ids.next()));
    detail.insert("requestParameters".to_owned(), parameters.clone());
    if let Some(error) = error {
        refused(&mut detail, error);
    }
    let (account, at) = (by.account.to_string(), world.now);
    envelope(world, API_CALL, "account", &account, "us-east-1", at, &Value::Object(detail))
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

/// The tag service's own event about an account: `Tag Change on Resource`, which needs no trail. Its layout is that of other services'
/// resources with Organizations' names; no sample of one for an account was found. The version counts the changes.
pub(super) fn tag_change(world: &mut World, at: Timestamp, id: &str, keys: &[String]) -> Value {
    let management = world.organization.management.to_string();
    let tags: Map<String, Value> =
        world.organization.tags_of(id).iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let version = world.organization.tags.get(id).map_or(0, |line| line.entries().len());
    let detail = json!({
        "changed-tag-keys": keys,
        "service": "organizations",
        "resource-type": "account",
        "version": version,
        "tags": tags,
    });
    let mut event = envelope(world, "Tag Change on Resource", "tag", &management, "us-east-1", at, &detail);
    let arn = world.organization.arn("account", id);
    if let Some(members) = event.as_object_mut() {
        members.insert("resources".to_owned(), json!([arn]));
    }
    event
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
    format!("arn:aws:sts::{}:assumed-role/{}/{}", caller.account, caller.name, caller.session())
}

fn identity(world: &World, caller: &Caller, at: Timestamp) -> Value {
    let key = |prefix: &str| {
        let id: Uuid = world.ids.named(prefix, &caller_arn(caller));
        format!("{prefix}{}", super::ids::letters(id, 16).to_uppercase())
    };
    // The role is the same in all of its sessions.
    let of_role = format!("arn:aws:sts::{0}:assumed-role/{1}/{1}", caller.account, caller.name);
    let role: Uuid = world.ids.named("AROA", &of_role);
    let role = format!("AROA{}", super::ids::letters(role, 16).to_uppercase());
    json!({
        "type": "AssumedRole",
        "principalId": format!("{role}:{}", caller.session()),
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

/// Hides the e-mail addresses and names that a handshake carries beside their type. The documentation's old sample shows them; newer
/// events of Organizations hide them wherever a member is named for what it is.
fn without_addresses(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str);
            if matches!(kind, Some("EMAIL" | "MASTER_EMAIL" | "MASTER_NAME")) {
                for place in ["id", "value"] {
                    if let Some(text) = members.get_mut(place).filter(|text| text.is_string()) {
                        *text = json!("****");
                    }
                }
            }
            members.values_mut().for_each(without_addresses);
        }
        Value::Array(items) => items.iter_mut().for_each(without_addresses),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A refusal of the identity store without the value that it quotes: that may be a person's name, which events hide everywhere else. Whether
/// CloudTrail hides it here too is undocumented.
fn without_value(message: &str) -> String {
    // The value may have quotation marks of its own: it ends at the last place where it can.
    let quoted = message.split_once("Value '").and_then(|(before, rest)| {
        let (_, after) = rest.rsplit_once("' at '")?;
        Some(format!("{before}Value '{HIDDEN}' at '{after}"))
    });
    quoted.unwrap_or_else(|| message.to_owned())
}

fn is_secret(member: &str, service: Service) -> bool {
    match service {
        // The e-mail addresses of handshakes are hidden by `without_addresses`.
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
pub(super) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Nov 21, 2026, 10:30:00 PM`
pub(super) fn for_people(at: Timestamp) -> String {
    at.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string()
}
