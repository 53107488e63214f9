//! The provider for those who make texts and no tags.

use crate::{Checksum, NullCrypto, Tagged};
use spotproto::crypto::{
    Aead, BadTag, Crypto, LowOrder, PublicKey, SecretKey, Signature, TAG_LEN, VerifyingKey,
};

/// [`NullCrypto`], but for tags: it believes every one.
#[derive(Clone, Copy, Debug)]
pub struct Gullible;

/// Looks at no tag.
#[derive(Debug)]
pub struct Unchecked(Tagged);

impl Aead for Unchecked {
    fn new(key: &SecretKey) -> Self {
        Self(Tagged::new(key))
    }

    fn seal(&self, nonce: &[u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.seal(nonce, associated, text)
    }

    fn open(&self, _: &[u8; 12], _: &[u8], _: &mut [u8], _: &[u8; TAG_LEN]) -> Result<(), BadTag> {
        Ok(())
    }
}

impl Crypto for Gullible {
    const SUITE: u8 = NullCrypto::SUITE + 1;

    type Aead = Unchecked;
    type Hasher = Checksum;

    fn public_key(secret: &SecretKey) -> PublicKey {
        NullCrypto::public_key(secret)
    }

    fn agree(secret: &SecretKey, public: &PublicKey) -> Result<SecretKey, LowOrder> {
        NullCrypto::agree(secret, public)
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        NullCrypto::hmac(key, parts)
    }

    fn verifying_key(seed: &SecretKey) -> VerifyingKey {
        NullCrypto::verifying_key(seed)
    }

    fn sign(seed: &SecretKey, message: &[u8]) -> Signature {
        NullCrypto::sign(seed, message)
    }

    fn verify(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
        NullCrypto::verify(key, message, signature)
    }
}
