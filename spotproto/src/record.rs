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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{RustCrypto, SecretKey};
    use alloc::vec::Vec;

    struct Line(Sealer<RustCrypto>, Opener<RustCrypto>);

    /// A cipher behind so many records, under its first key or the one that followed.
    fn cipher(records: u64, rekeyed: bool) -> CipherState<RustCrypto> {
        let mut cipher = CipherState::new(SecretKey([7; 32]));
        cipher.skip_to(records);
        if rekeyed {
            cipher.rekey();
        }
        cipher
    }

    /// Both ends of a line, behind so many records.
    fn line(records: u64) -> Line {
        Line(Sealer::new(cipher(records, false)), Opener::new(cipher(records, false)))
    }

    /// Whether the sealing end and the opening one are past their first key, so many records on.
    fn replaced(line: &mut Line, records: u64) -> (bool, bool) {
        let mut wire = BytesMut::new();
        line.seal(&mut wire, b"text");
        let sealer = [false, true]
            .map(|rekeyed| Opener::new(cipher(records, rekeyed)).open(&mut wire.clone()).is_ok());
        let opener = [false, true].map(|rekeyed| {
            let mut wire = BytesMut::new();
            let other = cipher(records, false);
            Line(Sealer::new(cipher(records, rekeyed)), Opener::new(other)).seal(&mut wire, b"text");
            line.1.open(&mut wire).is_ok()
        });
        assert!(sealer[0] != sealer[1] && opener[0] != opener[1], "each end has one key");
        (sealer[1], opener[1])
    }

    impl Line {
        fn seal(&mut self, wire: &mut BytesMut, text: &[u8]) {
            let start = Sealer::<RustCrypto>::begin(wire);
            wire.put_slice(text);
            self.0.finish(wire, start).unwrap();
        }

        /// A record that holds this text, and what comes of it.
        fn carry(&mut self, text: &[u8]) -> Result<Vec<u8>, SessionError> {
            let mut wire = BytesMut::new();
            self.seal(&mut wire, text);
            let range = self.1.open(&mut wire)?.expect("a whole record");
            Ok(wire[range].to_vec())
        }
    }

    #[test]
    fn records_follow_each_other_and_are_opened_where_they_lie() {
        let mut line = line(0);
        let texts = [&b""[..], b"a", &[5; MAX_PLAINTEXT], b"last"];
        let mut wire = BytesMut::new();
        for text in texts {
            let before = wire.len();
            line.seal(&mut wire, text);
            assert_eq!(wire.len(), before + text.len() + OVERHEAD);
        }
        for text in texts {
            let range = line.1.open(&mut wire).unwrap().expect("a whole record");
            assert_eq!(range.start, 2);
            assert_eq!(&wire[range.clone()], text);
            let _ = wire.split_to(range.end + TAG_LEN);
        }
        assert!(wire.is_empty());
    }

    #[test]
    fn a_record_says_its_length_in_front_and_adds_eighteen_bytes() {
        let mut line = line(0);
        let mut wire = BytesMut::new();
        line.seal(&mut wire, &[5; 300]);
        assert_eq!((wire.len(), &wire[..2]), (318, &316u16.to_be_bytes()[..]));
    }

    #[test]
    fn of_a_record_that_is_cut_short_nothing_is_opened() {
        let mut line = line(0);
        let mut wire = BytesMut::new();
        line.seal(&mut wire, b"text");
        for length in 0..wire.len() {
            assert_eq!(line.1.open(&mut wire.clone()[..length]), Ok(None), "{length}");
        }
        assert_eq!(line.1.open(&mut wire), Ok(Some(2..6)));
    }

    #[test]
    fn lengths_that_no_record_has_are_refused_before_the_record_is_there() {
        let Line(_, mut opener) = line(0);
        let mut open = |length: usize| opener.open(&mut (length as u16).to_be_bytes());
        assert_eq!(open(TAG_LEN - 1), Err(PeerFault::BadRecord.into()));
        assert_eq!(open(TAG_LEN), Ok(None));
        assert_eq!(open(16_640 + TAG_LEN), Ok(None));
        assert_eq!(open(16_640 + TAG_LEN + 1), Err(PeerFault::OversizedRecord.into()));
        assert_eq!(open(0xffff), Err(PeerFault::OversizedRecord.into()));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "MAX_PLAINTEXT")]
    fn a_record_longer_than_any_is_a_fault_of_this_crate() {
        line(0).seal(&mut BytesMut::new(), &[5; MAX_PLAINTEXT + 1]);
    }

    #[test]
    fn both_ends_replace_their_key_behind_record_2_to_the_20th() {
        for (behind, is_replaced) in
            [(0, false), ((1 << 20) - 2, false), ((1 << 20) - 1, true), (1 << 20, false)]
        {
            let mut line = line(behind);
            assert_eq!(line.carry(b"text").as_deref(), Ok(&b"text"[..]));
            assert_eq!(replaced(&mut line, behind + 1), (is_replaced, is_replaced), "{behind}");
        }
    }

    #[test]
    fn an_end_that_is_told_to_replaces_its_key() {
        let mut line = line(5);
        line.0.rekey();
        assert_eq!(replaced(&mut line, 5), (true, false));
        let mut line = self::line(5);
        line.1.rekey();
        assert_eq!(replaced(&mut line, 5), (false, true));
    }
}
