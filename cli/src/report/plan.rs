//! The plan as data.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    domain::{
        AccountId, AccountState, AssignmentKey, Mode, Operation, PermissionSetArn, PlanHash, Principal,
        RuleId, RulesVersion, TeamId,
    },
    plan::WithheldReason,
};

use super::{Given, SetReport, SetsSummary};
use crate::names::Names;

/// The whole plan. Everything in it is ordered, so the same plan is the same document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    pub rules: RulesUsed,
    /// What names the plan: `apply --plan` and `approve --plan` take it. It stays the same while the same is to be done.
    pub hash: PlanHash,
    /// The rules have fewer than half of those in force: they come into force only when their plan for the whole organization is approved.
    pub shrinks: bool,
    /// The account that was asked for; null for the whole organization.
    pub account: Option<AccountId>,
    /// It is one account's, and whether these rules, which are not in force, stay within the scopes of teams is seen over all accounts only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scopes_untold: bool,
    /// It is one account's, and declared permission sets are to be made or edited before it can be carried out whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_permission_sets: bool,
    pub summary: PlanSummary,
    /// What may be done at all, and what this plan takes of it.
    pub budgets: Vec<Budget>,
    /// Permission sets that are declared and differ, by name; of a plan for one account only those that could not be read.
    pub permission_sets: Vec<SetReport>,
    /// Accounts with anything to tell, by id.
    pub accounts: Vec<AccountPlan>,
    /// Rules that select no account; only of a plan for the whole organization.
    pub idle_rules: Vec<RuleId>,
    /// The same of entries of `never`, by where they are written: they forbid nothing.
    pub idle_never: Vec<String>,
    /// What scopes of teams name, and nothing is; only of a plan for the whole organization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle_scopes: Vec<IdleScope>,
    /// Why these rules would not come into force: they newly give something beyond the scope of a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Rules of which it can't be told what they want, for a look-up that has failed: what they would give is not in the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<UntoldRule>,
    /// Accounts that could not be read: nothing is decided about them.
    pub unread: Vec<Unread>,
    /// Where the command was told that everything is.
    #[serde(skip)]
    pub given: Given,
}

/// A rule, or the entries of `never`, of which it can't be told what they say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UntoldRule {
    /// Null where it is `never` that can't be told: nothing is granted then.
    pub rule: Option<RuleId>,
    /// In how many accounts.
    pub accounts: usize,
    /// The first of the reasons.
    pub why: String,
}

impl UntoldRule {
    /// What can't be told, in words.
    pub fn what(&self) -> String {
        match &self.rule {
            Some(rule) => format!("what rule {rule} wants"),
            None => "what a `never` forbids".to_owned(),
        }
    }
}

/// The rules that were planned by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulesUsed {
    pub version: RulesVersion,
    pub files: Vec<String>,
    pub mode: Mode,
    pub count: usize,
}

/// Something that the scope of a team names, and that there isn't.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct IdleScope {
    pub team: TeamId,
    /// Where the scope is written: `usher.yaml:12`.
    pub written_at: String,
    /// As a sentence.
    pub what: String,
}

/// The plan in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// Accounts looked at.
    pub accounts: usize,
    /// Accounts where something is to be done.
    pub differing: usize,
    pub grants: usize,
    pub revokes: usize,
    pub withheld: usize,
    /// Decided by an earlier run, and not finished.
    pub under_way: usize,
    /// Pairs of a rule and a name that nothing bears.
    pub waiting: usize,
    pub unread: usize,
    /// Rules of which it can't be told what they want.
    #[serde(skip_serializing_if = "is_none")]
    pub untold: usize,
    pub permission_sets: SetsSummary,
    /// Rows of the ledger that `apply` brings up to date without any write to AWS.
    pub notes: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
pub(super) fn is_none(number: &usize) -> bool {
    *number == 0
}

impl PlanSummary {
    /// Whether something could not be read or told that the plan may lack.
    pub fn is_incomplete(&self) -> bool {
        self.unread + self.untold + self.permission_sets.unread > 0
    }

    /// Whether `apply` would have anything to do in AWS.
    pub fn has_work(&self) -> bool {
        self.grants + self.revokes + self.under_way > 0 || self.permission_sets.has_work()
    }
}

/// A bound on what may be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    pub operation: Operation,
    pub per: Period,
    pub limit: u32,
    /// What has been spent already.
    pub spent: u32,
    /// What this plan takes.
    pub planned: u32,
}

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// One run of a command.
    Run,
    /// One day, UTC.
    Day,
}

