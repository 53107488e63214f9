//! Where a file lies: `http` addresses, strictly read.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use core::error::Error;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use spotproto::content::FileId;

/// Longest address, in bytes.
pub const URL_LEN_MAX: usize = 2048;

/// Longest name of a host, in bytes (RFC 1035 §2.3.4).
const NAME_LEN_MAX: usize = 253;

/// Longest part of a host's name between two dots, in bytes.
const LABEL_LEN_MAX: usize = 63;

/// The port of `http` where none is named.
const PORT: u16 = 80;

/// Whom an address names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Host {
    /// A name to look up, in lower case.
    Name(Box<str>),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// An `http` address: host, port, and path with query.
///
/// Read strictly, since it ends in a request line: ASCII without space or control characters, no user name, no
/// fragment, no `.` or `..` segments, percent-encodings whole. What looks like a number is an IPv4 address of four
/// decimal parts or refused (`127.1` and `0x7f000001` mean something to some resolvers). At most [`URL_LEN_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Url {
    host: Host,
    port: u16,
    /// From the first slash on, with the query.
    path: Box<str>,
}

/// Why an address is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UrlError {
    /// It is longer than [`URL_LEN_MAX`].
    TooLong,
    /// It is `https`, which is not spoken here.
    Https,
    /// It begins with something else than `http://`.
    Scheme,
    /// It holds a user name or a password.
    UserInfo,
    /// The host is neither a name nor an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path holds a character that must not stand in a request line, or half a percent-encoding.
    Path,
    /// The path has a segment `.` or `..`, which servers and caches resolve in ways of their own.
    DotSegment,
    /// It has a fragment, which no server ever sees.
    Fragment,
}

impl Url {
    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, from the first slash on: the target of a request line.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are at the same host and port.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }

    /// `host:port`, as dialling takes it.
    #[must_use]
    pub fn authority(&self) -> Box<str> {
        format!("{}:{}", self.host, self.port).into_boxed_str()
    }

    /// Where `file` lies in the folder that this address names: its id, in 64 lower-case digits, behind the path. A
    /// query stays behind it.
    ///
    /// # Errors
    /// [`UrlError::TooLong`].
    pub fn of_file(&self, file: &FileId) -> Result<Self, UrlError> {
        let (folder, query) = self.path.split_at(self.path.find('?').unwrap_or(self.path.len()));
        let path = format!("{}/{file}{query}", folder.trim_end_matches('/'));
        self.with_path(&path)
    }

    /// Another path at the same host and port.
    pub(super) fn with_path(&self, path: &str) -> Result<Self, UrlError> {
        check_path(path)?;
        let url = Self { host: self.host.clone(), port: self.port, path: path.into() };
        if url.to_string().len() > URL_LEN_MAX { Err(UrlError::TooLong) } else { Ok(url) }
    }

    /// The address behind `//`.
    pub(super) fn behind_slashes(text: &str) -> Result<Self, UrlError> {
        let (authority, path) = text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()));
        let (host, port) = authority_of(authority)?;
        let root = Self { host, port, path: "/".into() };
        // `http://host?query` has an empty path, which a request line writes as a slash (RFC 9112 §3.2.1).
        if path.starts_with('/') { root.with_path(path) } else { root.with_path(&format!("/{path}")) }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > URL_LEN_MAX {
            return Err(UrlError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Self::behind_slashes(rest),
            _ if scheme.eq_ignore_ascii_case("https") => Err(UrlError::Https),
            _ => Err(UrlError::Scheme),
        }
    }
}

fn authority_of(text: &str) -> Result<(Host, u16), UrlError> {
    if text.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let end = if text.starts_with('[') { text.find(']').map(|at| at + 1) } else { text.find(':') };
    let (host, port) = text.split_at(end.unwrap_or(text.len()));
    let port = match port.strip_prefix(':') {
        Some(port) => port_of(port)?,
        None if port.is_empty() => PORT,
        None => return Err(UrlError::Host),
    };
    Ok((host_of(host)?, port))
}

fn port_of(text: &str) -> Result<u16, UrlError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    text.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)
}

fn host_of(text: &str) -> Result<Host, UrlError> {
    if let Some(inside) = text.strip_prefix('[') {
        let address = inside.strip_suffix(']').and_then(|address| address.parse().ok());
        return address.map(Host::V6).ok_or(UrlError::Host);
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    // As browsers do ("ends in a number", WHATWG URL §3.5).
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X") {
        return text.parse().map(Host::V4).map_err(|_| UrlError::Host);
    }
    if text.len() > NAME_LEN_MAX || !text.split('.').all(is_label) {
        return Err(UrlError::Host);
    }
    Ok(Host::Name(text.to_ascii_lowercase().into()))
}

fn is_label(label: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let edges = label.starts_with('-') || label.ends_with('-');
    !label.is_empty() && label.len() <= LABEL_LEN_MAX && label.bytes().all(letters) && !edges
}

