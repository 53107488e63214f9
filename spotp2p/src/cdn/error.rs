//! Why a connection to a web server ended, and whose fault it was.

use core::error::Error;
use core::fmt;

/// Why a [`Connection`](super::Connection) is finished. A request that was under way got its last piece; what of it is
/// missing must be asked for again, here or elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CdnError {
    /// The server closed, or said that it would, after a whole answer. Nobody's fault.
    Closed,
    /// The server closed a connection that had served before, just as it was asked again. Nobody's fault: dial and ask
    /// again (RFC 9112 §9.3.1).
    Stale,
    /// Nobody asked anything for a while, so this end closed.
    Idle,
    /// More is left of an answer that nobody wants than a new connection costs, so this end closed.
    Abandoned,
    /// The line ended in the middle of an answer: the server's fault, or the network's.
    Cut,
    /// The server took too long.
    TimedOut(Wait),
    /// The server broke HTTP/1.1.
    Broken(Broken),
    /// The owner gave an input although the connection wanted none.
    Misuse,
}

/// What a server took too long for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wait {
    /// The head of an answer.
    Answer,
    /// Any byte of the body.
    Silence,
    /// The next 16 KiB of the body.
    Trickle,
}

/// How a server broke HTTP/1.1, or went over a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Broken {
    /// What it says does not begin as HTTP/1 does.
    NotHttp,
    /// It spoke without being asked, or on beyond the length that it announced.
    Unasked,
    /// The head cannot be parsed.
    Head,
    /// The head is longer than [`Limits::head`](super::Limits::head).
    LongHead,
    /// The head has more than [`HEADERS_MAX`](super::HEADERS_MAX) fields.
    ManyHeaders,
    /// Too many interim answers, or an upgrade that nobody asked for.
    Interim,
    /// Length and transfer coding contradict themselves or each other, so where the answer ends is anyone's guess
    /// (RFC 9112 §6.3).
    Framing,
    /// A transfer coding other than `chunked`.
    Coding,
    /// A chunk's length, or what follows a chunk, is malformed or too long.
    Chunk,
    /// The body goes on behind the last byte asked for.
    LongBody,
}

impl CdnError {
    /// Whether the server (or its line, which cannot be told apart) is to blame, so that it should be left alone for a
    /// while.
    #[must_use]
    pub const fn is_servers_fault(&self) -> bool {
        matches!(self, Self::Cut | Self::TimedOut(_) | Self::Broken(_))
    }
}

impl From<Broken> for CdnError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl fmt::Display for CdnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the web server closed the connection"),
            Self::Stale => f.write_str("the web server closed the connection as it was asked again"),
            Self::Idle => f.write_str("the connection to the web server was idle"),
            Self::Abandoned => f.write_str("the rest of the web server's answer is not wanted"),
            Self::Cut => f.write_str("the connection to the web server broke in the middle of an answer"),
            Self::TimedOut(wait) => write!(f, "the web server took too long for {wait}"),
            Self::Broken(broken) => write!(f, "the web server broke HTTP/1.1: {broken}"),
            Self::Misuse => f.write_str("an input was given although none was wanted"),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "its answer",
            Self::Silence => "the next byte",
            Self::Trickle => "the next piece",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "it speaks something else",
            Self::Unasked => "it spoke without being asked",
            Self::Head => "its answer cannot be parsed",
            Self::LongHead => "its answer has a head that is too long",
            Self::ManyHeaders => "its answer has too many header fields",
            Self::Interim => "it sends interim answers for ever",
            Self::Framing => "the length of its answer contradicts itself",
            Self::Coding => "its answer is coded in a way that was not asked for",
            Self::Chunk => "a chunk of its answer is malformed",
            Self::LongBody => "its answer goes on behind its end",
        })
    }
}

impl Error for CdnError {}
