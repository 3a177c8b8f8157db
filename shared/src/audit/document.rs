//! The report: who has access to what at one moment, and what has changed since the one before.
//!
//! Lists are ordered, and things refer to each other by id: the same organization gives the same bytes. What is left out of the JSON is
//! empty, false or not known.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::{
    AccountId, AccountState, AssignmentKey, CustomerManagedPolicy, GroupId, IdentityStoreId, InstanceArn,
    ManagedPolicyArn, Mode, OuId, PermissionSetArn, PermissionsBoundary, Principal, RuleId, RulesVersion,
    SessionDuration, Tags, UserId,
};

/// Of the document: another number means that something has changed which a reader may rest on.
pub const FORMAT: u32 = 1;

/// Who has access to what.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Audit {
    pub format: u32,
    pub taken: Taken,
    /// What could not be read. What is missing in the lists for it is not said to be absent.
    pub unread: Vec<Unread>,
    /// What was seen to change while it was read, in sentences. The report may show it as it was before, or after.
    pub changed_meanwhile: Vec<String>,
    /// Ordered by path. The root has no OU and is not in it.
    pub organizational_units: Vec<Unit>,
    /// All accounts of the organization, ordered by id.
    pub accounts: Vec<AuditedAccount>,
    /// All permission sets of the instance, ordered by name.
    pub permission_sets: Vec<AuditedSet>,
    /// The groups that have something or are to have it, ordered by name.
    pub groups: Vec<AuditedGroup>,
    /// All people of the identity store, ordered by user name.
    pub people: Vec<Person>,
    /// What AWS has, and what it should have and has not; ordered by account, permission set and principal, each once.
    pub assignments: Vec<Assignment>,
    /// What has changed since the report before, the newest first; what has no time comes last.
    pub changes: Vec<Change>,
}

/// Where and when it was taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Taken {
    pub began: Timestamp,
    pub ended: Timestamp,
    pub instance: InstanceArn,
    pub identity_store: IdentityStoreId,
    /// Where the instance is, if whoever took the report has said so.
    pub region: Option<String>,
    pub management_account: AccountId,
    /// The rules that it was held against; null where there are none.
    pub rules: Option<RulesVersion>,
    /// Their mode.
    pub mode: Option<Mode>,
    /// The tags of accounts, and of permission sets, that these rules may look at: who may set one may give access.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trusted_account_tags: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trusted_permission_set_tags: BTreeSet<String>,
    /// When the report was begun that changes are told since; null where there is none.
    pub since: Option<Timestamp>,
    /// How assignments were asked for.
    pub way: Way,
    /// What it is a report of: of everything, unless somebody has asked about less.
    #[serde(default, skip_serializing_if = "Only::is_everything")]
    pub only: Only,
}

/// What a report is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    #[default]
    Everything,
    /// What there is in this account.
    Account(AccountId),
    /// What there is of this permission set.
    PermissionSet(PermissionSetArn),
    /// What this person has, their own and through groups.
    Person(UserId),
}

impl Only {
    fn is_everything(&self) -> bool {
        *self == Self::Everything
    }
}

/// How assignments were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Each permission set in each account where it is provisioned: all there are.
    ByAccount,
    /// Everybody, and then each place that nobody was found in. An assignment whose principal was deleted, which is not Usher's, is not found
    /// in a place where others have the same permission set: that would take a call for each of these places.
    ByPrincipal,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Unread {
    /// As people read it: `the assignments of account 111122223333`.
    pub what: String,
    pub why: String,
    /// The same by ids: what the report can say nothing of.
    pub scope: Scope,
}

/// What a report can say nothing of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Scope {
    /// The assignments in an account: of one permission set, or of all.
    Assignments {
        account: AccountId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permission_set: Option<PermissionSetArn>,
    },
    /// The assignments that a principal has anywhere.
    AssignmentsOf { principal: Principal },
    /// What an account is: its tags and its place; and so what the rules want there.
    Account { account: AccountId },
    /// What a permission set holds.
    PermissionSet { permission_set: PermissionSetArn },
    /// Where a permission set is provisioned, and whether it is up to date there.
    Provisioned { permission_set: PermissionSetArn },
    /// Who is in a group.
    Members { group: GroupId },
    /// Whether a principal is still there.
    Principal { principal: Principal },
    /// What a rule wants.
    Rule { rule: RuleId },
    /// What a `never` forbids in an account, and so what the rules may grant there.
    Never { account: AccountId },
    /// What people are called.
    People,
    /// What groups are called.
    Groups,
    /// What the ledger has of an account that the organization doesn't know.
    Departed { account: AccountId },
}

/// An OU.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Unit {
    /// The names from the root down: `Workloads/Production`.
    pub path: String,
    pub id: OuId,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditedAccount {
    pub id: AccountId,
    pub name: String,
    /// The path of its OU; empty for one directly below the root.
    pub ou: String,
    pub state: AccountState,
    #[serde(default, skip_serializing_if = "is_false")]
    pub management: bool,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Its tags or the names of its OUs could not be read, and so not what the rules want there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unread: bool,
}

