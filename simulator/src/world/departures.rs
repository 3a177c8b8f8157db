//! How accounts leave the organization, and what is told of who came and went.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::{AccountId, AccountState};

use super::{Call, World, accounts, earlier, events, settings::MembershipEvents};
use crate::{ApiError, wire::organizations as wire};

/// How old a created account must be before it can leave (Organizations user guide, "quotas").
const WAIT: Duration = Duration::from_hours(4 * 24);

/// An AWS account outside of the organization that is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outsider {
    pub(crate) name: String,
    pub(crate) email: String,
}

/// What has happened to an account's membership in the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MembershipChange {
    /// It was made in the organization.
    Created,
    /// It accepted an invitation.
    Invited,
    /// It left.
    Left,
    /// The management account removed it.
    Removed,
    /// It was closed ninety days ago.
    Cleaned,
}

fn management_stays() -> ApiError {
    ApiError::new(
        "MasterCannotLeaveOrganizationException",
        "You can't remove a management account from an organization.",
    )
}

/// Refuses to let an account go that can't.
fn may_leave(world: &World, now: Timestamp, account: &AccountId) -> Result<(), ApiError> {
    let organization = &world.organization;
    if *account == organization.management {
        return Err(management_stays());
    }
    let Some(facts) = organization.account(account) else {
        return Err(ApiError::new(
            "AccountNotFoundException",
            "You specified an account that doesn't exist.",
        ));
    };
    if organization.delegations.contains_key(account) {
        return Err(ApiError::constraint(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "The account is a delegated administrator for a service.",
        ));
    }
    match facts.state {
        AccountState::Active | AccountState::Unknown => {}
        // The documentation doesn't say with which reason a closed one is refused.
        AccountState::Suspended
        | AccountState::Closed
        | AccountState::PendingClosure
        | AccountState::PendingActivation => {
            return Err(ApiError::constraint(
                "ACCOUNT_CANNOT_LEAVE_ORGANIZATION",
                "The account isn't active.",
            ));
        }
    }
    if facts.joined_method == "CREATED" && facts.joined_at > earlier(now, WAIT) {
        return Err(ApiError::constraint(
            "WAIT_PERIOD_ACTIVE",
            "The account was created in the organization less than four days ago.",
        ));
    }
    if !facts.can_stand_alone {
        return Err(ApiError::constraint(
            "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED",
            "The account lacks the information that a standalone account requires.",
        ));
    }
    Ok(())
}

pub(super) fn remove(
    world: &mut World,
    call: &Call,
    input: &wire::RemoveAccountFromOrganization,
) -> Result<wire::Nothing, ApiError> {
    let (account, _) = accounts::known(world, call, &input.account_id)?;
    may_leave(world, call.now, &account)?;
    world.let_go(&account);
    world.changed_by_call(&account, MembershipChange::Removed);
    Ok(wire::Nothing {})
}

pub(super) fn leave(
    world: &mut World,
    call: &Call,
    _: &wire::LeaveOrganization,
) -> Result<wire::Nothing, ApiError> {
    let account = call.caller.account.clone();
    super::organization::in_organization(world, call)?;
    may_leave(world, call.now, &account)?;
    world.let_go(&account);
    world.changed_by_call(&account, MembershipChange::Left);
    Ok(wire::Nothing {})
}

impl World {
    /// Takes an account and its tags out of the organization. Its lists forget it at once, whatever their lag.
    pub(super) fn take_out(&mut self, account: &AccountId) {
        self.organization.accounts.remove(account);
        self.organization.tags.remove(account.as_str());
        self.organization.delegations.remove(account);
        if !self.settings.assumptions.departed_accounts_keep_assignments {
            self.forget_assignments(account);
        }
    }

    /// The same, and the account goes on outside.
    pub(super) fn let_go(&mut self, account: &AccountId) {
        if let Some(facts) = self.organization.account(account) {
            let outsider = Outsider { name: facts.name.clone(), email: facts.email.clone() };
            self.organization.outside.insert(account.clone(), outsider);
        }
        self.take_out(account);
    }

    fn forget_assignments(&mut self, account: &AccountId) {
        let at = self.now;
        let keys: Vec<_> = self.assignments.all().into_keys().filter(|key| key.account == *account).collect();
        for key in keys {
            self.assignments.set(at, &key, None);
        }
    }

    /// Tells of a change once the call that made it has been told of.
    pub(super) fn changed_by_call(&mut self, account: &AccountId, change: MembershipChange) {
        let event = self.membership_event(self.now, account, change);
        self.afterwards.extend(event);
    }

    /// Tells the management account that an account has joined or departed.
    pub(super) fn membership_changed(
        &mut self,
        at: Timestamp,
        account: &AccountId,
        change: MembershipChange,
    ) {
        if let Some(event) = self.membership_event(at, account, change) {
            self.send(&event);
        }
    }

    fn membership_event(
        &mut self,
        at: Timestamp,
        account: &AccountId,
        change: MembershipChange,
    ) -> Option<Value> {
        let (name, by, when, method) = match change {
            MembershipChange::Created => {
                ("AccountJoinedOrganization", "joinedMethod", "joinedTime", "CREATED")
            }
            MembershipChange::Invited => {
                ("AccountJoinedOrganization", "joinedMethod", "joinedTime", "INVITED")
            }
            MembershipChange::Left => {
                ("AccountDepartedOrganization", "departureMethod", "departureTime", "LEFT")
            }
            MembershipChange::Removed => {
                ("AccountDepartedOrganization", "departureMethod", "departureTime", "REMOVED")
            }
            MembershipChange::Cleaned => {
                ("AccountDepartedOrganization", "departureMethod", "departureTime", "CLEANED")
            }
        };
        let arn = self.organization.arn("account", account.as_str());
        let management = self.organization.management.clone();
        let mut details =
            json!({ "managementAccountId": management, by: method, when: events::for_people(at) });
        let resource = match self.settings.assumptions.membership_events {
            MembershipEvents::NotSent => return None,
            MembershipEvents::InDetails => {
                if let Some(members) = details.as_object_mut() {
                    members.insert("accountId".to_owned(), json!(account));
                }
                None
            }
            MembershipEvents::InResources => Some(arn),
        };
        let mut event = events::organizations_service_event(self, at, name, &details);
        if let Some(detail) = event.get_mut("detail").and_then(Value::as_object_mut) {
            let invoked = json!({ "accountId": management, "invokedBy": "organizations.amazonaws.com" });
            detail.insert("userIdentity".to_owned(), invoked);
            if let Some(arn) = resource {
                detail.insert("resources".to_owned(), json!([{ "accountId": management, "ARN": arn }]));
            }
        }
        Some(event)
    }
}
