//! Which pieces of a file a program has.

/// A bit for each piece.
#[derive(Debug)]
pub(super) struct Pieces {
    of: u32,
    words: Box<[u64]>,
}

impl Pieces {
    /// None of so many.
    pub(super) fn none(of: u32) -> Self {
        Self { of, words: vec![0; of.div_ceil(64) as usize].into_boxed_slice() }
    }

    /// How many there are of the whole file.
    pub(super) const fn of(&self) -> u32 {
        self.of
    }

    /// Whether it is there; what lies behind the end is.
    pub(super) fn has(&self, piece: u32) -> bool {
        piece >= self.of
            || self.words.get(piece as usize / 64).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, piece: u32, has: bool) {
        if let Some(word) = self.words.get_mut(piece as usize / 64) {
            let bit = 1 << (piece % 64);
            *word = if has { *word | bit } else { *word & !bit };
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }
}
