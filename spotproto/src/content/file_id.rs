//! What names a file, what proves a part of it, and what opens it.

use crate::crypto::SecretKey;
use core::fmt;
use core::str::FromStr;

/// A SHA-256 digest in a file's Merkle tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands for a leaf behind the end of the file (BEP 52: "set to zero").
    pub const PADDING: Self = Self([0; 32]);
}

/// A file's name: the root of the BEP 52 tree over its ciphertext.
///
/// It says nothing of the length, so it is only ever checked together with the length in the [`super::Head`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct FileId(pub [u8; 32]);

impl FileId {
    /// The same 32 bytes as a node of the tree.
    #[must_use]
    pub const fn root(self) -> Hash {
        Hash(self.0)
    }
}

impl From<Hash> for FileId {
    fn from(root: Hash) -> Self {
        Self(root.0)
    }
}

/// Text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadFileId;

impl fmt::Display for BadFileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file id is 64 hexadecimal digits")
    }
}

impl core::error::Error for BadFileId {}

impl FromStr for FileId {
    type Err = BadFileId;

    fn from_str(text: &str) -> Result<Self, BadFileId> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(BadFileId);
        }
        let mut id = [0; 32];
        for (byte, pair) in id.iter_mut().zip(pairs) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

fn digit(ascii: u8) -> Result<u8, BadFileId> {
    char::from(ascii).to_digit(16).and_then(|value| u8::try_from(value).ok()).ok_or(BadFileId)
}

/// The key that a file's pieces are sealed with. Wiped on drop, never printed.
#[derive(Clone)]
pub struct ContentKey(SecretKey);

impl ContentKey {
    /// A key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(SecretKey(bytes))
    }

    /// The bytes, for the one message that carries them and for the cipher.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0.0
    }

    /// As the cipher's constructor wants it.
    #[must_use]
    pub const fn secret(&self) -> &SecretKey {
        &self.0
    }
}

/// In constant time, so that a comparison tells nothing of how much is equal.
impl PartialEq for ContentKey {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.expose()[..], &other.expose()[..]).into()
    }
}

impl Eq for ContentKey {}

impl From<SecretKey> for ContentKey {
    fn from(secret: SecretKey) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

macro_rules! print_as_hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

print_as_hex!(Hash, FileId);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn a_file_id_prints_as_hex_and_reads_back() {
        let mut id = [0; 32];
        id[0] = 0xab;
        id[31] = 0x07;
        let text = FileId(id).to_string();
        assert!(text.starts_with("ab00") && text.ends_with("0007"));
        assert_eq!(text.parse(), Ok(FileId(id)));
        assert_eq!(text.to_uppercase().parse(), Ok(FileId(id)));
    }

    #[test]
    fn what_is_not_64_hex_digits_is_no_file_id() {
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"é".repeat(32)] {
            assert_eq!(text.parse::<FileId>(), Err(BadFileId), "{text}");
        }
    }

    #[test]
    fn a_content_key_is_never_printed() {
        assert_eq!(format!("{:?}", ContentKey::new([7; 32])), "ContentKey(..)");
    }
}
