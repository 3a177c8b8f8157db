//! The making of accounts, which takes a while, and what it ends with.

use jiff::Timestamp;
use serde_json::json;
use shared::domain::{AccountId, AccountState, ParentId};

use super::{
    Call, Due, World,
    accounts::Facts,
    departures::MembershipChange,
    events, ids, later,
    organization::Organization,
    paging::{PageRequest, page},
    requests, tags, validate,
};
use crate::{
    ApiError,
    wire::{Epoch, Tag, organizations as wire},
};

/// A word of AWS's own. By this name, since a reference would have to be borrowed from what is read.
type Word = &'static str;

/// The making of an account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Creation {
    name: String,
    email: String,
    tags: Vec<Tag>,
    requested_at: Timestamp,
    completed_at: Option<Timestamp>,
    /// The reason with which a fault makes it end.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::snapshot::creation_failure"
    )]
    doomed: Option<Word>,
    #[serde(deserialize_with = "super::snapshot::creation_outcome")]
    outcome: Option<Result<AccountId, &'static str>>,
}

/// Why the making of an account fails, in AWS's words (API reference, `CreateAccountStatus`).
pub(super) const FAILURES: &[&str] = &[
    "ACCOUNT_LIMIT_EXCEEDED",
    "EMAIL_ALREADY_EXISTS",
    "INVALID_ADDRESS",
    "INVALID_EMAIL",
    "CONCURRENT_ACCOUNT_MODIFICATION",
    "INTERNAL_FAILURE",
    "GOVCLOUD_ACCOUNT_ALREADY_EXISTS",
    "MISSING_BUSINESS_VALIDATION",
    "MISSING_PAYMENT_INSTRUMENT",
    "FAILED_BUSINESS_VALIDATION",
    "PENDING_BUSINESS_VALIDATION",
    "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION",
    "UNKNOWN_BUSINESS_VALIDATION",
    "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED",
];

/// One of these words.
pub(super) fn failure(reason: &str) -> Option<&'static str> {
    FAILURES.iter().find(|known| **known == reason).copied()
}

impl Organization {
    /// How many accounts are being made.
    pub(super) fn creations_under_way(&self) -> usize {
        self.creations.values().filter(|creation| creation.outcome.is_none()).count()
    }
}

/// Whether text looks like an e-mail address as Organizations' pattern has it: `[^\s@]+@[^\s@]+\.[^\s@]+`.
pub(super) fn is_email(text: &str) -> bool {
    let whole = !text.chars().any(char::is_whitespace) && text.matches('@').count() == 1;
    whole
        && text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && host.rsplit_once('.').is_some_and(|(first, last)| !first.is_empty() && !last.is_empty())
        })
}

struct Asked<'a> {
    email: &'a str,
    name: &'a str,
    role: Option<&'a str>,
    billing: Option<&'a str>,
    tags: &'a [Tag],
}

/// The name of an account.
pub(super) fn name_is_fine(call: &Call, name: &str) -> Result<(), ApiError> {
    validate::length(call, "accountName", name, 1..=50)?;
    validate::characters(call, "accountName", name, |letter| (' '..='~').contains(&letter))
}

/// The e-mail address of an account.
pub(super) fn email_is_fine(call: &Call, email: &str) -> Result<(), ApiError> {
    validate::length(call, "email", email, 6..=64)?;
    if is_email(email) {
        return Ok(());
    }
    Err(ApiError::invalid_input("INVALID_EMAIL_ADDRESS_TARGET", "You specified an invalid email address."))
}

fn check(world: &World, call: &Call, asked: &Asked<'_>) -> Result<(), ApiError> {
    name_is_fine(call, asked.name)?;
    email_is_fine(call, asked.email)?;
    if let Some(role) = asked.role
        && (!(1..=64).contains(&role.len()) || !role.chars().all(validate::word))
    {
        return Err(ApiError::invalid_input(
            "INVALID_ROLE_NAME",
            "You provided a role name that isn't valid.",
        ));
    }
    if let Some(billing) = asked.billing {
        validate::one_of(call, "iamUserAccessToBilling", billing, &["ALLOW", "DENY"])?;
    }
    validate::tags(call, asked.tags, world.settings.quotas.tags_per_resource)
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateAccount,
) -> Result<wire::CreateAccountOutput, ApiError> {
    let asked = Asked {
        email: &input.email,
        name: &input.account_name,
        role: input.role_name.as_deref(),
        billing: input.iam_user_access_to_billing.as_deref(),
        tags: input.tags.as_deref().unwrap_or_default(),
    };
    check(world, call, &asked)?;
    if world.organization.creations_under_way() >= world.settings.quotas.account_creations_at_a_time {
        // The number is documented, the error for it is not: these are the words that AWS has for a request in progress.
        return Err(ApiError::new(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in progress. Try again later.",
        ));
    }
    world.room_for_an_account(call.now)?;
    let id = format!("car-{}", ids::hex(call.request_id, 32));
    let (doomed, takes) = requests::course(call.fault.as_ref(), world.settings.create_account_latency);
    let creation = Creation {
        name: input.account_name.clone(),
        email: input.email.clone(),
        tags: asked.tags.to_vec(),
        requested_at: call.now,
        completed_at: None,
        doomed: doomed.as_deref().and_then(failure),
        outcome: None,
    };
    let output = wire::CreateAccountOutput { create_account_status: shape(&id, &creation) };
    world.organization.creations.insert(id.clone(), creation);
    // One that hangs never comes to its end.
    if let Some(takes) = takes {
        let latency = takes.sample(&mut world.ids);
        world.schedule(later(call.now, latency), Due::AccountMade(id));
    }
    Ok(output)
}

