//! What peers and their access point say so that peers find each other, and what peers say to each other.

use super::{PieceRange, Urgency};
use crate::crypto::PublicKey;
use crate::noise::Role;
use crate::preamble::LinkId;
use crate::ticket::{Pseudonym, SignedTicket};
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// Most files in either list of a [`Holding`].
pub const MAX_HOLDING: usize = 128;

/// Most peers that an access point names at a time, and most that a [`Connect`] may ask for.
pub const MAX_PEERS: usize = 10;

/// Most addresses in a [`Dial`].
pub const MAX_ADDRESSES: usize = 4;

/// Most places where a CDN keeps a file.
pub const MAX_MIRRORS: usize = 2;

/// Most bytes of such a place.
pub const MIRROR_LEN_MAX: usize = 256;

/// Most ranges of pieces in a [`Slot`].
pub const MAX_HELD: usize = 16;

/// Most pseudonyms in a hit.
pub const MAX_HITS: usize = 20;

/// How often a query may be passed on: peers at distance 1 and 2 see it, and nobody beyond.
pub const MAX_HOPS: u8 = 1;

/// A new ticket for the pseudonym and link key of this log-in.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Renewed {
    /// The access point's date.
    pub now: UnixTime,
    /// The ticket.
    pub ticket: SignedTicket,
}

/// What a client can serve from now on, and what no more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Holding<K> {
    /// Files that it can serve now; at most [`MAX_HOLDING`].
    pub joined: Vec<K>,
    /// Files that it can't serve any more; at most [`MAX_HOLDING`].
    pub left: Vec<K>,
}

/// Asks for links to peers that are thought to hold a file.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Connect<K> {
    /// What is wanted of them.
    pub file: K,
    /// Whom; at least one and at most [`MAX_PEERS`].
    pub peers: Vec<Pseudonym>,
}

/// Has both sides of a new link dial each other, at once.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Dial {
    /// The link, for the preamble.
    pub link: LinkId,
    /// The receiver's role in the handshake, whichever connection comes about.
    pub role: Role,
    /// Who is there.
    pub pseudonym: Pseudonym,
    /// The static key that the other side must show.
    pub link_key: PublicKey,
    /// Where to dial, in the order of trying; at most [`MAX_ADDRESSES`], none if the other side is to come.
    pub addresses: Vec<SocketAddr>,
}

/// What a client has against the other side of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[repr(u8)]
#[non_exhaustive]
pub enum Misdeed {
    /// A piece that did not match its leaf.
    Forged = 1,
    /// A breach of the protocol.
    Protocol = 2,
    /// More requests than anyone needs.
    Flooding = 3,
    /// It has not what it was named for.
    Absent = 4,
}

impl Misdeed {
    /// The misdeed with this number; unknown ones count as [`Misdeed::Absent`], the slightest.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        [Self::Forged, Self::Protocol, Self::Flooding]
            .into_iter()
            .find(|what| *what as u8 == number)
            .unwrap_or(Self::Absent)
    }
}

/// The first word of both sides of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Greeting {
    /// Says that the static key of the sender is that of a logged-in client.
    pub ticket: SignedTicket,
}

/// Asks a peer for a slot: to be one of the few that it serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Want<K> {
    /// What is wanted.
    pub file: K,
    /// How soon it is needed; the peer serves the most urgent first.
    pub urgency: Urgency,
}

/// Where a want stands; sent again whenever that changes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Slot {
    /// How many wants are served before this one is; 0 while it is served itself.
    pub place: u16,
    /// The pieces that the sender holds, in order and apart, at most [`MAX_HELD`] ranges; none stands for all pieces.
    pub held: Vec<PieceRange>,
}

impl Slot {
    /// Whether reads of the file are answered now.
    #[must_use]
    pub const fn is_served(&self) -> bool {
        self.place == 0
    }
}

/// Asks neighbours who holds a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Query<K> {
    /// Drawn by whoever asks first; the same wherever the query comes along.
    pub id: u64,
    /// What is looked for.
    pub file: K,
    /// How often it may still be passed on; at most [`MAX_HOPS`].
    pub hops: u8,
}

/// Answers a query, on the way that it came.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Hit {
    /// The query's.
    pub id: u64,
    /// Who holds the file; at least one and at most [`MAX_HITS`]. Never an address.
    pub peers: Vec<Pseudonym>,
}

/// Where a CDN keeps the ciphertext of a file: absolute URIs with the scheme `http` or `https`.
pub type Mirrors = Vec<Box<str>>;
