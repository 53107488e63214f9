//! MP4 edit lists: what encoders added before and after the music.

use core::ops::Range;

use super::source::Track;

/// The one edit of a track: which part of the media is the track (ISO/IEC 14496-12 §8.6.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edit {
    /// Start in the media, in ticks of the track.
    pub(super) media_start: u64,
    duration: u64,
    movie_scale: u32,
}

impl Edit {
    /// Length in frames of `rate`; endless when it is not said.
    pub(super) fn frames(self, rate: u32) -> i64 {
        if self.duration == 0 || self.movie_scale == 0 {
            return i64::MAX;
        }
        let frames = u128::from(self.duration) * u128::from(rate) / u128::from(self.movie_scale);
        i64::try_from(frames).unwrap_or(i64::MAX)
    }

    /// Frames in one tick of the length.
    pub(super) fn rounding(self, rate: u32) -> i64 {
        i64::from(rate / self.movie_scale.max(1)) + 1
    }
}

/// Reads the edit of the track with this id; none if there is none, or more than one.
pub(super) fn read(track: &Track, id: u32) -> Option<Edit> {
    let movie = find(track, 0..track.len(), *b"moov")?;
    let movie_scale = timescale(track, find(track, movie.clone(), *b"mvhd")?)?;
    let mut rest = movie;
    loop {
        let this = find(track, rest.clone(), *b"trak")?;
        rest.start = this.end;
        if track_id(track, find(track, this.clone(), *b"tkhd")?)? == id {
            let edits = find(track, this, *b"edts")?;
            let list = find(track, edits, *b"elst")?;
            return edit(track, list, movie_scale);
        }
    }
}

/// The contents of the first box of a kind. Boxes are looked at by their headers only.
fn find(track: &Track, within: Range<u64>, kind: [u8; 4]) -> Option<Range<u64>> {
    let mut at = within.start;
    while at < within.end {
        let header: [u8; 8] = bytes(track, at)?;
        let (head, len) = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
            0 => (8, within.end - at),
            1 => (16, u64::from_be_bytes(bytes(track, at.checked_add(8)?)?)),
            len => (8, u64::from(len)),
        };
        let end = at.checked_add(len).filter(|end| len >= head && *end <= within.end)?;
        if header[4..] == kind {
            return Some(at + head..end);
        }
        at = end;
    }
    None
}

fn timescale(track: &Track, movie_header: Range<u64>) -> Option<u32> {
    let at = if is_long(track, &movie_header)? { 20 } else { 12 };
    Some(u32::from_be_bytes(bytes(track, movie_header.start + at)?))
}

fn track_id(track: &Track, track_header: Range<u64>) -> Option<u32> {
    let at = if is_long(track, &track_header)? { 20 } else { 12 };
    Some(u32::from_be_bytes(bytes(track, track_header.start + at)?))
}

fn edit(track: &Track, list: Range<u64>, movie_scale: u32) -> Option<Edit> {
    let is_long = is_long(track, &list)?;
    let count = u32::from_be_bytes(bytes(track, list.start + 4)?);
    let mut found = None;
    for index in 0..u64::from(count.min(4)) {
        let (duration, media_start) = if is_long {
            let at = list.start + 8 + 20 * index;
            (u64::from_be_bytes(bytes(track, at)?), i64::from_be_bytes(bytes(track, at + 8)?))
        } else {
            let at = list.start + 8 + 12 * index;
            let start = i32::from_be_bytes(bytes(track, at + 4)?);
            (u32::from_be_bytes(bytes(track, at)?).into(), start.into())
        };
        // A negative start is a pause before the music.
        let Ok(media_start) = u64::try_from(media_start) else { continue };
        if found.replace(Edit { media_start, duration, movie_scale }).is_some() {
            return None;
        }
    }
    found
}

fn is_long(track: &Track, full_box: &Range<u64>) -> Option<bool> {
    Some(bytes::<1>(track, full_box.start)?[0] == 1)
}

fn bytes<const N: usize>(track: &Track, at: u64) -> Option<[u8; N]> {
    let mut read = [0; N];
    track.read_exact_at(at, &mut read).then_some(read)
}
