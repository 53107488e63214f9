//! Which piece of a file is asked of which source, when, and why.
//!
//! A file can come from this machine's cache, from peers on the same network, from other peers, from CDNs and from the
//! access point. A [`Planner`] sees all of them at once. Its owner tells it what happens, carries out what it says
//! ([`Planner::poll_output`]), and calls [`Planner::handle_timeout`] when [`Planner::poll_timeout`] is due. It is no
//! [`Machine`](spotproto::Machine), only a part of one; time and calls obey the same rules.
//!
//! # How it decides
//!
//! **When is a piece due?** The head's seek table says at which time of the music each piece is needed ([`Curve`]), the
//! player says how that time maps to the clock's ([`Clock`]). So deadlines are right for variable bit rate. Headers are
//! due first.
//!
//! **When would it be here?** Each source is a line that sends what it was asked, in order. A piece asked now is here
//! after a round trip, or after what is still under way, whichever is longer, and after its own time. Mean and mean
//! deviation are learnt from arrivals as TCP learns round trips (RFC 6298). How much may be outstanding is bandwidth ×
//! delay ([`Flow`]), never a constant, and at most the source's credit.
//!
//! **Who is asked?** The most urgent piece first (Kreitz 2010, "Downloading in P2P"). Among the sources with room that are
//! sure to be in time, in 99 of 100 cases, the cheapest: cache, LAN, peers; of the same price the soonest (Kreitz and
//! Niemelä 2010: the peer with the smallest expected download time). A source that would be late for a piece is not asked
//! for it but for the first one that it is in time for. A peer goes on with the next pieces as long as it is in time for
//! them, so that it delivers whole stretches by few requests.
//!
//! **When is it worth money?** CDNs and the access point are asked for a piece that peers can't deliver in time: one before
//! the *catch-up point* (Kreitz 2010: "estimate what point P2P will catch up from"). Peers deliver their next pieces at
//! F(0) ≤ F(1) ≤ …, whichever those are; if they begin with lacking piece number j, piece j + k is here at F(k). The
//! catch-up point is the least j for which all of these, with their margins, are before their deadlines. It moves back
//! only when peers become clearly faster; what was asked past it is then called back. Paid sources stay at most 15 s
//! ahead of the play point while there are peers, and 5 s while some are searched for. A piece whose deadline is nearer than 3 s, beside the time
//! that it takes, is asked of them whatever peers promise.
//!
//! **How far ahead?** What is ahead of the sound is wasted if the listener leaves, and a quarter of all do within five
//! seconds (Lamere 2014). So free sources too are asked only some seconds ahead at first, and further the longer somebody
//! has listened ([`Config::free_ahead`]); behind the catch-up point where they can't be in time before.
//!
//! **What if it does not come?** The chance of being late follows from mean and deviation, and from silence once that is
//! longer than it should be. From 5 % on the piece is asked of a second source too, as late as that one can still be in
//! time; the first to deliver wins, the other is cancelled (Kreitz 2010: "If a peer is slow, re-request from new peers";
//! Dean and Barroso 2013, "hedged requests"). Hedges are bounded by a share of all bytes; beyond it the first source is
//! called back at once. A silent source is asked for nothing more; one that stays silent is given up: its pieces move, it
//! rests, and has one piece to show that it is better. One that forges is never asked again.
//!
//! **Without deadlines**, for offline listening, peers are asked for everything, and paid sources once nothing came from
//! peers for a while.
//!
//! # Bounds
//!
//! An arrival and the requests that it causes cost O(log n) in sources and outstanding pieces, and a walk through the numbers
//! of what its source was asked for. A change of a source's pace, or its end, may look at 128 pieces. A source without work is in no list and costs nothing. Memory: [`Planner`].

mod ahead;
mod bound;
mod catch_up;
mod config;
mod curve;
mod demand;
mod estimate;
mod events;
#[cfg(test)]
mod fixture;
mod ledger;
mod line;
mod lines;
mod pieces;
mod plan;
mod rescue;
mod source;
mod stats;
mod why;

pub use config::{Config, Prior};
pub use curve::{Curve, MOST_PIECES, TooManyPieces};
pub use demand::{Clock, Policy, Prospect};
pub use source::{Holds, Kind, MOST_RANGES, Slot, Source};
pub use stats::Stats;
pub use why::{Decision, Outcome, Why};

