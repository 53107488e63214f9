//! Who is asked for what, now.

use super::demand::{Prospect, Stage, Want};
use super::ledger::Ticket;
use super::line::Line;
use super::source::{Kind, Source};
use super::why::Why;
use super::{Ask, Output, Planner, Timer};
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::{PieceRange, Urgency};

/// Sources with room that are compared for a piece, of one price.
const COMPARED: usize = 8;

/// Sources with room that are looked at for a piece.
const LOOKED_AT: usize = 64;

/// Wants that one round passes over.
const MOST_STEPS: usize = 512;

/// What a piece's turn comes to.
enum Choice {
    Ask(Source, Why),
    /// Not now: who has room now goes on with pieces from this one.
    Later(u32),
    Nobody,
}

/// What a look at those with room saw.
#[derive(Default)]
struct Seen {
    /// The soonest of those that would be late.
    late: Option<(Instant, Source)>,
    /// The first moment at which one of the free ones is sure to be in time.
    sure: Option<Instant>,
    /// The next piece that one of those without this piece holds.
    holds_next: Option<u32>,
    /// One that holds nothing that is lacking.
    useless: Option<Source>,
}

impl Planner {
    /// Asks for all that can be asked for now, the most urgent first.
    pub(super) fn plan(&mut self, now: Instant) {
        if self.paused {
            self.timers.clear(Timer::Free);
            return self.timers.clear(Timer::Paid);
        }
        let mut from = Want::FIRST;
        let (mut last, mut until) = (None, 0);
        for _ in 0..MOST_STEPS {
            if self.lines.cheapest_ready().is_none() {
                break;
            }
            let Some(want) = self.demand.next(&self.lacking, from) else { break };
            if !self.out.has_room() {
                self.unplanned = Some(now);
                break;
            }
            if !self.is_before(want, until) {
                // The catch-up point may have moved meanwhile.
                until = self.free_until(now);
            }
            from = match self.choose(now, want, last, self.is_before(want, until)) {
                Choice::Ask(source, why) => {
                    self.ask(now, want.piece, source, why);
                    last = Some(source);
                    want.skip_to(want.piece + 1)
                }
                Choice::Later(piece) => want.skip_to(piece.max(want.piece.saturating_add(1))),
                Choice::Nobody => break,
            };
        }
        self.arm_paid(now);
        self.arm_free(now);
    }

    /// `within` says that free sources may be asked.
    fn choose(&mut self, now: Instant, want: Want, last: Option<Source>, within: bool) -> Choice {
        let due = self.wanted_by(now, want);
        if let Some(source) = last.filter(|_| within)
            && self.goes_on(now, source, want.piece, due)
        {
            return Choice::Ask(source, Why::Cheapest);
        }
        let mut seen = Seen::default();
        let free = self.lines.ready().take_while(|(_, line)| !line.kind.is_paid());
        let free = free.take_while(|(_, line)| within || Self::is_unbounded(line.kind));
        if let Some(source) = self.best(now, free, want, due, &mut seen) {
            return Choice::Ask(source, Why::Cheapest);
        }
        if let Some(source) = seen.useless.take() {
            self.lines.park(source);
        }
        let allowed = self.paid_for(now, want, due, seen.late.is_some());
        if let Some(why) = allowed {
            // A CDN without room now is cheaper still, as long as it is in time.
            let spares_server = self.is_cdn_in_time(now, want.piece, due);
            let paid = self
                .lines
                .ready_paid()
                .filter(|(_, line)| self.may_ask(line.kind) && !(spares_server && line.kind == Kind::Server));
            if let Some(source) = self.best(now, paid, want, due, &mut seen) {
                return Choice::Ask(source, why);
            }
        }
        let Some((arrival, source)) = seen.late else {
            return seen.holds_next.filter(|_| within).map_or(Choice::Nobody, Choice::Later);
        };
        // Nobody with room is in time. Those without may be sooner still, or those that are not asked yet.
        let spared = allowed.is_none() && want.stage != Stage::Behind && self.paid_delay(now).is_some();
        if spared || self.is_sooner_elsewhere(now, want.piece, arrival, allowed.is_some()) {
            return seen.sure.map_or(Choice::Nobody, |sure| Choice::Later(self.demand.reach(now, sure)));
        }
        let paid = self.lines.get(source).is_some_and(|line| line.kind.is_paid());
        Choice::Ask(source, allowed.filter(|_| paid).unwrap_or(Why::Soonest))
    }

