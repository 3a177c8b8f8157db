//! Invitations of accounts that are outside, and their answers.

use std::time::Duration;

use jiff::Timestamp;
use shared::domain::{AccountId, AccountState, ParentId, Tags};

use super::{
    Call, World,
    accounts::Facts,
    creations::is_email,
    departures::{MembershipChange, Outsider},
    earlier, ids, later,
    paging::{PageRequest, page},
    tags, validate,
};
use crate::{
    ApiError,
    wire::{Epoch, organizations as wire},
};

/// How long an invitation can be accepted (Organizations user guide, "expiration times for handshakes").
const OPEN: Duration = Duration::from_hours(15 * 24);
/// How long one that has ended is still known (the same page).
const KNOWN: Duration = Duration::from_hours(30 * 24);
/// The window of the quota on invitations, and how many are always allowed in it.
const QUOTA_WINDOW: Duration = Duration::from_hours(24);
const ALWAYS_ALLOWED: usize = 20;

/// Whom an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Target {
    Account(AccountId),
    Email(String),
}

/// How an invitation was answered, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Answer {
    Accepted,
    Declined,
    Canceled,
}

/// One invitation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    target: Target,
    notes: Option<String>,
    tags: Tags,
    requested_at: Timestamp,
    answer: Option<(Answer, Timestamp)>,
}

impl Invitation {
    fn expires_at(&self) -> Timestamp {
        later(self.requested_at, OPEN)
    }

    fn state(&self, now: Timestamp) -> &'static str {
        match self.answer {
            Some((Answer::Accepted, _)) => "ACCEPTED",
            Some((Answer::Declined, _)) => "DECLINED",
            Some((Answer::Canceled, _)) => "CANCELED",
            None if now >= self.expires_at() => "EXPIRED",
            None => "OPEN",
        }
    }

    fn is_known(&self, now: Timestamp) -> bool {
        let ended = self.answer.map_or_else(|| self.expires_at(), |(_, at)| at);
        now < later(ended, KNOWN)
    }

    /// Whether it is for this account.
    fn is_for(&self, world: &World, account: &AccountId) -> bool {
        match &self.target {
            Target::Account(invited) => invited == account,
            Target::Email(email) => {
                world.organization.email_of(account).is_some_and(|own| own.eq_ignore_ascii_case(email))
            }
        }
    }
}

fn target(call: &Call, party: &wire::HandshakeParty) -> Result<Target, ApiError> {
    validate::length(call, "target.id", &party.id, 1..=64)?;
    validate::one_of(call, "target.type", &party.r#type, &["ACCOUNT", "ORGANIZATION", "EMAIL"])?;
    match party.r#type.as_str() {
        "ACCOUNT" => validate::id(call, "target.id", &party.id).map(Target::Account),
        "EMAIL" if is_email(&party.id) => Ok(Target::Email(party.id.clone())),
        "EMAIL" => Err(ApiError::invalid_input(
            "INVALID_EMAIL_ADDRESS_TARGET",
            "You specified an invalid email address.",
        )),
        _ => Err(ApiError::invalid_input(
            "INVALID_PARTY_TYPE_TARGET",
            "You specified a type of target that can't be invited.",
        )),
    }
}

pub(super) fn invite(
    world: &mut World,
    call: &Call,
    input: &wire::InviteAccountToOrganization,
) -> Result<wire::HandshakeOutput, ApiError> {
    let target = target(call, &input.target)?;
    if let Some(notes) = &input.notes {
        validate::length(call, "notes", notes, 0..=1024)?;
    }
    let new_tags = input.tags.as_deref().unwrap_or_default();
    validate::tags(call, new_tags, world.settings.quotas.tags_per_resource)?;
    let organization = &world.organization;
    let member = match &target {
        Target::Account(account) => organization.account(account).is_some(),
        Target::Email(email) => organization
            .accounts
            .keys()
            .filter_map(|id| organization.account(id))
            .any(|facts| facts.email.eq_ignore_ascii_case(email)),
    };
    if member {
        return Err(ApiError::handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION",
            "The account is already in an organization.",
        ));
    }
    let open = |invitation: &&Invitation| invitation.state(call.now) == "OPEN";
    if organization.invitations.values().filter(open).any(|invitation| invitation.target == target) {
        return Err(ApiError::new(
            "DuplicateHandshakeException",
            "A handshake with the same action and target already exists.",
        ));
    }
    let since = earlier(call.now, QUOTA_WINDOW);
    let attempts = organization.invitations.values().filter(|invitation| {
        invitation.requested_at > since && !matches!(invitation.answer, Some((Answer::Accepted, _)))
    });
    if attempts.count() >= ALWAYS_ALLOWED.max(world.settings.quotas.accounts) {
        return Err(ApiError::handshake_constraint(
            "HANDSHAKE_RATE_LIMIT_EXCEEDED",
            "You have exceeded the number of handshakes that you can send in one day.",
        ));
    }
    world.room_for_an_account(call.now)?;
    let invitation = Invitation {
        target,
        notes: input.notes.clone(),
        tags: tags::read(new_tags),
        requested_at: call.now,
        answer: None,
    };
    let id = format!("h-{}", ids::hex(call.request_id, 32));
    let handshake = shape(world, call.now, &id, &invitation);
    world.organization.invitations.insert(id, invitation);
    Ok(wire::HandshakeOutput { handshake })
}

