//! The default provider: RustCrypto and dalek, pure Rust.

use super::{Aead, BadTag, Crypto, Hasher, LowOrder, PublicKey, SecretKey, Signature, TAG_LEN, VerifyingKey};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use ed25519_dalek::Signer;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

/// The RustCrypto and dalek crates.
#[derive(Debug, Clone, Copy)]
pub struct RustCrypto;

// Fails to compile if the feature that makes the cipher wipe its key is ever switched off.
const _: fn() = || {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<ChaCha20Poly1305>();
};

impl Aead for ChaCha20Poly1305 {
    fn new(key: &SecretKey) -> Self {
        <Self as KeyInit>::new(&key.0.into())
    }

    fn seal(&self, nonce: &[u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        self.encrypt_inout_detached(nonce.into(), associated, text.into())
            .expect("a text below 256 GiB can always be sealed")
            .into()
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadTag> {
        self.decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into()).map_err(|_| BadTag)
    }
}

impl Hasher for Sha256 {
    fn new() -> Self {
        <Self as Digest>::new()
    }

    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.finalize().into()
    }
}

impl Crypto for RustCrypto {
    type Aead = ChaCha20Poly1305;
    type Hasher = Sha256;

    fn public_key(secret: &SecretKey) -> PublicKey {
        let secret = x25519_dalek::StaticSecret::from(secret.0);
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }

    fn agree(secret: &SecretKey, public: &PublicKey) -> Result<SecretKey, LowOrder> {
        let secret = x25519_dalek::StaticSecret::from(secret.0);
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(public.0));
        if shared.was_contributory() { Ok(SecretKey(shared.to_bytes())) } else { Err(LowOrder) }
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn verifying_key(seed: &SecretKey) -> VerifyingKey {
        VerifyingKey(ed25519_dalek::SigningKey::from_bytes(&seed.0).verifying_key().to_bytes())
    }

    fn sign(seed: &SecretKey, message: &[u8]) -> Signature {
        Signature(ed25519_dalek::SigningKey::from_bytes(&seed.0).sign(message).to_bytes())
    }

    fn verify(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        ed25519_dalek::VerifyingKey::from_bytes(&key.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}
