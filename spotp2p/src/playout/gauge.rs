//! When the buffer is low while playing, by the same forecast that starts are decided by.

use super::why::{Basis, Why};
use core::time::Duration;

/// How things stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// A stutter is near: also stop uploading ("If buffers are very low, stop uploading": Kreitz 2010).
    VeryLow,
    /// Also ask the server ("When buffers are low, download from central server as well").
    Low,
    /// Nothing to do.
    Fine,
}

/// A threshold with hysteresis: as a chance of a stutter, and as music ahead where there is no forecast.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Threshold {
    /// Entered above this chance, and left at or below that.
    pub risk: (f32, f32),
    /// Entered with less music than this, and left with that much or more.
    pub music: (Duration, Duration),
}

/// What a gauge goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Thresholds {
    /// For [`Level::Low`].
    pub low: Threshold,
    /// For [`Level::VeryLow`].
    pub very_low: Threshold,
    /// With less music than this it is [`Level::VeryLow`], whatever the forecast says: a decoder needs some time too.
    pub least: Duration,
}

impl Thresholds {
    /// Low from twice a start's budget on; 3 s of music are the original's "very low".
    pub const DEFAULT: Self = Self {
        low: Threshold { risk: (0.02, 0.005), music: (Duration::from_secs(6), Duration::from_secs(10)) },
        very_low: Threshold { risk: (0.2, 0.05), music: (Duration::from_secs(3), Duration::from_secs(5)) },
        least: Duration::from_millis(500),
    };
}

/// Tells changes of the buffer's level. Worst case: a hundred bytes, held inline.
#[derive(Clone, Debug)]
pub struct Gauge {
    thresholds: Thresholds,
    level: Level,
}

impl Gauge {
    /// A gauge that stands at [`Level::Fine`].
    #[must_use]
    pub const fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, level: Level::Fine }
    }

    /// How things stood at the last look.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Reads what a [`super::Start`] from the play point says; the new level, if it is another one.
    pub fn look(&mut self, why: &Why) -> Option<Level> {
        let before = self.level;
        self.level = if why.basis == Basis::AllHere {
            Level::Fine
        } else if why.buffered < self.thresholds.least
            || self.within(&self.thresholds.very_low, Level::VeryLow, why)
        {
            Level::VeryLow
        } else if self.within(&self.thresholds.low, Level::Low, why) {
            Level::Low
        } else {
            Level::Fine
        };
        (self.level != before).then_some(self.level)
    }

    fn within(&self, threshold: &Threshold, level: Level, why: &Why) -> bool {
        let inside = self.level <= level;
        if why.basis == Basis::Forecast {
            why.risk > if inside { threshold.risk.1 } else { threshold.risk.0 }
        } else {
            why.buffered < if inside { threshold.music.1 } else { threshold.music.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playout::{Supplier, Verdict};

    fn why(basis: Basis, millis: u64, risk: f32) -> Why {
        let buffered = Duration::from_millis(millis);
        let (wanted, supplier) = (Duration::from_secs(10), Supplier::Link);
        Why {
            verdict: Verdict::Wait,
            basis,
            buffered,
            wanted,
            state: 3,
            rate: 1.0,
            usual: 0.0,
            music: 0.0,
            risk,
            budget: 0.01,
            supplier,
            wait: None,
        }
    }

    #[test]
    fn levels_follow_the_forecast_with_hysteresis() {
        let mut gauge = Gauge::new(Thresholds::DEFAULT);
        let mut look = |risk| gauge.look(&why(Basis::Forecast, 4000, risk));
        assert_eq!((look(0.01), look(0.03), look(0.01)), (None, Some(Level::Low), None));
        assert_eq!((look(0.3), look(0.1), look(0.04)), (Some(Level::VeryLow), None, Some(Level::Low)));
        assert_eq!(
            (look(0.004), look(0.9), look(0.0)),
            (Some(Level::Fine), Some(Level::VeryLow), Some(Level::Fine))
        );
    }

    #[test]
    fn without_a_forecast_seconds_of_music_decide() {
        let mut gauge = Gauge::new(Thresholds::DEFAULT);
        let mut look = |millis| gauge.look(&why(Basis::Blind, millis, 1.0));
        assert_eq!((look(6000), look(5900), look(9900)), (None, Some(Level::Low), None));
        assert_eq!((look(2900), look(4900), look(5000)), (Some(Level::VeryLow), None, Some(Level::Low)));
        assert_eq!(look(10_000), Some(Level::Fine));
    }

    #[test]
    fn next_to_nothing_is_very_low_and_everything_is_fine_whatever_the_forecast_says() {
        let mut gauge = Gauge::new(Thresholds::DEFAULT);
        assert_eq!(gauge.look(&why(Basis::Forecast, 400, 0.0)), Some(Level::VeryLow));
        assert_eq!(gauge.look(&why(Basis::AllHere, 400, 0.0)), Some(Level::Fine));
    }
}
