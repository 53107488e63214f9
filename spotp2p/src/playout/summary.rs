//! What stays known of a link from one run to the next: five numbers, and how much they are worth.

use super::history::{History, OCTAVE};
use bytes::BufMut;
use spotproto::codec::{CodecError, Reader, Writer};

/// Bytes of an encoded summary.
pub const SUMMARY_LEN: usize = 13;

const VERSION: u8 = 1;

/// Seconds of samples that a summary is worth at most: a link may be another one tomorrow.
const WEIGHT_MAX: u16 = 600;

/// Seconds of samples that earlier runs are worth against this one's.
const CARRIED: f32 = 60.0;

/// Seconds of samples that what links are like is worth against a link's own manner.
const GUESSED: f32 = 2.0;

/// A second is one of a stall if it brought less than an eighth of what the others bring on average.
const STALL_OCTAVES: i32 = 3;

/// Seconds of samples whose mean shows a link's level.
const BLOCK: usize = 60;

/// By how many octaves a link's level differs from one day to another.
const DAYS: f32 = 0.25;

/// By how many octaves levels wander, and how many blocks that is worth against those that were seen.
const DRIFT: f32 = 0.15;
const DRIFT_WORTH: f32 = 3.0;

/// A link, in five numbers: log-normal rates that return to their mean, and stalls.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Summary {
    /// Mean of log₂ of bytes a second, stalls apart.
    pub(super) mean: f32,
    /// Standard deviation of the same, in octaves.
    pub(super) spread: f32,
    /// Correlation of one second with the next.
    pub(super) persistence: f32,
    /// Chance that a second begins a stall.
    pub(super) stalls: f32,
    /// Chance that a second of a stall is its last.
    pub(super) ends: f32,
    /// Seconds of samples behind it, [`WEIGHT_MAX`] at most; 0: nothing is known.
    pub(super) weight: u16,
}

impl Summary {
    /// Nothing is known; the rest is what links are like.
    pub const UNKNOWN: Self =
        Self { mean: 0.0, spread: 0.5, persistence: 0.7, stalls: 0.004, ends: 0.4, weight: 0 };

