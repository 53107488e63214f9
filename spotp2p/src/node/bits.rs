//! A bit for each piece of a file.

use alloc::boxed::Box;

/// Bits, and how many of them are set.
#[derive(Debug)]
pub(super) struct Bits {
    words: Box<[u64]>,
    count: u32,
}

impl Bits {
    pub(super) fn new(bits: u32) -> Self {
        Self { words: alloc::vec![0; bits.div_ceil(64) as usize].into_boxed_slice(), count: 0 }
    }

    pub(super) fn get(&self, bit: u32) -> bool {
        self.words.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// 64 of them, from the one with this number times 64 on.
    pub(super) fn word(&self, word: u32) -> u64 {
        self.words.get(word as usize).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, bit: u32, value: bool) {
        if self.get(bit) == value {
            return;
        }
        if let Some(word) = self.words.get_mut(bit as usize / 64) {
            *word ^= 1 << (bit % 64);
            self.count = if value { self.count + 1 } else { self.count - 1 };
        }
    }

    /// How many are set.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }
}
