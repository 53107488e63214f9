//! Where in a cached file what lies.

use spotproto::content::{LEAF_GROUP, PIECE_LEN};

/// Bytes kept for the sheet of a file.
pub const SHEET_LEN: u64 = 8192;

/// Bytes kept for each group of [`LEAF_GROUP`] leaves: the hashes, which of them are held, and what seals them.
pub const LEAVES_LEN: u64 = LEAF_GROUP as u64 * 32 + 64;

/// Files begin their parts at multiples of this.
const ALIGN: u64 = 4096;

/// A part of a cached file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// What a player needs before bytes: head, key, lease, names; sealed, at most [`SHEET_LEN`] bytes.
    Sheet,
    /// A group of [`LEAF_GROUP`] leaves, sealed, at most [`LEAVES_LEN`] bytes.
    Leaves(u32),
    /// A piece of ciphertext, at most [`PIECE_LEN`] bytes.
    Piece(u32),
}

/// Where the parts of a file with so many pieces lie on disk: the sheet, the leaves, then the pieces. What is needed
/// first lies in front, so a file is cut down to its first pieces by making it shorter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Pieces of the whole file.
    pub pieces: u32,
}

impl Layout {
    /// Where a part begins.
    #[must_use]
    pub const fn offset(self, place: Place) -> u64 {
        match place {
            Place::Sheet => 0,
            Place::Leaves(group) => SHEET_LEN + group as u64 * LEAVES_LEN,
            Place::Piece(index) => self.front() + index as u64 * PIECE_LEN as u64,
        }
    }

    /// Bytes before the first piece.
    #[must_use]
    pub const fn front(self) -> u64 {
        let leaves = self.pieces.div_ceil(LEAF_GROUP) as u64 * LEAVES_LEN;
        (SHEET_LEN + leaves).next_multiple_of(ALIGN)
    }

    /// Bytes of a file that holds its first `pieces`.
    #[must_use]
    pub const fn length(self, pieces: u32) -> u64 {
        self.offset(Place::Piece(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_behind_each_other_and_never_overlap() {
        for pieces in [1, 63, 64, 65, 257, 100_000] {
            let layout = Layout { pieces };
            let last = Place::Leaves(pieces.div_ceil(LEAF_GROUP) - 1);
            assert_eq!(layout.offset(Place::Leaves(0)), SHEET_LEN);
            assert!(layout.offset(last) + LEAVES_LEN <= layout.offset(Place::Piece(0)));
            assert_eq!(layout.offset(Place::Piece(0)) % ALIGN, 0);
            assert_eq!(layout.length(pieces) - layout.front(), u64::from(pieces) * PIECE_LEN as u64);
        }
    }
}
