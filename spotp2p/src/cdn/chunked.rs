//! The chunked transfer coding (RFC 9112 §7.1), byte by byte, so that nothing of it has to be kept.

use super::error::Broken;
use core::ops::Range;

/// Digits of a chunk's length.
const DIGITS_MAX: u32 = 15;

/// Bytes of the line in front of a chunk, extensions included.
const LINE_MAX: u32 = 256;

/// Bytes of all trailer fields; nothing in them is of use here.
const TRAILERS_MAX: u32 = 4096;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// In the length of a chunk.
    Length { value: u64, digits: u32 },
    /// In what follows the length on its line.
    Extension { value: u64, seen: u32 },
    /// The line feed that ends the line.
    LengthEnd { value: u64 },
    /// In a chunk.
    Data(u64),
    /// The line end behind a chunk: first its carriage return, then its line feed.
    DataEnd { returned: bool },
    /// In the trailers: how many bytes so far, and whether the line is still empty.
    Trailer { seen: u32, empty: bool },
    /// Behind it all.
    Over,
}

/// A decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Chunked(At);

impl Chunked {
    pub(super) const fn new() -> Self {
        Self(At::Length { value: 0, digits: 0 })
    }

    pub(super) fn is_over(self) -> bool {
        self.0 == At::Over
    }

    /// Takes from the front of `wire` up to the end of the first stretch of data, of which at most `most` bytes. Answers
    /// how many bytes were used, and which of them are data.
    pub(super) fn decode(&mut self, wire: &[u8], most: usize) -> Result<(usize, Range<usize>), Broken> {
        for (at, &byte) in wire.iter().enumerate() {
            match self.0 {
                At::Data(left) => {
                    let here = wire.len().saturating_sub(at).min(most);
                    let count = usize::try_from(left).map_or(here, |left| left.min(here));
                    let left = left.saturating_sub(count as u64);
                    self.0 = if left == 0 { At::DataEnd { returned: false } } else { At::Data(left) };
                    return Ok((at + count, at..at + count));
                }
                At::Over => return Ok((at, at..at)),
                state => self.0 = step(state, byte)?,
            }
        }
        Ok((wire.len(), wire.len()..wire.len()))
    }
}

/// What comes after a byte that is no data. A bare line feed ends no line: what one reader takes for a line end and
/// another does not is how answers are smuggled (RFC 9112 §11.2).
fn step(state: At, byte: u8) -> Result<At, Broken> {
    Ok(match state {
        At::Length { value, digits } => match (char::from(byte).to_digit(16), byte) {
            (Some(digit), _) if digits < DIGITS_MAX => {
                At::Length { value: value << 4 | u64::from(digit), digits: digits + 1 }
            }
            (None, b'\r') if digits > 0 => At::LengthEnd { value },
            (None, b';' | b' ' | b'\t') if digits > 0 => At::Extension { value, seen: 0 },
            _ => return Err(Broken::Chunk),
        },
        At::Extension { value, .. } if byte == b'\r' => At::LengthEnd { value },
        At::Extension { value, seen } if byte != b'\n' && seen < LINE_MAX => {
            At::Extension { value, seen: seen + 1 }
        }
        At::LengthEnd { value: 0 } if byte == b'\n' => At::Trailer { seen: 0, empty: true },
        At::LengthEnd { value } if byte == b'\n' => At::Data(value),
        At::DataEnd { returned: false } if byte == b'\r' => At::DataEnd { returned: true },
        At::DataEnd { returned: true } if byte == b'\n' => At::Length { value: 0, digits: 0 },
        At::Trailer { empty: true, .. } if byte == b'\n' => At::Over,
        At::Trailer { seen, .. } if byte == b'\n' => At::Trailer { seen, empty: true },
        At::Trailer { seen, empty } if seen < TRAILERS_MAX => {
            At::Trailer { seen: seen + 1, empty: empty && byte == b'\r' }
        }
        _ => return Err(Broken::Chunk),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The data, and how many bytes it took, offered in parts of `part` bytes.
    fn decoded(wire: &[u8], part: usize, most: usize) -> Result<(Vec<u8>, usize, bool), Broken> {
        let (mut chunked, mut data, mut used) = (Chunked::new(), Vec::new(), 0);
        let mut offered = 0;
        while !chunked.is_over() && offered < wire.len() {
            offered = wire.len().min(offered + part);
            while used < offered && !chunked.is_over() {
                let (count, range) = chunked.decode(&wire[used..offered], most)?;
                data.extend_from_slice(&wire[used..offered][range]);
                used += count;
            }
        }
        Ok((data, used, chunked.is_over()))
    }

    #[test]
    fn chunks_come_out_whole_whatever_surrounds_them() {
        let wire = b"5;name=\"v\"\r\nhello\r\n001 \r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nHTTP";
        for part in [1, 2, 3, 7, 100] {
            let (data, used, over) = decoded(wire, part, 4).unwrap();
            assert_eq!((&data[..], used, over), (&b"hello world"[..], wire.len() - 4, true));
        }
    }

    #[test]
    fn a_malformed_or_endless_coding_is_refused() {
        let long = format!("5;{}\r\nhello\r\n", "x".repeat(300));
        let trailers = format!("0\r\n{}", "X: y\r\n".repeat(1000));
        for wire in [
            "\r\n",
            "g\r\n",
            "-5\r\n",
            "5\nhello\n",
            ";x\r\n",
            "5\r\nhello!\r\n",
            "5\r\nhello\n",
            "0x5\r\nhello\r\n",
            "5;x\ny\r\n",
            "1234567890abcdef0\r\n",
            "5\rx",
            &long,
            &trailers,
        ] {
            assert_eq!(decoded(wire.as_bytes(), 3, 9), Err(Broken::Chunk), "{wire:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_coded_is_decoded(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            part in 1usize..50,
            most in 1usize..50,
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decoded(&wire, part, most), Ok((chunks.concat(), wire.len(), true)));
        }

        #[test]
        fn junk_never_panics_and_says_the_same_however_it_is_cut(
            wire in "[0-9a-f;\\r\\n x]{0,60}", part in 1usize..9,
        ) {
            let whole = decoded(wire.as_bytes(), 1 << 20, 5);
            prop_assert_eq!(decoded(wire.as_bytes(), part, 5), whole);
        }
    }
}
