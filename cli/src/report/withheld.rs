//! What waits, as data: by its reason, with the way out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::{AccountId, Operation, PlanHash},
    engine::SetStanding,
    ledger::Held,
    permission_sets::Withheld::{
        CreateOnly, GivenByRules, InManagementAccount, NotOurs, Observed, Provisioned, Unread,
    },
    plan::{IfGone, WithheldReason},
};

use super::{
    Given, PermissionSetName, PlanReport, PrincipalName, RuleName, RulesUsed, SetAction, SetReport,
    Unread as UnreadAccount, UntoldRule, quoted,
};
use crate::keys::KeyText;

/// Everything that is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    pub rules: RulesUsed,
    /// The plan that it is of.
    pub hash: PlanHash,
    /// How much there is.
    pub count: usize,
    /// Ordered by kind.
    pub groups: Vec<WithheldGroup>,
    /// Declared permission sets that are not as they are declared, and are left so or fail; ordered by name.
    pub permission_sets: Vec<WithheldSet>,
    /// Rules of which it can't be told what they want: nothing is known about what waits for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<UntoldRule>,
    /// Accounts that could not be read: nothing is known about what waits there.
    pub unread: Vec<UnreadAccount>,
}

/// A declared permission set that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldSet {
    pub name: String,
    /// What would be done.
    pub action: SetAction,
    /// Where it is declared.
    pub declared_at: String,
    /// `withheld.kind` of a plan's JSON, or `failed`.
    pub kind: &'static str,
    pub why: String,
    /// When it was found so first, where that is known.
    pub since: Option<Timestamp>,
    /// What a person can do about it.
    pub way_out: &'static str,
}

/// What waits for the same kind of reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldGroup {
    /// `reason.kind` of a plan's JSON; a hold is told by what is held.
    pub kind: String,
    /// In a few words.
    pub title: &'static str,
    /// What a person can do about it.
    pub way_out: &'static str,
    pub assignments: Vec<WithheldKey>,
}

/// An assignment that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldKey {
    /// As commands take it.
    pub key: String,
    pub account: AccountId,
    pub account_name: Option<String>,
    /// What would be done.
    pub operation: Operation,
    pub permission_set: PermissionSetName,
    pub principal: PrincipalName,
    pub rules: Vec<RuleName>,
    pub reason: WithheldReason,
    pub why: String,
    /// The command that lets it go on; null where none does.
    pub command: Option<String>,
}

impl WithheldReport {
    /// Of a plan.
    pub(crate) fn of(plan: PlanReport, standing: &SetStanding) -> Self {
        let mut groups: BTreeMap<String, WithheldGroup> = BTreeMap::new();
        for account in plan.accounts {
            for withheld in account.withheld {
                let (title, way_out) = told(&withheld.reason);
                let kind = kind(&withheld.reason);
                let key = KeyText::of(&account.id, &withheld.permission_set, &withheld.principal);
                let command = command(&withheld.reason, &key, &account.id, &withheld.principal, &plan.given)
                    .filter(|_| !withheld.awaits_permission_set);
                let group = groups.entry(kind.clone()).or_insert_with(|| WithheldGroup {
                    kind,
                    title,
                    way_out,
                    assignments: Vec::new(),
                });
                group.assignments.push(WithheldKey {
                    key,
                    account: account.id.clone(),
                    account_name: account.name.clone(),
                    operation: withheld.operation,
                    permission_set: withheld.permission_set,
                    principal: withheld.principal,
                    rules: withheld.rules,
                    reason: withheld.reason,
                    why: withheld.why,
                    command,
                });
            }
        }
        Self {
            format: super::FORMAT,
            rules: plan.rules,
            hash: plan.hash,
            count: plan.summary.withheld,
            groups: groups.into_values().collect(),
            permission_sets: plan
                .permission_sets
                .iter()
                .filter_map(|set| waiting_set(set, standing))
                .collect(),
            untold: plan.untold,
            unread: plan.unread,
        }
    }
}

