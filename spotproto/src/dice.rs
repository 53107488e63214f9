//! Chance from outside: a seed at construction, a 16-byte generator per machine for jitter and choice.
//!
//! Never for secrets: keys are inputs, made by the adapter from the system's entropy.

use core::time::Duration;

/// Thirty-two bytes that decide every throw a machine makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A seed for part number `index`, so that a machine's parts and a world's nodes draw apart.
    #[must_use]
    pub fn part(&self, index: u64) -> Self {
        let mut dice = Dice::new(self);
        dice.state ^= index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.bits().to_le_bytes());
        }
        Self(bytes)
    }
}

/// A small deterministic generator (PCG-XSH-RR 64/32, O'Neill 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
    stream: u64,
}

impl Dice {
    /// A generator that throws what `seed` says.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        let word = |i: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&seed.0[i * 8..i * 8 + 8]);
            u64::from_le_bytes(bytes)
        };
        let mut dice = Self { state: word(0) ^ word(2).rotate_left(32), stream: (word(1) ^ word(3)) | 1 };
        let _ = dice.half();
        dice
    }

    /// Sixty-four even bits.
    pub fn bits(&mut self) -> u64 {
        u64::from(self.half()) << 32 | u64::from(self.half())
    }

    /// An even number below `bound` (0 if `bound` is 0), by Lemire's multiply-and-reject method (2019).
    pub fn below(&mut self, bound: u32) -> u32 {
        let mut wide = u64::from(self.half()) * u64::from(bound);
        if (wide as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (wide as u32) < threshold {
                wide = u64::from(self.half()) * u64::from(bound);
            }
        }
        (wide >> 32) as u32
    }

    /// One of `choices`, or `None` if there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let bound = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        choices.get(self.below(bound) as usize)
    }

    /// A span between `span / 2` and `span`: spreads retries that would otherwise fall together.
    pub fn jitter(&mut self, span: Duration) -> Duration {
        let half = span / 2;
        let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        let part = (u128::from(micros) * u128::from(self.half())) >> 32;
        half + Duration::from_micros(part as u64)
    }

    fn half(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(self.stream);
        let mixed = (((old >> 18) ^ old) >> 27) as u32;
        mixed.rotate_right((old >> 59) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let seed = Seed([7; 32]);
        let (mut a, mut b) = (Dice::new(&seed), Dice::new(&seed));
        assert!((0..100).all(|_| a.bits() == b.bits()));
        assert_ne!(Dice::new(&seed.part(1)).bits(), Dice::new(&seed.part(2)).bits());
    }

    #[test]
    fn throws_stay_below_the_bound_and_reach_all_of_it() {
        let mut dice = Dice::new(&Seed([1; 32]));
        let mut seen = [0u32; 7];
        for _ in 0..7_000 {
            seen[dice.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.pick::<u8>(&[]), None);
    }

    #[test]
    fn jitter_stays_between_half_and_whole() {
        let mut dice = Dice::new(&Seed([3; 32]));
        let span = Duration::from_secs(2);
        assert!((0..1000).map(|_| dice.jitter(span)).all(|j| j >= span / 2 && j <= span));
    }
}
