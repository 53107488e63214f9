//! What a planner counts.

use super::source::Kind;

/// Counters of one file, from its beginning.
///
/// Of the pieces asked for, each ends in exactly one way: `asked` is the sum of `arrived`, `cancelled`, `given_up`,
/// `refused`, `lost`, `forged` and those still outstanding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Bytes of pieces by [`Kind`] of source, wasted ones included.
    pub bytes: [u64; Kind::COUNT],
    /// Bytes of pieces that were here already, or were forged.
    pub wasted: u64,
    /// Pieces asked for, those asked twice twice.
    pub asked: u64,
    /// Pieces that came when they were asked for.
    pub arrived: u64,
    /// Pieces called back.
    pub cancelled: u64,
    /// Pieces moved because their source was silent or slow.
    pub given_up: u64,
    /// Pieces that a source did not serve.
    pub refused: u64,
    /// Pieces whose source went.
    pub lost: u64,
    /// Pieces that were not what was published.
    pub forged: u64,
    /// Pieces asked of a second source.
    pub hedges: u64,
    /// Pieces that came after their deadline.
    pub late: u64,
}

impl Stats {
    /// Bytes that came from sources of this kind.
    #[must_use]
    pub fn from(&self, kind: Kind) -> u64 {
        self.bytes.get(kind as usize).copied().unwrap_or(0)
    }

    /// All bytes of pieces.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    pub(super) fn came(&mut self, kind: Kind, bytes: usize) {
        if let Some(sum) = self.bytes.get_mut(kind as usize) {
            *sum = sum.saturating_add(bytes as u64);
        }
    }
}
