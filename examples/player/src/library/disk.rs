//! Files read by position, and what is read counted.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use spotcache::canonical::{Source, Unreadable};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{SystemTime, UNIX_EPOCH};

/// What tells whether a file was changed since it was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970 at which it was last written to.
    pub(super) modified: i64,
    /// Its bytes.
    pub(super) size: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self::at(metadata.modified().unwrap_or(UNIX_EPOCH), metadata.len())
    }

    pub(super) fn at(modified: SystemTime, size: u64) -> Self {
        let modified = match modified.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        };
        Self { modified, size }
    }
}

/// An open file as `spotcache` reads it.
#[derive(Debug)]
pub(super) struct Disk<'a> {
    pub(super) file: &'a File,
    pub(super) size: u64,
}

impl Disk<'_> {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match read_at(self.file, buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Source for Disk<'_> {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        self.read(offset, buffer).map_err(|_| Unreadable)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Moves the file's own position, too, which nobody here relies on.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// Counts what all readers of a scan have read, and stops them.
#[derive(Debug, Default)]
pub(super) struct Meter {
    read: AtomicU64,
    stopped: AtomicBool,
}

impl Meter {
    /// Bytes so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// No reader gets any more bytes.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// An open file whose reading is counted.
#[derive(Debug)]
pub(super) struct Metered<'a> {
    disk: Disk<'a>,
    meter: &'a Meter,
    position: u64,
    failed: Option<io::ErrorKind>,
}

impl<'a> Metered<'a> {
    pub(super) const fn new(file: &'a File, size: u64, meter: &'a Meter) -> Self {
        Self { disk: Disk { file, size }, meter, position: 0, failed: None }
    }

    /// What the system said when it could not read.
    pub(super) fn failed(&self) -> io::ErrorKind {
        self.failed.unwrap_or(io::ErrorKind::Other)
    }
}

impl Source for Metered<'_> {
    fn len(&self) -> u64 {
        self.disk.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        if self.meter.is_stopped() {
            return Err(Unreadable);
        }
        match self.disk.read(offset, buffer) {
            Ok(count) => {
                self.meter.count(count);
                Ok(count)
            }
            Err(error) => {
                self.failed = Some(error.kind());
                Err(Unreadable)
            }
        }
    }
}

/// For readers of tags, which know nothing of sources.
impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read_at(self.position, buffer).map_err(io::Error::other)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.disk.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
