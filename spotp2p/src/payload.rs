//! A piece's payload, as machines see it.

use bytes::Bytes;
use core::fmt;
use spotproto::content::Hash;
use spotproto::crypto::{Crypto, RustCrypto};

/// The bytes of a piece in production, a length and a verdict in a simulation.
pub trait Payload: Clone + fmt::Debug {
    /// Bytes of ciphertext.
    fn size(&self) -> usize;

    /// Whether these are the bytes that `leaf` stands for.
    fn matches(&self, leaf: &Hash) -> bool;
}

impl Payload for Bytes {
    fn size(&self) -> usize {
        self.len()
    }

    fn matches(&self, leaf: &Hash) -> bool {
        Hash(RustCrypto::hash(&[self])) == *leaf
    }
}
