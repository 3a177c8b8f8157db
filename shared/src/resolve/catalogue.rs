//! All permission sets of the instance, to be found by what rules select them by, and not searched through.

use std::collections::HashMap;

use crate::{
    domain::{PermissionSet, PermissionSetArn},
    rules::TagSelector,
};

/// All permission sets of the instance.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    sets: Vec<PermissionSet>,
    /// Of each of them, its place in the order of ARNs. Sets with one ARN share a place.
    places: Vec<usize>,
    /// Positions by name. Names are unique in an instance, but a list may be read while a set is made anew.
    by_name: HashMap<String, Vec<usize>>,
    by_arn: HashMap<PermissionSetArn, Vec<usize>>,
    by_tag_key: HashMap<String, Vec<usize>>,
}

/// A permission set of the catalogue. By its place it is compared with another one of the same catalogue: ARNs begin alike, and are long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) set: &'a PermissionSet,
    pub(super) place: usize,
}

impl From<Vec<PermissionSet>> for Catalogue {
    fn from(sets: Vec<PermissionSet>) -> Self {
        let mut catalogue = Self::default();
        for (at, set) in sets.iter().enumerate() {
            catalogue.by_name.entry(set.name.clone()).or_default().push(at);
            catalogue.by_arn.entry(set.arn.clone()).or_default().push(at);
            for (key, _) in set.tags.iter() {
                catalogue.by_tag_key.entry(key.to_owned()).or_default().push(at);
            }
        }
        let mut arns: Vec<&PermissionSetArn> = sets.iter().map(|set| &set.arn).collect();
        arns.sort_unstable();
        arns.dedup();
        let place = |set: &PermissionSet| arns.binary_search(&&set.arn).unwrap_or_else(|place| place);
        let places = sets.iter().map(place).collect();
        Self { sets, places, ..catalogue }
    }
}

impl FromIterator<PermissionSet> for Catalogue {
    fn from_iter<I: IntoIterator<Item = PermissionSet>>(sets: I) -> Self {
        Self::from(Vec::from_iter(sets))
    }
}

impl Catalogue {
    /// All of them, in the order in which they were read.
    pub fn sets(&self) -> &[PermissionSet] {
        &self.sets
    }

    /// Whether this permission set is in it.
    pub fn has(&self, arn: &PermissionSetArn) -> bool {
        self.by_arn.contains_key(arn)
    }

    /// Those with this name.
    pub(super) fn named(&self, name: &str) -> Vec<Listed<'_>> {
        self.at(self.by_name.get(name)).collect()
    }

    /// Those with this ARN.
    pub(super) fn with_arn(&self, arn: &PermissionSetArn) -> Vec<Listed<'_>> {
        self.at(self.by_arn.get(arn)).collect()
    }

    /// Those with these tags.
    pub(super) fn tagged(&self, tags: &TagSelector) -> Vec<Listed<'_>> {
        // Where a set must have some tag, only those that have it are looked at: of several such tags, the rarest.
        let needed = tags.0.iter().filter(|(_, values)| !values.iter().any(|value| value.selects(None)));
        let having = needed.map(|(key, _)| self.by_tag_key.get(key));
        match having.min_by_key(|positions| positions.map_or(0, Vec::len)) {
            Some(positions) => self.at(positions).filter(|it| tags.matches(&it.set.tags)).collect(),
            None => self.all().filter(|it| tags.matches(&it.set.tags)).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = Listed<'_>> {
        self.sets.iter().zip(&self.places).map(|(set, place)| Listed { set, place: *place })
    }

    fn at<'a>(&'a self, positions: Option<&'a Vec<usize>>) -> impl Iterator<Item = Listed<'a>> {
        let both = |at: &usize| Some(Listed { set: self.sets.get(*at)?, place: *self.places.get(*at)? });
        positions.into_iter().flatten().filter_map(both)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::rules::{Glob, TagValueSelector, TextSelector};

    fn some_sets() -> impl Strategy<Value = Vec<PermissionSet>> {
        let tags = prop::collection::btree_map("[ab]", "[xy]", 0..3);
        let set = (0..6_u8, "[PQR]", tags).prop_map(|(arn, name, tags)| PermissionSet {
            arn: format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{arn:016}").parse().unwrap(),
            name,
            tags: tags.into_iter().collect(),
        });
        prop::collection::vec(set, 0..8)
    }

    fn some_tags() -> impl Strategy<Value = TagSelector> {
        let value = prop_oneof![
            "[xy]".prop_map(|value| TagValueSelector::Value(TextSelector::Is(value))),
            Just(TagValueSelector::Value(TextSelector::Like(Glob::new("x*")))),
            Just(TagValueSelector::Present),
            Just(TagValueSelector::Absent),
        ];
        let values = prop::collection::vec(value, 1..3);
        prop::collection::btree_map("[abc]", values, 0..3).prop_map(|tags: BTreeMap<_, _>| TagSelector(tags))
    }

    proptest! {
        #[test]
        fn what_is_looked_up_is_what_a_search_finds(sets in some_sets(), tags in some_tags(), name in "[PQRS]") {
            let catalogue = Catalogue::from(sets.clone());
            let found = |fits: &dyn Fn(&PermissionSet) -> bool| sets.iter().filter(|set| fits(set)).cloned().collect::<Vec<_>>();
            let owned = |sets: Vec<Listed<'_>>| sets.into_iter().map(|it| it.set.clone()).collect::<Vec<_>>();
            prop_assert_eq!(owned(catalogue.tagged(&tags)), found(&|set| tags.matches(&set.tags)));
            prop_assert_eq!(owned(catalogue.named(&name)), found(&|set| set.name == name));
            for set in &sets {
                prop_assert!(catalogue.has(&set.arn));
                prop_assert_eq!(owned(catalogue.with_arn(&set.arn)), found(&|other| other.arn == set.arn));
            }
            prop_assert_eq!(catalogue.sets(), sets.as_slice());
            for (one, other) in catalogue.all().flat_map(|one| catalogue.all().map(move |other| (one, other))) {
                prop_assert_eq!(one.place.cmp(&other.place), one.set.arn.cmp(&other.set.arn));
            }
        }
    }
}
