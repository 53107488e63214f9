//! How far ahead of the sound free sources are asked: not so far that much of it comes for nothing if the listener leaves.
//!
//! A quarter of all plays are left within five seconds, half before their end (Lamere 2014, "The Skip"), so whatever is
//! ahead of the sound is wasted as often. Those who have listened for a while leave seldom: by what they heard the bound
//! grows. Who is near the end stays (Kreitz and Niemelä 2010, II-E: 92 % of those that come to the last half minute hear the
//! track that follows): there all the rest is within it, so that it is here soon, and the next track has the line.

use super::demand::{Stage, Want};
use super::source::Kind;
use super::{Planner, Timer};
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::Urgency;

/// Pieces that come within the bound together, so that they can be asked for at once.
const TOGETHER: u32 = 4;

/// With no more music left than this there is no bound: five seconds before the next track is asked for, in milliseconds.
const LAST: u32 = 35_000;

/// The bound is not looked at more often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Planner {
    /// Whether free sources may be asked for this want by now. What is here already costs nobody anything: the own cache
    /// is always asked.
    pub(super) fn is_within(&self, now: Instant, want: Want) -> bool {
        self.is_before(want, self.free_until(now))
    }

    /// Whether a want is before a bound: what lies behind the decoder comes when all else is within it.
    pub(super) const fn is_before(&self, want: Want, until: u32) -> bool {
        match want.stage {
            Stage::Headers => true,
            Stage::Ahead => want.piece < until,
            Stage::Behind => until >= self.demand.curve.pieces(),
        }
    }

    /// The piece behind the last one that free sources may be asked for by now.
    pub(super) fn free_until(&self, now: Instant) -> u32 {
        let pieces = self.demand.curve.pieces();
        let (Some(position), Urgency::Playing | Urgency::Next) = (self.consumed(now), self.policy.urgency)
        else {
            return pieces;
        };
        if position >= self.last_begins() {
            return pieces;
        }
        let ahead = self.free_ahead(now);
        // Where peers are too slow to catch up before, they begin behind that.
        let point = self.catch_up.gap_ends().map_or(0, |point| self.demand.curve.due_ms(point));
        let until = self.demand.curve.first_due(position.max(point).saturating_add(ahead));
        until.next_multiple_of(TOGETHER).min(pieces)
    }

    /// What was heard of the music, in milliseconds from its begin, or taken by a decoder that is further on; `None` if nobody
    /// listens.
    fn consumed(&self, now: Instant) -> Option<u32> {
        let position = self.demand.position(now)?;
        Some(position.max(self.demand.curve.due_ms(self.demand.reading)))
    }

    /// Where in the music the bound ends, in milliseconds.
    fn last_begins(&self) -> u32 {
        self.demand.curve.due_ms(self.demand.curve.pieces()).saturating_sub(LAST)
    }

    /// The same from the play point on, in milliseconds of music.
    fn free_ahead(&self, now: Instant) -> u32 {
        let heard = self.demand.heard(now) / self.config.free_growth.max(1);
        let least = match self.policy.urgency {
            // Paid sources may bring as much.
            Urgency::Next if self.policy.paid_music < Duration::MAX => {
                self.policy.paid_music.max(self.config.free_ahead)
            }
            _ => self.config.free_ahead,
        };
        // What is asked of paid sources because it is urgent is for free ones all the more.
        let urgent = self.paid_delay(now).map_or(Duration::ZERO, |delay| self.config.urgent + delay);
        let ahead = least.max(self.ahead).max(urgent).saturating_add(Duration::from_millis(heard.into()));
        u32::try_from(ahead.as_millis()).unwrap_or(u32::MAX)
    }

    /// The bound moves on with the sound: when the first lacking piece comes within it.
    pub(super) fn arm_free(&mut self, now: Instant) {
        self.timers.clear(Timer::Free);
        if !self.demand.is_running() || !self.lines.ready().any(|(_, line)| !line.kind.is_paid()) {
            return;
        }
        let want = self.demand.next(&self.lacking, Want::FIRST);
        let Some(want) = want.filter(|want| !self.is_within(now, *want)) else { return };
        // A decoder that is further on says so when it takes the next piece; until then the sound has that far to go.
        let Some(position) = self.demand.position(now) else { return };
        let piece = match want.stage {
            Stage::Behind => self.demand.curve.pieces().saturating_sub(1),
            _ => want.piece,
        };
        let due = self.demand.curve.due_ms(piece / TOGETHER * TOGETHER);
        let short = due.saturating_sub(position.saturating_add(self.free_ahead(now)));
        // What is heard meanwhile moves it too. That and the sound's place are whole milliseconds, the next ones below.
        let growth = u64::from(self.config.free_growth.max(1));
        let wait = Duration::from_millis(u64::from(short) * growth / (growth + 1) + 3);
        let last = Duration::from_millis(self.last_begins().saturating_sub(position).into());
        let wait = if last.is_zero() { wait } else { wait.min(last) };
        self.timers.set(Timer::Free, now + wait.max(LOOK_AGAIN));
    }

    /// Whether a source of this kind may be asked for what is beyond the bound.
    pub(super) const fn is_unbounded(kind: Kind) -> bool {
        matches!(kind, Kind::Cache)
    }
}

#[cfg(test)]
mod tests;
