//! When how many bytes are needed: the seek table, in as few steps as a forecast takes.

use core::time::Duration;
use spotproto::content::Head;

/// The most steps of a forecast.
pub const STEPS: usize = 42;

/// Steps of each length before they double: near ones are a second long, since a fade now matters more than one later.
const STEPS_A_LENGTH: usize = 6;

/// Lengths of steps: 1, 2, 4, 8 and 16 seconds.
pub(super) const LENGTHS: usize = 5;

/// How far a forecast looks: 6 min 18 s. What is behind that is another look's business.
pub const HORIZON: Duration = Duration::from_secs(
    (STEPS_A_LENGTH * ((1 << (LENGTHS - 1)) - 1) + (STEPS - STEPS_A_LENGTH * (LENGTHS - 1)) * 16) as u64,
);

/// The most pieces that a demand looks at: 1 GiB, which is 2.8 MB of music a second up to the horizon. What is behind them
/// is another look's business too, so that no head can claim more of a listener's time than that.
const PIECES: u32 = 1 << 16;

/// A step of a forecast.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Step {
    /// It lasts 2 to this power of seconds.
    pub(super) length: u8,
    /// What must have arrived by its end, beyond what must have by its begin.
    pub(super) bytes: f32,
    /// Pieces are needed whole and at once. When in the step the first is, as a part of it, and its bytes; and when
    /// the last, by which all of `bytes` must be here. In between, at an even rate, neither is passed.
    pub(super) first: (f32, f32),
    pub(super) last: f32,
}

/// The bytes that playing from a place comes to need, by when: only those that are not here yet.
///
/// Bytes are counted in whole pieces, since no part of one can be played. Worst case: 900 bytes, held inline.
#[derive(Clone, PartialEq, Debug)]
pub struct Demand {
    steps: [Step; STEPS],
    len: usize,
    first: u64,
    total: u64,
    rate: f32,
    at_ms: u32,
    rest_ms: u32,
}

impl Demand {
    /// What playing this file from `at_ms` on needs beyond the pieces that are `held`.
    ///
    /// To be made once for a start, a seek or a stutter; costs a look at each piece of the next 6 minutes, and at 65,536
    /// of them at most.
    #[must_use]
    pub fn new<K>(head: &Head<K>, at_ms: u32, mut held: impl FnMut(u32) -> bool) -> Self {
        let rest_ms = head.duration_ms.saturating_sub(at_ms);
        let mut missing = |piece| if held(piece) { 0 } else { head.geometry.piece_len(piece) as u64 };
        let begin = head.piece_at(at_ms);
        let most = begin.saturating_add(PIECES);
        // The piece behind the last that is needed `into` milliseconds from here.
        let needed_by = |into: u32| {
            let byte = head.seek.bytes_by(at_ms.saturating_add(into)).saturating_sub(1);
            head.geometry.piece_of(byte).saturating_add(1).min(most)
        };
        let mut end = needed_by(0).max(begin);
        let headers = head.header_pieces().take(PIECES as usize).take_while(|piece| *piece < begin);
        let headers: u64 = headers.map(&mut missing).sum();
        let first = headers + (begin..end).map(&mut missing).sum::<u64>();
        let mut demand =
            Self { steps: [Step::default(); STEPS], len: 0, first, total: first, rate: 0.0, at_ms, rest_ms };
        let mut into = 0;
        for (index, step) in demand.steps.iter_mut().enumerate() {
            if into >= rest_ms {
                break;
            }
            step.length = (index / STEPS_A_LENGTH).min(LENGTHS - 1) as u8;
            let begun = at_ms.saturating_add(into);
            let length = 1000 << step.length;
            into += length;
            let next = needed_by(into.min(rest_ms)).max(end);
            let part = |piece| (head.due(piece).saturating_sub(begun) as f32 / length as f32).min(1.0);
            *step = Step { length: step.length, last: 1.0, first: (1.0, 0.0), ..Step::default() };
            for (piece, bytes) in (end..next).map(|piece| (piece, missing(piece) as f32)) {
                if bytes > 0.0 && step.bytes == 0.0 {
                    step.first = (part(piece), bytes);
                }
                if bytes > 0.0 {
                    step.last = part(piece);
                }
                step.bytes += bytes;
            }
            demand.total += step.bytes as u64;
            demand.len = index + 1;
            end = next;
        }
        let played = f64::from(into.min(rest_ms).max(1000)) / 1e3;
        let all = (begin..end).map(|piece| head.geometry.piece_len(piece) as u64).sum::<u64>();
        demand.rate = ((all as f64 / played) as f32).max(1.0);
        demand
    }

    /// What has to arrive before there is any sound, in bytes.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// What has to arrive until the end of the track, or until [`HORIZON`], in bytes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The average rate of the music, in bytes a second; at least one.
    #[must_use]
    pub const fn rate(&self) -> f32 {
        self.rate
    }

    /// The place in the track that it is the demand from, in milliseconds.
    #[must_use]
    pub const fn at_ms(&self) -> u32 {
        self.at_ms
    }

    /// Music from that place to the end.
    #[must_use]
    pub const fn rest(&self) -> Duration {
        Duration::from_millis(self.rest_ms as u64)
    }

    /// How long `arrived` bytes, in the order in which they are needed, will play; at most to the end or [`HORIZON`].
    #[must_use]
    pub fn music_in(&self, arrived: u64) -> Duration {
        let Some(mut left) = arrived.checked_sub(self.first).map(|left| left as f32) else {
            return Duration::ZERO;
        };
        let mut seconds = 0.0;
        for step in self.steps() {
            let length = f32::from(1u16 << step.length);
            if left < step.bytes {
                seconds += length * left / step.bytes;
                break;
            }
            left -= step.bytes;
            seconds += length;
        }
        Duration::from_secs_f32(seconds).min(Duration::from_millis(self.rest_ms.into()))
    }

    pub(super) fn steps(&self) -> &[Step] {
        self.steps.get(..self.len).unwrap_or(&self.steps)
    }
}
