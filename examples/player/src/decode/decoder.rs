//! A track as a sequence of samples, from any position.

use core::fmt;
use core::ops::Range;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;

use spotproto::content::Format;
use symphonia::core::io::MediaSource;

use super::source::{Spliced, Track, Whole};
use super::stream::Stream;
use super::{DecodeError, Samples, SeekPoint, Spec, TrackBytes, entry_for, start};

/// What must be known of a file before its bytes are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Container and codec.
    pub format: Format,
    /// The bytes that a decoder needs before any sound, in ascending order. For MP3 that is the Xing or Info frame.
    pub header: Vec<Range<u64>>,
    /// Time to byte, in ascending order. May be empty: then a start in the middle reads everything before it.
    pub seek: Vec<SeekPoint>,
    /// Frames that the codec yields before the music, as a head has them: tags may have told that no longer are there.
    pub delay: u32,
    /// Frames of music, as a head has them.
    pub samples: Option<u64>,
}

/// Decodes a track while its bytes arrive. Opening, seeking and [`next`](Self::next) block as the bytes do.
pub struct Decoder {
    track: Track,
    layout: Layout,
    stream: Stream,
    /// Decoded at the start, not yet handed out.
    first: Option<Samples>,
    spec: Option<Spec>,
    skipped: u64,
}

impl Decoder {
    /// Reads the header and decodes the first sound that is heard from `target` on.
    ///
    /// # Errors
    /// Whatever stands in the way of any sound, see [`DecodeError`].
    pub fn open(bytes: Box<dyn TrackBytes>, layout: Layout, target: Duration) -> Result<Self, DecodeError> {
        let track = Track::new(bytes);
        let (stream, first) = begin(&track, &layout, target)?;
        if first.is_none() && target.is_zero() {
            return Err(DecodeError::NoAudio);
        }
        let spec = first.as_ref().map(Samples::spec);
        Ok(Self { track, layout, stream, first, spec, skipped: 0 })
    }

    /// Goes to another position. After an error the decoder is at its end, until it is told to go elsewhere.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn seek(&mut self, target: Duration) -> Result<(), DecodeError> {
        self.track.go_on();
        self.skipped = self.skipped();
        self.stream.skipped = 0;
        let (stream, first) = begin(&self.track, &self.layout, target)?;
        self.spec = first.as_ref().map(Samples::spec).or(self.spec);
        self.stream = stream;
        self.first = first;
        Ok(())
    }

    /// The next stretch of sound, in the caller's buffer, which is best the same one every time. False at the end.
    ///
    /// # Errors
    /// See [`DecodeError`]; a damaged packet is skipped instead.
    pub fn next(&mut self, into: &mut Samples) -> Result<bool, DecodeError> {
        if let Some(first) = self.first.take() {
            *into = first;
            return Ok(true);
        }
        let more = contained(|| self.stream.next(into))?;
        if more {
            self.spec = Some(into.spec());
        }
        Ok(more)
    }

    /// What the sound looks like; none if the start was behind the end. Rarely, it changes within a track.
    #[must_use]
    pub const fn spec(&self) -> Option<Spec> {
        self.spec
    }

    /// Damaged packets that were left out so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped + self.stream.skipped
    }

    /// Whether the file turned out to be cut off.
    #[must_use]
    pub const fn ended_early(&self) -> bool {
        self.stream.ended_early
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("format", &self.layout.format).field("spec", &self.spec).finish()
    }
}

fn begin(track: &Track, layout: &Layout, target: Duration) -> Result<(Stream, Option<Samples>), DecodeError> {
    let is_spliced = start::is_spliced(layout.format);
    let entry = entry_for(layout.format, &layout.seek, target).filter(|_| is_spliced && !target.is_zero());
    let entry = start::step_back(layout, track, entry);
    let from = |entry| contained(|| begin_from(track, layout, target, entry));
    let (stream, first) = from(entry)?;
    let is_late = first.as_ref().is_none_or(|first| first.at > stream.frame_at(target));
    match entry {
        // The table was a little off; the line before it is not.
        Some(entry) if is_late => from(entry.checked_sub(1)),
        _ => Ok((stream, first)),
    }
}

fn begin_from(
    track: &Track,
    layout: &Layout,
    target: Duration,
    entry: Option<usize>,
) -> Result<(Stream, Option<Samples>), DecodeError> {
    let is_spliced = start::is_spliced(layout.format);
    let source: Box<dyn MediaSource> = if is_spliced {
        Box::new(Spliced::new(track.clone(), start::ranges(layout, track, entry)))
    } else {
        Box::new(Whole::new(track.clone(), start::end(layout.format, track)))
    };
    let point = entry.and_then(|entry| layout.seek.get(entry)).copied();
    let mut stream = Stream::open(track, layout, source, point)?;
    let frame = stream.frame_at(target);
    let mut first = Samples::new();
    let more = stream.start_at(frame, !is_spliced)? && stream.next(&mut first)?;
    Ok((stream, more.then_some(first)))
}

/// Demuxers and codecs are many thousand lines of somebody else's, fed with files of unknown origin. Where one of them
/// panics, the track ends and the player does not.
fn contained<T>(work: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let gave_up = DecodeError::Malformed("its decoder gave up on it");
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(gave_up))
}
