//! The keys of a device for what it writes to its own disk.

use crate::seal::hkdf;
use spotproto::crypto::{Crypto, SecretKey};

/// What separates these keys from all others made of the device's secret.
const LABEL: &[u8] = b"spot cache v1";

/// The keys of one device for its sheets and leaves, made of its lasting secret. Wiped on drop, never printed.
#[derive(Clone, Debug)]
pub struct CacheKeys {
    /// Encrypts sheets.
    pub(super) sheet: SecretKey,
    /// Makes their nonces.
    pub(super) nonce: SecretKey,
    /// Authenticates leaves.
    pub(super) leaves: SecretKey,
}

impl CacheKeys {
    /// HKDF-SHA256 of the device's secret, with the label and the use as info.
    #[must_use]
    pub fn new<C: Crypto>(device_secret: &SecretKey) -> Self {
        let key = |used_for: &[u8]| hkdf::<C>(&[], &device_secret.0, &[LABEL, used_for, &[], &[]]);
        Self { sheet: key(b" sheet"), nonce: key(b" nonce"), leaves: key(b" leaves") }
    }
}