use crate::flow::Flow;
use alloc::vec::Vec;
use catch_up::CatchUp;
use core::time::Duration;
use demand::Demand;
use ledger::{Ledger, Ticket};
use line::{Line, Trust};
use lines::Lines;
use pieces::PieceSet;
use spotproto::content::LEAF_GROUP;
use spotproto::message::{PieceRange, Urgency};
use spotproto::timers::TimerName;
use spotproto::{Instant, Outbox, Timers};
use why::Log;

/// A request to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// To whom.
    pub source: Source,
    /// For what: at most [`LEAF_GROUP`] pieces, of one group of leaves, so that one proof is enough.
    pub pieces: PieceRange,
    /// Its class.
    pub urgency: Urgency,
    /// Why, for people.
    pub why: Why,
}

/// What a planner wants done, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Ask a source. What comes of it is told by [`Planner::arrived`], [`Planner::refused`], [`Planner::forged`] or
    /// [`Planner::lost`].
    Ask(Ask),
    /// Call back what was asked of a source: it need not come any more, and nothing need be told of it. A piece that
    /// comes nonetheless is told as arrived.
    Cancel {
        /// Of whom.
        source: Source,
        /// Which pieces.
        pieces: PieceRange,
    },
}

/// The plan for one file.
///
/// Memory: two bits for each piece of the file, and four bytes for each of up to 4,096 (16 KiB); for each source about 500
/// bytes, and 16 for each range that it holds; about 200 for each piece outstanding, of which a source has a window of at
/// most 256, and what it promised; 24 for each queued output, of which there are at most as many as configured and two
/// for each piece outstanding.
#[derive(Debug)]
pub struct Planner {
    config: Config,
    policy: Policy,
    demand: Demand,
    /// Pieces that are here.
    held: PieceSet,
    /// Pieces that are neither here nor asked for.
    lacking: PieceSet,
    /// How far ahead paid sources may be asked at least.
    ahead: Duration,
    lines: Lines,
    ledger: Ledger,
    catch_up: CatchUp,
    /// Something arrived since playing began here.
    begun: bool,
    /// Nobody is asked for anything.
    paused: bool,
    /// When a free source last delivered, or there was none.
    peers_gave_at: Instant,
    timers: Timers<{ Timer::COUNT }>,
    out: Outbox<Output>,
    /// The latest output: the next may make it longer.
    growing: Option<Output>,
    /// There is more to ask for than there was room to say, since then.
    unplanned: Option<Instant>,
    stats: Stats,
    log: Log,
}

#[derive(Clone, Copy)]
enum Timer {
    /// A source is to be looked at.
    Sources,
    /// A piece may be asked of a paid source.
    Paid,
    /// A piece may be asked of a free source.
    Free,
}

impl Timer {
    const COUNT: usize = 3;
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

impl Planner {
    /// A plan for the file with this curve, of which nothing is here, to be played from the beginning.
    #[must_use]
    pub fn new(now: Instant, config: Config, curve: Curve, policy: Policy) -> Self {
        let pieces = curve.pieces();
        let mut demand = Demand::new(curve, config.keep, config.whole);
        let clock =
            if policy.urgency == Urgency::Offline { Clock::Never } else { Clock::Waiting { position_ms: 0 } };
        demand.set_clock(clock, now + config.start_aim);
        Self {
            out: Outbox::new(config.outputs.max(1)),
            config,
            policy,
            demand,
            held: PieceSet::empty(pieces),
            lacking: PieceSet::full(pieces),
            ahead: Duration::ZERO,
            lines: Lines::default(),
            ledger: Ledger::default(),
            catch_up: CatchUp::new(),
            begun: false,
            paused: false,
            peers_gave_at: now,
            timers: Timers::new(),
            growing: None,
            unplanned: None,
            stats: Stats::default(),
            log: Log::default(),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When [`Planner::handle_timeout`] wants to be called. O(1).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let unplanned = self.unplanned.filter(|_| self.out.has_room());
        [self.timers.next(), unplanned].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let more = self.out.has_room() && self.unplanned.take_if(|at| *at <= now).is_some();
        let paid = self.timers.take_due(Timer::Paid, now);
        let free = self.timers.take_due(Timer::Free, now);
        let sources = self.timers.take_due(Timer::Sources, now);
        if sources {
            for _ in 0..self.lines.len() {
                let Some(source) = self.lines.take_due(now) else { break };
                self.check(now, source);
            }
        }
        if more || paid || free || sources {
            self.settle(now);
        }
    }

    /// Whether every piece is here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.held.count() == self.demand.curve.pieces()
    }

