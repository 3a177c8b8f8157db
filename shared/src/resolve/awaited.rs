//! Declared permission sets that are yet to be made or edited: what rules will give by them is not taken away before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Catalogue, Facts, Lookup, desired::rules_at, names::principals_of};
use crate::{
    domain::{Account, Mode, PermissionSet, PermissionSetArn, Principal},
    rules::{DeclaredSet, Index, PermissionSetSelector, Rule, Scope, ScopedSet, Wanted},
};

/// The declared permission sets that Usher may still be about to make or edit, by their names, as far as the ledger knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unkept {
    pub names: BTreeSet<String>,
    /// Those of them that may be other than they are declared where they are there: begun, failing, or not looked at since they were declared so.
    pub unlike: BTreeSet<String>,
}

/// Whom rules of an account will give a declared permission set that they wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaited {
    /// To whom, and the set's name.
    by_principal: BTreeMap<Principal, String>,
    /// Permission sets that are there, and may be about to change.
    changing: BTreeSet<PermissionSetArn>,
}

impl Awaited {
    /// The permission set that may take the place of what this principal has. Whoever a rule no longer names, or has left a group that it gives to by
    /// its members, waits for nothing.
    pub fn by(&self, principal: &Principal) -> Option<&str> {
        self.by_principal.get(principal).map(String::as_str)
    }

    /// Whether a permission set may be about to change: what is wanted by what it is now may not be by what it will be.
    pub fn may_change(&self, permission_set: &PermissionSetArn) -> bool {
        self.changing.contains(permission_set)
    }

    /// One permission set that may be about to change.
    #[cfg(test)]
    pub(crate) fn of_change(permission_set: PermissionSetArn) -> Self {
        Self { changing: [permission_set].into(), ..Self::default() }
    }
}

/// Which rules of this account wait for a declared permission set: they give it as it is declared, and not as it is read.
pub fn awaited(index: &Index, account: &Account, facts: &Facts, now: Timestamp, unkept: &Unkept) -> Awaited {
    let mut awaited = Awaited::default();
    let none = Catalogue::default();
    let catalogue = match &facts.permission_sets {
        Lookup::Found(catalogue) => catalogue,
        Lookup::Absent => &none,
        // Nothing is taken away then.
        Lookup::Failed(_) => return awaited,
    };
    if unkept.names.is_empty() {
        return awaited;
    }
    let listed = unkept.unlike.iter().flat_map(|name| catalogue.named(name));
    awaited.changing = listed.map(|listed| listed.set.arn.clone()).collect();
    let declared: Vec<&DeclaredSet> =
        index.declared().iter().filter(|set| unkept.names.contains(&set.name)).collect();
    let rules = rules_at(index, account, now).into_iter().filter(|rule| rule.mode > Mode::Observe);
    for rule in rules {
        let waits = |set: &&&DeclaredSet| {
            waits_for(rule, set, account, catalogue, unkept) && may_give(index, rule, account, set)
        };
        let Some(set) = declared.iter().find(waits) else { continue };
        for selector in &rule.principals {
            // What could not be looked up freezes the rule.
            if let Lookup::Found(principals) = principals_of(selector, account, facts) {
                let entries = principals.into_iter().map(|principal| (principal, set.name.clone()));
                awaited.by_principal.extend(entries);
            }
        }
    }
    awaited
}

/// Whether the scope of the rule's team has the permission set as it is declared.
fn may_give(index: &Index, rule: &Rule, account: &Account, declared: &DeclaredSet) -> bool {
    let Some(scopes) = index.limits_of(rule) else { return true };
    let Wanted::There(content) = &declared.wanted else { return false };
    let protected = &index.settings().protected_permission_sets;
    // Until it is there, it has no ARN that a scope could name: such a scope may be of it.
    let set = ScopedSet { name: &declared.name, arn: None, tags: &content.tags };
    let may_be = |scope: &Scope| {
        scope.accounts.gives(account)
            && (scope.permission_sets.take_in(set, protected) || scope.permission_sets.pins_one())
    };
    scopes.iter().any(may_be)
}

fn waits_for(
    rule: &Rule,
    declared: &DeclaredSet,
    account: &Account,
    catalogue: &Catalogue,
    unkept: &Unkept,
) -> bool {
    let Wanted::There(content) = &declared.wanted else { return false };
    let actual = catalogue.named(&declared.name);
    let joined = |set: &PermissionSet| rule.joins.iter().all(|join| join.holds(set, account));
    let gives = |set: &PermissionSet| {
        joined(set) && rule.permission_sets.iter().any(|selector| selector.selects(set, account))
    };
    if let Some(it) = actual.first() {
        let will_be = PermissionSet { tags: content.tags.clone(), ..it.set.clone() };
        let is_given = !unkept.unlike.contains(&declared.name) && gives(it.set);
        return gives(&will_be) && !is_given;
    }
    // It has no ARN yet that could be pinned.
    let selects = |selector: &PermissionSetSelector| match selector {
        PermissionSetSelector::Name(name) => name.name_for(account).is_ok_and(|name| name == declared.name),
        PermissionSetSelector::Arn(_) => false,
        PermissionSetSelector::Tagged(tags) => tags.matches(&content.tags),
    };
    rule.permission_sets.iter().any(selects)
        && rule.joins.iter().all(|join| join.holds_for(&content.tags, account))
}
