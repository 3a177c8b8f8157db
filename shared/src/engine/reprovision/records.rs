//! What campaigns came to. A bounded number is kept.

use std::collections::BTreeMap;

use super::Reprovisioner;
use crate::{
    domain::{AccountId, PermissionSetArn},
    ledger::{Campaign, CampaignEnd, CampaignRecord, Cause, MOST_RECORDS, Stage},
    outcome::{Happened, Outcome, Reprovisioned},
    ports::{Ledger, LedgerError, LedgerReader, PortError, Seen, SeenKind},
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
    // They are in order of their ids.
    let cause = match (edits.iter().min_by_key(|edit| edit.at), pushed) {
        (Some(edit), _) => Cause::new("event", &edit.event),
        (None, Some(_)) => Cause::new("command", "reprovision"),
        (None, None) => Cause::new("schedule", "reprovision"),
    };
    Outcome::new(happened, &format!("{began}"), *ended, cause)
}

/// Keeps and tells what a campaign came to that is over, and takes it out. Nothing is done with one that is not.
pub(super) async fn end(ledger: &dyn Ledger, campaign: &Campaign) -> Result<(), LedgerError> {
    let Stage::Over { record } = &campaign.stage else { return Ok(()) };
    let value = serde_json::to_value(record).map_err(|error| PortError::Refused(error.to_string()))?;
    let seen = Seen { id: record.id(), value, at: record.ended };
    // INVARIANT: a crash in between ends it once more, in the same place and under the same id.
    ledger.remember(SeenKind::Reprovisioned, &[seen]).await?;
    ledger.tell(&[outcome(record)]).await?;
    ledger.end_campaign(campaign).await?;
    let CampaignRecord { permission_set, updated, failed, left_out, not_begun, end, .. } = &**record;
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
    let kept = ledger.recall(SeenKind::Reprovisioned).await?;
    if kept.len() > MOST_RECORDS {
        let kept = kept.into_iter().map(|seen| (seen.id, serde_json::from_value(seen.value).ok())).collect();
        ledger.unlearn(SeenKind::Reprovisioned, &surplus(kept, MOST_RECORDS)).await?;
    }
    Ok(())
}

/// The records that give way so that no more than `most` are kept: what can't be read first, then what ended first. The last one of a
/// permission set stays as long as that exists: by it is known what was left behind, and is not begun anew for a day.
fn surplus(mut kept: Vec<(String, Option<CampaignRecord>)>, most: usize) -> Vec<String> {
    let surplus = kept.len().saturating_sub(most);
    let ended = |record: &Option<CampaignRecord>| record.as_ref().map(|record| record.ended);
    kept.sort_by_key(|(_, record)| ended(record));
    let mut last = BTreeMap::new();
    for (id, record) in &kept {
        if let Some(record) = record.as_ref() {
            last.insert(record.permission_set.clone(), id.clone());
        }
    }
    let stays = |id: &String, record: &CampaignRecord| {
        record.end != CampaignEnd::Gone && last.get(&record.permission_set) == Some(id)
    };
    let goes =
        kept.into_iter().filter(|(id, record)| record.as_ref().is_none_or(|record| !stays(id, record)));
    goes.map(|(id, _)| id).take(surplus).collect()
}

impl Reprovisioner<'_> {
    /// The last one of a permission set.
    pub(super) async fn last_record(
        &self,
        permission_set: &PermissionSetArn,
    ) -> Result<Option<CampaignRecord>, LedgerError> {
        let all = records(self.ledger).await?;
        let of_it = all.into_iter().filter(|record| record.permission_set == *permission_set);
        Ok(of_it.max_by_key(|record| record.ended))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{ledger::Edit, reprovision::Looked};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_793_610_000 + seconds).unwrap()
    }

    fn record(set: usize, ended: i64) -> CampaignRecord {
        let set = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{set:016}");
        let campaign = Campaign::found(set.parse().unwrap(), at(0));
        let rules = crate::rules::Reprovision::default();
        let policy = crate::reprovision::Policy {
            rules: &rules,
            mode: crate::domain::Mode::Sync,
            orders: &crate::ledger::Orders::default(),
            management: crate::plan::ManagementWrites::Withheld,
            settle_after: jiff::SignedDuration::ZERO,
        };
        match campaign.looked(None, &policy, at(1), at(ended)) {
            Looked::Over(record) => CampaignRecord { end: CampaignEnd::Done, ..*record },
            Looked::GoesOn(campaign) => panic!("{campaign:?}"),
        }
    }

    #[test]
    fn the_last_record_of_a_permission_set_is_kept_however_old_it_is() {
        let kept = |id: &str, record| (id.to_owned(), Some(record));
        let gone = CampaignRecord { end: CampaignEnd::Gone, ..record(4, 3) };
        let all = vec![
            kept("a", record(1, 1)),
            kept("b", record(2, 9)),
            kept("c", record(2, 5)),
            kept("d", record(2, 2)),
            kept("e", gone),
            ("f".to_owned(), None),
        ];
        assert_eq!(surplus(all.clone(), 6), [""; 0]);
        assert_eq!(surplus(all.clone(), 4), ["f", "d"]);
        assert_eq!(surplus(all, 0), ["f", "d", "e", "c"]);
    }

    #[test]
    fn its_cause_is_the_edit_that_was_made_first() {
        let edit = |event: &str, seconds| Edit {
            event: event.to_owned(),
            name: String::new(),
            by: String::new(),
            role: String::new(),
            at: at(seconds),
        };
        let record = CampaignRecord { edits: [edit("a", 9), edit("b", 3)].into(), ..record(1, 20) };
        assert_eq!(outcome(&record).cause.as_str(), "event:b");
    }
}
