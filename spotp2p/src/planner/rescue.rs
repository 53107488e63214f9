//! What becomes of pieces whose source is slow, silent, gone or lying: they are asked of a second one, or move.

use super::Planner;
use super::catch_up::WINDOW;
use super::line::Trust;
use super::source::Source;
use super::why::{Outcome, Why};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// A silent source is looked at again after this long, or half of its silence.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A source whose next piece is about to be urgent is looked at this long before, and this often.
const LOOK_AHEAD: Duration = Duration::from_secs(1);
const LOOK_OFTEN: Duration = Duration::from_millis(250);

/// A source is not given up before it was silent this many times as long as it should have been.
const PATIENCE: u32 = 4;

impl Planner {
    /// A source's time to be looked at has come.
    pub(super) fn check(&mut self, now: Instant, source: Source) {
        let Some(line) = self.lines.get_mut(source) else { return };
        match line.trust {
            Trust::Resting(until) if until <= now => {
                line.trust = Trust::Probation;
                return self.touch(now, source);
            }
            Trust::Resting(until) => return self.lines.check_by(source, until),
            Trust::Excluded => return,
            // All that it was asked for came from others meanwhile.
            Trust::Silent if line.out.is_empty() => return self.rest(now, source),
            Trust::Good | Trust::Probation | Trust::Silent => {}
        }
        if line.out.is_empty() {
            return;
        }
        if line.estimate.silent_at() <= now {
            return self.check_silent(now, source);
        }
        self.hedge_endangered(now, source);
        self.touch(now, source);
    }

    /// When a source that was asked for something is to be looked at: when its silence begins to mean something, then ever
    /// more seldom; and however little is known of it, before any of its pieces is urgent. What is looked
    /// at again and again is not put off by what happens meanwhile.
    pub(super) fn next_look(&self, now: Instant, source: Source) -> Option<Instant> {
        let line = self.lines.get(source)?;
        if line.out.is_empty() {
            // All that it was asked for came from others: it is to rest.
            return (line.trust == Trust::Silent).then_some(now + LOOK_AGAIN);
        }
        let settled = line.check_at.filter(|at| *at > now);
        let from = |begins: Instant, again: Duration| match settled {
            _ if begins > now => begins,
            Some(settled) => settled.min(now + again),
            None => now + again,
        };
        let look = from(line.estimate.silent_at(), (line.estimate.silence(now) / 2).max(LOOK_AGAIN));
        let urgent = self.most_urgent(&line.out).filter(|_| self.demand.is_running());
        let due = urgent.and_then(|piece| self.demand.due(now, piece));
        let urgent = due.map(|due| from(due.before(self.config.urgent + LOOK_AHEAD), LOOK_OFTEN));
        Some(urgent.map_or(look, |urgent| urgent.min(look)))
    }

    /// The first of the pieces that nobody else was asked for: the others are being rescued. Pieces are due in
    /// their order, but for headers, which are asked for before all others.
    fn most_urgent(&self, out: &VecDeque<u32>) -> Option<u32> {
        let mut from = 0;
        loop {
            let first = out.iter().copied().filter(|piece| *piece >= from).min()?;
            if !self.ledger.is_doubled(first) {
                return Some(first);
            }
            from = first.checked_add(1)?;
        }
    }

    fn check_silent(&mut self, now: Instant, source: Source) {
        let Some(line) = self.lines.get_mut(source) else { return };
        let quiet = line.estimate.silence(now);
        line.trust = Trust::Silent;
        self.catch_up.spoil();
        if quiet >= self.give_up_after(source) && self.has_another(source) {
            self.withdraw_all(now, source, Outcome::GivenUp);
            return self.rest(now, source);
        }
        self.hedge_endangered(now, source);
        self.touch(now, source);
    }

