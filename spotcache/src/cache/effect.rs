//! What the cache asks of a disk, and what a disk answers.

use super::place::Place;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// The number of an effect; it comes back with the effect's result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What is written to a file: a piece's payload, or sealed bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content<B> {
    /// A piece of ciphertext.
    Piece(B),
    /// A sheet, or a group of leaves.
    Sealed(Bytes),
}

/// Work for a disk.
///
/// Everything but reading is carried out in this order; a read may overtake, and never asks for what is not written
/// yet. Each is answered by its [`Done`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Effect<K, B> {
    /// Read the journal, list the files of the cache, say how much room there is.
    Open {
        /// The number of the effect.
        request: RequestId,
    },
    /// Write a part of a file, which is made if it is not there. Need not be on the platter when it is answered.
    Write {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
        /// Where its parts lie.
        layout: super::Layout,
        /// Which part.
        place: Place,
        /// Its bytes.
        content: Content<B>,
    },
    /// Read a part of a file.
    Read {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
        /// Where its parts lie.
        layout: super::Layout,
        /// Which part; fewer bytes than its most are no error at the end of the file.
        place: Place,
    },
    /// Make what was written to these files last, then append to the journal and make that last.
    Append {
        /// The number of the effect.
        request: RequestId,
        /// Files whose writes must be on the platter before the journal says so.
        after: Vec<K>,
        /// Whole records.
        records: Bytes,
    },
    /// Put a new journal in the place of the old one: after a crash there is one or the other.
    Replace {
        /// The number of the effect.
        request: RequestId,
        /// The whole journal.
        journal: Bytes,
    },
    /// Make a file this long.
    Cut {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
        /// Bytes that stay.
        length: u64,
    },
    /// Remove a file. One that is not there is no failure.
    Remove {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
    },
}

/// What a disk has to say of its cache at the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<K> {
    /// The journal; `None` if there is none.
    pub journal: Option<Bytes>,
    /// The cache's files and their lengths, in any order. Files of others are not among them.
    pub files: Vec<(K, u64)>,
    /// Bytes free on the disk, those of the cache itself not counted.
    pub free: u64,
}

/// An empty disk, whatever names are.
impl<K> Default for Found<K> {
    fn default() -> Self {
        Self { journal: None, files: Vec::new(), free: 0 }
    }
}

/// What came of an effect.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Done<K, B> {
    /// Of [`Effect::Open`].
    Opened(Result<Found<K>, DiskError>),
    /// Of [`Effect::Read`].
    Read(Result<Content<B>, DiskError>),
    /// Of all others.
    Carried(Result<(), DiskError>),
}

/// Why a disk did not do as it was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum DiskError {
    /// There is no room left.
    Full,
    /// It can't be written to.
    ReadOnly,
    /// The file, or the part of it, is not there.
    Missing,
    /// The work could not be taken on: too much of it waits already.
    Busy,
    /// The folder is not there any more, or the disk fails.
    Failed,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "the disk can't be written to",
            Self::Missing => "the file is not there",
            Self::Busy => "the disk is too slow",
            Self::Failed => "the disk fails",
        })
    }
}

impl core::error::Error for DiskError {}
