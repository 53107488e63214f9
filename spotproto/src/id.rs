//! The id of a track, album, artist or playlist: sixteen bytes, written as 22 base62 digits in links.
//!
//! The alphabet is `0-9`, `a-z`, `A-Z` in that order; the value is the id read as a big-endian number, most significant
//! digit first, padded with zeros. Sixty-two to the 22nd is about eight times 2^128, so some digit strings name nothing.

use core::{fmt, str};

/// Digits in the base62 form.
pub const BASE62_LEN: usize = 22;

/// Digits in the hexadecimal form.
pub const HEX_LEN: usize = 32;

/// A global id.
///
/// `Display` and `FromStr` use base62; [`hex`](Self::hex) and [`from_hex`](Self::from_hex) the other form.
/// Ids differ in case, so neither form ignores it.
///
/// ```
/// use spotproto::Gid;
///
/// let gid: Gid = "6JEK0CvvjDjjMUBFoXShNZ".parse()?;
/// assert_eq!(gid.hex().to_string(), "dd564c074cca400cb761147457b3481f");
/// assert_eq!(gid.to_string(), "6JEK0CvvjDjjMUBFoXShNZ");
/// # Ok::<(), spotproto::id::GidError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Gid([u8; 16]);

impl Gid {
    /// The id made of these bytes: every sixteen bytes are one.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they go on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 22 base62 digits.
    ///
    /// # Errors
    /// A wrong length, a character outside the alphabet, or a number above 2^128 - 1 (`7N42dgm5tFLK9N8MT7fHC7`).
    pub fn from_base62(text: &str) -> Result<Self, GidError> {
        let digits: &[u8; BASE62_LEN] = exactly(text)?;
        // 62^10 fits in 64 bits: one wide multiplication per ten digits instead of one per digit.
        let (high, rest) = digits.split_at(BASE62_LEN - 2 * GROUP_LEN);
        let (middle, low) = rest.split_at(GROUP_LEN);
        let high = u128::from(group(high, 0)?);
        let middle = u128::from(group(middle, 2)?);
        let low = u128::from(group(low, 12)?);
        let wide = u128::from(GROUP);
        (high * wide + middle)
            .checked_mul(wide)
            .and_then(|value| value.checked_add(low))
            .map(|value| Self(value.to_be_bytes()))
            .ok_or(GidError::Overflow)
    }

    /// Reads 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// A wrong length, or a character other than `0-9` and `a-f`.
    pub fn from_hex(text: &str) -> Result<Self, GidError> {
        let digits: &[u8; HEX_LEN] = exactly(text)?;
        let mut bytes = [0; 16];
        for (at, &digit) in digits.iter().enumerate() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(GidError::Digit { at }),
            };
            bytes[at / 2] = bytes[at / 2] << 4 | value;
        }
        Ok(Self(bytes))
    }

    /// The base62 digits, in ASCII, on the stack.
    #[must_use]
    pub fn base62(&self) -> [u8; BASE62_LEN] {
        let wide = u128::from(GROUP);
        let value = u128::from_be_bytes(self.0);
        let (upper, low) = (value / wide, value % wide);
        let (high, middle) = (upper / wide, upper % wide);
        let mut digits = [b'0'; BASE62_LEN];
        let (head, rest) = digits.split_at_mut(BASE62_LEN - 2 * GROUP_LEN);
        let (centre, tail) = rest.split_at_mut(GROUP_LEN);
        // Each is below 62^10, which is below 2^64.
        spell(high as u64, head);
        spell(middle as u64, centre);
        spell(low as u64, tail);
        digits
    }

    /// Prints the hexadecimal form, without allocating.
    #[must_use]
    pub const fn hex(&self) -> Hex {
        Hex(*self)
    }
}

impl From<[u8; 16]> for Gid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Gid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl str::FromStr for Gid {
    type Err = GidError;

    fn from_str(text: &str) -> Result<Self, GidError> {
        Self::from_base62(text)
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(ascii(&self.base62())?)
    }
}

impl fmt::Debug for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gid({self})")
    }
}

/// Prints an id as 32 lower-case hexadecimal digits; made by [`Gid::hex`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hex(Gid);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; HEX_LEN];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0.0) {
            pair.copy_from_slice(&[ALPHABET[usize::from(byte >> 4)], ALPHABET[usize::from(byte & 15)]]);
        }
        f.pad(ascii(&digits)?)
    }
}

/// Why a text is not an id: the fault of whoever wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GidError {
    /// The length is not that of the form.
    Length {
        /// Digits that the form has.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// The byte at this offset is not, or does not begin, a digit of the form.
    Digit {
        /// Offset from the start of the id, in bytes.
        at: usize,
    },
    /// The digits are fine, the number takes more than sixteen bytes.
    Overflow,
}

impl fmt::Display for GidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => {
                write!(f, "the id has {found} characters instead of {expected}")
            }
            Self::Digit { at } => write!(f, "character {} of the id does not belong in one", at + 1),
            Self::Overflow => f.write_str("the id is a larger number than any id"),
        }
    }
}

impl core::error::Error for GidError {}

fn exactly<const N: usize>(text: &str) -> Result<&[u8; N], GidError> {
    text.as_bytes().try_into().map_err(|_| GidError::Length { expected: N, found: text.len() })
}

fn ascii(digits: &[u8]) -> Result<&str, fmt::Error> {
    str::from_utf8(digits).map_err(|_| fmt::Error)
}

