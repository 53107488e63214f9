//! The sample table (ISO 14496-12 §8.6, §8.7): which bytes of the file are sound, and when they sound.

use super::super::refusal::Refusal;
use super::super::seconds::Seconds;
use super::super::source::{Source, Window};
use super::atoms::Atom;
use super::track::{Track, number};
use alloc::vec::Vec;

/// The most frames of sound: a hundred hours.
const SAMPLES_MAX: u64 = 1 << 24;

/// The most chunks.
pub(super) const CHUNKS_MAX: u64 = 1 << 18;

/// A run of sound without gaps.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// What the table says.
pub(super) struct Found {
    pub(super) chunks: Vec<Chunk>,
    /// Bytes of all chunks.
    pub(super) bytes: u64,
    /// Duration of all frames.
    pub(super) ticks: u64,
    /// Where each second lies, counted from the first byte of sound.
    pub(super) seconds: Seconds,
}

pub(super) fn walk<S: Source>(window: &mut Window<'_, S>, track: &Track) -> Result<Found, Refusal> {
    let mut sizes = Sizes::new(window, &track.sizes)?;
    let mut times = Runs::<8>::new(window, &track.times)?;
    let mut chunk_runs = ChunkRuns::new(window, &track.chunk_runs)?;
    let wide = if track.offsets.kind == *b"co64" { 8 } else { 4 };
    let count = u64::from(u32::from_be_bytes(window.array(track.offsets.body + 4)?));
    let mut offsets = Entries::new(&track.offsets, 8, wide, count)?;
    if count > CHUNKS_MAX {
        return Err(Refusal::TooLarge("the number of chunks"));
    }
    let mut timeline = Timeline::new(track);
    let mut chunks = Vec::new();
    for index in 1..=count {
        let offset = offsets.next(window)?.map_or(0, number);
        let per_chunk = chunk_runs.samples(window, index)?;
        let mut len = 0u64;
        for _ in 0..per_chunk {
            let Some(size) = sizes.next(window)? else { break };
            timeline.frame(size, times.next(window)?)?;
            len += size;
        }
        let end = offset.checked_add(len).ok_or(Refusal::Damaged("a chunk lies nowhere"))?;
        if end > window.len() {
            return Err(Refusal::Truncated);
        }
        // Chunks over each other would make a form of any length out of a small file.
        if timeline.at > window.len() {
            return Err(Refusal::Damaged("its chunks lie over each other"));
        }
        let len = u32::try_from(len).map_err(|_| Refusal::TooLarge("a chunk"))?;
        chunks.push(Chunk { offset, len });
    }
    Ok(Found { chunks, bytes: timeline.at, ticks: timeline.ticks, seconds: timeline.seconds })
}

/// Where the walk has come, in bytes and in time.
struct Timeline {
    seconds: Seconds,
    delay: u64,
    at: u64,
    /// Where the frame before begins: AAC's frames overlap, so decoding begins one earlier.
    before: u64,
    ticks: u64,
}

impl Timeline {
    fn new(track: &Track) -> Self {
        Self { seconds: Seconds::new(track.timescale), delay: track.delay(), at: 0, before: 0, ticks: 0 }
    }

    fn frame(&mut self, size: u64, ticks: u64) -> Result<(), Refusal> {
        let (start, end) = (self.ticks, self.ticks.saturating_add(ticks));
        let behind = self.at + size;
        let music = start.saturating_sub(self.delay)..end.saturating_sub(self.delay);
        self.seconds.sound(music, self.before, behind)?;
        (self.before, self.at, self.ticks) = (self.at, behind, end);
        Ok(())
    }
}

/// Entries of a table, read a few hundred at a time.
struct Entries {
    at: u64,
    left: u64,
    width: usize,
    buffer: Vec<u8>,
    used: usize,
}

impl Entries {
    /// `count` entries of `width` bytes, `skip` bytes into the table.
    fn new(table: &Atom, skip: u64, width: usize, count: u64) -> Result<Self, Refusal> {
        if skip + count * width as u64 > table.len() {
            return Err(Refusal::Damaged("a table is shorter than it says"));
        }
        Ok(Self { at: table.body + skip, left: count, width, buffer: Vec::new(), used: 0 })
    }

