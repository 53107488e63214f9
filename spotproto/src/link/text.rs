//! The free text in a link: bounded when kept, percent- and plus-encoded when written.

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
use core::{fmt, ops::Deref};

/// A user's name, a search or a tag of a local file: UTF-8, at least one byte and at most [`MAX_LEN`](Self::MAX_LEN).
///
/// It may hold any character, control characters too; only the encoded form in a link is fit for every terminal.
///
/// ```
/// use spotproto::link::{Link, Text, TextError};
///
/// let link = Link::Search { query: Text::new("what's (this)?")? };
/// assert_eq!(link.uri().to_string(), "spotify:search:what%27s+%28this%29%3F");
/// assert_eq!(Text::new(""), Err(TextError::Empty));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// The most bytes in a text, decoded.
    pub const MAX_LEN: usize = 1024;

    /// Keeps a copy of `text`.
    ///
    /// # Errors
    /// The text is empty or longer than [`MAX_LEN`](Self::MAX_LEN).
    pub fn new(text: &str) -> Result<Self, TextError> {
        check(text.len()).map(|()| Self(text.into()))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a text as it stands in a link.
    pub(super) fn decode(encoded: &str) -> Result<Self, TextError> {
        // An escape is three bytes for one, so this says no before anything is allocated.
        if encoded.len() > 3 * Self::MAX_LEN {
            return Err(TextError::TooLong);
        }
        let text = unescape(encoded)?;
        check(text.len()).map(|()| Self(text.into_boxed_str()))
    }

    /// Prints the text as it stands in a normal link, without allocating.
    pub(super) const fn encode(&self) -> Encoded<'_> {
        Encoded(&self.0)
    }
}

impl TryFrom<&str> for Text {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        check(text.len()).map(|()| Self(text.into_boxed_str()))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into_string()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Why a text cannot stand in a link. `Display` goes on from the name of the part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TextError {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`Text::MAX_LEN`].
    TooLong,
    /// The percent sign at this offset is not followed by two hexadecimal digits.
    Escape {
        /// Offset from the start of the encoded text, in bytes.
        at: usize,
    },
    /// What the escapes stand for is not UTF-8.
    NotUtf8,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {} bytes", Text::MAX_LEN),
            Self::Escape { at } => write!(f, "has a % without two hexadecimal digits at byte {}", at + 1),
            Self::NotUtf8 => f.write_str("has % escapes that are not UTF-8"),
        }
    }
}

impl core::error::Error for TextError {}

/// Replaces `%XX` by the byte and `+` by a blank.
pub(super) fn unescape(encoded: &str) -> Result<String, TextError> {
    let bytes = encoded.as_bytes();
    let escapes = bytes.iter().filter(|&&b| b == b'%').count();
    if escapes == 0 && !bytes.contains(&b'+') {
        return Ok(encoded.to_owned());
    }
    // Exact for well-formed text, so that the box made of it needs no second allocation.
    let mut decoded = Vec::with_capacity(bytes.len().saturating_sub(2 * escapes));
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match (byte, tail) {
            (b'%', &[high, low, ref tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (nibble(high) << 4 | nibble(low), tail)
            }
            (b'%', _) => return Err(TextError::Escape { at: bytes.len() - rest.len() }),
            (b'+', _) => (b' ', tail),
            _ => (byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    String::from_utf8(decoded).map_err(|_| TextError::NotUtf8)
}

/// Prints unreserved characters as they are, a blank as `+` and every other byte as `%XX` (RFC 3986 §2.1).
#[derive(Clone, Copy)]
pub(super) struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while !rest.is_empty() {
            // Unreserved bytes are ASCII, so both ends of a run of them lie between characters.
            let (plain, tail) =
                rest.split_at(rest.bytes().position(|b| !is_unreserved(b)).unwrap_or(rest.len()));
            let (special, tail) = tail.split_at(tail.bytes().position(is_unreserved).unwrap_or(tail.len()));
            f.write_str(plain)?;
            special.bytes().try_for_each(|byte| match byte {
                b' ' => f.write_str("+"),
                _ => write!(f, "%{byte:02X}"),
            })?;
            rest = tail;
        }
        Ok(())
    }
}

/// RFC 3986 §2.3: what never needs an escape; so `! ' ( ) *` get one, which older encoders leave alone.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The value of a hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

const fn check(len: usize) -> Result<(), TextError> {
    match len {
        0 => Err(TextError::Empty),
        1..=Text::MAX_LEN => Ok(()),
        _ => Err(TextError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn escapes_blanks_and_literals_read() {
        for (encoded, text) in [
            ("never+gonna+give+you+up", "never gonna give you up"),
            ("a b", "a b"),
            ("bj%C3%B6rk", "björk"),
            ("bj%c3%b6rk", "björk"),
            ("björk", "björk"),
            ("%E3%81%82+い", "あ い"),
            ("1%2B1", "1+1"),
            ("100%25", "100%"),
            ("%00", "\0"),
        ] {
            assert_eq!(Text::decode(encoded).unwrap().as_str(), text);
        }
    }

    #[test]
    fn only_unreserved_characters_are_printed_as_they_are() {
        let all: String = (' '..='~').collect();
        let printed = "+%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ\
                       %5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~";
        assert_eq!(Text::new(&all).unwrap().encode().to_string(), printed);
        assert_eq!(Text::new("é\n").unwrap().encode().to_string(), "%C3%A9%0A");
    }

    #[test]
    fn a_bad_escape_is_refused_where_it_stands() {
        for (encoded, at) in
            [("%", 0), ("a%", 1), ("%4", 0), ("%41%4", 3), ("%g0", 0), ("%0g", 0), ("+%+1", 1), ("é%é", 2)]
        {
            assert_eq!(Text::decode(encoded), Err(TextError::Escape { at }), "{encoded}");
        }
    }

    #[test]
    fn escapes_that_are_not_utf_8_are_refused() {
        for encoded in ["%FF", "%C3", "%C3+", "%C3é", "%C0%80", "%ED%A0%80", "%F5%80%80%80"] {
            assert_eq!(Text::decode(encoded), Err(TextError::NotUtf8), "{encoded}");
        }
    }

    #[test]
    fn the_limit_counts_decoded_bytes() {
        for unit in ["a", "+", "%41"] {
            assert_eq!(Text::decode(&unit.repeat(Text::MAX_LEN)).unwrap().len(), Text::MAX_LEN);
            assert_eq!(Text::decode(&unit.repeat(Text::MAX_LEN + 1)), Err(TextError::TooLong));
        }
        assert_eq!(Text::new(&"a".repeat(Text::MAX_LEN + 1)), Err(TextError::TooLong));
        assert_eq!(Text::try_from("a".repeat(Text::MAX_LEN + 1)), Err(TextError::TooLong));
        assert_eq!((Text::new(""), Text::decode("")), (Err(TextError::Empty), Err(TextError::Empty)));
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "(?s).{1,200}") {
            let text = Text::new(&text).unwrap();
            prop_assert_eq!(Text::decode(&text.encode().to_string()), Ok(text));
        }

        #[test]
        fn fully_escaped_text_reads_too(text in "(?s).{1,50}") {
            let escaped: String = text.bytes().map(|b| alloc::format!("%{b:02x}")).collect();
            prop_assert_eq!(Text::decode(&escaped), Text::new(&text));
        }
    }
}
