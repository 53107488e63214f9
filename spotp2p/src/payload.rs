//! What the machines move, named so that production and simulation run the same code.

use bytes::Bytes;
use core::{fmt, hash};
use spotcache::cache::CacheKey;
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotproto::content::{FileId, Hash};
use spotproto::crypto::{Crypto, RustCrypto};

/// A file's name: 32 bytes in production, a small number in a simulation.
pub trait FileKey: CacheKey + hash::Hash {
    /// The root that its pieces are proved against; `None` where pieces carry their own verdict.
    fn root(&self) -> Option<FileId>;

    /// A sheet as the cache keeps it; `None` where no sheets are kept.
    fn seal_sheet<C: Crypto>(&self, keys: &CacheKeys, sheet: &Sheet<Self>) -> Option<Bytes>;

    /// A sheet of this file as the cache kept it; `None` if it is damaged, or not this file's.
    fn open_sheet<C: Crypto>(&self, keys: &CacheKeys, bytes: &[u8]) -> Option<Sheet<Self>>;

    /// A group of leaves as the cache keeps it; `None` where no leaves are kept.
    fn seal_leaves<C: Crypto>(&self, keys: &CacheKeys, leaves: &LeafGroup) -> Option<Bytes>;

    /// A group of leaves as the cache kept it; `None` if it is damaged, or not this file's.
    fn open_leaves<C: Crypto>(&self, keys: &CacheKeys, group: u32, bytes: &[u8]) -> Option<LeafGroup>;
}

impl FileKey for FileId {
    fn root(&self) -> Option<FileId> {
        Some(*self)
    }

    fn seal_sheet<C: Crypto>(&self, keys: &CacheKeys, sheet: &Sheet<Self>) -> Option<Bytes> {
        Some(sheet.seal::<C>(keys))
    }

    fn open_sheet<C: Crypto>(&self, keys: &CacheKeys, bytes: &[u8]) -> Option<Sheet<Self>> {
        Sheet::open::<C>(keys, self, bytes).ok()
    }

    fn seal_leaves<C: Crypto>(&self, keys: &CacheKeys, leaves: &LeafGroup) -> Option<Bytes> {
        Some(leaves.encode::<C>(keys, self))
    }

    fn open_leaves<C: Crypto>(&self, keys: &CacheKeys, group: u32, bytes: &[u8]) -> Option<LeafGroup> {
        LeafGroup::decode::<C>(keys, self, group, bytes).ok()
    }
}

/// A piece's payload: bytes in production, a length and a verdict in a simulation.
pub trait Payload: Clone + fmt::Debug {
    /// Bytes of ciphertext.
    fn size(&self) -> usize;

    /// Whether these are the bytes that `leaf` stands for; without a leaf, whether they are good by themselves.
    fn is_genuine(&self, leaf: Option<&Hash>) -> bool;
}

impl Payload for Bytes {
    fn size(&self) -> usize {
        self.len()
    }

    fn is_genuine(&self, leaf: Option<&Hash>) -> bool {
        leaf.is_some_and(|leaf| RustCrypto::hash(&[self]) == leaf.0)
    }
}
