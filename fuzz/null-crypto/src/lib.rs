//! A provider without cryptography, so that fuzzers get past the handshake at the speed of a checksum.
//!
//! Texts stay as they are, and a tag is a checksum over key, nonce, associated data and text: what a line alters is
//! noticed as it is in earnest, and whoever wants to forge can. [`Gullible`] does not even look at tags. Each has a suite
//! with a number of its own, which sessions with real cryptography refuse; and refuses theirs.

#![no_std]

mod checksum;
mod gullible;

pub use checksum::Checksum;
pub use gullible::{Gullible, Unchecked};

use spotproto::crypto::{
    Aead, BadTag, Crypto, Hasher, LowOrder, PublicKey, SecretKey, Signature, TAG_LEN, VerifyingKey,
};

/// The number of this suite in preambles.
pub const SUITE: u8 = 0xf0;

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct NullCrypto;

/// Tags texts and encrypts none.
#[derive(Debug)]
pub struct Tagged([u8; 32]);

impl Tagged {
    fn tag(&self, nonce: &[u8; 12], associated: &[u8], text: &[u8]) -> [u8; TAG_LEN] {
        let length = (associated.len() as u64).to_be_bytes();
        let [a, b] = halves(&NullCrypto::hash(&[&self.0, nonce, &length, associated, text]));
        core::array::from_fn(|at| a[at] ^ b[at])
    }
}

impl Aead for Tagged {
    fn new(key: &SecretKey) -> Self {
        Self(key.0)
    }

    fn seal(&self, nonce: &[u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        self.tag(nonce, associated, text)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadTag> {
        if self.tag(nonce, associated, text) == *tag { Ok(()) } else { Err(BadTag) }
    }
}

impl Crypto for NullCrypto {
    const SUITE: u8 = SUITE;

    type Aead = Tagged;
    type Hasher = Checksum;

    /// The secret itself, a bit flipped: all zero is then somebody's secret, and nobody's public key.
    fn public_key(secret: &SecretKey) -> PublicKey {
        let mut public = secret.0;
        public[0] ^= 0x80;
        PublicKey(public)
    }

    fn agree(secret: &SecretKey, public: &PublicKey) -> Result<SecretKey, LowOrder> {
        if public.0 == [0; 32] {
            return Err(LowOrder);
        }
        let own = Self::public_key(secret).0;
        // Commutes, as it has to; and a key with itself gives a secret too.
        Ok(SecretKey(core::array::from_fn(|at| own[at].wrapping_add(public.0[at]))))
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Checksum::new();
        hasher.update(&(key.len() as u64).to_be_bytes());
        hasher.update(key);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finish()
    }

    fn verifying_key(seed: &SecretKey) -> VerifyingKey {
        VerifyingKey(seed.0)
    }

    fn sign(seed: &SecretKey, message: &[u8]) -> Signature {
        let digest = Self::hash(&[&seed.0, message]);
        Signature(core::array::from_fn(|at| digest[at % 32]))
    }

    fn verify(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
        Self::sign(&SecretKey(key.0), message) == *signature
    }
}

fn halves(digest: &[u8; 32]) -> [[u8; TAG_LEN]; 2] {
    [0, TAG_LEN].map(|from| core::array::from_fn(|at| digest[from + at]))
}
