//! What would change if something were otherwise, as data: the difference of two plans.

use serde::Serialize;
use shared::domain::AccountId;

use super::{
    Change, PlanReport, RulesUsed, SetAction, SetReport, SetsSummary, UnderWay, Unread, UntoldRule, Waiting,
    Withheld,
};
use crate::what_if::Supposed;

/// The difference that what is supposed makes. Everything in it is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhatIfReport {
    /// See [`super::FORMAT`].
    pub format: u32,
    /// What is supposed, each in words.
    pub what_if: Vec<String>,
    /// What makes no difference of it, and why, each in a sentence.
    pub notes: Vec<String>,
    /// The rules as they are.
    pub rules: RulesUsed,
    /// The rules that are supposed; null where they are those above.
    pub rules_then: Option<RulesUsed>,
    /// The rules that are supposed have fewer than half of those in force: they come into force only when their plan is approved.
    pub shrinks: bool,
    pub summary: WhatIfSummary,
    /// What would be done to declared permission sets, and is not to be done as things are, by name; and those that could not be read, of
    /// which no difference is known.
    pub permission_sets: Vec<SetReport>,
    /// What is to be done to them as things are, and would not be.
    pub no_longer_permission_sets: Vec<SetReport>,
    /// Accounts for which it makes a difference, by id.
    pub accounts: Vec<AccountWhatIf>,
    /// Rules of which it can't be told what they want: nothing is known of the difference that they make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<UntoldRule>,
    /// Accounts that could not be read: nothing is known of the difference there.
    pub unread: Vec<Unread>,
}

/// The difference in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WhatIfSummary {
    /// Accounts looked at.
    pub accounts: usize,
    /// Accounts for which it makes a difference.
    pub differing: usize,
    pub grants: usize,
    pub revokes: usize,
    pub no_longer_granted: usize,
    pub no_longer_revoked: usize,
    pub withheld: usize,
    pub no_longer_withheld: usize,
    pub given_up: usize,
    pub going_on: usize,
    pub unread: usize,
    /// Rules of which it can't be told what they want.
    #[serde(skip_serializing_if = "super::plan::is_none")]
    pub untold: usize,
    /// What would be done to declared permission sets, and is not to be done as things are.
    pub permission_sets: SetsSummary,
    /// What is to be done to them as things are, and would not be.
    pub no_longer_permission_sets: SetsSummary,
}

/// One account's part of the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountWhatIf {
    pub id: AccountId,
    pub name: Option<String>,
    /// The names of its OUs as it is; empty directly below the root.
    pub ou: Option<String>,
    /// The same as supposed; null where it stays.
    pub ou_then: Option<String>,
    /// Granted then, and not as things are.
    pub grants: Vec<Change>,
    /// Revoked then, and not as things are.
    pub revokes: Vec<Change>,
    /// What the next run grants as things are, and not then.
    pub no_longer_granted: Vec<Change>,
    /// What the next run revokes as things are, and not then.
    pub no_longer_revoked: Vec<Change>,
    /// Withheld then, and not as things are, or not for that reason.
    pub withheld: Vec<Withheld>,
    /// Withheld as things are, and not then, or not for that reason.
    pub no_longer_withheld: Vec<Withheld>,
    /// What an earlier run decided and is under way as things are, and would be given up.
    pub given_up: Vec<UnderWay>,
    /// What is decided and under way, and is given up as things are.
    pub going_on: Vec<UnderWay>,
    /// Names in rules that nothing bears, of which it makes a difference only then.
    pub waiting: Vec<Waiting>,
}

impl AccountWhatIf {
    fn makes_a_difference(&self) -> bool {
        let Self {
            id: _,
            name: _,
            ou: _,
            ou_then: _,
            grants,
            revokes,
            no_longer_granted,
            no_longer_revoked,
            withheld,
            no_longer_withheld,
            given_up,
            going_on,
            waiting,
        } = self;
        let changes = [grants, revokes, no_longer_granted, no_longer_revoked];
        changes.into_iter().any(|changes| !changes.is_empty())
            || !withheld.is_empty()
            || !no_longer_withheld.is_empty()
            || !given_up.is_empty()
            || !going_on.is_empty()
            || !waiting.is_empty()
    }
}

