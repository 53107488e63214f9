//! What a player needs to know of a file before the first byte of it.

use super::file_id::FileId;
use super::format::Format;
use super::geometry::Geometry;
use super::seek::SeekTable;
use crate::codec::{CodecError, Reader, Writer};
use alloc::vec::Vec;
use bytes::BufMut;
use core::ops::Range;

/// The most bytes that an encoded head takes.
pub const HEAD_LEN_MAX: usize = 4096;

/// The most header ranges of a head.
pub const HEADER_RANGES_MAX: usize = 4;

/// Bytes of plaintext, as a half-open range.
pub type ByteRange = Range<u64>;

/// What names a file and describes it to a player. `K` is [`FileId`] in production; a simulator takes a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head<K> {
    /// The file's name.
    pub file: K,
    /// Lengths and number of pieces.
    pub geometry: Geometry,
    /// Container and codec.
    pub format: Format,
    /// Average bits of plaintext a second.
    pub bit_rate: u32,
    /// Length of the music, in milliseconds.
    pub duration_ms: u32,
    /// Sample frames a second; at least one.
    pub sample_rate: u32,
    /// Channels; at least one.
    pub channels: u8,
    /// Sample frames of music, where known exactly.
    pub samples: Option<u64>,
    /// Sample frames that the codec yields before the music begins (encoder delay). For players whose demuxer does
    /// not trim it by itself.
    pub delay: u32,
    /// How much louder to play, in 1/256 dB (ReplayGain), where known.
    pub gain: Option<i16>,
    /// The plaintext that a decoder needs first, wherever it is to start: at most [`HEADER_RANGES_MAX`] ranges, in
    /// order, apart from each other.
    pub headers: Vec<ByteRange>,
    /// Time to byte.
    pub seek: SeekTable,
}

impl<K> Head<K> {
    /// Bytes of ciphertext.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.geometry.ciphertext_len()
    }

    /// Number of pieces.
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.geometry.pieces()
    }

    /// Whether the fields fit each other, as [`Head::decode`] would insist.
    ///
    /// # Errors
    /// The field that does not.
    pub fn check(&self) -> Result<(), CodecError> {
        check_headers(&self.headers, self.geometry)?;
        match (self.sample_rate, self.channels) {
            (0, _) => Err(CodecError::Invalid("sample rate")),
            (_, 0) => Err(CodecError::Invalid("channels")),
            _ => Ok(()),
        }
    }

    /// The pieces that hold header ranges, in order, each once.
    pub fn header_pieces(&self) -> impl Iterator<Item = u32> + '_ {
        let mut next = 0;
        self.headers.iter().flat_map(move |range| {
            let pieces = self.geometry.pieces_of(range.clone());
            let fresh = pieces.start.max(next)..pieces.end;
            next = next.max(pieces.end);
            fresh
        })
    }

    /// The piece to ask for first when seeking to `ms`.
    #[must_use]
    pub fn piece_at(&self, ms: u32) -> u32 {
        self.geometry.piece_of(self.seek.byte_at(ms))
    }

    /// The time, in milliseconds, at which playing comes to need this piece; 0 for one with headers.
    #[must_use]
    pub fn due(&self, piece: u32) -> u32 {
        let block = self.geometry.block(piece);
        if self.headers.iter().any(|range| range.start < block.end && block.start < range.end) {
            return 0;
        }
        self.seek.time_at(block.start)
    }
}

impl Head<FileId> {
    /// Appends the head; at most [`HEAD_LEN_MAX`] bytes.
    pub fn encode<W: BufMut>(&self, out: &mut W) {
        let mut writer = Writer::new(out);
        writer.bytes(&self.file.0).varint(self.length()).u8(self.format as u8);
        writer.varint(self.bit_rate.into()).varint(self.duration_ms.into());
        writer.varint(self.sample_rate.into()).u8(self.channels);
        // 0 says "not known": a known number is written one higher.
        writer.varint(self.samples.map_or(0, |samples| samples.saturating_add(1)));
        writer.varint(self.delay.into());
        writer.u8(self.gain.is_some().into());
        if let Some(gain) = self.gain {
            writer.u16(gain as u16);
        }
        let headers = self.headers.get(..HEADER_RANGES_MAX).unwrap_or(&self.headers);
        writer.varint(headers.len() as u64);
        for range in headers {
            writer.varint(range.start).varint(range.end);
        }
        self.seek.encode(out);
    }

    /// Reads a head and checks that its parts fit each other.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let file = FileId(reader.array()?);
        let geometry = Geometry::of_ciphertext(reader.varint()?).ok_or(CodecError::Invalid("length"))?;
        let format = Format::from_number(reader.u8()?).ok_or(CodecError::Invalid("format"))?;
        let bit_rate = reader.varint_u32("bit rate")?;
        let duration_ms = reader.varint_u32("duration")?;
        let sample_rate = reader.varint_u32("sample rate")?;
        let channels = reader.u8()?;
        let samples = reader.varint()?.checked_sub(1);
        let delay = reader.varint_u32("delay")?;
        let gain = match reader.u8()? {
            0 => None,
            1 => Some(reader.u16()? as i16),
            _ => return Err(CodecError::Invalid("gain")),
        };
        let count = reader.count(HEADER_RANGES_MAX, "header ranges")?;
        let headers =
            (0..count).map(|_| Ok(reader.varint()?..reader.varint()?)).collect::<Result<_, CodecError>>()?;
        let seek = SeekTable::decode(reader, duration_ms, geometry.plaintext_len())?;
        let head = Self {
            file,
            geometry,
            format,
            bit_rate,
            duration_ms,
            sample_rate,
            channels,
            samples,
            delay,
            gain,
            headers,
            seek,
        };
        head.check()?;
        Ok(head)
    }
}

