//! What clients, access points and peers say to one another.
//!
//! `Message` is generic over the file's name `K` and a piece's payload `B`: [`FileId`] and
//! [`Bytes`] on the wire ([`WireMessage`]), a small number and a length in a simulation.

mod decode;
mod encode;
mod peers;
mod words;

pub use peers::{
    Connect, Dial, Greeting, Hit, Holding, MAX_ADDRESSES, MAX_HELD, MAX_HITS, MAX_HOLDING, MAX_HOPS,
    MAX_MIRRORS, MAX_PEERS, MIRROR_LEN_MAX, Mirrors, Misdeed, Query, Renewed, Slot, Want,
};
pub use words::{
    Hello, MAX_FIRST, MAX_READ, Open, Opened, PieceRange, Read, Refusal, Urgency, Wanted, Welcome,
};

pub use decode::decode as decode_frame;

pub(crate) use decode::decode;
pub(crate) use encode::{encode, fits_a_frame};

use crate::content::{FileId, LeafRange};
use crate::preamble::LinkId;
use crate::ticket::Pseudonym;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// The number that a requester picks for a request; each must be above all earlier ones of the same connection.
pub type Channel = u32;

/// A message as it travels between production machines.
pub type WireMessage = Message<FileId, Bytes>;

/// Appends a message as the one frame that carries it, as a session would; for fuzzers and for tests of the format.
///
/// `false`, and nothing appended, for a piece, which takes several frames, and for what is too long for one.
#[must_use]
pub fn encode_frame(message: &WireMessage, out: &mut BytesMut) -> bool {
    let fits = !matches!(message, Message::Piece { .. }) && fits_a_frame(message);
    if fits {
        encode(message, out);
    }
    fits
}

/// One message.
///
/// An answer on a channel is headers ([`Opened`](Self::Opened), [`Leaves`](Self::Leaves) and others), pieces, and then
/// [`End`](Self::End) or [`Refuse`](Self::Refuse). A request is the credit for the pieces it names: the answerer never
/// sends more, and nothing else limits it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Message<K, B> {
    /// Client to access point: logs in.
    Hello(Box<Hello>),
    /// Access point to client: the answer, once the client has proved that it is not a replay.
    Welcome(Box<Welcome>),
    /// Asks for all that a player needs to start, first pieces included.
    Open {
        /// Where the answer goes.
        channel: Channel,
        /// What is asked.
        open: Open<K>,
    },
    /// The header of the answer to an open.
    Opened {
        /// The open's channel.
        channel: Channel,
        /// What a player needs.
        opened: Box<Opened<K>>,
    },
    /// Asks for pieces of a file.
    Read {
        /// Where the answer goes.
        channel: Channel,
        /// What is asked.
        read: Read<K>,
    },
    /// Leaves that prove pieces, with the hashes that tie them to the root.
    Leaves {
        /// The request's channel.
        channel: Channel,
        /// The proof.
        leaves: Box<LeafRange>,
    },
    /// One piece of ciphertext.
    Piece {
        /// The request's channel.
        channel: Channel,
        /// Which piece of the file.
        index: u32,
        /// Its bytes, not verified yet.
        data: B,
    },
    /// The answer is complete.
    End {
        /// The request's channel.
        channel: Channel,
    },
    /// The answer is refused, or breaks off here.
    Refuse {
        /// The request's channel.
        channel: Channel,
        /// Why.
        why: Refusal,
    },
    /// The requester wants no more of the answer.
    Abort {
        /// The request's channel.
        channel: Channel,
    },
    /// Client to access point: plays this file now, from what it holds. All that a play out of the cache costs; a receiver
    /// may skip it.
    Playing {
        /// Which file.
        file: K,
    },
    /// Client to access point: asks for a new ticket.
    Renew {
        /// The port on which the client takes connections by now; 0 for none.
        port: u16,
    },
    /// Access point to client: the new ticket.
    Renewed(Box<Renewed>),
    /// Client to access point: what it can serve from now on, and what no more.
    Holding(Box<Holding<K>>),
    /// Client to access point: asks who holds a file.
    FindPeers {
        /// Where the answer goes.
        channel: Channel,
        /// Which file.
        file: K,
        /// How many to name; at least one and at most [`MAX_PEERS`].
        most: u8,
    },
    /// Access point to client: who holds the file that was asked for or opened.
    Peers {
        /// The request's channel.
        channel: Channel,
        /// At most [`MAX_PEERS`], none if nobody is known.
        peers: Vec<Pseudonym>,
    },
    /// Access point to client: where a CDN keeps the file that was opened.
    Mirrors {
        /// The open's channel.
        channel: Channel,
        /// At least one and at most [`MAX_MIRRORS`], at most [`MIRROR_LEN_MAX`] bytes each.
        mirrors: Mirrors,
    },
    /// Client to access point: asks for links to peers.
    Connect {
        /// Where the end of it is told.
        channel: Channel,
        /// What is asked.
        connect: Box<Connect<K>>,
    },
    /// Access point to client: dial this peer now.
    Dial(Box<Dial>),
    /// Client to access point: what came of dialling.
    Dialled {
        /// Which link.
        link: LinkId,
        /// Whether it stands.
        stands: bool,
    },
    /// Client to access point: what the other side of a link did wrong.
    Report {
        /// Which link.
        link: LinkId,
        /// What.
        what: Misdeed,
    },
    /// Peer to peer, first of all: who is there.
    Greeting(Box<Greeting>),
    /// Peer to peer: asks for a slot. Stays open until one of both ends it.
    Want {
        /// Where the answer goes.
        channel: Channel,
        /// What is wanted.
        want: Want<K>,
    },
    /// Peer to peer: where a want stands, now and whenever that changes.
    Slot {
        /// The want's channel.
        channel: Channel,
        /// Where it stands.
        slot: Slot,
    },
    /// Peer to peer: asks who holds a file.
    Query(Query<K>),
    /// Peer to peer: who does.
    Hit(Hit),
}

