//! A quick checksum that looks like a hash: enough to tell texts apart, and nothing against who means ill.

use spotproto::crypto::Hasher;

/// Bytes taken at a time.
const WORD: usize = 8;

/// Odd numbers without a pattern: the fractions of the golden ratio and of the first roots.
const MULTIPLIERS: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Four sums over the words of a text, each multiplied and turned in its own way.
#[derive(Clone, Debug)]
pub struct Checksum {
    sums: [u64; 4],
    /// Bytes that are no whole word yet.
    rest: [u8; WORD],
    length: u64,
}

impl Checksum {
    fn word(&mut self, word: u64) {
        for (lane, (sum, multiplier)) in self.sums.iter_mut().zip(MULTIPLIERS).enumerate() {
            *sum = (*sum ^ word).wrapping_mul(multiplier).rotate_left(23 + lane as u32);
        }
    }
}

impl Hasher for Checksum {
    fn new() -> Self {
        Self { sums: MULTIPLIERS, rest: [0; WORD], length: 0 }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        let held = self.length as usize % WORD;
        self.length += bytes.len() as u64;
        if held > 0 {
            let taken = bytes.len().min(WORD - held);
            let (now, later) = bytes.split_at(taken);
            self.rest[held..held + taken].copy_from_slice(now);
            if held + taken < WORD {
                return;
            }
            self.word(u64::from_le_bytes(self.rest));
            bytes = later;
        }
        let (words, rest) = bytes.as_chunks::<WORD>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        self.rest = [0; WORD];
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    fn finish(mut self) -> [u8; 32] {
        self.rest[self.length as usize % WORD..].fill(0);
        self.word(u64::from_le_bytes(self.rest));
        self.word(self.length);
        let mut digest = [0; 32];
        for lane in 0..4 {
            // Every lane has a say in every part.
            self.word(self.sums[lane].rotate_left(32));
            digest[lane * WORD..(lane + 1) * WORD].copy_from_slice(&self.sums[lane].to_le_bytes());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Checksum::new();
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finish()
    }

    #[test]
    fn however_a_text_is_cut_its_checksum_is_the_same() {
        let text: [u8; 41] = core::array::from_fn(|at| at as u8 * 5);
        for (a, b) in (0..=41).flat_map(|a| (a..=41).map(move |b| (a, b))) {
            assert_eq!(digest(&[&text[..a], &text[a..b], &text[b..]]), digest(&[&text]), "{a} {b}");
        }
    }

    #[test]
    fn a_flipped_bit_and_a_byte_more_are_noticed() {
        let text = [0u8; 40];
        for bit in 0..text.len() * 8 {
            let mut other = text;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(digest(&[&other]), digest(&[&text]), "{bit}");
        }
        assert_ne!(digest(&[&text[..39]]), digest(&[&text]));
    }
}
