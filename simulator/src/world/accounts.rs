//! Accounts: how they are made, moved and closed, and how they are listed.

use jiff::Timestamp;
use serde_json::json;
use shared::domain::{AccountId, AccountState, ParentId};

use super::{
    Call, Due, World, earlier, events, ids, later, organization,
    paging::{PageRequest, page},
    tags, validate,
};
use crate::{
    ApiError,
    wire::{Epoch, Tag, organizations as wire},
};

/// A word of AWS's own. By this name, since a reference would have to be borrowed from what is read.
type Word = &'static str;

/// One account at one time.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) state: AccountState,
    #[serde(with = "crate::text")]
    pub(crate) parent: ParentId,
    pub(crate) joined_at: Timestamp,
    /// `CREATED` or `INVITED`.
    #[serde(deserialize_with = "super::snapshot::joined_method")]
    pub(crate) joined_method: Word,
}

/// The making of an account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Creation {
    name: String,
    email: String,
    tags: Vec<Tag>,
    requested_at: Timestamp,
    completed_at: Option<Timestamp>,
    #[serde(deserialize_with = "super::snapshot::creation_outcome")]
    outcome: Option<Result<AccountId, &'static str>>,
}

/// A state as Organizations writes it, and what the older `Status` makes of it.
pub(crate) fn state_name(state: AccountState) -> (&'static str, Option<&'static str>) {
    match state {
        AccountState::PendingActivation => ("PENDING_ACTIVATION", None),
        AccountState::Active => ("ACTIVE", Some("ACTIVE")),
        AccountState::PendingClosure => ("PENDING_CLOSURE", Some("PENDING_CLOSURE")),
        AccountState::Closed => ("CLOSED", Some("SUSPENDED")),
        AccountState::Suspended | AccountState::Unknown => ("SUSPENDED", Some("SUSPENDED")),
    }
}

fn shape(world: &World, id: &AccountId, facts: &Facts) -> wire::Account {
    let (state, status) = state_name(facts.state);
    wire::Account {
        id: id.to_string(),
        arn: world.organization.arn("account", id.as_str()),
        email: facts.email.clone(),
        name: facts.name.clone(),
        status: status.filter(|_| world.settings.assumptions.account_status_is_sent).map(str::to_owned),
        state: state.to_owned(),
        paths: vec![format!("{}{id}/", world.organization.path(&facts.parent))],
        joined_method: facts.joined_method.to_owned(),
        joined_timestamp: Epoch(facts.joined_at),
    }
}

fn known(world: &World, call: &Call, id: &str) -> Result<(AccountId, Facts), ApiError> {
    let id: AccountId = validate::id(call, "accountId", id)?;
    match world.organization.account(&id) {
        Some(facts) => Ok((id, facts.clone())),
        None => {
            Err(ApiError::new("AccountNotFoundException", "You specified an account that doesn't exist."))
        }
    }
}

pub(super) fn list(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccounts,
) -> Result<wire::AccountsOutput, ApiError> {
    let seen = earlier(call.now, world.settings.list_lag);
    let world = &*world;
    let entries = world
        .organization
        .accounts
        .iter()
        .filter_map(|(id, line)| line.at(seen).map(|facts| (id.to_string(), shape(world, id, facts))));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (accounts, next_token) = page(call, &request, entries)?;
    Ok(wire::AccountsOutput { accounts, next_token })
}

pub(super) fn list_for_parent(
    world: &mut World,
    call: &Call,
    input: &wire::ListAccountsForParent,
) -> Result<wire::AccountsOutput, ApiError> {
    let parent = organization::parent(world, call, "parentId", &input.parent_id)?;
    let world = &*world;
    let entries = world
        .organization
        .accounts
        .iter()
        .filter_map(|(id, line)| line.latest().map(|facts| (id, facts)))
        .filter(|(_, facts)| facts.parent == parent)
        .map(|(id, facts)| (id.to_string(), shape(world, id, facts)));
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let (accounts, next_token) = page(call, &request, entries)?;
    Ok(wire::AccountsOutput { accounts, next_token })
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeAccount,
) -> Result<wire::DescribeAccountOutput, ApiError> {
    let (id, facts) = known(world, call, &input.account_id)?;
    Ok(wire::DescribeAccountOutput { account: shape(world, &id, &facts) })
}

