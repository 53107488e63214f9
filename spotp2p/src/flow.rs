//! How much may be asked of a connection at a time: bandwidth × delay, measured, never a constant.
//!
//! What is outstanding is what a seek has to wait behind, so it should be no more than the line needs to stay full. The
//! estimate is the one of BBR (Cardwell et al. 2016): the largest delivery rate of late, times the smallest round trip.

use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// Pieces to ask of a connection that nothing is known of: about 3 s of music at 160 kbit/s, and a header.
pub const FIRST_PIECES: u32 = 5;

/// Never fewer: one that arrives and one that is under way.
const LEAST_PIECES: u32 = 2;

/// Never more: what both sides have room for.
const MOST_PIECES: u32 = 256;

/// Gain once the line is known to be full: what keeps it full, and a little for jitter.
const CRUISE: f64 = 1.3;

/// Gain while the rate still grows: doubles every round trip, as slow start does.
const GROW: f64 = 2.0;

/// A rate that grew by less than this in [`PLATEAU_ROUNDS`] rounds has reached the line's.
const GROWTH: f64 = 1.25;
const PLATEAU_ROUNDS: u8 = 3;

/// Round trips are taken to have changed for good after this long without one near the minimum.
const ROUTE_CHANGE: Duration = Duration::from_secs(60);

/// Busy rounds for which a rate counts, once or twice over.
const MEMORY_ROUNDS: u8 = 10;

/// What was known when a piece was asked for; comes back when it arrives.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    delivered: u64,
    delivered_at: Instant,
    /// Asked on a line that lay idle: what it shows is no more than a lower bound, since nothing was under way.
    from_idle: bool,
}

/// The estimate for one connection.
#[derive(Clone, Debug)]
pub struct Flow {
    delivered: u64,
    delivered_at: Instant,
    in_flight: u32,
    /// Nothing has arrived since the line lay idle.
    from_idle: bool,
    rate: LatestMax,
    least_round_trip: Option<Duration>,
    near_least_at: Instant,
    least_since: Duration,
    /// Rate at the last clear growth, and rounds since.
    plateau: (f64, u8),
    round_ends: u64,
}

impl Flow {
    /// A connection that nothing is known of.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            in_flight: 0,
            from_idle: true,
            rate: LatestMax::default(),
            least_round_trip: None,
            near_least_at: now,
            least_since: Duration::MAX,
            plateau: (0.0, 0),
            round_ends: 0,
        }
    }

    /// A piece is asked for.
    pub fn asked(&mut self, now: Instant) -> Sample {
        self.asked_since(now)
    }

    /// A piece turns out to have been asked for at `since`, by a request that left the choice to the answerer.
    pub fn asked_since(&mut self, since: Instant) -> Sample {
        if self.in_flight == 0 {
            self.delivered_at = since;
            self.from_idle = true;
        }
        self.in_flight += 1;
        Sample { delivered: self.delivered, delivered_at: self.delivered_at, from_idle: self.from_idle }
    }

    /// A piece of `bytes` arrived.
    pub fn arrived(&mut self, now: Instant, sample: Sample, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.delivered = self.delivered.saturating_add(bytes as u64);
        self.delivered_at = now;
        self.from_idle = false;
        let span = now.since(sample.delivered_at).as_secs_f64();
        if span > 0.0 {
            self.rate.raise((self.delivered - sample.delivered) as f64 / span);
        }
        if sample.delivered >= self.round_ends && !sample.from_idle {
            self.round_ends = self.delivered;
            self.rate.round();
            self.judge_growth();
        }
    }

    /// A piece that was asked for will not come.
    pub fn withdrawn(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The same line with nothing under way.
    #[must_use]
    pub const fn rested(mut self) -> Self {
        self.in_flight = 0;
        self
    }

    /// A round trip was measured.
    pub fn round_trip(&mut self, now: Instant, span: Duration) {
        let least = *self.least_round_trip.get_or_insert(span);
        if span <= least.saturating_mul(2) {
            self.near_least_at = now;
            self.least_since = Duration::MAX;
            self.least_round_trip = Some(least.min(span));
            return;
        }
        self.least_since = self.least_since.min(span);
        if now.since(self.near_least_at) > ROUTE_CHANGE {
            self.least_round_trip = Some(self.least_since);
            self.near_least_at = now;
        }
    }

    /// Bytes a second, if anything was measured.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        Some(self.rate.value()).filter(|rate| *rate > 0.0)
    }

    /// The smallest round trip.
    #[must_use]
    pub const fn least_round_trip(&self) -> Option<Duration> {
        self.least_round_trip
    }

    /// Pieces asked for and not here yet.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Pieces that may be outstanding.
    #[must_use]
    pub fn window(&self) -> u32 {
        let (Some(rate), Some(round_trip)) = (self.rate(), self.least_round_trip) else {
            return FIRST_PIECES;
        };
        let growing = self.plateau.1 < PLATEAU_ROUNDS;
        let gain = if growing { GROW } else { CRUISE };
        let pieces = gain * rate * round_trip.as_secs_f64() / PIECE_LEN as f64;
        let least = if growing { FIRST_PIECES } else { LEAST_PIECES };
        // Rounded to the nearest: that is never below what keeps the line full, and one more piece is one more that a
        // seek waits behind.
        (libm::round(pieces) as u32).clamp(least, MOST_PIECES)
    }

    fn judge_growth(&mut self) {
        let (reached, rounds) = self.plateau;
        let rate = self.rate.value();
        self.plateau = if rate >= reached * GROWTH { (rate, 0) } else { (reached, rounds.saturating_add(1)) };
    }
}

