//! When a piece that is asked of a source now would be here, and how sure that is.
//!
//! A source is a line that sends what was asked in order: the time to here is a round trip or what is still under way,
//! whichever is longer, and the piece's own time. Mean and mean deviation are learnt from arrivals as TCP learns its round
//! trip (RFC 6298 §2).

use super::config::Prior;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// Weight of a new sample of time per byte, and of a round trip.
const GAIN: f64 = 1.0 / 8.0;

/// Weight of a new sample of the deviation (RFC 6298's beta).
const DEVIATION_GAIN: f64 = 1.0 / 4.0;

/// A normal distribution's standard deviation in mean deviations.
const SIGMA: f64 = 1.2533;

/// Standard deviations that 99 % of a normal distribution stay below: one piece in a hundred may be late.
const SURE: f64 = 2.33;

/// Pieces after which a pace is the source's own and not a guess: what it was before weighs a third by then.
const TELLING: u32 = 8;

/// Deviations are never taken for smaller: clocks have a grain, and threads wait.
const LEAST_DEVIATION: f64 = 0.004;

/// Times per byte are kept between 10 GB/s and 16 B/s, spans below an hour: absurd clocks give nothing beyond.
const PER_BYTE: (f64, f64) = (1e-10, 1.0 / 16.0);
const MOST: f64 = 3600.0;

/// What is expected of one source. Times in seconds.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    per_byte: f64,
    round_trip: f64,
    deviation: f64,
    /// Pieces that arrived.
    samples: u32,
    /// Round trips that were measured apart from pieces.
    pings: u32,
    /// When it last showed life: a piece arrived, or it was asked after it lay idle.
    alive_at: Instant,
    /// Nothing has arrived since it lay idle.
    from_idle: bool,
    /// When all that was asked should be here.
    free_at: Instant,
}

impl Estimate {
    pub(super) fn new(now: Instant, prior: &Prior) -> Self {
        Self {
            per_byte: (1.0 / prior.bytes_per_s.max(1) as f64).clamp(PER_BYTE.0, PER_BYTE.1),
            round_trip: prior.round_trip.as_secs_f64().min(MOST),
            deviation: prior.deviation.as_secs_f64().clamp(LEAST_DEVIATION, MOST),
            samples: 0,
            pings: 0,
            alive_at: now,
            from_idle: true,
            free_at: now,
        }
    }

    /// Whether it ever delivered anything.
    pub(super) const fn is_proven(&self) -> bool {
        self.samples > 0
    }

    /// The time that one piece takes once bytes flow.
    pub(super) fn each(&self) -> Duration {
        span(self.each_s())
    }

    /// Pieces a second.
    pub(super) fn pieces_per_s(&self) -> f64 {
        1.0 / self.each_s()
    }

    /// Bytes a second once bytes flow, and the standard deviation of that; nothing before enough pieces came.
    pub(super) fn pace(&self) -> Option<(f64, f64)> {
        let rate = 1.0 / self.per_byte;
        let off = (SIGMA * self.deviation / self.each_s()).min(1.0);
        (self.samples >= TELLING).then_some((rate, rate * off))
    }

    /// What to add to a predicted arrival to be right in 99 of 100 cases.
    pub(super) fn margin(&self) -> Duration {
        span(SURE * SIGMA * self.deviation)
    }

    /// When one more piece would be here, with `under_way` asked before it.
    pub(super) fn arrival(&self, now: Instant, under_way: u32) -> Instant {
        let begin = (now + span(self.round_trip)).max(self.free_at);
        begin + span(self.each_s()) + self.hush(now, under_way)
    }

    /// A piece is asked for; answers when it should be here.
    pub(super) fn asked(&mut self, now: Instant, under_way: u32) -> Instant {
        if under_way == 0 {
            self.alive_at = now;
            self.from_idle = true;
            self.free_at = now;
        }
        let arrival = self.arrival(now, under_way);
        self.free_at = arrival;
        arrival
    }