/// Whether text looks like an e-mail address as Organizations' pattern has it: `[^\s@]+@[^\s@]+\.[^\s@]+`.
fn is_email(text: &str) -> bool {
    let whole = !text.chars().any(char::is_whitespace) && text.matches('@').count() == 1;
    whole
        && text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && host.rsplit_once('.').is_some_and(|(first, last)| !first.is_empty() && !last.is_empty())
        })
}

pub(super) fn create(
    world: &mut World,
    call: &Call,
    input: &wire::CreateAccount,
) -> Result<wire::CreateAccountOutput, ApiError> {
    validate::length(call, "accountName", &input.account_name, 1..=50)?;
    validate::characters(call, "accountName", &input.account_name, |letter| (' '..='~').contains(&letter))?;
    validate::length(call, "email", &input.email, 6..=64)?;
    if !is_email(&input.email) {
        return Err(ApiError::invalid_input(
            "INVALID_EMAIL_ADDRESS_TARGET",
            "You specified an invalid email address.",
        ));
    }
    let new_tags = input.tags.as_deref().unwrap_or_default();
    validate::tags(call, new_tags, world.settings.quotas.tags_per_resource)?;
    let id = format!("car-{}", ids::hex(call.request_id, 32));
    let creation = Creation {
        name: input.account_name.clone(),
        email: input.email.clone(),
        tags: new_tags.to_vec(),
        requested_at: call.now,
        completed_at: None,
        outcome: None,
    };
    let output = creation_shape(&id, &creation);
    world.organization.creations.insert(id.clone(), creation);
    let latency = world.settings.create_account_latency.sample(&mut world.ids);
    world.schedule(later(call.now, latency), Due::AccountMade(id));
    Ok(output)
}

fn creation_shape(id: &str, creation: &Creation) -> wire::CreateAccountOutput {
    wire::CreateAccountOutput {
        create_account_status: wire::CreateAccountStatus {
            id: id.to_owned(),
            account_name: creation.name.clone(),
            state: match creation.outcome {
                None => "IN_PROGRESS",
                Some(Ok(_)) => "SUCCEEDED",
                Some(Err(_)) => "FAILED",
            }
            .to_owned(),
            requested_timestamp: Epoch(creation.requested_at),
            completed_timestamp: creation.completed_at.map(Epoch),
            account_id: creation
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.as_ref().ok())
                .map(ToString::to_string),
            failure_reason: creation
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.as_ref().err())
                .map(ToString::to_string),
        },
    }
}

pub(super) fn describe_create_status(
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
        Some(creation) => Ok(creation_shape(id, creation)),
        None => Err(ApiError::new(
            "CreateAccountStatusNotFoundException",
            "You specified a create account request that doesn't exist.",
        )),
    }
}