    /// Whether it comes from a link and not from a guess.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.weight > 0
    }

    /// Appends the summary: [`SUMMARY_LEN`] bytes.
    pub fn encode<W: BufMut>(&self, out: &mut W) {
        let part = |value: f32, parts: f32| (value * parts) as u16;
        Writer::new(out)
            .u8(VERSION)
            .u16(part(self.mean, 1024.0))
            .u16(part(self.spread, 4096.0))
            .u16(part(self.persistence, 65535.0))
            .u16(part(self.stalls, 65535.0))
            .u16(part(self.ends, 65535.0))
            .u16(self.weight);
    }

    /// Reads a summary. Whatever the bytes are, what is read is a summary that a link could have left.
    ///
    /// # Errors
    /// What is wrong with the bytes; a caller then starts from [`Summary::UNKNOWN`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        if reader.u8()? != VERSION {
            return Err(CodecError::Invalid("version"));
        }
        let mut part = |parts: f32| Ok::<_, CodecError>(f32::from(reader.u16()?) / parts);
        let (mean, spread, persistence) = (part(1024.0)?, part(4096.0)?, part(65535.0)?);
        let (stalls, ends) = (part(65535.0)?, part(65535.0)?);
        let weight = reader.u16()?;
        if weight > WEIGHT_MAX {
            return Err(CodecError::Invalid("weight"));
        }
        Ok(Self { mean, spread, persistence, stalls, ends, weight }.in_bounds())
    }

    /// The link that these samples show, where they are few that of `before`.
    pub(super) fn of(history: &History, before: &Self) -> Self {
        let seen = Seen::of(history);
        let n = seen.count as f32;
        if seen.count == 0 {
            return *before;
        }
        let known = f32::from(before.weight).min(CARRIED);
        let level = before.level(known);
        let manner = known + GUESSED;
        let mean = (level * before.mean + seen.sum) / (level + n);
        let (squares, products) = seen.deviations(mean);
        let variance = before.spread * before.spread;
        let squared = (manner * variance + squares) / (manner + n);
        let paired = manner * variance;
        let persistence =
            (paired * before.persistence + products) / (paired + squares).max(f32::MIN_POSITIVE);
        // A stall a minute has to be seen before it is believed in, and so has none at all.
        let watched = known + 250.0;
        let stalls = (watched * before.stalls + seen.stalls as f32) / (watched + n);
        let ends = (4.0 * before.ends + seen.ends as f32) / (4.0 + seen.stalled as f32);
        let weight = (u32::from(before.weight) + seen.count).min(WEIGHT_MAX.into()) as u16;
        Self { mean, spread: libm::sqrtf(squared), persistence, stalls, ends, weight }.in_bounds()
    }

    /// Standard deviation of the mean rate over a track, as a part of it, beyond what the chain knows: samples that
    /// follow each other say much the same, and levels wander more slowly than any chain of seconds remembers.
    pub(super) fn doubt(&self, history: &History) -> f32 {
        let apart = self.apart();
        let variance = self.spread * self.spread;
        let (blocks, between) = blocks(history);
        let within = variance * (apart / BLOCK as f32).min(1.0);
        let drift =
            (DRIFT_WORTH * DRIFT * DRIFT + (between - blocks * within).max(0.0)) / (DRIFT_WORTH + blocks);
        let seen = history.iter().flatten().filter(|rate| rate.code() > 0).count() as f32;
        let level = self.level((f32::from(self.weight) - seen).clamp(0.0, CARRIED));
        let error = variance * (apart / (level + seen).max(1.0)).min(1.0);
        (core::f32::consts::LN_2 * libm::sqrtf(error + drift)).min(0.5)
    }

    /// Seconds between samples that say as much as independent ones.
    fn apart(&self) -> f32 {
        (1.0 + self.persistence) / (1.0 - self.persistence)
    }

    /// Seconds of samples that another day's level is worth, if it comes from `known` of them: the fewer, the less the
    /// link's rates jump.
    fn level(&self, known: f32) -> f32 {
        (self.spread * self.spread * self.apart() / (DAYS * DAYS)).min(known)
    }

    fn in_bounds(self) -> Self {
        Self {
            mean: self.mean.clamp(0.0, 63.0),
            spread: self.spread.clamp(0.02, 4.0),
            persistence: self.persistence.clamp(0.0, 0.98),
            stalls: self.stalls.clamp(1e-4, 0.5),
            ends: self.ends.clamp(0.02, 1.0),
            weight: self.weight,
        }
    }
}

/// How many whole blocks there are less one, and the sum of squares of their means about the mean of all, in octaves.
fn blocks(history: &History) -> (f32, f32) {
    let (mut n, mut sum, mut squares) = (0.0f32, 0.0f32, 0.0f32);
    let (mut seconds, mut block) = (0, 0);
    for code in history.iter().flatten().map(|rate| rate.code()).filter(|code| *code > 0) {
        seconds += 1;
        block += code;
        if seconds == BLOCK {
            let mean = block as f32 / (OCTAVE * BLOCK as i32) as f32;
            n += 1.0;
            sum += mean;
            squares += mean * mean;
            (seconds, block) = (0, 0);
        }
    }
    if n < 2.0 { (0.0, 0.0) } else { (n - 1.0, (squares - sum * sum / n).max(0.0)) }
}

/// Sums over a history, in octaves about `origin`.
#[derive(Default)]
struct Seen {
    count: u32,
    sum: f32,
    squares: f32,
    /// Over pairs of seconds: products, and the sum of both.
    pairs: u32,
    products: f32,
    ends_of_pairs: f32,
    origin: f32,
    stalls: u32,
    stalled: u32,
    ends: u32,
}