fn check_headers(headers: &[ByteRange], geometry: Geometry) -> Result<(), CodecError> {
    let mut at = 0;
    for range in headers {
        if range.start < at || range.start >= range.end || range.end > geometry.plaintext_len() {
            return Err(CodecError::Invalid("header ranges"));
        }
        at = range.end;
    }
    if headers.len() > HEADER_RANGES_MAX { Err(CodecError::TooLong("header ranges")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{BLOCK_LEN, SEEK_ENTRIES_MAX};
    use proptest::prelude::*;

    fn head(duration_ms: u32, plaintext: u64, headers: &[(u64, u64)]) -> Head<FileId> {
        let count = SeekTable::entries_for(duration_ms) as u64;
        let offsets: Vec<u64> = (0..count).map(|index| index * (plaintext - 1) / count).collect();
        Head {
            file: FileId([9; 32]),
            geometry: Geometry::of_plaintext(plaintext).unwrap(),
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms,
            sample_rate: 44_100,
            channels: 2,
            samples: Some(u64::from(duration_ms) * 44_100 / 1000),
            delay: 1105,
            gain: Some(-1800),
            headers: headers.iter().map(|&(start, end)| start..end).collect(),
            seek: SeekTable::new(duration_ms, plaintext, &offsets, 1, 5000).unwrap(),
        }
    }

    fn encoded(head: &Head<FileId>) -> Vec<u8> {
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        bytes
    }

    #[test]
    fn heads_of_a_click_of_a_song_and_of_ten_hours_read_back_and_stay_small() {
        for (duration, plaintext, most) in
            [(0, 1, 80), (240_000, 4_800_000, 600), (36_000_000, 1_440_000_000, HEAD_LEN_MAX)]
        {
            let head = head(duration, plaintext, &[(0, 1)]);
            let bytes = encoded(&head);
            assert!(bytes.len() <= most, "{} bytes", bytes.len());
            let mut reader = Reader::new(&bytes);
            assert_eq!(Head::decode(&mut reader), Ok(head));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn the_largest_head_fits_its_limit() {
        let duration = (SEEK_ENTRIES_MAX as u32 - 1) * 1000;
        let far = Geometry::PLAINTEXT_MAX - 10;
        let mut head = head(
            duration,
            Geometry::PLAINTEXT_MAX,
            &[(far, far + 1), (far + 1, far + 2), (far + 2, far + 3), (far + 3, far + 4)],
        );
        head.bit_rate = u32::MAX;
        head.sample_rate = u32::MAX;
        head.samples = Some(1 << 60);
        head.delay = u32::MAX;
        assert!(encoded(&head).len() <= HEAD_LEN_MAX);
        assert_eq!(Head::decode(&mut Reader::new(&encoded(&head))), Ok(head));
    }

    #[test]
    fn header_ranges_outside_the_file_or_out_of_order_are_refused() {
        for ranges in [&[(0, 101)][..], &[(5, 5)], &[(10, 20), (15, 30)], &[(50, 60), (10, 20)]] {
            let bytes = encoded(&head(0, 100, ranges));
            assert_eq!(Head::decode(&mut Reader::new(&bytes)), Err(CodecError::Invalid("header ranges")));
        }
        let five: Vec<(u64, u64)> = (0..5).map(|start| (start, start + 1)).collect();
        assert_eq!(head(0, 100, &five).check(), Err(CodecError::TooLong("header ranges")));
    }

    #[test]
    fn fields_that_make_no_sense_are_refused() {
        let good = encoded(&head(0, 100, &[]));
        let refusal = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            Head::decode(&mut Reader::new(&bad)).unwrap_err()
        };
        assert_eq!(refusal(33, 16), CodecError::Invalid("length"));
        assert_eq!(refusal(34, 99), CodecError::Invalid("format"));
        let mut mute = head(0, 100, &[]);
        mute.channels = 0;
        assert_eq!(Head::decode(&mut Reader::new(&encoded(&mute))), Err(CodecError::Invalid("channels")));
        mute.sample_rate = 0;
        assert_eq!(Head::decode(&mut Reader::new(&encoded(&mute))), Err(CodecError::Invalid("sample rate")));
    }

    #[test]
    fn header_pieces_are_named_once_and_are_due_at_once() {
        let block = BLOCK_LEN as u64;
        let head = head(60_000, 60 * block, &[(0, 10), (20, 30), (2 * block - 1, 3 * block + 1)]);
        assert_eq!(head.header_pieces().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!((head.due(0), head.due(3)), (0, 0));
        assert!(head.due(30) > 20_000 && head.due(59) > head.due(30));
        assert!(head.piece_at(30_000) < 31 && head.piece_at(30_000) > 27);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
            let _ = Head::decode(&mut Reader::new(&bytes));
        }

        #[test]
        fn a_damaged_head_is_refused_or_consistent(at: proptest::sample::Index, byte: u8, duration in 0u32..9_000) {
            let mut bytes = encoded(&head(duration, 50_000, &[(0, 4000)]));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(head) = Head::decode(&mut Reader::new(&bytes)) {
                prop_assert_eq!(head.check(), Ok(()));
                prop_assert!(head.seek.byte_at(u32::MAX) < head.geometry.plaintext_len());
                prop_assert!(head.header_pieces().all(|piece| piece < head.pieces()));
            }
        }
    }
}
