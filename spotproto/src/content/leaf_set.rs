//! The verified leaves that a client holds of one file.

use super::file_id::{FileId, Hash};
use super::leaf_range::{LeafRange, ProofError};
use crate::crypto::Crypto;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::ops::Range;

/// Leaves in one group: what is asked for and kept together, 2 KiB of hashes for 1 MiB of ciphertext.
pub const LEAF_GROUP: u32 = 64;

/// Verified leaves, sparse by groups of [`LEAF_GROUP`].
///
/// Holds at most as many groups as it was made for. Beyond that, the group furthest from the newest leaves goes:
/// playing moves along the file, so that one is wanted last.
#[derive(Clone, Debug)]
pub struct LeafSet {
    root: Hash,
    pieces: u32,
    groups_max: usize,
    groups: BTreeMap<u32, Box<Group>>,
}

#[derive(Clone, Debug)]
struct Group {
    held: u64,
    leaves: [Hash; LEAF_GROUP as usize],
}

impl LeafSet {
    /// An empty set for this file with this many pieces, of at most `groups_max` groups (at least the 17 that one
    /// range of the largest size can touch).
    #[must_use]
    pub const fn new(file: FileId, pieces: u32, groups_max: usize) -> Self {
        let least = super::LEAVES_MAX / LEAF_GROUP as usize + 1;
        let groups_max = if groups_max < least { least } else { groups_max };
        Self { root: file.root(), pieces, groups_max, groups: BTreeMap::new() }
    }

    /// Checks a range and keeps its leaves; answers which pieces can be checked now.
    ///
    /// # Errors
    /// What is wrong with the proof; nothing of it is kept.
    pub fn insert<C: Crypto>(&mut self, range: &LeafRange) -> Result<Range<u32>, ProofError> {
        range.verify::<C>(&self.root, self.pieces)?;
        for (index, leaf) in range.range().zip(&range.leaves) {
            self.keep(index, *leaf);
        }
        self.shrink(range.start / LEAF_GROUP);
        Ok(range.range())
    }

    /// Keeps leaves that were proved before, as by an earlier run of the program that wrote them down.
    ///
    /// Nothing is checked. The caller vouches that each came out of a set for this file, as [`LeafSet::get`] gave it, and
    /// that nobody could change it since: that what was written down was authenticated, and read back as it was. A wrong
    /// leaf makes a wrong piece pass. Pieces behind the end are left out.
    pub fn restore(&mut self, leaves: impl IntoIterator<Item = (u32, Hash)>) {
        for (piece, leaf) in leaves {
            if piece < self.pieces {
                self.keep(piece, leaf);
                self.shrink(piece / LEAF_GROUP);
            }
        }
    }

    /// The hash of this piece, if held.
    #[must_use]
    pub fn get(&self, piece: u32) -> Option<&Hash> {
        let group = self.groups.get(&(piece / LEAF_GROUP))?;
        let slot = piece % LEAF_GROUP;
        if group.held >> slot & 1 == 0 {
            return None;
        }
        group.leaves.get(slot as usize)
    }

    /// Whether the hash of this piece is held.
    #[must_use]
    pub fn has(&self, piece: u32) -> bool {
        self.get(piece).is_some()
    }

    /// The first run of leaves, within one group, that is missing between `from` and the end of that group: what
    /// to ask for so that piece `from` can be checked. Empty if it is held or behind the end.
    #[must_use]
    pub fn missing(&self, from: u32) -> Range<u32> {
        let end = (from / LEAF_GROUP + 1).saturating_mul(LEAF_GROUP).min(self.pieces);
        let held = (from..end).find(|&piece| self.has(piece)).unwrap_or(end);
        from..held.max(from)
    }

    /// Whether `bytes` are this piece of the file; `None` while its leaf is not held.
    #[must_use]
    pub fn matches<C: Crypto>(&self, piece: u32, bytes: &[u8]) -> Option<bool> {
        self.get(piece).map(|leaf| C::hash(&[bytes]) == leaf.0)
    }

    fn keep(&mut self, index: u32, leaf: Hash) {
        let group = self
            .groups
            .entry(index / LEAF_GROUP)
            .or_insert_with(|| Box::new(Group { held: 0, leaves: [Hash::PADDING; LEAF_GROUP as usize] }));
        let slot = index % LEAF_GROUP;
        if let Some(place) = group.leaves.get_mut(slot as usize) {
            *place = leaf;
            group.held |= 1 << slot;
        }
    }

