//! What begins a campaign, and what turns it back to its beginning.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    domain::{PermissionSetArn, ProvisioningTarget},
    ledger::{Campaign, CampaignRecord, Edit, MOST_EDITS, Order, Sent, Stage},
};

/// What is under way while something comes that does not wait for it.
fn overtaken(sent: Vec<Sent>) -> Vec<Sent> {
    sent.into_iter().map(|sent| Sent { overtaken: true, ..sent }).collect()
}

impl Campaign {
    /// A campaign that begins now. `since` is when the first edit was made.
    fn begin(permission_set: PermissionSetArn, since: Timestamp, now: Timestamp) -> Self {
        Self {
            version: 0,
            permission_set,
            began: now,
            edits: BTreeSet::new(),
            more_edits: 0,
            pushed: None,
            pushed_before: None,
            stage: Stage::Quiet { since, last: since },
            under_way_since: None,
            sent: Vec::new(),
            todo: BTreeSet::new(),
            all_at_once: false,
            one_by_one: false,
            tried: BTreeMap::new(),
            updated: BTreeSet::new(),
            settling: BTreeMap::new(),
            presumed: BTreeSet::new(),
            left_out: BTreeMap::new(),
            looked_at: None,
            later: BTreeSet::new(),
            empty_waves: BTreeSet::new(),
            left_out_waves: BTreeSet::new(),
            last_claim: None,
            not_before: None,
            turned_away: 0,
            conflicts: 0,
            trouble: None,
        }
    }

    /// The schedule has found the permission set outdated, and no event has told of an edit.
    pub fn found(permission_set: PermissionSetArn, now: Timestamp) -> Self {
        Self::begin(permission_set, now, now)
    }

    /// The permission set was edited; `None` if the campaign knows that already.
    pub fn edited(
        campaign: Option<Self>,
        permission_set: &PermissionSetArn,
        edit: Edit,
        now: Timestamp,
    ) -> Option<Self> {
        // A clock that is ahead puts nothing off.
        let at = edit.at.min(now);
        let edit = Edit { at, ..edit };
        // One that is over is ended first: until then the ledger takes no other.
        let Some(mut campaign) = campaign.filter(|campaign| !campaign.is_over()) else {
            let begun = Self::begin(permission_set.clone(), at, now);
            return Some(Self { edits: [edit].into(), ..begun });
        };
        if campaign.edits.iter().any(|known| known.event == edit.event) {
            return None;
        }
        if campaign.edits.len() < MOST_EDITS {
            campaign.edits.insert(edit);
        } else {
            campaign.more_edits = campaign.more_edits.saturating_add(1);
        }
        Some(match (campaign.under_way_since, &campaign.stage) {
            // What is provisioned since then has it.
            (Some(since), _) if at <= since => campaign,
            // How long it may be put off is counted from what was heard of first: one that is told late cuts nothing.
            (None, Stage::Quiet { since, last }) => {
                Self { stage: Stage::Quiet { since: *since, last: *last.max(&at) }, ..campaign }
            }
            // Every account is outdated again, those that were done first of all. A push was for what was there then.
            (Some(_), _) | (None, Stage::Wave { .. } | Stage::Over { .. }) => {
                let Self { version, permission_set, began, edits, more_edits, sent, .. } = campaign;
                let pushed_before = campaign.pushed.or(campaign.pushed_before);
                let again = Self::begin(permission_set, at, began);
                Self { version, edits, more_edits, pushed_before, sent: overtaken(sent), ..again }
            }
        })
    }

    /// It came to this: kept in its place until the record is told.
    #[must_use = "it takes the place of the campaign in the ledger"]
    pub fn over_by(self, record: Box<CampaignRecord>) -> Self {
        let Self { version, permission_set, began, .. } = self;
        let begun = Self::begin(permission_set, began, began);
        Self { version, stage: Stage::Over { record }, ..begun }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// A person wants it now: neither quiet, windows, freezes nor waves hold it up, and what has failed is tried again.
    pub fn pushed(
        campaign: Option<Self>,
        permission_set: &PermissionSetArn,
        order: Order,
        now: Timestamp,
    ) -> Self {
        let campaign = campaign
            .filter(|campaign| !campaign.is_over())
            .unwrap_or_else(|| Self::begin(permission_set.clone(), now, now));
        let all_under_way =
            campaign.sent.iter().any(|sent| sent.target == ProvisioningTarget::AllProvisionedAccounts);
        Self {
            pushed: Some(order),
            // Looked at again, with every wave in it; a request for all that is under way is for these.
            todo: if all_under_way { campaign.todo } else { BTreeSet::new() },
            looked_at: None,
            sent: overtaken(campaign.sent),
            tried: BTreeMap::new(),
            not_before: None,
            turned_away: 0,
            conflicts: 0,
            ..campaign
        }
    }
}
