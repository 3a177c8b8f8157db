//! Accounts: how they are listed and moved. How they come and go is in `creations`, `closures`, `handshakes` and `departures`.

use jiff::Timestamp;
use shared::domain::{AccountId, AccountState, ParentId};

use super::{
    Call, World, earlier, organization,
    paging::{PageRequest, page},
    validate,
};
use crate::{
    ApiError,
    wire::{Epoch, organizations as wire},
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
    /// Whether it has what an account outside of every organization needs: contact and payment details, a support plan.
    pub(crate) can_stand_alone: bool,
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

pub(super) fn shape(world: &World, id: &AccountId, facts: &Facts) -> wire::Account {
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

pub(super) fn known(world: &World, call: &Call, id: &str) -> Result<(AccountId, Facts), ApiError> {
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
    let seen = earlier(call.now, world.settings.list_lag);
    let world = &*world;
    let entries = world
        .organization
        .accounts
        .iter()
        .filter_map(|(id, line)| line.at(seen).map(|facts| (id, facts)))
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
