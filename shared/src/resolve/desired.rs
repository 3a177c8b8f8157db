//! Rules x facts -> what is wanted in one account.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use jiff::Timestamp;

use super::{
    Awaited, Facts, Lookup, Missing, NamedBy, OutOfReach,
    catalogue::Listed,
    names::{barred_principals, barred_sets, principals_of, sets_of},
};
use crate::{
    domain::{Account, AccountId, AssignmentKey, Mode, PermissionSet, PermissionSetArn, Principal, RuleId},
    rules::{Index, Never, PermissionSetSelector, Repair, Rule},
};

/// What the rules want in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "what is wanted has no effect until it is planned"]
pub struct Desired {
    pub account: AccountId,
    /// The union of all rules in their time, less `never`, and which rules want each key.
    pub wanted: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    /// Of what is wanted, the keys that some rule wants made again when somebody deletes them by hand.
    pub repair: BTreeSet<AssignmentKey>,
    /// Of what is wanted, when the last of the rules that may grant it ends, where all of them do.
    pub until: BTreeMap<AssignmentKey, Timestamp>,
    /// Of what is wanted, the keys that rules may grant only through a name that another permission set bore before.
    pub unconfirmed: BTreeMap<AssignmentKey, Recreated>,
    /// What rules want and `never` takes out.
    pub forbidden: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    /// What rules want beyond the scope of their team: it counts as not wanted by them. Other rules may want it all the same.
    pub beyond: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    /// What else there is to say of rules beyond the scope of their team.
    pub out_of_reach: OutOfReach,
    /// Rules with a look-up that failed, and why. What such a rule last wanted must not be taken away.
    pub frozen: BTreeMap<RuleId, String>,
    /// Why nothing may be granted here: a `never` that concerns this account could not be resolved.
    pub grants_frozen: Option<String>,
    /// What rules name and nothing bears, or select and may not give.
    pub waiting: BTreeSet<(NamedBy, Missing)>,
    /// The permission sets that rules found by name.
    pub named: BTreeMap<String, PermissionSetArn>,
    /// Rules that wait for a declared permission set. What it may take the place of must not be taken away before.
    pub awaited: Awaited,
}

/// A name under which there is another permission set than before: it was deleted and made again, and may allow anything now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreated {
    pub name: String,
    /// The one that bore the name before.
    pub before: PermissionSetArn,
}

/// The rules that give access to this account at this time, in the order of the document.
pub(super) fn rules_at<'a>(index: &'a Index, account: &Account, now: Timestamp) -> Vec<&'a Rule> {
    index.rules_for(account).into_iter().filter(|rule| rule.holds_at(now)).collect()
}

/// What the rules want in this account at this time, on these facts.
pub fn desired(index: &Index, account: &Account, facts: &Facts, now: Timestamp) -> Desired {
    let mut desired = Desired {
        account: account.id.clone(),
        wanted: BTreeMap::new(),
        repair: BTreeSet::new(),
        until: BTreeMap::new(),
        unconfirmed: BTreeMap::new(),
        forbidden: BTreeMap::new(),
        beyond: BTreeMap::new(),
        out_of_reach: OutOfReach::default(),
        frozen: BTreeMap::new(),
        grants_frozen: None,
        waiting: BTreeSet::new(),
        named: BTreeMap::new(),
        awaited: Awaited::default(),
    };
    let rules = rules_at(index, account, now);
    if rules.is_empty() {
        return desired;
    }
    let givers: Vec<Giver<'_>> =
        rules.into_iter().map(|rule| desired.giver(rule, index, account, facts)).collect();
    desired.want(&givers);
    let borne = desired.name(&givers, facts);
    for never in index.never_for(account) {
        desired.take_out(never, account, facts);
    }
    for (key, terms) in terms(&desired.wanted, &givers, &borne) {
        desired.settle(key, &terms);
    }
    desired
}

/// One rule in one account: everything that it gives is each of the sets to each of the principals.
struct Giver<'a> {
    rule: &'a Rule,
    /// Each permission set once.
    sets: Vec<Given<'a>>,
    /// Those of them that a selector of the rule found by name.
    named: Vec<Given<'a>>,
    /// Each permission set that the scope of its team keeps it from giving here.
    beyond: Vec<Given<'a>>,
    principals: Vec<Principal>,
}

/// A permission set that a rule gives.
#[derive(Clone, Copy)]
struct Given<'a> {
    set: &'a PermissionSet,
    /// Its place in the order of ARNs.
    place: usize,
    /// Its name is all that the rule knows it by.
    by_name: bool,
}

