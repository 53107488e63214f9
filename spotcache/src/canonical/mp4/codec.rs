//! What a track's sample description says of its codec (ISO 14496-12 §12.2.3; 14496-1 §7.2.6; 14496-3 §1.6.2).

use super::super::refusal::Refusal;
use spotproto::content::Format;

/// The codec of a track.
#[derive(Clone, Copy)]
pub(super) struct Sound {
    pub(super) format: Format,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
}

const BAD: Refusal = Refusal::Damaged("its codec's description makes no sense");

impl Sound {
    /// Of the body of an `stsd` atom.
    pub(super) fn read(stsd: &[u8]) -> Result<Self, Refusal> {
        if be32(stsd, 4)? != 1 {
            return Err(Refusal::Unsupported("MP4 with several sound formats in one track"));
        }
        let len = be32(stsd, 8)? as usize;
        let entry = stsd.get(8..).and_then(|rest| rest.get(..len)).ok_or(BAD)?;
        match entry.get(4..8).ok_or(BAD)? {
            b"mp4a" => Self::aac(nested(entry, b"esds").ok_or(BAD)?, *entry.get(25).ok_or(BAD)?),
            b"alac" => Self::alac(nested(entry.get(8..).ok_or(BAD)?, b"alac").ok_or(BAD)?),
            b"drms" | b"enca" | b"p608" => Err(Refusal::Protected),
            b".mp3" | b"ms\0U" => Err(Refusal::Unsupported("MP3 in MP4")),
            b"ac-3" => Err(Refusal::Unsupported("Dolby Digital (AC-3)")),
            b"ec-3" => Err(Refusal::Unsupported("Dolby Digital Plus (E-AC-3)")),
            b"Opus" => Err(Refusal::Unsupported("Opus")),
            b"fLaC" => Err(Refusal::Unsupported("FLAC in MP4")),
            b"samr" | b"sawb" => Err(Refusal::Unsupported("AMR")),
            b"twos" | b"sowt" | b"lpcm" | b"raw " | b"ipcm" => Err(Refusal::Unsupported("PCM in MP4")),
            _ => Err(Refusal::Unsupported("this codec in MP4")),
        }
    }

    /// Of an `esds` atom's body: descriptors in descriptors, of which the innermost is AAC's own.
    fn aac(esds: &[u8], channels: u8) -> Result<Self, Refusal> {
        let stream = descriptor(esds.get(4..).ok_or(BAD)?, 3)?;
        let flags = *stream.get(2).ok_or(BAD)?;
        let mut skip = 3;
        if flags & 0x80 != 0 {
            skip += 2;
        }
        if flags & 0x40 != 0 {
            skip += 1 + usize::from(*stream.get(skip).ok_or(BAD)?);
        }
        if flags & 0x20 != 0 {
            skip += 2;
        }
        let config = descriptor(stream.get(skip..).ok_or(BAD)?, 4)?;
        match config.first() {
            // MPEG-4, and MPEG-2 in its three profiles.
            Some(0x40 | 0x66..=0x68) => {}
            Some(0x69 | 0x6b) => return Err(Refusal::Unsupported("MP3 in MP4")),
            _ => return Err(Refusal::Unsupported("this codec in MP4")),
        }
        let mut bits = Bits { bytes: descriptor(config.get(13..).ok_or(BAD)?, 5)?, at: 0 };
        match bits.object_type()? {
            2 => {}
            5 | 29 => return Err(Refusal::Unsupported("HE-AAC")),
            42 => return Err(Refusal::Unsupported("xHE-AAC")),
            _ => return Err(Refusal::Unsupported("AAC other than LC")),
        }
        let sample_rate = match bits.take(4)? {
            15 => bits.take(24)?,
            index => RATES.get(index as usize).copied().ok_or(BAD)?,
        };
        let channels = match bits.take(4)? as u8 {
            0 => channels,
            count @ 1..=6 => count,
            7 => 8,
            _ => return Err(Refusal::Unsupported("this number of channels in AAC")),
        };
        Ok(Self { format: Format::Aac, sample_rate, channels })
    }

    /// Of an `alac` atom's body: version, then Apple's "magic cookie".
    fn alac(cookie: &[u8]) -> Result<Self, Refusal> {
        let channels = *cookie.get(13).ok_or(BAD)?;
        Ok(Self { format: Format::Alac, sample_rate: be32(cookie, 24)?, channels })
    }
}

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

/// The body of the first atom of this kind in a sample entry. QuickTime puts it behind fields of its own, or into
/// another atom, so it is looked for by name.
fn nested<'a>(entry: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let name = 28 + entry.get(28..)?.windows(4).position(|bytes| bytes == kind)?;
    let len = be32(entry, name.checked_sub(4)?).ok()? as usize;
    entry.get(name + 4..(name - 4).checked_add(len)?)
}

/// The body of the descriptor with this tag at the front.
fn descriptor(bytes: &[u8], tag: u8) -> Result<&[u8], Refusal> {
    if bytes.first() != Some(&tag) {
        return Err(BAD);
    }
    let (mut at, mut len) = (1, 0);
    // Seven bits a byte, at most four bytes.
    for _ in 0..4 {
        let byte = *bytes.get(at).ok_or(BAD)?;
        at += 1;
        len = len << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    // Some writers claim more than there is.
    let rest = bytes.get(at..).ok_or(BAD)?;
    Ok(rest.get(..len).unwrap_or(rest))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, Refusal> {
        let mut value = 0;
        for at in self.at..self.at + count {
            let byte = *self.bytes.get(at / 8).ok_or(BAD)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at += count;
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u32, Refusal> {
        match self.take(5)? {
            31 => Ok(32 + self.take(6)?),
            kind => Ok(kind),
        }
    }
}

fn be32(bytes: &[u8], at: usize) -> Result<u32, Refusal> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes)).ok_or(BAD)
}
