//! Why a session ended, whose fault it was, and the one mapping to what the other side is told.

use crate::codec::CodecError;
use crate::noise::NoiseError;
use core::fmt;

/// The code of a close frame: the last thing that one side tells the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum CloseCode {
    /// Nothing more to say.
    Done = 0,
    /// You broke the protocol.
    Protocol = 1,
    /// You went over a limit.
    Limit = 2,
    /// You were silent or stuck for too long.
    TimedOut = 3,
    /// This side is shutting down; come back later.
    ShuttingDown = 4,
    /// You have no right to be here (any more).
    NotAdmitted = 5,
    /// This side made a mistake.
    Internal = 6,
    /// You logged in again elsewhere.
    Replaced = 7,
}

impl CloseCode {
    /// The code with this number; unknown ones count as [`CloseCode::Internal`], they end the session anyway.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        const ALL: [CloseCode; 8] = [
            CloseCode::Done,
            CloseCode::Protocol,
            CloseCode::Limit,
            CloseCode::TimedOut,
            CloseCode::ShuttingDown,
            CloseCode::NotAdmitted,
            CloseCode::Internal,
            CloseCode::Replaced,
        ];
        ALL.into_iter().find(|code| *code as u8 == number).unwrap_or(Self::Internal)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Protocol => "protocol broken",
            Self::Limit => "limit exceeded",
            Self::TimedOut => "timed out",
            Self::ShuttingDown => "shutting down",
            Self::NotAdmitted => "not admitted",
            Self::Internal => "internal error",
            Self::Replaced => "logged in elsewhere",
        })
    }
}

/// What a responder answers in the clear, in one byte, when it won't shake hands.
///
/// The byte is not authenticated, so it is a hint to a person and never a reason to change what is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum Refused {
    /// The first message can't be opened: it was made for another key.
    WrongKey = 1,
    /// The protocol version is not spoken here.
    Version = 2,
    /// The cipher suite or pattern is not spoken here.
    Suite = 3,
    /// No link with this id is expected here.
    UnknownLink = 4,
    /// Too many connections; try again later.
    Busy = 5,
}

impl Refused {
    /// The refusal with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::WrongKey, Self::Version, Self::Suite, Self::UnknownLink, Self::Busy]
            .into_iter()
            .find(|refused| *refused as u8 == number)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongKey => "the other side has a different key than the one expected of it",
            Self::Version => "the other side speaks another version of the protocol",
            Self::Suite => "the other side does not speak this cipher suite",
            Self::UnknownLink => "the other side does not expect this link",
            Self::Busy => "the other side has too many connections",
        })
    }
}

/// How the other side broke the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PeerFault {
    /// Not our protocol at all.
    BadPreamble,
    /// The preamble names another link, or the other role is taken twice.
    WrongLink,
    /// A handshake message that does not open.
    Handshake(NoiseError),
    /// A record that does not open: altered, replayed or out of order.
    BadRecord,
    /// A record longer than allowed.
    OversizedRecord,
    /// A frame or message that does not decode.
    Malformed(CodecError),
    /// A frame of a kind that is neither known nor optional.
    UnknownFrame(u8),
    /// An answer on a channel that was never opened.
    UnknownChannel,
    /// A request on a channel id that was used before.
    ReusedChannel,
    /// More pieces than were asked for.
    BeyondCredit,
    /// A fragment without a beginning, past its announced length, or an end in mid-piece.
    BadFragment,
}

impl fmt::Display for PeerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPreamble => f.write_str("it does not speak this protocol"),
            Self::WrongLink => f.write_str("its preamble names another link or role"),
            Self::Handshake(error) => write!(f, "handshake: {error}"),
            Self::BadRecord => f.write_str("a record does not open"),
            Self::OversizedRecord => f.write_str("a record is too long"),
            Self::Malformed(error) => write!(f, "a message does not decode: {error}"),
            Self::UnknownFrame(kind) => write!(f, "a frame has the unknown kind {kind:#04x}"),
            Self::UnknownChannel => f.write_str("an answer to nothing that was asked"),
            Self::ReusedChannel => f.write_str("a channel id was used twice"),
            Self::BeyondCredit => f.write_str("more pieces than were asked for"),
            Self::BadFragment => f.write_str("pieces are cut up wrongly"),
        }
    }
}

