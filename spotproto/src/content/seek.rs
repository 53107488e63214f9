//! Where in the plaintext each second of music lies.

use super::geometry::Geometry;
use crate::codec::{CodecError, Reader, Writer};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;

/// The most entries of a table.
pub const SEEK_ENTRIES_MAX: usize = 1024;

/// The step of a table whose duration allows it: an entry a second.
const SECOND_MS: u32 = 1000;

/// Time to byte in a file's plaintext, an entry a second; in files above 17 minutes the step grows with the length.
///
/// Entry `i` is an offset from which a decoder that is given the header ranges and then the bytes from that offset
/// on yields every sample from `i × step` on. What codecs need to warm up (Vorbis' previous packet, MP3's bit
/// reservoir) lies between that offset and the sound itself, at most [`SeekTable::lead`] bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeekTable {
    step_ms: u32,
    unit: u32,
    lead: u32,
    first: u64,
    /// Distance of each entry from `first`, in units.
    entries: Arc<[u32]>,
    duration_ms: u32,
    end: u64,
}

/// Offsets that make no seek table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadSeekTable {
    /// Not the number of entries that [`SeekTable::entries_for`] names.
    Count,
    /// An offset before the one ahead of it, or behind the end of the plaintext.
    Order,
    /// The unit is zero, or so small that the file's offsets don't fit.
    Unit,
}

impl fmt::Display for BadSeekTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "the seek table has the wrong number of entries",
            Self::Order => "the seek table runs backwards or behind the end",
            Self::Unit => "the seek table's unit does not fit the file",
        })
    }
}

impl core::error::Error for BadSeekTable {}

impl SeekTable {
    /// The step of a table for this duration, both in milliseconds.
    #[must_use]
    pub const fn step_for(duration_ms: u32) -> u32 {
        (duration_ms / SECOND_MS + 1).div_ceil(SEEK_ENTRIES_MAX as u32) * SECOND_MS
    }

    /// How many entries a table for this duration has; at least one.
    #[must_use]
    pub const fn entries_for(duration_ms: u32) -> usize {
        (duration_ms / Self::step_for(duration_ms)) as usize + 1
    }

    /// A table from the offset of each entry, in bytes of plaintext.
    ///
    /// `frame` is the number of bytes that offsets must stay aligned to, counted from the first (a WAV's sample
    /// frame; 1 where frames can be found by themselves). In files where a step is above 16 MiB offsets are
    /// rounded down to a multiple of it. `lead` is explained at [`SeekTable::lead`]; `end` is the length of the
    /// plaintext.
    ///
    /// # Errors
    /// What is wrong with the offsets.
    pub fn new(
        duration_ms: u32,
        end: u64,
        offsets: &[u64],
        frame: u32,
        lead: u32,
    ) -> Result<Self, BadSeekTable> {
        if offsets.len() != Self::entries_for(duration_ms) {
            return Err(BadSeekTable::Count);
        }
        let first = offsets.first().copied().ok_or(BadSeekTable::Count)?;
        let last = offsets.last().copied().ok_or(BadSeekTable::Count)?;
        if last >= end || !offsets.is_sorted() {
            return Err(BadSeekTable::Order);
        }
        let widest = offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let unit = unit_for(frame, widest, last - first).ok_or(BadSeekTable::Unit)?;
        // Rounding down can widen a delta by one unit, never the sum: that is why 2²⁴ - 2 is the limit above.
        let entries = offsets.iter().map(|offset| ((offset - first) / u64::from(unit)) as u32).collect();
        let lead = lead.saturating_add(unit - frame.min(unit));
        Ok(Self { step_ms: Self::step_for(duration_ms), unit, lead, first, entries, duration_ms, end })
    }