/// A declared set that waits, by the plan or by what has failed before; `None` of one that is simply to be done.
fn waiting_set(set: &SetReport, standing: &SetStanding) -> Option<WithheldSet> {
    let before = standing.waits.get(&set.name);
    let (kind, why, since) = match (&set.withheld, before.filter(|wait| wait.has_failed())) {
        (Some(Unread { why }), _) => {
            ("unread", why.clone(), before.filter(|wait| wait.has_failed()).map(|wait| wait.since))
        }
        (Some(withheld), _) => {
            let since = before.filter(|wait| wait.what == withheld.kind()).map(|wait| wait.since);
            (withheld.kind(), withheld.to_string(), since)
        }
        (None, Some(wait)) => ("failed", wait.why.clone(), Some(wait.since)),
        (None, None) => return None,
    };
    let way_out = match &set.withheld {
        None => {
            "mend what AWS names; it is tried again by itself, an hour later at the latest, and by `usher apply`"
        }
        Some(Unread { .. }) => "mend what AWS names; it is read again at the next look",
        Some(Observed) => "set `mode` in the rules to `create-only` or `sync`",
        Some(CreateOnly) => "set `mode` in the rules to `sync`",
        Some(NotOurs) => {
            "`adopt: true` in its declaration makes it Usher's own; `usher plan` shows what would be changed"
        }
        Some(InManagementAccount) => {
            "USHER_MANAGEMENT_ACCOUNT=direct, where Usher runs with a role that may write there"
        }
        Some(GivenByRules { .. }) => "take it out of these rules first",
        Some(Provisioned { .. }) => {
            "it is deleted once no account has it: what others made there has to go by hand"
        }
    };
    Some(WithheldSet {
        name: set.name.clone(),
        action: set.action,
        declared_at: set.declared_at.clone(),
        kind,
        why,
        since,
        way_out,
    })
}

/// What a person can do about one, and the command that does it.
pub(crate) fn way_out(
    reason: &WithheldReason,
    key: &str,
    account: &AccountId,
    principal: &PrincipalName,
    given: &Given,
) -> (&'static str, Option<String>) {
    (told(reason).1, command(reason, key, account, principal, given))
}

fn kind(reason: &WithheldReason) -> String {
    let WithheldReason::Held(held) = reason else { return reason.kind().to_owned() };
    let what = match held {
        Held::Key => "key",
        Held::DeletedByHand => "deleted_by_hand",
        Held::Account => "account",
        Held::Principal => "principal",
    };
    format!("{}_{what}", reason.kind())
}

/// The reason in a few words, and what can be done.
fn told(reason: &WithheldReason) -> (&'static str, &'static str) {
    match reason {
        WithheldReason::Foreign => {
            ("Made by others", "`usher adopt KEY` makes it Usher's own; else it stays theirs")
        }
        WithheldReason::Observed => {
            ("The rules only observe", "set `mode` in the rules to `create-only` or `sync`")
        }
        WithheldReason::CreateOnly => (
            "The rules only grant",
            "set `mode` to `sync` while a rule still wants it; of what none wants any more, `usher disown KEY` gives it up",
        ),
        WithheldReason::Never => ("Forbidden by a `never`", "it is as the rules say; nothing waits for you"),
        WithheldReason::OutOfScope => (
            "Beyond the scope of the rule's team",
            "narrow the rule, or have the team's `scope` widened in the root file; `usher explain` says what the scope asks for",
        ),
        WithheldReason::NeverUnresolved(_) => (
            "A `never` could not be resolved",
            "it is tried again at the next look; what failed is said below",
        ),
        WithheldReason::LookupFailed(_) => {
            ("A look-up failed", "it is tried again at the next look; what failed is said below")
        }
        WithheldReason::PermissionSetAwaited(_) => (
            "A declared permission set comes first",
            "it is taken away once the permission set is as declared; `usher plan` says what is in its way",
        ),
        WithheldReason::Uncertain(_) => (
            "It cannot be said whose they are",
            "`usher adopt KEY` if it is Usher's, `usher disown KEY` if it is not",
        ),
        WithheldReason::Blocked(_) => (
            "Refused by AWS",
            "mend what AWS names; it is tried again when its rule or its account changes, or after a day",
        ),
        WithheldReason::AccountNotActive(_) => {
            ("The account is not active", "it goes on when the account is active again")
        }
        WithheldReason::ManagementAccount => (
            "In the management account",
            "USHER_MANAGEMENT_ACCOUNT=direct, where Usher runs with a role that may write there",
        ),
        WithheldReason::Orphaned => ("The principal no longer exists", "nothing is lost: nobody can use it"),
        WithheldReason::Budget(_) => {
            ("Over budget", "`usher approve KEY`, or `usher approve --plan HASH` for all of a plan")
        }
        WithheldReason::Recreated { .. } => (
            "Made again under its name, and not confirmed",
            "see what the permission set allows now; `usher confirm NAME` lets it through",
        ),
        WithheldReason::Quota(_) => {
            ("Over a quota of AWS", "give less there; which quota it is, and the way out, is said below")
        }
        WithheldReason::Held(Held::Key) => ("On hold", "`usher release KEY`"),
        WithheldReason::Held(Held::DeletedByHand) => (
            "Deleted by hand",
            "`usher release KEY` has it made again; take it out of the rules if it should stay gone",
        ),
        WithheldReason::Held(Held::Account) => ("The account is on hold", "`usher release ACCOUNT`"),
        WithheldReason::Held(Held::Principal) => ("The principal is on hold", "`usher release PRINCIPAL`"),
        WithheldReason::Paused => ("Usher is paused", "`usher resume`"),
        WithheldReason::LedgerUnconfirmed => (
            "The ledger may not be whole",
            "see what the plan would do; `usher ledger confirm` lets it go on",
        ),
        WithheldReason::Missing(IfGone::Held) => (
            "Gone, as far as one look can tell",
            "it is looked at again by itself; if it stays away it is put on hold as deleted by hand",
        ),
        WithheldReason::Missing(IfGone::MadeAgain) => (
            "Gone, as far as one look can tell, and to be made again",
            "it is looked at again by itself; if it stays away it is made again",
        ),
        WithheldReason::NotInPlan => {
            ("Not in the plan that is applied", "`usher plan` shows what is planned now")
        }
    }
}

