//! The chance that playing from now on stutters, for every state of the link and every level of the buffer at once.

use super::chain::{Arrivals, Chain, Matrix, STATES, Span, Vector};
use super::demand::{Demand, Step};

/// Levels of the buffer.
pub const LEVELS: usize = 48;

/// Levels lie at least this part of a second of music apart, and at most this many seconds.
const FINEST: f32 = 1.0 / 32.0;
const COARSEST: f32 = 8.0;

/// Levels that are worked out together.
const BLOCK: usize = 24;

/// A risk that is as good as none.
const NIL: f32 = 1e-10;

type Risks = [[f32; LEVELS]; STATES];

/// How the chain's rates are to be taken.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Scale {
    /// By what the chain's rates are multiplied.
    pub(super) factor: f32,
    /// Bytes a second on top of them.
    pub(super) sure: f32,
}

/// A table of risks. Worst case: 3 KB, held inline.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    risks: Risks,
    /// Bytes between two levels.
    level: f32,
}

impl Forecast {
    /// Works backwards from the end: the risk at a level is the mean of the risks at the levels where a step can lead.
    pub(super) fn new(chain: &Chain, demand: &Demand, scale: Scale, level: f32) -> Self {
        let mut risks = [[0.0; LEVELS]; STATES];
        let mut rest = 0.0;
        for step in demand.steps().iter().rev() {
            backwards(&mut risks, chain.span(step.length), step, scale, level);
            rest += step.bytes;
            // All that is left to play is here.
            let safe = short(rest, level);
            for row in &mut risks {
                row[safe..].fill(0.0);
            }
        }
        Self { risks, level }
    }

    /// The risk where `states` says how likely each is, with so many bytes ahead of what is needed at once.
    pub(super) fn risk(&self, states: &Vector, ahead: f32) -> f32 {
        let at = (ahead / self.level).clamp(0.0, (LEVELS - 1) as f32);
        let low = at as usize;
        between(self.mixed(states, low), self.mixed(states, low + 1), at - low as f32).min(1.0)
    }

    /// Bytes ahead with which the risk is `budget`; `None` if the table's last level is not enough.
    pub(super) fn needed(&self, states: &Vector, budget: f32) -> Option<f32> {
        let enough = (0..LEVELS).find(|level| self.mixed(states, *level) <= budget)?;
        let Some(below) = enough.checked_sub(1) else { return Some(0.0) };
        let low = libm::logf(self.mixed(states, below));
        let high = libm::logf(self.mixed(states, enough).max(NIL));
        let on = if low > high { ((low - libm::logf(budget)) / (low - high)).clamp(0.0, 1.0) } else { 1.0 };
        Some((below as f32 + on) * self.level)
    }

    /// Bytes ahead at the last level.
    pub(super) const fn reach(&self) -> f32 {
        self.level * LEVELS as f32
    }

    fn mixed(&self, states: &Vector, level: usize) -> f32 {
        let level = level.min(LEVELS - 1);
        states.iter().zip(&self.risks).map(|(part, row)| part * row[level]).sum()
    }

    pub(super) const fn level(&self) -> f32 {
        self.level
    }

    /// Adds a part of another table with the same levels.
    pub(super) fn mix(&mut self, other: &Self, part: f32) {
        for (row, other) in self.risks.iter_mut().zip(&other.risks) {
            for (risk, other) in row.iter_mut().zip(other) {
                *risk += (other - *risk) * part;
            }
        }
    }
}

/// Bytes between levels for a table that reaches about `seconds` of music.
pub(super) fn level_for(music: f32, seconds: f32) -> f32 {
    music * (seconds / LEVELS as f32).clamp(FINEST, COARSEST)
}

/// Risks fall about exponentially with the buffer, so in between it is the logarithm that is even.
fn between(low: f32, high: f32, on: f32) -> f32 {
    if on <= 0.0 || low <= high {
        low
    } else if high <= NIL {
        low + (high - low) * on
    } else {
        low * libm::expf(on * libm::logf(high / low))
    }
}

fn backwards(risks: &mut Risks, span: &Span, step: &Step, scale: Scale, level: f32) {
    let halves = if step.length == 0 { 1.0 } else { 2.0 };
    let sure = scale.sure * f32::from(1u16 << step.length) / halves;
    let needs = step.bytes / halves;
    let levels = 1.0 / level;
    let lottery = |half: &Arrivals, state: usize| {
        let arrives = half.mean[state] * scale.factor + sure;
        let deviation = half.deviation[state] * scale.factor;
        let lottery = Lottery::new((arrives - needs) * levels, deviation * levels, -needs * levels);
        (arrives, lottery)
    };
    let mut sheet = [1.0; 3 * LEVELS];
    let mut led = [[0.0; LEVELS]; STATES];
    for (state, (led, risks)) in led.iter_mut().zip(risks.iter()).enumerate() {
        let (arrives, lottery) = lottery(&span.back, state);
        lottery.draw(risks, &mut sheet, led);
        // Pieces are needed whole: the last one before the step's end, and the first of a second at its begin.
        let last = step.bytes - arrives * (1.0 + halves * (step.last - 1.0)).max(0.0) - (step.bytes - needs);
        let first = if step.length == 0 { step.first.1 - arrives * step.first.0 } else { 0.0 };
        led[..short(last.max(first), level)].fill(1.0);
    }
    fall(&mut led);
    multiply(risks, &span.kernel, &led);
    if step.length > 0 {
        for (state, (led, risks)) in led.iter_mut().zip(risks.iter()).enumerate() {
            let (arrives, lottery) = lottery(&span.front, state);
            lottery.draw(risks, &mut sheet, led);
            led[..short(step.first.1 - arrives * (2.0 * step.first.0).min(1.0), level)].fill(1.0);
        }
        fall(&mut led);
        *risks = led;
    }
}