impl Seen {
    fn of(history: &History) -> Self {
        let codes = || history.iter().flatten().map(|rate| i64::from(rate.code())).filter(|code| *code > 0);
        let (count, sum) = codes().fold((0, 0), |(count, sum), code| (count + 1, sum + code));
        if count == 0 {
            return Self::default();
        }
        let middle = (sum / count) as i32;
        let mut seen = Self { origin: middle as f32 / OCTAVE as f32, ..Self::default() };
        // What came before: nothing, a stall, or a rate.
        let mut before: Option<Option<f32>> = None;
        for sample in history.iter() {
            let now = sample.map(|rate| {
                let off = rate.code() - middle;
                (off >= -STALL_OCTAVES * OCTAVE).then_some(off as f32 / OCTAVE as f32)
            });
            seen.add(before, now);
            before = now;
        }
        seen.sum += seen.count as f32 * seen.origin;
        seen
    }

    fn add(&mut self, before: Option<Option<f32>>, now: Option<Option<f32>>) {
        if let Some(Some(off)) = now {
            self.count += 1;
            self.sum += off;
            self.squares += off * off;
        }
        match (before, now) {
            (Some(Some(one)), Some(Some(other))) => {
                self.pairs += 1;
                self.products += one * other;
                self.ends_of_pairs += one + other;
            }
            (Some(Some(_)), Some(None)) => self.stalls += 1,
            (Some(None), Some(Some(_))) => self.ends += 1,
            _ => {}
        }
        self.stalled += u32::from(before == Some(None) && now.is_some());
    }

    /// Squares and products of deviations from `mean`.
    fn deviations(&self, mean: f32) -> (f32, f32) {
        let shift = mean - self.origin;
        let n = self.count as f32;
        let sum = self.sum - n * self.origin;
        let pairs = self.pairs as f32;
        let squares = self.squares - 2.0 * shift * sum + n * shift * shift;
        let products = self.products - shift * self.ends_of_pairs + pairs * shift * shift;
        (squares.max(0.0), products)
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::LogRate;
    use super::*;
    use spotproto::{Dice, Seed};

    #[test]
    fn five_numbers_of_a_process_are_found_again() {
        let mut dice = Dice::new(&Seed([5; 32]));
        let mut even = || (dice.bits() >> 40) as f32 / (1u32 << 24) as f32 - 0.5;
        let mut history = History::new();
        let mut off = 0.0;
        for second in 0..900 {
            // An even distribution has a standard deviation of 1/√12; the sum of its echoes 1/√(1 - 0.6²) times that.
            off = 0.6 * off + even();
            let stalls = second % 60 >= 57;
            history.push(LogRate::of(if stalls { 10.0 } else { f64::from(libm::exp2f(15.0 + off)) }));
        }
        let link = Summary::of(&history, &Summary::UNKNOWN);
        assert!((link.mean - 15.0).abs() < 0.1, "{link:?}");
        assert!((link.spread - 0.361).abs() < 0.04 && (link.persistence - 0.6).abs() < 0.1, "{link:?}");
        assert!((link.stalls - 1.0 / 60.0).abs() < 0.005 && (link.ends - 1.0 / 3.0).abs() < 0.05, "{link:?}");
        assert_eq!(link.weight, WEIGHT_MAX);
    }

    #[test]
    fn levels_that_wander_leave_more_doubt_than_samples_that_jump() {
        let doubt = |rate: &dyn Fn(i32) -> f64| {
            let mut history = History::new();
            (0..900).for_each(|second| history.push(LogRate::of(rate(second))));
            Summary::of(&history, &Summary::UNKNOWN).doubt(&history)
        };
        let jump = |second: i32| if second % 2 == 0 { 20_000.0 } else { 40_000.0 };
        let jumps = doubt(&jump);
        let wanders = doubt(&|second| jump(second) * if second / 150 % 2 == 0 { 1.0 } else { 2.0 });
        assert!(jumps < 0.06 && wanders > 0.2, "{jumps} {wanders}");
    }

    #[test]
    fn without_a_sample_nothing_changes() {
        let before = Summary { mean: 14.0, weight: 100, ..Summary::UNKNOWN };
        assert_eq!(Summary::of(&History::new(), &before), before);
    }
}