/// The value of at most [`GROUP_LEN`] digits, the first of which stands at offset `start` of the id.
fn group(digits: &[u8], start: usize) -> Result<u64, GidError> {
    let mut value = 0;
    for (at, &digit) in digits.iter().enumerate() {
        match VALUES[usize::from(digit)] {
            FOREIGN => return Err(GidError::Digit { at: start + at }),
            digit => value = value * 62 + u64::from(digit),
        }
    }
    Ok(value)
}

/// Fills `digits` with the last digits of `value`.
fn spell(mut value: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
}

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const GROUP_LEN: usize = 10;
const GROUP: u64 = 62u64.pow(GROUP_LEN as u32);
const FOREIGN: u8 = u8::MAX;

/// What each byte is worth as a digit.
const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};
    use proptest::prelude::*;

    const VECTORS: [(&str, &str); 9] = [
        ("6JEK0CvvjDjjMUBFoXShNZ", "dd564c074cca400cb761147457b3481f"),
        ("4W5L19AvhsGC3U9xm6lQ9Q", "a236b51e19a0f578fee4461602b150ea"),
        ("3zBhJBEbDD4a4SO1EaEiBP", "756fffcee50d4987b9f8ed4e34717711"),
        ("4YrKBkKSVeqDamzBPWVnSJ", "a3762aaf30784c398a2c48f35389bed5"),
        ("6G9fHYDCoyEErUkHrFYfs4", "db7a649ce7e24d65b7d643b711b36018"),
        ("0lY11VKK3dHkSxoWyfBNti", "0ba4559bce1547d28276beb69dade0e4"),
        ("4vdV2Eua6RkUoUM51jdH56", "93f98ea75b4748f797668485a3d01bd0"),
        ("0000000000000000000000", "00000000000000000000000000000000"),
        ("7N42dgm5tFLK9N8MT7fHC7", "ffffffffffffffffffffffffffffffff"),
    ];

    #[test]
    fn known_ids_read_and_print_alike_in_both_forms() {
        for (base62, hex) in VECTORS {
            let gid = Gid::from_base62(base62).unwrap();
            assert_eq!(Gid::from_hex(hex), Ok(gid));
            assert_eq!((gid.to_string(), gid.hex().to_string()), (base62.to_string(), hex.to_string()));
        }
    }

    #[test]
    fn debug_and_padding_print_the_digits() {
        let gid = Gid::from_bytes([0; 16]);
        assert_eq!(format!("{gid:?}"), "Gid(0000000000000000000000)");
        assert_eq!(format!("{gid:>24}"), "  0000000000000000000000");
    }

    #[test]
    fn a_wrong_length_is_refused() {
        for text in ["", "6JEK0CvvjDjjMUBFoXShN", "6JEK0CvvjDjjMUBFoXShNZ0"] {
            assert_eq!(Gid::from_base62(text), Err(GidError::Length { expected: 22, found: text.len() }));
        }
        for text in ["", "dd564c074cca400cb761147457b3481", "dd564c074cca400cb761147457b3481f0"] {
            assert_eq!(Gid::from_hex(text), Err(GidError::Length { expected: 32, found: text.len() }));
        }
    }

    #[test]
    fn a_foreign_digit_is_refused_wherever_it_stands() {
        for at in 0..BASE62_LEN {
            for foreign in ["-", "_", "/", ":", "@", "[", "`", "{", " ", "\0"] {
                let mut text = VECTORS[0].0.to_string();
                text.replace_range(at..=at, foreign);
                assert_eq!(Gid::from_base62(&text), Err(GidError::Digit { at }));
            }
        }
        assert_eq!(Gid::from_base62("6JEK0CvvjDjjMUBFoXShé"), Err(GidError::Digit { at: 20 }));
        assert_eq!(Gid::from_hex("DD564c074cca400cb761147457b3481f"), Err(GidError::Digit { at: 0 }));
        assert_eq!(Gid::from_hex("dd564c074cca400cb761147457b3481g"), Err(GidError::Digit { at: 31 }));
    }

    #[test]
    fn a_number_above_sixteen_bytes_is_refused() {
        for text in [
            "7N42dgm5tFLK9N8MT7fHC8",
            "7N42dgm5tFLK9N8MT7fHD0",
            "8000000000000000000000",
            "ZZZZZZZZZZZZZZZZZZZZZZ",
        ] {
            assert_eq!(Gid::from_base62(text), Err(GidError::Overflow), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back_from_both_forms(bytes: [u8; 16]) {
            let gid = Gid::from_bytes(bytes);
            prop_assert_eq!(gid.to_string().parse(), Ok(gid));
            prop_assert_eq!(Gid::from_hex(&gid.hex().to_string()), Ok(gid));
            prop_assert_eq!(gid.hex().to_string(), format!("{:032x}", u128::from_be_bytes(bytes)));
        }

        #[test]
        fn what_reads_prints_the_same(text in "[0-7][0-9a-zA-Z]{21}") {
            match Gid::from_base62(&text) {
                Ok(gid) => prop_assert_eq!(gid.to_string(), text),
                Err(error) => prop_assert_eq!(error, GidError::Overflow),
            }
        }

        #[test]
        fn order_of_the_bytes_is_order_of_the_numbers(a: [u8; 16], b: [u8; 16]) {
            let number = u128::from_be_bytes;
            prop_assert_eq!(Gid::from_bytes(a).cmp(&Gid::from_bytes(b)), number(a).cmp(&number(b)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (Gid::from_base62(&text), Gid::from_hex(&text));
        }
    }
}
