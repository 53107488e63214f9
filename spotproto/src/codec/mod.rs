//! The hand-written codec's two cursors. Integers are big-endian; counts and lengths are QUIC varints (RFC 9000 §16).

mod reader;
mod writer;

pub use reader::{CodecError, Reader};
pub use writer::{Writer, varint_len};

/// The largest number that a varint can hold.
pub const VARINT_MAX: u64 = (1 << 62) - 1;
