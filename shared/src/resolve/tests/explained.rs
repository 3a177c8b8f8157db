//! What is explained agrees with what is wanted.

use proptest::prelude::*;

use super::{
    properties::{PROTECTED, Situation, situations},
    *,
};
use crate::{
    domain::RuleId,
    rules::{AccountSelector, Rule},
};

proptest! {
    #[test]
    fn what_is_explained_is_what_is_wanted_rule_by_rule(situation in situations(), hour in 0..24_i64) {
        let (index, facts) = (situation.index(&PROTECTED), situation.facts());
        for account in &situation.accounts {
            let desired = desired(&index, account, &facts, at(hour));
            let plain = situation.wanted(&PROTECTED, hour);
            for set in &situation.sets {
                for asked in situation.questions() {
                    let why = why(&index, account, &facts, at(hour), Question { principals: &asked, set: Some(set) });
                    for principal in asked.keys() {
                        let key = AssignmentKey { account: account.id.clone(), permission_set: set.arn.clone(), principal: principal.clone() };
                        let wanted = why.wanted_by(principal);
                        prop_assert_eq!(&wanted, &desired.wanted.get(&key).cloned().unwrap_or_default(), "{} {:?}", key, why);
                        let ids: BTreeSet<RuleId> = wanted.into_keys().collect();
                        prop_assert_eq!(&ids, &plain.get(&key).cloned().unwrap_or_default());
                        let barred = why.barred_by(principal).next().is_some();
                        let forbidden = desired.forbidden.get(&key).cloned().unwrap_or_default();
                        prop_assert_eq!(if barred { why.given_by(principal) } else { BTreeMap::new() }, forbidden);
                        prop_assert_eq!(why.beyond(principal), desired.beyond.get(&key).cloned().unwrap_or_default());
                    }
                    for rule in &why.rules {
                        // Whoever gets nothing by it is told why, and whoever gets something has nothing against it.
                        prop_assert_eq!(rule.unmet().is_empty(), !rule.gives.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn what_could_not_be_looked_up_is_explained_as_that(situation in situations(), which in prop::collection::vec(any::<bool>(), 16), catalogue in any::<bool>()) {
        let mut which = which.into_iter().cycle();
        let mut fails = || which.next().unwrap_or(false);
        let (index, mut facts) = (situation.index(&PROTECTED), situation.facts());
        let why_not = || "throttled".to_owned();
        facts.groups.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why_not()));
        facts.member_groups.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why_not()));
        facts.members.values_mut().filter(|_| fails()).for_each(|it| *it = Lookup::Failed(why_not()));
        facts.users.retain(|_, _| !fails());
        facts.group_ids.retain(|_, _| !fails());
        if catalogue {
            facts.permission_sets = Lookup::Failed(why_not());
        }
        for account in &situation.accounts {
            let desired = desired(&index, account, &facts, at(5));
            for (set, asked) in situation.sets.iter().flat_map(|set| situation.questions().into_iter().map(move |asked| (set, asked))) {
                let why = why(&index, account, &facts, at(5), Question { principals: &asked, set: Some(set) });
                let frozen: BTreeSet<_> = why.rules.iter().filter(|rule| rule.frozen().is_some()).map(|rule| &rule.id).collect();
                prop_assert_eq!(frozen, desired.frozen.keys().collect::<BTreeSet<_>>());
                if !index.rules_for(account).iter().all(|rule| !rule.holds_at(at(5))) {
                    let unresolved = why.never.iter().any(|never| never.unresolved.is_some());
                    prop_assert_eq!(unresolved, desired.grants_frozen.is_some());
                }
                for principal in asked.keys() {
                    let key = AssignmentKey { account: account.id.clone(), permission_set: set.arn.clone(), principal: principal.clone() };
                    prop_assert_eq!(&why.wanted_by(principal), &desired.wanted.get(&key).cloned().unwrap_or_default());
                }
            }
        }
    }

    #[test]
    fn rules_that_select_other_accounts_are_explained_by_the_names_that_people_bear(situation in situations()) {
        // The same rules everywhere: whom they mean in an account that they select is whom they mean where it was not looked up.
        let nowhere = Situation {
            rules: situation.rules.iter().map(|rule| Rule { accounts: AccountSelector::InOu(Vec::new()), joins: Vec::new(), from: None, until: None, ..rule.clone() }).collect(),
            never: Vec::new(),
            ..situation.clone()
        };
        let everywhere = Situation {
            rules: nowhere.rules.iter().map(|rule| Rule { accounts: AccountSelector::Everywhere, ..rule.clone() }).collect(),
            ..nowhere.clone()
        };
        let nothing = Facts {
            groups: BTreeMap::new(), group_ids: BTreeMap::new(), users: BTreeMap::new(), user_ids: BTreeMap::new(), members: BTreeMap::new(),
            member_groups: BTreeMap::new(), permission_sets: Lookup::Found(Vec::new().into()), confirmed: BTreeMap::new(),
        };
        for account in &situation.accounts {
            for (set, asked) in situation.sets.iter().flat_map(|set| situation.questions().into_iter().map(move |asked| (set, asked))) {
                let question = Question { principals: &asked, set: Some(set) };
                let looked_up = why(&everywhere.index(&PROTECTED), account, &situation.facts(), at(5), question);
                let by_name = why(&nowhere.index(&PROTECTED), account, &nothing, at(5), question);
                for (one, other) in looked_up.rules.iter().zip(&by_name.rules) {
                    prop_assert!(other.gives.is_empty() && other.unmet().contains(&Condition::Accounts));
                    prop_assert_eq!(one.names_somebody(), other.names_somebody(), "{:?} {:?}", one, other);
                    prop_assert_eq!(one.selects_the_set(), other.selects_the_set(), "{:?} {:?}", one, other);
                }
            }
        }
    }
}
