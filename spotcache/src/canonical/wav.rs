//! RIFF WAVE with PCM: `fmt ` and `data`, nothing else.

use super::facts::{Canonical, Scan, Timing};
use super::plan::PlanBuilder;
use super::refusal::Refusal;
use super::source::{Source, Window};
use alloc::vec::Vec;
use core::ops::Range;
use spotproto::content::Format;

/// Bytes of a `fmt ` chunk with WAVEFORMATEXTENSIBLE; longer ones have nothing more to say.
const FMT_MAX: u64 = 40;

/// Chunks ahead of the sound; real files have a handful.
const CHUNKS_MAX: usize = 4096;

pub(super) fn analyse<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<Canonical, Refusal> {
    let (fmt, data) = chunks(window, start)?;
    let wave = Wave::read(&fmt)?;
    let frames = (data.end - data.start) / u64::from(wave.frame);
    let bytes = frames * u64::from(wave.frame);
    let pad = bytes % 2;

    let mut header = Vec::with_capacity(20 + fmt.len());
    let fmt_len = fmt.len() as u64 + fmt.len() as u64 % 2;
    put(&mut header, b"RIFF", 4 + 8 + fmt_len + 8 + bytes + pad);
    header.extend_from_slice(b"WAVE");
    put(&mut header, b"fmt ", fmt.len() as u64);
    header.extend_from_slice(&fmt);
    if !fmt.len().is_multiple_of(2) {
        header.push(0);
    }
    put(&mut header, b"data", bytes);

    let mut plan = PlanBuilder::new();
    plan.literal(&header)?;
    plan.copy(data.start..data.start + bytes)?;
    if pad == 1 {
        plan.literal(&[0])?;
    }
    let scan = Scan {
        format: Format::Wav,
        sample_rate: wave.rate,
        channels: wave.channels,
        samples: frames,
        exact: true,
        delay: 0,
        header_len: header.len() as u64,
        seek: Timing::Even(wave.frame),
    };
    scan.with(plan.finish())
}

/// A chunk's name and size; above 4 GiB the size says "up to the end", as streaming writers put it.
fn put(out: &mut Vec<u8>, name: &[u8; 4], size: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
}

/// The `fmt ` chunk's content, and where the sound lies.
fn chunks<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<(Vec<u8>, Range<u64>), Refusal> {
    let mut at = start + 12;
    let mut fmt = None;
    // RF64 (EBU Tech 3306): 32-bit sizes are all ones, the true ones are in `ds64`.
    let mut long = None;
    for _ in 0..CHUNKS_MAX {
        let [a, b, c, d, size @ ..] = window.array::<8>(at)?;
        let (body, size) = (at + 8, u64::from(u32::from_le_bytes(size)));
        match &[a, b, c, d] {
            b"fmt " => fmt = Some(window.exact(body, size.min(FMT_MAX) as usize)?.to_vec()),
            b"ds64" => long = Some(u64::from_le_bytes(window.array(body + 8)?)),
            b"data" => {
                let left = window.len() - body;
                let size = match size {
                    0xffff_ffff => long.unwrap_or(left),
                    0 => left,
                    size => size,
                };
                let fmt = fmt.ok_or(Refusal::Damaged("its sound comes before its format"))?;
                return Ok((fmt, body..body + size.min(left)));
            }
            _ => {}
        }
        at = body + size + size % 2;
    }
    Err(Refusal::Damaged("it has thousands of chunks and no sound"))
}

/// What a `fmt ` chunk says.
struct Wave {
    rate: u32,
    channels: u8,
    /// Bytes in a sample frame.
    frame: u32,
}

impl Wave {
    fn read(fmt: &[u8]) -> Result<Self, Refusal> {
        const SHORT: Refusal = Refusal::Damaged("its format chunk is too short");
        let u16_at = |at: usize| {
            fmt.get(at..)
                .and_then(|rest| rest.first_chunk())
                .map(|bytes| u16::from_le_bytes(*bytes))
                .ok_or(SHORT)
        };
        let rate = fmt.get(4..).and_then(|rest| rest.first_chunk()).ok_or(SHORT)?;
        let codec = match u16_at(0)? {
            // WAVEFORMATEXTENSIBLE: the codec is the front of the sub-format's GUID.
            0xfffe => u16_at(24)?,
            codec => codec,
        };
        match codec {
            1 | 3 => {}
            2 | 0x11 => return Err(Refusal::Unsupported("ADPCM in WAV")),
            6 => return Err(Refusal::Unsupported("A-law in WAV")),
            7 => return Err(Refusal::Unsupported("µ-law in WAV")),
            0x50 | 0x55 => return Err(Refusal::Unsupported("MPEG audio in WAV")),
            _ => return Err(Refusal::Unsupported("this codec in WAV")),
        }
        let (channels, frame) = (u16_at(2)?, u16_at(12)?);
        let bits = u16_at(14)?;
        if channels == 0
            || frame == 0
            || u32::from(frame) != u32::from(channels) * u32::from(bits.div_ceil(8))
        {
            return Err(Refusal::Damaged("its format chunk contradicts itself"));
        }
        let channels = u8::try_from(channels).map_err(|_| Refusal::TooLarge("the number of channels"))?;
        Ok(Self { rate: u32::from_le_bytes(*rate), channels, frame: frame.into() })
    }
}
