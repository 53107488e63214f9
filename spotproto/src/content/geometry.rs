//! How plaintext maps to pieces: every piece but the last is full, and each carries one tag.

use super::{BLOCK_LEN, PIECE_LEN};
use crate::crypto::TAG_LEN;
use core::ops::Range;

/// The lengths of one file, in ciphertext and in plaintext, and where its pieces lie.
///
/// Piece `i` holds the plaintext from `i × BLOCK_LEN` on. A file has at least one byte and at most
/// `u32::MAX` pieces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Geometry {
    plaintext: u64,
}

impl Geometry {
    /// The most plaintext that a file can have, in bytes.
    pub const PLAINTEXT_MAX: u64 = u32::MAX as u64 * BLOCK_LEN as u64;

    /// Of a file with this many bytes of plaintext; `None` for an empty one, and above the limit.
    #[must_use]
    pub const fn of_plaintext(plaintext: u64) -> Option<Self> {
        if plaintext == 0 || plaintext > Self::PLAINTEXT_MAX { None } else { Some(Self { plaintext }) }
    }

    /// Of a file with this many bytes of ciphertext; `None` where no plaintext gives that length.
    #[must_use]
    pub const fn of_ciphertext(ciphertext: u64) -> Option<Self> {
        let pieces = ciphertext.div_ceil(PIECE_LEN as u64);
        let Some(plaintext) = ciphertext.checked_sub(pieces * TAG_LEN as u64) else { return None };
        match Self::of_plaintext(plaintext) {
            // A last piece of a bare tag would hold no byte of plaintext.
            Some(geometry) if geometry.ciphertext_len() == ciphertext => Some(geometry),
            _ => None,
        }
    }

    /// Bytes of plaintext.
    #[must_use]
    pub const fn plaintext_len(self) -> u64 {
        self.plaintext
    }

    /// Bytes of ciphertext.
    #[must_use]
    pub const fn ciphertext_len(self) -> u64 {
        self.plaintext + self.pieces() as u64 * TAG_LEN as u64
    }

    /// Number of pieces; at least one.
    #[must_use]
    pub const fn pieces(self) -> u32 {
        self.plaintext.div_ceil(BLOCK_LEN as u64) as u32
    }

    /// The plaintext bytes in piece `index`; empty behind the end.
    #[must_use]
    pub fn block(self, index: u32) -> Range<u64> {
        let start = u64::from(index) * BLOCK_LEN as u64;
        start.min(self.plaintext)..(start + BLOCK_LEN as u64).min(self.plaintext)
    }

    /// The ciphertext bytes of piece `index` (as an HTTP range would ask for them); empty behind the end.
    #[must_use]
    pub fn piece(self, index: u32) -> Range<u64> {
        let start = u64::from(index) * PIECE_LEN as u64;
        let end = self.ciphertext_len();
        start.min(end)..(start + PIECE_LEN as u64).min(end)
    }

    /// Bytes of ciphertext in piece `index`; 0 behind the end.
    #[must_use]
    pub fn piece_len(self, index: u32) -> usize {
        let piece = self.piece(index);
        (piece.end - piece.start) as usize
    }

    /// The piece that holds this plaintext byte; behind the end, the last piece.
    #[must_use]
    pub fn piece_of(self, byte: u64) -> u32 {
        (byte.min(self.plaintext - 1) / BLOCK_LEN as u64) as u32
    }

    /// The pieces that hold these plaintext bytes; empty for an empty range.
    #[must_use]
    pub fn pieces_of(self, bytes: Range<u64>) -> Range<u32> {
        let end = bytes.end.min(self.plaintext);
        if bytes.start >= end {
            return 0..0;
        }
        self.piece_of(bytes.start)..self.piece_of(end - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: u64 = BLOCK_LEN as u64;
    const PIECE: u64 = PIECE_LEN as u64;

    #[test]
    fn lengths_at_the_edges_of_a_piece_are_right() {
        for (plaintext, ciphertext, pieces) in
            [(1, 17, 1), (BLOCK, PIECE, 1), (BLOCK + 1, PIECE + 17, 2), (3 * BLOCK, 3 * PIECE, 3)]
        {
            let geometry = Geometry::of_plaintext(plaintext).unwrap();
            assert_eq!((geometry.ciphertext_len(), geometry.pieces()), (ciphertext, pieces));
            assert_eq!(Geometry::of_ciphertext(ciphertext), Some(geometry));
        }
    }

    #[test]
    fn lengths_that_no_plaintext_gives_are_refused() {
        for ciphertext in [0, 1, 16, PIECE + 1, PIECE + 16, u64::MAX, (u64::from(u32::MAX) + 1) * PIECE] {
            assert_eq!(Geometry::of_ciphertext(ciphertext), None, "{ciphertext}");
        }
        assert!(Geometry::of_ciphertext(u64::from(u32::MAX) * PIECE).is_some());
    }

    proptest! {
        #[test]
        fn pieces_tile_the_file(plaintext in 1..40 * BLOCK) {
            let geometry = Geometry::of_plaintext(plaintext).unwrap();
            let (mut at, mut sealed) = (0, 0);
            for index in 0..geometry.pieces() {
                let (block, piece) = (geometry.block(index), geometry.piece(index));
                prop_assert_eq!((block.start, piece.start), (at, sealed));
                prop_assert_eq!(block.end - block.start + 16, piece.end - piece.start);
                prop_assert_eq!(geometry.piece_of(block.start), index);
                prop_assert_eq!(geometry.piece_of(block.end - 1), index);
                prop_assert_eq!(geometry.pieces_of(block.clone()), index..index + 1);
                (at, sealed) = (block.end, piece.end);
            }
            prop_assert_eq!((at, sealed), (plaintext, geometry.ciphertext_len()));
            prop_assert_eq!(geometry.piece_len(geometry.pieces()), 0);
            prop_assert_eq!(geometry.pieces_of(0..u64::MAX), 0..geometry.pieces());
        }

        #[test]
        fn a_ciphertext_length_is_taken_only_if_a_plaintext_gives_it(ciphertext: u64) {
            if let Some(geometry) = Geometry::of_ciphertext(ciphertext) {
                prop_assert_eq!(geometry.ciphertext_len(), ciphertext);
            }
        }
    }
}
