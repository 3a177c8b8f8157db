//! Whether a rule is bound by its team's scope just as under earlier rules: what it gives beyond the scope by now is then nobody's edit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{AccountSelector, Index, PermissionSetSelector, Rule, Scope, ScopeSets, SetContent, Wanted};

/// Rules held against those before them.
#[derive(Debug)]
pub struct Unchanged<'a> {
    now: &'a Index,
    before: &'a Index,
    /// Names of permission sets that are declared otherwise than before: with other tags, newly, or no more.
    redeclared: BTreeSet<&'a str>,
}

impl<'a> Unchanged<'a> {
    /// These rules, and those before them.
    pub fn since(before: &'a Index, now: &'a Index) -> Self {
        let (ours, theirs) = (declared(now), declared(before));
        let names = ours.keys().chain(theirs.keys()).copied();
        let is_other = |name: &&str| match (ours.get(name), theirs.get(name)) {
            (Some(now), Some(before)) => now.map(|now| &now.tags) != before.map(|before| &before.tags),
            (Some(_), None) | (None, _) => true,
        };
        Self { redeclared: names.filter(is_other).collect(), now, before }
    }

    /// Whether nothing of these rules can make this one give anything beyond its team's scope that it did not give there before: it
    /// gives no more, its scope takes in no less, and no permission set is declared anew that it may be about.
    pub fn has(&self, rule: &Rule) -> bool {
        let Some(old) = self.before.rules().iter().find(|old| old.id == rule.id) else { return false };
        let (Some(scopes), Some(before)) = (self.now.limits_of(rule), self.before.limits_of(old)) else {
            return false;
        };
        gives_no_more(rule, old)
            && before.iter().all(|old| scopes.iter().any(|scope| is_same(scope, old)))
            && !self.newly_protected().any(|name| may_give(rule, name))
            && !self.redeclared.iter().any(|name| may_give(rule, name))
    }

    /// What is protected now and was not before: a scope has it only by its name.
    fn newly_protected(&self) -> impl Iterator<Item = &'a str> {
        let protected = |index: &'a Index| &index.settings().protected_permission_sets;
        protected(self.now).difference(protected(self.before)).map(String::as_str)
    }
}

/// What is declared of permission sets, by name; `None` is that it is to be gone.
fn declared(index: &Index) -> BTreeMap<&str, Option<&SetContent>> {
    let declared = index.declared().iter().map(|set| {
        let content = match &set.wanted {
            Wanted::There(content) => Some(content.as_ref()),
            Wanted::Gone => None,
        };
        (set.name.as_str(), content)
    });
    declared.collect()
}

/// Whether a rule may give a permission set of this name, in whatever organization: by its name, or by tags, of which nobody knows what bears them.
fn may_give(rule: &Rule, name: &str) -> bool {
    rule.permission_sets.iter().any(|it| match it {
        PermissionSetSelector::Tagged(_) | PermissionSetSelector::Arn(_) => true,
        PermissionSetSelector::Name(_) => it.name().is_some_and(|it| it.may_be(name)),
    })
}

/// Whether a rule gives nothing that it did not give before, whatever the organization. How it gives it is no matter.
fn gives_no_more(rule: &Rule, old: &Rule) -> bool {
    let Rule {
        id: _,
        mode: _,
        principals,
        permission_sets,
        accounts,
        joins,
        from,
        until,
        repair: _,
        team,
        written_at: _,
    } = rule;
    principals.iter().all(|it| old.principals.contains(it))
        && permission_sets.iter().all(|it| old.permission_sets.contains(it))
        && selects_no_more(accounts, &old.accounts)
        && old.joins.iter().all(|it| joins.contains(it))
        && *from >= old.from
        && ends_no_later(*until, old.until)
        && team == &old.team
}

/// What has no end ends last.
fn ends_no_later(now: Option<Timestamp>, old: Option<Timestamp>) -> bool {
    match (now, old) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(now), Some(old)) => now <= old,
    }
}

/// Whether a selector surely selects no account that another one doesn't.
fn selects_no_more(now: &AccountSelector, old: &AccountSelector) -> bool {
    let of_parts = match now {
        AccountSelector::AllOf(parts) => parts.iter().any(|part| selects_no_more(part, old)),
        AccountSelector::AnyOf(parts) => {
            !parts.is_empty() && parts.iter().all(|part| selects_no_more(part, old))
        }
        AccountSelector::Except { of, except } => match old {
            AccountSelector::Except { of: old, except: fewer } => {
                selects_no_more(of, old) && fewer.iter().all(|it| except.contains(it))
            }
            AccountSelector::Everywhere
            | AccountSelector::InOu(_)
            | AccountSelector::DirectlyInOu(_)
            | AccountSelector::Tagged(_)
            | AccountSelector::Named(_)
            | AccountSelector::Id(_)
            | AccountSelector::AllOf(_)
            | AccountSelector::AnyOf(_) => selects_no_more(of, old),
        },
        AccountSelector::Named(names) => {
            matches!(old, AccountSelector::Named(old) if names.iter().all(|it| old.contains(it)))
        }
        AccountSelector::Id(ids) => matches!(old, AccountSelector::Id(old) if ids.is_subset(old)),
        AccountSelector::InOu(units) => {
            matches!(old, AccountSelector::InOu(old) if units.iter().all(|it| old.contains(it)))
        }
        AccountSelector::DirectlyInOu(units) => {
            matches!(old, AccountSelector::DirectlyInOu(old) if units.iter().all(|it| old.contains(it)))
        }
        AccountSelector::Everywhere | AccountSelector::Tagged(_) => false,
    };
    let by_a_part =
        matches!(old, AccountSelector::AnyOf(parts) if parts.iter().any(|part| selects_no_more(now, part)));
    of_parts || by_a_part || now == old
}