impl WhatIfSummary {
    /// Whether anything would be done otherwise in AWS.
    pub fn has_difference(&self) -> bool {
        let Self { grants, revokes, no_longer_granted, no_longer_revoked, given_up, going_on, .. } = self;
        grants + revokes + no_longer_granted + no_longer_revoked + given_up + going_on > 0
            || self.permission_sets.has_work()
            || self.no_longer_permission_sets.has_work()
    }

    /// Whether something could not be read or told: a difference may be missing.
    pub fn is_incomplete(&self) -> bool {
        self.unread + self.untold + self.permission_sets.unread > 0
    }
}

impl WhatIfReport {
    /// The difference between the plans as things are and as they are supposed to be: a pair for each look. `None` without any.
    pub(crate) fn of(supposed: Supposed, looks: Vec<(PlanReport, PlanReport)>) -> Option<Self> {
        let Supposed { told: what_if, places, accounts: _, rules: _, tags: _ } = supposed;
        let (rules, then) = looks.first().map(|(now, then)| (now.rules.clone(), then.rules.clone()))?;
        let mut report = Self {
            format: super::FORMAT,
            what_if,
            notes: Vec::new(),
            rules_then: (rules.version != then.version).then_some(then),
            rules,
            shrinks: false,
            summary: WhatIfSummary::default(),
            permission_sets: Vec::new(),
            no_longer_permission_sets: Vec::new(),
            accounts: Vec::new(),
            untold: Vec::new(),
            unread: Vec::new(),
        };
        for (now, then) in looks {
            report.add(now, then);
        }
        for account in &mut report.accounts {
            // An account that needs nothing as it is is in no plan.
            if let Some((now, then)) = places.get(&account.id) {
                account.ou = Some(now.clone());
                account.ou_then = Some(then.clone()).filter(|then| then != now);
            }
        }
        report.accounts.sort_by(|a, b| a.id.cmp(&b.id));
        report.count();
        Some(report)
    }

    fn add(&mut self, now: PlanReport, then: PlanReport) {
        self.shrinks |= then.shrinks;
        self.summary.accounts += then.summary.accounts;
        self.add_sets(now.permission_sets, then.permission_sets);
        self.untold.extend(now.untold);
        self.untold.extend(then.untold);
        self.untold.sort();
        self.untold.dedup_by(|a, b| a.rule == b.rule);
        let mut unread = now.unread;
        unread.extend(then.unread);
        unread.sort_by(|a, b| a.id.cmp(&b.id));
        unread.dedup_by(|a, b| a.id == b.id);
        let is_unread = |id: &AccountId| unread.iter().any(|unread| unread.id == *id);
        let mut ids: Vec<&AccountId> =
            now.accounts.iter().chain(&then.accounts).map(|account| &account.id).collect();
        ids.sort();
        ids.dedup();
        for id in ids.into_iter().filter(|id| !is_unread(id)) {
            let before = now.accounts.iter().find(|account| account.id == *id);
            let after = then.accounts.iter().find(|account| account.id == *id);
            let Some(known) = before.or(after) else { continue };
            let ou_then = after.and_then(|after| after.ou.clone());
            let account = AccountWhatIf {
                id: id.clone(),
                name: known.name.clone(),
                ou: known.ou.clone(),
                ou_then: ou_then.filter(|then| Some(then) != known.ou.as_ref()),
                grants: only_in(after.map(|it| &it.grants), before.map(|it| &it.grants), same_key),
                revokes: only_in(after.map(|it| &it.revokes), before.map(|it| &it.revokes), same_key),
                no_longer_granted: only_in(before.map(|it| &it.grants), after.map(|it| &it.grants), same_key),
                no_longer_revoked: only_in(
                    before.map(|it| &it.revokes),
                    after.map(|it| &it.revokes),
                    same_key,
                ),
                withheld: only_in(after.map(|it| &it.withheld), before.map(|it| &it.withheld), same_refusal),
                no_longer_withheld: only_in(
                    before.map(|it| &it.withheld),
                    after.map(|it| &it.withheld),
                    same_refusal,
                ),
                given_up: only_in(before.map(|it| &it.under_way), after.map(|it| &it.under_way), same_work),
                going_on: only_in(after.map(|it| &it.under_way), before.map(|it| &it.under_way), same_work),
                waiting: only_in(after.map(|it| &it.waiting), before.map(|it| &it.waiting), Waiting::eq),
            };
            self.accounts.extend(Some(account).filter(AccountWhatIf::makes_a_difference));
        }
        self.unread.extend(unread);
    }

