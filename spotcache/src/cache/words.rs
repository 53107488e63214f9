//! What goes into a cache and what comes out.

use super::config::Quota;
use super::effect::{Content, DiskError, Done, Effect, RequestId};
use super::place::Place;
use bytes::Bytes;
use core::fmt;
use core::ops::Range;
use spotproto::UnixTime;

/// What the owner tells a cache. Each command is a method of [`Cache`](super::Cache) too, for where its answer is
/// wanted at once.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Input<K, B> {
    /// Read what is there.
    Open,
    /// A file is to be kept.
    Admit {
        /// Its name.
        file: K,
        /// Pieces of the whole file.
        pieces: u32,
        /// Leading pieces that hold headers.
        header_prefix: u32,
        /// The track's gid, to find the file by.
        alias: Option<[u8; 16]>,
    },
    /// A file's sealed sheet.
    WriteSheet(K, Bytes),
    /// A sealed group of a file's leaves.
    WriteLeaves(K, u32, Bytes),
    /// A piece that was proved.
    Store(K, u32, B),
    /// A part is wanted.
    Read(K, Place),
    /// A file was used.
    Touch(K),
    /// A file is in use.
    Hold(K),
    /// One use of a file has ended.
    Release(K),
    /// A file is to stay.
    Pin(K),
    /// A file need not stay.
    Unpin(K),
    /// Pieces proved wrong.
    Forget(K, Range<u32>),
    /// A file is to go.
    Remove(K),
    /// Another quota.
    SetQuota(Quota),
    /// All is to go; pinned files too, if `pinned`.
    Clear {
        /// Whether pinned files go as well.
        pinned: bool,
    },
    /// What a trusted clock says.
    NoteDate(UnixTime),
    /// What waits is to be made last.
    Sync,
    /// What came of an effect.
    Done(RequestId, Done<K, B>),
}

/// What a cache asks for, and tells.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output<K, B> {
    /// Work for the disk.
    Effect(Effect<K, B>),
    /// News.
    Event(Event<K, B>),
}

/// What happened in a cache.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<K, B> {
    /// The cache is open.
    Ready(Opened),
    /// The answer of a read.
    Data {
        /// The number that reading gave.
        request: RequestId,
        /// Which file.
        file: K,
        /// Which part.
        place: Place,
        /// What the disk gave: unproved bytes.
        result: Result<Content<B>, DiskError>,
    },
    /// A piece is held from now on.
    Stored {
        /// Which file.
        file: K,
        /// Which piece.
        piece: u32,
    },
    /// A piece that was to be stored is not held: the disk did not take it, or its file went meanwhile.
    NotStored {
        /// Which file.
        file: K,
        /// Which piece.
        piece: u32,
    },
    /// All pieces of a file are held.
    Complete(K),
    /// A file of which all pieces were held is not whole any more: whoever offers it stops.
    Left(K),
    /// A pin is durable: no crash loses it.
    Pinned(K),
    /// That a file is no longer pinned is durable.
    Unpinned(K),
    /// A pin that came as an input was refused.
    PinRefused(K, PinRefused),
    /// All that waited when it was asked for is durable; not so if the disk is in trouble.
    Synced {
        /// Whether it is durable.
        saved: bool,
    },
    /// The disk or the journal can't be used as before. Told once, until [`Event::Recovered`] or another trouble.
    Trouble(Trouble),
    /// Storing goes on.
    Recovered,
}

/// What was found when a cache opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Files known.
    pub files: u32,
    /// Of those, files whose pieces are all held.
    pub complete: u32,
    /// Pieces that the journal claimed and the disk does not have.
    pub forgotten: u64,
    /// Files on the disk that the journal does not know; they are removed.
    pub strays: u32,
    /// Bytes of the journal that could not be read.
    pub damaged: u64,
}

/// Why a cache can't be used as before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The disk's doing. [`DiskError::Full`] and [`DiskError::ReadOnly`]: nothing is stored, reading goes on, and the
    /// disk is tried again from time to time. Any other: the cache is off, and holds nothing.
    Disk(DiskError),
    /// The journal was written by a newer version of this program: the cache stays off, and nothing is changed on disk.
    NewerJournal {
        /// The version of the journal.
        version: u16,
    },
    /// The journal has names of another length: the cache stays off, and nothing is changed on disk.
    OtherNames {
        /// Bytes of a name in the journal.
        length: u16,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::NewerJournal { version } => {
                write!(f, "the cache was written by a newer version (journal version {version})")
            }
            Self::OtherNames { length } => write!(f, "the cache has names of {length} bytes"),
        }
    }
}

/// Why something was not kept: nothing to worry about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotKept {
    /// The cache is off, not open yet, or its disk is in trouble.
    Off,
    /// The file was not admitted, or has no such part.
    Unknown,
    /// The file was admitted with another number of pieces.
    Differs,
    /// It is held, or on its way to the disk.
    Held,
    /// What could go is too little.
    NoRoom,
    /// Too much is on its way to the disk.
    Busy,
}

/// Why a file was not pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PinRefused {
    /// The cache is off or not open yet.
    Off,
    /// The file was not admitted.
    Unknown,
    /// With it, pinned files would take more than the quota.
    NoRoom {
        /// Bytes of the quota that other pinned files leave.
        room: u64,
        /// Bytes that the file takes as a whole.
        wanted: u64,
    },
    /// Too many pins wait for the disk.
    Busy,
}

impl fmt::Display for PinRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("the cache is off"),
            Self::Unknown => f.write_str("the file is not in the cache"),
            Self::NoRoom { room, wanted } => {
                write!(f, "the file takes {wanted} bytes, and there is room for {room}")
            }
            Self::Busy => f.write_str("the disk is too slow"),
        }
    }
}

impl core::error::Error for PinRefused {}

/// What a cache holds of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Pieces of the whole file.
    pub pieces: u32,
    /// Pieces held.
    pub held: u32,
    /// Leading pieces that hold headers; 0 if there are too many to be kept apart.
    pub header_prefix: u32,
    /// Whether all pieces are held.
    pub complete: bool,
    /// Whether only its headers were kept.
    pub headers_only: bool,
    /// Whether it is pinned (durable or not yet).
    pub pinned: bool,
    /// Whether it is in use.
    pub in_use: bool,
}

/// What a cache takes and did. A file is charged with [`Layout::front`](super::Layout::front) and 16 KiB for each piece
/// that is held or on its way to the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Bytes that may be taken.
    pub quota: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Of those, by pinned files.
    pub pinned_bytes: u64,
    /// Bytes that pinned files take once they are whole.
    pub promised_bytes: u64,
    /// Files of which all pieces are held.
    pub complete: u32,
    /// Files of which a part is held, or nothing yet.
    pub partial: u32,
    /// Files of which only headers were kept.
    pub headers_only: u32,
    /// Counts since the cache was made.
    pub counts: Counts,
}

/// What a cache did since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Pieces stored.
    pub stored: u64,
    /// Pieces that the disk did not take.
    pub failed: u64,
    /// Pieces that went to make room.
    pub evicted: u64,
    /// Pieces that were gone or wrong.
    pub forgotten: u64,
    /// Reads of pieces that are held.
    pub hits: u64,
    /// Reads of pieces that are not.
    pub misses: u64,
}