    fn shrink(&mut self, near: u32) {
        while self.groups.len() > self.groups_max {
            let first = self.groups.keys().next().map_or(0, |key| near.saturating_sub(*key));
            let last = self.groups.keys().next_back().map_or(0, |key| key.saturating_sub(near));
            if first > last {
                self.groups.pop_first()
            } else {
                self.groups.pop_last()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Leaves;
    use crate::crypto::RustCrypto;

    fn tree(pieces: u32) -> Leaves {
        Leaves::new::<RustCrypto>((0..pieces).map(|n| Hash(RustCrypto::hash(&[&n.to_be_bytes()]))).collect())
            .unwrap()
    }

    #[test]
    fn leaves_that_were_proved_are_held_and_no_others() {
        let leaves = tree(150);
        let mut set = LeafSet::new(leaves.root().into(), 150, 0);
        assert_eq!(set.insert::<RustCrypto>(&leaves.prove(60..70).unwrap()), Ok(60..70));
        for piece in 0..160 {
            assert_eq!(set.has(piece), (60..70).contains(&piece), "{piece}");
        }
        assert_eq!(set.get(63), Some(&leaves.hashes()[63]));
        assert_eq!(set.missing(0), 0..60);
        assert_eq!(set.missing(61), 61..61);
        assert_eq!(set.missing(70), 70..128);
        assert_eq!(set.missing(140), 140..150);
        assert_eq!(set.missing(150), 150..150);
        assert_eq!(set.missing(u32::MAX), u32::MAX..u32::MAX);
    }

    #[test]
    fn leaves_that_are_restored_are_held_within_the_file_and_the_bound() {
        let leaves = tree(64 * 40);
        let mut set = LeafSet::new(leaves.root().into(), 64 * 40, 20);
        let all = leaves.hashes().iter().copied().zip(0..).map(|(leaf, piece)| (piece, leaf));
        set.restore(all.chain([(64 * 40, Hash([1; 32])), (u32::MAX, Hash([1; 32]))]));
        assert_eq!(set.groups.len(), 20);
        assert_eq!(set.get(64 * 40 - 1), leaves.hashes().last());
        assert!(!set.has(0) && !set.has(64 * 40));
    }

    #[test]
    fn nothing_is_kept_of_a_bad_proof() {
        let leaves = tree(150);
        let mut set = LeafSet::new(leaves.root().into(), 150, 0);
        let mut range = leaves.prove(0..64).unwrap();
        range.leaves[3].0[0] ^= 1;
        assert_eq!(set.insert::<RustCrypto>(&range), Err(ProofError::Root));
        assert!((0..150).all(|piece| !set.has(piece)));
    }

    #[test]
    fn a_piece_is_told_from_another_one() {
        let piece = [7u8; 500];
        let leaf = Hash(RustCrypto::hash(&[&piece]));
        let leaves = Leaves::new::<RustCrypto>(alloc::vec![leaf]).unwrap();
        let mut set = LeafSet::new(leaves.root().into(), 1, 0);
        assert_eq!(set.matches::<RustCrypto>(0, &piece), None);
        set.insert::<RustCrypto>(&leaves.prove(0..1).unwrap()).unwrap();
        assert_eq!(set.matches::<RustCrypto>(0, &piece), Some(true));
        assert_eq!(set.matches::<RustCrypto>(0, &piece[1..]), Some(false));
    }

    #[test]
    fn a_full_set_forgets_what_is_furthest_from_the_newest() {
        let leaves = tree(64 * 40);
        let mut set = LeafSet::new(leaves.root().into(), 64 * 40, 20);
        for group in (0..20).chain(30..40) {
            let range = leaves.prove(group * 64..(group + 1) * 64).unwrap();
            set.insert::<RustCrypto>(&range).unwrap();
        }
        assert_eq!(set.groups.len(), 20);
        assert!(set.has(39 * 64) && set.has(30 * 64) && set.has(19 * 64));
        assert!(!set.has(0) && !set.has(9 * 64));
        set.insert::<RustCrypto>(&leaves.prove(0..64).unwrap()).unwrap();
        assert!(set.has(0) && !set.has(39 * 64));
    }
}