    /// Whether the source that got the piece before gets this one too: peers deliver whole stretches where that costs
    /// nothing.
    fn goes_on(&self, now: Instant, source: Source, piece: u32, due: Option<Instant>) -> bool {
        let Some(line) = self.lines.get(source) else { return false };
        let cheapest = self.lines.cheapest_ready().is_some_and(|kind| kind >= line.kind);
        let able = !line.kind.is_paid() && cheapest && line.place.is_some() && line.holds.has(piece);
        able && due.is_none_or(|due| line.sure_arrival(now) <= due)
    }

    /// The cheapest of these that is in time, and of one price the soonest.
    fn best<'a>(
        &self,
        now: Instant,
        ready: impl Iterator<Item = (Source, &'a Line)>,
        want: Want,
        due: Option<Instant>,
        seen: &mut Seen,
    ) -> Option<Source> {
        let mut best: Option<(Instant, Source)> = None;
        let (mut kind, mut compared) = (Kind::Cache, 0);
        for (source, line) in ready.take(LOOKED_AT) {
            if line.kind != kind {
                if best.is_some() {
                    break;
                }
                (kind, compared) = (line.kind, 0);
            }
            if !line.holds.has(want.piece) {
                self.see_holder_of_others(source, line, want.piece, seen);
                continue;
            }
            compared += 1;
            if compared > COMPARED {
                continue;
            }
            let (arrival, sure) = (line.arrival(now), line.sure_arrival(now));
            if due.is_none_or(|due| sure <= due) {
                best = Some(best.map_or((arrival, source), |best| best.min((arrival, source))));
            } else {
                seen.late = Some(seen.late.map_or((arrival, source), |late| late.min((arrival, source))));
                if !line.kind.is_paid() {
                    seen.sure = Some(seen.sure.map_or(sure, |other| other.min(sure)));
                }
            }
        }
        best.map(|(_, source)| source)
    }

    fn see_holder_of_others(&self, source: Source, line: &Line, piece: u32, seen: &mut Seen) {
        if let Some(next) = line.holds.next(piece) {
            seen.holds_next = Some(seen.holds_next.map_or(next, |other| other.min(next)));
        } else if !self.has_something(line) {
            seen.useless = Some(source);
        }
    }

    /// Whether a source holds anything that is lacking.
    fn has_something(&self, line: &Line) -> bool {
        let mut piece = 0;
        while let Some(held) = line.holds.next(piece) {
            match self.lacking.first_in(held..u32::MAX) {
                Some(lacking) if lacking == held => return true,
                Some(lacking) => piece = lacking,
                None => return false,
            }
        }
        false
    }

    /// Whether a source without room would still have the piece here before `arrival`.
    fn is_sooner_elsewhere(&self, now: Instant, piece: u32, arrival: Instant, paid: bool) -> bool {
        self.lines.iter().any(|(_, line)| {
            line.serves()
                && line.place.is_none()
                && line.holds.has(piece)
                && (!line.kind.is_paid() || paid && self.may_ask(line.kind))
                && line.arrival(now) < arrival
        })
    }

    /// Whether a CDN would be in time for a piece, room or not.
    fn is_cdn_in_time(&self, now: Instant, piece: u32, due: Option<Instant>) -> bool {
        self.may_ask(Kind::Cdn)
            && self.lines.paid().any(|(_, line)| {
                let able = line.kind == Kind::Cdn && line.is_trusted() && line.holds.has(piece);
                able && due.is_none_or(|due| line.sure_arrival(now) <= due)
            })
    }

    /// Whether, and why, sources may be asked for this piece whose bytes are paid for.
    fn paid_for(&mut self, now: Instant, want: Want, due: Option<Instant>, peers_late: bool) -> Option<Why> {
        let delay = self.paid_delay(now)?;
        let alone = self.lines.peers() == 0;
        let Some(due) = due else {
            let offline = self.policy.urgency == Urgency::Offline;
            return match alone && self.policy.prospect != Prospect::Soon {
                // What is never due is beyond whatever they may bring of the music.
                _ if !offline || self.policy.paid_music < Duration::MAX => None,
                true => Some(Why::Alone),
                false => (now >= self.patience_ends()).then_some(Why::Patience),
            };
        };
        if due > self.paid_until(now) {
            return None;
        }
        if alone {
            return Some(Why::Alone);
        }
        if due <= now + self.config.urgent + delay {
            return Some(Why::Urgent);
        }
        if peers_late {
            self.catch_up.spoil();
        }
        (want.piece < self.catch_up_from(now, want.piece)).then_some(Why::Gap)
    }

