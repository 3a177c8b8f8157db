//! When rules begin and end, and which accounts may then change.

use jiff::Timestamp;

use super::{
    rule_set::Rule,
    selector::{AccountSelector, OuRef},
};
use crate::domain::{AccountId, OuId, RuleId};

/// A rule begins or ends to want things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub at: Timestamp,
    pub rule: RuleId,
    pub kind: TurnKind,
}

/// What a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnKind {
    From,
    Until,
}

/// The turns of these rules after one instant and up to another, in their order.
pub fn turns<'a>(rules: impl IntoIterator<Item = &'a Rule>, after: Timestamp, up_to: Timestamp) -> Vec<Turn> {
    let mut turns: Vec<Turn> = rules
        .into_iter()
        .flat_map(|rule| {
            let ends = [(rule.from, TurnKind::From), (rule.until, TurnKind::Until)];
            ends.into_iter()
                .filter_map(|(at, kind)| at.map(|at| Turn { at, rule: rule.id.clone(), kind }))
                .filter(|turn| turn.at > after && turn.at <= up_to)
        })
        .collect();
    turns.sort();
    turns
}

/// What is known of an account from a listing alone: nothing of its tags, and of its OUs perhaps not the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOutline {
    pub id: AccountId,
    pub name: String,
    /// The OUs on the way down from the root, outermost first, each with its name where it is known.
    pub path: Vec<(OuId, Option<String>)>,
    pub is_management: bool,
}

/// How much an outline tells: stricter is smaller, so that `min` is "and", and `max` is "or".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    No,
    Perhaps,
    Yes,
}

impl Holds {
    fn of(known: bool) -> Self {
        if known { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }
}

impl AccountSelector {
    /// Whether a rule with this selector may give access to the account, by what is known of it: false only if it surely does not.
    pub fn may_give(&self, account: &AccountOutline) -> bool {
        self.holds_for(account, !account.is_management) != Holds::No
    }

    /// `seen` is whether the account is seen by other things than its id. The management account is, by what takes away.
    fn holds_for(&self, account: &AccountOutline, seen: bool) -> Holds {
        let any = |held: &mut dyn Iterator<Item = Holds>| held.max().unwrap_or(Holds::No);
        let if_seen = |holds: Holds| if seen { holds } else { Holds::No };
        match self {
            Self::Everywhere => if_seen(Holds::Yes),
            Self::InOu(ous) => {
                let depths = 1..=account.path.len();
                let ways = depths.filter_map(|depth| account.path.get(..depth));
                if_seen(any(&mut ways.flat_map(|way| ous.iter().map(move |ou| ou.may_be(way)))))
            }
            Self::DirectlyInOu(ous) => if_seen(any(&mut ous.iter().map(|ou| ou.may_be(&account.path)))),
            Self::Tagged(_) => if_seen(Holds::Perhaps),
            Self::Named(names) => if_seen(Holds::of(names.iter().any(|name| name.selects(&account.name)))),
            Self::Id(ids) => Holds::of(ids.contains(&account.id)),
            Self::AllOf(parts) => {
                parts.iter().map(|part| part.holds_for(account, seen)).min().unwrap_or(Holds::Yes)
            }
            Self::AnyOf(parts) => any(&mut parts.iter().map(|part| part.holds_for(account, seen))),
            Self::Except { of, except } => {
                let opposite = !account.is_management || !seen;
                let taken = any(&mut except.iter().map(|part| part.holds_for(account, opposite)));
                of.holds_for(account, seen).min(taken.not())
            }
        }
    }
}

impl OuRef {
    /// Whether this is the OU at the end of the way down to it.
    fn may_be(&self, way: &[(OuId, Option<String>)]) -> Holds {
        match self {
            Self::Id(id) => Holds::of(way.last().is_some_and(|(last, _)| last == id)),
            Self::Path(names) if way.is_empty() || names.len() != way.len() => Holds::No,
            Self::Path(names) => way
                .iter()
                .zip(names)
                .map(|((_, known), name)| {
                    known.as_ref().map_or(Holds::Perhaps, |known| Holds::of(known == name))
                })
                .min()
                .unwrap_or(Holds::No),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Account, AccountState, OrganizationalUnit, OuPath},
        rules::{TagSelector, TagValueSelector, TextSelector},
    };