/// The largest value of the last one to two spans of [`MEMORY_ROUNDS`], in two buckets. Time alone forgets nothing: a
/// line that lay idle is most likely the one it was.
#[derive(Clone, Debug, Default)]
struct LatestMax {
    rounds: u8,
    current: f64,
    previous: f64,
}

impl LatestMax {
    fn raise(&mut self, value: f64) {
        self.current = self.current.max(value);
    }

    fn round(&mut self) {
        self.rounds += 1;
        if self.rounds >= MEMORY_ROUNDS {
            *self = Self { rounds: 0, current: 0.0, previous: self.current };
        }
    }

    fn value(&self) -> f64 {
        self.current.max(self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    /// A line of `rate` bytes/s and `delay` round trip, one piece after the other; what is outstanding at the end.
    fn run(rate: f64, delay: Duration, pieces: usize) -> (Flow, f64) {
        let mut now = Instant::START;
        let mut flow = Flow::new(now);
        flow.round_trip(now, delay);
        let mut line: VecDeque<(Instant, Sample)> = VecDeque::new();
        let mut free = now;
        let send = Duration::from_secs_f64(PIECE_LEN as f64 / rate);
        let mut begun = (0, now);
        for n in 0..pieces {
            while flow.in_flight() < flow.window() {
                free = (now + delay).max(free) + send;
                line.push_back((free, flow.asked(now)));
            }
            let (at, sample) = line.pop_front().expect("something is outstanding");
            now = at;
            flow.arrived(now, sample, PIECE_LEN);
            if n == pieces / 2 {
                begun = (n, now);
            }
        }
        let spent = now.since(begun.1).as_secs_f64();
        (0..line.len()).for_each(|_| flow.withdrawn());
        (flow, (pieces - 1 - begun.0) as f64 * PIECE_LEN as f64 / spent / rate)
    }

    #[test]
    fn ten_megabits_at_fifty_milliseconds_keep_five_pieces_out_and_the_line_full() {
        let (flow, used) = run(1.2e6, Duration::from_millis(50), 400);
        assert_eq!(flow.window(), 5);
        assert!(used > 0.97, "{used}");
    }

    #[test]
    fn the_window_follows_bandwidth_times_delay() {
        for (rate, millis) in [(1e5, 30), (1e6, 200), (1e7, 20), (1.25e7, 100)] {
            let delay = Duration::from_millis(millis);
            let (flow, used) = run(rate, delay, 2000);
            let ideal = rate * delay.as_secs_f64() / PIECE_LEN as f64;
            let window = f64::from(flow.window());
            assert!(used > 0.95, "{rate} {millis}: {used}");
            assert!(window <= (1.5 * ideal).max(2.0) + 1.0, "{rate} {millis}: {window} of {ideal}");
        }
    }

    #[test]
    fn a_standing_queue_does_not_raise_the_round_trip_but_a_new_route_does() {
        let mut flow = Flow::new(Instant::START);
        let at = |s: u64| Instant::START + Duration::from_secs(s);
        flow.round_trip(at(0), Duration::from_millis(50));
        for second in 1..200 {
            flow.round_trip(at(second), Duration::from_millis(80));
        }
        assert_eq!(flow.least_round_trip(), Some(Duration::from_millis(50)));
        for second in 200..270 {
            flow.round_trip(at(second), Duration::from_millis(150));
        }
        assert_eq!(flow.least_round_trip(), Some(Duration::from_millis(150)));
    }

    #[test]
    fn a_line_that_lay_idle_is_remembered() {
        let (mut flow, _) = run(1.2e6, Duration::from_millis(50), 400);
        let mut now = flow.delivered_at;
        for _ in 0..30 {
            now = now + Duration::from_secs(2);
            let samples: alloc::vec::Vec<_> = (0..5).map(|_| flow.asked(now)).collect();
            for sample in samples {
                now = now + Duration::from_millis(25);
                flow.arrived(now, sample, PIECE_LEN);
            }
        }
        assert_eq!(flow.window(), 5);
    }

    #[test]
    fn a_line_that_became_slow_is_noticed() {
        let (mut flow, _) = run(1.2e6, Duration::from_millis(50), 400);
        let mut now = flow.delivered_at;
        let mut line: VecDeque<Sample> = VecDeque::new();
        for _ in 0..300 {
            while flow.in_flight() < flow.window() {
                line.push_back(flow.asked(now));
            }
            now = now + Duration::from_millis(160);
            let sample = line.pop_front().expect("something is outstanding");
            flow.arrived(now, sample, PIECE_LEN);
        }
        assert_eq!(flow.window(), LEAST_PIECES);
    }

    #[test]
    fn absurd_clocks_and_rates_keep_the_window_in_bounds() {
        let mut flow = Flow::new(Instant::START);
        flow.round_trip(Instant::START, Duration::MAX / 4);
        let sample = flow.asked(Instant::START);
        flow.arrived(Instant::from_micros(1), sample, usize::MAX / 2);
        assert_eq!(flow.window(), MOST_PIECES);
        let sample = flow.asked(Instant::from_micros(1));
        flow.arrived(Instant::from_micros(1), sample, 1);
        assert!(flow.window() <= MOST_PIECES);
    }
}
