//! The bytes that a demuxer reads.

use alloc::sync::Arc;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use symphonia::core::io::MediaSource;

/// The canonical plaintext of a track, arriving while it is read.
pub trait TrackBytes: Send {
    /// Length of the whole in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies bytes from `offset` on and says how many. Blocks until at least one is there; 0 means the end.
    ///
    /// # Errors
    /// `Interrupted` when something else is to be done first; any other kind when the bytes will not come, which is final.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl TrackBytes for Bytes {
    fn len(&self) -> u64 {
        Self::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl TrackBytes for File {
    fn len(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.seek(SeekFrom::Start(offset))?;
        loop {
            match self.read(into) {
                // A signal, not the end of playback.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// The track's bytes, shared by the decoder and the demuxer of the moment, with the first failure remembered:
/// demuxers take an error for the end of the file in places, and this tells the two apart.
#[derive(Clone)]
pub(super) struct Track(Arc<Mutex<Inner>>);

struct Inner {
    bytes: Box<dyn TrackBytes>,
    failure: Option<io::ErrorKind>,
}

impl Track {
    pub(super) fn new(bytes: Box<dyn TrackBytes>) -> Self {
        Self(Arc::new(Mutex::new(Inner { bytes, failure: None })))
    }

    pub(super) fn len(&self) -> u64 {
        self.lock().bytes.len()
    }

    /// Why bytes stopped coming, if they did.
    pub(super) fn failure(&self) -> Option<io::ErrorKind> {
        self.lock().failure
    }

    /// Whatever interrupted a read is done: bytes may come again.
    pub(super) fn go_on(&self) {
        let mut inner = self.lock();
        inner.failure = inner.failure.filter(|kind| *kind != io::ErrorKind::Interrupted);
    }

    pub(super) fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.lock();
        let read = match inner.failure {
            Some(kind) => Err(kind),
            None => inner.bytes.read_at(offset, into).map_err(|error| error.kind()),
        };
        // `Interrupted` would make std's readers try again, for ever.
        read.map_err(|kind| {
            inner.failure = Some(kind);
            io::Error::other(kind.to_string())
        })
    }

    /// Fills `into` from `offset` on; false where the track ends or fails before that.
    pub(super) fn read_exact_at(&self, mut offset: u64, mut into: &mut [u8]) -> bool {
        while !into.is_empty() {
            let Ok(count @ 1..) = self.read_at(offset, into) else { return false };
            offset += count as u64;
            into = &mut into[count..];
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some ranges of the track as one stream, read from front to back only.
pub(super) struct Spliced {
    track: Track,
    ranges: Vec<Range<u64>>,
    current: usize,
}

impl Spliced {
    pub(super) fn new(track: Track, ranges: Vec<Range<u64>>) -> Self {
        Self { track, ranges, current: 0 }
    }
}

impl Read for Spliced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(range) = self.ranges.get_mut(self.current) {
            let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            if wanted > 0 {
                let wanted = wanted.min(into.len());
                let count = self.track.read_at(range.start, &mut into[..wanted])?;
                range.start += count as u64;
                return Ok(count);
            }
            self.current += 1;
        }
        Ok(0)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        false
    }

    fn byte_len(&self) -> Option<u64> {
        None
    }
}

/// The whole track, for demuxers that know where to jump to.
pub(super) struct Whole {
    track: Track,
    position: u64,
    end: u64,
}

impl Whole {
    /// The track, said to end at `end`.
    pub(super) fn new(track: Track, end: u64) -> Self {
        Self { track, position: 0, end }
    }
}

impl Read for Whole {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.track.read_at(self.position, into)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Whole {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.end.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl MediaSource for Whole {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end)
    }
}