    /// A table for an even bit rate: music from `first` up to `end`, the length of the plaintext.
    ///
    /// # Errors
    /// [`BadSeekTable::Order`] if there is no byte between the two.
    pub fn even(duration_ms: u32, first: u64, end: u64) -> Result<Self, BadSeekTable> {
        let room = end.checked_sub(first).filter(|room| *room > 0).ok_or(BadSeekTable::Order)?;
        let step = u128::from(Self::step_for(duration_ms));
        let span = u128::from(duration_ms.max(1));
        let offset = |index: usize| {
            let into = u128::from(room) * (index as u128 * step) / span;
            first + u64::try_from(into).unwrap_or(room).min(room - 1)
        };
        let offsets: Vec<u64> = (0..Self::entries_for(duration_ms)).map(offset).collect();
        Self::new(duration_ms, end, &offsets, 1, 0)
    }

    /// Time between two entries, in milliseconds.
    #[must_use]
    pub const fn step_ms(&self) -> u32 {
        self.step_ms
    }

    /// Number of entries; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: a table has at least one entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The most bytes between an entry's offset and the end of the frame (in Ogg: the page) that sounds at that
    /// entry's time: with that many bytes from the entry on, the decoder yields sound.
    #[must_use]
    pub const fn lead(&self) -> u32 {
        self.lead
    }

    /// The offset of an entry; behind the last one, the end of the plaintext.
    #[must_use]
    pub fn entry(&self, index: usize) -> u64 {
        match self.entries.get(index) {
            Some(units) => self.first + u64::from(*units) * u64::from(self.unit),
            None => self.end,
        }
    }

    /// Where to start reading for a seek to `ms`: the offset of the last entry not after it.
    ///
    /// Decoding from there begins at the entry's time, [`SeekTable::entry_time`], or a little before.
    #[must_use]
    pub fn byte_at(&self, ms: u32) -> u64 {
        self.entry(self.index_at(ms))
    }

    /// The time of the entry that [`SeekTable::byte_at`] answers with, in milliseconds.
    #[must_use]
    pub fn entry_time(&self, ms: u32) -> u32 {
        self.index_at(ms) as u32 * self.step_ms
    }

    /// How many bytes from the start of the file must have arrived so that playing can go on up to `ms`.
    ///
    /// Right at entries; in between, in proportion.
    #[must_use]
    pub fn bytes_by(&self, ms: u32) -> u64 {
        if ms >= self.duration_ms {
            return self.end;
        }
        let index = self.index_at(ms);
        let (low, high) = (self.entry(index), self.entry(index + 1));
        let into = u64::from(ms - self.time(index));
        // The last entry's span ends with the music.
        let span = u64::from(self.time(index + 1).min(self.duration_ms) - self.time(index)).max(1);
        let between = u128::from(high - low) * u128::from(into) / u128::from(span);
        (low + between as u64).saturating_add(u64::from(self.lead)).min(self.end)
    }

    /// The time, in milliseconds, at which playing comes to need this byte: its deadline. The inverse of
    /// [`SeekTable::bytes_by`].
    #[must_use]
    pub fn time_at(&self, byte: u64) -> u32 {
        let Some(plain) = byte.checked_sub(u64::from(self.lead)) else { return 0 };
        if plain < self.first {
            return 0;
        }
        let units = (plain - self.first) / u64::from(self.unit);
        let index = self.entries.partition_point(|entry| u64::from(*entry) <= units).saturating_sub(1);
        let (low, high) = (self.entry(index), self.entry(index + 1));
        let (from, to) = (self.time(index), self.time(index + 1).min(self.duration_ms));
        let into = (plain - low).min(high - low);
        let between = u128::from(to - from) * u128::from(into) / u128::from((high - low).max(1));
        from + between as u32
    }

    /// Appends the table: first offset, unit, lead, width of a delta in bytes (2 or 3), the deltas. Step, number
    /// of entries and limits follow from the head that it is part of.
    pub fn encode<W: BufMut>(&self, out: &mut W) {
        let deltas = || self.entries.windows(2).map(|pair| pair[1] - pair[0]);
        let wide = deltas().any(|delta| delta > u32::from(u16::MAX));
        let mut writer = Writer::new(out);
        writer.varint(self.first).varint(self.unit.into()).varint(self.lead.into()).u8(if wide {
            3
        } else {
            2
        });
        for delta in deltas() {
            if wide {
                writer.u8((delta >> 16) as u8);
            }
            writer.u16(delta as u16);
        }
    }