/// Whether two scopes take in the same, wherever they are written.
fn is_same(scope: &Scope, old: &Scope) -> bool {
    let Scope { permission_sets, accounts, principal_matches: _, written_at: _ } = scope;
    let same_sets = match (permission_sets, &old.permission_sets) {
        (ScopeSets::Any, ScopeSets::Any) => true,
        (ScopeSets::These(now), ScopeSets::These(before)) => before.iter().all(|it| now.contains(it)),
        (ScopeSets::Any, ScopeSets::These(_)) | (ScopeSets::These(_), ScopeSets::Any) => false,
    };
    same_sets && *accounts == old.accounts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rules::{self, Bundle};

    const SCOPE: &str = "[{ permission_sets: any, accounts: { in_ou: Test } }]";
    const RULE: &str = "{ id: team, principals: [{ group: A }, { group: B }], permission_sets: [Reader], accounts: { named: web } }";
    const OTHER: &str =
        "{ id: other, principals: [{ group: A }], permission_sets: [Reader], accounts: { named: shop } }";

    fn index(scope: &str, rules: &[&str], more: &str) -> Index {
        let root = format!(
            "version: 1\nsettings: {{ mode: sync, trusted_account_tags: [T], trusted_permission_set_tags: [T] }}\nteams: [{{ id: shop, files: shop.yaml, scope: {scope} }}]\n{more}"
        );
        let rules = rules.iter().fold(String::new(), |rules, rule| rules + "- " + rule + "\n");
        let files = BTreeMap::from([
            ("usher.yaml".to_owned(), root),
            ("shop.yaml".to_owned(), format!("version: 1\nrules:\n{rules}")),
        ]);
        Index::compile(rules::read(&Bundle { files }).unwrap())
    }

    fn holds(before: &Index, now: &Index) -> bool {
        let rule = now.rules().iter().find(|rule| rule.id.as_str() == "team").unwrap();
        Unchanged::since(before, now).has(rule)
    }

    #[test]
    fn a_rule_is_as_before_where_it_gives_no_more_and_its_scope_has_no_less() {
        let before = index(SCOPE, &[RULE], "");
        for (same, what) in [
            (index(SCOPE, &[OTHER, RULE], ""), "another rule, and another line"),
            (index(SCOPE, &[&RULE.replace("{ group: A }, ", "")], ""), "fewer principals"),
            (index(SCOPE, &[&RULE.replace("id: team", "id: team, mode: observe")], ""), "the mode"),
            (
                index(
                    "[{ permission_sets: [Reader], accounts: { in_ou: More } }, { permission_sets: any, accounts: { in_ou: Test } }]",
                    &[RULE],
                    "",
                ),
                "a wider scope",
            ),
            (index(SCOPE, &[RULE], "permission_sets: [{ name: Writer }]"), "a set that it does not name"),
            (
                index(SCOPE, &[&RULE.replace("id: team", "id: team, until: 2027-01-01T00:00:00Z")], ""),
                "an end",
            ),
            (
                index(
                    SCOPE,
                    &[&RULE.replace("{ named: web }", "{ named: web, except: [{ in_ou: More }] }")],
                    "",
                ),
                "fewer accounts",
            ),
        ] {
            assert!(holds(&before, &same), "{what}");
        }
        for (other, what) in [
            (index(SCOPE, &[&RULE.replace("group: B", "group: C")], ""), "another principal"),
            (index(SCOPE, &[&RULE.replace("[Reader]", "[Reader, Writer]")], ""), "one more permission set"),
            (index(SCOPE, &[&RULE.replace("named: web", "named: { like: web* }")], ""), "other accounts"),
            (index(&SCOPE.replace("in_ou", "directly_in_ou"), &[RULE], ""), "a narrower scope"),
            (index(&SCOPE.replace("any", "[Reader]"), &[RULE], ""), "fewer permission sets in the scope"),
            (index(SCOPE, &[RULE], "permission_sets: [{ name: Reader }]"), "a set that it names"),
        ] {
            assert!(!holds(&before, &other), "{what}");
        }
        assert!(!holds(&index("unlimited", &[RULE], ""), &before), "a scope where none was");
        assert!(!holds(&index(SCOPE, &[OTHER], ""), &before), "a new rule");
    }

    #[test]
    fn what_is_protected_or_tagged_by_these_rules_is_theirs() {
        let by_tag = RULE.replace("[Reader]", "{ tagged: { T: low } }");
        let of = |tag: &str| {
            index(SCOPE, &[&by_tag], &format!("permission_sets: [{{ name: Reader, tags: {{ T: {tag} }} }}]"))
        };
        assert!(holds(&of("low"), &of("low")) && !holds(&of("high"), &of("low")));
        let named = |tag: &str| {
            index(SCOPE, &[RULE], &format!("permission_sets: [{{ name: Writer, tags: {{ T: {tag} }} }}]"))
        };
        assert!(holds(&named("high"), &named("low")), "neither the rule nor its scope looks at tags");
    }
}
