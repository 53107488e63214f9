//! A group of leaves as it lies on disk.

use super::{BadSheet, CacheKeys};
use alloc::vec::Vec;
use bytes::Bytes;
use spotproto::codec::Reader;
use spotproto::content::{FileId, Hash, LEAF_GROUP, LeafSet};
use spotproto::crypto::Crypto;

/// Bytes of the tag: as many of HMAC-SHA256 as of Poly1305.
const TAG_LEN: usize = 16;

/// Bytes before the tag: which leaves are held, and the hashes.
const BODY_LEN: usize = 8 + LEAF_GROUP as usize * 32;

const _: () = assert!((BODY_LEN + TAG_LEN) as u64 <= crate::cache::LEAVES_LEN);

/// Leaves of one group of [`LEAF_GROUP`], those that were proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeafGroup {
    group: u32,
    held: u64,
    leaves: [Hash; LEAF_GROUP as usize],
}

impl LeafGroup {
    /// The leaves of this group that a set holds.
    #[must_use]
    pub fn of(set: &LeafSet, group: u32) -> Self {
        let mut this = Self { group, held: 0, leaves: [Hash::PADDING; LEAF_GROUP as usize] };
        for (place, at) in this.leaves.iter_mut().zip(0..) {
            let piece = u64::from(group) * u64::from(LEAF_GROUP) + at;
            if let Some(leaf) = u32::try_from(piece).ok().and_then(|piece| set.get(piece)) {
                *place = *leaf;
                this.held |= 1 << at;
            }
        }
        this
    }

    /// Whether none is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Pieces and their hashes, in order; [`LeafSet::restore`] takes them.
    pub fn leaves(&self) -> impl Iterator<Item = (u32, Hash)> + '_ {
        let first = self.group.saturating_mul(LEAF_GROUP);
        let all = self.leaves.iter().zip(0u32..);
        all.filter(|(_, at)| self.held >> at & 1 == 1)
            .map(move |(leaf, at)| (first.saturating_add(at), *leaf))
    }

    /// The bytes for [`Place::Leaves`](crate::cache::Place::Leaves), for this device and file.
    #[must_use]
    pub fn encode<C: Crypto>(&self, keys: &CacheKeys, file: &FileId) -> Bytes {
        let mut out = Vec::with_capacity(BODY_LEN + TAG_LEN);
        out.extend_from_slice(&self.held.to_be_bytes());
        self.leaves.iter().for_each(|leaf| out.extend_from_slice(&leaf.0));
        let tag = tag::<C>(keys, file, self.group, &out);
        out.extend_from_slice(&tag);
        out.into()
    }

    /// Reads what [`LeafGroup::encode`] made; bytes behind it are left alone.
    ///
    /// # Errors
    /// [`BadSheet::Forged`] if this device did not write them, for this group of this file.
    pub fn decode<C: Crypto>(
        keys: &CacheKeys,
        file: &FileId,
        group: u32,
        bytes: &[u8],
    ) -> Result<Self, BadSheet> {
        let mut reader = Reader::new(bytes);
        let body = reader.bytes(BODY_LEN).map_err(|_| BadSheet::Forged)?;
        let given: [u8; TAG_LEN] = reader.array().map_err(|_| BadSheet::Forged)?;
        // All bytes are compared, so that the time tells nothing of where they differ.
        let tag = tag::<C>(keys, file, group, body);
        if tag.iter().zip(&given).fold(0, |differs, (one, other)| differs | (one ^ other)) != 0 {
            return Err(BadSheet::Forged);
        }
        let mut reader = Reader::new(body);
        let held = reader.u64().map_err(|_| BadSheet::Forged)?;
        let mut leaves = [Hash::PADDING; LEAF_GROUP as usize];
        for leaf in &mut leaves {
            *leaf = Hash(reader.array().map_err(|_| BadSheet::Forged)?);
        }
        Ok(Self { group, held, leaves })
    }
}

fn tag<C: Crypto>(keys: &CacheKeys, file: &FileId, group: u32, body: &[u8]) -> [u8; TAG_LEN] {
    let whole = C::hmac(&keys.leaves.0, &[&file.0, &group.to_be_bytes(), body]);
    whole.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spotproto::content::Leaves;
    use spotproto::crypto::{RustCrypto, SecretKey};

    const FILE: FileId = FileId([5; 32]);

    fn keys(device: u8) -> CacheKeys {
        CacheKeys::new::<RustCrypto>(&SecretKey([device; 32]))
    }

    fn decode(device: u8, file: FileId, group: u32, bytes: &[u8]) -> Result<LeafGroup, BadSheet> {
        LeafGroup::decode::<RustCrypto>(&keys(device), &file, group, bytes)
    }

    /// A set that holds leaves 60 to 99 of 150.
    fn set() -> LeafSet {
        let hashes = (0..150u32).map(|n| Hash(RustCrypto::hash(&[&n.to_be_bytes()]))).collect();
        let leaves = Leaves::new::<RustCrypto>(hashes).unwrap();
        let mut set = LeafSet::new(leaves.root().into(), 150, 0);
        set.insert::<RustCrypto>(&leaves.prove(60..100).unwrap()).unwrap();
        set
    }

    #[test]
    fn leaves_that_were_proved_come_back_and_no_others() {
        let set = set();
        let mut back = LeafSet::new(FILE, 150, 0);
        for group in 0..3 {
            let bytes = LeafGroup::of(&set, group).encode::<RustCrypto>(&keys(1), &FILE);
            let mut on_disk = bytes.to_vec();
            on_disk.resize(crate::cache::LEAVES_LEN as usize, 0xee);
            back.restore(decode(1, FILE, group, &on_disk).unwrap().leaves());
        }
        assert!((0..150).all(|piece| back.get(piece) == set.get(piece)));
        assert!(back.has(60) && back.has(99) && !back.has(100));
        assert!(LeafGroup::of(&set, 2).is_empty() && LeafGroup::of(&set, u32::MAX).is_empty());
    }

    #[test]
    fn every_flipped_bit_every_end_and_every_other_owner_is_found() {
        let bytes = LeafGroup::of(&set(), 1).encode::<RustCrypto>(&keys(1), &FILE);
        assert!(decode(1, FILE, 1, &bytes).is_ok());
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(1, FILE, 1, &bad), Err(BadSheet::Forged), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(decode(1, FILE, 1, &bytes[..length]), Err(BadSheet::Forged));
        }
        assert_eq!(decode(2, FILE, 1, &bytes), Err(BadSheet::Forged));
        assert_eq!(decode(1, FileId([6; 32]), 1, &bytes), Err(BadSheet::Forged));
        assert_eq!(decode(1, FILE, 0, &bytes), Err(BadSheet::Forged));
    }

    proptest! {
        #[test]
        fn no_bytes_pass_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2200)) {
            prop_assert_eq!(decode(1, FILE, 0, &bytes), Err(BadSheet::Forged));
        }
    }
}
