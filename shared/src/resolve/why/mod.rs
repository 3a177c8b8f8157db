//! Why the rules give somebody a permission set in an account, or why not: what each rule and each `never` says of it.
//!
//! INVARIANT: it gives a rule for a key exactly where [`super::desired()`] has that rule want it. It is a second reading of the same
//! selectors, made part by part, and a property holds the two against each other.

mod selectors;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

pub use selectors::{PrincipalOutcome, PrincipalWhy, SetOutcome, SetWhy};

use super::{Facts, Lookup, names::barred_sets};
use crate::{
    domain::{Account, Mode, PermissionSet, PermissionSetArn, Principal, RuleId, TeamId},
    rules::{Finding, Index, Never, PermissionSetSelector, Rule, Scope},
};

/// Whom and what is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// A user with all groups that they are in, or a group alone; each with the name that it bears, where that is known.
    pub principals: &'a BTreeMap<Principal, Option<String>>,
    /// With its tags. Without one only who and where are asked about.
    pub set: Option<&'a PermissionSet>,
}

/// What the rules say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Every rule, in the order of the document.
    pub rules: Vec<RuleWhy>,
    /// Every `never`, in the order of the document.
    pub never: Vec<NeverWhy>,
}

/// What one rule says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleWhy {
    pub id: RuleId,
    pub mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Where it is written: `rules.yaml:12`.
    pub written_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub in_time: bool,
    /// Whether it selects the account, and by what.
    pub accounts: Finding,
    /// One for each of its principals.
    pub principals: Vec<PrincipalWhy>,
    /// One for each of its permission sets.
    pub permission_sets: Vec<SetWhy>,
    /// One for each entry of `match`.
    pub joins: Vec<Finding>,
    /// What the scope of its team says of it; null where nothing limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeWhy>,
    /// Those of whom is asked about who get the permission set by it, before any `never`.
    pub gives: BTreeSet<Principal>,
    /// Whether it gives nothing here whatever its look-ups say, since all of it is beyond the scope of its team.
    #[serde(skip)]
    pub powerless: bool,
}

/// What one `never` says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeverWhy {
    pub written_at: String,
    pub accounts: Finding,
    /// Null where it is about everybody.
    pub principals: Option<Vec<PrincipalWhy>>,
    pub permission_sets: Vec<SetWhy>,
    /// Those of whom is asked about who may not have the permission set by it.
    pub bars: BTreeSet<Principal>,
    /// Why it can't be told what it forbids in this account: nothing is granted there then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
}

/// Whether a rule's team may give what is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeWhy {
    pub within: bool,
    /// One for each scope of the team.
    pub scopes: Vec<OneScopeWhy>,
}

/// Whether one scope has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneScopeWhy {
    /// Where it is written: `usher.yaml:12`.
    pub written_at: String,
    #[serde(flatten)]
    pub finding: Finding,
}

/// What a rule must have all of to give something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Time,
    Accounts,
    Principals,
    PermissionSets,
    Match,
    Scope,
}

impl RuleWhy {
    /// The conditions that are not met. A rule that gives something has none.
    pub fn unmet(&self) -> Vec<Condition> {
        let conditions = [
            (Condition::Time, self.in_time),
            (Condition::Accounts, self.accounts.holds),
            (Condition::Principals, self.names_somebody()),
            (Condition::PermissionSets, self.selects_the_set()),
            (Condition::Match, self.joins.iter().all(|join| join.holds)),
            (Condition::Scope, self.scope.as_ref().is_none_or(|scope| scope.within)),
        ];
        conditions.into_iter().filter(|(_, holds)| !holds).map(|(condition, _)| condition).collect()
    }

    /// Whether only one thing is in the way: one condition, and of those that tags have to meet one.
    pub fn lacks_one_thing(&self) -> bool {
        let unmet = self.unmet();
        unmet.len() == 1
            && (unmet != [Condition::Match] || self.joins.iter().filter(|join| !join.holds).count() == 1)
    }

    /// Those who would get the permission set by it, were it not beyond the scope of its team.
    pub fn would_give(&self) -> BTreeSet<&Principal> {
        if self.unmet() == [Condition::Scope] {
            self.principals.iter().flat_map(PrincipalWhy::these).collect()
        } else {
            BTreeSet::new()
        }
    }