    /// Whether this piece is here.
    #[must_use]
    pub fn has(&self, piece: u32) -> bool {
        self.held.contains(piece)
    }

    /// The first piece from which on peers should deliver everything in time, as it was last worked out: that is done only
    /// when a decision hangs on it.
    #[must_use]
    pub const fn catch_up(&self) -> Option<u32> {
        self.catch_up.point()
    }

    /// All that is outstanding, by piece: who was asked, and whether as a second one.
    pub fn outstanding(&self) -> impl Iterator<Item = (u32, Source, Why)> + '_ {
        self.ledger.tickets().map(|(piece, ticket)| (piece, ticket.source, ticket.why))
    }

    /// Whether a piece is outstanding with a source.
    #[must_use]
    pub fn is_asked(&self, source: Source, piece: u32) -> bool {
        self.ledger.get(piece, source).is_some()
    }

    /// How many pieces may be outstanding with a source, and are.
    #[must_use]
    pub fn window(&self, source: Source) -> Option<(u32, u32)> {
        self.lines.get(source).map(|line| (line.window(), line.under_way()))
    }

    /// What may be done for the file.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether the sound runs, or will at a known time.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.demand.is_running()
    }

    /// When this piece is needed, as things stand; `None` for never.
    #[must_use]
    pub fn due(&self, now: Instant, piece: u32) -> Option<Instant> {
        self.demand.due(now, piece)
    }

    /// The first piece from the decoder on that is not here; the number of pieces if there is none.
    #[must_use]
    pub fn gap(&self) -> u32 {
        self.held.first_absent(self.demand.reading)
    }

    /// How many sources there are that may be asked, now or after a while.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.lines.iter().filter(|(_, line)| line.trust != Trust::Excluded).count()
    }

    /// What was learnt of a source's line.
    #[must_use]
    pub fn flow(&self, source: Source) -> Option<&Flow> {
        self.lines.get(source).map(|line| &line.flow)
    }

    /// What was counted.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Keeps the latest `decisions` for [`Planner::next_decision`]; 0, as in the beginning, keeps none. Takes about 70
    /// bytes each.
    pub fn keep_decisions(&mut self, decisions: usize) {
        self.log.keep(decisions);
    }

    /// Takes the oldest decision that is kept. A decision is noted when its outcome is known.
    pub fn next_decision(&mut self) -> Option<Decision> {
        self.log.pop()
    }

    /// Ends every event: asks for what can be asked for now.
    fn settle(&mut self, now: Instant) {
        self.reconsider(now);
        self.plan(now);
        if let Some(output) = self.growing.take() {
            self.out.push(output);
        }
        match self.lines.next_check() {
            Some(at) => self.timers.set(Timer::Sources, at),
            None => self.timers.clear(Timer::Sources),
        }
    }

    /// Says something, in one breath with what was said before if that goes on.
    fn emit(&mut self, output: Output) {
        if let Some(growing) = self.growing.as_mut() {
            if growing.grow(&output) {
                return;
            }
            self.out.push(*growing);
        }
        self.growing = Some(output);
    }

    /// Puts a source that changed where it belongs, and sees to it that it is looked at in time.
    fn touch(&mut self, now: Instant, source: Source) {
        self.lines.place(now, source);
        self.lines.check_at(source, self.next_look(now, source));
    }

    /// Forgets that a piece is outstanding with a source.
    fn withdraw(&mut self, now: Instant, source: Source, piece: u32, outcome: Outcome) {
        let Some(ticket) = self.ledger.remove(piece, source) else { return };
        if let Some(line) = self.lines.get_mut(source) {
            line.forget(piece);
            line.flow.withdrawn();
            line.estimate.withdrawn(now, line.under_way());
            let kind = line.kind;
            self.log.note(|| decision(piece, kind, &ticket, outcome, now));
        }
        match outcome {
            Outcome::Cancelled => self.stats.cancelled += 1,
            Outcome::GivenUp => self.stats.given_up += 1,
            Outcome::Refused => self.stats.refused += 1,
            Outcome::Lost => self.stats.lost += 1,
            Outcome::Forged => self.stats.forged += 1,
            Outcome::Arrived | Outcome::Wasted => {}
        }
        if matches!(outcome, Outcome::Cancelled | Outcome::GivenUp) {
            self.emit(Output::Cancel { source, pieces: PieceRange { start: piece, count: 1 } });
        }
        match self.ledger.any_of(piece) {
            // Whoever else was asked for it may need another second.
            Some(other) if outcome != Outcome::Cancelled => self.look_soon(now, other),
            Some(_) => {}
            None if !self.held.contains(piece) && self.lacking.insert(piece) => self.lines.unpark(now),
            None => {}
        }
        self.touch(now, source);
    }

    /// Forgets all that is outstanding with a source.
    fn withdraw_all(&mut self, now: Instant, source: Source, outcome: Outcome) {
        let Some(line) = self.lines.get(source) else { return };
        let pieces: Vec<u32> = line.out.iter().copied().collect();
        for piece in pieces {
            self.withdraw(now, source, piece, outcome);
        }
        self.catch_up.spoil();
    }
}

