//! The primitives behind a small provider trait, as rustls has it, so that a faster backend can be plugged in.
//!
//! There is no null provider here: real sessions must not be able to speak one. The one that fuzzers use is a crate of
//! its own, which is not published, with a suite of its own, which sessions of every other provider refuse.

mod keys;
mod rust_crypto;

pub(crate) use keys::print_as_hex;
pub use keys::{KeyPair, PublicKey, SecretKey, Signature, VerifyingKey};
pub use rust_crypto::RustCrypto;

use core::fmt;

/// Bytes that authentication adds to a sealed text (Poly1305, RFC 8439).
pub const TAG_LEN: usize = 16;

/// A sealed text that was not sealed with this key, nonce and associated data, or was altered since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTag;

impl fmt::Display for BadTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the authentication tag does not fit")
    }
}

impl core::error::Error for BadTag {}

/// The other side's public key is of low order: the shared secret would be known to everybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LowOrder;

impl fmt::Display for LowOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the public key is of low order")
    }
}

impl core::error::Error for LowOrder {}

/// ChaCha20-Poly1305 (RFC 8439) under one key, which it wipes on drop.
pub trait Aead {
    /// A cipher under `key`.
    fn new(key: &SecretKey) -> Self;

    /// Encrypts `text` in place and returns the tag.
    fn seal(&self, nonce: &[u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN];

    /// Checks the tag, then decrypts `text` in place.
    ///
    /// # Errors
    /// [`BadTag`]; `text` then holds nothing of use.
    fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadTag>;
}

/// SHA-256 over bytes that come in parts.
pub trait Hasher: Clone {
    /// A hasher that has seen nothing.
    fn new() -> Self;
    /// Takes the next bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of all bytes taken.
    fn finish(self) -> [u8; 32];
}

/// A provider of all primitives of cipher suite 1: X25519, ChaCha20-Poly1305, SHA-256, Ed25519.
///
/// A type without values; machines name it as a type parameter that defaults to [`RustCrypto`].
pub trait Crypto: fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// The number of the suite in preambles; sessions refuse any other. Whoever provides something else than suite 1 takes
    /// a number from 0xf0 on, which no session with real cryptography speaks.
    const SUITE: u8 = crate::preamble::SUITE;

    /// The authenticated cipher.
    type Aead: Aead + Send + Sync;
    /// The hash.
    type Hasher: Hasher;

    /// The X25519 public key of a secret one.
    fn public_key(secret: &SecretKey) -> PublicKey;

    /// The X25519 shared secret.
    ///
    /// # Errors
    /// [`LowOrder`] if it comes out all zero (RFC 7748 §6.1).
    fn agree(secret: &SecretKey, public: &PublicKey) -> Result<SecretKey, LowOrder>;

    /// HMAC-SHA256 of the concatenated `parts`.
    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32];

    /// The Ed25519 verifying key of a seed.
    fn verifying_key(seed: &SecretKey) -> VerifyingKey;

    /// Signs with Ed25519.
    fn sign(seed: &SecretKey, message: &[u8]) -> Signature;

    /// Checks an Ed25519 signature strictly (no small-order keys, no malleable signatures).
    fn verify(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool;

    /// SHA-256 of the concatenated `parts`.
    #[must_use]
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Self::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finish()
    }
}
