//! What an answer about the tags of many accounts proves, and of whom: what is missing in it is not empty.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{AccountId, Tags};

/// The tags of those of the `listed` accounts that the answer speaks for. The others are to be asked one by one.
///
/// An account without tags is not in such an answer; neither is one that the answer leaves out. So an account is believed to
/// have no tags only if it had none when that was last proved, and only if the answer knows any account at all: where it may not
/// be asked, the tagging API answers with nothing and no error.
pub(super) fn spoken_for(
    listed: &BTreeSet<AccountId>,
    mut answer: BTreeMap<AccountId, Tags>,
    had_tags: &BTreeMap<AccountId, bool>,
) -> BTreeMap<AccountId, Tags> {
    answer.retain(|id, _| listed.contains(id));
    if answer.is_empty() {
        return answer;
    }
    for id in listed {
        if !answer.contains_key(id) && had_tags.get(id) == Some(&false) {
            answer.insert(id.clone(), Tags::default());
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> AccountId {
        format!("{:012}", 111_111_111_111 + n).parse().unwrap()
    }

    fn tagged() -> Tags {
        Tags([("Environment".to_owned(), "Development".to_owned())].into())
    }

    fn ids(of: &BTreeMap<AccountId, Tags>) -> Vec<AccountId> {
        of.keys().cloned().collect()
    }

    #[test]
    fn an_answer_that_is_empty_speaks_for_nobody() {
        let listed: BTreeSet<_> = (0..3).map(id).collect();
        let none = listed.iter().map(|id| (id.clone(), false)).collect();
        assert_eq!(spoken_for(&listed, BTreeMap::new(), &none), BTreeMap::new());
        // Of another organization's accounts it may know as much as it likes.
        assert_eq!(spoken_for(&listed, [(id(9), tagged())].into(), &none), BTreeMap::new());
    }

    #[test]
    fn who_is_missing_has_no_tags_only_if_that_was_so_before() {
        let listed: BTreeSet<_> = (0..4).map(id).collect();
        let before = [(id(1), true), (id(2), false)].into();
        let spoken = spoken_for(&listed, [(id(0), tagged())].into(), &before);
        assert_eq!(ids(&spoken), [id(0), id(2)]);
        assert_eq!(spoken[&id(2)], Tags::default());
    }

    #[test]
    fn who_is_in_it_is_believed_whatever_was_so_before() {
        let listed: BTreeSet<_> = (0..2).map(id).collect();
        let answer = [(id(0), tagged()), (id(1), Tags::default())].into();
        let spoken = spoken_for(&listed, answer, &[(id(0), false), (id(1), true)].into());
        assert_eq!(spoken, [(id(0), tagged()), (id(1), Tags::default())].into());
    }
}