/// Names that another permission set bore before, with that one.
type Borne<'a> = BTreeMap<&'a str, &'a PermissionSetArn>;

impl Giver<'_> {
    /// Whether it may grant what it gives, and says more about it than that.
    fn has_terms(&self, borne: &Borne<'_>) -> bool {
        let Rule { mode, until, repair, .. } = self.rule;
        let is_unsure = |given: &Given<'_>| given.by_name && borne.contains_key(given.set.name.as_str());
        *mode > Mode::Observe
            && (until.is_some()
                || *repair != Repair::default()
                || (!borne.is_empty() && self.sets.iter().any(is_unsure)))
    }

    /// Why the rule can't give this permission set before a person has confirmed it.
    fn recreated(&self, permission_set: &PermissionSetArn, borne: &Borne<'_>) -> Option<Recreated> {
        let Given { set, place: _, by_name: true } =
            *self.sets.iter().find(|it| it.set.arn == *permission_set)?
        else {
            return None;
        };
        let before = borne.get(set.name.as_str())?;
        Some(Recreated { name: set.name.clone(), before: (*before).clone() })
    }
}

/// How the rules that may grant a wanted key give it. Nothing, where no rule says anything about how.
fn terms(
    wanted: &BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    givers: &[Giver<'_>],
    borne: &Borne<'_>,
) -> BTreeMap<AssignmentKey, Vec<Terms>> {
    let mut all: BTreeMap<AssignmentKey, Vec<Terms>> = BTreeMap::new();
    if !givers.iter().any(|giver| giver.has_terms(borne)) {
        return all;
    }
    let by_rule: BTreeMap<&RuleId, &Giver<'_>> = givers.iter().map(|giver| (&giver.rule.id, giver)).collect();
    for (key, rules) in wanted {
        let of_key = rules.iter().filter(|(_, mode)| **mode > Mode::Observe);
        let givers = of_key.filter_map(|(rule, _)| by_rule.get(rule));
        let terms = givers.map(|giver| Terms {
            until: giver.rule.until,
            repair: giver.rule.repair,
            recreated: giver.recreated(&key.permission_set, borne),
        });
        all.insert(key.clone(), terms.collect());
    }
    all
}

/// How a rule that may grant a key gives it.
struct Terms {
    until: Option<Timestamp>,
    repair: Repair,
    /// Why the rule can't give it before a person has confirmed it.
    recreated: Option<Recreated>,
}

impl Desired {
    /// What is wanted by nothing but rules beyond the scope of their team, and forbidden by nothing else.
    pub fn out_of_scope(&self) -> impl Iterator<Item = (&AssignmentKey, &BTreeMap<RuleId, Mode>)> {
        self.beyond
            .iter()
            .filter(|(key, _)| !self.wanted.contains_key(*key) && !self.forbidden.contains_key(*key))
    }

    /// What one rule gives, as far as it can be proved.
    fn giver<'a>(&mut self, rule: &'a Rule, index: &Index, account: &Account, facts: &'a Facts) -> Giver<'a> {
        let mut failures = Vec::new();
        let (mut sets, named) = self.sets(rule, index, account, facts, &mut failures);
        let mut beyond = Vec::new();
        let mut is_powerless = false;
        if let Some(scopes) = index.limits_of(rule) {
            let protected = &index.settings().protected_permission_sets;
            let is_beyond = |given: &mut Given<'_>| {
                !scopes.iter().any(|scope| scope.takes_in(account, given.set.into(), protected))
            };
            beyond.extend(sets.extract_if(.., is_beyond));
            // Whoever it is about, and whatever it selects: no look-up makes it give anything here.
            is_powerless = !scopes.iter().any(|scope| scope.accounts.gives(account))
                || (failures.is_empty() && sets.is_empty() && !beyond.is_empty());
        }
        let (mut principals, mut may_be_of_somebody) = (Vec::new(), false);
        for (at, selector) in rule.principals.iter().enumerate() {
            match principals_of(selector, account, facts) {
                Lookup::Found(found) => {
                    may_be_of_somebody = true;
                    principals.extend(found);
                }
                Lookup::Absent => {
                    let missing = Missing::principal(selector, account);
                    may_be_of_somebody |= !matches!(missing, Missing::AccountData(_));
                    self.waiting.insert((NamedBy::Rule(rule.id.clone()), missing));
                }
                Lookup::Failed(why) => {
                    may_be_of_somebody = true;
                    failures.push(format!("principal {}: {why}", at + 1));
                }
            }
        }
        if principals.is_empty() && may_be_of_somebody && !beyond.is_empty() {
            let sets = beyond.iter().map(|given| given.set.arn.clone()).collect();
            self.out_of_reach.of_nobody.insert(rule.id.clone(), sets);
        }
        if let Some(why) = joined(&failures) {
            if is_powerless {
                self.out_of_reach.powerless.insert(rule.id.clone(), rule.mode);
            } else {
                self.frozen.insert(rule.id.clone(), why);
            }
        }
        Giver { rule, sets, named, beyond, principals }
    }

    /// Notes what all of these want, and what they may not.
    fn want(&mut self, givers: &[Giver<'_>]) {
        self.wanted = self.keys(givers, |giver| &giver.sets);
        if givers.iter().any(|giver| !giver.beyond.is_empty()) {
            self.beyond = self.keys(givers, |giver| &giver.beyond);
        }
    }

    /// Each of these sets to each of the principals, sorted once: that is less work than to look for the place of each.
    fn keys<'g>(
        &self,
        givers: &'g [Giver<'_>],
        sets: impl Fn(&'g Giver<'_>) -> &'g [Given<'g>],
    ) -> BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>> {
        let mut all: Vec<(Given<'_>, &Principal, &Rule)> = Vec::new();
        for giver in givers {
            let principals = &giver.principals;
            let pairs =
                sets(giver).iter().flat_map(|given| principals.iter().map(|principal| (*given, principal)));
            all.extend(pairs.map(|(given, principal)| (given, principal, giver.rule)));
        }
        all.sort_unstable_by(|a, b| a.0.place.cmp(&b.0.place).then_with(|| a.1.cmp(b.1)));
        let same = all.chunk_by(|a, b| a.0.place == b.0.place && a.1 == b.1);
        let wanted = same.filter_map(|rules| {
            let (given, principal, _) = *rules.first()?;
            let key = AssignmentKey {
                account: self.account.clone(),
                permission_set: given.set.arn.clone(),
                principal: principal.clone(),
            };
            // One by one: nearly all are wanted by one rule, and to collect takes a list before the map.
            let mut wanted_by = BTreeMap::new();
            for (_, _, rule) in rules {
                wanted_by.insert(rule.id.clone(), rule.mode);
            }
            Some((key, wanted_by))
        });
        wanted.collect()
    }

    /// Notes the permission sets that were found by their names; tells which of these names another one bore before.
    fn name<'a>(&mut self, givers: &[Giver<'a>], facts: &'a Facts) -> Borne<'a> {
        let mut named: Vec<Given<'_>> = givers.iter().flat_map(|giver| &giver.named).copied().collect();
        // One set has one name here: a name that the catalogue has twice finds none.
        named.sort_unstable_by_key(|given| given.place);
        named.dedup_by(|a, b| a.place == b.place && a.set.name == b.set.name);
        let borne = named.iter().filter_map(|Given { set, .. }| {
            let before = facts.confirmed.get(&set.name).filter(|before| **before != set.arn)?;
            Some((set.name.as_str(), before))
        });
        let borne = borne.collect();
        self.named = named.iter().map(|given| (given.set.name.clone(), given.set.arn.clone())).collect();
        borne
    }

    /// The permission sets that a rule gives in an account, each once, and those of them that it found by name.
    fn sets<'a>(
        &mut self,
        rule: &Rule,
        index: &Index,
        account: &Account,
        facts: &'a Facts,
        failures: &mut Vec<String>,
    ) -> (Vec<Given<'a>>, Vec<Given<'a>>) {
        let mut sets: Vec<Given<'a>> = Vec::new();
        let mut kept_back = BTreeMap::new();
        let protected = &index.settings().protected_permission_sets;
        for (at, selector) in rule.permission_sets.iter().enumerate() {
            let found = match sets_of(selector, account, facts) {
                Lookup::Found(found) => found,
                Lookup::Absent => {
                    let missing = Missing::permission_set(selector, account);
                    self.waiting.extend(missing.map(|missing| (NamedBy::Rule(rule.id.clone()), missing)));
                    continue;
                }
                Lookup::Failed(why) => {
                    failures.push(format!("permission set {}: {why}", at + 1));
                    continue;
                }
            };
            let is_plain = rule.lists_accounts() && names_it(selector);
            let joined = |it: &Listed<'_>| rule.joins.iter().all(|join| join.holds(it.set, account));
            for Listed { set, place } in found.into_iter().filter(joined) {
                // A protected set that tags select, or a name made from data, is not given by accident.
                if protected.contains(&set.name) && !is_plain {
                    kept_back.insert(&set.arn, set.name.clone());
                    continue;
                }
                let by_name = match selector {
                    PermissionSetSelector::Name(_) => true,
                    PermissionSetSelector::Arn(_) | PermissionSetSelector::Tagged(_) => false,
                };
                sets.push(Given { set, place, by_name });
            }
        }
        let named = sets.iter().filter(|given| given.by_name).copied().collect();
        // One selector that is sure of the set is enough, and such come first.
        sets.sort_by_key(|given| (given.place, given.by_name));
        sets.dedup_by_key(|given| given.place);
        kept_back.retain(|arn, _| !sets.iter().any(|given| given.set.arn == **arn));
        let kept_back = kept_back.into_values().map(Missing::Protected);
        self.waiting.extend(kept_back.map(|missing| (NamedBy::Rule(rule.id.clone()), missing)));
        (sets, named)
    }

    /// Takes out what one `never` forbids, or freezes all grants if that can't be told.
    ///
    /// A name that nothing bears forbids nothing. That is told: it may be a mistake, or somebody may have renamed what it meant.
    fn take_out(&mut self, never: &Never, account: &Account, facts: &Facts) {
        let by = || NamedBy::Never(never.written_at.to_string());
        let mut failures = Vec::new();
        let mut sets = BTreeSet::new();
        for selector in &never.permission_sets {
            match barred_sets(selector, account, facts) {
                Lookup::Found(found) => {
                    if found.is_empty() {
                        self.waiting.extend(Missing::permission_set(selector, account).map(|it| (by(), it)));
                    }
                    sets.extend(found);
                }
                Lookup::Absent => {
                    self.waiting.extend(Missing::permission_set(selector, account).map(|it| (by(), it)));
                }
                Lookup::Failed(why) => failures.push(why),
            }
        }
        if sets.is_empty() && failures.is_empty() {
            return;
        }
        let mut principals = BTreeSet::new();
        for selector in never.principals.iter().flatten() {
            match barred_principals(selector, account, facts) {
                Lookup::Found(found) => principals.extend(found),
                Lookup::Absent => _ = self.waiting.insert((by(), Missing::principal(selector, account))),
                Lookup::Failed(why) => failures.push(why),
            }
        }
        if let Some(why) = joined(&failures) {
            let at = &never.written_at;
            self.grants_frozen.get_or_insert_with(|| format!("the `never` at {at} can't be decided: {why}"));
        }
        let is_barred = |key: &AssignmentKey| {
            sets.contains(&key.permission_set)
                && (never.principals.is_none() || principals.contains(&key.principal))
        };
        self.out_of_reach.forbid(self.beyond.keys().filter(|key| is_barred(key)));
        if never.principals.is_none() {
            self.out_of_reach.forbid_to_all(&sets);
        }
        for (key, rules) in self.wanted.extract_if(.., |key, _| is_barred(key)) {
            match self.forbidden.entry(key) {
                Entry::Vacant(entry) => _ = entry.insert(rules),
                Entry::Occupied(mut entry) => entry.get_mut().extend(rules),
            }
        }
    }

    /// What holds for a wanted key, by the terms of the rules that may grant it.
    fn settle(&mut self, key: AssignmentKey, terms: &[Terms]) {
        if terms.iter().any(|terms| terms.repair == Repair::Always) {
            self.repair.insert(key.clone());
        }
        // Where one rule is sure of the permission set, those that are not grant nothing, and don't make it last longer either.
        let (unsure, sure): (Vec<_>, Vec<_>) = terms.iter().partition(|terms| terms.recreated.is_some());
        let ends: Option<Vec<Timestamp>> = if sure.is_empty() {
            unsure.iter().map(|terms| terms.until).collect()
        } else {
            sure.iter().map(|terms| terms.until).collect()
        };
        if let Some(end) = ends.and_then(|ends| ends.into_iter().max()) {
            self.until.insert(key.clone(), end);
        }
        if sure.is_empty()
            && let Some(recreated) = unsure.into_iter().find_map(|terms| terms.recreated.clone())
        {
            self.unconfirmed.insert(key, recreated);
        }
    }
}

/// Whether a selector names one permission set in so many words.
fn names_it(selector: &PermissionSetSelector) -> bool {
    match selector {
        PermissionSetSelector::Name(name) => name.as_plain().is_some(),
        PermissionSetSelector::Arn(_) => true,
        PermissionSetSelector::Tagged(_) => false,
    }
}

/// The first reason, and how many more there are.
fn joined(failures: &[String]) -> Option<String> {
    match failures {
        [] => None,
        [only] => Some(only.clone()),
        [first, more @ ..] => Some(format!("{first} (and {} more)", more.len())),
    }
}