/// One account's part of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountPlan {
    pub id: AccountId,
    /// Null when the organization does not know the account any more.
    pub name: Option<String>,
    /// The names of its OUs from the outermost down, such as `Workloads/Development`; empty directly below the root.
    pub ou: Option<String>,
    pub state: Option<AccountState>,
    pub grants: Vec<Change>,
    pub revokes: Vec<Change>,
    pub withheld: Vec<Withheld>,
    pub under_way: Vec<UnderWay>,
    pub waiting: Vec<Waiting>,
}

impl PlanReport {
    /// Whether there is anything that only consent to it lets through.
    pub fn waits_for_consent(&self) -> bool {
        // Rules that have shrunk wait for consent to all that they do.
        if self.shrinks { self.account.is_none() } else { self.is_over_budget() && !self.scopes_untold }
    }

    /// Whether the budgets hold anything back that consent lets through.
    pub fn is_over_budget(&self) -> bool {
        let is_budget = |withheld: &Withheld| {
            matches!(withheld.reason, WithheldReason::Budget(_)) && !withheld.awaits_permission_set
        };
        self.accounts.iter().flat_map(|plan| &plan.withheld).any(is_budget)
    }
}

impl AccountPlan {
    /// Whether there is nothing to tell about it.
    pub fn is_quiet(&self) -> bool {
        let Self { id: _, name: _, ou: _, state: _, grants, revokes, withheld, under_way, waiting } = self;
        grants.is_empty()
            && revokes.is_empty()
            && withheld.is_empty()
            && under_way.is_empty()
            && waiting.is_empty()
    }
}

/// An assignment that is created or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    /// For a grant, the rules that want it; for a revoke, those that were the last to.
    pub rules: Vec<RuleName>,
    /// The permission set is declared and yet to be made: until then its ARN is one that stands for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_permission_set: bool,
    /// It is taken away since a rule that gave it may not give it any more: it is beyond the scope of its team by now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub out_of_scope: bool,
}

/// An assignment that the rules ask for, or no longer ask for, and that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// What would have been done.
    pub operation: Operation,
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    pub rules: Vec<RuleName>,
    pub reason: WithheldReason,
    /// The reason in a sentence.
    pub why: String,
    /// The permission set is declared and yet to be made: nobody can let this through before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_permission_set: bool,
}

/// An assignment that an earlier run decided about and that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    pub operation: Operation,
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    pub rules: Vec<RuleName>,
    /// Whether a request may be with AWS.
    pub sent: bool,
    /// What went wrong last.
    pub trouble: Option<String>,
}

/// A name in a rule or in a `never` that nothing bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// Where the `never` is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never: Option<String>,
    /// Such as ``group `Quants` ``.
    pub name: String,
}

/// An account that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    pub id: AccountId,
    pub why: String,
}

/// A permission set, with its name where it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PermissionSetName {
    pub name: Option<String>,
    pub arn: PermissionSetArn,
}

/// A principal, with its name where it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PrincipalName {
    /// `group` or `user`.
    pub kind: &'static str,
    pub name: Option<String>,
    pub id: String,
}

/// A rule and the mode that holds for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleName {
    pub id: RuleId,
    pub mode: Mode,
}

/// The key's two halves with their names.
pub(crate) fn named(key: &AssignmentKey, names: &Names) -> (PermissionSetName, PrincipalName) {
    let AssignmentKey { account: _, permission_set, principal } = key;
    (
        PermissionSetName { name: names.permission_set(permission_set), arn: permission_set.clone() },
        self::principal(principal, names),
    )
}

/// A principal with its name.
pub(crate) fn principal(principal: &Principal, names: &Names) -> PrincipalName {
    let kind = match principal {
        Principal::Group(_) => "group",
        Principal::User(_) => "user",
    };
    PrincipalName { kind, name: names.principal(principal), id: principal.id().to_owned() }
}

/// Rules with their modes, by id.
pub(crate) fn rules(rules: &BTreeMap<RuleId, Mode>) -> Vec<RuleName> {
    rules.iter().map(|(id, mode)| RuleName { id: id.clone(), mode: *mode }).collect()
}

/// The name, or the last part of the ARN.
impl std::fmt::Display for PermissionSetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => f.write_str(&crate::screen::line(name)),
            None => f.write_str(self.arn.as_str().rsplit('/').next().unwrap_or_default()),
        }
    }
}

/// `group Developers`, or `group <id>`.
impl std::fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, id } = self;
        match name {
            Some(name) => write!(f, "{kind} {}", crate::screen::line(name)),
            None => write!(f, "{kind} {id}"),
        }
    }
}
