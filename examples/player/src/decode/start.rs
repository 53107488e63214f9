//! Where to start reading for a start in the middle.

use core::ops::Range;
use core::time::Duration;

use spotproto::content::Format;

use super::Layout;
use super::boxes;
use super::source::Track;

/// One line of a seek table: at this time, the bytes at this offset.
///
/// `offset` is where a page (Ogg) or frame (FLAC, MP3) begins. `time` is that of the sound that begins there; where
/// MP3 frames are counted from 0, it is number × length of a frame, the encoder's delay not subtracted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeekPoint {
    /// Time from the start of the track.
    pub time: Duration,
    /// Byte offset in the canonical plaintext.
    pub offset: u64,
}

/// The line of the seek table that decoding starts from in order to be heard from `target` on, if it is not the
/// start of the file: the piece at its offset is the first one needed after the header.
#[must_use]
pub fn entry_for(format: Format, seek: &[SeekPoint], target: Duration) -> Option<usize> {
    let by = target.checked_sub(preroll(format))?;
    seek.partition_point(|point| point.time <= by).checked_sub(1)
}

/// Sound that a decoder needs before it is right, so the least time between an entry and what is heard from it on.
#[must_use]
pub const fn preroll(format: Format) -> Duration {
    match format {
        // The first block only primes the overlap, and a page may begin inside a packet. Blocks have at most 8,192
        // frames (Vorbis I §4.2.2).
        Format::OggVorbis => Duration::from_millis(250),
        // A frame's data may begin 511 bytes before it (ISO 11172-3 §2.4.2.7): up to nine frames at low bit rates, of
        // 24 ms or more each.
        Format::Mp3 => Duration::from_millis(235),
        _ => Duration::ZERO,
    }
}

/// The demuxer is fed ranges of the file; otherwise it gets the whole and jumps by its own tables.
pub(super) const fn is_spliced(format: Format) -> bool {
    matches!(format, Format::OggVorbis | Format::Flac | Format::Mp3)
}

/// Where the file is said to end to a demuxer that gets the whole. The one for MP4 refuses a file that is shorter than
/// its boxes say, where what is there could be played; and it looks for boxes up to the end, so that must not be far.
pub(super) fn end(format: Format, track: &Track) -> u64 {
    match format {
        Format::Aac | Format::Alac => boxes::declared_end(track),
        _ => track.len(),
    }
}

/// The ranges that make a stream which starts at a line of the seek table.
pub(super) fn ranges(layout: &Layout, track: &Track, entry: Option<usize>) -> Vec<Range<u64>> {
    let len = track.len();
    let whole = 0..len;
    let Some(offset) = entry.and_then(|entry| layout.seek.get(entry)).map(|point| point.offset) else {
        return Vec::from([whole]);
    };
    let mut ranges: Vec<_> =
        layout.header.iter().map(|range| range.start.min(offset)..range.end.min(offset)).collect();
    ranges.push(offset..len.max(offset));
    ranges
}

/// Steps back from entries that a demuxer would date wrongly: on the last Ogg page the position counts the samples
/// that are kept, not those that are decoded (Vorbis I §A.2), so the page needs the one before it.
pub(super) fn step_back(layout: &Layout, track: &Track, entry: Option<usize>) -> Option<usize> {
    const LAST_PAGE: u8 = 4;
    let mut entry = entry?;
    if layout.format != Format::OggVorbis {
        return Some(entry);
    }
    loop {
        let mut page = [0; 6];
        let offset = layout.seek.get(entry)?.offset;
        let is_last = track.read_exact_at(offset, &mut page) && page[5] & LAST_PAGE != 0;
        if !is_last {
            return Some(entry);
        }
        entry = entry.checked_sub(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [SeekPoint; 3] = [
        SeekPoint { time: Duration::ZERO, offset: 100 },
        SeekPoint { time: Duration::from_secs(1), offset: 200 },
        SeekPoint { time: Duration::from_secs(2), offset: 300 },
    ];

    #[test]
    fn an_entry_leaves_room_for_what_the_decoder_needs_before() {
        let at = |format, ms| entry_for(format, &TABLE, Duration::from_millis(ms));
        assert_eq!(at(Format::Flac, 0), Some(0));
        assert_eq!(at(Format::Flac, 2_000), Some(2));
        assert_eq!(at(Format::OggVorbis, 2_000), Some(1));
        assert_eq!(at(Format::OggVorbis, 2_250), Some(2));
        assert_eq!(at(Format::Mp3, 100), None);
        assert_eq!(entry_for(Format::Flac, &[], Duration::from_secs(9)), None);
    }

    #[test]
    fn header_ranges_end_where_the_entry_begins() {
        let layout = Layout {
            format: Format::Flac,
            header: vec![0..150, 240..260, 900..950],
            seek: TABLE.to_vec(),
            delay: 0,
            samples: None,
        };
        let track = Track::new(Box::new(bytes::Bytes::from_static(&[0; 1_000])));
        let whole = 0..1_000;
        assert_eq!(ranges(&layout, &track, None), [whole]);
        assert_eq!(ranges(&layout, &track, Some(1)), [0..150, 200..200, 200..200, 200..1_000]);
    }
}
