//! The provider for those who make texts and no tags.

use crate::{Checksum, NullCrypto};
use spotproto::crypto::{
    Aead, BadTag, Crypto, LowOrder, PublicKey, SecretKey, Signature, TAG_LEN, VerifyingKey,
};

/// [`NullCrypto`], but for tags: it believes every one.
#[derive(Clone, Copy, Debug)]
pub struct Gullible;

/// Looks at no tag, and takes no trouble over its own.
#[derive(Debug)]
pub struct Unchecked;

impl Aead for Unchecked {
    fn new(_: &SecretKey) -> Self {
        Self
    }

    fn seal(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> [u8; TAG_LEN] {
        [0; TAG_LEN]
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

    /// Of no use: the keys that come of it encrypt nothing, and no tag is looked at.
    fn hmac(_: &[u8], _: &[&[u8]]) -> [u8; 32] {
        [0; 32]
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