    /// Whether it is about any of those who are asked about.
    pub fn names_somebody(&self) -> bool {
        self.principals.iter().any(|why| why.these().next().is_some())
    }

    /// Whether it is about the permission set, or none is asked about.
    pub fn selects_the_set(&self) -> bool {
        self.permission_sets.iter().any(|why| match why.outcome {
            SetOutcome::This | SetOutcome::Unasked => true,
            SetOutcome::Other | SetOutcome::Protected | SetOutcome::Missing(_) | SetOutcome::Failed(_) => {
                false
            }
        })
    }

    /// Why it can't be told what it wants in this account: what it last wanted there is not taken away.
    pub fn frozen(&self) -> Option<&str> {
        if self.powerless {
            return None;
        }
        let of_principals = self.principals.iter().filter_map(PrincipalWhy::failed);
        of_principals.chain(self.permission_sets.iter().filter_map(SetWhy::failed)).next()
    }
}

impl Why {
    /// The rules that want the permission set for this principal, less `never`.
    pub fn wanted_by(&self, principal: &Principal) -> BTreeMap<RuleId, Mode> {
        if self.barred_by(principal).next().is_some() { BTreeMap::new() } else { self.given_by(principal) }
    }

    /// The rules that want it, whether a `never` forbids it or not.
    pub fn given_by(&self, principal: &Principal) -> BTreeMap<RuleId, Mode> {
        let giving = self.rules.iter().filter(|rule| rule.gives.contains(principal));
        giving.map(|rule| (rule.id.clone(), rule.mode)).collect()
    }

    /// The rules that want it beyond the scope of their team.
    pub fn beyond(&self, principal: &Principal) -> BTreeMap<RuleId, Mode> {
        let beyond = self.rules.iter().filter(|rule| rule.would_give().contains(principal));
        beyond.map(|rule| (rule.id.clone(), rule.mode)).collect()
    }

    /// What forbids it.
    pub fn barred_by(&self, principal: &Principal) -> impl Iterator<Item = &NeverWhy> {
        self.never.iter().filter(move |never| never.bars.contains(principal))
    }
}

/// What every rule and every `never` says of it in this account at this time, on these facts.
pub fn why(index: &Index, account: &Account, facts: &Facts, now: Timestamp, question: Question<'_>) -> Why {
    let asked = Asked { index, account, facts, question };
    Why {
        rules: index.rules().iter().map(|rule| asked.rule(rule, now)).collect(),
        never: index.never().iter().map(|never| asked.never(never)).collect(),
    }
}

/// A question, and what it is answered by.
struct Asked<'a> {
    index: &'a Index,
    account: &'a Account,
    facts: &'a Facts,
    question: Question<'a>,
}

