//! From any form of a link to what it names.

use alloc::borrow::Cow;
use core::str::Split;

use super::text::unescape;
use super::{Link, LinkError, Part, Position, Text};
use crate::id::Gid;

pub(super) fn link(text: &str) -> Result<Link, LinkError> {
    if text.len() > Link::MAX_LEN {
        return Err(LinkError::TooLong);
    }
    match text.strip_prefix("spotify:") {
        Some(body) => uri(body),
        None => web(text),
    }
}

/// Reads what follows `spotify:`.
fn uri(body: &str) -> Result<Link, LinkError> {
    let kind = body.split(':').next().unwrap_or_default();
    if matches!(Kind::from_word(kind), Some(Kind::Search | Kind::Local)) {
        return named(body, ':');
    }
    let address = Address::cut(body);
    address.moved(named(address.path, ':')?)
}

/// Reads a web address.
fn web(text: &str) -> Result<Link, LinkError> {
    let (scheme, rest) = text.split_once("://").ok_or(LinkError::Scheme)?;
    if !is_one_of(scheme, &["https", "http"]) {
        return Err(LinkError::Scheme);
    }
    let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !is_one_of(host, &["open.spotify.com", "play.spotify.com", "embed.spotify.com"]) {
        return Err(LinkError::Host);
    }
    let address = Address::cut(rest);
    let path = without_prefixes(address.path);
    let link = match address.parameter("uri") {
        Some(inner) if path.is_empty() => {
            let inner = unescape(inner).map_err(|error| LinkError::Text(Part::Uri, error))?;
            // Only a URI: an address inside an address inside an address has no end.
            uri(inner.strip_prefix("spotify:").ok_or(LinkError::Scheme)?)?
        }
        _ => named(path, '/')?,
    };
    address.moved(link)
}

/// The path without its slashes at both ends, `intl-xx` and `embed`.
fn without_prefixes(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_region =
        |word: &str| word.len() > 5 && word.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("intl-"));
    let path = without_first(path, is_region);
    without_first(path, |word| word.eq_ignore_ascii_case("embed"))
}

/// The path without its first word if that is a prefix.
fn without_first(path: &str, is_prefix: impl Fn(&str) -> bool) -> &str {
    let (word, rest) = path.split_once('/').unwrap_or((path, ""));
    if is_prefix(word) { rest } else { path }
}

/// Reads a kind and what it needs, between separators.
fn named(path: &str, separator: char) -> Result<Link, LinkError> {
    let mut parts = Parts(path.split(separator));
    let link = match Kind::from_word(parts.some(Part::Kind)?).ok_or(LinkError::Kind)? {
        Kind::Track => Link::Track { gid: parts.gid()?, at: None },
        Kind::Album => Link::Album(parts.gid()?),
        Kind::Artist => Link::Artist(parts.gid()?),
        Kind::Playlist => Link::Playlist(parts.gid()?),
        Kind::Episode => Link::Episode(parts.gid()?),
        Kind::Show => Link::Show(parts.gid()?),
        Kind::User => owned(&mut parts)?,
        Kind::Search => return search(path, separator),
        Kind::Local => Link::Local {
            artist: parts.field(Part::Artist)?,
            album: parts.field(Part::Album)?,
            title: parts.field(Part::Title)?,
            seconds: parts.seconds()?,
        },
    };
    parts.end().map(|()| link)
}

/// Reads what follows `user`: a profile, or something of that user's.
fn owned(parts: &mut Parts<'_>) -> Result<Link, LinkError> {
    let user = parts.some(Part::User)?;
    let user = decode(Part::User, user)?;
    match parts.0.next() {
        None => Ok(Link::User(user)),
        Some(word) if word.eq_ignore_ascii_case("playlist") => {
            Ok(Link::UserPlaylist { user, gid: parts.gid()? })
        }
        Some(word) if word.eq_ignore_ascii_case("starred") => Ok(Link::Starred { user }),
        Some(_) => Err(LinkError::Kind),
    }
}

/// Reads a search, which goes on to the end: later separators are colons of the query.
fn search(path: &str, separator: char) -> Result<Link, LinkError> {
    let query = path.split_once(separator).map_or("", |(_, query)| query);
    if query.is_empty() {
        return Err(LinkError::Missing(Part::Query));
    }
    let query =
        if separator == ':' { Cow::Borrowed(query) } else { Cow::Owned(query.replace(separator, ":")) };
    decode(Part::Query, &query).map(|query| Link::Search { query })
}

/// The parts of a path, one after the other.
struct Parts<'a>(Split<'a, char>);

impl<'a> Parts<'a> {
    fn some(&mut self, part: Part) -> Result<&'a str, LinkError> {
        self.0.next().filter(|text| !text.is_empty()).ok_or(LinkError::Missing(part))
    }

    fn gid(&mut self) -> Result<Gid, LinkError> {
        Ok(Gid::from_base62(self.some(Part::Id)?)?)
    }

    fn field(&mut self, part: Part) -> Result<Option<Text>, LinkError> {
        match self.0.next().ok_or(LinkError::Missing(part))? {
            "" => Ok(None),
            text => decode(part, text).map(Some),
        }
    }

    fn seconds(&mut self) -> Result<u32, LinkError> {
        let digits = self.some(Part::Seconds)?;
        // `parse` alone would take a plus sign.
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(LinkError::Seconds);
        }
        digits.parse().map_err(|_| LinkError::Seconds)
    }

    fn end(mut self) -> Result<(), LinkError> {
        self.0.next().map_or(Ok(()), |_| Err(LinkError::Surplus))
    }
}

/// A path, its query and its fragment (RFC 3986 §3).
struct Address<'a> {
    path: &'a str,
    query: &'a str,
    fragment: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn cut(text: &'a str) -> Self {
        let (rest, fragment) =
            text.split_once('#').map_or((text, None), |(rest, fragment)| (rest, Some(fragment)));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Where a program has put its query last, behind the fragment, it is dropped all the same.
        let fragment =
            fragment.map(|fragment| fragment.split_once('?').map_or(fragment, |(fragment, _)| fragment));
        Self { path, query, fragment }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v)
    }

    /// The link, from the position in the fragment if there is one.
    fn moved(&self, mut link: Link) -> Result<Link, LinkError> {
        match (self.fragment, &mut link) {
            (None, _) => Ok(link),
            (Some(fragment), Link::Track { at, .. }) => {
                *at = Some(Position::parse(fragment)?);
                Ok(link)
            }
            (Some(_), _) => Err(LinkError::PositionMisplaced),
        }
    }
}

/// The words that can stand first.
#[derive(Clone, Copy)]
enum Kind {
    Track,
    Album,
    Artist,
    Playlist,
    Episode,
    Show,
    User,
    Search,
    Local,
}

impl Kind {
    const WORDS: [(&'static str, Self); 9] = [
        ("track", Self::Track),
        ("album", Self::Album),
        ("artist", Self::Artist),
        ("playlist", Self::Playlist),
        ("user", Self::User),
        ("search", Self::Search),
        ("local", Self::Local),
        ("episode", Self::Episode),
        ("show", Self::Show),
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| kind)
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn decode(part: Part, text: &str) -> Result<Text, LinkError> {
    Text::decode(text).map_err(|error| LinkError::Text(part, error))
}
