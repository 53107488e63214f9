//! What a source is: its number, its price, what it holds, and whether it serves.

use alloc::boxed::Box;
use alloc::vec::Vec;
use spotproto::message::PieceRange;

/// The number by which a planner and its owner name a source; the owner's choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(pub u32);

/// What sort of source, cheapest first. The order only decides among those that would be in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// This machine's disk.
    Cache,
    /// A peer on the same network.
    Lan,
    /// Another listener.
    Peer,
    /// Plain HTTP; its bytes are paid for.
    Cdn,
    /// The access point; its bytes are what the operator pays most for.
    Server,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them, cheapest first.
    pub const ALL: [Self; Self::COUNT] = [Self::Cache, Self::Lan, Self::Peer, Self::Cdn, Self::Server];

    /// Whether its bytes are paid for by the operator.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Cdn | Self::Server)
    }
}

/// Whether a source serves us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// It has the file and has not said yet.
    Offered,
    /// It serves: it may be asked.
    Served,
    /// It serves others first. What was asked of it is not coming.
    Queued,
}

/// The most ranges that are kept of what a source holds.
pub const MOST_RANGES: usize = 64;

/// Which pieces a source can serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holds {
    /// All of them.
    All,
    /// These, in order and apart; of more than [`MOST_RANGES`] the first.
    Some(Box<[PieceRange]>),
}

impl Holds {
    /// Those of `ranges`, which may overlap and be in any order.
    #[must_use]
    pub fn ranges(mut ranges: Vec<PieceRange>) -> Self {
        ranges.retain(|range| range.count > 0);
        ranges.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<PieceRange> = Vec::new();
        for range in ranges {
            match apart.last_mut() {
                Some(last) if range.start <= last.end() => {
                    last.count = last.count.max(range.end() - last.start)
                }
                _ => apart.push(range),
            }
        }
        apart.truncate(MOST_RANGES);
        Self::Some(apart.into_boxed_slice())
    }

    /// Whether this piece is among them.
    #[must_use]
    pub fn has(&self, piece: u32) -> bool {
        self.next(piece) == Some(piece)
    }

    /// The first of them that is not before `piece`.
    #[must_use]
    pub fn next(&self, piece: u32) -> Option<u32> {
        match self {
            Self::All => Some(piece),
            Self::Some(ranges) => {
                let range = ranges.get(ranges.partition_point(|range| range.end() <= piece))?;
                Some(range.start.max(piece))
            }
        }
    }

    /// What is left without these, of a file of `pieces`.
    pub(super) fn without(&self, gone: PieceRange, pieces: u32) -> Self {
        let whole = [PieceRange { start: 0, count: pieces }];
        let held = match self {
            Self::All => &whole[..],
            Self::Some(ranges) => ranges,
        };
        let parts = held.iter().flat_map(|range| {
            let (low, high) =
                (gone.start.clamp(range.start, range.end()), gone.end().clamp(range.start, range.end()));
            [
                PieceRange { start: range.start, count: low - range.start },
                PieceRange { start: high, count: range.end() - high },
            ]
        });
        Self::ranges(parts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u32, end: u32) -> PieceRange {
        PieceRange { start, count: end - start }
    }

    #[test]
    fn ranges_in_any_order_are_told_apart() {
        let holds =
            Holds::ranges(alloc::vec![range(30, 40), range(0, 5), range(3, 8), range(8, 9), range(20, 20)]);
        assert_eq!(holds, Holds::Some([range(0, 9), range(30, 40)].into()));
        let joined = Holds::ranges(alloc::vec![range(10, 15), range(12, 20), range(16, 18), range(20, 25)]);
        assert_eq!(joined, Holds::Some([range(10, 25)].into()));
        assert_eq!([0, 8, 9, 39, 40].map(|piece| holds.has(piece)), [true, true, false, true, false]);
        assert_eq!([0, 9, 35, 40].map(|piece| holds.next(piece)), [Some(0), Some(30), Some(35), None]);
    }

    #[test]
    fn what_was_refused_is_held_no_more() {
        let left = Holds::All.without(range(10, 20), 100);
        assert_eq!(left, Holds::Some([range(0, 10), range(20, 100)].into()));
        assert_eq!(left.without(range(0, 90), 100), Holds::Some([range(90, 100)].into()));
        assert_eq!(
            left.without(PieceRange { start: 5, count: u32::MAX }, 100),
            Holds::Some([range(0, 5)].into())
        );
        assert_eq!(Holds::All.without(range(0, 7), 7).next(0), None);
    }

    #[test]
    fn no_more_ranges_are_kept_than_there_is_room_for() {
        let many = (0..1000).map(|n| PieceRange { start: n * 2, count: 1 }).collect();
        let Holds::Some(kept) = Holds::ranges(many) else { panic!("ranges") };
        assert_eq!(kept.len(), MOST_RANGES);
    }
}
