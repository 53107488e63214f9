//! The session's timers: keep-alive, round trips, and everything that a stuck peer runs into.

use super::Session;
use crate::crypto::Crypto;
use crate::error::{SessionError, Wait};
use crate::time::Instant;
use crate::timers::TimerName;

/// What a session waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// The handshake must be over.
    Handshake,
    /// Time for a ping.
    Ping,
    /// The other side must have been heard.
    Dead,
    /// The line must have taken something.
    Stall,
    /// The record that began must be complete.
    Trickle,
    /// The answer to an early request must be here, or the handshake goes on without it.
    Answer,
    /// The close went out: the session is over.
    Closed,
}

impl Timer {
    pub(super) const COUNT: usize = 7;
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

impl<C: Crypto> Session<C> {
    /// Does what is due.
    pub(super) fn fire(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.timers.take_due(Timer::Closed, now) {
            let code = self.owed.close.unwrap_or(crate::error::CloseCode::Done);
            return Err(SessionError::Closed { code, by_peer: false });
        }
        let waits = [
            (Timer::Handshake, Wait::Handshake),
            (Timer::Dead, Wait::Pong),
            (Timer::Stall, Wait::Stall),
            (Timer::Trickle, Wait::Trickle),
        ];
        for (timer, wait) in waits {
            if self.timers.take_due(timer, now) {
                return Err(SessionError::TimedOut(wait));
            }
        }
        self.timers.take_due(Timer::Answer, now);
        if self.timers.take_due(Timer::Ping, now) {
            self.owed.ping = true;
            self.timers.set(Timer::Ping, now + self.limits.keep_alive);
            self.timers.set_earlier(Timer::Dead, now + self.limits.dead_after);
        }
        Ok(())
    }

    /// The handshake is over: from now on the line is kept alive. A responder that may be talking to a replay goes on
    /// waiting for the other side's proof of life.
    pub(super) fn begin_liveness(&mut self, now: Instant) {
        if self.confirmed {
            self.timers.clear(Timer::Handshake);
        }
        self.timers.set(Timer::Ping, now + self.limits.keep_alive);
    }

    /// Something whole was heard.
    pub(super) fn heard(&mut self, now: Instant) {
        self.timers.clear(Timer::Dead);
        if self.shake.is_none() && !self.owed.ping {
            let quiet = if self.asking.is_idle() { self.limits.keep_alive } else { self.limits.measure };
            let due = now + quiet;
            // While answers flow the ping stays where it is, or it would never go out.
            if self.asking.is_idle() {
                self.timers.set(Timer::Ping, due);
            } else {
                self.timers.set_earlier(Timer::Ping, due);
            }
        }
    }

    /// The line took something, or has nothing to take.
    pub(super) fn drained(&mut self, now: Instant) {
        self.timers.clear(Timer::Stall);
        self.watch_for_stall(now);
    }

    /// While something is queued the line must take something before long.
    pub(super) fn watch_for_stall(&mut self, now: Instant) {
        if self.has_data() && self.ended.is_none() {
            self.timers.set_earlier(Timer::Stall, now + self.limits.stall);
        }
    }

    /// The front of a record is here, or not any more.
    pub(super) fn watch_for_trickle(&mut self, now: Instant, incomplete: bool) {
        if self.shake.is_some() {
            return;
        }
        if incomplete {
            self.timers.set_earlier(Timer::Trickle, now + self.limits.trickle);
        } else {
            self.timers.clear(Timer::Trickle);
        }
    }
}
