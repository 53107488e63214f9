//! A run of piece hashes with what proves it: anyone may deliver it, since it is checked against the root.

use super::file_id::Hash;
use super::tree::{depth, parent};
use crate::codec::{CodecError, Reader, Writer};
use crate::crypto::Crypto;
use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;
use core::ops::Range;

/// The most leaves in one range: 32 KiB of hashes, which prove 16 MiB of ciphertext.
pub const LEAVES_MAX: usize = 1024;

/// The most uncles that a range can need: two for each level of the deepest tree.
pub const UNCLES_MAX: usize = 64;

/// Consecutive leaves and the uncle hashes between them and the root.
///
/// Uncles are listed from the leaves' level upwards, on each level the left one before the right one. Those that
/// are nothing but padding are left out.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct LeafRange {
    /// Index of the first leaf.
    pub start: u32,
    /// The leaves; at least one, at most [`LEAVES_MAX`].
    pub leaves: Vec<Hash>,
    /// The uncles; at most [`UNCLES_MAX`].
    pub uncles: Vec<Hash>,
}

/// Why leaves are not believed. In all cases the fault is with whoever delivered them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProofError {
    /// The range is empty, too long, or reaches behind the end of the file.
    Range,
    /// More or fewer uncles than the range needs.
    Uncles,
    /// The leaves don't lead to the root.
    Root,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Range => "the range of leaves is not within the file",
            Self::Uncles => "the proof has too many or too few hashes",
            Self::Root => "the leaves do not belong to this file",
        })
    }
}

impl core::error::Error for ProofError {}

impl LeafRange {
    /// The indices of the leaves.
    #[must_use]
    pub fn range(&self) -> Range<u32> {
        self.start..self.start.saturating_add(u32::try_from(self.leaves.len()).unwrap_or(u32::MAX))
    }

    /// Checks the leaves against the root of a file with this many pieces; with `Ok`, they are the file's own.
    ///
    /// The number of pieces must come with the root from the head: a root alone does not fix it.
    ///
    /// # Errors
    /// What is wrong with the proof.
    pub fn verify<C: Crypto>(&self, root: &Hash, pieces: u32) -> Result<(), ProofError> {
        check_range(self.start, self.leaves.len(), pieces)?;
        let mut uncles = self.uncles.iter();
        let mut row = self.leaves.clone();
        let mut first = self.start;
        // How many nodes on this level are not padding.
        let mut width = pieces;
        let mut padding = Hash::PADDING;
        for _ in 0..depth(pieces) {
            let left = if first % 2 == 1 { Some(uncles.next().ok_or(ProofError::Uncles)?) } else { None };
            let last = first + row.len() as u32 - 1;
            let right = match last % 2 {
                1 => None,
                _ if last + 1 < width => Some(uncles.next().ok_or(ProofError::Uncles)?),
                _ => Some(&padding),
            };
            row = parents::<C>(left, &row, right);
            padding = parent::<C>(&padding, &padding);
            first /= 2;
            width = width.div_ceil(2);
        }
        if uncles.next().is_some() {
            return Err(ProofError::Uncles);
        }
        if row.first() == Some(root) { Ok(()) } else { Err(ProofError::Root) }
    }

    /// Appends the range: start, leaves behind their count, uncles behind theirs.
    pub fn encode<W: BufMut>(&self, out: &mut W) {
        let mut writer = Writer::new(out);
        writer.varint(u64::from(self.start));
        for hashes in [&self.leaves, &self.uncles] {
            writer.varint(hashes.len() as u64);
            for hash in hashes {
                writer.bytes(&hash.0);
            }
        }
    }

    /// Reads a range; it is not yet verified.
    ///
    /// # Errors
    /// What is wrong with the bytes. Nothing is allocated before the bytes for it are there.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let start = reader.varint_u32("first leaf")?;
        let leaves = hashes(reader, LEAVES_MAX, "leaves")?;
        if leaves.is_empty() {
            return Err(CodecError::Invalid("leaves"));
        }
        let uncles = hashes(reader, UNCLES_MAX, "uncles")?;
        Ok(Self { start, leaves, uncles })
    }
}

/// Whether these leaves can be a range of a file with this many pieces.
pub(super) fn check_range(start: u32, leaves: usize, pieces: u32) -> Result<(), ProofError> {
    let room = pieces.checked_sub(start).ok_or(ProofError::Range)?;
    if leaves == 0 || leaves > LEAVES_MAX || leaves > room as usize { Err(ProofError::Range) } else { Ok(()) }
}

fn parents<C: Crypto>(left: Option<&Hash>, row: &[Hash], right: Option<&Hash>) -> Vec<Hash> {
    let mut above = Vec::with_capacity(row.len() / 2 + 1);
    let mut nodes = left.into_iter().chain(row).chain(right);
    while let (Some(left), Some(right)) = (nodes.next(), nodes.next()) {
        above.push(parent::<C>(left, right));
    }
    above
}

