//! The words of content: what a track's file is called, what a player needs to know of it, and how it is proved.

mod format;

pub use format::Format;

/// Bytes of ciphertext in a piece: the unit of request, verification and caching.
pub const PIECE_LEN: usize = 16 * 1024;

/// Bytes of canonical plaintext in a piece: the rest is the seal's tag.
pub const BLOCK_LEN: usize = PIECE_LEN - crate::crypto::TAG_LEN;
