//! Why somebody has access to an account, or why not, as data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AccountId, AccountState, Operation, RulesVersion},
    plan::WithheldReason,
    resolve::{NeverWhy, RuleWhy},
};

use super::{PermissionSetName, PrincipalName, RuleName, RulesUsed, SetReport};

/// Everything that there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// When it was looked at.
    pub at: Timestamp,
    /// What is supposed, each in words; empty where nothing is.
    pub what_if: Vec<String>,
    pub rules: RulesUsed,
    pub principal: PrincipalName,
    /// AWS does not know them any more: what is told of them is the ledger's.
    pub principal_is_gone: bool,
    /// The groups that the user is in; of a group empty.
    pub groups: Vec<PrincipalName>,
    pub account: AccountTold,
    /// The permission set that was asked about; null for all.
    pub permission_set: Option<PermissionSetName>,
    /// Why it was not read what is to be done to the permission sets that the rules declare: all is told with them as they are. Null where it
    /// was.
    pub declared_unread: Option<String>,
    /// Why it was not read what they have in the account; null where it was.
    pub unread: Option<String>,
    /// The one that was asked about, or all that they have or that rules, a `never` or the ledger say something of.
    pub permission_sets: Vec<SetExplained>,
    /// Where no permission set was asked about: rules that are about them, and not here or not now.
    pub elsewhere: Vec<RuleWhy>,
}

/// The account, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountTold {
    pub id: AccountId,
    pub name: String,
    pub ou: String,
    pub state: AccountState,
    pub is_management: bool,
    pub tags: BTreeMap<String, String>,
}

/// One permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetExplained {
    pub permission_set: PermissionSetName,
    /// What is to be done to it first, where the rules declare it: everything is told of it as it will be then. Null where it is as it is
    /// declared, or not declared.
    pub declared: Option<SetReport>,
    /// Whether they have it, by themselves or by a group; null where that could not be read.
    pub has: Option<bool>,
    /// By themselves and by each of their groups, as far as there is something to say.
    pub assignments: Vec<AssignmentExplained>,
    /// The rules that give it to them, and then those that nearly do, the nearest first.
    pub rules: Vec<RuleWhy>,
    /// What forbids it to them, and what can't be told whether it does.
    pub never: Vec<NeverWhy>,
}

/// One assignment, there or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssignmentExplained {
    /// As commands take it.
    pub key: String,
    pub principal: PrincipalName,
    /// It is a group's, and they have it as a member of the group.
    pub by_membership: bool,
    /// Whether AWS lists it; null where that could not be read.
    pub is_there: Option<bool>,
    /// The ledger's word for it: `ours`, `pending`, `sending`, `closing`, `closed`, `uncertain`, `blocked` or `dormant`; null where it
    /// knows of none.
    pub state: Option<&'static str>,
    /// Since when the ledger says so, for which cause, and by which version of the rules it was last decided.
    pub since: Option<Timestamp>,
    pub cause: Option<String>,
    pub rules_version: Option<RulesVersion>,
    /// When that version came into force last.
    pub rules_since: Option<Timestamp>,
    /// The rules that want it now, less `never`.
    pub wanted_by: Vec<RuleName>,
    /// Where the `never` is written that forbids it.
    pub forbidden_by: Vec<String>,
    /// The rules that would give it, beyond the scope of their team, where nothing else wants it.
    pub out_of_scope: Vec<String>,
    /// When the last of the rules that want it ends, where all of them do.
    pub until: Option<Timestamp>,
    /// What the next run does.
    pub next: Option<Operation>,
    /// What it does not do, and why.
    pub withheld: Option<WithheldTold>,
    pub hold: Option<HoldTold>,
    /// All of this in words.
    pub says: Vec<String>,
}

/// What is withheld, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldTold {
    pub operation: Operation,
    pub reason: WithheldReason,
    pub why: String,
    pub way_out: &'static str,
    pub command: Option<String>,
}

/// Who has put it on hold, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldTold {
    /// `assignment`, `account`, `principal`, or `everything`.
    pub what: &'static str,
    /// Null where it was deleted by hand, which puts it on hold by itself.
    pub by: Option<String>,
    pub since: Timestamp,
    pub reason: String,
}