fn hashes(reader: &mut Reader<'_>, limit: usize, what: &'static str) -> Result<Vec<Hash>, CodecError> {
    let count = reader.count(limit, what)?;
    let (hashes, _) = reader.bytes(count * 32)?.as_chunks::<32>();
    Ok(hashes.iter().map(|hash| Hash(*hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Leaves;
    use crate::crypto::RustCrypto;
    use proptest::prelude::*;

    fn tree(pieces: u32) -> Leaves {
        Leaves::new::<RustCrypto>((0..pieces).map(|n| Hash(RustCrypto::hash(&[&n.to_be_bytes()]))).collect())
            .unwrap()
    }

    #[test]
    fn every_range_of_every_small_tree_verifies_and_survives_the_codec() {
        for pieces in 1..=33 {
            let leaves = tree(pieces);
            for start in 0..pieces {
                for end in start + 1..=pieces {
                    let range = leaves.prove(start..end).unwrap();
                    assert_eq!(range.verify::<RustCrypto>(&leaves.root(), pieces), Ok(()), "{range:?}");
                    let mut bytes = Vec::new();
                    range.encode(&mut bytes);
                    let mut reader = Reader::new(&bytes);
                    assert_eq!(LeafRange::decode(&mut reader), Ok(range));
                    assert_eq!(reader.finish(), Ok(()));
                }
            }
        }
    }

    #[test]
    fn a_proof_of_the_whole_file_needs_no_uncles() {
        assert!(tree(13).prove(0..13).unwrap().uncles.is_empty());
    }

    #[test]
    fn ranges_outside_the_file_are_refused() {
        let leaves = tree(8);
        for range in [0..0, 8..9, 7..9, 5..5] {
            assert_eq!(leaves.prove(range.clone()), Err(ProofError::Range), "{range:?}");
        }
        let range = leaves.prove(6..8).unwrap();
        assert_eq!(range.verify::<RustCrypto>(&leaves.root(), 7), Err(ProofError::Range));
        let far = LeafRange { start: u32::MAX, ..range };
        assert_eq!(far.verify::<RustCrypto>(&leaves.root(), u32::MAX), Err(ProofError::Range));
    }

    #[test]
    fn counts_above_their_limits_are_refused_before_anything_is_allocated() {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).varint(0).varint(LEAVES_MAX as u64 + 1);
        assert_eq!(LeafRange::decode(&mut Reader::new(&bytes)), Err(CodecError::TooLong("leaves")));
        bytes.clear();
        Writer::new(&mut bytes).varint(0).varint(LEAVES_MAX as u64).bytes(&[0; 64]);
        assert_eq!(LeafRange::decode(&mut Reader::new(&bytes)), Err(CodecError::Truncated));
        bytes.clear();
        Writer::new(&mut bytes).varint(0).varint(1).bytes(&[0; 32]).varint(UNCLES_MAX as u64 + 1);
        assert_eq!(LeafRange::decode(&mut Reader::new(&bytes)), Err(CodecError::TooLong("uncles")));
        assert_eq!(LeafRange::decode(&mut Reader::new(&[0, 0, 0])), Err(CodecError::Invalid("leaves")));
    }

    #[test]
    fn the_largest_file_that_can_be_named_does_not_overflow() {
        let range = LeafRange {
            start: u32::MAX - 1,
            leaves: alloc::vec![Hash::PADDING],
            uncles: alloc::vec![Hash::PADDING; 31],
        };
        assert_eq!(range.verify::<RustCrypto>(&Hash::PADDING, u32::MAX), Err(ProofError::Root));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_found(pieces in 1u32..200, cut: [proptest::sample::Index; 2], flip: proptest::sample::Index) {
            let leaves = tree(pieces);
            let (a, b) = (cut[0].index(pieces as usize) as u32, cut[1].index(pieces as usize) as u32);
            let good = leaves.prove(a.min(b)..a.max(b) + 1).unwrap();
            prop_assert_eq!(good.verify::<RustCrypto>(&leaves.root(), pieces), Ok(()));

            let mut bad = good.clone();
            let bit = flip.index((good.leaves.len() + good.uncles.len()) * 256);
            let hash = bad.leaves.iter_mut().chain(&mut bad.uncles).nth(bit / 256).unwrap();
            hash.0[bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(bad.verify::<RustCrypto>(&leaves.root(), pieces), Err(ProofError::Root));

            let mut root = leaves.root();
            root.0[bit % 32] ^= 1;
            prop_assert_eq!(good.verify::<RustCrypto>(&root, pieces), Err(ProofError::Root));

            let moved = LeafRange { start: good.start ^ 1, ..good.clone() };
            prop_assert!(pieces == 1 || good.leaves.len() as u32 == pieces || moved.verify::<RustCrypto>(&leaves.root(), pieces).is_err());
            let mut longer = good.clone();
            longer.uncles.push(Hash::PADDING);
            prop_assert_eq!(longer.verify::<RustCrypto>(&leaves.root(), pieces), Err(ProofError::Uncles));
            let mut shorter = good;
            if shorter.uncles.pop().is_some() {
                prop_assert_eq!(shorter.verify::<RustCrypto>(&leaves.root(), pieces), Err(ProofError::Uncles));
            }
        }

        #[test]
        fn a_number_of_pieces_with_another_depth_is_found(pieces in 2u32..100) {
            let leaves = tree(pieces);
            let range = leaves.prove(0..1).unwrap();
            prop_assert!(range.verify::<RustCrypto>(&leaves.root(), pieces.next_power_of_two() + 1).is_err());
            prop_assert!(range.verify::<RustCrypto>(&leaves.root(), pieces.next_power_of_two() / 2).is_err());
        }

        #[test]
        fn no_bytes_make_decoding_or_checking_panic(bytes: Vec<u8>, pieces: u32) {
            if let Ok(range) = LeafRange::decode(&mut Reader::new(&bytes)) {
                prop_assert!(range.verify::<RustCrypto>(&Hash::PADDING, pieces).is_err());
            }
        }
    }
}
