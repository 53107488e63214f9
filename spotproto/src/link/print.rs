//! The two normal forms of a link.

use core::fmt::{self, Write};

use super::{Link, Text};
use crate::id::Gid;

/// Prints a link as a `spotify:` URI; made by [`Link::uri`].
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a>(pub(super) &'a Link);

/// Prints a link as a web address; made by [`Link::web`].
#[derive(Clone, Copy, Debug)]
pub struct Web<'a>(pub(super) &'a Link);

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spotify")?;
        parts(self.0, &mut Parts { f, separator: ':' })
    }
}

impl fmt::Display for Web<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("https://open.spotify.com")?;
        parts(self.0, &mut Parts { f, separator: '/' })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri().fmt(f)
    }
}

fn parts(link: &Link, out: &mut Parts<'_, '_>) -> fmt::Result {
    match link {
        Link::Track { gid, at } => {
            out.word("track")?.gid(gid)?;
            at.map_or(Ok(()), |at| write!(out.f, "#{at}"))
        }
        Link::Album(gid) => out.word("album")?.gid(gid),
        Link::Artist(gid) => out.word("artist")?.gid(gid),
        Link::Playlist(gid) => out.word("playlist")?.gid(gid),
        Link::Episode(gid) => out.word("episode")?.gid(gid),
        Link::Show(gid) => out.word("show")?.gid(gid),
        Link::UserPlaylist { user, gid } => out.word("user")?.text(user)?.word("playlist")?.gid(gid),
        Link::User(user) => out.word("user")?.text(user).map(drop),
        Link::Starred { user } => out.word("user")?.text(user)?.word("starred").map(drop),
        Link::Search { query } => out.word("search")?.text(query).map(drop),
        Link::Local { artist, album, title, seconds } => {
            out.word("local")?.field(artist)?.field(album)?.field(title)?.number(*seconds)
        }
    }
}

/// Writes parts, each after the form's separator.
struct Parts<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    separator: char,
}

impl Parts<'_, '_> {
    fn word(&mut self, word: &str) -> Result<&mut Self, fmt::Error> {
        self.f.write_char(self.separator)?;
        self.f.write_str(word)?;
        Ok(self)
    }

    fn text(&mut self, text: &Text) -> Result<&mut Self, fmt::Error> {
        write!(self.f, "{}{}", self.separator, text.encode())?;
        Ok(self)
    }

    fn field(&mut self, text: &Option<Text>) -> Result<&mut Self, fmt::Error> {
        match text {
            Some(text) => self.text(text),
            None => self.word(""),
        }
    }

    fn gid(&mut self, gid: &Gid) -> fmt::Result {
        write!(self.f, "{}{gid}", self.separator)
    }

    fn number(&mut self, number: u32) -> fmt::Result {
        write!(self.f, "{}{number}", self.separator)
    }
}
