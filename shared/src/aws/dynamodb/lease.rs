//! The engine's lease: one item, whose fence only ever rises. When it is given back the item stays, without a holder.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    DynamoDbLedger,
    item::{
        Item, LEASE_EXPIRES, LEASE_FENCE, LEASE_HOLDER, Place, number, number_of, text, text_of, time_of,
    },
    transaction::{Condition, Step, transact},
};
use crate::{
    ledger::{Fence, Lease},
    ports::{LedgerError, PortError},
};

/// Looks first, then takes: only what was seen is taken, so of two that see it free one gets it.
pub(super) async fn acquire(
    ledger: &DynamoDbLedger,
    holder: &str,
    now: Timestamp,
    ttl: Duration,
) -> Result<Option<Lease>, LedgerError> {
    let (fence, condition) = match ledger.get(Place::lease()).await? {
        None => (Fence(1), Condition::new("attribute_not_exists(pk)", [])),
        Some(item) => {
            let (fence, expires): (u64, _) = (number_of(&item, LEASE_FENCE)?, text_of(&item, LEASE_EXPIRES)?);
            if item.contains_key(LEASE_HOLDER) && time_of(&item, LEASE_EXPIRES)? > now {
                return Ok(None);
            }
            // With the expiry: its holder may be renewing it right now.
            let seen = [(":fence", number(fence)), (":expires", text(expires))];
            (Fence(fence + 1), Condition::new("lease_fence = :fence AND lease_expires = :expires", seen))
        }
    };
    let lease = Lease { holder: holder.to_owned(), fence, expires_at: after(now, ttl)? };
    let step = Step::put(&ledger.table, held(&lease), &condition, LedgerError::LeaseLost)?;
    match transact(&ledger.client, vec![step]).await {
        Ok(()) => Ok(Some(lease)),
        // Another was quicker, or is at it.
        Err(LedgerError::LeaseLost | LedgerError::Port(PortError::Conflict(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) async fn renew(
    ledger: &DynamoDbLedger,
    lease: &Lease,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, LedgerError> {
    let renewed = Lease { expires_at: after(now, ttl)?, ..lease.clone() };
    let step = Step::put(&ledger.table, held(&renewed), &still(lease), LedgerError::LeaseLost)?;
    transact(&ledger.client, vec![step]).await?;
    Ok(renewed)
}

pub(super) async fn release(ledger: &DynamoDbLedger, lease: &Lease) -> Result<(), LedgerError> {
    let mut free = held(lease);
    free.remove(LEASE_HOLDER);
    let step = Step::put(&ledger.table, free, &still(lease), LedgerError::LeaseLost)?;
    match transact(&ledger.client, vec![step]).await {
        Ok(()) | Err(LedgerError::LeaseLost) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The lease has not passed to another, and was not given back.
fn still(lease: &Lease) -> Condition {
    let held = "lease_fence = :fence AND attribute_exists(lease_holder)";
    Condition::new(held, [(":fence", number(lease.fence.0))])
}

fn held(lease: &Lease) -> Item {
    let Lease { holder, fence, expires_at } = lease;
    let mut item = Place::lease().into_item();
    item.insert(LEASE_HOLDER.to_owned(), text(holder));
    item.insert(LEASE_FENCE.to_owned(), number(fence.0));
    item.insert(LEASE_EXPIRES.to_owned(), text(expires_at.to_string()));
    item
}

fn after(now: Timestamp, ttl: Duration) -> Result<Timestamp, PortError> {
    now.checked_add(ttl)
        .map_err(|_| PortError::Refused("the lease would expire after the end of time".to_owned()))
}