    /// A piece that should have been here at `predicted` is; `under_way` others are not yet.
    pub(super) fn arrived(&mut self, now: Instant, predicted: Instant, bytes: usize, under_way: u32) {
        let took = now.since(self.alive_at).as_secs_f64().min(MOST);
        if !self.from_idle {
            self.learn_pace(took, bytes);
        } else if self.pings > 0 {
            self.learn_pace(took - self.round_trip, bytes);
        } else {
            self.learn_round_trip(took);
        }
        let (early, late) = (predicted.since(now).as_secs_f64(), now.since(predicted).as_secs_f64());
        let error = early.max(late).min(MOST);
        self.deviation += (error - self.deviation) * DEVIATION_GAIN;
        self.deviation = self.deviation.max(LEAST_DEVIATION);
        self.samples = self.samples.saturating_add(1);
        self.alive_at = now;
        self.from_idle = false;
        // What was asked later is as late or as early, but no sooner than the line can carry it, nor later than if it had
        // been asked just now.
        let shifted = (self.free_at + span(late)).before(span(early));
        let least = now + span(self.each_s() * f64::from(under_way));
        self.free_at = shifted.clamp(least, least + span(self.round_trip));
    }

    /// Something that was asked will not come; `under_way` others may.
    pub(super) fn withdrawn(&mut self, now: Instant, under_way: u32) {
        let most = now + span(self.round_trip + self.each_s() * f64::from(under_way));
        self.free_at = self.free_at.min(most);
    }

    /// The round trip, as far as it is known.
    pub(super) fn round_trip_known(&self) -> Duration {
        span(self.round_trip)
    }

    /// A round trip was measured.
    pub(super) fn round_trip(&mut self, span: Duration) {
        let sample = span.as_secs_f64().min(MOST);
        self.round_trip =
            if self.pings == 0 { sample } else { self.round_trip + (sample - self.round_trip) * GAIN };
        self.pings = self.pings.saturating_add(1);
    }

    /// How long nothing has come although something should have.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.since(self.alive_at)
    }

    /// From asking to the first piece, when all goes as usual.
    pub(super) fn usual_wait(&self) -> Duration {
        span(self.round_trip + self.each_s())
    }

    /// From when on silence means something.
    pub(super) fn silent_at(&self) -> Instant {
        let lead = if self.from_idle { self.round_trip } else { self.round_trip / 2.0 };
        self.alive_at + span(lead + self.each_s()) + self.margin()
    }

    /// The chance that the piece behind `ahead` others of this source is not here at `due`.
    ///
    /// While the source is as quick as it was, errors are taken for normal. A source that should have delivered and did
    /// not is in a state that nothing was learnt of: how long that lasts is taken to have no scale, so the chance that it
    /// lasts `x` longer after it lasted `t` is `t / (t + x)`.
    pub(super) fn odds_late(&self, now: Instant, ahead: u32, due: Instant) -> f64 {
        let rest = self.each_s() * f64::from(ahead);
        let left = due.since(now).as_secs_f64() - rest;
        if left <= 0.0 {
            return 1.0;
        }
        if now >= self.silent_at() {
            let quiet = self.silence(now).as_secs_f64();
            return quiet / (quiet + left);
        }
        let next = (self.silent_at().since(now).as_secs_f64() - self.margin().as_secs_f64()).max(0.0);
        // Logistic for normal: within 0.01 of it (Bowling et al. 2009).
        let z = (left - next) / (SIGMA * self.deviation);
        1.0 / (1.0 + libm::exp(1.702 * z))
    }

    fn each_s(&self) -> f64 {
        self.per_byte * PIECE_LEN as f64
    }

    /// A source that is silent is expected to stay so for as long again.
    fn hush(&self, now: Instant, under_way: u32) -> Duration {
        if under_way > 0 && now >= self.silent_at() { self.silence(now) } else { Duration::ZERO }
    }

    fn learn_pace(&mut self, took: f64, bytes: usize) {
        let sample = (took / bytes.max(1) as f64).clamp(PER_BYTE.0, PER_BYTE.1);
        let gain = if self.samples <= 1 { 1.0 } else { GAIN };
        self.per_byte += (sample - self.per_byte) * gain;
    }

    /// The first piece after idle took a round trip and its own time, and nothing else tells them apart.
    fn learn_round_trip(&mut self, took: f64) {
        // Before the second piece nothing is known of the time that a piece takes: half of it, at least.
        let sample = (took - self.each_s()).max(took / 2.0);
        let gain = if self.samples == 0 { 1.0 } else { GAIN };
        self.round_trip += (sample - self.round_trip) * gain;
    }
}

/// Seconds as a duration: no less than nothing, no more than an hour for each term.
fn span(seconds: f64) -> Duration {
    Duration::from_micros((seconds.clamp(0.0, 1e6) * 1e6) as u64)
}

#[cfg(test)]
mod tests;
