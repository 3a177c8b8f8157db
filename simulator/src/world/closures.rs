//! The closing of accounts: it takes a while, and ninety days later the account is gone.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use shared::domain::{AccountId, AccountState};

use super::{Call, Due, World, accounts, departures::MembershipChange, earlier, events, later, requests};
use crate::{ApiError, wire::organizations as wire};

/// How long a closed account stays visible (Organizations user guide, "account state").
const VISIBLE: Duration = Duration::from_hours(90 * 24);
/// The window of the quota on closings.
const QUOTA_WINDOW: Duration = Duration::from_hours(30 * 24);

/// How many accounts may be closed within thirty days: a fifth of the members, at least 250 and at most 1,000.
fn quota(members: usize) -> usize {
    (members / 5).clamp(250, 1_000)
}

pub(super) fn close(
    world: &mut World,
    call: &Call,
    input: &wire::CloseAccount,
) -> Result<wire::Nothing, ApiError> {
    let (id, facts) = accounts::known(world, call, &input.account_id)?;
    if id == world.organization.management {
        return Err(ApiError::constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            "You can't close the management account.",
        ));
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
    let organization = &world.organization;
    let closing = organization
        .accounts
        .keys()
        .filter_map(|id| organization.account(id))
        .filter(|facts| facts.state == AccountState::PendingClosure)
        .count();
    if closing >= world.settings.quotas.account_closures_at_a_time {
        return Err(ApiError::constraint(
            "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED",
            "You have exceeded the number of accounts that can be closed at a time.",
        ));
    }
    let since = earlier(call.now, QUOTA_WINDOW);
    let recent = organization.closings.iter().filter(|at| **at > since).count();
    if recent >= quota(organization.accounts.len().saturating_sub(1)) {
        return Err(ApiError::constraint(
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED",
            "You have exceeded the number of accounts that can be closed in 30 days.",
        ));
    }
    world.organization.closings.push(call.now);
    world.organization.change(call.now, &id, |facts| facts.state = AccountState::PendingClosure);
    let (_, takes) = requests::course(call.fault.as_ref(), world.settings.close_account_latency);
    // One that hangs stays `PENDING_CLOSURE`.
    if let Some(takes) = takes {
        let latency = takes.sample(&mut world.ids);
        world.schedule(later(call.now, latency), Due::AccountClosed { account: id, since: call.now });
    }
    Ok(wire::Nothing {})
}

/// An account that was being closed is closed.
pub(super) fn closed(world: &mut World, account: &AccountId, since: Timestamp) {
    let at = world.now;
    if world.organization.account(account).is_none_or(|facts| facts.state != AccountState::PendingClosure) {
        // Somebody stepped in: it left, or was put into another state.
        return;
    }
    world.organization.change(at, account, |facts| facts.state = AccountState::Closed);
    let details = json!({ "closeAccountStatus": {
        "accountId": account,
        "state": "SUCCEEDED",
        "requestedTimestamp": events::for_people(since),
        "completedTimestamp": events::for_people(at),
    }});
    let event = events::organizations_service_event(world, at, "CloseAccountResult", &details);
    world.send(&event);
    world.will_be_cleaned(account.clone());
}

impl World {
    /// An account that is closed from now on vanishes in ninety days.
    pub(super) fn will_be_cleaned(&mut self, account: AccountId) {
        let since = self.now;
        self.schedule(later(since, VISIBLE), Due::AccountCleaned { account, since });
    }
}

/// A closed account has been visible for long enough.
pub(super) fn cleaned(world: &mut World, account: &AccountId, since: Timestamp) {
    let at = world.now;
    // It may have been reopened, and even closed again, in between.
    let closed_since = world.organization.accounts.get(account).and_then(|line| {
        let closed = line.entries().iter().rev().take_while(|(_, facts)| facts.state == AccountState::Closed);
        closed.last().map(|(at, _)| *at)
    });
    if closed_since == Some(since) {
        world.take_out(account);
        world.membership_changed(at, account, MembershipChange::Cleaned);
    }
}
