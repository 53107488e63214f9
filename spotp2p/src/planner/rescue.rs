//! What becomes of pieces whose source is slow, silent, gone or lying: they are asked of a second one, or move.

use super::Planner;
use super::catch_up::WINDOW;
use super::line::Trust;
use super::source::Source;
use super::why::{Outcome, Why};
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// A silent source is looked at again after this long, or a quarter of its silence.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A source that never delivered gets this part of the time that one has which did.
const UNPROVEN: u32 = 2;

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
            Trust::Good | Trust::Probation => {}
        }
        if line.out.is_empty() {
            return;
        }
        let silent_at = line.estimate.silent_at();
        if silent_at > now {
            return self.lines.check_by(source, silent_at);
        }
        let quiet = line.estimate.silence(now);
        self.catch_up.spoil();
        if quiet >= self.give_up_after(source) && self.has_another(source) {
            return self.give_up(now, source);
        }
        self.hedge_endangered(now, source);
        self.lines.check_by(source, now + (quiet / 4).max(LOOK_AGAIN));
    }

    /// Asks a second source for each piece of this one that is likely to be late.
    pub(super) fn hedge_endangered(&mut self, now: Instant, source: Source) {
        let Some(line) = self.lines.get(source) else { return };
        let odds = |(ahead, piece): (usize, &u32)| {
            let due = self.demand.due(now, *piece)?;
            let odds = line.estimate.odds_late(now, ahead as u32, due);
            (odds >= self.config.hedge_odds && !self.ledger.is_doubled(*piece)).then_some((due, *piece))
        };
        let mut endangered: Vec<(Instant, u32)> =
            line.out.iter().enumerate().take(WINDOW).filter_map(odds).collect();
        endangered.sort_unstable();
        for (due, piece) in endangered {
            self.hedge(now, piece, due, source);
        }
    }

    fn hedge(&mut self, now: Instant, piece: u32, due: Instant, first: Source) {
        if !self.may_hedge() || !self.out.has_room() {
            return;
        }
        if let Some(second) = self.second_for(now, piece, due, first) {
            self.stats.hedges += 1;
            self.ask(now, piece, second, Why::Hedge);
        }
    }

    /// The cheapest with room that is in time, or the soonest if that is sooner than who was asked.
    fn second_for(&self, now: Instant, piece: u32, due: Instant, first: Source) -> Option<Source> {
        let expected = self.lines.get(first)?.arrival(now);
        let mut soonest: Option<(Instant, Source)> = None;
        for (source, line) in self.lines.ready() {
            if source == first || !line.holds.has(piece) || !self.may_ask(line.kind) {
                continue;
            }
            if line.sure_arrival(now) <= due {
                return Some(source);
            }
            let arrival = line.arrival(now);
            if arrival < expected {
                soonest = Some(soonest.map_or((arrival, source), |best| best.min((arrival, source))));
            }
        }
        soonest.map(|(_, source)| source)
    }

    /// Whether one more piece may be asked twice.
    fn may_hedge(&self) -> bool {
        let arrived = self.stats.total() / PIECE_LEN as u64;
        let share = arrived / u64::from(self.config.hedge_share.max(1));
        self.stats.hedges < share.saturating_add(self.config.hedge_allowance.into())
    }

    fn give_up_after(&self, source: Source) -> Duration {
        let Some(line) = self.lines.get(source) else { return Duration::MAX };
        let proven = line.estimate.is_proven();
        let usual = if proven { self.config.give_up } else { self.config.give_up / UNPROVEN };
        usual.max(line.estimate.usual_wait().saturating_mul(PATIENCE))
    }

    /// Whether anyone else could be asked.
    fn has_another(&self, source: Source) -> bool {
        self.lines.iter().any(|(other, line)| other != source && line.serves() && self.may_ask(line.kind))
    }

    fn give_up(&mut self, now: Instant, source: Source) {
        self.withdraw_all(now, source, Outcome::GivenUp);
        self.rest(now, source);
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
}
