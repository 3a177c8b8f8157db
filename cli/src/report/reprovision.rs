//! What `usher reprovision` tells.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AccountId, PermissionSetArn},
    ledger::{Campaign, CampaignRecord, LeftOut},
    reprovision::Why,
};

/// Everything that waits, is under way, or is over.
#[derive(Debug, Clone, Serialize)]
pub struct ReprovisionReport {
    pub format: u32,
    pub at: Timestamp,
    pub campaigns: Vec<CampaignStatus>,
    /// The oldest first.
    pub records: Vec<RecordStatus>,
}

/// A campaign that is not over.
#[derive(Debug, Clone, Serialize)]
pub struct CampaignStatus {
    /// The permission set's, where the ledger remembers it.
    pub name: Option<String>,
    #[serde(flatten)]
    pub campaign: Campaign,
    /// Requests that AWS has, or is about to get.
    pub under_way: usize,
    /// Why nothing is sent now, and until when; null where something is, or where the rules can't be read.
    pub waits_for: Option<Why>,
    pub until: Option<Timestamp>,
}

/// What a campaign came to.
#[derive(Debug, Clone, Serialize)]
pub struct RecordStatus {
    /// The permission set's, where the ledger remembers it.
    pub name: Option<String>,
    #[serde(flatten)]
    pub record: CampaignRecord,
}

/// One permission set.
#[derive(Debug, Clone, Serialize)]
pub struct OutlookReport {
    pub format: u32,
    pub at: Timestamp,
    pub permission_set: PermissionSetArn,
    pub name: Option<String>,
    /// It doesn't exist any more.
    pub gone: bool,
    pub campaign: Option<CampaignStatus>,
    /// Why nothing is sent now, and until when.
    pub waits_for: Option<Why>,
    pub until: Option<Timestamp>,
    /// How many waves the rules name; one more holds what none of them selects.
    pub named_waves: usize,
    /// Outdated accounts by their waves, counted from 1.
    pub waves: BTreeMap<usize, Vec<AccountId>>,
    /// Outdated accounts that are not written to.
    pub left_out: BTreeMap<AccountId, LeftOut>,
    /// The waves, counted from 1, of those.
    pub left_out_waves: BTreeSet<usize>,
    pub last: Option<RecordStatus>,
}