impl Asked<'_> {
    fn rule(&self, rule: &Rule, now: Timestamp) -> RuleWhy {
        let Rule {
            id,
            mode,
            principals,
            permission_sets,
            accounts,
            joins,
            from,
            until,
            repair: _,
            team,
            written_at,
        } = rule;
        let in_time = rule.holds_at(now);
        let accounts = accounts.why_gives(self.account);
        // Only what concerns the account was looked up for it.
        let is_looked_up = in_time && accounts.holds;
        let principals: Vec<PrincipalWhy> =
            principals.iter().map(|it| self.principal(it, is_looked_up)).collect();
        let plain = rule.lists_accounts();
        let permission_sets: Vec<SetWhy> =
            permission_sets.iter().map(|it| self.given_set(it, plain, is_looked_up)).collect();
        let joins = self
            .set()
            .map_or_else(Vec::new, |set| joins.iter().map(|join| join.why(set, self.account)).collect());
        let mut why = RuleWhy {
            id: id.clone(),
            mode: *mode,
            team: team.clone(),
            written_at: written_at.to_string(),
            from: *from,
            until: *until,
            in_time,
            accounts,
            principals,
            permission_sets,
            joins,
            scope: self.index.limits_of(rule).map(|scopes| self.scope(scopes)),
            gives: BTreeSet::new(),
            powerless: false,
        };
        why.powerless = self.is_powerless(rule, why.permission_sets.iter().any(|it| it.failed().is_some()));
        if self.question.set.is_some() && why.unmet().is_empty() {
            why.gives = why.principals.iter().flat_map(PrincipalWhy::these).cloned().collect();
        }
        why
    }

    /// Whether no scope of its team has anything that the rule selects here; of what could not be looked up only the account is known.
    fn is_powerless(&self, rule: &Rule, sets_failed: bool) -> bool {
        let (Some(scopes), account) = (self.index.limits_of(rule), self.account) else { return false };
        if !scopes.iter().any(|scope| scope.accounts.gives(account)) {
            return true;
        }
        let Lookup::Found(catalogue) = &self.facts.permission_sets else { return false };
        let protected = &self.index.settings().protected_permission_sets;
        let may_give = |it: &PermissionSetSelector, set: &PermissionSet| {
            let names_it = match it {
                PermissionSetSelector::Name(name) => name.as_plain().is_some(),
                PermissionSetSelector::Arn(_) => true,
                PermissionSetSelector::Tagged(_) => false,
            };
            it.selects(set, account)
                && (!protected.contains(&set.name) || (names_it && rule.lists_accounts()))
        };
        let selected: Vec<&PermissionSet> = catalogue
            .sets()
            .iter()
            .filter(|set| rule.permission_sets.iter().any(|it| may_give(it, set)))
            .filter(|set| rule.joins.iter().all(|join| join.holds(set, account)))
            .collect();
        let is_within = |set: &&PermissionSet| {
            scopes.iter().any(|scope| scope.takes_in(account, (*set).into(), protected))
        };
        !sets_failed && !selected.is_empty() && !selected.iter().any(is_within)
    }

    /// Whether one of these scopes has what is asked about; where no permission set is, whether one has the account.
    fn scope(&self, scopes: &[Scope]) -> ScopeWhy {
        let (set, protected) = (self.set(), &self.index.settings().protected_permission_sets);
        let has = |scope: &Scope| match set {
            Some(set) => scope.takes_in(self.account, set.into(), protected),
            None => scope.accounts.gives(self.account),
        };
        let one = |scope: &Scope| OneScopeWhy {
            written_at: scope.written_at.to_string(),
            finding: scope.why(self.account, set.map(Into::into), protected),
        };
        ScopeWhy { within: scopes.iter().any(has), scopes: scopes.iter().map(one).collect() }
    }

    fn never(&self, never: &Never) -> NeverWhy {
        let Never { principals, permission_sets, accounts, written_at } = never;
        let accounts = accounts.why_takes_away(self.account);
        let is_looked_up = accounts.holds;
        let mut why = NeverWhy {
            written_at: written_at.to_string(),
            principals: principals
                .as_ref()
                .map(|all| all.iter().map(|it| self.barred_principal(it, is_looked_up)).collect()),
            permission_sets: permission_sets.iter().map(|it| self.barred_set(it, is_looked_up)).collect(),
            accounts,
            bars: BTreeSet::new(),
            unresolved: None,
        };
        if !why.accounts.holds {
            return why;
        }
        let of_sets: Vec<Lookup<Vec<PermissionSetArn>>> =
            permission_sets.iter().map(|it| barred_sets(it, self.account, self.facts)).collect();
        let is_about_nothing = of_sets.iter().all(|found| match found {
            Lookup::Found(sets) => sets.is_empty(),
            Lookup::Absent => true,
            Lookup::Failed(_) => false,
        });
        if is_about_nothing {
            return why;
        }
        let of_sets = why.permission_sets.iter().filter_map(SetWhy::failed);
        let of_principals = why.principals.iter().flatten().filter_map(PrincipalWhy::failed);
        why.unresolved = of_sets.chain(of_principals).next().map(str::to_owned);
        if why.permission_sets.iter().any(|it| it.outcome == SetOutcome::This) {
            why.bars = match &why.principals {
                None => self.question.principals.keys().cloned().collect(),
                Some(all) => all.iter().flat_map(PrincipalWhy::these).cloned().collect(),
            };
        }
        why
    }

    /// The permission set that is asked about, as it was read with the others if it was.
    fn set(&self) -> Option<&PermissionSet> {
        let asked = self.question.set?;
        let listed = match &self.facts.permission_sets {
            Lookup::Found(catalogue) => catalogue.with_arn(&asked.arn).first().map(|it| it.set),
            Lookup::Absent | Lookup::Failed(_) => None,
        };
        // A list that nobody needed the tags of has none.
        Some(listed.filter(|set| !set.tags.is_empty()).unwrap_or(asked))
    }
}
