//! Which pieces are held of a file that is not whole, and who uses it.

use alloc::vec::Vec;

/// What a whole file that nobody uses does without.
#[derive(Clone, Default, Debug)]
pub(super) struct Detail {
    /// Pieces of the whole file.
    pub(super) pieces: u32,
    /// Leading pieces with headers.
    pub(super) prefix: u32,
    /// Pieces on their way to the disk.
    pub(super) writing: u32,
    /// How many use the file.
    pub(super) holds: u32,
    /// Only headers were kept.
    pub(super) cut: bool,
    held: u32,
    /// A bit for each piece; empty if all or none are held.
    map: Vec<u64>,
}

impl Detail {
    /// Of a file of which nothing is held.
    pub(super) const fn new(pieces: u32, prefix: u32) -> Self {
        Self { pieces, prefix, writing: 0, holds: 0, cut: false, held: 0, map: Vec::new() }
    }

    /// Of a file whose pieces are all held.
    pub(super) const fn whole(pieces: u32, prefix: u32) -> Self {
        Self { pieces, prefix, writing: 0, holds: 0, cut: false, held: pieces, map: Vec::new() }
    }

    pub(super) const fn held(&self) -> u32 {
        self.held
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.held == self.pieces
    }

    pub(super) fn has(&self, piece: u32) -> bool {
        if self.is_whole() {
            return piece < self.pieces;
        }
        self.map.get(piece as usize / 64).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    /// The pieces of a word of the map.
    pub(super) fn word(&self, word: u32) -> u64 {
        if self.is_whole() {
            return whole_word(self.pieces, word);
        }
        self.map.get(word as usize).copied().unwrap_or(0)
    }

    /// Adds a piece.
    pub(super) fn insert(&mut self, piece: u32) {
        if piece >= self.pieces || self.has(piece) {
            return;
        }
        self.make_map();
        self.map[piece as usize / 64] |= 1 << (piece % 64);
        self.held += 1;
        if self.is_whole() {
            self.map = Vec::new();
        }
    }

    /// Adds all pieces.
    pub(super) fn fill(&mut self) {
        self.held = self.pieces;
        self.map = Vec::new();
    }

    /// Takes a piece away.
    pub(super) fn remove(&mut self, piece: u32) {
        if !self.has(piece) {
            return;
        }
        self.make_map();
        self.map[piece as usize / 64] &= !(1 << (piece % 64));
        self.held -= 1;
        if self.held == 0 {
            self.map = Vec::new();
        }
    }

    /// Takes away all but the first `pieces`; answers how many went.
    pub(super) fn truncate(&mut self, pieces: u32) -> u32 {
        if pieces >= self.pieces || self.held == 0 {
            return 0;
        }
        self.make_map();
        let before = self.held;
        for (word, at) in self.map.iter_mut().zip(0u32..) {
            let kept = pieces.saturating_sub(at * 64).min(64);
            *word &= if kept == 64 { u64::MAX } else { (1 << kept) - 1 };
        }
        self.held = self.map.iter().map(|word| word.count_ones()).sum();
        if self.held == 0 {
            self.map = Vec::new();
        }
        before - self.held
    }

    /// Whether all of the first `pieces` are held.
    pub(super) fn has_first(&self, pieces: u32) -> bool {
        (0..pieces).all(|piece| self.has(piece))
    }

    fn make_map(&mut self) {
        if self.map.is_empty() {
            let words = self.pieces.div_ceil(64) as usize;
            let word = if self.is_whole() { u64::MAX } else { 0 };
            self.map.reserve_exact(words);
            self.map.resize(words, word);
            let rest = self.pieces % 64;
            if let Some(last) = self.map.last_mut().filter(|_| rest > 0) {
                *last &= (1 << rest) - 1;
            }
        }
    }
}

/// A word of the map of a file whose pieces are all held.
pub(super) const fn whole_word(pieces: u32, word: u32) -> u64 {
    match pieces.saturating_sub(word.saturating_mul(64)) {
        64.. => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(u32),
        Truncate(u32),
        Fill,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0u32..140).prop_map(Step::Insert),
            4 => (0u32..140).prop_map(Step::Remove),
            1 => (0u32..140).prop_map(Step::Truncate),
            1 => Just(Step::Fill),
        ]
    }

    proptest! {
        #[test]
        fn a_detail_is_a_set_of_pieces(pieces in 1u32..130, steps in proptest::collection::vec(step(), 0..200)) {
            let mut detail = Detail::new(pieces, 0);
            let mut model = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Insert(piece) => {
                        detail.insert(piece);
                        model.extend((piece < pieces).then_some(piece));
                    }
                    Step::Remove(piece) => {
                        detail.remove(piece);
                        model.remove(&piece);
                    }
                    Step::Truncate(first) => {
                        let before = model.len();
                        model.retain(|piece| *piece < first);
                        prop_assert_eq!(detail.truncate(first) as usize, before - model.len());
                    }
                    Step::Fill => {
                        detail.fill();
                        model.extend(0..pieces);
                    }
                }
                prop_assert_eq!(detail.held() as usize, model.len());
                prop_assert!((0..140).all(|piece| detail.has(piece) == model.contains(&piece)));
                let bit = |piece: u32| detail.word(piece / 64) >> (piece % 64) & 1 == 1;
                prop_assert!((0..192).all(|piece| bit(piece) == model.contains(&piece)));
                prop_assert_eq!(detail.map.is_empty(), model.is_empty() || detail.is_whole());
            }
        }
    }
}
