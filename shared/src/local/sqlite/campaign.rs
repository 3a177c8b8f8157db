//! Campaigns: entries among what is remembered, of a kind of their own. Their place in time is the number of their version.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::{unreadable, unusable};
use crate::{
    domain::PermissionSetArn,
    ledger::Campaign,
    ports::{LedgerError, PortError},
};

/// All of them, ordered by their permission sets.
pub(super) fn all(connection: &Connection) -> Result<Vec<Campaign>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT value, at FROM seen WHERE kind = 'campaign' ORDER BY id")
        .map_err(unusable)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(unusable)?;
    found.map(|row| of_row(row.map_err(unusable)?)).collect()
}

/// The one of a permission set.
pub(super) fn one(
    connection: &Connection,
    permission_set: &PermissionSetArn,
) -> Result<Option<Campaign>, LedgerError> {
    let found = connection
        .query_row(
            "SELECT value, at FROM seen WHERE kind = 'campaign' AND id = ?1",
            [permission_set.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(unusable)?;
    found.map(of_row).transpose()
}

fn of_row((content, version): (String, String)) -> Result<Campaign, LedgerError> {
    let campaign: Campaign =
        serde_json::from_str(&content).map_err(|error| unreadable("a campaign", error))?;
    let version = version.parse().map_err(|error| unreadable("the version of a campaign", error))?;
    Ok(Campaign { version, ..campaign })
}

/// Puts it in the place of the one that was read.
pub(super) fn keep(transaction: &Transaction<'_>, campaign: &Campaign) -> Result<(), LedgerError> {
    check(transaction, campaign)?;
    let content = serde_json::to_string(campaign)
        .map_err(|error| PortError::Refused(format!("a campaign is no JSON: {error}")))?;
    let version = campaign.version.saturating_add(1).to_string();
    transaction
        .execute(
            "INSERT INTO seen (kind, id, value, at) VALUES ('campaign', ?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET value = excluded.value, at = excluded.at",
            params![campaign.permission_set.as_str(), content, version],
        )
        .map_err(unusable)?;
    Ok(())
}

/// Takes it out.
pub(super) fn end(transaction: &Transaction<'_>, campaign: &Campaign) -> Result<(), LedgerError> {
    check(transaction, campaign)?;
    transaction
        .execute("DELETE FROM seen WHERE kind = 'campaign' AND id = ?1", [campaign.permission_set.as_str()])
        .map_err(unusable)?;
    Ok(())
}

/// Whether it is still the one that was read.
fn check(transaction: &Transaction<'_>, campaign: &Campaign) -> Result<(), LedgerError> {
    let is_it = match one(transaction, &campaign.permission_set)? {
        Some(kept) => kept.version == campaign.version && kept.began == campaign.began,
        None => campaign.version == 0,
    };
    if is_it { Ok(()) } else { Err(LedgerError::CampaignChanged(campaign.permission_set.clone())) }
}
