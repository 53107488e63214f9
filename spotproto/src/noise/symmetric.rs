//! The running hash, chaining key and cipher of a handshake (Noise rev 34 §5.2).

use super::{CipherState, NoiseError};
use crate::crypto::{Crypto, SecretKey, TAG_LEN};

pub(super) struct SymmetricState<C: Crypto> {
    chaining_key: SecretKey,
    hash: [u8; 32],
    cipher: Option<CipherState<C>>,
}

impl<C: Crypto> SymmetricState<C> {
    pub(super) fn new(protocol_name: &[u8; 32]) -> Self {
        Self { chaining_key: SecretKey(*protocol_name), hash: *protocol_name, cipher: None }
    }

    pub(super) const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Bytes that sealing adds at this point: none before the first key is mixed in.
    pub(super) const fn overhead(&self) -> usize {
        if self.cipher.is_some() { TAG_LEN } else { 0 }
    }

    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.hash = C::hash(&[&self.hash, data]);
    }

    pub(super) fn mix_key(&mut self, shared: &SecretKey) {
        let (chaining_key, key) = self.derive(&shared.0);
        self.chaining_key = chaining_key;
        self.cipher = Some(CipherState::new(key));
    }

    /// Seals `text` in place, if there is a key yet, and returns the tag to put behind it.
    pub(super) fn seal(&mut self, text: &mut [u8]) -> Result<Option<[u8; TAG_LEN]>, NoiseError> {
        let tag = match &mut self.cipher {
            Some(cipher) => Some(cipher.seal(&self.hash, text)?),
            None => None,
        };
        let tag_bytes = tag.as_ref().map_or(&[][..], |tag| tag);
        self.hash = C::hash(&[&self.hash, text, tag_bytes]);
        Ok(tag)
    }

    /// Opens `sealed`, tag included, in place; returns the length of the text at its front.
    pub(super) fn open(&mut self, sealed: &mut [u8]) -> Result<usize, NoiseError> {
        let hash = C::hash(&[&self.hash, sealed]);
        let len = match &mut self.cipher {
            Some(cipher) => {
                let (text, tag) = sealed.split_last_chunk_mut().ok_or(NoiseError::Malformed)?;
                cipher.open(&self.hash, text, tag)?;
                text.len()
            }
            None => sealed.len(),
        };
        self.hash = hash;
        Ok(len)
    }

    /// The keys of both directions, the initiator's first.
    pub(super) fn split(&self) -> (CipherState<C>, CipherState<C>) {
        let (first, second) = self.derive(&[]);
        (CipherState::new(first), CipherState::new(second))
    }

    /// Forgets all that is secret.
    pub(super) fn wipe(&mut self) {
        self.chaining_key = SecretKey([0; 32]);
        self.cipher = None;
    }

    /// HKDF with two outputs (Noise rev 34 §4.3; RFC 5869 with an empty info).
    fn derive(&self, input: &[u8]) -> (SecretKey, SecretKey) {
        let seed = SecretKey(C::hmac(&self.chaining_key.0, &[input]));
        let first = SecretKey(C::hmac(&seed.0, &[&[1]]));
        let second = SecretKey(C::hmac(&seed.0, &[&first.0, &[2]]));
        (first, second)
    }
}
