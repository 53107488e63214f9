//! Whether what was predicted came true.

use super::why::{Basis, Verdict, Why};
use core::fmt;

/// Upper ends of the bins of risk; the last takes all above.
pub const BINS: [f32; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1.0];

/// Risks are kept this far from certainty in the log score, or one surprise would outweigh everything.
const SURE: f32 = 1e-6;

/// An entry of the log: what was predicted when a start was made, and what came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prediction {
    /// The chance of a stutter, as it was seen at the start.
    pub risk: f32,
    /// Whether there was one.
    pub stuttered: bool,
}

impl Prediction {
    /// What a start predicts; `None` if it was no start, or none by forecast.
    #[must_use]
    pub fn of(why: &Why) -> Option<Self> {
        let predicted = why.verdict == Verdict::Start && why.basis == Basis::Forecast;
        predicted.then_some(Self { risk: why.risk, stuttered: false })
    }
}

/// Predictions of about the same risk.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Bin {
    /// How many.
    pub count: u32,
    /// How many stuttered.
    pub stutters: u32,
    /// Sum of the predicted risks: as many should have.
    pub expected: f64,
}

/// A reliability table: bins, and two proper scores over all. Worst case: 160 bytes, held inline.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Reliability {
    bins: [Bin; BINS.len()],
    brier: f64,
    log: f64,
}

impl Reliability {
    /// Enters a prediction of which the outcome is known.
    pub fn enter(&mut self, prediction: Prediction) {
        let risk = if prediction.risk.is_nan() { 1.0 } else { prediction.risk.clamp(0.0, 1.0) };
        let index = BINS.partition_point(|end| *end < risk).min(BINS.len() - 1);
        if let Some(bin) = self.bins.get_mut(index) {
            bin.count = bin.count.saturating_add(1);
            bin.stutters = bin.stutters.saturating_add(prediction.stuttered.into());
            bin.expected += f64::from(risk);
        }
        let miss = f64::from(risk) - f64::from(u8::from(prediction.stuttered));
        self.brier += miss * miss;
        let given = if prediction.stuttered { risk } else { 1.0 - risk };
        self.log -= libm::log(given.max(SURE).into());
    }

    /// The bins, in the order of [`BINS`].
    #[must_use]
    pub const fn bins(&self) -> &[Bin; BINS.len()] {
        &self.bins
    }

    /// Predictions, and how many stuttered.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        let add = |(count, stutters): (u32, u32), bin: &Bin| {
            (count.saturating_add(bin.count), stutters.saturating_add(bin.stutters))
        };
        self.bins.iter().fold((0, 0), add)
    }

    /// Mean squared miss (Brier 1950): 0 is best.
    #[must_use]
    pub fn brier(&self) -> f64 {
        self.brier / f64::from(self.counts().0.max(1))
    }

    /// Mean of -ln of the chance given to what came (Good 1952): 0 is best.
    #[must_use]
    pub fn log_score(&self) -> f64 {
        self.log / f64::from(self.counts().0.max(1))
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "risk up to   starts   stutters expected   came")?;
        for (end, bin) in BINS.iter().zip(&self.bins).filter(|(_, bin)| bin.count > 0) {
            let percent = 100.0 * end;
            writeln!(f, "{percent:>8.1} % {:>8} {:>19.1} {:>6}", bin.count, bin.expected, bin.stutters)?;
        }
        write!(f, "Brier score {:.5}, log score {:.5}", self.brier(), self.log_score())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn bins_and_scores_are_those_of_the_definition() {
        let mut table = Reliability::default();
        for (risk, stuttered) in [(0.01, false), (0.0101, true), (0.5, true), (1.0, false)] {
            table.enter(Prediction { risk, stuttered });
        }
        assert_eq!(table.counts(), (4, 2));
        let counts = table.bins().map(|bin| (bin.count, bin.stutters));
        assert_eq!(counts, [(0, 0), (0, 0), (0, 0), (1, 0), (1, 1), (0, 0), (0, 0), (2, 1)]);
        let brier = (0.01f64.powi(2) + (1.0 - 0.0101f64).powi(2) + 0.25 + 1.0) / 4.0;
        assert!((table.brier() - brier).abs() < 1e-6);
        let log = -(0.99f64.ln() + 0.0101f64.ln() + 0.5f64.ln() + 1e-6f64.ln()) / 4.0;
        assert!((table.log_score() - log).abs() < 1e-4, "{} {log}", table.log_score());
        assert!(table.to_string().contains("     2.0 %        1                 0.0      1"), "{table}");
    }

    #[test]
    fn no_number_and_no_predictions_do_no_harm() {
        let mut table = Reliability::default();
        assert_eq!((table.brier(), table.log_score()), (0.0, 0.0));
        table.enter(Prediction { risk: f32::NAN, stuttered: true });
        table.enter(Prediction { risk: f32::INFINITY, stuttered: true });
        assert_eq!((table.counts(), table.brier()), ((2, 2), 0.0));
    }
}
