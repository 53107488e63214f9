//! The timers: what a server that is slow, or says nothing more, runs into.

use super::Connection;
use crate::cdn::error::{CdnError, Wait};
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;
use spotproto::timers::TimerName;

/// The shortest span of a timer: one of nothing would stay due.
const SHORTEST: Duration = Duration::from_millis(1);

/// What a connection waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// The head of the answer.
    Answer,
    /// Anything of the body.
    Silence,
    /// The next 16 KiB of the body.
    Trickle,
    /// Something to ask.
    Idle,
}

impl Timer {
    pub(super) const COUNT: usize = 4;
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

impl Connection {
    /// Does what is due.
    pub(super) fn fire(&mut self, now: Instant) -> Result<(), CdnError> {
        for (timer, wait) in [(Timer::Silence, Wait::Silence), (Timer::Trickle, Wait::Trickle)] {
            if !self.timers.take_due(timer, now) {
                continue;
            }
            if self.outputs.is_empty() {
                return Err(CdnError::TimedOut(wait));
            }
            // The owner is the slow one.
            self.body_moves_from(now);
        }
        if self.timers.take_due(Timer::Answer, now) {
            return Err(CdnError::TimedOut(Wait::Answer));
        }
        if self.timers.take_due(Timer::Idle, now) { Err(CdnError::Idle) } else { Ok(()) }
    }

    /// A request went out.
    pub(super) fn asked(&mut self, now: Instant) {
        self.timers.clear(Timer::Idle);
        self.set(now, Timer::Answer, self.limits.answer);
    }

    /// A head came, and its body is to follow.
    pub(super) fn body_begins(&mut self, now: Instant) {
        self.timers.clear(Timer::Answer);
        self.body_moves_from(now);
    }

    /// Bytes of the body came, of which `count` are data.
    pub(super) fn body_moved(&mut self, now: Instant, count: usize) {
        self.set(now, Timer::Silence, self.limits.silence);
        self.progress = self.progress.saturating_add(count as u64);
        if self.progress >= PIECE_LEN as u64 {
            self.progress %= PIECE_LEN as u64;
            self.set(now, Timer::Trickle, self.limits.trickle);
        }
    }

    /// No answer is on the line from now on.
    pub(super) fn rest_from(&mut self, now: Instant) {
        self.timers.clear_all();
        self.set(now, Timer::Idle, self.limits.idle);
    }

    fn body_moves_from(&mut self, now: Instant) {
        self.progress = 0;
        self.set(now, Timer::Silence, self.limits.silence);
        self.set(now, Timer::Trickle, self.limits.trickle);
    }

    fn set(&mut self, now: Instant, timer: Timer, span: Duration) {
        self.timers.set(timer, now + span.max(SHORTEST));
    }
}