/// A permission set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditedSet {
    pub arn: PermissionSetArn,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<SessionDuration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_state: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub managed_policies: BTreeSet<ManagedPolicyArn>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub customer_managed_policies: BTreeSet<CustomerManagedPolicy>,
    /// The policy's document; one that Usher's grammar can't read as its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline_policy: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
    /// The rules declare it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub declared: bool,
    /// It is not as the rules declare it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub differs: bool,
    /// What it holds could not be read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unread: bool,
    /// The accounts where it is provisioned.
    pub provisioned: BTreeSet<AccountId>,
    /// Those of them where it is an older version.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outdated: BTreeSet<AccountId>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditedGroup {
    pub id: GroupId,
    /// The name that it bears, or bore last; its id where that is not known.
    pub name: String,
    pub members: BTreeSet<UserId>,
    /// Who is in it could not be read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub members_unread: bool,
    /// The identity store no longer has it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
}

/// A person, or whoever else is a user of the identity store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    pub id: UserId,
    /// The user name that they have, or had last; the id where that is not known.
    pub user_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The identity store no longer has them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
}

/// One assignment: what it is to AWS, to the ledger and to the rules.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Assignment {
    #[serde(flatten)]
    pub key: AssignmentKey,
    /// AWS has it: there is access by it.
    pub present: bool,
    pub standing: Standing,
    /// The ledger proves it to be Usher's, whatever its standing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ours: bool,
    /// Rules want it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wanted: bool,
    /// The rules that want it, or were the last to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rules: BTreeSet<RuleId>,
    /// Since when the ledger has it in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What it was decided for: `event:…`, `sweep:…`, `command:…`, `turn:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When the last of the rules ends that give it, where all of them do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What is about to happen to it, or why that does not: a sentence without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an assignment is to Usher: the first of these, from the bottom up, that is true of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There, and Usher's.
    Ours,
    /// There, and made by others.
    Foreign,
    /// Perhaps Usher's.
    Uncertain,
    /// On its way: intended, sent, or refused by AWS and to be tried again; or wanted and withheld. `note` says which.
    Pending,
    /// It was Usher's and is gone by another's hand, or is there though no rule wants it any more and nothing has been begun.
    Drifted,
    /// There, and nobody has access by it: its principal has been deleted.
    Orphaned,
}

impl Standing {
    pub const ALL: [Self; 6] =
        [Self::Ours, Self::Foreign, Self::Uncertain, Self::Pending, Self::Drifted, Self::Orphaned];

    /// The word for it, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Foreign => "foreign",
            Self::Uncertain => "uncertain",
            Self::Pending => "pending",
            Self::Drifted => "drifted",
            Self::Orphaned => "orphaned",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that is otherwise than in the report before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    /// When; `None` where it is only known to lie between the two reports.
    pub at: Option<Timestamp>,
    pub change: ChangeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<PermissionSetArn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// Who has joined or left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<UserId>,
    /// What it was decided for, as far as the ledger knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rules: BTreeSet<RuleId>,
    /// More about it: a sentence without a full stop. It has the names of what is no longer in the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Usher has made an assignment.
    Granted,
    /// Usher has taken one away.
    Revoked,
    /// Others have made one.
    Appeared,
    /// It is gone, by others or with what it belonged to.
    Gone,
    /// What was made by others is Usher's now.
    Adopted,
    /// What was Usher's is no longer.
    Disowned,
    /// AWS has refused something for good.
    Blocked,
    /// A person has joined a group.
    Joined,
    /// A person has left a group.
    Left,
    /// A group has another name.
    GroupRenamed,
    /// A group is no longer there.
    GroupDeleted,
    /// A person is no longer there.
    PersonDeleted,
    /// A permission set is new.
    SetMade,
    /// A permission set is another than before: `note` says in what.
    SetEdited,
    /// A permission set is no longer there.
    SetDeleted,
    /// An account is new.
    AccountJoined,
    /// An account is in another OU.
    AccountMoved,
    /// An account is no longer there.
    AccountLeft,
    /// An account has another name.
    AccountRenamed,
    /// An account was suspended, or is active again.
    AccountStateChanged,
    /// An account has other tags.
    AccountTagged,
}

impl ChangeKind {
    pub const ALL: [Self; 21] = [
        Self::Granted,
        Self::Revoked,
        Self::Appeared,
        Self::Gone,
        Self::Adopted,
        Self::Disowned,
        Self::Blocked,
        Self::Joined,
        Self::Left,
        Self::GroupRenamed,
        Self::GroupDeleted,
        Self::PersonDeleted,
        Self::SetMade,
        Self::SetEdited,
        Self::SetDeleted,
        Self::AccountJoined,
        Self::AccountMoved,
        Self::AccountLeft,
        Self::AccountRenamed,
        Self::AccountStateChanged,
        Self::AccountTagged,
    ];

    /// The word for it, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Appeared => "appeared",
            Self::Gone => "gone",
            Self::Adopted => "adopted",
            Self::Disowned => "disowned",
            Self::Blocked => "blocked",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::GroupRenamed => "group_renamed",
            Self::GroupDeleted => "group_deleted",
            Self::PersonDeleted => "person_deleted",
            Self::SetMade => "set_made",
            Self::SetEdited => "set_edited",
            Self::SetDeleted => "set_deleted",
            Self::AccountJoined => "account_joined",
            Self::AccountMoved => "account_moved",
            Self::AccountLeft => "account_left",
            Self::AccountRenamed => "account_renamed",
            Self::AccountStateChanged => "account_state_changed",
            Self::AccountTagged => "account_tagged",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
