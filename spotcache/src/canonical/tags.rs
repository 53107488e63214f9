//! Where the tags lie that surround MP3 and FLAC streams, so that nothing in them is taken for sound.

use super::refusal::Refusal;
use super::source::{Source, Window};

/// The offset behind all ID3v2 tags at `offset` (id3.org, "ID3v2.4.0 - Main Structure" §3.1).
pub(super) fn skip_id3v2<S: Source>(window: &mut Window<'_, S>, mut offset: u64) -> Result<u64, Refusal> {
    while let &[b'I', b'D', b'3', major, minor, flags, a, b, c, d, ..] = window.some(offset, 10)? {
        // Sizes are "synchsafe": no byte has its highest bit set, and no version is 255.
        if major == 0xff || minor == 0xff || (a | b | c | d) & 0x80 != 0 {
            break;
        }
        let size = [a, b, c, d].iter().fold(0u64, |size, byte| size << 7 | u64::from(*byte));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        offset += 10 + size + footer;
    }
    if offset > 0 && offset >= window.len() { Err(Refusal::Truncated) } else { Ok(offset) }
}

/// Cuts ID3v1, Lyrics3 and APE tags off the end of the window.
pub(super) fn cut_trailing<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<(), Refusal> {
    loop {
        let end = window.len();
        let tag = match id3v1(window, end)? {
            0 => lyrics3(window, end)?,
            size => size,
        };
        let size = if tag > 0 { tag } else { ape(window, end)? };
        match end.checked_sub(size) {
            Some(rest) if size > 0 && rest >= start => window.cut(rest),
            _ => return Ok(()),
        }
    }
}

/// "TAG" and 125 more bytes.
fn id3v1<S: Source>(window: &mut Window<'_, S>, end: u64) -> Result<u64, Refusal> {
    match end.checked_sub(128) {
        Some(at) if window.starts(at, b"TAG")? => Ok(128),
        _ => Ok(0),
    }
}

/// Lyrics3 2.00 ends with its size in six digits and "LYRICS200".
fn lyrics3<S: Source>(window: &mut Window<'_, S>, end: u64) -> Result<u64, Refusal> {
    let Some(at) = end.checked_sub(15) else { return Ok(0) };
    let [size @ .., b'L', b'Y', b'R', b'I', b'C', b'S', b'2', b'0', b'0'] = window.array::<15>(at)? else {
        return Ok(0);
    };
    let digits =
        size.iter().try_fold(0u64, |sum, byte| Some(sum * 10 + u64::from(char::from(*byte).to_digit(10)?)));
    Ok(digits.map_or(0, |size| size + 15))
}

/// APEv1 and APEv2 end with a footer of 32 bytes; its size leaves out the header, which a flag announces.
fn ape<S: Source>(window: &mut Window<'_, S>, end: u64) -> Result<u64, Refusal> {
    let Some(at) = end.checked_sub(32) else { return Ok(0) };
    if !window.starts(at, b"APETAGEX")? {
        return Ok(0);
    }
    let size = u64::from(u32::from_le_bytes(window.array(at + 12)?));
    let flags = u32::from_le_bytes(window.array(at + 20)?);
    Ok(size.max(32) + if flags >> 31 == 1 { 32 } else { 0 })
}
