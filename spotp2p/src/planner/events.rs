//! What a planner is told.

use super::catch_up::WINDOW;
use super::{
    Clock, Holds, Kind, Line, Outcome, PieceRange, Planner, Policy, Slot, Source, Ticket, Trust, Why,
    decision,
};
use crate::flow::Flow;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::MAX_READ;

/// Sources.
impl Planner {
    /// There is a new source. Whether it was taken: its number must be free, and there must be room for it.
    pub fn add(&mut self, now: Instant, source: Source, kind: Kind, holds: Holds, slot: Slot) -> bool {
        if self.lines.has(source) || self.lines.len() >= self.config.sources {
            return false;
        }
        self.lines.add(source, Line::new(now, kind, holds, slot, &self.config));
        self.changed(now, source);
        true
    }

    /// A source serves, or does not any more.
    pub fn set_slot(&mut self, now: Instant, source: Source, slot: Slot) {
        let Some(line) = self.lines.get_mut(source).filter(|line| line.slot != slot) else { return };
        line.slot = slot;
        if slot != Slot::Served {
            self.withdraw_all(now, source, Outcome::Refused);
        }
        self.changed(now, source);
    }

    /// A source holds other pieces than it did.
    pub fn set_holds(&mut self, now: Instant, source: Source, holds: Holds) {
        if let Some(line) = self.lines.get_mut(source) {
            line.holds = holds;
            self.changed(now, source);
        }
    }

    /// A source allows at most this many pieces to be outstanding.
    pub fn set_credit(&mut self, now: Instant, source: Source, pieces: u32) {
        if let Some(line) = self.lines.get_mut(source) {
            line.credit = pieces;
            self.changed(now, source);
        }
    }

    /// A round trip to a source was measured, apart from pieces.
    pub fn round_trip(&mut self, now: Instant, source: Source, span: Duration) {
        if let Some(line) = self.lines.get_mut(source) {
            line.flow.round_trip(now, span);
            line.estimate.round_trip(span);
            self.touch(now, source);
            self.settle(now);
        }
    }

    /// Takes over what was learnt of a source's line elsewhere, before anything is asked of it here.
    pub fn set_flow(&mut self, now: Instant, source: Source, flow: Flow) {
        if let Some(line) = self.lines.get_mut(source).filter(|line| line.under_way() == 0) {
            if let Some(span) = flow.least_round_trip() {
                line.estimate.round_trip(span);
            }
            line.flow = flow;
            self.changed(now, source);
        }
    }

    /// A source is gone, with all that was asked of it.
    pub fn lost(&mut self, now: Instant, source: Source) {
        self.withdraw_all(now, source, Outcome::Lost);
        self.lines.remove(source);
        self.catch_up.spoil();
        self.settle(now);
    }

    /// Something about a source changed that decisions hang on.
    fn changed(&mut self, now: Instant, source: Source) {
        self.touch(now, source);
        self.catch_up.spoil();
        self.settle(now);
    }
}

/// Pieces.
impl Planner {
    /// A piece of `bytes` came from a source, asked for or not, and is good as far as can be told.
    pub fn arrived(&mut self, now: Instant, source: Source, piece: u32, bytes: usize) {
        let ticket = self.ledger.remove(piece, source);
        let news = piece < self.demand.curve.pieces() && !self.held.contains(piece);
        let slow = self.credit(now, source, piece, bytes, ticket.as_ref(), news);
        if news {
            self.keep(now, piece);
        } else {
            self.stats.wasted = self.stats.wasted.saturating_add(bytes as u64);
        }
        if slow {
            self.catch_up.spoil();
            self.hedge_endangered(now, source);
        }
        self.touch(now, source);
        self.settle(now);
    }