/// Levels that don't hold so many bytes.
fn short(bytes: f32, level: f32) -> usize {
    if bytes <= 0.0 { 0 } else { LEVELS.min((-floor(-bytes / level)) as usize) }
}

/// More to arrive is never worse, however the outcomes were rounded.
fn fall(led: &mut Risks) {
    for state in (0..STATES - 1).rev() {
        let (low, high) = led.split_at_mut(state + 1);
        for (low, high) in low[state].iter_mut().zip(&high[0]) {
            *low = low.max(*high);
        }
    }
}

/// In blocks, so that a row of sums stays in registers. Risks fall with the level: behind one that is as good as none in
/// every state there is nothing to add up.
fn multiply(risks: &mut Risks, kernel: &Matrix, led: &Risks) {
    let some = led.iter().map(|led| led.partition_point(|risk| *risk >= NIL)).max().unwrap_or(0);
    for (row, weights) in risks.iter_mut().zip(kernel) {
        // Nothing leads far from where a row starts.
        let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|weight| *weight > 0.0).map_or(0, |last| last + 1);
        let (weights, led) = (&weights[first..end.max(first)], &led[first..end.max(first)]);
        for (block, row) in row.chunks_exact_mut(BLOCK).enumerate() {
            let mut sums = [0.0f32; BLOCK];
            if block * BLOCK < some {
                for (weight, led) in weights.iter().zip(led) {
                    let led: &[f32; BLOCK] = led.as_chunks().0.get(block).unwrap_or(&[0.0; BLOCK]);
                    for (sum, risk) in sums.iter_mut().zip(led) {
                        *sum += weight * risk;
                    }
                }
            }
            // Numbers that have no normal form any more would take a hundred times as long.
            row.copy_from_slice(&sums.map(|sum| if sum < NIL { 0.0 } else { sum }));
        }
    }
}

/// A change of level with the right mean and about the right variance, in two whole outcomes. The variance of what
/// arrives within a state takes the place of the error that a grid makes anyhow.
struct Lottery {
    /// Levels up.
    low: isize,
    high: isize,
    /// Chance of the second.
    chance: f32,
}

impl Lottery {
    fn new(mean: f32, deviation: f32, least: f32) -> Self {
        const MOST: isize = LEVELS as isize;
        let mean = mean.clamp(-(MOST as f32), MOST as f32);
        let floor = floor(mean);
        let off = mean - floor as f32;
        let variance = deviation * deviation;
        let (mut low, mut high) = (floor, floor + 1);
        if variance > off * (1.0 - off) {
            low = nearest(mean - deviation).max(self::floor(least)).min(floor);
            // The mean is kept, and with it, low and high off by (a, b), the variance a × b.
            high = nearest(mean + variance / (mean - low as f32).max(0.5)).max(high);
        }
        let (low, high) = (low.clamp(-MOST, MOST), high.clamp(1 - MOST, MOST));
        let apart = (high - low) as f32;
        let chance = if high > low { ((mean - low as f32) / apart).clamp(0.0, 1.0) } else { 0.0 };
        Self { low, high, chance }
    }

    /// Below the first level is a stutter; above the last is as good as the last.
    fn draw(&self, risks: &[f32; LEVELS], sheet: &mut Sheet, led: &mut [f32; LEVELS]) {
        sheet[LEVELS..2 * LEVELS].copy_from_slice(risks);
        let above = self.high.max(0) as usize;
        sheet[2 * LEVELS..2 * LEVELS + above].fill(risks[LEVELS - 1]);
        let from = |up: isize| {
            let start = LEVELS.saturating_add_signed(up).min(2 * LEVELS);
            &sheet[start..start + LEVELS]
        };
        for (led, (low, high)) in led.iter_mut().zip(from(self.low).iter().zip(from(self.high))) {
            *led = low + (high - low) * self.chance;
        }
    }
}

/// A row of risks with room to move it by all its length: ones below it.
type Sheet = [f32; 3 * LEVELS];

/// A cast rounds towards zero, and saturates.
fn floor(value: f32) -> isize {
    let whole = value as i32;
    (whole - i32::from(value < whole as f32)) as isize
}

fn nearest(value: f32) -> isize {
    floor(value + 0.5)
}

#[cfg(test)]
mod tests {
    use super::super::chain::tests::learnt;
    use super::*;
    use alloc::vec::Vec;
    use spotproto::content::{Format, Geometry, Head, SeekTable};
    use spotproto::{Dice, Seed};

