//! Desired x actual -> plan: one account's whole decision, with what was withheld and why.
//!
//! The table, row by row of the ledger (`wanted` by the rules, `there` in AWS as far as can be said):
//!
//! ```text
//! row          wanted, there     wanted, not there      not wanted
//! none         withheld: foreign create                 nothing: not ours
//! closed       withheld: foreign create                 nothing
//! pending      give up: foreign  keep, or refresh       give up
//! sending      who wants it      who wants it           look again when it has ended
//! ours         nothing           two reads: held        delete
//! closing      ours again        ours again             keep, or refresh
//! uncertain    withheld          two reads: create      withheld; two reads not there: closed
//! blocked      withheld, or try again when its inputs changed or its day has passed
//! dormant      ours again        two reads: create      delete
//! ```
//!
//! Held: somebody deleted it by hand, so it is closed and put on hold; made again at once where a rule says `repair: always`.
//! What the first of two looks does not find is told (`missing`), also where it has been there for less than the lag.
//! What people have paused, put on hold or approved comes after the table, and so does a delete that was over its budget
//! before. A row that changed within the lag is believed over a list. An account that isn't active is only slept on.

mod account;
mod hash;
mod key;
mod next;
mod quota;
mod restraint;
mod revoke;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub(crate) use account::found_again;
pub use account::{departed, plan};
pub use hash::{hash, hash_with, pending};
pub use quota::{Quota, Quotas};

use crate::{
    domain::{
        Account, AccountId, AccountState, AssignmentKey, ConsentId, Mode, Operation, PermissionSetArn,
        Principal, RuleId, RulesVersion,
    },
    ledger::{BudgetKey, Cause, Held, Orders, Row},
    resolve::{Desired, Lookup},
};

/// The assignments of one account as AWS lists them, for every permission set that the rules or the ledger name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actual {
    pub present: BTreeSet<AssignmentKey>,
    /// When the reading began.
    pub read_at: Timestamp,
}

/// What may be written to the management account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ManagementWrites {
    /// Nothing: what rules want there is withheld.
    #[default]
    Withheld,
    /// Usher runs with a role that may write there.
    Direct,
}

/// Everything a decision about one account rests on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub account: &'a Account,
    pub desired: &'a Desired,
    pub rows: &'a [Row],
    pub actual: &'a Actual,
    /// Whether the principals of rows that no rule wants any more still exist, where a name was proved absent.
    pub principals: &'a BTreeMap<Principal, Lookup<()>>,
    /// Permission sets of rows that the catalogue does not show.
    pub vanished: &'a BTreeSet<PermissionSetArn>,
    /// What people have paused or put on hold.
    pub orders: &'a Orders,
    /// The mode of the whole rule document.
    pub mode: Mode,
    pub rules: &'a RulesVersion,
    /// Why this decision is made now.
    pub cause: &'a Cause,
    pub management: ManagementWrites,
    pub quotas: Quotas,
    /// How long a fresh row is believed over a list.
    pub lag: jiff::SignedDuration,
    /// How long an orphan is left before it is cleaned up: what is said to be gone may be back tomorrow.
    pub orphan_grace: jiff::SignedDuration,
    /// How old an intent may get before it is confirmed again.
    pub intent_age: jiff::SignedDuration,
    pub now: Timestamp,
}

/// The whole decision about one account: what to do, what not to do and why, and what only the ledger learns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is approved and written"]
pub struct Plan {
    pub account: AccountId,
    /// Ordered: deletes first, then creates, each by key.
    pub actions: Vec<Action>,
    /// Ordered by key.
    pub withheld: Vec<Withheld>,
    /// Rows to bring up to date without any write to AWS, ordered by key.
    pub records: Vec<Row>,
}

/// One write to AWS that the plan calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub operation: Operation,
    pub key: AssignmentKey,
    /// For a create, the rules that want it; for a delete, those that were the last to.
    pub rules: BTreeMap<RuleId, Mode>,
    /// The row with the intent in it, as it is to be written before anything is sent.
    pub row: Row,
    /// The row as it was read; `None` if there was none.
    pub before: Option<Row>,
    /// The consent that lets it through the budgets.
    pub approval: Option<ConsentId>,
}

/// Something the rules ask for, or no longer ask for, that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    pub key: AssignmentKey,
    /// What would have been done.
    pub operation: Operation,
    pub reason: WithheldReason,
    /// The rules that want it, or were the last to.
    pub rules: BTreeMap<RuleId, Mode>,
}

/// Why something is withheld.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "detail")]
pub enum WithheldReason {
    /// It exists already, and not by us: only `adopt` makes it ours.
    Foreign,
    /// The rules are in observe mode.
    Observed,
    /// Its rules grant and never revoke.
    CreateOnly,
    /// `never` wins over the rules that want it.
    Never,
    /// The rules that want it may not give it: it is beyond the scope of their team.
    OutOfScope,
    /// A `never` could not be resolved, so nothing is granted.
    NeverUnresolved(String),
    /// A look-up failed that a rule rests on: nothing that the rule last wanted is taken away.
    LookupFailed(String),
    /// A declared permission set, by its name, that is yet to be made or edited may take its place: it stays until then.
    PermissionSetAwaited(String),
    /// Perhaps ours: never deleted automatically, and not claimed either.
    Uncertain(String),
    /// AWS refused it for good.
    Blocked(String),
    /// The account can't be written to.
    AccountNotActive(AccountState),
    /// The management account is written to only by its own role.
    ManagementAccount,
    /// The principal no longer exists: an orphan, harmless, cleaned up after a while.
    Orphaned,
    /// The budget is spent.
    Budget(BudgetKey),
    /// Another permission set bears the name that the rules give it by.
    Recreated { name: String, before: PermissionSetArn },
    /// AWS would not take it: there are as many already as a quota allows.
    Quota(Quota),
    /// It is on hold.
    Held(Held),
    /// Usher is paused.
    Paused,
    /// The ledger was restored, wiped or exchanged, and nobody has confirmed it since.
    LedgerUnconfirmed,
    /// Only what was seen in a plan is applied, and this was not in it.
    NotInPlan,
    /// The ledger has it, and AWS does not list it: a list may be stale, so that it counts as gone only after another look.
    Missing(IfGone),
}