    /// Takes note of what an arrival says of its source; whether that was much slower than foretold.
    fn credit(
        &mut self,
        now: Instant,
        source: Source,
        piece: u32,
        bytes: usize,
        ticket: Option<&Ticket>,
        news: bool,
    ) -> bool {
        let Some(line) = self.lines.get_mut(source) else { return false };
        let kind = line.kind;
        self.stats.came(kind, bytes);
        self.begun = true;
        if !kind.is_paid() {
            self.peers_gave_at = now;
        }
        let Some(ticket) = ticket else { return false };
        let outcome = if news { Outcome::Arrived } else { Outcome::Wasted };
        self.log.note(|| decision(piece, kind, ticket, outcome, now));
        self.stats.arrived += 1;
        line.forget(piece);
        let (margin, new) = (line.estimate.margin(), !line.estimate.is_proven());
        line.flow.arrived(now, ticket.sample, bytes);
        line.estimate.arrived(now, ticket.predicted, bytes, line.under_way());
        line.redeem();
        if line.flow.least_round_trip().is_none() {
            // Nothing else measures it: what the first piece took beyond its own time is no less.
            line.flow.round_trip(now, line.estimate.round_trip_known());
        }
        if !kind.is_paid() {
            let each = line.estimate.each();
            self.catch_up.delivered(line.counted, each);
        }
        !new && now > ticket.predicted + margin
    }

    /// A piece is here: nobody else need send it.
    fn keep(&mut self, now: Instant, piece: u32) {
        let overdue = self.demand.is_running() && self.demand.due(now, piece).is_some_and(|due| due < now);
        self.stats.late += u64::from(overdue && piece >= self.demand.reading);
        self.hold(now, piece);
    }

    fn hold(&mut self, now: Instant, piece: u32) {
        self.held.insert(piece);
        self.lacking.remove(piece);
        while let Some(other) = self.ledger.any_of(piece) {
            self.withdraw(now, other, piece, Outcome::Cancelled);
        }
    }

    /// What a source sent as this piece, `bytes` long, is not what was published. It is asked for nothing more. If the
    /// piece was told as arrived before, say that it is [forgotten](Planner::forgotten) too.
    pub fn forged(&mut self, now: Instant, source: Source, piece: u32, bytes: usize) {
        let Some(line) = self.lines.get(source) else { return };
        self.stats.came(line.kind, bytes);
        self.stats.wasted = self.stats.wasted.saturating_add(bytes as u64);
        self.lines.exclude(source);
        self.withdraw(now, source, piece, Outcome::Forged);
        self.withdraw_all(now, source, Outcome::Cancelled);
        self.settle(now);
    }

    /// A source will not send these pieces, or they could not be asked for. It is not asked for them again; a server is,
    /// after a rest: it has everything, and was busy.
    pub fn refused(&mut self, now: Instant, source: Source, pieces: PieceRange) {
        let Some(line) = self.lines.get_mut(source) else { return };
        let of_these: Vec<u32> = line.out.iter().copied().filter(|piece| pieces.contains(*piece)).collect();
        if line.kind != Kind::Server {
            line.holds = line.holds.without(pieces, self.demand.curve.pieces());
        }
        if line.kind == Kind::Server {
            self.busy(now, source);
        }
        for piece in of_these {
            self.withdraw(now, source, piece, Outcome::Refused);
        }
        self.changed(now, source);
    }

    /// A source ended its answer without this piece, for no fault of its own: it may be asked again.
    pub fn unanswered(&mut self, now: Instant, source: Source, piece: u32) {
        self.withdraw(now, source, piece, Outcome::Refused);
        self.settle(now);
    }

    /// A source has too much to do: it rests for a moment.
    pub fn busy(&mut self, now: Instant, source: Source) {
        self.rest_until(now, source, now + self.config.busy);
        self.settle(now);
    }

    /// A source will send these pieces unasked: they come with the answer to an open that was sent at `since`. Pieces
    /// that are here, or asked of someone else, are not counted on; of more than [`MAX_READ`] the first are.
    pub fn promised(&mut self, now: Instant, source: Source, pieces: PieceRange, since: Instant) {
        for piece in pieces.start..pieces.start.saturating_add(pieces.count.min(MAX_READ)) {
            if !self.lacking.contains(piece) {
                continue;
            }
            let Some(line) = self.lines.get_mut(source).filter(|line| line.trust != Trust::Excluded) else {
                return;
            };
            let under_way = line.under_way();
            let sample = line.flow.asked_since(since);
            let predicted = line.estimate.asked(since, under_way);
            line.out.push_back(piece);
            let due = self.demand.due(now, piece);
            let ticket = Ticket { source, why: Why::Promised, sample, asked_at: since, predicted, due };
            self.ledger.add(piece, ticket);
            self.lacking.remove(piece);
            self.stats.asked += 1;
        }
        self.touch(now, source);
        self.settle(now);
    }

