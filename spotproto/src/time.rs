//! Time as machines see it: told by the caller, never asked for.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

/// A point on the driver's monotonic clock, in microseconds since the driver started.
///
/// Eight bytes, and so is `Option<Instant>`. There is deliberately no conversion from `std::time::Instant`:
/// the adapter owns the epoch and does that sum in one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The moment at which the driver started.
    pub const START: Self = Self(NonZeroU64::MIN);

    /// The moment `elapsed` after [`Instant::START`].
    #[must_use]
    pub fn after_start(elapsed: Duration) -> Self {
        Self::START + elapsed
    }

    /// The moment `micros` microseconds after [`Instant::START`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        match NonZeroU64::new(micros.saturating_add(1)) {
            Some(at) => Self(at),
            None => Self::START,
        }
    }

    /// Microseconds since [`Instant::START`].
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0.get() - 1
    }

    /// Time that passed since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The moment `span` before this one, or [`Instant::START`] if that is later.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self::from_micros(self.micros().saturating_sub(whole_micros(span)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_micros(span)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.micros() / 1_000_000, self.micros() % 1_000_000)
    }
}

fn whole_micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds since 1970-01-01 UTC, passed in where a format needs a date (tickets, leases).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The date `span` later, whole seconds.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_instant_costs_no_more_than_an_instant() {
        assert_eq!(size_of::<Option<Instant>>(), 8);
    }

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        let far = Instant::START + Duration::MAX;
        assert_eq!(far + Duration::from_secs(1), far);
        assert_eq!(Instant::START.since(far), Duration::ZERO);
        assert_eq!(Instant::START.before(Duration::from_secs(1)), Instant::START);
    }

    #[test]
    fn micros_round_trip() {
        assert_eq!(Instant::from_micros(7).micros(), 7);
        assert_eq!(Instant::after_start(Duration::from_millis(3)).micros(), 3_000);
        let span = Instant::from_micros(10).since(Instant::from_micros(4));
        assert_eq!(span, Duration::from_micros(6));
    }
}
