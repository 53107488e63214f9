//! The Merkle tree of BEP 52: SHA-256, one leaf for each piece, zero hashes up to a power of two.

use super::file_id::Hash;
use super::leaf_range::{LeafRange, ProofError, check_range};
use crate::crypto::Crypto;
use alloc::vec::Vec;
use core::ops::Range;

/// The hash of two children.
pub(super) fn parent<C: Crypto>(left: &Hash, right: &Hash) -> Hash {
    Hash(C::hash(&[&left.0, &right.0]))
}

/// Levels above the leaves of a tree with this many of them.
pub(super) const fn depth(pieces: u32) -> u32 {
    if pieces <= 1 { 0 } else { u32::BITS - (pieces - 1).leading_zeros() }
}

/// Builds a root from leaves that come one at a time, in memory that does not grow with the file.
#[derive(Clone, Debug)]
pub struct RootBuilder {
    count: u32,
    /// Roots of full subtrees; the one at level `n` counts while bit `n` of `count` is set.
    full: [Hash; 32],
}

impl Default for RootBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RootBuilder {
    /// A tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, full: [Hash::PADDING; 32] }
    }

    /// Leaves taken.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Takes the next leaf. A file has at most `u32::MAX` pieces; what comes after that is left out.
    pub fn push<C: Crypto>(&mut self, leaf: Hash) {
        let Some(count) = self.count.checked_add(1) else { return };
        let mut node = leaf;
        let merged = self.count.trailing_ones() as usize;
        for left in self.full.iter().take(merged) {
            node = parent::<C>(left, &node);
        }
        if let Some(slot) = self.full.get_mut(merged) {
            *slot = node;
        }
        self.count = count;
    }

    /// The root over all leaves taken; `None` without any.
    #[must_use]
    pub fn root<C: Crypto>(&self) -> Option<Hash> {
        let depth = depth(self.count) as usize;
        if self.count.is_power_of_two() {
            return self.full.get(depth).copied();
        }
        // The last subtree that is not full, on the level looked at.
        let mut open = None;
        let mut padding = Hash::PADDING;
        for (level, full) in self.full.iter().enumerate().take(depth) {
            open = match (self.count >> level & 1 == 1, open) {
                (true, right) => Some(parent::<C>(full, &right.unwrap_or(padding))),
                (false, left) => left.map(|left| parent::<C>(&left, &padding)),
            };
            padding = parent::<C>(&padding, &padding);
        }
        open
    }
}

/// All leaves of a file with the nodes above them, for whoever hands out proofs. 64 bytes for each piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaves {
    /// From the leaves up to the root; padding is left out.
    levels: Vec<Vec<Hash>>,
}

