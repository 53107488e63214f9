//! One source and what is outstanding with it.

use super::config::Config;
use super::estimate::Estimate;
use super::source::{Holds, Kind, Slot};
use crate::flow::Flow;
use alloc::collections::VecDeque;
use core::time::Duration;
use spotproto::Instant;

/// One part in so many of the window has to be free before more is asked for, and then all of it is filled, so that a wide
/// window is not made of reads of one piece each.
const RUNS: u32 = 32;

/// Rests double this often at most.
const MOST_STRIKES: u8 = 6;

/// Whether a source can be trusted to deliver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trust {
    /// It delivers, or nothing speaks against it.
    Good,
    /// It should have delivered and did not: it is asked for nothing more until it does.
    Silent,
    /// It was silent for too long and rests until then.
    Resting(Instant),
    /// It was silent, and has one piece to show that it is better now.
    Probation,
    /// It delivered what was not published: never again.
    Excluded,
}

/// A source as the planner sees it. Takes about 300 bytes, and 4 for each piece outstanding.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) holds: Holds,
    pub(super) slot: Slot,
    pub(super) credit: u32,
    pub(super) flow: Flow,
    pub(super) estimate: Estimate,
    /// Pieces asked of it and not here yet, in the order asked.
    pub(super) out: VecDeque<u32>,
    /// Its window is being filled.
    filling: bool,
    pub(super) trust: Trust,
    strikes: u8,
    /// Its place in the order of those with room.
    pub(super) place: Option<u32>,
    /// When it is to be looked at, as things stand.
    pub(super) check_at: Option<Instant>,
    /// The same for a reason that holds whatever changes.
    pub(super) check_by: Option<Instant>,
    /// Time a piece as of when the catch-up point was last worked out.
    pub(super) counted: Duration,
}

impl Line {
    pub(super) fn new(now: Instant, kind: Kind, holds: Holds, slot: Slot, config: &Config) -> Self {
        let prior = config.priors.get(kind as usize).unwrap_or(&Config::DEFAULT.priors[0]);
        Self {
            kind,
            holds,
            slot,
            credit: u32::MAX,
            flow: Flow::new(now),
            estimate: Estimate::new(now, prior),
            out: VecDeque::new(),
            filling: false,
            trust: Trust::Good,
            strikes: 0,
            place: None,
            check_at: None,
            check_by: None,
            counted: Duration::ZERO,
        }
    }

    /// When it is looked at next.
    pub(super) fn next_check(&self) -> Option<Instant> {
        // Nothing is later than the end of time, so nothing could be armed then that is not due at once.
        let comes = |at: &Instant| *at + Duration::from_micros(1) != *at;
        [self.check_at, self.check_by].into_iter().flatten().filter(comes).min()
    }

    /// Pieces outstanding.
    pub(super) fn under_way(&self) -> u32 {
        self.out.len() as u32
    }

    /// Whether it may be asked, room or not.
    pub(super) fn serves(&self) -> bool {
        self.slot == Slot::Served && matches!(self.trust, Trust::Good | Trust::Probation)
    }

    /// Whether its promises count.
    pub(super) fn is_trusted(&self) -> bool {
        self.slot == Slot::Served && self.trust == Trust::Good
    }

    /// Pieces that may be outstanding.
    pub(super) fn window(&self) -> u32 {
        let most = if self.trust == Trust::Probation { 1 } else { self.flow.window() };
        most.min(self.credit)
    }

    /// How many pieces it may be asked for now.
    pub(super) fn room(&self) -> u32 {
        if !self.serves() {
            return 0;
        }
        let window = self.window();
        let room = window.saturating_sub(self.under_way());
        if room < window.div_ceil(RUNS) && !self.filling { 0 } else { room }
    }

    /// It is asked for a piece.
    pub(super) fn asked(&mut self, piece: u32) {
        self.out.push_back(piece);
        self.filling = self.under_way() < self.window();
    }

    /// When a piece asked now would be here.
    pub(super) fn arrival(&self, now: Instant) -> Instant {
        self.estimate.arrival(now, self.under_way())
    }

    /// When it would be here in 99 of 100 cases.
    pub(super) fn sure_arrival(&self, now: Instant) -> Instant {
        self.arrival(now) + self.estimate.margin()
    }

    /// It was silent, or failed: how long it rests.
    pub(super) fn strike(&mut self, now: Instant, rest: Duration) {
        if self.trust == Trust::Excluded {
            return;
        }
        self.trust = Trust::Resting(now + rest.saturating_mul(1 << self.strikes));
        self.strikes = (self.strikes + 1).min(MOST_STRIKES);
    }

    /// How much longer than usual it may be silent: twice as long after each time that it was given up.
    pub(super) const fn strikes(&self) -> u8 {
        self.strikes
    }

    /// It delivered.
    pub(super) fn redeem(&mut self) {
        if self.trust != Trust::Excluded {
            self.trust = Trust::Good;
            self.strikes = 0;
        }
    }