/// The command to type for exactly this one.
fn command(
    reason: &WithheldReason,
    key: &str,
    account: &AccountId,
    principal: &PrincipalName,
    given: &Given,
) -> Option<String> {
    let key = quoted(key);
    Some(given.command(&match reason {
        WithheldReason::Foreign => format!("adopt {key}"),
        WithheldReason::Budget(_) => return Some(given.command_by_rules(&format!("approve {key}"))),
        WithheldReason::Held(Held::Key | Held::DeletedByHand) => format!("release {key}"),
        WithheldReason::Held(Held::Account) => format!("release {account}"),
        WithheldReason::Held(Held::Principal) => {
            format!("release {}:{}", principal.kind, principal.id)
        }
        WithheldReason::Paused => "resume".to_owned(),
        WithheldReason::LedgerUnconfirmed => "ledger confirm".to_owned(),
        WithheldReason::Recreated { name, .. } => format!("confirm {}", quoted(name)),
        // There are two ways out, and only a person knows which.
        WithheldReason::Uncertain(_)
        | WithheldReason::Observed
        | WithheldReason::CreateOnly
        | WithheldReason::Never
        | WithheldReason::OutOfScope
        | WithheldReason::NeverUnresolved(_)
        | WithheldReason::LookupFailed(_)
        | WithheldReason::PermissionSetAwaited(_)
        | WithheldReason::Blocked(_)
        | WithheldReason::AccountNotActive(_)
        | WithheldReason::ManagementAccount
        | WithheldReason::Orphaned
        | WithheldReason::Quota(_)
        | WithheldReason::Missing(_)
        | WithheldReason::NotInPlan => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn what_waits_for_the_same_reason_stands_together() {
        let mut plan = sample::plan();
        let mut more = plan.accounts[0].clone();
        more.id = "222233334444".parse().unwrap();
        more.withheld[0].reason = WithheldReason::Held(Held::Account);
        more.withheld.push(plan.accounts[0].withheld[0].clone());
        plan.accounts.push(more);
        let report = WithheldReport::of(plan, &SetStanding::default());
        let told: Vec<(&str, usize)> =
            report.groups.iter().map(|group| (group.kind.as_str(), group.assignments.len())).collect();
        assert_eq!(told, [("foreign", 2), ("held_account", 1)]);
        let command = report.groups[1].assignments[0].command.as_deref();
        assert_eq!(command, Some("usher release 222233334444 --ledger state/ledger.db"));
    }
}
