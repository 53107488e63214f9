//! What a scan finds out about a file besides how to read it.

use super::plan::Plan;
use super::refusal::Refusal;
use super::seconds::{Seconds, duration_ms};
use alloc::vec::Vec;
use spotproto::content::{ByteRange, FileId, Format, Geometry, Head, SeekTable};

/// How to read a file's canonical form, and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canonical {
    /// How to read it.
    pub plan: Plan,
    /// What it is.
    pub facts: Facts,
}

/// All of a [`Head`] that follows from the canonical form itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Lengths of the canonical form.
    pub geometry: Geometry,
    /// Container and codec.
    pub format: Format,
    /// Average bits a second.
    pub bit_rate: u32,
    /// Length of the music, in milliseconds.
    pub duration_ms: u32,
    /// Sample frames a second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u8,
    /// Sample frames of music, where known exactly.
    pub samples: Option<u64>,
    /// Sample frames that the codec yields before the music begins.
    pub delay: u32,
    /// What a decoder needs first.
    pub headers: Vec<ByteRange>,
    /// Time to byte.
    pub seek: SeekTable,
}

impl Facts {
    /// The head of the file once it is sealed under this name. `gain` comes from the tags, in 1/256 dB.
    #[must_use]
    pub fn head(&self, file: FileId, gain: Option<i16>) -> Head<FileId> {
        Head {
            file,
            geometry: self.geometry,
            format: self.format,
            bit_rate: self.bit_rate,
            duration_ms: self.duration_ms,
            sample_rate: self.sample_rate,
            channels: self.channels,
            samples: self.samples,
            delay: self.delay,
            gain,
            headers: self.headers.clone(),
            seek: self.seek.clone(),
        }
    }
}

/// What a parser knows at the end of its scan.
pub(super) struct Scan {
    pub(super) format: Format,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
    /// Sample frames of music.
    pub(super) samples: u64,
    /// Whether `samples` is exact.
    pub(super) exact: bool,
    pub(super) delay: u32,
    /// Bytes at the front that a decoder needs first.
    pub(super) header_len: u64,
    pub(super) seek: Timing,
}

/// How time maps to bytes.
pub(super) enum Timing {
    /// Found by scanning.
    Found(Seconds),
    /// So many bytes for each sample frame.
    Even(u32),
}

impl Scan {
    pub(super) fn with(self, plan: Plan) -> Result<Canonical, Refusal> {
        if self.samples == 0 || self.sample_rate == 0 || self.channels == 0 {
            return Err(Refusal::Damaged("there is no sound in it"));
        }
        let plaintext = plan.len();
        let geometry = Geometry::of_plaintext(plaintext).ok_or(Refusal::TooLarge("the file"))?;
        let duration_ms = duration_ms(self.samples, self.sample_rate)?;
        let seek = match self.seek {
            Timing::Found(seconds) => seconds.table(duration_ms, plaintext)?,
            Timing::Even(frame) => {
                even(self.header_len, frame, self.sample_rate, duration_ms, self.samples, plaintext)?
            }
        };
        let bits = u128::from(plaintext) * 8000 / u128::from(duration_ms.max(1));
        let facts = Facts {
            geometry,
            format: self.format,
            bit_rate: u32::try_from(bits).unwrap_or(u32::MAX),
            duration_ms,
            sample_rate: self.sample_rate,
            channels: self.channels,
            samples: self.exact.then_some(self.samples),
            delay: self.delay,
            headers: (self.header_len > 0).then_some(0..self.header_len).into_iter().collect(),
            seek,
        };
        Ok(Canonical { plan, facts })
    }
}

fn even(
    first: u64,
    frame: u32,
    rate: u32,
    duration_ms: u32,
    samples: u64,
    plaintext: u64,
) -> Result<SeekTable, Refusal> {
    let step = u64::from(SeekTable::step_for(duration_ms) / 1000);
    let offsets: Vec<u64> = (0..SeekTable::entries_for(duration_ms) as u64)
        .map(|index| first + (index * step * u64::from(rate)).min(samples - 1) * u64::from(frame))
        .collect();
    SeekTable::new(duration_ms, plaintext, &offsets, frame, frame)
        .map_err(|_| Refusal::TooLarge("the sample frame"))
}