impl Output {
    /// Whether this could be made to say `next` too.
    fn grow(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Ask(ask), Self::Ask(next)) => {
                let same = (ask.source, ask.urgency, ask.why) == (next.source, next.urgency, next.why);
                let one_group = ask.pieces.start / LEAF_GROUP == next.pieces.start / LEAF_GROUP;
                same && one_group && join(&mut ask.pieces, next.pieces)
            }
            (Self::Cancel { source, pieces }, Self::Cancel { source: other, pieces: next }) => {
                source == other && join(pieces, *next)
            }
            _ => false,
        }
    }
}

fn join(pieces: &mut PieceRange, next: PieceRange) -> bool {
    let follows = pieces.end() == next.start;
    let leads = next.end() == pieces.start;
    if leads {
        pieces.start = next.start;
    }
    if follows || leads {
        pieces.count += next.count;
    }
    follows || leads
}

fn decision(piece: u32, kind: Kind, ticket: &Ticket, outcome: Outcome, now: Instant) -> Decision {
    Decision {
        piece,
        source: ticket.source,
        kind,
        why: ticket.why,
        asked_at: ticket.asked_at,
        due: ticket.due,
        predicted: ticket.predicted,
        outcome,
        ended_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(source: u32, start: u32, count: u32) -> Output {
        let (source, pieces) = (Source(source), PieceRange { start, count });
        Output::Ask(Ask { source, pieces, urgency: Urgency::Playing, why: Why::Cheapest })
    }

    fn cancel(source: u32, start: u32, count: u32) -> Output {
        Output::Cancel { source: Source(source), pieces: PieceRange { start, count } }
    }

    #[test]
    fn what_follows_or_leads_is_said_in_one_breath_if_it_is_the_same_otherwise() {
        let last = LEAF_GROUP - 1;
        for (first, next, both) in [
            (ask(1, 4, 2), ask(1, 6, 3), Some(ask(1, 4, 5))),
            (ask(1, 6, 3), ask(1, 4, 2), Some(ask(1, 4, 5))),
            (cancel(1, 4, 2), cancel(1, 6, 1), Some(cancel(1, 4, 3))),
            (cancel(1, 4, 2), cancel(1, 3, 1), Some(cancel(1, 3, 3))),
            (ask(1, 4, 2), ask(1, 7, 1), None),
            (ask(1, 4, 2), ask(1, 2, 1), None),
            (ask(1, 4, 2), ask(2, 6, 1), None),
            (cancel(1, 4, 2), cancel(2, 6, 1), None),
            (cancel(1, 4, 2), cancel(1, 7, 1), None),
            (ask(1, 4, 2), cancel(1, 6, 1), None),
            (cancel(1, 4, 2), ask(1, 6, 1), None),
            // The proofs of the first groups, and of the second.
            (ask(1, last - 1, 1), ask(1, last, 1), Some(ask(1, last - 1, 2))),
            (ask(1, last, 1), ask(1, last + 1, 1), None),
        ] {
            let mut grown = first;
            assert_eq!(
                (grown.grow(&next), grown),
                (both.is_some(), both.unwrap_or(first)),
                "{first:?} {next:?}"
            );
        }
        let Output::Ask(plain) = ask(1, 6, 1) else { unreachable!() };
        for other in [Ask { urgency: Urgency::Next, ..plain }, Ask { why: Why::Urgent, ..plain }] {
            assert!(!ask(1, 4, 2).grow(&Output::Ask(other)));
        }
    }

    #[test]
    fn sources_tickets_and_outputs_are_as_small_as_is_said() {
        assert!(size_of::<Line>() <= 400, "{}", size_of::<Line>());
        assert!(2 * size_of::<Ticket>() <= 180, "{}", size_of::<Ticket>());
        assert!(size_of::<Output>() <= 24, "{}", size_of::<Output>());
        assert!(size_of::<Decision>() <= 72, "{}", size_of::<Decision>());
    }
}
