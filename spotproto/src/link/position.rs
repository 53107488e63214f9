//! A moment in a track, as a link can say it.

use core::{fmt, time::Duration};

use super::error::LinkError;

/// A position in a track, in whole seconds: a link cannot say it finer.
///
/// Old interfaces took milliseconds in one direction and told seconds in the other, so this type has no bare number
/// but [`as_secs`](Self::as_secs); everything else is a [`Duration`].
///
/// ```
/// use core::time::Duration;
/// use spotproto::link::Position;
///
/// let at = Position::floor(Duration::from_millis(64_900));
/// assert_eq!((at.to_string().as_str(), at.duration()), ("1:04", Duration::from_secs(64)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position(u32);

impl Position {
    /// So many seconds after the start.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The last whole second that is not later than `at`, or the latest position (136 years).
    #[must_use]
    pub fn floor(at: Duration) -> Self {
        Self(u32::try_from(at.as_secs()).unwrap_or(u32::MAX))
    }

    /// Seconds after the start.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// Time after the start.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// Reads `m:ss`: one or more digits, then two below 60.
    pub(super) fn parse(text: &str) -> Result<Self, LinkError> {
        let (minutes, seconds) = text.split_once(':').ok_or(LinkError::Position)?;
        if minutes.is_empty() || !minutes.bytes().all(|b| b.is_ascii_digit()) {
            return Err(LinkError::Position);
        }
        let seconds = match *seconds.as_bytes() {
            [tens @ b'0'..=b'5', ones @ b'0'..=b'9'] => u32::from(tens - b'0') * 10 + u32::from(ones - b'0'),
            _ => return Err(LinkError::Position),
        };
        // Digits only, so the one thing that can go wrong is the size.
        let minutes: Option<u32> = minutes.parse().ok();
        minutes
            .and_then(|minutes| minutes.checked_mul(60)?.checked_add(seconds))
            .map(Self)
            .ok_or(LinkError::PositionTooLate)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn minutes_take_any_digits_and_seconds_two() {
        for (text, seconds) in
            [("0:00", 0), ("0:44", 44), ("1:04", 64), ("007:59", 479), ("71582788:15", u32::MAX)]
        {
            assert_eq!(Position::parse(text), Ok(Position(seconds)));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", ":", "44", ":44", "0:", "0:4", "0:444", "0:60", "0:4x", "+1:00", "-1:00", "1:2:33", "٣:00",
            "0:44 ",
        ] {
            assert_eq!(Position::parse(text), Err(LinkError::Position), "{text:?}");
        }
    }

    #[test]
    fn a_position_that_does_not_fit_is_refused() {
        for text in ["71582788:16", "71582789:00", "4294967296:00", "99999999999999999999999999:00"] {
            assert_eq!(Position::parse(text), Err(LinkError::PositionTooLate), "{text}");
        }
    }

    #[test]
    fn floor_cuts_and_saturates() {
        assert_eq!(Position::floor(Duration::from_millis(1_999)), Position(1));
        assert_eq!(Position::floor(Duration::MAX), Position(u32::MAX));
    }

    proptest! {
        #[test]
        fn every_position_reads_back(seconds: u32) {
            prop_assert_eq!(Position::parse(&Position(seconds).to_string()), Ok(Position(seconds)));
        }
    }
}
