//! The head of an answer: found, parsed, and reduced to what matters here.

use super::body::Body;
use super::chunked::Chunked;
use super::error::Broken;
use super::fields::{ContentRange, lists, number, retry_after};
use super::limits::{HEADERS_MAX, Limits};
use alloc::boxed::Box;
use core::time::Duration;
use httparse::{EMPTY_HEADER, Error, Header, Response, Status};

/// What every answer that is understood here begins with.
const BEGINNING: &[u8] = b"HTTP/1.";

/// An answer's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// The connection may be used again after this answer.
    pub(super) keeps: bool,
    pub(super) body: Body,
    /// The body is compressed.
    pub(super) encoded: bool,
    pub(super) range: Option<ContentRange>,
    pub(super) location: Option<Box<[u8]>>,
    pub(super) retry_after: Option<Duration>,
}

/// Finds the end of a head in bytes that are offered again and again, each looked at once.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// Bytes without an end in them.
    searched: usize,
}

impl Finder {
    /// Whether some of a head has come.
    pub(super) const fn has_begun(&self) -> bool {
        self.searched > 0
    }

    /// The head at the front of `wire` and its length; `None` while it is incomplete.
    pub(super) fn find(&mut self, wire: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, Broken> {
        if !wire.iter().zip(BEGINNING).all(|(byte, wanted)| byte == wanted) {
            return Err(Broken::NotHttp);
        }
        let within = wire.get(..limits.head).unwrap_or(wire);
        let Some(length) = end(within, self.searched) else {
            self.searched = within.len();
            return if within.len() < limits.head { Ok(None) } else { Err(Broken::LongHead) };
        };
        self.searched = 0;
        Head::parse(within.get(..length).unwrap_or_default(), limits).map(|head| Some((head, length)))
    }
}

/// Where the first empty line ends, searched for from shortly before `from` on.
fn end(wire: &[u8], from: usize) -> Option<usize> {
    // Two line feeds with a carriage return between them or none.
    let from = from.saturating_sub(2);
    let mut feeds = wire.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let mut last = feeds.next()?;
    for feed in feeds {
        if matches!(wire.get(last + 1..feed), Some([] | [b'\r'])) {
            return Some(feed + 1);
        }
        last = feed;
    }
    None
}

impl Head {
    fn parse(wire: &[u8], limits: &Limits) -> Result<Self, Broken> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = Response::new(&mut headers);
        match response.parse(wire) {
            // A head that ends before its empty line would leave the rest of it to be taken for a body.
            Ok(Status::Complete(length)) if length == wire.len() => {}
            Ok(_) => return Err(Broken::Head),
            Err(Error::TooManyHeaders) => return Err(Broken::ManyHeaders),
            Err(_) => return Err(Broken::Head),
        }
        let (Some(status), Some(version)) = (response.code, response.version) else {
            return Err(Broken::Head);
        };
        let fields = Fields(response.headers);
        let body = fields.body(status, version)?;
        let keeps = if version == 0 { fields.any("connection", "keep-alive") } else { true };
        Ok(Self {
            status,
            keeps: keeps && !fields.any("connection", "close") && body != Body::UntilClose,
            body,
            encoded: fields.named("content-encoding").any(|value| !value.eq_ignore_ascii_case(b"identity")),
            range: fields.only("content-range").and_then(ContentRange::parse),
            location: fields.only("location").map(Into::into),
            retry_after: fields
                .only("retry-after")
                .and_then(|value| retry_after(value, fields.only("date"), limits.retry_after)),
        })
    }
}

struct Fields<'a>(&'a [Header<'a>]);

impl<'a> Fields<'a> {
    fn named(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The field's value, unless it comes twice.
    fn only(&self, name: &'static str) -> Option<&'a [u8]> {
        let mut values = self.named(name);
        values.next().filter(|_| values.next().is_none())
    }

    fn any(&self, name: &'static str, token: &str) -> bool {
        self.named(name).any(|value| lists(value, token))
    }

    /// RFC 9112 §6.3; where it lets a client guess, this one refuses.
    fn body(&self, status: u16, version: u8) -> Result<Body, Broken> {
        let mut lengths = self.named("content-length").map(number);
        let length = lengths.next();
        if length.is_some_and(|length| length.is_none() || lengths.any(|other| other != length)) {
            return Err(Broken::Framing);
        }
        let mut codings = self.named("transfer-encoding");
        let coding = codings.next();
        if status < 200 || status == 204 || status == 304 {
            return Ok(Body::Length(0));
        }
        match (coding, length.flatten()) {
            (Some(_), Some(_)) => Err(Broken::Framing),
            (Some(_), None) if version == 0 => Err(Broken::Framing),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() => {
                Ok(Body::Chunked(Chunked::new()))
            }
            (Some(_), None) => Err(Broken::Coding),
            (None, Some(length)) => Ok(Body::Length(length)),
            (None, None) => Ok(Body::UntilClose),
        }
    }
}
