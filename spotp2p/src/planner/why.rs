//! Why each piece came from where it came: a record of every decision, kept only where asked for.

use super::source::{Kind, Source};
use alloc::collections::VecDeque;
use spotproto::Instant;

/// Why this source was asked for this piece, at this time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// The cheapest of those that would be in time, and the soonest among them.
    Cheapest,
    /// Nobody would be in time: the soonest.
    Soonest,
    /// It lies before the point from which on peers deliver everything in time.
    Gap,
    /// There are no peers.
    Alone,
    /// The deadline is so near that promises of peers don't count.
    Urgent,
    /// Nothing came from peers for long.
    Patience,
    /// It was asked of another source, which is likely to be late.
    Hedge,
    /// The same, and that one was called back: enough was asked twice.
    Moved,
    /// The source chose it: it comes with the answer to an open.
    Promised,
}

/// What came of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The piece is here.
    Arrived,
    /// It arrived, and was here already.
    Wasted,
    /// It was called back: another source was quicker, or it is of no use now.
    Cancelled,
    /// The source was silent for too long, or too slow.
    GivenUp,
    /// The source can't or won't serve it.
    Refused,
    /// The source is gone.
    Lost,
    /// What came is not what was published.
    Forged,
}

/// One decision and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The piece.
    pub piece: u32,
    /// Who was asked.
    pub source: Source,
    /// What sort of source.
    pub kind: Kind,
    /// Why this one.
    pub why: Why,
    /// When it was asked.
    pub asked_at: Instant,
    /// When the piece was needed, as things stood then; `None` for never.
    pub due: Option<Instant>,
    /// When it should have been here.
    pub predicted: Instant,
    /// What came of it.
    pub outcome: Outcome,
    /// When it did.
    pub ended_at: Instant,
}

/// The latest decisions; the oldest goes when it is full.
#[derive(Debug, Default)]
pub(super) struct Log {
    ring: VecDeque<Decision>,
    bound: usize,
}

impl Log {
    pub(super) fn keep(&mut self, bound: usize) {
        self.bound = bound;
        while self.ring.len() > bound {
            self.ring.pop_front();
        }
        self.ring.shrink_to(bound);
    }

    pub(super) fn note(&mut self, decision: impl FnOnce() -> Decision) {
        if self.bound == 0 {
            return;
        }
        if self.ring.len() >= self.bound {
            self.ring.pop_front();
        }
        self.ring.push_back(decision());
    }

    pub(super) fn pop(&mut self) -> Option<Decision> {
        self.ring.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_fewer_once_fewer_are_asked_for() {
        let decision = |piece| Decision {
            piece,
            source: Source(1),
            kind: Kind::Peer,
            why: Why::Cheapest,
            asked_at: Instant::START,
            due: None,
            predicted: Instant::START,
            outcome: Outcome::Arrived,
            ended_at: Instant::START,
        };
        for (keep, then, left) in [(0, 3, 0..0), (3, 3, 7..10), (6, 2, 8..10), (20, 0, 0..0), (20, 4, 6..10)]
        {
            let mut log = Log::default();
            log.keep(keep);
            (0..10).for_each(|piece| log.note(|| decision(piece)));
            log.keep(then);
            let told = core::iter::from_fn(|| log.pop()).map(|decision| decision.piece);
            assert!(told.eq(left.clone()), "{keep}, then {then}");
        }
    }
}