fn shape(world: &World, now: Timestamp, id: &str, invitation: &Invitation) -> wire::Handshake {
    let organization = &world.organization;
    let resource = |kind: &str, value: &str| wire::HandshakeResource {
        value: value.to_owned(),
        r#type: kind.to_owned(),
        resources: None,
    };
    let management = organization.account(&organization.management);
    let inviter = wire::HandshakeResource {
        resources: Some(vec![
            resource("MASTER_EMAIL", management.map_or("", |facts| &facts.email)),
            resource("MASTER_NAME", management.map_or("", |facts| &facts.name)),
            resource("ORGANIZATION_FEATURE_SET", "ALL"),
        ]),
        ..resource("ORGANIZATION", &organization.id)
    };
    let (kind, target) = match &invitation.target {
        Target::Account(account) => ("ACCOUNT", account.as_str()),
        Target::Email(email) => ("EMAIL", email.as_str()),
    };
    let party = |id: &str, kind: &str| wire::HandshakeParty { id: id.to_owned(), r#type: kind.to_owned() };
    let notes = invitation.notes.as_deref().map(|notes| resource("NOTES", notes));
    wire::Handshake {
        id: id.to_owned(),
        arn: organization.arn("handshake", &format!("invite/{id}")),
        parties: vec![party(&organization.id, "ORGANIZATION"), party(target, kind)],
        state: invitation.state(now).to_owned(),
        requested_timestamp: Epoch(invitation.requested_at),
        expiration_timestamp: Epoch(invitation.expires_at()),
        action: "INVITE".to_owned(),
        resources: [inviter, resource(kind, target)].into_iter().chain(notes).collect(),
    }
}

fn id_is_fine(call: &Call, member: &str, id: &str) -> Result<(), ApiError> {
    let well_formed = id.strip_prefix("h-").is_some_and(|own| {
        (8..=32).contains(&own.len()) && own.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if well_formed { Ok(()) } else { Err(validate::pattern(call, member, id)) }
}

/// An invitation that an input names and the caller may see.
fn known(world: &World, call: &Call, id: &str) -> Result<Invitation, ApiError> {
    id_is_fine(call, "handshakeId", id)?;
    world
        .organization
        .invitations
        .get(id)
        .filter(|it| it.is_known(call.now))
        .filter(|it| is_ours(world, call) || it.is_for(world, &call.caller.account))
        .cloned()
        .ok_or_else(|| {
            ApiError::new(
                "HandshakeNotFoundException",
                "We can't find a handshake with the HandshakeId that you specified.",
            )
        })
}

/// Whether the caller is the one that invites.
fn is_ours(world: &World, call: &Call) -> bool {
    call.caller.account == world.organization.management
}

/// An invitation that is still open; `wanted` is the state that the caller wants to bring it to.
fn open(world: &World, call: &Call, id: &str, wanted: &str) -> Result<Invitation, ApiError> {
    let invitation = known(world, call, id)?;
    match invitation.state(call.now) {
        "OPEN" => Ok(invitation),
        state if state == wanted => Err(ApiError::new(
            "HandshakeAlreadyInStateException",
            "The specified handshake is already in the requested state.",
        )),
        _ => Err(ApiError::new(
            "InvalidHandshakeTransitionException",
            "You can't perform the operation on the handshake in its current state.",
        )),
    }
}

fn answered(
    world: &mut World,
    call: &Call,
    id: &str,
    answer: Answer,
) -> Result<wire::HandshakeOutput, ApiError> {
    if let Some(invitation) = world.organization.invitations.get_mut(id) {
        invitation.answer = Some((answer, call.now));
    }
    let invitation = known(world, call, id)?;
    Ok(wire::HandshakeOutput { handshake: shape(world, call.now, id, &invitation) })
}

/// Only the account that is invited can answer.
fn only_the_invited(world: &World, call: &Call, invitation: &Invitation) -> Result<(), ApiError> {
    if invitation.is_for(world, &call.caller.account) {
        return Ok(());
    }
    Err(ApiError::denied("You don't have permissions to access this resource."))
}

pub(super) fn accept(
    world: &mut World,
    call: &Call,
    input: &wire::AcceptHandshake,
) -> Result<wire::HandshakeOutput, ApiError> {
    let invitation = open(world, call, &input.handshake_id, "ACCEPTED")?;
    only_the_invited(world, call, &invitation)?;
    let account = call.caller.account.clone();
    if world.organization.account(&account).is_some() {
        return Err(ApiError::handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION",
            "The account is already in an organization.",
        ));
    }
    // Of an account that nobody has described, only the id is known.
    let Outsider { name, email } = world.organization.outside.remove(&account).unwrap_or_else(|| Outsider {
        name: format!("account {account}"),
        email: format!("aws+{account}@example.com"),
    });
    let facts = Facts {
        name,
        email,
        state: AccountState::Active,
        parent: ParentId::Root(world.organization.root.clone()),
        joined_at: call.now,
        joined_method: "INVITED",
        can_stand_alone: true,
    };
    world.organization.accounts.entry(account.clone()).or_default().set(call.now, facts);
    world.organization.set_tags(call.now, account.as_str(), invitation.tags);
    world.changed_by_call(&account, MembershipChange::Invited);
    answered(world, call, &input.handshake_id, Answer::Accepted)
}

pub(super) fn decline(
    world: &mut World,
    call: &Call,
    input: &wire::DeclineHandshake,
) -> Result<wire::HandshakeOutput, ApiError> {
    let invitation = open(world, call, &input.handshake_id, "DECLINED")?;
    only_the_invited(world, call, &invitation)?;
    answered(world, call, &input.handshake_id, Answer::Declined)
}

pub(super) fn cancel(
    world: &mut World,
    call: &Call,
    input: &wire::CancelHandshake,
) -> Result<wire::HandshakeOutput, ApiError> {
    open(world, call, &input.handshake_id, "CANCELED")?;
    answered(world, call, &input.handshake_id, Answer::Canceled)
}

pub(super) fn describe(
    world: &mut World,
    call: &Call,
    input: &wire::DescribeHandshake,
) -> Result<wire::HandshakeOutput, ApiError> {
    let invitation = known(world, call, &input.handshake_id)?;
    Ok(wire::HandshakeOutput { handshake: shape(world, call.now, &input.handshake_id, &invitation) })
}

fn listed(
    world: &World,
    call: &Call,
    filter: Option<&wire::HandshakeFilter>,
    request: &PageRequest<'_>,
    seen: impl Fn(&Invitation) -> bool,
) -> Result<wire::HandshakesOutput, ApiError> {
    let mut invitations_too = true;
    if let Some(wire::HandshakeFilter { action_type, parent_handshake_id }) = filter {
        if action_type.is_some() && parent_handshake_id.is_some() {
            return Err(ApiError::invalid_input(
                "MAX_LIMIT_EXCEEDED_FILTER",
                "You can filter by one of ActionType and ParentHandshakeId only.",
            ));
        }
        if let Some(action) = action_type {
            let actions = [
                "INVITE",
                "ENABLE_ALL_FEATURES",
                "APPROVE_ALL_FEATURES",
                "ADD_ORGANIZATIONS_SERVICE_LINKED_ROLE",
                "TRANSFER_RESPONSIBILITY",
            ];
            validate::one_of(call, "filter.actionType", action, &actions)?;
            invitations_too = action == "INVITE";
        }
        if let Some(parent) = parent_handshake_id {
            id_is_fine(call, "filter.parentHandshakeId", parent)?;
        }
        // An invitation has no parent.
        invitations_too &= parent_handshake_id.is_none();
    }
    let entries = world
        .organization
        .invitations
        .iter()
        .filter(|(_, invitation)| invitations_too && invitation.is_known(call.now) && seen(invitation))
        .map(|(id, invitation)| (id.clone(), shape(world, call.now, id, invitation)));
    let (handshakes, next_token) = page(call, request, entries)?;
    Ok(wire::HandshakesOutput { handshakes, next_token })
}

pub(super) fn list_for_organization(
    world: &mut World,
    call: &Call,
    input: &wire::ListHandshakesForOrganization,
) -> Result<wire::HandshakesOutput, ApiError> {
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    listed(world, call, input.filter.as_ref(), &request, |_| true)
}

pub(super) fn list_for_account(
    world: &mut World,
    call: &Call,
    input: &wire::ListHandshakesForAccount,
) -> Result<wire::HandshakesOutput, ApiError> {
    let request = PageRequest { token: input.next_token.as_deref(), size: input.max_results };
    let account = &call.caller.account;
    listed(world, call, input.filter.as_ref(), &request, |invitation| invitation.is_for(world, account))
}

impl World {
    /// Refuses one account more than the organization may have. Open invitations count, and closed accounts as long as they are seen.
    pub(super) fn room_for_an_account(&self, now: Timestamp) -> Result<(), ApiError> {
        let organization = &self.organization;
        let invited = organization.invitations.values().filter(|it| it.state(now) == "OPEN").count();
        let making = organization.creations_under_way();
        if organization.accounts.len() + invited + making < self.settings.quotas.accounts {
            return Ok(());
        }
        Err(ApiError::constraint(
            "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the allowed number of AWS accounts in the organization.",
        ))
    }
}
