//! Keys, signatures, and how they print.

use super::Crypto;
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A 32-byte secret: an X25519 scalar, an Ed25519 seed, a cipher key. Wiped on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey(pub [u8; 32]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// An X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 verifying key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct VerifyingKey(pub [u8; 32]);

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// An X25519 secret with its public key beside it, so that a lasting key is multiplied out once and not in
/// every handshake.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The half to keep.
    pub secret: SecretKey,
    /// The half to show.
    pub public: PublicKey,
}

impl KeyPair {
    /// The pair that `secret` makes.
    #[must_use]
    pub fn new<C: Crypto>(secret: SecretKey) -> Self {
        let public = C::public_key(&secret);
        Self { secret, public }
    }
}

macro_rules! print_as_hex {
    ($($name:ty),*) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    )*};
}

pub(crate) use print_as_hex;

print_as_hex!(PublicKey, VerifyingKey, Signature);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;
    use alloc::format;

    #[test]
    fn secrets_do_not_print() {
        let pair = KeyPair::new::<RustCrypto>(SecretKey([0x5a; 32]));
        assert!(!format!("{pair:?}").contains("5a5a"));
    }

    #[test]
    fn public_keys_print_as_hex() {
        let mut key = PublicKey([0; 32]);
        key.0[0] = 0x0f;
        assert!(format!("{key}").starts_with("0f00"));
        assert_eq!(format!("{key:?}").len(), 64);
    }
}
