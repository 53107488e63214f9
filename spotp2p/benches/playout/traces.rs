//! Links: rates over time, seeded.

use spotproto::{Dice, Seed};

/// Seconds between two rates of a trace.
pub(crate) const STEP: f64 = 0.25;

/// What kind of link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A Markov chain over 16 log-spaced rates, a second a step: the model's own class.
    Chain,
    /// Log-normal AR(1) with fades of 0.5 to 6 s, as a laptop two rooms away.
    Wifi,
    /// Two AR(1) parts, a slow one of a minute and a fast one, and hand-overs, as a phone on the move.
    Cellular,
    /// Steady, but for somebody else's downloads of 10 to 60 s.
    Dsl,
    /// Good but for fades: nothing at all for 0.5 to 4 s, every 20 to 90 s.
    ShortFades,
}

/// Throws with floating point; the bench may use it where the crate may not.
pub(crate) struct Chance(Dice);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&(seed ^ 0x5deece66d).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        Self(Dice::new(&Seed(bytes)))
    }

    /// Even in [0, 1).
    pub(crate) fn part(&mut self) -> f64 {
        (self.0.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.part()
    }

    /// Even in the logarithm.
    pub(crate) fn scale(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.part())
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.part()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.part()).cos()
    }
}

/// Rates, in bytes a second, every [`STEP`] seconds for `seconds`, about `mean`.
pub(crate) fn rates(kind: Kind, chance: &mut Chance, mean: f64, seconds: usize) -> Vec<f64> {
    let len = (seconds as f64 / STEP) as usize;
    match kind {
        Kind::Chain => chain(chance, mean, len),
        Kind::Wifi => wifi(chance, mean, len),
        Kind::Cellular => cellular(chance, mean, len),
        Kind::Dsl => dsl(chance, mean, len),
        Kind::ShortFades => short_fades(chance, mean, len),
    }
}

/// An AR(1) process of standard deviation 1 with this time constant in seconds.
struct Wander {
    keep: f64,
    at: f64,
}

impl Wander {
    fn new(chance: &mut Chance, constant: f64) -> Self {
        Self { keep: (-STEP / constant).exp(), at: chance.normal() }
    }

    fn next(&mut self, chance: &mut Chance) -> f64 {
        self.at = self.keep * self.at + (1.0 - self.keep * self.keep).sqrt() * chance.normal();
        self.at
    }
}

/// Spans that come by chance and last by chance.
struct Spells {
    every: f64,
    lasts: (f64, f64),
    left: f64,
}

impl Spells {
    const fn new(every: f64, lasts: (f64, f64)) -> Self {
        Self { every, lasts, left: 0.0 }
    }

    fn next(&mut self, chance: &mut Chance) -> bool {
        if self.left > 0.0 {
            self.left -= STEP;
        } else if chance.part() < STEP / self.every {
            self.left = chance.between(self.lasts.0, self.lasts.1);
        }
        self.left > 0.0
    }
}

fn chain(chance: &mut Chance, mean: f64, len: usize) -> Vec<f64> {
    // Jumps to a neighbour, stays, or is thrown anew; now and then nothing comes.
    let width = chance.between(0.1, 0.3);
    let (move_on, anew, stall, end) = (
        chance.between(0.1, 0.6),
        chance.scale(0.01, 0.3),
        chance.scale(1e-4, 0.02),
        chance.between(0.2, 0.7),
    );
    let level = |state: i32| mean * (width * f64::from(state - 8)).exp();
    let fresh = |chance: &mut Chance| ((8.0 + 2.5 * chance.normal()).round() as i32).clamp(0, 15);
    let (mut state, mut stalled) = (fresh(chance), false);
    let mut rates = Vec::with_capacity(len);
    while rates.len() < len {
        stalled = if stalled { chance.part() >= end } else { chance.part() < stall };
        if chance.part() < anew {
            state = fresh(chance);
        } else if chance.part() < move_on {
            let down = chance.part() < (f64::from(state) + 0.5) / 16.0;
            state = (if down { state - 1 } else { state + 1 }).clamp(0, 15);
        }
        let rate = if stalled { 0.0 } else { level(state) };
        rates.extend([rate; (1.0 / STEP) as usize]);
    }
    rates
}

fn wifi(chance: &mut Chance, mean: f64, len: usize) -> Vec<f64> {
    let spread = chance.between(0.25, 0.7);
    let constant = chance.scale(1.0, 12.0);
    let mut wander = Wander::new(chance, constant);
    let mut fades = Spells::new(chance.scale(20.0, 300.0), (0.5, 6.0));
    let depth = chance.between(0.0, 0.25);
    (0..len)
        .map(|_| {
            let rate = mean * (spread * wander.next(chance) - spread * spread / 2.0).exp();
            if fades.next(chance) { rate * depth } else { rate }
        })
        .collect()
}

fn cellular(chance: &mut Chance, mean: f64, len: usize) -> Vec<f64> {
    let (slow, fast) = (chance.between(0.2, 0.5), chance.between(0.2, 0.5));
    let constant = chance.scale(30.0, 120.0);
    let (mut level, mut jitter) = (Wander::new(chance, constant), Wander::new(chance, 1.5));
    let mut hand_overs = Spells::new(chance.scale(30.0, 200.0), (0.3, 3.0));
    (0..len)
        .map(|_| {
            let wander = slow * level.next(chance) + fast * jitter.next(chance);
            let rate = mean * (wander - (slow * slow + fast * fast) / 2.0).exp();
            if hand_overs.next(chance) { 0.0 } else { rate }
        })
        .collect()
}

fn dsl(chance: &mut Chance, mean: f64, len: usize) -> Vec<f64> {
    let jitter = chance.between(0.02, 0.08);
    let mut wander = Wander::new(chance, 0.5);
    let mut others = Spells::new(chance.scale(60.0, 900.0), (10.0, 60.0));
    (0..len)
        .map(|_| {
            let rate = mean * (jitter * wander.next(chance)).exp();
            if others.next(chance) { rate * 0.55 } else { rate }
        })
        .collect()
}

fn short_fades(chance: &mut Chance, mean: f64, len: usize) -> Vec<f64> {
    let spread = chance.between(0.05, 0.2);
    let mut wander = Wander::new(chance, 2.0);
    let mut fades = Spells::new(chance.scale(20.0, 90.0), (0.5, 4.0));
    (0..len)
        .map(|_| if fades.next(chance) { 0.0 } else { mean * (spread * wander.next(chance)).exp() })
        .collect()
}
