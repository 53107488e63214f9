//! Time as heard: how far playback is when nobody tells.

use core::time::Duration;
use std::time::Instant;

/// Counts frames at the speed of sound, but never past what was written. Starts stopped.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    rate: u32,
    written: u64,
    heard: u64,
    /// Since when `heard` grows; none while stopped.
    since: Option<Instant>,
}

impl Clock {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), written: 0, heard: 0, since: None }
    }

    /// Frames heard until `now`.
    pub(super) fn heard(&self, now: Instant) -> u64 {
        let grown = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let frames = grown.as_nanos() * u128::from(self.rate) / 1_000_000_000;
        self.written.min(self.heard.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX)))
    }

    /// Adds frames to be heard. Where sound had run out, time begins again now.
    pub(super) fn write(&mut self, frames: u64, now: Instant) {
        self.stop(now);
        self.written += frames;
        self.since = Some(now);
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.heard = self.heard(now);
        self.since = None;
    }

    pub(super) fn go(&mut self, now: Instant) {
        self.stop(now);
        self.since = Some(now);
    }

    /// How long until no more than `buffered` is left to be heard.
    pub(super) fn wait(&self, buffered: Duration, now: Instant) -> Duration {
        let ahead = u128::from(self.written - self.heard(now)) * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX)).saturating_sub(buffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn time_passes_at_the_rate_and_stops_with_the_sound() {
        let start = Instant::now();
        let mut clock = Clock::new(1_000);
        assert_eq!(clock.heard(start + ms(50)), 0);
        clock.write(100, start);
        assert_eq!(clock.heard(start + ms(40)), 40);
        assert_eq!(clock.wait(ms(30), start + ms(40)), ms(30));
        assert_eq!(clock.heard(start + ms(400)), 100);
        clock.write(100, start + ms(400));
        assert_eq!(clock.heard(start + ms(450)), 150, "silence in between is not made up for");
    }

    #[test]
    fn a_pause_takes_no_time() {
        let start = Instant::now();
        let mut clock = Clock::new(1_000);
        clock.write(100, start);
        clock.stop(start + ms(30));
        assert_eq!(clock.heard(start + ms(90)), 30);
        clock.go(start + ms(90));
        assert_eq!(clock.heard(start + ms(100)), 40);
    }
}