    const MUSIC: f32 = 20_000.0;
    const AS_IT_IS: Scale = Scale { factor: 1.0, sure: 0.0 };

    fn demand(seconds: u32) -> Demand {
        let end = 4000 + u64::from(seconds) * MUSIC as u64;
        let head = Head {
            file: 1u32,
            geometry: Geometry::of_plaintext(end).expect("a length"),
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms: 1000 * seconds,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: core::iter::once(0..4000).collect(),
            seek: SeekTable::even(1000 * seconds, 4000, end).expect("a seek table"),
        };
        Demand::new(&head, 0, |_| false)
    }

    fn part(dice: &mut Dice) -> f32 {
        (dice.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// Rates that wander between 10 and 50 kB/s, with stalls.
    fn wild(dice: &mut Dice) -> Chain {
        let mut off = 0.0f64;
        let rates: Vec<f64> = (0..900)
            .map(|second| {
                off = 0.8 * off + f64::from(part(dice)) - 0.5;
                if second % 100 < 3 { 0.0 } else { 26_000.0 * off.exp() }
            })
            .collect();
        learnt(rates)
    }

    /// The obvious way: run after run, second by second; at most how many bytes were missing.
    fn worst(chain: &Chain, demand: &Demand, dice: &mut Dice, mut state: usize) -> f32 {
        let (mut ahead, mut worst) = (0.0f32, 0.0f32);
        for step in demand.steps() {
            for _ in 0..1 << step.length {
                let mut throw = part(dice);
                state = chain.span(0).kernel[state]
                    .iter()
                    .position(|chance| {
                        throw -= chance;
                        throw < 0.0
                    })
                    .unwrap_or(STATES - 1);
                let span = chain.span(0);
                let sign = if dice.below(2) == 0 { 1.0 } else { -1.0 };
                let arrives = (span.back.mean[state] + sign * span.back.deviation[state]).max(0.0);
                ahead += arrives - step.bytes / (1 << step.length) as f32;
                worst = worst.max(-ahead);
            }
        }
        worst
    }

    #[test]
    fn the_programme_agrees_with_thousands_of_simulations() {
        let mut dice = Dice::new(&Seed([3; 32]));
        let chain = wild(&mut dice);
        // Where all steps are of a second it is exact but for the grid; in longer ones what happened within is averaged.
        for (seconds, low, high) in [(6, 0.7, 1.5), (60, 0.4, 2.5), (240, 0.4, 2.5)] {
            let demand = demand(seconds);
            let state = 8;
            let mut states = [0.0; STATES];
            states[state] = 1.0;
            let mut shortages: Vec<f32> =
                (0..20_000).map(|_| worst(&chain, &demand, &mut dice, state)).collect();
            shortages.sort_by(f32::total_cmp);
            let reach = shortages[shortages.len() - 20];
            let forecast = Forecast::new(&chain, &demand, AS_IT_IS, reach / LEVELS as f32);
            for chance in [0.3, 0.1, 0.03, 0.01] {
                let ahead = shortages[(shortages.len() as f32 * (1.0 - chance)) as usize];
                let risk = forecast.risk(&states, ahead);
                assert!(risk > chance * low && risk < chance * high, "{seconds} s: {risk} for {chance}");
                let needed = forecast.needed(&states, chance).expect("within reach");
                assert!((forecast.risk(&states, needed) / chance - 1.0).abs() < 0.01);
            }
        }
    }

    #[test]
    fn a_lottery_keeps_the_mean_and_makes_up_the_variance() {
        for (mean, variance) in [(0.3, 0.0), (-2.6, 0.1), (1.5, 4.0), (7.2, 30.0), (-5.0, 2.0)] {
            let lottery = Lottery::new(mean, libm::sqrtf(variance), -40.0);
            let (low, high) = (lottery.low as f32, lottery.high as f32);
            assert!((low + (high - low) * lottery.chance - mean).abs() < 1e-4, "{mean} {variance}");
            let made = (mean - low) * (high - mean);
            assert!(
                made >= 0.7 * variance - 0.01 && made <= 1.5 * variance + 0.3,
                "{mean} {variance}: {made}"
            );
        }
    }

    #[test]
    fn with_all_of_it_here_nothing_is_risked_on_a_dead_link() {
        let demand = demand(20);
        let forecast = Forecast::new(&learnt([0.0; 60]), &demand, AS_IT_IS, 21.0 * MUSIC / LEVELS as f32);
        let mut states = [0.0; STATES];
        states[0] = 1.0;
        assert!(forecast.risk(&states, 10.0 * MUSIC) > 0.99);
        assert_eq!(forecast.risk(&states, demand.total() as f32), 0.0);
        let sure = Scale { factor: 1.0, sure: 3.0 * MUSIC };
        let helped = Forecast::new(&learnt([0.0; 60]), &demand, sure, 21.0 * MUSIC / LEVELS as f32);
        assert!(helped.risk(&states, MUSIC) < 1e-3);
    }
}
