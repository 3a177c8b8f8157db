//! Sets of accounts, by their positions in a list: small enough that thousands are compared in no time.

/// Some of the accounts of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Positions(Vec<u64>);

impl Positions {
    /// None of so many.
    pub(super) fn none_of(many: usize) -> Self {
        Self(vec![0; many.div_ceil(64)])
    }

    pub(super) fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one & other).collect())
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one | other).collect())
    }

    pub(super) fn less(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one & !other).collect())
    }

    /// How many are in both.
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(one, other)| (one & other).count_ones() as usize).sum()
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one & !other == 0)
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }

    /// The positions, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let of_word = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        };
        self.0.iter().enumerate().flat_map(of_word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_a_set() {
        let of = |all: &[usize]| {
            let mut positions = Positions::none_of(130);
            for at in all {
                positions.insert(*at);
            }
            positions
        };
        let (some, others) = (of(&[0, 63, 64, 129]), of(&[63, 100]));
        assert_eq!(some.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!((some.len(), some.shared_with(&others)), (4, 1));
        assert_eq!(some.and(&others), of(&[63]));
        assert_eq!(some.less(&others), of(&[0, 64, 129]));
        assert_eq!(some.or(&others), of(&[0, 63, 64, 100, 129]));
        assert!(of(&[63]).is_within(&some) && !others.is_within(&some) && some.meets(&others));
        assert!(of(&[]).is_empty() && !some.is_empty());
    }
}
