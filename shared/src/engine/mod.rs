//! The only code that reads, decides and writes, in that order.
//!
//! ```text
//! Inbox       hint -> account hints in the queue; CenterInbox the same of groups, users and permission sets
//! Planner     one account, or all: ledger rows, then AWS -> a decision. Holds readers only: it is the dry run
//! Reconciler  Planner -> guardrails -> intents in the ledger -> wake
//! Provisioner lease -> claims -> calls -> results: the one thing that sends writes to AWS
//! Reprovisioner  edited permission sets -> their accounts, under the same lease
//! SetKeeper   permission sets that the rules declare -> as they are declared, under the same lease
//! Poller      one request that takes long -> its result, or another look later
//! Epochs      the ledger held against what a second place tells of it -> what is frozen until somebody confirms it
//! Tick        what time alone brings about: lost wakes, rules that begin or end, or came into force
//! Incoming    uploaded rules -> checked, planned, and in force; the answer beside them
//! Members     who is in the groups that matter -> what somebody has gained or lost by it
//! Announcer   outcomes, from the ledger to the bus
//! Sweep       Planner over everything -> hints for the accounts that differ
//! Auditor     everything, or a part of it -> who has access to what; Reporter the same on a schedule, for a store
//! Letters     what failed for good, as it is found in the dead-letter queues, and its way back
//! Consent     what people approve, pause, hold, adopt and disown -> rows, orders, the journal
//! ```

mod allowance;
mod announcer;
mod audit;
mod beyond;
mod center;
mod confirm;
pub mod consent;
mod declared;
mod dossier;
mod epoch;
mod existing;
mod forecast;
mod gauges;
mod hearing;
mod inbox;
mod incoming;
mod inventory;
mod letters;
mod look;
mod members;
mod memory;
mod outline;
mod parking;
mod planner;
#[cfg(test)]
mod planner_growth;
mod poll;
mod provisioner;
mod publish;
mod reading;
mod reconciler;
mod refusals;
mod reprovision;
mod rulebook;
mod self_test;
mod survey;
mod sweep;
mod tick;
mod transfer;
mod trusted_tags;
mod turns;
mod wake;

use std::time::Duration;

pub use announcer::{AnnounceError, Announcer};
pub use audit::{
    AuditError, AuditSettings, Auditor, Pointer, ReportEnd, ReportError, ReportSettings, ReportSummary,
    Reporter, Steps,
};
pub use beyond::{BeyondHere, beyond, weigh};
pub use center::CenterInbox;
pub use declared::{
    DeclaredSets, DeclaredSetsError, Foreseen, KeepSummary, Kept, SetKeeper, SetStanding, SetSurvey, SetWait,
    StandIns, Surveyed,
};
pub use dossier::{Dossier, Opened};
pub use epoch::{EpochError, Epochs};
pub use existing::{ExistingError, ReadExisting, WantedNow};
pub use hearing::{Arrival, HearError, Heard, Hearing};
pub use inbox::{AccountHint, Inbox, InboxError, Occasion, UnreadableHint};
pub use incoming::{Answer, Became, Incoming, IncomingError, Taken, is_answer, put_off};
pub use inventory::Inventory;
pub use letters::{FedBy, Letter, Queues, WayBack, letters};
pub use look::all_rows;
pub use members::{Members, MembersError};
pub use memory::remember;
pub use outline::OutlineError;
pub use parking::{DeadLetters, Parked, ParkedFor, Tried, UnreadableJson};
pub use planner::{Basis, Decided, Planner, Untold, UntoldOfAll};
pub use poll::{Poll, PollEnd, PollError, PollMessage, Polled, Poller, UnreadablePoll};
pub use provisioner::{Provisioner, RunEnd, RunError, RunSummary};
pub use publish::{
    Press, PublishError, Published, hint_everywhere, may_follow, publications, publish, publish_planned,
    stay_in_scope, version_before,
};
pub use reading::{ReadError, instance_of, of_this_instance};
pub use reconciler::{ReconcileError, Reconciled, Reconciler};
pub use reprovision::{
    Mark, Outlook, ProvisioningPoll, ReprovisionError, ReprovisionSettings, ReprovisionSummary,
    Reprovisioner, push, records,
};
pub use rulebook::{Rulebook, RulesOnHand};
pub use self_test::{SelfTests, self_test_record};
pub use survey::Survey;
pub use sweep::{Sweep, SweepEnd, SweepError, SweepSettings, SweepSummary};
pub use tick::{Tick, TickError, TickSummary};
pub use transfer::{
    Content, Copied, Line, TransferError, exported, import as import_ledger, read as read_ledger,
};
pub use wake::{Learned, Wake};

use crate::{
    plan::{ManagementWrites, Quotas},
    ports::{AccessReader, Clock, Directory, LedgerReader, OrganizationReader},
};

/// Everything a decision may read. There is no writer in it.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub organization: &'a dyn OrganizationReader,
    pub directory: &'a dyn Directory,
    pub access: &'a dyn AccessReader,
    pub ledger: &'a dyn LedgerReader,
    pub rulebook: &'a Rulebook,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// How decisions are made and carried out. Each has a default that suits an organization of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// How many assignment requests may be outstanding at once, revokes counted. AWS's pages say 10 (older) and 15 (newest);
    /// whether deletes count is not documented, so they do.
    pub window: usize,
    /// How long a fresh row is believed over a list.
    pub lag: Duration,
    /// How old remembered permission sets and names of OUs may be.
    pub facts_age: Duration,
    /// What was remembered before this is not believed, however new.
    pub facts_since: Option<jiff::Timestamp>,
    /// How old an intent may be when it is sent; an older one is decided again.
    pub intent_age: Duration,
    /// How fresh the look must be that says nobody else made the assignment: an older grant looks once more before it is sent.
    pub look_age: Duration,
    /// How long AWS's lists of requests may hide one that was accepted. Not documented: lists seen lagged up to 30 s.
    pub settle_after: Duration,
    /// How long a request may take before the engine stops staying up for it alone.
    pub patience: Duration,
    /// How long one run of the engine lasts before it hands over.
    pub run_for: Duration,
    /// How long the lease is valid without being renewed. Longer than any single call may take.
    pub lease: Duration,
    /// The longest that the engine doesn't look at the ledger for new work, while it runs.
    pub tick: Duration,
    /// How many calls a second the engine makes of its own accord: its share of the 20 a second that AWS allows all of the
    /// organization's calls of SSO Admin together.
    pub rate: u32,
    /// How many of these calls may come at once. How large AWS's burst is, is not documented; half a second's worth of its rate
    /// is taken.
    pub burst: u32,
    /// How long an assignment whose principal no longer exists is left before it is cleaned up.
    pub orphan_grace: Duration,
    /// How long tombstones are kept.
    pub tombstones: Duration,
    pub management: ManagementWrites,
    /// What AWS allows in one account.
    pub quotas: Quotas,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            window: 10,
            lag: Duration::from_mins(5),
            facts_age: Duration::from_mins(15),
            facts_since: None,
            intent_age: Duration::from_mins(15),
            look_age: Duration::from_secs(15),
            settle_after: Duration::from_mins(1),
            patience: Duration::from_mins(5),
            run_for: Duration::from_secs(90),
            lease: Duration::from_secs(90),
            tick: Duration::from_millis(500),
            rate: 10,
            burst: 10,
            orphan_grace: Duration::from_hours(24),
            tombstones: Duration::from_hours(24),
            management: ManagementWrites::Withheld,
            quotas: Quotas::default(),
        }
    }
}

/// A duration as time arithmetic wants it.
fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
