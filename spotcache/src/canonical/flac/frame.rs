//! Frame headers (RFC 9639 §9.1) and the two checksums.

use super::super::refusal::Refusal;
use super::super::source::{Source, Window};
use super::StreamInfo;
use core::ops::Range;

/// Bytes of the shortest frame header.
pub(super) const HEADER_LEN_MIN: u64 = 6;

/// Bytes of the longest: 4, a number of up to 7, block size and sample rate of 2 each, CRC-8.
pub(super) const HEADER_LEN_MAX: usize = 16;

/// What a frame's header says.
#[derive(Clone, Copy)]
pub(super) struct FrameHeader {
    /// `number` counts samples, not frames.
    pub(super) variable: bool,
    pub(super) number: u64,
    /// Samples in the frame.
    pub(super) samples: u64,
    channels: u8,
    /// `None` where STREAMINFO says it.
    bits: Option<u8>,
    rate: u32,
}

impl FrameHeader {
    /// The header that starts here, if there is one and its CRC-8 is right. `rate` is STREAMINFO's.
    pub(super) fn read(bytes: &[u8], rate: u32) -> Option<Self> {
        let &[0xff, sync, sizes, layout, ..] = bytes else { return None };
        if sync & 0xfe != 0xf8 || layout & 1 != 0 {
            return None;
        }
        let mut at = 4;
        let number = coded_number(bytes, &mut at)?;
        let samples = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => take(bytes, &mut at, 1)? + 1,
            7 => take(bytes, &mut at, 2)? + 1,
            code => 1 << code,
        };
        let rate = match sizes & 15 {
            0 => u64::from(rate),
            code @ 1..=11 => RATES.get(usize::from(code) - 1).copied()?,
            12 => take(bytes, &mut at, 1)? * 1000,
            13 => take(bytes, &mut at, 2)?,
            14 => take(bytes, &mut at, 2)? * 10,
            _ => return None,
        };
        let channels = match layout >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match layout >> 1 & 7 {
            0 => None,
            3 => return None,
            code => BITS.get(usize::from(code)).copied(),
        };
        if *bytes.get(at)? != crc8(bytes.get(..at)?) {
            return None;
        }
        let rate = u32::try_from(rate).ok()?;
        Some(Self { variable: sync & 1 == 1, number, samples, channels, bits, rate })
    }

    /// Whether the frame can belong to this stream.
    pub(super) fn fits(&self, info: StreamInfo) -> bool {
        self.rate == info.sample_rate
            && self.channels == info.channels
            && self.bits.is_none_or(|bits| bits == info.bits)
            && self.samples <= info.block.max(16)
    }

    /// The number of the frame that comes next.
    pub(super) const fn successor(&self) -> u64 {
        self.number + if self.variable { self.samples } else { 1 }
    }

    /// The frame's first sample. `block` is the fixed block size: only a last frame is shorter.
    pub(super) const fn start(&self, block: u64) -> u64 {
        if self.variable { self.number } else { self.number * block }
    }
}

const RATES: [u64; 11] =
    [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

const BITS: [u8; 8] = [0, 8, 12, 0, 16, 20, 24, 32];

/// A number of up to 36 bits, coded as UTF-8 codes characters (RFC 9639 §9.1.5).
fn coded_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = u64::from(*bytes.get(*at)?);
    *at += 1;
    let more = match (first as u8).leading_ones() {
        0 => return Some(first),
        1 | 8 => return None,
        ones => ones - 1,
    };
    let mut number = first & (0x3f >> more);
    for _ in 0..more {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if byte >> 6 != 0b10 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3f);
    }
    Some(number)
}

fn take(bytes: &[u8], at: &mut usize, count: usize) -> Option<u64> {
    let value = bytes.get(*at..*at + count)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    *at += count;
    Some(value)
}

/// RFC 9639 §9.1.8: x⁸ + x² + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum: u8, _| sum << 1 ^ if sum >> 7 == 1 { 0x07 } else { 0 })
    })
}

/// RFC 9639 §9.3: x¹⁶ + x¹⁵ + x² + 1, over all of a frame; over its own CRC too, it comes out as zero.
const CRC16: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = sum << 1 ^ if sum >> 15 == 1 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// Whether a frame's CRC-16 is right.
pub(super) fn is_intact<S: Source>(window: &mut Window<'_, S>, frame: Range<u64>) -> Result<bool, Refusal> {
    let mut sum = 0u16;
    let mut at = frame.start;
    while at < frame.end {
        let held = window.some(at, 1)?;
        let left = usize::try_from(frame.end - at).unwrap_or(usize::MAX);
        let part = held.get(..left).unwrap_or(held);
        sum = part.iter().fold(sum, |sum, byte| sum << 8 ^ CRC16[usize::from((sum >> 8) as u8 ^ byte)]);
        at += part.len() as u64;
    }
    Ok(sum == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_coded_as_utf_8_codes_characters() {
        for (bytes, number) in [
            (&[0x7f][..], 0x7f),
            (&[0xc2, 0x80], 0x80),
            (&[0xe0, 0xa0, 0x80], 0x800),
            (&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf], (1 << 36) - 1),
        ] {
            assert_eq!(coded_number(bytes, &mut 0), Some(number));
        }
        for bytes in [&[0x80][..], &[0xff, 0x80], &[0xc2], &[0xc2, 0x00], &[]] {
            assert_eq!(coded_number(bytes, &mut 0), None);
        }
    }

    #[test]
    fn the_first_frame_of_the_rfc_reads_as_the_rfc_says() {
        // RFC 9639 appendix D.1: fixed block size, 1 sample, 44.1 kHz, 2 channels, 16 bits.
        let frame =
            [0xff, 0xf8, 0x69, 0x18, 0x00, 0x00, 0xbf, 0x03, 0x58, 0xfd, 0x03, 0x12, 0x8b, 0xaa, 0x9a];
        let header = FrameHeader::read(&frame, 0).unwrap();
        assert_eq!((header.samples, header.rate, header.channels, header.bits), (1, 44_100, 2, Some(16)));
        let mut bytes = &frame[..];
        assert_eq!(is_intact(&mut Window::new(&mut bytes), 0..15), Ok(true));
        for bit in 0..7 * 8 {
            let mut bad = frame;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(FrameHeader::read(&bad, 0).is_none(), "bit {bit}");
        }
    }
}
