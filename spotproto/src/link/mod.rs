//! Everything is a link (Kreitz 2010): one text names a track, a moment in it, a list, a person, a search or a file.
//!
//! [`Link`] reads every form in use and prints two normal ones, the `spotify:` URI and the web address:
//!
//! | part | read | printed |
//! |---|---|---|
//! | scheme | `spotify:` in lower case; `http` and `https` in any case (RFC 3986 §3.1) | `spotify:`, `https:` |
//! | host | `open.`, `play.` and `embed.spotify.com`, in any case | `open.spotify.com` |
//! | path prefix, web | `/intl-xx`, then `/embed`, either or both absent | none |
//! | kind | in any case, as clients of the time had it | lower case |
//! | id | 22 base62 digits; case matters | the same |
//! | position | `#m:ss`, tracks only | minutes without leading zeros |
//! | query | dropped (`?si=…`), but for `?uri=…` on a web address without a path, which is the link | none |
//! | text | UTF-8, percent-encoded or literal; `+` or a blank | unreserved characters (RFC 3986 §2.3), `+`, `%XX` |
//!
//! The body of a `spotify:search:` or `spotify:local:` URI is text to its end: `?` and `#` are part of it there, and so
//! are later colons in a search. On the web a slash stands for the colon, there too.

mod error;
mod parse;
mod position;
mod print;
mod text;

#[cfg(test)]
mod tests;

use core::str;

pub use error::{LinkError, Part};
pub use position::Position;
pub use print::{Uri, Web};
pub use text::{Text, TextError};

use crate::id::Gid;

/// What a link names.
///
/// A link that exists can be printed, and what it prints reads back as the same link.
///
/// ```
/// use spotproto::{Link, link::Position};
///
/// let link: Link = "http://play.spotify.com/track/6JEK0CvvjDjjMUBFoXShNZ?si=x#0:44".parse()?;
/// assert_eq!(link.uri().to_string(), "spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:44");
/// assert_eq!(link.web().to_string(), "https://open.spotify.com/track/6JEK0CvvjDjjMUBFoXShNZ#0:44");
///
/// let Link::Track { gid, at } = link else { unreachable!() };
/// assert_eq!(gid.hex().to_string(), "dd564c074cca400cb761147457b3481f");
/// assert_eq!(at, Some(Position::from_secs(44)));
/// # Ok::<(), spotproto::link::LinkError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Link {
    /// A recording, from its start or from a position.
    Track {
        /// Which recording.
        gid: Gid,
        /// Where to begin.
        at: Option<Position>,
    },
    /// An album.
    Album(Gid),
    /// An artist.
    Artist(Gid),
    /// A playlist, named without its owner.
    Playlist(Gid),
    /// An episode of a show.
    Episode(Gid),
    /// A show.
    Show(Gid),
    /// A playlist, named with its owner.
    UserPlaylist {
        /// The owner.
        user: Text,
        /// Which playlist.
        gid: Gid,
    },
    /// A user's profile.
    User(Text),
    /// The tracks that a user has starred.
    Starred {
        /// The user.
        user: Text,
    },
    /// A search.
    Search {
        /// What to look for.
        query: Text,
    },
    /// A file that only the one who made the link has.
    Local {
        /// Who plays, if known.
        artist: Option<Text>,
        /// From which album, if known.
        album: Option<Text>,
        /// What it is called, if known.
        title: Option<Text>,
        /// How long it lasts, in whole seconds.
        seconds: u32,
    },
}

impl Link {
    /// The most bytes that [`parse`](Self::parse) looks at; the longest link, encoded twice over, is shorter.
    pub const MAX_LEN: usize = 32 * 1024;

    /// Reads a link in any of its forms.
    ///
    /// ```
    /// use spotproto::Link;
    ///
    /// let link = Link::parse("spotify:search:genre:hip-hop+year:1980-1989")?;
    /// let Link::Search { query } = &link else { unreachable!() };
    /// assert_eq!(query.as_str(), "genre:hip-hop year:1980-1989");
    /// assert_eq!(Link::parse("https://embed.spotify.com/?uri=spotify%3Asearch%3Agenre:hip-hop+year:1980-1989")?, link);
    /// # Ok::<(), spotproto::link::LinkError>(())
    /// ```
    ///
    /// # Errors
    /// [`LinkError`] says which part is wrong and why; the fault is always in the text.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        parse::link(text)
    }

    /// Prints the normal `spotify:` URI, without allocating. `Display` of the link itself prints the same.
    #[must_use]
    pub const fn uri(&self) -> Uri<'_> {
        Uri(self)
    }

    /// Prints the normal web address, without allocating.
    #[must_use]
    pub const fn web(&self) -> Web<'_> {
        Web(self)
    }

    /// The id in the link, if its kind has one.
    #[must_use]
    pub const fn gid(&self) -> Option<Gid> {
        match self {
            Self::Track { gid, .. } | Self::UserPlaylist { gid, .. } => Some(*gid),
            Self::Album(gid)
            | Self::Artist(gid)
            | Self::Playlist(gid)
            | Self::Episode(gid)
            | Self::Show(gid) => Some(*gid),
            Self::User(_) | Self::Starred { .. } | Self::Search { .. } | Self::Local { .. } => None,
        }
    }
}

impl str::FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        Self::parse(text)
    }
}
