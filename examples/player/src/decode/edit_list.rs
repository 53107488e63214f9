//! MP4 edit lists: what encoders added before and after the music.

use core::ops::Range;

use super::boxes::{bytes, find, is_long, movie, movie_track, nested};
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
    let movie = movie(track)?;
    let movie_scale = timescale(track, find(track, movie.clone(), *b"mvhd")?)?;
    let list = nested(track, movie_track(track, movie, id)?, &[*b"edts", *b"elst"])?;
    edit(track, list, movie_scale)
}

fn timescale(track: &Track, movie_header: Range<u64>) -> Option<u32> {
    let at = if is_long(track, &movie_header)? { 20 } else { 12 };
    Some(u32::from_be_bytes(bytes(track, movie_header.start + at)?))
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
