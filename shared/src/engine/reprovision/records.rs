//! What campaigns came to. A bounded number is kept.

use std::collections::BTreeMap;

use super::{ReprovisionError, Reprovisioner};
use crate::{
    domain::{AccountId, PermissionSetArn},
    ledger::{Campaign, CampaignRecord, Cause, MOST_RECORDS},
    outcome::{Happened, Outcome, Reprovisioned},
    ports::{LedgerError, LedgerReader, PortError, Seen, SeenKind},
};

/// All that are kept, oldest first. One that can't be read is left out: it stops nothing.
pub async fn records(ledger: &dyn LedgerReader) -> Result<Vec<CampaignRecord>, LedgerError> {
    let kept = ledger.recall(SeenKind::Reprovisioned).await?;
    Ok(kept.into_iter().filter_map(|seen| serde_json::from_value(seen.value).ok()).collect())
}

/// What is told of a campaign that is over.
fn outcome(record: &CampaignRecord) -> Outcome {
    let CampaignRecord { permission_set, began, ended, edits, pushed, updated, failed, .. } = record;
    let CampaignRecord { left_out, not_begun, .. } = record;
    let mut behind: BTreeMap<AccountId, String> = failed.clone();
    let left_out = left_out.iter().map(|(account, why)| (account.clone(), why.in_words().to_owned()));
    behind.extend(left_out);
    behind.extend(not_begun.iter().map(|account| (account.clone(), "it was not begun".to_owned())));
    let happened = Happened::Reprovisioned(Reprovisioned {
        permission_set: permission_set.clone(),
        edits: edits.iter().map(|edit| edit.event.clone()).collect(),
        updated: updated.iter().cloned().collect(),
        unlisted: 0,
        failed: behind,
        failed_unlisted: 0,
    });
    let cause = match (edits.first(), pushed) {
        (Some(edit), _) => Cause::new("event", &edit.event),
        (None, Some(_)) => Cause::new("command", "reprovision"),
        (None, None) => Cause::new("schedule", "reprovision"),
    };
    Outcome::new(happened, &format!("{began}"), *ended, cause)
}

impl Reprovisioner<'_> {
    /// A campaign is over.
    pub(super) async fn keep_record(
        &self,
        campaign: &Campaign,
        record: &CampaignRecord,
    ) -> Result<(), ReprovisionError> {
        let value = serde_json::to_value(record)
            .map_err(|error| LedgerError::from(PortError::Refused(error.to_string())))?;
        let seen = Seen { id: record.id(), value, at: record.ended };
        // INVARIANT: on record first. A crash in between ends it once more, in the same place.
        self.ledger.remember(SeenKind::Reprovisioned, &[seen]).await?;
        self.ledger.tell(&[outcome(record)]).await?;
        self.ledger.end_campaign(campaign).await?;
        let CampaignRecord { permission_set, updated, failed, left_out, not_begun, end, .. } = record;
        tracing::info!(
            %permission_set,
            ?end,
            updated = updated.len(),
            failed = failed.len(),
            left_out = left_out.len(),
            not_begun = not_begun.len(),
            "{permission_set}: reprovisioned in {} accounts, failed in {}",
            updated.len(),
            failed.len()
        );
        // Their ids begin with the time at which they began.
        let kept = self.ledger.recall(SeenKind::Reprovisioned).await?;
        let surplus = kept.len().saturating_sub(MOST_RECORDS);
        if surplus > 0 {
            let oldest: Vec<String> = kept.into_iter().take(surplus).map(|seen| seen.id).collect();
            self.ledger.unlearn(SeenKind::Reprovisioned, &oldest).await?;
        }
        Ok(())
    }

    /// The last one of a permission set.
    pub(super) async fn last_record(
        &self,
        permission_set: &PermissionSetArn,
    ) -> Result<Option<CampaignRecord>, LedgerError> {
        let all = records(self.ledger).await?;
        Ok(all.into_iter().rfind(|record| record.permission_set == *permission_set))
    }
}
