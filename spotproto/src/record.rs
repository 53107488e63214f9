//! Sealed records: a length, then frames under ChaCha20-Poly1305 with a counted nonce.
//!
//! A record is sealed per flush and not per message: the cipher's fixed cost is that of 2 KiB of text.

use crate::crypto::{Crypto, TAG_LEN};
use crate::error::{PeerFault, SessionError};
use crate::noise::CipherState;
use bytes::{BufMut, BytesMut};
use core::ops::Range;

/// Most plaintext in a record: a whole piece, its frame headers, and a few small messages.
pub const MAX_PLAINTEXT: usize = 16 * 1024 + 256;

/// Bytes that a record adds to its plaintext: length and tag.
pub const OVERHEAD: usize = 2 + TAG_LEN;

/// Records after which a key is replaced by count (Noise rev 34 §11.3); both sides count.
pub const REKEY_EVERY: u64 = 1 << 20;

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sealer<C: Crypto>(CipherState<C>);

impl<C: Crypto> Sealer<C> {
    pub(crate) const fn new(cipher: CipherState<C>) -> Self {
        Self(cipher)
    }

    /// Leaves room for the length; what is appended next is the plaintext.
    pub(crate) fn begin(wire: &mut BytesMut) -> usize {
        wire.put_u16(0);
        wire.len()
    }

    /// Seals what was appended since [`Sealer::begin`] returned `start`.
    pub(crate) fn finish(&mut self, wire: &mut BytesMut, start: usize) -> Result<(), SessionError> {
        let length = wire.len() - start + TAG_LEN;
        debug_assert!(length <= MAX_PLAINTEXT + TAG_LEN);
        if let Some(place) = wire.get_mut(start - 2..start) {
            place.copy_from_slice(&(length as u16).to_be_bytes());
        }
        let text = wire.get_mut(start..).unwrap_or_default();
        let tag = self.0.seal(&[], text).map_err(PeerFault::Handshake)?;
        wire.put_slice(&tag);
        if self.0.nonce().is_multiple_of(REKEY_EVERY) {
            self.0.rekey();
        }
        Ok(())
    }

    /// Replaces the key; the other side was told in the record just sealed.
    pub(crate) fn rekey(&mut self) {
        self.0.rekey();
    }
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Opener<C: Crypto>(CipherState<C>);

impl<C: Crypto> Opener<C> {
    pub(crate) const fn new(cipher: CipherState<C>) -> Self {
        Self(cipher)
    }

    /// Opens the record at the front of `wire` in place: where its plaintext lies, or `None` if it is incomplete.
    /// The record ends [`TAG_LEN`] bytes after its plaintext.
    pub(crate) fn open(&mut self, wire: &mut [u8]) -> Result<Option<Range<usize>>, SessionError> {
        let Some((length, rest)) = wire.split_first_chunk_mut::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(plain) = length.checked_sub(TAG_LEN) else { return Err(PeerFault::BadRecord.into()) };
        if plain > MAX_PLAINTEXT {
            return Err(PeerFault::OversizedRecord.into());
        }
        let Some((text, rest)) = rest.split_at_mut_checked(plain) else { return Ok(None) };
        let Some((tag, _)) = rest.split_first_chunk::<TAG_LEN>() else { return Ok(None) };
        self.0.open(&[], text, tag).map_err(|_| PeerFault::BadRecord)?;
        if self.0.nonce().is_multiple_of(REKEY_EVERY) {
            self.0.rekey();
        }
        Ok(Some(2..2 + plain))
    }

    /// Replaces the key, as the record just opened said.
    pub(crate) fn rekey(&mut self) {
        self.0.rekey();
    }
}
