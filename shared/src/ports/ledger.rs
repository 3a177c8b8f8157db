//! The ledger: Usher's record. Every write is conditional; what the rows mean is in [`crate::ledger`].

use std::time::Duration;

use jiff::Timestamp;

use super::{Page, PortError};
use crate::{
    domain::{AccountId, AssignmentKey, PermissionSetArn, RulesVersion},
    ledger::{BudgetKey, Campaign, Charge, Fence, Lease, Orders, Provenance, Round, Row},
    outcome::Outcome,
};

/// A row to write, if nobody has written it since it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowWrite {
    /// The row as it should be. `row.version` is the version it was read with, 0 for a row that must not exist yet; the
    /// ledger stores it with the next one.
    pub row: Row,
    /// What is to be told of it: kept with the row, or not at all.
    pub outcome: Option<Outcome>,
}

impl RowWrite {
    /// A row of which nothing is told.
    pub fn of(row: Row) -> Self {
        Self { row, outcome: None }
    }

    /// How many items of a transaction these writes are.
    #[cfg(any(feature = "aws", feature = "local"))]
    pub(crate) fn items(writes: &[Self]) -> usize {
        writes.iter().map(|write| 1 + usize::from(write.outcome.is_some())).sum()
    }
}

/// What must hold for a write besides the rows' versions: checked in the same transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// These rules must be in force.
    pub rules: Option<RulesVersion>,
    /// This lease must be the one in force. (Whether it has expired by the clock is the holder's to watch.)
    pub lease: Option<Fence>,
    /// The standing orders must be those of this version: what was read is what holds.
    pub orders: Option<u64>,
    /// These budgets must have room, and are charged.
    pub charges: Vec<Charge>,
}

/// Why the ledger did not write. Nothing of that call was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("the row of `{0}` was changed by another")]
    RowChanged(Box<AssignmentKey>),
    #[error("the campaign of `{0}` was changed by another")]
    CampaignChanged(PermissionSetArn),
    #[error("other rules have come into force")]
    RulesChanged,
    #[error("the engine's lease has passed to another")]
    LeaseLost,
    #[error("other orders were given meanwhile")]
    OrdersChanged,
    #[error("the budget `{0}` is spent")]
    BudgetSpent(BudgetKey),
    /// The ledger could not be read or written. After a failed write it may have been written.
    #[error("the ledger cannot be used")]
    Port(#[from] PortError),
}

/// The version of the rules in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RulesInForce {
    pub version: RulesVersion,
    pub since: Timestamp,
    /// How many rules it has: a new version with far fewer is refused.
    pub rules: usize,
    /// How they came into force; `None` where it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// What a remembered name or fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenKind {
    /// id: the permission set's ARN; value: [`crate::domain::PermissionSet`], with tags that may be old. Its name never changes.
    PermissionSet,
    /// id: the permission set's ARN; value: [`crate::domain::Tags`]
    PermissionSetTags,
    /// id: a permission set's name that rules have found; value: its ARN, and who has confirmed it. Never grows too old, and
    /// only a person's word takes the place of what was seen first.
    PermissionSetName,
    /// id: the group's name that rules have found; value: its id
    Group,
    /// id: the group's id; value: [`LastName`]
    GroupName,
    /// id: the user's name that rules have found; value: its id
    User,
    /// id: the user's id; value: [`LastName`]
    UserName,
    /// id: the OU's id; value: its name, or null since it is known to have been renamed
    OrganizationalUnit,
    /// id: the account's id; value: whether it had tags when that was last proved
    TaggedAccount,
    /// id: the account's id; value: its [`crate::domain::Tags`], where a wave of reprovisioning goes by them and they had to be asked
    /// for one by one
    AccountTags,
    /// id: an account's id, or a permission set's ARN; value: of each key of its tags that rules may go by, a digest of its value
    TrustedTags,
    /// id: an account's id; value: [`crate::outcome::Standing`], what is withheld there as far as it was told
    Withheld,
    /// id: `<group's id>/<user's id>`; value: the membership's id, and whether it was told. And `<group's id>/`: the group's members were read to the last page.
    Member,
    /// id: a membership's id; value: the id of its [`SeenKind::Member`].
    Membership,
    /// id: a consent's id; value: [`crate::ledger::ConsentRecord`]. The journal: nothing is ever taken out of it.
    Consent,
    /// id: [`crate::ledger::Publication::id`]; value: [`crate::ledger::Publication`]. Nothing is ever taken out of it.
    Publication,
    /// id: the ARN of a permission set that is Usher's, or `making:` or `editing:` and the name of one that is being made or edited; value:
    /// what makes it so.
    OwnPermissionSet,
    /// id: when a campaign began, and its permission set's ARN; value: [`crate::ledger::CampaignRecord`]. A bounded number is kept.
    Reprovisioned,
    /// id: [`crate::domain::Route::word`]; value: [`crate::domain::SelfTestRecord`], of the self-test that came last that way.
    SelfTest,
    /// id: `reprovisioning-look`: how far the look for outdated permission sets has come.
    /// id: `organization`; value: [`super::OrganizationFacts`]. id: `permission-sets`: when all were last listed.
    /// id: `owned`: how many rows were ours at the last sweep or the end of the last `usher apply`. id: `instance`: the ARN of the instance that the ledger belongs to.
    /// id: `waits:sweep`, `waits:audit`: when it was refused the turn at reading last.
    /// id: `declared-permission-sets`: how far the round over those has come.
    /// id: `standing`: how much was blocked, withheld and uncertain at the last sweep. id: `swept`: when the last round of the sweep ended.
    /// id: `to-sweep`, `to-audit`: when a tick first found rules. id: `audited`: when a report of who has what was last finished.
    /// id: `trusted-tags`: of which trusted keys a whole round of the sweep has looked at everything.
    /// id: `turned`: up to which instant the beginnings and ends of rules were handled.
    /// id: `members:` and a group's id: somebody is reading its members for the first time.
    /// id: `unhinted:` and a publication's id: rules that are to come into force, or have, and of which no account was hinted yet.
    Fact,
}

