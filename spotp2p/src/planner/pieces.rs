//! A set of a file's pieces: a bit each, and a bit for each word that has any, so that the next member is found at once.

use alloc::boxed::Box;
use core::ops::Range;

/// Some of the pieces `0..len`. Takes `len / 8` bytes and an eighth of an eighth more.
#[derive(Clone, Debug)]
pub(super) struct PieceSet {
    words: Box<[u64]>,
    /// Which words are not zero.
    summary: Box<[u64]>,
    len: u32,
    count: u32,
}

impl PieceSet {
    pub(super) fn empty(len: u32) -> Self {
        let words = len.div_ceil(64) as usize;
        Self {
            words: alloc::vec![0; words].into_boxed_slice(),
            summary: alloc::vec![0; words.div_ceil(64)].into_boxed_slice(),
            len,
            count: 0,
        }
    }

    pub(super) fn full(len: u32) -> Self {
        let mut set = Self::empty(len);
        (0..len).for_each(|piece| _ = set.insert(piece));
        set
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn contains(&self, piece: u32) -> bool {
        self.words.get(piece as usize / 64).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    /// Whether that changed anything; pieces behind the end don't.
    pub(super) fn insert(&mut self, piece: u32) -> bool {
        if piece >= self.len || self.contains(piece) {
            return false;
        }
        let index = piece as usize / 64;
        if let Some(word) = self.words.get_mut(index) {
            *word |= 1 << (piece % 64);
        }
        if let Some(word) = self.summary.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
        self.count += 1;
        true
    }

    /// Whether that changed anything.
    pub(super) fn remove(&mut self, piece: u32) -> bool {
        if !self.contains(piece) {
            return false;
        }
        let index = piece as usize / 64;
        let Some(word) = self.words.get_mut(index) else { return false };
        *word &= !(1 << (piece % 64));
        if *word == 0
            && let Some(word) = self.summary.get_mut(index / 64)
        {
            *word &= !(1 << (index % 64));
        }
        self.count -= 1;
        true
    }

    /// The first piece from `from` on that is no member; the number of pieces if all are.
    pub(super) fn first_absent(&self, from: u32) -> u32 {
        let mut absent = from;
        while let Some(word) = self.words.get(absent as usize / 64) {
            let run = (word >> (absent % 64)).trailing_ones();
            if absent % 64 + run < 64 {
                absent += run;
                break;
            }
            absent = (absent / 64 + 1) * 64;
        }
        absent.min(self.len)
    }

    /// The first member within a range.
    pub(super) fn first_in(&self, range: Range<u32>) -> Option<u32> {
        if range.start >= range.end {
            return None;
        }
        let index = range.start as usize / 64;
        let here = self.words.get(index)? >> (range.start % 64);
        let found = if here != 0 {
            range.start + here.trailing_zeros()
        } else {
            let index = self.next_word(index + 1)?;
            index as u32 * 64 + self.words.get(index)?.trailing_zeros()
        };
        (found < range.end).then_some(found)
    }

    /// The first word from `index` on that is not zero.
    fn next_word(&self, index: usize) -> Option<usize> {
        let rest = self.summary.get(index / 64)? >> (index % 64);
        if rest != 0 {
            return Some(index + rest.trailing_zeros() as usize);
        }
        let (at, word) =
            self.summary.iter().enumerate().skip(index / 64 + 1).find(|(_, word)| **word != 0)?;
        Some(at * 64 + word.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_does_what_an_ordered_set_does(
            len in 1u32..9_000,
            steps in proptest::collection::vec((any::<u32>(), 1u32..200, any::<bool>(), any::<[u32; 2]>()), 1..100),
        ) {
            let (mut set, mut model) = (PieceSet::empty(len), BTreeSet::new());
            for (first, run, put, range) in steps {
                let first = first % (len + 10);
                for piece in first..first + run {
                    if put {
                        prop_assert_eq!(set.insert(piece), piece < len && model.insert(piece));
                    } else {
                        prop_assert_eq!(set.remove(piece), model.remove(&piece));
                    }
                }
                prop_assert_eq!(set.count() as usize, model.len());
                let range = range[0] % (len + 70)..range[1] % (len + 70);
                prop_assert_eq!(set.contains(range.start), model.contains(&range.start));
                for from in [range.start, first] {
                    let absent = (from..len).find(|piece| !model.contains(piece)).unwrap_or(len);
                    prop_assert_eq!(set.first_absent(from), absent);
                }
                let expected = if range.is_empty() { None } else { model.range(range.clone()).next().copied() };
                prop_assert_eq!(set.first_in(range), expected);
            }
        }
    }

    #[test]
    fn a_full_set_has_every_piece_and_none_behind_the_end() {
        let set = PieceSet::full(4_161);
        assert_eq!(set.count(), 4_161);
        assert!((0..4_161).all(|piece| set.first_in(piece..u32::MAX) == Some(piece)));
        assert_eq!(set.first_in(4_161..u32::MAX), None);
        assert!(!set.contains(4_161) && !set.contains(u32::MAX));
        assert_eq!([0, 4_095, 4_161, u32::MAX].map(|from| set.first_absent(from)), [4_161; 4]);
    }
}
