//! Reprovisioning, as the ledger keeps it: a campaign brings one permission set's newest version to the accounts that have an old one.
//!
//! A campaign is one item, written with every step, so that whoever goes on with it knows what was about to be sent. What it has come to
//! is kept as a record. How it goes on is decided in [`crate::reprovision`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Order;
use crate::domain::{AccountId, PermissionSetArn, ProvisioningTarget, RequestId};

/// The edits that a campaign names; of further ones it keeps how many there were.
pub const MOST_EDITS: usize = 40;

/// So many records are kept, and the last one of each permission set; what ended first gives way.
pub const MOST_RECORDS: usize = 200;

/// One edit of a permission set, in the order of their times. Which person made it is told by the event's id, in CloudTrail; no name of a person is kept here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Edit {
    pub at: Timestamp,
    /// The event's id.
    pub event: String,
    /// What was done: the call's name.
    pub name: String,
    /// The kind of caller, in CloudTrail's words, such as `AssumedRole`; empty where the event doesn't tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The role of the caller's session, where it has one; the session's own name is often a person's, and is not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
}

/// A permission set on its way to its accounts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Campaign {
    /// The version that this was read with; 0 for a first one that must not exist yet.
    #[serde(skip)]
    pub version: u64,
    pub permission_set: PermissionSetArn,
    /// When it began. Together with the permission set it is the campaign's name.
    pub began: Timestamp,
    /// None where no event told, and the schedule found it.
    pub edits: BTreeSet<Edit>,
    /// Edits beyond those that are named.
    #[serde(default)]
    pub more_edits: u32,
    /// A person has pushed it: neither quiet, windows, freezes nor waves hold it up.
    pub pushed: Option<Order>,
    /// A push from before an edit that has turned it back.
    #[serde(default)]
    pub pushed_before: Option<Order>,
    pub stage: Stage,
    /// Since when it has been under way: edits before that are in the version that is provisioned.
    pub under_way_since: Option<Timestamp>,
    /// Requests that are under way, or about to be sent.
    pub sent: Vec<Sent>,
    /// Accounts of the present wave that were found outdated and are still to be done.
    pub todo: BTreeSet<AccountId>,
    /// All of them may be done by one request.
    pub all_at_once: bool,
    /// They are done one by one: one request for all has been tried, or would not do.
    #[serde(default)]
    pub one_by_one: bool,
    /// Accounts in which it has failed so far.
    pub tried: BTreeMap<AccountId, Tried>,
    /// Accounts that are done, and not listed with an old version any more.
    pub updated: BTreeSet<AccountId>,
    /// Accounts of which AWS has said that it is done, by when it did, in steps of some seconds: they may be listed with an old version for
    /// a while. INVARIANT: no time for each, so that the item of thousands of accounts stays one that `DynamoDB` takes.
    #[serde(default)]
    pub settling: BTreeMap<Timestamp, BTreeSet<AccountId>>,
    /// Accounts of a request of which it is not known how it ended in each: those that are not outdated any more were done by it.
    #[serde(default)]
    pub presumed: BTreeSet<AccountId>,
    /// Outdated accounts that are not written to.
    pub left_out: BTreeMap<AccountId, LeftOut>,
    /// When AWS was last asked which accounts have an old version; `None` if it is to be asked, whatever is under way.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
    /// Outdated accounts of later waves.
    pub later: BTreeSet<AccountId>,
    /// The waves, counted from 1, in which no outdated account was found at first.
    pub empty_waves: BTreeSet<usize>,
    /// The waves, counted from 1, whose outdated accounts were all left out.
    #[serde(default)]
    pub left_out_waves: BTreeSet<usize>,
    /// When something was last claimed.
    #[serde(default)]
    pub last_claim: Option<Timestamp>,
    /// Nothing is sent or asked before this time.
    pub not_before: Option<Timestamp>,
    /// Calls in a row that were turned away.
    pub turned_away: u32,
    /// How often a request for all was in conflict with something else.
    #[serde(default)]
    pub conflicts: u32,
    /// What was last in the way.
    pub trouble: Option<String>,
}

/// How far a campaign is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// More edits may come.
    Quiet {
        /// The first edit that is not under way yet.
        since: Timestamp,
        last: Timestamp,
    },
    /// A wave is done, not before its time.
    Wave {
        /// Counted from 0.
        number: usize,
        from: Timestamp,
    },
    /// It is over, and what it came to is on its way to the records: nobody turns it back any more.
    Over { record: Box<CampaignRecord> },
}

/// A request to provision: written down before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sent {
    pub target: ProvisioningTarget,
    pub at: Timestamp,
    /// What AWS calls it by; `None` until its answer is written down.
    pub request: Option<RequestId>,
    /// When a message was last sent off that looks after it.
    pub followed_at: Option<Timestamp>,
    /// An edit or a push has come since: they wait for it only for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overtaken: bool,
}

/// How an account was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tried {
    pub attempts: u32,
    /// The reason of the last time.
    pub reason: String,
    /// It is not tried again.
    pub lasting: bool,
    /// It is not tried again before.
    pub not_before: Timestamp,
    /// What was in conflict with it, as far as that was all that was in its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// Something else is being done in an account, so that nothing is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Conflict {
    pub since: Timestamp,
    pub times: u32,
}

/// Why an outdated account is not written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// It is suspended, closed, or not ready yet.
    NotActive,
    /// It is no account of the organization any more.
    Departed,
    /// It is the management account, where Usher may not write.
    Management,
    /// A person holds it.
    Held,
}

impl LeftOut {
    /// The reason in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NotActive => "the account is not active",
            Self::Departed => "the account is not in the organization any more",
            Self::Management => {
                "the management account is written to only where `USHER_MANAGEMENT_ACCOUNT` is `direct`"
            }
            Self::Held => "the account is on hold",
        }
    }
}

/// What a campaign came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CampaignRecord {
    pub permission_set: PermissionSetArn,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub end: CampaignEnd,
    pub edits: BTreeSet<Edit>,
    #[serde(default)]
    pub more_edits: u32,
    pub pushed: Option<Order>,
    pub updated: BTreeSet<AccountId>,
    /// Why each has failed.
    pub failed: BTreeMap<AccountId, String>,
    pub left_out: BTreeMap<AccountId, LeftOut>,
    /// Outdated accounts that were not begun.
    pub not_begun: BTreeSet<AccountId>,
    /// The waves, counted from 1, in which there was nothing to do.
    pub empty_waves: BTreeSet<usize>,
    /// The waves, counted from 1, whose outdated accounts were all left out: nothing was tried there before the others.
    #[serde(default)]
    pub left_out_waves: BTreeSet<usize>,
}

impl CampaignRecord {
    /// What it is kept by: the same campaign again takes its own place.
    pub fn id(&self) -> String {
        format!("{:.9} {}", self.began, self.permission_set)
    }

    /// Whether an account was left on the old version by it, for whatever reason.
    pub fn leaves(&self, account: &AccountId) -> bool {
        self.failed.contains_key(account)
            || self.left_out.contains_key(account)
            || self.not_begun.contains(account)
    }
}

/// How a campaign ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignEnd {
    /// Every account that may be written to has the newest version.
    Done,
    /// All were tried, and some have failed.
    Failed,
    /// Some of a wave have failed, so what comes after it was not begun.
    Stopped {
        /// Counted from 1.
        wave: usize,
    },
    /// So many have failed that the others were not begun.
    TooManyFailures,
    /// The permission set doesn't exist any more.
    Gone,
}