    /// These pieces are here already.
    pub fn have(&mut self, now: Instant, pieces: PieceRange) {
        for piece in pieces.start..pieces.end().min(self.demand.curve.pieces()) {
            self.hold(now, piece);
        }
        self.catch_up.spoil();
        self.settle(now);
    }

    /// These pieces are not here any more, and wanted again if there is room for them.
    pub fn forgotten(&mut self, now: Instant, pieces: PieceRange) {
        for piece in pieces.start..pieces.end().min(self.demand.curve.pieces()) {
            if self.held.remove(piece) && !self.ledger.has(piece) {
                self.lacking.insert(piece);
            }
        }
        self.lines.unpark(now);
        self.catch_up.spoil();
        self.settle(now);
    }
}

/// Playing.
impl Planner {
    /// The decoder moved on to this piece. A decoder that starts anew looks at headers first: a step back to a piece that
    /// is here is no way back.
    pub fn reading(&mut self, now: Instant, piece: u32) {
        let before = self.demand.reading;
        if piece >= self.demand.curve.pieces() || (piece < before && self.held.contains(piece)) {
            return;
        }
        self.demand.reading = piece;
        let jumped = piece < before || piece - before > WINDOW as u32;
        if jumped {
            self.catch_up.reset();
            self.make_way(now);
        }
        if !self.is_complete() {
            self.settle(now);
        }
    }

    /// Playing goes on from `position_ms`, for which `piece` is needed first
    /// ([`Head::piece_at`](spotproto::content::Head::piece_at)). What is outstanding and of no use there is called back,
    /// or it would stand in the way.
    pub fn seek(&mut self, now: Instant, piece: u32, position_ms: u32) {
        self.demand.jump(now, position_ms);
        self.demand.reading = piece.min(self.demand.curve.pieces());
        self.demand.set_clock(Clock::Waiting { position_ms }, now + self.config.start_aim);
        self.begun = false;
        self.catch_up.reset();
        self.make_way(now);
        self.settle(now);
    }

    /// Sound began, stopped, or will begin then.
    pub fn set_clock(&mut self, now: Instant, clock: Clock) {
        if clock != self.demand.clock() {
            self.demand.set_clock(clock, now + self.config.start_aim);
            self.catch_up.spoil();
            self.settle(now);
        }
    }

    /// There is room for so many pieces ahead of the decoder from now on.
    pub fn set_keep(&mut self, now: Instant, pieces: u32) {
        if self.demand.set_keep(pieces, self.config.whole) {
            self.lines.unpark(now);
            self.settle(now);
        }
    }

    /// Other things are allowed than were. What is outstanding stays.
    pub fn set_policy(&mut self, now: Instant, policy: Policy) {
        if policy != self.policy {
            self.policy = policy;
            self.catch_up.spoil();
            self.settle(now);
        }
    }

    /// Asks nobody for anything, and calls back what is outstanding; or goes on.
    pub fn set_paused(&mut self, now: Instant, paused: bool) {
        if paused == self.paused {
            return;
        }
        self.paused = paused;
        if paused {
            let outstanding: Vec<(u32, Source)> =
                self.outstanding().map(|(piece, source, _)| (piece, source)).collect();
            for (piece, source) in outstanding {
                self.withdraw(now, source, piece, Outcome::Cancelled);
            }
        }
        self.settle(now);
    }

    fn make_way(&mut self, now: Instant) {
        let useful = self.demand.reading..self.demand.reading.saturating_add(WINDOW as u32);
        let useless = |piece: &u32| !useful.contains(piece) && !self.demand.curve.is_header(*piece);
        let pieces: Vec<u32> = self.ledger.pieces().filter(useless).collect();
        for piece in pieces {
            while let Some(source) = self.ledger.any_of(piece) {
                self.withdraw(now, source, piece, Outcome::Cancelled);
            }
        }
    }
}

#[cfg(test)]
mod tests;
