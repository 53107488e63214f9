//! What a client writes beside the pieces of a cached file, so that it can play without asking anyone: the *sheet* (head,
//! key, lease, names) and the leaves that were proved. Both are bound to the device and to the file: what was damaged,
//! exchanged, or written by another device is told apart.
//!
//! A sheet is encrypted, since it holds the file's key. Its nonce follows from what it says, so that writing it anew, with
//! another lease, never puts two texts under one nonce, whatever becomes of the device's randomness (the idea of RFC 5297,
//! with other primitives). Leaves are public, and only authenticated.
//!
//! Authenticated does not mean current: whoever can write to the disk can put an older sheet back. That lengthens no
//! lease beyond what was once given; [`crate::cache::Cache::date`] is there against clocks that go back.

mod keys;
mod leaves;
mod text;

pub use keys::CacheKeys;
pub use leaves::LeafGroup;
pub use text::{NAME_LEN_MAX, Sheet};

use core::fmt;

/// Bytes from the disk that are not what this device wrote there for this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadSheet {
    /// They were damaged, are of another file, or another device wrote them.
    Forged,
    /// A newer version of this program wrote them.
    Newer,
}

impl fmt::Display for BadSheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "this is not what this device wrote",
            Self::Newer => "a newer version wrote this",
        })
    }
}

impl core::error::Error for BadSheet {}
