//! What clients, access points and peers say to one another.
//!
//! `Message` is generic over the file's name `K` and a piece's payload `B`: [`FileId`] and
//! [`Bytes`] on the wire ([`WireMessage`]), a small number and a length in a simulation.

mod decode;
mod encode;
mod words;

pub use words::{
    Hello, MAX_FIRST, MAX_READ, Open, Opened, PieceRange, Read, Refusal, Urgency, Wanted, Welcome,
};

pub use decode::decode as decode_frame;

pub(crate) use decode::decode;
pub(crate) use encode::{encode, fits_a_frame};

use crate::content::{FileId, LeafRange};
use alloc::boxed::Box;
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
/// An answer on a channel is a header ([`Opened`](Self::Opened), [`Leaves`](Self::Leaves)), pieces, and then
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
}

impl<K, B> Message<K, B> {
    /// The channel that the message belongs to, if it belongs to one.
    #[must_use]
    pub const fn channel(&self) -> Option<Channel> {
        match self {
            Self::Hello(_) | Self::Welcome(_) | Self::Playing { .. } => None,
            Self::Open { channel, .. }
            | Self::Opened { channel, .. }
            | Self::Read { channel, .. }
            | Self::Leaves { channel, .. }
            | Self::Piece { channel, .. }
            | Self::End { channel }
            | Self::Refuse { channel, .. }
            | Self::Abort { channel } => Some(*channel),
        }
    }

    /// For a request: its urgency and the pieces that it gives credit for.
    #[must_use]
    pub const fn request(&self) -> Option<(Urgency, u32)> {
        match self {
            Self::Open { open, .. } => Some((open.urgency, open.credit as u32)),
            Self::Read { read, .. } => Some((read.urgency, read.pieces.count)),
            _ => None,
        }
    }
}
