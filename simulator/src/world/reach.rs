//! Accounts that Identity Center can't reach: closed ones, suspended ones, and new ones for a while. Requests wait for them.

use jiff::Timestamp;
use shared::domain::AccountId;

use super::{World, later};

/// If Identity Center can't reach an account now: until when a request waits for it. One that is closed or suspended is waited for as
/// long as there is patience, a new one until it is ready.
pub(super) fn waits_until(world: &World, account: &AccountId, accepted_at: Timestamp) -> Option<Timestamp> {
    let assumed = &world.settings.assumptions;
    let patience = later(accepted_at, assumed.suspended_account_hang);
    match world.organization.account(account).filter(|facts| facts.state.is_active()) {
        None => Some(patience),
        Some(facts) => {
            let ready = later(facts.joined_at, assumed.new_account_not_ready);
            (world.now < ready).then_some(ready.min(patience))
        }
    }
}

/// What AWS says of an account that it can't reach: suspended, closed, or too new.
pub(super) fn never(account: &AccountId) -> String {
    format!(
        "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account '{account}' is \
         taking longer than usual. This is not a failure. Please try again later."
    )
}