impl SeenKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::PermissionSet,
        Self::PermissionSetTags,
        Self::PermissionSetName,
        Self::Group,
        Self::GroupName,
        Self::User,
        Self::UserName,
        Self::OrganizationalUnit,
        Self::TaggedAccount,
        Self::AccountTags,
        Self::TrustedTags,
        Self::Withheld,
        Self::Member,
        Self::Membership,
        Self::Consent,
        Self::Publication,
        Self::OwnPermissionSet,
        Self::Reprovisioned,
        Self::SelfTest,
        Self::Fact,
    ];

    /// The kind as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::PermissionSet => "permission-set",
            Self::PermissionSetTags => "permission-set-tags",
            Self::TaggedAccount => "tagged-account",
            Self::AccountTags => "account-tags",
            Self::TrustedTags => "trusted-tags",
            Self::PermissionSetName => "permission-set-name",
            Self::Group => "group",
            Self::GroupName => "group-name",
            Self::User => "user",
            Self::UserName => "user-name",
            Self::OrganizationalUnit => "organizational-unit",
            Self::Withheld => "withheld",
            Self::Member => "member",
            Self::Membership => "membership",
            Self::Consent => "consent",
            Self::OwnPermissionSet => "own-permission-set",
            Self::Reprovisioned => "reprovisioned",
            Self::Publication => "publication",
            Self::SelfTest => "self-test",
            Self::Fact => "fact",
        }
    }
}

/// The name that a group or a user was last seen with: what AWS no longer knows is still told by its name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastName {
    pub name: String,
    /// AWS no longer has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// An event has told it, and all accounts that the name may touch were hinted. Whoever has only seen it can't say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hinted: bool,
}

/// Something that was read from AWS and is worth remembering, with its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    pub value: serde_json::Value,
    pub at: Timestamp,
}

impl Seen {
    /// How long [`Seen::stored_at`] is.
    #[cfg(feature = "aws")]
    pub(crate) const STORED_AT: usize = "2026-11-02T09:00:00.000000000Z".len();

    /// The time as it is stored: of a fixed width, so that text order is time's order. Ledgers from before that hold times of
    /// another width, which can't be compared.
    #[cfg(any(feature = "aws", feature = "local"))]
    pub(crate) fn stored_at(&self) -> String {
        format!("{:.9}", self.at)
    }
}

