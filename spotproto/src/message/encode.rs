//! Messages to frames. See docs/protocol.md, "Messages", for the byte tables.

use super::{Hello, MAX_FIRST, Message, Open, Opened, PieceRange, Read, Wanted, Welcome, WireMessage};
use crate::codec::Writer;
use crate::content::{FileId, HEAD_LEN_MAX, LeafRange};
use crate::frame::{MAX_BODY, kind, put, put_with};
use bytes::BytesMut;

/// Appends one message as one frame. Pieces don't come here: they are cut into fragments by the multiplexer.
pub(crate) fn encode(message: &WireMessage, out: &mut BytesMut) {
    match message {
        Message::Hello(hello) => put_with(out, kind::HELLO, 0, |out| put_hello(out, hello)),
        Message::Welcome(welcome) => put_with(out, kind::WELCOME, 0, |out| put_welcome(out, welcome)),
        Message::Open { channel, open } => put_with(out, kind::OPEN, *channel, |out| put_open(out, open)),
        Message::Opened { channel, opened } => {
            put_with(out, kind::OPENED, *channel, |out| put_opened(out, opened));
        }
        Message::Read { channel, read } => put_with(out, kind::READ, *channel, |out| put_read(out, read)),
        Message::Leaves { channel, leaves } => {
            put_with(out, kind::LEAVES, *channel, |out| leaves.encode(out));
        }
        Message::Piece { .. } => debug_assert!(false, "pieces are sent in fragments"),
        Message::End { channel } => put(out, kind::END, *channel, &[]),
        Message::Refuse { channel, why } => put(out, kind::REFUSE, *channel, &[*why as u8]),
        Message::Abort { channel } => put(out, kind::ABORT, *channel, &[]),
        Message::Playing { file } => put(out, kind::PLAYING, 0, &file.0),
    }
}

/// Whether a message can be sent at all. Judged by the most that it may take, since only headers come near the limit.
pub(crate) fn fits_a_frame(message: &WireMessage) -> bool {
    match message {
        Message::Opened { opened, .. } => {
            // Besides head and proofs: key, lease, two names, ranges, counts.
            let rest = 32 + 4 + 2 * (2 + 256) + 2 + MAX_FIRST * 16;
            let proofs: usize = opened.proofs.iter().map(proof_len).sum();
            opened.first.len().max(opened.proofs.len()) <= MAX_FIRST
                && HEAD_LEN_MAX + rest + proofs <= MAX_BODY
        }
        Message::Leaves { leaves, .. } => proof_len(leaves) <= MAX_BODY,
        _ => true,
    }
}

/// The most that a proof takes.
fn proof_len(proof: &LeafRange) -> usize {
    3 * 8 + 32 * (proof.leaves.len() + proof.uncles.len())
}

fn put_hello(out: &mut BytesMut, hello: &Hello) {
    Writer::new(out).bytes(&hello.link_key.0).u16(hello.port).counted(clipped(&hello.agent, 64));
}

fn put_welcome(out: &mut BytesMut, welcome: &Welcome) {
    Writer::new(out)
        .bytes(&welcome.pseudonym.0)
        .bytes(&welcome.issuer.0)
        .u64(welcome.now.0)
        .bytes(welcome.ticket.as_bytes());
}

fn put_open(out: &mut BytesMut, open: &Open<FileId>) {
    let mut writer = Writer::new(out);
    writer.u8(open.urgency as u8).u16(open.credit).u32(open.at_ms);
    match open.wanted {
        Wanted::Track(gid) => writer.u8(0).bytes(gid.as_bytes()),
        Wanted::File(file) => writer.u8(1).bytes(&file.0),
    };
}

fn put_opened(out: &mut BytesMut, opened: &Opened<FileId>) {
    opened.head.encode(out);
    let mut writer = Writer::new(out);
    writer.bytes(opened.key.expose()).u32(opened.lease_s);
    writer.counted(clipped(&opened.title, 256)).counted(clipped(&opened.artist, 256));
    writer.u8(opened.first.len() as u8);
    for range in &opened.first {
        put_range(&mut writer, *range);
    }
    writer.u8(opened.proofs.len() as u8);
    for proof in &opened.proofs {
        proof.encode(out);
    }
}

fn put_read(out: &mut BytesMut, read: &Read<FileId>) {
    let mut writer = Writer::new(out);
    writer.u8(read.urgency as u8).bytes(&read.file.0);
    put_range(&mut writer, read.pieces);
    if let Some(leaves) = read.leaves {
        put_range(&mut writer, leaves);
    }
}

fn put_range(writer: &mut Writer<'_, BytesMut>, range: PieceRange) {
    writer.varint(u64::from(range.start)).varint(u64::from(range.count));
}

/// Text cut to `limit` bytes at a character's edge: names are for eyes, so a long one is cut and not refused.
fn clipped(text: &str, limit: usize) -> &[u8] {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().as_bytes()
}
