//! `ring` behind the provider trait, so that every contestant seals with the same code.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, Tag, UnboundKey};
use spotproto::crypto::{
    Aead, BadTag, Crypto, LowOrder, PublicKey, RustCrypto, SecretKey, Signature, TAG_LEN, VerifyingKey,
};

/// The cipher by ring, the rest by the default provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring;

pub(crate) struct RingAead(LessSafeKey);

impl Aead for RingAead {
    fn new(key: &SecretKey) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key.0).expect("32 bytes")))
    }

    fn seal(&self, nonce: &[u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag =
            self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), text).expect("a short text");
        tag.as_ref().try_into().expect("16 bytes")
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadTag> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(associated), Tag::from(*tag), text, 0..)
            .map(|_| ())
            .map_err(|_| BadTag)
    }
}

impl Crypto for Ring {
    type Aead = RingAead;
    type Hasher = <RustCrypto as Crypto>::Hasher;

    fn public_key(secret: &SecretKey) -> PublicKey {
        RustCrypto::public_key(secret)
    }

    fn agree(secret: &SecretKey, public: &PublicKey) -> Result<SecretKey, LowOrder> {
        RustCrypto::agree(secret, public)
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        RustCrypto::hmac(key, parts)
    }

    fn verifying_key(seed: &SecretKey) -> VerifyingKey {
        RustCrypto::verifying_key(seed)
    }

    fn sign(seed: &SecretKey, message: &[u8]) -> Signature {
        RustCrypto::sign(seed, message)
    }

    fn verify(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
        RustCrypto::verify(key, message, signature)
    }
}
