//! The frame: what a record is full of.
//!
//! `kind u8 | channel varint | length u16 | body`. See docs/protocol.md, "Frames".

use crate::codec::{CodecError, Reader, varint_len};
use bytes::{BufMut, BytesMut};

/// Kinds of frame. The top bit marks what a receiver that doesn't know it may skip.
pub mod kind {
    /// Measures the round trip and keeps the line alive: 8 bytes to be echoed.
    pub const PING: u8 = 0x01;
    /// The echo of a ping.
    pub const PONG: u8 = 0x02;
    /// The sender's next record is sealed under the rekeyed key.
    pub const REKEY: u8 = 0x03;
    /// The last frame of a connection: a close code.
    pub const CLOSE: u8 = 0x04;

    /// Begins a piece: index and length as varints, then its first bytes.
    pub const PIECE: u8 = 0x10;
    /// Goes on with the piece of the same channel.
    pub const REST: u8 = 0x11;
    /// The answer is complete.
    pub const END: u8 = 0x12;
    /// The answer is refused or breaks off: a code.
    pub const REFUSE: u8 = 0x13;
    /// The requester wants no more of it.
    pub const ABORT: u8 = 0x14;

    /// Logs in.
    pub const HELLO: u8 = 0x20;
    /// Answers a hello.
    pub const WELCOME: u8 = 0x21;

    /// Asks for a new ticket.
    pub const RENEW: u8 = 0x22;
    /// Answers a renew.
    pub const RENEWED: u8 = 0x23;
    /// What a client can serve, and what no more.
    pub const HOLDING: u8 = 0x24;
    /// Asks who holds a file.
    pub const FIND_PEERS: u8 = 0x25;
    /// Names peers that hold it.
    pub const PEERS: u8 = 0x26;
    /// Asks for links to peers.
    pub const CONNECT: u8 = 0x27;
    /// Has both sides of a link dial.
    pub const DIAL: u8 = 0x28;
    /// Whether the link came about.
    pub const DIALLED: u8 = 0x29;
    /// What the other side of a link did wrong.
    pub const REPORT: u8 = 0x2a;

    /// The first word of both sides of a link.
    pub const GREETING: u8 = 0x30;
    /// Asks a peer for a slot.
    pub const WANT: u8 = 0x31;
    /// Where a want stands.
    pub const SLOT: u8 = 0x32;
    /// Asks neighbours who holds a file.
    pub const QUERY: u8 = 0x33;
    /// Answers a query.
    pub const HIT: u8 = 0x34;

    /// Asks for a track: what a player needs and the first pieces.
    pub const OPEN: u8 = 0x40;
    /// Answers an open.
    pub const OPENED: u8 = 0x41;
    /// Asks for pieces.
    pub const READ: u8 = 0x42;
    /// Proves pieces.
    pub const LEAVES: u8 = 0x43;
    /// Where a CDN keeps the file.
    pub const MIRRORS: u8 = 0x44;

    /// This client plays a file from what it holds.
    pub const PLAYING: u8 = 0x80;

    /// Marks kinds that may be skipped.
    pub const OPTIONAL: u8 = 0x80;
}

/// Longest body of a frame.
pub const MAX_BODY: usize = 16 * 1024;

/// A frame read from a record.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// One of [`kind`].
    pub kind: u8,
    /// The request that it belongs to; 0 for the connection itself.
    pub channel: u32,
    /// The rest.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the next frame.
    ///
    /// # Errors
    /// If the bytes end early or a length is over its limit.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let kind = reader.u8()?;
        let channel = reader.varint_u32("channel")?;
        let length = usize::from(reader.u16()?);
        if length > MAX_BODY {
            return Err(CodecError::TooLong("frame"));
        }
        Ok(Self { kind, channel, body: reader.bytes(length)? })
    }
}

/// Bytes in front of a frame's body.
#[must_use]
pub const fn header_len(channel: u32) -> usize {
    1 + varint_len(channel as u64) + 2
}

/// Writes a frame whose body is known.
pub(crate) fn put(out: &mut BytesMut, kind: u8, channel: u32, body: &[u8]) {
    put_header(out, kind, channel, body.len());
    out.put_slice(body);
}

/// Writes the header of a frame whose body, of `length` bytes, the caller writes next.
pub(crate) fn put_header(out: &mut BytesMut, kind: u8, channel: u32, length: usize) {
    debug_assert!(length <= MAX_BODY);
    let mut writer = crate::codec::Writer::new(out);
    writer.u8(kind).varint(u64::from(channel)).u16(length as u16);
}

/// Writes a frame whose length shows only once its body is written.
pub(crate) fn put_with(out: &mut BytesMut, kind: u8, channel: u32, body: impl FnOnce(&mut BytesMut)) {
    put_header(out, kind, channel, 0);
    let start = out.len();
    body(out);
    let length = (out.len() - start) as u16;
    if let Some(place) = out.get_mut(start - 2..start) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: [u32; 5] = [0, 63, 64, 20_000, u32::MAX];

    fn read(bytes: &[u8]) -> Result<(Frame<'_>, usize), CodecError> {
        let mut reader = Reader::new(bytes);
        let frame = Frame::read(&mut reader)?;
        Ok((frame, reader.rest().len()))
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_takes_what_its_header_says() {
        for channel in CHANNELS {
            let mut out = BytesMut::from("before");
            put(&mut out, kind::REST, channel, b"body");
            assert_eq!(out.len(), 6 + header_len(channel) + 4);
            out.put_slice(b"next");
            let (frame, left) = read(&out[6..]).unwrap();
            assert_eq!((frame.kind, frame.channel, frame.body, left), (kind::REST, channel, &b"body"[..], 4));
        }
    }

    #[test]
    fn a_length_that_shows_late_is_written_as_one_that_is_known() {
        for channel in CHANNELS {
            for length in [0, 1, 255, 256, MAX_BODY] {
                let body = alloc::vec![7; length];
                let [mut early, mut late] = [BytesMut::from("before"), BytesMut::from("before")];
                put(&mut early, kind::PIECE, channel, &body);
                put_with(&mut late, kind::PIECE, channel, |out| out.put_slice(&body));
                assert_eq!(early, late, "{channel} {length}");
            }
        }
    }

    #[test]
    fn a_body_of_sixteen_kibibytes_is_read_and_a_longer_one_is_not() {
        let wire = |length: u16| [&[kind::REST, 0][..], &length.to_be_bytes(), &[7; 16_385]].concat();
        assert_eq!(read(&wire(16_384)).map(|(frame, left)| (frame.body.len(), left)), Ok((16_384, 1)));
        assert_eq!(read(&wire(16_385)).err(), Some(CodecError::TooLong("frame")));
        assert_eq!(read(&wire(u16::MAX)).err(), Some(CodecError::TooLong("frame")));
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        let mut out = BytesMut::new();
        put(&mut out, kind::REST, 300, b"body");
        for length in 0..out.len() {
            assert!(read(&out[..length]).is_err(), "{length}");
        }
    }
}
