//! What a swarm asks of its owner.

use super::words::{PeerId, PeerMessage};
use core::fmt;
use spotproto::message::{Channel, Refusal};
use spotproto::ticket::Pseudonym;

/// What a swarm asks of its owner, in the order in which it must be carried out. Nothing is addressed to a peer after
/// the output or the call that ended its link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output<K> {
    /// Send a message to a neighbour.
    Send {
        /// To whom.
        to: PeerId,
        /// What.
        message: PeerMessage<K>,
    },
    /// Have the access point bring this client and `holder` together; then call
    /// [`opened`](super::Swarm::opened) or [`dial_failed`](super::Swarm::dial_failed).
    Dial {
        /// Whom.
        holder: Pseudonym,
        /// What is wanted of it.
        file: K,
    },
    /// End a link, which has no use any more or may not be. The swarm has forgotten it already.
    HangUp(PeerId),
    /// End a link whose other side broke the rules, and remember it for a report. The swarm has forgotten it already.
    Fault {
        /// Who.
        peer: PeerId,
        /// What it did.
        fault: Fault,
    },
    /// Read a piece and send it on the channel; then call [`sent`](super::Swarm::sent) or
    /// [`unreadable`](super::Swarm::unreadable).
    Read {
        /// Who asked for it.
        to: PeerId,
        /// On which channel it goes.
        channel: Channel,
        /// Of which file.
        file: K,
        /// Which piece.
        piece: u32,
        /// Whether the request is answered with it.
        last: bool,
    },
    /// Refuse a request, or the rest of it: pieces of it that were read and not sent yet are dropped.
    Refuse {
        /// Who asked.
        to: PeerId,
        /// On which channel.
        channel: Channel,
        /// Why.
        why: Refusal,
    },
    /// From now on this neighbour serves that file.
    SourceUp {
        /// Who.
        peer: PeerId,
        /// What.
        file: K,
    },
    /// It serves the file no more; what was asked of it and is not here will not come.
    SourceDown {
        /// Who.
        peer: PeerId,
        /// What.
        file: K,
    },
}

impl<K> Output<K> {
    /// The neighbour that hears of it.
    pub(super) const fn addressee(&self) -> Option<PeerId> {
        match self {
            Self::Send { to, .. } | Self::Read { to, .. } | Self::Refuse { to, .. } => Some(*to),
            Self::Dial { .. } | Self::HangUp(_) | Self::Fault { .. } => None,
            Self::SourceUp { .. } | Self::SourceDown { .. } => None,
        }
    }
}

/// How a peer broke the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It sent several times as many messages in a minute as anyone may.
    Flood,
    /// It sent a piece that is not the one that was published.
    BadPiece,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flood => "sent far more messages than anyone may",
            Self::BadPiece => "sent a piece that is not the published one",
        })
    }
}