/// What comes of it if another look does not find it either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IfGone {
    /// It counts as deleted by hand.
    Held,
    /// It is made again: a rule says so, or it may never have been there.
    MadeAgain,
}

impl WithheldReason {
    /// The word for it, the same as in its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Observed => "observed",
            Self::CreateOnly => "create_only",
            Self::Never => "never",
            Self::OutOfScope => "out_of_scope",
            Self::NeverUnresolved(_) => "never_unresolved",
            Self::LookupFailed(_) => "lookup_failed",
            Self::PermissionSetAwaited(_) => "permission_set_awaited",
            Self::Uncertain(_) => "uncertain",
            Self::Blocked(_) => "blocked",
            Self::AccountNotActive(_) => "account_not_active",
            Self::ManagementAccount => "management_account",
            Self::Orphaned => "orphaned",
            Self::Budget(_) => "budget",
            Self::Held(_) => "held",
            Self::Paused => "paused",
            Self::LedgerUnconfirmed => "ledger_unconfirmed",
            Self::NotInPlan => "not_in_plan",
            Self::Missing(_) => "missing",
            Self::Recreated { .. } => "recreated",
            Self::Quota(_) => "quota",
        }
    }
}

impl std::fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str(
                "exists already, made by others; it stays theirs unless `usher adopt` takes it over",
            ),
            Self::Observed => f.write_str("the rules are in observe mode"),
            Self::CreateOnly => f.write_str("its rules are in create-only mode"),
            Self::Never => f.write_str("forbidden by a `never`"),
            Self::OutOfScope => f.write_str("beyond the scope of the team whose rule wants it"),
            Self::NeverUnresolved(why) => write!(f, "a `never` could not be resolved: {why}"),
            Self::LookupFailed(why) => write!(f, "a look-up failed: {why}"),
            Self::PermissionSetAwaited(name) => write!(
                f,
                "it stays until the permission set `{name}`, which may take its place, is as the rules declare it"
            ),
            Self::Uncertain(why) => {
                write!(f, "it cannot be said whose it is ({why}); `usher adopt` or `usher disown` settles it")
            }
            Self::Blocked(why) => write!(f, "AWS refused it: {why}"),
            Self::AccountNotActive(AccountState::Suspended) => f.write_str("the account is suspended"),
            Self::AccountNotActive(AccountState::PendingClosure | AccountState::Closed) => {
                f.write_str("the account is closed or being closed")
            }
            Self::AccountNotActive(AccountState::PendingActivation) => {
                f.write_str("the account is not yet active")
            }
            Self::AccountNotActive(AccountState::Active | AccountState::Unknown) => {
                f.write_str("the account's state is not known to be active")
            }
            Self::ManagementAccount => {
                f.write_str("it is in the management account, which is written to only by its own role")
            }
            Self::Orphaned => f.write_str(
                "its principal no longer exists; it is cleaned up when that has been so for a while",
            ),
            Self::Budget(budget) => {
                write!(f, "it is over {}; `usher approve` lets it through", budget.in_words())
            }
            Self::Recreated { name, before } => write!(
                f,
                "the permission set `{name}` is another one than before ({before}): see what it allows, then let it through with `usher confirm {name}`"
            ),
            Self::Quota(quota) => write!(f, "{quota}"),
            Self::Held(Held::Key) => f.write_str("it is on hold; `usher release` lets it go on"),
            Self::Held(Held::DeletedByHand) => {
                f.write_str("somebody deleted it by hand; `usher release` has it made again")
            }
            Self::Held(Held::Account) => f.write_str("its account is on hold; `usher release` lets it go on"),
            Self::Held(Held::Principal) => {
                f.write_str("its principal is on hold; `usher release` lets it go on")
            }
            Self::Paused => f.write_str("Usher is paused; `usher resume` lets it go on"),
            Self::LedgerUnconfirmed => f.write_str(
                "the ledger may not be whole; `usher ledger confirm` lets it go on once somebody has looked",
            ),
            Self::NotInPlan => f.write_str("it was not in the plan that is applied; `usher plan` shows it"),
            Self::Missing(IfGone::Held) => f.write_str(
                "AWS does not list it; what two looks don't find, five minutes apart, counts as deleted by hand",
            ),
            Self::Missing(IfGone::MadeAgain) => f.write_str(
                "AWS does not list it; what two looks don't find, five minutes apart, is made again",
            ),
        }
    }
}

impl Plan {
    /// Whether nothing is to be written, neither to AWS nor to the ledger.
    pub fn changes_nothing(&self) -> bool {
        let Self { account: _, actions, withheld: _, records } = self;
        actions.is_empty() && records.is_empty()
    }

    /// How many actions do this.
    pub fn count(&self, operation: Operation) -> usize {
        self.actions.iter().filter(|action| action.operation == operation).count()
    }
}

#[cfg(test)]
pub(crate) mod tests;