impl Leaves {
    /// The tree over these leaves; `None` without any, or above `u32::MAX`.
    #[must_use]
    pub fn new<C: Crypto>(leaves: Vec<Hash>) -> Option<Self> {
        let pieces = u32::try_from(leaves.len()).ok().filter(|&pieces| pieces > 0)?;
        let mut levels = Vec::with_capacity(depth(pieces) as usize + 1);
        let mut padding = Hash::PADDING;
        let mut level = leaves;
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => parent::<C>(left, right),
                    [left, ..] => parent::<C>(left, &padding),
                    [] => padding,
                })
                .collect();
            padding = parent::<C>(&padding, &padding);
            levels.push(core::mem::replace(&mut level, above));
        }
        levels.push(level);
        Some(Self { levels })
    }

    /// The tree over leaves stored as [`Leaves::to_bytes`] gives them.
    #[must_use]
    pub fn from_bytes<C: Crypto>(bytes: &[u8]) -> Option<Self> {
        let (leaves, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return None;
        }
        Self::new::<C>(leaves.iter().map(|leaf| Hash(*leaf)).collect())
    }

    /// The leaves one after the other, for storing.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes().iter().flat_map(|leaf| leaf.0).collect()
    }

    /// The leaves themselves, in order.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Number of leaves; at least one.
    #[must_use]
    pub fn pieces(&self) -> u32 {
        self.hashes().len() as u32
    }

    /// The root: the file's name.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or(Hash::PADDING)
    }

    /// The leaves in `range` with what proves them against the root.
    ///
    /// # Errors
    /// [`ProofError::Range`] if the range is empty, too long or not within the file.
    pub fn prove(&self, range: Range<u32>) -> Result<LeafRange, ProofError> {
        check_range(range.start, range.len(), self.pieces())?;
        let leaves = self.hashes().get(range.start as usize..range.end as usize).unwrap_or(&[]).to_vec();
        let mut uncles = Vec::new();
        let (mut first, mut last) = (range.start as usize, range.end as usize - 1);
        // The top level has no uncles: its one node is the root.
        for level in self.levels.iter().take(self.levels.len() - 1) {
            if first % 2 == 1 {
                uncles.extend(level.get(first - 1));
            }
            if last.is_multiple_of(2) {
                // None where the sibling is padding, which the checker knows by itself.
                uncles.extend(level.get(last + 1));
            }
            (first, last) = (first / 2, last / 2);
        }
        Ok(LeafRange { start: range.start, leaves, uncles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;

    pub(crate) fn leaf(n: u32) -> Hash {
        Hash(RustCrypto::hash(&[&n.to_be_bytes()]))
    }

    /// BEP 52 in its plainest form: pad with zero hashes to a power of two, then halve.
    fn plain_root(leaves: &[Hash]) -> Hash {
        let width = leaves.len().next_power_of_two();
        let mut row: Vec<Hash> = leaves.to_vec();
        row.resize(width, Hash([0; 32]));
        fold(&row)
    }

    fn fold(row: &[Hash]) -> Hash {
        match row {
            [one] => *one,
            _ => {
                let (left, right) = row.split_at(row.len() / 2);
                Hash(RustCrypto::hash(&[&fold(left).0, &fold(right).0]))
            }
        }
    }

    #[test]
    fn every_small_tree_has_the_root_of_the_plain_recursion() {
        let mut builder = RootBuilder::new();
        assert_eq!(builder.root::<RustCrypto>(), None);
        for count in 1..=130u32 {
            builder.push::<RustCrypto>(leaf(count));
            let leaves: Vec<Hash> = (1..=count).map(leaf).collect();
            let expected = plain_root(&leaves);
            assert_eq!(builder.root::<RustCrypto>(), Some(expected), "{count} leaves, streamed");
            assert_eq!(Leaves::new::<RustCrypto>(leaves).unwrap().root(), expected, "{count} leaves");
        }
    }

    #[test]
    fn the_root_of_one_piece_is_its_leaf() {
        assert_eq!(Leaves::new::<RustCrypto>(alloc::vec![leaf(7)]).unwrap().root(), leaf(7));
    }

    #[test]
    fn three_pieces_give_the_root_worked_out_by_hand() {
        // sha256(sha256(a‖b) ‖ sha256(c‖0³²)) of a = sha256("a"), b, c; worked out with another implementation.
        let leaves = [b"a", b"b", b"c"].map(|text| Hash(RustCrypto::hash(&[text])));
        let root = Leaves::new::<RustCrypto>(leaves.to_vec()).unwrap().root();
        assert_eq!(
            alloc::string::ToString::to_string(&root),
            "d0a664079d491a97357efa1ce1eab5aeb566adef78a2b910e8d13e901e192832"
        );
    }

    #[test]
    fn leaves_are_stored_and_read_back() {
        let leaves = Leaves::new::<RustCrypto>((0..5).map(leaf).collect()).unwrap();
        assert_eq!(Leaves::from_bytes::<RustCrypto>(&leaves.to_bytes()), Some(leaves.clone()));
        assert_eq!(Leaves::from_bytes::<RustCrypto>(&[]), None);
        assert_eq!(Leaves::from_bytes::<RustCrypto>(&leaves.to_bytes()[1..]), None);
    }
}
