//! Where the body of an answer ends (RFC 9112 §6.3).

use super::chunked::Chunked;
use super::error::Broken;
use core::ops::Range;

/// What is left of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All that comes until the server closes.
    UntilClose,
}

impl Body {
    /// Whether all of it was used.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_over(),
            Self::UntilClose => false,
        }
    }

    /// Bytes that are left, where that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            _ => None,
        }
    }

    /// Takes from the front of `wire`, of data at most `most` bytes. Answers how many bytes were used, and which of
    /// them are data.
    pub(super) fn decode(&mut self, wire: &[u8], most: usize) -> Result<(usize, Range<usize>), Broken> {
        let count = wire.len().min(most);
        match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).map_or(count, |left| left.min(count));
                *left = left.saturating_sub(count as u64);
                Ok((count, 0..count))
            }
            Self::Chunked(chunked) => chunked.decode(wire, most),
            Self::UntilClose => Ok((count, 0..count)),
        }
    }
}