    /// Of a set that could not be read in one of the plans no difference is known: it is told so, once.
    fn add_sets(&mut self, now: Vec<SetReport>, then: Vec<SetReport>) {
        let same_name = |one: &SetReport, other: &SetReport| one.name == other.name;
        let is_unread = |set: &SetReport| set.action == SetAction::Unknown;
        let unread: Vec<SetReport> = then.iter().chain(&now).filter(|set| is_unread(set)).cloned().collect();
        let read = |sets: Vec<SetReport>| only_in(Some(&sets), Some(&unread), same_name);
        let (now, then) = (read(now), read(then));
        let differing = only_in(Some(&then), Some(&now), same_set);
        for set in unread.into_iter().chain(differing) {
            if !self.permission_sets.iter().any(|told| same_name(told, &set)) {
                self.permission_sets.push(set);
            }
        }
        self.permission_sets.sort_by(|a, b| a.name.cmp(&b.name));
        // One that would be brought to something else is told once.
        self.no_longer_permission_sets.extend(only_in(Some(&now), Some(&then), same_name));
    }

    fn count(&mut self) {
        let summary = &mut self.summary;
        summary.differing = self.accounts.len();
        summary.unread = self.unread.len();
        summary.untold = self.untold.len();
        summary.permission_sets = SetsSummary::of(&self.permission_sets);
        summary.no_longer_permission_sets = SetsSummary::of(&self.no_longer_permission_sets);
        for account in &self.accounts {
            summary.grants += account.grants.len();
            summary.revokes += account.revokes.len();
            summary.no_longer_granted += account.no_longer_granted.len();
            summary.no_longer_revoked += account.no_longer_revoked.len();
            summary.withheld += account.withheld.len();
            summary.no_longer_withheld += account.no_longer_withheld.len();
            summary.given_up += account.given_up.len();
            summary.going_on += account.going_on.len();
        }
    }
}

/// What is in the one list, and not in the other.
fn only_in<T: Clone>(list: Option<&Vec<T>>, other: Option<&Vec<T>>, same: fn(&T, &T) -> bool) -> Vec<T> {
    let is_in_other = |it: &&T| other.into_iter().flatten().any(|other| same(it, other));
    list.into_iter().flatten().filter(|it| !is_in_other(it)).cloned().collect()
}

/// Whether the same is done to it, wherever it is declared.
fn same_set(one: &SetReport, other: &SetReport) -> bool {
    let SetReport { name, arn, action, adopts, declared_at: _, withheld, why: _, differences, calls: _ } =
        one;
    *name == other.name
        && *arn == other.arn
        && *action == other.action
        && *adopts == other.adopts
        && *withheld == other.withheld
        && *differences == other.differences
}

fn same_key(one: &Change, other: &Change) -> bool {
    one.permission_set.arn == other.permission_set.arn && one.principal.id == other.principal.id
}

fn same_work(one: &UnderWay, other: &UnderWay) -> bool {
    one.permission_set.arn == other.permission_set.arn
        && one.principal.id == other.principal.id
        && one.operation == other.operation
}

fn same_refusal(one: &Withheld, other: &Withheld) -> bool {
    one.permission_set.arn == other.permission_set.arn
        && one.principal.id == other.principal.id
        && one.operation == other.operation
        && one.reason.kind() == other.reason.kind()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn two_plans_that_are_alike_make_no_difference() {
        let report = WhatIfReport::of(Supposed::default(), vec![(sample::plan(), sample::plan())]).unwrap();
        assert!(report.accounts.is_empty() && !report.summary.has_difference());
        assert_eq!(report.rules_then, None);
        assert_eq!(report.summary.unread, 1, "what could not be read is told");
    }

    #[test]
    fn what_is_only_in_one_plan_is_the_difference() {
        let (mut now, mut then) = (sample::plan(), sample::plan());
        then.accounts[0].revokes.clear();
        then.accounts[0].ou = Some("Elsewhere".to_owned());
        now.accounts[0].grants.clear();
        now.accounts[0].withheld.clear();
        let report = WhatIfReport::of(Supposed::default(), vec![(now, then)]).unwrap();
        let account = &report.accounts[0];
        assert_eq!(
            (account.grants.len(), account.no_longer_revoked.len(), account.withheld.len()),
            (1, 1, 1)
        );
        assert!(account.revokes.is_empty() && account.no_longer_granted.is_empty());
        assert_eq!(account.ou_then.as_deref(), Some("Elsewhere"));
        assert!(report.summary.has_difference());
    }
}
