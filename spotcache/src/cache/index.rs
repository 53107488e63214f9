//! An open-addressing table of slot numbers: looked up in, never walked.

use alloc::vec::Vec;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// Finds slots by bits of their names. What a slot is called is known to the owner alone, who is asked.
///
/// Linear probing, at most 7/8 full; grows by 2/7 beyond what is in it, so that no more than 36/7 bytes are taken for a
/// slot. Any size will do: a hash is brought into range by multiplying (Lemire 2019).
#[derive(Debug)]
pub(super) struct Index {
    table: Vec<u32>,
    len: usize,
    seed: u64,
}

impl Index {
    /// An empty table, which takes no memory. Where things lie follows from the seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self { table: Vec::new(), len: 0, seed: seed | 1 }
    }

    /// Whether one more fits. If not, [`Index::grow`] first.
    pub(super) const fn has_room(&self) -> bool {
        (self.len + 1) * 8 <= self.table.len() * 7
    }

    /// Makes a larger table, of all that is in the old one.
    pub(super) fn grow(&mut self, all: impl Iterator<Item = (u64, u32)>) {
        let size = (self.len + 8) * 9 / 7;
        self.table = Vec::new();
        self.table.reserve_exact(size);
        self.table.resize(size, NONE);
        self.len = 0;
        for (bits, slot) in all {
            self.insert(bits, slot);
        }
    }

    /// Puts a slot in. There must be room.
    pub(super) fn insert(&mut self, bits: u64, slot: u32) {
        let mut at = self.home(bits);
        while self.table[at] != NONE {
            at = self.after(at);
        }
        self.table[at] = slot;
        self.len += 1;
    }

    /// Slots that may have these bits, those that do among them.
    pub(super) fn candidates(&self, bits: u64) -> Candidates<'_> {
        let at = if self.table.is_empty() { 0 } else { self.home(bits) };
        Candidates { index: self, at }
    }

    /// Takes a slot out, and closes the gap (Knuth, vol. 3, 6.4, algorithm R).
    pub(super) fn remove(&mut self, bits: u64, slot: u32, bits_of: impl Fn(u32) -> u64) {
        if self.table.is_empty() {
            return;
        }
        let mut gap = self.home(bits);
        while self.table[gap] != slot {
            if self.table[gap] == NONE {
                return;
            }
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        while self.table[at] != NONE {
            if self.distance(self.home(bits_of(self.table[at])), at) >= self.distance(gap, at) {
                self.table[gap] = self.table[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.table[gap] = NONE;
        self.len -= 1;
    }

    fn home(&self, bits: u64) -> usize {
        // Folded multiplication, as in wyhash: all bits of both have a say in the upper ones.
        let wide = u128::from(bits ^ self.seed.rotate_left(32)) * u128::from(self.seed);
        let mixed = (wide as u64 ^ (wide >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mixed) * self.table.len() as u128) >> 64) as usize
    }

    const fn after(&self, at: usize) -> usize {
        if at + 1 == self.table.len() { 0 } else { at + 1 }
    }

    const fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.table.len() - from }
    }
}

/// What [`Index::candidates`] finds.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    index: &'a Index,
    at: usize,
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let slot = *self.index.table.get(self.at)?;
        self.at = self.index.after(self.at);
        (slot != NONE).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_in_is_found_until_it_is_taken_out(
            seed: u64, same: bool, steps in proptest::collection::vec((any::<bool>(), 0u32..60), 0..300)
        ) {
            // All in one heap, or each apart.
            let bits = |slot: u32| if same { 7 } else { u64::from(slot) };
            let mut index = Index::new(seed);
            let mut model = BTreeSet::new();
            for (insert, slot) in steps {
                if !insert {
                    index.remove(bits(slot), slot, bits);
                    model.remove(&slot);
                } else if model.insert(slot) {
                    if !index.has_room() {
                        index.grow(model.iter().filter(|one| **one != slot).map(|&one| (bits(one), one)));
                    }
                    index.insert(bits(slot), slot);
                }
                for one in 0..60 {
                    let found = index.candidates(bits(one)).any(|candidate| candidate == one);
                    prop_assert_eq!(found, model.contains(&one));
                }
            }
        }
    }
}
