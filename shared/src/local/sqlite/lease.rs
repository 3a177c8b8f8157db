//! The engine's lease. Its row stays when it is given back, so that fences only ever rise.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::{too_large, unreadable, unusable};
use crate::{
    clock::later,
    ledger::{Fence, Lease},
    ports::LedgerError,
};

/// The lease as it is stored: nobody's when it has no holder.
struct Stored {
    fence: i64,
    holder: Option<String>,
    expires_at: Timestamp,
}

fn stored(connection: &Connection) -> Result<Option<Stored>, LedgerError> {
    let found: Option<(i64, Option<String>, String)> = connection
        .query_row("SELECT fence, holder, expires_at FROM lease", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
        .map_err(unusable)?;
    found
        .map(|(fence, holder, expires_at)| {
            let expires_at = expires_at.parse().map_err(|error| unreadable("the lease", error))?;
            Ok(Stored { fence, holder, expires_at })
        })
        .transpose()
}

fn column(fence: Fence) -> Result<i64, LedgerError> {
    i64::try_from(fence.0).map_err(|_| too_large("a fence"))
}

/// Whether the lease with this fence was taken by somebody and has not been given back or passed on.
pub(super) fn is_in_force(connection: &Connection, fence: Fence) -> Result<bool, LedgerError> {
    let Ok(fence) = i64::try_from(fence.0) else { return Ok(false) };
    Ok(stored(connection)?.is_some_and(|stored| stored.fence == fence && stored.holder.is_some()))
}

/// Takes it, unless somebody holds it: until the moment at which it expires, that moment not included.
pub(super) fn acquire(
    transaction: &Transaction<'_>,
    holder: &str,
    now: Timestamp,
    ttl: Duration,
) -> Result<Option<Lease>, LedgerError> {
    let last = match stored(transaction)? {
        Some(Stored { holder: Some(_), expires_at, .. }) if now < expires_at => return Ok(None),
        Some(Stored { fence, .. }) => fence,
        None => 0,
    };
    let fence = last.checked_add(1).ok_or_else(|| too_large("a fence"))?;
    let expires_at = later(now, ttl);
    transaction
        .execute(
            "INSERT INTO lease (only, fence, holder, expires_at) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET fence = excluded.fence, holder = excluded.holder,
                 expires_at = excluded.expires_at",
            params![fence, holder, expires_at.to_string()],
        )
        .map_err(unusable)?;
    let fence = Fence(u64::try_from(fence).map_err(|error| unreadable("the lease", error))?);
    Ok(Some(Lease { holder: holder.to_owned(), fence, expires_at }))
}

/// Keeps it. An expired lease that nobody has taken is still its holder's.
pub(super) fn renew(
    transaction: &Transaction<'_>,
    lease: &Lease,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, LedgerError> {
    let expires_at = later(now, ttl);
    let kept = transaction
        .execute(
            "UPDATE lease SET expires_at = ?2 WHERE fence = ?1 AND holder IS NOT NULL",
            params![column(lease.fence)?, expires_at.to_string()],
        )
        .map_err(unusable)?;
    if kept == 0 {
        return Err(LedgerError::LeaseLost);
    }
    Ok(Lease { expires_at, ..lease.clone() })
}

/// Gives it back, if it is still this one.
pub(super) fn release(transaction: &Transaction<'_>, lease: &Lease) -> Result<(), LedgerError> {
    transaction
        .execute("UPDATE lease SET holder = NULL WHERE fence = ?1", [column(lease.fence)?])
        .map_err(unusable)?;
    Ok(())
}