impl<K, B> Message<K, B> {
    /// The channel that the message belongs to, if it belongs to one.
    #[must_use]
    pub const fn channel(&self) -> Option<Channel> {
        match self {
            Self::Hello(_)
            | Self::Welcome(_)
            | Self::Playing { .. }
            | Self::Renew { .. }
            | Self::Renewed(_)
            | Self::Holding(_)
            | Self::Dial(_)
            | Self::Dialled { .. }
            | Self::Report { .. }
            | Self::Greeting(_)
            | Self::Query(_)
            | Self::Hit(_) => None,
            Self::Open { channel, .. }
            | Self::Opened { channel, .. }
            | Self::Read { channel, .. }
            | Self::Leaves { channel, .. }
            | Self::Piece { channel, .. }
            | Self::End { channel }
            | Self::Refuse { channel, .. }
            | Self::FindPeers { channel, .. }
            | Self::Peers { channel, .. }
            | Self::Mirrors { channel, .. }
            | Self::Connect { channel, .. }
            | Self::Want { channel, .. }
            | Self::Slot { channel, .. }
            | Self::Abort { channel } => Some(*channel),
        }
    }

    /// For a request: its urgency and the pieces that it gives credit for.
    #[must_use]
    pub const fn request(&self) -> Option<(Urgency, u32)> {
        match self {
            Self::Open { open, .. } => Some((open.urgency, open.credit as u32)),
            Self::Read { read, .. } => Some((read.urgency, read.pieces.count)),
            Self::Want { want, .. } => Some((want.urgency, 0)),
            Self::FindPeers { .. } | Self::Connect { .. } => Some((Urgency::Playing, 0)),
            _ => None,
        }
    }

    /// Whether it answers a request without ending it, pieces apart.
    #[must_use]
    pub const fn is_header(&self) -> bool {
        matches!(
            self,
            Self::Opened { .. }
                | Self::Leaves { .. }
                | Self::Peers { .. }
                | Self::Mirrors { .. }
                | Self::Slot { .. }
        )
    }
}
