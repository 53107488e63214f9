//! A cap on the upload rate.

use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// A token bucket: bytes come in at the rate, pieces take them out, and no more gather than half a second's worth, or one
/// piece's. Without a rate everything passes.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Bytes a second; 0 for no limit.
    rate: u32,
    /// In millionths of a byte, so that a slow rate loses nothing between two looks.
    level: u64,
    at: Instant,
}

const MICRO: u64 = 1_000_000;
const PIECE: u64 = PIECE_LEN as u64 * MICRO;

impl Bucket {
    pub(super) fn new(rate: u32) -> Self {
        let bucket = Self { rate, level: 0, at: Instant::START };
        Self { level: bucket.depth(), ..bucket }
    }

    /// Changes the rate. What has gathered stays, as far as it fits.
    pub(super) fn set_rate(&mut self, now: Instant, rate: u32) {
        self.fill(now);
        self.rate = rate;
        self.level = self.level.min(self.depth());
    }

    /// Takes a piece's worth out, if it is there; otherwise when it will be.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if self.rate == 0 {
            return Ok(());
        }
        self.fill(now);
        match PIECE.checked_sub(self.level) {
            None | Some(0) => {
                self.level -= PIECE;
                Ok(())
            }
            Some(lacks) => Err(now + Duration::from_micros(lacks.div_ceil(u64::from(self.rate)))),
        }
    }

    fn fill(&mut self, now: Instant) {
        let micros = now.micros().saturating_sub(self.at.micros());
        self.level = micros.saturating_mul(self.rate.into()).saturating_add(self.level).min(self.depth());
        self.at = now;
    }

    fn depth(&self) -> u64 {
        (u64::from(self.rate) * MICRO / 2).max(PIECE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces that pass in `seconds` when each is taken as soon as it may.
    fn passed(rate: u32, seconds: u64) -> u64 {
        let mut bucket = Bucket::new(rate);
        let (mut now, mut pieces) = (Instant::START, 0);
        let end = now + Duration::from_secs(seconds);
        while now <= end {
            match bucket.take(now) {
                Ok(()) => pieces += 1,
                Err(at) => {
                    assert!(at > now);
                    now = at;
                }
            }
        }
        pieces
    }

    #[test]
    fn what_passes_is_the_rate_and_the_depth_slow_or_fast() {
        for (rate, seconds) in [(1_000, 3600), (100_000, 60), (1_000_000, 10), (7, 100_000)] {
            let most = (u64::from(rate) * seconds + u64::from(rate / 2).max(PIECE_LEN as u64)) / 16_384;
            let passed = passed(rate, seconds);
            assert!(passed <= most && passed + 1 >= most, "{rate}: {passed} of {most}");
        }
    }

    #[test]
    fn an_idle_bucket_gathers_no_more_than_its_depth_and_no_rate_is_no_limit() {
        let mut bucket = Bucket::new(1_000_000);
        let later = Instant::START + Duration::from_secs(86_400);
        let at_once = (0..1_000).filter(|_| bucket.take(later).is_ok()).count();
        assert_eq!(at_once, 500_000 / PIECE_LEN);
        bucket.set_rate(later, 0);
        assert!((0..1_000).all(|_| bucket.take(later).is_ok()));
        bucket.set_rate(later, 1);
        assert!(bucket.take(later).is_err());
    }
}