/// The making of an account ends: the account is in the root, or its e-mail address was taken.
pub(super) fn made(world: &mut World, id: &str) {
    let at = world.now;
    let Some(mut creation) = world.organization.creations.get(id).cloned() else { return };
    let taken = world
        .organization
        .accounts
        .values()
        .filter_map(|line| line.latest())
        .any(|facts| facts.email.eq_ignore_ascii_case(&creation.email));
    let outcome =
        if taken { Err("EMAIL_ALREADY_EXISTS") } else { free_account_id(world).ok_or("INTERNAL_FAILURE") };
    if let Ok(account) = &outcome {
        let facts = Facts {
            name: creation.name.clone(),
            email: creation.email.clone(),
            state: AccountState::Active,
            parent: ParentId::Root(world.organization.root.clone()),
            joined_at: at,
            joined_method: "CREATED",
        };
        world.organization.accounts.entry(account.clone()).or_default().set(at, facts);
        world.organization.set_tags(at, account.as_str(), tags::read(&creation.tags));
    }
    creation.outcome = Some(outcome);
    creation.completed_at = Some(at);
    let mut status = json!({
        "id": id,
        "accountName": "****",
        "requestedTimestamp": events::for_people(creation.requested_at),
        "completedTimestamp": events::for_people(at),
    });
    if let Some(members) = status.as_object_mut() {
        match &creation.outcome {
            Some(Ok(account)) => {
                members.insert("state".to_owned(), json!("SUCCEEDED"));
                members.insert("accountId".to_owned(), json!(account));
            }
            Some(Err(reason)) => {
                members.insert("state".to_owned(), json!("FAILED"));
                members.insert("failureReason".to_owned(), json!(reason));
            }
            None => {}
        }
    }
    world.organization.creations.insert(id.to_owned(), creation);
    let details = json!({ "createAccountStatus": status });
    let event = events::organizations_service_event(world, at, "CreateAccountResult", &details);
    world.events.push(event);
}

/// An account id that is not in use.
pub(super) fn free_account_id(world: &mut World) -> Option<AccountId> {
    loop {
        let id = ids::account_digits(world.ids.next()).parse().ok()?;
        if !world.organization.accounts.contains_key(&id) {
            return Some(id);
        }
    }
}

pub(super) fn move_account(
    world: &mut World,
    call: &Call,
    input: &wire::MoveAccount,
) -> Result<wire::Nothing, ApiError> {
    let source: ParentId = validate::id(call, "sourceParentId", &input.source_parent_id)?;
    let destination: ParentId = validate::id(call, "destinationParentId", &input.destination_parent_id)?;
    let (id, facts) = known(world, call, &input.account_id)?;
    if facts.parent != source {
        return Err(ApiError::new(
            "SourceParentNotFoundException",
            "You specified a source parent that is not the account's.",
        ));
    }
    if !world.organization.exists(&destination) {
        return Err(ApiError::new(
            "DestinationParentNotFoundException",
            "You specified a destination parent that doesn't exist.",
        ));
    }
    if destination == source {
        return Err(ApiError::new(
            "DuplicateAccountException",
            "The account is already in the destination parent.",
        ));
    }
    world.organization.change(call.now, &id, |facts| facts.parent = destination);
    Ok(wire::Nothing {})
}

pub(super) fn close(
    world: &mut World,
    call: &Call,
    input: &wire::CloseAccount,
) -> Result<wire::Nothing, ApiError> {
    let (id, facts) = known(world, call, &input.account_id)?;
    if id == world.organization.management {
        return Err(ApiError::new("ConstraintViolationException", "You can't close the management account.")
            .with("Reason", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"));
    }
    match facts.state {
        AccountState::Closed => {
            return Err(ApiError::new(
                "AccountAlreadyClosedException",
                "You attempted to close an account that is already closed.",
            ));
        }
        AccountState::PendingClosure | AccountState::PendingActivation => {
            return Err(ApiError::new(
                "ConflictException",
                "The account is being changed by another request.",
            ));
        }
        AccountState::Active | AccountState::Suspended | AccountState::Unknown => {}
    }
    world.organization.change(call.now, &id, |facts| facts.state = AccountState::PendingClosure);
    let latency = world.settings.close_account_latency.sample(&mut world.ids);
    world.schedule(later(call.now, latency), Due::AccountClosed { account: id, since: call.now });
    Ok(wire::Nothing {})
}

/// An account that was being closed is closed.
pub(super) fn closed(world: &mut World, account: &AccountId, since: Timestamp) {
    let at = world.now;
    world.organization.change(at, account, |facts| facts.state = AccountState::Closed);
    let details = json!({ "closeAccountStatus": {
        "accountId": account,
        "state": "SUCCEEDED",
        "requestedTimestamp": events::for_people(since),
        "completedTimestamp": events::for_people(at),
    }});
    let event = events::organizations_service_event(world, at, "CloseAccountResult", &details);
    world.events.push(event);
}