/// Accounts of AWS's GovCloud are made only by management accounts that are enabled for it, which none here is.
pub(super) fn create_in_gov_cloud(
    world: &mut World,
    call: &Call,
    input: &wire::CreateGovCloudAccount,
) -> Result<wire::CreateAccountOutput, ApiError> {
    let asked = Asked {
        email: &input.email,
        name: &input.account_name,
        role: input.role_name.as_deref(),
        billing: input.iam_user_access_to_billing.as_deref(),
        tags: input.tags.as_deref().unwrap_or_default(),
    };
    check(world, call, &asked)?;
    Err(ApiError::constraint(
        "MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED",
        "The management account isn't enabled for AWS GovCloud (US).",
    ))
}

fn shape(id: &str, creation: &Creation) -> wire::CreateAccountStatus {
    let outcome = creation.outcome.as_ref();
    wire::CreateAccountStatus {
        id: id.to_owned(),
        account_name: creation.name.clone(),
        state: state(creation).to_owned(),
        requested_timestamp: Epoch(creation.requested_at),
        completed_timestamp: creation.completed_at.map(Epoch),
        account_id: outcome.and_then(|outcome| outcome.as_ref().ok()).map(ToString::to_string),
        failure_reason: outcome.and_then(|outcome| outcome.as_ref().err()).map(ToString::to_string),
    }
}

fn state(creation: &Creation) -> &'static str {
    match creation.outcome {
        None => "IN_PROGRESS",
        Some(Ok(_)) => "SUCCEEDED",
        Some(Err(_)) => "FAILED",
    }
}

pub(super) fn describe(
    world: &mut World,
    _: &Call,
    input: &wire::DescribeCreateAccountStatus,
) -> Result<wire::CreateAccountOutput, ApiError> {
    let id = &input.create_account_request_id;
    let well_formed = id.strip_prefix("car-").is_some_and(|own| {
        (8..=32).contains(&own.len()) && own.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if !well_formed {
        return Err(ApiError::invalid_input(
            "INVALID_PATTERN_TARGET_ID",
            "You specified an invalid request id.",
        ));
    }
    match world.organization.creations.get(id) {
        Some(creation) => Ok(wire::CreateAccountOutput { create_account_status: shape(id, creation) }),
        None => Err(ApiError::new(
            "CreateAccountStatusNotFoundException",
            "You specified a create account request that doesn't exist.",
        )),
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListCreateAccountStatus,
) -> Result<wire::ListCreateAccountStatusOutput, ApiError> {
    let states = input.states.as_deref().unwrap_or_default();
    for state in states {
        validate::one_of(call, "states", state, &["IN_PROGRESS", "SUCCEEDED", "FAILED"])?;
    }
    let wanted =
        |creation: &Creation| states.is_empty() || states.iter().any(|wanted| wanted == state(creation));
    let entries = world
        .organization
        .creations
        .iter()
        .filter(|(_, creation)| wanted(creation))
        .map(|(id, creation)| (id.clone(), shape(id, creation)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (create_account_statuses, next_token) = page(call, &request, entries)?;
    Ok(wire::ListCreateAccountStatusOutput { create_account_statuses, next_token })
}

/// The making of an account ends: the account is in the root, or its e-mail address was taken.
pub(super) fn made(world: &mut World, id: &str) {
    let at = world.now;
    let Some(mut creation) = world.organization.creations.get(id).cloned() else { return };
    let taken = world.organization.email_is_taken(&creation.email);
    let outcome = match creation.doomed {
        Some(reason) => Err(reason),
        None if taken => Err("EMAIL_ALREADY_EXISTS"),
        None => free_account_id(world).ok_or("INTERNAL_FAILURE"),
    };
    if let Ok(account) = &outcome {
        let facts = Facts {
            name: creation.name.clone(),
            email: creation.email.clone(),
            state: AccountState::Active,
            parent: ParentId::Root(world.organization.root.clone()),
            joined_at: at,
            joined_method: "CREATED",
            can_stand_alone: world.settings.assumptions.created_accounts_can_stand_alone,
        };
        world.organization.accounts.entry(account.clone()).or_default().set(at, facts);
        world.organization.set_tags(at, account.as_str(), tags::read(&creation.tags));
    }
    creation.outcome = Some(outcome.clone());
    creation.completed_at = Some(at);
    let mut status = json!({
        "id": id,
        "accountName": "****",
        "requestedTimestamp": events::for_people(creation.requested_at),
        "completedTimestamp": events::for_people(at),
    });
    if let Some(members) = status.as_object_mut() {
        match &outcome {
            Ok(account) => {
                members.insert("state".to_owned(), json!("SUCCEEDED"));
                members.insert("accountId".to_owned(), json!(account));
            }
            Err(reason) => {
                members.insert("state".to_owned(), json!("FAILED"));
                members.insert("failureReason".to_owned(), json!(reason));
            }
        }
    }
    world.organization.creations.insert(id.to_owned(), creation);
    let details = json!({ "createAccountStatus": status });
    let event = events::organizations_service_event(world, at, "CreateAccountResult", &details);
    world.send(&event);
    if let Ok(account) = &outcome {
        world.membership_changed(at, account, MembershipChange::Created);
    }
}

/// An account id that is not in use.
fn free_account_id(world: &mut World) -> Option<AccountId> {
    loop {
        let id = ids::account_digits(world.ids.next()).parse().ok()?;
        if !world.organization.accounts.contains_key(&id) && !world.organization.outside.contains_key(&id) {
            return Some(id);
        }
    }
}