    const IDS: [&str; 3] = ["ou-ab12-aaaaaaaa", "ou-ab12-bbbbbbbb", "ou-ab12-cccccccc"];
    const NAMES: [&str; 3] = ["Workloads", "Development", "one"];

    fn any_ou() -> impl Strategy<Value = OuRef> {
        prop_oneof![
            proptest::sample::select(IDS.to_vec()).prop_map(|id| OuRef::Id(id.parse().unwrap())),
            proptest::collection::vec(proptest::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1..3)
                .prop_map(OuRef::Path),
        ]
    }

    fn any_selector() -> impl Strategy<Value = AccountSelector> {
        let tag = |value| TagSelector(BTreeMap::from([("Team".to_owned(), vec![value])]));
        let leaf = prop_oneof![
            Just(AccountSelector::Everywhere),
            proptest::collection::vec(any_ou(), 1..3).prop_map(AccountSelector::InOu),
            proptest::collection::vec(any_ou(), 1..3).prop_map(AccountSelector::DirectlyInOu),
            Just(AccountSelector::Tagged(tag(TagValueSelector::Present))),
            Just(AccountSelector::Tagged(tag(TagValueSelector::Absent))),
            proptest::sample::select(NAMES.to_vec())
                .prop_map(|name| AccountSelector::Named(vec![TextSelector::Is(name.to_owned())])),
            Just(AccountSelector::Id(["111122223333".parse().unwrap()].into())),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let parts = || proptest::collection::vec(inner.clone(), 1..3);
            prop_oneof![
                parts().prop_map(AccountSelector::AllOf),
                parts().prop_map(AccountSelector::AnyOf),
                (inner.clone(), parts())
                    .prop_map(|(of, except)| AccountSelector::Except { of: Box::new(of), except }),
            ]
        })
    }

    fn any_account() -> impl Strategy<Value = Account> {
        let unit = (0_usize..3, 0_usize..3).prop_map(|(id, name)| OrganizationalUnit {
            id: IDS[id].parse().unwrap(),
            name: NAMES[name].to_owned(),
        });
        let tags = proptest::option::of(Just(("Team".to_owned(), "storefront".to_owned())));
        let id = proptest::sample::select(vec!["111122223333", "222233334444"]);
        (id, 0_usize..3, proptest::collection::vec(unit, 0..3), tags, any::<bool>()).prop_map(
            |(id, name, path, tags, is_management)| Account {
                id: id.parse().unwrap(),
                name: NAMES[name].to_owned(),
                state: AccountState::Active,
                path: OuPath(path),
                tags: tags.into_iter().collect(),
                is_management,
            },
        )
    }

    fn outline(account: &Account, knows: impl Fn(usize) -> bool) -> AccountOutline {
        let units = account.path.units().iter().enumerate();
        AccountOutline {
            id: account.id.clone(),
            name: account.name.clone(),
            path: units.map(|(at, unit)| (unit.id.clone(), knows(at).then(|| unit.name.clone()))).collect(),
            is_management: account.is_management,
        }
    }

    proptest! {
        #[test]
        fn an_account_that_is_given_access_is_never_left_out(
            selector in any_selector(),
            account in any_account(),
            known in proptest::collection::vec(any::<bool>(), 3),
        ) {
            let outline = outline(&account, |at| known[at]);
            prop_assert!(selector.may_give(&outline) || !selector.gives(&account));
        }

        #[test]
        fn where_no_tags_are_asked_for_and_all_names_are_known_it_is_exact(
            selector in any_selector(),
            account in any_account(),
        ) {
            let asks_tags = format!("{selector:?}").contains("Tagged");
            prop_assume!(!asks_tags);
            prop_assert_eq!(selector.may_give(&outline(&account, |_| true)), selector.gives(&account));
        }
    }
}
