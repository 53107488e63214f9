//! Why a request brings no pieces although the connection goes on.

use super::url::UrlError;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// Why a request was not, or not wholly, answered with pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The owner's: another request is under way, and this machine asks one at a time.
    OneAtATime,
    /// The owner's: the address is at another host than the connection.
    OtherHost,
    /// The owner's: the file has no such pieces, or none were named.
    NoSuchPieces,
    /// The server has no such file (404, 410).
    NotFound,
    /// The server does not give it to this client (401, 403, 407, 451).
    Forbidden,
    /// The server's file has no such bytes (416): it is another one, or cut short.
    RangeRefused,
    /// The server wants to be left alone for a while (429, 503), this long if it said so.
    Overloaded {
        /// Bounded by [`Limits::retry_after`](super::Limits::retry_after).
        retry_after: Option<Duration>,
    },
    /// The server failed (any other 5xx).
    Failed {
        /// The status code.
        status: u16,
        /// Bounded by [`Limits::retry_after`](super::Limits::retry_after).
        retry_after: Option<Duration>,
    },
    /// An answer that there is no use for.
    Status(u16),
    /// Other bytes than those asked for (`Content-Range`).
    WrongRange,
    /// The file, or the body, has another length than it must.
    WrongLength,
    /// The server sends the whole file, and the pieces lie too far behind its beginning.
    IgnoresRanges,
    /// The body is compressed although it was asked for as it is.
    Encoded,
    /// The body ended before its pieces did.
    Short,
    /// A redirect to nowhere, or to what [`Url`](super::Url) refuses.
    BadRedirect(UrlError),
    /// A redirect to where the file was asked for before.
    RedirectLoop,
    /// More than [`REDIRECTS_MAX`](super::REDIRECTS_MAX) redirects.
    TooManyRedirects,
}

impl Refusal {
    /// Whether the server, and not the owner of the connection, is to blame.
    #[must_use]
    pub const fn is_servers_fault(&self) -> bool {
        !matches!(self, Self::OneAtATime | Self::OtherHost | Self::NoSuchPieces)
    }

    /// Whether the server may answer the same request otherwise in a while. If not, this file is not to be had there.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::OneAtATime | Self::Overloaded { .. } | Self::Failed { .. } | Self::Short)
    }

    /// How long the server asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } | Self::Failed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneAtATime => f.write_str("another request is under way on this connection"),
            Self::OtherHost => f.write_str("the address is at another host than the connection"),
            Self::NoSuchPieces => f.write_str("the file has no such pieces"),
            Self::NotFound => f.write_str("the web server has no such file"),
            Self::Forbidden => f.write_str("the web server does not give this file to this client"),
            Self::RangeRefused => f.write_str("the web server's file has no such bytes"),
            Self::Overloaded { .. } => f.write_str("the web server asks to be left alone for a while"),
            Self::Failed { status, .. } => write!(f, "the web server failed with status {status}"),
            Self::Status(status) => write!(f, "the web server answered with status {status}"),
            Self::WrongRange => f.write_str("the web server sent other bytes than were asked for"),
            Self::WrongLength => f.write_str("the web server's file has another length"),
            Self::IgnoresRanges => f.write_str("the web server sends whole files only"),
            Self::Encoded => f.write_str("the web server sent the file in a compressed form"),
            Self::Short => f.write_str("the web server's answer ended too early"),
            Self::BadRedirect(why) => write!(f, "the web server redirects to what cannot be followed: {why}"),
            Self::RedirectLoop => f.write_str("the web server redirects in a circle"),
            Self::TooManyRedirects => f.write_str("the web server redirects too often"),
        }
    }
}

impl Error for Refusal {}