    fn next<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<&[u8]>, Refusal> {
        if self.used == self.buffer.len() {
            let count = self.left.min(512);
            if count == 0 {
                return Ok(None);
            }
            self.buffer.resize(count as usize * self.width, 0);
            window.copy_out(self.at, &mut self.buffer)?;
            self.at += self.buffer.len() as u64;
            self.left -= count;
            self.used = 0;
        }
        let start = self.used;
        self.used += self.width;
        Ok(self.buffer.get(start..self.used))
    }
}

/// The sizes of frames: `stsz`, or the compact `stz2`.
struct Sizes {
    /// The size of all frames, where they are equal.
    same: u64,
    left: u64,
    entries: Entries,
    /// Of two frames in one byte, the one still to come.
    half: Option<u64>,
    nibbles: bool,
}

impl Sizes {
    fn new<S: Source>(window: &mut Window<'_, S>, table: &Atom) -> Result<Self, Refusal> {
        let [_, _, _, _, a, b, c, d, count @ ..] = window.array::<12>(table.body)?;
        let left = u64::from(u32::from_be_bytes(count));
        if left > SAMPLES_MAX {
            return Err(Refusal::TooLarge("the number of frames"));
        }
        let compact = table.kind == *b"stz2";
        let same = if compact { 0 } else { u64::from(u32::from_be_bytes([a, b, c, d])) };
        let (width, entries) = match (compact, d) {
            _ if same > 0 => (4, 0),
            (false, _) => (4, left),
            (true, 4) => (1, left.div_ceil(2)),
            (true, 8) => (1, left),
            (true, 16) => (2, left),
            _ => return Err(Refusal::Damaged("its sizes have an odd width")),
        };
        let entries = Entries::new(table, 12, width, entries)?;
        Ok(Self { same, left, entries, half: None, nibbles: compact && d == 4 })
    }

    fn next<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<u64>, Refusal> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        if self.same > 0 {
            return Ok(Some(self.same));
        }
        if let Some(half) = self.half.take() {
            return Ok(Some(half));
        }
        let entry = self.entries.next(window)?.map(number);
        if self.nibbles
            && let Some(pair) = entry
        {
            self.half = Some(pair & 15);
            return Ok(Some(pair >> 4));
        }
        Ok(entry)
    }
}

/// A table of (count, value) pairs, as a sequence of values; behind its end the last value goes on.
struct Runs<const WIDTH: usize> {
    entries: Entries,
    left: u64,
    value: u64,
}

impl<const WIDTH: usize> Runs<WIDTH> {
    fn new<S: Source>(window: &mut Window<'_, S>, table: &Atom) -> Result<Self, Refusal> {
        let count = u64::from(u32::from_be_bytes(window.array(table.body + 4)?));
        Ok(Self { entries: Entries::new(table, 8, WIDTH, count)?, left: 0, value: 0 })
    }

    fn next<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<u64, Refusal> {
        while self.left == 0 {
            let Some(entry) = self.entries.next(window)? else { return Ok(self.value) };
            let (count, value) = entry.split_at_checked(4).unwrap_or((&[], &[]));
            (self.left, self.value) = (number(count), number(value));
        }
        self.left -= 1;
        Ok(self.value)
    }
}

/// `stsc`: how many frames each chunk holds, by the first chunk from which on that is so.
struct ChunkRuns {
    entries: Entries,
    samples: u64,
    next: Option<(u64, u64)>,
}

impl ChunkRuns {
    fn new<S: Source>(window: &mut Window<'_, S>, table: &Atom) -> Result<Self, Refusal> {
        let count = u64::from(u32::from_be_bytes(window.array(table.body + 4)?));
        let mut runs = Self { entries: Entries::new(table, 8, 12, count)?, samples: 0, next: None };
        runs.next = runs.read(window)?;
        Ok(runs)
    }

    /// Of the chunk with this number; numbers start at one and come in order.
    fn samples<S: Source>(&mut self, window: &mut Window<'_, S>, chunk: u64) -> Result<u64, Refusal> {
        while let Some((_, samples)) = self.next.filter(|(first, _)| *first <= chunk) {
            self.samples = samples;
            self.next = self.read(window)?;
        }
        Ok(self.samples)
    }

    fn read<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<(u64, u64)>, Refusal> {
        let Some(entry) = self.entries.next(window)? else { return Ok(None) };
        let &[a, b, c, d, e, f, g, h, ..] = entry else { return Ok(None) };
        Ok(Some((number(&[a, b, c, d]), number(&[e, f, g, h]))))
    }
}
