//! What there is to hear, and how often each of it is played.

use super::names::{Facts, Name, mix};
use crate::scenario::Tracks;
use spotproto::Dice;

/// The files, by how popular they are: the first is played most.
#[derive(Debug)]
pub(crate) struct Catalogue {
    facts: Vec<Facts>,
    exponent: f64,
    shift: f64,
}

/// The shortest and longest track, in seconds.
const SECONDS: (f64, f64) = (30.0, 1200.0);

impl Catalogue {
    /// As many files as the scenario says, and one more that nobody has heard of yet.
    pub(crate) fn new(tracks: &Tracks, seed: u64) -> Self {
        let bytes_per_s = tracks.kbit_s * 125.0;
        let facts = (0..=u64::from(tracks.count)).map(|file| {
            if let Some(&[millis, bytes]) = tracks.known.get(file as usize) {
                return Facts { millis, bytes };
            }
            let bits = mix(seed ^ mix(file + 1));
            let seconds = tracks.median_s * libm::exp(tracks.sigma * normal_of(bits));
            let seconds = seconds.clamp(SECONDS.0, SECONDS.1);
            Facts { millis: (seconds * 1000.0) as u32, bytes: (4000.0 + seconds * bytes_per_s) as u32 }
        });
        Self { facts: facts.collect(), exponent: tracks.exponent, shift: tracks.shift }
    }

    /// What there is to know of a file.
    pub(crate) fn facts(&self, file: u32) -> Facts {
        self.facts.get(file as usize).copied().unwrap_or(Facts { millis: 30_000, bytes: 600_000 })
    }

    pub(crate) fn knows(&self, file: Name) -> bool {
        (file.0 as usize) < self.facts.len()
    }

    /// The file that is new.
    pub(crate) const fn new_file(&self) -> u32 {
        self.facts.len() as u32 - 1
    }

    /// A file as often as it is played: the inverse of the distribution function of Zipf and Mandelbrot, in its continuous
    /// form.
    pub(crate) fn pick(&self, dice: &mut Dice) -> u32 {
        let count = (self.facts.len() - 1) as f64;
        let u = even(dice);
        let flat = 1.0 - self.exponent;
        let at = if flat.abs() < 1e-9 {
            (self.shift + 1.0) * libm::pow((count + self.shift + 1.0) / (self.shift + 1.0), u)
        } else {
            let low = libm::pow(self.shift + 1.0, flat);
            let high = libm::pow(count + self.shift + 1.0, flat);
            libm::pow(low + (high - low) * u, 1.0 / flat)
        };
        ((at - self.shift - 1.0).max(0.0) as u32).min(count as u32 - 1)
    }
}

/// A number from 0 to 1, 1 left out.
pub(crate) fn even(dice: &mut Dice) -> f64 {
    (dice.bits() >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether something with this chance comes about.
pub(crate) fn chance(dice: &mut Dice, part: f64) -> bool {
    even(dice) < part
}

/// A number of the normal distribution (Box and Muller 1958).
pub(crate) fn normal(dice: &mut Dice) -> f64 {
    normal_of(dice.bits())
}

/// A number of the exponential distribution with this mean.
pub(crate) fn exponential(dice: &mut Dice, mean: f64) -> f64 {
    -mean * libm::log(1.0 - even(dice))
}

fn normal_of(bits: u64) -> f64 {
    let (one, other) = ((bits >> 32) as f64 + 1.0, (bits as u32) as f64);
    let scale = 1.0 / (1u64 << 32) as f64;
    libm::sqrt(-2.0 * libm::log(one * scale)) * libm::cos(core::f64::consts::TAU * other * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::Seed;

    #[test]
    fn few_tracks_make_most_of_the_plays_as_the_original_found() {
        let tracks = Tracks { count: 100_000, exponent: 1.318, shift: 100.0, ..Tracks::default() };
        let catalogue = Catalogue::new(&tracks, 7);
        let mut dice = Dice::new(&Seed([1; 32]));
        let top = (0..100_000).filter(|_| catalogue.pick(&mut dice) < 12_000).count();
        assert!((86_000..90_000).contains(&top), "{top}");
    }

    #[test]
    fn tracks_are_as_long_as_the_scenario_says() {
        let tracks = Tracks::default();
        let catalogue = Catalogue::new(&tracks, 7);
        let mut millis: Vec<u32> = (0..10_001).map(|file| catalogue.facts(file).millis).collect();
        millis.sort_unstable();
        assert!((215_000..225_000).contains(&millis[5000]), "{}", millis[5000]);
        assert!(catalogue.facts(0).head(Name(0)).unwrap().check().is_ok());
    }
}
