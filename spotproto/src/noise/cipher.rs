//! A key with its nonce (Noise rev 34 §5.1): seals or opens the records of one direction, in order.

use super::{MAX_MESSAGE_LEN, Misuse, NoiseError};
use crate::crypto::{Aead, Crypto, RustCrypto, SecretKey, TAG_LEN};
use core::fmt;

/// The nonce that no record may use; rekeying takes it (Noise rev 34 §4.2).
const RESERVED_NONCE: u64 = u64::MAX;

/// The cipher of one direction. Takes 40 bytes with the default provider.
pub struct CipherState<C: Crypto = RustCrypto> {
    aead: C::Aead,
    nonce: u64,
}

impl<C: Crypto> CipherState<C> {
    /// A cipher under `key` whose next nonce is 0.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self { aead: C::Aead::new(&key), nonce: 0 }
    }

    /// The nonce of the next record, which is the number of records so far.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Encrypts `text` in place, binds it to `ad`, and counts the nonce up.
    ///
    /// # Errors
    /// [`NoiseError::NonceExhausted`], or [`Misuse::TooLong`]; `text` is then left as it was.
    pub fn seal(&mut self, ad: &[u8], text: &mut [u8]) -> Result<[u8; TAG_LEN], NoiseError> {
        if text.len() > MAX_MESSAGE_LEN - TAG_LEN {
            return Err(Misuse::TooLong.into());
        }
        let nonce = self.usable_nonce()?;
        let tag = self.aead.seal(&nonce, ad, text);
        self.nonce += 1;
        Ok(tag)
    }

    /// Checks `tag`, decrypts `text` in place, and counts the nonce up.
    ///
    /// # Errors
    /// [`NoiseError::Decrypt`] or [`NoiseError::NonceExhausted`]; the nonce stays, `text` holds nothing of use.
    pub fn open(&mut self, ad: &[u8], text: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<(), NoiseError> {
        let nonce = self.usable_nonce()?;
        self.aead.open(&nonce, ad, text, tag).map_err(|_| NoiseError::Decrypt)?;
        self.nonce += 1;
        Ok(())
    }

    /// Replaces the key by one that the old key makes; nobody can go back from it (Noise rev 34 §4.2).
    ///
    /// The nonce goes on counting. Both sides have to do it between the same two records.
    pub fn rekey(&mut self) {
        let mut key = SecretKey([0; 32]);
        // The tag is dropped: REKEY takes the first 32 bytes of what encryption returns.
        self.aead.seal(&nonce_bytes(RESERVED_NONCE), &[], &mut key.0);
        self.aead = C::Aead::new(&key);
    }

    /// As it is behind so many records.
    #[cfg(test)]
    pub(crate) const fn skip_to(&mut self, nonce: u64) {
        self.nonce = nonce;
    }

    fn usable_nonce(&self) -> Result<[u8; 12], NoiseError> {
        match self.nonce {
            RESERVED_NONCE => Err(NoiseError::NonceExhausted),
            nonce => Ok(nonce_bytes(nonce)),
        }
    }
}

impl<C: Crypto> fmt::Debug for CipherState<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CipherState").field("nonce", &self.nonce).finish_non_exhaustive()
    }
}

/// Four zero bytes, then the number little-endian (Noise rev 34 §12.3).
fn nonce_bytes(nonce: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&nonce.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (CipherState, CipherState) {
        (CipherState::new(SecretKey([7; 32])), CipherState::new(SecretKey([7; 32])))
    }

    #[test]
    fn an_idle_cipher_costs_forty_bytes() {
        assert_eq!(size_of::<CipherState>(), 40);
    }

    #[test]
    fn the_last_nonce_is_never_used() {
        let (mut send, mut receive) = pair();
        send.nonce = RESERVED_NONCE - 1;
        receive.nonce = RESERVED_NONCE - 1;
        let mut text = *b"last";
        let tag = send.seal(b"", &mut text).unwrap();
        receive.open(b"", &mut text, &tag).unwrap();
        assert_eq!(text, *b"last");
        assert_eq!(send.seal(b"", &mut text), Err(NoiseError::NonceExhausted));
        assert_eq!(receive.open(b"", &mut text, &tag), Err(NoiseError::NonceExhausted));
        assert_eq!((send.nonce(), text), (RESERVED_NONCE, *b"last"));
    }

    #[test]
    fn a_failed_open_leaves_the_nonce() {
        let (mut send, mut receive) = pair();
        let mut text = *b"text";
        let tag = send.seal(b"ad", &mut text).unwrap();
        let sealed = text;
        assert_eq!(receive.open(b"other", &mut text, &tag), Err(NoiseError::Decrypt));
        assert_eq!(receive.nonce(), 0);
        text = sealed;
        receive.open(b"ad", &mut text, &tag).unwrap();
        assert_eq!((&text, receive.nonce()), (b"text", 1));
    }

    #[test]
    fn a_rekeyed_cipher_keeps_its_nonce_and_forgets_its_key() {
        let (mut send, mut receive) = pair();
        let mut text = *b"text";
        send.seal(b"", &mut text).unwrap();
        send.rekey();
        assert_eq!(send.nonce(), 1);
        text = *b"text";
        let tag = send.seal(b"", &mut text).unwrap();
        receive.nonce = 1;
        assert_eq!(receive.open(b"", &mut text.clone(), &tag), Err(NoiseError::Decrypt));
        receive.rekey();
        receive.open(b"", &mut text, &tag).unwrap();
        assert_eq!(&text, b"text");
    }

    #[test]
    fn a_text_above_the_limit_of_noise_is_refused() {
        let (mut send, _) = pair();
        let mut text = alloc::vec![0; MAX_MESSAGE_LEN - TAG_LEN + 1];
        assert_eq!(send.seal(b"", &mut text), Err(NoiseError::Misuse(Misuse::TooLong)));
        assert!(send.seal(b"", &mut text[1..]).is_ok());
    }
}