    /// What is due by then may be asked of paid sources.
    fn paid_until(&self, now: Instant) -> Instant {
        if self.policy.paid_music < Duration::MAX {
            return self.paid_never_after(now);
        }
        // Nothing is known of any source yet: enough to begin with, even if that is some time ahead.
        let first = self.demand.begins(now).unwrap_or(now).max(now) + self.config.first_ahead.max(self.ahead);
        if self.begun || self.demand.due(now, self.gap()).is_some_and(|due| due >= first) {
            return now + self.paid_ahead();
        }
        first
    }

    /// What is due after that is not for paid sources at all.
    pub(super) fn paid_never_after(&self, now: Instant) -> Instant {
        self.demand.begins(now).unwrap_or(now) + self.policy.paid_music
    }

    /// How far ahead of the play point paid sources are asked, once playing began.
    fn paid_ahead(&self) -> Duration {
        let ahead = match self.policy.prospect {
            _ if self.lines.peers() > 0 => self.config.ahead,
            Prospect::Soon => self.config.search_ahead,
            Prospect::Later => self.config.alone_ahead,
            Prospect::Never => Duration::MAX,
        };
        ahead.max(self.ahead)
    }

    /// How soon the quickest paid source that may be asked would deliver; `None` if there is none.
    pub(super) fn paid_delay(&self, now: Instant) -> Option<Duration> {
        let serving = self.lines.paid().filter(|(_, line)| line.serves() && self.may_ask(line.kind));
        serving.map(|(_, line)| line.arrival(now).since(now)).min()
    }

    pub(super) const fn may_ask(&self, kind: Kind) -> bool {
        match kind {
            Kind::Server => self.policy.server_allowed,
            Kind::Cdn => self.policy.cdn_allowed,
            Kind::Cache | Kind::Lan | Kind::Peer => true,
        }
    }

    fn patience_ends(&self) -> Instant {
        self.peers_gave_at + self.config.patience
    }

    /// Deadlines come nearer by themselves: when the first lacking piece may be asked of a paid source, if no event is
    /// earlier.
    fn arm_paid(&mut self, now: Instant) {
        self.timers.clear(Timer::Paid);
        let Some(want) = self.demand.next(&self.lacking, Want::FIRST) else { return };
        let Some(delay) = self.paid_delay(now) else { return };
        let at = match self.wanted_by(now, want) {
            None => self.patience_ends(),
            Some(_) if !self.demand.is_running() => return,
            Some(due)
                if self.lines.peers() == 0
                    || self.catch_up.point().is_some_and(|point| want.piece < point) =>
            {
                due.before(self.paid_ahead())
            }
            Some(due) => due.before(self.config.urgent + delay),
        };
        if at > now {
            self.timers.set(Timer::Paid, at);
        }
    }

    /// When a want is due: what lies behind the decoder never is.
    fn wanted_by(&self, now: Instant, want: Want) -> Option<Instant> {
        if want.stage == Stage::Behind { None } else { self.demand.due(now, want.piece) }
    }

    pub(super) fn ask(&mut self, now: Instant, piece: u32, source: Source, why: Why) {
        let Some(line) = self.lines.get_mut(source).filter(|_| self.ledger.takes(piece, source)) else {
            return;
        };
        let under_way = line.under_way();
        let sample = line.flow.asked(now);
        let predicted = line.estimate.asked(now, under_way);
        line.asked(piece);
        let due = self.demand.due(now, piece);
        self.ledger.add(piece, Ticket { source, why, sample, asked_at: now, predicted, due });
        self.lacking.remove(piece);
        self.stats.asked += 1;
        self.touch(now, source);
        let pieces = PieceRange { start: piece, count: 1 };
        self.emit(Output::Ask(Ask { source, pieces, urgency: self.policy.urgency, why }));
    }
}

#[cfg(test)]
mod tests;