    /// Asks a second source for each piece of this one that is likely to be late, if it is time; calls the first back if
    /// enough was asked twice.
    pub(super) fn hedge_endangered(&mut self, now: Instant, source: Source) {
        let Some(line) = self.lines.get(source).filter(|_| !self.paused) else { return };
        let endangered = |(ahead, piece): (usize, &u32)| {
            let due = self.demand.due(now, *piece)?;
            let odds = line.estimate.odds_late(now, ahead as u32, due);
            (odds >= self.config.hedge_odds && !self.ledger.is_doubled(*piece)).then_some((due, *piece))
        };
        let mut pieces: Vec<(Instant, u32)> =
            line.out.iter().enumerate().take(WINDOW).filter_map(endangered).collect();
        pieces.sort_unstable();
        for (due, piece) in pieces {
            if !self.out.has_room() {
                return;
            }
            let Some((second, sure)) = self.second_for(now, piece, due, source) else { continue };
            // As long as the second can still be asked later, the first may deliver meanwhile.
            let latest = due.before(sure.since(now) + self.config.urgent);
            if latest > now {
                self.lines.check_by(source, latest);
                continue;
            }
            if self.may_hedge() {
                self.stats.hedges += 1;
                self.ask(now, piece, second, Why::Hedge);
            } else {
                self.withdraw(now, source, piece, Outcome::GivenUp);
                self.ask(now, piece, second, Why::Moved);
            }
        }
    }

    /// The cheapest with room that is in time, or the soonest if that is sooner than who was asked; and when the piece
    /// would surely be here.
    fn second_for(&self, now: Instant, piece: u32, due: Instant, first: Source) -> Option<(Source, Instant)> {
        let expected = self.lines.get(first)?.arrival(now);
        let mut soonest: Option<(Instant, Source, Instant)> = None;
        for (source, line) in self.lines.ready() {
            // A rescue is no time to try someone out.
            let known = line.kind.is_paid() || line.is_trusted() && line.estimate.is_proven();
            let paid_late = line.kind.is_paid() && due > self.paid_never_after(now);
            if source == first || !known || paid_late || !line.holds.has(piece) || !self.may_ask(line.kind) {
                continue;
            }
            let (arrival, sure) = (line.arrival(now), line.sure_arrival(now));
            if sure <= due {
                return Some((source, sure));
            }
            if arrival < expected {
                let this = (arrival, source, sure);
                soonest = Some(soonest.map_or(this, |best| best.min(this)));
            }
        }
        soonest.map(|(_, source, sure)| (source, sure))
    }

    /// Whether one more piece may be asked twice.
    fn may_hedge(&self) -> bool {
        let arrived = self.stats.total() / PIECE_LEN as u64;
        let share = arrived / u64::from(self.config.hedge_share.max(1));
        self.stats.hedges < share.saturating_add(self.config.hedge_allowance.into())
    }

    fn give_up_after(&self, source: Source) -> Duration {
        let Some(line) = self.lines.get(source) else { return Duration::MAX };
        let usual = self.config.give_up.saturating_mul(1 << line.strikes());
        usual.max(line.estimate.usual_wait().saturating_mul(PATIENCE))
    }

    /// Whether anyone else could be asked.
    fn has_another(&self, source: Source) -> bool {
        self.lines.iter().any(|(other, line)| other != source && line.serves() && self.may_ask(line.kind))
    }

    /// Looks at a source as soon as the event that is under way is over.
    pub(super) fn look_soon(&mut self, now: Instant, source: Source) {
        self.lines.check_by(source, now + LOOK_AGAIN);
    }

    /// Asks nothing of a source for a while.
    pub(super) fn rest(&mut self, now: Instant, source: Source) {
        let Some(line) = self.lines.get_mut(source) else { return };
        line.strike(now, self.config.rest);
        if let Trust::Resting(until) = line.trust {
            self.lines.check_by(source, until);
        }
        self.touch(now, source);
    }

    /// Asks nothing of a source until then, which counts for nothing later.
    pub(super) fn rest_until(&mut self, now: Instant, source: Source, until: Instant) {
        let Some(line) = self.lines.get_mut(source).filter(|line| line.trust != Trust::Excluded) else {
            return;
        };
        line.trust = Trust::Resting(until);
        self.lines.check_by(source, until);
        self.touch(now, source);
    }
}

#[cfg(test)]
mod tests;