    /// Reads the table of a file with this duration (in milliseconds) and this length of plaintext.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(reader: &mut Reader<'_>, duration_ms: u32, end: u64) -> Result<Self, CodecError> {
        const BAD: CodecError = CodecError::Invalid("seek table");
        let first = reader.varint()?;
        let unit = reader.varint_u32("seek unit")?;
        let lead = reader.varint_u32("seek lead")?;
        let width = usize::from(reader.u8()?);
        if unit == 0 || first >= end || !matches!(width, 2 | 3) {
            return Err(BAD);
        }
        let count = Self::entries_for(duration_ms);
        let deltas = reader.bytes((count - 1) * width)?;
        let mut entries = Vec::with_capacity(count);
        let mut at = 0u32;
        entries.push(at);
        for delta in deltas.chunks_exact(width) {
            let delta = delta.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
            at = at.checked_add(delta).ok_or(BAD)?;
            entries.push(at);
        }
        if u64::from(at) * u64::from(unit) >= end - first {
            return Err(BAD);
        }
        let step_ms = Self::step_for(duration_ms);
        Ok(Self { step_ms, unit, lead, first, entries: entries.into(), duration_ms, end })
    }

    fn index_at(&self, ms: u32) -> usize {
        ((ms / self.step_ms) as usize).min(self.entries.len().saturating_sub(1))
    }

    fn time(&self, index: usize) -> u32 {
        u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(self.step_ms)
    }
}

