//! The words of content: what a track's file is called, what a player needs to know of it, and how it is proved.

mod file_id;
mod format;
mod geometry;
mod head;
mod leaf_range;
mod leaf_set;
mod seek;
mod tree;

pub use file_id::{BadFileId, ContentKey, FileId, Hash};
pub use format::Format;
pub use geometry::Geometry;
pub use head::{ByteRange, HEAD_LEN_MAX, HEADER_RANGES_MAX, Head};
pub use leaf_range::{LEAVES_MAX, LeafRange, ProofError, UNCLES_MAX};
pub use leaf_set::{LEAF_GROUP, LeafSet};
pub use seek::{BadSeekTable, SEEK_ENTRIES_MAX, SeekTable};
pub use tree::{Leaves, RootBuilder};

/// Bytes of ciphertext in a piece: the unit of request, verification and caching.
pub const PIECE_LEN: usize = 16 * 1024;

/// Bytes of canonical plaintext in a piece: the rest is the seal's tag.
pub const BLOCK_LEN: usize = PIECE_LEN - crate::crypto::TAG_LEN;