fn check_path(text: &str) -> Result<(), UrlError> {
    if text.contains('#') {
        return Err(UrlError::Fragment);
    }
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let fine = match byte {
            b'%' => (0..2).all(|_| rest.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            // What RFC 3986 §2 has no use for.
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !fine {
            return Err(UrlError::Path);
        }
    }
    let folder = text.split('?').next().unwrap_or_default();
    if folder.split('/').any(is_dot_segment) { Err(UrlError::DotSegment) } else { Ok(()) }
}

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)?;
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the address is too long",
            Self::Https => {
                "https is not spoken here: the content is encrypted and proved already, so name it with http"
            }
            Self::Scheme => "an address begins with http://",
            Self::UserInfo => "an address must not hold a user name or password",
            Self::Host => "the address names no host",
            Self::Port => "a port is a number from 1 to 65535",
            Self::Path => "the path holds a character that must be percent-encoded",
            Self::DotSegment => "the path holds a segment . or ..",
            Self::Fragment => "the address has a fragment (#)",
        })
    }
}

impl Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_cut_into_its_parts() {
        let plain = url("HTTP://CDN.Example.ORG");
        assert_eq!(
            (plain.host(), plain.port(), plain.path()),
            (&Host::Name("cdn.example.org".into()), 80, "/")
        );
        let full = url("http://[2001:db8::1]:8080/a/b%20c?d=e");
        assert_eq!(full.host(), &Host::V6("2001:db8::1".parse().unwrap()));
        assert_eq!(
            (full.port(), full.path(), &*full.authority()),
            (8080, "/a/b%20c?d=e", "[2001:db8::1]:8080")
        );
        assert_eq!(url("http://192.0.2.7/x").host(), &Host::V4(Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(url("http://h?q").path(), "/?q");
        assert!(url("http://h:80/").is_beside(&plain_h()) && !url("http://h:81/").is_beside(&plain_h()));
    }

    fn plain_h() -> Url {
        url("http://h/else")
    }

    #[test]
    fn what_is_not_a_plain_http_address_is_refused_with_its_reason() {
        for (text, why) in [
            ("https://example.org/", UrlError::Https),
            ("ftp://example.org/", UrlError::Scheme),
            ("example.org/", UrlError::Scheme),
            ("http://user@example.org/", UrlError::UserInfo),
            ("http://user:word@example.org/", UrlError::UserInfo),
            ("http:///path", UrlError::Host),
            ("http://a..b/", UrlError::Host),
            ("http://-a/", UrlError::Host),
            ("http://127.1/", UrlError::Host),
            ("http://0x7f000001/", UrlError::Host),
            ("http://2130706433/", UrlError::Host),
            ("http://1.2.3.4.5/", UrlError::Host),
            ("http://[::1", UrlError::Host),
            ("http://[::1]x/", UrlError::Host),
            ("http://[fe80::1%25eth0]/", UrlError::Host),
            ("http://ex ample.org/", UrlError::Host),
            ("http://exämple.org/", UrlError::Host),
            ("http://h:/", UrlError::Port),
            ("http://h:0/", UrlError::Port),
            ("http://h:+80/", UrlError::Port),
            ("http://h:65536/", UrlError::Port),
            ("http://h/a b", UrlError::Path),
            ("http://h/a\r\nHost: evil", UrlError::Path),
            ("http://h/a\nb", UrlError::Path),
            ("http://h/\0", UrlError::Path),
            ("http://h/%4", UrlError::Path),
            ("http://h/%zz", UrlError::Path),
            ("http://h/é", UrlError::Path),
            ("http://h/a/../b", UrlError::DotSegment),
            ("http://h/a/%2E%2e", UrlError::DotSegment),
            ("http://h/a#b", UrlError::Fragment),
        ] {
            assert_eq!(text.parse::<Url>(), Err(why), "{text:?}");
        }
        let long = format!("http://h/{}", "a".repeat(URL_LEN_MAX));
        assert_eq!(long.parse::<Url>(), Err(UrlError::TooLong));
        assert!(UrlError::Https.to_string().contains("https is not spoken"));
    }

    #[test]
    fn a_file_lies_in_the_folder_under_its_id() {
        let file = FileId([0xab; 32]);
        let digits = "ab".repeat(32);
        for (base, path) in [
            ("http://h", format!("/{digits}")),
            ("http://h/", format!("/{digits}")),
            ("http://h/music", format!("/music/{digits}")),
            ("http://h/music/?key=1", format!("/music/{digits}?key=1")),
        ] {
            assert_eq!(url(base).of_file(&file).unwrap().path(), path, "{base}");
        }
        let long = url(&format!("http://h/{}", "a".repeat(URL_LEN_MAX - 20)));
        assert_eq!(long.of_file(&file), Err(UrlError::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_prints_back_to_itself(text in "(http://)?[a-z0-9.:/?%\\[\\]@#-]{0,40}|\\PC{0,40}") {
            if let Ok(url) = text.parse::<Url>() {
                prop_assert_eq!(url.to_string().parse::<Url>(), Ok(url.clone()));
                prop_assert!(url.path().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(url.authority().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
