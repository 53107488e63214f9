//! What can be wrong with a link.

use core::fmt;

use super::text::TextError;
use crate::id::GidError;

/// Why a text is not a link: the fault of whoever wrote it. `Display` tells a person in one line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// Longer than [`Link::MAX_LEN`](super::Link::MAX_LEN).
    TooLong,
    /// Begins neither as a `spotify:` URI nor as a web address.
    Scheme,
    /// A web address on another host.
    Host,
    /// Names a kind that there is not.
    Kind,
    /// Ends, or has nothing, where this part belongs.
    Missing(Part),
    /// Goes on after its last part.
    Surplus,
    /// The id does not read.
    Id(GidError),
    /// This part does not decode.
    Text(Part, TextError),
    /// A local file's seconds are not a whole number below 2^32.
    Seconds,
    /// The position is not minutes, a colon and two digits below 60.
    Position,
    /// The position is later than any [`Position`](super::Position).
    PositionTooLate,
    /// Something other than a track has a position.
    PositionMisplaced,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the link is longer than any link can be",
            Self::Scheme => "a link begins with `spotify:` or with `https://open.spotify.com/`",
            Self::Host => "only open.spotify.com, play.spotify.com and embed.spotify.com have links",
            Self::Kind => "the link names a kind of thing that is not known",
            Self::Missing(part) => return write!(f, "the link lacks {part}"),
            Self::Surplus => "the link goes on after its end",
            Self::Id(error) => return error.fmt(f),
            Self::Text(part, error) => return write!(f, "{part} {error}"),
            Self::Seconds => "the length of a local file is not a number of seconds",
            Self::Position => "the position is not of the form #m:ss, like #0:44",
            Self::PositionTooLate => "the position is later than any track lasts",
            Self::PositionMisplaced => "only a link to a track can have a position",
        })
    }
}

// No `source`: `Display` already says what the cause says, and a chain would print it twice.
impl core::error::Error for LinkError {}

impl From<GidError> for LinkError {
    fn from(error: GidError) -> Self {
        Self::Id(error)
    }
}

/// A part of a link.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Part {
    /// The word that says what is named: `track`, `album`…
    Kind,
    /// The id.
    Id,
    /// The user's name.
    User,
    /// What to search for.
    Query,
    /// A local file's artist.
    Artist,
    /// A local file's album.
    Album,
    /// A local file's title.
    Title,
    /// A local file's length.
    Seconds,
    /// The URI inside a web address.
    Uri,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "the kind",
            Self::Id => "the id",
            Self::User => "the user's name",
            Self::Query => "the search text",
            Self::Artist => "the artist",
            Self::Album => "the album",
            Self::Title => "the title",
            Self::Seconds => "the length in seconds",
            Self::Uri => "the address inside",
        })
    }
}