    /// Forgets that a piece is outstanding; its place in the order asked.
    pub(super) fn forget(&mut self, piece: u32) -> Option<usize> {
        let at = self.out.iter().position(|other| *other == piece)?;
        self.out.remove(at);
        if self.out.is_empty() {
            self.out.shrink_to(8);
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::content::PIECE_LEN;

    fn at(ms: u64) -> Instant {
        Instant::after_start(Duration::from_millis(ms))
    }

    fn line(kind: Kind) -> Line {
        Line::new(at(0), kind, Holds::All, Slot::Served, &Config::DEFAULT)
    }

    /// A peer that is asked for 125 pieces at a time: two seconds' worth of a megabyte a second.
    fn wide() -> Line {
        let mut line = line(Kind::Peer);
        line.flow.round_trip(at(0), Duration::from_secs(1));
        let sample = line.flow.asked(at(0));
        line.flow.arrived(at(16), sample, PIECE_LEN);
        line
    }

    #[test]
    fn what_is_expected_of_a_source_depends_on_its_kind() {
        let usual = Kind::ALL.map(|kind| line(kind).estimate.usual_wait().as_millis());
        assert_eq!(usual, [2, 8, 427, 76, 132]);
    }

    #[test]
    fn it_is_asked_within_its_window_and_credit_and_for_one_piece_on_probation() {
        let mut line = line(Kind::Peer);
        assert_eq!((line.window(), line.room(), line.under_way()), (5, 5, 0));
        line.asked(7);
        assert_eq!((line.window(), line.room(), line.under_way()), (5, 4, 1));
        line.credit = 3;
        assert_eq!((line.window(), line.room()), (3, 2));
        line.trust = Trust::Probation;
        assert_eq!((line.window(), line.room()), (1, 0));
        assert_eq!(line.forget(7), Some(0));
        assert_eq!((line.room(), line.forget(7)), (1, None));
        line.credit = 0;
        assert_eq!(line.room(), 0);
    }

    #[test]
    fn a_wide_window_is_filled_to_the_end_and_then_not_before_a_part_of_it_is_free() {
        let mut line = wide();
        assert_eq!(line.window(), 125);
        for piece in 0..125 {
            assert_eq!(line.room(), 125 - piece);
            line.asked(piece);
        }
        for (piece, room) in [(0, 0), (1, 0), (2, 0), (3, 4)] {
            assert_eq!(line.forget(piece), Some(0));
            assert_eq!(line.room(), room, "{piece}");
        }
        for (piece, room) in [(125, 3), (126, 2), (127, 1), (128, 0)] {
            line.asked(piece);
            assert_eq!(line.room(), room, "{piece}");
        }
    }

    #[test]
    fn only_who_serves_is_asked_and_only_who_delivers_is_believed() {
        let mut line = line(Kind::Peer);
        for (trust, serves, trusted) in [
            (Trust::Good, true, true),
            (Trust::Probation, true, false),
            (Trust::Silent, false, false),
            (Trust::Resting(at(5)), false, false),
            (Trust::Excluded, false, false),
        ] {
            line.trust = trust;
            line.slot = Slot::Served;
            assert_eq!((line.serves(), line.is_trusted(), line.room() > 0), (serves, trusted, serves));
            for slot in [Slot::Offered, Slot::Queued] {
                line.slot = slot;
                assert_eq!((line.serves(), line.is_trusted(), line.room()), (false, false, 0));
            }
        }
    }

    #[test]
    fn it_rests_twice_as_long_each_time_up_to_sixty_four_times_until_it_delivers() {
        let mut line = line(Kind::Peer);
        let rest = Duration::from_secs(5);
        for times in [1, 2, 4, 8, 16, 32, 64, 64] {
            line.strike(at(100), rest);
            assert_eq!(line.trust, Trust::Resting(at(100) + rest * times));
        }
        assert_eq!(line.strikes(), 6);
        line.redeem();
        assert_eq!((line.trust, line.strikes()), (Trust::Good, 0));
        line.trust = Trust::Excluded;
        line.strike(at(100), rest);
        line.redeem();
        assert_eq!((line.trust, line.strikes()), (Trust::Excluded, 0), "never again");
    }

    #[test]
    fn a_sure_arrival_is_a_margin_later() {
        let mut line = line(Kind::Peer);
        let before = line.arrival(at(0));
        assert_eq!(line.sure_arrival(at(0)), before + line.estimate.margin());
        line.estimate.asked(at(0), 0);
        line.asked(0);
        assert!(line.arrival(at(0)) > before);
        // Silent for two seconds, and likely so for two more.
        assert!(line.arrival(at(2_000)) > at(4_000) && line.forget(0).is_some());
        assert!(line.arrival(at(2_000)) < at(4_000), "nothing is to come");
    }
}
