//! The rates of the last quarter of an hour, a sample a second.

use core::fmt;

/// Samples that count: 15 minutes of one a second (Kreitz and Niemelä 2010, II-F).
pub const SECONDS: usize = 900;

/// Parts of an octave that a stored rate is rounded to; a thousandth of an octave is 0.07 %.
pub(super) const OCTAVE: i32 = 1024;

/// Stands between samples that do not follow each other.
const GAP: u16 = u16::MAX;

/// A rate as [`OCTAVE`] × log₂ of bytes a second; 0 for a byte a second and less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct LogRate(u16);

impl LogRate {
    /// Any number is some rate: what is not above one is nothing, what is above all bounds is the largest.
    pub(super) fn of(bytes_per_second: f64) -> Self {
        if bytes_per_second.is_nan() || bytes_per_second <= 1.0 {
            return Self(0);
        }
        // A cast saturates; the gap's number is no rate.
        Self(((libm::log2(bytes_per_second) * f64::from(OCTAVE)) as u16).min(GAP - 1))
    }

    pub(super) const fn code(self) -> i32 {
        self.0 as i32
    }

    /// Bytes a second.
    pub(super) fn value(self) -> f64 {
        if self.0 == 0 { 0.0 } else { libm::exp2((f64::from(self.0) + 0.5) / f64::from(OCTAVE)) }
    }
}

/// A ring of samples and gaps. Worst case: 1.8 KB, held inline.
#[derive(Clone)]
pub(super) struct History {
    ring: [u16; SECONDS],
    next: usize,
    len: usize,
    /// Of all time: tells one state of the ring from another.
    puts: u64,
}

impl History {
    pub(super) const fn new() -> Self {
        Self { ring: [GAP; SECONDS], next: 0, len: 0, puts: 0 }
    }

    pub(super) fn push(&mut self, rate: LogRate) {
        self.put(rate.0);
    }

    /// What comes next does not follow what came before.
    pub(super) fn gap(&mut self) {
        if self.latest().is_some() {
            self.put(GAP);
        }
    }

    /// The sample that came last, if there is no gap behind it.
    pub(super) fn latest(&self) -> Option<LogRate> {
        let last = self.ring.get((self.next + SECONDS - 1) % SECONDS)?;
        Some(LogRate(*last)).filter(|_| self.len > 0 && *last != GAP)
    }

    /// Oldest first; `None` is a gap.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<LogRate>> + '_ {
        let start = self.next + SECONDS - self.len;
        let (late, early) = self.ring.split_at(start % SECONDS);
        early.iter().chain(late).take(self.len).map(|&code| Some(LogRate(code)).filter(|_| code != GAP))
    }

    fn put(&mut self, code: u16) {
        if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = code;
        }
        self.next = (self.next + 1) % SECONDS;
        self.len = (self.len + 1).min(SECONDS);
        self.puts += 1;
    }

    pub(super) const fn puts(&self) -> u64 {
        self.puts
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("samples", &self.len).field("latest", &self.latest()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn rates_keep_their_value_to_a_tenth_of_a_percent() {
        for rate in [2.0, 700.0, 20_000.0, 1.25e9] {
            let error = LogRate::of(rate).value() / rate - 1.0;
            assert!(error.abs() < 1e-3, "{rate}: {error}");
        }
    }

    #[test]
    fn absurd_rates_are_the_least_or_the_largest() {
        for nothing in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 1.0] {
            assert_eq!(LogRate::of(nothing).value(), 0.0);
        }
        assert_eq!(LogRate::of(f64::INFINITY), LogRate::of(f64::MAX));
        assert_ne!(LogRate::of(f64::INFINITY).0, GAP);
    }

    #[test]
    fn the_oldest_sample_makes_room_and_order_is_kept() {
        let mut history = History::new();
        for second in 0..SECONDS + 7 {
            history.push(LogRate(second as u16));
        }
        let kept: Vec<u16> = history.iter().flatten().map(|rate| rate.0).collect();
        assert_eq!(kept, (7..SECONDS as u16 + 7).collect::<Vec<_>>());
        assert_eq!(history.latest(), Some(LogRate(SECONDS as u16 + 6)));
    }

    #[test]
    fn a_gap_is_written_once_and_hides_what_was_before_it() {
        let mut history = History::new();
        history.gap();
        history.push(LogRate(5));
        history.gap();
        history.gap();
        assert_eq!(history.iter().collect::<Vec<_>>(), [Some(LogRate(5)), None]);
        assert_eq!(history.latest(), None);
    }
}
