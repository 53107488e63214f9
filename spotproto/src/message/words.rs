//! What the messages carry.

use crate::content::{ContentKey, Head, LeafRange};
use crate::crypto::{PublicKey, VerifyingKey};
use crate::id::Gid;
use crate::ticket::{Pseudonym, SignedTicket};
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// Most pieces that one [`Read`] may ask for.
pub const MAX_READ: u32 = 256;

/// Most ranges of first pieces in an [`Opened`]: up to four for the headers, one for the music.
pub const MAX_FIRST: usize = 5;

/// Class of a request; it travels to whoever is asked (talk: "We inform peers of urgency of requests").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[repr(u8)]
pub enum Urgency {
    /// The track that plays, or is about to.
    #[default]
    Playing = 0,
    /// The next track, fetched ahead.
    Next = 1,
    /// Kept for offline listening.
    Offline = 2,
}

impl Urgency {
    /// All classes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Playing, Self::Next, Self::Offline];

    /// The class with this number on the wire.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Playing),
            1 => Some(Self::Next),
            2 => Some(Self::Offline),
            _ => None,
        }
    }
}

/// Consecutive pieces of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct PieceRange {
    /// The first piece.
    pub start: u32,
    /// How many.
    pub count: u32,
}

impl PieceRange {
    /// The piece after the last one.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.start.saturating_add(self.count)
    }

    /// Whether `index` is one of the pieces.
    #[must_use]
    pub const fn contains(self, index: u32) -> bool {
        index >= self.start && index < self.end()
    }
}

/// Logs a device in; rides in the first message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Hello {
    /// The X25519 key that peers will know this log-in by; fresh every time (nothing that a peer sees
    /// outlives a log-in).
    pub link_key: PublicKey,
    /// The port on which the client takes connections; 0 for none.
    pub port: u16,
    /// Name and version of the program, for the operator's eyes; at most 64 bytes.
    pub agent: Box<str>,
}

/// What a logged-in client gets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Welcome {
    /// What peers call this client.
    pub pseudonym: Pseudonym,
    /// The access point's statement that binds pseudonym and link key.
    pub ticket: SignedTicket,
    /// The key that tickets are checked with.
    pub issuer: VerifyingKey,
    /// The access point's date, so that a client with a wrong clock can judge tickets.
    pub now: UnixTime,
}

/// Names what is to be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Wanted<K> {
    /// A track, as links name it: the access point chooses the file.
    Track(Gid),
    /// One file.
    File(K),
}

/// Asks for a track or file: one round trip from click to sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Open<K> {
    /// What.
    pub wanted: Wanted<K>,
    /// Where the music shall start, in milliseconds.
    pub at_ms: u32,
    /// Most pieces to send with the answer: what may be outstanding on the line. With 0 only the lease is renewed.
    pub credit: u16,
    /// How soon it is needed.
    pub urgency: Urgency,
}

impl<K> Open<K> {
    /// Whether the answer names holders and mirrors: to who has the music already, and only renews the lease, they are of no
    /// use; of what comes next they are all that is asked for.
    #[must_use]
    pub const fn asks_for_sources(&self) -> bool {
        self.credit > 0 || matches!(self.urgency, Urgency::Next)
    }
}

/// What a player needs before bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Opened<K> {
    /// Facts of the file.
    pub head: Head<K>,
    /// What its pieces are sealed with.
    pub key: ContentKey,
    /// Seconds from this answer on in which the key may be used without asking again.
    pub lease_s: u32,
    /// Title of the track, for the listener's eyes; at most 256 bytes.
    pub title: Box<str>,
    /// Artist of the track; at most 256 bytes.
    pub artist: Box<str>,
    /// The pieces that follow on the channel, in this order; at most [`MAX_FIRST`] ranges.
    pub first: Vec<PieceRange>,
    /// Proofs of those pieces, a range each.
    pub proofs: Vec<LeafRange>,
}

/// Asks for consecutive pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Read<K> {
    /// Of which file.
    pub file: K,
    /// Which ones; at most [`MAX_READ`], and at least one unless leaves are asked for. They come in this order.
    pub pieces: PieceRange,
    /// How soon they are needed.
    pub urgency: Urgency,
    /// Leaves to send first, if the requester has none for these pieces; at most [`MAX_READ`].
    pub leaves: Option<PieceRange>,
}

/// Why an answer is refused or breaks off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[repr(u8)]
#[non_exhaustive]
pub enum Refusal {
    /// No such track, file or piece here.
    NotFound = 1,
    /// This client may not have it.
    NoRight = 2,
    /// Too much at once; ask again later.
    Busy = 3,
    /// It was here, and can't be read any more, or changed since it was published.
    Unavailable = 4,
}

impl Refusal {
    /// The refusal with this number; unknown ones count as [`Refusal::Unavailable`].
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        [Self::NotFound, Self::NoRight, Self::Busy]
            .into_iter()
            .find(|why| *why as u8 == number)
            .unwrap_or(Self::Unavailable)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::NoRight => "no right to it",
            Self::Busy => "too busy",
            Self::Unavailable => "not available any more",
        })
    }
}
