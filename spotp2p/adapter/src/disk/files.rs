//! The few calls to a file system that a cache needs.

use core::fmt;
use spotproto::content::FileId;
use std::io;

/// What a cache calls its files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// What is held, as records.
    Journal,
    /// A journal that is being written and will be the journal.
    NextJournal,
    /// A cached file.
    Cached(FileId),
}

impl Name {
    /// In which folder it lies.
    #[must_use]
    pub const fn folder(self) -> Directory {
        match self {
            Self::Journal | Self::NextJournal => Directory::Top,
            Self::Cached(_) => Directory::Files,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal => f.write_str("journal"),
            Self::NextJournal => f.write_str("journal.next"),
            Self::Cached(file) => fmt::Display::fmt(file, f),
        }
    }
}

/// One of a cache's two folders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Directory {
    /// The cache's own, with the journal.
    Top,
    /// The one inside it, with the cached files.
    Files,
}

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// A place for files, like POSIX in what lasts and what does not: bytes and a length last from the file's `sync` on,
/// a name (new, changed or gone) from its folder's. What was not made last may be lost in part and in any order.
///
/// All calls may block. Errors are the system's.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Files {
    /// An open file. It stays usable when its name goes.
    type File: fmt::Debug;

    /// Opens a file that is there; [`io::ErrorKind::NotFound`] if it is not.
    fn open(&self, name: Name, access: Access) -> io::Result<Self::File>;

    /// Makes an empty file and opens it for reading and writing; [`io::ErrorKind::AlreadyExists`] if there is one.
    fn create(&self, name: Name) -> io::Result<Self::File>;

    /// Reads at most `buffer.len()` bytes from `offset` on; fewer at the end of the file only.
    fn read(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` from `offset` on. On an error some of them may have been written.
    fn write(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// The file's length in bytes; [`io::ErrorKind::NotFound`] if it has lost its name, so that nobody would find
    /// again what is written to it.
    fn length(&self, file: &Self::File) -> io::Result<u64>;

    /// Makes the file this long.
    fn set_length(&self, file: &Self::File, length: u64) -> io::Result<()>;

    /// Makes bytes and length last.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Makes names last.
    fn sync_folder(&self, folder: Directory) -> io::Result<()>;

    /// Gives a file another name, in the place of the file that had it, at one stroke. Both are in one folder.
    fn rename(&self, from: Name, to: Name) -> io::Result<()>;

    /// Takes a file's name away.
    fn remove(&self, name: Name) -> io::Result<()>;

    /// The cached files and their lengths in bytes, in any order.
    fn list(&self) -> io::Result<Vec<(FileId, u64)>>;

    /// Bytes that may still be written.
    fn free(&self) -> io::Result<u64>;
}
