//! Why a handshake or a cipher refused, and whose fault that is.

use core::fmt;

/// Why a handshake or a cipher refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoiseError {
    /// The other side's message is too short for its place in the pattern, or above 65,535 bytes.
    Malformed,
    /// A tag does not fit: wrong key, wrong prologue, replayed or altered bytes, or records out of order.
    ///
    /// A responder that gets this for the first IK message most likely does not hold the key that the
    /// initiator expects.
    Decrypt,
    /// The other side's public key is of low order (RFC 7748 §6.1).
    LowOrder,
    /// 2^64 - 1 records went through one cipher; that nonce is reserved (Noise rev 34 §5.1).
    NonceExhausted,
    /// The caller's fault; nothing came from or went to the other side.
    Misuse(Misuse),
}

/// What the caller did wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Misuse {
    /// The IK initiator needs the responder's static key.
    RemoteKeyMissing,
    /// Only the IK initiator knows the other static key beforehand; the others learn it, and must check it.
    RemoteKeyUnexpected,
    /// Wrote or read while the pattern wants the opposite, or after its last message.
    OutOfTurn,
    /// The message would exceed 65,535 bytes (Noise rev 34 §3).
    TooLong,
    /// Split before the last message.
    NotFinished,
    /// Used again after it failed.
    Broken,
}

impl NoiseError {
    /// Whether the other side, or somebody on the way, is to blame.
    #[must_use]
    pub const fn is_remote_fault(self) -> bool {
        matches!(self, Self::Malformed | Self::Decrypt | Self::LowOrder)
    }
}

impl fmt::Display for NoiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the message has an impossible length",
            Self::Decrypt => "the message was not sealed for this key and this place",
            Self::LowOrder => "the other side's public key is of low order",
            Self::NonceExhausted => "the cipher has used up its nonces",
            Self::Misuse(misuse) => return misuse.fmt(f),
        })
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RemoteKeyMissing => "an IK initiator needs the responder's static key",
            Self::RemoteKeyUnexpected => "only an IK initiator takes the other side's static key",
            Self::OutOfTurn => "not the turn of this side",
            Self::TooLong => "the message would exceed 65535 bytes",
            Self::NotFinished => "the handshake is not finished",
            Self::Broken => "the handshake failed before",
        })
    }
}

impl core::error::Error for NoiseError {}
impl core::error::Error for Misuse {}

impl From<Misuse> for NoiseError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