/// What can be asked of the ledger. Reads see every write that was finished before, but for [`LedgerReader::work`] and
/// [`LedgerReader::work_decided_since`], which may be a moment late.
#[async_trait::async_trait]
pub trait LedgerReader: Send + Sync {
    /// All rows of an account, tombstones included, ordered by key.
    async fn rows_of(&self, account: &AccountId) -> Result<Vec<Row>, LedgerError>;
    /// One row.
    async fn row(&self, key: &AssignmentKey) -> Result<Option<Row>, LedgerError>;
    /// All rows, in no order that means anything; `after` is the `next` of the page before.
    async fn rows(&self, after: Option<&str>) -> Result<Page<Row>, LedgerError>;
    /// Rows with work in them in the order of [`Row::work_order`]; at most `limit`.
    async fn work(&self, limit: usize) -> Result<Vec<Row>, LedgerError>;
    /// The same of those that nobody has claimed and that were decided no sooner than `since`.
    async fn work_decided_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Row>, LedgerError>;
    /// The rules in force, if any were ever published.
    async fn rules_in_force(&self) -> Result<Option<RulesInForce>, LedgerError>;
    /// The standing orders; of version 0 where none were ever given.
    async fn orders(&self) -> Result<Orders, LedgerError>;
    /// What a budget has been charged so far.
    async fn spent(&self, budget: &BudgetKey) -> Result<u32, LedgerError>;
    /// The sweep's round, if there ever was one.
    async fn round(&self) -> Result<Option<Round>, LedgerError>;
    /// The campaigns that are not over, ordered by their permission sets.
    async fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError>;
    /// The one of this permission set.
    async fn campaign(&self, permission_set: &PermissionSetArn) -> Result<Option<Campaign>, LedgerError>;
    /// All that is remembered of a kind, ordered by id.
    async fn recall(&self, kind: SeenKind) -> Result<Vec<Seen>, LedgerError>;
    /// What is remembered of a kind by this id.
    async fn recall_one(&self, kind: SeenKind, id: &str) -> Result<Option<Seen>, LedgerError>;
    /// What is remembered of a kind by ids that begin so, ordered by id. Of a kind whose ids may be longer than 1000 bytes, long ones are not found.
    async fn recall_below(&self, kind: SeenKind, beginning: &str) -> Result<Vec<Seen>, LedgerError>;
    /// Outcomes that were kept and not told yet, the oldest first, and then those of people who have joined or left; at most `limit`.
    async fn untold(&self, limit: usize) -> Result<Vec<Outcome>, LedgerError>;
}

/// What can be changed in the ledger: every write is conditional.
#[async_trait::async_trait]
pub trait Ledger: LedgerReader {
    /// Writes all rows or none, with what is to be told of them. At most [`crate::ledger::WRITES_AT_ONCE`] rows and outcomes together.
    async fn write(&self, rows: &[RowWrite], guard: &Guard) -> Result<(), LedgerError>;
    /// Forgets tombstones: rows that are closed, at the version given. Others are left alone.
    async fn forget(&self, rows: &[Row]) -> Result<(), LedgerError>;

    /// Brings rules into force, if those in force are still the ones expected; else [`LedgerError::RulesChanged`].
    async fn bring_into_force(
        &self,
        expected: Option<&RulesInForce>,
        rules: &RulesInForce,
    ) -> Result<(), LedgerError>;

    /// Gives standing orders, if those that stand are still of the version that these were read with; else
    /// [`LedgerError::OrdersChanged`]. They are stored with the next version. Once this has returned, no write under the orders
    /// before can succeed.
    async fn give_orders(&self, orders: &Orders) -> Result<(), LedgerError>;

    /// Takes the engine's lease if nobody holds it at `now`. Each taking has a higher fence than all before.
    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, LedgerError>;
    /// Keeps the lease; [`LedgerError::LeaseLost`] if it has passed to another.
    async fn renew_lease(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, LedgerError>;
    /// Gives the lease back. Not an error if it has passed to another.
    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError>;

    /// Writes where the sweep's round stands, if nobody has written since it was read with this version; tells whether it was written.
    /// It is stored with the next version. Told `false`, a writer whose answer was lost may have been the one that wrote.
    async fn keep_round(&self, round: &Round) -> Result<bool, LedgerError>;

    /// Writes a campaign, if nobody has written it since it was read with this version (0 for one that must not exist yet) and its
    /// permission set has no other; else [`LedgerError::CampaignChanged`]. It is stored with the next version.
    async fn keep_campaign(&self, campaign: &Campaign, guard: &Guard) -> Result<(), LedgerError>;
    /// Takes a campaign out that is over, under the same condition.
    async fn end_campaign(&self, campaign: &Campaign) -> Result<(), LedgerError>;

    /// Remembers what was read from AWS, each in the place of what was remembered by its id, unless that is newer by
    /// [`Seen::at`]: a slow reader never puts back what a later look has replaced. Of equal times the later call's stays.
    async fn remember(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError>;
    /// Remembers for good what was seen first: only ids of which nothing is remembered yet.
    async fn remember_first(&self, kind: SeenKind, seen: &[Seen]) -> Result<(), LedgerError>;
    /// Keeps outcomes to be told that belong to no row. The same one again changes nothing while it is there.
    async fn tell(&self, outcomes: &[Outcome]) -> Result<(), LedgerError>;
    /// Forgets outcomes: they were told.
    async fn told(&self, outcomes: &[Outcome]) -> Result<(), LedgerError>;

    /// Forgets some of it.
    async fn unlearn(&self, kind: SeenKind, ids: &[String]) -> Result<(), LedgerError>;
}