/// The smallest multiple of `frame` in which no delta is above 24 bits and no distance above 32.
fn unit_for(frame: u32, widest: u64, whole: u64) -> Option<u32> {
    const DELTA_MAX: u64 = (1 << 24) - 2;
    if frame == 0 || whole > Geometry::PLAINTEXT_MAX {
        return None;
    }
    let least = widest.div_ceil(DELTA_MAX).max(whole.div_ceil(u64::from(u32::MAX)));
    u32::try_from(least.div_ceil(u64::from(frame)).max(1) * u64::from(frame)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_MS: u32 = 3_600_000;

    /// A table with an even rate, in bytes a second.
    fn even(duration_ms: u32, rate: u64, first: u64) -> SeekTable {
        SeekTable::even(duration_ms, first, first + u64::from(duration_ms) * rate / 1000).unwrap()
    }

    fn again(table: &SeekTable) -> Result<SeekTable, CodecError> {
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let read = SeekTable::decode(&mut reader, table.duration_ms, table.end)?;
        reader.finish()?;
        Ok(read)
    }

    #[test]
    fn there_is_an_entry_a_second_until_the_table_is_full() {
        for (duration, step, entries) in [
            (0, 1000, 1),
            (999, 1000, 1),
            (1000, 1000, 2),
            (240_000, 1000, 241),
            (1_023_999, 1000, 1024),
            (1_024_000, 2000, 513),
            (10 * HOUR_MS, 36_000, 1001),
            (u32::MAX, 4_195_000, 1024),
        ] {
            assert_eq!((SeekTable::step_for(duration), SeekTable::entries_for(duration)), (step, entries));
            assert!(entries <= SEEK_ENTRIES_MAX);
        }
    }

    #[test]
    fn a_seek_starts_at_the_entry_before_it() {
        let table = even(10_000, 20_000, 4000);
        assert_eq!(table.byte_at(0), 4000);
        assert_eq!((table.byte_at(3999), table.entry_time(3999)), (64_000, 3000));
        assert_eq!((table.byte_at(99_999), table.entry_time(99_999)), (203_999, 10_000));
    }

    #[test]
    fn deadlines_follow_a_variable_rate() {
        // Two quiet seconds, then two loud ones; sound needs 50 bytes beyond an entry.
        let table = SeekTable::new(4000, 5000, &[100, 200, 300, 2300, 4300], 1, 50).unwrap();
        assert_eq!((table.bytes_by(0), table.bytes_by(1000), table.bytes_by(2500)), (150, 250, 1350));
        assert_eq!((table.time_at(0), table.time_at(150), table.time_at(1350)), (0, 0, 2500));
        assert_eq!((table.bytes_by(4000), table.bytes_by(u32::MAX)), (5000, 5000));
        assert_eq!(table.time_at(u64::MAX), 4000);
    }

    #[test]
    fn a_ten_hour_file_fits_and_keeps_its_bytes_exact() {
        let table = even(10 * HOUR_MS, 40_000, 417);
        assert_eq!(again(&table), Ok(table.clone()));
        assert_eq!(table.byte_at(5 * HOUR_MS), 417 + 5 * 3600 * 40_000);
        // Ten hours of the largest WAV in use: offsets stay on whole sample frames.
        let rate = 192_000 * 6;
        let offsets: Vec<u64> = (0..1001).map(|index| 44 + index * 36 * rate).collect();
        let table = SeekTable::new(10 * HOUR_MS, 44 + 36_000 * rate + 6, &offsets, 6, 0).unwrap();
        assert!((0..1001).all(|index| (table.entry(index) - 44).is_multiple_of(6)));
        assert_eq!(again(&table), Ok(table));
    }

    #[test]
    fn offsets_that_make_no_table_are_refused() {
        for (offsets, error) in [
            (&[0, 1][..], BadSeekTable::Count),
            (&[0, 2, 1], BadSeekTable::Order),
            (&[0, 1, 100], BadSeekTable::Order),
        ] {
            assert_eq!(SeekTable::new(2000, 100, offsets, 1, 0), Err(error));
        }
        assert_eq!(SeekTable::new(2000, 100, &[0, 1, 2], 0, 0), Err(BadSeekTable::Unit));
    }

    #[test]
    fn an_even_table_needs_music() {
        assert_eq!(SeekTable::even(5000, 100, 100), Err(BadSeekTable::Order));
        assert_eq!(SeekTable::even(5000, 100, 101).map(|table| table.byte_at(4000)), Ok(100));
    }

    #[test]
    fn a_table_that_runs_behind_the_end_is_refused() {
        let table = even(10_000, 20_000, 0);
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        let read = SeekTable::decode(&mut Reader::new(&bytes), 10_000, 199_999);
        assert_eq!(read, Err(CodecError::Invalid("seek table")));
    }

    proptest! {
        #[test]
        fn tables_round_trip_and_answer_in_order(
            mut offsets in proptest::collection::vec(0u64..80_000_000_000, 1..1024),
            frame in 1u32..9, lead in 0u32..70_000, queries: [u32; 8],
        ) {
            offsets.sort_unstable();
            let duration = (offsets.len() as u32 - 1) * 1000 + 500;
            let end = offsets.last().unwrap() + 1;
            let table = SeekTable::new(duration, end, &offsets, frame, lead).unwrap();
            prop_assert_eq!(&again(&table), &Ok(table.clone()));
            for (index, offset) in offsets.iter().enumerate() {
                let entry = table.entry(index);
                prop_assert!(entry <= *offset && offset - entry < u64::from(table.unit));
                prop_assert!((entry - offsets[0]).is_multiple_of(u64::from(frame)));
                // With the lead, rounding down never makes a decoder starve.
                prop_assert!(table.bytes_by(index as u32 * 1000) >= (offset + u64::from(lead)).min(end) - u64::from(frame - 1));
            }
            let mut queries = queries.map(|query| query % (duration + 10));
            queries.sort_unstable();
            for pair in queries.windows(2) {
                prop_assert!(table.bytes_by(pair[0]) <= table.bytes_by(pair[1]));
                prop_assert!(table.byte_at(pair[0]) <= table.byte_at(pair[1]));
                let byte = table.bytes_by(pair[0]);
                prop_assert!(table.time_at(byte.saturating_sub(1)) <= pair[0].min(duration));
            }
        }

        #[test]
        fn no_bytes_make_a_table_that_panics(bytes: Vec<u8>, duration: u32, end: u64, ms: u32, byte: u64) {
            if let Ok(table) = SeekTable::decode(&mut Reader::new(&bytes), duration % 20_000, end) {
                prop_assert!(table.byte_at(ms) < end && table.bytes_by(ms) <= end);
                prop_assert!(table.time_at(byte) <= duration % 20_000);
            }
        }
    }
}
