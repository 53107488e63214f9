//! Plans as the tests beside the modules take them.

use super::{Clock, Config, Curve, Holds, Kind, Planner, Policy, Slot, Source};
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::PieceRange;

pub(super) const PIECES: u32 = 400;
pub(super) const PIECE_MS: u32 = 820;

pub(super) const PEER: Source = Source(1);
pub(super) const SERVER: Source = Source(2);
pub(super) const CDN: Source = Source(3);
pub(super) const OTHER: Source = Source(4);

pub(super) fn ms(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

pub(super) fn at(millis: u32) -> Instant {
    Instant::after_start(ms(millis))
}

/// A piece of the music each 820 ms.
pub(super) fn curve(pieces: u32) -> Curve {
    Curve::even(pieces, 1, pieces * PIECE_MS).unwrap()
}

pub(super) fn planner(config: Config, policy: Policy) -> Planner {
    Planner::new(at(0), config, curve(PIECES), policy)
}

/// The sound begins then.
pub(super) fn sounding(begins: u32) -> Planner {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    planner.set_clock(at(0), Clock::Running { at: at(begins), position_ms: 0 });
    planner
}

impl Planner {
    pub(super) fn join(&mut self, source: Source, kind: Kind) {
        assert!(self.add(at(0), source, kind, Holds::All, Slot::Served));
    }

    /// One that serves and has no room.
    pub(super) fn join_full(&mut self, source: Source, kind: Kind) {
        assert!(self.add(at(0), source, kind, Holds::All, Slot::Offered));
        self.set_credit(at(0), source, 0);
        self.set_slot(at(0), source, Slot::Served);
    }

    /// This piece is asked of a source, whatever a plan would say.
    pub(super) fn count_on(&mut self, source: Source, piece: u32) {
        self.promised(at(0), source, PieceRange { start: piece, count: 1 }, at(0));
    }

    pub(super) fn hold_from(&mut self, start: u32, count: u32) {
        self.have(at(0), PieceRange { start, count });
    }
}