/// Which bound the other side went over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LimitKind {
    /// Requests open at a time.
    Channels,
    /// Pieces asked for at a time.
    Credit,
}

/// Which wait was too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wait {
    /// The handshake did not finish.
    Handshake,
    /// A ping was not answered.
    Pong,
    /// The other side does not read.
    Stall,
    /// A record came too slowly.
    Trickle,
}

/// How this side's application broke the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Misuse {
    /// A request on a channel id that is not above all earlier ones.
    ChannelOrder,
    /// More open requests, asked pieces, queued pieces or messages than [`Limits`](crate::Limits) has room for.
    NoRoom,
    /// More pieces than the other side asked for, or an answer after the end.
    NotAsked,
    /// A piece larger than a piece, or a message larger than a record.
    TooLarge,
}

/// Why a session ended. Every one of these is final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// Closed in good order, by the other side or by this one.
    Closed {
        /// The code that was given.
        code: CloseCode,
        /// Whether the other side closed.
        by_peer: bool,
    },
    /// The line ended without a close.
    Lost,
    /// The other side refused in the clear, before the handshake.
    Refused(Refused),
    /// This side refuses in the clear: the preamble or first message can't be accepted.
    Refusing(Refused),
    /// The other side broke the protocol.
    Peer(PeerFault),
    /// The other side went over a bound.
    Limit(LimitKind),
    /// The other side was silent or stuck.
    TimedOut(Wait),
    /// This side's application broke the contract.
    Misuse(Misuse),
}

impl SessionError {
    /// What the other side is told: the only place where errors become codes.
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::Closed { code, .. } => *code,
            Self::Lost | Self::Refused(_) => CloseCode::Done,
            Self::Refusing(_) | Self::Peer(_) => CloseCode::Protocol,
            Self::Limit(_) => CloseCode::Limit,
            Self::TimedOut(_) => CloseCode::TimedOut,
            Self::Misuse(_) => CloseCode::Internal,
        }
    }

    /// Whether the other side is to blame.
    #[must_use]
    pub const fn is_peers_fault(&self) -> bool {
        matches!(self, Self::Peer(_) | Self::Limit(_) | Self::TimedOut(_))
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code, by_peer: true } => write!(f, "the other side closed: {code}"),
            Self::Closed { code, by_peer: false } => write!(f, "closed: {code}"),
            Self::Lost => f.write_str("the connection broke off"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Refusing(why) => write!(f, "refused the other side ({why:?})"),
            Self::Peer(fault) => write!(f, "the other side broke the protocol: {fault}"),
            Self::Limit(kind) => write!(f, "the other side went over a limit: {kind:?}"),
            Self::TimedOut(Wait::Handshake) => f.write_str("the handshake took too long"),
            Self::TimedOut(Wait::Pong) => f.write_str("the other side is silent"),
            Self::TimedOut(Wait::Stall) => f.write_str("the other side does not read"),
            Self::TimedOut(Wait::Trickle) => f.write_str("the other side sends too slowly"),
            Self::Misuse(misuse) => write!(f, "the application broke the session's contract: {misuse:?}"),
        }
    }
}

impl core::error::Error for SessionError {}

impl From<PeerFault> for SessionError {
    fn from(fault: PeerFault) -> Self {
        Self::Peer(fault)
    }
}

impl From<CodecError> for SessionError {
    fn from(error: CodecError) -> Self {
        Self::Peer(PeerFault::Malformed(error))
    }
}

impl From<Misuse> for SessionError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_wire_and_unknown_ones_end_the_session_all_the_same() {
        for number in 0..8 {
            assert_eq!(CloseCode::from_number(number) as u8, number);
        }
        assert_eq!(CloseCode::from_number(200), CloseCode::Internal);
        for number in 1..6 {
            assert_eq!(Refused::from_number(number).map(|refused| refused as u8), Some(number));
        }
        assert_eq!(Refused::from_number(0), None);
    }
}
