//! What the machines move, named so that production and simulation run the same code.

use bytes::Bytes;
use core::fmt;
use core::hash::Hash;
use spotproto::content::{self, FileId};
use spotproto::crypto::{Crypto, RustCrypto};

/// A file's name: 32 bytes in production, a small number in a simulation.
pub trait FileKey: Copy + Ord + Hash + fmt::Debug {
    /// The root that its pieces are proved against; `None` where pieces carry their own verdict.
    fn root(&self) -> Option<FileId>;
}

impl FileKey for FileId {
    fn root(&self) -> Option<FileId> {
        Some(*self)
    }
}

/// A piece's payload: bytes in production, a length and a verdict in a simulation.
pub trait Payload: Clone + fmt::Debug {
    /// Bytes of ciphertext.
    fn size(&self) -> usize;

    /// Whether these are the bytes that `leaf` stands for; without a leaf, whether they are good by themselves.
    fn is_genuine(&self, leaf: Option<&content::Hash>) -> bool;
}

impl Payload for Bytes {
    fn size(&self) -> usize {
        self.len()
    }

    fn is_genuine(&self, leaf: Option<&content::Hash>) -> bool {
        leaf.is_some_and(|leaf| RustCrypto::hash(&[self]) == leaf.0)
    }
}
