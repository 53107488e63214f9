//! What is asked, and how it is put on the line.

use super::refusal::Refusal;
use super::target::Target;
use super::url::Url;
use crate::RequestId;
use bytes::{BufMut, BytesMut};
use core::fmt::Write;
use core::ops::Range;
use spotproto::content::Geometry;

/// Pieces of a file, to be had from a web server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Get {
    /// Comes back with every output that answers it.
    pub request: RequestId,
    /// Where the file lies.
    pub target: Target,
    /// The lengths of the file, as its head says them.
    pub geometry: Geometry,
    /// The pieces, at least one.
    pub pieces: Range<u32>,
}

impl Get {
    /// The bytes of the file that hold the pieces.
    pub(super) fn bytes(&self) -> Range<u64> {
        let last = self.pieces.end.saturating_sub(1);
        self.geometry.piece(self.pieces.start).start..self.geometry.piece(last).end
    }

    /// Whether it makes sense on a connection to where `origin` is.
    pub(super) fn check(&self, origin: &Url) -> Result<(), Refusal> {
        if self.pieces.is_empty() || self.pieces.end > self.geometry.pieces() {
            return Err(Refusal::NoSuchPieces);
        }
        if self.target.url().is_beside(origin) { Ok(()) } else { Err(Refusal::OtherHost) }
    }

    /// The request. Nothing in it needs escaping: see [`Url`].
    pub(super) fn write(&self, wire: &mut BytesMut) {
        let url = self.target.url();
        let bytes = self.bytes();
        let last = bytes.end.saturating_sub(1);
        wire.reserve(url.path().len() + 256);
        wire.put_slice(b"GET ");
        wire.put_slice(url.path().as_bytes());
        // The port is left out where it is that of the scheme (RFC 9110 §7.2).
        let _ = match url.port() {
            80 => write!(wire, " HTTP/1.1\r\nHost: {}\r\n", url.host()),
            port => write!(wire, " HTTP/1.1\r\nHost: {}:{port}\r\n", url.host()),
        };
        let _ = write!(wire, "Range: bytes={}-{last}\r\n", bytes.start);
        // Ciphertext does not compress, and a range of a compressed form is a range of something else.
        wire.put_slice(b"Accept-Encoding: identity\r\n");
        wire.put_slice(concat!("User-Agent: spotp2p/", env!("CARGO_PKG_VERSION"), "\r\n\r\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::content::PIECE_LEN;

    fn get(url: &str, pieces: Range<u32>) -> Get {
        let geometry = Geometry::of_ciphertext(2 * PIECE_LEN as u64 + 100).unwrap();
        Get { request: RequestId(1), target: Target::new(url.parse().unwrap()), geometry, pieces }
    }

    fn written(get: &Get) -> alloc::string::String {
        let mut wire = BytesMut::new();
        get.write(&mut wire);
        alloc::string::String::from_utf8(wire.to_vec()).unwrap()
    }

    #[test]
    fn a_request_names_the_last_byte_and_not_the_one_behind_it() {
        let text = written(&get("http://h/a?b", 1..3));
        assert!(text.starts_with("GET /a?b HTTP/1.1\r\nHost: h\r\nRange: bytes=16384-32867\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
        assert!(written(&get("http://[::1]:81/", 0..1)).contains("\r\nHost: [::1]:81\r\n"));
    }

    #[test]
    fn pieces_that_the_file_has_not_are_not_asked_for() {
        let origin: Url = "http://h/".parse().unwrap();
        let other: Url = "http://h:81/".parse().unwrap();
        assert_eq!(get("http://h/a", 0..3).check(&origin), Ok(()));
        #[expect(clippy::reversed_empty_ranges)]
        for pieces in [0..0, 2..4, 2..1] {
            assert_eq!(get("http://h/a", pieces).check(&origin), Err(Refusal::NoSuchPieces));
        }
        assert_eq!(get("http://h/a", 0..1).check(&other), Err(Refusal::OtherHost));
    }
}
