//! What is known of a web server: how fast it is, and how long to leave it alone.

use super::error::CdnError;
use super::refusal::Refusal;
use core::time::Duration;
use spotproto::{Dice, Instant, Seed};

/// How patient a [`Standing`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// The longest rest after the first failure; it doubles with each further one. The actual rest lies between a half
    /// of it and all of it, so that clients don't come back in step.
    pub first: Duration,
    /// What the rest never exceeds, whatever the server asks for.
    pub cap: Duration,
}

impl Default for Patience {
    /// Two seconds, and an hour.
    fn default() -> Self {
        Self { first: Duration::from_secs(2), cap: Duration::from_secs(3600) }
    }
}

/// Facts about one web server, for whoever chooses between sources: a plain struct that is told what happened.
#[derive(Clone, Debug)]
pub struct Standing {
    patience: Patience,
    failures: u32,
    rests_until: Option<Instant>,
    /// Bytes a second.
    rate: Option<u64>,
    dice: Dice,
}

impl Standing {
    /// Of a server that nothing is known of.
    #[must_use]
    pub fn new(patience: Patience, seed: &Seed) -> Self {
        Self { patience, failures: 0, rests_until: None, rate: None, dice: Dice::new(seed) }
    }

    /// Pieces of `bytes` came, all genuine, `span` after they were asked for. Old failures are forgiven.
    pub fn served(&mut self, bytes: u64, span: Duration) {
        self.failures = 0;
        self.rests_until = None;
        let micros = span.as_micros().max(1);
        let rate = u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX);
        // A quarter of the new, three of the old: four requests or so are remembered.
        self.rate = Some(self.rate.map_or(rate, |old| old - old / 4 + rate / 4));
    }

    /// It could not be reached, or sent a piece that is not genuine.
    pub fn failed(&mut self, now: Instant) {
        self.rest(now, Duration::ZERO);
    }

    /// It refused. What only says that one file is not to be had counts for nothing here.
    pub fn refused(&mut self, now: Instant, why: &Refusal) {
        if why.is_servers_fault() && why.is_passing() {
            self.rest(now, why.retry_after().unwrap_or_default());
        }
    }

    /// A connection to it ended.
    pub fn ended(&mut self, now: Instant, why: &CdnError) {
        if why.is_servers_fault() {
            self.rest(now, Duration::ZERO);
        }
    }

    /// Whether it may be asked.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        self.rests_until.is_none_or(|until| until <= now)
    }

    /// Until when it is left alone, if it failed since it last served.
    #[must_use]
    pub const fn rests_until(&self) -> Option<Instant> {
        self.rests_until
    }

    /// Failures since it last served.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Bytes a second of the last few requests, from asking to the last byte; `None` before the first.
    #[must_use]
    pub const fn rate(&self) -> Option<u64> {
        self.rate
    }

    fn rest(&mut self, now: Instant, asked: Duration) {
        let doubled = self.patience.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let own = self.dice.jitter(doubled.min(self.patience.cap));
        let until = now + asked.min(self.patience.cap).max(own);
        // Several requests may fail of one cause, the first of them with the longest wait.
        self.rests_until = self.rests_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn standing() -> Standing {
        Standing::new(Patience::default(), &Seed([1; 32]))
    }

    #[test]
    fn rests_double_up_to_the_cap_and_end_with_a_success() {
        let mut standing = standing();
        let mut now = Instant::START;
        for most in [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600] {
            standing.failed(now);
            let until = standing.rests_until().unwrap();
            let most = Duration::from_secs(most);
            assert!((most / 2..=most).contains(&until.since(now)), "{:?} of {most:?}", until.since(now));
            assert!(!standing.is_usable(now) && standing.is_usable(until));
            now = until;
        }
        standing.served(16 << 10, 100 * MS);
        assert_eq!((standing.failures(), standing.rests_until()), (0, None));
    }

    #[test]
    fn what_the_server_asks_for_is_granted_within_bounds() {
        let now = Instant::START;
        let mut standing = standing();
        let asks = |secs| Refusal::Overloaded { retry_after: Some(Duration::from_secs(secs)) };
        standing.refused(now, &asks(60));
        assert_eq!(standing.rests_until(), Some(now + Duration::from_secs(60)));
        standing.refused(now, &asks(1 << 40));
        assert_eq!(standing.rests_until(), Some(now + Duration::from_secs(3600)));
        standing.failed(now);
        assert_eq!(standing.rests_until(), Some(now + Duration::from_secs(3600)));
    }

    #[test]
    fn only_the_servers_own_failures_count() {
        let mut standing = standing();
        for why in [Refusal::NotFound, Refusal::OneAtATime, Refusal::NoSuchPieces, Refusal::RangeRefused] {
            standing.refused(Instant::START, &why);
        }
        for why in [CdnError::Closed, CdnError::Stale, CdnError::Idle, CdnError::Abandoned] {
            standing.ended(Instant::START, &why);
        }
        assert_eq!((standing.failures(), standing.is_usable(Instant::START)), (0, true));
        standing.ended(Instant::START, &CdnError::Cut);
        assert_eq!(standing.failures(), 1);
    }

    #[test]
    fn the_rate_follows_the_last_requests() {
        let mut standing = standing();
        assert_eq!(standing.rate(), None);
        standing.served(1_000_000, 1000 * MS);
        assert_eq!(standing.rate(), Some(1_000_000));
        (0..20).for_each(|_| standing.served(1_000_000, 100 * MS));
        let rate = standing.rate().unwrap();
        assert!((9_900_000..=10_000_000).contains(&rate), "{rate}");
        standing.served(u64::MAX, Duration::ZERO);
        assert!(standing.rate() > Some(rate));
    }
}
