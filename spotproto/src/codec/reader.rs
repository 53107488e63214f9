//! Checked reading: every byte that comes from outside passes here, and none can make it panic.

use core::fmt;

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end before the value does.
    Truncated,
    /// A count or length above its limit; the name says which.
    TooLong(&'static str),
    /// A value outside its range; the name says which.
    Invalid(&'static str),
    /// Bytes left over after the value.
    Trailing,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::TooLong(what) => write!(f, "{what} above its limit"),
            Self::Invalid(what) => write!(f, "{what} is not valid"),
            Self::Trailing => f.write_str("bytes left over"),
        }
    }
}

impl core::error::Error for CodecError {}

/// A cursor over bytes from outside.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the front of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all bytes are read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading; a value with anything behind it is not canonical.
    ///
    /// # Errors
    /// [`CodecError::Trailing`] if bytes are left.
    pub const fn finish(self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], CodecError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(CodecError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes, by value.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A QUIC varint. Longer forms than needed are legal, as in RFC 9000.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let first = *self.rest.first().ok_or(CodecError::Truncated)?;
        match first >> 6 {
            0 => self.u8().map(u64::from),
            1 => self.u16().map(|n| u64::from(n & 0x3fff)),
            2 => self.u32().map(|n| u64::from(n & 0x3fff_ffff)),
            _ => self.u64().map(|n| n & 0x3fff_ffff_ffff_ffff),
        }
    }

    /// A varint that must fit 32 bits.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::TooLong`] naming `what`.
    pub fn varint_u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        u32::try_from(self.varint()?).map_err(|_| CodecError::TooLong(what))
    }

    /// A count or length of at most `limit`.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::TooLong`] naming `what`.
    pub fn count(&mut self, limit: usize, what: &'static str) -> Result<usize, CodecError> {
        match usize::try_from(self.varint()?) {
            Ok(n) if n <= limit => Ok(n),
            _ => Err(CodecError::TooLong(what)),
        }
    }

    /// A length of at most `limit`, then that many bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::TooLong`] naming `what`.
    pub fn counted(&mut self, limit: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        let n = self.count(limit, what)?;
        self.bytes(n)
    }

    /// UTF-8 text of at most `limit` bytes behind its length.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::TooLong`] or [`CodecError::Invalid`] naming `what`.
    pub fn text(&mut self, limit: usize, what: &'static str) -> Result<&'a str, CodecError> {
        core::str::from_utf8(self.counted(limit, what)?).map_err(|_| CodecError::Invalid(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{VARINT_MAX, Writer};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn the_varints_of_rfc_9000_read_back() {
        let examples: [(&[u8], u64); 5] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in examples {
            assert_eq!(Reader::new(bytes).varint(), Ok(value));
        }
    }

    proptest! {
        #[test]
        fn varints_round_trip_in_the_shortest_form(value in 0..=VARINT_MAX) {
            let mut bytes = Vec::new();
            Writer::new(&mut bytes).varint(value);
            prop_assert_eq!(bytes.len(), crate::codec::varint_len(value));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, n in 0usize..64) {
            let mut reader = Reader::new(&bytes);
            let _ = (reader.varint(), reader.text(n, "text"), reader.bytes(n), reader.array::<7>());
        }
    }
}
