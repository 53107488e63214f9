//! Bytes of a body become pieces.

use super::request::Get;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::ops::Range;
use spotproto::content::{Geometry, PIECE_LEN};

/// Cuts a stretch of a file into its pieces. Holds one piece at most.
pub(super) struct Pieces {
    geometry: Geometry,
    left: Range<u32>,
    /// Bytes in front of the first piece that are thrown away.
    skip: u64,
    piece: BytesMut,
}

impl Pieces {
    /// The pieces of `get`, in a body that begins `skip` bytes before the first of them.
    pub(super) fn new(get: &Get, skip: u64) -> Self {
        Self { geometry: get.geometry, left: get.pieces.clone(), skip, piece: BytesMut::new() }
    }

    /// Whether all came.
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_empty()
    }

    /// Bytes that [`Pieces::take`] takes at most; not 0 until all came.
    pub(super) fn room(&self) -> usize {
        if self.skip > 0 {
            usize::try_from(self.skip).unwrap_or(PIECE_LEN).min(PIECE_LEN)
        } else {
            self.geometry.piece_len(self.left.start).saturating_sub(self.piece.len())
        }
    }

    /// Takes the next bytes, no more than there is [room](Pieces::room) for, and gives the piece that they complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<(u32, Bytes)> {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(bytes.len() as u64);
            return None;
        }
        let whole = self.geometry.piece_len(self.left.start);
        if self.piece.is_empty() && !bytes.is_empty() {
            self.piece.reserve(whole);
        }
        self.piece.extend_from_slice(bytes);
        if self.piece.len() < whole {
            return None;
        }
        let index = self.left.next()?;
        Some((index, core::mem::take(&mut self.piece).freeze()))
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces")
            .field("left", &self.left)
            .field("skip", &self.skip)
            .field("held", &self.piece.len())
            .finish_non_exhaustive()
    }
}
