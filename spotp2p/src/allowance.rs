//! How often something may be done: so many at once, and then one in a time.

use core::time::Duration;
use spotproto::Instant;

/// So many at once, then one in each span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many may be done at once.
    pub burst: u32,
    /// What one costs: the time after which another may be done.
    pub every: Duration,
}

/// What is left of a [`Rate`]. Eight bytes: the generic cell rate algorithm (ITU-T I.371), in its form with one date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// When the whole burst would be there again.
    full: Instant,
}

impl Allowance {
    /// All of the burst.
    pub(crate) const WHOLE: Self = Self { full: Instant::START };

    /// Takes one, if there is one left.
    pub(crate) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let full = self.full.max(now) + rate.every;
        let granted = full.since(now) <= rate.every.saturating_mul(rate.burst);
        if granted {
            self.full = full;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(10) };

    fn taken(allowance: &mut Allowance, second: u64) -> usize {
        let now = Instant::after_start(Duration::from_secs(second));
        core::iter::repeat_with(|| allowance.take(now, RATE)).take(10).filter(|granted| *granted).count()
    }

    #[test]
    fn a_burst_is_there_at_once_and_comes_back_one_by_one() {
        let mut allowance = Allowance::WHOLE;
        let at = [(0, 3), (9, 0), (10, 1), (19, 0), (35, 2), (1000, 3), (1000, 0)];
        for (second, expected) in at {
            assert_eq!(taken(&mut allowance, second), expected, "at {second} s");
        }
    }

    #[test]
    fn nothing_is_granted_where_nothing_may_be_done() {
        let rate = Rate { burst: 0, every: Duration::from_secs(1) };
        let mut allowance = Allowance::WHOLE;
        assert!(!allowance.take(Instant::START, rate));
    }
}
