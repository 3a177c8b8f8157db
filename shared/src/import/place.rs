//! Where a rule could hold: the organization's own shape, its OUs and the tags that are trusted, as selections of accounts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{cost, positions::Positions};
use crate::domain::Account;

/// A selection of accounts by what they have in common. Without an OU and tags it is everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub ou: Option<InOu>,
    /// By key: this value, or any.
    pub tags: BTreeMap<String, Option<String>>,
}

/// An OU as a rule writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InOu {
    /// Its path, or its id where a path can't be written.
    pub written: String,
    /// Only the accounts that are in it themselves.
    pub directly: bool,
    /// How many OUs it is below.
    pub depth: usize,
}

impl Place {
    /// What it costs to read.
    pub(super) fn cost(&self) -> usize {
        let parts = usize::from(self.ou.is_some()) + self.tags.len();
        if parts == 0 { cost::EVERYWHERE } else { parts * cost::SELECTOR }
    }

    pub(super) fn is_plain(&self) -> bool {
        usize::from(self.ou.is_some()) + self.tags.len() <= 1
    }

    fn with_tag(&self, key: &str, value: Option<&str>) -> Self {
        let mut tags = self.tags.clone();
        tags.insert(key.to_owned(), value.map(str::to_owned));
        Self { ou: self.ou.clone(), tags }
    }
}

/// A place, and the accounts in it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) place: Place,
    pub(super) accounts: Positions,
    pub(super) cost: usize,
}

/// The places that there are, each selection of accounts under the cheapest of its names, in a fixed order.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) all: Vec<Candidate>,
    /// Those by one thing alone: what exceptions are made of, and what has exceptions.
    pub(super) plain: Vec<Candidate>,
    at: BTreeMap<Place, usize>,
}

impl Places {
    /// The accounts of one of the places.
    pub(super) fn accounts_of(&self, place: &Place) -> Option<&Positions> {
        self.at.get(place).and_then(|at| self.all.get(*at)).map(|candidate| &candidate.accounts)
    }

    /// The places of these accounts, by OUs and by the tags with these keys.
    pub(super) fn of(accounts: &[&Account], trusted: &BTreeSet<String>) -> Self {
        let mut found: BTreeMap<Place, Positions> = BTreeMap::new();
        let mut add = |place: Place, at: usize| {
            found.entry(place).or_insert_with(|| Positions::none_of(accounts.len())).insert(at);
        };
        for (at, account) in accounts.iter().enumerate() {
            let tags: Vec<(&str, &str)> =
                account.tags.iter().filter(|(key, _)| trusted.contains(*key)).collect();
            let ous = ous_of(account).into_iter().map(Some);
            for ou in std::iter::once(None).chain(ous) {
                let bare = Place { ou, tags: BTreeMap::new() };
                for (number, (key, value)) in tags.iter().enumerate() {
                    add(bare.with_tag(key, None), at);
                    if !can_be_written(value) {
                        continue;
                    }
                    let one = bare.with_tag(key, Some(value));
                    // Two tags together, but not in an OU besides: what takes three things to say is hardly meant.
                    let others = tags.iter().skip(number + 1).filter(|(_, other)| can_be_written(other));
                    for (second, other) in others.filter(|_| bare.ou.is_none()) {
                        add(one.with_tag(second, Some(other)), at);
                    }
                    add(one, at);
                }
                add(bare, at);
            }
        }
        // Of several names for the same accounts the cheapest; of OUs the innermost, which takes in the fewest that are yet to come.
        let mut cheapest: BTreeMap<Positions, (usize, bool, Reverse<usize>, Place)> = BTreeMap::new();
        for (place, accounts) in found {
            let directly = place.ou.as_ref().is_some_and(|ou| ou.directly);
            let depth = place.ou.as_ref().map_or(0, |ou| ou.depth + 1);
            let entry = (place.cost(), directly, Reverse(depth), place);
            let known = cheapest.entry(accounts).or_insert_with(|| entry.clone());
            if entry < *known {
                *known = entry;
            }
        }
        let mut all: Vec<Candidate> = cheapest
            .into_iter()
            .map(|(accounts, (cost, _, _, place))| Candidate { place, accounts, cost })
            .collect();
        all.sort_by(|a, b| (a.cost, &a.place).cmp(&(b.cost, &b.place)));
        let plain = all.iter().filter(|candidate| candidate.place.is_plain()).cloned().collect();
        let at = all.iter().enumerate().map(|(at, candidate)| (candidate.place.clone(), at)).collect();
        Self { all, plain, at }
    }
}

/// The OUs that an account is in, as rules write them: each of them, and the innermost itself.
fn ous_of(account: &Account) -> Vec<InOu> {
    let units = account.path.units();
    let mut written = Vec::new();
    for (depth, unit) in units.iter().enumerate() {
        let names = units.iter().take(depth + 1).map(|unit| unit.name.as_str());
        let can_be =
            |name: &str| can_be_written(name) && !name.contains(['/', '{', '}']) && !name.starts_with("ou-");
        let path =
            if names.clone().all(can_be) { names.collect::<Vec<_>>().join("/") } else { unit.id.to_string() };
        written.push(InOu { written: path.clone(), directly: false, depth });
        if depth + 1 == units.len() {
            written.push(InOu { written: path, directly: true, depth });
        }
    }
    written
}

/// Whether a rule can have this text as a value that stands for itself.
pub(super) fn can_be_written(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= 256
        && !text.contains(|letter: char| letter.is_control() || matches!(letter, '*' | '?'))
}
