//! Campaigns that begin: an edit was told, or a person pushes.

use jiff::Timestamp;

use super::{TRIES, end, records};
use crate::{
    domain::PermissionSetArn,
    ledger::{Campaign, Edit, Order},
    ports::{Clock, Guard, Ledger, LedgerError, PortError},
};

/// What came of an edit or a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A campaign began.
    Begun,
    /// One that is there goes by it from now on.
    Joined,
    /// It was known.
    Known,
}

/// A permission set was edited: it is due.
pub(in crate::engine) async fn mark(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    permission_set: &PermissionSetArn,
    edit: &Edit,
) -> Result<Mark, LedgerError> {
    // An event may come again when all that follows from it is done.
    let is_done = |edits: &std::collections::BTreeSet<Edit>| edits.iter().any(|it| it.event == edit.event);
    if open(ledger, permission_set).await?.is_none() {
        let all = records(ledger).await?;
        if all.iter().any(|record| record.permission_set == *permission_set && is_done(&record.edits)) {
            return Ok(Mark::Known);
        }
    }
    write(ledger, clock, permission_set, |campaign, now| {
        Campaign::edited(campaign, permission_set, edit.clone(), now)
    })
    .await
}

/// A person pushes a permission set to its accounts: at once, whatever the rules say of the time.
pub async fn push(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    permission_set: &PermissionSetArn,
    order: &Order,
) -> Result<Mark, LedgerError> {
    write(ledger, clock, permission_set, |campaign, now| {
        Some(Campaign::pushed(campaign, permission_set, order.clone(), now))
    })
    .await
}

/// The campaign of a permission set. One that is over is ended first, and the next begins without it.
async fn open(
    ledger: &dyn Ledger,
    permission_set: &PermissionSetArn,
) -> Result<Option<Campaign>, LedgerError> {
    let campaign = ledger.campaign(permission_set).await?;
    let Some(over) = campaign.as_ref().filter(|campaign| campaign.is_over()) else { return Ok(campaign) };
    match end(ledger, over).await {
        // Somebody else has ended it meanwhile.
        Ok(()) | Err(LedgerError::CampaignChanged(_)) => ledger.campaign(permission_set).await,
        Err(error) => Err(error),
    }
}

async fn write(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    permission_set: &PermissionSetArn,
    into: impl Fn(Option<Campaign>, Timestamp) -> Option<Campaign>,
) -> Result<Mark, LedgerError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let before = open(ledger, permission_set).await?;
        let mark = if before.is_some() { Mark::Joined } else { Mark::Begun };
        let Some(campaign) = into(before, clock.now()) else { return Ok(Mark::Known) };
        match ledger.keep_campaign(&campaign, &Guard::default()).await {
            Ok(()) => return Ok(mark),
            Err(LedgerError::CampaignChanged(_)) if tries < TRIES => {}
            Err(LedgerError::Port(PortError::Conflict(_))) if tries < TRIES => {
                clock.sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
