//! A file's key follows from what is in it, so adding a song twice gives the same file.

use spotproto::content::{ContentKey, Format, Geometry};
use spotproto::crypto::{Crypto, SecretKey};
use zeroize::Zeroize;

/// SHA-256 of a file's canonical plaintext, with its length.
///
/// Whoever holds it could tell whether a file holds a given song; it stays on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest {
    /// Lengths of the plaintext that was hashed.
    pub geometry: Geometry,
    /// The hash.
    pub sha256: [u8; 32],
}

/// What separates these keys from all others made of the same master secret.
const LABEL: &[u8] = b"spot content v1";

/// The key of a file: HKDF-SHA256 of an epoch's master secret, with the label, the format (one byte), the length of
/// the plaintext (8 bytes, big-endian) and its SHA-256 as info.
#[must_use]
pub fn content_key<C: Crypto>(master: &SecretKey, format: Format, digest: &Digest) -> ContentKey {
    let length = digest.geometry.plaintext_len().to_be_bytes();
    let info = [LABEL, &[format as u8], &length, &digest.sha256];
    ContentKey::from(hkdf::<C>(&[], &master.0, &info))
}

/// The first 32 bytes of HKDF (RFC 5869 §2): extract, then the first block of expand.
pub(crate) fn hkdf<C: Crypto>(salt: &[u8], secret: &[u8], info: &[&[u8]; 4]) -> SecretKey {
    let mut pseudorandom = C::hmac(salt, &[secret]);
    let [one, two, three, four] = info;
    let key = C::hmac(&pseudorandom, &[one, two, three, four, &[1]]);
    pseudorandom.zeroize();
    SecretKey(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::crypto::RustCrypto;

    #[test]
    fn hkdf_gives_the_first_block_of_the_vectors_of_rfc_5869() {
        // Appendix A.1 and A.3.
        let info: [u8; 10] = core::array::from_fn(|i| 0xf0 + i as u8);
        let salt: [u8; 13] = core::array::from_fn(|i| i as u8);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        assert_eq!(
            hex(&hkdf::<RustCrypto>(&salt, &[0x0b; 22], &[&info[..3], &info[3..], &[], &[]])),
            expected
        );
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(hex(&hkdf::<RustCrypto>(&[], &[0x0b; 22], &[&[], &[], &[], &[]])), expected);
    }

    fn hex(key: &SecretKey) -> alloc::string::String {
        key.0.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    #[test]
    fn another_epoch_format_length_or_plaintext_gives_another_key() {
        let digest = Digest { geometry: Geometry::of_plaintext(1000).unwrap(), sha256: [3; 32] };
        let longer = Digest { geometry: Geometry::of_plaintext(1001).unwrap(), ..digest };
        let other = Digest { sha256: [4; 32], ..digest };
        let key = |epoch: u8, format, digest| {
            *content_key::<RustCrypto>(&SecretKey([epoch; 32]), format, digest).expose()
        };
        let keys = [
            key(1, Format::Flac, &digest),
            key(2, Format::Flac, &digest),
            key(1, Format::Wav, &digest),
            key(1, Format::Flac, &longer),
            key(1, Format::Flac, &other),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|another| one != another));
        }
        assert_eq!(keys[0], key(1, Format::Flac, &digest));
    }
}
